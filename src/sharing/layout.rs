//! Which heavy nodes get a seed and which a full share, and how the full ones follow from the seeds and the secret.
//!
//! A seed stands for a vector of elements that is expanded from it. The seeds leave one degree of freedom, the secret;
//! with it every other share is a fixed linear combination:
//!
//! * Prio3, n of n: nodes 1 to n − 1 hold seeds, node 0 the secret less all that they stand for.
//! * threshold, k of n: nodes 0 to k − 2 hold seeds. They and the secret, at 0, fix a polynomial of degree k − 1; the
//!   others hold its values at their points.
//!
//! So any n − 1 (any k − 1) shares are independent of the secret.

use std::ops::Range;

use super::element::{Element, Elements};
use super::shamir::{coefficients, point};

/// The heavy nodes' roles in sharing.
#[derive(Clone)]
pub(super) struct Layout<F> {
    parties: usize,
    seeded: Range<usize>,
    /// For each node with a full share, in order: the factor of the secret, then one for each seeded node.
    rows: Vec<Vec<F>>,
}

impl<F: Element> Layout<F> {
    /// n of n, as Prio3 has it.
    pub fn additive(parties: usize) -> Self {
        let mut row = vec![-F::one(); parties];
        if let Some(secret) = row.first_mut() {
            *secret = F::one();
        }
        Self { parties, seeded: 1..parties, rows: vec![row] }
    }

    /// `needed` of `parties`.
    pub fn threshold(needed: usize, parties: usize) -> Self {
        let seeded = 0..needed.saturating_sub(1);
        let known: Vec<F> = std::iter::once(F::zero()).chain(seeded.clone().map(point)).collect();
        let rows = (seeded.end..parties).map(|index| coefficients(&known, point(index))).collect();
        Self { parties, seeded, rows }
    }

    /// Heavy nodes.
    pub const fn parties(&self) -> usize {
        self.parties
    }

    /// Whether a node's share is a seed.
    pub fn is_seeded(&self, index: usize) -> bool {
        self.seeded.contains(&index)
    }

    /// The nodes with seeds, in order.
    pub fn seeded(&self) -> impl Iterator<Item = usize> {
        self.seeded.clone()
    }

    /// The nodes with full shares, in order.
    pub fn full(&self) -> impl Iterator<Item = usize> {
        (0..self.parties).filter(|index| !self.seeded.contains(index))
    }

    /// All shares of a secret, in the order of the nodes, from what the seeds stand for.
    pub fn complete(&self, secret: &[F], expanded: Vec<Elements<F>>) -> Vec<Elements<F>> {
        let full: Vec<_> = self
            .rows
            .iter()
            .map(|row| {
                let mut factors = row.iter().copied();
                let mut share = scaled(factors.next().unwrap_or(F::zero()), secret);
                for (factor, source) in factors.zip(&expanded) {
                    add_scaled(&mut share, factor, source);
                }
                share
            })
            .collect();
        // Prio3's one full share is the first, the threshold scheme's are the last.
        if self.seeded.start > 0 {
            full.into_iter().chain(expanded).collect()
        } else {
            expanded.into_iter().chain(full).collect()
        }
    }
}

/// A multiple of a vector. Prio3's factor is 1: no sum with zeros, which would cost as much as any other.
fn scaled<F: Element>(factor: F, source: &[F]) -> Elements<F> {
    let mut scaled = Elements::from(source.to_vec());
    if factor != F::one() {
        scaled.iter_mut().for_each(|element| *element *= factor);
    }
    scaled
}

/// Adds a multiple of a vector. Prio3's factors are 1 and −1, and then nothing is multiplied.
fn add_scaled<F: Element>(sum: &mut [F], factor: F, source: &[F]) {
    let pairs = sum.iter_mut().zip(source);
    if factor == F::one() {
        pairs.for_each(|(element, source)| *element += *source);
    } else if factor == -F::one() {
        pairs.for_each(|(element, source)| *element -= *source);
    } else {
        pairs.for_each(|(element, source)| *element += factor * *source);
    }
}

#[cfg(test)]
mod tests {
    use prio::field::{Field64, Field128, FieldElement};
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::sharing::shamir::Interpolation;

    fn shares<F: Element>(layout: &Layout<F>, secret: u128) -> Vec<F> {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let expanded = layout.seeded().map(|_| Elements::random(1, &mut rng)).collect();
        layout.complete(&[F::from_residue(secret)], expanded).iter().map(|share| share[0]).collect()
    }

    #[test]
    fn additive_shares_sum_to_the_secret() {
        for parties in 2..=16 {
            let sum = shares(&Layout::<Field64>::additive(parties), 41).into_iter();
            assert_eq!(sum.fold(Field64::zero(), |sum, share| sum + share), Field64::from(41));
        }
    }

    #[test]
    fn threshold_shares_lie_on_one_polynomial_through_the_secret() {
        for parties in 2..=16 {
            for needed in 2..=parties {
                let shares = shares(&Layout::<Field128>::threshold(needed, parties), 41);
                let all: Vec<_> = (0..parties).collect();
                let points = Interpolation::new(needed, &all).unwrap();
                assert!(points.agree(&shares), "{needed} of {parties}");
                assert_eq!(points.value(shares), Field128::from(41));
            }
        }
    }

    #[test]
    fn every_node_has_one_role() {
        for layout in [Layout::<Field64>::additive(5), Layout::threshold(3, 5)] {
            let mut all: Vec<_> = layout.seeded().chain(layout.full()).collect();
            all.sort_unstable();
            assert_eq!(all, (0..layout.parties()).collect::<Vec<_>>());
        }
    }
}
