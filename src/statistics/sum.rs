//! The sum of a field.

use serde_json::{Map, Value};

use super::definition::{Definition, Totals};
use super::exact::{every_digit, figures};
use super::family::Family;
use super::monomial::Monomial;
use crate::domain::Query;

pub(super) struct Sum;

impl Definition for Sum {
    fn family(&self, _query: &Query) -> Family {
        Family::Sums(vec![Monomial::of(0)])
    }

    fn answer(&self, _query: &Query, totals: &Totals<'_>) -> Map<String, Value> {
        figures([("sum", every_digit(&totals.sum(Monomial::of(0))))])
    }
}
