//! Two fields together: how they vary with each other, and the line through them.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed};
use serde_json::{Map, Value};

use super::definition::{Definition, Totals};
use super::exact::{figures, number, quotient, signed_root_number};
use super::family::Family;
use super::monomial::Monomial;
use crate::domain::Query;

/// What the sums, the sums of squares and the sum of products of two fields say. The slope is that of the second field
/// on the first. A figure that does not exist for these data is null.
pub(super) fn bivariate(
    samples: &BigInt,
    sums: [&BigRational; 2],
    squares: [&BigRational; 2],
    product: &BigRational,
) -> Map<String, Value> {
    let samples = BigRational::from(samples.clone());
    let counted = samples.is_positive().then_some(&samples);
    let [x, y] = sums;
    let [xx, yy] = squares;
    // Each is n² times the (co)variance with divisor n, so that nothing is divided before it is subtracted.
    let deviation = |square: &BigRational, sum: &BigRational| {
        counted.map(|n| n * square - sum * sum).filter(BigRational::is_positive)
    };
    let (in_x, in_y) = (deviation(xx, x), deviation(yy, y));
    let together = counted.map(|n| n * product - x * y);
    let covariance_mle = together.as_ref().and_then(|it| quotient(it, &samples.pow(2)));
    let covariance =
        together.as_ref().and_then(|it| quotient(it, &(&samples * (&samples - BigRational::one()))));
    let slope = together.as_ref().and_then(|it| quotient(it, in_x.as_ref()?));
    let intercept = slope.as_ref().and_then(|slope| quotient(&(y - slope * x), &samples));
    let through_origin = counted.filter(|_| xx.is_positive()).and_then(|_| quotient(product, xx));
    figures([
        ("covariance", number(covariance.as_ref())),
        ("covariance_mle", number(covariance_mle.as_ref())),
        ("correlation_coefficient", correlation(together.as_ref(), in_x.as_ref(), in_y.as_ref())),
        ("regression_slope", number(slope.as_ref())),
        ("regression_intercept", number(intercept.as_ref())),
        ("regression_slope_only", number(through_origin.as_ref())),
    ])
}

/// `together` / √(`in_x` · `in_y`), unless noise put it beyond −1 and 1.
fn correlation(
    together: Option<&BigRational>,
    in_x: Option<&BigRational>,
    in_y: Option<&BigRational>,
) -> Value {
    let parts = || {
        let square = quotient(&together?.pow(2), &(in_x? * in_y?))?;
        (square <= BigRational::one()).then_some((together?, square))
    };
    parts().map_or(Value::Null, |(together, square)| signed_root_number(together, &square))
}

pub(super) struct Bivariate;

impl Definition for Bivariate {
    fn family(&self, _query: &Query) -> Family {
        let [x, y] = [0, 1].map(Monomial::of);
        Family::Sums(vec![x, y, x.times(0), y.times(1), x.times(1)])
    }

    fn answer(&self, _query: &Query, totals: &Totals<'_>) -> Map<String, Value> {
        let sums = [0, 1].map(|number| totals.sum(Monomial::of(number)));
        let squares = [0, 1].map(|number| totals.sum(Monomial::power(number, 2)));
        let product = totals.sum(Monomial::of(0).times(1));
        bivariate(&totals.samples, sums.each_ref(), squares.each_ref(), &product)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(pairs: &[(i64, i64)]) -> Map<String, Value> {
        let sum = |term: fn(i64, i64) -> i64| {
            BigRational::from_integer(pairs.iter().map(|(x, y)| term(*x, *y)).sum::<i64>().into())
        };
        bivariate(
            &pairs.len().into(),
            [&sum(|x, _| x), &sum(|_, y| y)],
            [&sum(|x, _| x * x), &sum(|_, y| y * y)],
            &sum(|x, y| x * y),
        )
    }

    #[track_caller]
    fn are(figures: &Map<String, Value>, expected: [Option<f64>; 6]) {
        let names = [
            "covariance",
            "covariance_mle",
            "correlation_coefficient",
            "regression_slope",
            "regression_intercept",
            "regression_slope_only",
        ];
        assert_eq!(names.map(|name| figures[name].as_f64()), expected);
        assert_eq!(figures.len(), names.len());
    }

    #[test]
    fn points_on_a_line_give_the_line() {
        // y = 3 − 2x
        let falling = described(&[(-1, 5), (0, 3), (2, -1), (3, -3)]);
        are(&falling, [Some(-20.0 / 3.0), Some(-5.0), Some(-1.0), Some(-2.0), Some(3.0), Some(-16.0 / 14.0)]);
    }

    #[test]
    fn one_record_has_no_line_but_one_through_the_origin() {
        are(&described(&[(2, 6)]), [None, Some(0.0), None, None, None, Some(3.0)]);
        are(&described(&[(0, 6)]), [None, Some(0.0), None, None, None, None]);
    }

    #[test]
    fn without_records_nothing_is_known() {
        are(&described(&[]), [None; 6]);
    }

    #[test]
    fn a_field_that_is_all_equal_correlates_with_nothing() {
        are(&described(&[(4, 1), (4, 3)]), [Some(0.0), Some(0.0), None, None, None, Some(0.5)]);
        are(
            &described(&[(1, 4), (3, 4)]),
            [Some(0.0), Some(0.0), None, Some(0.0), Some(4.0), Some(16.0 / 10.0)],
        );
    }

    #[test]
    fn noise_that_no_data_can_make_gives_null() {
        let whole = |number: i64| BigRational::from_integer(number.into());
        // The variance of x is negative.
        let figures =
            bivariate(&10.into(), [&whole(100), &whole(100)], [&whole(900), &whole(2000)], &whole(1500));
        are(&figures, [Some(500.0 / 9.0), Some(50.0), None, None, None, Some(15.0 / 9.0)]);
        // The covariance is larger than the variances.
        let figures = bivariate(&10.into(), [&whole(0), &whole(0)], [&whole(10), &whole(10)], &whole(30));
        are(&figures, [Some(30.0 / 9.0), Some(3.0), None, Some(3.0), Some(0.0), Some(3.0)]);
        // Fewer records than none.
        let figures = bivariate(&(-2).into(), [&whole(1), &whole(1)], [&whole(1), &whole(1)], &whole(1));
        are(&figures, [None; 6]);
    }

    #[test]
    fn data_far_from_zero_lose_no_digit() {
        let far = 1_000_000_000;
        let near = described(&[(0, 1), (1, 0), (2, 3), (3, 3)]);
        let moved = described(&[(far, far + 1), (far + 1, far), (far + 2, far + 3), (far + 3, far + 3)]);
        for name in ["covariance", "covariance_mle", "correlation_coefficient", "regression_slope"] {
            assert_eq!(near[name], moved[name], "{name}");
        }
    }
}
