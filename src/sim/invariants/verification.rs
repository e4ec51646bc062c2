//! Verification: one key a computation, nothing shown before its time, and left out is who proved nothing.

use std::collections::BTreeSet;

use super::super::cheat::Cheat;
use super::super::violation::{Check, Invariant};
use super::agreement::frozen;
use super::{Actor, Case, Watch, statement_of};
use crate::domain::{ComputationId, Digest, PeerId, Sharing};
use crate::sharing::Secret;
use crate::statistics;
use crate::wire::{Blind, List, Part, Record, RecordKind, Signed, Verification, Vote, verifiers_commitment};

impl Watch {
    /// A commitment to verifier shares reaches a node.
    pub(super) fn hear_verification(&mut self, to: PeerId, commitment: &Signed<Verification>) {
        let said = commitment.get();
        if let Some(case) = self.cases.get_mut(&said.computation) {
            let heard = case.verifications.entry((to, said.heavy)).or_default();
            heard.insert(said.batches.clone());
        }
    }

    /// A batch of verifier shares reaches a node. What nobody promised it is no batch.
    pub(super) fn hear_verifiers(
        &mut self,
        (from, to): (PeerId, PeerId),
        computation: ComputationId,
        batch: u32,
        blind: &Blind,
        shares: &Secret<Vec<u8>>,
    ) {
        let Some(case) = self.cases.get_mut(&computation) else { return };
        let digest = verifiers_commitment(computation, from, batch, blind, shares.expose());
        case.verifiers.entry((to, from)).or_default().insert((batch, digest));
    }

    /// 8: ρ leaves a node once the set is frozen for good, and it is the ρ of its acceptance.
    pub(super) fn shows_rho(&mut self, actor: Actor<'_>, id: ComputationId, rho: &Secret<[u8; 32]>) -> Check {
        let case = self.case(id)?;
        let frozen = statement_of(actor, id, RecordKind::Frozen).is_some();
        Invariant::KeyAfterFreeze.check(frozen && case.is_frozen_for(actor), || {
            format!("{} shows its ρ before the set is frozen", actor.index)
        })?;
        let accepted = statement_of(actor, id, RecordKind::Accepted);
        let same = matches!(accepted, Some(Record::Accepted { rho: kept, .. }) if kept == rho);
        Invariant::KeyAfterFreeze.check(same, || format!("{} shows another ρ than it keeps", actor.index))
    }

    /// 8, where ρ is dealt: the same of what this node was dealt of every ρ.
    pub(super) fn shows_rho_parts(&mut self, actor: Actor<'_>, id: ComputationId, parts: &[Part]) -> Check {
        let frozen = statement_of(actor, id, RecordKind::Frozen).is_some();
        Invariant::KeyAfterFreeze.check(frozen, || {
            format!("{} shows what it was dealt of every ρ before the set is frozen", actor.index)
        })?;
        let accepted = statement_of(actor, id, RecordKind::Accepted);
        let same = matches!(accepted, Some(Record::Accepted { dealt: Some(dealt), .. }) if dealt.rho == parts);
        Invariant::KeyAfterFreeze
            .check(same, || format!("{} shows other parts of ρ than it was dealt", actor.index))
    }

    /// 8: all verify what all have frozen, under one key.
    pub(super) fn verifies(
        &mut self,
        actor: Actor<'_>,
        verification: &Verification,
        rhos: &[Secret<[u8; 32]>],
    ) -> Check {
        let id = verification.computation;
        let case = self.case(id)?;
        let same = frozen(actor, id).is_some_and(|frozen| frozen.digest(id) == verification.frozen);
        Invariant::KeyAfterFreeze.check(same && case.is_frozen_for(actor), || {
            format!("{} verifies another set than all have frozen", actor.index)
        })?;
        let parts: Vec<&[u8]> = rhos.iter().map(|rho| rho.expose().as_slice()).collect();
        let key = Digest::of("key", &parts);
        let first = *case.key.get_or_insert(key);
        let one = first == key && rhos.len() == case.computation.heavy.len();
        Invariant::KeyAfterFreeze.check(one, || format!("{} verifies under a second key", actor.index))
    }

    /// Verifier shares leave a node once every other one has committed to its own; under a threshold, a quorum.
    pub(super) fn shows_verifiers(&mut self, actor: Actor<'_>, id: ComputationId, owner: PeerId) -> Check {
        if owner != actor.peer {
            // Passed on for somebody who may be gone.
            return Ok(());
        }
        Invariant::PersistedFirst.check(statement_of(actor, id, RecordKind::Verifying).is_some(), || {
            format!("{} shows verifier shares that it has not committed to", actor.index)
        })?;
        let case = self.case(id)?;
        let committed =
            case.others(actor).filter(|heavy| case.verifications.contains_key(&(actor.peer, *heavy)));
        let committed = committed.count() + 1;
        Invariant::KeyAfterFreeze.check(committed >= case.quorum(), || {
            format!("{} shows verifier shares when {committed} have committed", actor.index)
        })
    }

