//! From what was persisted back to where the node stood.

use std::collections::BTreeMap;

use super::entry::{Entry, Outcome, Stage};
use super::heavy::{Dealing, Heavy, Promise};

use super::members::{Members, own_set};
use super::past::{AnsweredSet, Mark};
use super::remembered::Remembered;
use super::turn::Turn;
use super::view::OwnPart;
use crate::domain::{Computation, ComputationId, Evidence, Failure, Timestamp};
use crate::protocol::certificate::outcome_of;
use crate::wire::{
    Announcement, Certificate, Exclusion, FailureNotice, FaultProof, Input, InvitationMemory, LedgerDecision,
    LedgerEntry, List, Record, RecordKind, Signed, Submission,
};

/// The records of one computation, gathered.
#[derive(Default)]
struct Pieces {
    computation: Option<Signed<Computation>>,
    proposed: Option<()>,
    accepted: Option<Box<Promise>>,
    dealing: Option<Dealing>,
    announcement: Option<Announcement>,
    report: Option<Vec<Submission>>,
    steps: Vec<Record>,
    exclusions: Vec<Exclusion>,
    certificate: Option<Certificate>,
    failure: Option<Failure>,
    notice: Option<Signed<FailureNotice>>,
    /// A heavy node that was convicted just before a crash.
    convicted: Option<Failure>,
    ledger: Option<LedgerEntry>,
    members: Option<List>,
}

/// What the store remembers, by what takes it up.
#[derive(Default)]
pub(super) struct Sorted {
    pub invitations: Vec<InvitationMemory>,
    pub inputs: BTreeMap<ComputationId, Input>,
    pub forgotten: Vec<(ComputationId, Timestamp)>,
    /// What is pruned, and the sets of the answers among it.
    pub past: Vec<(ComputationId, Mark, Option<AnsweredSet>)>,
    /// Of computations.
    pub others: Vec<Record>,
}

/// Sorts records by what takes them up.
pub(super) fn sorted(records: Vec<Record>) -> Sorted {
    let (mut sorted, mut pruned) = (Sorted::default(), BTreeMap::new());
    for record in records {
        if let Record::Invitation(memory) = record {
            sorted.invitations.push(*memory);
        } else if let Record::Input { invitation, input } = record {
            sorted.inputs.insert(invitation, input);
        } else if let Record::Forgotten { computation, at } = record {
            sorted.forgotten.push((computation, at));
        } else if let Record::Pruned { computation, at, bytes } = record {
            pruned.insert(computation, Mark { at, bytes });
        } else {
            sorted.others.push(record);
        }
    }
    let mut sets = past_sets(&pruned, &sorted.others);
    // Beside them, of what is pruned the owner's ledger alone matters to later questions.
    sorted.others.retain(|record| {
        let key = record.key();
        key.kind == RecordKind::Ledger || !pruned.contains_key(&key.computation)
    });
    sorted.past = pruned.into_iter().map(|(id, mark)| (id, mark, sets.remove(&id))).collect();
    sorted
}

/// The sets of pruned answers whose names are still there.
fn past_sets(
    pruned: &BTreeMap<ComputationId, Mark>,
    records: &[Record],
) -> BTreeMap<ComputationId, AnsweredSet> {
    let mut fields = BTreeMap::new();
    for record in records {
        if let Record::Ledger(entry) = record
            && entry.decision == LedgerDecision::Answered
        {
            fields.insert(entry.computation, &entry.fields);
        }
    }
    let set = |record: &Record| {
        let Record::Members { computation: id, entries } = record else { return None };
        let fields = (*fields.get(id).filter(|_| pruned.contains_key(id))?).clone();
        let names = entries.iter().map(|entry| entry.participant).collect();
        Some((*id, AnsweredSet { fields, names }))
    };
    records.iter().filter_map(set).collect()
}

/// Every computation in the store, with the timers and messages by which the open ones go on, and what the ledger says of
/// those that are forgotten.
pub(super) fn entries(
    turn: &mut Turn<'_>,
    mut records: Vec<Record>,
) -> (BTreeMap<ComputationId, Entry>, Remembered) {
    // By kind: a step is restored after the one that it stands on.
    records.sort_by_key(Record::key);
    let mut all: BTreeMap<ComputationId, Pieces> = BTreeMap::new();
    for record in records {
        all.entry(record.key().computation).or_default().add(record);
    }
    let (mut entries, mut ledger) = (BTreeMap::new(), Remembered::default());
    for (id, pieces) in all {
        let decided = pieces.ledger.clone();
        match (pieces.into_entry(turn, id), decided) {
            (Some(entry), _) => drop(entries.insert(id, entry)),
            (None, Some(decided)) => ledger.keep(turn, &decided),
            (None, None) => {}
        }
    }
    (entries, ledger)
}

