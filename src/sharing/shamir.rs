//! Shamir's sharing over a field: any `needed` shares determine the value, fewer say nothing about it.
//!
//! The value is a polynomial of degree `needed` − 1 at 0; heavy node `index` holds it at `index` + 1. Everything works
//! on vectors, element by element, with the same points.

use rand_chacha::rand_core::Rng;

use super::element::{Element, Elements};

/// Where a heavy node's shares are evaluated.
pub(super) fn point<F: Element>(index: usize) -> F {
    F::from_residue(index as u128 + 1)
}

/// The factors by which the values at `points` (all different) add up to the value at `at` of the one polynomial of
/// degree below their number.
pub(super) fn coefficients<F: Element>(points: &[F], at: F) -> Vec<F> {
    points
        .iter()
        .enumerate()
        .map(|(position, own)| {
            let others = points.iter().enumerate().filter(|(other, _)| *other != position);
            let (above, below) = others.fold((F::one(), F::one()), |(above, below), (_, other)| {
                (above * (at - *other), below * (*own - *other))
            });
            above * below.inv()
        })
        .collect()
}

/// The sum of products.
pub(super) fn dot<F: Element>(factors: &[F], values: impl IntoIterator<Item = F>) -> F {
    factors.iter().zip(values).fold(F::zero(), |sum, (factor, value)| sum + *factor * value)
}

/// The value of a polynomial, its lowest coefficient first.
pub(super) fn evaluate<F: Element>(polynomial: &[F], at: F) -> F {
    polynomial.iter().rev().fold(F::zero(), |value, coefficient| value * at + *coefficient)
}

/// Shares of `values`, one vector for each of `parties` heavy nodes, on polynomials whose other coefficients are
/// `higher`: `needed` − 1 vectors as long as `values`.
pub(super) fn shares<F: Element>(values: &[F], higher: &[Elements<F>], parties: usize) -> Vec<Elements<F>> {
    (0..parties)
        .map(|index| {
            let at = point::<F>(index);
            let mut share = Elements::zeros(values.len());
            for coefficients in higher.iter().rev() {
                for (element, coefficient) in share.iter_mut().zip(coefficients.iter()) {
                    *element = (*element + *coefficient) * at;
                }
            }
            share.add(values);
            share
        })
        .collect()
}

/// Shares of `values` with evenly drawn coefficients.
pub(super) fn deal<F: Element>(
    values: &[F],
    needed: usize,
    parties: usize,
    rng: &mut impl Rng,
) -> Vec<Elements<F>> {
    let higher: Vec<_> = (1..needed).map(|_| Elements::random(values.len(), rng)).collect();
    shares(values, &higher, parties)
}

/// Rebuilds values from the shares of certain heavy nodes, and checks that these agree.
pub(super) struct Interpolation<F> {
    /// Factors to 0 from the first `needed` shares.
    at_zero: Vec<F>,
    /// For each further share, the factors to it from the first `needed`.
    further: Vec<Vec<F>>,
}

impl<F: Element> Interpolation<F> {
    /// For shares in the order of `indices`, all different. Nothing when they are fewer than needed.
    pub fn new(needed: usize, indices: &[usize]) -> Option<Self> {
        let points: Vec<F> = indices.iter().map(|index| point(*index)).collect();
        let (first, further) = points.split_at_checked(needed)?;
        Some(Self {
            at_zero: coefficients(first, F::zero()),
            further: further.iter().map(|at| coefficients(first, *at)).collect(),
        })
    }

    /// The value at 0, from the first `needed` of the shares.
    pub fn value(&self, shares: impl IntoIterator<Item = F>) -> F {
        dot(&self.at_zero, shares)
    }

    /// Whether all shares lie on one polynomial.
    pub fn agree(&self, shares: &[F]) -> bool {
        let further = shares.iter().skip(self.at_zero.len());
        self.further
            .iter()
            .zip(further)
            .fold(true, |all, (factors, share)| all & (dot(factors, shares.iter().copied()) == *share))
    }
}

#[cfg(test)]
mod tests {
    use prio::field::{Field64, Field128};
    use proptest::prelude::*;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    fn check<F: Element>(value: u128, needed: usize, parties: usize, seed: u64) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let values = [F::from_residue(value), F::from_residue(seed.into())];
        let dealt = deal(&values, needed, parties, &mut rng);
        for subset in 1_u32..1 << parties {
            let indices: Vec<_> = (0..parties).filter(|index| subset >> index & 1 == 1).collect();
            let Some(points) = Interpolation::<F>::new(needed, &indices) else {
                assert!(indices.len() < needed);
                continue;
            };
            for (slot, value) in values.iter().enumerate() {
                let mut held: Vec<F> = indices.iter().map(|index| dealt[*index][slot]).collect();
                assert!(points.value(held.iter().copied()) == *value && points.agree(&held));
                *held.last_mut().unwrap() += F::one();
                assert_eq!(points.agree(&held), held.len() == needed, "one share was changed");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn every_large_enough_subset_rebuilds_the_value(
            value in any::<u128>(),
            (needed, parties) in (2_usize..=7).prop_flat_map(|parties| (1..=parties, Just(parties))),
            seed in any::<u64>(),
        ) {
            check::<Field64>(value, needed, parties, seed);
            check::<Field128>(value, needed, parties, seed);
        }
    }

    #[test]
    fn coefficients_take_a_polynomial_anywhere() {
        let polynomial = [3, 1, 4, 1].map(Field64::from);
        let points: Vec<_> = (0..4).map(point::<Field64>).collect();
        let at = Field64::from(1234);
        let values = points.iter().map(|point| evaluate(&polynomial, *point));
        assert_eq!(dot(&coefficients(&points, at), values), evaluate(&polynomial, at));
    }
}
