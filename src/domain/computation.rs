//! One question, asked once, of one set of heavy nodes, until one deadline.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::id::{ComputationId, PeerId};
use super::limits::{
    CLOSED_LIST_MAX, DEADLINE_MAX, DEADLINE_MIN, HEAVY_MAX, HEAVY_MIN, NOISE_SLOTS_MAX, PARTIES_MIN,
    PATIENCE_MAX, PATIENCE_MIN, PROMPT_CHARS_MAX, REPORTS_PER_COMPUTATION_MAX,
};
use super::noise::{Noise, NoiseError};
use super::query::{Query, QueryError};
use super::role::Role;
use super::sharing::{Sharing, SharingError};
use super::time::Timestamp;

/// The version of the rules by which a computation runs.
pub const VERSION: u16 = 3;

/// Everything that participants and heavy nodes agree to, signed by the proposer. The hash of its bytes is the
/// computation's id, so no parameter can be told differently to two nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Computation {
    /// The rules by which it runs.
    pub version: u16,
    /// Makes two equal questions two computations.
    #[serde(with = "serde_bytes")]
    pub nonce: [u8; 16],
    /// Who asks.
    pub proposer: PeerId,
    /// The proposer's clock when it asked.
    pub proposed_at: Timestamp,
    /// The question in words, for people.
    pub prompt: String,
    /// The question for machines.
    pub query: Query,
    /// The heavy nodes, in the order that shares and certificates follow.
    pub heavy: Vec<PeerId>,
    /// How measurements are split.
    pub sharing: Sharing,
    /// No sum over fewer participants is ever revealed.
    pub min_participants: u32,
    /// Heavy nodes take no more reports than this.
    pub max_participants: u32,
    /// When heavy nodes stop taking reports.
    pub deadline: Timestamp,
    /// How long missing heavy nodes are waited for after the deadline, in milliseconds.
    pub patience_ms: u64,
    /// How long a threshold scheme waits for missing heavy nodes before it goes on without them, in milliseconds.
    pub grace_ms: u64,
    /// With a list, only these may take part; sorted.
    pub participants: Option<Vec<PeerId>>,
    /// Noise that makes the result differentially private.
    pub noise: Option<Noise>,
    /// The invitation that it follows from: then its heavy nodes are its participants, and nobody else hears of it.
    pub invitation: Option<ComputationId>,
}

