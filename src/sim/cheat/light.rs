//! Light nodes that cheat.

use super::craft::{self, Flaw};
use super::{Cheat, Cheater, Known, Sent};
use crate::domain::{ComputationId, Digest, PeerId};
use crate::wire::{Message, Submission};

impl Cheater {
    /// Another report instead of its own, or after it.
    pub(super) fn second_report(&mut self, to: PeerId, message: Message) -> Vec<Message> {
        let Message::Submit(submission) = &message else { return vec![message] };
        let id = submission.manifest.get().computation;
        let Some(other) = self.other_submission(id, to, Flaw::None) else { return vec![message] };
        if self.cheat == Cheat::TwoReportsToOne {
            return vec![message, Message::Submit(other)];
        }
        if self.is_told_otherwise(id, to) { vec![Message::Submit(other)] } else { vec![message] }
    }

    /// A report with something wrong, instead of its own, to everybody.
    pub(super) fn flawed(&mut self, to: PeerId, flaw: Flaw, message: Message) -> Vec<Message> {
        let Message::Submit(submission) = &message else { return vec![message] };
        let id = submission.manifest.get().computation;
        self.other_submission(id, to, flaw).map(Message::Submit).into_iter().collect()
    }

    /// Its other report's part for a heavy node, always the same one.
    fn other_submission(&mut self, id: ComputationId, to: PeerId, flaw: Flaw) -> Option<Submission> {
        let known = self.known.get_mut(&id)?;
        if known.other_report.is_empty() {
            known.other_report =
                craft::flawed_report(id, &known.computation, &self.identity, flaw, &mut self.dice);
        }
        let position = known.computation.heavy.iter().position(|heavy| *heavy == to)?;
        known.other_report.get(position).cloned()
    }

    /// Every report that it made besides its node's own.
    pub fn other_reports(&self) -> impl Iterator<Item = &Vec<Submission>> {
        self.known.values().map(|known| &known.other_report).filter(|report| !report.is_empty())
    }

    /// What it overheard, to the same heavy node and to the others, as if it were its own.
    pub(super) fn replay(&mut self) -> Vec<Sent> {
        let mut sent = Vec::new();
        for (to, submission) in self.overheard.drain(..) {
            let id = submission.manifest.get().computation;
            let heavy = self.known.get(&id).map(|known| known.computation.heavy.clone()).unwrap_or_default();
            let others = heavy.into_iter().filter(|heavy| *heavy != to);
            let everywhere = std::iter::once(to).chain(others);
            sent.extend(everywhere.map(|to| Sent::message(to, Message::Submit(submission.clone()))));
        }
        sent
    }

    /// Shares for a computation that does not exist, and its own shares to the wrong heavy nodes.
    pub(super) fn send_foreign_shares(&mut self) -> Vec<Sent> {
        let mut sent = Vec::new();
        let fresh = |known: &Known| !known.done && !known.other_report.is_empty();
        for (id, known) in self.known.iter_mut().filter(|(_, known)| fresh(known)) {
            known.done = true;
            let nowhere = ComputationId::from_digest(Digest::of("nowhere", &[id.as_bytes()]));
            let mut foreign = craft::report(nowhere, &known.computation, &self.identity, &mut self.dice);
            let mut misdirected = known.other_report.clone();
            misdirected.rotate_left(1);
            foreign.extend(misdirected);
            let heavy = known.computation.heavy.iter().cycle();
            sent.extend(
                heavy.zip(foreign).map(|(to, submission)| Sent::message(*to, Message::Submit(submission))),
            );
        }
        sent
    }

    /// Its own report in the name of a heavy node, and one with a byte changed.
    pub(super) fn forge(&mut self) -> Vec<Sent> {
        let mut sent = Vec::new();
        let me = self.identity.peer();
        for (id, known) in self.known.iter_mut().filter(|(_, known)| !known.done) {
            known.done = true;
            let report = craft::report(*id, &known.computation, &self.identity, &mut self.dice);
            let Some((submission, victim)) =
                report.first().zip(known.computation.heavy.iter().rfind(|heavy| **heavy != me))
            else {
                continue;
            };
            let message = Message::Conflict(submission.manifest.clone());
            let named = craft::in_the_name_of(*victim, me, &message);
            let mut damaged = message.encode();
            if let Some(last) = damaged.last_mut() {
                *last ^= 1;
            }
            for to in &known.computation.heavy {
                sent.push(Sent::Forged(*to, named.clone()));
                sent.push(Sent::Forged(*to, damaged.clone()));
            }
        }
        sent
    }
}
