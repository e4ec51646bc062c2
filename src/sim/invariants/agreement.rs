//! Closing, freezing, voting and opening: one set, large enough, not too early.

use std::collections::{BTreeMap, BTreeSet};

use super::super::violation::{Broken, Check, Invariant};
use super::outcome::differ_by_noise;
use super::{Actor, Case, Watch};
use crate::domain::{Computation, ComputationId, Digest, PeerId, Sharing};
use crate::sharing::ReportShare;
use crate::statistics;
use crate::wire::{
    Close, Entry, FaultProof, Freeze, List, Opening, Record, RecordKey, RecordKind, Signed, Vote,
    partial_sum_commitment, votes_digest,
};

impl Watch {
    /// Somebody says that the closed list is complete.
    pub(super) fn hear_complete(&mut self, from: PeerId, computation: ComputationId, list: Digest) {
        if let Some(case) = self.cases.get_mut(&computation) {
            case.completes.entry(from).or_default().insert(list);
        }
    }

    /// Intake ends at the deadline or by unanimity, and the list is what is held.
    pub(super) fn closed(
        &mut self,
        actor: Actor<'_>,
        close: &Close,
        reports: u32,
        excluded: &[PeerId],
    ) -> Check {
        let id = close.computation;
        let list = listed(actor, id, excluded);
        let case = self.case(id)?;
        let digest = list.digest(id);
        Invariant::SignedOnce.check(digest == close.list, || format!("{} signs another list", actor.index))?;
        let others = case.computation.heavy.iter().filter(|heavy| **heavy != actor.peer);
        let unanimous = case.computation.participants.is_some()
            && others
                .into_iter()
                .all(|heavy| case.completes.get(heavy).is_some_and(|lists| lists.contains(&digest)));
        let due = actor.clock >= case.computation.deadline;
        Invariant::OneOpening
            .check(due || unanimous, || format!("{} closes before the deadline", actor.index))?;
        let exact = list.is_well_formed(id) && list.participants() == reports;
        Invariant::OneReport.check(exact && list.exclusions().len() == excluded.len(), || {
            format!("{} lists {reports} reports and holds {}", actor.index, held(actor, id).len())
        })
    }

    /// The frozen set is well formed and part of the node's own list.
    pub(super) fn frozen(
        &mut self,
        actor: Actor<'_>,
        id: ComputationId,
        (freeze, participants): (Option<&Freeze>, u32),
        (left_out, added): (&[PeerId], &[Entry]),
    ) -> Check {
        let Some(own) = own_list(actor, id) else {
            return Invariant::OneSet.check(false, || format!("{} freezes without a list", actor.index));
        };
        let accepted = own.changed_by(left_out, added);
        let digest = accepted.digest(id);
        let says = freeze.is_none_or(|freeze| freeze.frozen == digest && freeze.participants == participants);
        let says = says && participants == accepted.participants();
        Invariant::OneSet.check(says && accepted.is_well_formed(id), || {
            format!("{} freezes another set than it keeps", actor.index)
        })?;
        // A decree says whose lists count: this node's own need not be among them.
        let own = self.case(id)?.has_threshold() || added.is_empty();
        Invariant::OneSet.check(own, || format!("{} freezes a report that it has not listed", actor.index))
    }

    /// The vote is for the frozen set, which is large enough, and commits to the sum of the shares.
    pub(super) fn voted(
        &mut self,
        actor: Actor<'_>,
        vote: &Vote,
        unverified: &[PeerId],
        partial_sum: &[u8],
        blind: &[u8; 32],
    ) -> Check {
        let id = vote.computation;
        let case = self.case(id)?;
        let minimum = case.computation.min_participants;
        Invariant::OneOpening.check(vote.participants >= minimum, || {
            format!("{} votes for {} participants, below {minimum}", actor.index, vote.participants)
        })?;
        let frozen_by_all = case.has_threshold() || case.all_freezes_reached(actor);
        Invariant::OneSet
            .check(frozen_by_all, || format!("{} votes before every freeze is in", actor.index))?;
        let unverified: BTreeSet<PeerId> = unverified.iter().copied().collect();
        let frozen = frozen(actor, id);
        let accepted = frozen.as_ref().map(|frozen| frozen.without(&unverified));
        let accepted = accepted.as_ref();
        let same = accepted.is_some_and(|accepted| {
            let counts = (accepted.participants(), u32::try_from(unverified.len()).unwrap_or(u32::MAX));
            (accepted.digest(id), counts) == (vote.accepted, (vote.participants, vote.unverified))
        });
        Invariant::OneSet.check(same, || format!("{} votes for another set than it froze", actor.index))?;
        let committed = partial_sum_commitment(id, actor.peer, blind, partial_sum);
        Invariant::OneOpening.check(committed == vote.partial_sum, || {
            format!("{} commits to something else than it will open", actor.index)
        })?;
        if let Some(accepted) = accepted {
            let members = accepted.entries().iter().map(|entry| (entry.participant, entry.manifest));
            case.accepted.insert(vote.accepted, members.collect());
        }
        let sum = accepted.and_then(|accepted| sum_of_held(actor, case, id, accepted));
        let right = sum.is_some_and(|sum| is_noisy_sum(&case.computation, &sum, partial_sum));
        Invariant::PlainSum
            .check(right, || format!("the partial sum of {} is not that of its shares", actor.index))?;
        match frozen {
            Some(frozen) => self.judged(actor, vote, &frozen, &unverified),
            None => Ok(()),
        }
    }

