//! The circuits of Prio3 that the `prio` crate brings.

use prio::field::{Field64, Field128};
use prio::flp::Type;
use prio::flp::gadgets::{Mul, ParallelSum};
use prio::flp::types;
use zeroize::Zeroizing;

use super::Validity;
use crate::sharing::element::{Element, Elements};

/// `prio`'s sum of a vector.
pub(in crate::sharing) type SumVec = types::SumVec<Field128, ParallelSum<Field128, Mul>>;
/// `prio`'s histogram.
pub(in crate::sharing) type Histogram = types::Histogram<Field128, ParallelSum<Field128, Mul>>;
/// `prio`'s count.
pub(in crate::sharing) type Count = types::Count<Field64>;
/// `prio`'s sum.
pub(in crate::sharing) type Sum = types::Sum<Field64>;

/// Slots of equal width, each value in the first element of its slot, which has the weight 1.
pub(super) fn in_first_elements<T: Type<Field: Element>>(circuit: &T, slots: &[u128]) -> Elements<T::Field> {
    let mut elements = Elements::zeros(circuit.input_len());
    let width = (circuit.input_len() / circuit.output_len().max(1)).max(1);
    for (element, slot) in elements.iter_mut().step_by(width).zip(slots) {
        *element = T::Field::from_residue(*slot);
    }
    elements
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
