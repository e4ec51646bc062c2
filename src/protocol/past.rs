//! Computations that ended long ago, as memory has them: an id, a time and, of an answer, who was in the set.
//!
//! Up to ten thousand stay, so each is small: lists are kept once for all that have the same one.

use std::collections::{BTreeSet, BinaryHeap};
use std::sync::Arc;

use super::packed::Packed;
use super::shared::Shared;
use crate::domain::limits::LARGE_CERTIFICATE_BYTES;
use crate::domain::{ComputationId, PeerId, Timestamp};

/// The computations of which the store alone holds the end.
#[derive(Debug, Default)]
pub(super) struct Past {
    all: Packed<Ended>,
    /// Those whose certificates are large, oldest first, and the bytes of all of them.
    large: BTreeSet<(Timestamp, ComputationId)>,
    large_bytes: u64,
    names: Shared<PeerId>,
    fields: Shared<String>,
}

/// What the store holds of one of them, as far as it matters here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    /// When it was proposed.
    pub at: Timestamp,
    /// Bytes of its certificate and its summary.
    pub bytes: u64,
}

impl Mark {
    const fn is_large(self) -> bool {
        self.bytes >= LARGE_CERTIFICATE_BYTES
    }
}

/// One of them.
#[derive(Debug)]
struct Ended {
    mark: Mark,
    /// With which later sets are compared.
    set: Option<PastSet>,
}

/// The set of an answer.
#[derive(Debug)]
pub(super) struct AnsweredSet {
    pub fields: Vec<String>,
    /// Sorted.
    pub names: Vec<PeerId>,
}

/// The set of an answer of which memory has nothing else. It was compared when it came.
#[derive(Debug)]
pub(super) struct PastSet {
    pub fields: Arc<Vec<String>>,
    /// Sorted.
    pub names: Arc<Vec<PeerId>>,
}

impl Past {
    pub fn contains(&self, id: &ComputationId) -> bool {
        self.all.contains(id)
    }

    /// In no order.
    pub fn ids(&self) -> impl Iterator<Item = ComputationId> {
        self.all.iter().map(|(id, _)| id)
    }

    /// Keeps one, with the set of its answer where later sets are compared with it.
    pub fn keep(&mut self, id: ComputationId, mark: Mark, set: Option<AnsweredSet>) {
        self.remove(&id);
        if mark.is_large() {
            self.large.insert((mark.at, id));
            self.large_bytes = self.large_bytes.saturating_add(mark.bytes);
        }
        let set =
            set.map(|set| PastSet { fields: self.fields.take(set.fields), names: self.names.take(set.names) });
        self.all.insert(id, Ended { mark, set });
    }

    /// Takes one out. What was there of it.
    pub fn remove(&mut self, id: &ComputationId) -> Option<Removed> {
        let gone = self.all.remove(id)?;
        if self.large.remove(&(gone.mark.at, *id)) {
            self.large_bytes = self.large_bytes.saturating_sub(gone.mark.bytes);
        }
        Some(gone.set.map_or(Removed::WithoutSet, |set| {
            self.give_back(set);
            Removed::WithSet
        }))
    }

    /// Forgets who was in the set of one. Whether that was known.
    pub fn drop_set(&mut self, id: &ComputationId) -> bool {
        let set = self.all.get_mut(id).and_then(|ended| ended.set.take());
        let was_known = set.is_some();
        set.into_iter().for_each(|set| self.give_back(set));
        was_known
    }

    fn give_back(&mut self, set: PastSet) {
        self.fields.give_back(set.fields);
        self.names.give_back(set.names);
    }

    /// Those with a set: when they were proposed, and the set.
    pub fn sets(&self) -> impl Iterator<Item = (ComputationId, Timestamp, &PastSet)> {
        self.all.iter().filter_map(|(id, ended)| Some((id, ended.mark.at, ended.set.as_ref()?)))
    }

    /// Those for which there is no room: the oldest of all, as many as there are beyond `most`, and of the large ones the
    /// oldest, until the others have no more than so many bytes.
    pub fn beyond(&self, most: usize, large_bytes_max: u64) -> Vec<ComputationId> {
        let mut beyond = self.oldest_beyond(most);
        let mut left = self.large_bytes;
        for (_, id) in &self.large {
            if left <= large_bytes_max {
                break;
            }
            left = left.saturating_sub(self.all.get(id).map_or(0, |ended| ended.mark.bytes));
            if !beyond.contains(id) {
                beyond.push(*id);
            }
        }
        beyond
    }

