//! Verification: do the reports of the frozen set prove what they must? (docs/PROTOCOL.md)
//!
//! The key by which proofs are queried follows from every heavy node's ρ, and ρ leaves a node only when the set is frozen. Then each
//! commits to its verifier shares, and shows them once every commitment is in. All see the same shares and draw the same verdicts.
//! A report is never queried under a second key: there is one ρ a heavy node, fixed before the announcement.

use std::collections::{BTreeMap, BTreeSet};

use super::{Heavy, Step};
use crate::domain::limits::VERIFIER_BATCH_BYTES;
use crate::domain::{Computation, ComputationId, Digest, PeerId};
use crate::protocol::entry::{Entry, Stage};
use crate::protocol::turn::Turn;
use crate::sharing::{ReportShare, Scheme, Secret, Verdict};
use crate::statistics;
use crate::wire::{
    Blind, FaultProof, List, Message, Record, Signed, Verification, Want, rho_commitment, verifiers_commitment,
};

/// What this node knows of the verification of one computation.
#[derive(Debug, Default)]
pub(super) struct Verifying {
    /// ρ of each heavy node, as far as they have come.
    rhos: BTreeMap<PeerId, Secret<[u8; 32]>>,
    pub commitments: BTreeMap<PeerId, Signed<Verification>>,
    /// Batches of verifier shares that match their commitments.
    batches: BTreeMap<PeerId, BTreeMap<u32, Secret<Vec<u8>>>>,
    /// This node's own verifier shares, computed when they are needed.
    own: Option<Secret<Vec<u8>>>,
    /// The random bytes of this node's own commitments.
    blinds: Vec<Blind>,
    shown: Shown,
}

/// What this node has sent unasked since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Shown {
    #[default]
    Nothing,
    Rho,
    Verifiers,
}

impl Verifying {
    /// Rebuilds what was persisted.
    pub fn restore(
        &mut self,
        me: PeerId,
        heavy_nodes: &[PeerId],
        verification: Signed<Verification>,
        blinds: Vec<Blind>,
        rhos: Vec<Secret<[u8; 32]>>,
    ) {
        self.commitments.insert(me, verification);
        self.blinds = blinds;
        self.rhos = heavy_nodes.iter().copied().zip(rhos).collect();
    }

    /// H(ρ₁ ‖ … ‖ ρₙ), with every ρ at hand.
    fn key(&self, id: ComputationId, heavy_nodes: &[PeerId]) -> Option<Secret<[u8; 32]>> {
        let rhos: Vec<&[u8; 32]> =
            heavy_nodes.iter().filter_map(|heavy| self.rhos.get(heavy).map(Secret::expose)).collect();
        if rhos.len() < heavy_nodes.len() {
            return None;
        }
        let joined: Secret<Vec<u8>> = Secret::new(rhos.into_iter().flatten().copied().collect());
        let key = Digest::of("formix-p2p/verification-key/1", &[id.as_bytes(), joined.expose()]);
        Some(Secret::new(*key.as_bytes()))
    }

    fn has_all_batches(&self, heavy: &PeerId) -> bool {
        let promised = self.commitments.get(heavy).map(|commitment| commitment.get().batches.len());
        promised == Some(self.batches.get(heavy).map_or(0, BTreeMap::len))
    }

    /// A heavy node's verifier shares, one after the other.
    fn verifiers_of(&self, heavy: &PeerId) -> Vec<u8> {
        let batches = self.batches.get(heavy).into_iter().flat_map(BTreeMap::values);
        batches.flat_map(|batch| batch.expose().iter().copied()).collect()
    }

