//! What a participant costs a heavy node, from a thousand of them to a million: `cargo bench --bench scale`.
//!
//! Three heavy nodes in one process, real protocol machines on one clock, each with its own redb file on the disk where `TMPDIR` is,
//! and without a network: messages arrive at once, through their bytes. Reports are made beforehand and read from a file. As in
//! the runtime, a node takes at most 1024 messages, makes what they changed durable in one commit, and only then answers.
//! Every participant sends its report, gets its receipts, and hands them on.
//!
//! Measured at one of the three, for one participant: processor time of *intake* (decoding, handling, the commit with its encoding and sealing) and
//! *agreement* (the same from the deadline to the certificate, reading the reports back included); the size of its store when
//! intake is over; the bytes that it sends the other two from the deadline on; and how much the memory of the process has
//! grown at the end of intake and at its highest, a third of it, since three nodes share it. Times and bytes are medians, memory is
//! the most of the runs: to be read of a size that begins a process.
//!
//! Options: `--sizes A,B,…` (1000,10000,100000), `--runs N` (5), `--only NAME`, `--lacking N` (every N-th report does not reach the
//! third node, so that lists differ; 0: none), `--plot FILE` (an SVG of the table).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod plot;
mod reports;
mod world;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::time::Duration;

use formix_p2p::domain::{Modulus, PeerId, Sharing, Status};
use formix_p2p::protocol::{Event, Timer};
use formix_p2p::wire::{Message, Receipt, Signed};
use plot::plot;
use reports::{announce, prepare, read};
use world::{HEAVY, Parcel, ROUND, World, identity, resident};

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

/// The most of the runs: what one has freed, the next takes again, so the first one shows most.
fn most(costs: &[Costs], of: fn(&Costs) -> f64, participants: u32) -> f64 {
    costs.iter().map(of).fold(0.0, f64::max) / f64::from(participants)
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
                most(&costs, |costs| costs.after_intake, *participants),
                most(&costs, |costs| costs.highest, *participants),
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
