//! What a node is, fixed from its start.

use super::event::Seed;
use crate::consent::Policy;
use crate::domain::limits::CLOCK_SKEW_MAX;
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
}

impl Settings {
    /// Whether something proposed at this time, by another node's clock, may be older than this node's memory.
    pub(super) fn forgets(&self, proposed_at: Timestamp) -> bool {
        self.memory_since.is_some_and(|since| proposed_at < since + CLOCK_SKEW_MAX)
    }
}