    /// What is lacking from another heavy node while this one is frozen or verifies.
    pub fn lacks_from(&self, me: PeerId, other: &PeerId) -> Option<Want> {
        if !self.commitments.contains_key(&me) {
            return (!self.rhos.contains_key(other)).then_some(Want::Rho);
        }
        if !self.commitments.contains_key(other) {
            return Some(Want::Verification);
        }
        (!self.has_all_batches(other)).then_some(Want::Verifiers)
    }
}

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
        if let Some((rho, _)) = &heavy.rho {
            heavy.verifying.rhos.insert(me, rho.clone());
        }
        self.stepped(turn, Want::Rho);
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
        let (id, me, terms) = (self.id, turn.me(), self.computation.get().clone());
        let proven = terms.sharing.is_proven();
        if !proven || !self.set_is_fixed() {
            return;
        }
        let Some(heavy) = self.heavy_mut() else { return };
        let Step::Frozen { list, frozen } = &heavy.step else { return };
        let Some(key) = heavy.verifying.key(id, &terms.heavy) else { return };
        let Ok(scheme) = statistics::scheme(&terms) else { return };
        let Some(shares) = heavy.own_verifiers(me, id, &terms, frozen, &key) else { return };
        let blinds: Vec<Blind> = batches(&scheme, shares.expose()).map(|_| turn.secret_bytes()).collect();
        let digests = batches(&scheme, shares.expose())
            .zip(&blinds)
            .enumerate()
            .map(|(batch, (shares, blind))| verifiers_commitment(id, me, index(batch), blind, shares))
            .collect();
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
        heavy.verifying.own = Some(shares);
        heavy.verifying.blinds = blinds;
        self.stepped(turn, Want::Verification);
    }

    /// Another heavy node has fixed its verifier shares.
    pub fn on_verification(&mut self, turn: &mut Turn<'_>, from: PeerId, commitment: Signed<Verification>) {
        let said = commitment.get();
        if said.heavy != from || said.computation != self.id || !self.terms().has_heavy(&from) {
            turn.ignore(from, "verification", "it is not this heavy node's");
            return;
        }
        if self.keep_verification(turn, commitment) {
            self.advance(turn);
        }
    }

    /// Keeps a commitment to verifier shares, or convicts the signer of a second one.
    pub(super) fn keep_verification(&mut self, turn: &mut Turn<'_>, commitment: Signed<Verification>) -> bool {
        let signer = commitment.signer();
        let Some(heavy) = self.heavy_mut() else { return false };
        let commitments = &mut heavy.verifying.commitments;
        let first = commitments.entry(signer).or_insert_with(|| commitment.clone()).clone();
        if first.get() == commitment.get() {
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
        let me = turn.me();
        let all = self.terms().heavy.clone();
        let Some(heavy) = self.heavy_mut() else { return };
        let committed = all.iter().all(|other| heavy.verifying.commitments.contains_key(other));
        let due = matches!(heavy.step, Step::Verifying { .. }) && committed;
        if !due || heavy.verifying.shown >= Shown::Verifiers {
            return;
        }
        heavy.verifying.shown = Shown::Verifiers;
        for other in self.others(me) {
            self.send_verifiers(turn, other);
        }
        self.attempts = 0;
        self.retry_later(turn);
    }

    /// Every batch of this node's verifier shares, for another heavy node. After a restart they are computed again.
    pub(super) fn send_verifiers(&mut self, turn: &mut Turn<'_>, to: PeerId) {
        let (id, me, terms) = (self.id, turn.me(), self.computation.get().clone());
        let Some(heavy) = self.heavy_mut() else { return };
        let collects = matches!(heavy.step, Step::Collecting | Step::Closed { .. } | Step::Frozen { .. });
        let committed = terms.heavy.iter().all(|other| heavy.verifying.commitments.contains_key(other));
        let passed = !collects && !matches!(heavy.step, Step::Verifying { .. });
        if collects || !(committed || passed) {
            return;
        }
        if heavy.verifying.own.is_none() {
            let key = heavy.verifying.key(id, &terms.heavy);
            let frozen = heavy.step.frozen().cloned();
            heavy.verifying.own =
                key.zip(frozen).and_then(|(key, frozen)| heavy.own_verifiers(me, id, &terms, &frozen, &key));
        }
        let Some(own) = &heavy.verifying.own else { return };
        let Ok(scheme) = statistics::scheme(&terms) else { return };
        for (batch, (shares, blind)) in batches(&scheme, own.expose()).zip(&heavy.verifying.blinds).enumerate()
        {
            let shares = Secret::new(shares.to_vec());
            let batch = index(batch);
            turn.send(to, Message::Verifiers { computation: id, batch, blind: blind.clone(), shares });
        }
    }

    /// A batch of another heavy node's verifier shares.
    pub fn on_verifiers(
        &mut self,
        turn: &mut Turn<'_>,
        from: PeerId,
        batch: u32,
        blind: &Blind,
        shares: Secret<Vec<u8>>,
    ) {
        let id = self.id;
        let Some(heavy) = self.heavy_mut() else { return };
        let commitment = heavy.verifying.commitments.get(&from).map(Signed::get);
        let promised = commitment.and_then(|commitment| commitment.batches.get(batch as usize));
        if promised != Some(&verifiers_commitment(id, from, batch, blind, shares.expose())) {
            turn.ignore(from, "verifiers", "it is not what it committed to");
            return;
        }
        heavy.verifying.batches.entry(from).or_default().insert(batch, shares);
        self.advance(turn);
    }

    /// Whose reports of the frozen set did not verify, once that is known. Every heavy node finds the same.
    pub(super) fn unverified(&self, me: PeerId) -> Option<BTreeSet<PeerId>> {
        let terms = self.terms();
        let heavy = self.heavy()?;
        if !terms.sharing.is_proven() {
            return self.set_is_fixed().then(BTreeSet::new);
        }
        let Step::Verifying { frozen, .. } = &heavy.step else { return None };
        let mut verifiers = Vec::new();
        for (position, other) in terms.heavy.iter().enumerate() {
            let shares = if *other == me {
                heavy.verifying.own.as_ref()?.expose().clone()
            } else {
                if !heavy.verifying.has_all_batches(other) {
                    return None;
                }
                heavy.verifying.verifiers_of(other)
            };
            verifiers.push((position, shares));
        }
        heavy.left_out_by(self.id, terms, frozen, &verifiers)
    }
}

