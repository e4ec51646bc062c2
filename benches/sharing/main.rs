//! What sharing costs, step by step, beside the bare calls of the `prio` crate: `cargo bench --bench sharing`.
//!
//! Three heavy nodes. *share* is all that a light node computes; *verify* is all that one heavy node computes: its own
//! verifier shares, and the verdicts from everybody's; *reveal* is its partial sum and the total. Both sides start from
//! bytes and end with bytes, as between nodes. Each turn of ours stands beside a turn of the bare calls, first or second in turn.
//! A time is the median of several turns, divided by the reports; a ratio is the median of the ratios of such pairs, which
//! whatever else the machine does disturbs least. The bare calls run on one thread; so do ours, unless `--threads` says
//! otherwise, and once more on all cores on lines of their own. What a report costs besides (signatures, digests, storage,
//! memory) comes first.
//!
//! Options: `--threads N`, `--runs N`, `--percent N` (of the reports), `--only NAME` (a part of a workload's name).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use formix_p2p::domain::Modulus;
use formix_p2p::sharing::{Circuit, Relations, ReportShare, Scheme, Secret, Slot, Split, Threads, Verdict};
use prio::codec::{Encode, ParameterizedDecode};
use prio::flp::Type;
use prio::vdaf::prio3::{Prio3, Prio3InputShare, Prio3PublicShare, Prio3VerifierShare};
use prio::vdaf::xof::XofTurboShake128;
use prio::vdaf::{Aggregator, Client, Collector, VerifyTransition};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

mod beside;

const CTX: [u8; 32] = [7; 32];
const KEY: [u8; 32] = [9; 32];
const PARTIES: usize = 3;
const NEEDED: usize = 2;
const RUNS: usize = 7;
/// The heavy node whose work is measured: one with a seed under Prio3, with a full share under the threshold scheme.
const NODE: usize = 1;

/// The time of each step over all reports.
#[derive(Clone, Copy)]
struct Turn {
    share: Duration,
    verify: Duration,
    reveal: Duration,
}

/// A question and the number of answers.
struct Workload {
    name: &'static str,
    circuit: Circuit,
    reports: usize,
}

fn workloads() -> Vec<Workload> {
    let (ranged, product) = (|max| Slot::Ranged { max }, |left, right| Slot::Product { left, right });
    let relations = |slots| Circuit::Relations(Relations { slots, whole: None });
    // x, x², x³ as x² · x, x⁴ as x² · x².
    let powers = relations(vec![ranged(127), product(0, 0), product(1, 0), product(1, 1)]);
    // The sum of at most 10 000 records of one participant.
    let records = relations(vec![ranged(10_000), ranged(10_000 * 120)]);
    let of = |name, circuit, reports| Workload { name, circuit, reports };
    vec![
        of("sum, 31 bits", Circuit::Sum { max: (1 << 31) - 1 }, 10_000),
        of("vector, 1 x 40 bits", Circuit::SumVec { max: (1 << 40) - 1, length: 1 }, 5_000),
        of("histogram, 100", Circuit::Histogram { length: 100 }, 2_000),
        of("vector, 1000 x 8 bits", Circuit::SumVec { max: 255, length: 1000 }, 50),
        of("powers, 4 of 7 bits", powers, 5_000),
        of("sum of 10000 records", records, 5_000),
    ]
}

struct Options {
    threads: usize,
    runs: usize,
    percent: usize,
    only: String,
}

impl Options {
    fn parse() -> Self {
        let mut options = Self { threads: 1, runs: RUNS, percent: 100, only: String::new() };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut number =
                || arguments.next().and_then(|value| value.parse().ok()).filter(|value| *value > 0);
            match argument.as_str() {
                "--threads" => options.threads = number().unwrap_or(1),
                "--runs" => options.runs = number().unwrap_or(RUNS),
                "--percent" => options.percent = number().unwrap_or(100),
                "--only" => options.only = arguments.next().unwrap_or_default(),
                // What cargo passes.
                "--bench" => {}
                other => panic!("there is no option {other}"),
            }
        }
        options
    }
}

