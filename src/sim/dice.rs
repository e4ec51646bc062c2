//! The simulator's own randomness: one seed, one named stream for each purpose, so that a draw added to one does
//! not move the others.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::domain::Digest;

/// A stream of draws.
#[derive(Debug)]
pub(super) struct Dice(ChaCha20Rng);

impl Dice {
    /// The stream of this name under this seed.
    pub fn new(seed: u64, stream: &str) -> Self {
        Self(ChaCha20Rng::from_seed(derive(seed, stream)))
    }

    /// A number below `bound`; 0 for a bound of 0. The bias of the remainder does not matter here.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64().checked_rem(bound).unwrap_or(0)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// As `between`, for counts and positions.
    pub fn count(&mut self, low: usize, high: usize) -> usize {
        // What goes in as a usize comes out as one: the result is at most `high`.
        self.between(low as u64, high as u64) as usize
    }

    /// Yes, this many times in a thousand.
    pub fn chance(&mut self, permille: u64) -> bool {
        self.below(1_000) < permille
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        let last = all.len().checked_sub(1)?;
        all.get(self.count(0, last)).copied()
    }

    /// Random bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// The generator itself, for the arithmetic that takes one.
    pub const fn rng(&mut self) -> &mut ChaCha20Rng {
        &mut self.0
    }
}

/// 32 bytes that follow from a seed and a name.
pub(super) fn derive(seed: u64, name: &str) -> [u8; 32] {
    *Digest::of("formix-p2p/simulator/1", &[&seed.to_be_bytes(), name.as_bytes()]).as_bytes()
}
