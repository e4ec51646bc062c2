//! Noise on request, so that a result is differentially private.
//!
//! Every heavy node adds discrete Laplace noise of scale sensitivity / ε of its own, so one honest heavy node is
//! enough for ε-differential privacy, whatever the others know. The price: the noises of all n add up.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Decimal;
use super::limits::NOISE_SCALE_BITS_MAX;

/// The smallest and the largest ε, in millionths.
const EPSILON_MICROS: std::ops::RangeInclusive<i128> = 1..=1_000_000_000;
/// How much noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noise {
    /// The privacy loss: the smaller, the more private and the less accurate.
    pub epsilon: Decimal,
}

/// An ε outside 0.000001 to 1000, or finer than a millionth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("epsilon is {0}; it must be between 0.000001 and 1000, with at most 6 decimals")]
pub struct NoiseError(pub Decimal);

impl Noise {
    /// The name of the mechanism.
    pub const MECHANISM: &'static str = "discrete-laplace";

    /// Checks ε.
    ///
    /// # Errors
    /// `NoiseError` for an ε that is out of range.
    pub fn check(self) -> Result<(), NoiseError> {
        let in_range = self.epsilon.at_scale(6).is_some_and(|micros| EPSILON_MICROS.contains(&micros));
        if in_range { Ok(()) } else { Err(NoiseError(self.epsilon)) }
    }

    /// ε as a fraction: numerator, denominator.
    pub fn ratio(self) -> (u128, u128) {
        let micros = self.epsilon.at_scale(6).and_then(|micros| u128::try_from(micros).ok());
        (micros.unwrap_or(1).max(1), 1_000_000)
    }

    /// What the sum of `heavy` noises stays below in magnitude, in steps, but for a chance of less than 2^−40. Integers alone: the same
    /// on every machine. `None` for more than fits, and for a scale that no noise is drawn at.
    ///
    /// For 0 ≤ u < 1 discrete Laplace noise X of scale t has E[exp(u·X/t)] = (cosh a − 1) / (cosh a − cosh ua), a = 1/t, which is at
    /// most 1 / (1 − u²): compare the power series term by term. So for a sum S of n of them P(|S| ≥ B) ≤ 2 · (1 − u²)^−n · exp(−u·B/t),
    /// and with u = 3/4 that is below 2^−40 as soon as B ≥ 4/3 · t · (41 ln 2 + n ln(16/7)). Here 41 ln 2 < 28.42, ln(16/7) < 0.8268.
    ///
    /// # Shapes and units
    /// `sensitivity` is how far one participant can move the total, in steps; t = `sensitivity` / ε.
    pub fn bound(self, sensitivity: u128, heavy: usize) -> Option<u128> {
        let (numerator, denominator) = self.ratio();
        let scale = sensitivity.checked_mul(denominator)? / numerator;
        if scale >> NOISE_SCALE_BITS_MAX != 0 {
            return None;
        }
        let factor = u128::try_from(heavy).ok()?.checked_mul(8_268)?.checked_add(284_200)?.checked_mul(4)?;
        let above = factor.checked_mul(sensitivity)?.checked_mul(denominator)?;
        Some(above.div_ceil(numerator.checked_mul(30_000)?)).filter(|bound| *bound < 1 << 127)
    }

    /// The standard deviation of the sum of `heavy` noises, in steps.
    pub fn standard_deviation(self, sensitivity: u128, heavy: usize) -> f64 {
        let (numerator, denominator) = self.ratio();
        #[expect(clippy::cast_precision_loss, reason = "a standard deviation is a rounded number")]
        let (inverse_scale, heavy) =
            (numerator as f64 / (denominator as f64 * sensitivity.max(1) as f64), heavy as f64);
        // Var = 2 q / (1 − q)² with q = e^(−1/scale), which is 1 / (2 sinh²(1 / (2 scale))).
        let half = (inverse_scale / 2.0).sinh();
        (heavy / 2.0).sqrt() / half
    }
}

impl fmt::Display for Noise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ε = {}", self.epsilon)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(text: &str) -> Noise {
        Noise { epsilon: text.parse().unwrap() }
    }

    #[test]
    fn epsilon_has_limits() {
        for good in ["0.000001", "0.5", "1", "1000"] {
            noise(good).check().unwrap();
        }
        for bad in ["0", "-1", "0.0000001", "1000.000001", "0.1234567"] {
            let error = noise(bad).check().unwrap_err().to_string();
            assert!(error.contains(&noise(bad).epsilon.to_string()), "{error}");
        }
    }

    #[test]
    fn the_standard_deviation_is_that_of_the_discrete_distribution() {
        // Summed by hand: Var = Σ z² (1 − q)/(1 + q) q^|z|.
        let q = (-1.0_f64 / 3.0).exp();
        let variance: f64 =
            (1..2_000).map(|z| 2.0 * f64::from(z * z) * (1.0 - q) / (1.0 + q) * q.powi(z)).sum();
        let said = noise("1").standard_deviation(3, 1);
        assert!((said - variance.sqrt()).abs() < 1e-9, "{said} and {}", variance.sqrt());
        let four = noise("1").standard_deviation(3, 4);
        assert!((four - 2.0 * said).abs() < 1e-9);
    }

    /// P(|S| ≥ limit) for the sum of `nodes`, by convolution.
    fn tail(inverse_scale: f64, nodes: usize, limit: usize) -> f64 {
        let q = (-inverse_scale).exp();
        let reach = limit * 2;
        let one: Vec<f64> = (0..=2 * reach)
            .map(|at| (1.0 - q) / (1.0 + q) * q.powi((at as i32 - reach as i32).abs()))
            .collect();
        let mut sum = one.clone();
        for _ in 1..nodes {
            let mut next = vec![0.0; 2 * reach + 1];
            for (i, a) in sum.iter().enumerate() {
                for (j, b) in one.iter().enumerate() {
                    if (reach..=3 * reach).contains(&(i + j)) {
                        next[i + j - reach] += a * b;
                    }
                }
            }
            sum = next;
        }
        sum.iter().enumerate().filter(|(at, _)| at.abs_diff(reach) >= limit).map(|(_, p)| p).sum()
    }

    #[test]
    fn the_bound_holds_and_is_not_wide() {
        for (epsilon, heavy) in [("1", 1), ("1", 3), ("0.25", 2), ("2", 16)] {
            let limit = usize::try_from(noise(epsilon).bound(1, heavy).unwrap()).unwrap();
            let inverse_scale: f64 = epsilon.parse().unwrap();
            assert!(tail(inverse_scale, heavy, limit) < 2_f64.powi(-40), "{epsilon}, {heavy}");
            assert!(tail(inverse_scale, heavy, limit / 2) > 2_f64.powi(-40), "{epsilon}, {heavy}");
        }
        assert_eq!(noise("0.000001").bound(u128::MAX / 2, 3), None);
    }
}
