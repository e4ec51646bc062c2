//! Verification: do the reports of the frozen set prove what they must? (docs/PROTOCOL.md)
//!
//! The key by which proofs are queried follows from every heavy node's ρ, and ρ leaves a node only when the set is frozen. Then each
//! commits to its verifier shares, and shows them once every commitment is in. All see the same shares and draw the same verdicts.
//! A report is never queried under a second key: there is one ρ a heavy node, fixed before the announcement.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::dealing::rebuild;
use super::runs::Lacks;
use super::verifying::Shown;
use super::{Heavy, Step};
use crate::domain::{Computation, ComputationId, PeerId};
use crate::protocol::entry::{Entry, Stage};
use crate::protocol::turn::Turn;
use crate::sharing::{Scheme, Secret};
use crate::wire::{
    Blind, FaultProof, Message, Record, Signed, Verification, Want, rho_commitment, verifiers_commitment,
};

impl Entry {
    /// With every freeze: ρ may go.
    pub(super) fn show_rho(&mut self, turn: &mut Turn<'_>) {
        let me = turn.me();
        let proven = self.terms().sharing.is_proven();
        if !proven || !self.set_is_fixed() {
            return;
        }
        let Some(heavy) = self.heavy_mut() else { return };
        if !matches!(heavy.step, Step::Frozen { .. }) || heavy.verifying.shown >= Shown::Rho {
            return;
        }
        heavy.verifying.shown = Shown::Rho;
        if let Some((rho, _)) = heavy.rho.as_ref().filter(|_| heavy.quorum.is_none()) {
            heavy.verifying.rhos.insert(me, rho.clone());
        }
        self.stepped(turn, Want::Rho);
    }

    /// Under threshold sharing: with k nodes' shares of every ρ, rebuilds them all.
    pub(super) fn rebuild_rhos(&mut self, me: PeerId) {
        let computation = self.computation.clone();
        let (id, terms) = (self.id, computation.get());
        let fixed = self.set_is_fixed();
        let Some((heavy, k)) = self.threshold().and_then(|k| Some((self.heavy_mut()?, k))) else { return };
        let Some(quorum) = heavy.quorum.as_ref().filter(|_| fixed && heavy.verifying.rhos.is_empty()) else {
            return;
        };
        let mut rhos = BTreeMap::new();
        for (at, (dealer, deal)) in terms.heavy.iter().zip(&quorum.dealt.deals).enumerate() {
            let shares = terms.heavy.iter().enumerate().filter_map(|(position, holder)| {
                let part = if *holder == me {
                    quorum.dealt.rho.get(at)
                } else {
                    quorum.rho_parts.get(holder)?.get(at)
                };
                Some((position, part?))
            });
            let shares: Vec<_> = shares.collect();
            let Some(rho) = rebuild(id, &terms.heavy, k, deal.get(), &shares) else { return };
            rhos.insert(*dealer, rho);
        }
        heavy.verifying.rhos = rhos;
    }

    /// This node's ρ for another heavy node, if the set is frozen.
    pub(super) fn rho_message(&self) -> Option<Message> {
        let heavy = self.heavy()?;
        let further = !matches!(heavy.step, Step::Collecting | Step::Closed { .. } | Step::Frozen { .. });
        let (rho, blind) = heavy.rho.clone().filter(|_| further || self.set_is_fixed())?;
        Some(Message::Rho { computation: self.id, rho, blind })
    }

    /// Another heavy node's ρ, which must be the one that it committed to when it accepted.
    pub fn on_rho(&mut self, turn: &mut Turn<'_>, from: PeerId, rho: Secret<[u8; 32]>, blind: &Blind) {
        let Stage::Running { acceptances, .. } = &self.stage else { return };
        let promised = acceptances.iter().find(|acceptance| acceptance.signer() == from);
        let commitment = rho_commitment(self.id, from, blind, &rho);
        if promised.is_none_or(|acceptance| acceptance.get().rho_commitment != commitment) {
            turn.ignore(from, "rho", "it is not what it committed to when it accepted");
            return;
        }
        if let Some(heavy) = self.heavy_mut() {
            heavy.verifying.rhos.insert(from, rho);
            self.advance(turn);
        }
    }

