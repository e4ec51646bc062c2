//! A number from 0 to some largest one, as field elements that are 0 or 1.
//!
//! All but the last have the weights 1, 2, 4 and so on; the last one's weight is what is missing from their sum to the
//! largest number. So every choice of zeros and ones is a number of the range, and to prove the range is to prove that
//! every element is 0 or 1. It is the encoding of Prio3's `Sum` and `SumVec` (VDAF draft 18).

use prio::field::{Field128, FieldElement};

use super::bits;
use crate::sharing::element::Element;

/// A range that begins at 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Range {
    max: u128,
    last_weight: Field128,
}

impl Range {
    /// Up to `max`, which is above 0 and below the prime.
    pub fn new(max: u128) -> Self {
        Self { max, last_weight: Field128::from_residue(last_weight(max)) }
    }

    /// Elements that a number takes.
    pub const fn width(&self) -> usize {
        bits(self.max)
    }

    /// Whether a number lies within.
    pub const fn contains(&self, number: u128) -> bool {
        number <= self.max
    }

    /// Writes a number of the range into its elements, by the same steps whatever it is.
    pub fn encode(&self, number: u128, elements: &mut [Field128]) {
        let Some((last, rest)) = elements.split_last_mut() else {
            return;
        };
        // Above what the others can say, the last one is 1.
        let (_, above) = all_but_last(self.max).overflowing_sub(number);
        let mut left = number.wrapping_sub(last_weight(self.max) & 0_u128.wrapping_sub(above.into()));
        for element in rest {
            *element = Field128::from(left & 1);
            left >>= 1;
        }
        *last = Field128::from(u128::from(above));
    }

    /// The number that elements stand for. A linear function, so it takes shares and sums as well.
    pub fn decode(&self, elements: &[Field128]) -> Field128 {
        let Some((last, rest)) = elements.split_last() else {
            return Field128::zero();
        };
        let low = rest.iter().rev().fold(Field128::zero(), |sum, element| sum + sum + *element);
        low + *last * self.last_weight
    }
}

/// The largest number without the last element.
const fn all_but_last(max: u128) -> u128 {
    (1 << bits(max).saturating_sub(1)) - 1
}

const fn last_weight(max: u128) -> u128 {
    max - all_but_last(max)
}

#[cfg(test)]
mod tests {
    use prio::flp::Type;
    use proptest::prelude::*;

    use super::*;
    use crate::sharing::circuit::{SumVec, chunk_length};

    fn encoded(range: &Range, number: u128) -> Vec<Field128> {
        let mut elements = vec![Field128::from(7); range.width()];
        range.encode(number, &mut elements);
        elements
    }

    #[test]
    fn every_number_of_a_range_comes_back_and_nothing_else_can_be_said() {
        for max in 1..70 {
            let range = Range::new(max);
            for number in 0..=max {
                assert_eq!(range.decode(&encoded(&range, number)).residue(), number);
            }
            for pattern in 0_u128..1 << range.width() {
                let elements: Vec<_> =
                    (0..range.width()).map(|bit| Field128::from(pattern >> bit & 1)).collect();
                assert!(range.contains(range.decode(&elements).residue()), "{max} {pattern:b}");
            }
        }
    }

    proptest! {
        #[test]
        fn the_encoding_is_that_of_the_crate(max in 1..Field128::prime(), part in any::<u128>()) {
            let (range, number) = (Range::new(max), part % max);
            let stock = SumVec::new(max, 1, chunk_length(bits(max))).unwrap();
            for number in [0, number, max] {
                let elements = encoded(&range, number);
                prop_assert_eq!(&elements, &stock.encode_measurement(&vec![number]).unwrap());
                prop_assert_eq!(range.decode(&elements).residue(), number);
            }
        }
    }
}