impl Pieces {
    fn add(&mut self, record: Record) {
        match record {
            Record::Proposed(computation) => {
                self.proposed = Some(());
                self.computation = Some(computation);
            }
            Record::Dealing { computation, deal, rho, noise } => {
                self.dealing = Dealing::restore(&computation, deal, rho, noise);
                self.computation = Some(computation);
            }
            Record::Accepted { computation, acceptance, rho, blind, dealt } => {
                self.computation = Some(computation);
                self.accepted = Some(Box::new(Promise { acceptance, rho, blind, dealt }));
            }
            Record::Announced(announcement) => {
                self.computation = Some(announcement.computation.clone());
                self.announcement = Some(announcement);
            }
            Record::Report(submissions) => self.report = Some(submissions),
            Record::Certificate(certificate) => {
                self.computation = Some(certificate.computation.clone());
                self.certificate = Some(certificate);
            }
            Record::Failed { failure, notice, .. } => {
                self.failure = Some(failure);
                self.notice = notice;
            }
            Record::Ledger(entry) => self.ledger = Some(entry),
            Record::Members { entries, .. } => self.members = Some(List::accepted(entries)),
            // They outlive their computations: `Comparisons` has them. Summaries are read when somebody asks.
            Record::Compared(_) | Record::Summary(_) => {}
            // `sorted` has taken them out.
            Record::Invitation(_) | Record::Input { .. } | Record::Forgotten { .. } | Record::Pruned { .. } => {
            }
            Record::Fault(fault) => match fault.proof {
                FaultProof::TwoReports(exclusion) => self.exclusions.push(*exclusion),
                proof @ (FaultProof::TwoLists(..)
                | FaultProof::TwoFreezes(..)
                | FaultProof::WrongFreeze(..)
                | FaultProof::TwoVerifications(..)
                | FaultProof::TwoVotes(..)
                | FaultProof::WrongVote(..)
                | FaultProof::WrongVerdict(..)
                | FaultProof::ReportLeftOut(..)
                | FaultProof::Decree(_)
                | FaultProof::WrongOpening(..)) => {
                    let (heavy, evidence) = (fault.culprit, proof.evidence());
                    self.convicted = Some(Failure::Misconduct { heavy, evidence });
                }
            },
            step @ (Record::Held(_)
            | Record::Receipts { .. }
            | Record::Closed { .. }
            | Record::Frozen { .. }
            | Record::Decree { .. }
            | Record::Verifying { .. }
            | Record::Voted { .. }
            | Record::Opened { .. }) => self.steps.push(step),
        }
    }

    /// `None` where only the ledger, evidence or a failure without its question is left.
    fn into_entry(mut self, turn: &mut Turn<'_>, id: ComputationId) -> Option<Entry> {
        let Some(computation) = self.computation.take() else {
            if self.failure.is_some() {
                turn.erase(RecordKind::Failed, id);
            }
            if self.members.is_some() {
                turn.erase(RecordKind::Members, id);
            }
            return None;
        };
        let mut entry = Entry::new(computation);
        if let Some(ledger) = self.ledger.take() {
            entry.own = match ledger.decision {
                LedgerDecision::Answered => OwnPart::Answered,
                LedgerDecision::Declined(standing) => OwnPart::Declined(standing),
            };
            entry.ledger = Some(Box::new(ledger));
        }
        let ended = self.certificate.is_some() || self.failure.is_some();
        if ended {
            entry.members = Members::restored(self.members.take().or_else(|| self.own_set(turn, &entry)));
            self.erase_leftovers(turn, id);
            entry.stage = Stage::Ended(self.outcome()?);
            entry.ask_parties_for_the_end(turn);
            return Some(entry);
        }
        match self.announcement.take() {
            Some(announcement) => self.resume(turn, &mut entry, announcement),
            None if self.proposed.is_some() && entry.terms().is_by_invitation() => {
                let dealing = self.dealing.take().map(Box::new);
                entry.resume_proposing(turn, dealing, self.accepted.take());
            }
            None if self.proposed.is_some() => {
                // Whoever asked has gone with the process.
                entry.fail(turn, Failure::NeverAnnounced);
            }
            None => {
                let dealing = self.dealing.take().map(Box::new);
                entry.stage = Stage::Proposed { proposing: None, dealing, accepted: self.accepted.take() };
                entry.await_announcement(turn);
            }
        }
        Some(entry)
    }

