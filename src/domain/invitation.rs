//! A question put to named parties who add up by themselves: what is asked before it is known who they are, and the
//! computation that it becomes once everybody is there.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::computation::{Computation, ComputationError, VERSION};
use super::id::{ComputationId, PeerId};
use super::limits::{DEADLINE_MAX, DEADLINE_MIN, HEAVY_MAX, PARTIES_MIN};
use super::noise::Noise;
use super::outcome::Failure;
use super::query::Query;
use super::sharing::Sharing;
use super::time::Timestamp;

/// Everything that an inviter asks. Its hash is the invitation's id, and stands in the computation that it becomes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// The rules by which the computation will run.
    pub version: u16,
    /// Makes two equal invitations two.
    #[serde(with = "serde_bytes")]
    pub nonce: [u8; 16],
    /// Who invites; the first party.
    pub inviter: PeerId,
    /// The inviter's clock when it was made.
    pub created_at: Timestamp,
    /// The question in words, for people.
    pub prompt: String,
    /// The question for machines.
    pub query: Query,
    /// How measurements are split among the parties.
    pub sharing: Sharing,
    /// How many there are, the inviter among them.
    pub parties: u32,
    /// How many must answer: all, or with threshold sharing more than half.
    pub quorum: u32,
    /// When tickets stop to admit, and answers are due unless `answer_within_ms` says otherwise.
    pub expires: Timestamp,
    /// How long after everybody has joined answers are due, in milliseconds.
    pub answer_within_ms: Option<u64>,
    /// As in the computation.
    pub patience_ms: u64,
    /// As in the computation.
    pub grace_ms: u64,
    /// As in the computation.
    pub noise: Option<Noise>,
}

/// Why an invitation cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvitationError {
    /// Too few or too many parties.
    #[error("an invitation is for {PARTIES_MIN} to {HEAVY_MAX} parties, the inviter among them, not {0}")]
    Parties(u32),
    /// A quorum that leaves the parties two ways to go, or that nobody can reach.
    #[error("the quorum is {quorum} of {parties} parties; it must be more than half, and at most all of them")]
    Quorum {
        /// How many must answer.
        quorum: u32,
        /// Of how many.
        parties: u32,
    },
    /// Only threshold sharing goes on without somebody.
    #[error(
        "a quorum of {quorum} of {parties} parties needs threshold sharing; with {sharing} every party is needed"
    )]
    QuorumSharing {
        /// How many must answer.
        quorum: u32,
        /// Of how many.
        parties: u32,
        /// The scheme.
        sharing: &'static str,
    },
    /// More parties are needed to rebuild a total than must answer.
    #[error("the threshold is {threshold}, more than the quorum of {quorum}")]
    Threshold {
        /// How many rebuild a total.
        threshold: u8,
        /// How many must answer.
        quorum: u32,
    },
    /// Tickets that are over at once, or hold too long.
    #[error("the tickets expire {0} after they are made; it must be between 500ms and 30days")]
    Expires(String),
    /// A rule of the computation that it becomes.
    #[error(transparent)]
    Rule(#[from] ComputationError),
}

/// Whom a party agrees to compute with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Consent {
    /// With nobody yet: it only looks at who is there, and holds the ticket.
    Look,
    /// With whoever else is invited.
    Anybody,
    /// With these; its owner is asked about others.
    Only(Vec<PeerId>),
}

/// Why an inviter does not admit whoever shows a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TicketRefusal {
    /// The node made no such invitation, or has forgotten it.
    Unknown,
    /// The secret is none of this invitation's.
    WrongSecret,
    /// Another node has used the ticket.
    Used,
    /// The node has a seat already.
    AlreadySeated,
    /// It has expired.
    Expired,
    /// The inviter has withdrawn it.
    Revoked,
    /// What the node says of itself is not in order.
    Malformed,
    /// The computation has ended.
    Over,
}

/// How an invitation ended that became no computation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InvitationEnd {
    /// Not everybody came in time.
    Expired {
        /// How many had joined.
        joined: u32,
        /// Of how many.
        parties: u32,
    },
    /// The inviter has withdrawn it.
    Revoked,
    /// This node's owner has left it.
    Left,
    /// The inviter did not admit this node.
    NotAdmitted(TicketRefusal),
    /// The inviter gave up the computation that it was to become.
    Failed(Box<Failure>),
}

