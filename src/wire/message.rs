//! What nodes send each other, point to point and by gossip.
//!
//! Every message is one way and may be lost, repeated or overtaken: whoever lacks something asks for it again
//! ([`Message::Want`]), and receiving anything twice changes nothing.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::certificate::Certificate;
use super::codec::{self, CodecError};
use super::commitment::Blind;
use super::deal::{Deal, Part};
use super::decree::{DecreeFault, DecreeMessage, Topic};
use super::invitation::Joining;
use super::list::Entry;
use super::outline::{Filled, Outline};
use super::signed::Signed;
use super::statement::{
    Acceptance, Close, FailureNotice, Freeze, Manifest, Opening, Presence, Receipt, Verification, Vote,
};
use crate::domain::limits::{GOSSIP_BYTES_MAX, MESSAGE_BYTES_MAX};
use crate::domain::{
    Computation, ComputationId, Digest, Failure, PeerId, Refusal, Standing, TicketRefusal, Timestamp,
};
use crate::sharing::Secret;

pub(super) const ENVELOPE_VERSION: u8 = 7;

/// A computation that every heavy node has accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// The computation.
    pub computation: Signed<Computation>,
    /// Every heavy node's acceptance, in their order.
    #[serde(deserialize_with = "codec::one_a_heavy_node")]
    pub acceptances: Vec<Signed<Acceptance>>,
}

/// One heavy node's part of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// The report.
    pub manifest: Signed<Manifest>,
    /// The random bytes of this share's digest.
    pub blind: Blind,
    /// The share.
    pub share: Secret<Vec<u8>>,
}

/// Why a heavy node does not take a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rejection {
    /// It has closed.
    Closed,
    /// It holds as many reports as the computation allows.
    Full,
    /// It holds another report of this participant.
    OtherReport,
    /// The share does not match the manifest.
    Malformed,
    /// The participant is not on the closed list.
    NotInvited,
}

/// What a node lacks and asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Want {
    /// The computation with its acceptances.
    Announcement,
    /// The receiver's signed close.
    Close,
    /// The outline of the receiver's list, because its digest differs.
    List,
    /// The receiver's freeze.
    Freeze,
    /// What the receiver has dealt to this node.
    Deal,
    /// The receiver's ρ, or its shares of every ρ.
    Rho,
    /// The receiver's commitment to its verifier shares.
    Verification,
    /// The receiver's verifier shares, every batch.
    Verifiers,
    /// The receiver's vote.
    Vote,
    /// The receiver's opening.
    Opening,
    /// The certificate or the failure.
    Outcome,
    /// What another heavy node, which may be gone, has put into a decree.
    Input {
        /// Which decree.
        topic: Topic,
        /// Whose input.
        owner: PeerId,
    },
    /// Who was in the accepted set.
    Members,
}

