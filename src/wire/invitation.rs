//! What goes between inviter and invited before there is a computation: the ticket, who has joined, and what a node
//! remembers of an invitation.

use serde::{Deserialize, Serialize};

use super::codec;
use super::signed::{Signed, Statement};
use crate::domain::{ComputationId, Consent, Invitation, InvitationEnd, PeerId};
use crate::sharing::Secret;

/// What admits one party. The inviter signs it whole, so nothing in it can be exchanged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// What is asked, by whom, until when.
    pub invitation: Invitation,
    /// Where the inviter is to be found: multiaddresses, without `/p2p/…`.
    pub addresses: Vec<String>,
    /// Admits the first node that shows it.
    pub secret: Secret<[u8; 16]>,
}

/// One party says that it is there, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joining {
    /// In which invitation.
    pub invitation: ComputationId,
    /// Who.
    pub party: PeerId,
    /// Self-chosen; for people.
    pub name: String,
    /// Where it is to be found: multiaddresses, without `/p2p/…`.
    pub addresses: Vec<String>,
}

/// What a node remembers of an invitation; its key is the invitation's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationMemory {
    /// What is asked.
    pub invitation: Invitation,
    /// What it is in it.
    pub seat: InvitationPart,
    /// What it says of itself; none while it only looks.
    pub own: Option<Signed<Joining>>,
    /// Everybody who has joined, as far as it knows, in the order of the seats; the inviter first.
    #[serde(deserialize_with = "codec::one_a_heavy_node")]
    pub roster: Vec<Signed<Joining>>,
    /// What the invitation has become, as far as this node is bound to it.
    pub computation: Option<ComputationId>,
    /// At the invited: the first computation that was offered. No other one is looked at.
    pub offered: Option<ComputationId>,
    /// How it ended, if it became no computation.
    pub ended: Option<InvitationEnd>,
}

/// What a node is in an invitation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InvitationPart {
    /// It invites: a seat for each other party.
    Inviter {
        /// In the order of the tickets.
        seats: Vec<Seat>,
    },
    /// It is invited.
    Invited {
        /// Where the inviter is to be found.
        addresses: Vec<String>,
        /// Its ticket's secret.
        secret: Secret<[u8; 16]>,
        /// With whom its owner agrees to compute.
        consent: Consent,
    },
}

/// One seat that a ticket stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// The ticket's secret.
    pub secret: Secret<[u8; 16]>,
    /// The node that has shown it first, and that it admits from then on.
    pub holder: Option<PeerId>,
    /// What the holder says of itself, once it has joined.
    pub joined: Option<Signed<Joining>>,
}

/// A measurement that waits for its computation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// The slots, 16 bytes each, little endian.
    pub slots: Secret<Vec<u8>>,
    /// The records behind it.
    pub records: u64,
}

impl Invitation {
    /// Its id.
    pub fn id(&self) -> ComputationId {
        ComputationId::of_invitation(&codec::to_bytes(self))
    }
}

impl InvitationMemory {
    /// The invitation's id.
    pub fn id(&self) -> ComputationId {
        self.invitation.id()
    }

    /// Whether it came so far that it is never taken part in again once its owner has forgotten it. What was only looked at, or tried
    /// in vain, may be tried again.
    pub fn leaves_a_mark(&self) -> bool {
        self.offered.is_some() || !self.roster.is_empty()
    }
}

impl Statement for Ticket {
    const LABEL: &'static str = "formix-p2p/ticket/1";

    fn about(&self, _body: &[u8]) -> ComputationId {
        self.invitation.id()
    }

    fn signer(&self) -> PeerId {
        self.invitation.inviter
    }
}

impl Statement for Joining {
    const LABEL: &'static str = "formix-p2p/joining/1";

    fn about(&self, _body: &[u8]) -> ComputationId {
        self.invitation
    }

    fn signer(&self) -> PeerId {
        self.party
    }
}
