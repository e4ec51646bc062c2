//! Reports that are here before the announcement: whoever answers may have heard of it sooner than this heavy node.
//!
//! They are held, in memory alone and without a receipt, until the announcement is here, and then taken in as if they came now. Dropped,
//! each would come again only when its sender has waited in vain, 400 ms and more later.

use std::collections::BTreeMap;

use super::entry::{Entry, Stage};
use super::node::State;
use super::turn::Turn;
use crate::domain::limits::{EARLY_BYTES_MAX, EARLY_REPORTS_MAX};
use crate::domain::{ComputationId, PeerId};
use crate::wire::{Message, Submission, Want};

/// The reports that wait, by computation and participant.
#[derive(Debug, Default)]
pub(super) struct Early {
    waiting: BTreeMap<ComputationId, BTreeMap<PeerId, Submission>>,
}

/// Whether a report is the first that came too soon for its computation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    First,
    Another,
    No,
}

impl Early {
    fn keep(&mut self, id: ComputationId, from: PeerId, submission: Submission) -> Kept {
        let all = || self.waiting.values().flat_map(BTreeMap::values);
        let bytes: usize = all().chain([&submission]).map(bytes_of).sum();
        if all().count() >= EARLY_REPORTS_MAX || bytes > EARLY_BYTES_MAX {
            return Kept::No;
        }
        let of_computation = self.waiting.entry(id).or_default();
        let first = of_computation.is_empty();
        // The first one counts; another that differs is looked at when it comes again.
        of_computation.entry(from).or_insert(submission);
        if first { Kept::First } else { Kept::Another }
    }
}

impl State {
    /// Holds a report whose announcement this heavy node awaits, and asks its sender for that; gives back any other.
    pub fn hold_early(
        &mut self,
        turn: &mut Turn<'_>,
        from: PeerId,
        submission: Submission,
    ) -> Option<Submission> {
        let manifest = submission.manifest.get();
        let (id, own) = (manifest.computation, manifest.participant == from);
        let awaited =
            self.entries.get(&id).is_some_and(|entry| entry.awaits_announcement() && entry.may_report(&from));
        if !awaited || !own {
            return Some(submission);
        }
        if self.early.keep(id, from, submission) == Kept::First {
            turn.send(from, Message::Want { computation: id, want: Want::Announcement });
        }
        None
    }

    /// After an announcement: takes in what came before it.
    pub fn take_early(&mut self, turn: &mut Turn<'_>, id: ComputationId) {
        for (from, submission) in self.early.waiting.remove(&id).unwrap_or_default() {
            self.on_submit(turn, from, submission);
        }
    }

    /// Drops what waits for announcements that will not come.
    pub fn forget_early(&mut self) {
        let entries = &self.entries;
        let awaited = |id: &ComputationId| entries.get(id).is_some_and(Entry::awaits_announcement);
        self.early.waiting.retain(|id, _| awaited(id));
    }
}

impl Entry {
    /// Whether this node is one of its heavy nodes, has accepted, and does not know that all have.
    const fn awaits_announcement(&self) -> bool {
        matches!(self.stage, Stage::Proposed { accepted: Some(_), .. })
    }

    fn may_report(&self, peer: &PeerId) -> bool {
        self.terms().admits(peer)
    }
}

fn bytes_of(submission: &Submission) -> usize {
    submission.share.expose().len() + submission.manifest.body().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Digest;
    use crate::sharing::Secret;
    use crate::wire::{Identity, Manifest, Signed};

    fn submission(number: u8, bytes: usize) -> (PeerId, Submission) {
        let identity = Identity::from_secret_key(&[number; 32]);
        let manifest = Manifest {
            computation: ComputationId::of_body(b"x"),
            participant: identity.peer(),
            nonce: [0; 16],
            public: Vec::new(),
            shares: vec![Digest::of("x", &[])],
        };
        let manifest = Signed::sign(manifest, &identity);
        let share = Secret::new(vec![0; bytes]);
        (identity.peer(), Submission { manifest, blind: Secret::new([0; 32]), share })
    }

    #[test]
    fn what_waits_is_bounded_in_number_and_in_bytes() {
        let id = |number: usize| ComputationId::of_body(&number.to_be_bytes());
        let (from, small) = submission(1, 8);
        let mut early = Early::default();
        for number in 0..EARLY_REPORTS_MAX {
            assert_eq!(early.keep(id(number), from, small.clone()), Kept::First);
        }
        assert_eq!(early.keep(id(EARLY_REPORTS_MAX), from, small), Kept::No);
        let mut early = Early::default();
        let (from, large) = submission(2, EARLY_BYTES_MAX / 2);
        assert_eq!(early.keep(id(0), from, large.clone()), Kept::First);
        assert_eq!(early.keep(id(1), from, large), Kept::No);
    }

    #[test]
    fn a_participant_waits_once() {
        let id = ComputationId::of_body(b"x");
        let mut early = Early::default();
        let ((one, first), (other, second)) = (submission(1, 8), submission(2, 8));
        assert_eq!(early.keep(id, one, first.clone()), Kept::First);
        assert_eq!(early.keep(id, one, first), Kept::Another);
        assert_eq!(early.keep(id, other, second), Kept::Another);
        assert_eq!(early.waiting[&id].len(), 2);
    }
}
