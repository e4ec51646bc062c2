//! A long vector from each of some light nodes, such as an update of a small model: `cargo bench --bench vectors`.
//!
//! Whole nodes in one process, libp2p over TCP on loopback, a redb file each (where `TMPDIR` is): three heavy nodes and the light ones,
//! each with one vector as its data. The time is from the proposal, over a closed list of all light nodes, until every node's local API
//! says that it is completed. Beside it, in the same run: the bare arithmetic on one thread, that is, for every report two random
//! vectors that are taken away from a third, and all vectors added up. The ratio is the median of pairs. *sent* is what one light node's report takes of the three
//! connections, by the messages' bytes; *needed* is one vector of residues and two seeds.
//!
//! Options: `--runs N` (5), `--elements N` (100 000), `--light N` (20), `--modulus N` (32 bits).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use formix_p2p::consent::{Policy, Preset};
use formix_p2p::control::{ApiError, Call, Proposal, Reply, Request};
use formix_p2p::domain::{
    Computation, Digest, Modulus, PeerId, Query, Role, Sharing, Statistic, Status, Timestamp, VERSION,
};
use formix_p2p::home::MembershipSource;
use formix_p2p::network::Mdns;
use formix_p2p::node::{IdentityAge, NodeOptions, RunningNode};
use formix_p2p::sharing::Secret;
use formix_p2p::sources::Sources;
use formix_p2p::statistics::{encode_one, scheme};
use formix_p2p::wire::{Identity, Manifest, Message, Signed, Submission};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tokio::sync::oneshot;

const HEAVY: usize = 3;
/// The highest value of an element: 8 bits.
const MOST: u32 = 255;

struct Options {
    runs: usize,
    elements: usize,
    light: usize,
    modulus: u32,
}

impl Options {
    fn parse() -> Self {
        let mut options = Self { runs: 5, elements: 100_000, light: 20, modulus: 32 };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut number = || arguments.next().and_then(|it| it.parse().ok()).unwrap();
            match argument.as_str() {
                "--runs" => options.runs = number(),
                "--elements" => options.elements = number(),
                "--light" => options.light = number(),
                "--modulus" => options.modulus = u32::try_from(number()).unwrap(),
                _ => {}
            }
        }
        options
    }

    fn schema(&self) -> String {
        let elements = self.elements;
        format!(
            r#"{{"type":"array","items":{{"type":"integer","minimum":0,"maximum":{MOST}}},"minItems":{elements},"maxItems":{elements}}}"#
        )
    }

    /// The vector of one light node.
    fn vector(&self, light: usize) -> Vec<u32> {
        (0..self.elements).map(|at| ((light * 31 + at * 17) as u32) % (MOST + 1)).collect()
    }

    /// The same, as its owner would have it.
    fn text(&self, light: usize) -> String {
        let elements: Vec<_> = self.vector(light).iter().map(u32::to_string).collect();
        format!("[{}]", elements.join(","))
    }
}

