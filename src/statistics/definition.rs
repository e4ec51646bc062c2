//! What makes a statistic: what it adds up, and what the totals say.

use num_bigint::BigInt;
use num_rational::BigRational;
use serde_json::{Map, Value};

use super::family::Family;
use super::monomial::Monomial;
use crate::domain::{Query, Statistic};

/// One statistic.
pub(super) trait Definition: Sync {
    /// What it adds up over all records.
    fn family(&self, query: &Query) -> Family;

    /// What the totals say: the object under `result` in docs/CLI.md, but for what all statistics have there.
    fn answer(&self, query: &Query, totals: &Totals) -> Map<String, Value>;
}

/// Totals over all records, exact.
pub(super) struct Totals {
    /// How many records there are. With noise it can be anything.
    pub samples: BigInt,
    /// The sums, in the fields' own units: offsets and steps are undone.
    pub sums: std::collections::BTreeMap<Monomial, BigRational>,
    /// Records by cell.
    pub cells: Vec<BigInt>,
}

impl Totals {
    /// The sum of one product of numbers; 0 for one that is not added up.
    pub fn sum(&self, product: Monomial) -> BigRational {
        self.sums.get(&product).cloned().unwrap_or_else(|| BigRational::from_integer(BigInt::ZERO))
    }
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
