//! The largest computations that anybody can announce to everybody: no node may be kept busy with them before its owner has
//! said a word, and what is too much is refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::{Duration, Instant};

use formix_p2p::domain::limits::{CELLS_MAX, FIELDS_MAX, RECORDS_MAX, VECTOR_LENGTH_MAX};
use formix_p2p::domain::{
    Computation, Detail, Modulus, Noise, PeerId, Query, Sharing, Statistic, Timestamp, VERSION,
};
use formix_p2p::statistics::{check, decode, draw_noise, scheme};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

/// What a look at an announcement may take where nothing is optimised and other tests run beside this one.
const A_LOOK: Duration = Duration::from_secs(5);

fn computation(query: Query, sharing: Sharing) -> Computation {
    let proposed_at = Timestamp::from_millis(1_700_000_000_000);
    Computation {
        version: VERSION,
        nonce: [1; 16],
        proposer: PeerId::from_public_key([9; 32]),
        proposed_at,
        prompt: "How much can you take?".to_owned(),
        query,
        heavy: (1..=3).map(|key| PeerId::from_public_key([key; 32])).collect(),
        sharing,
        min_participants: 3,
        max_participants: 100,
        deadline: proposed_at + Duration::from_secs(30),
        patience_ms: 10_000,
        grace_ms: 3_000,
        participants: None,
        noise: None,
        invitation: None,
    }
}

fn sharings() -> [Sharing; 3] {
    [Sharing::Additive { modulus: Modulus::Bits128 }, Sharing::Prio3, Sharing::Threshold { k: 2 }]
}

fn asked(statistic: Statistic, names: &[String], schema: &str, max_records: u32) -> Query {
    let fields = Query::fields(names, Some(schema)).unwrap();
    Query { statistic, fields, max_records, detail: Detail::None }
}

fn vector(length: u32, maximum: u64) -> Query {
    let schema = format!(
        r#"{{"type":"array","items":{{"type":"integer","minimum":0,"maximum":{maximum}}},"minItems":{length},"maxItems":{length}}}"#
    );
    asked(Statistic::VectorMean, &["update".to_owned()], &schema, 1)
}

