//! What reaches a node: the whole input of the protocol.

use crate::domain::{ComputationId, Consent, Invitation, PeerId, Role};
use crate::sharing::Secret;
use crate::statistics::Reading;
use crate::wire::{Gossip, Message, Record, Signed, Ticket};

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The store was read: always the first event, with everything that was persisted.
    Restored(Vec<Record>),
    /// A peer sent a message; the transport vouches for the sender.
    Message {
        /// Who sent it.
        from: PeerId,
        /// What.
        message: Message,
    },
    /// Gossip arrived. What matters in it is signed.
    Gossip(Gossip),
    /// A peer is connected and has told its role.
    Met {
        /// Who.
        peer: PeerId,
        /// As what.
        role: Role,
    },
    /// No connection to a peer is left.
    Lost(PeerId),
    /// A person or a program on this machine wants something.
    Command(Command),
    /// A timer that was set has run out.
    Expired(Timer),
    /// A source was read, because of [`super::Action::ReadSource`].
    SourceRead {
        /// For which computation.
        computation: ComputationId,
        /// The measurement, or why there is none.
        outcome: Result<Reading, SourceProblem>,
    },
    /// It is time to compute, because of [`super::Action::Work`].
    Work {
        /// For which computation.
        computation: ComputationId,
    },
}

/// What the node's owner wants.
#[derive(Clone, Debug)]
pub enum Command {
    /// Ask this. The computation carries this node's PeerId as its proposer and the current time.
    Propose(Box<crate::domain::Computation>),
    /// Invite parties. The invitation carries this node's PeerId as its inviter and the current time.
    Invite {
        /// What is asked.
        invitation: Box<Invitation>,
        /// What this node calls itself.
        name: String,
        /// Where it is to be found.
        addresses: Vec<String>,
        /// What it will answer, if that is known already.
        input: Option<Reading>,
    },
    /// Show a ticket, or agree to more than before with one that was shown.
    Join {
        /// The ticket.
        ticket: Box<Signed<Ticket>>,
        /// What this node calls itself.
        name: String,
        /// Where it is to be found.
        addresses: Vec<String>,
        /// With whom its owner agrees to compute.
        consent: Consent,
        /// What it will answer, if that is known already.
        input: Option<Reading>,
    },
    /// Withdraw an invitation of this node's, before its computation is announced.
    Revoke(ComputationId),
    /// Forget an ended computation but for what keeps it from being answered twice.
    Forget(ComputationId),
    /// The same, of one of which the store alone holds the end.
    ForgetPruned {
        /// Which.
        computation: ComputationId,
        /// The invitation that it came from.
        invitation: Option<ComputationId>,
        /// What the ledger says of it.
        ledger: Option<Box<crate::wire::LedgerEntry>>,
    },
    /// Answer a waiting question from its source; or agree to the parties of an invitation.
    Approve(ComputationId),
    /// Do not answer it; or leave an invitation.
    Decline(ComputationId),
    /// Answer it with this; an invitation too, before everybody has come.
    Answer(ComputationId, Reading),
}

/// Why a source gives no measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceProblem {
    /// No source is declared for the field.
    NoSuchField,
    /// A source is there but cannot be read.
    Unreadable,
    /// What is read does not fit the question.
    Unfit,
}

/// What has run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Time to ask a heavy node what is open.
    Sync,
    /// Heavy nodes have had their time to accept.
    AcceptanceWait(ComputationId),
    /// The deadline is here.
    Deadline(ComputationId),
    /// Time to ask again for what is missing.
    Retry(ComputationId),
    /// Missing heavy nodes have been waited for long enough.
    Patience(ComputationId),
    /// Under threshold sharing: heavy nodes that are missing in this step have been waited for.
    Grace(ComputationId),
    /// Under threshold sharing: a view of a decree has taken long.
    View(ComputationId),
    /// The end should have been heard of by now.
    NoContact(ComputationId),
    /// Time to tell the proposer how many reports there are.
    Progress(ComputationId),
    /// A ticket stops to admit.
    Invitation(ComputationId),
    /// Time to ask an inviter again who has joined.
    Joining(ComputationId),
}

/// Bytes of randomness that a node starts from; a restart must bring other ones.
pub type Seed = Secret<[u8; 32]>;
