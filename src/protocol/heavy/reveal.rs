//! Reveal: the vote fixes the set and the partial sum, the opening lets it go, and all openings make the certificate
//! (docs/PROTOCOL.md).

use std::collections::BTreeSet;

use super::Step;
use super::work::Tally;
use crate::domain::{Failure, PeerId};
use crate::protocol::action::Notice;
use crate::protocol::certificate::{CertificateError, outcome_of};
use crate::protocol::entry::Entry;
use crate::protocol::turn::Turn;
use crate::wire::{
    Certificate, Opening, Record, Signed, Verification, Vote, Want, partial_sum_commitment,
    verifications_digest, votes_digest,
};

impl Entry {
    /// Another heavy node names the set and commits to its partial sum.
    pub fn on_vote(
        &mut self,
        turn: &mut Turn<'_>,
        from: PeerId,
        vote: Signed<Vote>,
        verifications: Vec<Signed<Verification>>,
    ) {
        let (id, said) = (self.id, vote.get());
        if said.heavy != from || said.computation != id || !self.terms().has_heavy(&from) {
            turn.ignore(from, "vote", "it is not this heavy node's vote");
            return;
        }
        let heavy_nodes = &self.terms().heavy;
        let threshold = self.threshold().is_some();
        let in_order = verifications.len() == heavy_nodes.len()
            && verifications
                .iter()
                .zip(heavy_nodes)
                .all(|(it, heavy)| (it.get().heavy, it.get().computation) == (*heavy, id));
        let founded = if threshold {
            // Which decision it rests on shows when it is compared with this node's own.
            verifications.is_empty() && said.verifications.is_some()
        } else if self.terms().sharing.is_proven() {
            in_order && said.verifications == Some(verifications_digest(id, &verifications))
        } else {
            verifications.is_empty() && said.verifications.is_none()
        };
        if !founded {
            turn.ignore(from, "vote", "it does not come with what it judges by");
            return;
        }
        for verification in verifications {
            if !self.keep_verification(turn, verification) {
                return;
            }
        }
        if self.keep_vote(turn, vote) {
            self.check_votes(turn);
            self.advance(turn);
        }
    }

    /// Another heavy node's partial sum, with the votes that it answers: whoever voted twice is found out now.
    pub fn on_open(
        &mut self,
        turn: &mut Turn<'_>,
        from: PeerId,
        opening: Signed<Opening>,
        votes: Vec<Signed<Vote>>,
    ) {
        if self.threshold().is_some() {
            self.on_open_with_own_vote(turn, from, opening, votes);
            return;
        }
        let (id, said, heavy_nodes) = (self.id, opening.get(), &self.terms().heavy);
        let founded = votes.len() == heavy_nodes.len()
            && votes
                .iter()
                .zip(heavy_nodes)
                .all(|(vote, heavy)| (vote.get().heavy, vote.get().computation) == (*heavy, id))
            && votes_digest(id, &votes) == said.votes;
        let own = votes.iter().find(|vote| vote.signer() == from).cloned();
        let Some(vote) = own.filter(|_| founded && said.heavy == from && said.computation == id) else {
            turn.ignore(from, "open", "it does not come with the votes that it names");
            return;
        };
        let committed = partial_sum_commitment(id, from, &said.blind, &said.partial_sum);
        if committed != vote.get().partial_sum {
            self.convict_opening(turn, vote, opening);
            return;
        }
        let (me, Some(heavy)) = (turn.me(), self.heavy()) else { return };
        if votes.iter().find(|vote| vote.signer() == me) != heavy.said.votes.get(&me) {
            turn.ignore(from, "open", "it does not answer this node's vote");
            return;
        }
        for vote in votes {
            if !self.keep_vote(turn, vote) {
                return;
            }
        }
        self.check_votes(turn);
        if let Some(heavy) = self.heavy_mut() {
            heavy.said.openings.entry(from).or_insert(opening);
            self.advance(turn);
        }
    }