impl Workload {
    fn measurements(&self, count: usize) -> Vec<Vec<u128>> {
        let value = |report: usize, slot: usize, earlier: &[u128]| {
            let mixed = (report as u128 * 1_000_003 + slot as u128 * 7_919).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            match &self.circuit {
                Circuit::Count => mixed & 1,
                Circuit::Sum { max } => mixed % (u128::from(*max) + 1),
                Circuit::SumVec { max, .. } => mixed % (max + 1),
                Circuit::Histogram { length } => u128::from(report % length == slot),
                Circuit::Relations(relations) => match relations.slots[slot] {
                    Slot::Ranged { max } => mixed % (max + 1),
                    Slot::Product { left, right } => earlier[left] * earlier[right],
                },
            }
        };
        let measurement = |report: usize| {
            (0..self.circuit.slots()).fold(Vec::new(), |mut slots, slot| {
                slots.push(value(report, slot, &slots));
                slots
            })
        };
        (0..count).map(measurement).collect()
    }
}

fn nonce(report: usize) -> [u8; 16] {
    (report as u128).to_le_bytes()
}

/// One turn of ours, from measurements to the total, which must be right.
fn ours(scheme: &Scheme, measurements: &[Secret<Vec<u128>>], expected: &[u128]) -> Turn {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let nonces: Vec<_> = (0..measurements.len()).map(nonce).collect();
    let start = Instant::now();
    let reports: Vec<Split> = measurements
        .iter()
        .zip(&nonces)
        .map(|(measurement, nonce)| scheme.split(&CTX, nonce, measurement, &mut rng).unwrap())
        .collect();
    let share = start.elapsed();

    let held = |node: usize| -> Vec<_> {
        nonces
            .iter()
            .zip(&reports)
            .map(|(nonce, report)| ReportShare {
                nonce,
                public: &report.public,
                share: report.shares[node].expose(),
            })
            .collect()
    };
    let publics: Vec<_> = reports.iter().map(|report| &report.public[..]).collect();
    let mut verifiers: Vec<_> =
        (0..PARTIES).map(|node| scheme.verifier_shares(&KEY, &CTX, node, &held(node))).collect();
    let own = held(NODE);
    let start = Instant::now();
    verifiers[NODE] = scheme.verifier_shares(&KEY, &CTX, NODE, &own);
    let sent: Vec<_> = verifiers.iter().map(Vec::as_slice).enumerate().collect();
    let verdicts = scheme.verdicts(&CTX, &publics, &sent).unwrap();
    let verify = start.elapsed();
    assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Valid));

    let mut sums: Vec<_> =
        (0..PARTIES).map(|node| scheme.partial_sum(&CTX, node, held(node)).unwrap()).collect();
    let start = Instant::now();
    sums[NODE] = scheme.partial_sum(&CTX, NODE, own).unwrap();
    let sent: Vec<_> = sums.iter().map(|sum| &sum.expose()[..]).enumerate().collect();
    let total = scheme.total(&sent).unwrap();
    let reveal = start.elapsed();
    assert_eq!(total.slots, expected);
    Turn { share, verify, reveal }
}

