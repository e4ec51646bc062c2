//! How long parties by invitation wait for their result: `cargo bench --bench invitation`.
//!
//! Whole nodes in one process, on loopback, each with threads and a redb file of its own, on the disk where `TMPDIR` is. In
//! every run all parties have joined, and all but the last have put in their value; the time is from handing the last value to
//! its node's local API until *every* node's local API says that the computation is completed. Beside it, in the same run and
//! on the same disk: one durable commit of a store (two phases, as nodes write).
//!
//! Options: `--runs N` (20), `--parties N` (3), `--threads N` (2 for each party), `--only NAME` (a part of a line's name).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use formix_p2p::consent::Policy;
use formix_p2p::control::{
    Agreement, ApiError, Call, Inviting, Joining, PrivateText, Proposal, Reply, Request,
};
use formix_p2p::domain::{ComputationId, Failure, PeerId, Role, Status, Timestamp};
use formix_p2p::home::MembershipSource;
use formix_p2p::network::Mdns;
use formix_p2p::node::{IdentityAge, NodeOptions, RunningNode};
use formix_p2p::sharing::Secret;
use formix_p2p::sources::Sources;
use formix_p2p::store::{Change, Memory, Store};
use formix_p2p::wire::{Identity, Record};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

const BOUNDS: &str = r#"{"type":"number","minimum":0,"maximum":1000}"#;

struct Options {
    runs: usize,
    parties: u8,
    threads: usize,
    only: String,
}

impl Options {
    fn parse() -> Self {
        let mut options = Self { runs: 20, parties: 3, threads: 2, only: String::new() };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--runs" => options.runs = arguments.next().and_then(|it| it.parse().ok()).unwrap(),
                "--parties" => options.parties = arguments.next().and_then(|it| it.parse().ok()).unwrap(),
                "--threads" => options.threads = arguments.next().and_then(|it| it.parse().ok()).unwrap(),
                "--only" => options.only = arguments.next().unwrap(),
                _ => {}
            }
        }
        options
    }
}

#[tokio::main]
async fn main() {
    let options = Options::parse();
    let home = tempfile::tempdir().unwrap();
    let (mut nodes, mut runtimes) = (Vec::new(), Vec::new());
    for number in 1..=options.parties {
        let runtime = Builder::new_multi_thread().worker_threads(options.threads).enable_all().build().unwrap();
        let started = runtime.spawn(RunningNode::start(node(home.path(), number)));
        nodes.push(started.await.unwrap().unwrap());
        runtimes.push(runtime);
    }
    println!("{:<28} {:>9} {:>9} {:>9}", format!("{} parties, ms", options.parties), "median", "least", "most");
    let commits = commits(home.path(), options.runs);
    line("one durable commit", commits);
    for (name, schema, quorum) in [
        ("additive", None, None),
        ("prio3", Some(BOUNDS), None),
        ("threshold", Some(BOUNDS), Some(u32::from(options.parties) / 2 + 1)),
    ] {
        if name.contains(&options.only) {
            let mut times = Vec::new();
            for _ in 0..options.runs {
                times.push(run(&nodes, schema, quorum).await);
            }
            line(name, times);
        }
    }
    for node in nodes {
        node.stop().await.unwrap();
    }
    runtimes.into_iter().for_each(Runtime::shutdown_background);
}

/// From the last value to the result at every party.
async fn run(nodes: &[RunningNode], schema: Option<&str>, quorum: Option<u32>) -> Duration {
    let proposal =
        Proposal { schema: schema.map(str::to_owned), ..Proposal::new("How much?", "sum", &["value"]) };
    let parties = u32::try_from(nodes.len()).unwrap();
    let inviting = Inviting { values: private("10"), quorum, ..Inviting::new(proposal, parties) };
    let Reply::Invited(invited) = ask(&nodes[0], Request::Invite(Box::new(inviting))).await.unwrap() else {
        panic!()
    };
    let (id, last) = (invited.id.clone(), nodes.last().unwrap());
    for (node, ticket) in nodes[1..].iter().zip(&invited.tickets) {
        let values = if std::ptr::eq(node, last) { Vec::new() } else { private("7") };
        let joining = Joining { ticket: ticket.clone(), consent: Agreement::Anybody, name: None, values };
        ask(node, Request::Join(Box::new(joining))).await.unwrap();
    }
    // The last party has been asked, and everybody else's report is where it belongs.
    for node in nodes {
        until(node, &id, |reports, _| reports == parties - 1).await;
    }
    let begun = Instant::now();
    let answer = Request::Answer { reference: id.clone(), values: private("14") };
    ask(last, answer).await.unwrap();
    let waits = nodes.iter().map(|node| until(node, &id, |_, status| status == Status::Completed));
    futures::future::join_all(waits).await;
    begun.elapsed()
}

/// Waits for a change of the computation as this node sees it.
async fn until(node: &RunningNode, id: &str, there: impl Fn(u32, Status) -> bool) {
    let mut seen = 0;
    loop {
        let watch = Request::Watch { reference: id.to_owned(), seen };
        let Reply::Computation(view) = ask(node, watch).await.unwrap() else { panic!() };
        if there(view.participants, view.status) {
            return;
        }
        assert_ne!(view.status, Status::Failed, "{:?}", view.reason);
        seen = view.revision;
    }
}

async fn ask(node: &RunningNode, request: Request) -> Result<Reply, ApiError> {
    let (reply, answer) = oneshot::channel();
    node.calls().send(Call { request, reply }).await.ok().unwrap();
    answer.await.unwrap()
}

fn private(value: &str) -> Vec<PrivateText> {
    vec![PrivateText(value.to_owned())]
}

/// One commit after the other of a record as small as those of an agreement.
fn commits(home: &Path, runs: usize) -> Vec<Duration> {
    let owner: PeerId = Identity::from_secret_key(&[99; 32]).peer();
    let now = Timestamp::from(SystemTime::now());
    let store = Store::create(&home.join("commits.redb"), owner, Memory::SinceBirth, now).unwrap();
    let commit = |number: usize| {
        let computation = ComputationId::of_body(&number.to_be_bytes());
        let record = Record::Failed { computation, failure: Failure::NoContact, notice: None, at: now };
        let begun = Instant::now();
        store.apply(&[Change::Put(Box::new(record))]).unwrap();
        begun.elapsed()
    };
    (0..runs.max(20)).map(commit).collect()
}

fn line(name: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let middle = times[times.len() / 2];
    println!("{name:<28} {:>9.2} {:>9.2} {:>9.2}", ms(middle), ms(times[0]), ms(times[times.len() - 1]));
}

fn node(home: &Path, number: u8) -> NodeOptions {
    let secret = [number; 32];
    NodeOptions {
        folder: home.join(format!("party-{number}")),
        identity: Identity::from_secret_key(&secret),
        secret_key: Secret::new(secret),
        created_at: Timestamp::from(SystemTime::now()),
        identity_is_new: IdentityAge::New,
        role: Role::Light,
        name: format!("party-{number}"),
        listen: vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()],
        bootstrap: Vec::new(),
        mdns: Mdns::Off,
        swarm_key: None,
        members: MembershipSource::default(),
        policy: Policy::default(),
        sources: Sources::new(None::<(&str, &str)>, []),
    }
}
