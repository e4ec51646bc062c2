//! Plans, encodings, and answers compared with those of independent libraries on random data.

mod asked;
mod encoding;
mod lines;
mod moments;
mod plan;
mod tables;
mod vectors;

use num_bigint::BigInt;
use num_rational::BigRational;
use proptest::prelude::*;
use serde_json::{Map, Value};

/// What two ways of computing in doubles may differ by, relative to a number or to 1.
const TOLERANCE: f64 = 1e-9;

/// A column of random values, kept as whole hundredths.
#[derive(Clone, Debug)]
struct Column {
    hundredths: Vec<i64>,
}

impl Column {
    /// Columns of `length` values between −500 and 500.
    fn any(length: impl Into<proptest::collection::SizeRange>) -> impl Strategy<Value = Self> {
        proptest::collection::vec(-50_000_i64..=50_000, length).prop_map(|hundredths| Self { hundredths })
    }

    fn samples(&self) -> BigInt {
        self.hundredths.len().into()
    }

    /// As a library takes them.
    #[allow(clippy::cast_precision_loss)]
    fn doubles(&self) -> Vec<f64> {
        self.hundredths.iter().map(|value| *value as f64 / 100.0).collect()
    }

    /// Σ x^k, for a k up to 6.
    fn power_sum(&self, k: u32) -> BigRational {
        let sum: i128 = self.hundredths.iter().map(|value| i128::from(*value).pow(k)).sum();
        BigRational::new(sum.into(), BigInt::from(100).pow(k))
    }

    /// Σ x · y.
    fn product_sum(&self, other: &Self) -> BigRational {
        let sum: i64 = self.hundredths.iter().zip(&other.hundredths).map(|(x, y)| x * y).sum();
        BigRational::new(sum.into(), 10_000.into())
    }

    /// Whether at least two values differ.
    fn varies(&self) -> bool {
        self.hundredths.iter().any(|value| Some(value) != self.hundredths.first())
    }
}

/// A figure is what a library says, as far as doubles go.
#[track_caller]
fn agree(figures: &Map<String, Value>, name: &str, library: f64) {
    agree_within(TOLERANCE, figures, name, library);
}

/// A figure is what a library says, as far as the library goes.
#[track_caller]
fn agree_within(tolerance: f64, figures: &Map<String, Value>, name: &str, library: f64) {
    let ours = figures.get(name).and_then(Value::as_f64);
    let close = ours.is_some_and(|ours| (ours - library).abs() <= tolerance * library.abs().max(1.0));
    assert!(close, "{name}: {ours:?}, and {library} elsewhere");
}
