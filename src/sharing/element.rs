//! Elements of the two prime fields that proofs are made over: their integers, their bytes, their wiping.

use std::hint::black_box;
use std::ops::{Deref, DerefMut};

use prio::field::{Field64, Field128, FieldElementWithInteger, NttFriendlyFieldElement};
use rand_chacha::rand_core::Rng;
use zeroize::Zeroizing;

/// Elements whose bytes are drawn at once. A guess: wiping more of them costs more than drawing again.
const DRAWN_AT_ONCE: usize = 32;

/// A field that the proofs know. An element is encoded in `ENCODED_SIZE` bytes, little-endian, and only the integer
/// below the modulus is taken.
pub(super) trait Element: NttFriendlyFieldElement + Send + Sync {
    /// The prime.
    fn prime() -> u128;
    /// The element of an integer, modulo the prime.
    fn from_residue(residue: u128) -> Self;
    /// The integer below the prime.
    fn residue(self) -> u128;

    /// The element of a signed integer, modulo the prime.
    fn from_signed(value: i128) -> Self {
        let magnitude = Self::from_residue(value.unsigned_abs());
        if value < 0 { -magnitude } else { magnitude }
    }

    /// An element drawn evenly: encodings of no element are drawn again (less than one in 2^32 of them).
    fn random(rng: &mut impl Rng) -> Self {
        let mut bytes = Zeroizing::new([0_u8; 16]);
        let (buffer, _) = bytes.split_at_mut(Self::ENCODED_SIZE.min(16));
        loop {
            rng.fill_bytes(buffer);
            if let Ok(element) = Self::try_from(buffer) {
                return element;
            }
        }
    }
}

impl Element for Field64 {
    fn prime() -> u128 {
        Self::modulus().into()
    }

    fn from_residue(residue: u128) -> Self {
        // The remainder is below 2^64.
        Self::from((residue % Self::prime()) as u64)
    }

    fn residue(self) -> u128 {
        u64::from(self).into()
    }
}

impl Element for Field128 {
    fn prime() -> u128 {
        Self::modulus()
    }

    fn from_residue(residue: u128) -> Self {
        Self::from(residue % Self::prime())
    }

    fn residue(self) -> u128 {
        self.into()
    }
}

/// A vector of elements that is overwritten when it goes. The elements are another crate's type, so the overwriting
/// is ordinary stores that the compiler is told to keep.
pub(super) struct Elements<F: Element>(Vec<F>);

impl<F: Element> Elements<F> {
    /// As many zeros.
    pub fn zeros(length: usize) -> Self {
        Self(vec![F::zero(); length])
    }

    /// Draws as many elements evenly: what drawing them one by one gives. The vector never grows, which would leave a copy
    /// behind, and the bytes that it comes from are wiped.
    pub fn random(length: usize, rng: &mut impl Rng) -> Self {
        let mut elements = Self(Vec::with_capacity(length));
        let mut bytes = Zeroizing::new(vec![0_u8; length.min(DRAWN_AT_ONCE) * F::ENCODED_SIZE]);
        while elements.0.len() < length {
            let missing = (length - elements.0.len()).min(DRAWN_AT_ONCE);
            let (drawn, _) = bytes.split_at_mut(missing * F::ENCODED_SIZE);
            rng.fill_bytes(drawn);
            elements.0.extend(drawn.chunks_exact(F::ENCODED_SIZE).filter_map(|bytes| F::try_from(bytes).ok()));
        }
        elements
    }

    /// Reads elements up to the end of the bytes; nothing when one is not below the prime or is cut short.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let chunks = bytes.chunks_exact(F::ENCODED_SIZE);
        if !chunks.remainder().is_empty() {
            return None;
        }
        let mut elements = Self(Vec::with_capacity(bytes.len() / F::ENCODED_SIZE));
        for chunk in chunks {
            elements.0.push(F::try_from(chunk).ok()?);
        }
        Some(elements)
    }

    /// Adds another vector, element by element.
    pub fn add(&mut self, other: &[F]) {
        for (element, other) in self.0.iter_mut().zip(other) {
            *element += *other;
        }
    }

    /// Takes another vector away, element by element.
    pub fn subtract(&mut self, other: &[F]) {
        for (element, other) in self.0.iter_mut().zip(other) {
            *element -= *other;
        }
    }

    /// Takes the vector out; the caller looks after it.
    pub fn into_vec(mut self) -> Vec<F> {
        std::mem::take(&mut self.0)
    }
}

