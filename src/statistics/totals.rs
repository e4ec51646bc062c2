//! From the residues of a total to exact sums in the fields' own units.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::ToPrimitive;

use super::DecodeError;
use super::definition::Totals;
use super::exact::fraction;
use super::family::{Family, What};
use super::monomial::Monomial;
use super::plan::Plan;
use crate::domain::{Decimal, NumberSchema};

/// The totals over `participants` measurements.
///
/// # Errors
/// `Shape`, or `Impossible` for a total that true inputs cannot give.
pub(super) fn totals<'p>(
    plan: &'p Plan<'_>,
    residues: &[u128],
    participants: u32,
) -> Result<Totals<'p>, DecodeError> {
    let (expected, got) = (plan.slots.len(), residues.len());
    if expected != got {
        return Err(DecodeError::Shape { expected, got });
    }
    let largest = plan.largest_residue();
    let (mut records, mut sums, mut cells) = (None, Vec::new(), Vec::new());
    for (slot, residue) in plan.slots.iter().zip(residues) {
        let total = plan.total_of(slot, *residue, participants, largest).ok_or(DecodeError::Impossible)?;
        match slot.what {
            What::Records => records = Some(total),
            What::Sum(product) => sums.push((product, total)),
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
    Ok(Totals { samples, steps: sums.into_iter().collect(), cells, numbers: &plan.numbers })
}

impl Totals<'_> {
    /// The sum of one product of numbers, in the fields' own units: offsets and steps are undone. 0 for one that is not added up.
    ///
    /// Σ Π (steps + offset) · step, from the sums of products of steps: every subset of the factors is one of them.
    pub fn sum(&self, product: Monomial) -> BigRational {
        let mut total = BigInt::ZERO;
        if !self.steps.contains_key(&product) {
            return BigRational::from_integer(total);
        }
        for (chosen, others) in product.choices() {
            let sum = match chosen {
                None => self.samples.clone(),
                Some(chosen) => self.steps.get(&chosen).map_or(BigInt::ZERO, |sum| BigInt::from(*sum)),
            };
            total += others.into_iter().fold(sum, |sum, place| sum * self.number(place).offset_steps());
        }
        let whole = BigRational::from_integer(total);
        product.factors().fold(whole, |total, place| total * fraction(self.number(place).step()))
    }

    /// The sum of each number by itself, in their order and in their own units; `None` where only [`Self::sum`] has room for it.
    /// For vectors, which have many: a fraction each takes fifty times as long.
    pub fn decimals(&self) -> impl Iterator<Item = Option<Decimal>> {
        let samples = self.samples.to_i128();
        let alone = self.steps.iter().filter(|(product, _)| product.degree() == 1);
        // The elements of a vector look alike.
        let mut last: Option<(&NumberSchema, Option<i128>)> = None;
        alone.map(move |(product, steps)| {
            let number = self.number(product.factors().next()?);
            let offset = match last {
                Some((same, offset)) if std::ptr::eq(same, number) => offset,
                Some(_) | None => {
                    let offset = samples.and_then(|samples| number.offset_steps().checked_mul(samples));
                    last.insert((number, offset)).1
                }
            };
            number.value_of(steps.checked_add(offset?)?)
        })
    }

    fn number(&self, place: usize) -> &NumberSchema {
        self.numbers.get(place).copied().unwrap_or(&NumberSchema::WHOLE)
    }
}
