//! The circuit behind [`Relations`]: `docs/PROTOCOL.md` §2.5 describes it for another implementation.
//!
//! It is Prio3's `SumVec` (VDAF draft 18) with more to check. The encoded measurement has a run of zeros and ones for each
//! ranged slot, one element for each product, and at the end, if there is a `whole`, zeros and ones for the *slack*: what
//! the ranged slots leave of it. Every element takes one multiplication: element · (element − 1) for a zero or one,
//! left · right for a product, from which the element is then subtracted. All must come to 0, and so must a sum of them
//! under random coefficients. Everything but the multiplications is affine, so it can be computed on shares.

use prio::field::{Field128, FieldElement};
use prio::flp::gadgets::{Mul, ParallelSum, ParallelSumGadget};
use prio::flp::{Flp, FlpError, Gadget, Type};

use super::fold::Fold;
use super::range::Range;
use super::relations::{Place, Relations};
use super::{Validity, chunk_length};
use crate::sharing::element::{Element, Elements};

/// [`Relations`] with their places in the encoded measurement, ready for proving.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sharing) struct RelationsProof {
    relations: Relations,
    places: Vec<Place>,
    slack: Option<Slack>,
    elements: usize,
    chunk: usize,
    calls: usize,
}

/// What the ranged slots leave of the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Slack {
    whole: Field128,
    range: Range,
}

impl RelationsProof {
    /// For relations that `check` has let through.
    pub fn new(relations: Relations) -> Self {
        let places: Vec<_> = relations.slots.iter().map(Place::of).collect();
        let slack = relations
            .whole
            .map(|whole| Slack { whole: Field128::from_residue(whole), range: Range::new(whole) });
        let elements = places.iter().map(Place::width).sum::<usize>()
            + slack.as_ref().map_or(0, |slack| slack.range.width());
        let chunk = chunk_length(elements);
        Self { relations, places, slack, elements, chunk, calls: elements.div_ceil(chunk) }
    }

    /// The slots of an encoded measurement, or shares of them, and the elements of the slack, which come last.
    fn slots<'a>(
        &self,
        mut elements: &'a [Field128],
    ) -> Result<(Elements<Field128>, &'a [Field128]), FlpError> {
        let mut slots = Elements::zeros(self.places.len());
        for (slot, place) in slots.iter_mut().zip(&self.places) {
            let (own, rest) = elements.split_at_checked(place.width()).ok_or_else(too_short)?;
            *slot = match place {
                Place::Ranged(range) => range.decode(own),
                Place::Product { .. } => own.first().copied().ok_or_else(too_short)?,
            };
            elements = rest;
        }
        Ok((slots, elements))
    }

    /// What slots and slack come to, less the whole: 0, or a share of 0. `one` is a share of 1.
    fn excess(
        &self,
        slack: &Slack,
        slots: &[Field128],
        slack_elements: &[Field128],
        one: Field128,
    ) -> Field128 {
        let ranged = self.places.iter().zip(slots).filter(|(place, _)| matches!(place, Place::Ranged(_)));
        let sum = ranged.fold(Field128::zero(), |sum, (_, slot)| sum + *slot);
        sum + slack.range.decode(slack_elements) - slack.whole * one
    }

    /// Encodes any numbers. Those within their range become zeros and ones, others stand as they are in the element of
    /// weight 1, and products wherever they belong; so nothing is false but what the numbers make false. The slack is
    /// what is missing to the whole, in the field, and may be out of its range.
    fn encode_any(&self, numbers: &[u128]) -> Elements<Field128> {
        let mut elements = Elements::zeros(self.elements);
        let mut rest: &mut [Field128] = &mut elements;
        let mut missing = self.slack.as_ref().map_or_else(Field128::zero, |slack| slack.whole);
        for (place, number) in self.places.iter().zip(numbers) {
            let Some((own, after)) = rest.split_at_mut_checked(place.width()) else {
                break;
            };
            match place {
                Place::Ranged(range) => {
                    encode_or_place(range, *number, own);
                    missing -= Field128::from_residue(*number);
                }
                Place::Product { .. } => own.fill(Field128::from_residue(*number)),
            }
            rest = after;
        }
        if let Some(slack) = &self.slack {
            let at = self.elements.saturating_sub(slack.range.width());
            if let Some(own) = elements.get_mut(at..) {
                encode_or_place(&slack.range, missing.residue(), own);
            }
        }
        elements
    }
}

/// A number of the range as zeros and ones; any other in the first element, which has the weight 1.
fn encode_or_place(range: &Range, number: u128, elements: &mut [Field128]) {
    if range.contains(number) {
        range.encode(number, elements);
    } else if let Some(first) = elements.first_mut() {
        *first = Field128::from_residue(number);
    }
}

fn too_short() -> FlpError {
    FlpError::Valid("the encoded measurement is too short".to_owned())
}

impl Flp for RelationsProof {
    type Field = Field128;

