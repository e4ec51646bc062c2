//! How a computation may end, and what may be said of who takes part: every reason has a name.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::computation::Computation;
use super::id::PeerId;
use super::limits::{HEAVY_MAX, REFUSAL_CHARS_MAX};
use super::time::Timestamp;

/// Where a computation stands, as one node sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Proposed or announced; shares are being collected.
    Pending,
    /// The deadline has passed; heavy nodes agree and reveal.
    Processing,
    /// There is a certificate.
    Completed,
    /// It ended with a reason.
    Failed,
}

/// Why a heavy node does not accept a proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// It carries as many open computations as it may.
    Busy {
        /// How many that is.
        open_max: u32,
    },
    /// This proposer has as many open computations here as it may.
    ProposerBusy {
        /// How many that is.
        open_max: u32,
    },
    /// The deadline is past, too near or too far by this node's clock.
    Deadline {
        /// What this node's clock shows.
        clock: Timestamp,
    },
    /// The proposer's clock and this node's are too far apart.
    ClockSkew {
        /// What this node's clock shows.
        clock: Timestamp,
    },
    /// The proposal breaks a rule; the text says which.
    Invalid(String),
    /// This node is not a heavy node.
    NotHeavy,
    /// By invitation: this node has no seat in it.
    NoSeat,
    /// By invitation: its owner does not take part.
    Declined,
}

/// What a node did that honest nodes do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Evidence {
    /// Two different reports of one participant for one computation.
    TwoReports,
    /// Two signed lists of one heavy node for one computation.
    TwoLists,
    /// Two signed freezes of one heavy node for one computation.
    TwoFreezes,
    /// A freeze that does not follow from the lists it names.
    WrongFreeze,
    /// Two signed commitments of one heavy node to its verifier shares for one computation.
    TwoVerifications,
    /// Two signed votes of one heavy node for one computation.
    TwoVotes,
    /// A vote for another set than the frozen one.
    WrongVote,
    /// A vote that contradicts what the proofs show.
    WrongVerdict,
    /// A report that a heavy node gave a receipt for and left out of its list.
    ReportLeftOut,
    /// An opening that does not match its commitment.
    WrongOpening,
    /// Two statements of an agreement that contradict each other, or one that does not follow from its proof.
    Decree,
}

/// Why a computation ended without a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// Fewer participants than the minimum.
    InsufficientParticipants {
        /// How many all heavy nodes hold.
        accepted: u32,
        /// How many there must be.
        minimum: u32,
    },
    /// A heavy node refused the proposal.
    Refused {
        /// Which.
        heavy: PeerId,
        /// Why.
        refusal: Refusal,
    },
    /// Heavy nodes did not answer the proposal in time.
    Unreachable {
        /// Which.
        heavy: Vec<PeerId>,
    },
    /// Heavy nodes were missing after the deadline for longer than the patience.
    Missing {
        /// Which.
        heavy: Vec<PeerId>,
    },
    /// The proposer went away before every heavy node had accepted.
    NeverAnnounced,
    /// The proposer withdrew it before it was announced.
    Withdrawn,
    /// A heavy node broke the protocol, and the evidence is kept.
    Misconduct {
        /// Which.
        heavy: PeerId,
        /// How.
        evidence: Evidence,
    },
    /// A heavy node says that another one broke the protocol; this node has not seen the evidence.
    Accused {
        /// Who says so.
        by: PeerId,
        /// Of whom.
        heavy: PeerId,
        /// How.
        evidence: Evidence,
    },
    /// The revealed total is none that true inputs could add up to.
    ImpossibleTotal,
    /// The partial sums do not fit together, and it cannot be told which is false.
    SumsDisagree,
    /// Under threshold sharing: so little of the noise could be checked that none of it may be honest.
    NoiseUnsound {
        /// Whose noise is consistent: how many heavy nodes.
        sound: u32,
        /// How many there must be, so that one of them is honest.
        needed: u32,
    },
    /// The heavy nodes were not all dealt the same, so one of them lies.
    DealsDiffer,
    /// This node has as many open computations as it may.
    TooManyOpen {
        /// How many that is.
        open_max: u32,
    },
    /// A heavy node has lost its memory of the computation, so it must not go on.
    MemoryLost {
        /// Which.
        heavy: PeerId,
    },
    /// This node heard of no end in time.
    NoContact,
}

/// Why a light node has not answered, as far as it tells the proposer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Standing {
    /// Its owner is asked first.
    WaitsForOwner,
    /// It has no such field.
    NoSuchField,
    /// Its value does not fit the schema.
    ValueUnfit,
    /// Its policy or its owner said no.
    Declined,
    /// Its store is younger than the question, so it may have answered before.
    MemoryTooYoung,
}

