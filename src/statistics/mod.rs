//! Records to measurements, totals to answers.
//!
//! A measurement is a vector of slots. Heavy nodes add slots and know nothing of their meaning. Additive sharing proves
//! nothing, so its slots are the number of records and then, for sum and mean, the value in steps from the schema's offset. With a
//! proof there is one slot alone: a 1 for a count, or the value; the participants are then the records.

#[cfg_attr(not(test), expect(dead_code, reason = "the plan of each statistic will call it"))]
mod bivariate;
#[cfg_attr(not(test), expect(dead_code, reason = "the plan of each statistic will call it"))]
mod contingency;
mod elimination;
mod exact;
#[cfg_attr(not(test), expect(dead_code, reason = "the plan of each statistic will call it"))]
mod frequency;
#[cfg_attr(not(test), expect(dead_code, reason = "the plan of each statistic will call it"))]
mod histogram;
#[cfg_attr(not(test), expect(dead_code, reason = "the plan of each statistic will call it"))]
mod quantiles;
#[cfg_attr(not(test), expect(dead_code, reason = "the plan of each statistic will call it"))]
mod regression;
#[cfg(test)]
mod tests;
#[cfg_attr(not(test), expect(dead_code, reason = "the plan of each statistic will call it"))]
mod univariate;
#[cfg_attr(not(test), expect(dead_code, reason = "the plan of each statistic will call it"))]
mod vector_mean;

use rand_chacha::rand_core::Rng;
use serde_json::{Map, Number, Value, json};

use crate::domain::{Computation, Decimal, Noise, PrimeField, SchemaMismatch, Sharing, Statistic};
use crate::sharing::{Circuit, Scheme, SchemeError, Secret, additive, noise};

/// What a total says.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    statistic: Statistic,
    participants: u32,
    samples: u64,
    /// The exact sum, or the count.
    total: Decimal,
    noise: Option<NoiseSaid>,
}

/// The noise in a result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseSaid {
    /// Which mechanism.
    pub mechanism: &'static str,
    /// The privacy loss.
    pub epsilon: Decimal,
    /// Of the noise in the sum or the count, in units of the field.
    pub standard_deviation: f64,
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

/// The sharing scheme of a computation that keeps every rule ([`Computation::check`]).
///
/// # Errors
/// For no computation that keeps every rule.
pub fn scheme(computation: &Computation) -> Result<Scheme, SchemeError> {
    let parties = computation.heavy.len();
    let slots = if computation.query.statistic == Statistic::Count { 1 } else { 2 };
    match computation.sharing {
        Sharing::Additive { modulus } => Scheme::additive(modulus, slots, parties),
        Sharing::Prio3 => Scheme::prio3(circuit(computation), parties),
        Sharing::Threshold { k } => Scheme::threshold(circuit(computation), usize::from(k), parties),
    }
}

/// What is proven of each measurement: it is 0 or 1, or lies within the schema's bounds.
fn circuit(computation: &Computation) -> Circuit {
    let max = computation.largest_value().unwrap_or(1);
    match (computation.query.statistic, computation.prime_field(), u64::try_from(max)) {
        (Statistic::Count, PrimeField::Field64, _) => Circuit::Count,
        (_, PrimeField::Field64, Ok(max)) => Circuit::Sum { max },
        _ => Circuit::SumVec { max, length: 1 },
    }
}

/// Encodes one participant's value of the computation's field.
///
/// # Errors
/// The rule that the value breaks.
pub fn encode(computation: &Computation, value: Decimal) -> Result<Secret<Vec<u128>>, EncodeError> {
    let counted = computation.query.statistic == Statistic::Count;
    let steps = match computation.query.fields.first().filter(|_| !counted) {
        None => None,
        Some(field) => {
            let (steps, limit) = (field.schema.encode(value)?, computation.value_limit());
            if steps.unsigned_abs() >= limit {
                return Err(EncodeError::TooLarge { limit });
            }
            Some(steps)
        }
    };
    let slots = match computation.sharing {
        Sharing::Additive { modulus } => {
            std::iter::once(1).chain(steps.map(|steps| additive::residue_of(steps, modulus))).collect()
        }
        // With bounds, steps are counted from the lowest value.
        Sharing::Prio3 | Sharing::Threshold { .. } => vec![steps.map_or(1, i128::unsigned_abs)],
    };
    Ok(Secret::new(slots))
}

