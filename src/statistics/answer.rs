//! What a total says.

use std::sync::Arc;

use num_traits::{Signed, ToPrimitive};
use serde_json::{Map, Value, json};

use super::DecodeError;
use super::definition::{Totals, definition};
use super::exact::{every_digit, fraction, nearest};
use super::family::What;
use super::monomial::Monomial;
use super::plan::Plan;
use super::totals::totals;
use crate::domain::limits::CELLS_MAX;
use crate::domain::{Computation, Decimal, Noise, Query};

/// What a total says.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    participants: u32,
    samples: u64,
    total: Decimal,
    noise: Option<NoiseSaid>,
    slots: usize,
    figures: Arc<Figures>,
}

/// The figures, or how to make them.
#[derive(Debug, PartialEq)]
enum Figures {
    Made(Map<String, Value>),
    /// Of a long vector they take a dozen times as much room as its total: they are made whenever somebody asks.
    Of {
        computation: Box<Computation>,
        residues: Packed,
    },
}

/// Slots of which the figures are kept: as many as a table has.
const FIGURES_KEPT_SLOTS: usize = CELLS_MAX as usize;

/// The noise in a result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseSaid {
    /// Which mechanism.
    pub mechanism: &'static str,
    /// The privacy loss.
    pub epsilon: Decimal,
    /// Of the noise in the first sum, in the count or in each cell, in units of the field.
    pub standard_deviation: f64,
}

/// Decodes the sum of `participants` measurements.
///
/// # Errors
/// `Shape`, or `Impossible` for a total that true inputs cannot give.
pub fn decode(computation: &Computation, total: &[u128], participants: u32) -> Result<Answer, DecodeError> {
    decode_by(&Plan::of(computation), total, participants)
}

/// The same, with the layout that is there already.
pub(super) fn decode_by(plan: &Plan<'_>, total: &[u128], participants: u32) -> Result<Answer, DecodeError> {
    let computation = plan.computation;
    let totals = totals(plan, total, participants)?;
    let first = Monomial::of(0);
    let sum = if totals.steps.contains_key(&first) {
        every_digit(&totals.sum(first))
    } else {
        super::exact::whole(&totals.samples)
    };
    Ok(Answer {
        participants,
        samples: totals.samples.abs().to_u64().filter(|_| totals.samples.is_positive()).unwrap_or(0),
        total: sum.to_string().parse().map_err(|_| DecodeError::Impossible)?,
        noise: computation.noise.map(|noise| NoiseSaid::in_result(plan, noise)),
        slots: total.len(),
        figures: Arc::new(if total.len() <= FIGURES_KEPT_SLOTS {
            Figures::Made(figures(&computation.query, &totals))
        } else {
            // Who was invited says nothing about the figures, and may be long.
            let computation = Box::new(Computation { participants: None, ..computation.clone() });
            Figures::Of { computation, residues: Packed::of(total) }
        }),
    })
}

fn figures(query: &Query, totals: &Totals<'_>) -> Map<String, Value> {
    definition(query.statistic).answer(query, totals)
}

impl Figures {
    fn made(&self, participants: u32) -> Map<String, Value> {
        match self {
            Self::Made(figures) => figures.clone(),
            Self::Of { computation, residues } => {
                let plan = Plan::of(computation);
                // They were totals before.
                let totals = totals(&plan, &residues.unpacked(), participants);
                totals.map(|totals| figures(&computation.query, &totals)).unwrap_or_default()
            }
        }
    }
}

/// Numbers in as few bytes as the largest of them needs: many questions are remembered.
#[derive(Debug, PartialEq)]
struct Packed {
    width: usize,
    bytes: Vec<u8>,
}

impl Packed {
    fn of(numbers: &[u128]) -> Self {
        let largest = numbers.iter().max().copied().unwrap_or(0);
        let width = (u128::BITS - largest.leading_zeros()).div_ceil(8).max(1) as usize;
        let bytes = numbers.iter().flat_map(|number| number.to_le_bytes().into_iter().take(width)).collect();
        Self { width, bytes }
    }

    fn unpacked(&self) -> Vec<u128> {
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |number, byte| number << 8 | u128::from(*byte));
        self.bytes.chunks_exact(self.width).map(number).collect()
    }
}

impl NoiseSaid {
    /// What noise there will be in a result.
    pub(super) fn in_result(plan: &Plan<'_>, noise: Noise) -> Self {
        let slots = plan.slots.iter();
        // Sums first: the number of records stands before them.
        let said =
            slots.clone().find(|slot| matches!(slot.what, What::Sum(_))).or_else(|| slots.clone().next());
        let deviation = said.map_or(0.0, |slot| {
            let number = plan.numbers.first().filter(|_| matches!(slot.what, What::Sum(_)));
            plan.deviation(noise, slot) * number.map_or(1.0, |number| nearest(&fraction(number.step())))
        });
        Self { mechanism: Noise::MECHANISM, epsilon: noise.epsilon, standard_deviation: deviation }
    }
}

impl Answer {
    /// Light nodes in the accepted set.
    pub const fn participants(&self) -> u32 {
        self.participants
    }

    /// Records behind the result. With noise in their number it is not exact; 0 for fewer than none.
    pub const fn samples(&self) -> u64 {
        self.samples
    }

    /// The exact sum of the first number, noise included; where nothing is summed, the number of records.
    pub const fn total(&self) -> Decimal {
        self.total
    }

    /// How many numbers were added up.
    pub const fn slots(&self) -> usize {
        self.slots
    }

    /// The noise in the total, if it was asked for.
    pub const fn noise(&self) -> Option<NoiseSaid> {
        self.noise
    }

    /// The object under `result` in docs/CLI.md.
    pub fn to_json(&self) -> Value {
        let mut object = self.figures.made(self.participants);
        object.insert("samples".to_owned(), self.samples.into());
        object.insert("participants".to_owned(), self.participants.into());
        if let Some(noise) = self.noise {
            let said = json!({
                "mechanism": noise.mechanism,
                "epsilon": every_digit(&fraction(noise.epsilon)),
                "standard_deviation": noise.standard_deviation,
            });
            object.insert("noise".to_owned(), said);
        }
        Value::Object(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_numbers_come_out_as_they_went_in() {
        for (numbers, width) in [
            (vec![0, 255, 7], 1),
            (vec![256, 0], 2),
            (vec![u128::from(u32::MAX), 1], 4),
            (vec![u128::MAX, 1 << 64], 16),
            (vec![0, 0], 1),
            (vec![], 1),
        ] {
            let packed = Packed::of(&numbers);
            assert_eq!((packed.width, packed.bytes.len()), (width, width * numbers.len()));
            assert_eq!(packed.unpacked(), numbers);
        }
    }
}
