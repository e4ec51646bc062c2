//! What a node does about it: the whole output of the protocol.
//!
//! Actions run in order, and a `Persist` or `Erase` is durable before the next `Send` or `Publish`.

use super::event::Timer;
use crate::domain::{ComputationId, Failure, InvitationEnd, PeerId, Standing, TicketRefusal, Timestamp};
use crate::sharing::Verdict;
use crate::wire::{Fault, Gossip, Message, Record, RecordKey, Similar};

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Remember this.
    Persist(Box<Record>),
    /// Forget the record with this key; with a key without a peer, every record of its kind and computation.
    Erase(RecordKey),
    /// Send this to a peer. It may be lost; the protocol asks again.
    Send {
        /// To whom.
        to: PeerId,
        /// What.
        message: Box<Message>,
    },
    /// Tell the network.
    Publish(Box<Gossip>),
    /// Give the event `Expired(timer)` at this time; replaces the same timer set earlier.
    SetTimer {
        /// Which.
        timer: Timer,
        /// When.
        at: Timestamp,
    },
    /// Read the private records that a question is about; give the event `SourceRead`.
    ReadSource {
        /// For which computation.
        computation: ComputationId,
    },
    /// Give the event `Work` soon, after what has come meanwhile: there is more to compute than one turn should.
    Work {
        /// For which computation.
        computation: ComputationId,
    },
    /// Keep a connection to this peer, which is to be found there.
    Reach {
        /// Who.
        peer: PeerId,
        /// Multiaddresses, without `/p2p/…`.
        addresses: Vec<String>,
    },
    /// A connection to this peer matters no more.
    LetGo {
        /// Who.
        peer: PeerId,
    },
    /// Tell whoever looks at this node.
    Tell(Notice),
    /// A peer broke the protocol, and this is the proof.
    Blame(Box<Fault>),
}

/// What people and programs are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Something about this computation changed.
    Changed(ComputationId),
    /// Every heavy node accepted; it runs.
    Announced(ComputationId),
    /// A question waits for the owner.
    WaitsForOwner {
        /// Which computation.
        computation: ComputationId,
        /// Why it was not answered unattended.
        why: crate::consent::Doubt,
    },
    /// A report was made and is on its way.
    Answered(ComputationId),
    /// A question will not be answered.
    Declined {
        /// Which computation.
        computation: ComputationId,
        /// Why.
        standing: Standing,
        /// What the policy said, where it or the owner declined.
        why: Option<crate::consent::Doubt>,
    },
    /// Under threshold sharing, at a heavy node: a participant's report is left out of the set.
    LeftOut {
        /// Which computation.
        computation: ComputationId,
        /// Whose report.
        participant: PeerId,
        /// What the verifier shares say of it.
        verdict: Verdict,
    },
    /// There is a result.
    Completed(ComputationId),
    /// There will be no result.
    Failed {
        /// Which computation.
        computation: ComputationId,
        /// Why.
        failure: Failure,
    },
    /// At a light node: two of its answers are over sets so near that both results together tell about few.
    SimilarSets {
        /// The computation whose set came last.
        computation: ComputationId,
        /// A field that both are about.
        field: String,
        /// The nearest of the others.
        nearest: Similar,
        /// How many others are near besides.
        more: usize,
    },
    /// Something about this invitation changed.
    InvitationChanged(ComputationId),
    /// At the inviter: a party has come.
    PartyJoined {
        /// Into which invitation.
        invitation: ComputationId,
        /// Who.
        peer: PeerId,
    },
    /// At the inviter: a party has left.
    PartyLeft {
        /// Which invitation.
        invitation: ComputationId,
        /// Who.
        peer: PeerId,
    },
    /// At the inviter: a ticket was not taken.
    TicketRefused {
        /// Of which invitation, as the other node says.
        invitation: ComputationId,
        /// Whose.
        peer: PeerId,
        /// Why.
        refusal: TicketRefusal,
    },
    /// Everybody is there, and the owner has not agreed to all of them yet.
    RosterAsks {
        /// In which invitation.
        invitation: ComputationId,
    },
    /// An invitation will become no computation.
    InvitationEnded {
        /// Which.
        invitation: ComputationId,
        /// Why.
        end: InvitationEnd,
    },
    /// A peer's clock and ours are too far apart.
    ClockSkew {
        /// Whose.
        peer: PeerId,
        /// What it shows.
        clock: Timestamp,
    },
    /// A message was not acted on, and why; for the log.
    Ignored {
        /// From whom.
        from: PeerId,
        /// Which kind of message.
        kind: &'static str,
        /// Why.
        why: &'static str,
    },
}
