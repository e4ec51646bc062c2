//! Results and failures: one result, the plain sum, and at the end everything ended and no share is left.

use std::collections::BTreeSet;

use super::super::cheat::Cheat;
use super::super::machine::Machine;
use super::super::records;
use super::super::violation::{Check, Invariant};
use super::{Actor, Watch, in_steps};
use crate::domain::{ComputationId, Decimal, Failure, NumberSchema, PeerId, Statistic, Status};
use crate::protocol::View;
use crate::sharing::TotalError;
use crate::statistics;
use crate::wire::{Certificate, Opening, Record, RecordKind, Signed};

impl Watch {
    /// 2: the total of a certificate is the plain sum over the set that its votes name.
    pub(super) fn certified(&mut self, actor: Actor<'_>, certificate: &Certificate) -> Check {
        let id = certificate.computation.id();
        let vote = certificate.votes.first().map(|vote| (vote.get().accepted, vote.get().participants));
        let voters = certificate.votes.iter().map(Signed::signer);
        if voters.into_iter().all(|voter| self.cheats.contains_key(&voter)) && !certificate.votes.is_empty() {
            // More heavy nodes lie than the scheme withstands.
            return Ok(());
        }
        let case = self.case(id)?;
        let computation = case.computation.clone();
        let Some((digest, participants)) = vote else {
            return Invariant::PlainSum.check(false, || "a certificate without votes".to_owned());
        };
        Invariant::OneOpening.check(participants >= computation.min_participants, || {
            format!("{} holds a certificate over {participants} participants", actor.index)
        })?;
        let Some(members) = case.accepted.get(&digest).cloned() else {
            return Invariant::PlainSum
                .check(false, || "a certificate over a set that nobody voted for".to_owned());
        };
        if !self.totals_are_true(&computation, certificate.openings.len()) {
            return Ok(());
        }
        let Ok(scheme) = statistics::scheme(&computation) else { return Ok(()) };
        let largest = statistics::largest_residue(&computation);
        let mut total = vec![0; scheme.slots()];
        for (participant, manifest) in &members {
            let report =
                self.submitted.get(&(id, *manifest)).filter(|report| report.participant == *participant);
            let Some(report) = report else {
                if self.cheats.get(participant) == Some(&Cheat::Anything) {
                    return Ok(());
                }
                return Invariant::PlainSum
                    .check(false, || format!("{participant:?} submitted no such report"));
            };
            for (sum, slot) in total.iter_mut().zip(&report.slots) {
                *sum = added(*sum, *slot, largest);
            }
        }
        let position =
            |opening: &Signed<Opening>| computation.heavy.iter().position(|heavy| *heavy == opening.signer());
        let sums = certificate.openings.iter();
        let sums: Vec<_> = sums
            .filter_map(|opening| Some((position(opening)?, opening.get().partial_sum.as_slice())))
            .collect();
        let opened = match scheme.total(&sums) {
            Ok(total) => total.slots,
            // Noticed: this is no result. Whether somebody lied is asked where the failure is kept.
            Err(TotalError::Inconsistent) => return Ok(()),
            Err(_) => Vec::new(),
        };
        let right = differ_by_noise(&total, &opened, largest, &statistics::noise_bounds(&computation));
        Invariant::PlainSum.check(right, || {
            format!("the total of {id} at {} is {opened:?}, but {total:?} was submitted", actor.index)
        })
    }

