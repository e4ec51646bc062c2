//! One node: the machines of its role, and what it remembers of every computation.

use super::{Action, Event, Seed, View};
use crate::consent::Policy;
use crate::domain::{ComputationId, Role, Timestamp};
use crate::wire::Identity;

/// What a node is, fixed from its start.
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

/// The protocol of one node: no IO, no clock, no randomness but the seed.
#[derive(Debug)]
pub struct Node {
    settings: Settings,
}

impl Node {
    /// A node that has not read its store yet: the first event must be [`Event::Restored`].
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// Takes one event and gives what to do, in order.
    #[must_use]
    pub fn handle(&mut self, now: Timestamp, event: Event) -> Vec<Action> {
        let _ = (&self.settings, now, event);
        todo!()
    }

    /// Every computation that this node knows, newest first.
    pub fn views(&self) -> Vec<View<'_>> {
        todo!()
    }

    /// One computation.
    pub fn view(&self, id: ComputationId) -> Option<View<'_>> {
        let _ = id;
        todo!()
    }

    /// Computations that have not ended.
    pub fn open_count(&self) -> usize {
        todo!()
    }
}
