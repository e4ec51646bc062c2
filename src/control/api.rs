//! The local API's requests and replies, and their JSON: the contract of docs/CLI.md.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use super::invitation::{Forgotten, InvitationView, Invited, Inviting, Joining};
use super::owner::{LedgerView, PolicyTest, PolicyView};
use super::proposal::Proposal;
use crate::domain::{Role, Status};

/// What the command line, or any program of this user, asks of a running node. `reference` is what a person
/// typed: a COMP id or a unique beginning of one, with or without `COMP-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Does the node's own loop still turn?
    Health,
    /// Who is this?
    Id,
    /// The network as this node sees it.
    View,
    /// Recent computations, newest first.
    Computations,
    /// One computation.
    Computation {
        /// Which.
        reference: String,
    },
    /// One computation, as soon as its revision is above `seen`. Never answered sooner.
    Watch {
        /// Which.
        reference: String,
        /// The revision that the asker has seen.
        seen: u64,
    },
    /// Ask a question. Answered once it is announced.
    Propose(Box<Proposal>),
    /// Questions that wait for the owner.
    Pending,
    /// The policy by which it answers.
    Policy,
    /// What would become of a question if it came now.
    PolicyTest {
        /// Which.
        reference: String,
    },
    /// What was done with earlier questions.
    Ledger {
        /// Only those about this field.
        field: Option<String>,
    },
    /// Answer a waiting question from its source.
    Approve {
        /// Which.
        reference: String,
    },
    /// Do not answer it.
    Decline {
        /// Which.
        reference: String,
    },
    /// Answer it with this record.
    Answer {
        /// Which.
        reference: String,
        /// One for each field of the question, in their order: a literal, or a JSON array with one a record.
        values: Vec<PrivateText>,
    },
    /// The certificate, as bytes.
    Certificate {
        /// Which.
        reference: String,
    },
    /// Invite parties. Answered with their tickets.
    Invite(Box<Inviting>),
    /// Show a ticket. Answered once the inviter has answered, or cannot be reached.
    Join(Box<Joining>),
    /// Invitations, newest first.
    Invitations,
    /// Withdraw an invitation of this node's.
    Revoke {
        /// Which.
        reference: String,
    },
    /// Forget an ended computation or invitation.
    Forget {
        /// Which.
        reference: String,
    },
    /// Leave the network and end the process.
    Stop,
}

/// A private value as typed; `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PrivateText(pub String);

/// What a node answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// To `Health`.
    Health(Health),
    /// To `Id`.
    Id(NodeId),
    /// To `View`.
    View(View),
    /// To `Computations`.
    Computations(Vec<ComputationView>),
    /// To `Computation`, `Watch`.
    Computation(Box<ComputationView>),
    /// To `Propose`.
    Announced(Announced),
    /// To `Pending`.
    Pending(Vec<PendingView>),
    /// To `Policy`.
    Policy(PolicyView),
    /// To `PolicyTest`.
    PolicyTest(PolicyTest),
    /// To `Ledger`.
    Ledger(LedgerView),
    /// To `Certificate`: the encoded certificate.
    Certificate(Vec<u8>),
    /// To `Approve`, `Decline`, `Answer`, `Revoke`.
    Decided(Decided),
    /// To `Invite`.
    Invited(Box<Invited>),
    /// To `Join`.
    Joined(Box<InvitationView>),
    /// To `Invitations`.
    Invitations(Vec<InvitationView>),
    /// To `Forget`.
    Forgotten(Forgotten),
    /// To `Stop`.
    Done,
}

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// A word for programs, such as `no_such_computation`.
    pub code: String,
    /// What is wrong, with the value.
    pub message: String,
    /// What to do next; never empty.
    pub hint: String,
    /// The exit code of docs/CLI.md.
    pub exit: u8,
}

/// The node's loop turns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Always `ok`.
    pub status: String,
    /// The node.
    pub uid: String,
    /// Connected peers.
    pub peers: usize,
    /// Computations that have not ended.
    pub open: usize,
    /// Since the process started.
    pub uptime_ms: u64,
}

