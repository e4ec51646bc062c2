//! Protocol machines on one clock, with messages that arrive at once, and in order unless a test says otherwise.

use formix_p2p::consent::{Policy, Preset};
use formix_p2p::domain::{Computation, ComputationId, PeerId, Role, Timestamp};
use formix_p2p::protocol::{Action, Command, Event, Node, Notice, Settings, Slice, SourceProblem, Timer};
use formix_p2p::sharing::Secret;
use formix_p2p::statistics::encode_one;
use formix_p2p::wire::{Identity, Message, Record, to_bytes};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::Rng;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// Nodes on one clock, with messages that arrive at once.
pub struct Net {
    pub now: Timestamp,
    pub nodes: BTreeMap<PeerId, Node>,
    pub values: BTreeMap<PeerId, i32>,
    pub stores: BTreeMap<PeerId, BTreeMap<formix_p2p::wire::RecordKey, Record>>,
    pub timers: BTreeMap<(PeerId, Timer), Timestamp>,
    pub queue: VecDeque<(PeerId, Event)>,
    /// Where what waits is taken out of order, by chance.
    pub chance: Option<ChaCha20Rng>,
    pub opened: Vec<(Timestamp, PeerId)>,
    /// What the owners were told.
    pub told: Vec<(PeerId, Notice)>,
    pub down: Vec<PeerId>,
    /// Who computes only when a test says so, and what it would.
    pub busy: Vec<PeerId>,
    pub working: BTreeSet<(PeerId, ComputationId)>,
    /// How many reports are computed over in one go.
    pub slice: Slice,
    /// How many heavy nodes there are.
    pub heavy: usize,
    /// Who goes for good after so many more of its actions that leave a mark.
    pub vanish: BTreeMap<PeerId, usize>,
    /// After so many messages to others nobody hears of a node any more, nor it of others.
    pub parts: BTreeMap<PeerId, usize>,
}

pub fn identity(index: usize) -> Identity {
    Identity::from_secret_key(&[u8::try_from(index).unwrap() + 1; 32])
}

pub fn peer(index: usize) -> PeerId {
    identity(index).peer()
}

pub fn settings(index: usize, heavy: usize, policy: Policy) -> Settings {
    let role = if index < heavy { Role::Heavy } else { Role::Light };
    Settings {
        identity: identity(index),
        role,
        policy,
        memory_since: None,
        seed: Secret::new([u8::try_from(index).unwrap(); 32]),
        slice: Slice::default(),
    }
}

impl Net {
    /// Three heavy nodes and light nodes with these values, all of which have met.
    pub fn new(values: &[i32], policy: &Policy) -> Self {
        Self::with_heavy(3, values, policy)
    }

    /// So many heavy nodes, and light nodes with these values, all of which have met.
    pub fn with_heavy(heavy: usize, values: &[i32], policy: &Policy) -> Self {
        Self::with_slice(Slice::default(), heavy, values, policy)
    }

    /// The same; they compute over so much in one go.
    pub fn with_slice(slice: Slice, heavy: usize, values: &[i32], policy: &Policy) -> Self {
        let mut net = Self {
            now: START,
            nodes: BTreeMap::new(),
            values: BTreeMap::new(),
            stores: BTreeMap::new(),
            timers: BTreeMap::new(),
            queue: VecDeque::new(),
            chance: None,
            opened: Vec::new(),
            told: Vec::new(),
            down: Vec::new(),
            busy: Vec::new(),
            working: BTreeSet::new(),
            slice,
            heavy,
            vanish: BTreeMap::new(),
            parts: BTreeMap::new(),
        };
        let count = heavy + values.len();
        for index in 0..count {
            let settings = Settings { slice, ..settings(index, heavy, policy.clone()) };
            net.nodes.insert(peer(index), Node::new(settings));
            net.queue.push_back((peer(index), Event::Restored(Vec::new())));
            if let Some(value) = index.checked_sub(heavy).and_then(|light| values.get(light)) {
                net.values.insert(peer(index), *value);
            }
        }
        for (left, right) in (0..count).flat_map(|left| (0..count).map(move |right| (left, right))) {
            if left != right {
                let role = if right < heavy { Role::Heavy } else { Role::Light };
                net.queue.push_back((peer(left), Event::Met { peer: peer(right), role }));
            }
        }
        net.settle();
        net
    }

    pub fn open() -> Policy {
        Policy { preset: Preset::Open, ..Policy::default() }
    }

