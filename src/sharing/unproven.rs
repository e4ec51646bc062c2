//! The additive scheme as the others are used: n of n modulo a power of two, without a proof.

use rand_chacha::rand_core::Rng;
use zeroize::Zeroizing;

use super::Secret;
use super::additive::{self, accumulate, encode, residue_of};
use super::error::{NoiseError, ShareError, SplitError, TotalError};
use super::scheme::{ReportShare, Total};
use super::split::Split;
use crate::domain::Modulus;

/// Additive sharing of so many slots among so many heavy nodes.
#[derive(Clone, Copy)]
pub(super) struct Unproven {
    pub modulus: Modulus,
    pub slots: usize,
    pub parties: usize,
}

impl Unproven {
    /// Bytes of a share and of a partial sum.
    pub const fn sum_bytes(&self) -> usize {
        self.slots * self.modulus.bytes()
    }

    pub fn split(&self, slots: &Secret<Vec<u128>>, rng: &mut impl Rng) -> Result<Split, SplitError> {
        let (expected, got) = (self.slots, slots.expose().len());
        if expected != got {
            return Err(SplitError::Slots { expected, got });
        }
        if slots.expose().iter().fold(false, |any, slot| any | (*slot > self.modulus.mask())) {
            return Err(SplitError::OutOfRange);
        }
        Ok(self.split_unchecked(slots, rng))
    }

    pub fn split_unchecked(&self, slots: &Secret<Vec<u128>>, rng: &mut impl Rng) -> Split {
        let shares = additive::split(slots, self.modulus, self.parties, rng);
        Split { public: Vec::new(), shares }
    }

    pub fn check_share(&self, index: usize, public: &[u8], share: &[u8]) -> Result<(), ShareError> {
        if index >= self.parties {
            return Err(ShareError::NoSuchNode { index, parties: self.parties });
        }
        if !public.is_empty() {
            return Err(ShareError::PublicLength { expected: 0, got: public.len() });
        }
        Ok(additive::check(share, self.slots, self.modulus)?)
    }

    pub fn partial_sum(&self, index: usize, shares: &[ReportShare<'_>]) -> Result<Secret<Vec<u8>>, ShareError> {
        if index >= self.parties {
            return Err(ShareError::NoSuchNode { index, parties: self.parties });
        }
        let mut sum = Zeroizing::new(vec![0; self.slots]);
        for report in shares {
            accumulate(&mut sum, report.share, self.modulus)?;
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