/// A node's names and addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeId {
    /// The short form.
    pub uid: String,
    /// The full PeerId.
    pub peer_id: String,
    /// `heavy` or `light`.
    pub role: Role,
    /// What its owner calls it.
    pub name: String,
    /// The port that it listens on, TCP and UDP; absent while it is not known.
    pub port: Option<u16>,
    /// Full multiaddresses with `/p2p/…`, ready to paste after `--bootstrap`.
    pub addresses: Vec<String>,
    /// The home folder.
    pub home: String,
}

/// The network as one node sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// Every node that was heard of and not forgotten, this one included; by creation.
    pub nodes: Vec<NodeView>,
    /// Active heavy nodes, this one included.
    pub heavy: usize,
    /// Active light nodes, this one included.
    pub light: usize,
}

/// One node in the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeView {
    /// The short form.
    pub uid: String,
    /// The full PeerId.
    pub peer_id: String,
    /// `heavy` or `light`.
    pub role: Role,
    /// Self-chosen.
    pub name: String,
    /// Where it listens.
    pub addresses: Vec<String>,
    /// The port of its first address.
    pub port: Option<u16>,
    /// `starting`, `active`, `processing`, `stopping` or `lost`.
    pub status: String,
    /// Round trip; absent for this node and for nodes that are not connected.
    pub rtt_ms: Option<f64>,
    /// When its identity was made, RFC 3339.
    pub created_at: String,
    /// When it was last heard of, RFC 3339.
    pub last_seen: String,
}

/// The noise that a question asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoiseView {
    /// `discrete-laplace`.
    pub mechanism: String,
    /// The privacy loss.
    pub epsilon: Number,
}

/// A question that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// `COMP-…`.
    pub id: String,
    /// UIDs.
    pub heavy_nodes: Vec<String>,
    /// `additive`, `prio3` or `threshold`.
    pub sharing: String,
    /// With `threshold`: how many heavy nodes rebuild a total.
    pub threshold: Option<u8>,
    /// Whether inputs are proven to lie within the schema's bounds.
    pub proven: bool,
    /// How many colluding heavy nodes learn nothing.
    pub private_against: usize,
    /// How many heavy nodes may vanish for good.
    pub survives: usize,
    /// The noise in the result.
    pub noise: Option<NoiseView>,
    /// RFC 3339.
    pub deadline: String,
}

/// A question that its owner has decided about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// `COMP-…`.
    pub id: String,
}

