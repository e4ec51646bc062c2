//! Quantiles against `ndarray-stats`, and tables against the textbook's formula in doubles.

use std::collections::BTreeMap;

use ndarray::{Array1, Array2, Axis};
use ndarray_stats::interpolate::Midpoint;
use ndarray_stats::{Quantile1dExt, Sort1dExt};
use num_bigint::BigInt;
use proptest::prelude::*;

use super::{TOLERANCE, agree};
use crate::domain::Decimal;
use crate::statistics::contingency::contingency;
use crate::statistics::quantiles::{Bucket, quantiles};

/// Values between 0 and [`HIGHEST`] in buckets of `width`.
fn buckets(values: &[u16], width: u16) -> (Vec<Bucket>, Vec<BigInt>) {
    let whole = |number: u16| Decimal::new(number.into(), 0).unwrap();
    let mut counts: BTreeMap<u16, usize> = (0..=HIGHEST / width).map(|bucket| (bucket, 0)).collect();
    for value in values {
        *counts.get_mut(&(value / width)).unwrap() += 1;
    }
    let bucket = |at: &u16| Bucket { low: whole(at * width), high: whole(at * width + width - 1) };
    (counts.keys().map(bucket).collect(), counts.values().map(|count| BigInt::from(*count)).collect())
}

const HIGHEST: u16 = 999;
/// In hundredths.
const PROBABILITIES: [usize; 8] = [0, 1, 5, 25, 50, 75, 99, 100];

proptest! {
    #[test]
    fn quantiles_are_those_of_a_library_to_half_the_resolution(
        values in proptest::collection::vec(0..=HIGHEST, 1..300),
        width in 1_u16..50,
    ) {
        let (buckets, counts) = buckets(&values, width);
        let probabilities =
            PROBABILITIES.map(|hundredths| Decimal::new(i128::try_from(hundredths).unwrap(), 2).unwrap());
        let ours = quantiles(&buckets, &counts, &probabilities, Decimal::new(width.into(), 0).unwrap());
        // Twice as large, so that the midpoint of two whole numbers is one.
        let mut doubled = Array1::from_iter(values.iter().map(|value| 2 * i64::from(*value)));
        let half = f64::from(width - 1) / 2.0;
        let near = |ours: &serde_json::Value, doubled: i64| {
            let library = f64::from(i32::try_from(doubled).unwrap()) / 2.0;
            (ours.as_f64().unwrap() - library).abs() <= half + TOLERANCE
        };
        let median = doubled.quantile_mut(0.5.try_into().unwrap(), &Midpoint).unwrap();
        prop_assert!(near(&ours["median"], median), "{:?}", ours);
        for (hundredths, probability) in PROBABILITIES.iter().zip(probabilities) {
            let rank = (hundredths * values.len()).div_ceil(100).max(1);
            let library = doubled.get_from_sorted_mut(rank - 1);
            prop_assert!(near(&ours["quantiles"][probability.to_string()], library), "{:?} {probability}", ours);
        }
        let (low, high) = (*values.iter().min().unwrap(), *values.iter().max().unwrap());
        prop_assert_eq!(&ours["minimum"], low - low % width);
        prop_assert_eq!(&ours["maximum"], high - high % width + width - 1);
    }

    #[test]
    fn chi_square_is_that_of_the_textbook(
        (rows, columns, counts) in (2..6_usize, 2..6_usize).prop_flat_map(|(rows, columns)| {
            (Just(rows), Just(columns), proptest::collection::vec(1_u16..1000, rows * columns))
        }),
    ) {
        let names = |count: usize| -> Vec<String> { (0..count).map(|at| format!("category {at}")).collect() };
        let exact: Vec<BigInt> = counts.iter().map(|count| BigInt::from(*count)).collect();
        let ours = contingency(&names(rows), &names(columns), &exact);
        let observed =
            Array2::from_shape_vec((rows, columns), counts.iter().map(|count| f64::from(*count)).collect()).unwrap();
        let across = observed.sum_axis(Axis(1)).insert_axis(Axis(1));
        let down = observed.sum_axis(Axis(0)).insert_axis(Axis(0));
        let expected = across.dot(&down) / observed.sum();
        agree(&ours, "chi_square", ((&observed - &expected).pow2() / &expected).sum());
        prop_assert_eq!(&ours["degrees_of_freedom"], (rows - 1) * (columns - 1));
    }
}
