//! What a node says while it runs: for people on the terminal, for programs as lines of JSON in `logs.log`.
//!
//! `RUST_LOG` sets the level of both alike. No private value appears at any level: what holds one prints
//! `<redacted>`.

mod error;
mod file;
mod json;
mod levels;
mod read;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use tracing::Subscriber;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry};

pub use error::TelemetryError;
pub use levels::Verbosity;
pub use read::{LogLine, LogQuery, LogReader, read_log};

use crate::domain::Timestamp;
use crate::domain::limits::LOG_BYTES_MAX;
use file::{RotatingFile, path_of};
use json::JsonLines;

/// Whether people look at standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminal {
    /// Short lines, UTC; in colour where standard error is a terminal and `NO_COLOR` is not set.
    Human,
    /// Nothing.
    Off,
}

/// Held until the process ends; then what was logged is on the disk.
#[derive(Debug)]
#[must_use = "dropping it at once leaves the end of the log unflushed"]
pub struct Guard {
    file: Option<Arc<Mutex<RotatingFile>>>,
}

/// Begins to log for this process: into `logs.log` in a node's folder, if one is given, and to the terminal.
///
/// # Errors
/// `BadFilter` for a `RUST_LOG` that is not understood, `Io`, or `AlreadyStarted`.
pub fn start(
    folder: Option<&Path>,
    terminal: Terminal,
    verbosity: &Verbosity,
) -> Result<Guard, TelemetryError> {
    let rust_log = std::env::var_os("RUST_LOG").map(|text| text.to_string_lossy().into_owned());
    let (subscriber, guard) = subscriber(folder, terminal, rust_log.as_deref(), verbosity)?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| TelemetryError::AlreadyStarted)?;
    log_panics();
    Ok(guard)
}

fn subscriber(
    folder: Option<&Path>,
    terminal: Terminal,
    rust_log: Option<&str>,
    verbosity: &Verbosity,
) -> Result<(impl Subscriber + Send + Sync + use<>, Guard), TelemetryError> {
    let filter = levels::filter(rust_log, verbosity)?;
    // Which part of a program speaks is for those who look closely.
    let closely = rust_log.is_some() || matches!(verbosity, Verbosity::Debug | Verbosity::Trace);
    let file = folder.map(|folder| {
        let opened = RotatingFile::open(folder, LOG_BYTES_MAX);
        opened
            .map(|file| Arc::new(Mutex::new(file)))
            .map_err(|error| TelemetryError::io(&path_of(folder, 0), &error))
    });
    let file = file.transpose()?;
    let for_people = match terminal {
        Terminal::Human => Some(
            tracing_subscriber::fmt::layer()
                .compact()
                .with_timer(Utc)
                .with_target(closely)
                .with_writer(std::io::stderr)
                .with_ansi(std::io::stderr().is_terminal() && !no_color())
                .boxed(),
        ),
        Terminal::Off => None,
    };
    let for_programs = file.clone().map(JsonLines::new);
    Ok((Registry::default().with(filter).with(for_programs).with(for_people), Guard { file }))
}

/// As <https://no-color.org> says: set, and not empty.
fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// A detached node's panic would be seen nowhere else. Its place is logged, not its words, which may be anybody's.
fn log_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a part of this process panicked");
        before(panic);
    }));
}

struct Utc;

impl FormatTime for Utc {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write!(writer, "{}", Timestamp::from(SystemTime::now()))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            // Lines are written as they come; this only hurries them on. A failure loses nothing that is not lost.
            let _ = file.lock().unwrap_or_else(PoisonError::into_inner).sync();
        }
    }
}