/// Why a computation cannot run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComputationError {
    /// Rules that this node does not know.
    #[error("it follows version {0} of the rules; this node knows version {VERSION}")]
    Version(u16),
    /// No words for people, or too many.
    #[error("the prompt must have 1 to 500 characters and no control characters, not {0} characters")]
    Prompt(usize),
    /// A query that cannot be asked.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// Too few or too many heavy nodes.
    #[error("a computation needs 3 to 16 heavy nodes, not {0}")]
    HeavyCount(usize),
    /// A heavy node named twice.
    #[error("heavy node {} is named twice", .0.uid())]
    HeavyTwice(PeerId),
    /// A minimum of no participants.
    #[error("min_participants is 0; a total of nobody is not an answer")]
    MinimumZero,
    /// A minimum that can never be reached.
    #[error("min_participants is {minimum}, but at most {maximum} can take part")]
    MinimumAboveMaximum {
        /// The minimum.
        minimum: u32,
        /// How many can take part.
        maximum: u32,
    },
    /// More participants than heavy nodes can list.
    #[error("max_participants is {0}; at most 1000000 are supported")]
    MaximumTooLarge(u32),
    /// A closed list that is too long, or not sorted, or names somebody twice.
    #[error("the closed list of participants must name 1 to 1000 nodes, sorted, each once")]
    ClosedList,
    /// A closed list that names one of the heavy nodes.
    #[error("heavy node {} is on the list of participants, but it adds up and does not answer", .0.uid())]
    HeavyParticipates(PeerId),
    /// Parties of an invitation that are not both: heavy nodes and participants.
    #[error(
        "by invitation, the proposer comes first, the heavy nodes are the participants, and more than half must answer"
    )]
    OtherParties,
    /// A deadline outside 500 ms to 30 days.
    #[error("the deadline is {0} from the proposal; it must be between 500ms and 30days")]
    Deadline(String),
    /// A patience outside 1 s to 24 h.
    #[error("the patience is {0}; it must be between 1s and 24h")]
    Patience(String),
    /// A total that could exceed the modulus.
    #[error(
        "the total of {slot} could overflow: {participants} participants × {largest}{noise} do not stay below {modulus}; \
         {fitting} participants would fit"
    )]
    Overflow {
        /// Which total, in words.
        slot: String,
        /// `max_participants`.
        participants: u32,
        /// The most that one participant can add to it, in steps.
        largest: String,
        /// " and noise up to so much", or nothing.
        noise: String,
        /// The modulus, in words.
        modulus: String,
        /// As many participants would fit.
        fitting: u32,
    },
    /// A grace that leaves no time to agree.
    #[error("the grace is {grace}, more than half of the patience of {patience}")]
    Grace {
        /// The grace.
        grace: String,
        /// The patience.
        patience: String,
    },
    /// A threshold that cannot hold.
    #[error(transparent)]
    Sharing(#[from] SharingError),
    /// A proven scheme over a field without bounds.
    #[error("{sharing} proves that values lie within bounds, but the schema has no minimum and maximum")]
    NeedsBounds {
        /// The scheme.
        sharing: &'static str,
    },
    /// A proven scheme over a schema that allows one value.
    #[error("the schema allows one value alone, so there is nothing to prove and nothing to learn")]
    OneValue,
    /// More than a report can carry.
    #[error("a report would be too large: {0}")]
    TooLong(String),
    /// More participants than heavy nodes can tell each other verifier shares of.
    #[error(
        "heavy nodes could verify no more than {fitting} such reports together, and {maximum} participants are allowed"
    )]
    TooManyToVerify {
        /// The maximum of participants.
        maximum: u32,
        /// As many would fit.
        fitting: u64,
    },
    /// More than a certificate can carry: it has every heavy node's partial sum.
    #[error(
        "the result would be too large: {heavy} heavy nodes × {slots} numbers of {bytes} bytes do not fit a message; \
         {fitting} numbers would fit"
    )]
    ResultTooLong {
        /// Heavy nodes.
        heavy: usize,
        /// Numbers that are added up.
        slots: usize,
        /// Bytes of each.
        bytes: usize,
        /// As many numbers would fit.
        fitting: usize,
    },
    /// Noise on a number that is public anyway.
    #[error(
        "each node counts one record, so a count is the number of participants, which is public: noise hides nothing"
    )]
    NoiseOnCount,
    /// Noise over a field without bounds.
    #[error(
        "noise is measured by how far one participant can move the total, but the schema has no minimum and maximum"
    )]
    NoiseNeedsBounds,
    /// More numbers with noise than noise is drawn for.
    #[error("noise would be drawn for {0} numbers; {NOISE_SLOTS_MAX} are possible")]
    NoiseSlots(usize),
    /// An ε out of range.
    #[error(transparent)]
    Noise(#[from] NoiseError),
}

impl Computation {
    /// How many colluding heavy nodes learn nothing about one value.
    pub fn private_against(&self) -> usize {
        self.sharing.private_against(self.heavy.len())
    }

    /// How many heavy nodes may be gone for good and the result still comes.
    pub fn survives(&self) -> usize {
        self.sharing.survives(self.heavy.len())
    }

    /// How long missing heavy nodes are waited for after the deadline.
    pub const fn patience(&self) -> Duration {
        Duration::from_millis(self.patience_ms)
    }

    fn survives_some(&self) -> bool {
        matches!(self.sharing, Sharing::Threshold { .. })
    }

    /// How long a threshold scheme waits for missing heavy nodes before it goes on without them.
    pub const fn grace(&self) -> Duration {
        Duration::from_millis(self.grace_ms)
    }

    /// When heavy nodes that are still missing fail the computation.
    pub fn patience_ends(&self) -> Timestamp {
        self.deadline + self.patience()
    }

    /// Whether this node is one of the heavy nodes.
    pub fn has_heavy(&self, peer: &PeerId) -> bool {
        self.heavy.contains(peer)
    }

    /// Whether this node may take part.
    pub fn admits(&self, peer: &PeerId) -> bool {
        self.participants.as_ref().is_none_or(|list| list.binary_search(peer).is_ok())
    }

