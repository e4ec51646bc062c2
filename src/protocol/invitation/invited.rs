//! The invited: shows its ticket, learns who else is there, and accepts the computation if it is what the ticket says and
//! its owner agrees to the parties.

use std::collections::BTreeSet;

use super::{Agreed, Invited, ask_later, reach};
use crate::domain::{
    Computation, ComputationId, Consent, Failure, InvitationEnd, PeerId, Refusal, TicketRefusal,
};
use crate::protocol::action::Notice;
use crate::protocol::event::Timer;
use crate::protocol::node::State;
use crate::protocol::proposer::given_up_for;
use crate::protocol::turn::Turn;
use crate::statistics::Reading;
use crate::wire::{InvitationMemory, InvitationPart, Joining, Message, Signed, Ticket};

impl State {
    /// The owner shows a ticket, or says more about one that was shown before.
    pub fn on_join_command(
        &mut self,
        turn: &mut Turn<'_>,
        ticket: &Ticket,
        (name, addresses): (String, Vec<String>),
        agreed: Consent,
        input: Option<&Reading>,
    ) {
        let id = ticket.invitation.id();
        if self.is_forgotten(&id) {
            return;
        }
        let invited = self.invitations.entry(id).or_insert_with(|| {
            Invited::new(InvitationMemory {
                invitation: ticket.invitation.clone(),
                seat: InvitationPart::Invited {
                    addresses: ticket.addresses.clone(),
                    secret: ticket.secret.clone(),
                    consent: Consent::Look,
                },
                own: None,
                roster: Vec::new(),
                computation: None,
                offered: None,
                ended: None,
            })
        });
        if invited.memory.computation.is_some() {
            // It is bound already; the value is new.
            if let Some(reading) = input {
                self.on_early_answer(turn, id, reading);
            }
            return;
        }
        let InvitationPart::Invited { addresses: inviter, secret, consent } = &mut invited.memory.seat else {
            return;
        };
        let me = turn.me();
        // A seat that this node has stays its own.
        if !invited.memory.roster.iter().any(|joined| joined.signer() == me) {
            (*inviter, *secret) = (ticket.addresses.clone(), ticket.secret.clone());
        }
        // What was agreed to before the end does not come back with it.
        if invited.memory.ended.take().is_some() {
            (invited.memory.own, invited.memory.roster) = (None, Vec::new());
            *consent = Consent::Look;
        }
        if agreed != Consent::Look {
            *consent = agreed;
            let own = Joining { invitation: id, party: me, name, addresses };
            invited.memory.own = Some(turn.sign(own));
        }
        invited.persist(turn);
        if let Some(reading) = input {
            invited.keep_input(turn, reading);
            self.inputs.insert(id);
        }
        invited.changed(turn);
        invited.attempts = 0;
        invited.resume(turn);
        self.accept_if_agreed(turn, id);
    }

    /// The inviter tells who has joined.
    pub fn on_roster(
        &mut self,
        turn: &mut Turn<'_>,
        from: PeerId,
        id: ComputationId,
        joined: Vec<Signed<Joining>>,
    ) {
        let invited = self.invitations.get_mut(&id);
        let Some(invited) = invited.filter(|it| !it.is_inviter() && it.memory.invitation.inviter == from)
        else {
            return;
        };
        if !is_roster(&joined, id, from, invited.memory.invitation.parties) {
            turn.ignore(from, "roster", "it is not a list of parties of this invitation");
            return;
        }
        if invited.memory.roster == joined || !invited.is_open() {
            return;
        }
        invited.memory.roster = joined;
        invited.persist(turn);
        invited.changed(turn);
        self.accept_if_agreed(turn, id);
    }

