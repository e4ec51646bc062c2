//! Reports: made once, taken from their owners, while the computation is open.

use super::super::records;
use super::super::scenario::Source;
use super::super::violation::{Broken, Check, Invariant};
use super::{Actor, Submitted, Watch};
use crate::domain::{ComputationId, Statistic};
use crate::sharing::{ReportShare, Total};
use crate::statistics;
use crate::wire::{RecordKey, RecordKind, Submission, share_digest};

impl Watch {
    /// An honest light node makes its report: the shares add up to its value, and there is no other report.
    pub(super) fn report_made(&mut self, actor: Actor<'_>, submissions: &[Submission]) -> Check {
        let Some(first) = submissions.first() else {
            return Err(Broken { invariant: Invariant::OneReport, what: "a report without shares".to_owned() });
        };
        let id = first.manifest.get().computation;
        self.one_report(actor.peer, id, first.manifest.digest())?;
        self.register(submissions);
        let Some(case) = self.cases.get(&id) else { return Ok(()) };
        let slots = self.submitted.get(&(id, first.manifest.digest())).map(|report| report.slots.as_slice());
        let exponent = self.exponents.get(&actor.peer);
        let expected = exponent
            .and_then(|exponent| records::reading(&case.computation, Source::PowerOfTwo, *exponent).ok());
        // An owner of a value that does not fit may still be counted.
        let counted = case.computation.query.statistic == Statistic::Count;
        let right = expected.is_some_and(|expected| slots == Some(expected.measurement().expose().as_slice()));
        Invariant::PlainSum
            .check(right || counted, || format!("the shares of {} do not add up to its value", actor.index))
    }

    /// A report exists, an honest node's or a cheat's.
    pub fn register(&mut self, submissions: &[Submission]) {
        let Some(first) = submissions.first() else { return };
        let manifest = first.manifest.get();
        let Some(case) = self.cases.get(&manifest.computation) else { return };
        let key = (manifest.computation, first.manifest.digest());
        if self.submitted.contains_key(&key) {
            return;
        }
        let Ok(scheme) = statistics::scheme(&case.computation) else { return };
        let mut parts = Vec::new();
        for (position, submission) in submissions.iter().enumerate() {
            let manifest = submission.manifest.get();
            let (nonce, public, share) = (&manifest.nonce, &manifest.public, submission.share.expose());
            let heavy = case.computation.heavy.get(position);
            let digest = heavy.map(|heavy| {
                share_digest(manifest.computation, manifest.participant, *heavy, &submission.blind, share)
            });
            // No honest heavy node takes one that differs from its digest; under a threshold the others may be enough.
            if digest.as_ref() != manifest.shares.get(position) {
                continue;
            }
            // A share of another shape belongs to no sum; a heavy node that held it would stand out.
            if scheme.check_share(position, public, share).is_err() {
                return;
            }
            let report = ReportShare { nonce, public, share };
            let id = manifest.computation.as_bytes();
            let Ok(part) = scheme.partial_sum(id, position, std::iter::once(report)) else { return };
            parts.push((position, part));
        }
        let parts: Vec<_> =
            parts.iter().map(|(position, part)| (*position, part.expose().as_slice())).collect();
        // Shares that fit no measurement add up to none.
        let Ok(Total { slots, .. }) = scheme.total(&parts) else { return };
        self.submitted.insert(key, Submitted { participant: manifest.participant, slots });
    }

    /// 8, and that nobody hands in another's report.
    pub(super) fn report_held(&mut self, actor: Actor<'_>, submission: &Submission) -> Check {
        let manifest = submission.manifest.get();
        let id = manifest.computation;
        let from_itself = manifest.participant == actor.peer;
        let handed_in = self.handed_in.contains(&(actor.index, submission.manifest.digest()));
        let own = from_itself || handed_in;
        Invariant::OneReport.check(own, || {
            format!("{} takes the report of {:?} from {:?}", actor.index, manifest.participant, actor.cause)
        })?;
        let known = self.cases.get(&id).is_some_and(|case| {
            case.computation.has_heavy(&actor.peer) && case.computation.admits(&manifest.participant)
        });
        Invariant::IntakeClosed
            .check(known, || format!("{} takes a report that it was not asked for", actor.index))?;
        Invariant::IntakeClosed.check(!has_closed(actor, id), || {
            format!("{} takes the report of {:?} after closing", actor.index, manifest.participant)
        })?;
        let other = actor.store.get(&RecordKey {
            kind: RecordKind::Held,
            computation: id,
            peer: Some(manifest.participant),
        });
        Invariant::OneReport
            .check(other.is_none(), || format!("{} replaces a report that it holds", actor.index))?;
        let key = |peer| RecordKey { kind: RecordKind::Held, computation: id, peer };
        let held = actor.store.range(key(None)..=key(Some(LAST_PEER))).count();
        let most = self.cases.get(&id).map_or(0, |case| case.computation.max_participants);
        Invariant::IntakeClosed.check(u32::try_from(held).is_ok_and(|held| held < most), || {
            format!("{} takes more than {most} reports", actor.index)
        })
    }
}

/// No peer sorts after this one.
const LAST_PEER: crate::domain::PeerId = crate::domain::PeerId::from_public_key([0xff; 32]);

/// Whether a heavy node has said that it takes no more.
fn has_closed(actor: Actor<'_>, computation: ComputationId) -> bool {
    let ended = [RecordKind::Closed, RecordKind::Failed, RecordKind::Certificate];
    ended.iter().any(|kind| actor.store.contains_key(&RecordKey { kind: *kind, computation, peer: None }))
}