    fn gadget(&self) -> Vec<Box<dyn Gadget<Field128>>> {
        vec![Box::new(ParallelSum::new(Mul::new(self.calls), self.chunk))]
    }

    fn num_gadgets(&self) -> usize {
        1
    }

    fn valid(
        &self,
        gadgets: &mut Vec<Box<dyn Gadget<Field128>>>,
        input: &[Field128],
        joint_rand: &[Field128],
        num_shares: usize,
    ) -> Result<Vec<Field128>, FlpError> {
        self.valid_call_check(input, joint_rand)?;
        // A share of the constant 1: all shares of it add up to 1.
        let one = Field128::from_residue(num_shares as u128).inv();
        let (slots, slack_elements) = self.slots(input)?;
        let gadget = gadgets.first_mut().ok_or_else(|| FlpError::Valid("there is no gadget".to_owned()))?;
        let mut fold = Fold::new(gadget.as_mut(), joint_rand);
        let factor = |at: &usize| slots.get(*at).copied().unwrap_or_else(Field128::zero);
        let mut rest = input;
        for place in &self.places {
            let (own, after) = rest.split_at_checked(place.width()).ok_or_else(too_short)?;
            match place {
                Place::Ranged(_) => {
                    own.iter().try_for_each(|bit| fold.add_bit(*bit, one))?;
                }
                Place::Product { left, right } => {
                    let (left, right) = (factor(left), factor(right));
                    own.iter().try_for_each(|product| fold.add_product(left, right, *product))?;
                }
            }
            rest = after;
        }
        slack_elements.iter().try_for_each(|bit| fold.add_bit(*bit, one))?;
        let mut outputs = vec![fold.finish(one)?];
        outputs.extend(self.slack.as_ref().map(|slack| self.excess(slack, &slots, slack_elements, one)));
        Ok(outputs)
    }

    fn input_len(&self) -> usize {
        self.elements
    }

    fn proof_len(&self) -> usize {
        2 * self.chunk + 2 * ((1 + self.calls).next_power_of_two() - 1) + 1
    }

    fn verifier_len(&self) -> usize {
        2 + 2 * self.chunk
    }

    fn joint_rand_len(&self) -> usize {
        self.calls
    }

    /// With a whole there are two, which the query adds up under random coefficients of its own.
    fn eval_output_len(&self) -> usize {
        if self.slack.is_some() { 2 } else { 1 }
    }

    fn prove_rand_len(&self) -> usize {
        2 * self.chunk
    }
}

impl Type for RelationsProof {
    type Measurement = Vec<u128>;
    type AggregateResult = Vec<u128>;

    fn encode_measurement(&self, measurement: &Vec<u128>) -> Result<Vec<Field128>, FlpError> {
        // The error must not show the measurement.
        let refused = || FlpError::Encode("the measurement breaks the relations".to_owned());
        self.encode(measurement).map(Elements::into_vec).ok_or_else(refused)
    }

    fn truncate(&self, input: Vec<Field128>) -> Result<Vec<Field128>, FlpError> {
        let input = Elements::from(input);
        self.truncate_call_check(&input)?;
        let (slots, _) = self.slots(&input)?;
        Ok(slots.into_vec())
    }

    fn decode_result(&self, data: &[Field128], _num_measurements: usize) -> Result<Vec<u128>, FlpError> {
        if data.len() != self.output_len() {
            return Err(FlpError::Decode("the total has another number of slots".to_owned()));
        }
        Ok(data.iter().map(|slot| slot.residue()).collect())
    }

    fn output_len(&self) -> usize {
        self.places.len()
    }
}

impl Validity for RelationsProof {
    /// One of those that the specification leaves to private use, 0xFFFF0000 and above: 'R', 'L' for its last bytes.
    const ALGORITHM: u32 = 0xffff_524c;

    fn encode(&self, slots: &[u128]) -> Option<Elements<Field128>> {
        self.relations.accepts(slots).then(|| self.encode_any(slots))
    }

    fn encode_false(&self, slots: &[u128]) -> Elements<Field128> {
        self.encode_any(slots)
    }
}

#[cfg(test)]
mod tests {
    use std::any::Any;
    use std::cell::Cell;
    use std::rc::Rc;

    use proptest::prelude::*;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::sharing::Slot;
    use crate::sharing::circuit::{SumVec, bits};

    /// A gadget that says how often it was called.
    #[derive(Debug)]
    struct Counted(Box<dyn Gadget<Field128>>, Rc<Cell<usize>>);

    impl Gadget<Field128> for Counted {
        fn eval(&mut self, inputs: &[Field128]) -> Result<Field128, FlpError> {
            self.1.set(self.1.get() + 1);
            self.0.eval(inputs)
        }

        fn eval_poly(&self, output: &mut [Field128], inputs: &[Vec<Field128>]) -> Result<(), FlpError> {
            self.0.eval_poly(output, inputs)
        }

