//! Heavy nodes that cheat.

use std::collections::BTreeMap;

use super::super::dice::derive;
use super::craft;
use super::{Cheater, Reaction, Sent, Step};
use crate::domain::{ComputationId, Digest, PeerId, Timestamp};
use crate::protocol::Event;
use crate::wire::{
    Certificate, Close, Freeze, Identity, List, Message, Opening, Receipt, Signed, Submission, Vote, Want,
    partial_sum_commitment,
};

/// The seed of identities that exist only in a cheat's imagination.
const IMAGINED: u64 = 0;

impl Cheater {
    /// The first participant that reports gets a receipt, and its share is thrown away.
    pub(super) fn leave_out(&mut self, from: PeerId, submission: &Submission) -> Reaction {
        let manifest = submission.manifest.get();
        let participant = manifest.participant;
        let Some(known) = self.known.get_mut(&manifest.computation) else { return Reaction::default() };
        let is_victim = match known.other_report.first() {
            Some(victim) => victim.manifest.get().participant == participant,
            None => true,
        };
        if !is_victim {
            return Reaction::default();
        }
        known.other_report = vec![submission.clone()];
        let (computation, manifest) = (manifest.computation, submission.manifest.digest());
        let receipt = Receipt { computation, heavy: self.identity.peer(), participant, manifest };
        let receipt = Signed::sign(receipt, &self.identity);
        Reaction { swallowed: true, sent: vec![Sent::Message(from, Message::Receipt(receipt))] }
    }

    /// The report of somebody who does not exist.
    pub(super) fn imagined_report(&mut self, id: ComputationId) -> Option<Event> {
        let known = self.known.get(&id)?;
        let nobody = Identity::from_secret_key(&derive(IMAGINED, &id.to_string()));
        let position = known.computation.heavy.iter().position(|heavy| *heavy == self.identity.peer())?;
        let report = craft::report(id, &known.computation, &nobody, &mut self.dice);
        let submission = report.into_iter().nth(position)?;
        Some(Event::Message { from: nobody.peer(), message: Message::Submit(submission) })
    }

    /// To every other heavy node, a close with the first report missing, or with one too many.
    pub(super) fn second_close(&self, to: PeerId, message: Message) -> Message {
        let id = match &message {
            Message::Close(close) | Message::List { close, .. } => close.get().computation,
            _ => return message,
        };
        if !self.is_told_otherwise(id, to) {
            return message;
        }
        let Some(known) = self.known.get(&id) else { return message };
        let entries = known.list.entries();
        let mut reports: BTreeMap<PeerId, Digest> =
            entries.iter().map(|entry| (entry.participant, entry.manifest)).collect();
        if reports.pop_first().is_none() {
            reports.insert(self.identity.peer(), Digest::of("nothing", &[]));
        }
        let list = List::new(reports, BTreeMap::new());
        let close = Close { computation: id, heavy: self.identity.peer(), list: list.digest(id) };
        let close = Signed::sign(close, &self.identity);
        if matches!(message, Message::Close(_)) { Message::Close(close) } else { Message::List { close, list } }
    }

    /// To every other heavy node, a freeze of another set.
    pub(super) fn second_freeze(&self, to: PeerId, message: Message) -> Message {
        match message {
            Message::Freeze { freeze, closes } if self.is_told_otherwise(freeze.get().computation, to) => {
                let frozen = Digest::of("another set", &[]);
                let freeze = Freeze { frozen, ..freeze.get().clone() };
                Message::Freeze { freeze: Signed::sign(freeze, &self.identity), closes }
            }
            other => other,
        }
    }

    /// To every other heavy node, a vote with another commitment.
    pub(super) fn second_vote(&self, to: PeerId, message: Message) -> Message {
        match message {
            Message::Vote(vote) if self.is_told_otherwise(vote.get().computation, to) => {
                let vote = Vote { partial_sum: Digest::of("another sum", &[]), ..vote.get().clone() };
                Message::Vote(Signed::sign(vote, &self.identity))
            }
            other => other,
        }
    }

