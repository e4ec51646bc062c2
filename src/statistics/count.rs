//! How many records there are.

use serde_json::{Map, Value};

use super::definition::{Definition, Totals};
use super::exact::{figures, whole};
use super::family::Family;
use crate::domain::Query;

pub(super) struct Count;

impl Definition for Count {
    fn family(&self, _query: &Query) -> Family {
        Family::Sums(Vec::new())
    }

    fn answer(&self, _query: &Query, totals: &Totals<'_>) -> Map<String, Value> {
        figures([("count", whole(&totals.samples))])
    }
}
