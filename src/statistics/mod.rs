//! Records to measurements, totals to answers.
//!
//! ```text
//! light node    Encoder  records      -> a measurement: one number a slot
//! heavy node    scheme   measurements -> their sum, slot by slot; nothing is known there of what a slot means
//! anybody       decode   the sum      -> the answer
//! ```
//!
//! There are two kinds of measurements (`family.rs`). **Sums**: the number of records, and sums over them of numbers and of
//! products of numbers (`monomial.rs`). **Cells**: how many records are in each category or range (`axis.rs`). A statistic says which of
//! them it needs and what the totals mean (`definition.rs`, and a file each). Everything is an integer, counted in steps of
//! the schema, until the last division (`totals.rs`, `exact.rs`). `plan.rs` chooses what is proven and sees to it that
//! nothing overflows.

mod answer;
mod axis;
mod bivariate;
mod contingency;
mod count;
mod definition;
mod elimination;
mod encoder;
mod exact;
mod family;
mod frequency;
mod histogram;
mod mean;
mod monomial;
mod plan;
mod quantiles;
mod reading;
mod regression;
mod sum;
#[cfg(test)]
mod tests;
mod totals;
mod univariate;
mod vector_mean;

use rand_chacha::rand_core::Rng;

pub use answer::{Answer, NoiseSaid, decode};
pub use encoder::{Encoder, encode_one};
pub use reading::{Reading, ReadingError, Tally};

use crate::domain::{Computation, ComputationError};
use crate::sharing::{Scheme, SchemeError, Secret, noise};
use plan::Plan;

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

/// One number of a measurement, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotSaid {
    /// Such as "records", "Σ age·bmi" or "sex = f".
    pub name: String,
    /// The most that one participant can put in, in steps; `None` without bounds.
    pub most: Option<u128>,
}

/// A computation that keeps every rule, with the layout of its measurements, which for a long vector takes a while to make.
pub struct Checked<'c>(Plan<'c>);

/// Checks every rule of a computation that needs no clock.
///
/// # Errors
/// The first rule that is broken.
pub fn check(computation: &Computation) -> Result<(), ComputationError> {
    checked(computation).map(drop)
}

/// The same, to go on with.
///
/// # Errors
/// The first rule that is broken.
pub fn checked(computation: &Computation) -> Result<Checked<'_>, ComputationError> {
    computation.check_terms()?;
    let plan = Plan::of(computation);
    plan.check()?;
    Ok(Checked(plan))
}

impl Checked<'_> {
    /// Its sharing scheme.
    ///
    /// # Errors
    /// None that is known: it keeps every rule.
    pub fn scheme(&self) -> Result<Scheme, SchemeError> {
        self.0.scheme()
    }

    /// Decodes the sum of `participants` measurements.
    ///
    /// # Errors
    /// `Shape`, or `Impossible` for a total that true inputs cannot give.
    pub fn decode(&self, total: &[u128], participants: u32) -> Result<Answer, DecodeError> {
        answer::decode_by(&self.0, total, participants)
    }
}

/// The sharing scheme of a computation that keeps every rule ([`check`]).
///
/// # Errors
/// For no computation that keeps every rule.
pub fn scheme(computation: &Computation) -> Result<Scheme, SchemeError> {
    Plan::of(computation).scheme()
}

/// The numbers of a measurement, in their order.
pub fn slots(computation: &Computation) -> Vec<SlotSaid> {
    let plan = Plan::of(computation);
    let names = plan.family.names(&computation.query, &plan.slots);
    plan.slots.iter().zip(names).map(|(slot, name)| SlotSaid { name, most: slot.most }).collect()
}

/// The largest residue of a computation's totals: a total and every share of it is one.
pub fn largest_residue(computation: &Computation) -> u128 {
    Plan::of(computation).largest_residue()
}

/// What the noise of all heavy nodes stays below in magnitude, slot by slot, in steps.
pub fn noise_bounds(computation: &Computation) -> Vec<u128> {
    let plan = Plan::of(computation);
    plan.slots.iter().map(|slot| plan.noise_bound(slot).unwrap_or(u128::MAX)).collect()
}

/// What one heavy node's noise stays below in magnitude, slot by slot, in steps.
pub fn own_noise_bounds(computation: &Computation) -> Vec<u128> {
    let bound = |spread: Option<u128>| {
        computation.noise.zip(spread).map_or(Some(0), |(noise, spread)| noise.bound(spread, 1))
    };
    Plan::of(computation).slots.iter().map(|slot| bound(slot.spread).unwrap_or(u128::MAX)).collect()
}

/// The noise that a result will have, if the computation asks for noise.
pub fn noise_said(computation: &Computation) -> Option<NoiseSaid> {
    computation.noise.map(|noise| NoiseSaid::in_result(&Plan::of(computation), noise))
}

/// One heavy node's noise for every slot, if the computation asks for noise.
pub fn draw_noise(computation: &Computation, rng: &mut impl Rng) -> Option<Secret<Vec<i128>>> {
    let epsilon = computation.noise?.ratio();
    let mut drawn = Secret::new(Vec::new());
    for slot in Plan::of(computation).slots {
        let one = match slot.spread {
            // The number of participants is public, and gets none.
            None => 0,
            Some(spread) => noise::sample(epsilon, spread, 1, rng).ok()?.expose().first().copied()?,
        };
        drawn.expose_mut().push(one);
    }
    Some(drawn)
}
