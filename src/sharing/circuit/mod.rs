//! What is proven of a measurement, and how it is encoded for the proof.

mod fold;
mod proof;
mod range;
mod relations;
mod stock;
mod validity;

use prio::field::{Field64, Field128};

use super::element::Element;
pub(super) use proof::RelationsProof;
pub use relations::{Relations, Slot};
pub(super) use stock::{Count, Histogram, Sum, SumVec};
pub(super) use validity::{Built, Validity};

/// Field elements that one encoded measurement may have: a share of 4 MiB, half of the largest message.
pub const ELEMENTS_MAX: usize = 1 << 18;

/// What is proven of a measurement. A measurement is a vector of slots, as is a total: the sum slot by slot.
///
/// `Count` and `Sum` are made over a field of 64 bits and need no joint randomness; the others over one of 128. The first
/// four are those of Prio3, `Relations` is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Circuit {
    /// One slot, 0 or 1.
    Count,
    /// One slot, from 0 to `max`. Best where `max` is below 2^31; above, a `SumVec` of one slot is several times
    /// faster to verify.
    Sum {
        /// The largest value taken.
        max: u64,
    },
    /// `length` slots, each from 0 to `max`.
    SumVec {
        /// The largest value taken in a slot.
        max: u128,
        /// Slots.
        length: usize,
    },
    /// `length` slots, one of them 1 and the others 0.
    Histogram {
        /// Slots.
        length: usize,
    },
    /// Slots with bounds of their own, products among them.
    Relations(Relations),
}

/// Why nothing can be proven with these parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CircuitError {
    /// A range of one value: there is nothing to ask.
    #[error("the largest value must be above 0")]
    MaxZero,
    /// A value that is no field element.
    #[error("the largest value, {max}, must be below {modulus}")]
    MaxTooLarge {
        /// What was asked for.
        max: u128,
        /// The field's prime.
        modulus: u128,
    },
    /// A vector without slots.
    #[error("a vector must have at least one slot")]
    LengthZero,
    /// A share would be too large to send.
    #[error("{length} slots need more than {limit} field elements")]
    TooLong {
        /// What was asked for.
        length: usize,
        /// `ELEMENTS_MAX`.
        limit: usize,
    },
    /// A product of what does not stand before it.
    #[error("slot {slot} is a product of slot {factor}, which does not come before it")]
    FactorNotEarlier {
        /// The product.
        slot: usize,
        /// One of its factors.
        factor: usize,
    },
    /// A product that the field could wrap around.
    #[error("the largest value of the product in slot {slot} must be below {modulus}")]
    ProductTooLarge {
        /// The product.
        slot: usize,
        /// The field's prime.
        modulus: u128,
    },
    /// Slots under a common bound whose sum the field could wrap around.
    #[error("the slots' largest values must add up to less than {modulus}")]
    SumTooLarge {
        /// The field's prime.
        modulus: u128,
    },
}

impl Circuit {
    /// The prime that totals are taken modulo. Participants times the largest value must stay below it.
    pub fn modulus(&self) -> u128 {
        match self {
            Self::Count | Self::Sum { .. } => Field64::prime(),
            Self::SumVec { .. } | Self::Histogram { .. } | Self::Relations(_) => Field128::prime(),
        }
    }

    /// Slots of a measurement and of a total.
    pub const fn slots(&self) -> usize {
        match self {
            Self::Count | Self::Sum { .. } => 1,
            Self::SumVec { length, .. } | Self::Histogram { length } => *length,
            Self::Relations(relations) => relations.slots.len(),
        }
    }

    /// The largest value of any slot.
    pub fn max(&self) -> u128 {
        match self {
            Self::Count | Self::Histogram { .. } => 1,
            Self::Sum { max } => (*max).into(),
            Self::SumVec { max, .. } => *max,
            Self::Relations(relations) => relations.maxima().into_iter().max().unwrap_or(0),
        }
    }

