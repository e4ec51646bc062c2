//! Questions to test with.

use std::time::Duration;

use crate::domain::{
    Categories, Computation, Decimal, Detail, Field, NumberSchema, PeerId, Query, Schema, Sharing, Statistic,
    Timestamp, VERSION,
};

pub fn number(step: &str, low: &str, high: &str) -> Schema {
    let [step, low, high] = [step, low, high].map(|text| text.parse::<Decimal>().unwrap());
    Schema::Number(NumberSchema::new(step, Some(low), Some(high)).unwrap())
}

fn categories(names: &[&str]) -> Schema {
    Schema::Category(Categories::new(names.iter().map(|name| (*name).to_owned()).collect()).unwrap())
}

/// `age` in years, `bmi` in halves from 10 to 60, `sex` of two kinds, `ward` of three.
fn field(name: &str) -> Field {
    let schema = match name {
        "age" => number("1", "0", "120"),
        "bmi" => number("0.5", "10", "60"),
        "sex" => categories(&["f", "m"]),
        "ward" => categories(&["north", "south", "west"]),
        other => panic!("no field {other}"),
    };
    Field { name: name.to_owned(), schema }
}

/// A question to at most 100 participants.
pub fn asked(
    statistic: Statistic,
    fields: &[&str],
    max_records: u32,
    detail: Detail,
    sharing: Sharing,
) -> Computation {
    let proposed_at = Timestamp::from_millis(1_700_000_000_000);
    let peer = |number: u8| PeerId::from_public_key([number; 32]);
    Computation {
        version: VERSION,
        nonce: [0; 16],
        proposer: peer(9),
        proposed_at,
        prompt: "?".to_owned(),
        query: Query {
            statistic,
            fields: fields.iter().map(|name| field(name)).collect(),
            max_records,
            detail,
        },
        heavy: vec![peer(1), peer(2), peer(3)],
        sharing,
        min_participants: 3,
        max_participants: 100,
        deadline: proposed_at + Duration::from_secs(30),
        patience_ms: 10_000,
        grace_ms: 2_500,
        participants: None,
        noise: None,
        invitation: None,
    }
}

/// Fields and detail that a statistic takes.
pub fn fitting(statistic: Statistic) -> (&'static [&'static str], Detail) {
    let decimals = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<Decimal>>();
    match statistic {
        Statistic::Count | Statistic::Sum | Statistic::Mean => (&["age"], Detail::None),
        Statistic::Univariate => (&["age"], Detail::Moments(6)),
        Statistic::Frequency => (&["sex"], Detail::None),
        Statistic::Histogram => (&["bmi"], Detail::Edges(decimals(&["10", "20", "60"]))),
        Statistic::Quantiles => {
            let (resolution, probabilities) = (Decimal::new(2, 0).unwrap(), decimals(&["0.5"]));
            (&["bmi"], Detail::Quantiles { resolution, probabilities })
        }
        Statistic::Contingency => (&["sex", "ward"], Detail::None),
        Statistic::Bivariate | Statistic::Regression | Statistic::VectorMean => (&["age", "bmi"], Detail::None),
    }
}

/// The same question with something changed.
pub fn with(mut terms: Computation, change: impl FnOnce(&mut Computation)) -> Computation {
    change(&mut terms);
    terms
}
