//! Verification: one key a computation, nothing shown before its time, and left out is who proved nothing.

use std::collections::BTreeSet;

use super::super::violation::{Check, Invariant};
use super::{Actor, Case, Watch, statement_of};
use crate::domain::{ComputationId, Digest, PeerId};
use crate::sharing::Secret;
use crate::wire::{Blind, List, Record, RecordKind, Signed, Verification, Vote, verifiers_commitment};

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
        let frozen = statement_of(actor, id, RecordKind::Frozen).is_some() && case.all_freezes_reached(actor);
        Invariant::KeyAfterFreeze
            .check(frozen, || format!("{} shows its ρ before the set is frozen", actor.index))?;
        let accepted = statement_of(actor, id, RecordKind::Accepted);
        let same = matches!(accepted, Some(Record::Accepted { rho: kept, .. }) if kept == rho);
        Invariant::KeyAfterFreeze.check(same, || format!("{} shows another ρ than it keeps", actor.index))
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
        let own = statement_of(actor, id, RecordKind::Frozen);
        let same = matches!(own, Some(Record::Frozen { freeze, .. })
            if freeze.get().frozen == verification.frozen);
        Invariant::KeyAfterFreeze.check(same && case.all_freezes_reached(actor), || {
            format!("{} verifies another set than all have frozen", actor.index)
        })?;
        let parts: Vec<&[u8]> = rhos.iter().map(|rho| rho.expose().as_slice()).collect();
        let key = Digest::of("key", &parts);
        let first = *case.key.get_or_insert(key);
        let one = first == key && rhos.len() == case.computation.heavy.len();
        Invariant::KeyAfterFreeze.check(one, || format!("{} verifies under a second key", actor.index))
    }

    /// Verifier shares leave a node once every other one has committed to its own.
    pub(super) fn shows_verifiers(&mut self, actor: Actor<'_>, id: ComputationId) -> Check {
        Invariant::PersistedFirst.check(statement_of(actor, id, RecordKind::Verifying).is_some(), || {
            format!("{} shows verifier shares that it has not committed to", actor.index)
        })?;
        let case = self.case(id)?;
        let waits = case.others(actor).find(|heavy| !case.verifications.contains_key(&(actor.peer, *heavy)));
        Invariant::KeyAfterFreeze.check(waits.is_none(), || {
            format!("{} shows verifier shares before {waits:?} has committed", actor.index)
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
        let waits = case.others(actor).find(|heavy| !case.verifiers_are_there(actor.peer, *heavy));
        Invariant::OneSet.check(waits.is_none(), || {
            format!("{} votes without the verifier shares of {waits:?}", actor.index)
        })?;
        let computation = case.computation.clone();
        let largest = computation.largest_value().unwrap_or(u128::MAX);
        let cheats = |peer: &PeerId| self.cheats.get(peer);
        let discredited = computation.heavy.iter().filter_map(cheats).any(|cheat| cheat.can_discredit());
        for entry in frozen.entries() {
            let participant = entry.participant;
            let bad = cheats(&participant).is_some_and(|cheat| cheat.proves_nothing());
            let left_out = unverified.contains(&participant);
            Invariant::JustBlame.check(!left_out || bad || discredited, || {
                format!("{} leaves out {participant:?}, whose report is sound", actor.index)
            })?;
            let report = self.submitted.get(&(id, entry.manifest));
            let in_range = report.is_some_and(|report| report.slots.iter().all(|slot| *slot <= largest));
            Invariant::PlainSum.check(left_out || (in_range && !bad), || {
                format!("{} accepts {participant:?}, whose report proves nothing", actor.index)
            })?;
        }
        Ok(())
    }
}

impl Case {
    /// The other heavy nodes.
    fn others(&self, actor: Actor<'_>) -> impl Iterator<Item = PeerId> {
        self.computation.heavy.iter().copied().filter(move |heavy| *heavy != actor.peer)
    }

    /// Whether every other heavy node's freeze has reached this one.
    fn all_freezes_reached(&self, actor: Actor<'_>) -> bool {
        let heard = self.freezes.get(&actor.index);
        self.others(actor).all(|heavy| heard.is_some_and(|heard| heard.contains(&heavy)))
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
