//! What makes a statistic: what it adds up, and what the totals say.

use std::collections::BTreeMap;

use num_bigint::BigInt;
use serde_json::{Map, Value};

use super::family::Family;
use super::monomial::Monomial;
use crate::domain::{NumberSchema, Query, Statistic};

/// One statistic.
pub(super) trait Definition: Sync {
    /// What it adds up over all records.
    fn family(&self, query: &Query) -> Family;

    /// What the totals say: the object under `result` in docs/CLI.md, but for what all statistics have there.
    fn answer(&self, query: &Query, totals: &Totals<'_>) -> Map<String, Value>;
}

/// Totals over all records, exact.
pub(super) struct Totals<'n> {
    /// How many records there are. With noise it can be anything.
    pub samples: BigInt,
    /// The sums of products, each of them counted in steps above the numbers' offsets.
    pub steps: BTreeMap<Monomial, i128>,
    /// Records by cell.
    pub cells: Vec<BigInt>,
    /// What the numbers look like.
    pub numbers: &'n [&'n NumberSchema],
}

/// The definition of a statistic.
pub(super) fn definition(statistic: Statistic) -> &'static dyn Definition {
    match statistic {
        Statistic::Count => &super::count::Count,
        Statistic::Sum => &super::sum::Sum,
        Statistic::Mean => &super::mean::Mean,
        Statistic::Univariate => &super::univariate::Univariate,
        Statistic::Frequency => &super::frequency::Frequency,
        Statistic::Histogram => &super::histogram::Histogram,
        Statistic::Quantiles => &super::quantiles::Quantiles,
        Statistic::Contingency => &super::contingency::Contingency,
        Statistic::Bivariate => &super::bivariate::Bivariate,
        Statistic::Regression => &super::regression::Regression,
        Statistic::VectorMean => &super::vector_mean::VectorMean,
    }
}
