//! The reports that a heavy node holds: one a participant, and no more than its disk should take, however many a proposer
//! allows and however large they are.

use std::collections::BTreeMap;

use crate::domain::limits::{HELD_BYTES_IN_ALL_MAX, HELD_BYTES_MAX};
use crate::domain::{Digest, PeerId};
use crate::protocol::entry::Entry;
use crate::protocol::node::State;
use crate::protocol::turn::Turn;
use crate::wire::{Entry as ListEntry, Exclusion, HeldShare, List, Submission};

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
            self.bytes += (report.share.expose().len() + report.public.len()) as u64;
            self.reports.insert(report.participant, report.manifest);
        }
    }

    /// Whether a report fits beside the others.
    pub fn room_for(&self, submission: &Submission) -> Room {
        if self.bytes + bytes_of(submission) > HELD_BYTES_MAX { Room::None } else { Room::Left }
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
    pub fn weigh(&mut self) {
        self.load = Load { at_most: held_of(self.entries.values()) };
    }

    /// A light node's share.
    pub fn on_submit(&mut self, turn: &mut Turn<'_>, from: PeerId, submission: Submission) {
        let Some(submission) = self.hold_early(turn, from, submission) else { return };
        let id = submission.manifest.get().computation;
        let room = self.load.take(bytes_of(&submission), || held_of(self.entries.values()));
        self.with(id, |entry| entry.on_submit(turn, from, submission, room));
    }
}

fn held_of<'e>(entries: impl Iterator<Item = &'e Entry>) -> u64 {
    entries.map(|entry| entry.heavy().map_or(0, |heavy| heavy.held.bytes)).sum()
}

fn bytes_of(submission: &Submission) -> u64 {
    (submission.share.expose().len() + submission.manifest.get().public.len()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ComputationId;
    use crate::sharing::Secret;
    use crate::wire::{Identity, Manifest, Signed};

    fn submission(participant: u8, bytes: usize) -> Submission {
        let identity = Identity::from_secret_key(&[participant; 32]);
        let manifest = Manifest {
            computation: ComputationId::of_body(b"one"),
            participant: identity.peer(),
            nonce: [0; 16],
            public: vec![0; 32],
            shares: Vec::new(),
        };
        let manifest = Signed::sign(manifest, &identity);
        Submission { manifest, blind: Secret::new([0; 32]), share: Secret::new(vec![0; bytes]) }
    }

    #[test]
    fn reports_are_held_up_to_a_number_of_bytes_whatever_their_number() {
        let mut held = Held { bytes: HELD_BYTES_MAX - 200, ..Held::default() };
        held.insert(&HeldShare::of(&submission(1, 100)));
        assert_eq!(held.room_for(&submission(2, 36)), Room::Left);
        assert_eq!(held.room_for(&submission(2, 37)), Room::None);
        assert_eq!(held.len(), 1);
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
