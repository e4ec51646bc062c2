//! One way to speak of every scheme.

use rand_chacha::rand_core::Rng;

use super::{Secret, additive};
use crate::domain::Modulus;

/// One report as one heavy node sees it.
#[derive(Clone, Copy)]
pub struct ReportShare<'a> {
    pub nonce: &'a [u8; 16],
    pub public: &'a [u8],
    pub share: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Valid,
    Invalid,
    Inconsistent,
}

pub struct Split {
    pub public: Vec<u8>,
    pub shares: Vec<Secret<Vec<u8>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a share of another shape")]
pub struct ShareError;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TotalError {
    #[error("the partial sums do not fit together")]
    Inconsistent,
    #[error("a partial sum of another shape")]
    Shape { index: usize },
    #[error("too few")]
    TooFew,
}

pub struct Total {
    pub slots: Vec<u128>,
    pub liars: Vec<usize>,
    pub checked: bool,
}

/// A scheme.
#[derive(Clone, Debug)]
pub enum Scheme {
    Additive { modulus: Modulus, slots: usize, parties: usize },
    Other,
}

impl Scheme {
    pub fn additive(modulus: Modulus, slots: usize, parties: usize) -> Self {
        Self::Additive { modulus, slots, parties }
    }
    pub fn prio3(_: Circuit, _: usize) -> Self {
        Self::Other
    }
    pub fn threshold(_: Circuit, _: usize, _: usize) -> Self {
        Self::Other
    }
    pub fn slots(&self) -> usize {
        if let Self::Additive { slots, .. } = self { *slots } else { 1 }
    }
    pub fn split(
        &self,
        _ctx: &[u8; 32],
        _nonce: &[u8; 16],
        measurement: &Secret<Vec<u128>>,
        rng: &mut impl Rng,
    ) -> Result<Split, ShareError> {
        let Self::Additive { modulus, parties, .. } = self else { return Err(ShareError) };
        Ok(Split { public: Vec::new(), shares: additive::split(measurement, *modulus, *parties, rng) })
    }
    pub fn check_share(&self, _index: usize, _public: &[u8], share: &[u8]) -> Result<(), ShareError> {
        let Self::Additive { modulus, slots, .. } = self else { return Err(ShareError) };
        additive::check(share, *slots, *modulus).map_err(|_| ShareError)
    }
    pub fn sum_bytes(&self) -> usize {
        let Self::Additive { modulus, slots, .. } = self else { return 0 };
        modulus.bytes() * slots
    }
    pub fn check_sum(&self, sum: &[u8]) -> Result<(), ShareError> {
        let Self::Additive { modulus, slots, .. } = self else { return Err(ShareError) };
        additive::check(sum, *slots, *modulus).map_err(|_| ShareError)
    }
    pub fn is_proven(&self) -> bool {
        false
    }
    pub fn verifier_bytes(&self) -> usize {
        0
    }
    pub fn verifier_shares(
        &self,
        _key: &[u8; 32],
        _ctx: &[u8; 32],
        _index: usize,
        _reports: &[ReportShare<'_>],
    ) -> Vec<u8> {
        Vec::new()
    }
    pub fn verdicts(&self, _ctx: &[u8; 32], publics: &[&[u8]], _verifiers: &[(usize, &[u8])]) -> Vec<Verdict> {
        vec![Verdict::Valid; publics.len()]
    }
    pub fn partial_sum<'a>(
        &self,
        _ctx: &[u8; 32],
        _index: usize,
        shares: impl Iterator<Item = ReportShare<'a>>,
    ) -> Result<Secret<Vec<u8>>, ShareError> {
        let Self::Additive { modulus, slots, .. } = self else { return Err(ShareError) };
        let mut sum = vec![0; *slots];
        for share in shares {
            additive::accumulate(&mut sum, share.share, *modulus).map_err(|_| ShareError)?;
        }
        Ok(Secret::new(additive::encode(&sum, *modulus)))
    }
    pub fn add_noise(&self, _partial_sum: &mut Secret<Vec<u8>>, _noise: &[i128]) {}
    pub fn total(&self, partial_sums: &[(usize, &[u8])]) -> Result<Total, TotalError> {
        let Self::Additive { modulus, slots, parties } = self else { return Err(TotalError::TooFew) };
        if partial_sums.len() < *parties {
            return Err(TotalError::TooFew);
        }
        let mut sum = vec![0; *slots];
        for (index, part) in partial_sums {
            additive::accumulate(&mut sum, part, *modulus).map_err(|_| TotalError::Shape { index: *index })?;
        }
        Ok(Total { slots: sum, liars: Vec::new(), checked: false })
    }
}

pub enum Circuit {
    Count,
    Sum { max: u64 },
    SumVec { max: u128, length: usize },
}
pub mod noise {
    use rand_chacha::rand_core::Rng;
    pub fn sample(_: (u128, u128), _: u128, slots: usize, _rng: &mut impl Rng) -> Vec<i128> {
        vec![0; slots]
    }
}
