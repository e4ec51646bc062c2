//! Putting questions to a person on a terminal, which gets its cursor back whatever happens.

use std::io;

use console::Term;
use tokio::signal::unix::{SignalKind, signal};

/// What a shell says of a process that Ctrl-C has ended.
pub(super) const INTERRUPTED: i32 = 130;

/// Asks in a place where blocking is fine. Ctrl-C ends the process, then and later.
///
/// # Errors
/// What the terminal says when it goes away.
pub fn ask<T>(questions: impl FnOnce() -> dialoguer::Result<T>) -> dialoguer::Result<T> {
    // Where signals cannot be heard they end the process themselves, with the cursor hidden.
    if let Ok(mut interrupt) = signal(SignalKind::interrupt()) {
        tokio::spawn(async move {
            interrupt.recv().await;
            leave()
        });
    }
    // The runtime has other work only in other threads.
    let answer = tokio::task::block_in_place(questions);
    match answer {
        Err(dialoguer::Error::IO(error)) if error.kind() == io::ErrorKind::Interrupted => leave(),
        answer => answer,
    }
}

fn leave() -> ! {
    // A terminal that has gone needs no cursor.
    let _ = Term::stderr().show_cursor();
    std::process::exit(INTERRUPTED)
}
