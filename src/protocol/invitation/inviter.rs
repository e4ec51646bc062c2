//! The inviter: a seat for each other party, one ticket a seat, and the computation once everybody is there.

use std::collections::BTreeSet;

use rand_chacha::rand_core::Rng;

use super::{Invited, reach};
use crate::domain::limits::DEADLINE_MIN;
use crate::domain::{ComputationId, Digest, Failure, Invitation, InvitationEnd, PeerId, TicketRefusal};
use crate::protocol::action::Notice;
use crate::protocol::entry::Entry;
use crate::protocol::event::Timer;
use crate::protocol::node::State;
use crate::protocol::turn::Turn;
use crate::sharing::Secret;
use crate::statistics::Reading;
use crate::wire::{InvitationMemory, InvitationPart, Joining, Message, Seat, Signed};

impl State {
    /// The owner invites.
    pub fn on_invite_command(
        &mut self,
        turn: &mut Turn<'_>,
        invitation: Invitation,
        (name, addresses): (String, Vec<String>),
        input: Option<&Reading>,
    ) {
        let id = invitation.id();
        let own = turn.sign(Joining { invitation: id, party: turn.me(), name, addresses });
        let seats = (1..invitation.parties).map(|_| {
            let mut secret = [0; 16];
            turn.rng().fill_bytes(&mut secret);
            Seat { secret: Secret::new(secret), holder: None, joined: None }
        });
        let memory = InvitationMemory {
            seat: InvitationPart::Inviter { seats: seats.collect() },
            roster: vec![own.clone()],
            own: Some(own),
            computation: None,
            offered: None,
            ended: None,
            invitation,
        };
        let mut invited = Invited::new(memory);
        invited.persist(turn);
        if let Some(reading) = input {
            invited.keep_input(turn, reading);
            self.inputs.insert(id);
        }
        turn.set_timer(Timer::Invitation(id), invited.memory.invitation.expires);
        invited.changed(turn);
        self.invitations.insert(id, invited);
    }

    /// Somebody shows a ticket.
    pub fn on_join(
        &mut self,
        turn: &mut Turn<'_>,
        from: PeerId,
        id: ComputationId,
        secret: &Secret<[u8; 16]>,
        joining: Option<Signed<Joining>>,
    ) {
        let invited = self.invitations.get_mut(&id).filter(|invited| invited.is_inviter());
        let became = invited.as_ref().and_then(|invited| invited.memory.computation);
        let over = became.is_some_and(|id| self.entries.get(&id).is_none_or(|entry| !entry.is_open()));
        let admitted = match invited {
            Some(_) if over => Err(TicketRefusal::Over),
            Some(invited) => invited.admit(turn, from, secret, joining),
            None => Err(TicketRefusal::Unknown),
        };
        match admitted {
            Ok(()) => self.freeze_if_complete(turn, id),
            Err(refusal) => {
                turn.tell(Notice::TicketRefused { invitation: id, peer: from, refusal });
                turn.send(from, Message::NotAdmitted { invitation: id, refusal });
            }
        }
    }

    /// A party has changed its mind.
    pub fn on_leave(&mut self, turn: &mut Turn<'_>, from: PeerId, id: ComputationId) {
        let Some(invited) = self.invitations.get_mut(&id).filter(|invited| invited.is_open()) else { return };
        let InvitationPart::Inviter { seats } = &mut invited.memory.seat else { return };
        let Some(seat) = seats.iter_mut().find(|seat| seat.holder == Some(from)) else { return };
        if seat.joined.take().is_some() {
            turn.tell(Notice::PartyLeft { invitation: id, peer: from });
            invited.note_roster(turn);
        }
    }

    /// Withdraws an invitation, and its computation if that is not announced yet.
    pub fn revoke(&mut self, turn: &mut Turn<'_>, id: ComputationId) {
        let Some(invited) = self.invitations.get_mut(&id) else { return };
        if let Some(computation) = invited.memory.computation {
            self.with(computation, |entry| entry.give_up_proposing(turn, Failure::Withdrawn));
        } else if invited.is_open() {
            invited.end(turn, InvitationEnd::Revoked);
            invited.dismiss(turn, TicketRefusal::Revoked);
        }
    }

    /// With everybody there: the computation. The invitation is bound to it before anybody hears of it.
    pub fn freeze_if_complete(&mut self, turn: &mut Turn<'_>, id: ComputationId) {
        let Some(invited) = self.invitations.get_mut(&id) else { return };
        let (memory, full) = (&invited.memory, invited.memory.invitation.parties as usize);
        if !invited.is_inviter() || !invited.is_open() || memory.roster.len() < full {
            return;
        }
        let parties = memory.roster.iter().map(Signed::signer).collect();
        let mut nonce = [0; 16];
        turn.rng().fill_bytes(&mut nonce);
        let computation = memory.invitation.computation(id, parties, nonce, turn.now);
        if computation.deadline.since(turn.now) < DEADLINE_MIN {
            // The timer that ends it is about to run out.
            return;
        }
        let mut entry = Entry::new(turn.sign(computation));
        invited.memory.computation = Some(entry.id);
        invited.persist(turn);
        invited.changed(turn);
        entry.propose(turn);
        self.entries.insert(entry.id, entry);
    }
}