/// One message over request-response. The receiver knows from the transport who sent it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// Proposer to heavy node: will you?
    Propose(Signed<Computation>),
    /// Heavy node to proposer: yes.
    Accept(Signed<Acceptance>),
    /// Heavy node to proposer: no.
    Refuse {
        /// Which computation.
        computation: ComputationId,
        /// Why.
        refusal: Refusal,
    },
    /// Proposer to heavy nodes: it gives it up; before the announcement only.
    Withdraw {
        /// Which computation.
        computation: ComputationId,
        /// Why.
        failure: Failure,
    },
    /// To anybody: this runs.
    Announce(Announcement),
    /// Heavy node to heavy node, before it accepts: a share of what keeps a threshold computation alive without it.
    Deal {
        /// What it has dealt to all.
        deal: Signed<Deal>,
        /// The receiver's share of its ρ.
        rho: Part,
        /// The receiver's share of its noise, where there is noise.
        noise: Option<Part>,
    },
    /// Light node to heavy node: a share.
    Submit(Submission),
    /// Heavy node to light node: I hold it.
    Receipt(Signed<Receipt>),
    /// Heavy node to light node: I do not take it.
    Reject {
        /// Which computation.
        computation: ComputationId,
        /// Why.
        rejection: Rejection,
    },
    /// Light node to heavy nodes: the others hold it too.
    Receipts(#[serde(deserialize_with = "codec::one_a_heavy_node")] Vec<Signed<Receipt>>),
    /// Light node to proposer: why there is no report of mine; none: there is one now.
    Stand {
        /// Which computation.
        computation: ComputationId,
        /// Why.
        standing: Option<Standing>,
    },
    /// Heavy node to proposer: how many reports it holds.
    Progress {
        /// Which computation.
        computation: ComputationId,
        /// How many.
        reports: u32,
    },
    /// Heavy node to heavy nodes: everybody on the closed list has reported.
    Complete {
        /// Which computation.
        computation: ComputationId,
        /// The digest of what would be its list.
        list: Digest,
    },
    /// Heavy node to heavy nodes: I have closed.
    Close(Signed<Close>),
    /// Heavy node to heavy node: the outline of my list, since our digests differ.
    List {
        /// The close that it belongs to.
        close: Signed<Close>,
        /// The list without its reports.
        outline: Outline,
        /// These besides, where they are a single leaf.
        #[serde(deserialize_with = "codec::leaves_at_once")]
        leaves: Vec<Filled>,
    },
    /// Heavy node to heavy nodes: this report of a participant differs from the one on your list.
    Conflict(Signed<Manifest>),
    /// Heavy node to heavy nodes: I have every list.
    Freeze {
        /// The freeze.
        freeze: Signed<Freeze>,
        /// The closes that it follows from, in the order of the heavy nodes.
        #[serde(deserialize_with = "codec::one_a_heavy_node")]
        closes: Vec<Signed<Close>>,
    },
    /// Heavy node to heavy nodes, once every freeze is in: my ρ, a part of the verification key.
    Rho {
        /// Of which computation.
        computation: ComputationId,
        /// ρ.
        rho: Secret<[u8; 32]>,
        /// The random bytes of its commitment in the acceptance.
        blind: Blind,
    },
    /// Heavy node to heavy nodes, once the set is decided: my shares of every heavy node's ρ, in their order.
    RhoParts {
        /// Of which computation.
        computation: ComputationId,
        /// The shares.
        #[serde(deserialize_with = "codec::one_a_heavy_node")]
        parts: Vec<Part>,
    },
    /// Heavy node to heavy nodes, under threshold sharing: agreement on whose inputs count.
    Decree(DecreeMessage),
    /// Heavy node to heavy nodes, under threshold sharing: one of us broke the rules of a decree, and this proves it.
    Fault(Box<DecreeFault>),
    /// Heavy node to heavy nodes: a commitment to my verifier shares.
    Verification(Signed<Verification>),
    /// Heavy node to heavy nodes, once every commitment is in: a batch of verifier shares.
    Verifiers {
        /// Of which computation.
        computation: ComputationId,
        /// Whose.
        heavy: PeerId,
        /// Which batch, counted from 0.
        batch: u32,
        /// The random bytes of its commitment.
        blind: Blind,
        /// Verifier shares, one after the other.
        shares: Secret<Vec<u8>>,
    },
    /// Heavy node to heavy nodes: the set, and a commitment to my partial sum.
    Vote {
        /// The vote.
        vote: Signed<Vote>,
        /// What the proofs were judged by, in the order of the heavy nodes; empty where there are none.
        #[serde(deserialize_with = "codec::one_a_heavy_node")]
        verifications: Vec<Signed<Verification>>,
    },
    /// Heavy node to heavy nodes: my partial sum.
    Open {
        /// The opening.
        opening: Signed<Opening>,
        /// The votes that it answers, in the order of the heavy nodes.
        #[serde(deserialize_with = "codec::one_a_heavy_node")]
        votes: Vec<Signed<Vote>>,
    },
    /// To anybody: the result.
    Certificate(Certificate),
    /// To anybody: there will be no result.
    Fail(Signed<FailureNotice>),
    /// To anybody: send me what I lack.
    Want {
        /// Of which computation.
        computation: ComputationId,
        /// What.
        want: Want,
    },
    /// To a heavy node: what is open, and what has ended?
    Ask {
        /// The asker's clock.
        clock: Timestamp,
    },
    /// The answer, newest first.
    Offer {
        /// The answerer's clock.
        clock: Timestamp,
        /// Computations that take reports or are being agreed on.
        open: Vec<ComputationId>,
        /// Computations with a certificate.
        completed: Vec<ComputationId>,
        /// Computations that failed.
        failed: Vec<ComputationId>,
    },
    /// To anybody: who I am.
    Presence(Signed<Presence>),
    /// Heavy node to the proposer, the heavy nodes and the participants, once there is a certificate: whose reports were
    /// added up.
    Members {
        /// Of which computation.
        computation: ComputationId,
        /// The accepted set, as its digest in the votes is computed over it.
        #[serde(deserialize_with = "codec::members")]
        entries: Vec<Entry>,
    },
    /// Invited to inviter: here is my ticket; without a name and addresses, only to see who is there.
    Join {
        /// Which invitation.
        invitation: ComputationId,
        /// The ticket's secret.
        secret: Secret<[u8; 16]>,
        /// What it says of itself.
        joining: Option<Signed<Joining>>,
    },
    /// Inviter to invited: who has joined.
    Roster {
        /// Which invitation.
        invitation: ComputationId,
        /// The inviter first, then in the order of the seats.
        #[serde(deserialize_with = "codec::one_a_heavy_node")]
        joined: Vec<Signed<Joining>>,
    },
    /// Invited to inviter: I have changed my mind. Before the computation is proposed.
    Leave {
        /// Which invitation.
        invitation: ComputationId,
    },
    /// Inviter to whoever shows a ticket: no, or not any more.
    NotAdmitted {
        /// Which invitation.
        invitation: ComputationId,
        /// Why.
        refusal: TicketRefusal,
    },
    /// Heavy node to heavy node: I lack these leaves of a list whose outline I have.
    Lacking {
        /// Of which computation.
        computation: ComputationId,
        /// Whose list.
        owner: PeerId,
        /// Their places in the outline.
        #[serde(deserialize_with = "codec::leaves_at_once")]
        leaves: Vec<u32>,
    },
    /// Heavy node to heavy node: leaves of a list, for the asking.
    Leaves {
        /// Of which computation.
        computation: ComputationId,
        /// Whose list.
        owner: PeerId,
        /// The leaves.
        #[serde(deserialize_with = "codec::leaves_at_once")]
        leaves: Vec<Filled>,
    },
}

