//! Noise for differential privacy: the discrete Laplace distribution, and what a sum of it can come to.
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

/// A positive fraction: numerator, denominator.
pub type Fraction = (u128, u128);

/// The scale may not exceed 2^110, so that a sample of 2^126 or more is out of the question (e^−65536).
const SCALE_BITS_MAX: u32 = 110;

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
    if scale >> SCALE_BITS_MAX != 0 {
        return None;
    }
    let budget = PureDpBudget::new(Rational::from_unsigned(numerator, denominator).ok()?).ok()?;
    let sensitivity = Rational::from_unsigned(sensitivity, 1).ok()?;
    PureDpDiscreteLaplace::from_budget(budget).create_distribution(sensitivity).ok()
}

/// The standard deviation of the noise that `nodes` heavy nodes together add to a slot, for people to read. The variance
/// of one is 2q / (1 − q)² with q = exp(−ε / Δ), which is 1 / (2 sinh²(ε / 2Δ)).
pub fn standard_deviation(epsilon: Fraction, sensitivity: u128, nodes: usize) -> f64 {
    let (numerator, denominator) = epsilon;
    let inverse_scale = numerator as f64 / denominator as f64 / sensitivity as f64;
    (nodes as f64 / 2.0).sqrt() / (inverse_scale / 2.0).sinh()
}

/// What the noise of `nodes` heavy nodes together stays below in a slot, either way, except with a probability of less
/// than 2^−40. Integers only: the same on every machine. `None` if it would not fit 127 bits.
///
/// For 0 ≤ u < 1 the discrete Laplace distribution of scale t has E[exp(u·X/t)] = (cosh a − 1) / (cosh a − cosh ua),
/// a = 1/t, and this is at most 1 / (1 − u²): compare the power series term by term. So for a sum S of n of them
/// P(|S| ≥ B) ≤ 2 · (1 − u²)^−n · exp(−u·B/t), and with u = 3/4 that is below 2^−40 as soon as
/// B ≥ 4/3 · t · (41 ln 2 + n ln(16/7)). Here 41 ln 2 < 28.42 and ln(16/7) < 0.8268.
pub fn bound(epsilon: Fraction, sensitivity: u128, nodes: usize) -> Option<u128> {
    let (numerator, denominator) = epsilon;
    let nodes = u128::try_from(nodes).ok()?;
    let factor = nodes.checked_mul(8_268)?.checked_add(284_200)?.checked_mul(4)?;
    let above = factor.checked_mul(sensitivity)?.checked_mul(denominator)?;
    let below = numerator.checked_mul(30_000).filter(|below| *below > 0)?;
    Some(above.div_ceil(below)).filter(|bound| *bound < 1 << 127)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
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
            let expected = standard_deviation(epsilon, sensitivity, 1);
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
    fn the_deviation_is_that_of_the_exact_formula() {
        // 2q / (1 − q)² for q = exp(−1), by hand: 1.8413…
        assert!((standard_deviation((1, 1), 1, 1).powi(2) - 1.841_347).abs() < 1e-5);
        // Large scales: √2 · t.
        assert!((standard_deviation((1, 1_000_000), 1, 1) / 1_414_213.562 - 1.0).abs() < 1e-6);
        assert!((standard_deviation((1, 1), 1, 4) / standard_deviation((1, 1), 1, 1) - 2.0).abs() < 1e-12);
    }

    /// P(|S| ≥ bound) for the sum of `nodes`, by convolution.
    fn tail(inverse_scale: f64, nodes: usize, bound: usize) -> f64 {
        let q = (-inverse_scale).exp();
        let reach = bound * 2;
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
        sum.iter().enumerate().filter(|(at, _)| at.abs_diff(reach) >= bound).map(|(_, p)| p).sum()
    }

    #[test]
    fn the_bound_holds_and_is_not_wide() {
        for (epsilon, nodes) in [((1, 1), 1), ((1, 1), 3), ((1, 4), 2), ((2, 1), 16), ((20, 1), 3)] {
            let bound = bound(epsilon, 1, nodes).unwrap();
            let inverse_scale = epsilon.0 as f64 / epsilon.1 as f64;
            assert!(tail(inverse_scale, nodes, bound as usize) < 2_f64.powi(-40), "{epsilon:?}, {nodes}");
            let half = (bound as usize / 2).max(1);
            assert!(
                epsilon.0 == 20 || tail(inverse_scale, nodes, half) > 2_f64.powi(-40),
                "{epsilon:?}, {nodes}"
            );
        }
    }

    proptest! {
        #[test]
        fn samples_stay_below_the_bound(
            numerator in 1_u128..1 << 20,
            denominator in 1_u128..1 << 20,
            sensitivity in 1_u128..1 << 40,
        ) {
            let bound = bound((numerator, denominator), sensitivity, 1).unwrap();
            let samples = drawn((numerator, denominator), sensitivity, 8);
            prop_assert!(samples.iter().all(|it| it.unsigned_abs() < bound));
        }
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
        assert!(bound((0, 1), 1, 3).is_none() && bound((1, u128::MAX), 2, 3).is_none());
    }
}
