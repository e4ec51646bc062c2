//! A question as the local API takes it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Number;

use crate::domain::limits;

/// A question, as typed and checked for form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// The question in words.
    #[serde(default)]
    pub prompt: String,
    /// `count`, `sum`, `mean`, …: docs/CLI.md.
    pub statistic: String,
    /// The fields.
    #[serde(default)]
    pub fields: Vec<String>,
    /// JSON Schema of the field, or of an object with the fields.
    pub schema: Option<String>,
    /// How many records one participant may answer with; absent: 10 000, or as many as fit.
    #[serde(default)]
    pub max_records: Option<u32>,
    /// `univariate` alone: up to which power values are added up, 2 to 6; absent: as far as fits.
    #[serde(default)]
    pub moments: Option<u8>,
    /// `histogram` alone: so many ranges of equal width.
    #[serde(default)]
    pub buckets: Option<u32>,
    /// `histogram` alone: where ranges begin, and where the last one ends.
    #[serde(default)]
    pub edges: Vec<Number>,
    /// `quantiles` alone: how wide the ranges are in which values are counted.
    #[serde(default)]
    pub resolution: Option<Number>,
    /// `quantiles` alone: which ones, between 0 and 1.
    #[serde(default)]
    pub quantiles: Vec<Number>,
    /// From now until heavy nodes close.
    #[serde(default = "deadline_ms_default")]
    pub deadline_ms: u64,
    /// How long missing heavy nodes are waited for.
    #[serde(default = "patience_ms_default")]
    pub patience_ms: u64,
    /// No sum over fewer.
    #[serde(default = "min_participants_default")]
    pub min_participants: u32,
    /// No more reports than this; by default the closed list's length, or 10 000.
    pub max_participants: Option<u32>,
    /// Heavy nodes by UID, name or PeerId, or unique beginnings; empty: as many reachable ones as are needed are chosen.
    #[serde(default)]
    pub heavy: Vec<String>,
    /// A closed list of participants, likewise; empty: anybody.
    #[serde(default)]
    pub participants: Vec<String>,
    /// `additive`, `prio3` or `threshold`; absent: what the options below say, or else the best that the schema allows.
    pub sharing: Option<String>,
    /// How many heavy nodes rebuild a total; `threshold` alone.
    pub threshold: Option<u8>,
    /// How many heavy nodes may vanish for good; `threshold` alone.
    pub survives: Option<u8>,
    /// 32, 64 or 128; `additive` alone.
    pub modulus_bits: Option<u32>,
    /// With it the result is noisy, and ε-differentially private.
    pub epsilon: Option<Number>,
}

impl Proposal {
    /// A question with every default: open for half a minute, three participants at least.
    pub fn new(prompt: &str, statistic: &str, fields: &[&str]) -> Self {
        Self {
            prompt: prompt.to_owned(),
            statistic: statistic.to_owned(),
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            schema: None,
            max_records: None,
            moments: None,
            buckets: None,
            edges: Vec::new(),
            resolution: None,
            quantiles: Vec::new(),
            deadline_ms: deadline_ms_default(),
            patience_ms: patience_ms_default(),
            min_participants: min_participants_default(),
            max_participants: None,
            heavy: Vec::new(),
            participants: Vec::new(),
            sharing: None,
            threshold: None,
            survives: None,
            modulus_bits: None,
            epsilon: None,
        }
    }
}

fn deadline_ms_default() -> u64 {
    milliseconds(limits::DEADLINE_DEFAULT)
}

fn patience_ms_default() -> u64 {
    milliseconds(limits::PATIENCE_DEFAULT)
}

const fn min_participants_default() -> u32 {
    limits::POLICY_MIN_PARTICIPANTS
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_has_its_default() {
        let short: Proposal =
            serde_json::from_str(r#"{"prompt":"how many?","statistic":"sum","fields":["x"]}"#).unwrap();
        assert_eq!(short, Proposal::new("how many?", "sum", &["x"]));
    }
}
