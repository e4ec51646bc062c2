//! The additive scheme as the others are used: n of n modulo a power of two, without a proof.
//!
//! A share that would be longer than a seed is one, but for the last heavy node's, which makes up for all of them: so a
//! report of a long vector is hardly longer than the vector.

use rand_chacha::rand_core::Rng;
use zeroize::Zeroizing;

use super::Secret;
use super::additive::{self, accumulate, add, encode, residue_of, subtract};
use super::error::{NoiseError, ShareError, SplitError, TotalError};
use super::scheme::{ReportShare, Total};
use super::split::Split;
use super::threads::{Threads, spread};
use super::xof::{Context, Derivation, SEED_BYTES, Seed, first_seed};
use crate::domain::Modulus;

/// Bytes that are expanded from a seed at once: they are wiped only when all is done. A whole number of residues of any size.
const EXPANDED_AT_ONCE: usize = 4096;

/// Additive sharing of so many slots among so many heavy nodes.
#[derive(Clone, Copy)]
pub(super) struct Unproven {
    pub modulus: Modulus,
    pub slots: usize,
    pub parties: usize,
}

impl Unproven {
    /// Bytes of a partial sum, and of a share that is no seed.
    pub const fn sum_bytes(&self) -> usize {
        self.slots * self.modulus.bytes()
    }

    /// Bytes of one heavy node's share.
    pub const fn share_bytes(&self, index: usize) -> usize {
        if self.is_seeded(index) { SEED_BYTES } else { self.sum_bytes() }
    }

    /// Whether a heavy node's share is a seed.
    const fn is_seeded(&self, index: usize) -> bool {
        self.sum_bytes() > SEED_BYTES && index + 1 < self.parties
    }

    pub fn split(
        &self,
        ctx: &Context,
        slots: &Secret<Vec<u128>>,
        rng: &mut impl Rng,
    ) -> Result<Split, SplitError> {
        let (expected, got) = (self.slots, slots.expose().len());
        if expected != got {
            return Err(SplitError::Slots { expected, got });
        }
        if slots.expose().iter().fold(false, |any, slot| any | (*slot > self.modulus.mask())) {
            return Err(SplitError::OutOfRange);
        }
        Ok(self.split_unchecked(ctx, slots, rng))
    }

    pub fn split_unchecked(&self, ctx: &Context, slots: &Secret<Vec<u128>>, rng: &mut impl Rng) -> Split {
        let shares = if self.is_seeded(0) {
            self.seeds_and_the_rest(ctx, slots, rng)
        } else {
            additive::split(slots, self.modulus, self.parties, rng)
        };
        Split { public: Vec::new(), shares }
    }

    fn seeds_and_the_rest(
        &self,
        ctx: &Context,
        slots: &Secret<Vec<u128>>,
        rng: &mut impl Rng,
    ) -> Vec<Secret<Vec<u8>>> {
        let mut rest = slots.clone();
        let mut shares = Vec::with_capacity(self.parties);
        for index in 1..self.parties {
            let mut seed: Zeroizing<Seed> = Zeroizing::new([0; SEED_BYTES]);
            rng.fill_bytes(&mut *seed);
            self.expand(ctx, index - 1, &seed, rest.expose_mut(), subtract);
            shares.push(Secret::new(seed.to_vec()));
        }
        shares.push(Secret::new(encode(rest.expose(), self.modulus)));
        shares
    }

    /// What a seed stands for, put into a vector residue by residue.
    fn expand(
        &self,
        ctx: &Context,
        index: usize,
        seed: &Seed,
        into: &mut [u128],
        put: impl Fn(&mut [u128], &[u8], Modulus),
    ) {
        // There are at most 16 heavy nodes.
        let mut stream = Derivation::additive(self.modulus).share_stream(seed, ctx, index as u8);
        let mut bytes = Zeroizing::new([0; EXPANDED_AT_ONCE]);
        for slots in into.chunks_mut(EXPANDED_AT_ONCE / self.modulus.bytes()) {
            let (drawn, _) = bytes.split_at_mut(slots.len() * self.modulus.bytes());
            stream.fill_bytes(drawn);
            put(slots, drawn, self.modulus);
        }
    }