    /// The largest value of each slot, in their order.
    pub fn slot_maxima(&self) -> Vec<u128> {
        match self {
            Self::Count | Self::Sum { .. } | Self::SumVec { .. } | Self::Histogram { .. } => {
                vec![self.max(); self.slots()]
            }
            Self::Relations(relations) => relations.maxima(),
        }
    }

    /// The largest value of one slot; 0 for one that is not there. For all of them, `slot_maxima` is faster.
    pub fn slot_max(&self, index: usize) -> u128 {
        match self {
            Self::Count | Self::Sum { .. } | Self::SumVec { .. } | Self::Histogram { .. } => {
                if index < self.slots() { self.max() } else { 0 }
            }
            Self::Relations(relations) => relations.maxima().get(index).copied().unwrap_or(0),
        }
    }

    /// Whether something can be proven with these parameters.
    ///
    /// # Errors
    /// The first rule that they break.
    pub fn check(&self) -> Result<(), CircuitError> {
        if let Self::Relations(relations) = self {
            return relations.check();
        }
        let (max, modulus, length) = (self.max(), self.modulus(), self.slots());
        if max == 0 {
            return Err(CircuitError::MaxZero);
        }
        if max >= modulus {
            return Err(CircuitError::MaxTooLarge { max, modulus });
        }
        if length == 0 {
            return Err(CircuitError::LengthZero);
        }
        if length.checked_mul(bits(max)).is_none_or(|elements| elements > ELEMENTS_MAX) {
            return Err(CircuitError::TooLong { length, limit: ELEMENTS_MAX });
        }
        Ok(())
    }

    /// Whether a measurement is one of those that are proven. Looks at every slot, whatever the first ones are.
    pub(super) fn accepts(&self, slots: &[u128]) -> bool {
        let in_range = |max: u128| slots.iter().fold(true, |all, slot| all & (*slot <= max));
        let fits = match self {
            Self::Count | Self::Sum { .. } | Self::SumVec { .. } => in_range(self.max()),
            Self::Histogram { .. } => {
                in_range(1) & (slots.iter().fold(0, |sum: u128, slot| sum.wrapping_add(*slot)) == 1)
            }
            Self::Relations(relations) => relations.accepts(slots),
        };
        fits & (slots.len() == self.slots())
    }
}

/// Bits that a value of at most `max` takes.
const fn bits(max: u128) -> usize {
    (u128::BITS - max.leading_zeros()) as usize
}

/// How many of `elements` field elements are multiplied in one call of the circuit's gadget.
///
/// The proof has 2 · chunk + 2 · points − 1 elements, where points is a power of two above the number of calls; this
/// takes the chunk that makes it shortest, about the square root of `elements`. Where two are equally short, the one
/// with fewer points: part of the verification is quadratic in them. The answer is part of the wire format.
fn chunk_length(elements: usize) -> usize {
    let mut best = (usize::MAX, 1);
    let mut points = 2;
    while points / 2 <= elements {
        let chunk = elements.div_ceil(points - 1);
        if 2 * (chunk + points) < best.0 {
            best = (2 * (chunk + points), chunk);
        }
        points *= 2;
    }
    best.1
}

#[cfg(test)]
mod tests {
    use prio::flp::{Flp, Type};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parameters_without_a_proof_are_refused_by_name() {
        let modulus = Field64::prime();
        let above = u64::try_from(modulus).unwrap();
        assert_eq!(Circuit::Sum { max: 0 }.check(), Err(CircuitError::MaxZero));
        assert_eq!(
            Circuit::Sum { max: above }.check(),
            Err(CircuitError::MaxTooLarge { max: modulus, modulus })
        );
        assert_eq!(Circuit::Sum { max: above - 1 }.check(), Ok(()));
        assert_eq!(Circuit::Histogram { length: 0 }.check(), Err(CircuitError::LengthZero));
        assert_eq!(Circuit::Histogram { length: ELEMENTS_MAX }.check(), Ok(()));
        let long = Circuit::SumVec { max: 255, length: ELEMENTS_MAX / 8 + 1 };
        assert!(matches!(long.check(), Err(CircuitError::TooLong { .. })));
        let endless = Circuit::SumVec { max: 255, length: usize::MAX };
        assert!(matches!(endless.check(), Err(CircuitError::TooLong { .. })));
    }

