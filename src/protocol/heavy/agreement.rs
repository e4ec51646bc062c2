//! Agreement and reveal: close, freeze, vote, open (docs/PROTOCOL.md).

use std::time::Duration;

use super::{Heavy, Step};
use crate::domain::{Computation, ComputationId, Failure, PeerId};
use crate::protocol::certificate::{CertificateError, outcome_of};
use crate::protocol::entry::{Due, Entry, Stage};
use crate::protocol::event::Timer;
use crate::protocol::turn::Turn;
use crate::sharing::Secret;
use crate::statistics;
use crate::wire::{
    Certificate, Close, Freeze, List, Message, Opening, Record, Signed, Verification, Vote, Want,
    partial_sum_commitment, verifications_digest, votes_digest,
};

/// Time to the first question for what is missing; it doubles with every further one.
const ASK_AGAIN: Duration = Duration::from_millis(250);
/// How long after the deadline a node that is none of the heavy nodes begins to ask for the outcome.
const OUTCOME_EXPECTED: Duration = Duration::from_secs(1);
/// The longest time between such questions.
const ASK_AGAIN_MAX: Duration = Duration::from_secs(3);

impl Entry {
    /// The deadline is here.
    pub fn on_deadline(&mut self, turn: &mut Turn<'_>) {
        if let Stage::Running { due, .. } = &mut self.stage {
            *due = Due::Passed;
            self.changed(turn);
            if self.heavy().is_some() {
                self.close(turn);
                self.retry_later(turn);
            } else {
                // The heavy nodes send the outcome unasked; it is asked for when it should have come.
                let at = turn.now + turn.jittered(OUTCOME_EXPECTED);
                turn.set_timer(Timer::Retry(self.id), at);
            }
        }
    }

    /// After a restart: it had closed, perhaps before the deadline.
    pub fn resume_agreement(&mut self, turn: &mut Turn<'_>) {
        if let Stage::Running { due, .. } = &mut self.stage {
            *due = Due::Passed;
        }
        self.retry_later(turn);
    }

    /// Ends intake: persists and sends the digest of the list.
    pub(super) fn close(&mut self, turn: &mut Turn<'_>) {
        let (id, me) = (self.id, turn.me());
        let Some(heavy) = self.heavy_mut() else { return };
        if !matches!(heavy.step, Step::Collecting) {
            return;
        }
        let list = heavy.would_be_list();
        let close = turn.sign(Close { computation: id, heavy: me, list: list.digest(id) });
        turn.persist(Record::Closed { close: close.clone(), list: list.clone() });
        heavy.step = Step::Closed { list };
        heavy.said.closes.insert(me, close.clone());
        for other in self.others(me) {
            turn.send(other, Message::Close(close.clone()));
        }
        if let Stage::Running { due, .. } = &mut self.stage {
            *due = Due::Passed;
        }
        self.attempts = 0;
        self.retry_later(turn);
        for other in self.others(me) {
            self.send_list_if_different(turn, other);
        }
        self.changed(turn);
        self.advance(turn);
    }

    /// Another heavy node has closed.
    pub fn on_close(&mut self, turn: &mut Turn<'_>, from: PeerId, close: Signed<Close>) {
        if close.signer() != from {
            turn.ignore(from, "close", "it is another node's");
            return;
        }
        let list = close.get().list;
        if self.keep_close(turn, close) {
            // Closed before the deadline means complete: the word itself may have been lost.
            self.on_complete(turn, from, list);
            self.send_list_if_different(turn, from);
            self.advance(turn);
        }
    }

    /// Whoever holds another list gets this node's own, once both are closed.
    fn send_list_if_different(&self, turn: &mut Turn<'_>, other: PeerId) {
        let (me, Some(heavy)) = (turn.me(), self.heavy()) else { return };
        let digest = |peer: &PeerId| heavy.said.closes.get(peer).map(|close| close.get().list);
        if let (Some(own), Some(others)) = (digest(&me), digest(&other))
            && own != others
            && let Some(list) = self.statement(me, Want::List)
        {
            turn.send(other, list);
        }
    }