    /// With every ρ: computes this node's verifier shares and commits to them.
    pub(super) fn commit_verifiers(&mut self, turn: &mut Turn<'_>) {
        let computation = self.computation.clone();
        let (id, me, terms) = (self.id, turn.me(), computation.get());
        let proven = terms.sharing.is_proven();
        if !proven || !self.set_is_fixed() {
            return;
        }
        let frozen = self.heavy().is_some_and(|heavy| matches!(heavy.step, Step::Frozen { .. }));
        let Some(own) = frozen.then(|| self.own_verifiers(turn)).flatten() else { return };
        let Some(heavy) = self.heavy_mut() else { return };
        let Step::Frozen { list, frozen } = &heavy.step else { return };
        let (blinds, digests): (Vec<Blind>, Vec<_>) = own.batches.into_iter().unzip();
        let commitment =
            turn.sign(Verification { computation: id, heavy: me, frozen: frozen.digest(id), batches: digests });
        let rhos = terms.heavy.iter().filter_map(|heavy_node| heavy.verifying.rhos.get(heavy_node).cloned());
        turn.persist(Record::Verifying {
            verification: commitment.clone(),
            blinds: blinds.clone(),
            rhos: rhos.collect(),
        });
        heavy.step = Step::Verifying { list: list.clone(), frozen: frozen.clone() };
        heavy.verifying.commitments.insert(me, commitment);
        (heavy.verifying.own, heavy.verifying.own_sum) = (Some(own.shares), own.sum);
        heavy.verifying.blinds = blinds;
        self.restart_grace(turn);
        self.stepped(turn, Want::Verification);
    }

    /// Another heavy node has fixed its verifier shares.
    pub fn on_verification(&mut self, turn: &mut Turn<'_>, from: PeerId, commitment: Signed<Verification>) {
        let said = commitment.get();
        // Others pass it on: its signer may be gone, and what it signed twice must meet.
        let known = self.terms().has_heavy(&from) && self.terms().has_heavy(&said.heavy);
        if !known || said.computation != self.id {
            turn.ignore(from, "verification", "it is no heavy node's of this computation");
            return;
        }
        if self.keep_verification(turn, commitment) {
            self.advance(turn);
        }
    }

    /// The set is frozen: commitments that came before and are about another set are none.
    pub(super) fn drop_foreign_commitments(&mut self) {
        let (id, terms) = (self.id, self.computation.get().clone());
        let Some(heavy) = self.heavy_mut() else { return };
        let mut commitments = std::mem::take(&mut heavy.verifying.commitments);
        commitments.retain(|_, commitment| heavy.is_about_the_set(id, &terms, commitment.get()));
        heavy.verifying.commitments = commitments;
    }

    /// Keeps a commitment to verifier shares, or convicts the signer of a second one.
    pub(super) fn keep_verification(&mut self, turn: &mut Turn<'_>, commitment: Signed<Verification>) -> bool {
        let (id, signer, terms) = (self.id, commitment.signer(), self.computation.get().clone());
        let Some(heavy) = self.heavy_mut() else { return false };
        if heavy.step.frozen().is_some() && !heavy.is_about_the_set(id, &terms, commitment.get()) {
            turn.ignore(signer, "verification", "it is about another set");
            return false;
        }
        let commitments = &mut heavy.verifying.commitments;
        let first = commitments.entry(signer).or_insert_with(|| commitment.clone()).clone();
        if first.get() == commitment.get() {
            // Its owner may be gone before this node would ask again.
            if heavy.verifying.overtaken.remove(&signer) {
                turn.send(signer, Message::Want { computation: id, want: Want::Verifiers });
            }
            return true;
        }
        self.convict(turn, signer, FaultProof::TwoVerifications(first, commitment));
        false
    }

