//! The sets of a light node's answers about one field, compared: two that differ by few give away those few.
//!
//! Names are known only afterwards, so this warns and prevents nothing; what can be seen before answering is the policy's
//! ([`crate::consent`]).

use std::collections::{BTreeMap, BTreeSet};

use super::action::Notice;
use super::entry::Entry;
use super::node::State;
use super::past::AnsweredSet;
use super::turn::Turn;
use super::view::OwnPart;
use crate::consent;
use crate::domain::limits::SIMILAR_NOTED_MAX;
use crate::domain::{ComputationId, PeerId};
use crate::wire::{Comparison, Record, Similar};

/// The comparisons of the computations in memory. The store has those of pruned ones, too.
#[derive(Debug, Default)]
pub(super) struct Comparisons {
    made: BTreeMap<ComputationId, Comparison>,
    /// Similar sets, found from both sides, the nearest first.
    similar: BTreeMap<ComputationId, BTreeSet<Similar>>,
}

impl Comparisons {
    /// Those in the store.
    pub fn restored(records: &[Record]) -> Self {
        let compared = records.iter().filter_map(|record| match record {
            Record::Compared(comparison) => Some((comparison.computation, comparison.clone())),
            _ => None,
        });
        let mut all = Self { made: compared.collect(), similar: BTreeMap::new() };
        for comparison in all.made.values() {
            link(&mut all.similar, &all.made, comparison);
        }
        all
    }

    fn add(&mut self, comparison: Comparison) {
        link(&mut self.similar, &self.made, &comparison);
        self.made.insert(comparison.computation, comparison);
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

/// Notes what a comparison has found at both sides, as far as memory has the other one.
fn link(
    similar: &mut BTreeMap<ComputationId, BTreeSet<Similar>>,
    in_memory: &BTreeMap<ComputationId, Comparison>,
    comparison: &Comparison,
) {
    let id = comparison.computation;
    for found in &comparison.similar {
        similar.entry(id).or_default().insert(*found);
        if in_memory.contains_key(&found.other) {
            similar.entry(found.other).or_default().insert(Similar { other: id, ..*found });
        }
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
    pub fn past_set(&self, me: &PeerId) -> Option<AnsweredSet> {
        let names = self.answered_set(me)?;
        Some(AnsweredSet { fields: self.fields().map(str::to_owned).collect(), names })
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
        let near = |other: ComputationId, members: &[PeerId]| {
            let apart = consent::is_revealing(&set, members, below)?;
            let difference = u32::try_from(apart).unwrap_or(u32::MAX);
            Some(Similar { difference, other })
        };
        let compared = self.entries.values().filter(|other| self.comparisons.of(other.id).is_some());
        let known = compared.filter_map(|other| {
            let field = other.fields().find(asks)?;
            Some((near(other.id, &other.answered_set(&me)?)?, field))
        });
        let past = self.past.sets().filter_map(|(other, _, past)| {
            let field = past.fields.iter().map(String::as_str).find(asks)?;
            Some((near(other, &past.names)?, field))
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
        let nearest = found.first().map(|(nearest, field)| (*nearest, (*field).to_owned()));
        turn.persist(Record::Compared(comparison.clone()));
        self.comparisons.add(comparison);
        if let Some((nearest, field)) = nearest {
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