    /// Failures name what happened, and misconduct names a cheat.
    pub(super) fn failed(&self, id: ComputationId, failure: &Failure) -> Check {
        let terms = self.cases.get(&id).map(|case| &case.computation);
        let heavy = terms.into_iter().flat_map(|terms| &terms.heavy);
        let cheats = heavy.filter_map(|heavy| self.cheats.get(heavy));
        match failure {
            // Somebody's word: true, or a cheat's.
            Failure::Accused { by, heavy, .. } => {
                let just = self.cheats.contains_key(by) || self.cheats.contains_key(heavy);
                Invariant::JustBlame.check(just, || format!("{by:?} accuses {heavy:?}, who is honest"))
            }
            Failure::Misconduct { heavy, evidence } => {
                let cheat = self.cheats.get(heavy);
                let just = cheat.is_some_and(|cheat| cheat.leaves_evidence().contains(evidence));
                Invariant::JustBlame.check(just, || format!("{heavy:?} ({cheat:?}) failed it by {evidence:?}"))
            }
            Failure::InsufficientParticipants { accepted, minimum } => Invariant::Ends
                .check(accepted < minimum, || format!("{accepted} of {minimum} are not insufficient")),
            Failure::Unreachable { heavy } | Failure::Missing { heavy } => {
                Invariant::Ends.check(!heavy.is_empty(), || "nobody is missing".to_owned())
            }
            Failure::SumsDisagree => {
                let mut liars =
                    terms.into_iter().flat_map(|terms| cheats.clone().map(|it| (it, terms.sharing)));
                let lied = liars.any(|(cheat, sharing)| cheat.can_falsify(sharing));
                Invariant::JustBlame.check(lied, || format!("the sums of {id} disagree, and nobody lied"))
            }
            Failure::DealsDiffer | Failure::NoiseUnsound { .. } => Invariant::JustBlame
                .check(cheats.count() > 0, || {
                    format!("what was dealt for {id} does not hold, and everybody is honest")
                }),
            Failure::Refused { .. }
            | Failure::ImpossibleTotal
            | Failure::TooManyOpen { .. }
            | Failure::NeverAnnounced
            | Failure::Withdrawn
            | Failure::MemoryLost { .. }
            | Failure::NoContact => Ok(()),
        }
    }

    /// 1: what a node shows is what every other honest node shows.
    pub fn shown(&mut self, view: &View<'_>) -> Check {
        let ended = match view.status {
            Status::Completed => view.certificate.is_some() && view.answer.is_some(),
            Status::Failed => view.failure.is_some() && view.answer.is_none(),
            Status::Pending | Status::Processing => view.answer.is_none() && view.failure.is_none(),
        };
        Invariant::OneResult.check(ended, || format!("the view of {} contradicts itself", view.id))?;
        let Some(answer) = &view.answer else { return Ok(()) };
        let case = self.case(view.id)?;
        let first = case.result.get_or_insert_with(|| answer.clone());
        let same = first == answer;
        Invariant::OneResult.check(same, || format!("two results of {}: {first:?}, {answer:?}", view.id))?;
        self.names_participants(view)
    }

    /// 2, seen from outside: with powers of two the sum names its participants.
    fn names_participants(&self, view: &View<'_>) -> Check {
        let Some((case, answer)) = self.cases.get(&view.id).zip(view.answer.as_ref()) else { return Ok(()) };
        let vote = view.certificate.and_then(|certificate| certificate.votes.first());
        let Some(members) = vote.and_then(|vote| case.accepted.get(&vote.get().accepted)) else {
            return Ok(());
        };
        let true_values = members.iter().all(|(participant, _)| !self.cheats.contains_key(participant));
        let query = &case.computation.query;
        let openings = view.certificate.map_or(0, |certificate| certificate.openings.len());
        if !true_values || !self.totals_are_true(&case.computation, openings) {
            return Ok(());
        }
        let count = u32::try_from(members.len()).unwrap_or(u32::MAX);
        Invariant::PlainSum.check(answer.participants() == count, || {
            format!("{} participants are shown of {count}", answer.participants())
        })?;
        let exponents = members.iter().filter_map(|(participant, _)| self.exponents.get(participant));
        let records: u64 = exponents.map(|exponent| u64::from(records::count_of(query, *exponent))).sum();
        let counts = query.statistic == Statistic::Count;
        // A count asks for no value, and so takes the one record that fits nothing.
        Invariant::PlainSum
            .check(answer.samples() == records || counts || case.computation.noise.is_some(), || {
                format!("{} records are shown of {records}", answer.samples())
            })?;
        if counts || query.statistic.is_table() {
            return Ok(());
        }
        let expected: i128 = members.iter().filter_map(|(participant, _)| self.steps_of(participant)).sum();
        let step = query.number().map_or(Decimal::ONE, NumberSchema::step);
        let shown = in_steps(answer.total(), step);
        // The last of the slots before products is a sum; the number of records before it has less noise.
        let noise = statistics::noise_bounds(&case.computation).into_iter().max().unwrap_or(0);
        let near = shown.is_some_and(|shown| shown.abs_diff(expected) <= noise);
        Invariant::PlainSum.check(near, || {
            format!("{:?} is shown instead of {expected} steps, give or take {noise}", answer.total())
        })
    }