impl Failure {
    /// Whether a node may say this of a computation: it names only its heavy nodes, speaks of its own memory and of
    /// what it has seen itself, and is short.
    pub fn may_be_told_by(&self, signer: PeerId, computation: &Computation) -> bool {
        let all_heavy =
            |named: &[PeerId]| named.len() <= HEAVY_MAX && named.iter().all(|peer| computation.has_heavy(peer));
        match self {
            Self::InsufficientParticipants { .. }
            | Self::NeverAnnounced
            | Self::Withdrawn
            | Self::DealsDiffer
            | Self::NoiseUnsound { .. }
            | Self::SumsDisagree => true,
            Self::Unreachable { heavy } | Self::Missing { heavy } => all_heavy(heavy),
            Self::Misconduct { heavy, .. } => computation.has_heavy(heavy),
            Self::MemoryLost { heavy } => *heavy == signer,
            Self::Refused { heavy, refusal } => computation.has_heavy(heavy) && refusal.is_short(),
            Self::Accused { .. } | Self::ImpossibleTotal | Self::TooManyOpen { .. } | Self::NoContact => false,
        }
    }
}

impl Refusal {
    /// Whether the rule it names is one line of bounded length.
    pub fn is_short(&self) -> bool {
        match self {
            Self::Invalid(rule) => {
                rule.chars().count() <= REFUSAL_CHARS_MAX && !rule.chars().any(char::is_control)
            }
            Self::Busy { .. }
            | Self::ProposerBusy { .. }
            | Self::Deadline { .. }
            | Self::ClockSkew { .. }
            | Self::NotHeavy
            | Self::NoSeat
            | Self::Declined => true,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Completed => "completed",
            Self::Failed => "failed",
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy { open_max } => write!(f, "it already carries {open_max} open computations"),
            Self::ProposerBusy { open_max } => {
                write!(f, "this proposer already has {open_max} open computations there")
            }
            Self::Deadline { clock } => {
                write!(f, "by its clock ({clock}) the deadline is past, too near or too far away")
            }
            Self::ClockSkew { clock } => {
                write!(f, "its clock shows {clock}, more than 30 s from the proposer's; set both clocks")
            }
            Self::Invalid(rule) => write!(f, "{rule}"),
            Self::NotHeavy => f.write_str("it is not a heavy node"),
            Self::NoSeat => f.write_str("it has no seat in this invitation"),
            Self::Declined => f.write_str("its owner does not take part"),
        }
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TwoReports => "sent two different reports",
            Self::TwoLists => "signed two different lists",
            Self::TwoFreezes => "signed two different freezes",
            Self::WrongFreeze => "signed a freeze that does not follow from the lists",
            Self::TwoVerifications => "committed to two different sets of verifier shares",
            Self::TwoVotes => "signed two different votes",
            Self::WrongVote => "voted for another set than the frozen one",
            Self::WrongVerdict => "voted against what the proofs show",
            Self::ReportLeftOut => "left out a report that it had given a receipt for",
            Self::Decree => "contradicted itself while the heavy nodes agreed",
            Self::WrongOpening => "opened another partial sum than it had committed to",
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InsufficientParticipants { accepted, minimum } => {
                write!(f, "insufficient participants: {accepted} of {minimum}")
            }
            Self::Refused { heavy, refusal } => write!(f, "heavy node {} refused: {refusal}", heavy.uid()),
            Self::Unreachable { heavy } => {
                write!(f, "{} did not answer the proposal", heavy_nodes(heavy))
            }
            Self::Missing { heavy } => {
                write!(f, "{} did not come back within the patience after the deadline", heavy_nodes(heavy))
            }
            Self::NeverAnnounced => f.write_str("the proposer never announced it"),
            Self::Withdrawn => f.write_str("the proposer withdrew it before it was announced"),
            Self::Misconduct { heavy, evidence } => {
                write!(f, "heavy node {} {evidence}; the evidence is kept", heavy.uid())
            }
            Self::Accused { by, heavy, evidence } => {
                write!(f, "heavy node {} says that heavy node {} {evidence}", by.uid(), heavy.uid())
            }
            Self::ImpossibleTotal => {
                f.write_str("the total is none that true inputs could add up to: somebody sent a false share")
            }
            Self::SumsDisagree => f.write_str(
                "the partial sums do not fit together: a heavy node opened a false one, and it cannot be told which",
            ),
            Self::NoiseUnsound { sound, needed } => write!(
                f,
                "the noise of only {sound} heavy nodes holds where {needed} are needed: a heavy node lies"
            ),
            Self::DealsDiffer => {
                f.write_str("the heavy nodes do not agree on what they dealt each other: one of them lies")
            }
            Self::TooManyOpen { open_max } => {
                write!(f, "this node already has {open_max} open computations")
            }
            Self::MemoryLost { heavy } => {
                write!(f, "heavy node {} has lost its memory of this computation", heavy.uid())
            }
            Self::NoContact => f.write_str("no contact: nobody told this node how it ended"),
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WaitsForOwner => "waits for its owner",
            Self::NoSuchField => "has no such field",
            Self::ValueUnfit => "has a value that does not fit the schema",
            Self::Declined => "declined",
            Self::MemoryTooYoung => "has a store younger than the question",
        })
    }
}

/// "heavy node A" or "heavy nodes A, B".
fn heavy_nodes(heavy: &[PeerId]) -> String {
    let names: Vec<_> = heavy.iter().map(|peer| peer.uid().to_string()).collect();
    format!("heavy node{} {}", if names.len() == 1 { "" } else { "s" }, names.join(", "))
}
