//! Why a command ends without doing its work: for people in words, for programs by code and exit status.

use crate::config::ConfigError;
use crate::control::{ApiError, ClientError};

/// The exit codes of `docs/CLI.md`; 0 is success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Failed or refused.
    Refused = 1,
    /// Wrong usage, also a value of the wrong form.
    Usage = 2,
    /// No such node or computation, or no node running.
    NotFound = 3,
    /// The computation failed.
    ComputationFailed = 4,
    /// Timed out waiting.
    TimedOut = 5,
}

/// What went wrong, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// A word for programs.
    pub code: String,
    /// What is wrong, with the value.
    pub message: String,
    /// What to do next; never empty.
    pub hint: String,
    /// Where a name fits several things: these.
    pub candidates: Vec<String>,
    /// How the process ends.
    pub exit: Exit,
}

impl Exit {
    /// The status of the process.
    pub const fn code(self) -> u8 {
        self as u8
    }

    const fn of_api(code: u8) -> Self {
        match code {
            2 => Self::Usage,
            3 => Self::NotFound,
            4 => Self::ComputationFailed,
            5 => Self::TimedOut,
            _ => Self::Refused,
        }
    }
}

impl Problem {
    /// A problem; `hint` says what to do next.
    pub fn new(exit: Exit, code: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        let (message, hint) = (message.into(), hint.into());
        Self { code: code.to_owned(), message, hint, candidates: Vec::new(), exit }
    }

    /// What was typed is not what the command takes.
    pub fn usage(code: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Exit::Usage, code, message, hint)
    }

    /// A file of this machine could not be read or written.
    pub fn file(doing: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        let message = format!("cannot {doing} {}: {error}", path.display());
        Self::new(Exit::Refused, "file", message, "check the path, its permissions and the free space there")
    }

    /// Several nodes fit, and one is needed. Each is described by its UID and, in brackets, what else is known; programs
    /// get the UIDs.
    pub fn ambiguous_node(message: impl Into<String>, described: &[String]) -> Self {
        let hint = format!("name one of them with --node: {}", described.join(", "));
        let uids = described.iter().filter_map(|one| one.split_whitespace().next());
        let candidates = uids.map(str::to_owned).collect();
        Self { candidates, ..Self::usage("ambiguous_node", message, hint) }
    }

    /// Nobody to ask.
    pub fn no_node_running() -> Self {
        Self::new(
            Exit::NotFound,
            "no_node_running",
            "no node of this home is running",
            "start one with `formix-p2p start --role light`, or name another home with --home",
        )
    }
}

impl From<ApiError> for Problem {
    fn from(error: ApiError) -> Self {
        let ApiError { code, message, hint, exit } = error;
        Self { code, message, hint, candidates: Vec::new(), exit: Exit::of_api(exit) }
    }
}

impl From<ClientError> for Problem {
    fn from(error: ClientError) -> Self {
        let message = error.to_string();
        match error {
            ClientError::Refused(error) => error.into(),
            ClientError::NotRunning(_) => Self::no_node_running(),
            ClientError::Open { .. } => {
                Self::new(Exit::Refused, "control_socket", message, "run the command as the node's owner")
            }
            ClientError::Broken(_) => Self::new(
                Exit::Refused,
                "node_broke_off",
                message,
                "see `formix-p2p logs`; start the node again if it has ended",
            ),
            ClientError::TimedOut => Self::new(
                Exit::TimedOut,
                "node_silent",
                message,
                "see `formix-p2p logs`; the node may be overloaded",
            ),
            ClientError::Malformed(_) => Self::new(
                Exit::Refused,
                "version_mismatch",
                message,
                "stop the node and start it with this version of formix-p2p",
            ),
        }
    }
}

impl From<ConfigError> for Problem {
    fn from(error: ConfigError) -> Self {
        let (message, hint) = (error.to_string(), error.hint());
        match error {
            ConfigError::Io { .. } | ConfigError::NoPort(_) => {
                Self::new(Exit::Refused, "config", message, hint)
            }
            ConfigError::Invalid { .. } | ConfigError::Environment { .. } => {
                Self::usage("config", message, hint)
            }
            ConfigError::RoleMissing => Self::usage("role_missing", message, hint),
            ConfigError::RoleChanged { .. } => Self::usage("role_changed", message, hint),
            ConfigError::Name(_) => Self::usage("invalid_name", message, hint),
            ConfigError::TooManySources(_) => Self::usage("invalid_source", message, hint),
        }
    }
}