impl Invited {
    /// Whether this ticket admits this node; if so, the seat is its own from now on.
    fn admit(
        &mut self,
        turn: &mut Turn<'_>,
        from: PeerId,
        secret: &Secret<[u8; 16]>,
        joining: Option<Signed<Joining>>,
    ) -> Result<(), TicketRefusal> {
        let (id, me, open) = (self.id, turn.me(), self.is_open());
        let over = match &self.memory.ended {
            Some(InvitationEnd::Revoked) => Some(TicketRefusal::Revoked),
            Some(_) => Some(TicketRefusal::Expired),
            None => None,
        };
        let expired = turn.now >= self.memory.invitation.expires;
        let InvitationPart::Inviter { seats } = &mut self.memory.seat else {
            return Err(TicketRefusal::Unknown);
        };
        let position = seats.iter().position(|seat| same(&seat.secret, secret));
        let elsewhere =
            seats.iter().enumerate().any(|(at, seat)| seat.holder == Some(from) && Some(at) != position);
        let seat = position.and_then(|at| seats.get_mut(at)).ok_or(TicketRefusal::WrongSecret)?;
        if seat.holder.is_some_and(|holder| holder != from) {
            return Err(TicketRefusal::Used);
        }
        if let Some(over) = over {
            return Err(over);
        }
        if elsewhere || from == me {
            return Err(TicketRefusal::AlreadySeated);
        }
        if open && expired {
            return Err(TicketRefusal::Expired);
        }
        let theirs = |joining: &Signed<Joining>| joining.signer() == from && joining.get().invitation == id;
        if joining.as_ref().is_some_and(|joining| !theirs(joining) || !joining.get().is_in_order()) {
            return Err(TicketRefusal::Malformed);
        }
        let before = (seat.holder, seat.joined.clone());
        if open {
            seat.holder = Some(from);
            if let Some(joining) = joining {
                reach(turn, from, &joining.get().addresses);
                seat.joined = Some(joining);
            }
        }
        let (held, came) = (before.0 != seat.holder, before.1.is_none() && seat.joined.is_some());
        if came {
            turn.tell(Notice::PartyJoined { invitation: id, peer: from });
        }
        if before.1 != seat.joined {
            self.note_roster(turn);
        } else if held {
            self.persist(turn);
            self.changed(turn);
        }
        turn.send(from, self.roster_message());
        Ok(())
    }

    /// Who has joined is another list: remembered, and told to everybody who has.
    fn note_roster(&mut self, turn: &mut Turn<'_>) {
        let InvitationPart::Inviter { seats } = &self.memory.seat else { return };
        let others = seats.iter().filter_map(|seat| seat.joined.clone());
        self.memory.roster = self.memory.own.iter().cloned().chain(others).collect();
        self.persist(turn);
        self.changed(turn);
        let me = turn.me();
        for party in self.memory.roster.iter().map(Signed::signer).filter(|party| *party != me) {
            turn.send(party, self.roster_message());
        }
    }

    fn roster_message(&self) -> Message {
        Message::Roster { invitation: self.id, joined: self.memory.roster.clone() }
    }

    /// Tells everybody who holds a ticket that it admits no more.
    pub(super) fn dismiss(&self, turn: &mut Turn<'_>, refusal: TicketRefusal) {
        let InvitationPart::Inviter { seats } = &self.memory.seat else { return };
        let holders: BTreeSet<_> = seats.iter().filter_map(|seat| seat.holder).collect();
        for holder in holders {
            turn.send(holder, Message::NotAdmitted { invitation: self.id, refusal });
        }
    }

    /// An invited node is there again: it may have missed who has joined.
    pub(super) fn tell_roster(&self, turn: &mut Turn<'_>, peer: PeerId) {
        let InvitationPart::Inviter { seats } = &self.memory.seat else { return };
        if self.is_open() && seats.iter().any(|seat| seat.holder == Some(peer)) {
            turn.send(peer, self.roster_message());
        }
    }
}

/// Compared by their hashes, so that the time it takes says nothing of how much of a guess is right.
fn same(one: &Secret<[u8; 16]>, other: &Secret<[u8; 16]>) -> bool {
    let hash = |secret: &Secret<[u8; 16]>| Digest::of("formix-p2p/ticket-secret/1", &[secret.expose()]);
    hash(one) == hash(other)
}
