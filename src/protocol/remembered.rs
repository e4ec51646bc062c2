//! What later questions need of the ledger, once the computations themselves are no longer in memory.
//!
//! What counts against the policy's limits is never forgotten. Refusals anybody can bring about, as many as they like, so only the
//! newest stay; and they push out neither an answer nor the closed list of one, or a question over nearly the same people
//! could be asked behind a crowd of others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::ledger::counted_at;
use super::packed::Packed;
use super::shared::Shared;
use super::turn::Turn;
use crate::domain::limits::{LEDGER_REFUSALS_MAX, SETS_COMPARED_MAX, SETS_NAMES_MAX};
use crate::domain::{ComputationId, Noise, PeerId, Timestamp};
use crate::wire::{LedgerDecision, LedgerEntry, Record, RecordKey, RecordKind};

/// What later questions need of ledger entries whose computations are no longer in memory. The store has the entries.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    /// Those whose closed list is still there.
    listed: Packed<Listed>,
    names: Shared<PeerId>,
    fields: Shared<String>,
    /// What the closed lists weigh of those that count as an answer.
    answers: Weight,
    /// And of those that count for nothing.
    others: Weight,
    /// The rest of those that count, by their fields.
    counted: BTreeMap<Vec<String>, Answers>,
    /// Those that count for nothing.
    refusals: BTreeSet<(Timestamp, ComputationId)>,
}

/// What is looked at of an entry with a closed list. Ten thousand of each kind stay, so it is small.
#[derive(Debug)]
pub(super) struct Listed {
    /// About which fields it was asked.
    pub fields: Arc<Vec<String>>,
    /// The list; sorted.
    pub names: Arc<Vec<PeerId>>,
    /// The noise in its result. Few have any, and it is larger than all else.
    noise: Option<Box<Noise>>,
    /// When it was decided about.
    at: Timestamp,
    /// Whether it was answered.
    pub answered: bool,
    /// Whether it counts as an answer.
    counts: bool,
}

/// How many closed lists there are, and how many names on them.
#[derive(Clone, Copy, Debug, Default)]
struct Weight {
    lists: usize,
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

impl Listed {
    /// When it was answered, if it counts as an answer.
    pub fn counted_at(&self) -> Option<Timestamp> {
        self.counts.then_some(self.at)
    }

    /// The noise of the result that this node's answer is in.
    pub fn noise(&self) -> Option<Noise> {
        self.noise.as_deref().copied().filter(|_| self.answered)
    }
}

impl Weight {
    const fn is_too_much(&self) -> bool {
        self.lists > SETS_COMPARED_MAX || self.names > SETS_NAMES_MAX
    }
}

impl Remembered {
    /// The entries with a closed list.
    pub fn listed(&self) -> impl Iterator<Item = (ComputationId, &Listed)> {
        self.listed.iter()
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
        let (id, counts) = (entry.computation, counted_at(entry).is_some());
        let answered = entry.decision == LedgerDecision::Answered;
        let mut faded = Vec::new();
        if let Some(names) = &entry.participants {
            self.take_out(id);
            let listed = Listed {
                fields: self.fields.take(entry.fields.clone()),
                names: self.names.take(names.clone()),
                noise: entry.noise.map(Box::new),
                at: entry.at,
                answered,
                counts,
            };
            let weight = self.weight(counts);
            *weight = Weight { lists: weight.lists + 1, names: weight.names + names.len() };
            self.listed.insert(id, listed);
            while self.weight(counts).is_too_much()
                && let Some(oldest) = self.oldest(counts)
            {
                self.count_listed(oldest);
                self.take_out(oldest);
                faded.push(Faded::List(oldest));
            }
        } else {
            self.count(&entry.fields, counted_at(entry), entry.noise.filter(|_| answered));
        }
        if !counts {
            self.refusals.insert((entry.at, id));
            if self.refusals.len() > LEDGER_REFUSALS_MAX
                && let Some((_, oldest)) = self.refusals.pop_first()
            {
                self.take_out(oldest);
                faded.push(Faded::Entry(oldest));
            }
        }
        faded
    }

    const fn weight(&mut self, counts: bool) -> &mut Weight {
        if counts { &mut self.answers } else { &mut self.others }
    }

    /// The oldest with a closed list, of those that count or of those that do not.
    fn oldest(&self, counts: bool) -> Option<ComputationId> {
        let alike = self.listed.iter().filter(|(_, listed)| listed.counts == counts);
        alike.map(|(id, listed)| (listed.at, id)).min().map(|(_, id)| id)
    }

    /// Takes out a closed list.
    fn take_out(&mut self, id: ComputationId) {
        let Some(gone) = self.listed.remove(&id) else { return };
        let weight = self.weight(gone.counts);
        *weight = Weight {
            lists: weight.lists.saturating_sub(1),
            names: weight.names.saturating_sub(gone.names.len()),
        };
        self.fields.give_back(gone.fields);
        self.names.give_back(gone.names);
    }

    /// What counts stays, when its closed list goes.
    fn count_listed(&mut self, id: ComputationId) {
        let Some(listed) = self.listed.get(&id) else { return };
        let (fields, at, noise) = (listed.fields.to_vec(), listed.counted_at(), listed.noise());
        self.count(&fields, at, noise);
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
        let kept = remembered.listed.get(&answered.computation).unwrap();
        assert!(kept.answered && kept.counted_at() == Some(answered.at) && *kept.fields == answered.fields);
        assert_eq!(answered.participants.as_deref(), Some(kept.names.as_slice()));
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
        assert_eq!(remembered.answers.names, SETS_NAMES_MAX);
        assert_eq!(remembered.listed().count(), fit + 1);
    }
}
