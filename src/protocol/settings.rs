//! What a node is, fixed from its start.

use super::event::Seed;
use crate::consent::Policy;
use crate::domain::limits::{CLOCK_SKEW_MAX, SLICE_BYTES, SLICE_REPORTS_MAX};
use crate::domain::{Role, Timestamp};
use crate::wire::Identity;

/// The keys, the role, the rules and the randomness of a node.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its keys.
    pub identity: Identity,
    /// Heavy or light; either may propose.
    pub role: Role,
    /// What it answers unattended.
    pub policy: Policy,
    /// If the store is younger than the identity: since when the store remembers. Computations proposed earlier
    /// are declined, because the memory of having answered them may be lost.
    pub memory_since: Option<Timestamp>,
    /// Where its randomness starts; different at every start.
    pub seed: Seed,
    /// How much it computes over reports before it looks at what has come.
    pub slice: Slice,
}

/// How many reports a heavy node verifies or adds up in one go. No result depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// So many at most.
    pub reports: usize,
    /// So many bytes of them at most, but one report in any case.
    pub bytes: usize,
}

impl Default for Slice {
    fn default() -> Self {
        Self { reports: SLICE_REPORTS_MAX, bytes: SLICE_BYTES }
    }
}

impl Slice {
    /// How many reports of so many bytes each.
    pub(super) fn of(self, bytes_each: usize) -> usize {
        (self.bytes / bytes_each.max(1)).clamp(1, self.reports.max(1))
    }
}

impl Settings {
    /// Whether something proposed at this time, by another node's clock, may be older than this node's memory.
    pub(super) fn forgets(&self, proposed_at: Timestamp) -> bool {
        self.memory_since.is_some_and(|since| proposed_at < since + CLOCK_SKEW_MAX)
    }
}
