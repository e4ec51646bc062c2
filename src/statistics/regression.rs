//! One field explained by others: least squares from sums and sums of products, solved exactly.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed};
use serde_json::{Map, Value};

use super::definition::{Definition, Totals};
use super::elimination::{Inverse, inverse};
use super::exact::{figures, number, quotient, root_number};
use super::family::Family;
use super::monomial::Monomial;
use crate::domain::{INTERCEPT, Query};

/// The sums of products of every two of some fields.
pub(super) struct Products {
    order: usize,
    /// Row by row, each from its diagonal on: 0·0, 0·1, …, 1·1, 1·2, …
    upper: Vec<BigRational>,
}

impl Products {
    /// Of `order` fields, row by row, each row from its diagonal on. `None` for another number of sums.
    pub(super) fn new(order: usize, upper: Vec<BigRational>) -> Option<Self> {
        (upper.len() == order * (order + 1) / 2).then_some(Self { order, upper })
    }

    /// The sum of products of the fields `i` and `j`, in either order.
    fn at(&self, i: usize, j: usize) -> Option<&BigRational> {
        let (i, j) = (i.min(j), i.max(j));
        // The rows before row i have `order`, `order` − 1, … cells.
        let before = i * (2 * self.order).saturating_sub(i.saturating_sub(1)) / 2;
        self.upper.get(before + (j - i)).filter(|_| j < self.order)
    }
}

/// The normal equations: X'X, X'y and y'y, where X begins with the constant 1.
struct Normal {
    matrix: Vec<Vec<BigRational>>,
    right: Vec<BigRational>,
    /// Σy² and Σy.
    explained: (BigRational, BigRational),
}

/// A solution of the normal equations.
struct Fit {
    coefficients: Vec<BigRational>,
    /// The squares of the standard errors; `None` where no record is left over to estimate them.
    squared_errors: Option<Vec<BigRational>>,
    r_squared: Option<BigRational>,
}

impl Normal {
    fn new(samples: &BigInt, sums: &[BigRational], products: &Products) -> Option<Self> {
        let samples = BigRational::from(samples.clone());
        // Field 0 is the constant 1.
        let moment = |i: usize, j: usize| match (i.checked_sub(1), j.checked_sub(1)) {
            (None, None) => Some(&samples),
            (None, Some(field)) | (Some(field), None) => sums.get(field),
            (Some(i), Some(j)) => products.at(i, j),
        };
        let last = sums.len();
        let row = |i: usize| (0..last).map(|j| moment(i, j).cloned()).collect::<Option<Vec<_>>>();
        Some(Self {
            matrix: (0..last).map(row).collect::<Option<_>>()?,
            right: (0..last).map(|i| moment(i, last).cloned()).collect::<Option<_>>()?,
            explained: (moment(last, last)?.clone(), moment(0, last)?.clone()),
        })
    }

    /// A number that makes every entry of both sides whole.
    fn scale(&self) -> BigInt {
        let entries = self.matrix.iter().flatten().chain(&self.right);
        entries.fold(BigInt::one(), |scale, entry| (entry * &scale).denom() * scale)
    }

    /// Solves the equations; `None` where the predictors do not determine one solution.
    fn solve(&self, samples: &BigInt) -> Option<Fit> {
        let scale = self.scale();
        let whole = |row: &Vec<BigRational>| -> Vec<BigInt> {
            row.iter().map(|entry| (entry * &scale).to_integer()).collect()
        };
        let Inverse { adjugate, determinant } = inverse(self.matrix.iter().map(whole).collect())?;
        let product = |left: &[BigInt], right: &[BigInt]| left.iter().zip(right).map(|(a, b)| a * b).sum();
        // Whole numbers as long as there are any: every fraction of such length costs its greatest common divisor.
        let right = whole(&self.right);
        let solved: Vec<BigInt> = adjugate.iter().map(|row| product(row, &right)).collect();
        let fitted = BigRational::new(product(&solved, &right), &determinant * &scale);
        // The inverse of X'X is this times the adjugate.
        let factor = BigRational::new(scale, determinant.clone());
        let over = |numerator| BigRational::new(numerator, determinant.clone());
        let coefficients: Vec<BigRational> = solved.into_iter().map(over).collect();
        let (square, sum) = &self.explained;
        // Noise can make either negative; then neither is a sum of squares.
        let residual = Some(square - fitted).filter(|it| !it.is_negative());
        let deviation = square - sum * sum / samples;
        let r_squared = residual
            .as_ref()
            .and_then(|residual| Some(BigRational::one() - quotient(residual, &deviation)?))
            .filter(|it| !it.is_negative() && it <= &BigRational::one());
        let spare = samples - coefficients.len();
        let variance = residual.filter(|_| spare.is_positive()).map(|residual| residual / spare);
        let squared_errors = variance.map(|variance| {
            let diagonal = adjugate.iter().enumerate().filter_map(|(i, row)| row.get(i));
            diagonal.map(|cell| &variance * &factor * cell).collect()
        });
        Some(Fit { coefficients, squared_errors, r_squared })
    }
}

