//! What a participant costs a heavy node, from a thousand of them to a million: `cargo bench --bench scale`.
//!
//! Three heavy nodes in one process, real protocol machines on one clock, each with its own redb file on the disk where `TMPDIR` is,
//! and without a network: messages arrive at once, through their bytes. Reports are made beforehand and read from a file. As in
//! the runtime, a node takes at most 1024 messages, makes what they changed durable in one commit, and only then answers.
//! Every participant sends its report, gets its receipts, and hands them on.
//!
//! Measured at one of the three, for one participant: *intake* (decoding, handling, the commit with its encoding and sealing) and
//! *agreement* (the same from the deadline to the certificate, reading the reports back included); the size of its store when
//! intake is over; the bytes that it sends the other two from the deadline on; and how much the memory of the process has
//! grown at the end of intake and at its highest, a third of it, since three nodes share it.
//!
//! Options: `--sizes A,B,…` (1000,10000,100000), `--runs N` (5), `--only NAME`, `--lacking N` (every N-th report does not reach the
//! third node, so that lists differ; 0: none), `--plot FILE` (an SVG of the table).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use formix_p2p::consent::{Policy, Preset};
use formix_p2p::domain::{
    Computation, ComputationId, Modulus, PeerId, Query, Role, Sharing, Statistic, Status, Timestamp, VERSION,
};
use formix_p2p::protocol::{Action, Command, Event, Node, Settings, Shelf, Timer, Unreadable};
use formix_p2p::sharing::Secret;
use formix_p2p::statistics::{self, encode_one};
use formix_p2p::store::{Change, Memory, Store};
use formix_p2p::wire::{
    Gossip, HeldShare, Identity, Manifest, Message, Receipt, Record, RecordKey, Signed, Submission,
    share_digest,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const HEAVY: usize = 3;
const ROUND: usize = 1_024;
const SCHEMA: &str = r#"{"type":"number","minimum":0,"maximum":2147483647}"#;
const LINES: [(&str, Sharing); 2] =
    [("additive", Sharing::Additive { modulus: Modulus::Bits64 }), ("prio3", Sharing::Prio3)];

struct Options {
    sizes: Vec<u32>,
    runs: usize,
    only: String,
    lacking: usize,
    plot: Option<String>,
}

impl Options {
    fn parse() -> Self {
        let sizes = vec![1_000, 10_000, 100_000];
        let mut options = Self { sizes, runs: 5, only: String::new(), lacking: 0, plot: None };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().unwrap_or_default();
            match argument.as_str() {
                "--sizes" => options.sizes = value().split(',').map(|size| size.parse().unwrap()).collect(),
                "--runs" => options.runs = value().parse().unwrap(),
                "--only" => options.only = value(),
                "--lacking" => options.lacking = value().parse().unwrap(),
                "--plot" => options.plot = Some(value()),
                // What cargo passes.
                "--bench" => {}
                other => panic!("there is no option {other}"),
            }
        }
        options
    }
}

/// A heavy node with its store, as the runtime holds it.
struct Heavy {
    node: Node,
    store: Store,
    inbox: VecDeque<Parcel>,
    changes: Vec<Change>,
    spent: Duration,
    sent: usize,
}