    /// Another heavy node's list. Reports that differ from this node's are shown to it: two signed reports of one
    /// participant are evidence.
    pub fn on_list(&mut self, turn: &mut Turn<'_>, from: PeerId, close: Signed<Close>, list: List) {
        let id = self.id;
        let fits = close.signer() == from && list.is_well_formed(id) && list.digest(id) == close.get().list;
        if !fits {
            turn.ignore(from, "list", "it is not the list that its close names");
            return;
        }
        if !self.keep_close(turn, close) {
            return;
        }
        let Some(heavy) = self.heavy_mut() else { return };
        for exclusion in list.exclusions() {
            if heavy.held.contains_key(&exclusion.participant()) {
                heavy.keep_exclusion(turn, id, exclusion.clone());
            }
        }
        for entry in list.entries() {
            let held = heavy.held.get(&entry.participant);
            if let Some(held) = held.filter(|held| held.manifest.digest() != entry.manifest) {
                turn.send(from, Message::Conflict(held.manifest.clone()));
            }
        }
        heavy.said.lists.insert(from, list);
        self.advance(turn);
    }

    /// Another heavy node has seen every list; it shows whose.
    pub fn on_freeze(
        &mut self,
        turn: &mut Turn<'_>,
        from: PeerId,
        freeze: Signed<Freeze>,
        closes: Vec<Signed<Close>>,
    ) {
        let (said, heavy_nodes) = (freeze.get(), &self.terms().heavy);
        let named = heavy_nodes.iter().zip(&said.lists).zip(&closes);
        let founded = said.lists.len() == heavy_nodes.len()
            && closes.len() == heavy_nodes.len()
            && named.into_iter().all(|((heavy, list), close)| {
                let close = close.get();
                (close.heavy, close.list, close.computation) == (*heavy, *list, self.id)
            });
        if said.heavy != from || said.computation != self.id || !self.terms().has_heavy(&from) || !founded {
            turn.ignore(from, "freeze", "it does not come with the closes that it names");
            return;
        }
        for close in closes {
            if !self.keep_close(turn, close) {
                return;
            }
        }
        if self.keep_freeze(turn, freeze) {
            self.check_freezes(turn);
            self.advance(turn);
        }
    }

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
        let in_order = verifications.len() == heavy_nodes.len()
            && verifications
                .iter()
                .zip(heavy_nodes)
                .all(|(it, heavy)| (it.get().heavy, it.get().computation) == (*heavy, id));
        let founded = if self.terms().sharing.is_proven() {
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

    /// Climbs as many rungs as the statements at hand allow.
    pub fn advance(&mut self, turn: &mut Turn<'_>) {
        self.freeze(turn);
        self.check_freezes(turn);
        self.show_rho(turn);
        self.commit_verifiers(turn);
        self.show_verifiers(turn);
        self.vote(turn);
        self.check_votes(turn);
        self.open(turn);
        self.conclude(turn);
    }

    /// With every list: signs what is in all of them.
    fn freeze(&mut self, turn: &mut Turn<'_>) {
        let (id, me, heavy_nodes) = (self.id, turn.me(), self.terms().heavy.clone());
        let minimum = self.terms().min_participants;
        let Some(heavy) = self.heavy_mut() else { return };
        let Step::Closed { list } = &heavy.step else { return };
        let lists: Vec<&List> = heavy_nodes.iter().filter_map(|other| heavy.list_of(me, other)).collect();
        if lists.len() < heavy_nodes.len() {
            return;
        }
        let (frozen, list) = (List::intersection(lists), list.clone());
        if !self.check_left_out(turn) {
            return;
        }
        let participants = frozen.participants();
        if participants < minimum {
            let failure = Failure::InsufficientParticipants { accepted: participants, minimum };
            self.fail(turn, failure);
            return;
        }
        let Some(heavy) = self.heavy_mut() else { return };
        let digests = heavy_nodes
            .iter()
            .filter_map(|other| heavy.said.closes.get(other).map(|close| close.get().list))
            .collect();
        let set = frozen.digest(id);
        let freeze =
            turn.sign(Freeze { computation: id, heavy: me, lists: digests, frozen: set, participants });
        let closes = heavy.closes(&heavy_nodes);
        turn.persist(Record::Frozen { freeze: freeze.clone(), accepted: frozen.clone(), closes });
        heavy.step = Step::Frozen { list, frozen };
        heavy.said.freezes.insert(me, freeze);
        self.stepped(turn, Want::Freeze);
    }

    /// Whether the frozen set can not change any more: every heavy node has signed it.
    pub(super) fn set_is_fixed(&self) -> bool {
        let frozen = |heavy: &Heavy| {
            let all = self.terms().heavy.iter().all(|other| heavy.said.freezes.contains_key(other));
            all && !matches!(heavy.step, Step::Collecting | Step::Closed { .. })
        };
        self.heavy().is_some_and(frozen)
    }

    /// With the frozen set agreed, and verified where there are proofs: fixes the partial sum over what is left.
    fn vote(&mut self, turn: &mut Turn<'_>) {
        let (id, me, terms) = (self.id, turn.me(), self.computation.get().clone());
        let ready = self
            .heavy()
            .is_some_and(|heavy| matches!(heavy.step, Step::Frozen { .. } | Step::Verifying { .. }));
        let Some(unverified) = ready.then(|| self.unverified(me)).flatten() else { return };
        let proven = terms.sharing.is_proven();
        let verifications = proven.then(|| verifications_digest(id, &self.verifications()));
        let Some(heavy) = self.heavy_mut() else { return };
        let (Step::Frozen { list, frozen } | Step::Verifying { list, frozen }) = &heavy.step else { return };
        let accepted = frozen.without(&unverified);
        let (participants, minimum) = (accepted.participants(), terms.min_participants);
        if participants < minimum {
            let failure = Failure::InsufficientParticipants { accepted: participants, minimum };
            self.fail(turn, failure);
            return;
        }
        let Some(partial_sum) = heavy.partial_sum(turn, id, &terms, &accepted) else { return };
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
            unverified: unverified.into_iter().collect(),
            partial_sum: partial_sum.clone(),
            blind: blind.clone(),
        });
        let (list, frozen) = (list.clone(), frozen.clone());
        heavy.step = Step::Voted { list, frozen, accepted, partial_sum, blind };
        heavy.said.votes.insert(me, vote);
        self.stepped(turn, Want::Vote);
    }

    /// With every vote for the same set: lets the partial sum go.
    fn open(&mut self, turn: &mut Turn<'_>) {
        let (id, me, heavy_nodes) = (self.id, turn.me(), self.terms().heavy.clone());
        let Some(heavy) = self.heavy_mut() else { return };
        let Step::Voted { list, frozen, accepted, partial_sum, blind } = &heavy.step else { return };
        let Some(own) = heavy.said.votes.get(&me).map(Signed::get) else { return };
        let agrees = |vote: &&Signed<Vote>| vote.get().is_for_the_set_of(own);
        let votes: Vec<_> = heavy_nodes
            .iter()
            .filter_map(|other| heavy.said.votes.get(other).filter(agrees).cloned())
            .collect();
        if votes.len() < heavy_nodes.len() {
            return;
        }
        let opening = turn.sign(Opening {
            computation: id,
            heavy: me,
            votes: votes_digest(id, &votes),
            blind: *blind.expose(),
            partial_sum: partial_sum.expose().clone(),
        });
        turn.persist(Record::Opened { opening: opening.clone(), votes: votes.clone() });
        heavy.said.openings.insert(me, opening);
        let (list, frozen, accepted) = (list.clone(), frozen.clone(), accepted.clone());
        heavy.step = Step::Opened { list, frozen, accepted, votes };
        self.stepped(turn, Want::Opening);
    }

    /// With every opening: the certificate.
    fn conclude(&mut self, turn: &mut Turn<'_>) {
        let heavy_nodes = self.terms().heavy.clone();
        let computation = self.computation.clone();
        let Some(heavy) = self.heavy_mut() else { return };
        let Step::Opened { votes, .. } = &heavy.step else { return };
        let votes = votes.clone();
        let openings: Vec<_> =
            heavy_nodes.iter().filter_map(|it| heavy.said.openings.get(it).cloned()).collect();
        if openings.len() < heavy_nodes.len() {
            return;
        }
        let participants = heavy.accepted_participants();
        let certificate = Certificate { computation, votes, openings };
        match outcome_of(&certificate) {
            Ok(answer) => self.complete(turn, certificate, answer),
            // Nothing else is left to be wrong: each rung has checked its statements.
            Err(error) => {
                let CertificateError::Shape { heavy: culprit, .. } = error else { return };
                let mut pairs = certificate.votes.iter().zip(&certificate.openings);
                if let Some((vote, opening)) = pairs.find(|(vote, _)| vote.signer() == culprit) {
                    self.convict_opening(turn, vote.clone(), opening.clone());
                }
            }
        }
        self.spread_certificate(turn, &participants);
    }

    /// A rung was climbed: the others hear of it, and what is missing for the next one is asked for soon.
    pub(super) fn stepped(&mut self, turn: &mut Turn<'_>, statement: Want) {
        let me = turn.me();
        if let Some(message) = self.statement(me, statement) {
            for other in self.others(me) {
                turn.send(other, message.clone());
            }
        }
        self.attempts = 0;
        self.retry_later(turn);
    }

    /// Asks another heavy node for what this one lacks from it.
    pub fn ask_for_lacking(&self, turn: &mut Turn<'_>, other: PeerId) {
        let me = turn.me();
        let proven = self.terms().sharing.is_proven();
        if let Some(want) = self.heavy().and_then(|heavy| heavy.lacks_from(me, &other, proven)) {
            turn.send(other, Message::Want { computation: self.id, want });
        }
    }

    /// Sets the timer to ask again.
    pub fn retry_later(&mut self, turn: &mut Turn<'_>) {
        let wait = (ASK_AGAIN * 2_u32.saturating_pow(self.attempts.min(8))).min(ASK_AGAIN_MAX);
        self.attempts = self.attempts.saturating_add(1);
        let at = turn.now + turn.jittered(wait);
        turn.set_timer(Timer::Retry(self.id), at);
    }

    /// Missing heavy nodes have been waited for long enough.
    pub fn on_patience_over(&mut self, turn: &mut Turn<'_>) {
        let me = turn.me();
        let failure = match &self.stage {
            Stage::Proposed { accepted: Some(_), .. } => Failure::NeverAnnounced,
            Stage::Running { .. } => {
                let Some(heavy) = self.heavy() else { return };
                let proven = self.terms().sharing.is_proven();
                let lacking = |other: &PeerId| heavy.lacks_from(me, other, proven).is_some();
                let others = self.others(me).into_iter().filter(lacking).collect();
                // Who has not even closed was away itself.
                Failure::Missing { heavy: if heavy.is_closed() { others } else { vec![me] } }
            }
            Stage::Proposed { .. } | Stage::Ended(_) => return,
        };
        self.fail(turn, failure);
    }
}

impl Heavy {
    /// This node's sum over the accepted set, with its noise; `None` if it lacks a report.
    fn partial_sum(
        &self,
        turn: &mut Turn<'_>,
        id: ComputationId,
        terms: &Computation,
        accepted: &List,
    ) -> Option<Secret<Vec<u8>>> {
        let position = terms.heavy.iter().position(|heavy| *heavy == turn.me())?;
        let shares: Option<Vec<_>> =
            accepted.entries().iter().map(|entry| self.report_share(&entry.participant)).collect();
        let scheme = statistics::scheme(terms).ok()?;
        let mut sum = scheme.partial_sum(id.as_bytes(), position, shares?.into_iter()).ok()?;
        if let Some(noise) = statistics::draw_noise(terms, turn.rng()) {
            scheme.add_noise(&mut sum, noise.expose()).ok()?;
        }
        Some(sum)
    }

    /// Whether agreement has begun.
    pub fn is_closed(&self) -> bool {
        !matches!(self.step, Step::Collecting)
    }
}