/// The least squares line of the last of the fields over the others and a constant. Where these do not determine one
/// line (too few records, or a predictor that follows from the others) every figure is null.
pub(super) fn regression(
    names: &[&str],
    samples: &BigInt,
    sums: &[BigRational],
    products: &Products,
) -> Map<String, Value> {
    let fit = Normal::new(samples, sums, products).and_then(|normal| normal.solve(samples));
    let fit = fit.as_ref();
    let predictors = names.split_last().map_or(names, |(_, predictors)| predictors);
    let named = |figure: &dyn Fn(usize) -> Value| -> Value {
        // The intercept is the first unknown, and the last figure.
        let all = (1..).zip(predictors).chain([(0, &INTERCEPT)]);
        Value::Object(all.map(|(at, name)| ((*name).to_owned(), figure(at))).collect())
    };
    figures([
        ("coefficients", named(&|at| number(fit.and_then(|fit| fit.coefficients.get(at))))),
        ("standard_errors", named(&|at| root_number(fit.and_then(|fit| fit.squared_errors.as_ref()?.get(at))))),
        ("r_squared", number(fit.and_then(|fit| fit.r_squared.as_ref()))),
    ])
}

pub(super) struct Regression;

impl Regression {
    /// Every number by itself, then every pair, in the order of [`Products`].
    fn pairs(count: usize) -> impl Iterator<Item = Monomial> {
        (0..count).flat_map(move |one| (one..count).map(move |other| Monomial::of(one).times(other)))
    }
}

impl Definition for Regression {
    fn family(&self, query: &Query) -> Family {
        let count = query.fields.len();
        Family::Sums((0..count).map(Monomial::of).chain(Self::pairs(count)).collect())
    }

