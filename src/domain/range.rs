//! Which numbers a computation's totals may be, so that none of them can overflow unnoticed.
//!
//! Values are counted in steps from the schema's offset. Totals are residues, modulo 2^bits or a prime; what is added
//! up, and the noise on top of it, must fit below.

use super::computation::{Computation, ComputationError};
use super::query::Statistic;
use super::schema::NumberSchema;
use super::sharing::{PrimeField, Sharing};

/// Proofs for values up to here are cheapest in the smaller field: 2^31 − 1.
const SMALL_VALUE_MAX: u128 = (1 << 31) - 1;

impl Computation {
    fn schema(&self) -> Option<&NumberSchema> {
        self.query
            .fields
            .first()
            .map(|field| &field.schema)
            .filter(|_| self.query.statistic != Statistic::Count)
    }

    /// The largest measurement in steps; `None` without bounds. A count's is 1.
    pub fn largest_value(&self) -> Option<u128> {
        self.schema().map_or(Some(1), NumberSchema::span_steps)
    }

    /// What the noise of all heavy nodes stays below in magnitude, in steps; 0 without noise, `None` if absurdly large.
    pub fn noise_bound(&self) -> Option<u128> {
        match self.noise {
            None => Some(0),
            Some(noise) => noise.bound(self.largest_value()?, self.heavy.len()),
        }
    }

    /// The field of a proven scheme: the smaller one where values and totals fit.
    pub fn prime_field(&self) -> PrimeField {
        let small = PrimeField::Field64;
        let fits = self.highest_total().is_some_and(|total| total <= small.largest());
        if fits && self.largest_value().is_some_and(|largest| largest <= SMALL_VALUE_MAX) {
            small
        } else {
            PrimeField::Field128
        }
    }

    /// The largest residue: a total and every share of it is one.
    pub fn largest_residue(&self) -> u128 {
        match self.sharing {
            Sharing::Additive { modulus } => modulus.mask(),
            Sharing::Prio3 | Sharing::Threshold { .. } => self.prime_field().largest(),
        }
    }

    /// The width of the range of totals: `max_participants` times the largest value, and the noise to both sides.
    fn highest_total(&self) -> Option<u128> {
        let plain = self.largest_value()?.checked_mul(u128::from(self.max_participants))?;
        plain.checked_add(self.noise_bound()?.checked_mul(2)?)
    }

    /// The magnitude that every encoded value stays below: what the schema's bounds allow plus one, or without
    /// bounds 2^(bits − 1) / `max_participants`, and never so much that the decoded total would not fit.
    pub fn value_limit(&self) -> u128 {
        let schema = self.query.fields.first().map(|field| &field.schema);
        match schema.and_then(NumberSchema::span_steps) {
            Some(span) => span.saturating_add(1),
            None => {
                let step = schema.map_or(1, |schema| schema.step().mantissa().unsigned_abs().max(1));
                let half = self.largest_residue() / 2 + 1;
                half.min(i128::MAX.unsigned_abs() / step) / u128::from(self.max_participants.max(1))
            }
        }
    }

    /// A total, in steps from `participants` times the offset, from its residue; `None` for one that true inputs and
    /// noise within its bound cannot give. Noise may make it negative.
    pub fn total_steps(&self, residue: u128, participants: u32) -> Option<i128> {
        let largest = self.largest_residue();
        let Some(value) = self.largest_value() else {
            // Without bounds, the upper half of the ring is negative.
            return if residue > largest / 2 {
                i128::try_from(largest - residue).ok()?.checked_add(1)?.checked_neg()
            } else {
                i128::try_from(residue).ok()
            };
        };
        let noise = self.noise_bound()?;
        let highest = value.checked_mul(u128::from(participants))?.checked_add(noise)?;
        if residue <= highest {
            return i128::try_from(residue).ok();
        }
        let below = largest.checked_sub(residue)?.checked_add(1)?;
        (below <= noise).then(|| i128::try_from(below).ok()?.checked_neg()).flatten()
    }

    /// N · max and the noise stay below the modulus, and the total, counted from zero, can be written as an exact decimal.
    pub(super) fn check_range(&self) -> Result<(), ComputationError> {
        let bounded = self.largest_value();
        if bounded.is_none() && self.sharing.is_proven() {
            return Err(ComputationError::NeedsBounds { sharing: self.sharing.name() });
        }
        if bounded == Some(0) && self.sharing.is_proven() {
            return Err(ComputationError::OneValue);
        }
        if let Some(noise) = self.noise {
            noise.check()?;
            if bounded.is_none() {
                return Err(ComputationError::NoiseNeedsBounds);
            }
        }
        let Some(largest) = bounded else {
            return if self.value_limit() == 0 { Err(self.overflow(1)) } else { Ok(()) };
        };
        if self.highest_total().is_none_or(|total| total > self.largest_residue()) {
            return Err(self.overflow(largest));
        }
        let Some(schema) = self.schema() else { return Ok(()) };
        let exact = i128::try_from(largest)
            .ok()
            .and_then(|largest| largest.checked_add(schema.offset_steps().checked_abs()?))
            .and_then(|steps| steps.checked_mul(i128::from(self.max_participants)))
            .and_then(|steps| steps.checked_add(i128::try_from(self.noise_bound()?).ok()?))
            .and_then(|steps| schema.value_of(steps));
        if exact.is_none() { Err(self.overflow(largest)) } else { Ok(()) }
    }

    fn overflow(&self, largest: u128) -> ComputationError {
        let modulus = match self.sharing {
            Sharing::Additive { modulus } => format!("2^{}", modulus.bits()),
            Sharing::Prio3 | Sharing::Threshold { .. } => "the field's prime, a little below 2^128".to_owned(),
        };
        let noise = if self.noise.is_some() {
            let bound = self.noise_bound().map_or_else(|| "beyond 2^128".to_owned(), |bound| bound.to_string());
            format!(" and noise up to {bound}")
        } else {
            String::new()
        };
        // With exact decimals in i128, half of a 128-bit range is what a total may use.
        let room = self.largest_residue().min(i128::MAX.unsigned_abs());
        let room = room.saturating_sub(self.noise_bound().unwrap_or(u128::MAX).saturating_mul(2));
        let fitting = u32::try_from(room / largest.max(1)).unwrap_or(u32::MAX);
        ComputationError::Overflow { participants: self.max_participants, largest, noise, modulus, fitting }
    }
}
