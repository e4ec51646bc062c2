//! The reports that a heavy node holds: one a participant, and no more than its disk should take, however many a proposer
//! allows and however large they are.

use std::collections::BTreeMap;

use crate::domain::limits::{HELD_BYTES_IN_ALL_MAX, HELD_BYTES_MAX};
use crate::domain::{Digest, PeerId};
use crate::protocol::entry::Entry;
use crate::protocol::node::State;
use crate::protocol::turn::Turn;
use crate::sharing::Scheme;
use crate::wire::{Entry as ListEntry, Exclusion, HeldShare, List, Submission, held_bytes};

/// Which report of each participant is held, the first that came; the reports themselves are persisted.
#[derive(Debug, Default)]
pub(super) struct Held {
    reports: BTreeMap<PeerId, Digest>,
    /// Once it has closed: those that are on its list.
    listed: List,
    bytes: u64,
}

/// Whether there is room for one more report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::protocol) enum Room {
    /// There is.
    Left,
    /// There is not.
    None,
}

/// Bytes of reports that a node holds of all computations. Reports go when their computation ends: it is counted anew when
/// it looks like too much.
#[derive(Debug, Default)]
pub(in crate::protocol) struct Load {
    at_most: u64,
}

impl Held {
    /// Holds a report.
    pub fn insert(&mut self, report: &HeldShare) {
        if self.get(&report.participant).is_none() {
            self.bytes += report.bytes;
            self.reports.insert(report.participant, report.manifest);
        }
    }

    /// What all reports count for, where each share unfolds by so many bytes.
    fn weight(&self, unfolds_by: u64) -> u64 {
        self.bytes + unfolds_by * self.len() as u64
    }

    /// Whether a report fits beside the others.
    pub fn room_for(&self, submission: &Submission, unfolds_by: u64) -> Room {
        let weight = self.weight(unfolds_by) + unfolds_by + held_bytes(submission);
        if weight > HELD_BYTES_MAX { Room::None } else { Room::Left }
    }

    /// Which report of a participant is held.
    pub fn get(&self, participant: &PeerId) -> Option<Digest> {
        self.reports.get(participant).copied().or_else(|| self.listed.report_of(participant))
    }

    pub fn contains(&self, participant: &PeerId) -> bool {
        self.get(participant).is_some()
    }

    /// Whether this very report is held.
    pub fn holds(&self, entry: &ListEntry) -> bool {
        self.get(&entry.participant) == Some(entry.manifest)
    }

    /// Whether all of these are. A set is nearly what is listed, and both are sorted: they are gone through side by side.
    pub fn holds_all(&self, set: &List) -> bool {
        let mut listed = self.listed.entries().iter();
        set.entries().iter().all(|entry| {
            listed.find(|own| own.participant >= entry.participant) == Some(entry) || self.holds(entry)
        })
    }

    pub fn len(&self) -> usize {
        self.reports.len() + self.listed.entries().len()
    }

    /// What is held, less who is excluded.
    pub fn list(&self, exclusions: BTreeMap<PeerId, Exclusion>) -> List {
        let reports = self
            .reports
            .iter()
            .map(|(participant, manifest)| ListEntry { participant: *participant, manifest: *manifest });
        List::without_excluded(reports, exclusions)
    }

    /// What is on the list is not kept a second time.
    pub fn close(&mut self, list: &List) {
        let reports = std::mem::take(&mut self.reports);
        self.reports = reports.into_iter().filter(|(participant, _)| !list.names(participant)).collect();
        self.listed = list.clone();
    }

    /// Who is held and on no list: who is excluded.
    pub fn unlisted(&self) -> impl Iterator<Item = PeerId> {
        self.reports.keys().copied()
    }
}

impl Load {
    /// Takes so many bytes on, if there is room; `count` says what is held.
    fn take(&mut self, bytes: u64, count: impl FnOnce() -> u64) -> Room {
        if self.at_most + bytes > HELD_BYTES_IN_ALL_MAX {
            self.at_most = count();
        }
        if self.at_most + bytes > HELD_BYTES_IN_ALL_MAX {
            return Room::None;
        }
        self.at_most += bytes;
        Room::Left
    }
}

impl State {
    /// Weighs what the store held.
    pub fn weigh(&mut self, me: &PeerId) {
        self.load = Load { at_most: held_of(self.entries.values(), me) };
    }

    /// A light node's share.
    pub fn on_submit(&mut self, turn: &mut Turn<'_>, from: PeerId, submission: Submission) {
        let Some(submission) = self.hold_early(turn, from, submission) else { return };
        let (id, me) = (submission.manifest.get().computation, turn.me());
        let weight =
            held_bytes(&submission) + self.entries.get(&id).map_or(0, |entry| entry.share_unfolds_by(&me));
        let room = self.load.take(weight, || held_of(self.entries.values(), &me));
        self.with(id, |entry| entry.on_submit(turn, from, submission, room));
    }
}

