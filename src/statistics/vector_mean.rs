//! Vectors added up and averaged, element by element.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Signed;
use serde_json::{Map, Value};

use super::definition::{Definition, Totals};
use super::exact::{every_digit, figures, number, quotient};
use super::family::Family;
use super::monomial::Monomial;
use crate::domain::Query;

/// The mean and the sum of every element; a mean without records is null.
pub(super) fn vector_mean(samples: &BigInt, sums: &[BigRational]) -> Map<String, Value> {
    let samples = BigRational::from(samples.clone());
    let mean = |sum| quotient(sum, &samples).filter(|_| samples.is_positive());
    figures([
        ("mean", sums.iter().map(|sum| number(mean(sum).as_ref())).collect()),
        ("sum", sums.iter().map(every_digit).collect()),
    ])
}

pub(super) struct VectorMean;

impl Definition for VectorMean {
    fn family(&self, query: &Query) -> Family {
        Family::Sums((0..query.numbers().count()).map(Monomial::of).collect())
    }

    fn answer(&self, query: &Query, totals: &Totals) -> Map<String, Value> {
        let sums: Vec<_> =
            (0..query.numbers().count()).map(|number| totals.sum(Monomial::of(number))).collect();
        vector_mean(&totals.samples, &sums)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenths(tenths: i64) -> BigRational {
        BigRational::new(tenths.into(), 10.into())
    }

    #[test]
    fn every_element_has_its_own_mean() {
        let figures = vector_mean(&4.into(), &[tenths(20), tenths(-3), tenths(0)]);
        assert_eq!(Value::Object(figures).to_string(), r#"{"mean":[0.5,-0.075,0.0],"sum":[2,-0.3,0]}"#);
    }

    #[test]
    fn without_records_there_is_a_sum_and_no_mean() {
        for samples in [0, -2] {
            let figures = vector_mean(&samples.into(), &[tenths(0), tenths(1)]);
            assert_eq!(Value::Object(figures).to_string(), r#"{"mean":[null,null],"sum":[0,0.1]}"#);
        }
    }
}
