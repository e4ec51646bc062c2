//! Invitations in the local API: what somebody asks who invites or joins, and what is shown of an invitation.

use serde::{Deserialize, Serialize};

use super::api::{NoiseView, PrivateText};
use super::proposal::Proposal;
use crate::domain::limits::TICKETS_DEFAULT;

/// A question put to named parties, as typed and checked for form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inviting {
    /// What is asked. Its heavy nodes, its participants, their minimum and its deadline are not used: the parties are all
    /// of them, and they answer until the tickets expire or for `answer_within_ms`.
    pub question: Proposal,
    /// How many take part, the inviter among them: 2 to 16.
    pub parties: u32,
    /// How many must answer; absent: all. Fewer needs threshold sharing, which it chooses.
    #[serde(default)]
    pub quorum: Option<u32>,
    /// How long tickets admit.
    #[serde(default = "expires_default")]
    pub expires_ms: u64,
    /// How long after everybody has joined answers are due; absent: when the tickets expire.
    #[serde(default)]
    pub answer_within_ms: Option<u64>,
    /// What the inviter calls itself to the others; absent: the node's name.
    #[serde(default)]
    pub name: Option<String>,
    /// The inviter's own values, one for each field of the question: a literal, or a JSON array with one a record. Empty: from
    /// its source, or by `answer`.
    #[serde(default)]
    pub values: Vec<PrivateText>,
}

/// A ticket, and what its holder agrees to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Joining {
    /// The ticket's text. Whoever has it can take the seat.
    pub ticket: PrivateText,
    /// With whom to compute.
    pub consent: Agreement,
    /// What this party calls itself to the others; absent: the node's name.
    #[serde(default)]
    pub name: Option<String>,
    /// As in [`Inviting::values`].
    #[serde(default)]
    pub values: Vec<PrivateText>,
}

/// With whom an invited party agrees to compute, as typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Agreement {
    /// With nobody yet: look at who is there. The seat is kept for this node.
    Look,
    /// With whoever else is invited.
    Anybody,
    /// With these, by whole UID or PeerId; a party that this node does not know of by its PeerId. The owner is asked about
    /// others. Names are not taken: anybody can call itself anything.
    Only(Vec<String>),
}

/// An invitation that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invited {
    /// `COMP-…`, of the computation that it becomes, too.
    pub id: String,
    /// One for each other party; each admits the first node that shows it.
    pub tickets: Vec<PrivateText>,
    /// When they stop to admit, RFC 3339.
    pub expires: String,
    /// How many take part, the inviter among them.
    pub parties: u32,
    /// How many must answer.
    pub quorum: u32,
    /// `additive`, `prio3` or `threshold`.
    pub sharing: String,
    /// With `threshold`: how many parties rebuild a total.
    pub threshold: Option<u8>,
    /// Whether inputs are proven to lie within the schema's bounds.
    pub proven: bool,
    /// How many colluding parties learn nothing but what the total tells.
    pub private_against: usize,
    /// How many parties may vanish for good after they have answered.
    pub survives: usize,
    /// The noise in the result.
    pub noise: Option<NoiseView>,
    /// Where the inviter's own value comes from: `given`, `source` or `missing`.
    pub answer: String,
}

/// One invitation as this node sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationView {
    /// `COMP-…`, of the computation that it becomes, too.
    pub id: String,
    /// `open`, `asks` (its owner, about who is in it), `running`, `completed`, `failed`, `expired`, `revoked`, `left` or `refused`.
    pub state: String,
    /// This node's part: `inviter`, `invited` or `looking`.
    pub part: String,
    /// UID.
    pub inviter: String,
    /// The question in words.
    pub prompt: String,
    /// `count`, `sum`, `mean`, …: docs/CLI.md.
    pub statistic: String,
    /// All fields.
    pub fields: Vec<String>,
    /// What their values look like, in words and in the same order: "a number from 0 to 120 in steps of 1".
    pub values: Vec<String>,
    /// How many records one party may answer with.
    pub max_records: u32,
    /// `additive`, `prio3` or `threshold`.
    pub sharing: String,
    /// With `threshold`: how many parties rebuild a total.
    pub threshold: Option<u8>,
    /// Whether inputs are proven to lie within the schema's bounds.
    pub proven: bool,
    /// How many colluding parties learn nothing but what the total tells.
    pub private_against: usize,
    /// How many parties may vanish for good after they have answered.
    pub survives: usize,
    /// The noise in the result.
    pub noise: Option<NoiseView>,
    /// How many take part, the inviter among them.
    pub parties: u32,
    /// How many must answer.
    pub quorum: u32,
    /// How many have joined, the inviter among them, as far as this node knows.
    pub joined: u32,
    /// Who they are, in the order of the seats, the inviter first.
    pub roster: Vec<PartyView>,
    /// When tickets stop to admit, RFC 3339.
    pub expires: String,
    /// When answers are due, RFC 3339; null while that depends on when everybody has come.
    pub deadline: Option<String>,
    /// What this node puts in: `given`, `source` (it is read when everybody is there) or `missing`. `given` once it has answered.
    pub answer: String,
    /// At the inviter, while the invitation is open, in the list of invitations alone: one for each other party.
    pub tickets: Vec<TicketView>,
    /// Why it ended without a result; null otherwise.
    pub reason: Option<String>,
    /// What its owner should know, such as that the inviter was not reached yet; null otherwise.
    pub note: Option<String>,
    /// Goes up with every change; for `Watch`.
    pub revision: u64,
}

/// One party that has joined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartyView {
    /// The short form.
    pub uid: String,
    /// The full PeerId.
    pub peer_id: String,
    /// Self-chosen.
    pub name: String,
    /// Whether it is this node.
    pub you: bool,
    /// Whether it invites.
    pub inviter: bool,
    /// Whether this node's owner has agreed to compute with it.
    pub agreed: bool,
}

/// One seat, at the inviter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketView {
    /// The ticket's text; null once somebody has used it.
    pub ticket: Option<PrivateText>,
    /// UID of who has used it: nobody else is admitted by it.
    pub holder: Option<String>,
    /// Whether the holder has joined, and does not look alone.
    pub joined: bool,
}

/// What is left of something that its owner has forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forgotten {
    /// `COMP-…`.
    pub id: String,
    /// What this node has deleted, in words.
    pub deleted: Vec<String>,
    /// What remains, here and elsewhere, in words.
    pub kept: Vec<String>,
}

impl Inviting {
    /// An invitation with every default: every party answers, tickets admit for an hour.
    pub fn new(question: Proposal, parties: u32) -> Self {
        Self {
            question,
            parties,
            quorum: None,
            expires_ms: expires_default(),
            answer_within_ms: None,
            name: None,
            values: Vec::new(),
        }
    }
}

fn expires_default() -> u64 {
    u64::try_from(TICKETS_DEFAULT.as_millis()).unwrap_or(u64::MAX)
}
