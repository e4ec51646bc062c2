//! What the owner of a light node asks about its policy and its ledger, and the JSON of the answers.

use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::api::SimilarView;

/// What a node answers unattended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyView {
    /// UID.
    pub node: String,
    /// `guarded` or `open`.
    pub preset: String,
    /// Every rule.
    pub rules: Vec<RuleView>,
}

/// One rule of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleView {
    /// As in `node.toml`, such as `asked_per_day` or `fields.age.rule`.
    pub rule: String,
    /// What it is set to.
    pub value: String,
    /// Who says so: `preset guarded`, `preset open`, `node.toml` or `swarm key`.
    pub from: String,
}

/// What would become of a question if it came now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyTest {
    /// `COMP-…`.
    pub id: String,
    /// `answer`, `ask`, `decline`, or `none` where this node is not asked.
    pub decision: String,
    /// The rule that decides; null where every rule is kept, or none is asked.
    pub rule: Option<String>,
    /// Why; null where every rule is kept.
    pub reason: Option<String>,
    /// What every rule says by itself, in their order.
    pub rules: Vec<RuleVerdict>,
}

/// What one rule says of a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleVerdict {
    /// As in `node.toml`; `source` is whether there is anything to answer with.
    pub rule: String,
    /// `answer`, `ask`, `decline`, or `later` for what is known once the source is read.
    pub verdict: String,
    /// Why; null where it is kept.
    pub reason: Option<String>,
}

/// What a light node did with every question that it has decided about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerView {
    /// How many entries there are; the oldest may be left out of `entries`.
    pub total: usize,
    /// Newest first.
    pub entries: Vec<LedgerLine>,
}

/// One question and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerLine {
    /// RFC 3339.
    pub at: String,
    /// `COMP-…`.
    pub computation: String,
    /// UID.
    pub proposer: String,
    /// The full PeerId.
    pub proposer_peer_id: String,
    /// The question in words.
    pub prompt: String,
    /// `count`, `sum`, `mean`, ….
    pub statistic: String,
    /// Its fields.
    pub fields: Vec<String>,
    /// `answered` or `declined`.
    pub decision: String,
    /// Who decided: `policy`, `owner`, `asker` (this node asked itself) or `node` (it could not answer).
    pub by: String,
    /// The rule that declined it, or over which the owner decided; null where every rule was kept.
    pub rule: Option<String>,
    /// What that rule said, or why the node could not answer.
    pub reason: Option<String>,
    /// No total over fewer.
    pub min_participants: u32,
    /// How many a closed list names; null where anybody could answer.
    pub listed: Option<u32>,
    /// How many are in the set that its total is over, once this node has learned it.
    pub members: Option<u32>,
    /// Other answers about the same field over nearly the same people, the nearest first.
    pub similar: Vec<SimilarView>,
    /// Own records in the answer; null without one.
    pub records: Option<u64>,
    /// The ε of the noise in its result; null without noise.
    pub epsilon: Option<Number>,
}
