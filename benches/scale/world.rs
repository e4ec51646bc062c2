//! Heavy nodes in one process, each with its store, taking turns.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::time::Duration;

use formix_p2p::consent::{Policy, Preset};
use formix_p2p::domain::{ComputationId, PeerId, Role, Timestamp};
use formix_p2p::protocol::{Action, Event, Node, Settings, Shelf, Slice, Unreadable};
use formix_p2p::sharing::Secret;
use formix_p2p::store::{Change, Memory, Store};
use formix_p2p::wire::{HeldShare, Identity, Message, Record, RecordKey};

const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);
/// How many there are.
pub const HEAVY: usize = 3;
/// What a node takes before it commits, as in the runtime.
pub const ROUND: usize = 1_024;

/// A heavy node with its store, as the runtime holds it.
pub struct Heavy {
    pub node: Node,
    store: Store,
    pub inbox: VecDeque<Parcel>,
    changes: Vec<Change>,
    pub spent: Duration,
    pub sent: usize,
}

pub enum Parcel {
    Bytes { from: PeerId, bytes: Vec<u8> },
    Event(Event),
}

/// The store, and what this round will write.
struct OnDisk<'a>(&'a Store, &'a [Change]);

impl OnDisk<'_> {
    fn news(&self, key: &RecordKey) -> Option<Record> {
        self.1.iter().rev().find_map(|change| match change {
            Change::Put(record) if record.key() == *key => Some((**record).clone()),
            Change::Put(_) | Change::Erase(_) => None,
        })
    }
}

impl Shelf for OnDisk<'_> {
    fn shares(&self, id: ComputationId, participants: &[PeerId]) -> Result<Vec<Option<HeldShare>>, Unreadable> {
        self.0.shares(id, participants).map_err(|_| Unreadable)
    }

    fn each(&self, id: ComputationId, visit: &mut dyn FnMut(&HeldShare)) -> Result<(), Unreadable> {
        self.0.each_held(id, visit).map_err(|_| Unreadable)
    }

    fn record(&self, key: &RecordKey) -> Result<Option<Record>, Unreadable> {
        self.news(key).map_or_else(|| self.0.record(key).map_err(|_| Unreadable), |record| Ok(Some(record)))
    }
}

pub fn identity(number: u32) -> Identity {
    let mut secret = [11; 32];
    secret[..4].copy_from_slice(&number.to_le_bytes());
    Identity::from_secret_key(&secret)
}

pub fn machine(identity: Identity, role: Role) -> Node {
    let seed = Secret::new(*identity.peer().public_key());
    let policy = Policy { preset: Preset::Open, ..Policy::default() };
    Node::new(Settings { identity, role, policy, memory_since: None, seed, slice: Slice::default() })
}

/// The heavy nodes, and what has come out of them for others.
pub struct World {
    pub now: Timestamp,
    pub heavy: BTreeMap<PeerId, Heavy>,
    pub outside: Vec<(PeerId, PeerId, Message)>,
    pub highest: usize,
}

impl World {
    pub fn new(folder: &Path) -> Self {
        let heavy = (0..HEAVY).map(|number| {
            let identity = identity(u32::try_from(number).unwrap());
            let path = folder.join(format!("{number}.redb"));
            let store = Store::create(&path, identity.peer(), Memory::SinceBirth, START).unwrap();
            let peer = identity.peer();
            let node = machine(identity, Role::Heavy);
            let inbox = VecDeque::from([Parcel::Event(Event::Restored(Vec::new()))]);
            (peer, Heavy { node, store, inbox, changes: Vec::new(), spent: Duration::ZERO, sent: 0 })
        });
        let mut world = Self { now: START, heavy: heavy.collect(), outside: Vec::new(), highest: resident() };
        let peers: Vec<_> = world.heavy.keys().copied().collect();
        for (me, heavy) in &mut world.heavy {
            let met = |peer: &&PeerId| *peer != me;
            let event = |peer: &PeerId| Parcel::Event(Event::Met { peer: *peer, role: Role::Heavy });
            heavy.inbox.extend(peers.iter().filter(met).map(event));
        }
        world.settle();
        world
    }

    /// Rounds of every node, until nobody has anything left to take.
    pub fn settle(&mut self) {
        while self.heavy.values().any(|heavy| !heavy.inbox.is_empty()) {
            for peer in self.heavy.keys().copied().collect::<Vec<_>>() {
                let sent = self.heavy.get_mut(&peer).unwrap().round(self.now);
                for (to, message) in sent {
                    let Some(bytes) = self.heavy.contains_key(&to).then(|| self.encoded(peer, &message)) else {
                        self.outside.push((peer, to, message));
                        continue;
                    };
                    self.heavy.get_mut(&to).unwrap().inbox.push_back(Parcel::Bytes { from: peer, bytes });
                }
            }
            self.highest = self.highest.max(resident());
        }
    }

    fn encoded(&mut self, from: PeerId, message: &Message) -> Vec<u8> {
        let heavy = self.heavy.get_mut(&from).unwrap();
        let start = processor();
        let bytes = message.encode();
        heavy.spent += processor() - start;
        heavy.sent += bytes.len();
        bytes
    }

    pub fn deliver(&mut self, to: PeerId, from: PeerId, bytes: Vec<u8>) {
        self.heavy.get_mut(&to).unwrap().inbox.push_back(Parcel::Bytes { from, bytes });
    }
}

impl Heavy {
    /// At most so many inputs, one commit, and what may leave then.
    fn round(&mut self, now: Timestamp) -> Vec<(PeerId, Message)> {
        let start = processor();
        let mut sent = Vec::new();
        for _ in 0..ROUND {
            let Some(parcel) = self.inbox.pop_front() else { break };
            let event = match parcel {
                Parcel::Bytes { from, bytes } => {
                    Event::Message { from, message: Message::decode(&bytes).unwrap() }
                }
                Parcel::Event(event) => event,
            };
            for action in self.node.handle(now, event, &OnDisk(&self.store, &self.changes)) {
                match action {
                    Action::Persist(record) => self.changes.push(Change::Put(record)),
                    Action::Erase(key) => self.changes.push(Change::Erase(key)),
                    Action::Send { to, message } => sent.push((to, *message)),
                    Action::Blame(fault) => panic!("an honest node is blamed: {:?}", fault.proof.evidence()),
                    Action::Work { computation } => {
                        self.inbox.push_back(Parcel::Event(Event::Work { computation }));
                    }
                    Action::Publish(_)
                    | Action::SetTimer { .. }
                    | Action::ReadSource { .. }
                    | Action::Reach { .. }
                    | Action::LetGo { .. }
                    | Action::Tell(_) => {}
                }
            }
        }
        self.store.apply(&std::mem::take(&mut self.changes)).unwrap();
        self.spent += processor() - start;
        sent
    }
}

/// Processor time of this process so far, all its threads: what else the machine does is not in it, nor waiting for the disk.
fn processor() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap())
}

/// Bytes of memory that the process has.
pub fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}