/// What is told to the whole network. A hint: nothing depends on its arrival.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Gossip {
    /// This runs.
    Announce(Announcement),
    /// This has a certificate; ask a heavy node for it.
    Completed {
        /// Which computation.
        computation: ComputationId,
    },
    /// This has failed.
    Failed(Signed<FailureNotice>),
    /// Who is there.
    Presence(Signed<Presence>),
}

impl Announcement {
    /// The computation's id.
    pub fn id(&self) -> ComputationId {
        self.computation.id()
    }
}

impl Message {
    /// The envelope: a version and deterministic CBOR.
    pub fn encode(&self) -> Vec<u8> {
        codec::to_bytes_behind(&[ENVELOPE_VERSION], self)
    }

    /// The envelope behind its length in four bytes, big endian; nothing for one that is larger than a message may be.
    pub fn frame(&self) -> Option<Vec<u8>> {
        let mut frame = Zeroizing::new(codec::to_bytes_behind(&[0, 0, 0, 0, ENVELOPE_VERSION], self));
        let (length, envelope) = frame.split_first_chunk_mut::<4>()?;
        *length =
            u32::try_from(envelope.len()).ok().filter(|_| envelope.len() <= MESSAGE_BYTES_MAX)?.to_be_bytes();
        Some(std::mem::take(&mut *frame))
    }

    /// Reads an envelope.
    ///
    /// # Errors
    /// Whatever is wrong with the bytes, or a signature in them that does not hold.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        codec::from_bytes(open_envelope(bytes, MESSAGE_BYTES_MAX)?)
    }

    /// The name of this kind of message, for logs.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Propose(_) => "propose",
            Self::Accept(_) => "accept",
            Self::Refuse { .. } => "refuse",
            Self::Withdraw { .. } => "withdraw",
            Self::Announce(_) => "announce",
            Self::Deal { .. } => "deal",
            Self::Submit(_) => "submit",
            Self::Receipt(_) => "receipt",
            Self::Reject { .. } => "reject",
            Self::Receipts(_) => "receipts",
            Self::Stand { .. } => "stand",
            Self::Progress { .. } => "progress",
            Self::Complete { .. } => "complete",
            Self::Close(_) => "close",
            Self::List { .. } => "list",
            Self::Conflict(_) => "conflict",
            Self::Freeze { .. } => "freeze",
            Self::Rho { .. } => "rho",
            Self::RhoParts { .. } => "rho parts",
            Self::Decree(_) => "decree",
            Self::Fault(_) => "fault",
            Self::Verification(_) => "verification",
            Self::Verifiers { .. } => "verifiers",
            Self::Vote { .. } => "vote",
            Self::Open { .. } => "open",
            Self::Certificate(_) => "certificate",
            Self::Fail(_) => "fail",
            Self::Want { .. } => "want",
            Self::Ask { .. } => "ask",
            Self::Offer { .. } => "offer",
            Self::Presence(_) => "presence",
            Self::Members { .. } => "members",
            Self::Join { .. } => "join",
            Self::Roster { .. } => "roster",
            Self::Leave { .. } => "leave",
            Self::NotAdmitted { .. } => "not admitted",
            Self::Lacking { .. } => "lacking",
            Self::Leaves { .. } => "leaves",
        }
    }
}

impl Gossip {
    /// The envelope: a version and deterministic CBOR.
    pub fn encode(&self) -> Vec<u8> {
        codec::to_bytes_behind(&[ENVELOPE_VERSION], self)
    }

    /// Reads an envelope.
    ///
    /// # Errors
    /// Whatever is wrong with the bytes, or a signature in them that does not hold.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        codec::from_bytes(open_envelope(bytes, GOSSIP_BYTES_MAX)?)
    }
}

fn open_envelope(bytes: &[u8], limit: usize) -> Result<&[u8], CodecError> {
    if bytes.len() > limit {
        return Err(CodecError::TooLarge { bytes: bytes.len(), limit });
    }
    match bytes.split_first() {
        Some((&ENVELOPE_VERSION, body)) => Ok(body),
        Some((&version, _)) => Err(CodecError::Version(version)),
        None => Err(CodecError::Empty),
    }
}