/// One turn of the `prio` crate's own calls over the same measurements.
fn bare<T: Type>(vdaf: &Prio3<T, XofTurboShake128, 32>, measurements: &[T::Measurement]) -> Turn {
    let start = Instant::now();
    let reports: Vec<(Vec<u8>, Vec<Vec<u8>>)> = measurements
        .iter()
        .enumerate()
        .map(|(report, measurement)| {
            let (public, shares) = vdaf.shard(&CTX, measurement, &nonce(report)).unwrap();
            let shares = shares.iter().map(|share| share.get_encoded().unwrap()).collect();
            (public.get_encoded().unwrap(), shares)
        })
        .collect();
    let share = start.elapsed();

    let init = |report: usize, node: usize| {
        let (public, shares) = &reports[report];
        let public = Prio3PublicShare::get_decoded_with_param(vdaf, public).unwrap();
        let share = Prio3InputShare::get_decoded_with_param(&(vdaf, node), &shares[node]).unwrap();
        let (state, verifier) =
            vdaf.verify_init(&KEY, &CTX, node, &(), &nonce(report), &public, &share).unwrap();
        (state, verifier.get_encoded().unwrap())
    };
    let all: Vec<Vec<_>> =
        (0..PARTIES).map(|node| (0..reports.len()).map(|report| init(report, node)).collect()).collect();
    let start = Instant::now();
    let own: Vec<_> = (0..reports.len()).map(|report| init(report, NODE)).collect();
    let messages: Vec<_> = (0..reports.len())
        .map(|report| {
            let (state, _) = &own[report];
            let verifiers = all
                .iter()
                .map(|node| Prio3VerifierShare::get_decoded_with_param(state, &node[report].1).unwrap());
            vdaf.verifier_shares_to_message(&CTX, &(), verifiers).unwrap()
        })
        .collect();
    let verify = start.elapsed();

    let sum = |states: Vec<_>| {
        let outputs = states.into_iter().zip(&messages).map(|(state, message)| {
            match vdaf.verify_next(&CTX, state, message.clone()).unwrap() {
                VerifyTransition::Finish(output) => output,
                VerifyTransition::Continue(..) => panic!("Prio3 has one round"),
            }
        });
        vdaf.aggregate(&(), outputs).unwrap()
    };
    let mut sums: Vec<_> =
        all.into_iter().map(|node| sum(node.into_iter().map(|(state, _)| state).collect())).collect();
    let start = Instant::now();
    sums[NODE] = sum(own.into_iter().map(|(state, _)| state).collect());
    black_box(vdaf.unshard(&(), sums, reports.len()).unwrap());
    Turn { share, verify, reveal: start.elapsed() }
}

/// A turn of the bare calls for a workload's circuit, with the chunks that ours has: proofs of the same length. None for
/// a circuit that the crate has not.
fn bare_turn(circuit: &Circuit, measurements: &[Vec<u128>]) -> Option<Turn> {
    let parties = PARTIES as u8;
    let turn = match *circuit {
        Circuit::Count => {
            let measurements: Vec<_> = measurements.iter().map(|slots| slots[0] == 1).collect();
            bare(&Prio3::new_count(parties).unwrap(), &measurements)
        }
        Circuit::Sum { max } => {
            let measurements: Vec<_> = measurements.iter().map(|slots| slots[0] as u64).collect();
            bare(&Prio3::new_sum(parties, max).unwrap(), &measurements)
        }
        Circuit::SumVec { max, length } => {
            let chunk = if length == 1 { 6 } else { 127 };
            bare(&Prio3::new_sum_vec(parties, max, length, chunk).unwrap(), measurements)
        }
        Circuit::Histogram { length } => {
            let position = |slots: &Vec<u128>| slots.iter().position(|slot| *slot == 1).unwrap();
            let measurements: Vec<_> = measurements.iter().map(position).collect();
            bare(&Prio3::new_histogram(parties, length, 15).unwrap(), &measurements)
        }
        Circuit::Relations(_) => return None,
    };
    Some(turn)
}

/// The middle one.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A turn of ours and the turn of the bare calls beside it, if they are compared.
type Pair = (Turn, Option<Turn>);