    /// 3 and 9: an opening leaves once the set is agreed, and there is one set.
    pub(super) fn opens(&mut self, actor: Actor<'_>, opening: &Opening, votes: &[Signed<Vote>]) -> Check {
        let id = opening.computation;
        Invariant::OneOpening.check(opening.votes == votes_digest(id, votes), || {
            format!("{} opens against other votes than it shows", actor.index)
        })?;
        if opening.heavy != actor.peer {
            return Ok(());
        }
        let key = |kind| RecordKey { kind, computation: id, peer: None };
        let Some(Record::Voted { vote, partial_sum, blind, .. }) = actor.store.get(&key(RecordKind::Voted))
        else {
            return Invariant::OneOpening.check(false, || format!("{} opens without a vote", actor.index));
        };
        Invariant::OneOpening
            .check((partial_sum.expose(), blind.expose()) == (&opening.partial_sum, &opening.blind), || {
                format!("{} opens another sum than it persisted", actor.index)
            })?;
        Invariant::PersistedFirst.check(actor.store.contains_key(&key(RecordKind::Opened)), || {
            format!("{} opens before it persists that it does", actor.index)
        })?;
        let accepted = vote.get().accepted;
        let case = self.case(id)?;
        let votes = case.votes.get(&actor.index);
        let others = case.others(actor);
        let agreeing = others.filter(|heavy| votes.is_some_and(|votes| votes.contains(&(*heavy, accepted))));
        // Its own vote besides.
        let agreed = agreeing.count() + 1 >= case.quorum();
        Invariant::OneOpening.check(agreed, || format!("{} opens before every vote is in", actor.index))?;
        case.opened.insert(actor.peer, accepted);
        let sets: BTreeSet<_> = case.opened.values().collect();
        Invariant::OneSet.check(sets.len() == 1, || format!("openings of {id} over {} sets", sets.len()))
    }

    pub(super) fn case(&mut self, id: ComputationId) -> Result<&mut Case, Broken> {
        let unknown = || Broken { invariant: Invariant::OneSet, what: format!("nobody has asked {id}") };
        self.cases.get_mut(&id).ok_or_else(unknown)
    }
}

/// The frozen set, as a heavy node's store has it.
pub(super) fn frozen(actor: Actor<'_>, computation: ComputationId) -> Option<List> {
    let record = actor.store.get(&RecordKey { kind: RecordKind::Frozen, computation, peer: None });
    let Some(Record::Frozen { left_out, added, .. }) = record else { return None };
    Some(own_list(actor, computation)?.changed_by(left_out, added))
}

/// The list that a heavy node has closed over, as its store has it.
fn own_list(actor: Actor<'_>, computation: ComputationId) -> Option<List> {
    let record = actor.store.get(&RecordKey { kind: RecordKind::Closed, computation, peer: None });
    let Some(Record::Closed { excluded, .. }) = record else { return None };
    Some(listed(actor, computation, excluded))
}

/// What is held, but for those who are excluded, with the evidence that is kept.
fn listed(actor: Actor<'_>, computation: ComputationId, excluded: &[PeerId]) -> List {
    let evidence = excluded.iter().filter_map(|participant| {
        let key = RecordKey { kind: RecordKind::Fault, computation, peer: Some(*participant) };
        let Some(Record::Fault(fault)) = actor.store.get(&key) else { return None };
        let FaultProof::TwoReports(exclusion) = &fault.proof else { return None };
        Some((*participant, (**exclusion).clone()))
    });
    List::new(held(actor, computation), evidence.collect())
}

/// The reports in a heavy node's store.
fn held(actor: Actor<'_>, id: ComputationId) -> BTreeMap<PeerId, Digest> {
    let reports = actor.store.values().filter_map(|record| {
        let Record::Held(submission) = record else { return None };
        let manifest = &submission.manifest;
        (manifest.get().computation == id).then(|| (manifest.signer(), manifest.digest()))
    });
    reports.collect()
}

/// Whether a partial sum is that of the shares, with no more noise in each slot than one heavy node adds.
fn is_noisy_sum(computation: &Computation, sum: &[u8], with_noise: &[u8]) -> bool {
    if computation.noise.is_none() {
        return sum == with_noise;
    }
    if matches!(computation.sharing, Sharing::Threshold { .. }) {
        // What is added are shares of noise, which may be any number; the total shows it.
        return true;
    }
    let slots = statistics::scheme(computation).map_or(1, |scheme| scheme.slots().max(1));
    let residues = |bytes: &[u8]| -> Vec<u128> {
        let residue = |element: &[u8]| element.iter().rev().fold(0, |sum, byte| sum << 8 | u128::from(*byte));
        bytes.chunks((bytes.len() / slots).max(1)).map(residue).collect()
    };
    let (largest, bounds) =
        (statistics::largest_residue(computation), statistics::own_noise_bounds(computation));
    differ_by_noise(&residues(sum), &residues(with_noise), largest, &bounds)
}

fn sum_of_held(actor: Actor<'_>, case: &Case, id: ComputationId, accepted: &List) -> Option<Vec<u8>> {
    let terms = &case.computation;
    let position = terms.heavy.iter().position(|heavy| *heavy == actor.peer)?;
    let mut reports = Vec::new();
    for entry in accepted.entries() {
        let peer = Some(entry.participant);
        let key = RecordKey { kind: RecordKind::Held, computation: id, peer };
        let Some(Record::Held(submission)) = actor.store.get(&key) else { return None };
        let manifest = submission.manifest.get();
        let (nonce, public, share) = (&manifest.nonce, &manifest.public, submission.share.expose());
        reports.push(ReportShare { nonce, public, share });
    }
    let sum = statistics::scheme(terms).ok()?.partial_sum(id.as_bytes(), position, reports).ok()?;
    Some(sum.expose().clone())
}