    /// 5 and 7, when everything should be over.
    pub fn at_end(&self, machine: &Machine, views: &[View<'_>]) -> Check {
        for view in views {
            let over = matches!(view.status, Status::Completed | Status::Failed);
            Invariant::Ends
                .check(over, || format!("{} is {} at {} for ever", view.id, view.status, machine.index))?;
            let known = self.cases.get(&view.id).and_then(|case| case.result.as_ref()).is_some();
            Invariant::OneResult.check(!known || view.status == Status::Completed, || {
                format!("{} has a result, and {} never learns of it", view.id, machine.index)
            })?;
        }
        let shown: BTreeSet<_> = views.iter().map(|view| view.id).collect();
        for (key, record) in &machine.store {
            if let Record::Invitation(memory) = record {
                let over = memory.ended.is_some() || memory.computation.is_some();
                Invariant::Ends.check(over, || format!("{} waits for parties for ever", machine.index))?;
                continue;
            }
            Invariant::SharesGone.check(!holds_secrets(key.kind), || {
                format!("a {:?} record of {} is left at {}", key.kind, key.computation, machine.index)
            })?;
            let about_all = matches!(
                key.kind,
                RecordKind::Fault
                    | RecordKind::Ledger
                    | RecordKind::Compared
                    | RecordKind::Forgotten
                    | RecordKind::Pruned
                    | RecordKind::Summary
            );
            Invariant::Ends.check(about_all || shown.contains(&key.computation), || {
                format!("{} remembers a {:?} and does not show it", machine.index, key.kind)
            })?;
        }
        Ok(())
    }

    /// The honest participants whose powers of two make up a sum.
    pub fn names_in(&self, sum: i128) -> BTreeSet<PeerId> {
        let named = self.exponents.iter().filter(|(_, exponent)| sum >> **exponent & 1 == 1);
        named.map(|(participant, _)| *participant).collect()
    }
}

/// Whether these records hold shares, partial sums, or what proofs are queried with.
const fn holds_secrets(kind: RecordKind) -> bool {
    match kind {
        RecordKind::Accepted
        | RecordKind::Dealing
        | RecordKind::Report
        | RecordKind::Held
        | RecordKind::Verifying
        | RecordKind::Voted
        | RecordKind::Opened
        | RecordKind::Input => true,
        RecordKind::Proposed
        | RecordKind::Announced
        | RecordKind::Receipts
        | RecordKind::Closed
        | RecordKind::Frozen
        | RecordKind::ListsDecree
        | RecordKind::VerifiersDecree
        | RecordKind::OpeningsDecree
        | RecordKind::Certificate
        | RecordKind::Failed
        | RecordKind::Ledger
        | RecordKind::Fault
        | RecordKind::Members
        | RecordKind::Compared
        | RecordKind::Invitation
        | RecordKind::Forgotten
        | RecordKind::Pruned
        | RecordKind::Summary => false,
    }
}

/// Whether two totals, modulo `largest` + 1, are the same but for noise of at most `bound` in the last slot.
pub(super) fn differ_by_noise(plain: &[u128], noisy: &[u128], largest: u128, bounds: &[u128]) -> bool {
    let near = |((plain, noisy), bound): ((&u128, &u128), &u128)| {
        let apart = plain.abs_diff(*noisy);
        apart <= *bound || largest - apart < *bound
    };
    let shaped = plain.len() == noisy.len() && plain.len() == bounds.len();
    shaped && plain.iter().zip(noisy).zip(bounds).all(near)
}

/// A sum of residues, modulo `largest` + 1.
fn added(left: u128, right: u128, largest: u128) -> u128 {
    let room = largest - left;
    if right <= room { left + right } else { right - room - 1 }
}
