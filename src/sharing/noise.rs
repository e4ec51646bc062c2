//! Noise for differential privacy: the discrete Laplace distribution.
//!
//! With sensitivity Δ (by how much one participant can change the sum, all slots together) and privacy parameter ε, each
//! slot gets noise of scale t = Δ / ε: the value x has a probability in proportion to exp(−|x| / t). Every heavy node
//! adds its own full share of noise, so that one honest node suffices.

use prio::dp::distributions::{DiscreteLaplace, PureDpDiscreteLaplace};
use prio::dp::{DifferentialPrivacyStrategy, PureDpBudget, Rational};
use rand::distr::Distribution;
use rand_chacha::rand_core::Rng;

use super::Secret;
use super::error::NoiseError;
use crate::domain::limits::NOISE_SCALE_BITS_MAX;

/// A positive fraction: numerator, denominator.
pub type Fraction = (u128, u128);

/// Draws one heavy node's noise for each slot. Exact: rational arithmetic on random integers, no floating point. The
/// time that it takes depends on what is drawn.
///
/// # Errors
/// `Parameters`: ε or the sensitivity is 0, or the scale is too large.
pub fn sample(
    epsilon: Fraction,
    sensitivity: u128,
    slots: usize,
    rng: &mut impl Rng,
) -> Result<Secret<Vec<i128>>, NoiseError> {
    let distribution = distribution(epsilon, sensitivity).ok_or(NoiseError::Parameters)?;
    let mut noise = Secret::new(Vec::with_capacity(slots));
    for _ in 0..slots {
        let drawn = i128::try_from(distribution.sample(rng)).map_err(|_| NoiseError::Parameters)?;
        noise.expose_mut().push(drawn);
    }
    Ok(noise)
}

fn distribution(epsilon: Fraction, sensitivity: u128) -> Option<DiscreteLaplace> {
    let (numerator, denominator) = epsilon;
    if sensitivity == 0 || denominator == 0 {
        return None;
    }
    let scale = sensitivity.checked_mul(denominator)?.checked_div(numerator)?;
    if scale >> NOISE_SCALE_BITS_MAX != 0 {
        return None;
    }
    let budget = PureDpBudget::new(Rational::from_unsigned(numerator, denominator).ok()?).ok()?;
    let sensitivity = Rational::from_unsigned(sensitivity, 1).ok()?;
    PureDpDiscreteLaplace::from_budget(budget).create_distribution(sensitivity).ok()
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    fn drawn(epsilon: Fraction, sensitivity: u128, count: usize) -> Vec<i128> {
        let mut rng = ChaCha20Rng::seed_from_u64(17);
        sample(epsilon, sensitivity, count, &mut rng).unwrap().expose().clone()
    }

    #[test]
    fn samples_follow_the_distribution() {
        const COUNT: usize = 40_000;
        for (epsilon, sensitivity) in [((1, 1), 1), ((1, 10), 1), ((3, 2), 5), ((1, 2), 1000)] {
            let samples = drawn(epsilon, sensitivity, COUNT);
            let count = COUNT as f64;
            let mean = samples.iter().sum::<i128>() as f64 / count;
            let variance = samples.iter().map(|it| (*it as f64).powi(2)).sum::<f64>() / count;
            let half = epsilon.0 as f64 / (epsilon.1 as f64 * sensitivity as f64) / 2.0;
            let expected = 0.5_f64.sqrt() / half.sinh();
            // The standard errors are σ/√N of the mean and about σ²·√5/√N of the variance; five of them.
            assert!(mean.abs() < 5.0 * expected / count.sqrt(), "{epsilon:?}: mean {mean}");
            let error = 5.0 * 5.0_f64.sqrt() / count.sqrt();
            assert!((variance / expected.powi(2) - 1.0).abs() < error, "{epsilon:?}: variance {variance}");
            // The chance of 0 is (1 − q) / (1 + q).
            let q = (-(epsilon.0 as f64) / epsilon.1 as f64 / sensitivity as f64).exp();
            let (zero, zeros) = ((1.0 - q) / (1.0 + q), samples.iter().filter(|it| **it == 0).count() as f64);
            assert!((zeros / count - zero).abs() < 5.0 * (zero / count).sqrt(), "{epsilon:?}: {zeros} zeros");
        }
    }

    #[test]
    fn the_same_seed_draws_the_same_noise() {
        assert_eq!(drawn((1, 10), 3, 8), drawn((1, 10), 3, 8));
        // What this generator draws on every machine.
        assert_eq!(drawn((1, 10), 3, 8), [7, -29, -37, -40, -32, -190, 28, -50]);
    }

    #[test]
    fn parameters_without_meaning_are_refused() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        for (epsilon, sensitivity) in
            [((0, 1), 1), ((1, 0), 1), ((1, 1), 0), ((1, 1 << 111), 1), ((1, 2), u128::MAX)]
        {
            let error = sample(epsilon, sensitivity, 1, &mut rng).err();
            assert_eq!(error, Some(NoiseError::Parameters), "{epsilon:?} {sensitivity}");
        }
    }
}
