//! How many records lie between every two neighbouring edges.

use num_bigint::BigInt;
use serde_json::{Map, Value};

use super::axis::Axis;
use super::definition::{Definition, Totals};
use super::exact::{every_digit, figures, fraction, whole};
use super::family::Family;
use crate::domain::Decimal;
use crate::domain::{Detail, Query};

/// The edges, and the count between every two; there is one edge more than counts. Counts that noise made negative are
/// shown as they are.
pub(super) fn histogram(edges: &[Decimal], counts: &[BigInt]) -> Map<String, Value> {
    figures([
        ("edges", edges.iter().map(|edge| every_digit(&fraction(*edge))).collect()),
        ("counts", counts.iter().map(whole).collect()),
    ])
}

pub(super) struct Histogram;

impl Histogram {
    fn edges(query: &Query) -> &[Decimal] {
        match &query.detail {
            Detail::Edges(edges) => edges,
            Detail::None | Detail::Moments(_) | Detail::Quantiles { .. } => &[],
        }
    }
}

impl Definition for Histogram {
    fn family(&self, query: &Query) -> Family {
        let axis = query.number().map(|number| Axis::Edges(number.clone(), Self::edges(query).to_vec()));
        Family::Cells(axis.into_iter().collect())
    }

    fn answer(&self, query: &Query, totals: &Totals<'_>) -> Map<String, Value> {
        histogram(Self::edges(query), &totals.cells)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_and_counts_are_exact() {
        let edges = ["-0.1", "0", "1e20"].map(|edge| edge.parse().unwrap());
        let counts = [BigInt::from(-2), BigInt::from(u128::MAX)];
        assert_eq!(
            Value::Object(histogram(&edges, &counts)).to_string(),
            r#"{"edges":[-0.1,0,100000000000000000000],"counts":[-2,340282366920938463463374607431768211455]}"#
        );
    }
}
