//! Computations that have more to compute than one turn should: each in its turn.

use std::collections::VecDeque;

use crate::domain::ComputationId;

/// Whose turn it is. Each computation stands in it once, so open computations bound it.
#[derive(Debug, Default)]
pub(super) struct Work {
    waiting: VecDeque<ComputationId>,
}

impl Work {
    /// Lines one up, unless it stands there already.
    pub(super) fn add(&mut self, computation: ComputationId) {
        if !self.waiting.contains(&computation) {
            self.waiting.push_back(computation);
        }
    }

    /// Takes the one that has waited longest.
    pub(super) fn next(&mut self) -> Option<ComputationId> {
        self.waiting.pop_front()
    }

    /// Whether any waits.
    pub(super) fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_turn_once() {
        let [one, other] = [b"a", b"b"].map(|body| ComputationId::of_body(body));
        let mut work = Work::default();
        for computation in [one, other, one] {
            work.add(computation);
        }
        assert_eq!(work.next(), Some(one));
        work.add(one);
        assert_eq!([work.next(), work.next(), work.next()], [Some(other), Some(one), None]);
        assert!(!work.waits());
    }
}
