//! Equal lists, kept once: the same people are asked again and again about the same fields.

use std::collections::BTreeSet;
use std::sync::Arc;

/// The lists that somebody has.
#[derive(Debug)]
pub(super) struct Shared<T>(BTreeSet<Arc<Vec<T>>>);

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(BTreeSet::new())
    }
}

impl<T: Ord> Shared<T> {
    /// This list, or the equal one that is there.
    pub fn take(&mut self, mut list: Vec<T>) -> Arc<Vec<T>> {
        if let Some(known) = self.0.get(&list) {
            return Arc::clone(known);
        }
        list.shrink_to_fit();
        let new = Arc::new(list);
        self.0.insert(Arc::clone(&new));
        new
    }

    /// Gives one back; it goes when nobody else has it.
    pub fn give_back(&mut self, list: Arc<Vec<T>>) {
        // Here, and in the hand of whoever gives it back.
        if Arc::strong_count(&list) <= 2 {
            self.0.remove(&list);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_lists_are_one_and_go_with_the_last_who_has_them() {
        let mut shared = Shared::default();
        let (first, second) = (shared.take(vec![1, 2, 3]), shared.take(vec![1, 2, 3]));
        let other = shared.take(vec![1, 2]);
        assert!(Arc::ptr_eq(&first, &second) && !Arc::ptr_eq(&first, &other));
        shared.give_back(first);
        assert!(Arc::ptr_eq(&second, &shared.take(vec![1, 2, 3])));
        assert_eq!(shared.0.len(), 2);
        shared.give_back(second);
        shared.give_back(other);
        assert_eq!(shared.0.len(), 0);
    }
}
