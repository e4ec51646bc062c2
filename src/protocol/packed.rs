//! A map by computation in one piece of memory.
//!
//! Thousands of small entries stay while everything else comes and goes: with a place of their own each, they would leave holes between
//! all that for as long as a node runs.

use crate::domain::ComputationId;

/// Entries by computation, in their order.
#[derive(Debug)]
pub(super) struct Packed<T>(Vec<(ComputationId, T)>);

impl<T> Default for Packed<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Packed<T> {
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    pub fn contains(&self, id: &ComputationId) -> bool {
        self.place(id).is_ok()
    }

    pub fn get(&self, id: &ComputationId) -> Option<&T> {
        let (_, entry) = self.0.get(self.place(id).ok()?)?;
        Some(entry)
    }

    pub fn get_mut(&mut self, id: &ComputationId) -> Option<&mut T> {
        let place = self.place(id).ok()?;
        let (_, entry) = self.0.get_mut(place)?;
        Some(entry)
    }

    /// Puts one in, in the place of what was there.
    pub fn insert(&mut self, id: ComputationId, entry: T) {
        match self.place(&id) {
            Ok(place) => {
                if let Some(there) = self.0.get_mut(place) {
                    there.1 = entry;
                }
            }
            // Half of the entries move on: of ten thousand, a third of a MiB.
            Err(place) => self.0.insert(place, (id, entry)),
        }
    }

    pub fn remove(&mut self, id: &ComputationId) -> Option<T> {
        let place = self.place(id).ok()?;
        Some(self.0.remove(place).1)
    }

    pub fn iter(&self) -> impl Iterator<Item = (ComputationId, &T)> {
        self.0.iter().map(|(id, entry)| (*id, entry))
    }

    /// Where it is, or where it would be.
    fn place(&self, id: &ComputationId) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| other.cmp(id))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map(changes in prop::collection::vec((0_u8..20, prop::option::of(any::<u16>())), 0..200)) {
            let (mut packed, mut map) = (Packed::default(), BTreeMap::new());
            for (number, entry) in changes {
                let id = ComputationId::of_body(&[number]);
                match entry {
                    Some(entry) => {
                        packed.insert(id, entry);
                        map.insert(id, entry);
                    }
                    None => prop_assert_eq!(packed.remove(&id), map.remove(&id)),
                }
                prop_assert_eq!((packed.get(&id), packed.contains(&id)), (map.get(&id), map.contains_key(&id)));
                prop_assert_eq!(packed.get_mut(&id), map.get_mut(&id));
                prop_assert_eq!(packed.len(), map.len());
            }
            prop_assert!(packed.iter().eq(map.iter().map(|(id, entry)| (*id, entry))));
        }
    }
}