    /// An opening that is one off.
    pub(super) fn false_opening(message: Message) -> Message {
        match message {
            Message::Open(opening) => Message::Open(Opening { partial_sum: one_more(&opening), ..opening }),
            other => other,
        }
    }

    /// A vote for a sum that is one off, and the opening that fits it.
    pub(super) fn false_sum(&mut self, message: Message) -> Message {
        match message {
            Message::Vote(vote) => {
                let vote = vote.get().clone();
                let lie = self.lie(&vote);
                let committed =
                    partial_sum_commitment(vote.computation, vote.heavy, &lie.blind, &lie.partial_sum);
                Message::Vote(Signed::sign(Vote { partial_sum: committed, ..vote }, &self.identity))
            }
            Message::Open(opening) => Message::Open(self.lie_for(opening.computation, opening.heavy)),
            Message::Certificate(certificate) => Message::Certificate(self.false_certificate(certificate)),
            other => other,
        }
    }

    /// Its node has put its true vote into the certificate; everybody else knows the other one.
    fn false_certificate(&self, mut certificate: Certificate) -> Certificate {
        let me = self.identity.peer();
        let votes = certificate.votes.iter_mut().filter(|vote| vote.signer() == me);
        for vote in votes {
            let lie = self.lie(vote.get());
            let committed = partial_sum_commitment(lie.computation, lie.heavy, &lie.blind, &lie.partial_sum);
            *vote = Signed::sign(Vote { partial_sum: committed, ..vote.get().clone() }, &self.identity);
        }
        for opening in certificate.openings.iter_mut().filter(|opening| opening.heavy == me) {
            *opening = self.lie_for(opening.computation, me);
        }
        certificate
    }

    fn lie(&self, vote: &Vote) -> Opening {
        self.lie_for(vote.computation, vote.heavy)
    }

    /// A partial sum out of thin air: zeros, always the same.
    fn lie_for(&self, computation: ComputationId, heavy: PeerId) -> Opening {
        let bytes = self.known.get(&computation).map_or(0, |known| {
            let crate::domain::Sharing::Additive { modulus } = known.computation.sharing;
            crate::statistics::slots(known.computation.query.statistic) * modulus.bytes()
        });
        Opening { computation, heavy, blind: [7; 32], partial_sum: vec![0; bytes] }
    }

    /// Everything that nobody should say yet, from everybody.
    pub(super) fn ask_early(&self) -> Vec<Sent> {
        let wants = [Want::Opening, Want::Vote, Want::Freeze, Want::List, Want::Close, Want::Outcome];
        let me = self.identity.peer();
        let mut sent = Vec::new();
        for (computation, known) in &self.known {
            for heavy in known.computation.heavy.iter().filter(|heavy| **heavy != me) {
                for want in wants {
                    sent.push(Sent::Message(*heavy, Message::Want { computation: *computation, want }));
                }
            }
        }
        // A clock from another century, too.
        if let Some(known) = self.known.values().next() {
            let ask = Message::Ask { clock: Timestamp::from_millis(0) };
            sent.extend(known.computation.heavy.iter().map(|heavy| Sent::Message(*heavy, ask.clone())));
        }
        sent
    }

    /// Nothing any more, from this step on.
    pub(super) fn silence(&mut self, step: Step, message: Message) -> Vec<Message> {
        let reached = match step {
            Step::Accept => matches!(message, Message::Accept(_)),
            Step::Receipt => matches!(message, Message::Receipt(_)),
            Step::Close => matches!(message, Message::Close(_)),
            Step::Freeze => matches!(message, Message::Freeze { .. }),
            Step::Vote => matches!(message, Message::Vote(_)),
            Step::Open => matches!(message, Message::Open(_)),
        };
        self.silent |= reached;
        if self.silent { Vec::new() } else { vec![message] }
    }
}

fn one_more(opening: &Opening) -> Vec<u8> {
    let mut sum = opening.partial_sum.clone();
    if let Some(first) = sum.first_mut() {
        *first = first.wrapping_add(1);
    }
    sum
}
