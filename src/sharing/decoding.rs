//! Rebuilds a value although some shares are wrong, and says which: Reed-Solomon decoding by Berlekamp and Welch.
//!
//! With m shares of a polynomial P of degree below k, up to e = ⌊(m − k) / 2⌋ wrong ones can be corrected, in one way
//! only. Let E be the monic polynomial of degree e that is 0 at the wrong points, and Q = P · E. Then
//! Q(x) = y · E(x) at every point x with share y: m linear equations for the k + 2e coefficients.

use super::element::Element;
use super::shamir::evaluate;

/// What shares say.
pub(super) struct Decoded<F> {
    /// The value at 0.
    pub value: F,
    /// Positions of the wrong shares.
    pub wrong: Vec<usize>,
}

/// The value of which at most ⌊(m − `needed`) / 2⌋ of the m `shares`, at as many different `points`, are wrong.
/// Nothing if there is none. With fewer shares than needed there is never one.
pub(super) fn decode<F: Element>(needed: usize, points: &[F], shares: &[F]) -> Option<Decoded<F>> {
    let correctable = shares.len().checked_sub(needed)? / 2;
    let unknowns = needed + 2 * correctable;
    let equations: Vec<Vec<F>> = points
        .iter()
        .zip(shares)
        .map(|(point, share)| {
            // Q's coefficients, then −y times E's below the highest, then the right side y · x^e.
            let powers = powers(*point, needed + correctable);
            let mut row = powers.clone();
            row.extend(powers.iter().take(correctable).map(|power| -(*share * *power)));
            row.push(*share * powers.get(correctable).copied().unwrap_or_else(F::one));
            row
        })
        .collect();
    let mut product = solve(equations, unknowns)?;
    let mut locator = product.split_off(needed + correctable);
    locator.push(F::one());
    let polynomial = divide(product, &locator)?;
    let wrong: Vec<_> = points
        .iter()
        .zip(shares)
        .enumerate()
        .filter(|(_, (point, share))| evaluate(&polynomial, **point) != **share)
        .map(|(position, _)| position)
        .collect();
    let value = polynomial.first().copied().unwrap_or_else(F::zero);
    (wrong.len() <= correctable).then_some(Decoded { value, wrong })
}

/// 1, x, x², …
fn powers<F: Element>(point: F, count: usize) -> Vec<F> {
    std::iter::successors(Some(F::one()), |power| Some(*power * point)).take(count).collect()
}

/// One solution of linear equations, each a row of coefficients and the right side; what is free is 0. Nothing if
/// they contradict each other.
fn solve<F: Element>(mut rows: Vec<Vec<F>>, unknowns: usize) -> Option<Vec<F>> {
    // Where in the solution each finished row's unknown stands.
    let mut pivots = Vec::with_capacity(unknowns);
    for column in 0..unknowns {
        let entry = |row: &[F]| row.get(column).copied().unwrap_or_else(F::zero);
        let finished = pivots.len();
        let Some(found) = rows.iter().skip(finished).position(|row| entry(row) != F::zero()) else {
            continue;
        };
        rows.swap(finished, finished + found);
        let (above, rest) = rows.split_at_mut(finished);
        let Some((pivot, below)) = rest.split_first_mut() else {
            continue;
        };
        let inverse = entry(pivot).inv();
        pivot.iter_mut().for_each(|element| *element *= inverse);
        for row in above.iter_mut().chain(below) {
            let factor = entry(row);
            row.iter_mut().zip(pivot.iter()).for_each(|(element, pivot)| *element -= factor * *pivot);
        }
        pivots.push(column);
    }
    let right_side = |row: &Vec<F>| row.last().copied().unwrap_or_else(F::zero);
    if rows.iter().skip(pivots.len()).any(|row| right_side(row) != F::zero()) {
        return None;
    }
    let mut solution = vec![F::zero(); unknowns];
    for (row, column) in rows.iter().zip(pivots) {
        if let Some(unknown) = solution.get_mut(column) {
            *unknown = right_side(row);
        }
    }
    Some(solution)
}

/// The quotient of polynomials, lowest coefficients first; the divisor is monic. Nothing if a remainder is left.
fn divide<F: Element>(mut dividend: Vec<F>, divisor: &[F]) -> Option<Vec<F>> {
    let degree = divisor.len().checked_sub(1)?;
    let mut quotient = Vec::with_capacity(dividend.len().saturating_sub(degree));
    while dividend.len() > degree {
        let factor = dividend.pop()?;
        // The highest coefficient is done; the divisor's others meet the next highest.
        for (element, own) in dividend.iter_mut().rev().zip(divisor.iter().rev().skip(1)) {
            *element -= factor * *own;
        }
        quotient.push(factor);
    }
    quotient.reverse();
    dividend.iter().all(|element| *element == F::zero()).then_some(quotient)
}

#[cfg(test)]
mod tests {
    use prio::field::{Field64, Field128, FieldElement};
    use proptest::prelude::*;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    use super::*;
    use crate::sharing::shamir::{deal, point};

    fn drawn<F: Element>(needed: usize, held: usize, seed: u64) -> (F, Vec<F>, Vec<F>, ChaCha20Rng) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let value = F::random(&mut rng);
        let shares = deal(&[value], needed, held, &mut rng).iter().map(|share| share[0]).collect();
        (value, (0..held).map(point).collect(), shares, rng)
    }

    fn corrects<F: Element>(needed: usize, held: usize, lies: usize, seed: u64) {
        let (value, points, mut shares, mut rng) = drawn::<F>(needed, held, seed);
        let mut liars: Vec<usize> = (0..held).collect();
        while liars.len() > lies {
            liars.remove(rng.next_u32() as usize % liars.len());
        }
        for liar in &liars {
            shares[*liar] += F::random(&mut rng);
        }
        let decoded = decode(needed, &points, &shares).unwrap();
        assert!(decoded.value == value && decoded.wrong == liars, "{needed} of {held}, {liars:?}");
    }

    proptest! {
        #[test]
        fn as_many_lies_as_can_be_are_corrected(
            (needed, held) in (1_usize..=16).prop_flat_map(|held| (1..=held, Just(held))),
            lies in 0_usize..=8,
            seed in any::<u64>(),
        ) {
            let lies = lies.min((held - needed) / 2);
            corrects::<Field64>(needed, held, lies, seed);
            corrects::<Field128>(needed, held, lies, seed);
        }

        #[test]
        fn one_lie_too_many_is_never_taken_for_the_truth(
            (needed, held) in (2_usize..=16).prop_flat_map(|held| (1..held, Just(held))),
            seed in any::<u64>(),
        ) {
            // Independent lies lie on no other polynomial, except with a chance of about 2^-64.
            let (_, points, mut shares, mut rng) = drawn::<Field64>(needed, held, seed);
            for share in shares.iter_mut().take((held - needed) / 2 + 1) {
                *share += Field64::random(&mut rng);
            }
            prop_assert!(decode(needed, &points, &shares).is_none());
        }
    }

    #[test]
    fn too_few_shares_say_nothing() {
        assert!(decode::<Field64>(2, &[Field64::one()], &[Field64::one()]).is_none());
        assert!(decode::<Field64>(1, &[], &[]).is_none());
    }
}
