//! Exact decimal numbers, so that 0.1 is 0.1 from the owner's table to the printed total.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Digits behind the decimal point that a number may have.
const SCALE_MAX: u32 = 18;

/// `mantissa` · 10^−`scale`, with the smallest scale that is exact, so equal numbers are equal in every byte.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Decimal {
    mantissa: i128,
    scale: u32,
}

/// What comes from elsewhere: any two numbers.
#[derive(Deserialize)]
struct Unchecked {
    mantissa: i128,
    scale: u32,
}

impl TryFrom<Unchecked> for Decimal {
    type Error = DecimalError;

    /// Takes nothing but the one form that this node would write.
    fn try_from(unchecked: Unchecked) -> Result<Self, DecimalError> {
        let Unchecked { mantissa, scale } = unchecked;
        Self::new(mantissa, scale)
            .filter(|decimal| (decimal.mantissa, decimal.scale) == (mantissa, scale))
            .ok_or(DecimalError::TooPrecise)
    }
}

/// Why a text is not a decimal number. It does not repeat the text, which may be private.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Something else than digits, a sign, a point and an exponent; also NaN and infinities.
    #[error("not a decimal number")]
    NotANumber,
    /// More digits behind the point than can be kept exactly.
    #[error("more than 18 digits behind the decimal point")]
    TooPrecise,
    /// Does not fit 127 bits.
    #[error("the number is too large")]
    TooLarge,
}

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self { mantissa: 0, scale: 0 };
    /// One.
    pub const ONE: Self = Self { mantissa: 1, scale: 0 };

    /// `mantissa` · 10^−`scale`. `None` for a scale above 18.
    pub fn new(mantissa: i128, scale: u32) -> Option<Self> {
        (scale <= SCALE_MAX).then(|| Self { mantissa, scale }.normalised())
    }

    /// The integer in front of the power of ten.
    pub const fn mantissa(self) -> i128 {
        self.mantissa
    }

    /// Whether it fits the messages between nodes, whose integers have 64 bits.
    pub fn is_announced(self) -> bool {
        i64::try_from(self.mantissa).is_ok()
    }

    /// Digits behind the point, 0 to 18.
    pub const fn scale(self) -> u32 {
        self.scale
    }

    /// This number as a multiple of 10^−`scale`; `None` where it is not one or overflows.
    pub fn at_scale(self, scale: u32) -> Option<i128> {
        let shift = scale.checked_sub(self.scale)?;
        self.mantissa.checked_mul(10_i128.checked_pow(shift)?)
    }

    /// This number times an integer, exactly; `None` on overflow.
    pub fn times(self, factor: i128) -> Option<Self> {
        Some(Self { mantissa: self.mantissa.checked_mul(factor)?, ..self }.normalised())
    }

    const fn normalised(mut self) -> Self {
        if self.mantissa == 0 {
            self.scale = 0;
        }
        while self.scale > 0 && self.mantissa % 10 == 0 {
            self.mantissa /= 10;
            self.scale -= 1;
        }
        self
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    /// By value: whole parts first, then what is behind the point, which fits at every scale.
    fn cmp(&self, other: &Self) -> Ordering {
        let parts = |number: &Self| {
            let unit = 10_i128.pow(number.scale);
            let behind = number.mantissa.rem_euclid(unit) * 10_i128.pow(SCALE_MAX - number.scale);
            (number.mantissa.div_euclid(unit), behind)
        };
        parts(self).cmp(&parts(other))
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => {
                (number, exponent.parse::<i32>().map_err(|_| DecimalError::NotANumber)?)
            }
            None => (text, 0),
        };
        let (negative, digits) = match number.as_bytes() {
            [b'-', ..] => (true, &number[1..]),
            [b'+', ..] => (false, &number[1..]),
            _ => (false, number),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let both = whole.len() + fraction.len();
        if both == 0 || !whole.bytes().chain(fraction.bytes()).all(|c| c.is_ascii_digit()) {
            return Err(DecimalError::NotANumber);
        }
        let fraction = fraction.trim_end_matches('0');
        let mut mantissa = 0_i128;
        for digit in whole.bytes().chain(fraction.bytes()) {
            let digit = i128::from(digit - b'0') * if negative { -1 } else { 1 };
            mantissa = mantissa
                .checked_mul(10)
                .and_then(|tens| tens.checked_add(digit))
                .ok_or(DecimalError::TooLarge)?;
        }
        if mantissa == 0 {
            return Ok(Self { mantissa: 0, scale: 0 });
        }
        let places = i64::try_from(fraction.len()).map_err(|_| DecimalError::TooPrecise)? - i64::from(exponent);
        if places < 0 {
            let shift = u32::try_from(-places).map_err(|_| DecimalError::TooLarge)?;
            let factor = 10_i128.checked_pow(shift).ok_or(DecimalError::TooLarge)?;
            return Ok(Self {
                mantissa: mantissa.checked_mul(factor).ok_or(DecimalError::TooLarge)?,
                scale: 0,
            });
        }
        // Trailing zeros of the mantissa take places away again, as in `10e-1`.
        let (mut mantissa, mut places) = (mantissa, places);
        while places > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            places -= 1;
        }
        let scale = u32::try_from(places).ok().filter(|scale| *scale <= SCALE_MAX);
        Ok(Self { mantissa, scale: scale.ok_or(DecimalError::TooPrecise)? })
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scale == 0 {
            return write!(f, "{}", self.mantissa);
        }
        let unit = 10_u128.pow(self.scale);
        let magnitude = self.mantissa.unsigned_abs();
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let places = self.scale as usize;
        write!(f, "{sign}{}.{:0places$}", magnitude / unit, magnitude % unit)
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn text_is_read_exactly_and_written_back() {
        for (text, written) in [
            ("0", "0"),
            ("-0.0", "0"),
            ("41", "41"),
            ("-3.50", "-3.5"),
            ("+.25", "0.25"),
            ("7.", "7"),
            ("1e3", "1000"),
            ("12.5E-3", "0.0125"),
            ("10e-1", "1"),
            ("-0.05", "-0.05"),
        ] {
            assert_eq!(decimal(text).to_string(), written, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_number_is_refused() {
        for text in ["", ".", "-", "e3", "1e", "NaN", "inf", "0x10", "1_000", "1,5", " 1", "--1"] {
            assert_eq!(text.parse::<Decimal>(), Err(DecimalError::NotANumber), "{text}");
        }
        assert_eq!("1e-19".parse::<Decimal>(), Err(DecimalError::TooPrecise));
        assert_eq!("1e39".parse::<Decimal>(), Err(DecimalError::TooLarge));
        assert_eq!("9".repeat(40).parse::<Decimal>(), Err(DecimalError::TooLarge));
    }

    #[test]
    fn order_is_by_value() {
        assert!(decimal("0.1") < decimal("0.11"));
        assert!(decimal("-2") < decimal("-1.999"));
        assert!(decimal("170141183460469231731687303715884105727") > decimal("0.000000000000000001"));
        assert_eq!(decimal("2.50"), decimal("2.5"));
        let (whole, above) =
            (decimal("170141183460469231731.7"), decimal("170141183460469231731.70000000000000001"));
        assert!(whole < above);
        assert!(decimal("-0.5") < decimal("0.25") && decimal("-1.5") < decimal("-1.25"));
    }

    #[test]
    fn only_the_one_form_is_taken_from_elsewhere() {
        for (mantissa, scale) in [(1, 19), (1, u32::MAX), (10, 1), (0, 3)] {
            assert!(Decimal::try_from(Unchecked { mantissa, scale }).is_err(), "{mantissa} {scale}");
        }
        assert!(Decimal::try_from(Unchecked { mantissa: -25, scale: 2 }).is_ok());
    }
}