    pub fn check_share(&self, index: usize, public: &[u8], share: &[u8]) -> Result<(), ShareError> {
        if index >= self.parties {
            return Err(ShareError::NoSuchNode { index, parties: self.parties });
        }
        if !public.is_empty() {
            return Err(ShareError::PublicLength { expected: 0, got: public.len() });
        }
        let (expected, got) = (self.share_bytes(index), share.len());
        if expected == got { Ok(()) } else { Err(ShareError::Length { expected, got }) }
    }

    pub fn partial_sum(
        &self,
        ctx: &Context,
        index: usize,
        shares: &[ReportShare<'_>],
        threads: Threads,
    ) -> Result<Secret<Vec<u8>>, ShareError> {
        let runs = spread(threads, self.slots, shares, |_, run| -> Result<_, ShareError> {
            let mut sum = Zeroizing::new(vec![0; self.slots]);
            for report in run {
                self.check_share(index, report.public, report.share)?;
                match first_seed(report.share).filter(|_| self.is_seeded(index)) {
                    Some(seed) => self.expand(ctx, index, &seed, &mut sum, add),
                    None => accumulate(&mut sum, report.share, self.modulus)?,
                }
            }
            Ok(sum)
        });
        let mut sum = Zeroizing::new(vec![0_u128; self.slots]);
        for run in runs {
            for (slot, more) in sum.iter_mut().zip(run?.iter()) {
                *slot = slot.wrapping_add(*more) & self.modulus.mask();
            }
        }
        Ok(Secret::new(encode(&sum, self.modulus)))
    }

    pub fn add_partial_sum(&self, sum: &mut Secret<Vec<u8>>, more: &Secret<Vec<u8>>) -> Result<(), ShareError> {
        let mut both = Zeroizing::new(vec![0; self.slots]);
        accumulate(&mut both, sum.expose(), self.modulus)?;
        accumulate(&mut both, more.expose(), self.modulus)?;
        *sum = Secret::new(encode(&both, self.modulus));
        Ok(())
    }

    pub fn subtract_partial_sum(
        &self,
        sum: &mut Secret<Vec<u8>>,
        less: &Secret<Vec<u8>>,
    ) -> Result<(), ShareError> {
        let mut rest = Zeroizing::new(vec![0; self.slots]);
        accumulate(&mut rest, sum.expose(), self.modulus)?;
        additive::check(less.expose(), self.slots, self.modulus)?;
        subtract(&mut rest, less.expose(), self.modulus);
        *sum = Secret::new(encode(&rest, self.modulus));
        Ok(())
    }

    pub fn add_noise(&self, partial_sum: &mut Secret<Vec<u8>>, noise: &[i128]) -> Result<(), NoiseError> {
        if noise.len() != self.slots {
            return Err(NoiseError::Slots { expected: self.slots, got: noise.len() });
        }
        let mut sum: Zeroizing<Vec<_>> =
            Zeroizing::new(noise.iter().map(|slot| residue_of(*slot, self.modulus)).collect());
        accumulate(&mut sum, partial_sum.expose(), self.modulus).map_err(ShareError::from)?;
        *partial_sum = Secret::new(encode(&sum, self.modulus));
        Ok(())
    }

    pub fn total(&self, partial_sums: &[(usize, &[u8])]) -> Result<Total, TotalError> {
        let mut slots = vec![0; self.slots];
        for (index, sum) in partial_sums {
            accumulate(&mut slots, sum, self.modulus)
                .map_err(|error| TotalError::Malformed { index: *index, error: error.into() })?;
        }
        Ok(Total { slots, liars: Vec::new(), checked: false })
    }
}
