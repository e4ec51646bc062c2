//! Measurements that anybody can repeat: real nodes in this one process, over loopback, in a temporary folder.
//!
//! Nothing is replaced: libp2p over TCP with its handshakes, a redb file a node, every signature, the local API. Every answer is
//! checked against the plain sum; a measurement of a wrong answer is an error.
//!
//! A measurement is a file here, with its options and its one [`Measurement`], and a line in `cli/bench.rs`.

mod concurrent;
mod deadline;
mod error;
mod network;
mod question;
mod report;

use std::path::PathBuf;
use std::time::Duration;

pub use concurrent::Concurrent;
pub use deadline::Deadline;
pub use error::BenchError;
pub use report::{Report, Series, Unit};

/// Where and how often something is measured.
pub struct Ground<'a> {
    /// How often each thing is measured.
    pub runs: usize,
    /// Where the nodes' homes lie; the system's temporary folder where it is not said.
    pub homes: Option<PathBuf>,
    /// Hears what goes on, a line at a time.
    pub note: &'a dyn Fn(String),
}

/// Something that can be measured.
pub trait Measurement: Sized {
    /// The same on a smaller scale, for a first look: it takes some seconds.
    fn small() -> Self;

    /// Measures it.
    ///
    /// # Errors
    /// See [`BenchError`]; `WrongAnswer` is the one that must never happen.
    fn measure(&self, ground: &Ground<'_>) -> impl Future<Output = Result<Report, BenchError>>;
}

/// The processor time that this process has taken so far, all threads together.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}
