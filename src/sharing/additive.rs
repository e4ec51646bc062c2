//! n of n sharing modulo 2^32, 2^64 or 2^128: every share but one is random, and together they sum to the
//! measurement. Any n − 1 of them are independent of it.

use rand_chacha::rand_core::Rng;
use zeroize::Zeroize;

use super::Secret;
use crate::domain::Modulus;

/// A vector of residues, one a slot of the measurement; shape: (slots).
pub type Residues = Secret<Vec<u128>>;

/// Bytes that are not a share of the expected shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a share of {expected} bytes was expected, not {got}")]
pub struct ShareError {
    /// Slots times the bytes of a residue.
    pub expected: usize,
    /// What came.
    pub got: usize,
}

/// Splits a measurement into `parties` encoded shares, each `slots` × `modulus.bytes()` long, little-endian.
pub fn split(
    measurement: &Residues,
    modulus: Modulus,
    parties: usize,
    rng: &mut impl Rng,
) -> Vec<Secret<Vec<u8>>> {
    let mut rest = measurement.expose().clone();
    let mut shares = Vec::with_capacity(parties);
    for _ in 1..parties {
        let mut share = vec![0; rest.len() * modulus.bytes()];
        rng.fill_bytes(&mut share);
        subtract(&mut rest, &share, modulus);
        shares.push(Secret::new(share));
    }
    shares.push(Secret::new(encode(&rest, modulus)));
    rest.zeroize();
    shares
}

/// Adds an encoded share to a running sum of as many slots.
///
/// # Errors
/// `ShareError` when the share has another length.
pub fn accumulate(sum: &mut [u128], share: &[u8], modulus: Modulus) -> Result<(), ShareError> {
    check(share, sum.len(), modulus)?;
    add(sum, share, modulus);
    Ok(())
}

/// Adds as many encoded residues to a running sum.
pub(super) fn add(sum: &mut [u128], residues: &[u8], modulus: Modulus) {
    for (slot, bytes) in sum.iter_mut().zip(residues.chunks_exact(modulus.bytes())) {
        *slot = slot.wrapping_add(residue(bytes)) & modulus.mask();
    }
}

/// Takes as many encoded residues away from what is left.
pub(super) fn subtract(rest: &mut [u128], residues: &[u8], modulus: Modulus) {
    for (left, bytes) in rest.iter_mut().zip(residues.chunks_exact(modulus.bytes())) {
        *left = left.wrapping_sub(residue(bytes)) & modulus.mask();
    }
}

/// Whether bytes are a share of this many slots.
///
/// # Errors
/// `ShareError` when they have another length.
pub const fn check(share: &[u8], slots: usize, modulus: Modulus) -> Result<(), ShareError> {
    let expected = slots * modulus.bytes();
    if share.len() == expected { Ok(()) } else { Err(ShareError { expected, got: share.len() }) }
}

/// The bytes of residues: little-endian, `modulus.bytes()` each.
pub fn encode(residues: &[u128], modulus: Modulus) -> Vec<u8> {
    // With the room already there: growing would leave copies behind.
    let mut bytes = Vec::with_capacity(residues.len() * modulus.bytes());
    for residue in residues {
        bytes.extend(residue.to_le_bytes().into_iter().take(modulus.bytes()));
    }
    bytes
}

/// A signed integer as a residue, two's complement.
pub const fn residue_of(value: i128, modulus: Modulus) -> u128 {
    value.cast_unsigned() & modulus.mask()
}

/// A residue as a signed integer: the upper half of the ring is negative.
pub const fn signed(residue: u128, modulus: Modulus) -> i128 {
    let unused = 128 - modulus.bits();
    (residue << unused).cast_signed() >> unused
}

fn residue(bytes: &[u8]) -> u128 {
    // The usual lengths in one step: vectors may be long.
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        return u32::from_le_bytes(bytes).into();
    }
    if let Ok(bytes) = <[u8; 8]>::try_from(bytes) {
        return u64::from_le_bytes(bytes).into();
    }
    bytes.iter().rev().fold(0, |value, byte| (value << 8) | u128::from(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    fn moduli() -> impl Strategy<Value = Modulus> {
        prop_oneof![Just(Modulus::Bits32), Just(Modulus::Bits64), Just(Modulus::Bits128)]
    }

    proptest! {
        #[test]
        fn the_shares_sum_to_the_measurement(
            values in prop::collection::vec(any::<u128>(), 1..5),
            modulus in moduli(),
            parties in 2_usize..=16,
            seed in any::<u64>(),
        ) {
            let values: Vec<_> = values.into_iter().map(|value| value & modulus.mask()).collect();
            let mut rng = ChaCha20Rng::seed_from_u64(seed);
            let shares = split(&Secret::new(values.clone()), modulus, parties, &mut rng);
            prop_assert_eq!(shares.len(), parties);
            let mut sum = vec![0; values.len()];
            for share in &shares {
                accumulate(&mut sum, share.expose(), modulus).unwrap();
            }
            prop_assert_eq!(sum, values);
        }

        #[test]
        fn signed_numbers_survive_the_ring(value in any::<i32>(), modulus in moduli()) {
            let value = i128::from(value);
            prop_assert_eq!(signed(residue_of(value, modulus), modulus), value);
        }
    }

    #[test]
    fn all_shares_but_one_do_not_depend_on_the_measurement() {
        let split_seven = |value: u128| {
            let mut rng = ChaCha20Rng::seed_from_u64(7);
            split(&Secret::new(vec![value]), Modulus::Bits64, 3, &mut rng)
        };
        let (zero, large) = (split_seven(0), split_seven(u64::MAX.into()));
        assert!(zero[..2] == large[..2] && zero[2] != large[2]);
    }

    #[test]
    fn a_share_of_another_length_is_refused() {
        let error = accumulate(&mut [0, 0], &[0; 15], Modulus::Bits64).unwrap_err();
        assert_eq!(error, ShareError { expected: 16, got: 15 });
    }
}
