//! From the residues of a total to exact sums in the fields' own units.

use std::collections::BTreeMap;

use num_bigint::BigInt;
use num_rational::BigRational;

use super::DecodeError;
use super::definition::Totals;
use super::exact::fraction;
use super::family::{Family, What};
use super::monomial::Monomial;
use super::plan::Plan;
use crate::domain::NumberSchema;

/// The totals over `participants` measurements.
///
/// # Errors
/// `Shape`, or `Impossible` for a total that true inputs cannot give.
pub(super) fn totals(plan: &Plan<'_>, residues: &[u128], participants: u32) -> Result<Totals, DecodeError> {
    let (expected, got) = (plan.slots.len(), residues.len());
    if expected != got {
        return Err(DecodeError::Shape { expected, got });
    }
    let largest = plan.largest_residue();
    let (mut records, mut sums, mut cells) = (None, BTreeMap::new(), Vec::new());
    for (slot, residue) in plan.slots.iter().zip(residues) {
        let total = plan.total_of(slot, *residue, participants, largest).ok_or(DecodeError::Impossible)?;
        match slot.what {
            What::Records => records = Some(total),
            What::Sum(product) => {
                sums.insert(product, total);
            }
            What::Cell(_) => cells.push(BigInt::from(total)),
        }
    }
    let samples = match &plan.family {
        Family::Sums(_) => records.map_or_else(|| BigInt::from(participants), BigInt::from),
        Family::Cells(_) => cells.iter().sum(),
    };
    // Proofs say this of every report. Without them somebody has sent a false share.
    let unproven_one_each = plan.computation.query.max_records == 1 && !plan.computation.sharing.is_proven();
    let noisy = plan.computation.noise.is_some() && matches!(plan.family, Family::Cells(_));
    if unproven_one_each && !noisy && samples != BigInt::from(participants) {
        return Err(DecodeError::Impossible);
    }
    let in_units = |product: &Monomial| (*product, in_units(*product, &samples, &sums, &plan.numbers));
    Ok(Totals { sums: sums.keys().map(in_units).collect(), cells, samples })
}

/// Σ Π (steps + offset) · step, from the sums of products of steps: every subset of the factors is one of them.
fn in_units(
    product: Monomial,
    samples: &BigInt,
    sums: &BTreeMap<Monomial, i128>,
    numbers: &[&NumberSchema],
) -> BigRational {
    let number = |place: usize| numbers.get(place).copied().unwrap_or(&NumberSchema::WHOLE);
    let mut total = BigInt::ZERO;
    for (chosen, others) in product.choices() {
        let sum = match chosen {
            None => samples.clone(),
            Some(chosen) => sums.get(&chosen).map_or(BigInt::ZERO, |sum| BigInt::from(*sum)),
        };
        total += others.into_iter().fold(sum, |sum, place| sum * number(place).offset_steps());
    }
    product
        .factors()
        .fold(BigRational::from_integer(total), |total, place| total * fraction(number(place).step()))
}
