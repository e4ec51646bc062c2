//! What a computation costs its heavy nodes, from the first report to the certificate: `cargo bench --bench agreement`.
//!
//! Three heavy nodes and a thousand light ones, real protocol machines on one clock and without a network: messages arrive
//! at once, through their bytes, and one event is handled after the other. Counted at each heavy node is the time to
//! decode what comes in, to handle it, and to encode what goes out and what is stored; not counted are the disk, the
//! transport, and sending the certificate on to participants. *intake* lasts until the deadline, *agreement* from there
//! until every heavy node has the certificate. Each figure is the mean of the heavy nodes, and the median of several runs.
//!
//! A scheme verifies on as many threads as the process may use; `taskset -c 0` before the command leaves it one.
//!
//! Options: `--reports N`, `--runs N`, `--only NAME` (a part of a line's name), `--steps` (agreement by kind of event).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use formix_p2p::consent::{Policy, Preset};
use formix_p2p::domain::{
    Computation, Modulus, PeerId, Query, Role, Sharing, Statistic, Status, Timestamp, VERSION,
};
use formix_p2p::protocol::{Action, Command, Event, Node, Settings, Slice, Timer};
use formix_p2p::sharing::Secret;
use formix_p2p::statistics::encode_one;
use formix_p2p::wire::{Announcement, Gossip, Identity, Message, Record, RecordKey, RecordKind, to_bytes};

const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const HEAVY: usize = 3;
const SCHEMA: &str = r#"{"type":"number","minimum":0,"maximum":2147483647}"#;

/// Who may take part.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Invited {
    Everybody,
    /// A closed list, which ends with its last report.
    Listed,
}

const LINES: [(&str, Sharing, Invited); 5] = [
    ("additive", Sharing::Additive { modulus: Modulus::Bits64 }, Invited::Everybody),
    ("prio3", Sharing::Prio3, Invited::Everybody),
    ("threshold 2 of 3", Sharing::Threshold { k: 2 }, Invited::Everybody),
    ("prio3, closed list", Sharing::Prio3, Invited::Listed),
    ("threshold 2 of 3, closed list", Sharing::Threshold { k: 2 }, Invited::Listed),
];

struct Options {
    reports: usize,
    runs: usize,
    only: String,
    steps: bool,
}

impl Options {
    fn parse() -> Self {
        let mut options = Self { reports: 1_000, runs: 5, only: String::new(), steps: false };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut number =
                || arguments.next().and_then(|value| value.parse().ok()).filter(|value| *value > 0);
            match argument.as_str() {
                "--reports" => options.reports = number().unwrap_or(1_000),
                "--runs" => options.runs = number().unwrap_or(5),
                "--only" => options.only = arguments.next().unwrap_or_default(),
                "--steps" => options.steps = true,
                // What cargo passes.
                "--bench" => {}
                other => panic!("there is no option {other}"),
            }
        }
        options
    }
}

/// The part of a run in which time is spent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Proposal,
    Intake,
    Agreement,
}

/// Time that all heavy nodes together have spent.
#[derive(Clone, Copy, Default)]
struct Spent {
    handling: Duration,
    coding: Duration,
}

/// What travels: bytes between nodes, or what happens at one.
enum Parcel {
    Bytes { from: PeerId, bytes: Vec<u8> },
    Event(Event),
}

struct World {
    now: Timestamp,
    heavy: BTreeMap<PeerId, Node>,
    /// The light nodes that still have something to do, each with its value.
    light: BTreeMap<PeerId, (Node, u64)>,
    queue: VecDeque<(PeerId, Parcel)>,
    /// What the heavy nodes hold.
    shelves: BTreeMap<PeerId, BTreeMap<RecordKey, Record>>,
    announcement: Option<Announcement>,
    phase: Phase,
    spent: BTreeMap<Phase, Spent>,
    steps: BTreeMap<&'static str, Duration>,
}

fn identity(number: usize) -> Identity {
    let mut secret = [11; 32];
    secret[..8].copy_from_slice(&(number as u64).to_le_bytes());
    Identity::from_secret_key(&secret)
}

fn machine(number: usize, role: Role) -> (PeerId, Node) {
    let mut seed = [13; 32];
    seed[..8].copy_from_slice(&(number as u64).to_le_bytes());
    let identity = identity(number);
    let peer = identity.peer();
    let policy = Policy { preset: Preset::Open, ..Policy::default() };
    (
        peer,
        Node::new(Settings {
            identity,
            role,
            policy,
            memory_since: None,
            seed: Secret::new(seed),
            slice: Slice::default(),
        }),
    )
}