    /// The inviter does not admit this node, or not any more.
    pub fn on_not_admitted(
        &mut self,
        turn: &mut Turn<'_>,
        from: PeerId,
        id: ComputationId,
        refusal: TicketRefusal,
    ) {
        let invited = self.invitations.get_mut(&id);
        let Some(invited) = invited.filter(|it| !it.is_inviter() && it.memory.invitation.inviter == from)
        else {
            return;
        };
        let end = match refusal {
            TicketRefusal::Revoked => InvitationEnd::Revoked,
            TicketRefusal::Unknown
            | TicketRefusal::WrongSecret
            | TicketRefusal::Used
            | TicketRefusal::AlreadySeated
            | TicketRefusal::Expired
            | TicketRefusal::Malformed
            | TicketRefusal::Over => InvitationEnd::NotAdmitted(refusal),
        };
        invited.end(turn, end);
    }

    /// The inviter gives up a computation that this node's owner is asked about.
    pub fn on_offer_withdrawn(
        &mut self,
        turn: &mut Turn<'_>,
        from: PeerId,
        computation: ComputationId,
        failure: &Failure,
    ) {
        let asked = |invited: &&mut Invited| {
            let offered = invited.offered.as_ref().map(|offered| (offered.id(), offered.signer()));
            offered == Some((computation, from))
        };
        let Some(invited) = self.invitations.values_mut().find(asked) else { return };
        let Some(offered) = &invited.offered else { return };
        let end = match given_up_for(failure, offered.get()) {
            Failure::Withdrawn => InvitationEnd::Revoked,
            failure => InvitationEnd::Failed(Box::new(failure)),
        };
        invited.end(turn, end);
    }

    /// The owner agrees to the parties of an invitation that waits for it; whether there is one.
    pub fn on_approve_roster(&mut self, turn: &mut Turn<'_>, id: ComputationId) -> bool {
        let Some(invited) = self.invitations.get_mut(&id) else { return false };
        let Some(parties) = invited.offered.as_ref().map(|offered| offered.get().heavy.clone()) else {
            return invited.is_open();
        };
        if let InvitationPart::Invited { consent, .. } = &mut invited.memory.seat {
            *consent = Consent::Only(parties);
        }
        self.accept_if_agreed(turn, id);
        true
    }

    /// Time to ask the inviter again.
    pub fn on_joining_due(&mut self, turn: &mut Turn<'_>, id: ComputationId) {
        if let Some(invited) = self.invitations.get_mut(&id) {
            invited.show_ticket(turn);
        }
    }

    /// A peer is there: what it or this node may have missed of an invitation.
    pub fn meet_for_invitations(&mut self, turn: &mut Turn<'_>, peer: PeerId) {
        for invited in self.invitations.values_mut().filter(|invited| invited.is_open()) {
            invited.tell_roster(turn, peer);
            if !invited.is_inviter() && invited.memory.invitation.inviter == peer {
                invited.attempts = 0;
                invited.show_ticket(turn);
            }
        }
    }

    /// Looks again at a computation that waited for names or for the owner.
    fn accept_if_agreed(&mut self, turn: &mut Turn<'_>, id: ComputationId) {
        let Some(offered) = self.invitations.get_mut(&id).and_then(|invited| invited.offered.take()) else {
            return;
        };
        self.on_propose(turn, offered.signer(), offered);
    }
}

impl Invited {
    /// Sets the timers of an open invitation, and says again where its parties are to be found.
    pub(super) fn resume(&mut self, turn: &mut Turn<'_>) {
        if self.memory.ended.is_some() {
            return;
        }
        let inviter = self.memory.invitation.inviter;
        if self.memory.computation.is_some() {
            self.reach_parties(turn);
            return;
        }
        turn.set_timer(Timer::Invitation(self.id), self.memory.invitation.expires);
        if let InvitationPart::Invited { addresses, .. } = &self.memory.seat {
            reach(turn, inviter, addresses);
            self.show_ticket(turn);
        }
    }

    /// The parties are fixed: connections to all of them are kept until the end.
    fn reach_parties(&self, turn: &mut Turn<'_>) {
        let me = turn.me();
        for party in self.memory.roster.iter().filter(|party| party.signer() != me) {
            reach(turn, party.signer(), &party.get().addresses);
        }
    }