/// One heavy node's noise for every slot, if the computation asks for noise.
pub fn draw_noise(computation: &Computation, rng: &mut impl Rng) -> Option<Secret<Vec<i128>>> {
    let epsilon = computation.noise?.ratio();
    let drawn = noise::sample(epsilon, computation.largest_value()?, 1, rng).ok()?;
    // The number of participants is public, and gets none.
    let padding = scheme(computation).ok()?.slots().saturating_sub(1);
    Some(Secret::new(std::iter::repeat_n(0, padding).chain(drawn.expose().iter().copied()).collect()))
}

/// Decodes the sum of `participants` measurements.
///
/// # Errors
/// `Shape`, or `Impossible` for a total that true inputs cannot give.
pub fn decode(computation: &Computation, total: &[u128], participants: u32) -> Result<Answer, DecodeError> {
    let statistic = computation.query.statistic;
    let expected = scheme(computation).map_or(0, |scheme| scheme.slots());
    let got = total.len();
    let Some((last, records)) = total.split_last().filter(|_| got == expected) else {
        return Err(DecodeError::Shape { expected, got });
    };
    // Every participant answers with one record.
    if records.first().is_some_and(|records| *records != u128::from(participants)) {
        return Err(DecodeError::Impossible);
    }
    let steps = computation.total_steps(*last, participants).ok_or(DecodeError::Impossible)?;
    let mut samples = u64::from(participants);
    let field = computation.query.fields.first();
    let (total, unit) = match field.filter(|_| statistic != Statistic::Count) {
        None => {
            if computation.noise.is_none() {
                samples = u64::try_from(steps).map_err(|_| DecodeError::Impossible)?;
                let forged = matches!(computation.sharing, Sharing::Additive { .. })
                    && samples != u64::from(participants);
                if forged {
                    return Err(DecodeError::Impossible);
                }
            }
            (Decimal::new(steps, 0), Decimal::ONE)
        }
        Some(field) => {
            let offset = field.schema.offset_steps().checked_mul(i128::from(participants));
            let steps = offset.and_then(|offset| steps.checked_add(offset));
            (steps.and_then(|steps| field.schema.value_of(steps)), field.schema.step())
        }
    };
    let total = total.ok_or(DecodeError::Impossible)?;
    let noise = computation.noise.map(|noise| NoiseSaid {
        mechanism: Noise::MECHANISM,
        epsilon: noise.epsilon,
        standard_deviation: noise
            .standard_deviation(computation.largest_value().unwrap_or(1), computation.heavy.len())
            * unit.to_string().parse::<f64>().unwrap_or(f64::NAN),
    });
    Ok(Answer { statistic, participants, samples, total, noise })
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

    /// The exact sum, noise included; the number of records for a count.
    pub const fn total(&self) -> Decimal {
        self.total
    }

    /// The noise in the total, if it was asked for.
    pub const fn noise(&self) -> Option<NoiseSaid> {
        self.noise
    }

    /// The mean, as the double that is nearest to the exact quotient; `None` for a count or for no records.
    pub fn mean(&self) -> Option<f64> {
        (self.statistic == Statistic::Mean && self.samples > 0).then(|| quotient(self.total, self.samples))
    }

    /// The object under `result` in docs/CLI.md.
    pub fn to_json(&self) -> Value {
        let mut object = Map::new();
        match self.statistic {
            Statistic::Count => {
                object.insert("count".to_owned(), exact(self.total));
            }
            Statistic::Sum => {
                object.insert("sum".to_owned(), exact(self.total));
            }
            Statistic::Mean => {
                let mean = self.mean().and_then(Number::from_f64);
                object.insert("mean".to_owned(), mean.map_or(Value::Null, Value::Number));
                object.insert("sum".to_owned(), exact(self.total));
            }
        }
        object.insert("samples".to_owned(), self.samples.into());
        object.insert("participants".to_owned(), self.participants.into());
        if let Some(noise) = self.noise {
            let said = json!({
                "mechanism": noise.mechanism,
                "epsilon": exact(noise.epsilon),
                "standard_deviation": noise.standard_deviation,
            });
            object.insert("noise".to_owned(), said);
        }
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
