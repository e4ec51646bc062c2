//! The reports that a heavy node holds, sorted, with evidence for those that it leaves out on purpose.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::codec;
use super::signed::Signed;
use super::statement::Manifest;
use crate::domain::limits::{EXCLUSIONS_MAX, REPORTS_PER_COMPUTATION_MAX};
use crate::domain::{ComputationId, Digest, PeerId};

/// One report: whose, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entry {
    /// Whose report.
    pub participant: PeerId,
    /// The manifest's digest.
    pub manifest: Digest,
}

/// Two different reports of one participant: the proof that it equivocated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exclusion {
    /// One report.
    pub first: Signed<Manifest>,
    /// Another one.
    pub second: Signed<Manifest>,
}

/// A set of reports, sorted by participant, and the participants that are excluded with evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct List {
    entries: Vec<Entry>,
    exclusions: Vec<Exclusion>,
}

impl Exclusion {
    /// Evidence from two reports; `None` unless they are two reports of one participant for one computation.
    pub fn new(first: &Signed<Manifest>, second: &Signed<Manifest>) -> Option<Self> {
        let pair = Self { first: first.clone(), second: second.clone() };
        pair.holds(first.get().computation).then_some(pair)
    }

    /// Who equivocated.
    pub fn participant(&self) -> PeerId {
        self.first.signer()
    }

    fn holds(&self, computation: ComputationId) -> bool {
        let same_signer = self.first.signer() == self.second.signer();
        let about = |manifest: &Signed<Manifest>| manifest.get().computation == computation;
        same_signer && about(&self.first) && about(&self.second) && self.first.digest() != self.second.digest()
    }
}

impl List {
    /// The list of these reports, less the excluded participants.
    pub fn new(reports: BTreeMap<PeerId, Digest>, exclusions: BTreeMap<PeerId, Exclusion>) -> Self {
        let entries = reports
            .into_iter()
            .filter(|(participant, _)| !exclusions.contains_key(participant))
            .map(|(participant, manifest)| Entry { participant, manifest })
            .collect();
        Self { entries, exclusions: exclusions.into_values().collect() }
    }

    /// An accepted set from its reports, as another node tells them: nobody is excluded from it.
    pub const fn accepted(entries: Vec<Entry>) -> Self {
        Self { entries, exclusions: Vec::new() }
    }

    /// The reports, sorted by participant.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How many reports.
    pub fn participants(&self) -> u32 {
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }

    /// Whose reports, sorted.
    pub fn members(&self) -> Vec<PeerId> {
        self.entries.iter().map(|entry| entry.participant).collect()
    }

    /// Whether a report of this participant is on it.
    pub fn names(&self, participant: &PeerId) -> bool {
        self.entries.binary_search_by_key(participant, |entry| entry.participant).is_ok()
    }

    /// Whether this report is on it.
    pub fn contains(&self, entry: &Entry) -> bool {
        self.entries.binary_search(entry).is_ok()
    }

    /// The evidence against a participant, if there is any.
    pub fn exclusion_of(&self, participant: &PeerId) -> Option<&Exclusion> {
        self.exclusions.iter().find(|exclusion| exclusion.participant() == *participant)
    }

    /// Every exclusion.
    pub fn exclusions(&self) -> &[Exclusion] {
        &self.exclusions
    }

    /// Whether a list from elsewhere is one: sorted, each participant once, nobody both listed and excluded,
    /// evidence that holds, within limits.
    pub fn is_well_formed(&self, computation: ComputationId) -> bool {
        let sorted = self.entries.is_sorted_by(|left, right| left.participant < right.participant);
        let excluded: Vec<_> = self.exclusions.iter().map(Exclusion::participant).collect();
        sorted
            && excluded.is_sorted_by(|left, right| left < right)
            && self.participants() <= REPORTS_PER_COMPUTATION_MAX
            && self.exclusions.len() <= EXCLUSIONS_MAX
            && self.exclusions.iter().all(|exclusion| exclusion.holds(computation))
            && !self.entries.iter().any(|entry| excluded.binary_search(&entry.participant).is_ok())
    }

    /// The digest that a heavy node signs.
    pub fn digest(&self, computation: ComputationId) -> Digest {
        Digest::of("formix-p2p/list/1", &[computation.as_bytes(), &codec::to_bytes(self)])
    }

    /// This list without some participants.
    pub fn without(&self, left_out: &BTreeSet<PeerId>) -> Self {
        let keeps = |entry: &&Entry| !left_out.contains(&entry.participant);
        Self { entries: self.entries.iter().filter(keeps).copied().collect(), exclusions: Vec::new() }
    }

    /// What is on every list. Whoever one of them excludes is not on that one.
    pub fn intersection<'a>(lists: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut lists = lists.into_iter();
        let Some(first) = lists.next() else { return Self::default() };
        let mut entries = first.entries.clone();
        for list in lists {
            entries.retain(|entry| list.contains(entry));
        }
        Self { entries, exclusions: Vec::new() }
    }
}