    /// Shows the ticket, and does so again later: the answer says who has joined by then.
    fn show_ticket(&mut self, turn: &mut Turn<'_>) {
        let InvitationPart::Invited { secret, .. } = &self.memory.seat else { return };
        if !self.is_open() {
            return;
        }
        let (invitation, secret, joining) = (self.id, secret.clone(), self.memory.own.clone());
        turn.send(self.memory.invitation.inviter, Message::Join { invitation, secret, joining });
        ask_later(turn, self.id, self.attempts);
        self.attempts = self.attempts.saturating_add(1);
    }

    /// The owner leaves.
    pub(super) fn leave(&mut self, turn: &mut Turn<'_>) {
        if !self.is_open() {
            return;
        }
        let inviter = self.memory.invitation.inviter;
        match self.offered.take() {
            Some(offered) => {
                let refusal = Message::Refuse { computation: offered.id(), refusal: Refusal::Declined };
                turn.send(inviter, refusal);
            }
            None => turn.send(inviter, Message::Leave { invitation: self.id }),
        }
        self.memory.own = None;
        self.end(turn, InvitationEnd::Left);
    }

    /// Binds this node to the computation, if it is the one that its ticket speaks of and its owner agrees to the parties.
    pub(super) fn agree(
        &mut self,
        turn: &mut Turn<'_>,
        computation: &Signed<Computation>,
        me: PeerId,
    ) -> Result<Agreed, Refusal> {
        match (&self.memory.computation, &self.memory.ended, &self.memory.own) {
            (Some(bound), _, _) if *bound == computation.id() => return Ok(Agreed::Yes),
            (_, Some(InvitationEnd::Left), _) => return Err(Refusal::Declined),
            (Some(_), _, _) | (_, Some(_), _) | (_, _, None) => return Err(Refusal::NoSeat),
            (None, None, Some(_)) => {}
        }
        let (terms, invitation) = (computation.get(), &self.memory.invitation);
        let expected = invitation.computation(self.id, terms.heavy.clone(), terms.nonce, terms.proposed_at);
        if *terms != expected || terms.heavy.len() != invitation.parties as usize || !terms.has_heavy(&me) {
            return Err(Refusal::Invalid("it is not what the ticket says".to_owned()));
        }
        // Its owner agrees to who was shown first, or to nobody.
        if self.memory.offered.is_some_and(|offered| offered != computation.id()) {
            return Err(Refusal::NoSeat);
        }
        let InvitationPart::Invited { consent, .. } = &self.memory.seat else { return Err(Refusal::NoSeat) };
        let named: BTreeSet<_> = self.memory.roster.iter().map(Signed::signer).collect();
        let all_named = terms.heavy.iter().all(|party| named.contains(party));
        if all_named && consent.covers(&terms.heavy, &me) {
            self.memory.computation = Some(computation.id());
            self.offered = None;
            self.persist(turn);
            self.reach_parties(turn);
            self.changed(turn);
            return Ok(Agreed::Yes);
        }
        let news = self.offered.is_none();
        if self.memory.offered.is_none() {
            self.memory.offered = Some(computation.id());
            self.persist(turn);
        }
        self.offered = Some(computation.clone());
        if news && all_named {
            turn.tell(Notice::RosterAsks { invitation: self.id });
            self.changed(turn);
        }
        Ok(Agreed::NotYet)
    }
}

/// Whether this is a list of who has joined an invitation: the inviter first, each once, all in order.
fn is_roster(joined: &[Signed<Joining>], id: ComputationId, inviter: PeerId, parties: u32) -> bool {
    let signers: BTreeSet<_> = joined.iter().map(Signed::signer).collect();
    joined.first().is_some_and(|first| first.signer() == inviter)
        && signers.len() == joined.len()
        && joined.len() <= parties as usize
        && joined.iter().all(|it| it.get().invitation == id && it.get().is_in_order())
}
