//! Questions by invitation: who is invited, and what the inviter's and the others' owners say.

use super::network::Happening;
use super::records;
use super::run::Run;
use super::scenario::{Guest, NodeIndex, Question, Source};
use super::violation::{Broken, Check, Invariant};
use crate::domain::{Computation, Consent, Invitation, VERSION};
use crate::protocol::{Command, Event};
use crate::statistics::{self, Reading};
use crate::wire::{Identity, InvitationPart, Record, Signed, Ticket};

/// How long somebody waits before looking for the tickets of an inviter that is not up.
const LOOK_AGAIN_MS: u64 = 700;

impl Run {
    /// The inviter's owner makes the invitation.
    pub(super) fn invite(&mut self, position: usize, question: &Question) -> Check {
        let invitation = self.invitation(position, question);
        let draft = invitation.draft(invitation.id());
        let terms = invitation.check_terms();
        let sound = terms.is_ok() && statistics::check(&draft).is_ok();
        let broken = || Broken { invariant: Invariant::Ends, what: format!("not an invitation: {terms:?}") };
        sound.then_some(()).ok_or_else(broken)?;
        let input = self.brought(question.proposer, &draft, position);
        for Guest { node, after_ms } in question.guests.iter().flatten().copied() {
            self.queue.add(self.now + after_ms, Happening::Guest { question: position, guest: node });
        }
        let command = Command::Invite {
            invitation: Box::new(invitation),
            name: "inviter".to_owned(),
            addresses: vec!["/ip4/10.0.0.1/tcp/1".to_owned()],
            input,
        };
        self.give(question.proposer, Event::Command(command))
    }

    /// An invitation becomes a computation.
    pub(super) fn note_invited(&mut self, record: &Record) {
        let Record::Proposed(computation) = record else { return };
        let (id, terms) = (computation.id(), computation.get());
        if !terms.is_by_invitation() {
            return;
        }
        self.watch.ask(id, terms);
        let position = (0..self.asked.len()).find(|position| prompt(*position) == terms.prompt);
        if let Some(asked) = position.and_then(|position| self.asked.get_mut(position)) {
            *asked = Some(id);
        }
    }

    /// A guest's owner has its ticket, and shows it.
    pub(super) fn come(&mut self, position: usize, node: NodeIndex) -> Check {
        let Some(question) = self.scenario.questions.get(position).cloned() else { return Ok(()) };
        let inviter = self.machines.at(question.proposer);
        let Some(there) = inviter.node.as_ref() else {
            if self.now < self.horizon {
                self.queue.add(self.now + LOOK_AGAIN_MS, Happening::Guest { question: position, guest: node });
            }
            return Ok(());
        };
        let of_this = |invitation: &Invitation| invitation.prompt == prompt(position);
        let found = there.invitations().into_iter().find(|view| of_this(&view.memory.invitation));
        let Some(memory) = found.map(|view| view.memory) else { return Ok(()) };
        let place = question.guests.iter().flatten().position(|guest| guest.node == node);
        let InvitationPart::Inviter { seats } = &memory.seat else { return Ok(()) };
        let Some(seat) = place.and_then(|place| seats.get(place)) else { return Ok(()) };
        let invitation = memory.invitation.clone();
        let ticket = Ticket { invitation, addresses: Vec::new(), secret: seat.secret.clone() };
        let draft = ticket.invitation.draft(ticket.invitation.id());
        let ticket = Signed::sign(ticket, &Identity::clone(&inviter.identity));
        let command = Command::Join {
            ticket: Box::new(ticket),
            name: format!("guest {}", node.0),
            addresses: vec!["/ip4/10.0.0.2/tcp/1".to_owned()],
            consent: Consent::Anybody,
            input: self.brought(node, &draft, position),
        };
        self.queue.add(self.now, Happening::Order { node, command });
        Ok(())
    }

    /// What an owner says at once: every other one leaves it to the source.
    fn brought(&self, node: NodeIndex, draft: &Computation, position: usize) -> Option<Reading> {
        let says = (node.0 + position).is_multiple_of(2);
        says.then(|| records::reading(draft, Source::PowerOfTwo, self.scenario.exponent(node)).ok()).flatten()
    }

    /// The invitation of a question, as its inviter's machine makes it up now.
    fn invitation(&self, position: usize, question: &Question) -> Invitation {
        let Computation { nonce, proposer, proposed_at, query, sharing, patience_ms, grace_ms, noise, .. } =
            self.computation(position, question);
        Invitation {
            version: VERSION,
            nonce,
            inviter: proposer,
            created_at: proposed_at,
            prompt: prompt(position),
            query,
            parties: question.max_participants,
            quorum: question.min_participants,
            sharing,
            expires: proposed_at + std::time::Duration::from_millis(question.open_for),
            answer_within_ms: None,
            patience_ms,
            grace_ms,
            noise,
        }
    }

    /// Whether somebody still waits for parties.
    pub(super) fn has_open_invitations(&self) -> bool {
        self.machines.iter().filter(|machine| machine.is_honest()).any(|machine| {
            let node = machine.node.as_ref();
            node.is_some_and(|node| node.invitations().iter().any(|view| is_open(view.memory)))
        })
    }
}

const fn is_open(memory: &crate::wire::InvitationMemory) -> bool {
    memory.ended.is_none() && memory.computation.is_none()
}

fn prompt(position: usize) -> String {
    format!("invitation {position}")
}