impl Invitation {
    /// The computation that it becomes with these parties, in this order.
    pub fn computation(
        &self,
        id: ComputationId,
        parties: Vec<PeerId>,
        nonce: [u8; 16],
        proposed_at: Timestamp,
    ) -> Computation {
        let mut participants = parties.clone();
        participants.sort_unstable();
        let within = self.answer_within_ms.map(|within| proposed_at + Duration::from_millis(within));
        Computation {
            version: self.version,
            nonce,
            proposer: self.inviter,
            proposed_at,
            prompt: self.prompt.clone(),
            query: self.query.clone(),
            heavy: parties,
            sharing: self.sharing,
            min_participants: self.quorum,
            max_participants: self.parties,
            deadline: within.unwrap_or(self.expires),
            patience_ms: self.patience_ms,
            grace_ms: self.grace_ms,
            participants: Some(participants),
            noise: self.noise,
            invitation: Some(id),
        }
    }

    /// The computation with other parties in the place of those that are not known yet: what is measured, how it is
    /// split and what fits does not depend on who they are.
    pub fn draft(&self, id: ComputationId) -> Computation {
        let stand_in = |number: u32| {
            let mut key = [0; 32];
            key[..4].copy_from_slice(&number.to_be_bytes());
            PeerId::from_public_key(key)
        };
        let others = (1..self.parties.min(HEAVY_MAX as u32 + 1)).map(stand_in);
        self.computation(id, [self.inviter].into_iter().chain(others).collect(), [0; 16], self.created_at)
    }

    /// Checks every rule of its own; `statistics::check` checks those of its draft.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check_terms(&self) -> Result<(), InvitationError> {
        let Self { parties, quorum, .. } = *self;
        if self.version != VERSION {
            return Err(ComputationError::Version(self.version).into());
        }
        if !(PARTIES_MIN..=HEAVY_MAX as u32).contains(&parties) {
            return Err(InvitationError::Parties(parties));
        }
        if quorum > parties || quorum * 2 <= parties {
            return Err(InvitationError::Quorum { quorum, parties });
        }
        match self.sharing {
            Sharing::Threshold { k } if u32::from(k) > quorum => {
                return Err(InvitationError::Threshold { threshold: k, quorum });
            }
            Sharing::Threshold { .. } => {}
            Sharing::Additive { .. } | Sharing::Prio3 if quorum < parties => {
                return Err(InvitationError::QuorumSharing { quorum, parties, sharing: self.sharing.name() });
            }
            Sharing::Additive { .. } | Sharing::Prio3 => {}
        }
        let open_for = self.expires.since(self.created_at);
        if !(DEADLINE_MIN..=DEADLINE_MAX).contains(&open_for) {
            return Err(InvitationError::Expires(humantime::format_duration(open_for).to_string()));
        }
        Ok(())
    }
}

impl Consent {
    /// Whether it covers all of these.
    pub fn covers(&self, parties: &[PeerId], me: &PeerId) -> bool {
        match self {
            Self::Look => false,
            Self::Anybody => true,
            Self::Only(agreed) => parties.iter().all(|party| party == me || agreed.contains(party)),
        }
    }
}

impl TicketRefusal {
    /// The word for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "ticket_unknown",
            Self::WrongSecret => "ticket_wrong",
            Self::Used => "ticket_used",
            Self::AlreadySeated => "already_seated",
            Self::Expired => "ticket_expired",
            Self::Revoked => "ticket_revoked",
            Self::Malformed => "not_admitted",
            Self::Over => "ticket_over",
        }
    }
}

impl fmt::Display for TicketRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "the inviter knows no such invitation",
            Self::WrongSecret => "the ticket is none of this invitation's",
            Self::Used => "another node has used the ticket, and each admits one",
            Self::AlreadySeated => "this node has a seat already; each ticket is for another party",
            Self::Expired => "the ticket has expired",
            Self::Revoked => "the inviter has revoked the invitation",
            Self::Malformed => "the name or the addresses of this node are not in order",
            Self::Over => "the computation of this invitation has ended",
        })
    }
}

impl fmt::Display for InvitationEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired { joined, parties } => {
                write!(f, "the invitation expired with {joined} of {parties} parties")
            }
            Self::Revoked => f.write_str("the inviter revoked the invitation"),
            Self::Left => f.write_str("this node's owner left the invitation"),
            Self::NotAdmitted(refusal) => write!(f, "this node was not admitted: {refusal}"),
            Self::Failed(failure) => failure.fmt(f),
        }
    }
}