#[tokio::main]
async fn main() {
    let options = Options::parse();
    println!(
        "{} elements of 8 bits from {} light nodes, modulo 2^{}",
        options.elements, options.light, options.modulus
    );
    bytes(&options);
    let home = tempfile::tempdir().unwrap();
    let mut nodes = Vec::new();
    for number in 0..HEAVY + options.light {
        let first = nodes.first().map(|node: &RunningNode| node.id().addresses[0].clone());
        nodes.push(RunningNode::start(node(home.path(), number, first, &options)).await.unwrap());
    }
    for node in &nodes {
        while seen(node).await != (HEAVY, options.light) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let (mut times, mut bare) = (Vec::new(), Vec::new());
    // The first run is not counted.
    for run in 0..=options.runs {
        let took = (run_once(&nodes, &options).await, arithmetic(&options));
        if run > 0 {
            times.push(took.0);
            bare.push(took.1);
        }
    }
    let ratios = times.iter().zip(&bare).map(|(whole, bare)| whole.as_secs_f64() / bare.as_secs_f64());
    let mut ratios: Vec<_> = ratios.collect();
    ratios.sort_by(f64::total_cmp);
    line("from the question to every node's result", times);
    line("the bare arithmetic, one thread", bare);
    println!("the one to the other: {:.0}", ratios[ratios.len() / 2]);
    if let Some(peak) = peak_kib() {
        println!("peak memory of all {} nodes together: {} MiB", nodes.len(), peak / 1024);
    }
    for node in nodes {
        node.stop().await.unwrap();
    }
}

async fn run_once(nodes: &[RunningNode], options: &Options) -> Duration {
    let asker = &nodes[HEAVY];
    let proposal = Proposal {
        schema: Some(options.schema()),
        max_records: Some(1),
        sharing: Some("additive".to_owned()),
        modulus_bits: Some(options.modulus),
        participants: nodes[HEAVY..].iter().map(|node| node.id().uid).collect(),
        heavy: nodes[..HEAVY].iter().map(|node| node.id().uid).collect(),
        deadline_ms: 120_000,
        ..Proposal::new("What has your model learned?", "vector-mean", &["update"])
    };
    let begun = Instant::now();
    let id = match ask(asker, Request::Propose(Box::new(proposal))).await.unwrap() {
        Reply::Announced(announced) => announced.id,
        other => panic!("{other:?}"),
    };
    let result = |(number, node)| {
        let id = &id;
        // One is enough to keep: in this form they are large.
        async move { Some(completed(node, id).await).filter(|_| number == HEAVY) }
    };
    let results = futures::future::join_all(nodes.iter().enumerate().map(result)).await;
    let took = begun.elapsed();
    let result = results.into_iter().flatten().next().unwrap();
    let expected: Vec<u64> = (0..options.elements)
        .map(|at| (0..options.light).map(|light| ((light * 31 + at * 17) as u64) % (u64::from(MOST) + 1)).sum())
        .collect();
    let mean = result["mean"].as_array().unwrap();
    assert_eq!(mean.len(), options.elements);
    for (at, sum) in expected.iter().enumerate() {
        let wanted = *sum as f64 / options.light as f64;
        assert!((mean[at].as_f64().unwrap() - wanted).abs() < 1e-9, "element {at}: {} {wanted}", mean[at]);
    }
    took
}

/// Waits for the end of the computation as this node sees it, and gives the result.
async fn completed(node: &RunningNode, id: &str) -> serde_json::Value {
    let mut seen = 0;
    loop {
        let watch = Request::Watch { reference: id.to_owned(), seen };
        match ask(node, watch).await {
            Ok(Reply::Computation(view)) => {
                if view.status == Status::Completed {
                    return view.result.clone().unwrap();
                }
                assert_ne!(view.status, Status::Failed, "{:?}", view.reason);
                seen = view.revision;
            }
            // It has not heard of it yet.
            Err(_) => tokio::time::sleep(Duration::from_millis(2)).await,
            Ok(other) => panic!("{other:?}"),
        }
    }
}

/// How many heavy and light nodes a node knows of.
async fn seen(node: &RunningNode) -> (usize, usize) {
    let Reply::View(view) = ask(node, Request::View).await.unwrap() else { panic!() };
    (view.heavy, view.light)
}

async fn ask(node: &RunningNode, request: Request) -> Result<Reply, ApiError> {
    let (reply, answer) = oneshot::channel();
    node.calls().send(Call { request, reply }).await.ok().unwrap();
    answer.await.unwrap()
}

/// What one report's messages weigh, and what there is to say.
fn bytes(options: &Options) {
    let light = Identity::from_secret_key(&[200; 32]);
    let modulus = match options.modulus {
        32 => Modulus::Bits32,
        64 => Modulus::Bits64,
        _ => Modulus::Bits128,
    };
    let now = Timestamp::from(SystemTime::now());
    let terms = Computation {
        version: VERSION,
        nonce: [1; 16],
        proposer: light.peer(),
        proposed_at: now,
        prompt: "What has your model learned?".to_owned(),
        query: Query {
            max_records: 1,
            ..Query::parse(Statistic::VectorMean, &["update".to_owned()], Some(&options.schema())).unwrap()
        },
        heavy: (1..=3).map(|key| PeerId::from_public_key([key; 32])).collect(),
        sharing: Sharing::Additive { modulus },
        min_participants: 3,
        max_participants: u32::try_from(options.light).unwrap(),
        deadline: now + Duration::from_secs(30),
        patience_ms: 10_000,
        grace_ms: 3_000,
        participants: None,
        noise: None,
        invitation: None,
    };
    let scheme = scheme(&terms).unwrap();
    let reading = encode_one(&terms, &[&options.text(0)]).unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let split = scheme.split(&[1; 32], &[1; 16], reading.measurement(), &mut rng).unwrap();
    let manifest = Manifest {
        computation: formix_p2p::domain::ComputationId::of_body(b"one"),
        participant: light.peer(),
        nonce: [1; 16],
        public: split.public,
        shares: vec![Digest::of("formix-p2p/share-digest/1", &[]); HEAVY],
    };
    let manifest = Signed::sign(manifest, &light);
    let submit = |share| {
        let submission = Submission { manifest: manifest.clone(), blind: Secret::new([7; 32]), share };
        Message::Submit(submission).frame().unwrap().len()
    };
    let sent: usize = split.shares.into_iter().map(submit).sum();
    let needed = scheme.sum_bytes() + (HEAVY - 1) * 32;
    println!("bytes of a report: {sent} sent, {needed} needed: {:.3}", sent as f64 / needed as f64);
}

/// What has to be computed, by nobody in particular.
fn arithmetic(options: &Options) -> Duration {
    let vectors: Vec<_> = (0..options.light).map(|light| options.vector(light)).collect();
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let begun = Instant::now();
    let mut sums = vec![vec![0_u32; options.elements]; HEAVY];
    for mut rest in vectors {
        for sum in &mut sums[1..] {
            let mut share = vec![0_u8; 4 * options.elements];
            rng.fill_bytes(&mut share);
            for ((rest, sum), bytes) in rest.iter_mut().zip(sum.iter_mut()).zip(share.chunks_exact(4)) {
                let element = u32::from_le_bytes(bytes.try_into().unwrap());
                *rest = rest.wrapping_sub(element);
                *sum = sum.wrapping_add(element);
            }
        }
        for (sum, rest) in sums[0].iter_mut().zip(&rest) {
            *sum = sum.wrapping_add(*rest);
        }
    }
    let total: Vec<_> = (0..options.elements)
        .map(|at| sums.iter().fold(0_u32, |total, sum| total.wrapping_add(sum[at])))
        .collect();
    black_box(total);
    begun.elapsed()
}

/// The most memory that this process has had, where the system tells.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn line(name: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let middle = times[times.len() / 2];
    println!("{name:<42} {:>8.1} ms, {:.1} to {:.1}", ms(middle), ms(times[0]), ms(times[times.len() - 1]));
}

fn node(home: &Path, number: usize, first: Option<String>, options: &Options) -> NodeOptions {
    let mut secret = [0x5a; 32];
    secret[..8].copy_from_slice(&(number as u64).to_le_bytes());
    let text = number.checked_sub(HEAVY).map(|light| options.text(light));
    NodeOptions {
        folder: home.join(format!("node-{number}")),
        identity: Identity::from_secret_key(&secret),
        secret_key: Secret::new(secret),
        created_at: Timestamp::from(SystemTime::now()),
        identity_is_new: IdentityAge::New,
        role: if number < HEAVY { Role::Heavy } else { Role::Light },
        name: format!("node-{number}"),
        listen: vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()],
        bootstrap: first.into_iter().map(|address| address.parse().unwrap()).collect(),
        mdns: Mdns::Off,
        swarm_key: None,
        members: MembershipSource::default(),
        policy: Policy { preset: Preset::Open, ..Policy::default() },
        sources: Sources::new(text.as_deref().map(|text| ("update", text)), []),
    }
}
