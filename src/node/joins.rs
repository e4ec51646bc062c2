//! Answers to those who join: the inviter's word, or that it did not come in time.

use super::api::refused;
use super::parked::{JoinParked, Wants};
use super::runtime::Runtime;
use crate::control::{ApiError, Reply, of_parties};
use crate::domain::limits::JOIN_WAIT;
use crate::domain::{ComputationId, InvitationEnd, PeerId, TicketRefusal};
use crate::protocol::{Command, Event};
use crate::wire::{InvitationPart, Message};

/// The inviter's word on a ticket, as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word {
    invitation: ComputationId,
    from: PeerId,
}

impl Word {
    /// The word in this message, if there is one.
    pub(super) const fn of(from: PeerId, message: &Message) -> Option<Self> {
        if let Message::Roster { invitation, .. } | Message::NotAdmitted { invitation, .. } = message {
            return Some(Self { invitation: *invitation, from });
        }
        None
    }
}

impl Runtime {
    /// The protocol has heard the inviter's word: whoever waits for it is answered.
    pub(super) fn on_word(&mut self, word: Word) {
        let Word { invitation: id, from } = word;
        let Some(view) = self.node.invitation(id) else { return };
        let memory = view.memory;
        if memory.invitation.inviter != from {
            return;
        }
        let answer = if let Some(end) = &memory.ended {
            Err(not_admitted(id, end))
        } else {
            Ok(Reply::Joined(Box::new(self.invitation_shown(&view))))
        };
        let has_seat = memory.ended.is_some()
            || memory.computation.is_some()
            || memory.roster.iter().any(|party| party.signer() == self.own);
        for JoinParked { asker, .. } in self.parked.take_joins(id, has_seat) {
            self.answer(asker, answer.clone());
        }
    }

    /// Answers those for whom the inviter's word has not come in time.
    pub(super) fn end_overdue_joins(&mut self) {
        for JoinParked { id, wants, asker, .. } in self.parked.take_overdue_joins(self.now) {
            let Some(view) = self.node.invitation(id) else {
                let gone = super::references::no_such_computation(&id.to_string());
                self.answer(asker, Err(gone));
                continue;
            };
            // A seat may have been agreed to since the look began: that holds.
            let only_looks = wants == Wants::Look && view.memory.own.is_none();
            if !only_looks {
                let answer = Ok(Reply::Joined(Box::new(self.invitation_shown(&view))));
                self.answer(asker, answer);
                continue;
            }
            let unreachable = self.unreachable(id);
            // Whoever only wanted to look leaves no trace, and the ticket is as good as before.
            self.handle(Event::Command(Command::Decline(id)));
            self.handle(Event::Command(Command::Forget(id)));
            self.answer(asker, Err(unreachable));
        }
    }

    fn unreachable(&self, id: ComputationId) -> ApiError {
        let view = self.node.invitation(id);
        let (uid, addresses) = view.map_or_else(Default::default, |view| {
            let addresses = match &view.memory.seat {
                InvitationPart::Inviter { .. } => String::new(),
                InvitationPart::Invited { addresses, .. } => addresses.join(", "),
            };
            (view.memory.invitation.inviter.uid().to_string(), addresses)
        });
        let waited = JOIN_WAIT.as_secs();
        let message = match addresses.as_str() {
            "" => {
                format!("the inviter {uid} did not answer within {waited} s, and its ticket names no address")
            }
            some => format!("the inviter {uid} did not answer within {waited} s at {some}"),
        };
        let hint = "the ticket is still good: see that the inviter's node runs and can be reached from here, and try again";
        refused(("inviter_unreachable", 1), message, hint.to_owned())
    }
}

fn not_admitted(id: ComputationId, end: &InvitationEnd) -> ApiError {
    let ask = "ask the inviter for a ticket of your own".to_owned();
    let (code, words, hint) = match end {
        InvitationEnd::Revoked => {
            (TicketRefusal::Revoked.code(), TicketRefusal::Revoked.to_string(), "ask the inviter".to_owned())
        }
        InvitationEnd::Expired { .. } => {
            (TicketRefusal::Expired.code(), end.to_string(), "ask the inviter to invite again".to_owned())
        }
        InvitationEnd::Failed(_) => {
            ("invitation_failed", of_parties(&end.to_string()), "ask the inviter to invite again".to_owned())
        }
        InvitationEnd::Left => ("left", end.to_string(), "join again with the same ticket".to_owned()),
        InvitationEnd::NotAdmitted(refusal) => {
            let hint = match refusal {
                TicketRefusal::Unknown => {
                    "ask the inviter whether it has forgotten it, and to invite again".to_owned()
                }
                TicketRefusal::WrongSecret | TicketRefusal::Used => ask,
                TicketRefusal::AlreadySeated => format!("`formix-p2p status {id}` shows how far it is"),
                TicketRefusal::Expired | TicketRefusal::Revoked => "ask the inviter to invite again".to_owned(),
                TicketRefusal::Malformed => "give a shorter --name, and see `formix-p2p id`".to_owned(),
                TicketRefusal::Over => "ask the inviter for its result, or to invite again".to_owned(),
            };
            (refusal.code(), refusal.to_string(), hint)
        }
    };
    refused((code, 1), format!("not admitted to {id}: {words}"), hint)
}
