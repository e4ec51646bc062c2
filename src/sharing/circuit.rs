//! What is proven of a measurement, and how it is encoded for the proof.

use prio::field::{Field64, Field128};
use prio::flp::Type;
use prio::flp::gadgets::{Mul, ParallelSum};
use prio::flp::types;
use zeroize::Zeroizing;

use super::element::{Element, Elements};

/// Field elements that one encoded measurement may have: a share of 4 MiB, half of the largest message.
pub const ELEMENTS_MAX: usize = 1 << 18;

/// What is proven of a measurement. A measurement is a vector of slots, as is a total: the sum slot by slot.
///
/// `Count` and `Sum` are made over a field of 64 bits and need no joint randomness; the other two over one of 128.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
}

impl Circuit {
    /// The prime that totals are taken modulo. Participants times the largest value must stay below it.
    pub fn modulus(&self) -> u128 {
        match self {
            Self::Count | Self::Sum { .. } => Field64::prime(),
            Self::SumVec { .. } | Self::Histogram { .. } => Field128::prime(),
        }
    }

    /// Slots of a measurement and of a total.
    pub const fn slots(&self) -> usize {
        match self {
            Self::Count | Self::Sum { .. } => 1,
            Self::SumVec { length, .. } | Self::Histogram { length } => *length,
        }
    }

    /// The largest value of a slot.
    pub fn max(&self) -> u128 {
        match self {
            Self::Count | Self::Histogram { .. } => 1,
            Self::Sum { max } => (*max).into(),
            Self::SumVec { max, .. } => *max,
        }
    }

    /// Whether something can be proven with these parameters.
    ///
    /// # Errors
    /// The first rule that they break.
    pub fn check(&self) -> Result<(), CircuitError> {
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
        let max = self.max();
        let in_range = slots.iter().fold(true, |all, slot| all & (*slot <= max));
        let one_hot = match self {
            Self::Count | Self::Sum { .. } | Self::SumVec { .. } => true,
            Self::Histogram { .. } => slots.iter().fold(0, |sum: u128, slot| sum.wrapping_add(*slot)) == 1,
        };
        slots.len() == self.slots() && in_range & one_hot
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

/// `prio`'s sum of a vector.
pub(super) type SumVec = types::SumVec<Field128, ParallelSum<Field128, Mul>>;
/// `prio`'s histogram.
pub(super) type Histogram = types::Histogram<Field128, ParallelSum<Field128, Mul>>;
/// `prio`'s count.
pub(super) type Count = types::Count<Field64>;
/// `prio`'s sum.
pub(super) type Sum = types::Sum<Field64>;

/// A circuit with its parameters, ready for proving.
pub(super) enum Built {
    Count(Count),
    Sum(Sum),
    SumVec(SumVec),
    Histogram(Histogram),
}

impl Circuit {
    /// Nothing when `prio` refuses parameters that `check` has let through; a test says that there are none.
    pub(super) fn build(&self) -> Option<Built> {
        match *self {
            Self::Count => Some(Built::Count(Count::new())),
            Self::Sum { max } => Sum::new(max).ok().map(Built::Sum),
            Self::SumVec { max, length } => {
                SumVec::new(max, length, chunk_length(bits(max) * length)).ok().map(Built::SumVec)
            }
            Self::Histogram { length } => {
                Histogram::new(length, chunk_length(length)).ok().map(Built::Histogram)
            }
        }
    }
}

/// A validity circuit of `prio` as the schemes use it.
pub(super) trait Validity: Type<Field: Element> + Send + Sync {
    /// The number by which the specification knows Prio3 over it.
    const ALGORITHM: u32;

    /// Encodes a measurement that the circuit accepts. The error says nothing: it could show the value.
    fn encode(&self, slots: &[u128]) -> Option<Elements<Self::Field>>;

    /// Encodes any slots so that the aggregate counts them as they are, however wrong: each value in the element of
    /// weight 1 of its slot.
    fn encode_false(&self, slots: &[u128]) -> Elements<Self::Field> {
        let mut elements = Elements::zeros(self.input_len());
        let width = (self.input_len() / self.output_len().max(1)).max(1);
        for (element, slot) in elements.iter_mut().step_by(width).zip(slots) {
            *element = Self::Field::from_residue(*slot);
        }
        elements
    }
}

impl Validity for Count {
    const ALGORITHM: u32 = 1;

    fn encode(&self, slots: &[u128]) -> Option<Elements<Field64>> {
        self.encode_measurement(&(*slots.first()? == 1)).ok().map(Elements::from)
    }
}

impl Validity for Sum {
    const ALGORITHM: u32 = 2;

    fn encode(&self, slots: &[u128]) -> Option<Elements<Field64>> {
        let value = u64::try_from(*slots.first()?).ok()?;
        self.encode_measurement(&value).ok().map(Elements::from)
    }
}

impl Validity for SumVec {
    const ALGORITHM: u32 = 3;

    fn encode(&self, slots: &[u128]) -> Option<Elements<Field128>> {
        let slots = Zeroizing::new(slots.to_vec());
        self.encode_measurement(&slots).ok().map(Elements::from)
    }
}

impl Validity for Histogram {
    const ALGORITHM: u32 = 4;

    /// The slots are the encoding already; `prio` would look the one up by its position.
    fn encode(&self, slots: &[u128]) -> Option<Elements<Field128>> {
        (slots.len() == self.output_len()).then(|| self.encode_false(slots))
    }
}

#[cfg(test)]
mod tests {
    use prio::flp::Flp;
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
    }
}
