//! The reports that a heavy node holds, sorted, with evidence for those that it leaves out on purpose.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use super::codec;
use super::outline::Outline;
use super::signed::Signed;
use super::statement::Manifest;
use super::tree::{self, Leaf};
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

/// A set of reports, sorted by participant, and the participants that are excluded with evidence. A clone shares them.
#[derive(Clone, Debug, Default)]
pub struct List(Arc<Parts>);

#[derive(Debug, Default)]
struct Parts {
    entries: Vec<Entry>,
    exclusions: Vec<Exclusion>,
    /// Its digests, once somebody has asked.
    tree: OnceLock<(ComputationId, Tree)>,
}

/// The digests of a list.
#[derive(Clone, Debug)]
struct Tree {
    root: Digest,
    leaves: Vec<Leaf>,
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

    /// Whether it proves something about this computation.
    pub(super) fn holds(&self, computation: ComputationId) -> bool {
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
        Self::of(entries, exclusions.into_values().collect())
    }

    /// The list of these reports, which are sorted, less the excluded participants.
    pub fn without_excluded(
        reports: impl ExactSizeIterator<Item = Entry>,
        exclusions: BTreeMap<PeerId, Exclusion>,
    ) -> Self {
        let mut entries = Vec::with_capacity(reports.len());
        entries.extend(reports.filter(|entry| !exclusions.contains_key(&entry.participant)));
        Self::of(entries, exclusions.into_values().collect())
    }

    /// An accepted set from its reports, as another node tells them: nobody is excluded from it.
    pub fn accepted(entries: Vec<Entry>) -> Self {
        Self::of(entries, Vec::new())
    }

    /// The list of these reports, sorted by participant, and these exclusions, likewise.
    fn of(entries: Vec<Entry>, exclusions: Vec<Exclusion>) -> Self {
        Self(Arc::new(Parts { entries, exclusions, tree: OnceLock::new() }))
    }

    /// The reports, sorted by participant.
    pub fn entries(&self) -> &[Entry] {
        &self.0.entries
    }

    /// How many reports.
    pub fn participants(&self) -> u32 {
        u32::try_from(self.entries().len()).unwrap_or(u32::MAX)
    }

    /// Whose reports, sorted.
    pub fn members(&self) -> Vec<PeerId> {
        self.entries().iter().map(|entry| entry.participant).collect()
    }

    /// Which report of this participant is on it.
    pub fn report_of(&self, participant: &PeerId) -> Option<Digest> {
        let entries = self.entries();
        let at = entries.binary_search_by_key(participant, |entry| entry.participant).ok()?;
        entries.get(at).map(|entry| entry.manifest)
    }

    /// Whether a report of this participant is on it.
    pub fn names(&self, participant: &PeerId) -> bool {
        self.report_of(participant).is_some()
    }

    /// Whether this report is on it.
    pub fn contains(&self, entry: &Entry) -> bool {
        self.entries().binary_search(entry).is_ok()
    }

    /// The evidence against a participant, if there is any.
    pub fn exclusion_of(&self, participant: &PeerId) -> Option<&Exclusion> {
        self.exclusions().iter().find(|exclusion| exclusion.participant() == *participant)
    }

    /// Every exclusion.
    pub fn exclusions(&self) -> &[Exclusion] {
        &self.0.exclusions
    }

    /// Whether a list from elsewhere is one: sorted, each participant once, nobody both listed and excluded,
    /// evidence that holds, within limits.
    pub fn is_well_formed(&self, computation: ComputationId) -> bool {
        let sorted = self.entries().is_sorted_by(|left, right| left.participant < right.participant);
        let excluded: Vec<_> = self.exclusions().iter().map(Exclusion::participant).collect();
        sorted
            && are_well_formed(self.exclusions(), computation)
            && self.participants() <= REPORTS_PER_COMPUTATION_MAX
            && !self.entries().iter().any(|entry| excluded.binary_search(&entry.participant).is_ok())
    }

    /// The digest that a heavy node signs.
    pub fn digest(&self, computation: ComputationId) -> Digest {
        self.with_tree(computation, |tree| tree.root)
    }

    /// What is told of it to a node whose own list differs.
    pub fn outline(&self, computation: ComputationId) -> Outline {
        let leaves = self.with_tree(computation, |tree| tree.leaves.clone());
        Outline { leaves, exclusions: self.exclusions().to_vec() }
    }

    fn with_tree<T>(&self, computation: ComputationId, of: impl FnOnce(&Tree) -> T) -> T {
        let grown = || {
            let mut leaves = Vec::new();
            let reports = tree::leaves_of(computation, self.entries(), 0, &mut leaves);
            Tree { root: list_digest(computation, reports, self.exclusions()), leaves }
        };
        // A list belongs to one computation; about another one it is asked in tests alone.
        let (about, kept) = self.0.tree.get_or_init(|| (computation, grown()));
        if *about == computation { of(kept) } else { of(&grown()) }
    }

    /// This list without some participants.
    pub fn without(&self, left_out: &BTreeSet<PeerId>) -> Self {
        self.retain(|entry| !left_out.contains(&entry.participant))
    }

    /// The reports of this list that are kept, and no exclusions. Where all are, they are shared.
    pub fn retain(&self, keeps: impl Fn(&Entry) -> bool) -> Self {
        if self.exclusions().is_empty() && self.entries().iter().all(&keeps) {
            return self.clone();
        }
        Self::accepted(self.entries().iter().filter(|entry| keeps(entry)).copied().collect())
    }

    /// The reports of this list without some participants, and some others.
    pub fn changed_by(&self, left_out: &[PeerId], added: &[Entry]) -> Self {
        let left_out: BTreeSet<_> = left_out.iter().copied().collect();
        let rest = self.without(&left_out);
        if added.is_empty() {
            return rest;
        }
        let mut entries = [rest.entries(), added].concat();
        entries.sort_unstable();
        Self::accepted(entries)
    }

    /// By what a set differs from this list: participants without their report here, and reports that are not here.
    pub fn changes_to(&self, set: &Self) -> (Vec<PeerId>, Vec<Entry>) {
        if Arc::ptr_eq(&self.0, &set.0) {
            return (Vec::new(), Vec::new());
        }
        let lacking = self.entries().iter().filter(|entry| !set.contains(entry));
        let added = set.entries().iter().filter(|entry| !self.contains(entry));
        (lacking.map(|entry| entry.participant).collect(), added.copied().collect())
    }
}

impl PartialEq for List {
    fn eq(&self, other: &Self) -> bool {
        let same = || (self.entries(), self.exclusions()) == (other.entries(), other.exclusions());
        Arc::ptr_eq(&self.0, &other.0) || same()
    }
}

impl Eq for List {}

/// The digest of a list whose reports' tree has this digest.
pub(super) fn list_digest(id: ComputationId, reports: Digest, exclusions: &[Exclusion]) -> Digest {
    let exclusions = codec::to_bytes(&exclusions);
    Digest::of("formix-p2p/list/2", &[id.as_bytes(), reports.as_bytes(), &exclusions])
}

/// Whether exclusions are sorted, within limits, and hold.
pub(super) fn are_well_formed(exclusions: &[Exclusion], computation: ComputationId) -> bool {
    exclusions.is_sorted_by(|left, right| left.participant() < right.participant())
        && exclusions.len() <= EXCLUSIONS_MAX
        && exclusions.iter().all(|exclusion| exclusion.holds(computation))
}
