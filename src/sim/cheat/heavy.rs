//! Heavy nodes that cheat.

use std::collections::BTreeMap;

use super::super::dice::derive;
use super::craft;
use super::{Cheater, Reaction, Sent, Step};
use crate::domain::{ComputationId, Digest, Evidence, Failure, PeerId, Timestamp};
use crate::protocol::Event;
use crate::statistics;
use crate::wire::{
    Close, FailureNotice, Freeze, Identity, List, Message, Opening, Receipt, Signed, Submission, Vote, Want,
    partial_sum_commitment, votes_digest,
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
        Reaction { swallowed: true, sent: vec![Sent::message(from, Message::Receipt(receipt))] }
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
        if matches!(message, Message::Close(_)) {
            return Message::Close(close);
        }
        Message::List { close, outline: list.outline(id), leaves: list.filled(id, &[0]) }
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
            Message::Vote { vote, verifications } if self.is_told_otherwise(vote.get().computation, to) => {
                let vote = Vote { partial_sum: Digest::of("another sum", &[]), ..vote.get().clone() };
                Message::Vote { vote: Signed::sign(vote, &self.identity), verifications }
            }
            other => other,
        }
    }

    /// An opening that is one off, and not a word of how it would have been right.
    pub(super) fn false_opening(&self, message: Message) -> Vec<Message> {
        match message {
            Message::Open { opening, votes } => {
                let said = opening.get();
                let opening = Opening { partial_sum: self.one_more(said), ..said.clone() };
                vec![Message::Open { opening: Signed::sign(opening, &self.identity), votes }]
            }
            Message::Certificate(_) => Vec::new(),
            other => vec![other],
        }
    }

    /// What nobody has asked it for, to every participant.
    pub(super) fn spread_second_certificates(&mut self) -> Vec<Sent> {
        let mut sent = Vec::new();
        let ready = self.known.values_mut().filter(|known| !known.done);
        let ready: Vec<_> = ready
            .filter_map(|known| {
                let certificate = known.certificate.clone()?;
                known.done = true;
                Some((certificate, known.list.clone()))
            })
            .collect();
        for (certificate, list) in ready {
            let message = self.second_certificate(Message::Certificate(certificate));
            let everybody = list.entries().iter();
            sent.extend(everybody.map(|entry| Sent::message(entry.participant, message.clone())));
        }
        sent
    }

    /// A certificate in which its own part is one more: all votes and openings are
    /// known by now, and it can sign what it likes.
    pub(super) fn second_certificate(&self, message: Message) -> Message {
        let Message::Certificate(mut certificate) = message else { return message };
        let (id, me) = (certificate.computation.id(), self.identity.peer());
        let own = certificate.openings.iter().find(|opening| opening.signer() == me);
        let Some(own) = own.map(|opening| opening.get().clone()) else {
            return Message::Certificate(certificate);
        };
        let partial_sum = self.one_more(&own);
        let committed = partial_sum_commitment(id, me, &own.blind, &partial_sum);
        for vote in certificate.votes.iter_mut().filter(|vote| vote.signer() == me) {
            *vote = Signed::sign(Vote { partial_sum: committed, ..vote.get().clone() }, &self.identity);
        }
        let votes = votes_digest(id, &certificate.votes);
        let other = Signed::sign(Opening { votes, partial_sum, ..own }, &self.identity);
        for opening in certificate.openings.iter_mut().filter(|opening| opening.signer() == me) {
            *opening = other.clone();
        }
        Message::Certificate(certificate)
    }

    /// A vote for a sum that is one off, and the opening that fits it.
    pub(super) fn false_sum(&self, message: Message) -> Message {
        match message {
            Message::Vote { vote, verifications } => {
                Message::Vote { vote: self.false_vote(&vote), verifications }
            }
            Message::Open { opening, votes } => {
                let votes = self.with_false_vote(&votes);
                Message::Open { opening: self.false_opening_of(opening.get(), &votes), votes }
            }
            other => other,
        }
    }

    /// These votes, with the false one in the place of its own.
    fn with_false_vote(&self, votes: &[Signed<Vote>]) -> Vec<Signed<Vote>> {
        let me = self.identity.peer();
        votes
            .iter()
            .map(|vote| if vote.signer() == me { self.false_vote(vote) } else { vote.clone() })
            .collect()
    }

    fn false_vote(&self, vote: &Signed<Vote>) -> Signed<Vote> {
        let vote = vote.get().clone();
        let lie = self.lie(vote.computation);
        let committed = partial_sum_commitment(vote.computation, vote.heavy, &LIE_BLIND, &lie);
        Signed::sign(Vote { partial_sum: committed, ..vote }, &self.identity)
    }

    fn false_opening_of(&self, opening: &Opening, votes: &[Signed<Vote>]) -> Signed<Opening> {
        let opening = Opening {
            votes: votes_digest(opening.computation, votes),
            blind: LIE_BLIND,
            partial_sum: self.lie(opening.computation),
            ..opening.clone()
        };
        Signed::sign(opening, &self.identity)
    }

    /// A partial sum out of thin air: zeros, always the same.
    fn lie(&self, computation: ComputationId) -> Vec<u8> {
        let known = self.known.get(&computation);
        let scheme = known.and_then(|known| statistics::scheme(&known.computation).ok());
        scheme.map_or_else(Vec::new, |scheme| vec![0; scheme.sum_bytes()])
    }

    /// The partial sum of an opening, one higher.
    fn one_more(&self, opening: &Opening) -> Vec<u8> {
        let known = self.known.get(&opening.computation);
        let slots = known.and_then(|known| statistics::scheme(&known.computation).ok());
        let slots = slots.map_or(1, |scheme| scheme.slots().max(1));
        let mut sum = opening.partial_sum.clone();
        // The last slot is the sum of the values; the first counts records, where a lie would stand out.
        let slot = sum.len() - sum.len() / slots;
        if let Some(lowest) = sum.get_mut(slot) {
            *lowest = lowest.wrapping_add(1);
        }
        sum
    }

    /// Everything that nobody should say yet, from everybody.
    pub(super) fn ask_early(&self) -> Vec<Sent> {
        let wants = [
            Want::Opening,
            Want::Vote,
            Want::Verifiers,
            Want::Verification,
            Want::Rho,
            Want::Freeze,
            Want::List,
            Want::Close,
            Want::Outcome,
        ];
        let me = self.identity.peer();
        let mut sent = Vec::new();
        for (computation, known) in &self.known {
            for heavy in known.computation.heavy.iter().filter(|heavy| **heavy != me) {
                for want in wants {
                    sent.push(Sent::message(*heavy, Message::Want { computation: *computation, want }));
                }
            }
        }
        // A clock from another century, too.
        if let Some(known) = self.known.values().next() {
            let ask = Message::Ask { clock: Timestamp::from_millis(0) };
            sent.extend(known.computation.heavy.iter().map(|heavy| Sent::message(*heavy, ask.clone())));
        }
        sent
    }

    /// A failure that has not happened, to every other heavy node and to every participant.
    pub(super) fn raise_false_alarms(&mut self) -> Vec<Sent> {
        let me = self.identity.peer();
        let mut sent = Vec::new();
        for (id, known) in self.known.iter_mut().filter(|(_, known)| known.closed && !known.done) {
            known.done = true;
            let Some(honest) = known.computation.heavy.iter().find(|heavy| **heavy != me) else { continue };
            let failure = Failure::Misconduct { heavy: *honest, evidence: Evidence::TwoVotes };
            let notice = FailureNotice { computation: *id, signer: me, failure };
            let message = Message::Fail(Signed::sign(notice, &self.identity));
            let others = known.computation.heavy.iter().filter(|heavy| **heavy != me).step_by(2);
            let participants = known.list.entries().iter().map(|entry| &entry.participant);
            sent.extend(others.chain(participants).map(|to| Sent::message(*to, message.clone())));
        }
        sent
    }

    /// Nothing to every other heavy node, once it has closed.
    pub(super) fn whisper(&self, to: PeerId, message: Message) -> Vec<Message> {
        let closed = self.known.iter().filter(|(_, known)| known.closed);
        let kept_from = closed.into_iter().any(|(id, _)| self.is_told_otherwise(*id, to));
        if kept_from { Vec::new() } else { vec![message] }
    }

    /// Nothing any more, from this step on.
    pub(super) fn silence(&mut self, step: Step, message: Message) -> Vec<Message> {
        let reached = match step {
            Step::Accept => matches!(message, Message::Accept(_)),
            Step::Receipt => matches!(message, Message::Receipt(_)),
            Step::Close => matches!(message, Message::Close(_)),
            Step::Freeze => matches!(message, Message::Freeze { .. }),
            Step::Rho => matches!(message, Message::Rho { .. } | Message::RhoParts { .. }),
            Step::Verification => matches!(message, Message::Verification(_)),
            Step::Verifiers => matches!(message, Message::Verifiers { .. }),
            Step::Decree => matches!(message, Message::Decree(_)),
            Step::Vote => matches!(message, Message::Vote { .. }),
            Step::Open => matches!(message, Message::Open { .. }),
        };
        self.silent |= reached;
        if self.silent { Vec::new() } else { vec![message] }
    }
}

/// The random bytes of a lie.
const LIE_BLIND: [u8; 32] = [7; 32];
