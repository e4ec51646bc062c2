//! What a heavy node keeps while the reports of the frozen set are verified.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use zeroize::Zeroizing;

use super::quorum::Quorum;
use crate::domain::{ComputationId, Digest, PeerId};
use crate::sharing::Secret;
use crate::wire::{Blind, Signed, Verification, Want};

/// What this node knows of the verification of one computation.
#[derive(Debug, Default)]
pub(super) struct Verifying {
    /// ρ of each heavy node, as far as they have come.
    pub rhos: BTreeMap<PeerId, Secret<[u8; 32]>>,
    pub commitments: BTreeMap<PeerId, Signed<Verification>>,
    /// Batches of verifier shares that match their commitments, with the random bytes of these.
    pub batches: BTreeMap<PeerId, BTreeMap<u32, Batch>>,
    /// This node's own verifier shares, computed when they are needed.
    pub own: Option<Secret<Vec<u8>>>,
    /// This node's sum over the frozen set, which came with them.
    pub own_sum: Option<Secret<Vec<u8>>>,
    /// The random bytes of this node's own commitments.
    pub blinds: Vec<Blind>,
    /// Whose verifier shares came before the commitment to them, and were not kept.
    pub overtaken: BTreeSet<PeerId>,
    /// Who waits for this node's own, after a restart.
    pub owed: BTreeSet<PeerId>,
    pub shown: Shown,
    /// Who had committed when this node showed its verifier shares.
    pub in_time: BTreeSet<PeerId>,
}

/// The random bytes of a batch's commitment, and the verifier shares in it.
pub(super) type Batch = (Blind, Secret<Vec<u8>>);

/// What this node has sent unasked since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shown {
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

    /// Takes up what the verdicts of a vote rest on.
    pub fn restore_commitments(&mut self, commitments: Vec<Signed<Verification>>) {
        self.commitments.extend(commitments.into_iter().map(|commitment| (commitment.signer(), commitment)));
    }

    /// H(ρ₁ ‖ … ‖ ρₙ), with every ρ at hand.
    pub fn key(&self, id: ComputationId, heavy_nodes: &[PeerId]) -> Option<Secret<[u8; 32]>> {
        let rhos: Vec<&[u8; 32]> =
            heavy_nodes.iter().filter_map(|heavy| self.rhos.get(heavy).map(Secret::expose)).collect();
        if rhos.len() < heavy_nodes.len() {
            return None;
        }
        let joined: Secret<Vec<u8>> = Secret::new(rhos.into_iter().flatten().copied().collect());
        let key = Digest::of("formix-p2p/verification-key/1", &[id.as_bytes(), joined.expose()]);
        Some(Secret::new(*key.as_bytes()))
    }

    pub fn has_all_batches(&self, heavy: &PeerId) -> bool {
        let promised = self.commitments.get(heavy).map(|commitment| commitment.get().batches.len());
        promised == Some(self.batches.get(heavy).map_or(0, BTreeMap::len))
    }

    /// Some bytes of a heavy node's verifier shares, which came in batches of so many bytes.
    pub fn verifiers_in(
        &self,
        heavy: &PeerId,
        batch_bytes: usize,
        bytes: Range<usize>,
    ) -> Option<Zeroizing<Vec<u8>>> {
        let batches = self.batches.get(heavy)?;
        let mut joined = Zeroizing::new(Vec::with_capacity(bytes.len()));
        let mut begin = bytes.start;
        while begin < bytes.end {
            let batch = begin / batch_bytes;
            let (_, shares) = batches.get(&u32::try_from(batch).ok()?)?;
            let first = batch * batch_bytes;
            let end = bytes.end.min(first + batch_bytes);
            joined.extend_from_slice(shares.expose().get(begin - first..end - first)?);
            begin = end;
        }
        Some(joined)
    }

    /// What is lacking from another heavy node while this one is frozen or verifies.
    pub fn lacks_from(&self, me: PeerId, other: &PeerId, quorum: Option<&Quorum>) -> Option<Want> {
        if !self.commitments.contains_key(&me) {
            let came = quorum.map_or_else(
                || self.rhos.contains_key(other),
                |quorum| !self.rhos.is_empty() || quorum.rho_parts.contains_key(other),
            );
            return (!came).then_some(Want::Rho);
        }
        if !self.commitments.contains_key(other) {
            return Some(Want::Verification);
        }
        // Others show theirs when they have every commitment, as this node does.
        let may_be_shown = self.shown >= Shown::Verifiers;
        (may_be_shown && !self.has_all_batches(other)).then_some(Want::Verifiers)
    }

    /// The digest of a node's verifier shares, if this one has them all.
    pub fn held(&self, me: PeerId, owner: &PeerId) -> Option<Digest> {
        let commitment = self.commitments.get(owner)?;
        let complete = if *owner == me { self.own.is_some() } else { self.has_all_batches(owner) };
        complete.then(|| Digest::of("formix-p2p/verification-digest/1", &[commitment.body()]))
    }

    /// Whether a node had committed before this one showed anything.
    pub fn was_in_time(&self, me: PeerId, owner: &PeerId) -> bool {
        self.in_time.contains(owner) || self.is_spectator(me)
    }

    /// Whether a node's verifier shares may still count for this one.
    pub fn may_count(&self, node: &PeerId) -> bool {
        self.shown < Shown::Verifiers || self.in_time.contains(node)
    }

    /// Whether this node has no verifier shares of its own, because it lacks reports of the frozen set.
    pub fn is_spectator(&self, me: PeerId) -> bool {
        !self.commitments.contains_key(&me)
    }
}
