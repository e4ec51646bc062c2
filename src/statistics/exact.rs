//! From exact fractions to the numbers of a result: every digit where there are few, else one rounding at the end.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};
use serde_json::{Map, Number, Value};

use crate::domain::Decimal;

/// Digits behind the point that are written out: the 18 of a [`Decimal`], and two more for the mean of two midpoints.
const PLACES_MAX: usize = 20;
/// Bits of a root before it is rounded to the 53 of a double: enough to know on which side of a halfway point it lies.
const ROOT_BITS: u64 = 64;

/// Up to here every whole number is a double.
const DOUBLES_WHOLE_MAX: u128 = 1 << 53;

/// An object of named figures.
pub(super) fn figures<const N: usize>(entries: [(&str, Value); N]) -> Map<String, Value> {
    entries.into_iter().map(|(name, figure)| (name.to_owned(), figure)).collect()
}

/// A decimal as a fraction.
pub(super) fn fraction(decimal: Decimal) -> BigRational {
    BigRational::new(decimal.mantissa().into(), BigInt::from(10).pow(decimal.scale()))
}

/// `numerator / denominator`; `None` where that is no number.
pub(super) fn quotient(numerator: &BigRational, denominator: &BigRational) -> Option<BigRational> {
    (!denominator.is_zero()).then(|| numerator / denominator)
}

/// The double that is nearest to a fraction; infinite only where the fraction is beyond every double.
pub(super) fn nearest(value: &BigRational) -> f64 {
    value.to_f64().unwrap_or(f64::NAN)
}

/// The double that is nearest to the square root of a fraction; `None` for a negative one.
pub(super) fn root(square: &BigRational) -> Option<f64> {
    if square.is_negative() {
        return None;
    }
    // The square times 4^shift, cut off, has at least twice as many bits as its root shall have.
    let (numerator, denominator) = (square.numer(), square.denom());
    let shift = (2 * ROOT_BITS + denominator.bits()).saturating_sub(numerator.bits()).div_ceil(2);
    let scaled = numerator << (2 * shift);
    let whole = &scaled / denominator;
    let root = whole.sqrt();
    // A last bit that is not zero keeps an inexact root off the point halfway between two doubles.
    let cut = if &root * &root * denominator == scaled { BigInt::zero() } else { BigInt::one() };
    Some(nearest(&BigRational::new((root << 1) + cut, BigInt::one() << (shift + 1))))
}

/// A decimal number divided by a count above zero, as the nearest double.
pub(super) fn share(total: Decimal, count: &BigInt) -> Value {
    let divisor = count.to_i128().and_then(|count| count.checked_mul(10_i128.checked_pow(total.scale())?));
    let whole = |number: i128| (number.unsigned_abs() <= DOUBLES_WHOLE_MAX).then_some(number as f64);
    match whole(total.mantissa()).zip(divisor.and_then(whole)) {
        // Both are exact, so that the one rounding is that of the division.
        Some((total, divisor)) => double(Some(total / divisor)),
        None => number(quotient(&fraction(total), &BigRational::from(count.clone())).as_ref()),
    }
}

/// A decimal number, every digit of it.
pub(super) fn decimal(value: Decimal) -> Value {
    let whole = Number::from_i128(value.mantissa()).filter(|_| value.scale() == 0);
    whole.map_or_else(|| digits(&value.to_string()), Value::Number)
}

/// A fraction as the nearest double; null where there is none.
pub(super) fn number(value: Option<&BigRational>) -> Value {
    double(value.map(nearest))
}

/// The square root of a fraction as the nearest double; null where there is none.
pub(super) fn root_number(square: Option<&BigRational>) -> Value {
    double(square.and_then(root))
}

/// The square root of a fraction with the sign of another one; null where there is none.
pub(super) fn signed_root_number(signed: &BigRational, square: &BigRational) -> Value {
    double(root(square).map(|root| if signed.is_negative() { -root } else { root }))
}

/// A double; null where it is none or not finite.
fn double(value: Option<f64>) -> Value {
    value.and_then(Number::from_f64).map_or(Value::Null, Value::Number)
}

/// A whole number, every digit of it.
pub(super) fn whole(value: &BigInt) -> Value {
    digits(&value.to_string())
}

/// A fraction that is a decimal number, every digit of it; any other as the nearest double.
pub(super) fn every_digit(value: &BigRational) -> Value {
    let denominator = value.denom();
    let (mut unit, mut places) = (BigInt::one(), 0);
    while !(&unit % denominator).is_zero() {
        if places == PLACES_MAX {
            return number(Some(value));
        }
        unit *= 10;
        places += 1;
    }
    let magnitude = (value.numer().abs() * (unit / denominator)).to_string();
    let sign = if value.is_negative() { "-" } else { "" };
    let padded = format!("{magnitude:0>width$}", width = places + 1);
    let (before, behind) = padded.split_at(padded.len() - places);
    let point = if places == 0 { "" } else { "." };
    digits(&format!("{sign}{before}{point}{behind}"))
}

