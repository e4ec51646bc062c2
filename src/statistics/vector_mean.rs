//! Vectors added up and averaged, element by element.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Signed;
use serde_json::{Map, Value};

use super::definition::{Definition, Totals};
use super::exact::{decimal, every_digit, figures, number, quotient, share};
use super::family::Family;
use super::monomial::Monomial;
use crate::domain::{Decimal, Query};

/// One element's sum.
enum Sum {
    /// Nearly every one.
    Decimal(Decimal),
    /// One that is no [`Decimal`].
    Fraction(BigRational),
}

/// The mean and the sum of every element; a mean without records is null.
fn vector_mean(samples: &BigInt, sums: &[Sum]) -> Map<String, Value> {
    let records = samples.is_positive().then(|| BigRational::from(samples.clone()));
    let mean = |sum: &Sum| match (sum, &records) {
        (_, None) => Value::Null,
        (Sum::Decimal(sum), Some(_)) => share(*sum, samples),
        (Sum::Fraction(sum), Some(records)) => number(quotient(sum, records).as_ref()),
    };
    let sum = |sum: &Sum| match sum {
        Sum::Decimal(sum) => decimal(*sum),
        Sum::Fraction(sum) => every_digit(sum),
    };
    figures([("mean", sums.iter().map(mean).collect()), ("sum", sums.iter().map(sum).collect())])
}

pub(super) struct VectorMean;

impl Definition for VectorMean {
    fn family(&self, query: &Query) -> Family {
        Family::Sums((0..query.numbers().count()).map(Monomial::of).collect())
    }

    fn answer(&self, _query: &Query, totals: &Totals<'_>) -> Map<String, Value> {
        let sum = |(place, sum): (usize, Option<Decimal>)| match sum {
            Some(sum) => Sum::Decimal(sum),
            None => Sum::Fraction(totals.sum(Monomial::of(place))),
        };
        let sums: Vec<_> = totals.decimals().enumerate().map(sum).collect();
        vector_mean(&totals.samples, &sums)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tenths, in both forms.
    fn both<const N: usize>(tenths: [i64; N]) -> [[Sum; N]; 2] {
        [
            tenths.map(|tenths| Sum::Decimal(Decimal::new(tenths.into(), 1).unwrap())),
            tenths.map(|tenths| Sum::Fraction(BigRational::new(tenths.into(), 10.into()))),
        ]
    }

    #[test]
    fn every_element_has_its_own_mean() {
        for sums in both([20, -3, 0]) {
            let figures = vector_mean(&4.into(), &sums);
            assert_eq!(Value::Object(figures).to_string(), r#"{"mean":[0.5,-0.075,0.0],"sum":[2,-0.3,0]}"#);
        }
    }

    #[test]
    fn without_records_there_is_a_sum_and_no_mean() {
        for (samples, sums) in [0, -2].into_iter().zip(both([0, 1])) {
            let figures = vector_mean(&samples.into(), &sums);
            assert_eq!(Value::Object(figures).to_string(), r#"{"mean":[null,null],"sum":[0,0.1]}"#);
        }
    }
}
