//! The mean of a field.

use num_rational::BigRational;
use num_traits::Signed;
use serde_json::{Map, Value};

use super::definition::{Definition, Totals};
use super::exact::{every_digit, figures, number, quotient};
use super::family::Family;
use super::monomial::Monomial;
use crate::domain::Query;

pub(super) struct Mean;

impl Definition for Mean {
    fn family(&self, _query: &Query) -> Family {
        Family::Sums(vec![Monomial::of(0)])
    }

    fn answer(&self, _query: &Query, totals: &Totals<'_>) -> Map<String, Value> {
        let sum = totals.sum(Monomial::of(0));
        // With noise there can be fewer than no records.
        let samples = Some(BigRational::from(totals.samples.clone())).filter(|samples| samples.is_positive());
        let mean = samples.and_then(|samples| quotient(&sum, &samples));
        figures([("mean", number(mean.as_ref())), ("sum", every_digit(&sum))])
    }
}