    fn answer(&self, query: &Query, totals: &Totals<'_>) -> Map<String, Value> {
        let names: Vec<_> = query.fields.iter().map(|field| field.name.as_str()).collect();
        let sums: Vec<_> = (0..names.len()).map(|number| totals.sum(Monomial::of(number))).collect();
        let products = Self::pairs(names.len()).map(|pair| totals.sum(pair)).collect();
        let products = Products::new(names.len(), products);
        products.map(|products| regression(&names, &totals.samples, &sums, &products)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fits rows whose last value is explained.
    fn fitted(names: &[&str], rows: &[&[i64]]) -> Map<String, Value> {
        let (sums, products) = summed(names.len(), rows);
        regression(names, &rows.len().into(), &sums, &products)
    }

    fn summed(order: usize, rows: &[&[i64]]) -> (Vec<BigRational>, Products) {
        let whole = |sum: i64| BigRational::from_integer(sum.into());
        let sums = (0..order).map(|i| whole(rows.iter().map(|row| row[i]).sum())).collect();
        let upper = (0..order)
            .flat_map(|i| (i..order).map(move |j| whole(rows.iter().map(|row| row[i] * row[j]).sum())))
            .collect();
        (sums, Products::new(order, upper).unwrap())
    }

    #[track_caller]
    fn all_null(figures: &Map<String, Value>, names: usize) {
        assert_eq!(figures["r_squared"], Value::Null);
        for part in ["coefficients", "standard_errors"] {
            let part = figures[part].as_object().unwrap();
            assert_eq!(part.len(), names);
            assert!(part.values().all(Value::is_null), "{part:?}");
        }
    }

    #[test]
    fn a_plane_is_found_exactly() {
        // y = 7 + 2a − 3b
        let figures = fitted(&["a", "b", "y"], &[&[0, 0, 7], &[1, 0, 9], &[0, 1, 4], &[2, 3, 2], &[-4, 1, -4]]);
        let coefficients = &figures["coefficients"];
        assert_eq!(coefficients["a"].as_f64(), Some(2.0));
        assert_eq!(coefficients["b"].as_f64(), Some(-3.0));
        assert_eq!(coefficients["intercept"].as_f64(), Some(7.0));
        assert_eq!(figures["standard_errors"]["a"].as_f64(), Some(0.0));
        assert_eq!(figures["r_squared"].as_f64(), Some(1.0));
    }

    #[test]
    fn standard_errors_are_those_of_the_textbook() {
        // y on x over (1, 1), (2, 3), (3, 2), (4, 5): slope 1.1, intercept 0, residual sum of squares 2.7; the errors
        // are √0.27 and √2.025.
        let figures = fitted(&["x", "y"], &[&[1, 1], &[2, 3], &[3, 2], &[4, 5]]);
        assert_eq!(figures["coefficients"]["x"].as_f64(), Some(1.1));
        assert_eq!(figures["coefficients"]["intercept"].as_f64(), Some(0.0));
        assert_eq!(figures["standard_errors"]["x"].as_f64(), Some(0.519_615_242_270_663_1));
        assert_eq!(figures["standard_errors"]["intercept"].as_f64(), Some(1.423_024_947_075_770_8));
        assert_eq!(figures["r_squared"].as_f64(), Some(1.0 - 2.7 / 8.75));
    }

    #[test]
    fn as_many_records_as_coefficients_leave_nothing_for_the_errors() {
        let figures = fitted(&["x", "y"], &[&[1, 5], &[3, 9]]);
        assert_eq!(figures["coefficients"]["x"].as_f64(), Some(2.0));
        assert_eq!(figures["standard_errors"]["x"], Value::Null);
        assert_eq!(figures["r_squared"].as_f64(), Some(1.0));
    }

    #[test]
    fn too_few_records_determine_no_line() {
        all_null(&fitted(&["x", "y"], &[]), 2);
        all_null(&fitted(&["x", "y"], &[&[1, 5]]), 2);
        all_null(&fitted(&["a", "b", "y"], &[&[1, 2, 3], &[2, 1, 4]]), 3);
    }

    #[test]
    fn a_predictor_that_follows_from_the_others_determines_no_line() {
        all_null(&fitted(&["x", "y"], &[&[4, 1], &[4, 2], &[4, 3]]), 2);
        // b = 2a + 1
        all_null(&fitted(&["a", "b", "y"], &[&[0, 1, 3], &[1, 3, 4], &[2, 5, 9], &[5, 11, 2]]), 3);
    }

    #[test]
    fn a_constant_is_explained_by_itself() {
        let figures = fitted(&["x", "y"], &[&[1, 6], &[2, 6], &[3, 6]]);
        assert_eq!(figures["coefficients"]["x"].as_f64(), Some(0.0));
        assert_eq!(figures["coefficients"]["intercept"].as_f64(), Some(6.0));
        assert_eq!(figures["standard_errors"]["x"].as_f64(), Some(0.0));
        assert_eq!(figures["r_squared"], Value::Null);
    }

    #[test]
    fn noise_that_no_data_can_make_gives_null() {
        let whole = |number: i64| BigRational::from_integer(number.into());
        let solve = |samples: i64, upper: [i64; 3]| {
            let products = Products::new(2, upper.map(whole).to_vec()).unwrap();
            regression(&["x", "y"], &samples.into(), &[whole(10), whole(10)], &products)
        };
        // A negative variance of x, and fewer records than none.
        all_null(&solve(10, [5, 10, 20]), 2);
        all_null(&solve(-10, [50, 10, 20]), 2);
        // More is explained than there is.
        let figures = solve(10, [20, 40, 30]);
        assert_eq!(figures["coefficients"]["x"].as_f64(), Some(3.0));
        assert_eq!(figures["standard_errors"]["x"], Value::Null);
        assert_eq!(figures["r_squared"], Value::Null);
    }

    #[test]
    fn products_are_found_in_either_order() {
        let whole = |number: usize| BigRational::from_integer(number.into());
        let order = 5;
        let upper = (0..order).flat_map(|i| (i..order).map(move |j| whole(10 * i + j))).collect();
        let products = Products::new(order, upper).unwrap();
        for (i, j) in (0..order).flat_map(|i| (0..order).map(move |j| (i, j))) {
            assert_eq!(products.at(i, j), Some(&whole(10 * i.min(j) + i.max(j))), "{i} {j}");
        }
        assert_eq!((products.at(0, 5), products.at(5, 5)), (None, None));
        assert!(Products::new(2, vec![whole(1)]).is_none());
    }
}