    fn oldest_beyond(&self, most: usize) -> Vec<ComputationId> {
        let surplus = self.all.len().saturating_sub(most);
        if surplus == 0 {
            return Vec::new();
        }
        // Nearly always one of ten thousand: what is set aside is no more than what is given.
        let mut oldest = BinaryHeap::new();
        for (id, ended) in self.all.iter() {
            let one = (ended.mark.at, id);
            if oldest.len() < surplus {
                oldest.push(one);
            } else if oldest.peek().is_some_and(|latest| one < *latest) {
                oldest.pop();
                oldest.push(one);
            }
        }
        oldest.into_sorted_vec().into_iter().map(|(_, id)| id).collect()
    }
}

/// What was there of a computation that was taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Removed {
    WithSet,
    WithoutSet,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> ComputationId {
        ComputationId::of_body(&[number])
    }

    fn at(number: u8) -> Timestamp {
        Timestamp::from_millis(number.into())
    }

    fn small(number: u8) -> Mark {
        Mark { at: at(number), bytes: 24 }
    }

    fn large(number: u8, times: u64) -> Mark {
        Mark { at: at(number), bytes: times * LARGE_CERTIFICATE_BYTES }
    }

    fn set(name: u8) -> Option<AnsweredSet> {
        Some(AnsweredSet { fields: vec!["age".to_owned()], names: vec![PeerId::from_public_key([name; 32])] })
    }

    #[test]
    fn a_set_goes_alone_or_with_its_computation() {
        let mut past = Past::default();
        past.keep(id(1), small(1), set(1));
        past.keep(id(2), small(2), set(1));
        past.keep(id(3), small(3), None);
        let shared: Vec<_> = past.sets().map(|(_, _, set)| Arc::as_ptr(&set.names)).collect();
        assert_eq!((shared.len(), shared[0]), (2, shared[1]), "the same list is kept once");
        assert!(past.drop_set(&id(1)) && !past.drop_set(&id(1)) && !past.drop_set(&id(3)));
        assert_eq!(past.sets().map(|(id, at, _)| (id, at)).collect::<Vec<_>>(), [(id(2), at(2))]);
        assert!(past.contains(&id(1)), "the computation stays");
        assert_eq!(past.remove(&id(1)), Some(Removed::WithoutSet));
        assert_eq!(past.remove(&id(2)), Some(Removed::WithSet));
        assert_eq!(past.remove(&id(2)), None);
        assert_eq!(past.ids().collect::<Vec<_>>(), [id(3)]);
    }

    #[test]
    fn the_oldest_are_beyond() {
        let mut past = Past::default();
        for number in [4, 1, 3, 2] {
            past.keep(id(number), small(number), None);
        }
        assert_eq!(past.beyond(4, 0), []);
        assert_eq!(past.beyond(2, 0), [id(1), id(2)]);
    }

    #[test]
    fn large_ones_give_way_to_large_ones_alone() {
        let mut past = Past::default();
        past.keep(id(1), small(1), None);
        past.keep(id(2), large(2, 3), None);
        past.keep(id(3), small(3), None);
        past.keep(id(4), large(4, 2), None);
        past.keep(id(5), large(5, 1), None);
        let beyond = |past: &Past, most, large| past.beyond(most, large * LARGE_CERTIFICATE_BYTES);
        assert_eq!(beyond(&past, 9, 6), []);
        assert_eq!(beyond(&past, 9, 5), [id(2)], "the oldest large one, not the oldest of all");
        assert_eq!(beyond(&past, 9, 2), [id(2), id(4)]);
        assert_eq!(beyond(&past, 9, 0), [id(2), id(4), id(5)], "none is too large to go");
        assert_eq!(beyond(&past, 3, 2), [id(1), id(2), id(4)], "each is named once");
        past.keep(id(2), large(2, 1), None);
        assert_eq!(beyond(&past, 9, 4), [], "kept again, it counts once");
        past.remove(&id(4));
        assert_eq!(beyond(&past, 9, 2), [], "what is gone has no bytes");
    }
}
