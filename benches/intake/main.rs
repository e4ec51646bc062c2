//! How many reports one heavy node takes a second: `cargo bench --bench intake`.
//!
//! `taken`: a real node (libp2p over TCP on loopback, a redb file where `TMPDIR` is) takes reports from light identities that have a
//! connection each. Reports are split and signed before the clock starts; it stops when the last receipt is there, and a receipt
//! leaves the node once its report is on the disk. `echo`: bare libp2p request-response, which sends every request back, with as
//! many connections, requests of the same bytes and as many of them on their way; in turn with the other, in the same process. What
//! the light side computes is in both.
//!
//! `verified`: how many reports a second a heavy node verifies on all cores, beside the bare calls of the `prio` crate.
//!
//! Options: `--runs N` (7), `--connections N` (64), `--questions N` (64, each asked of every connection), `--window N` (4 reports a
//! connection without their receipt), `--only NAME`, `--bare` (no echo).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod links;
mod material;
mod verified;

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use formix_p2p::consent::Policy;
use formix_p2p::domain::{Role, Sharing, Timestamp};
use formix_p2p::home::MembershipSource;
use formix_p2p::network::{Mdns, Multiaddr};
use formix_p2p::node::{IdentityAge, NodeOptions, RunningNode};
use formix_p2p::sharing::Secret;
use formix_p2p::sources::Sources;
use formix_p2p::wire::{Identity, Message};
use futures::future::join_all;

use links::{Counts, Link};
use material::{NODE, Question, key};

struct Options {
    runs: usize,
    connections: usize,
    questions: usize,
    window: usize,
    only: String,
    bare: bool,
}

impl Options {
    fn parse() -> Self {
        let mut options =
            Self { runs: 7, connections: 64, questions: 64, window: 4, only: String::new(), bare: false };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut number = || arguments.next().and_then(|it| it.parse().ok()).unwrap();
            match argument.as_str() {
                "--runs" => options.runs = number(),
                "--connections" => options.connections = number(),
                "--questions" => options.questions = number(),
                "--window" => options.window = number(),
                "--only" => options.only = arguments.next().unwrap(),
                "--bare" => options.bare = true,
                _ => {}
            }
        }
        options
    }
}

/// What a second brought, and what one thing cost.
#[derive(Clone, Copy)]
struct Rate {
    a_second: f64,
    cpu_us: f64,
}

fn main() {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    println!(
        "{} connections, {} reports each, {} on their way on each; medians of {} turns",
        options.connections, options.questions, options.window, options.runs
    );
    let line = |what: &str, bytes: &str, taken: &str, echo: &str, ratio: &str| {
        println!("{what:<26} {bytes:>8} {taken:>11} {echo:>11} {ratio:>7}");
    };
    line("", "bytes", "taken / s", "echo / s", "ratio");
    for (name, sharing, length, most) in [
        ("additive, one number", material::additive(), 1, 1 << 20),
        ("prio3, one number", Sharing::Prio3, 1, (1 << 20) - 1),
        ("additive, 1000 numbers", material::additive(), 1000, 1 << 20),
    ] {
        if !name.contains(&options.only) {
            continue;
        }
        let question = Question { sharing, length, most };
        let (mut taken, mut echoed, mut ratios, mut bytes) = (Vec::new(), Vec::new(), Vec::new(), 0);
        // The first turn is not counted.
        for turn in 0..=options.runs {
            let (ours, frames) = runtime.block_on(intake(question, &options));
            bytes = frames[0][0].len();
            let echo = (!options.bare).then(|| runtime.block_on(echo(frames, &options)));
            if turn > 0 {
                ratios.extend(echo.map(|echo| ours.a_second / echo.a_second));
                taken.push(ours);
                echoed.extend(echo);
            }
        }
        let a_second = |rates: &[Rate]| format!("{:.0}", median(rates.iter().map(|rate| rate.a_second)));
        line(
            name,
            &bytes.to_string(),
            &a_second(&taken),
            &a_second(&echoed),
            &format!("{:.2}", median(ratios.iter().copied())),
        );
        let cpu = |rates: &[Rate]| format!("{:.0}", median(rates.iter().map(|rate| rate.cpu_us)));
        line("  processor, us each", "", &cpu(&taken), &cpu(&echoed), "");
    }
    println!("\"busy\" was said {} times", links::BUSY.load(Ordering::Relaxed));
    if "verified".contains(&options.only) {
        verify(&options);
    }
}

