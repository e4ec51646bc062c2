//! Reports that are here before the announcement: whoever answers may have heard of it sooner than this heavy node.
//!
//! They are held, in memory alone and without a receipt, until the announcement is here, and then taken in as if they came now. Dropped,
//! each would come again only when its sender has waited in vain, 400 ms and more later.

use std::collections::BTreeMap;

use super::entry::{Entry, Stage};
use super::node::State;
use super::turn::Turn;
use crate::domain::limits::{EARLY_BYTES_MAX, EARLY_REPORTS_MAX, EARLY_REPORTS_PER_SENDER_MAX};
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
    /// Keeps a report. Where there is no room for it, the computation that takes most of the room gives some up, if it has more than
    /// this one would have: so nobody's computation keeps those of others out.
    fn keep(&mut self, id: ComputationId, from: PeerId, submission: Submission) -> Kept {
        if self.waiting.get(&id).is_some_and(|of_computation| of_computation.contains_key(&from)) {
            // The first one counts; another that differs is looked at when it comes again.
            return Kept::Another;
        }
        let of_sender = self.waiting.values().filter(|of_computation| of_computation.contains_key(&from));
        if of_sender.count() >= EARLY_REPORTS_PER_SENDER_MAX || !self.make_room(id, &submission) {
            return Kept::No;
        }
        let of_computation = self.waiting.entry(id).or_default();
        let first = of_computation.is_empty();
        of_computation.insert(from, submission);
        if first { Kept::First } else { Kept::Another }
    }

    fn make_room(&mut self, id: ComputationId, submission: &Submission) -> bool {
        let new = size_of(submission);
        loop {
            let sizes = || self.waiting.iter().map(|(id, of_computation)| (all_of(of_computation), *id));
            let (reports, bytes) = sizes().fold(new, |sum, (size, _)| (sum.0 + size.0, sum.1 + size.1));
            if reports <= EARLY_REPORTS_MAX && bytes <= EARLY_BYTES_MAX {
                return true;
            }
            let own = self.waiting.get(&id).map_or((0, 0), all_of);
            let would_have = (own.0 + new.0, own.1 + new.1);
            // By whichever of the two there is too much of.
            let by = |size: (usize, usize)| if reports > EARLY_REPORTS_MAX { size.0 } else { size.1 };
            let largest = sizes().max_by_key(|(size, id)| (by(*size), *id));
            let Some((_, largest)) = largest.filter(|(size, _)| by(*size) > by(would_have)) else {
                return false;
            };
            if let Some(of_computation) = self.waiting.get_mut(&largest) {
                of_computation.pop_last();
            }
            self.waiting.retain(|_, of_computation| !of_computation.is_empty());
        }
    }
}

/// Reports, and their bytes.
fn all_of(of_computation: &BTreeMap<PeerId, Submission>) -> (usize, usize) {
    of_computation.values().map(size_of).fold((0, 0), |sum, size| (sum.0 + size.0, sum.1 + size.1))
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

fn size_of(submission: &Submission) -> (usize, usize) {
    (1, submission.share.expose().len() + submission.manifest.body().len())
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

    fn id(number: usize) -> ComputationId {
        ComputationId::of_body(&number.to_be_bytes())
    }

    /// Somebody, of whom there are many.
    fn sender(number: usize) -> PeerId {
        let mut key = [9; 32];
        key[..8].copy_from_slice(&(number as u64).to_be_bytes());
        PeerId::from_public_key(key)
    }

    fn held(early: &Early) -> (usize, usize) {
        early.waiting.values().map(all_of).fold((0, 0), |sum, size| (sum.0 + size.0, sum.1 + size.1))
    }

    #[test]
    fn what_waits_is_bounded_in_number_and_in_bytes() {
        let (_, small) = submission(1, 8);
        let mut early = Early::default();
        for number in 0..EARLY_REPORTS_MAX {
            assert_eq!(early.keep(id(number), sender(number), small.clone()), Kept::First);
        }
        assert_eq!(early.keep(id(EARLY_REPORTS_MAX), sender(0), small), Kept::No);
        let mut early = Early::default();
        let (from, large) = submission(2, EARLY_BYTES_MAX / 2);
        assert_eq!(early.keep(id(0), from, large.clone()), Kept::First);
        assert_eq!(early.keep(id(1), from, large), Kept::No);
    }

    #[test]
    fn one_sender_takes_little_of_the_room() {
        let (from, small) = submission(1, 8);
        let mut early = Early::default();
        let kept = (0..500).filter(|number| early.keep(id(*number), from, small.clone()) == Kept::First);
        assert_eq!(kept.count(), EARLY_REPORTS_PER_SENDER_MAX);
        assert_eq!(early.keep(id(500), sender(7), small), Kept::First, "others have theirs");
    }

    /// A stranger's computation, which is never announced, and its crowd.
    #[test]
    fn a_crowd_that_was_first_keeps_the_reports_of_no_other_computation_out() {
        for bytes in [8, EARLY_BYTES_MAX / 64] {
            let (mut early, (_, large), (_, small)) =
                (Early::default(), submission(1, bytes), submission(2, 8));
            let crowd = (0..EARLY_REPORTS_MAX + 9)
                .take_while(|number| early.keep(id(0), sender(*number), large.clone()) != Kept::No)
                .count();
            assert!(crowd > 50, "{crowd}");
            for number in 0..10 {
                let expected = if number == 0 { Kept::First } else { Kept::Another };
                assert_eq!(early.keep(id(1), sender(5_000 + number), small.clone()), expected);
            }
            assert_eq!(early.waiting[&id(1)].len(), 10);
            let (reports, held) = held(&early);
            assert!(reports <= EARLY_REPORTS_MAX && held <= EARLY_BYTES_MAX);
            // Nor does the crowd push out what has less room than itself.
            assert_eq!(early.keep(id(0), sender(9_999), large), Kept::No);
        }
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
