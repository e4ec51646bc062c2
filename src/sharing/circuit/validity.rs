//! Circuits with their parameters, ready for proving: what every scheme with proofs asks of one.

use prio::flp::Type;

use super::proof::RelationsProof;
use super::stock::{self, Count, Histogram, Sum, SumVec};
use super::{Circuit, bits, chunk_length};
use crate::sharing::element::{Element, Elements};

/// A circuit with its parameters, ready for proving.
pub(in crate::sharing) enum Built {
    Count(Count),
    Sum(Sum),
    SumVec(SumVec),
    Histogram(Histogram),
    Relations(RelationsProof),
}

impl Circuit {
    /// Nothing when `prio` refuses parameters that `check` has let through; a test says that there are none.
    pub(in crate::sharing) fn build(&self) -> Option<Built> {
        match self {
            Self::Count => Some(Built::Count(Count::new())),
            Self::Sum { max } => Sum::new(*max).ok().map(Built::Sum),
            Self::SumVec { max, length } => {
                SumVec::new(*max, *length, chunk_length(bits(*max) * length)).ok().map(Built::SumVec)
            }
            Self::Histogram { length } => {
                Histogram::new(*length, chunk_length(*length)).ok().map(Built::Histogram)
            }
            Self::Relations(relations) => Some(Built::Relations(RelationsProof::new(relations.clone()))),
        }
    }
}

/// A validity circuit as the schemes use it.
pub(in crate::sharing) trait Validity: Type<Field: Element> + Send + Sync {
    /// The number by which the specification knows Prio3 over it, or one of those that it leaves to private use.
    const ALGORITHM: u32;

    /// Encodes a measurement that the circuit accepts. The error says nothing: it could show the value.
    fn encode(&self, slots: &[u128]) -> Option<Elements<Self::Field>>;

    /// Encodes any slots so that the aggregate counts them as they are, however wrong: each value in the element of
    /// weight 1 of its slot.
    fn encode_false(&self, slots: &[u128]) -> Elements<Self::Field> {
        stock::in_first_elements(self, slots)
    }
}