    fn resume(self, turn: &mut Turn<'_>, entry: &mut Entry, announcement: Announcement) {
        let mut heavy = self.accepted.map(|promise| Box::new(Heavy::with_promise(*promise)));
        let heavy_nodes = entry.terms().heavy.clone();
        let mut readable = Ok(());
        if let Some(heavy) = &mut heavy {
            readable = heavy.restore_held(turn, entry.id);
            // A list has them, and follows from what is held.
            for exclusion in self.exclusions {
                heavy.restore_exclusion(exclusion);
            }
            for step in self.steps {
                heavy.restore(turn.me(), &heavy_nodes, step);
            }
        }
        let me = turn.me();
        let lost = match &heavy {
            None => entry.terms().has_heavy(&me),
            Some(heavy) => readable.is_err() || !heavy.remembers_its_list(entry.id, me),
        };
        let closed = heavy.as_ref().is_some_and(|heavy| heavy.is_closed());
        entry.run(turn, announcement.acceptances, heavy);
        if closed {
            entry.resume_agreement(turn);
        }
        if lost {
            entry.fail(turn, Failure::MemoryLost { heavy: turn.me() });
        }
        // Where one set is certain in spite of liars, a fault in a decree has ended nothing.
        let terms = entry.terms();
        let goes_on = |failure: &Failure| {
            let in_decree = matches!(failure, Failure::Misconduct { evidence: Evidence::Decree, .. });
            in_decree && terms.sharing.one_set_against_liars(terms.heavy.len())
        };
        if let Some(convicted) = self.convicted.filter(|failure| !goes_on(failure)) {
            entry.fail(turn, convicted);
        }
        if let Some(report) = self.report {
            entry.restore_report(turn, report);
        }
    }

    fn outcome(&mut self) -> Option<Outcome> {
        match (self.certificate.take(), self.failure.take()) {
            (Some(certificate), _) => Some(match outcome_of(&certificate) {
                Ok(Ok((answer, assurance))) => {
                    Outcome::Completed { certificate: Box::new(certificate), answer, assurance }
                }
                Ok(Err(failure)) => Outcome::Impossible { certificate: Box::new(certificate), failure },
                Err(_) => Outcome::Impossible {
                    certificate: Box::new(certificate),
                    failure: Failure::ImpossibleTotal,
                },
            }),
            (None, Some(failure)) => {
                Some(Outcome::Failed { failure, notice: self.notice.take().map(Box::new) })
            }
            (None, None) => None,
        }
    }

    /// A crash between the certificate and the names leaves the rungs behind, from which the names follow.
    fn own_set(&self, turn: &mut Turn<'_>, entry: &Entry) -> Option<List> {
        let certificate = self.certificate.as_ref()?;
        let mut heavy = Heavy::default();
        heavy.restore_held(turn, entry.id).ok()?;
        for exclusion in &self.exclusions {
            heavy.restore_exclusion(exclusion.clone());
        }
        for step in &self.steps {
            heavy.restore(turn.me(), &entry.terms().heavy, step.clone());
        }
        let list = own_set(entry.id, &heavy, certificate)?;
        turn.persist(Record::Members { computation: entry.id, entries: list.entries().to_vec() });
        Some(list)
    }

    /// A crash between the end and the erasing leaves shares behind: they go now.
    fn erase_leftovers(&self, turn: &mut Turn<'_>, id: ComputationId) {
        // Reports and receipts are not among the records that are read at a start; they go before everything else.
        if self.accepted.is_some() || !self.steps.is_empty() {
            turn.erase(RecordKind::Held, id);
            turn.erase(RecordKind::Receipts, id);
        }
        for step in self.steps.iter().filter(|step| step.key().peer.is_none()) {
            turn.erase(step.key().kind, id);
        }
        if self.report.is_some() {
            turn.erase(RecordKind::Report, id);
        }
        if self.accepted.is_some() {
            turn.erase(RecordKind::Accepted, id);
        }
        if self.dealing.is_some() {
            turn.erase(RecordKind::Dealing, id);
        }
    }
}