    fn relations(slots: &[Slot], whole: Option<u128>) -> Circuit {
        Circuit::Relations(Relations { slots: slots.to_vec(), whole })
    }

    #[test]
    fn relations_without_a_proof_are_refused_by_name() {
        let ranged = |max| Slot::Ranged { max };
        let product = |left, right| Slot::Product { left, right };
        let modulus = Field128::prime();
        let checked = |slots: &[Slot], whole| relations(slots, whole).check();
        assert_eq!(checked(&[], None), Err(CircuitError::LengthZero));
        assert_eq!(checked(&[ranged(5), ranged(0)], None), Err(CircuitError::MaxZero));
        assert_eq!(checked(&[ranged(5)], Some(0)), Err(CircuitError::MaxZero));
        let too_large = Err(CircuitError::MaxTooLarge { max: modulus, modulus });
        assert_eq!(checked(&[ranged(modulus)], None), too_large);
        assert_eq!(checked(&[ranged(5)], Some(modulus)), too_large);
        assert_eq!(checked(&[ranged(modulus - 1)], None), Ok(()));
        for (left, right, factor) in [(0, 1, 1), (1, 0, 1), (usize::MAX, 0, usize::MAX), (0, 2, 2)] {
            let refused = Err(CircuitError::FactorNotEarlier { slot: 1, factor });
            assert_eq!(checked(&[ranged(5), product(left, right), ranged(5)], None), refused);
        }
        assert_eq!(checked(&[product(0, 0)], None), Err(CircuitError::FactorNotEarlier { slot: 0, factor: 0 }));
        // 2^128 is above the prime, and so is what the fourth power of 2^32 + 1 comes to; (2^64 − 1)^2 is as well.
        for max in [1 << 64, (1 << 64) - 1, u128::MAX >> 1] {
            let refused = Err(CircuitError::ProductTooLarge { slot: 1, modulus });
            assert_eq!(checked(&[ranged(max), product(0, 0)], None), refused);
        }
        let fourth = |max| checked(&[ranged(max), product(0, 0), product(1, 1)], None);
        assert_eq!(fourth((1 << 32) + 1), Err(CircuitError::ProductTooLarge { slot: 2, modulus }));
        assert_eq!(fourth((1 << 31) - 1), Ok(()));
        let half = modulus / 2 + 1;
        assert_eq!(checked(&[ranged(half), ranged(half)], None), Ok(()));
        assert_eq!(checked(&[ranged(half), ranged(half)], Some(3)), Err(CircuitError::SumTooLarge { modulus }));
        let long = vec![ranged(255); ELEMENTS_MAX / 8];
        assert_eq!(checked(&long, None), Ok(()));
        assert!(matches!(checked(&long, Some(1)), Err(CircuitError::TooLong { .. })));
    }

    #[test]
    fn the_largest_value_of_a_product_is_the_product_of_the_largest() {
        let (x, y) = (Slot::Ranged { max: 7 }, Slot::Ranged { max: 100 });
        let products = [(0, 0), (0, 1), (2, 2)].map(|(left, right)| Slot::Product { left, right });
        let circuit = relations(&[&[x, y], &products[..]].concat(), None);
        assert_eq!(circuit.slot_maxima(), [7, 100, 49, 700, 2401]);
        assert_eq!((circuit.slot_max(3), circuit.slot_max(5), circuit.max()), (700, 0, 2401));
        assert_eq!(Circuit::SumVec { max: 9, length: 2 }.slot_maxima(), [9, 9]);
        // A chain of squares of 1 is as long as its slots, not as all the ways through it.
        let squares = (0..200).map(|slot| Slot::Product { left: slot, right: slot });
        let chain: Vec<_> = std::iter::once(Slot::Ranged { max: 1 }).chain(squares).collect();
        assert_eq!(relations(&chain, None).slot_max(200), 1);
    }

