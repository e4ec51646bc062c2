//! What the store alone holds, read when somebody asks: how computations ended long ago, and the whole ledger.

use std::collections::{BTreeMap, BTreeSet};

use super::api::refused;
use super::runtime::Runtime;
use super::subjects::Subject;
use crate::control::ApiError;
use crate::domain::ComputationId;
use crate::protocol::Recalled;
use crate::store::StoreError;
use crate::wire::{Comparison, LedgerEntry, Record, RecordKind, Similar};

/// How the sets of answers compare.
#[derive(Default)]
pub(super) struct Sets {
    members: BTreeMap<ComputationId, u32>,
    similar: BTreeMap<ComputationId, BTreeSet<Similar>>,
}

impl Sets {
    fn add(&mut self, comparison: &Comparison) {
        let id = comparison.computation;
        for similar in &comparison.similar {
            self.similar.entry(id).or_default().insert(*similar);
            self.similar.entry(similar.other).or_default().insert(Similar { other: id, ..*similar });
        }
        self.members.insert(id, comparison.members);
    }

    /// How many participants a set has, if it was compared.
    pub(super) fn members_of(&self, id: ComputationId) -> Option<u32> {
        self.members.get(&id).copied()
    }

    /// The sets near one, whichever of the two came first; the nearest first.
    pub(super) fn similar_to(&self, id: ComputationId) -> Vec<Similar> {
        self.similar.get(&id).into_iter().flatten().copied().collect()
    }
}

impl Runtime {
    /// A computation that ended long ago.
    ///
    /// # Errors
    /// `store_unreadable`.
    pub(super) fn recalled(&self, id: ComputationId) -> Result<Option<Subject<'_>>, ApiError> {
        let read = |kind| self.store.recall(kind, id).map_err(|error| unreadable(&error));
        let Some(Record::Summary(summary)) = read(RecordKind::Summary)? else { return Ok(None) };
        let certificate = match read(RecordKind::Certificate)? {
            Some(Record::Certificate(certificate)) => Some(certificate),
            _ => None,
        };
        let ledger = match read(RecordKind::Ledger)? {
            Some(Record::Ledger(entry)) => Some(entry),
            _ => None,
        };
        let similar = match read(RecordKind::Compared)? {
            Some(Record::Compared(comparison)) => comparison.similar,
            _ => Vec::new(),
        };
        let recalled = Recalled::new(*summary, certificate, ledger).with_similar(similar);
        Ok(Some(Subject::Pruned(Box::new(recalled))))
    }

    /// Every computation that ended long ago, without its result.
    ///
    /// # Errors
    /// `store_unreadable`.
    pub(super) fn pruned_subjects(&self) -> Result<Vec<Subject<'_>>, ApiError> {
        let records = self.store.recall_all(RecordKind::Summary).map_err(|error| unreadable(&error))?;
        let summaries = records.into_iter().filter_map(|record| match record {
            Record::Summary(summary) if self.node.is_pruned(summary.computation) => Some(*summary),
            _ => None,
        });
        let recalled = summaries.map(|summary| Recalled::new(summary, None, None));
        Ok(recalled.map(|recalled| Subject::Pruned(Box::new(recalled))).collect())
    }

    /// What was done with every question that this node has decided about, newest first.
    ///
    /// # Errors
    /// `store_unreadable`.
    pub(super) fn whole_ledger(&self) -> Result<Vec<LedgerEntry>, ApiError> {
        let stored = self.store.recall_all(RecordKind::Ledger).map_err(|error| unreadable(&error))?;
        let stored = stored.into_iter().filter_map(|record| match record {
            Record::Ledger(entry) => Some(entry),
            _ => None,
        });
        // What this round has decided is in memory, and not in the store yet.
        let known = self.node.ledger().into_iter().cloned();
        let all: BTreeMap<_, _> = stored.chain(known).map(|entry| (entry.computation, entry)).collect();
        let mut all: Vec<_> = all.into_values().collect();
        all.sort_by_key(|entry| (std::cmp::Reverse(entry.at), entry.computation));
        Ok(all)
    }

    /// How the sets of all answers compare.
    ///
    /// # Errors
    /// `store_unreadable`.
    pub(super) fn whole_comparisons(&self) -> Result<Sets, ApiError> {
        let mut sets = Sets::default();
        for record in self.store.recall_all(RecordKind::Compared).map_err(|error| unreadable(&error))? {
            if let Record::Compared(comparison) = record {
                sets.add(&comparison);
            }
        }
        for comparison in self.node.comparisons() {
            sets.add(comparison);
        }
        Ok(sets)
    }

    /// Whether the set of this answer was compared with others.
    pub(super) fn was_compared(&self, id: ComputationId) -> bool {
        let stored = || matches!(self.store.recall(RecordKind::Compared, id), Ok(Some(_)));
        self.node.comparison(id).is_some() || stored()
    }
}

fn unreadable(error: &StoreError) -> ApiError {
    refused(("store_unreadable", 1), error.to_string(), error.hint())
}