    /// The commitments that verdicts rest on, in the order of the heavy nodes; empty where there are no proofs.
    pub(super) fn verifications(&self) -> Vec<Signed<Verification>> {
        let Some(heavy) = self.heavy().filter(|_| self.terms().sharing.is_proven()) else { return Vec::new() };
        let commitments = &heavy.verifying.commitments;
        self.terms().heavy.iter().filter_map(|other| commitments.get(other).cloned()).collect()
    }

    /// With every commitment: the verifier shares may go.
    pub(super) fn show_verifiers(&mut self, turn: &mut Turn<'_>) {
        let computation = self.computation.clone();
        let (me, terms) = (turn.me(), computation.get());
        let Some(heavy) = self.heavy_mut() else { return };
        let due = matches!(heavy.step, Step::Verifying { .. }) && heavy.enough_commitments(terms);
        if !due || heavy.verifying.shown >= Shown::Verifiers {
            return;
        }
        heavy.verifying.in_time = heavy.verifying.commitments.keys().copied().collect();
        heavy.verifying.shown = Shown::Verifiers;
        for other in self.others(me) {
            self.send_verifiers(turn, other);
        }
        self.restart_grace(turn);
        self.attempts = 0;
        self.retry_later(turn);
    }

    /// After a restart: computes this node's verifier shares again, once, for its own verdicts and for whoever asks for them.
    pub(super) fn recompute_verifiers(&mut self, turn: &mut Turn<'_>) {
        let Some(heavy) = self.heavy() else { return };
        let lost = heavy.verifying.own.is_none() && !heavy.verifying.is_spectator(turn.me());
        let needed = match heavy.step {
            Step::Collecting | Step::Closed { .. } | Step::Frozen { .. } => false,
            Step::Verifying { .. } => true,
            Step::Voted { .. } | Step::Opened { .. } => !heavy.verifying.owed.is_empty(),
        };
        let Some(own) = (lost && needed).then(|| self.own_verifiers(turn)).flatten() else { return };
        let Some(heavy) = self.heavy_mut() else { return };
        (heavy.verifying.own, heavy.verifying.own_sum) = (Some(own.shares), own.sum);
        for to in std::mem::take(&mut heavy.verifying.owed) {
            self.send_verifiers(turn, to);
        }
    }

    /// Every batch of this node's verifier shares, for another heavy node; after a restart as soon as they are computed again.
    pub(super) fn send_verifiers(&mut self, turn: &mut Turn<'_>, to: PeerId) {
        let computation = self.computation.clone();
        let (id, me, terms) = (self.id, turn.me(), computation.get());
        let Some(heavy) = self.heavy_mut() else { return };
        let may_show = match heavy.step {
            Step::Collecting | Step::Closed { .. } | Step::Frozen { .. } => false,
            Step::Verifying { .. } => heavy.verifying.shown >= Shown::Verifiers,
            Step::Voted { .. } | Step::Opened { .. } => true,
        };
        if !may_show {
            return;
        }
        if heavy.verifying.own.is_none() {
            heavy.verifying.owed.insert(to);
            self.recompute_verifiers(turn);
            return;
        }
        let Some(own) = &heavy.verifying.own else { return };
        // Whoever lacks one of the commitments that this node has seen would wait for it in vain.
        for (signer, commitment) in &heavy.verifying.commitments {
            if *signer != me && *signer != to {
                turn.send(to, Message::Verification(commitment.clone()));
            }
        }
        let Some(scheme) = heavy.scheme(terms) else { return };
        for (batch, (shares, blind)) in batches(&scheme, own.expose()).zip(&heavy.verifying.blinds).enumerate()
        {
            let (shares, blind) = (Secret::new(shares.to_vec()), blind.clone());
            turn.send(
                to,
                Message::Verifiers { computation: id, heavy: me, batch: index(batch), blind, shares },
            );
        }
    }