    /// Whether this node is asked for its records: every party of an invitation is; else light nodes are, unless a closed
    /// list leaves them out.
    pub fn is_put_to(&self, peer: &PeerId, role: Role) -> bool {
        (role == Role::Light || self.is_by_invitation()) && self.admits(peer)
    }

    /// Whether named parties ask it of themselves.
    pub const fn is_by_invitation(&self) -> bool {
        self.invitation.is_some()
    }

    /// Whether this node may hear of it.
    pub fn is_known_to(&self, peer: &PeerId) -> bool {
        !self.is_by_invitation() || self.has_heavy(peer)
    }

    /// The id that the bytes of this computation have.
    pub fn id_of(&self, body: &[u8]) -> ComputationId {
        let id = ComputationId::of_body(body);
        self.invitation.map_or(id, |invitation| id.invited_by(invitation))
    }

    /// Checks every rule that needs neither a clock nor the statistic: `statistics::check` checks all of them.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check_terms(&self) -> Result<(), ComputationError> {
        if self.version != VERSION {
            return Err(ComputationError::Version(self.version));
        }
        let prompt_chars = self.prompt.chars().count();
        if !(1..=PROMPT_CHARS_MAX).contains(&prompt_chars) || self.prompt.chars().any(char::is_control) {
            return Err(ComputationError::Prompt(prompt_chars));
        }
        self.query.check()?;
        self.check_nodes()?;
        let open_for = self.deadline.since(self.proposed_at);
        if !(DEADLINE_MIN..=DEADLINE_MAX).contains(&open_for) {
            return Err(ComputationError::Deadline(humantime::format_duration(open_for).to_string()));
        }
        if !(PATIENCE_MIN..=PATIENCE_MAX).contains(&self.patience()) {
            let patience = humantime::format_duration(self.patience()).to_string();
            return Err(ComputationError::Patience(patience));
        }
        if self.survives_some() && self.grace() * 2 > self.patience() {
            let length = |time| humantime::format_duration(time).to_string();
            return Err(ComputationError::Grace {
                grace: length(self.grace()),
                patience: length(self.patience()),
            });
        }
        self.sharing.check(self.heavy.len())?;
        self.noise.map_or(Ok(()), |noise| noise.check().map_err(ComputationError::Noise))
    }

    /// Whether its heavy nodes are its participants, the proposer first, and most of them must answer.
    fn adds_up_by_itself(&self) -> bool {
        let mut parties = self.heavy.clone();
        parties.sort_unstable();
        let most = self.min_participants as usize * 2 > parties.len();
        self.heavy.first() == Some(&self.proposer) && self.participants.as_ref() == Some(&parties) && most
    }

    fn check_nodes(&self) -> Result<(), ComputationError> {
        let fewest = if self.is_by_invitation() { PARTIES_MIN as usize } else { HEAVY_MIN };
        if !(fewest..=HEAVY_MAX).contains(&self.heavy.len()) {
            return Err(ComputationError::HeavyCount(self.heavy.len()));
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = self.heavy.iter().find(|heavy| !seen.insert(**heavy)) {
            return Err(ComputationError::HeavyTwice(*twice));
        }
        if self.max_participants > REPORTS_PER_COMPUTATION_MAX {
            return Err(ComputationError::MaximumTooLarge(self.max_participants));
        }
        let listed = match &self.participants {
            Some(list) => {
                let sorted = list.is_sorted_by(|left, right| left < right);
                if !sorted || !(1..=CLOSED_LIST_MAX).contains(&list.len()) {
                    return Err(ComputationError::ClosedList);
                }
                let heavy = list.iter().find(|peer| self.has_heavy(peer)).filter(|_| !self.is_by_invitation());
                if let Some(heavy) = heavy {
                    return Err(ComputationError::HeavyParticipates(*heavy));
                }
                u32::try_from(list.len()).unwrap_or(u32::MAX)
            }
            None => u32::MAX,
        };
        if self.is_by_invitation() && !self.adds_up_by_itself() {
            return Err(ComputationError::OtherParties);
        }
        let (minimum, maximum) = (self.min_participants, self.max_participants.min(listed));
        if minimum == 0 {
            return Err(ComputationError::MinimumZero);
        }
        if minimum > maximum {
            return Err(ComputationError::MinimumAboveMaximum { minimum, maximum });
        }
        Ok(())
    }
}
