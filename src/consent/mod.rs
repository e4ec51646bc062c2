//! Whether a light node answers a question unattended. Pure: policy, ledger and computation in, decision out.

mod sets;

pub use sets::{difference, is_revealing};

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::limits::{GUARDED_ANSWERS_PER_DAY, POLICY_MIN_PARTICIPANTS};
use crate::domain::{Computation, PeerId, Timestamp};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A named set of rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// Enough participants, a trusted heavy node, not too often; otherwise the owner is asked.
    #[default]
    Guarded,
    /// Enough participants. For demonstrations and networks whose every node is yours.
    Open,
}

/// Which heavy nodes the owner trusts not to collude against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// These.
    Listed(BTreeSet<PeerId>),
    /// All that are in the network, because a swarm key keeps strangers out.
    WholeNetwork,
}

/// What a light node answers unattended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The rules.
    pub preset: Preset,
    /// The smallest minimum of participants.
    pub min_participants: u32,
    /// The trusted heavy nodes.
    pub trust: Trust,
}

/// What to do with a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Answer it.
    Answer,
    /// Ask the owner.
    Ask(Doubt),
}

/// Why the owner is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The minimum of participants is below the policy's.
    MinimumTooLow {
        /// The computation's.
        asked: u32,
        /// The policy's.
        required: u32,
    },
    /// Too few of the heavy nodes are trusted: so many of the others, colluding, could read the value.
    NoTrustedHeavy {
        /// How many would have to collude.
        colluders: usize,
        /// How many are trusted.
        trusted: usize,
        /// How many must be, so that too few are left to collude.
        required: usize,
    },
    /// The field was asked this often within a day.
    AskedTooOften {
        /// How many answers.
        answers: usize,
    },
    /// No source is declared for the field.
    NoSource,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            preset: Preset::default(),
            min_participants: POLICY_MIN_PARTICIPANTS,
            trust: Trust::Listed(BTreeSet::new()),
        }
    }
}

impl Policy {
    /// Decides about a question of another node, given when this field was answered before.
    ///
    /// So many heavy nodes must be trusted that those which are not are too few to read the value: one in n of n, n − k + 1
    /// under a threshold.
    pub fn decide(&self, computation: &Computation, answered_at: &[Timestamp], now: Timestamp) -> Decision {
        if computation.min_participants < self.min_participants {
            let (asked, required) = (computation.min_participants, self.min_participants);
            return Decision::Ask(Doubt::MinimumTooLow { asked, required });
        }
        if self.preset == Preset::Open {
            return Decision::Answer;
        }
        let trusted = match &self.trust {
            Trust::Listed(listed) => computation.heavy.iter().filter(|heavy| listed.contains(heavy)).count(),
            Trust::WholeNetwork => computation.heavy.len(),
        };
        let required = computation.heavy.len().saturating_sub(computation.private_against());
        if trusted < required {
            let colluders = computation.private_against() + 1;
            return Decision::Ask(Doubt::NoTrustedHeavy { colluders, trusted, required });
        }
        let today = answered_at.iter().filter(|at| now.since(**at) < DAY).count();
        if today >= GUARDED_ANSWERS_PER_DAY {
            return Decision::Ask(Doubt::AskedTooOften { answers: today });
        }
        Decision::Answer
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MinimumTooLow { asked, required } => {
                write!(f, "its minimum of {asked} participants is below this node's {required}")
            }
            Self::NoTrustedHeavy { colluders, trusted: 0, required: 1 } => write!(
                f,
                "none of its heavy nodes is on this node's trust list; all {colluders} together could read the value"
            ),
            Self::NoTrustedHeavy { colluders, trusted, required } => write!(
                f,
                "{trusted} of its heavy nodes are on this node's trust list and {required} must be; any {colluders} \
                 together could read the value"
            ),
            Self::AskedTooOften { answers } => {
                write!(f, "the field was already answered {answers} times within a day")
            }
            Self::NoSource => f.write_str("this node has no source for the field"),
        }
    }
}