        fn arity(&self) -> usize {
            self.0.arity()
        }

        fn degree(&self) -> usize {
            self.0.degree()
        }

        fn calls(&self) -> usize {
            self.0.calls()
        }

        fn as_any(&mut self) -> &mut dyn Any {
            self
        }
    }

    /// Bits of a value, a product for every `true`, and a whole.
    fn circuit(max: u128, products: &[bool], whole: Option<u128>) -> RelationsProof {
        let value = Slot::Ranged { max };
        let slots = products.iter().map(|product| match product {
            true => Slot::Product { left: 0, right: 0 },
            false => value,
        });
        RelationsProof::new(Relations { slots: std::iter::once(value).chain(slots).collect(), whole })
    }

    proptest! {
        #[test]
        fn lengths_are_what_the_circuit_takes_and_gives(
            max in 1_u128..1 << 50,
            products in prop::collection::vec(any::<bool>(), 0..30),
            whole in prop::option::of(1_u128..1 << 60),
            seed in any::<u64>(),
        ) {
            let circuit = circuit(max, &products, whole);
            let mut rng = ChaCha20Rng::seed_from_u64(seed);
            let mut random = |length| Elements::<Field128>::random(length, &mut rng).to_vec();
            let measurement = vec![0; circuit.output_len()];
            let encoded = circuit.encode_measurement(&measurement).unwrap();
            prop_assert_eq!(encoded.len(), circuit.input_len());
            let joint = random(circuit.joint_rand_len());
            let mut gadgets = circuit.gadget();
            prop_assert_eq!(gadgets.len(), circuit.num_gadgets());
            prop_assert_eq!(gadgets[0].degree(), 2);
            prop_assert_eq!(gadgets[0].arity(), circuit.prove_rand_len());

            let calls = Rc::new(Cell::new(0));
            let counted = Counted(gadgets.remove(0), Rc::clone(&calls));
            let mut counted: Vec<Box<dyn Gadget<Field128>>> = vec![Box::new(counted)];
            let outputs = circuit.valid(&mut counted, &encoded, &joint, 1).unwrap();
            prop_assert_eq!(calls.get(), counted[0].calls());
            prop_assert_eq!(&outputs, &vec![Field128::zero(); circuit.eval_output_len()]);

            let proof = circuit.prove(&encoded, &random(circuit.prove_rand_len()), &joint).unwrap();
            prop_assert_eq!(proof.len(), circuit.proof_len());
            let query = random(circuit.query_rand_len());
            let verifier = circuit.query(&encoded, &proof, &query, &joint, 1).unwrap();
            prop_assert_eq!(verifier.len(), circuit.verifier_len());
            prop_assert!(circuit.decide(&verifier).unwrap());
            prop_assert_eq!(circuit.truncate(encoded.clone()).unwrap().len(), circuit.output_len());

            let mut whole_gadget = circuit.gadget();
            prop_assert!(circuit.valid(&mut whole_gadget, &encoded[1..], &joint, 1).is_err());
            prop_assert!(circuit.valid(&mut whole_gadget, &encoded, &joint[1..], 1).is_err());
            prop_assert!(circuit.truncate(encoded[1..].to_vec()).is_err());
        }

        #[test]
        fn equal_ranges_make_the_circuit_of_a_vector(
            max in 1_u128..1 << 100,
            length in 1_usize..20,
            shares in 1_usize..4,
            seed in any::<u64>(),
        ) {
            let ours = circuit(max, &vec![false; length - 1], None);
            let stock = SumVec::new(max, length, chunk_length(bits(max) * length)).unwrap();
            let mut rng = ChaCha20Rng::seed_from_u64(seed);
            let mut random = |length| Elements::<Field128>::random(length, &mut rng).to_vec();
            // Any elements, so that no term is 0.
            let (input, joint) = (random(stock.input_len()), random(stock.joint_rand_len()));
            prop_assert_eq!(
                ours.valid(&mut ours.gadget(), &input, &joint, shares).unwrap(),
                stock.valid(&mut stock.gadget(), &input, &joint, shares).unwrap()
            );
            prop_assert_eq!(ours.truncate(input.clone()).unwrap(), stock.truncate(input.clone()).unwrap());
            let rand = random(stock.prove_rand_len());
            let proof = ours.prove(&input, &rand, &joint).unwrap();
            prop_assert_eq!(&proof, &stock.prove(&input, &rand, &joint).unwrap());
            let query = random(stock.query_rand_len());
            prop_assert_eq!(
                ours.query(&input, &proof, &query, &joint, shares).unwrap(),
                stock.query(&input, &proof, &query, &joint, shares).unwrap()
            );
        }
    }

    #[test]
    fn a_measurement_that_breaks_the_relations_is_not_named() {
        let error = circuit(10, &[true], None).encode_measurement(&vec![4_711, 2]).unwrap_err();
        assert_eq!(error.to_string(), "value error: the measurement breaks the relations");
    }
}
