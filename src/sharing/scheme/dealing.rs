//! Dealing noise under a threshold scheme: shares of it, their check values, and the sum with them.

use rand_chacha::rand_core::Rng;

use super::{Kind, Scheme, in_order, twice_or_unknown};
use crate::sharing::Secret;
use crate::sharing::error::NoiseError;
use crate::sharing::xof::Context;

impl Scheme {
    /// Shares of a node's own noise, one for each heavy node in order.
    ///
    /// # Errors
    /// `Slots`; `OtherScheme` in n of n.
    pub fn deal_noise(&self, noise: &[i128], rng: &mut impl Rng) -> Result<Vec<Secret<Vec<u8>>>, NoiseError> {
        dispatch!(self, _it => Err(NoiseError::OtherScheme), it => it.deal_noise(noise, rng))
    }

    /// Whether bytes are a noise share. What passes gives no error later.
    ///
    /// # Errors
    /// What is wrong with them; `OtherScheme` in n of n.
    pub fn check_noise_share(&self, share: &[u8]) -> Result<(), NoiseError> {
        dispatch!(self, _it => Err(NoiseError::OtherScheme), it => it.check_noise_share(share))
    }

    /// This node's check value for the noise share that `dealer` dealt it: one element. Bytes that decode nowhere (0xff)
    /// for a share that `check_noise_share` refuses.
    pub fn noise_verifier(&self, key: &[u8; 32], ctx: &Context, dealer: usize, share: &[u8]) -> Vec<u8> {
        dispatch!(self, _it => Vec::new(), it => {
            it.noise_verifier(key, ctx, dealer, share).unwrap_or_else(|| vec![0xff; it.noise_verifier_bytes()])
        })
    }

    /// Whether the shares of one dealer are consistent, by the check values of heavy nodes with their positions. With no
    /// more of them than needed nothing can be compared and the answer is yes; with fewer it is no.
    pub fn noise_verdict(&self, verifiers: &[(usize, &[u8])]) -> bool {
        let verifiers = in_order(verifiers);
        dispatch!(
            self,
            _it => false,
            it => twice_or_unknown(&verifiers, it.layout.parties()).is_none() && it.noise_verdict(&verifiers),
        )
    }

    /// Adds a noise share to this node's partial sum.
    ///
    /// # Errors
    /// `Share` for bytes that are no partial sum or no noise share; `OtherScheme` in n of n.
    pub fn add_noise_share(&self, partial_sum: &mut Secret<Vec<u8>>, share: &[u8]) -> Result<(), NoiseError> {
        dispatch!(self, _it => Err(NoiseError::OtherScheme), it => it.add_noise_share(partial_sum, share))
    }
}