/// A line of the table: each step in nanoseconds a report, and against the bare calls.
struct Line {
    what: String,
    threads: String,
    steps: Vec<(&'static str, f64, Option<f64>)>,
}

impl Line {
    fn of(what: &str, threads: &str, pairs: &[Pair], reports: usize) -> Self {
        let step = |name, of: fn(&Turn) -> Duration| {
            let seconds = |turn: &Turn| of(turn).as_secs_f64();
            let times = pairs.iter().map(|(ours, _)| seconds(ours)).collect();
            let ratios: Vec<f64> =
                pairs.iter().filter_map(|(ours, bare)| Some(seconds(ours) / seconds(bare.as_ref()?))).collect();
            (name, median(times) * 1e9 / reports as f64, (!ratios.is_empty()).then(|| median(ratios)))
        };
        let steps = vec![
            step("share", |turn| turn.share),
            step("verify", |turn| turn.verify),
            step("reveal", |turn| turn.reveal),
            step("all", |turn| turn.share + turn.verify + turn.reveal),
        ];
        Self { what: what.to_owned(), threads: threads.to_owned(), steps }
    }

    fn print(&self) {
        let steps = self.steps.iter().map(|(name, nanoseconds, ratio)| {
            let ratio = ratio.map_or_else(String::new, |ratio| format!("x{ratio:.2}"));
            format!("{name} {:>9.3} us {ratio:>5}", nanoseconds / 1e3)
        });
        println!("  {:<18} {:>8}   {}", self.what, self.threads, steps.collect::<Vec<_>>().join("   "));
    }
}

fn run(workload: &Workload, options: &Options) -> Vec<Line> {
    let reports = (workload.reports * options.percent / 100).max(1);
    let measurements = workload.measurements(reports);
    let mut expected = vec![0; workload.circuit.slots()];
    for measurement in &measurements {
        expected.iter_mut().zip(measurement).for_each(|(sum, slot)| *sum += slot);
    }
    let secrets: Vec<_> = measurements.iter().cloned().map(Secret::new).collect();
    let threads = Threads::AtMost(NonZeroUsize::new(options.threads).unwrap());
    let scheme = |name: &str, threads: Threads| {
        let scheme = match name {
            "additive" => Scheme::additive(Modulus::Bits64, workload.circuit.slots(), PARTIES),
            "prio3" => Scheme::prio3(workload.circuit.clone(), PARTIES),
            _ => Scheme::threshold(workload.circuit.clone(), NEEDED, PARTIES),
        };
        scheme.unwrap().with_threads(threads)
    };
    let names = ["additive", "prio3", "threshold 2 of 3"];
    let mut schemes = Vec::new();
    for (threads, said) in [(threads, options.threads.to_string()), (Threads::Available, "all".to_owned())] {
        schemes.extend(names.map(|name| (name, said.clone(), scheme(name, threads), Vec::new())));
    }
    for run in 0..options.runs {
        for (_, _, scheme, pairs) in &mut schemes {
            let bare = || scheme.is_proven().then(|| bare_turn(&workload.circuit, &measurements)).flatten();
            // Whoever comes second finds the caches warm: each does in turn.
            pairs.push(if run % 2 == 0 {
                let bare = bare();
                (ours(scheme, &secrets, &expected), bare)
            } else {
                let ours = ours(scheme, &secrets, &expected);
                (ours, bare())
            });
        }
    }
    let bare: Vec<Pair> = schemes
        .iter()
        .flat_map(|(_, _, _, pairs)| pairs.iter().filter_map(|(_, bare)| bare.map(|bare| (bare, None))))
        .collect();
    let mut lines = Vec::new();
    if !bare.is_empty() {
        lines.push(Line::of("prio crate", "1", &bare, reports));
    }
    lines.extend(schemes.iter().map(|(name, threads, _, pairs)| Line::of(name, threads, pairs, reports)));
    lines
}

fn main() {
    let options = Options::parse();
    println!(
        "{PARTIES} heavy nodes, median of {} runs, time a report; x: against the prio crate",
        options.runs
    );
    // First, while no freed memory can hide what is kept.
    if beside::NAME.contains(&options.only) {
        beside::run(&options);
    }
    for workload in workloads().iter().filter(|workload| workload.name.contains(&options.only)) {
        println!("\n{} ({} reports)", workload.name, (workload.reports * options.percent / 100).max(1));
        run(workload, &options).iter().for_each(Line::print);
    }
}
