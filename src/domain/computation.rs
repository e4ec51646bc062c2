//! One question, asked once, of one set of heavy nodes, until one deadline.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::id::PeerId;
use super::limits::{
    CLOSED_LIST_MAX, DEADLINE_MAX, DEADLINE_MIN, HEAVY_MAX, HEAVY_MIN, PATIENCE_MAX, PATIENCE_MIN,
    PROMPT_CHARS_MAX, REPORTS_PER_COMPUTATION_MAX,
};
use super::query::{Query, QueryError, Statistic};
use super::time::Timestamp;

/// The version of the rules by which a computation runs.
pub const VERSION: u16 = 1;

/// The numbers modulo a power of two, in which additive shares live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Modulus {
    /// 2^32, as in Formix.
    Bits32,
    /// 2^64.
    Bits64,
    /// 2^128.
    Bits128,
}

/// How measurements are split among the heavy nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sharing {
    /// n of n: every share but one is random, and together they sum to the measurement.
    Additive {
        /// Modulo what.
        modulus: Modulus,
    },
}

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
    /// How long a threshold scheme waits for missing heavy nodes before it goes on, in milliseconds.
    pub grace_ms: u64,
    /// With a list, only these may take part; sorted.
    pub participants: Option<Vec<PeerId>>,
}

/// Why a computation cannot run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComputationError {
    /// Rules that this node does not know.
    #[error("it follows version {0} of the rules; this node knows version 1")]
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
    #[error("max_participants is {0}; at most 100000 are supported")]
    MaximumTooLarge(u32),
    /// A closed list that is too long, or not sorted, or names somebody twice.
    #[error("the closed list of participants must name 1 to 1000 nodes, sorted, each once")]
    ClosedList,
    /// A closed list that names one of the heavy nodes.
    #[error("heavy node {} is on the list of participants, but it adds up and does not answer", .0.uid())]
    HeavyParticipates(PeerId),
    /// A deadline outside 500 ms to 30 days.
    #[error("the deadline is {0} from the proposal; it must be between 500ms and 30days")]
    Deadline(String),
    /// A patience outside 1 s to 24 h.
    #[error("the patience is {0}; it must be between 1s and 24h")]
    Patience(String),
    /// A total that could exceed the modulus.
    #[error("the total could overflow: {participants} participants × {largest} ≥ 2^{bits}")]
    Overflow {
        /// `max_participants`.
        participants: u32,
        /// The largest encoded value.
        largest: u128,
        /// The modulus.
        bits: u32,
    },
}

impl Modulus {
    /// The modulus is 2 to this power.
    pub const fn bits(self) -> u32 {
        match self {
            Self::Bits32 => 32,
            Self::Bits64 => 64,
            Self::Bits128 => 128,
        }
    }

    /// Bytes of one residue on the wire.
    pub const fn bytes(self) -> usize {
        self.bits() as usize / 8
    }

    /// The largest residue.
    pub const fn mask(self) -> u128 {
        u128::MAX >> (128 - self.bits())
    }

    /// The modulus with this many bits: 32, 64 or 128.
    pub const fn from_bits(bits: u32) -> Option<Self> {
        match bits {
            32 => Some(Self::Bits32),
            64 => Some(Self::Bits64),
            128 => Some(Self::Bits128),
            _ => None,
        }
    }
}

impl fmt::Display for Sharing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Additive { .. } => f.write_str("additive"),
        }
    }
}

impl Computation {
    /// How many colluding heavy nodes learn nothing about one value.
    pub fn private_against(&self) -> usize {
        match self.sharing {
            Sharing::Additive { .. } => self.heavy.len().saturating_sub(1),
        }
    }

    /// How many heavy nodes may be gone for good and the result still comes.
    pub fn survives(&self) -> usize {
        match self.sharing {
            Sharing::Additive { .. } => 0,
        }
    }

    /// How long missing heavy nodes are waited for after the deadline.
    pub const fn patience(&self) -> Duration {
        Duration::from_millis(self.patience_ms)
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

    /// The magnitude that every encoded value stays below: what the schema's bounds allow plus one, or without
    /// bounds 2^(bits − 1) / `max_participants`, and never so much that the decoded total would not fit.
    pub fn value_limit(&self) -> u128 {
        let Sharing::Additive { modulus } = self.sharing;
        let schema = self.query.fields.first().map(|field| &field.schema);
        match schema.and_then(|schema| schema.span_steps()) {
            Some(span) => span.saturating_add(1),
            None => {
                let step = schema.map_or(1, |schema| schema.step().mantissa().unsigned_abs().max(1));
                let half = 1_u128 << (modulus.bits() - 1);
                half.min(i128::MAX.unsigned_abs() / step) / u128::from(self.max_participants.max(1))
            }
        }
    }

    /// Checks every rule that needs no clock.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), ComputationError> {
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
        self.check_overflow()
    }

    fn check_nodes(&self) -> Result<(), ComputationError> {
        if !(HEAVY_MIN..=HEAVY_MAX).contains(&self.heavy.len()) {
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
                if let Some(heavy) = list.iter().find(|peer| self.has_heavy(peer)) {
                    return Err(ComputationError::HeavyParticipates(*heavy));
                }
                u32::try_from(list.len()).unwrap_or(u32::MAX)
            }
            None => u32::MAX,
        };
        let (minimum, maximum) = (self.min_participants, self.max_participants.min(listed));
        if minimum == 0 {
            return Err(ComputationError::MinimumZero);
        }
        if minimum > maximum {
            return Err(ComputationError::MinimumAboveMaximum { minimum, maximum });
        }
        Ok(())
    }

    /// N · max < 2^bits, and the total, counted from zero, can be written as an exact decimal.
    fn check_overflow(&self) -> Result<(), ComputationError> {
        let Sharing::Additive { modulus } = self.sharing;
        let participants = self.max_participants;
        let overflow = |largest| ComputationError::Overflow { participants, largest, bits: modulus.bits() };
        if self.query.statistic == Statistic::Count {
            return Ok(());
        }
        for field in &self.query.fields {
            let Some(span) = field.schema.span_steps() else {
                if self.value_limit() == 0 {
                    return Err(overflow(1));
                }
                continue;
            };
            let total = span.checked_mul(u128::from(participants)).ok_or(overflow(span))?;
            let highest = i128::try_from(span)
                .ok()
                .and_then(|span| span.checked_add(field.schema.offset_steps().checked_abs()?))
                .and_then(|steps| steps.checked_mul(i128::from(participants)))
                .and_then(|steps| field.schema.value_of(steps));
            if total > modulus.mask() || highest.is_none() {
                return Err(overflow(span));
            }
        }
        Ok(())
    }
}