/// Verified reports a second, by a heavy node's machine and by the bare calls.
fn verify(options: &Options) {
    println!("\nprio3, 31 bits: verified on all cores, from the deadline to the certificate");
    println!(
        "{:>8} {:>11} {:>11} {:>7} {:>24}",
        "reports", "ours / s", "bare / s", "ratio", "longest event, ms"
    );
    for reports in [1_000, 10_000] {
        let turns: Vec<_> = (0..=options.runs).map(|_| verified::turn(reports)).skip(1).collect();
        let a_second = |took: Duration| reports as f64 / took.as_secs_f64();
        let ours = median(turns.iter().map(|turn| a_second(turn.ours)));
        let bare = median(turns.iter().map(|turn| a_second(turn.bare)));
        let ratio = median(turns.iter().map(|turn| turn.bare.as_secs_f64() / turn.ours.as_secs_f64()));
        let longest = median(turns.iter().map(|turn| turn.longest.0.as_secs_f64() * 1000.0));
        let what = turns.first().map_or("", |turn| turn.longest.1);
        println!("{reports:>8} {ours:>11.0} {bare:>11.0} {ratio:>7.2} {longest:>10.1} ({what})");
    }
}

/// Reports through a real node; and the frames that were sent to it.
async fn intake(question: Question, options: &Options) -> (Rate, Vec<Vec<Vec<u8>>>) {
    let home = tempfile::tempdir().unwrap();
    let node = RunningNode::start(node(home.path())).await.unwrap();
    let address: Multiaddr = node.id().addresses[0].parse().unwrap();
    let proposer_key = key(0xbb, 0);
    let proposer = Identity::from_secret_key(&proposer_key);
    let asking = Link::new(proposer_key, &address).await;
    let computations = material::computations(question, &proposer, options.questions);
    let proposals = computations.iter().cloned().map(|it| Message::Propose(it).encode()).collect();
    let accepted = asking.send(proposals, 16, Counts::Messages("Accept"), options.questions).await;
    let announcements = accepted.iter().map(|bytes| match Message::decode(bytes).unwrap() {
        Message::Accept(acceptance) => {
            let of = |it: &&formix_p2p::wire::Signed<_>| it.id() == acceptance.get().computation;
            material::announcement(computations.iter().find(of).unwrap(), acceptance).encode()
        }
        other => panic!("{}", other.kind()),
    });
    // Nothing comes back but that each is taken.
    asking.send(announcements.collect(), usize::MAX, Counts::Messages("nothing"), 0).await;
    let (mut links, mut frames) = (Vec::new(), Vec::new());
    for number in 0..options.connections {
        let secret = key(0xcc, number);
        let light = Identity::from_secret_key(&secret);
        links.push(Link::new(secret, &address).await);
        let report = |computation: &formix_p2p::wire::Signed<formix_p2p::domain::Computation>| {
            let mut report = material::report(computation.get(), computation.id(), question, &light, number);
            Message::Submit(report.swap_remove(NODE)).encode()
        };
        frames.push(computations.iter().map(report).collect::<Vec<_>>());
    }
    let (rate, came) = timed(&links, frames.clone(), Counts::Messages("Receipt"), options).await;
    for receipt in came {
        let Message::Receipt(receipt) = Message::decode(&receipt).unwrap() else { panic!() };
        assert!(receipt.get().heavy == material::heavy()[NODE].peer());
    }
    drop(links);
    node.stop().await.unwrap();
    (rate, frames)
}

/// The same bytes, sent back by nobody in particular.
async fn echo(frames: Vec<Vec<Vec<u8>>>, options: &Options) -> Rate {
    let address = links::echo(key(0xdd, 0)).await;
    let mut links = Vec::new();
    for number in 0..options.connections {
        links.push(Link::new(key(0xcc, number), &address).await);
    }
    timed(&links, frames, Counts::Echoes, options).await.0
}

async fn timed(
    links: &[Link],
    frames: Vec<Vec<Vec<u8>>>,
    counts: Counts,
    options: &Options,
) -> (Rate, Vec<Vec<u8>>) {
    // What newcomers are told has been told.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (begun, spent) = (Instant::now(), processor());
    let errands = links.iter().zip(frames).map(|(link, frames)| {
        let awaited = frames.len();
        link.send(frames, options.window, counts, awaited)
    });
    let came = join_all(errands).await.concat();
    let (took, spent) = (begun.elapsed(), processor() - spent);
    let number = came.len() as f64;
    (Rate { a_second: number / took.as_secs_f64(), cpu_us: spent.as_secs_f64() * 1e6 / number }, came)
}

fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<_> = numbers.collect();
    numbers.sort_unstable_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Processor time of this process: user and system, in ticks of 10 ms.
fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let ticks: u64 = after_name.split_whitespace().skip(11).take(2).map(|it| it.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

fn node(home: &Path) -> NodeOptions {
    let secret = key(0xaa, NODE);
    NodeOptions {
        folder: home.join("heavy"),
        identity: Identity::from_secret_key(&secret),
        secret_key: Secret::new(secret),
        created_at: Timestamp::from(SystemTime::now()),
        identity_is_new: IdentityAge::New,
        role: Role::Heavy,
        name: "heavy".to_owned(),
        listen: vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()],
        bootstrap: Vec::new(),
        mdns: Mdns::Off,
        swarm_key: None,
        members: MembershipSource::default(),
        policy: Policy::default(),
        sources: Sources::new(None::<(&str, &str)>, []),
    }
}
