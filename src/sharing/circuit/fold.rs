//! Many checks in one: multiplications that must each give what is said, added up under random coefficients.
//!
//! It is how Prio3's `SumVec` checks its bits (VDAF draft 18): the gadget multiplies a chunk of pairs at once and adds up;
//! within one call the coefficients are r, r², r³ and so on, with an r of the joint randomness for each call. If a check of
//! a call fails, the sum is a polynomial in that r that is not 0 and has no more zeros than the chunk has pairs: of about
//! 2^128 values of r, that many let it pass.

use prio::field::{Field128, FieldElement};
use prio::flp::{FlpError, Gadget};

use crate::sharing::element::Elements;

/// Multiplications whose sum, under random coefficients, is what the circuit puts out.
pub(super) struct Fold<'a> {
    gadget: &'a mut dyn Gadget<Field128>,
    /// One random element for each call of the gadget; its powers are the coefficients within.
    randomness: std::slice::Iter<'a, Field128>,
    base: Field128,
    coefficient: Field128,
    factors: Elements<Field128>,
    filled: usize,
    sum: Field128,
}

impl<'a> Fold<'a> {
    /// `randomness` has one element for each call of the gadget.
    pub fn new(gadget: &'a mut dyn Gadget<Field128>, randomness: &'a [Field128]) -> Self {
        let factors = Elements::zeros(gadget.arity());
        let (base, coefficient, sum) = (Field128::zero(), Field128::zero(), Field128::zero());
        Self { gadget, randomness: randomness.iter(), base, coefficient, factors, filled: 0, sum }
    }

    /// Adds `bit` · (`bit` − 1) under a coefficient of its own; `one` is a share of 1.
    pub fn add_bit(&mut self, bit: Field128, one: Field128) -> Result<(), FlpError> {
        let coefficient = self.next_coefficient()?;
        self.push(coefficient * bit, bit - one)
    }

    /// Adds `left` · `right` − `product` under a coefficient of its own.
    pub fn add_product(&mut self, left: Field128, right: Field128, product: Field128) -> Result<(), FlpError> {
        let coefficient = self.next_coefficient()?;
        self.sum -= coefficient * product;
        self.push(coefficient * left, right)
    }

    fn next_coefficient(&mut self) -> Result<Field128, FlpError> {
        if self.filled == 0 {
            self.base = self.randomness.next().copied().ok_or_else(too_little_randomness)?;
            self.coefficient = self.base;
        } else {
            self.coefficient *= self.base;
        }
        Ok(self.coefficient)
    }

    fn push(&mut self, left: Field128, right: Field128) -> Result<(), FlpError> {
        if let Some([first, second]) = self.factors.get_mut(self.filled..self.filled + 2) {
            (*first, *second) = (left, right);
        }
        self.filled += 2;
        if self.filled >= self.factors.len() {
            self.sum += self.gadget.eval(&self.factors)?;
            self.filled = 0;
        }
        Ok(())
    }

    /// The sum. What is missing in the last call are zeros, checked as if they were bits, as in Prio3's circuits.
    /// `one` is a share of 1.
    pub fn finish(mut self, one: Field128) -> Result<Field128, FlpError> {
        while self.filled > 0 {
            self.push(Field128::zero(), -one)?;
        }
        Ok(self.sum)
    }
}

fn too_little_randomness() -> FlpError {
    FlpError::Valid("there is too little joint randomness".to_owned())
}