    /// A vote rests on everybody's verifier shares, and leaves out exactly who proved nothing.
    pub(super) fn judged(
        &mut self,
        actor: Actor<'_>,
        vote: &Vote,
        frozen: &List,
        unverified: &BTreeSet<PeerId>,
    ) -> Check {
        let id = vote.computation;
        let case = self.case(id)?;
        let proven = case.computation.sharing.is_proven();
        Invariant::OneSet.check(proven || unverified.is_empty(), || {
            format!("{} leaves reports out of which nothing was to be proven", actor.index)
        })?;
        if !proven {
            return Ok(());
        }
        let there = case.others(actor).filter(|heavy| case.verifiers_are_there(actor.peer, *heavy));
        let there = there.count() + 1;
        Invariant::OneSet.check(there >= case.quorum(), || {
            format!("{} votes with the verifier shares of {there} heavy nodes", actor.index)
        })?;
        let (computation, has_threshold) = (case.computation.clone(), case.has_threshold());
        let most: Vec<_> = statistics::slots(&computation).into_iter().map(|slot| slot.most).collect();
        let cheats = |peer: &PeerId| self.cheats.get(peer);
        let discredited = computation.heavy.iter().filter_map(cheats).any(|cheat| cheat.can_discredit());
        for entry in frozen.entries() {
            let participant = entry.participant;
            let cheat = cheats(&participant);
            let bad = cheat.is_some_and(|cheat| cheat.proves_nothing());
            // It broke the part of one heavy node alone, and k others may be all that count.
            let one_part = matches!(cheat, Some(Cheat::BrokenProof | Cheat::WrongPublic | Cheat::OtherContext));
            let unseen = has_threshold && one_part;
            let left_out = unverified.contains(&participant);
            let anything = cheat == Some(&Cheat::Anything);
            Invariant::JustBlame.check(!left_out || bad || anything || discredited, || {
                format!("{} leaves out {participant:?}, whose report is sound", actor.index)
            })?;
            let report = self.submitted.get(&(id, entry.manifest));
            let in_range = report.is_some_and(|report| {
                let slots = report.slots.iter().zip(&most);
                slots.into_iter().all(|(slot, most)| most.is_none_or(|most| *slot <= most))
            });
            // What it made up was never registered.
            let unknown = anything && report.is_none();
            Invariant::PlainSum.check(left_out || unknown || (in_range && (!bad || unseen)), || {
                format!("{} accepts {participant:?}, whose report proves nothing", actor.index)
            })?;
        }
        Ok(())
    }
}

impl Case {
    /// Whether heavy nodes may be gone.
    pub(super) const fn has_threshold(&self) -> bool {
        matches!(self.computation.sharing, Sharing::Threshold { .. })
    }

    /// How many heavy nodes must have committed, voted or shown their shares before a node goes on: all, or those without
    /// whom there is no total. A decree's own quorum is another matter.
    pub(super) fn quorum(&self) -> usize {
        match self.computation.sharing {
            Sharing::Threshold { k } => k.into(),
            Sharing::Additive { .. } | Sharing::Prio3 => self.computation.heavy.len(),
        }
    }

    /// The other heavy nodes.
    pub(super) fn others(&self, actor: Actor<'_>) -> impl Iterator<Item = PeerId> {
        self.computation.heavy.iter().copied().filter(move |heavy| *heavy != actor.peer)
    }

    /// Whether every other heavy node's freeze has reached this one.
    pub(super) fn all_freezes_reached(&self, actor: Actor<'_>) -> bool {
        let heard = self.freezes.get(&actor.index);
        self.others(actor).all(|heavy| heard.is_some_and(|heard| heard.contains(&heavy)))
    }

    /// Whether the set cannot change any more, for all that this node knows. Where a decree fixes it, what it persists says so.
    fn is_frozen_for(&self, actor: Actor<'_>) -> bool {
        self.has_threshold() || self.all_freezes_reached(actor)
    }

    /// Whether every batch that `from` has committed to has reached `to`.
    fn verifiers_are_there(&self, to: PeerId, from: PeerId) -> bool {
        let (Some(promises), Some(came)) =
            (self.verifications.get(&(to, from)), self.verifiers.get(&(to, from)))
        else {
            return false;
        };
        promises.iter().any(|batches| {
            let mut numbered = (0..).zip(batches);
            numbered.all(|(batch, digest)| came.contains(&(batch, *digest)))
        })
    }
}
