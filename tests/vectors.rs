//! Known answers of the sharing schemes. Each file in `tests/vectors` holds everything that goes in and everything that
//! comes out, good cases and bad ones: when one of these tests fails, shares of old and new nodes no longer fit
//! together, and that takes a new version. `FORMIX_BLESS=1 cargo test --test vectors` writes the files anew.
//!
//! All bytes are hexadecimal, integers of slots are decimal text. Reports are split one after the other with one
//! ChaCha20 generator of the given seed.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::path::PathBuf;

use data_encoding::HEXLOWER;
use formix_p2p::domain::Noise;
use formix_p2p::sharing::{
    Circuit, Relations, ReportShare, Scheme, Secret, Slot, Verdict, deal_rho, fresh_rho, noise, rebuild_rho,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Vector {
    scheme: Parameters,
    ctx: String,
    key: String,
    seed: String,
    reports: Vec<Report>,
    /// One byte changed, and what comes of it.
    changes: Vec<Change>,
    /// Partial sums over the reports that are valid.
    partial_sums: Vec<String>,
    total: Vec<String>,
    /// One byte of a partial sum changed, and what comes of it.
    lies: Vec<Lie>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Parameters {
    circuit: CircuitName,
    max: u64,
    length: usize,
    /// Of the circuit `relations` alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    slots: Vec<SlotKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    whole: Option<u64>,
    needed: Option<usize>,
    parties: usize,
}

/// The largest value, or the positions of two factors.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SlotKind {
    Ranged(u64),
    Product(usize, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CircuitName {
    Count,
    Sum,
    SumVec,
    Histogram,
    Relations,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Report {
    measurement: Vec<String>,
    /// Split without a look at the range.
    forged: bool,
    nonce: String,
    public: String,
    shares: Vec<String>,
    verifiers: Vec<String>,
    verdict: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Change {
    report: usize,
    what: What,
    node: usize,
    byte: usize,
    xor: u8,
    verdict: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    Public,
    Share,
    Verifier,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Lie {
    node: usize,
    byte: usize,
    xor: u8,
    outcome: String,
}

fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

fn bytes(hex: &str) -> Vec<u8> {
    HEXLOWER.decode(hex.as_bytes()).unwrap()
}

fn array<const N: usize>(hex: &str) -> [u8; N] {
    bytes(hex).try_into().unwrap()
}

fn numbers(text: &[String]) -> Vec<u128> {
    text.iter().map(|number| number.parse().unwrap()).collect()
}

fn text(numbers: &[u128]) -> Vec<String> {
    numbers.iter().map(u128::to_string).collect()
}

fn word(verdict: Verdict) -> String {
    match verdict {
        Verdict::Valid => "valid",
        Verdict::Invalid => "invalid",
        Verdict::Inconsistent => "inconsistent",
    }
    .to_owned()
}

impl Parameters {
    fn scheme(&self) -> Scheme {
        let length = self.length;
        let circuit = match self.circuit {
            CircuitName::Count => Circuit::Count,
            CircuitName::Sum => Circuit::Sum { max: self.max },
            CircuitName::SumVec => Circuit::SumVec { max: self.max.into(), length },
            CircuitName::Histogram => Circuit::Histogram { length },
            CircuitName::Relations => {
                let slots = self.slots.iter().map(|slot| match *slot {
                    SlotKind::Ranged(max) => Slot::Ranged { max: max.into() },
                    SlotKind::Product(left, right) => Slot::Product { left, right },
                });
                Circuit::Relations(Relations { slots: slots.collect(), whole: self.whole.map(u128::from) })
            }
        };
        match self.needed {
            None => Scheme::prio3(circuit, self.parties),
            Some(needed) => Scheme::threshold(circuit, needed, self.parties),
        }
        .unwrap()
    }
}

/// One report's bytes.
#[derive(Clone)]
struct Raw {
    nonce: [u8; 16],
    public: Vec<u8>,
    shares: Vec<Vec<u8>>,
}

impl Raw {
    fn of(report: &Report) -> Self {
        Self {
            nonce: array(&report.nonce),
            public: bytes(&report.public),
            shares: report.shares.iter().map(|share| bytes(share)).collect(),
        }
    }

    fn at(&self, node: usize) -> ReportShare<'_> {
        ReportShare { nonce: &self.nonce, public: &self.public, share: &self.shares[node] }
    }
}

impl Vector {
    fn verifiers(&self, scheme: &Scheme, report: &Raw) -> Vec<Vec<u8>> {
        let (key, ctx) = (array(&self.key), array(&self.ctx));
        (0..scheme.parties()).map(|node| scheme.verifier_shares(&key, &ctx, node, &[report.at(node)])).collect()
    }

    fn verdict(&self, scheme: &Scheme, report: &Raw, verifiers: &[Vec<u8>]) -> String {
        let refused = |node: &usize| {
            let report = report.at(*node);
            scheme.check_share(*node, report.public, report.share).is_err()
        };
        if (0..scheme.parties()).any(|node| refused(&node)) {
            return "refused".to_owned();
        }
        let sent: Vec<_> = verifiers.iter().map(Vec::as_slice).enumerate().collect();
        word(scheme.verdicts(&array(&self.ctx), &[&report.public], &sent).unwrap()[0])
    }

    fn outcome(&self, scheme: &Scheme, sums: &[Vec<u8>]) -> String {
        let sent: Vec<_> = sums.iter().map(Vec::as_slice).enumerate().collect();
        match scheme.total(&sent) {
            Ok(total) => format!("total {:?}, liars {:?}, checked {}", total.slots, total.liars, total.checked),
            Err(error) => error.to_string(),
        }
    }

    /// Fills in everything that comes out, from what goes in.
    fn computed(mut self) -> Self {
        let scheme = self.scheme.scheme();
        let ctx = array(&self.ctx);
        let mut rng = ChaCha20Rng::from_seed(array(&self.seed));
        let mut reports = self.reports.clone();
        for report in &mut reports {
            let measurement = Secret::new(numbers(&report.measurement));
            let nonce = array(&report.nonce);
            let split = match report.forged {
                false => scheme.split(&ctx, &nonce, &measurement, &mut rng),
                true => scheme.split_unchecked(&ctx, &nonce, &measurement, &mut rng),
            }
            .unwrap();
            report.public = hex(&split.public);
            report.shares = split.shares.iter().map(|share| hex(share.expose())).collect();
            let raw = Raw::of(report);
            let verifiers = self.verifiers(&scheme, &raw);
            report.verdict = self.verdict(&scheme, &raw, &verifiers);
            report.verifiers = verifiers.iter().map(|verifier| hex(verifier)).collect();
        }
        self.reports = reports;
        self.judge(&scheme);
        self
    }

    /// Fills in what comes of the shares, verifier shares and verdicts that stand there.
    fn judge(&mut self, scheme: &Scheme) {
        let mut changes = self.changes.clone();
        for change in &mut changes {
            let mut raw = Raw::of(&self.reports[change.report]);
            match change.what {
                What::Public => raw.public[change.byte] ^= change.xor,
                What::Share => raw.shares[change.node][change.byte] ^= change.xor,
                What::Verifier => {}
            }
            let mut verifiers = self.verifiers(scheme, &raw);
            if change.what == What::Verifier {
                verifiers[change.node][change.byte] ^= change.xor;
            }
            change.verdict = self.verdict(scheme, &raw, &verifiers);
        }
        self.changes = changes;
        let valid: Vec<_> =
            self.reports.iter().filter(|report| report.verdict == "valid").map(Raw::of).collect();
        let ctx = array(&self.ctx);
        let sums: Vec<_> = (0..scheme.parties())
            .map(|node| {
                let shares = valid.iter().map(|report| report.at(node));
                scheme.partial_sum(&ctx, node, shares).unwrap().expose().clone()
            })
            .collect();
        self.partial_sums = sums.iter().map(|sum| hex(sum)).collect();
        let sent: Vec<_> = sums.iter().map(Vec::as_slice).enumerate().collect();
        self.total = text(&scheme.total(&sent).unwrap().slots);
        let mut lies = self.lies.clone();
        for lie in &mut lies {
            let mut sums = sums.clone();
            sums[lie.node][lie.byte] ^= lie.xor;
            lie.outcome = self.outcome(scheme, &sums);
        }
        self.lies = lies;
    }
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(format!("{name}.json"))
}

/// Compares with the file, or writes it.
fn check<T: Serialize + for<'a> Deserialize<'a> + PartialEq + std::fmt::Debug>(name: &str, computed: &T) -> T {
    if std::env::var_os("FORMIX_BLESS").is_some() {
        let json = serde_json::to_string_pretty(computed).unwrap();
        std::fs::write(path(name), format!("{json}\n")).unwrap();
    }
    let known: T = serde_json::from_str(&std::fs::read_to_string(path(name)).unwrap()).unwrap();
    assert!(known == *computed, "{name}: the answers have changed");
    known
}

/// What goes in, for one circuit under one scheme: two honest reports, forged ones, and changes of single bytes.
fn input(circuit: CircuitName, needed: Option<usize>, parties: usize) -> Vector {
    let (max, length, measurements): (_, _, &[&[u128]]) = match circuit {
        CircuitName::Count => (1, 1, &[&[1], &[1], &[2]]),
        CircuitName::Sum => (200, 1, &[&[200], &[17], &[201]]),
        CircuitName::SumVec => (100, 2, &[&[100, 0], &[3, 4], &[5, 101]]),
        CircuitName::Histogram => (1, 3, &[&[0, 1, 0], &[1, 0, 0], &[1, 1, 0]]),
        // Forged: a square, a product, a product of a product, a number above its bound, two above the whole.
        CircuitName::Relations => (
            100,
            5,
            &[
                &[100, 10, 10_000, 1000, 100_000],
                &[3, 20, 9, 60, 180],
                &[3, 20, 8, 60, 180],
                &[3, 20, 9, 61, 183],
                &[3, 20, 9, 60, 181],
                &[101, 2, 10_201, 202, 20_402],
                &[100, 11, 10_000, 1100, 110_000],
            ],
        ),
    };
    let (slots, whole) = match circuit {
        CircuitName::Count | CircuitName::Sum | CircuitName::SumVec | CircuitName::Histogram => {
            (Vec::new(), None)
        }
        CircuitName::Relations => {
            let (x, y) = (SlotKind::Ranged(100), SlotKind::Ranged(20));
            let products = [(0, 0), (0, 1), (3, 0)].map(|(left, right)| SlotKind::Product(left, right));
            (vec![x, y, products[0], products[1], products[2]], Some(110))
        }
    };
    let reports = measurements.iter().enumerate().map(|(position, measurement)| Report {
        measurement: text(measurement),
        forged: position >= 2,
        nonce: hex(&[position as u8; 16]),
        public: String::new(),
        shares: Vec::new(),
        verifiers: Vec::new(),
        verdict: String::new(),
    });
    let change = |what, node, byte, xor| Change { report: 0, what, node, byte, xor, verdict: String::new() };
    let full = if needed.is_some() { parties - 1 } else { 0 };
    let mut changes = vec![
        change(What::Share, full, 0, 1),
        // No element of the field.
        change(What::Share, full, 7, 0xff),
        change(What::Share, parties - 1, 31, 0x80),
        change(What::Verifier, 0, 0, 1),
        change(What::Verifier, 1, 9, 4),
    ];
    if matches!(circuit, CircuitName::SumVec | CircuitName::Histogram | CircuitName::Relations) {
        changes.push(change(What::Public, 0, 0, 1));
        changes.push(change(What::Public, 0, 32 * parties - 1, 0x80));
    }
    let lie = |node| Lie { node, byte: 0, xor: 1, outcome: String::new() };
    Vector {
        scheme: Parameters { circuit, max, length, slots, whole, needed, parties },
        ctx: hex(&[0xc7; 32]),
        key: hex(&[0x4b; 32]),
        seed: hex(&[0x5e; 32]),
        reports: reports.collect(),
        changes,
        partial_sums: Vec::new(),
        total: Vec::new(),
        lies: vec![lie(0), lie(parties - 1)],
    }
}

#[test]
fn every_scheme_gives_its_known_answers() {
    let circuits = [
        ("count", CircuitName::Count),
        ("sum", CircuitName::Sum),
        ("sum-vec", CircuitName::SumVec),
        ("histogram", CircuitName::Histogram),
        ("relations", CircuitName::Relations),
    ];
    for (circuit, name) in circuits.map(|(word, circuit)| (circuit, word)) {
        for (scheme, needed, parties) in
            [("prio3", None, 3), ("threshold", Some(2), 3), ("threshold", Some(2), 4)]
        {
            let file = format!("{scheme}-{name}-{parties}");
            let computed = input(circuit, needed, parties).computed();
            let known = check(&file, &computed);
            // An empty list of answers would agree with anything.
            let verdicts: Vec<_> = known.reports.iter().map(|report| report.verdict.as_str()).collect();
            assert!(verdicts.starts_with(&["valid", "valid", "invalid"]), "{file}");
            assert!(verdicts.iter().skip(2).all(|verdict| *verdict == "invalid"), "{file}");
            assert!(known.changes.len() >= 5 && known.changes.iter().all(|change| change.verdict != "valid"));
            let lie = match (needed, parties) {
                (None, _) => "checked false",
                (Some(_), 3) => "contradict",
                (Some(_), _) => "liars [3]",
            };
            assert!(known.lies[1].outcome.contains(lie), "{file}: {}", known.lies[1].outcome);
        }
    }
}

#[test]
fn the_bytes_in_the_files_are_enough() {
    for entry in std::fs::read_dir(path("x").parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        if path.file_stem().is_some_and(|name| name == "dealing") {
            continue;
        }
        let known: Vector = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let scheme = known.scheme.scheme();
        for report in &known.reports {
            let raw = Raw::of(report);
            let verifiers: Vec<_> = report.verifiers.iter().map(|verifier| bytes(verifier)).collect();
            assert_eq!(known.verifiers(&scheme, &raw), verifiers, "{}", path.display());
            assert_eq!(known.verdict(&scheme, &raw, &verifiers), report.verdict, "{}", path.display());
        }
        let mut judged = known.clone();
        judged.judge(&scheme);
        assert!(judged == known, "{}", path.display());
        let sums: Vec<_> = known.partial_sums.iter().map(|sum| bytes(sum)).collect();
        let sent: Vec<_> = sums.iter().map(Vec::as_slice).enumerate().collect();
        assert_eq!(text(&scheme.total(&sent).unwrap().slots), known.total, "{}", path.display());
    }
}

/// What heavy nodes deal: ρ, and noise under a threshold of 2 of 3.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Dealing {
    ctx: String,
    key: String,
    seed: String,
    rho: String,
    rho_shares: Vec<String>,
    rho_blinds: Vec<String>,
    epsilon: (u64, u64),
    sensitivity: u64,
    noise: Vec<String>,
    noise_bound: String,
    noise_shares: Vec<String>,
    noise_verifiers: Vec<String>,
}

#[test]
fn dealing_gives_its_known_answers() {
    let (ctx, key, seed) = ([0xc7; 32], [0x4b; 32], [0x5e; 32]);
    let mut rng = ChaCha20Rng::from_seed(seed);
    let rho = fresh_rho(&mut rng);
    let dealt = deal_rho(&rho, 2, 3, &ctx).unwrap();
    let ((numerator, denominator), sensitivity) = ((1, 2), 100);
    let epsilon = (numerator, denominator);
    let noise = noise::sample(epsilon, sensitivity, 2, &mut rng).unwrap();
    let scheme = Scheme::threshold(Circuit::SumVec { max: 100, length: 2 }, 2, 3).unwrap();
    let shares = scheme.deal_noise(noise.expose(), &mut rng).unwrap();
    let verifiers = shares.iter().map(|share| scheme.noise_verifier(&key, &ctx, 1, share.expose()));
    let computed = Dealing {
        ctx: hex(&ctx),
        key: hex(&key),
        seed: hex(&seed),
        rho: hex(rho.expose()),
        rho_shares: dealt.iter().map(|dealt| hex(dealt.share.expose())).collect(),
        rho_blinds: dealt.iter().map(|dealt| hex(dealt.blind.expose())).collect(),
        epsilon: (numerator as u64, denominator as u64),
        sensitivity: sensitivity as u64,
        noise: noise.expose().iter().map(i128::to_string).collect(),
        noise_bound: Noise { epsilon: "0.5".parse().unwrap() }.bound(sensitivity, 3).unwrap().to_string(),
        noise_shares: shares.iter().map(|share| hex(share.expose())).collect(),
        noise_verifiers: verifiers.map(|verifier| hex(&verifier)).collect(),
    };
    let known = check("dealing", &computed);
    let rho_shares: Vec<_> = known.rho_shares.iter().map(|share| bytes(share)).collect();
    let rebuilt = rebuild_rho(2, &[(1, &rho_shares[1]), (2, &rho_shares[2])]).unwrap();
    assert_eq!(hex(rebuilt.expose()), known.rho);
    let values: Vec<_> = known.noise_verifiers.iter().map(|value| bytes(value)).collect();
    let sent: Vec<_> = values.iter().map(Vec::as_slice).enumerate().collect();
    assert!(scheme.noise_verdict(&sent));
}
