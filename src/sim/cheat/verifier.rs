//! Heavy nodes that cheat between the freeze and the vote, where proofs are verified.

use std::collections::BTreeSet;

use super::craft::damaged;
use super::{Cheat, Cheater, Twisted};
use crate::domain::{ComputationId, Digest};
use crate::protocol::Action;
use crate::sharing::Secret;
use crate::statistics;
use crate::wire::{Message, Part, Record, Signed, Submission, Verification, Vote, verifiers_commitment};

/// The random bytes of a commitment to garbage.
const GARBAGE_BLIND: [u8; 32] = [9; 32];

impl Cheater {
    /// Another ρ than it committed to when it accepted.
    pub(super) fn other_rho(message: Message) -> Message {
        match message {
            Message::Rho { computation, blind, .. } => {
                Message::Rho { computation, rho: Secret::new([7; 32]), blind }
            }
            Message::RhoParts { computation, parts } => {
                let other = |part: Part| Part { share: damaged(&part.share, 0), ..part };
                Message::RhoParts { computation, parts: parts.into_iter().map(other).collect() }
            }
            other => other,
        }
    }

    /// Verifier shares of zeros, promised and shown alike; and no word of what its node makes of the true ones.
    pub(super) fn garbage(&self, message: Message) -> Vec<Message> {
        match message {
            Message::Verification(commitment) => {
                let said = commitment.get().clone();
                let (id, heavy) = (said.computation, said.heavy);
                let blind = Secret::new(GARBAGE_BLIND);
                let digest = verifiers_commitment(id, heavy, 0, &blind, &self.garbage_of(id));
                let commitment = Verification { batches: vec![digest], ..said };
                vec![Message::Verification(Signed::sign(commitment, &self.identity))]
            }
            Message::Verifiers { computation, heavy, batch, .. } => {
                let (blind, shares) = (Secret::new(GARBAGE_BLIND), Secret::new(self.garbage_of(computation)));
                vec![Message::Verifiers { computation, heavy, batch, blind, shares }]
            }
            Message::Vote { .. } | Message::Open { .. } => Vec::new(),
            other => vec![other],
        }
    }

    fn garbage_of(&self, id: ComputationId) -> Vec<u8> {
        let Some(known) = self.known.get(&id) else { return Vec::new() };
        let one = statistics::scheme(&known.computation).map_or(0, |scheme| scheme.verifier_bytes());
        let all = one * known.frozen.entries().len();
        vec![0; if self.cheat == Cheat::ShortVerifiers { all.saturating_sub(1) } else { all }]
    }

    /// A share that it damages in its own store once it has closed; it starts again with that.
    pub(super) fn spoil(&mut self, record: &Record, twisted: &mut Twisted) {
        match record {
            Record::Held(submission) => {
                if let Some(known) = self.known.get_mut(&submission.manifest.get().computation) {
                    known.spoiled.get_or_insert_with(|| Submission {
                        share: damaged(&submission.share, 0),
                        ..submission.clone()
                    });
                }
            }
            Record::Closed { close, .. } => {
                let known = self.known.get_mut(&close.get().computation);
                if let Some(spoiled) = known.and_then(|known| known.spoiled.take()) {
                    twisted.actions.push(Action::Persist(Box::new(Record::Held(spoiled))));
                    twisted.restarts = true;
                }
            }
            _ => {}
        }
    }

    /// To every other heavy node, a commitment to other verifier shares.
    pub(super) fn second_verification(&self, to: crate::domain::PeerId, message: Message) -> Message {
        match message {
            Message::Verification(commitment) if self.is_told_otherwise(commitment.get().computation, to) => {
                let batches = vec![Digest::of("other verifier shares", &[])];
                let commitment = Verification { batches, ..commitment.get().clone() };
                Message::Verification(Signed::sign(commitment, &self.identity))
            }
            other => other,
        }
    }

    /// A vote without one report that verifies, and no opening, which would show how it should have voted.
    pub(super) fn wrong_verdict(&self, message: Message) -> Vec<Message> {
        match message {
            Message::Vote { vote, verifications } => {
                let vote = self.vote_against(vote);
                vec![Message::Vote { vote, verifications }]
            }
            Message::Open { .. } => Vec::new(),
            other => vec![other],
        }
    }

    fn vote_against(&self, vote: Signed<Vote>) -> Signed<Vote> {
        let said = vote.get();
        let Some(known) = self.known.get(&said.computation) else { return vote };
        let accepted = known.frozen.without(&known.unverified);
        let Some(victim) = accepted.entries().first() else { return vote };
        let fewer = accepted.without(&BTreeSet::from([victim.participant]));
        let vote = Vote {
            accepted: fewer.digest(said.computation),
            participants: fewer.participants(),
            unverified: said.unverified + 1,
            ..said.clone()
        };
        Signed::sign(vote, &self.identity)
    }
}
