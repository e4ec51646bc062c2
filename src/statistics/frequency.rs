//! How many records have each category of a field.

use num_bigint::BigInt;
use num_traits::Signed;
use serde_json::{Map, Value};

use super::axis::Axis;
use super::definition::{Definition, Totals};
use super::exact::{figures, whole};
use super::family::Family;
use crate::domain::Query;

/// The count of every category, and the most frequent one. Counts that noise made negative are shown as they are.
pub(super) fn frequency(categories: &[String], counts: &[BigInt]) -> Map<String, Value> {
    let histogram: Map<String, Value> =
        categories.iter().zip(counts).map(|(name, count)| (name.clone(), whole(count))).collect();
    let mode = most_frequent(counts).and_then(|at| categories.get(at));
    figures([
        ("histogram", Value::Object(histogram)),
        ("mode", mode.map_or(Value::Null, |name| name.as_str().into())),
    ])
}

/// Where the largest count is, the first of several; `None` where nothing is counted.
pub(super) fn most_frequent(counts: &[BigInt]) -> Option<usize> {
    // Of equal ones `max_by_key` gives the last.
    let largest = counts.iter().enumerate().rev().max_by_key(|(_, count)| *count);
    largest.filter(|(_, count)| count.is_positive()).map(|(at, _)| at)
}

pub(super) struct Frequency;

impl Definition for Frequency {
    fn family(&self, query: &Query) -> Family {
        Family::Cells(query.fields.iter().filter_map(Axis::of_values).collect())
    }

    fn answer(&self, query: &Query, totals: &Totals<'_>) -> Map<String, Value> {
        let names = query.fields.first().and_then(Axis::of_values).map(|axis| axis.names());
        frequency(&names.unwrap_or_default(), &totals.cells)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(counts: [i64; 3]) -> String {
        let categories = ["never", "now", "former"].map(str::to_owned);
        Value::Object(frequency(&categories, &counts.map(BigInt::from))).to_string()
    }

    #[test]
    fn categories_that_nobody_has_are_shown_and_all_stand_as_declared() {
        assert_eq!(shown([0, 7, 2]), r#"{"histogram":{"never":0,"now":7,"former":2},"mode":"now"}"#);
    }

    #[test]
    fn of_equally_frequent_categories_the_first_declared_is_the_mode() {
        assert_eq!(shown([1, 3, 3]), r#"{"histogram":{"never":1,"now":3,"former":3},"mode":"now"}"#);
        assert_eq!(shown([5, 5, 5]), r#"{"histogram":{"never":5,"now":5,"former":5},"mode":"never"}"#);
    }

    #[test]
    fn where_nothing_is_counted_there_is_no_mode() {
        assert_eq!(shown([0, 0, 0]), r#"{"histogram":{"never":0,"now":0,"former":0},"mode":null}"#);
    }

    #[test]
    fn counts_that_noise_made_negative_are_shown_as_they_are() {
        assert_eq!(shown([-3, 0, -1]), r#"{"histogram":{"never":-3,"now":0,"former":-1},"mode":null}"#);
        assert_eq!(shown([-3, 0, 1]), r#"{"histogram":{"never":-3,"now":0,"former":1},"mode":"former"}"#);
    }
}
