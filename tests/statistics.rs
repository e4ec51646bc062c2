//! Every statistic the whole way, from records to the answer, under every sharing scheme: what comes is what independent
//! libraries say of all records on one pile.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod statistics {
    pub mod libraries;
    pub mod records;
}

use std::time::Duration;

use formix_p2p::domain::{
    Cell, Computation, Detail, Modulus, PeerId, Query, Sharing, Statistic, Timestamp, Unfit, VERSION,
};
use formix_p2p::sharing::{ReportShare, Split, Verdict};
use formix_p2p::statistics::{self as ours, Encoder, Reading};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::Value;
use statistics::libraries::{EDGES, PROBABILITIES, RESOLUTION, expected};
use statistics::records::{Record, schema};

const CTX: [u8; 32] = [3; 32];
const KEY: [u8; 32] = [4; 32];
const HEAVY: usize = 3;
const SHARINGS: [Sharing; 3] =
    [Sharing::Additive { modulus: Modulus::Bits128 }, Sharing::Prio3, Sharing::Threshold { k: 2 }];
/// What two ways of computing may differ by, relative to a number or to 1; the libraries compute in doubles.
const TOLERANCE: f64 = 1e-6;

/// Every statistic, with fields that it takes.
fn questions() -> Vec<(Statistic, &'static [&'static str], Detail)> {
    let decimals = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    let quantiles =
        Detail::Quantiles { resolution: RESOLUTION.parse().unwrap(), probabilities: decimals(&PROBABILITIES) };
    vec![
        (Statistic::Count, &["age"], Detail::None),
        (Statistic::Sum, &["dose"], Detail::None),
        (Statistic::Mean, &["bmi"], Detail::None),
        (Statistic::Univariate, &["dose"], Detail::Moments(6)),
        (Statistic::Univariate, &["bmi"], Detail::Moments(2)),
        (Statistic::Frequency, &["smoker"], Detail::None),
        (Statistic::Histogram, &["age"], Detail::Edges(decimals(&EDGES))),
        (Statistic::Quantiles, &["bmi"], quantiles),
        (Statistic::Contingency, &["smoker", "sex"], Detail::None),
        (Statistic::Bivariate, &["age", "dose"], Detail::None),
        (Statistic::Regression, &["age", "bmi", "dose"], Detail::None),
        (Statistic::VectorMean, &["update"], Detail::None),
    ]
}

fn computation(query: Query, sharing: Sharing) -> Computation {
    let proposed_at = Timestamp::from_millis(1_700_000_000_000);
    let computation = Computation {
        version: VERSION,
        nonce: [1; 16],
        proposer: PeerId::from_public_key([9; 32]),
        proposed_at,
        prompt: "What do all have together?".to_owned(),
        query,
        heavy: (1..=3).map(|key| PeerId::from_public_key([key; 32])).collect(),
        sharing,
        min_participants: 3,
        max_participants: 20,
        deadline: proposed_at + Duration::from_secs(30),
        patience_ms: 10_000,
        grace_ms: 3_000,
        participants: None,
        noise: None,
        invitation: None,
    };
    ours::check(&computation).unwrap();
    computation
}

/// What one participant reads.
fn reading(computation: &Computation, records: &[Record]) -> Reading {
    let mut encoder = Encoder::new(computation, Unfit::Skip);
    for record in records {
        let texts: Vec<Option<String>> =
            computation.query.fields.iter().map(|field| record.text(&field.name)).collect();
        let cells: Vec<Cell<'_>> =
            texts.iter().map(|text| text.as_deref().map_or(Cell::Missing, Cell::Text)).collect();
        assert!(encoder.row(&cells).is_continue());
    }
    encoder.finish(0).unwrap()
}

/// Splits, verifies and adds up measurements as heavy nodes do, and decodes the total.
fn answer(computation: &Computation, readings: &[Reading], seed: u64) -> Value {
    let scheme = ours::scheme(computation).unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let mut nonces = vec![[0; 16]; readings.len()];
    let splits: Vec<Split> = readings
        .iter()
        .zip(&mut nonces)
        .map(|(reading, nonce)| {
            rng.fill_bytes(nonce);
            scheme.split(&CTX, nonce, reading.measurement(), &mut rng).unwrap()
        })
        .collect();
    let held = |node: usize| -> Vec<ReportShare<'_>> {
        let reports = nonces.iter().zip(&splits);
        reports
            .map(|(nonce, split)| ReportShare {
                nonce,
                public: &split.public,
                share: split.shares[node].expose(),
            })
            .collect()
    };
    let verifiers: Vec<Vec<u8>> =
        (0..HEAVY).map(|node| scheme.verifier_shares(&KEY, &CTX, node, &held(node))).collect();
    let sent: Vec<(usize, &[u8])> = verifiers.iter().map(Vec::as_slice).enumerate().collect();
    let publics: Vec<&[u8]> = splits.iter().map(|split| &split.public[..]).collect();
    let verdicts = scheme.verdicts(&CTX, &publics, &sent).unwrap();
    assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Valid), "{verdicts:?}");
    let sums: Vec<_> = (0..HEAVY).map(|node| scheme.partial_sum(&CTX, node, held(node)).unwrap()).collect();
    let sums: Vec<(usize, &[u8])> = sums.iter().map(|sum| sum.expose().as_slice()).enumerate().collect();
    let total = scheme.total(&sums).unwrap();
    let participants = u32::try_from(readings.len()).unwrap();
    ours::decode(computation, &total.slots, participants).unwrap().to_json()
}

