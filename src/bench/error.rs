//! Why something was not measured.

use std::path::PathBuf;

use crate::control::ApiError;
use crate::home::HomeError;
use crate::node::StartError;

/// Why something was not measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The nodes' homes cannot be made.
    #[error("cannot make a folder for the nodes in {}: {reason}", path.display())]
    Homes {
        /// Where.
        path: PathBuf,
        /// What the operating system said.
        reason: std::io::Error,
    },
    /// A node has no identity.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A node does not start.
    #[error("{name} does not start: {reason}")]
    Start {
        /// Which.
        name: String,
        /// Why.
        reason: Box<StartError>,
    },
    /// A node ended while it was measured.
    #[error("{0} ended while it was measured")]
    Gone(String),
    /// Nodes did not connect in time.
    #[error("after {seconds} s {name} is connected to {found} of {expected} nodes")]
    NotMet {
        /// Which.
        name: String,
        /// How many it is connected to.
        found: usize,
        /// How many it should be connected to.
        expected: usize,
        /// For how long it was waited.
        seconds: u64,
    },
    /// Nodes did not hear of each other in time.
    #[error("after {seconds} s {name} has heard of {found} of {expected} nodes")]
    NotAcquainted {
        /// Which.
        name: String,
        /// Of how many it has heard, itself included.
        found: usize,
        /// Of how many it should have heard.
        expected: usize,
        /// For how long it was waited.
        seconds: u64,
    },
    /// A node refused.
    #[error(transparent)]
    Refused(#[from] ApiError),
    /// A question that cannot be asked.
    #[error("`{0}` is no statistic whose answer is checked here")]
    Statistic(String),
    /// A computation gave another answer than the plain one.
    #[error("{id}: {name} says {said}, but the plain answer is {expected}")]
    WrongAnswer {
        /// Which computation.
        id: String,
        /// Which node says so.
        name: String,
        /// What it says.
        said: String,
        /// What is true.
        expected: String,
    },
    /// A computation failed that should not have.
    #[error("{id} failed at {name}: {reason}")]
    Failed {
        /// Which computation.
        id: String,
        /// Which node says so.
        name: String,
        /// Why.
        reason: String,
    },
    /// A computation did not end at a node.
    #[error("{id} has not ended at {name} after {seconds} s")]
    NotEnded {
        /// Which computation.
        id: String,
        /// At which node.
        name: String,
        /// For how long it was waited.
        seconds: u64,
    },
    /// Not even the longest deadline was long enough.
    #[error("with a deadline of {longest_ms} ms not all {lights} light nodes are counted: {reason}")]
    NoDeadline {
        /// The longest that was tried.
        longest_ms: u64,
        /// How many light nodes there are.
        lights: usize,
        /// What became of it.
        reason: String,
    },
}

impl BenchError {
    /// A word for programs.
    pub fn code(&self) -> &str {
        match self {
            Self::Homes { .. } | Self::Home(_) => "file",
            Self::Start { .. } => "not_started",
            Self::Gone(_) => "node_broke_down",
            Self::NotMet { .. } | Self::NotAcquainted { .. } | Self::NotEnded { .. } => "timed_out",
            Self::Refused(error) => &error.code,
            Self::Statistic(_) => "invalid_statistic",
            Self::WrongAnswer { .. } => "wrong_answer",
            Self::Failed { .. } => "computation_failed",
            Self::NoDeadline { .. } => "deadline_too_short",
        }
    }

    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Homes { .. } => "give a folder that can be written with --homes".to_owned(),
            Self::Home(_) => "see why /dev/urandom cannot be read".to_owned(),
            Self::Start { reason, .. } => reason.hint(),
            Self::Gone(_) => "run it again with -v".to_owned(),
            Self::NotMet { .. } | Self::NotAcquainted { .. } => {
                "does a firewall forbid TCP on the loopback interface? how many open files does `ulimit -n` allow? \
                 else ask for fewer nodes with --light"
                    .to_owned()
            }
            Self::Refused(error) => error.hint.clone(),
            Self::Statistic(_) => "give --statistic sum, count, mean or univariate".to_owned(),
            Self::WrongAnswer { .. } => "please report this: it must never happen".to_owned(),
            Self::Failed { .. } | Self::NotEnded { .. } | Self::NoDeadline { .. } => {
                "is the machine busy with something else? else ask for less: --light, --computations".to_owned()
            }
        }
    }
}