    pub fn settle(&mut self) {
        while let Some((to, event)) = self.next() {
            if self.down.contains(&to) {
                continue;
            }
            let store = self.stores.entry(to).or_default();
            let actions = self.nodes.get_mut(&to).unwrap().handle(self.now, event, store);
            for action in actions {
                let leaves_a_mark = matches!(
                    action,
                    Action::Persist(_) | Action::Erase(_) | Action::Send { .. } | Action::Publish(_)
                );
                if let Some(left) = self.vanish.get_mut(&to).filter(|_| leaves_a_mark) {
                    if *left == 0 {
                        self.down.push(to);
                        break;
                    }
                    *left -= 1;
                }
                self.act(to, action);
            }
        }
    }

    fn next(&mut self) -> Option<(PeerId, Event)> {
        let drawn = self.chance.as_mut().filter(|_| !self.queue.is_empty()).map(Rng::next_u64);
        let at = drawn.map_or(0, |drawn| usize::try_from(drawn).unwrap() % self.queue.len());
        self.queue.remove(at)
    }

    pub fn act(&mut self, me: PeerId, action: Action) {
        match action {
            Action::Persist(record) => {
                self.stores.entry(me).or_default().insert(record.key(), *record);
            }
            Action::Erase(key) => {
                self.stores.entry(me).or_default().retain(|at, _| !at.is_below(&key));
            }
            Action::Send { to, message } => {
                if matches!(*message, Message::Open { .. }) {
                    self.opened.push((self.now, me));
                }
                if self.parts.get(&to) == Some(&0) || self.parts.get(&me) == Some(&0) {
                    return;
                }
                if let Some(left) = self.parts.get_mut(&me) {
                    *left -= 1;
                }
                // Every message survives its bytes.
                let message = Message::decode(&message.encode()).unwrap();
                self.queue.push_back((to, Event::Message { from: me, message }));
            }
            Action::Publish(gossip) => {
                for other in self.nodes.keys().filter(|other| **other != me) {
                    self.queue.push_back((*other, Event::Gossip((*gossip).clone())));
                }
            }
            Action::SetTimer { timer, at } => {
                self.timers.insert((me, timer), at);
            }
            Action::ReadSource { computation, .. } => {
                let terms = self.nodes[&me].view(computation).unwrap().computation.clone();
                let reading = |value: &i32| encode_one(&terms, &[&value.to_string()]).unwrap();
                let outcome = self.values.get(&me).map(reading).ok_or(SourceProblem::NoSuchField);
                self.queue.push_back((me, Event::SourceRead { computation, outcome }));
            }
            Action::Work { computation } if self.busy.contains(&me) => {
                self.working.insert((me, computation));
            }
            Action::Work { computation } => self.queue.push_back((me, Event::Work { computation })),
            // Everybody can be reached.
            Action::Reach { .. } | Action::LetGo { .. } => {}
            Action::Tell(notice) => self.told.push((me, notice)),
            Action::Blame(_) => {}
        }
    }

    pub fn run_for(&mut self, length: Duration) {
        let end = self.now + length;
        self.settle();
        while let Some((key, at)) = self.timers.iter().min_by_key(|(_, at)| **at).map(|(key, at)| (*key, *at)) {
            if at > end {
                break;
            }
            self.timers.remove(&key);
            self.now = self.now.max(at);
            self.queue.push_back((key.0, Event::Expired(key.1)));
            self.settle();
        }
        self.now = end;
    }

    pub fn propose(&mut self, computation: Computation) -> ComputationId {
        let proposer = computation.proposer;
        let id = computation.id_of(&to_bytes(&computation));
        self.queue.push_back((proposer, Event::Command(Command::Propose(Box::new(computation)))));
        self.settle();
        assert!(self.nodes[&proposer].view(id).is_some());
        id
    }

    pub fn restart(&mut self, index: usize) {
        let me = peer(index);
        let records = self.stores.get(&me).map(|store| store.values().cloned().collect()).unwrap_or_default();
        self.timers.retain(|(owner, _), _| *owner != me);
        self.working.retain(|(owner, _)| *owner != me);
        let settings = Settings { slice: self.slice, ..settings(index, self.heavy, Self::open()) };
        self.nodes.insert(me, Node::new(settings));
        self.down.retain(|down| *down != me);
        self.queue.push_back((me, Event::Restored(records)));
        for other in self.values.clone().into_keys().chain((0..self.heavy).map(peer)) {
            if other != me {
                let role =
                    |index: &PeerId| if self.values.contains_key(index) { Role::Light } else { Role::Heavy };
                self.queue.push_back((me, Event::Met { peer: other, role: role(&other) }));
                self.queue.push_back((other, Event::Met { peer: me, role: role(&me) }));
            }
        }
        self.settle();
    }
}