impl<F: Element> From<Vec<F>> for Elements<F> {
    fn from(elements: Vec<F>) -> Self {
        Self(elements)
    }
}

impl<F: Element> Deref for Elements<F> {
    type Target = [F];

    fn deref(&self) -> &[F] {
        &self.0
    }
}

impl<F: Element> DerefMut for Elements<F> {
    fn deref_mut(&mut self) -> &mut [F] {
        &mut self.0
    }
}

impl<F: Element> Drop for Elements<F> {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Overwrites elements with zeros.
pub(super) fn wipe<F: Element>(elements: &mut [F]) {
    elements.fill(F::zero());
    black_box(elements);
}

/// Appends the bytes of elements. The buffer should have the room already: growing leaves a copy behind.
pub(super) fn encode_into<F: Element>(elements: &[F], bytes: &mut Vec<u8>) {
    for element in elements {
        // Encoding an element of these two fields writes its bytes and cannot fail.
        let _ = element.encode(bytes);
    }
}

/// The bytes of elements, wiped on drop.
pub(super) fn encode<F: Element>(elements: &[F]) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(elements.len() * F::ENCODED_SIZE));
    encode_into(elements, &mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use prio::field::FieldElement;
    use proptest::prelude::*;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    fn check<F: Element>(value: i128, seed: u64) {
        assert_eq!(F::from_signed(value) + F::from_signed(-value), F::zero());
        assert!(F::from_residue(F::prime()) == F::zero() && F::from_residue(7).residue() == 7);
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let drawn = Elements::<F>::random(3, &mut rng);
        let bytes = encode(&drawn);
        assert_eq!(bytes.len(), 3 * F::ENCODED_SIZE);
        assert!(Elements::<F>::decode(&bytes).is_some_and(|decoded| *decoded == *drawn));
        assert!(Elements::<F>::decode(&bytes[1..]).is_none());
    }

    proptest! {
        #[test]
        fn elements_survive_their_bytes(value in -i128::MAX..=i128::MAX, seed in any::<u64>()) {
            check::<Field64>(value, seed);
            check::<Field128>(value, seed);
        }
    }

    #[test]
    fn the_prime_and_what_lies_above_it_are_no_encoding() {
        let prime = u64::try_from(Field64::prime()).unwrap();
        assert!(Elements::<Field64>::decode(&prime.to_le_bytes()).is_none());
        assert!(Elements::<Field64>::decode(&(prime - 1).to_le_bytes()).is_some());
        assert!(Elements::<Field128>::decode(&Field128::prime().to_le_bytes()).is_none());
        assert!(Elements::<Field128>::decode(&[0xff; 16]).is_none());
    }

    /// Bytes that are no element come up where they must be skipped.
    struct Stream(Vec<u8>);

    impl rand_chacha::rand_core::TryRng for Stream {
        type Error = std::convert::Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            unreachable!("elements are drawn as bytes")
        }

        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            unreachable!("elements are drawn as bytes")
        }

        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
            let rest = self.0.split_off(bytes.len());
            bytes.copy_from_slice(&std::mem::replace(&mut self.0, rest));
            Ok(())
        }
    }

    #[test]
    fn drawing_many_is_drawing_one_by_one() {
        let mut bytes = Vec::new();
        for number in 0..200_u64 {
            let drawn = if matches!(number, 3 | 31 | 32 | 90) { u64::MAX } else { number };
            bytes.extend(drawn.to_le_bytes());
        }
        for length in [0, 1, 31, 32, 33, 95, 150] {
            let (mut many, mut single) = (Stream(bytes.clone()), Stream(bytes.clone()));
            let drawn = Elements::<Field64>::random(length, &mut many);
            let one_by_one: Vec<_> = (0..length).map(|_| Field64::random(&mut single)).collect();
            assert_eq!(drawn.to_vec(), one_by_one);
            assert_eq!(many.0, single.0, "{length}");
        }
    }

    #[test]
    fn wiping_leaves_zeros() {
        let mut elements = [Field64::from(5), Field64::from(6)];
        wipe(&mut elements);
        assert_eq!(elements, [Field64::zero(); 2]);
    }
}