impl World {
    fn new() -> Self {
        let heavy: BTreeMap<_, _> = (0..HEAVY).map(|number| machine(number, Role::Heavy)).collect();
        let peers: Vec<PeerId> = heavy.keys().copied().collect();
        let mut world = Self {
            now: START,
            heavy,
            light: BTreeMap::new(),
            queue: VecDeque::new(),
            shelves: BTreeMap::new(),
            announcement: None,
            phase: Phase::Proposal,
            spent: BTreeMap::new(),
            steps: BTreeMap::new(),
        };
        for me in &peers {
            world.queue.push_back((*me, Parcel::Event(Event::Restored(Vec::new()))));
            for peer in peers.iter().filter(|peer| *peer != me) {
                let met = Event::Met { peer: *peer, role: Role::Heavy };
                world.queue.push_back((*me, Parcel::Event(met)));
            }
        }
        world.settle();
        world
    }

    /// A light node that answers with this value.
    fn join(&mut self, number: usize, value: u64) -> PeerId {
        let (peer, node) = machine(HEAVY + number, Role::Light);
        self.light.insert(peer, (node, value));
        self.queue.push_back((peer, Parcel::Event(Event::Restored(Vec::new()))));
        peer
    }

    fn settle(&mut self) {
        while let Some((to, parcel)) = self.queue.pop_front() {
            let is_heavy = self.heavy.contains_key(&to);
            if !is_heavy && !self.light.contains_key(&to) {
                continue;
            }
            let start = Instant::now();
            let (kind, event) = match parcel {
                Parcel::Bytes { from, bytes } => {
                    let message = Message::decode(&bytes).unwrap();
                    (message.kind(), Event::Message { from, message })
                }
                Parcel::Event(event) => ("event", event),
            };
            let decoded = start.elapsed();
            let start = Instant::now();
            let node = match self.heavy.get_mut(&to) {
                Some(node) => node,
                None => &mut self.light.get_mut(&to).unwrap().0,
            };
            let actions = node.handle(self.now, event, self.shelves.entry(to).or_default());
            let handled = start.elapsed();
            let mut encoding = Duration::ZERO;
            for action in actions {
                encoding += self.act(to, action);
            }
            if is_heavy {
                let spent = self.spent.entry(self.phase).or_default();
                spent.handling += handled;
                spent.coding += decoded + encoding;
                if self.phase == Phase::Agreement {
                    *self.steps.entry(kind).or_default() += handled;
                }
            }
        }
    }

    /// Carries an action out; gives the time that its encoding took.
    fn act(&mut self, me: PeerId, action: Action) -> Duration {
        let start = Instant::now();
        match action {
            Action::Persist(record) => {
                std::hint::black_box(to_bytes(&*record));
                let taken = start.elapsed();
                if record.key().kind == RecordKind::Held {
                    self.shelves.entry(me).or_default().insert(record.key(), *record);
                }
                return taken;
            }
            Action::Send { to, message } => {
                if self.heavy.contains_key(&to) || self.light.contains_key(&to) {
                    let bytes = message.encode();
                    let taken = start.elapsed();
                    self.queue.push_back((to, Parcel::Bytes { from: me, bytes }));
                    return taken;
                }
            }
            Action::Publish(gossip) => {
                if let Gossip::Announce(announcement) = *gossip {
                    self.announcement = Some(announcement);
                }
            }
            Action::ReadSource { computation, .. } => {
                let terms = self.light[&me].0.view(computation).unwrap().computation.clone();
                let outcome = Ok(encode_one(&terms, &[&self.light[&me].1.to_string()]).unwrap());
                self.queue.push_back((me, Parcel::Event(Event::SourceRead { computation, outcome })));
            }
            Action::Work { computation } => {
                self.queue.push_back((me, Parcel::Event(Event::Work { computation })));
            }
            Action::Erase(_)
            | Action::SetTimer { .. }
            | Action::Reach { .. }
            | Action::LetGo { .. }
            | Action::Tell(_) => {}
            Action::Blame(fault) => panic!("an honest node is blamed: {:?}", fault.proof.evidence()),
        }
        Duration::ZERO
    }
}

