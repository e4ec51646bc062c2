//! The policy as it stands in `node.toml`, in a configuration file, or in flags.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::policy_text as written;
use super::text;
use crate::consent::{
    EVERY_OTHER_FIELD, FieldRule, FieldRules, NoiseNeed, Otherwise, Preset, Rate, Response, Rules,
};
use crate::domain::limits::HEAVY_MAX;
use crate::domain::{Decimal, Field, PeerId, Statistic, Unfit};

/// What one source says about the policy; `None` where it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PolicyLayer {
    /// The rules where nothing else is said.
    pub preset: Option<Preset>,
    /// The smallest minimum of participants.
    pub min_participants: Option<u32>,
    /// Trusted heavy nodes.
    #[serde(with = "text::peers_if_any")]
    pub trust: Option<Vec<PeerId>>,
    /// How many of a computation's heavy nodes must be trusted.
    pub trusted_heavy: Option<usize>,
    /// The statistics that are answered.
    #[serde(with = "written::statistics")]
    pub statistics: Option<BTreeSet<Statistic>>,
    /// Whose questions are answered: full PeerIds, and names from `names`.
    pub proposers: Option<Vec<String>>,
    /// The smallest number of own records to answer with.
    pub min_records: Option<u64>,
    /// The smallest number of own records in a cell of a table that is not empty.
    pub smallest_cell: Option<u64>,
    /// What is done with records that do not fit the schema.
    pub unfit_rows: Option<Unfit>,
    /// How often a field is answered in a day.
    #[serde(with = "written::rate")]
    pub asked_per_day: Option<Rate>,
    /// Whether a question must ask for noise.
    pub noise_required: Option<bool>,
    /// The sum of ε of all noisy answers over one field.
    #[serde(with = "written::budget")]
    pub epsilon_budget: Option<Decimal>,
    /// What to do about two questions over nearly the same people.
    pub similar_sets: Option<Response>,
    /// Two closed lists that differ by fewer are nearly the same.
    pub similar_below: Option<usize>,
    /// What a broken rule leads to.
    pub otherwise: Option<Otherwise>,
    /// The owner's own names for PeerIds. The names that nodes give themselves prove nothing.
    #[serde(with = "text::named_peers", skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<String, PeerId>,
    /// Rules of single fields; under `*` those of all others.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, FieldLayer>,
}

/// What one source says about one field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FieldLayer {
    /// Whether it is answered at all.
    pub rule: Option<FieldRule>,
    /// How often in a day.
    #[serde(with = "written::rate")]
    pub asked_per_day: Option<Rate>,
    /// The sum of ε of its noisy answers.
    #[serde(with = "written::budget")]
    pub epsilon_budget: Option<Decimal>,
}

/// Why a policy cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// A name of nobody.
    #[error(
        "`{0}` is neither a full PeerId nor a name under [policy.names]; the names that nodes give themselves prove nothing"
    )]
    UnknownProposer(String),
    /// Nobody's questions are answered.
    #[error(
        "an empty list answers nobody; leave the key out for anyone, or say `rule = \"ask\"` under [policy.fields.\"*\"]"
    )]
    NoProposer,
    /// No statistic is answered.
    #[error(
        "an empty list answers nothing; leave the key out for all, or say `rule = \"ask\"` under [policy.fields.\"*\"]"
    )]
    NoStatistic,
    /// More trusted heavy nodes than a computation has.
    #[error("a computation has at most {HEAVY_MAX} heavy nodes, so {0} of them are never trusted")]
    TooManyTrusted(usize),
    /// A distance that no two lists are within.
    #[error(
        "two different lists differ by 1 at least, so none differ by fewer than {0}; say 2 or more, or similar_sets = \"allow\""
    )]
    SimilarBelow(usize),
    /// Something that can never name a field.
    #[error("`{0}` is not a field name: 1 to 64 characters, no control characters, no `=`")]
    FieldName(String),
    /// How often a field is answered that is never answered.
    #[error(
        "the field `{0}` is denied, so it is answered neither so often nor within a budget; leave one of them out"
    )]
    LimitOfDenied(String),
}

