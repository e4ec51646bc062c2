//! Regression, against `linregress`.

use linregress::fit_low_level_regression_model;
use num_rational::BigRational;
use proptest::prelude::*;
use serde_json::Value;

use super::{Column, agree_within};
use crate::domain::INTERCEPT;
use crate::statistics::regression::{Products, regression};

/// Names for as many fields as are tested; the last is explained.
const NAMES: [&str; 6] = ["age", "bmi", "dose", "weight", "height", "pressure"];

/// How far the library's solution may be off, relative to a figure or to 1. It iterates towards singular values, and was
/// seen 2 · 10^−9 beside a solution in exact fractions, which ours was equal to in every digit.
const SOLVED: f64 = 1e-6;

/// Columns of one length, `NAMES` or fewer of them, with some records more than there are coefficients.
fn columns() -> impl Strategy<Value = Vec<Column>> {
    (2..=NAMES.len(), 20..300_usize)
        .prop_flat_map(|(fields, length)| proptest::collection::vec(Column::any(length), fields))
}

/// The sums of products of every two columns.
fn products(columns: &[Column]) -> Products {
    let upper: Vec<BigRational> = (0..columns.len())
        .flat_map(|i| (i..columns.len()).map(move |j| columns[i].product_sum(&columns[j])))
        .collect();
    Products::new(columns.len(), upper).unwrap()
}

proptest! {
    #[test]
    fn a_regression_is_that_of_a_library(columns in columns()) {
        let names = &NAMES[NAMES.len() - columns.len()..];
        let sums: Vec<BigRational> = columns.iter().map(|column| column.power_sum(1)).collect();
        let ours = regression(names, &columns[0].samples(), &sums, &products(&columns));
        // The library takes what is explained first, then the constant, row by row.
        let doubles: Vec<Vec<f64>> = columns.iter().map(Column::doubles).collect();
        let (explained, predictors) = doubles.split_last().unwrap();
        let rows: Vec<f64> = (0..explained.len())
            .flat_map(|at| [explained[at], 1.0].into_iter().chain(predictors.iter().map(move |it| it[at])))
            .collect();
        let theirs = fit_low_level_regression_model(&rows, explained.len(), names.len() + 1).unwrap();
        let keys: Vec<&str> =
            std::iter::once(INTERCEPT).chain(names[..names.len() - 1].iter().copied()).collect();
        for (part, library) in [("coefficients", theirs.parameters()), ("standard_errors", theirs.se())] {
            let part = ours[part].as_object().unwrap();
            prop_assert_eq!(part.len(), keys.len());
            for ((key, figure), error) in keys.iter().zip(library).zip(theirs.se()) {
                // What the records leave open the library solves less well.
                agree_within(SOLVED * error.max(1.0), part, key, *figure);
            }
        }
        agree_within(SOLVED, &ours, "r_squared", theirs.rsquared());
    }

    #[test]
    fn the_order_of_predictors_does_not_matter(columns in columns()) {
        let fit = |columns: &[Column], names: &[&str]| -> Value {
            let sums: Vec<BigRational> = columns.iter().map(|column| column.power_sum(1)).collect();
            regression(names, &columns[0].samples(), &sums, &products(columns)).into()
        };
        let names = NAMES[..columns.len()].to_vec();
        let (mut turned, mut turned_names) = (columns.clone(), names.clone());
        let predictors = columns.len() - 1;
        turned[..predictors].reverse();
        turned_names[..predictors].reverse();
        prop_assert_eq!(fit(&columns, &names), fit(&turned, &turned_names));
    }
}
