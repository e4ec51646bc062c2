//! The sets of a light node's answers about one field, compared: two that differ by few give away those few.
//!
//! Names are known only afterwards, so this warns and prevents nothing; what can be seen before answering is the policy's
//! ([`crate::consent`]).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::action::Notice;
use super::entry::Entry;
use super::node::State;
use super::shared::Shared;
use super::turn::Turn;
use super::view::OwnPart;
use crate::consent;
use crate::domain::limits::SIMILAR_NOTED_MAX;
use crate::domain::{ComputationId, PeerId, Timestamp};
use crate::wire::{Comparison, Record, Similar};

/// The comparisons of the computations in memory, and the sets of pruned answers. The store has the comparisons of those, too.
#[derive(Debug, Default)]
pub(super) struct Comparisons {
    made: BTreeMap<ComputationId, Comparison>,
    /// Similar sets, found from both sides, the nearest first.
    similar: BTreeMap<ComputationId, BTreeSet<Similar>>,
    /// The sets of answers whose computations are pruned.
    past: BTreeMap<ComputationId, PastSet>,
    names: Shared<PeerId>,
    fields: Shared<String>,
}

/// The set of an answer.
#[derive(Debug)]
pub(super) struct AnsweredSet {
    pub fields: Vec<String>,
    pub proposed_at: Timestamp,
    /// Sorted.
    pub names: Vec<PeerId>,
}

/// The set of an answer of which memory has nothing else. It was compared when it came.
#[derive(Debug)]
pub(super) struct PastSet {
    pub fields: Arc<[String]>,
    pub proposed_at: Timestamp,
    pub names: Arc<[PeerId]>,
}

impl Comparisons {
    /// Those in the store.
    pub fn restored(records: &[Record]) -> Self {
        let mut all = Self::default();
        for record in records {
            if let Record::Compared(comparison) = record {
                all.add(comparison.clone());
            }
        }
        all
    }

    fn add(&mut self, comparison: Comparison) {
        let id = comparison.computation;
        for similar in &comparison.similar {
            self.similar.entry(id).or_default().insert(*similar);
            if !self.past.contains_key(&similar.other) {
                let back = Similar { other: id, ..*similar };
                self.similar.entry(similar.other).or_default().insert(back);
            }
        }
        self.made.insert(id, comparison);
    }

    /// Drops those of all other computations.
    pub fn keep_only(&mut self, kept: impl Fn(&ComputationId) -> bool) {
        self.made.retain(|id, _| kept(id));
        self.similar.retain(|id, _| kept(id));
    }

    /// Drops what was found about one computation.
    pub fn drop_from_memory(&mut self, id: ComputationId) {
        self.made.remove(&id);
        self.similar.remove(&id);
    }

    /// Keeps the set of an answer whose computation leaves the memory.
    pub fn keep_past(&mut self, id: ComputationId, set: &AnsweredSet) {
        let (fields, names) = (self.fields.take(&set.fields), self.names.take(&set.names));
        self.past.insert(id, PastSet { fields, proposed_at: set.proposed_at, names });
    }

    /// The sets of pruned answers.
    pub fn past(&self) -> impl Iterator<Item = (ComputationId, &PastSet)> {
        self.past.iter().map(|(id, set)| (*id, set))
    }

    /// Drops the set of a pruned answer. Whether there was one.
    pub fn drop_past(&mut self, id: ComputationId) -> bool {
        let Some(gone) = self.past.remove(&id) else { return false };
        self.fields.give_back(gone.fields);
        self.names.give_back(gone.names);
        true
    }

    /// Every comparison in memory.
    pub fn made(&self) -> impl Iterator<Item = &Comparison> {
        self.made.values()
    }

    /// What was found when the set of this computation came.
    pub fn of(&self, id: ComputationId) -> Option<&Comparison> {
        self.made.get(&id)
    }

    /// Every similar set, whichever of the two came first; the nearest first.
    pub fn similar_to(&self, id: ComputationId) -> Vec<Similar> {
        self.similar.get(&id).into_iter().flatten().copied().collect()
    }
}

impl Entry {
    /// The set in which this light node's answer is, if it is known.
    fn answered_set(&self, me: &PeerId) -> Option<Vec<PeerId>> {
        let list = self.members.list.as_ref().filter(|list| list.names(me))?;
        (self.own == OwnPart::Answered).then(|| list.members())
    }

    /// The names of the fields that it is about.
    fn fields(&self) -> impl Iterator<Item = &str> {
        self.terms().query.fields.iter().map(|field| field.name.as_str())
    }

    /// The set of a compared answer, to be compared with later ones when the rest of it leaves the memory.
    pub fn past_set(&self, me: &PeerId, proposed_at: Timestamp) -> Option<AnsweredSet> {
        let names = self.answered_set(me)?;
        Some(AnsweredSet { fields: self.fields().map(str::to_owned).collect(), proposed_at, names })
    }
}

impl State {
    /// Compares the set of an answer with those of the others that were compared before, so each pair once; keeps what
    /// comes of it, and warns the owner.
    pub fn compare(&mut self, turn: &mut Turn<'_>, id: ComputationId) {
        let (me, below) = (turn.me(), turn.settings().policy.similar_below());
        let Some(entry) = self.entries.get(&id).filter(|_| self.comparisons.of(id).is_none()) else { return };
        let Some(set) = entry.answered_set(&me) else { return };
        let asks = |name: &&str| entry.fields().any(|field| field == *name);
        // What is found if the set of another answer, about this field, is near.
        let near = |other: ComputationId, field: &str, members: &[PeerId]| {
            let apart = consent::is_revealing(&set, members, below)?;
            let difference = u32::try_from(apart).unwrap_or(u32::MAX);
            Some((Similar { difference, other }, field.to_owned()))
        };
        let compared = self.entries.values().filter(|other| self.comparisons.of(other.id).is_some());
        let known =
            compared.filter_map(|other| near(other.id, other.fields().find(asks)?, &other.answered_set(&me)?));
        let past = self.comparisons.past().filter_map(|(other, past)| {
            near(other, past.fields.iter().map(String::as_str).find(asks)?, &past.names)
        });
        let mut found: Vec<_> = known.chain(past).collect();
        found.sort_unstable();
        let more = found.len().saturating_sub(1);
        found.truncate(SIMILAR_NOTED_MAX);
        let comparison = Comparison {
            computation: id,
            members: u32::try_from(set.len()).unwrap_or(u32::MAX),
            similar: found.iter().map(|(similar, _)| *similar).collect(),
            at: turn.now,
        };
        turn.persist(Record::Compared(comparison.clone()));
        self.comparisons.add(comparison);
        if let Some((nearest, field)) = found.into_iter().next() {
            turn.tell(Notice::SimilarSets { computation: id, field, nearest, more });
        }
        self.with(id, |entry| entry.changed(turn));
    }

    /// After a restart: sets that came just before a crash.
    pub fn compare_restored(&mut self, turn: &mut Turn<'_>) {
        let known = self.entries.values().filter(|entry| entry.members.list.is_some());
        for id in known.map(|entry| entry.id).collect::<Vec<_>>() {
            self.compare(turn, id);
        }
    }
}
