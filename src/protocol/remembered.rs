//! What later questions need of the ledger, once the computations themselves are no longer in memory.
//!
//! What counts against the policy's limits is never forgotten. Refusals anybody can bring about, as many as they like, so only the
//! newest stay; and they push out neither an answer nor the closed list of one, or a question over nearly the same people
//! could be asked behind a crowd of others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::ledger::counted_at;
use super::shared::Shared;
use super::turn::Turn;
use crate::domain::limits::{LEDGER_REFUSALS_MAX, SETS_COMPARED_MAX, SETS_NAMES_MAX};
use crate::domain::{ComputationId, Noise, PeerId, Timestamp};
use crate::wire::{LedgerDecision, LedgerEntry, Record, RecordKey, RecordKind};

type Dated = BTreeSet<(Timestamp, ComputationId)>;

/// What later questions need of ledger entries whose computations are no longer in memory. The store has the entries.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    /// Those whose closed list is still there.
    listed: BTreeMap<ComputationId, Listed>,
    names: Shared<PeerId>,
    fields: Shared<String>,
    /// The others that count, by their fields.
    counted: BTreeMap<Vec<String>, Answers>,
    /// Those that count for nothing.
    refusals: Dated,
    /// Those that count, and whose closed list is still there.
    lists: Lists,
    /// The same, of those that count for nothing.
    refused_lists: Lists,
}

/// What is looked at of an entry with a closed list.
#[derive(Debug)]
pub(super) struct Listed {
    /// About which fields it was asked.
    pub fields: Arc<[String]>,
    /// The list; sorted.
    pub names: Arc<[PeerId]>,
    /// Whether it was answered.
    pub answered: bool,
    /// When, if it counts as an answer.
    pub counted_at: Option<Timestamp>,
    /// The noise in its result.
    pub noise: Option<Noise>,
}

/// Closed lists: whose, and how many names are on them.
#[derive(Debug, Default)]
struct Lists {
    dated: Dated,
    names: usize,
}

/// Answers about the same fields.
#[derive(Debug, Default)]
struct Answers {
    exact: Vec<Timestamp>,
    noisy: Vec<(Timestamp, Noise)>,
}

/// What is forgotten of an entry when newer ones come.
#[derive(Debug, PartialEq, Eq)]
enum Faded {
    /// Its closed list.
    List(ComputationId),
    /// All of it.
    Entry(ComputationId),
}

impl Remembered {
    /// The entries with a closed list.
    pub fn listed(&self) -> impl Iterator<Item = (ComputationId, &Listed)> {
        self.listed.iter().map(|(id, listed)| (*id, listed))
    }

    /// Every answer of which there is no closed list: about which fields, when, with which noise.
    pub fn counted(&self) -> impl Iterator<Item = (&[String], Timestamp, Option<Noise>)> {
        self.counted.iter().flat_map(|(fields, answers)| {
            let exact = answers.exact.iter().map(|at| (*at, None));
            let noisy = answers.noisy.iter().map(|(at, noise)| (*at, Some(*noise)));
            exact.chain(noisy).map(|(at, noise)| (fields.as_slice(), at, noise))
        })
    }

    /// Keeps an entry when its computation leaves the memory.
    pub fn keep(&mut self, turn: &mut Turn<'_>, entry: &LedgerEntry) {
        for faded in self.add(entry) {
            match faded {
                Faded::List(id) => {
                    let key = RecordKey { kind: RecordKind::Ledger, computation: id, peer: None };
                    // One that cannot be read keeps its list on the disk, and fades again after a start.
                    if let Ok(Some(Record::Ledger(entry))) = turn.record(&key) {
                        turn.persist(Record::Ledger(LedgerEntry { participants: None, ..entry }));
                    }
                }
                Faded::Entry(id) => turn.erase(RecordKind::Ledger, id),
            }
        }
    }

    fn add(&mut self, entry: &LedgerEntry) -> Vec<Faded> {
        let (dated, counted_at) = ((entry.at, entry.computation), counted_at(entry));
        let answered = entry.decision == LedgerDecision::Answered;
        let mut faded = Vec::new();
        if let Some(names) = &entry.participants {
            let listed = Listed {
                fields: self.fields.take(&entry.fields),
                names: self.names.take(names),
                answered,
                counted_at,
                noise: entry.noise,
            };
            self.listed.insert(entry.computation, listed);
            let lists = if counted_at.is_some() { &mut self.lists } else { &mut self.refused_lists };
            for oldest in lists.add(dated, names.len(), &self.listed) {
                let Some(listed) = self.listed.remove(&oldest) else { continue };
                self.count(&listed.fields, listed.counted_at, listed.noise.filter(|_| listed.answered));
                self.give_back(listed);
                faded.push(Faded::List(oldest));
            }
        } else {
            self.count(&entry.fields, counted_at, entry.noise.filter(|_| answered));
        }
        let counts = counted_at.is_some();
        if !counts && let Some((at, oldest)) = newest_dated(&mut self.refusals, dated, LEDGER_REFUSALS_MAX) {
            let gone = self.listed.remove(&oldest);
            self.refused_lists.remove((at, oldest), gone.as_ref().map_or(0, names_of));
            gone.into_iter().for_each(|listed| self.give_back(listed));
            faded.push(Faded::Entry(oldest));
        }
        faded
    }

