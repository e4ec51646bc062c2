//! Slots with bounds of their own, some of them products of others: what a participant's powers and products of values
//! are proven to be.

use super::range::Range;
use super::{CircuitError, ELEMENTS_MAX, bits};
use crate::sharing::element::Element;
use prio::field::Field128;

/// Slots each within bounds of its own; slots that are products of others; and, if `whole` is there, ranged slots that
/// add up to at most so much.
///
/// All of it is known to everybody: heavy nodes build it from the computation that its proposer signed, and every proof is
/// bound to that computation's id. So a proof under other slots or another whole proves nothing here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relations {
    /// The slots, in their order.
    pub slots: Vec<Slot>,
    /// What all ranged slots together come to at most. Products do not count towards it.
    pub whole: Option<u128>,
}

/// What is proven of one slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// A number from 0 to `max`, which is above 0: a slot that can only be 0 says nothing.
    Ranged {
        /// The largest value taken.
        max: u128,
    },
    /// The product of two earlier slots, which may be the same one and may be products themselves.
    Product {
        /// The position of one factor.
        left: usize,
        /// The position of the other.
        right: usize,
    },
}

impl Relations {
    /// The largest value of each slot. 2^128 − 1 stands for anything larger, and for a product of what is not there.
    pub(super) fn maxima(&self) -> Vec<u128> {
        let mut maxima = Vec::with_capacity(self.slots.len());
        for slot in &self.slots {
            maxima.push(match slot {
                Slot::Ranged { max } => *max,
                Slot::Product { left, right } => match (maxima.get(*left), maxima.get(*right)) {
                    (Some(left), Some(right)) => u128::saturating_mul(*left, *right),
                    _ => u128::MAX,
                },
            });
        }
        maxima
    }

    /// Whether something can be proven with these parameters. No product and no sum can reach the prime, so what holds
    /// modulo the prime holds for the numbers themselves.
    pub(super) fn check(&self) -> Result<(), CircuitError> {
        let modulus = Field128::prime();
        if self.slots.is_empty() {
            return Err(CircuitError::LengthZero);
        }
        let maxima = self.maxima();
        let (mut elements, mut sum) = (0_usize, 0_u128);
        for (position, (slot, max)) in self.slots.iter().zip(&maxima).enumerate() {
            match slot {
                Slot::Ranged { max } => {
                    check_range(*max)?;
                    elements = elements.saturating_add(bits(*max));
                    sum = sum.saturating_add(*max);
                }
                Slot::Product { left, right } => {
                    if let Some(factor) = [*left, *right].into_iter().find(|factor| *factor >= position) {
                        return Err(CircuitError::FactorNotEarlier { slot: position, factor });
                    }
                    if *max >= modulus {
                        return Err(CircuitError::ProductTooLarge { slot: position, modulus });
                    }
                    elements = elements.saturating_add(1);
                }
            }
        }
        if let Some(whole) = self.whole {
            check_range(whole)?;
            elements = elements.saturating_add(bits(whole));
            if sum >= modulus {
                return Err(CircuitError::SumTooLarge { modulus });
            }
        }
        if elements > ELEMENTS_MAX {
            return Err(CircuitError::TooLong { length: self.slots.len(), limit: ELEMENTS_MAX });
        }
        Ok(())
    }

    /// Whether a measurement is one of those that are proven. Looks at every slot, whatever the first ones are.
    pub(super) fn accepts(&self, measurement: &[u128]) -> bool {
        let mut fits = measurement.len() == self.slots.len();
        let (mut sum, mut overflow) = (0_u128, false);
        for (slot, value) in self.slots.iter().zip(measurement) {
            match slot {
                Slot::Ranged { max } => {
                    fits &= *value <= *max;
                    let (next, over) = sum.overflowing_add(*value);
                    sum = next;
                    overflow |= over;
                }
                Slot::Product { left, right } => {
                    let factor = |at: &usize| measurement.get(*at).copied();
                    let product = factor(left).zip(factor(right)).and_then(|(a, b)| a.checked_mul(b));
                    fits &= product == Some(*value);
                }
            }
        }
        fits & self.whole.is_none_or(|whole| !overflow & (sum <= whole))
    }
}

fn check_range(max: u128) -> Result<(), CircuitError> {
    let modulus = Field128::prime();
    match max {
        0 => Err(CircuitError::MaxZero),
        _ if max >= modulus => Err(CircuitError::MaxTooLarge { max, modulus }),
        _ => Ok(()),
    }
}

/// Where a slot stands in the encoded measurement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Zeros and ones.
    Ranged(Range),
    /// One element, which is the product of two slots.
    Product { left: usize, right: usize },
}

impl Place {
    pub fn of(slot: &Slot) -> Self {
        match *slot {
            Slot::Ranged { max } => Self::Ranged(Range::new(max)),
            Slot::Product { left, right } => Self::Product { left, right },
        }
    }

    /// Elements that it takes.
    pub const fn width(&self) -> usize {
        match self {
            Self::Ranged(range) => range.width(),
            Self::Product { .. } => 1,
        }
    }
}