/// Every figure of a statistic over the participants' records is what libraries say of all of them.
#[track_caller]
fn compare(
    (statistic, fields, detail): (Statistic, &[&str], Detail),
    sharing: Sharing,
    max_records: u32,
    participants: &[Vec<Record>],
    seed: u64,
) {
    let names: Vec<String> = fields.iter().map(|name| (*name).to_owned()).collect();
    let fields = Query::fields(&names, Some(&schema(&names))).unwrap();
    let computation = computation(Query { statistic, fields, max_records, detail }, sharing);
    let readings: Vec<Reading> = participants.iter().map(|records| reading(&computation, records)).collect();
    let pile: Vec<&Record> =
        participants.iter().flatten().filter(|record| record.is_used(statistic, &names)).collect();
    let used: u64 = readings.iter().map(Reading::records).sum();
    assert_eq!(used, pile.len() as u64, "{statistic}");
    let answer = answer(&computation, &readings, seed);
    assert_eq!(answer["samples"], pile.len(), "{statistic} {sharing:?}");
    assert_eq!(answer["participants"], participants.len(), "{statistic} {sharing:?}");
    for (figure, library) in expected(statistic, &names, &pile) {
        let here = answer.pointer(&figure).and_then(Value::as_f64);
        let close = here.is_some_and(|here| (here - library).abs() <= TOLERANCE * library.abs().max(1.0));
        assert!(close, "{statistic} {sharing:?} {figure}: {here:?}, and {library} elsewhere: {answer}");
    }
}

#[test]
fn one_record_each_gives_what_libraries_say() {
    for (seed, question) in (100..).zip(questions()) {
        let participants: Vec<Vec<Record>> =
            Record::some(seed, 15).into_iter().filter(|it| it.is_whole()).map(|it| vec![it]).collect();
        assert!(participants.len() >= 9);
        for sharing in SHARINGS {
            compare(question.clone(), sharing, 1, &participants, seed);
        }
    }
}

#[test]
fn many_records_each_give_what_libraries_say_and_damaged_ones_are_left_out() {
    for (seed, question) in (200..).zip(questions()) {
        let participants: Vec<Vec<Record>> =
            [80, 7, 43].into_iter().zip(1..).map(|(count, part)| Record::some(seed * part, count)).collect();
        assert!(participants.iter().flatten().any(|record| !record.is_whole()));
        for sharing in SHARINGS {
            compare(question.clone(), sharing, 80, &participants, seed);
        }
    }
}

#[test]
fn a_thousand_values_near_a_billion_give_the_variance_to_nine_digits() {
    let bounded = r#"{"type":"number","minimum":999999000,"maximum":1000001000,"multipleOf":0.001}"#;
    let unbounded = r#"{"type":"number","multipleOf":0.001}"#;
    let names = ["x".to_owned()];
    // 10^9 + 0, 0.001, …, 0.999, in ten tables: the variance is n (n + 1) / 12 steps².
    let variance = 1000.0 * 1001.0 / 12.0 * 1e-6;
    for (schema, sharing) in [(bounded, SHARINGS[0]), (bounded, SHARINGS[1]), (unbounded, SHARINGS[0])] {
        let query = Query {
            statistic: Statistic::Univariate,
            fields: Query::fields(&names, Some(schema)).unwrap(),
            max_records: 100,
            detail: Detail::Moments(2),
        };
        let computation = computation(query, sharing);
        let table = |part: u32| {
            let mut encoder = Encoder::new(&computation, Unfit::Decline);
            for step in (0..1000).filter(|step| step % 10 == part) {
                let value = format!("1000000000.{step:03}");
                assert!(encoder.row(&[Cell::Text(&value)]).is_continue());
            }
            encoder.finish(0).unwrap()
        };
        let readings: Vec<Reading> = (0..10).map(table).collect();
        let answer = answer(&computation, &readings, 5);
        let off = (answer["variance"].as_f64().unwrap() - variance).abs() / variance;
        assert!(off < 1e-9, "{schema} {sharing:?}: {answer}");
        assert_eq!(answer["sum"].to_string(), "1000000000499.5");
    }
}