    fn give_back(&mut self, listed: Listed) {
        self.fields.give_back(listed.fields);
        self.names.give_back(listed.names);
    }

    fn count(&mut self, fields: &[String], counted_at: Option<Timestamp>, noise: Option<Noise>) {
        let Some(at) = counted_at else { return };
        if !self.counted.contains_key(fields) {
            self.counted.insert(fields.to_vec(), Answers::default());
        }
        let Some(answers) = self.counted.get_mut(fields) else { return };
        match noise {
            None => answers.exact.push(at),
            Some(noise) => answers.noisy.push((at, noise)),
        }
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

impl Lists {
    /// Adds a list of so many names, and takes out the oldest while there are too many; which may be this one.
    fn add(
        &mut self,
        one: (Timestamp, ComputationId),
        names: usize,
        listed: &BTreeMap<ComputationId, Listed>,
    ) -> Vec<ComputationId> {
        self.names += if self.dated.insert(one) { names } else { 0 };
        let mut gone = Vec::new();
        while (self.dated.len() > SETS_COMPARED_MAX || self.names > SETS_NAMES_MAX)
            && let Some((_, oldest)) = self.dated.pop_first()
        {
            self.names = self.names.saturating_sub(listed.get(&oldest).map_or(0, names_of));
            gone.push(oldest);
        }
        gone
    }

    fn remove(&mut self, one: (Timestamp, ComputationId), names: usize) {
        if self.dated.remove(&one) {
            self.names = self.names.saturating_sub(names);
        }
    }
}

fn names_of(listed: &Listed) -> usize {
    listed.names.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::limits::CLOSED_LIST_MAX;
    use crate::domain::{PeerId, Standing, Statistic};
    use crate::wire::{Decider, LedgerReason};

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
        remembered.add(&answered);
        let mut erased = 0;
        for number in 1..=LEDGER_REFUSALS_MAX + 50 {
            let faded = remembered.add(&entry(number, REFUSED));
            erased += faded.iter().filter(|faded| matches!(faded, Faded::Entry(_))).count();
        }
        let kept = &remembered.listed[&answered.computation];
        assert!(kept.answered && kept.counted_at == Some(answered.at) && *kept.fields == answered.fields);
        assert_eq!(answered.participants.as_deref(), Some(&*kept.names));
        assert_eq!((remembered.refusals.len(), erased), (LEDGER_REFUSALS_MAX, 50));
        assert_eq!(remembered.listed().count(), SETS_COMPARED_MAX + 1);
        assert_eq!(remembered.counted().count(), 0, "a refusal counts for nothing");
    }

    #[test]
    fn what_counts_is_kept_for_ever_and_loses_its_list_at_most() {
        let mut remembered = Remembered::default();
        let unfit = LedgerDecision::Declined(Standing::ValueUnfit);
        for number in 0..SETS_COMPARED_MAX {
            let decision = if number % 2 == 0 { LedgerDecision::Answered } else { unfit };
            assert!(remembered.add(&entry(number, decision)).is_empty());
        }
        let faded = remembered.add(&entry(SETS_COMPARED_MAX, unfit));
        assert_eq!(faded, [Faded::List(entry(0, LedgerDecision::Answered).computation)]);
        assert_eq!(remembered.listed().count(), SETS_COMPARED_MAX);
        let counted: Vec<_> = remembered.counted().collect();
        assert_eq!(counted, [(["age".to_owned()].as_slice(), Timestamp::from_millis(0), None)]);
    }

    #[test]
    fn long_lists_fade_by_their_names_and_short_ones_stay_longer() {
        let list = |number: usize, names: usize| {
            let name = |at: usize| {
                let mut key = [0; 32];
                key[..8].copy_from_slice(&(at as u64).to_be_bytes());
                PeerId::from_public_key(key)
            };
            LedgerEntry {
                participants: Some((0..names).map(name).collect()),
                ..entry(number, LedgerDecision::Answered)
            }
        };
        let mut remembered = Remembered::default();
        let fit = SETS_NAMES_MAX / CLOSED_LIST_MAX;
        assert!((0..fit).all(|number| remembered.add(&list(number, CLOSED_LIST_MAX)).is_empty()));
        let faded = remembered.add(&list(fit, 1));
        assert_eq!(faded, [Faded::List(list(0, 1).computation)]);
        // What has gone makes room for as many names.
        assert!(remembered.add(&list(fit + 1, CLOSED_LIST_MAX - 1)).is_empty());
        assert_eq!(remembered.lists.names, SETS_NAMES_MAX);
        assert_eq!(remembered.listed().count(), fit + 1);
    }
}