enum Parcel {
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

fn identity(number: u32) -> Identity {
    let mut secret = [11; 32];
    secret[..4].copy_from_slice(&number.to_le_bytes());
    Identity::from_secret_key(&secret)
}

fn machine(identity: Identity, role: Role) -> Node {
    let seed = Secret::new(*identity.peer().public_key());
    let policy = Policy { preset: Preset::Open, ..Policy::default() };
    Node::new(Settings { identity, role, policy, memory_since: None, seed })
}

/// The heavy nodes, and what has come out of them for others.
struct World {
    now: Timestamp,
    heavy: BTreeMap<PeerId, Heavy>,
    outside: Vec<(PeerId, PeerId, Message)>,
    highest: usize,
}

impl World {
    fn new(folder: &Path) -> Self {
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
    fn settle(&mut self) {
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
        let start = Instant::now();
        let bytes = message.encode();
        heavy.spent += start.elapsed();
        heavy.sent += bytes.len();
        bytes
    }

    fn deliver(&mut self, to: PeerId, from: PeerId, bytes: Vec<u8>) {
        self.heavy.get_mut(&to).unwrap().inbox.push_back(Parcel::Bytes { from, bytes });
    }
}

impl Heavy {
    /// At most so many inputs, one commit, and what may leave then.
    fn round(&mut self, now: Timestamp) -> Vec<(PeerId, Message)> {
        let start = Instant::now();
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
        self.spent += start.elapsed();
        sent
    }
}

/// Bytes of memory that the process has.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

fn question(world: &World, proposer: PeerId, sharing: Sharing, participants: u32) -> Computation {
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
        max_participants: participants,
        deadline: world.now + Duration::from_secs(3_600),
        patience_ms: 10_000,
        grace_ms: 3_000,
        participants: None,
        noise: None,
        invitation: None,
    }
}

/// Asks, and brings the heavy nodes to where they take reports.
fn announce(world: &mut World, sharing: Sharing, participants: u32) -> (ComputationId, Computation) {
    let asker = identity(u32::MAX);
    let proposer = asker.peer();
    let mut node = machine(asker, Role::Light);
    let empty: BTreeMap<RecordKey, Record> = BTreeMap::new();
    let question = question(world, proposer, sharing, participants);
    let _ = node.handle(world.now, Event::Restored(Vec::new()), &empty);
    let mut events = VecDeque::from([Event::Command(Command::Propose(Box::new(question.clone())))]);
    let mut id = None;
    while let Some(event) = events.pop_front() {
        for action in node.handle(world.now, event, &empty) {
            if let Action::Send { to, message } = action {
                world.deliver(to, proposer, message.encode());
            } else if let Action::Publish(gossip) = action
                && let Gossip::Announce(announcement) = *gossip
            {
                id = Some(announcement.id());
            }
        }
        world.settle();
        let answers = std::mem::take(&mut world.outside).into_iter();
        events.extend(answers.map(|(from, _, message)| Event::Message { from, message }));
    }
    (id.unwrap(), question)
}

/// Every participant's report, one message a heavy node, in a file.
fn prepare(path: &Path, id: ComputationId, terms: &Computation, participants: u32) -> u64 {
    let scheme = statistics::scheme(terms).unwrap();
    let mut rng = ChaCha20Rng::from_seed([5; 32]);
    let mut file = BufWriter::new(File::create(path).unwrap());
    let mut total = 0;
    for number in 0..participants {
        let value = u64::from(number).wrapping_mul(1_000_003) % (1 << 31);
        total += value;
        let measurement = encode_one(terms, &[&value.to_string()]).unwrap().measurement().clone();
        let (participant, mut nonce) = (identity(1_000 + number), [0; 16]);
        rng.fill_bytes(&mut nonce);
        let split = scheme.split(id.as_bytes(), &nonce, &measurement, &mut rng).unwrap();
        let peer = participant.peer();
        let blinds: Vec<Secret<[u8; 32]>> = terms
            .heavy
            .iter()
            .map(|_| {
                let mut blind = [0; 32];
                rng.fill_bytes(&mut blind);
                Secret::new(blind)
            })
            .collect();
        let parts = terms.heavy.iter().zip(&blinds).zip(&split.shares);
        let shares = parts
            .map(|((heavy, blind), share)| share_digest(id, peer, *heavy, blind, share.expose()))
            .collect();
        let manifest = Manifest { computation: id, participant: peer, nonce, public: split.public, shares };
        let manifest = Signed::sign(manifest, &participant);
        file.write_all(peer.public_key()).unwrap();
        for (blind, share) in blinds.into_iter().zip(split.shares) {
            let bytes = Message::Submit(Submission { manifest: manifest.clone(), blind, share }).encode();
            file.write_all(&u32::try_from(bytes.len()).unwrap().to_le_bytes()).unwrap();
            file.write_all(&bytes).unwrap();
        }
    }
    file.flush().unwrap();
    total
}

/// One participant's messages from the file.
fn read(file: &mut impl std::io::Read) -> (PeerId, Vec<Vec<u8>>) {
    let mut key = [0; 32];
    file.read_exact(&mut key).unwrap();
    let mut part = || {
        let mut length = [0; 4];
        file.read_exact(&mut length).unwrap();
        let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
        file.read_exact(&mut bytes).unwrap();
        bytes
    };
    (PeerId::from_public_key(key), (0..HEAVY).map(|_| part()).collect())
}

/// What one run costs the first heavy node; times in seconds, memory in bytes.
struct Costs {
    intake: f64,
    agreement: f64,
    stored: f64,
    sent: f64,
    after_intake: f64,
    highest: f64,
}

fn take_in(world: &mut World, path: &Path, participants: u32, lacking: usize) {
    let peers: Vec<_> = world.heavy.keys().copied().collect();
    let mut file = BufReader::new(File::open(path).unwrap());
    let all: Vec<usize> = (0..participants as usize).collect();
    for batch in all.chunks(ROUND) {
        for number in batch {
            let (participant, parts) = read(&mut file);
            for (place, (heavy, bytes)) in peers.iter().zip(parts).enumerate() {
                if lacking == 0 || place != 2 || number % lacking != 0 {
                    world.deliver(*heavy, participant, bytes);
                }
            }
        }
        world.settle();
        let mut receipts: BTreeMap<PeerId, Vec<Signed<Receipt>>> = BTreeMap::new();
        for (_, to, message) in std::mem::take(&mut world.outside) {
            if let Message::Receipt(receipt) = message {
                receipts.entry(to).or_default().push(receipt);
            }
        }
        for (participant, receipts) in receipts.into_iter().filter(|(_, given)| given.len() == HEAVY) {
            let bytes = Message::Receipts(receipts).encode();
            for heavy in &peers {
                world.deliver(*heavy, participant, bytes.clone());
            }
        }
        world.settle();
        world.outside.clear();
    }
}

fn run(folder: &Path, sharing: Sharing, participants: u32, lacking: usize) -> Costs {
    let folder = tempfile::tempdir_in(folder).unwrap();
    let mut world = World::new(folder.path());
    let (id, terms) = announce(&mut world, sharing, participants);
    let reports = folder.path().join("reports");
    let total = prepare(&reports, id, &terms, participants);
    let (first, before) = (*world.heavy.keys().next().unwrap(), resident());
    (world.heavy.get_mut(&first).unwrap().spent, world.highest) = (Duration::ZERO, before);
    take_in(&mut world, &reports, participants, lacking);
    let after_intake = resident();
    let own = world.heavy.get_mut(&first).unwrap();
    let intake = std::mem::take(&mut own.spent);
    own.sent = 0;
    let stored = std::fs::metadata(folder.path().join(format!("{}.redb", number_of(&first)))).unwrap().len();
    world.now = terms.deadline;
    for heavy in world.heavy.values_mut() {
        heavy.inbox.push_back(Parcel::Event(Event::Expired(Timer::Deadline(id))));
    }
    world.settle();
    for heavy in world.heavy.values() {
        let view = heavy.node.view(id).unwrap();
        assert_eq!((view.status, view.failure), (Status::Completed, None));
        if lacking == 0 {
            assert_eq!(view.answer.unwrap().total(), total.to_string().parse().unwrap());
        }
    }
    let own = &world.heavy[&first];
    let third = |bytes: usize| bytes.saturating_sub(before) as f64 / HEAVY as f64;
    Costs {
        intake: intake.as_secs_f64(),
        agreement: own.spent.as_secs_f64(),
        stored: stored as f64,
        sent: own.sent as f64,
        after_intake: third(after_intake),
        highest: third(world.highest),
    }
}

/// Which of the heavy nodes this is, as its store is called.
fn number_of(peer: &PeerId) -> usize {
    (0..HEAVY).find(|number| identity(u32::try_from(*number).unwrap()).peer() == *peer).unwrap()
}

fn median(costs: &[Costs], of: fn(&Costs) -> f64, participants: u32) -> f64 {
    let mut values: Vec<_> = costs.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2] / f64::from(participants)
}

