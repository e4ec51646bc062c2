//! Ledger entries of computations of which nothing else is left.
//!
//! What counts against the policy's limits is never forgotten. Refusals anybody can bring about, as many as they like, so only the
//! newest stay; and they push out neither an answer nor the closed list of one, or a question over nearly the same people
//! could be asked behind a crowd of others.

use std::collections::{BTreeMap, BTreeSet};

use super::ledger::counted_at;
use super::turn::Turn;
use crate::domain::limits::{LEDGER_REFUSALS_MAX, SETS_COMPARED_MAX};
use crate::domain::{ComputationId, Timestamp};
use crate::wire::{LedgerEntry, Record, RecordKind};

type Dated = BTreeSet<(Timestamp, ComputationId)>;

/// Ledger entries of computations of which nothing else is left.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    entries: BTreeMap<ComputationId, LedgerEntry>,
    /// Those that count for nothing.
    refusals: Dated,
    /// Those that count, and whose closed list is still there.
    lists: Dated,
    /// The same, of those that count for nothing.
    refused_lists: Dated,
}

/// What is forgotten of an entry when newer ones come.
#[derive(Debug, PartialEq, Eq)]
enum Faded {
    /// Its closed list: this is left.
    List(Box<LedgerEntry>),
    /// All of it.
    Entry(ComputationId),
}

impl Remembered {
    /// Every entry.
    pub fn entries(&self) -> impl Iterator<Item = &LedgerEntry> {
        self.entries.values()
    }

    /// Keeps an entry when its computation is forgotten.
    pub fn keep(&mut self, turn: &mut Turn<'_>, entry: LedgerEntry) {
        for faded in self.add(entry) {
            match faded {
                Faded::List(left) => turn.persist(Record::Ledger(*left)),
                Faded::Entry(id) => turn.erase(RecordKind::Ledger, id),
            }
        }
    }

    fn add(&mut self, entry: LedgerEntry) -> Vec<Faded> {
        let (dated, listed) = ((entry.at, entry.computation), entry.participants.is_some());
        let counts = counted_at(&entry).is_some();
        self.entries.insert(entry.computation, entry);
        let mut faded = Vec::new();
        let lists = if counts { &mut self.lists } else { &mut self.refused_lists };
        if listed
            && let Some(oldest) = newest(lists, dated, SETS_COMPARED_MAX)
            && let Some(entry) = self.entries.get_mut(&oldest)
        {
            entry.participants = None;
            faded.push(Faded::List(Box::new(entry.clone())));
        }
        if !counts && let Some((at, oldest)) = newest_dated(&mut self.refusals, dated, LEDGER_REFUSALS_MAX) {
            self.entries.remove(&oldest);
            self.refused_lists.remove(&(at, oldest));
            faded.push(Faded::Entry(oldest));
        }
        faded
    }
}

/// Adds one, and takes out the oldest if there are more than `most`.
fn newest_dated(
    dated: &mut Dated,
    one: (Timestamp, ComputationId),
    most: usize,
) -> Option<(Timestamp, ComputationId)> {
    dated.insert(one);
    if dated.len() > most { dated.pop_first() } else { None }
}

fn newest(dated: &mut Dated, one: (Timestamp, ComputationId), most: usize) -> Option<ComputationId> {
    newest_dated(dated, one, most).map(|(_, id)| id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{PeerId, Standing, Statistic};
    use crate::wire::{Decider, LedgerDecision, LedgerReason};

    fn entry(number: usize, decision: LedgerDecision) -> LedgerEntry {
        LedgerEntry {
            computation: ComputationId::of_body(&number.to_le_bytes()),
            proposer: PeerId::from_public_key([9; 32]),
            prompt: "How many?".to_owned(),
            statistic: Statistic::Sum,
            fields: vec!["age".to_owned()],
            min_participants: 3,
            listed: Some(1),
            participants: Some(vec![PeerId::from_public_key([1; 32])]),
            noise: None,
            at: Timestamp::from_millis(number as u64),
            decision,
            decider: Decider::Policy,
            reason: Some(LedgerReason { rule: "fields".to_owned(), words: "the field is denied".to_owned() }),
            records: None,
        }
    }

    const REFUSED: LedgerDecision = LedgerDecision::Declined(Standing::Declined);

    #[test]
    fn a_crowd_of_refusals_pushes_out_no_answer_and_no_list_of_one() {
        let mut remembered = Remembered::default();
        let answered = entry(0, LedgerDecision::Answered);
        remembered.add(answered.clone());
        let mut erased = 0;
        for number in 1..=LEDGER_REFUSALS_MAX + 50 {
            let faded = remembered.add(entry(number, REFUSED));
            erased += faded.iter().filter(|faded| matches!(faded, Faded::Entry(_))).count();
        }
        assert_eq!(remembered.entries[&answered.computation], answered);
        assert_eq!((remembered.entries.len(), erased), (LEDGER_REFUSALS_MAX + 1, 50));
        let listed = remembered.entries().filter(|entry| entry.participants.is_some()).count();
        assert_eq!(listed, SETS_COMPARED_MAX + 1);
    }

    #[test]
    fn what_counts_is_kept_for_ever_and_loses_its_list_at_most() {
        let mut remembered = Remembered::default();
        let unfit = LedgerDecision::Declined(Standing::ValueUnfit);
        for number in 0..SETS_COMPARED_MAX {
            let decision = if number % 2 == 0 { LedgerDecision::Answered } else { unfit };
            assert!(remembered.add(entry(number, decision)).is_empty());
        }
        let faded = remembered.add(entry(SETS_COMPARED_MAX, unfit));
        let left = LedgerEntry { participants: None, ..entry(0, LedgerDecision::Answered) };
        assert_eq!(faded, [Faded::List(Box::new(left))]);
        assert_eq!(remembered.entries.len(), SETS_COMPARED_MAX + 1);
    }
}
