//! Positive definite matrices of whole numbers, inverted exactly and without fractions.
//!
//! E. H. Bareiss, "Sylvester's identity and multistep integer-preserving Gaussian elimination", Mathematics of
//! Computation 22 (1968). Every division in it leaves no remainder, so the numbers stay as short as determinants are.

use num_bigint::BigInt;
use num_traits::{One, Signed, Zero};

/// The inverse of a matrix: `adjugate / determinant`.
pub(super) struct Inverse {
    /// Row by row.
    pub(super) adjugate: Vec<Vec<BigInt>>,
    /// Above zero.
    pub(super) determinant: BigInt,
}

/// Inverts a symmetric matrix. `None` for one that is not positive definite, such as that of predictors of which one
/// follows from the others, or one that noise has made impossible; also for one that is not square.
pub(super) fn inverse(matrix: Vec<Vec<BigInt>>) -> Option<Inverse> {
    let order = matrix.len();
    if matrix.iter().any(|row| row.len() != order) {
        return None;
    }
    // Each row, and beside it that of the identity, which the same steps turn into the adjugate.
    let mut rows: Vec<Vec<BigInt>> = matrix
        .into_iter()
        .enumerate()
        .map(|(i, row)| row.into_iter().chain((0..order).map(|j| BigInt::from(u8::from(i == j)))).collect())
        .collect();
    let mut previous = BigInt::one();
    for k in 0..order {
        let top = rows.get(k)?.clone();
        // The pivots are the leading minors: all are above zero exactly if the matrix is positive definite. So rows
        // are never exchanged.
        let pivot = top.get(k).filter(|pivot| pivot.is_positive())?.clone();
        for (_, row) in rows.iter_mut().enumerate().filter(|(i, _)| *i != k) {
            let factor = row.get(k)?.clone();
            for (cell, above) in row.iter_mut().zip(&top) {
                let mut crossed = &*cell * &pivot;
                if !factor.is_zero() && !above.is_zero() {
                    crossed -= &factor * above;
                }
                *cell = crossed / &previous;
            }
        }
        previous = pivot;
    }
    let adjugate = rows.into_iter().map(|row| row.into_iter().skip(order).collect()).collect();
    Some(Inverse { adjugate, determinant: previous })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matrix(rows: &[&[i64]]) -> Vec<Vec<BigInt>> {
        rows.iter().map(|row| row.iter().map(|cell| BigInt::from(*cell)).collect()).collect()
    }

    fn product(a: &[Vec<BigInt>], b: &[Vec<BigInt>]) -> Vec<Vec<BigInt>> {
        let cell = |row: &[BigInt], j: usize| row.iter().zip(b).map(|(left, right)| left * &right[j]).sum();
        a.iter().map(|row| (0..b.len()).map(|j| cell(row, j)).collect()).collect()
    }

    #[test]
    fn a_small_matrix_is_inverted_as_by_hand() {
        let inverse = inverse(matrix(&[&[4, 2], &[2, 3]])).unwrap();
        assert_eq!(inverse.adjugate, matrix(&[&[3, -2], &[-2, 4]]));
        assert_eq!(inverse.determinant, 8.into());
    }

    #[test]
    fn what_is_not_positive_definite_has_no_inverse() {
        for rows in [
            &[&[0][..]][..],
            &[&[1, 2], &[2, 4]],
            &[&[1, 3], &[3, 4]],
            &[&[-1, 0], &[0, 1]],
            &[&[1, 0, 0], &[0, 1, 0], &[0, 0, -1]],
            &[&[1, 0], &[0]],
        ] {
            assert!(inverse(matrix(rows)).is_none(), "{rows:?}");
        }
    }

    proptest! {
        #[test]
        fn a_matrix_times_its_adjugate_is_its_determinant(
            cells in proptest::collection::vec(-1000_i64..1000, 36),
            order in 1_usize..6,
        ) {
            // B · Bᵀ + 1 is positive definite.
            let side: Vec<Vec<BigInt>> =
                cells.chunks(6).take(order).map(|row| row[..order].iter().map(|it| BigInt::from(*it)).collect()).collect();
            let across: Vec<Vec<BigInt>> =
                (0..order).map(|j| side.iter().map(|row| row[j].clone()).collect()).collect();
            let mut definite = product(&side, &across);
            for (i, row) in definite.iter_mut().enumerate() {
                row[i] += 1;
            }
            let inverse = inverse(definite.clone()).unwrap();
            let expected: Vec<Vec<BigInt>> = (0..order)
                .map(|i| (0..order).map(|j| if i == j { inverse.determinant.clone() } else { 0.into() }).collect())
                .collect();
            prop_assert_eq!(product(&definite, &inverse.adjugate), expected);
        }
    }
}