fn main() {
    let options = Options::parse();
    let folder = std::env::temp_dir();
    println!(
        "{HEAVY} heavy nodes, a number of 31 bits; for one participant, at one heavy node; median of the runs"
    );
    println!("in brackets: times what it is at the size before\n");
    println!(
        "{:<10}{:>9} {:>5} {:>15} {:>15} {:>14} {:>14} {:>13} {:>13}",
        "", "reports", "runs", "intake us", "agreement us", "stored B", "sent B", "memory B", "highest B"
    );
    let mut points = Vec::new();
    for (name, sharing) in LINES.iter().filter(|(name, _)| name.contains(&options.only)) {
        let mut before: Option<Vec<f64>> = None;
        for participants in &options.sizes {
            let costs: Vec<_> =
                (0..options.runs).map(|_| run(&folder, *sharing, *participants, options.lacking)).collect();
            let of = |of: fn(&Costs) -> f64| median(&costs, of, *participants);
            let row = vec![
                of(|costs| costs.intake * 1e6),
                of(|costs| costs.agreement * 1e6),
                of(|costs| costs.stored),
                of(|costs| costs.sent),
                of(|costs| costs.after_intake),
                of(|costs| costs.highest),
            ];
            let shown = |at: usize| match &before {
                Some(before) if before[at] > 0.0 => format!("{:.1} ({:.2})", row[at], row[at] / before[at]),
                _ => format!("{:.1}", row[at]),
            };
            println!(
                "{name:<10}{participants:>9} {:>5} {:>15} {:>15} {:>14} {:>14} {:>13} {:>13}",
                options.runs,
                shown(0),
                shown(1),
                shown(2),
                shown(3),
                shown(4),
                shown(5)
            );
            points.push((*name, *participants, row[0], row[1]));
            before = Some(row);
        }
    }
    if let Some(path) = options.plot {
        std::fs::write(path, plot(&points)).unwrap();
    }
}