/// One computation as this node sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComputationView {
    /// `COMP-…`.
    pub id: String,
    /// Where it stands.
    pub status: Status,
    /// UID.
    pub proposer: String,
    /// The question in words.
    pub prompt: String,
    /// `count`, `sum`, `mean`, …: docs/CLI.md.
    pub statistic: String,
    /// The first field.
    pub field: String,
    /// All fields.
    pub fields: Vec<String>,
    /// What their values look like, in words and in the same order: "a number from 0 to 120 in steps of 1".
    pub values: Vec<String>,
    /// How many records one participant may answer with.
    pub max_records: u32,
    /// RFC 3339.
    pub deadline: String,
    /// When this node gives up at the latest, should it hear of no end: RFC 3339.
    pub gives_up_at: String,
    /// No sum over fewer.
    pub min_participants: u32,
    /// `additive`, `prio3` or `threshold`.
    pub sharing: String,
    /// With `threshold`: how many heavy nodes rebuild a total.
    pub threshold: Option<u8>,
    /// Whether inputs are proven to lie within the schema's bounds.
    pub proven: bool,
    /// How many colluding heavy nodes learn nothing.
    pub private_against: usize,
    /// How many heavy nodes may vanish for good.
    pub survives: usize,
    /// The noise in the result.
    pub noise: Option<NoiseView>,
    /// UIDs.
    pub heavy_nodes: Vec<String>,
    /// In the result, or reported so far as this node knows.
    pub participants: u32,
    /// Records behind the result; 0 before it.
    pub samples: u64,
    /// By statistic (docs/CLI.md), always with `samples` and `participants`; null before the end.
    pub result: Option<Value>,
    /// Why it failed, or why this node does not answer, or has not yet; null otherwise.
    pub reason: Option<String>,
    /// UIDs of the heavy nodes whose votes the certificate carries; empty before the end.
    pub signed_by: Vec<String>,
    /// Reports that did not verify and are left out of the result; null before the end.
    pub unverified: Option<u32>,
    /// With `threshold`: whether enough partial sums came to notice a false one; null otherwise, and before the end.
    pub checked: Option<bool>,
    /// UIDs of the heavy nodes whose partial sums are false, as the certificate shows.
    pub liars: Vec<String>,
    /// UIDs of whose reports were added up, where this node may know and does; null otherwise, and before the end.
    pub members: Option<Vec<String>>,
    /// At a light node that answered: other answers about the same field over nearly the same participants; the nearest first.
    pub similar: Vec<SimilarView>,
    /// This node's own part: `none`, `waiting`, `answered`, `declined`.
    pub own_answer: String,
    /// At a node that answers from a source: what became of rows that are not in the answer as they are, counted, such as
    /// `1 that do not fit (…)`. Null where every row is, and after a restart.
    #[serde(default)]
    pub left_out: Option<String>,
    /// Light nodes that this node could expect an answer from: the closed list's length, or the active ones.
    pub expected: usize,
    /// At the proposer: why light nodes have not answered, counted, such as {"waits for its owner": 1}.
    pub standings: BTreeMap<String, usize>,
    /// Heavy nodes of this computation that this node has no connection to, UIDs.
    pub unreachable: Vec<String>,
    /// Whether it ended so long ago that of it only the certificate, or why it failed, and the ledger are left: who was in the set
    /// and why others have not answered is no longer known, and in a list its result is null.
    #[serde(default)]
    pub pruned: bool,
    /// Whether named parties ask each other, and the heavy nodes are these parties.
    #[serde(default)]
    pub by_invitation: bool,
    /// Where it was by invitation and this node remembers that: who is in it, and how far that has come; null otherwise.
    #[serde(default)]
    pub invitation: Option<Box<InvitationView>>,
    /// Goes up with every change; for `Watch`.
    pub revision: u64,
}

/// Another computation over nearly the same participants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimilarView {
    /// `COMP-…`.
    pub id: String,
    /// How many participants are in one of the two sets alone.
    pub difference: u32,
}

/// A question that waits for the owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingView {
    /// `COMP-…`.
    pub id: String,
    /// UID.
    pub proposer: String,
    /// The question in words.
    pub prompt: String,
    /// `count`, `sum`, `mean`, …: docs/CLI.md.
    pub statistic: String,
    /// The first field.
    pub field: String,
    /// All fields.
    pub fields: Vec<String>,
    /// What their values look like, in words and in the same order: "a number from 0 to 120 in steps of 1".
    pub values: Vec<String>,
    /// How many records one participant may answer with.
    pub max_records: u32,
    /// RFC 3339.
    pub deadline: String,
    /// No sum over fewer.
    pub min_participants: u32,
    /// UIDs.
    pub heavy_nodes: Vec<String>,
    /// The rule that made it wait, as in `node.toml`.
    pub rule: String,
    /// Why it waits.
    pub reason: String,
    /// The command that answers it.
    pub command: String,
    /// The command that says no; null where nobody can any more.
    pub decline: Option<String>,
    /// By invitation: how many parties there are; else null.
    pub parties: Option<u32>,
}

impl std::fmt::Debug for PrivateText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<redacted>")
    }
}

/// One request on its way to the node's loop, with the place to put the answer.
pub struct Call {
    /// What is asked.
    pub request: Request,
    /// Where the answer goes; a dropped receiver means that the asker has left.
    pub reply: tokio::sync::oneshot::Sender<Result<Reply, ApiError>>,
}

/// Requests that may wait for the node's loop.
pub const CALLS_QUEUED_MAX: usize = 64;