fn question(world: &World, proposer: PeerId, sharing: Sharing, listed: Option<Vec<PeerId>>) -> Computation {
    let largest = u32::try_from(listed.as_ref().map_or(100_000, Vec::len)).unwrap();
    Computation {
        version: VERSION,
        nonce: [9; 16],
        proposer,
        proposed_at: world.now,
        prompt: "How much?".to_owned(),
        query: Query::parse(Statistic::Sum, &["n".to_owned()], Some(SCHEMA)).unwrap(),
        heavy: world.heavy.keys().copied().collect(),
        sharing,
        min_participants: 3,
        max_participants: largest,
        deadline: world.now + Duration::from_secs(3_600),
        patience_ms: 10_000,
        grace_ms: 3_000,
        participants: listed,
        noise: None,
        invitation: None,
    }
}

/// One computation, from the proposal to the certificate, whose total must be right.
fn run(sharing: Sharing, invited: Invited, reports: usize) -> World {
    let mut world = World::new();
    let value = |number: usize| (number as u64 * 1_000_003) % (1 << 31);
    let proposer = world.join(0, value(0));
    let listed = (invited == Invited::Listed).then(|| {
        let mut peers: Vec<_> = (0..reports).map(|number| identity(HEAVY + number).peer()).collect();
        peers.sort();
        peers
    });
    let question = question(&world, proposer, sharing, listed);
    let deadline = question.deadline;
    world.queue.push_back((proposer, Parcel::Event(Event::Command(Command::Propose(Box::new(question))))));
    world.settle();
    let announcement = world.announcement.clone().unwrap();
    world.phase = Phase::Intake;
    for number in 1..reports {
        if invited == Invited::Listed && number + 1 == reports {
            world.phase = Phase::Agreement;
        }
        let light = world.join(number, value(number));
        let heard = Event::Gossip(Gossip::Announce(announcement.clone()));
        world.queue.push_back((light, Parcel::Event(heard)));
        world.settle();
        world.light.remove(&light);
    }
    if invited == Invited::Everybody {
        (world.phase, world.now) = (Phase::Agreement, deadline);
        let peers: Vec<_> = world.heavy.keys().copied().collect();
        for heavy in peers {
            let expired = Event::Expired(Timer::Deadline(announcement.id()));
            world.queue.push_back((heavy, Parcel::Event(expired)));
        }
        world.settle();
    }
    let total: u64 = (0..reports).map(value).sum();
    for node in world.heavy.values() {
        let view = node.view(announcement.id()).unwrap();
        assert_eq!((view.status, view.failure), (Status::Completed, None));
        assert_eq!(view.answer.unwrap().total(), total.to_string().parse().unwrap());
    }
    world
}

/// The median of what the runs say, in milliseconds for one heavy node.
fn median(worlds: &[World], of: impl Fn(&World) -> Duration) -> f64 {
    let mut times: Vec<_> = worlds.iter().map(of).collect();
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e3 / HEAVY as f64
}

fn main() {
    let options = Options::parse();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let reports = options.reports;
    println!(
        "{HEAVY} heavy nodes, {reports} reports of 31 bits, median of {} runs, {threads} threads",
        options.runs
    );
    println!("time of one heavy node; us: for a report, ms: in all\n");
    for (name, sharing, invited) in LINES.iter().filter(|(name, _, _)| name.contains(&options.only)) {
        let worlds: Vec<_> = (0..options.runs).map(|_| run(*sharing, *invited, reports)).collect();
        let of = |phase: Phase, part: fn(&Spent) -> Duration| {
            median(&worlds, |world| world.spent.get(&phase).map(part).unwrap_or_default())
        };
        let shown = |phase: Phase| {
            let (handling, coding) = (of(phase, |spent| spent.handling), of(phase, |spent| spent.coding));
            let each = (handling + coding) * 1e3 / reports as f64;
            format!("{:>8.1} ms ({handling:>6.1} + {coding:>6.1} coding) {each:>7.1} us", handling + coding)
        };
        println!("  {name:<30} intake {}   agreement {}", shown(Phase::Intake), shown(Phase::Agreement));
        if options.steps {
            let kinds = worlds[0].steps.keys();
            let mut steps: Vec<_> = kinds
                .map(|kind| (median(&worlds, |world| world.steps.get(kind).copied().unwrap_or_default()), kind))
                .collect();
            steps.sort_by(|left, right| right.0.total_cmp(&left.0));
            for (taken, kind) in steps.into_iter().filter(|(taken, _)| *taken >= 0.01) {
                println!("      {kind:<20} {taken:>8.2} ms");
            }
        }
    }
}
