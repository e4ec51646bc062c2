//! What an owner lets its node answer unattended: a preset, and what is said over it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::domain::limits::{GUARDED_ANSWERS_PER_DAY, POLICY_MIN_PARTICIPANTS, SIMILAR_BELOW};
use crate::domain::{Decimal, PeerId, Statistic, Unfit};

/// The name under which rules for all fields stand that are not named.
pub const EVERY_OTHER_FIELD: &str = "*";

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
    /// The rules where nothing else is said.
    pub preset: Preset,
    /// The smallest minimum of participants.
    pub min_participants: u32,
    /// The trusted heavy nodes.
    pub trust: Trust,
    /// What is said over the preset.
    pub rules: Rules,
}

/// What an owner says over the preset; `None` where the preset's own word holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// How many of a computation's heavy nodes must be trusted.
    pub trusted_heavy: Option<usize>,
    /// The statistics that are answered.
    pub statistics: Option<BTreeSet<Statistic>>,
    /// Whose questions are answered.
    pub proposers: Option<BTreeSet<PeerId>>,
    /// The smallest number of own records to answer with.
    pub min_records: Option<u64>,
    /// The smallest number of own records in a cell of a table that is not empty.
    pub smallest_cell: Option<u64>,
    /// What is done with records that do not fit the schema.
    pub unfit_rows: Option<Unfit>,
    /// How often a field is answered in a day.
    pub asked_per_day: Option<Rate>,
    /// The sum of ε of all noisy answers over one field.
    pub epsilon_budget: Option<Decimal>,
    /// Whether a question must ask for noise.
    pub noise: Option<NoiseNeed>,
    /// What to do about two questions over nearly the same people.
    pub similar_sets: Option<Response>,
    /// Two closed lists that differ by fewer are nearly the same.
    pub similar_below: Option<usize>,
    /// What a broken rule leads to.
    pub otherwise: Option<Otherwise>,
    /// Rules of single fields, by name; under [`EVERY_OTHER_FIELD`] those of all others.
    pub fields: BTreeMap<String, FieldRules>,
}

/// What is said about one field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FieldRules {
    /// Whether it is answered at all.
    pub rule: Option<FieldRule>,
    /// How often in a day.
    pub asked_per_day: Option<Rate>,
    /// The sum of ε of its noisy answers.
    pub epsilon_budget: Option<Decimal>,
}

/// Whether a field is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldRule {
    /// If the other rules allow it.
    #[default]
    Allow,
    /// The owner is asked every time.
    Ask,
    /// Never.
    Deny,
}

/// How often something may happen in a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// So often.
    AtMost(u32),
    /// Any number of times.
    Unlimited,
}

/// Whether a question must ask for noise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NoiseNeed {
    /// It may ask for an exact result.
    #[default]
    Optional,
    /// It must ask for noise.
    Required,
}

/// What to do when something is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Response {
    /// Nothing.
    Allow,
    /// Ask the owner.
    Ask,
    /// Decline unattended.
    Decline,
}

/// What a broken rule leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Otherwise {
    /// The owner is asked.
    #[default]
    Ask,
    /// The question is declined unattended.
    Decline,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            preset: Preset::default(),
            min_participants: POLICY_MIN_PARTICIPANTS,
            trust: Trust::Listed(BTreeSet::new()),
            rules: Rules::default(),
        }
    }
}

impl From<Otherwise> for Response {
    fn from(otherwise: Otherwise) -> Self {
        match otherwise {
            Otherwise::Ask => Self::Ask,
            Otherwise::Decline => Self::Decline,
        }
    }
}

impl Policy {
    /// How many heavy nodes of a computation must be trusted; `None`: so many that those left cannot read a value.
    pub fn trusted_heavy(&self) -> Option<usize> {
        self.rules.trusted_heavy.or(match self.preset {
            Preset::Guarded => None,
            Preset::Open => Some(0),
        })
    }

    /// The smallest number of own records to answer with.
    pub fn min_records(&self) -> u64 {
        self.rules.min_records.unwrap_or(1)
    }

    /// The smallest number of own records in a cell of a table that is not empty.
    pub fn smallest_cell(&self) -> u64 {
        self.rules.smallest_cell.unwrap_or(0)
    }

    /// What is done with records that do not fit the schema.
    pub fn unfit_rows(&self) -> Unfit {
        self.rules.unfit_rows.unwrap_or_default()
    }

    /// How often a field is answered in a day where nothing is said about that field.
    pub fn asked_per_day(&self) -> Rate {
        self.rules.asked_per_day.unwrap_or(match self.preset {
            Preset::Guarded => Rate::AtMost(GUARDED_ANSWERS_PER_DAY),
            Preset::Open => Rate::Unlimited,
        })
    }

    /// Whether a question must ask for noise.
    pub fn noise(&self) -> NoiseNeed {
        self.rules.noise.unwrap_or_default()
    }

    /// What a broken rule leads to.
    pub fn otherwise(&self) -> Otherwise {
        self.rules.otherwise.unwrap_or_default()
    }

    /// What to do about two questions over nearly the same people.
    pub fn similar_sets(&self) -> Response {
        self.rules.similar_sets.unwrap_or(match self.preset {
            Preset::Guarded => self.otherwise().into(),
            Preset::Open => Response::Allow,
        })
    }

    /// Two closed lists that differ by fewer are nearly the same.
    pub fn similar_below(&self) -> usize {
        self.rules.similar_below.unwrap_or(SIMILAR_BELOW)
    }

    /// Whether a field is answered.
    pub fn field_rule(&self, field: &str) -> FieldRule {
        self.of_field(field, |rules| rules.rule).unwrap_or_default()
    }

    /// How often a field is answered in a day.
    pub fn field_rate(&self, field: &str) -> Rate {
        self.of_field(field, |rules| rules.asked_per_day).unwrap_or_else(|| self.asked_per_day())
    }

    /// The sum of ε of all noisy answers over a field; `None`: any.
    pub fn field_budget(&self, field: &str) -> Option<Decimal> {
        self.of_field(field, |rules| rules.epsilon_budget).or(self.rules.epsilon_budget)
    }

    /// What is said about this field, or else about every other one.
    fn of_field<T>(&self, field: &str, key: impl Fn(&FieldRules) -> Option<T>) -> Option<T> {
        let said = |name: &str| self.rules.fields.get(name).and_then(&key);
        said(field).or_else(|| said(EVERY_OTHER_FIELD))
    }
}