impl PolicyLayer {
    /// This source's word, and where it is silent that of `lower`. Names and fields are taken one by one, and of a field
    /// each key.
    #[must_use]
    pub fn over(mut self, lower: Self) -> Self {
        for (name, peer) in lower.names {
            self.names.entry(name).or_insert(peer);
        }
        for (field, below) in lower.fields {
            let said = self.fields.entry(field).or_default();
            *said = said.over(below);
        }
        Self {
            preset: self.preset.or(lower.preset),
            min_participants: self.min_participants.or(lower.min_participants),
            trust: self.trust.or(lower.trust),
            trusted_heavy: self.trusted_heavy.or(lower.trusted_heavy),
            statistics: self.statistics.or(lower.statistics),
            proposers: self.proposers.or(lower.proposers),
            min_records: self.min_records.or(lower.min_records),
            smallest_cell: self.smallest_cell.or(lower.smallest_cell),
            unfit_rows: self.unfit_rows.or(lower.unfit_rows),
            asked_per_day: self.asked_per_day.or(lower.asked_per_day),
            noise_required: self.noise_required.or(lower.noise_required),
            epsilon_budget: self.epsilon_budget.or(lower.epsilon_budget),
            similar_sets: self.similar_sets.or(lower.similar_sets),
            similar_below: self.similar_below.or(lower.similar_below),
            otherwise: self.otherwise.or(lower.otherwise),
            names: self.names,
            fields: self.fields,
        }
    }

    /// Checks what is said for sense. A list of proposers must find its names in the same source.
    ///
    /// # Errors
    /// The key of the first rule that makes none, and why.
    pub fn check(&self) -> Result<(), (String, PolicyError)> {
        let wrong = |key: &str, error| Err((format!("policy.{key}"), error));
        if let Some(proposers) = &self.proposers {
            if proposers.is_empty() {
                return wrong("proposers", PolicyError::NoProposer);
            }
            if let Some(unknown) = proposers.iter().find(|text| self.proposer(text).is_none()) {
                return wrong("proposers", PolicyError::UnknownProposer(unknown.clone()));
            }
        }
        if self.statistics.as_ref().is_some_and(BTreeSet::is_empty) {
            return wrong("statistics", PolicyError::NoStatistic);
        }
        if let Some(asked) = self.trusted_heavy.filter(|asked| *asked > HEAVY_MAX) {
            return wrong("trusted_heavy", PolicyError::TooManyTrusted(asked));
        }
        if let Some(below) = self.similar_below.filter(|below| *below < 2) {
            return wrong("similar_below", PolicyError::SimilarBelow(below));
        }
        for (field, said) in &self.fields {
            if field != EVERY_OTHER_FIELD && Field::check_name(field).is_err() {
                return wrong(&format!("fields.{field}"), PolicyError::FieldName(field.clone()));
            }
            let limited = said.asked_per_day.is_some() || said.epsilon_budget.is_some();
            if said.rule == Some(FieldRule::Deny) && limited {
                return wrong(&format!("fields.{field}.rule"), PolicyError::LimitOfDenied(field.clone()));
            }
        }
        Ok(())
    }

    /// What it says over its preset.
    pub fn rules(&self) -> Rules {
        let proposers = self.proposers.as_ref();
        Rules {
            trusted_heavy: self.trusted_heavy,
            statistics: self.statistics.clone(),
            // Whoever cannot be found is answered no more than a stranger.
            proposers: proposers.map(|all| all.iter().filter_map(|text| self.proposer(text)).collect()),
            min_records: self.min_records,
            smallest_cell: self.smallest_cell,
            unfit_rows: self.unfit_rows,
            asked_per_day: self.asked_per_day,
            epsilon_budget: self.epsilon_budget,
            noise: self.noise_required.map(
                |required| {
                    if required { NoiseNeed::Required } else { NoiseNeed::Optional }
                },
            ),
            similar_sets: self.similar_sets,
            similar_below: self.similar_below,
            otherwise: self.otherwise,
            fields: self.fields.iter().map(|(field, said)| (field.clone(), said.rules())).collect(),
        }
    }

    fn proposer(&self, text: &str) -> Option<PeerId> {
        text.parse().ok().or_else(|| self.names.get(text).copied())
    }
}

impl FieldLayer {
    fn over(self, lower: Self) -> Self {
        Self {
            rule: self.rule.or(lower.rule),
            asked_per_day: self.asked_per_day.or(lower.asked_per_day),
            epsilon_budget: self.epsilon_budget.or(lower.epsilon_budget),
        }
    }

    const fn rules(self) -> FieldRules {
        let Self { rule, asked_per_day, epsilon_budget } = self;
        FieldRules { rule, asked_per_day, epsilon_budget }
    }
}
