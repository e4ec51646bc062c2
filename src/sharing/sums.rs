//! Partial sums and totals of the schemes with proofs.
//!
//! A partial sum is one field element a slot. Summing is linear and so is the way from an encoded measurement to its
//! slots; so the encodings are summed first, and the slots are taken out once.

use zeroize::Zeroizing;

use super::Secret;
use super::circuit::Validity;
use super::decoding::decode;
use super::element::{Element, Elements, encode};
use super::error::{NoiseError, ShareError, TotalError};
use super::proven::{Proven, Rule};
use super::scheme::{ReportShare, Total};
use super::shamir::{Interpolation, point};
use super::threads::{Threads, spread};
use super::xof::Context;

impl<T: Validity> Proven<T> {
    /// Bytes of a partial sum.
    pub fn sum_bytes(&self) -> usize {
        self.elements_bytes(self.circuit.output_len())
    }

    /// The partial sum of one heavy node over its shares of these reports.
    pub fn partial_sum(
        &self,
        ctx: &Context,
        index: usize,
        shares: &[ReportShare<'_>],
        threads: Threads,
    ) -> Result<Secret<Vec<u8>>, ShareError> {
        let inputs = self.circuit.input_len();
        let runs = spread(threads, inputs, shares, |_, run| {
            let mut sum = Elements::<T::Field>::zeros(inputs);
            for report in run {
                match self.open_measurement(ctx, index, report.share) {
                    Some(share) => sum.add(&share),
                    None => return Err(self.why_unreadable(index, report.share)),
                }
            }
            Ok(sum)
        });
        let mut sum = Elements::zeros(inputs);
        for run in runs {
            sum.add(&run?);
        }
        // The sum has the length that the circuit wants: its one condition.
        let slots = self.circuit.truncate(sum.into_vec()).map_err(|_| ShareError::NotCanonical)?;
        Ok(secret(&Elements::from(slots)))
    }

    /// Adds one partial sum to another: taking slots out of encodings is linear, too.
    pub fn add_partial_sum(&self, sum: &mut Secret<Vec<u8>>, more: &Secret<Vec<u8>>) -> Result<(), ShareError> {
        let mut both = self.read_sum(sum.expose())?;
        both.add(&self.read_sum(more.expose())?);
        *sum = secret(&both);
        Ok(())
    }

    /// Takes away from a partial sum what it has of some reports.
    pub fn subtract_partial_sum(
        &self,
        sum: &mut Secret<Vec<u8>>,
        less: &Secret<Vec<u8>>,
    ) -> Result<(), ShareError> {
        let mut rest = self.read_sum(sum.expose())?;
        rest.subtract(&self.read_sum(less.expose())?);
        *sum = secret(&rest);
        Ok(())
    }

    fn why_unreadable(&self, index: usize, share: &[u8]) -> ShareError {
        let (parties, got) = (self.layout.parties(), share.len());
        if index >= parties {
            return ShareError::NoSuchNode { index, parties };
        }
        match self.share_bytes(index) {
            expected if expected != got => ShareError::Length { expected, got },
            _ => ShareError::NotCanonical,
        }
    }

    /// Reads a partial sum.
    pub fn read_sum(&self, bytes: &[u8]) -> Result<Elements<T::Field>, ShareError> {
        let (expected, got) = (self.sum_bytes(), bytes.len());
        if expected != got {
            return Err(ShareError::Length { expected, got });
        }
        Elements::decode(bytes).ok_or(ShareError::NotCanonical)
    }

    /// Adds a node's own noise to its partial sum, n of n.
    pub fn add_noise(&self, partial_sum: &mut Secret<Vec<u8>>, noise: &[i128]) -> Result<(), NoiseError> {
        let Rule::Prio3(_) = self.rule else {
            return Err(NoiseError::OtherScheme);
        };
        let mut sum = self.read_sum(partial_sum.expose())?;
        sum.add(&self.noise_elements(noise)?);
        *partial_sum = secret(&sum);
        Ok(())
    }

    /// One element a slot.
    pub fn noise_elements(&self, noise: &[i128]) -> Result<Elements<T::Field>, NoiseError> {
        let (expected, got) = (self.circuit.output_len(), noise.len());
        if expected != got {
            return Err(NoiseError::Slots { expected, got });
        }
        Ok(noise.iter().map(|slot| T::Field::from_signed(*slot)).collect::<Vec<_>>().into())
    }

    /// The total of partial sums, which are in the order of their heavy nodes, each at most once.
    pub fn total(&self, partial_sums: &[(usize, &[u8])]) -> Result<Total, TotalError> {
        let mut sums = Vec::with_capacity(partial_sums.len());
        for (index, bytes) in partial_sums {
            sums.push(self.read_sum(bytes).map_err(|error| TotalError::Malformed { index: *index, error })?);
        }
        match self.rule {
            Rule::Prio3(_) => {
                let mut total = Elements::<T::Field>::zeros(self.circuit.output_len());
                sums.iter().for_each(|sum| total.add(sum));
                let slots = total.iter().map(|slot| slot.residue()).collect();
                Ok(Total { slots, liars: Vec::new(), checked: false })
            }
            Rule::Threshold { needed } => {
                let indices: Vec<_> = partial_sums.iter().map(|(index, _)| *index).collect();
                decode_sums(needed, &indices, &sums)
            }
        }
    }
}

/// The values behind Shamir shares, slot by slot. Whoever lies in one slot is left out of the following ones. In all
/// slots together there may be no more liars than can be corrected in one, else another set of them would explain the
/// sums as well; so the costly decoding runs that many times and once more, whatever the number of slots.
fn decode_sums<F: Element>(
    needed: usize,
    indices: &[usize],
    sums: &[Elements<F>],
) -> Result<Total, TotalError> {
    let correctable = sums.len().saturating_sub(needed) / 2;
    let slots = sums.first().map_or(0, |sum| sum.len());
    let mut total = Total { slots: Vec::with_capacity(slots), liars: Vec::new(), checked: sums.len() > needed };
    let mut trusted: Vec<_> = indices.iter().copied().zip(sums).collect();
    let mut points = interpolation(needed, &trusted)?;
    for slot in 0..slots {
        let column: Vec<F> = trusted.iter().filter_map(|(_, sum)| sum.get(slot).copied()).collect();
        if points.agree(&column) {
            total.slots.push(points.value(column).residue());
            continue;
        }
        let places: Vec<F> = trusted.iter().map(|(index, _)| point(*index)).collect();
        let decoded = decode(needed, &places, &column).ok_or(TotalError::Inconsistent)?;
        total.slots.push(decoded.value.residue());
        // From the last, so that positions stay true.
        for position in decoded.wrong.iter().rev() {
            let (liar, _) = trusted.remove(*position);
            total.liars.push(liar);
        }
        if total.liars.len() > correctable {
            return Err(TotalError::Inconsistent);
        }
        points = interpolation(needed, &trusted)?;
    }
    total.liars.sort_unstable();
    Ok(total)
}

fn interpolation<F: Element>(
    needed: usize,
    sums: &[(usize, &Elements<F>)],
) -> Result<Interpolation<F>, TotalError> {
    let indices: Vec<_> = sums.iter().map(|(index, _)| *index).collect();
    Interpolation::new(needed, &indices).ok_or(TotalError::TooFew { needed, got: indices.len() })
}

/// The bytes of elements as a secret.
pub(super) fn secret<F: Element>(elements: &[F]) -> Secret<Vec<u8>> {
    let mut bytes: Zeroizing<Vec<u8>> = encode(elements);
    Secret::new(std::mem::take(&mut *bytes))
}