/// Digits as the JSON number that they are.
fn digits(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn power_of_two(exponent: i32) -> BigRational {
        BigRational::from_integer(2.into()).pow(exponent)
    }

    fn exactly(float: f64) -> BigRational {
        BigRational::from_float(float).unwrap()
    }

    /// No double lies nearer to `value` than `float`.
    fn is_nearest(float: f64, value: &BigRational) -> bool {
        let distance = |to: f64| (exactly(to) - value).abs();
        [float.next_up(), float.next_down()].into_iter().all(|other| distance(float) <= distance(other))
    }

    #[test]
    fn huge_and_tiny_quotients_are_rounded_once() {
        let huge = BigInt::from(7).pow(2000);
        let third = BigRational::new(huge.clone(), huge * 3);
        assert_eq!(nearest(&third), 1.0 / 3.0);
        assert_eq!(nearest(&power_of_two(-1074)), f64::from_bits(1));
        assert_eq!(nearest(&power_of_two(1024)), f64::INFINITY);
        assert_eq!(number(Some(&power_of_two(1024))), Value::Null);
        assert_eq!(nearest(&(-power_of_two(1023))), -(2_f64.powi(1023)));
        // Just above the point halfway between 1 and the next double.
        let above = BigRational::one() + power_of_two(-53) + power_of_two(-300);
        assert_eq!(nearest(&above), 1.0 + f64::EPSILON);
    }

    #[test]
    fn roots_of_squares_are_exact_and_negative_numbers_have_none() {
        for float in [0.0, 1.0, 1.5, 1e-150, 3e150, 12345.678] {
            assert_eq!(root(&exactly(float).pow(2)), Some(float), "{float}");
        }
        assert_eq!(root(&power_of_two(-2000)), Some(2_f64.powi(-1000)));
        assert_eq!(root(&power_of_two(2040)), Some(2_f64.powi(1020)));
        assert_eq!(root(&-BigRational::one()), None);
        assert_eq!(root_number(Some(&-BigRational::one())), Value::Null);
    }

    #[test]
    fn decimals_keep_every_digit() {
        for text in ["0", "31", "-0.05", "12345678901234567890123456789.000000000000000001", "1000"] {
            let (number, places) = text.split_once('.').map_or((text.to_owned(), 0), |(whole, behind)| {
                (format!("{whole}{behind}"), u32::try_from(behind.len()).unwrap())
            });
            let value = BigRational::new(number.parse().unwrap(), BigInt::from(10).pow(places));
            assert_eq!(every_digit(&value).to_string(), text);
        }
        assert_eq!(every_digit(&BigRational::new(1.into(), 3.into())).to_string(), (1.0 / 3.0).to_string());
        assert_eq!(fraction("-2.50".parse().unwrap()), BigRational::new((-5).into(), 2.into()));
    }

    proptest! {
        #[test]
        fn a_quotient_is_the_nearest_double(n: i128, d in 1..i128::MAX, up in 0_u32..400, down in 0_u32..400) {
            let value = BigRational::new(BigInt::from(n) << up, BigInt::from(d) << down);
            prop_assert!(is_nearest(nearest(&value), &value));
        }

        #[test]
        fn a_root_is_the_nearest_double(n in 1..i128::MAX, d in 1..i128::MAX, up in 0_u32..700, down in 0_u32..700) {
            let value = BigRational::new(BigInt::from(n) << up, BigInt::from(d) << down);
            let root = root(&value).unwrap();
            // It lies between the two points that are halfway to its neighbours.
            let half = BigRational::new(1.into(), 2.into());
            let below = (exactly(root) + exactly(root.next_down())) * &half;
            let above = (exactly(root) + exactly(root.next_up())) * &half;
            prop_assert!(below.pow(2) <= value && value <= above.pow(2));
        }

        #[test]
        fn a_share_of_a_decimal_is_the_nearest_double(
            mantissa: i128, shift in 0_u32..127, scale in 0_u32..19, count in 1..u64::MAX, fewer in 0_u32..64,
        ) {
            let total = Decimal::new(mantissa >> shift, scale).unwrap();
            let count = BigInt::from((count >> fewer).max(1));
            let exact = quotient(&fraction(total), &BigRational::from(count.clone()));
            prop_assert_eq!(share(total, &count), number(exact.as_ref()));
        }

        #[test]
        fn a_decimal_is_written_as_it_is(mantissa: i128, scale in 0_u32..19) {
            let decimal = Decimal::new(mantissa, scale).unwrap();
            prop_assert_eq!(every_digit(&fraction(decimal)).to_string(), decimal.to_string());
            prop_assert_eq!(super::decimal(decimal).to_string(), decimal.to_string());
        }
    }
}