    /// With the frozen set agreed, and verified where there are proofs: fixes the partial sum over what is left.
    pub(super) fn vote(&mut self, turn: &mut Turn<'_>) {
        let computation = self.computation.clone();
        let (id, me, terms) = (self.id, turn.me(), computation.get());
        let ready = self
            .heavy()
            .is_some_and(|heavy| matches!(heavy.step, Step::Frozen { .. } | Step::Verifying { .. }));
        if !ready {
            return;
        }
        let Some(tally) = self.basis(me).and_then(|basis| self.tally(turn, basis)) else { return };
        let Tally { refused, accepted, sum: mut partial_sum, .. } = tally;
        // In n of n a lying heavy node can make any report fail: there, nobody is named.
        if self.threshold().is_some() {
            for (participant, verdict) in &refused {
                let (participant, verdict) = (*participant, *verdict);
                turn.tell(Notice::LeftOut { computation: id, participant, verdict });
            }
        }
        let unverified: BTreeSet<_> = refused.into_keys().collect();
        let verifications = self.judged_by();
        let shown_with_vote = if self.threshold().is_some() { Vec::new() } else { self.verifications() };
        let Some(heavy) = self.heavy_mut() else { return };
        let (Step::Frozen { list, frozen } | Step::Verifying { list, frozen }) = &heavy.step else { return };
        let participants = accepted.participants();
        let Some(scheme) = heavy.scheme(terms) else { return };
        if heavy.add_noise(turn, id, terms, &scheme, &mut partial_sum).is_none() {
            return;
        }
        let blind = turn.secret_bytes();
        let commitment = partial_sum_commitment(id, me, blind.expose(), partial_sum.expose());
        let vote = turn.sign(Vote {
            computation: id,
            heavy: me,
            accepted: accepted.digest(id),
            participants,
            unverified: frozen.participants() - participants,
            verifications,
            partial_sum: commitment,
        });
        turn.persist(Record::Voted {
            vote: vote.clone(),
            verifications: shown_with_vote,
            unverified: unverified.into_iter().collect(),
            partial_sum: partial_sum.clone(),
            blind: blind.clone(),
        });
        let (list, frozen) = (list.clone(), frozen.clone());
        heavy.step = Step::Voted { list, frozen, accepted, partial_sum, blind };
        heavy.said.votes.insert(me, vote);
        self.restart_grace(turn);
        self.stepped(turn, Want::Vote);
    }

    /// With every vote for the same set: lets the partial sum go.
    pub(super) fn open(&mut self, turn: &mut Turn<'_>) {
        let computation = self.computation.clone();
        let (id, me, terms) = (self.id, turn.me(), computation.get());
        let heavy_nodes = &terms.heavy;
        let Some(heavy) = self.heavy_mut() else { return };
        let Step::Voted { list, frozen, accepted, partial_sum, blind } = &heavy.step else { return };
        // Whose verifier shares do not count adds nothing to the total.
        if !heavy.was_judged_by(&me) {
            return;
        }
        let Some(own) = heavy.said.votes.get(&me).map(Signed::get) else { return };
        let agrees = |vote: &&Signed<Vote>| vote.get().is_for_the_set_of(own);
        let votes: Vec<_> = heavy_nodes
            .iter()
            .filter(|other| heavy.was_judged_by(other))
            .filter_map(|other| heavy.said.votes.get(other).filter(agrees).cloned())
            .collect();
        if !heavy.enough_votes(terms, &votes) {
            return;
        }
        // Under threshold sharing a decree fixes the others' votes; an opening answers its own.
        let answered = if heavy.quorum.is_some() {
            heavy.said.votes.get(&me).map(|own| votes_digest(id, std::slice::from_ref(own)))
        } else {
            Some(votes_digest(id, &votes))
        };
        let Some(answered) = answered else { return };
        let opening = turn.sign(Opening {
            computation: id,
            heavy: me,
            votes: answered,
            blind: *blind.expose(),
            partial_sum: partial_sum.expose().clone(),
        });
        turn.persist(Record::Opened { opening: opening.clone(), votes: votes.clone() });
        heavy.said.openings.insert(me, opening);
        let (list, frozen, accepted) = (list.clone(), frozen.clone(), accepted.clone());
        heavy.step = Step::Opened { list, frozen, accepted, votes };
        self.restart_grace(turn);
        self.stepped(turn, Want::Opening);
    }

    /// With every opening: the certificate.
    pub(super) fn conclude(&mut self, turn: &mut Turn<'_>) {
        let (id, heavy_nodes) = (self.id, self.terms().heavy.clone());
        let computation = self.computation.clone();
        let Some(heavy) = self.heavy_mut() else { return };
        let Some((votes, openings, decided)) = heavy.opened_by_all(id, &heavy_nodes) else { return };
        let participants = heavy.accepted_participants();
        let certificate = Certificate { computation, votes, openings, decided };
        match outcome_of(&certificate) {
            Ok(answer) => self.complete(turn, certificate, answer),
            // Nothing else is left to be wrong: each rung has checked its statements.
            Err(error) => {
                let CertificateError::Shape { heavy: culprit, .. } = error else {
                    self.fail(turn, Failure::SumsDisagree);
                    return;
                };
                let mut pairs = certificate.votes.iter().zip(&certificate.openings);
                if let Some((vote, opening)) = pairs.find(|(vote, _)| vote.signer() == culprit) {
                    self.convict_opening(turn, vote.clone(), opening.clone());
                }
            }
        }
        self.spread_certificate(turn, &participants);
    }
}