fn table(max_records: u32) -> Query {
    let schema = format!(r#"{{"type":"integer","minimum":1,"maximum":{CELLS_MAX}}}"#);
    asked(Statistic::Frequency, &["income".to_owned()], &schema, max_records)
}

fn regression(max_records: u32) -> Query {
    let names: Vec<_> = (0..FIELDS_MAX).map(|field| format!("x{field}")).collect();
    asked(Statistic::Regression, &names, r#"{"type":"integer","minimum":-5000,"maximum":5000}"#, max_records)
}

/// The largest questions of every kind.
fn largest() -> Vec<Query> {
    vec![
        vector(VECTOR_LENGTH_MAX, 1),
        vector(VECTOR_LENGTH_MAX, 1 << 60),
        vector(VECTOR_LENGTH_MAX / 4, 15),
        table(1),
        table(10_000),
        table(RECORDS_MAX),
        regression(1),
        regression(10_000),
    ]
}

#[test]
fn a_look_at_the_largest_question_takes_no_time() {
    for query in largest() {
        for sharing in sharings() {
            for epsilon in [None, Some("0.5")] {
                let noise = epsilon.map(|epsilon| Noise { epsilon: epsilon.parse().unwrap() });
                let computation = Computation { noise, ..computation(query.clone(), sharing) };
                let started = Instant::now();
                let checked = check(&computation);
                let looked = started.elapsed();
                let built = checked.is_ok().then(|| scheme(&computation).unwrap());
                let drawn = built.and_then(|_| draw_noise(&computation, &mut ChaCha20Rng::seed_from_u64(1)));
                assert_eq!(drawn.is_some(), checked.is_ok() && epsilon.is_some());
                let done = started.elapsed();
                println!("{} {sharing:?} {epsilon:?}: {looked:?} {done:?} {checked:?}", query.statistic);
                assert!(looked < A_LOOK, "{} {sharing:?}: {looked:?}", query.statistic);
            }
        }
    }
}

#[test]
fn the_largest_regression_is_solved_at_once() {
    // Totals that make every minor of the matrix as long as it can be: as many steps as fit, and fields that hardly correlate.
    let schema = r#"{"type":"number","minimum":-1,"maximum":0,"multipleOf":1e-18}"#;
    let names: Vec<_> = (0..FIELDS_MAX).map(|field| format!("x{field}")).collect();
    let query = asked(Statistic::Regression, &names, schema, 1);
    let computation = computation(query, Sharing::Additive { modulus: Modulus::Bits128 });
    check(&computation).unwrap();
    let (fields, participants, span) = (FIELDS_MAX as u128, 100, 10_u128.pow(18));
    let sums = (0..fields).map(|field| participants * span / 2 + (field + 1) * 7_777_777_777);
    let pairs = (0..fields).flat_map(|one| (one..fields).map(move |other| (one, other)));
    let products = pairs.map(|(one, other)| {
        let whole = participants * span * span;
        let odd = (one * 31 + other * 17 + 1) * 123_456_789_123_456_789_123;
        if one == other { whole - odd } else { whole / 4 + odd }
    });
    let total: Vec<_> = std::iter::once(participants).chain(sums).chain(products).collect();
    let started = Instant::now();
    let answer = decode(&computation, &total, 100).unwrap();
    let took = started.elapsed();
    println!("{took:?}");
    assert!(answer.to_json()["coefficients"]["x0"].is_number() && took < A_LOOK, "{took:?}");
}

#[test]
fn the_largest_table_is_compared_with_chance_at_once() {
    for (rows, columns) in [(CELLS_MAX / 2, 2), (100, 100)] {
        let number = |last: u128| format!(r#"{{"type":"integer","minimum":1,"maximum":{last}}}"#);
        let (down, across) = (number(rows), number(columns));
        let schema = format!(r#"{{"type":"object","properties":{{"down":{down},"across":{across}}}}}"#);
        let query =
            asked(Statistic::Contingency, &["down".to_owned(), "across".to_owned()], &schema, 100_000_000);
        let computation = computation(query, Sharing::Additive { modulus: Modulus::Bits128 });
        check(&computation).unwrap();
        let total: Vec<_> = (0..rows * columns).map(|cell| 999_999 - cell * cell % 7919).collect();
        let started = Instant::now();
        decode(&computation, &total, 100).unwrap();
        let took = started.elapsed();
        println!("{took:?}");
        assert!(took < A_LOOK, "{took:?}");
    }
}

#[test]
fn an_offset_that_noise_multiplies_is_refused_or_fits() {
    for digits in [0, 6, 9, 12, 15] {
        let schema = format!(
            r#"{{"type":"number","minimum":4611686018427387904,"maximum":4611686018427387905,"multipleOf":1e-{digits}}}"#
        );
        let query = asked(Statistic::Sum, &["income".to_owned()], &schema, 1000);
        let noise = Some(Noise { epsilon: "0.000001".parse().unwrap() });
        for sharing in sharings() {
            let computation = Computation { noise, ..computation(query.clone(), sharing) };
            // All records there can be, and what noise adds to their number as often as not.
            let total = [1000 * 100 + 2_000_000_000, 0];
            let written = check(&computation).is_err() || decode(&computation, &total, 100).is_ok();
            assert!(written, "{digits} digits, {sharing:?}");
        }
    }
}

#[test]
fn what_no_noise_can_be_drawn_for_is_refused_before_it_is_asked() {
    let schema = |bits: u32| format!(r#"{{"type":"integer","minimum":0,"maximum":{}}}"#, 1_u64 << bits);
    for bits in [40, 50, 55, 60, 62] {
        for sharing in sharings() {
            let query = asked(Statistic::Sum, &["income".to_owned()], &schema(bits), RECORDS_MAX);
            let noise = Some(Noise { epsilon: "0.000001".parse().unwrap() });
            let computation = Computation { noise, ..computation(query, sharing) };
            let drawn = draw_noise(&computation, &mut ChaCha20Rng::seed_from_u64(1));
            assert!(check(&computation).is_err() || drawn.is_some(), "{bits} bits, {sharing:?}");
        }
    }
}