impl Entry {
    /// By how many bytes a share of this heavy node's is longer when it is worked with.
    pub(super) fn share_unfolds_by(&self, me: &PeerId) -> u64 {
        let terms = self.terms();
        let position = terms.heavy.iter().position(|heavy| heavy == me);
        let scheme = self.heavy().and_then(|heavy| heavy.scheme(terms));
        position.zip(scheme).map_or(0, |(position, scheme)| unfolds_by(&scheme, position))
    }
}

/// By how many bytes the share of the heavy node at this position is shorter than the longest: it is a seed.
fn unfolds_by(scheme: &Scheme, position: usize) -> u64 {
    let longest = (0..scheme.parties()).map(|other| scheme.share_bytes(other)).max().unwrap_or(0);
    longest.saturating_sub(scheme.share_bytes(position)) as u64
}

fn held_of<'e>(entries: impl Iterator<Item = &'e Entry>, me: &PeerId) -> u64 {
    let weight = |entry: &Entry| Some(entry.heavy()?.held.weight(entry.share_unfolds_by(me)));
    entries.filter_map(weight).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ComputationId, Modulus};
    use crate::sharing::Secret;
    use crate::wire::{Identity, Manifest, Receipt, Record, Signed, to_bytes};

    fn submission(participant: u8, heavy: usize, bytes: usize) -> Submission {
        let identity = Identity::from_secret_key(&[participant; 32]);
        let manifest = Manifest {
            computation: ComputationId::of_body(b"one"),
            participant: identity.peer(),
            nonce: [0; 16],
            public: vec![0; 32],
            shares: vec![Digest::from_bytes([0; 32]); heavy],
        };
        let manifest = Signed::sign(manifest, &identity);
        Submission { manifest, blind: Secret::new([0; 32]), share: Secret::new(vec![0; bytes]) }
    }

    #[test]
    fn reports_are_held_up_to_a_number_of_bytes_whatever_their_number() {
        let (first, second) = (submission(1, 3, 100), submission(2, 3, 36));
        let room = held_bytes(&first) + held_bytes(&second);
        let mut held = Held { bytes: HELD_BYTES_MAX - room, ..Held::default() };
        held.insert(&HeldShare::of(&first));
        assert_eq!(held.room_for(&second, 0), Room::Left);
        assert_eq!(held.room_for(&submission(2, 3, 37), 0), Room::None);
        assert_eq!(held.len(), 1);
    }

    /// Else a crowd of seeds of 32 bytes could keep a heavy node busy for hours when the set is added up.
    #[test]
    fn a_seed_counts_for_what_it_unfolds_to() {
        let scheme = Scheme::additive(Modulus::Bits128, 1_000, 3).unwrap();
        assert_eq!([0, 1, 2].map(|position| unfolds_by(&scheme, position)), [16_000 - 32, 16_000 - 32, 0]);
        let scheme = Scheme::additive(Modulus::Bits64, 2, 3).unwrap();
        assert_eq!([0, 1, 2].map(|position| unfolds_by(&scheme, position)), [0; 3]);
        let mut held = Held::default();
        held.insert(&HeldShare::of(&submission(1, 3, 32)));
        held.insert(&HeldShare::of(&submission(2, 3, 32)));
        assert_eq!(held.room_for(&submission(3, 3, 32), HELD_BYTES_MAX / 4), Room::Left);
        assert_eq!(held.room_for(&submission(3, 3, 32), HELD_BYTES_MAX / 3), Room::None);
    }

    /// Else a flood of small shares with long manifests, and their receipts, would fill the disk long before the limit.
    #[test]
    fn a_report_counts_for_all_that_is_stored_of_it() {
        let identity = Identity::from_secret_key(&[9; 32]);
        for heavy in [3, 16] {
            let submission = submission(1, heavy, 48);
            let manifest = submission.manifest.get();
            let receipt = |_| {
                let (computation, participant) = (manifest.computation, manifest.participant);
                let manifest = submission.manifest.digest();
                Signed::sign(Receipt { computation, heavy: identity.peer(), participant, manifest }, &identity)
            };
            let receipts = Record::Receipts {
                computation: manifest.computation,
                participant: manifest.participant,
                receipts: (1..heavy).map(receipt).collect(),
            };
            let record = to_bytes(&Record::Held(submission.clone()));
            let stored = (record.len() + to_bytes(&receipts).len()) as u64;
            let counted = held_bytes(&submission);
            assert!(counted > stored && counted < stored + 256, "{heavy}: {counted} for {stored}");
            assert_eq!(HeldShare::of(&submission).bytes, counted);
            assert_eq!(HeldShare::from_record(&record).unwrap().bytes, counted, "read back, the same");
        }
    }

    #[test]
    fn what_has_gone_makes_room_for_other_computations() {
        let mut load = Load::default();
        let quarter = HELD_BYTES_IN_ALL_MAX / 4;
        assert!((0..4).all(|_| load.take(quarter, || unreachable!()) == Room::Left));
        assert_eq!(load.take(1, || HELD_BYTES_IN_ALL_MAX), Room::None);
        assert_eq!(load.take(quarter, || quarter), Room::Left);
        assert_eq!(load.at_most, 2 * quarter);
    }
}
