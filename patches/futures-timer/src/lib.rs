//! The timers of libp2p, on tokio's clock.
//!
//! libp2p times its streams with the crate of this name, which keeps them in a thread of its own. Every message makes two timers and
//! drops them, and that thread is woken for it: a quarter of the system calls of a node that exchanges messages, and three quarters of
//! the switches between its threads. Here a timer is one of tokio's, which a node has anyway; the names are those that libp2p calls.
//! Timers must be made where a tokio runtime runs.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

/// Ready once its time is over.
pub struct Delay(Pin<Box<Sleep>>);

impl Delay {
    /// Ready so long from now.
    pub fn new(duration: Duration) -> Self {
        Self(Box::pin(sleep(duration)))
    }

    /// Ready so long from now, whatever was said before.
    pub fn reset(&mut self, duration: Duration) {
        self.0.as_mut().reset(Instant::now() + duration);
    }
}

impl Future for Delay {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delay").finish_non_exhaustive()
    }
}
