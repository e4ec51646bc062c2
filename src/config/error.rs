//! What can be wrong with settings, and where.

use std::path::PathBuf;

use crate::domain::limits::{LITERAL_BYTES_MAX, SOURCES_MAX};
use crate::domain::{DecimalError, QueryError, Role};

/// Why settings cannot be used. No variant shows a private value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read or written.
    #[error("cannot use {}: {reason}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        reason: String,
    },
    /// A misspelt key, a wrong type, or not TOML.
    #[error("{}, line {line}{}: {reason}", path.display(), in_key(key))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// Where it stands, such as `policy.preset`; empty at the top.
        key: String,
        /// What is wrong, with the known keys where one is unknown.
        reason: String,
    },
    /// An environment variable that does not fit.
    #[error("the environment variable {variable}: {reason}")]
    Environment {
        /// Its name.
        variable: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Nobody said what the node is.
    #[error("a new node needs a role")]
    RoleMissing,
    /// A node does not change its role.
    #[error("this node is {is}, not {asked}")]
    RoleChanged {
        /// What it was made as.
        is: Role,
        /// What was asked for.
        asked: Role,
    },
    /// A name that cannot be shown.
    #[error("`{0}` is not a name: 1 to 32 characters, no control characters")]
    Name(String),
    /// More sources than a node may declare.
    #[error("{0} sources are declared; a node has at most {SOURCES_MAX}")]
    TooManySources(usize),
    /// No port is free for both TCP and UDP.
    #[error("no port from {0} upwards is free for TCP and UDP")]
    NoPort(u16),
}

/// Why a private value cannot be kept. It never shows the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// No `=`.
    #[error("private values are given as FIELD=VALUE, such as age=41")]
    NotAnAssignment,
    /// Not a field's name.
    #[error(transparent)]
    Field(Box<QueryError>),
    /// Not a value.
    #[error("the value of `{field}` cannot be kept: {reason}")]
    Value {
        /// Which field.
        field: String,
        /// Why.
        reason: ValueError,
    },
    /// Two values for one field.
    #[error("the field `{0}` has two values")]
    Twice(String),
}

/// Why a text is no private value. It does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Not in quotes, and not a number.
    #[error(transparent)]
    Number(DecimalError),
    /// NaN or an infinity.
    #[error("not a finite number; leave the field out where there is none")]
    NotFinite,
    /// What could steer a terminal.
    #[error("it has control characters")]
    ControlCharacter,
    /// Longer than all of standard input may be.
    #[error("it has more than {LITERAL_BYTES_MAX} bytes")]
    TooLong,
}

impl ConfigError {
    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Io { .. } => "check the path, its permissions and the free space there".to_owned(),
            Self::Invalid { .. } => {
                "correct the line; config/heavy.toml and config/light.toml are commented examples".to_owned()
            }
            Self::Environment { variable, .. } => format!("correct {variable}, or unset it"),
            Self::RoleMissing => "say --role heavy or --role light".to_owned(),
            Self::RoleChanged { asked, .. } => {
                format!("make another node: formix-p2p start --new --role {asked}")
            }
            Self::Name(_) => "choose another --name".to_owned(),
            Self::TooManySources(_) => "join some into one file, or by one query".to_owned(),
            Self::NoPort(_) => "name a port: --listen /ip4/0.0.0.0/tcp/PORT".to_owned(),
        }
    }
}

fn in_key(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!(", `{key}`") }
}
