//! What can be wrong with logging.

use std::path::PathBuf;

/// Why there is no log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TelemetryError {
    /// A text that says no levels.
    #[error("{source_name}=`{text}` is not understood: {reason}")]
    BadFilter {
        /// `RUST_LOG`, or `log` in a configuration file.
        source_name: &'static str,
        /// What it says.
        text: String,
        /// What is wrong.
        reason: String,
    },
    /// The log file cannot be written or read.
    #[error("cannot use the log {}: {reason}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        reason: String,
    },
    /// This process logs already.
    #[error("logging has already begun in this process")]
    AlreadyStarted,
}

impl TelemetryError {
    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::BadFilter { .. } => {
                "use a level (error, warn, info, debug, trace, off) or target=level, such as \
                 RUST_LOG=warn,formix_p2p=debug"
                    .to_owned()
            }
            Self::Io { .. } => "check the permissions and the free space there".to_owned(),
            Self::AlreadyStarted => "start it once, at the beginning".to_owned(),
        }
    }

    pub(super) fn io(path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), reason: error.to_string() }
    }
}