    #[test]
    fn the_chunk_makes_the_shortest_proof() {
        let proof = |elements: usize, chunk: usize| {
            2 * chunk + 2 * ((1 + elements.div_ceil(chunk)).next_power_of_two() - 1) + 1
        };
        for elements in (1..300).chain([1000, 8000, 40_000]) {
            let shortest = (1..=elements).map(|chunk| proof(elements, chunk)).min().unwrap();
            assert_eq!(proof(elements, chunk_length(elements)), shortest, "{elements}");
        }
        // Part of the wire format.
        assert_eq!([1, 40, 100, 8000].map(chunk_length), [1, 6, 15, 127]);
    }

    fn circuits() -> impl Strategy<Value = Circuit> {
        prop_oneof![
            Just(Circuit::Count),
            any::<u64>().prop_map(|max| Circuit::Sum { max }),
            (any::<u128>(), 0_usize..40).prop_map(|(max, length)| Circuit::SumVec { max, length }),
            (0_u32..128, 0_usize..40).prop_map(|(bit, length)| Circuit::SumVec { max: 1 << bit, length }),
            (0_usize..300).prop_map(|length| Circuit::Histogram { length }),
        ]
    }

    proptest! {
        #[test]
        fn what_passes_the_check_can_be_built(circuit in circuits()) {
            if circuit.check().is_ok() {
                prop_assert!(circuit.build().is_some());
            }
        }

        #[test]
        fn both_encodings_count_alike(max in 1_u128..1 << 100, length in 1_usize..5, part in 0_u128..1000) {
            let Some(Built::SumVec(circuit)) = (Circuit::SumVec { max, length }).build() else {
                return Err(TestCaseError::fail("not built"));
            };
            let slots: Vec<_> = (0..length as u128).map(|slot| max / 1000 * part + slot.min(max / 1000)).collect();
            let honest = circuit.encode(&slots).unwrap().into_vec();
            let forged = circuit.encode_false(&slots).into_vec();
            prop_assert_eq!(honest.len(), circuit.input_len());
            prop_assert_eq!(circuit.truncate(honest).unwrap(), circuit.truncate(forged).unwrap());
        }
    }

    #[test]
    fn only_what_is_proven_is_accepted() {
        assert!(Circuit::Count.accepts(&[1]) && !Circuit::Count.accepts(&[2]));
        assert!(!Circuit::Count.accepts(&[]) && !Circuit::Count.accepts(&[1, 0]));
        assert!(Circuit::Sum { max: 5 }.accepts(&[5]) && !Circuit::Sum { max: 5 }.accepts(&[6]));
        let vector = Circuit::SumVec { max: 5, length: 2 };
        assert!(vector.accepts(&[5, 0]) && !vector.accepts(&[0, 6]) && !vector.accepts(&[1]));
        let histogram = Circuit::Histogram { length: 3 };
        assert!(histogram.accepts(&[0, 1, 0]));
        assert!(
            !histogram.accepts(&[0, 0, 0]) && !histogram.accepts(&[1, 1, 0]) && !histogram.accepts(&[2, 0, 0])
        );
        // Sums that come to 1 by overflow.
        assert!(!histogram.accepts(&[u128::MAX, 1, 1]));
        let ranged = Slot::Ranged { max: 100 };
        let related = relations(&[ranged, ranged, Slot::Product { left: 0, right: 1 }], Some(120));
        assert!(related.accepts(&[100, 20, 2000]) && related.accepts(&[0, 0, 0]));
        for refused in [[100, 20, 1999], [100, 21, 2100], [101, 0, 0], [u128::MAX, 121, 0], [0, 0, 1]] {
            assert!(!related.accepts(&refused), "{refused:?}");
        }
        assert!(!related.accepts(&[]) && !related.accepts(&[3, 4]) && !related.accepts(&[3, 4, 12, 0]));
        // A product that comes out by overflow.
        let square = relations(&[ranged, Slot::Product { left: 0, right: 0 }], None);
        assert!(!square.accepts(&[1 << 64, 0]));
    }
}