impl Heavy {
    /// One report as this node holds it.
    pub(super) fn report_share<'a>(&'a self, participant: &PeerId) -> Option<ReportShare<'a>> {
        let held = self.held.get(participant)?;
        let manifest = held.manifest.get();
        Some(ReportShare { nonce: &manifest.nonce, public: &manifest.public, share: held.share.expose() })
    }

    /// This node's verifier shares of the frozen set; `None` if it lacks a report.
    fn own_verifiers(
        &self,
        me: PeerId,
        id: ComputationId,
        terms: &Computation,
        frozen: &List,
        key: &Secret<[u8; 32]>,
    ) -> Option<Secret<Vec<u8>>> {
        let position = terms.heavy.iter().position(|heavy| *heavy == me)?;
        let reports: Option<Vec<_>> =
            frozen.entries().iter().map(|entry| self.report_share(&entry.participant)).collect();
        let shares =
            statistics::scheme(terms).ok()?.verifier_shares(key.expose(), id.as_bytes(), position, &reports?);
        Some(Secret::new(shares))
    }

    /// Whose reports these verifier shares of the frozen set leave out.
    fn left_out_by(
        &self,
        id: ComputationId,
        terms: &Computation,
        frozen: &List,
        verifiers: &[(usize, Vec<u8>)],
    ) -> Option<BTreeSet<PeerId>> {
        let entries = frozen.entries();
        let public = |participant: &PeerId| self.held.get(participant).map(|held| &held.manifest.get().public);
        let publics: Vec<&[u8]> =
            entries.iter().map(|entry| public(&entry.participant).map_or(&[][..], Vec::as_slice)).collect();
        let verifiers: Vec<_> =
            verifiers.iter().map(|(position, shares)| (*position, shares.as_slice())).collect();
        let verdicts = statistics::scheme(terms).ok()?.verdicts(id.as_bytes(), &publics, &verifiers).ok()?;
        let refused = entries.iter().zip(verdicts).filter(|(_, verdict)| *verdict != Verdict::Valid);
        Some(refused.map(|(entry, _)| entry.participant).collect())
    }
}

/// Verifier shares in batches that fit a message, at least one.
fn batches<'a>(scheme: &Scheme, shares: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let one = scheme.verifier_bytes().max(1);
    shares.chunks((VERIFIER_BATCH_BYTES / one).max(1) * one)
}

fn index(batch: usize) -> u32 {
    u32::try_from(batch).unwrap_or(u32::MAX)
}