/// Microseconds a participant over the number of participants, both logarithmic.
fn plot(points: &[(&str, u32, f64, f64)]) -> String {
    let x = |participants: u32| 60.0 + (f64::from(participants).log10() - 3.0) / 3.0 * 480.0;
    let y = |microseconds: f64| 300.0 - (microseconds.max(1.0).log10()) / 4.0 * 260.0;
    let mut svg = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 350\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"640\" height=\"350\" fill=\"white\"/>\n<text x=\"60\" y=\"20\">microseconds of one heavy node \
         for one participant, by the number of participants</text>\n",
    );
    for power in 0..=4_i32 {
        let at = y(10_f64.powi(power));
        let label = 10_u32.pow(power.unsigned_abs());
        svg += &format!(
            "<line x1=\"60\" y1=\"{at:.0}\" x2=\"540\" y2=\"{at:.0}\" stroke=\"#ddd\"/>\
             <text x=\"52\" y=\"{:.0}\" text-anchor=\"end\">{label}</text>\n",
            at + 4.0
        );
    }
    for power in 3..=6 {
        let (at, label) = (x(10_u32.pow(power)), 10_u32.pow(power));
        svg += &format!("<text x=\"{at:.0}\" y=\"320\" text-anchor=\"middle\">{label}</text>\n");
    }
    let colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"];
    let mut lines: Vec<(String, Vec<(f64, f64)>)> = Vec::new();
    for (part, of) in [("intake", 0), ("agreement", 1)] {
        for (name, ..) in LINES {
            let own = points.iter().filter(|point| point.0 == name);
            let place =
                |point: &(&str, u32, f64, f64)| (x(point.1), y(if of == 0 { point.2 } else { point.3 }));
            lines.push((format!("{name}, {part}"), own.map(place).collect()));
        }
    }
    for ((label, line), colour) in lines.iter().zip(colours) {
        let path: Vec<_> = line.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        svg += &format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n",
            path.join(" ")
        );
        if let Some((x, y)) = line.last() {
            svg +=
                &format!("<text x=\"{:.0}\" y=\"{:.0}\" fill=\"{colour}\">{label}</text>\n", x + 6.0, y + 4.0);
        }
    }
    svg + "</svg>\n"
}
