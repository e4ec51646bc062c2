//! Noise under the threshold scheme: every heavy node deals its own as Shamir shares, and each adds the shares that it
//! holds to its partial sum. (Noise added to one partial sum alone would look like a lie.)
//!
//! A dealer that deals inconsistent shares would spoil the total. So a random mask is dealt along, and the heavy nodes
//! compare one random combination of mask and noise, at a point that nobody knew when the shares were dealt: the
//! values of the polynomial (mask, noise of slot 0, noise of slot 1, …) there. These must lie on one polynomial of the
//! sharing's degree. If the shares did not, neither do the values, but for a chance of slots in the field's size. The
//! mask hides the noise.
//!
//! How large the noise is that a dealer deals is not proven: a dishonest heavy node can shift the total, as it can by
//! noise of its own in n of n.

use rand_chacha::rand_core::Rng;

use super::Secret;
use super::circuit::Validity;
use super::element::{Element, Elements, encode};
use super::error::{NoiseError, ShareError};
use super::proven::{Proven, Rule};
use super::shamir::{Interpolation, deal, evaluate};
use super::sums::secret;
use super::xof::Context;

impl<T: Validity> Proven<T> {
    /// Bytes of one heavy node's share of one dealer's noise: a mask and one element a slot.
    pub fn noise_share_bytes(&self) -> usize {
        self.elements_bytes(1 + self.circuit.output_len())
    }

    /// Bytes of one check value.
    pub fn noise_verifier_bytes(&self) -> usize {
        self.elements_bytes(1)
    }

    /// Shares of a node's own noise, one for each heavy node in order.
    pub fn deal_noise(&self, noise: &[i128], rng: &mut impl Rng) -> Result<Vec<Secret<Vec<u8>>>, NoiseError> {
        let Rule::Threshold { needed } = self.rule else {
            return Err(NoiseError::OtherScheme);
        };
        let noise = self.noise_elements(noise)?;
        let mut values = Elements::zeros(1 + noise.len());
        if let Some((mask, slots)) = values.split_first_mut() {
            *mask = T::Field::random(rng);
            slots.copy_from_slice(&noise);
        }
        let shares = deal(&values, needed, self.layout.parties(), rng);
        Ok(shares.iter().map(|share| secret(share)).collect())
    }

    /// Reads a noise share: mask, then slots.
    fn read_noise_share(&self, share: &[u8]) -> Result<Elements<T::Field>, ShareError> {
        let (expected, got) = (self.noise_share_bytes(), share.len());
        if expected != got {
            return Err(ShareError::Length { expected, got });
        }
        Elements::decode(share).ok_or(ShareError::NotCanonical)
    }

    /// Whether bytes are a noise share.
    pub fn check_noise_share(&self, share: &[u8]) -> Result<(), NoiseError> {
        match self.rule {
            Rule::Threshold { .. } => Ok(self.read_noise_share(share).map(drop)?),
            Rule::Prio3(_) => Err(NoiseError::OtherScheme),
        }
    }

    /// The check value of one dealer's noise share.
    pub fn noise_verifier(
        &self,
        key: &[u8; 32],
        ctx: &Context,
        dealer: usize,
        share: &[u8],
    ) -> Option<Vec<u8>> {
        let share = self.read_noise_share(share).ok()?;
        let at = self.derivation.noise_check(key, ctx, u8::try_from(dealer).ok()?);
        Some(encode(&[evaluate(&share, at)]).to_vec())
    }

    /// Whether one dealer's shares are consistent, by the check values of heavy nodes, each named once.
    pub fn noise_verdict(&self, verifiers: &[(usize, &[u8])]) -> bool {
        let Rule::Threshold { needed } = self.rule else {
            return false;
        };
        let indices: Vec<_> = verifiers.iter().map(|(index, _)| *index).collect();
        let Some(points) = Interpolation::<T::Field>::new(needed, &indices) else {
            return false;
        };
        let mut values = Vec::with_capacity(verifiers.len());
        for (_, verifier) in verifiers {
            match Elements::<T::Field>::decode(verifier).as_deref() {
                Some([value]) => values.push(*value),
                _ => return false,
            }
        }
        points.agree(&values)
    }

    /// Adds one dealer's noise share to this node's partial sum.
    pub fn add_noise_share(&self, partial_sum: &mut Secret<Vec<u8>>, share: &[u8]) -> Result<(), NoiseError> {
        let Rule::Threshold { .. } = self.rule else {
            return Err(NoiseError::OtherScheme);
        };
        let mut sum = self.read_sum(partial_sum.expose())?;
        let share = self.read_noise_share(share)?;
        if let Some((_, slots)) = share.split_first() {
            sum.add(slots);
        }
        *partial_sum = secret(&sum);
        Ok(())
    }
}
