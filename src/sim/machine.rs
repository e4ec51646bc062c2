//! One node and what the runtime would hold for it: its store, its clock, its timers, its connections.

use std::collections::BTreeMap;
use std::time::Duration;

use super::cheat::Cheater;
use super::dice::derive;
use super::scenario::{NodeIndex, NodePlan, Owner, StoreFate};
use crate::consent::{Policy, Preset, Trust};
use crate::domain::Timestamp;
use crate::domain::limits::POLICY_MIN_PARTICIPANTS;
use crate::protocol::{Action, Node, Settings, Slice, Timer};
use crate::sharing::Secret;
use crate::wire::{Identity, Record, RecordKey};

/// True time at the beginning of a run.
const BEGINNING: Timestamp = Timestamp::from_millis(1_900_000_000_000);

/// The store of one node; every write is durable at once.
pub(super) type Store = BTreeMap<RecordKey, Record>;

/// A node in the simulator.
#[derive(Debug)]
pub(super) struct Machine {
    pub index: NodeIndex,
    pub plan: NodePlan,
    pub identity: Identity,
    /// The running node; a crash drops it.
    pub node: Option<Node>,
    /// Counts starts, so that what was meant for an earlier life is recognised.
    pub incarnation: u32,
    pub store: Store,
    /// Since when the store remembers, if that is not for ever.
    pub memory_since: Option<Timestamp>,
    /// The latest setting of each timer.
    pub timers: BTreeMap<Timer, u64>,
    /// The nodes that it is connected with, each in one of its lives.
    pub connected: BTreeMap<NodeIndex, u32>,
    /// Actions so far that left a mark, over all lives.
    pub marks: u64,
    pub cheater: Option<Cheater>,
}

/// All nodes of a run, each at its place.
#[derive(Debug)]
pub(super) struct Machines(Vec<Machine>);

#[expect(
    clippy::indexing_slicing,
    reason = "every NodeIndex of a run is a place in its scenario, and so in here"
)]
impl Machines {
    pub const fn new(machines: Vec<Machine>) -> Self {
        Self(machines)
    }

    pub fn at(&self, index: NodeIndex) -> &Machine {
        &self.0[index.0]
    }

    pub fn at_mut(&mut self, index: NodeIndex) -> &mut Machine {
        &mut self.0[index.0]
    }

    pub const fn len(&self) -> usize {
        self.0.len()
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Machine> {
        self.0.iter()
    }

    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, Machine> {
        self.0.iter_mut()
    }
}

impl Machine {
    pub fn new(seed: u64, index: NodeIndex, plan: NodePlan) -> Self {
        let identity = Identity::from_secret_key(&derive(seed, &format!("identity {}", index.0)));
        let cheater = plan.cheat.map(|cheat| Cheater::new(seed, index, cheat, identity.clone()));
        Self {
            index,
            plan,
            identity,
            node: None,
            incarnation: 0,
            store: Store::new(),
            memory_since: None,
            timers: BTreeMap::new(),
            connected: BTreeMap::new(),
            marks: 0,
            cheater,
        }
    }

    pub const fn is_up(&self) -> bool {
        self.node.is_some()
    }

    pub const fn is_honest(&self) -> bool {
        self.plan.cheat.is_none()
    }

    /// What its clock shows at `now` milliseconds from the beginning.
    pub fn clock(&self, now: u64) -> Timestamp {
        let true_time = BEGINNING + Duration::from_millis(now);
        let skew = Duration::from_millis(self.plan.skew_ms.unsigned_abs());
        if self.plan.skew_ms < 0 { true_time - skew } else { true_time + skew }
    }

    /// The moment of the run at which its clock shows `at`, or now if that has passed.
    pub fn moment_of(&self, at: Timestamp, now: u64) -> u64 {
        let wait = at.since(self.clock(now)).as_millis();
        now.saturating_add(u64::try_from(wait).unwrap_or(u64::MAX))
    }

    /// Begins a life. The node's randomness follows from the seed, the node and the life, so that a restart that
    /// made a second, different report would show it.
    pub fn start(&mut self, seed: u64) -> Vec<Record> {
        self.incarnation += 1;
        let name = format!("node {} life {}", self.index.0, self.incarnation);
        self.node = Some(Node::new(Settings {
            identity: self.identity.clone(),
            role: self.plan.role,
            policy: self.policy(),
            memory_since: self.memory_since,
            seed: Secret::new(derive(seed, &name)),
            slice: Slice { reports: self.plan.slice, ..Slice::default() },
        }));
        self.store.values().cloned().collect()
    }

    /// Ends a life. What is in the air for it is lost.
    pub fn crash(&mut self, now: u64, store: StoreFate) {
        self.node = None;
        self.timers.clear();
        self.connected.clear();
        if store == StoreFate::Wiped {
            self.store.clear();
            self.memory_since = Some(self.clock(now));
        }
    }

    fn policy(&self) -> Policy {
        let (preset, trust) = match self.plan.owner {
            Owner::Open => (Preset::Open, Trust::WholeNetwork),
            Owner::Trusting => (Preset::Guarded, Trust::WholeNetwork),
            Owner::Approves(_) | Owner::Declines(_) | Owner::Answers(_) | Owner::Away => {
                (Preset::Guarded, Trust::Listed(std::collections::BTreeSet::new()))
            }
        };
        let min_participants = if preset == Preset::Open { 1 } else { POLICY_MIN_PARTICIPANTS };
        Policy { preset, min_participants, trust, ..Policy::default() }
    }
}

/// Whether a crash right after this action differs from one right before it.
pub(super) const fn leaves_a_mark(action: &Action) -> bool {
    match action {
        Action::Persist(_) | Action::Erase(_) | Action::Send { .. } | Action::Publish(_) => true,
        Action::SetTimer { .. }
        | Action::ReadSource { .. }
        | Action::Work { .. }
        | Action::Reach { .. }
        | Action::LetGo { .. }
        | Action::Tell(_)
        | Action::Blame(_) => false,
    }
}
