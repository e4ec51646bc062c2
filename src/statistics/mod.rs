//! Records to measurements, totals to answers.
//!
//! A measurement is a vector of slots: the number of records, then, for sum and mean, the sum of the values
//! counted in steps from the schema's offset. Heavy nodes add slots and know nothing of their meaning.

use serde_json::{Map, Number, Value};

use crate::domain::{Computation, Decimal, SchemaMismatch, Sharing, Statistic};
use crate::sharing::{Secret, additive};

/// What a total says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    statistic: Statistic,
    participants: u32,
    samples: u64,
    sum: Decimal,
}

/// Why a value cannot be encoded. It never shows the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// It does not fit the field's schema.
    #[error(transparent)]
    Mismatch(#[from] SchemaMismatch),
    /// Without bounds: so large that the total could overflow.
    #[error(
        "the value's magnitude is not below {limit}, so the total could overflow; add bounds to the schema"
    )]
    TooLarge {
        /// What it must stay below, in steps.
        limit: u128,
    },
}

/// Why a total cannot be decoded: no honest participants and heavy nodes give such a one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Another number of slots.
    #[error("a total of {expected} slots was expected, not {got}")]
    Shape {
        /// Slots of the statistic.
        expected: usize,
        /// Slots that came.
        got: usize,
    },
    /// A number that the schema and the participants cannot add up to.
    #[error("the total lies outside what the participants can add up to: somebody sent a false share")]
    Impossible,
}

/// Slots of a measurement.
pub const fn slots(statistic: Statistic) -> usize {
    match statistic {
        Statistic::Count => 1,
        Statistic::Sum | Statistic::Mean => 2,
    }
}

/// Encodes one participant's value of the computation's field.
///
/// # Errors
/// The rule that the value breaks.
pub fn encode(computation: &Computation, value: Decimal) -> Result<additive::Residues, EncodeError> {
    let Sharing::Additive { modulus } = computation.sharing;
    let mut slots = vec![1];
    let counted = computation.query.statistic == Statistic::Count;
    if let Some(field) = computation.query.fields.first().filter(|_| !counted) {
        let steps = field.schema.encode(value)?;
        let limit = computation.value_limit();
        if steps.unsigned_abs() >= limit {
            return Err(EncodeError::TooLarge { limit });
        }
        slots.push(additive::residue_of(steps, modulus));
    }
    Ok(Secret::new(slots))
}

/// Decodes the sum of `participants` measurements.
///
/// # Errors
/// `Shape`, or `Impossible` for a total that true inputs cannot give.
pub fn decode(computation: &Computation, total: &[u128], participants: u32) -> Result<Answer, DecodeError> {
    let Sharing::Additive { modulus } = computation.sharing;
    let statistic = computation.query.statistic;
    let (expected, got) = (slots(statistic), total.len());
    if got != expected {
        return Err(DecodeError::Shape { expected, got });
    }
    // Every participant answers with one record.
    let first = total.first().copied().unwrap_or_default();
    let samples = u64::try_from(first).map_err(|_| DecodeError::Impossible)?;
    if samples != u64::from(participants) {
        return Err(DecodeError::Impossible);
    }
    let mut sum = Decimal::new(0, 0).unwrap_or(Decimal::ONE);
    if let (Some(slot), Some(field)) = (total.get(1), computation.query.fields.first()) {
        let steps = match field.schema.span_steps() {
            Some(span) => i128::try_from(*slot)
                .ok()
                .filter(|_| *slot <= span.saturating_mul(u128::from(participants)))
                .and_then(|steps| {
                    steps.checked_add(field.schema.offset_steps().checked_mul(i128::from(samples))?)
                }),
            None => Some(additive::signed(*slot, modulus)),
        };
        sum = steps.and_then(|steps| field.schema.value_of(steps)).ok_or(DecodeError::Impossible)?;
    }
    Ok(Answer { statistic, participants, samples, sum })
}

impl Answer {
    /// Light nodes in the accepted set.
    pub const fn participants(&self) -> u32 {
        self.participants
    }

    /// Records behind the result.
    pub const fn samples(&self) -> u64 {
        self.samples
    }

    /// The exact sum; zero for a count.
    pub const fn sum(&self) -> Decimal {
        self.sum
    }

    /// The mean, as the double that is nearest to the exact quotient; `None` for a count or for no records.
    pub fn mean(&self) -> Option<f64> {
        (self.statistic == Statistic::Mean && self.samples > 0).then(|| quotient(self.sum, self.samples))
    }

    /// The object under `result` in docs/CLI.md.
    pub fn to_json(&self) -> Value {
        let mut object = Map::new();
        match self.statistic {
            Statistic::Count => {
                object.insert("count".to_owned(), self.samples.into());
            }
            Statistic::Sum => {
                object.insert("sum".to_owned(), exact(self.sum));
            }
            Statistic::Mean => {
                let mean = self.mean().and_then(Number::from_f64);
                object.insert("mean".to_owned(), mean.map_or(Value::Null, Value::Number));
                object.insert("sum".to_owned(), exact(self.sum));
            }
        }
        object.insert("samples".to_owned(), self.samples.into());
        object.insert("participants".to_owned(), self.participants.into());
        Value::Object(object)
    }
}

/// An exact decimal as a JSON number, every digit of it.
fn exact(number: Decimal) -> Value {
    serde_json::from_str(&number.to_string()).unwrap_or(Value::Null)
}

/// `sum / count`, with 20 digits behind the point before the one rounding to a double.
fn quotient(sum: Decimal, count: u64) -> f64 {
    let unit = 10_u128.pow(sum.scale());
    let divisor = unit.saturating_mul(u128::from(count));
    let magnitude = sum.mantissa().unsigned_abs();
    let mut text = String::from(if sum.mantissa() < 0 { "-" } else { "" });
    text.push_str(&(magnitude / divisor).to_string());
    text.push('.');
    let mut rest = magnitude % divisor;
    for _ in 0..20 {
        // The remainder is below 10^18 · 2^64 < 2^124, so ten of it fit.
        rest *= 10;
        text.push_str(&(rest / divisor).to_string());
        rest %= divisor;
    }
    // A last digit that is not zero keeps an inexact quotient off the point halfway between two doubles.
    text.push(if rest == 0 { '0' } else { '1' });
    text.parse().unwrap_or(f64::NAN)
}