    /// Another node's verifier shares, as this one has them, for a third.
    pub(super) fn send_verifiers_of(&mut self, turn: &mut Turn<'_>, to: PeerId, owner: PeerId) {
        let id = self.id;
        if owner == turn.me() {
            self.send_verifiers(turn, to);
            return;
        }
        let Some(heavy) = self.heavy() else { return };
        let Some(commitment) = heavy.verifying.commitments.get(&owner) else { return };
        turn.send(to, Message::Verification(commitment.clone()));
        for (batch, (blind, shares)) in heavy.verifying.batches.get(&owner).into_iter().flatten() {
            let (batch, blind, shares) = (*batch, blind.clone(), shares.clone());
            turn.send(to, Message::Verifiers { computation: id, heavy: owner, batch, blind, shares });
        }
    }

    /// A batch of another heavy node's verifier shares.
    pub fn on_verifiers(
        &mut self,
        turn: &mut Turn<'_>,
        from: PeerId,
        owner: PeerId,
        batch: u32,
        blind: Blind,
        shares: Secret<Vec<u8>>,
    ) {
        let computation = self.computation.clone();
        let (id, terms) = (self.id, computation.get());
        let Some(heavy) = self.heavy_mut() else { return };
        let commitment = heavy.verifying.commitments.get(&owner).map(Signed::get);
        let promised = commitment.and_then(|commitment| commitment.batches.get(batch as usize));
        let digest = verifiers_commitment(id, owner, batch, &blind, shares.expose());
        let fits = terms.has_heavy(&from)
            && promised == Some(&digest)
            && commitment.is_some_and(|commitment| heavy.is_about_the_set(id, terms, commitment))
            && heavy
                .batch_sizes(terms)
                .is_some_and(|sizes| sizes.get(batch as usize) == Some(&shares.expose().len()));
        if !fits {
            if commitment.is_none() && from == owner && terms.has_heavy(&owner) {
                heavy.verifying.overtaken.insert(owner);
            }
            turn.ignore(from, "verifiers", "they are not what was committed to, or this node is not as far");
            return;
        }
        heavy.verifying.batches.entry(owner).or_default().insert(batch, (blind, shares));
        self.advance(turn);
    }
}

impl Heavy {
    /// Some bytes of a heavy node's verifier shares, this node's own included.
    pub(super) fn verifiers_in(
        &self,
        me: PeerId,
        node: &PeerId,
        scheme: &Scheme,
        bytes: Range<usize>,
    ) -> Option<Zeroizing<Vec<u8>>> {
        if *node == me {
            return Some(Zeroizing::new(self.verifying.own.as_ref()?.expose().get(bytes)?.to_vec()));
        }
        self.verifying.verifiers_in(node, scheme.batch_bytes(), bytes)
    }

    /// Whether a commitment is to verifier shares of exactly the frozen set.
    fn is_about_the_set(&self, id: ComputationId, terms: &Computation, commitment: &Verification) -> bool {
        let frozen = self.step.frozen().map(|frozen| frozen.digest(id));
        let batches = self.batch_sizes(terms).map(|sizes| sizes.len());
        (Some(commitment.frozen), Some(commitment.batches.len())) == (frozen, batches)
    }

    /// The bytes of each batch of one node's verifier shares, once the set is frozen.
    fn batch_sizes(&self, terms: &Computation) -> Option<Vec<usize>> {
        let scheme = self.scheme(terms)?;
        let reports = self.step.frozen()?.entries().len() * scheme.verifier_bytes();
        let (all, one) = (reports + self.noise_verifier_bytes(&scheme), scheme.batch_bytes());
        Some((0..all).step_by(one).map(|begin| one.min(all - begin)).collect())
    }

    /// This node's place among the heavy nodes, and how the computation is shared.
    pub(super) fn place(&self, me: PeerId, terms: &Computation) -> Result<(usize, Arc<Scheme>), Lacks> {
        let place = terms.heavy.iter().position(|heavy| *heavy == me);
        place.zip(self.scheme(terms)).ok_or(Lacks::Report)
    }
}

/// Verifier shares in batches that fit a message, at least one.
fn batches<'a>(scheme: &Scheme, shares: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    shares.chunks(scheme.batch_bytes())
}

fn index(batch: usize) -> u32 {
    u32::try_from(batch).unwrap_or(u32::MAX)
}
