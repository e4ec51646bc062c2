//! The circuit of our own: what it takes, and that nothing else passes, under every scheme with proofs.

use prio::field::{Field128, FieldElement};
use proptest::prelude::*;

use super::*;
use crate::sharing::circuit::{RelationsProof, Validity};
use crate::sharing::element::Element;
use crate::sharing::proven::Proven;
use crate::sharing::threads::Threads;

const NONCE: [u8; 16] = [5; 16];

fn ranged(max: u128) -> Slot {
    Slot::Ranged { max }
}

fn product(left: usize, right: usize) -> Slot {
    Slot::Product { left, right }
}

fn relations(slots: &[Slot], whole: Option<u128>) -> Relations {
    Relations { slots: slots.to_vec(), whole }
}

/// A value's first four powers: x³ is x² · x, x⁴ is x² · x².
fn powers() -> Relations {
    relations(&[ranged(120), product(0, 0), product(1, 0), product(1, 1)], None)
}

/// Two values and their products.
fn pair() -> Relations {
    relations(&[ranged(50), ranged(1000), product(0, 0), product(0, 1), product(1, 1)], None)
}

/// Cells that add up to at most 10.
fn cells() -> Relations {
    relations(&[ranged(10), ranged(10), ranged(4)], Some(10))
}

fn schemes(relations: &Relations) -> Vec<Scheme> {
    let circuit = Circuit::Relations(relations.clone());
    vec![
        Scheme::prio3(circuit.clone(), 2).unwrap(),
        Scheme::prio3(circuit.clone(), 3).unwrap(),
        Scheme::threshold(circuit.clone(), 2, 3).unwrap(),
        Scheme::threshold(circuit, 3, 5).unwrap(),
    ]
}

/// Every set of heavy nodes that reaches a verdict with none to spare.
fn just_enough(scheme: &Scheme) -> Vec<Vec<usize>> {
    subsets(scheme.parties(), scheme.needed())
}

#[test]
fn honest_measurements_are_valid_and_add_up() {
    let powers_of = |x: u128| vec![x, x * x, x * x * x, x * x * x * x];
    let pair_of = |x: u128, y: u128| vec![x, y, x * x, x * y, y * y];
    let cases = [
        (powers(), vec![powers_of(0), powers_of(1), powers_of(77), powers_of(120)]),
        (pair(), vec![pair_of(0, 1000), pair_of(50, 0), pair_of(50, 1000), pair_of(13, 7)]),
        (cells(), vec![vec![0, 0, 0], vec![10, 0, 0], vec![3, 3, 4], vec![0, 6, 4], vec![1, 2, 3]]),
        (relations(&[ranged(10_000), ranged(1_200_000)], None), vec![vec![10_000, 1_200_000], vec![0, 5]]),
        (
            relations(&[ranged((1 << 62) - 1), product(0, 0)], None),
            vec![vec![(1 << 62) - 1, ((1 << 62) - 1) * ((1 << 62) - 1)]],
        ),
    ];
    for (relations, measurements) in cases {
        for scheme in schemes(&relations) {
            let batch = Batch::new(scheme, &measurements, 1);
            for nodes in just_enough(&batch.scheme) {
                assert_eq!(batch.verdicts(&nodes), vec![Verdict::Valid; measurements.len()]);
                assert_eq!(batch.total(&nodes).unwrap().slots, sum(&measurements));
            }
        }
    }
}

/// What breaks one relation, each by its name.
fn false_measurements() -> Vec<(&'static str, Relations, Vec<u128>)> {
    let prime = Field128::prime();
    let inverse = Field128::from(3).inv();
    vec![
        ("x² one too many", powers(), vec![5, 26, 130, 676]),
        ("x² one too few", powers(), vec![5, 24, 120, 576]),
        ("x² alone", powers(), vec![5, 26, 125, 625]),
        ("x³ not x² · x", powers(), vec![5, 25, 126, 625]),
        ("x⁴ not x² · x²", powers(), vec![5, 25, 125, 624]),
        ("x⁴ of another", powers(), vec![5, 25, 125, 1296]),
        ("x above its bound", powers(), vec![121, 14641, 1_771_561, 214_358_881]),
        ("x above its bound, within its bits", powers(), vec![127, 16129, 2_048_383, 260_144_641]),
        ("x below its bound by the prime", powers(), vec![prime - 5, 25, prime - 125, 625]),
        ("x y one too many", pair(), vec![3, 4, 9, 13, 16]),
        ("x y one too few", pair(), vec![3, 4, 9, 11, 16]),
        ("x² and y² exchanged", pair(), vec![3, 4, 16, 12, 9]),
        ("y above its bound", pair(), vec![3, 1001, 9, 3003, 1_002_001]),
        ("x y = 1 modulo the prime", pair(), vec![3, inverse.residue(), 9, 1, (inverse * inverse).residue()]),
        ("a sum above the whole", cells(), vec![5, 5, 1]),
        ("every cell full", cells(), vec![10, 10, 4]),
        ("a cell above its bound", cells(), vec![0, 0, 5]),
        ("a sum that wraps to the whole", cells(), vec![10, prime - 4, 4]),
        ("a sum that wraps to 0", cells(), vec![1, prime - 1, 0]),
    ]
}

#[test]
fn each_false_number_is_refused() {
    for (name, relations, measurement) in false_measurements() {
        for scheme in schemes(&relations) {
            let batch = Batch::forged(scheme, measurement.clone(), 1);
            for nodes in just_enough(&batch.scheme) {
                assert_eq!(batch.verdicts(&nodes), [Verdict::Invalid], "{name}");
                // It would have counted, which is why it must not be valid.
                assert_eq!(batch.total(&nodes).unwrap().slots, measurement, "{name}");
            }
            let mut rng = ChaCha20Rng::seed_from_u64(1);
            let honest = batch.scheme.split(&CTX, &NONCE, &Secret::new(measurement.clone()), &mut rng);
            assert!(honest.is_err(), "{name}");
        }
    }
}

#[test]
fn true_numbers_pass_even_by_the_way_of_cheats() {
    // So each refusal above is for what is false in it, and for nothing else.
    for (relations, measurement) in [(powers(), vec![5, 25, 125, 625]), (cells(), vec![5, 5, 0])] {
        for scheme in schemes(&relations) {
            let batch = Batch::forged(scheme, measurement.clone(), 1);
            assert_eq!(batch.verdicts(&batch.all()), [Verdict::Valid]);
        }
    }
}

/// The verdicts of every set of heavy nodes on an encoded measurement, under Prio3 and under two thresholds.
fn verdicts_on(relations: &Relations, encoded: &[Field128]) -> Vec<Verdict> {
    let circuit = RelationsProof::new(relations.clone());
    let parameters = || Circuit::Relations(relations.clone());
    let mut verdicts = Vec::new();
    for proven in [
        Proven::prio3(parameters(), circuit.clone(), 3).unwrap(),
        Proven::threshold(parameters(), circuit.clone(), 2, 3),
        Proven::threshold(parameters(), circuit, 3, 5),
    ] {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let split = proven.deal(&CTX, &NONCE, encoded, &mut rng).unwrap();
        let verifiers: Vec<_> = (split.shares.iter().enumerate())
            .map(|(index, share)| {
                let report = ReportShare { nonce: &NONCE, public: &split.public, share: share.expose() };
                proven.verifier_shares(&KEY, &CTX, index, &[report], Threads::Available)
            })
            .collect();
        for nodes in subsets(split.shares.len(), proven.needed()) {
            let sent: Vec<_> = nodes.iter().map(|node| (*node, &verifiers[*node][..])).collect();
            verdicts.extend(proven.verdicts(&CTX, &[&split.public], &sent, Threads::Available).unwrap());
        }
    }
    verdicts
}

fn elements(numbers: &[u128]) -> Vec<Field128> {
    numbers.iter().map(|number| Field128::from_residue(*number)).collect()
}

#[test]
fn each_false_encoding_is_refused() {
    let prime = Field128::prime();
    // 3 bits, 2 bits, their product; 4 bits of slack under a whole of 8, with weights 1, 2, 4 and 1.
    let all = relations(&[ranged(7), ranged(3), product(0, 1)], Some(8));
    let honest = [1, 0, 1, 0, 1, 10, 1, 0, 0, 0];
    let refused: [(&str, [u128; 10]); 9] = [
        ("a bit that is 2, the number in range", [1, 2, 0, 0, 1, 10, 1, 0, 0, 0]),
        ("a bit that is −1, the number in range", [prime - 1, 1, 1, 0, 1, 10, 1, 0, 0, 0]),
        ("a bit of the slack that is −1", [1, 0, 1, 0, 1, 10, prime - 1, 1, 0, 0]),
        ("a slack one too small", [1, 0, 1, 0, 1, 10, 0, 0, 0, 0]),
        ("a slack one too large", [1, 0, 1, 0, 1, 10, 0, 1, 0, 0]),
        ("a slack below 0", [1, 1, 1, 0, 1, 14, prime - 1, 0, 0, 0]),
        ("a product off by one", [1, 0, 1, 0, 1, 11, 1, 0, 0, 0]),
        ("a product of 0", [1, 0, 1, 0, 1, 0, 1, 0, 0, 0]),
        ("another number under the same product", [0, 1, 1, 0, 1, 10, 0, 0, 0, 0]),
    ];
    assert!(verdicts_on(&all, &elements(&honest)).iter().all(|verdict| *verdict == Verdict::Valid));
    // The slack of 1 may be said with the last bit as well, which has the weight 1.
    let other = elements(&[1, 0, 1, 0, 1, 10, 0, 0, 0, 1]);
    assert!(verdicts_on(&all, &other).iter().all(|verdict| *verdict == Verdict::Valid));
    for (name, encoded) in refused {
        let verdicts = verdicts_on(&all, &elements(&encoded));
        assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Invalid), "{name}");
    }
}

/// Relations that keep every rule, and numbers that fit them.
fn fitting() -> impl Strategy<Value = (Relations, Vec<u128>)> {
    let slot =
        (0_u32..40, any::<u128>(), any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<bool>());
    let slots = prop::collection::vec(slot, 1..9);
    (slots, prop::option::of(1_u128..1 << 42)).prop_map(|(drawn, whole)| {
        let (mut slots, mut numbers, mut maxima): (Vec<Slot>, Vec<u128>, Vec<u128>) = Default::default();
        let mut left_of_whole = whole.unwrap_or(u128::MAX);
        for (bits, part, left, right, multiply) in drawn {
            let factors = (!slots.is_empty()).then(|| (left.index(slots.len()), right.index(slots.len())));
            let multiplied = factors.and_then(|(left, right)| {
                let max = maxima[left].checked_mul(maxima[right]).filter(|max| *max < Field128::prime())?;
                multiply.then_some((left, right, max))
            });
            if let Some((left, right, max)) = multiplied {
                slots.push(product(left, right));
                numbers.push(numbers[left] * numbers[right]);
                maxima.push(max);
            } else {
                let max = (1 << bits) + part % (1 << bits);
                let number = (part >> 40) % (max + 1);
                let number = number.min(left_of_whole);
                left_of_whole -= number;
                slots.push(ranged(max));
                numbers.push(number);
                maxima.push(max);
            }
        }
        (Relations { slots, whole }, numbers)
    })
}

/// Whether an encoded measurement keeps the relations, read from the elements themselves.
fn holds(relations: &Relations, encoded: &[Field128]) -> bool {
    let circuit = RelationsProof::new(relations.clone());
    let slots = prio::flp::Type::truncate(&circuit, encoded.to_vec()).unwrap();
    let numbers: Vec<_> = slots.iter().map(|slot| slot.residue()).collect();
    let is_bit = |element: &Field128| element.residue() <= 1;
    let mut rest = encoded;
    let mut bits = true;
    for slot in &relations.slots {
        let width = match slot {
            Slot::Ranged { max } => max.ilog2() as usize + 1,
            Slot::Product { .. } => 1,
        };
        let (own, after) = rest.split_at(width);
        bits &= matches!(slot, Slot::Product { .. }) || own.iter().all(is_bit);
        rest = after;
    }
    bits &= rest.iter().all(is_bit);
    let slack = relations.whole.is_none_or(|whole| {
        let last = whole - ((1 << whole.ilog2()) - 1);
        let weights = (0..whole.ilog2()).map(|bit| 1 << bit).chain([last]);
        let said = weights.zip(rest).map(|(weight, bit)| Field128::from_residue(weight) * *bit);
        let ranged = relations.slots.iter().zip(&slots).filter(|(slot, _)| matches!(slot, Slot::Ranged { .. }));
        let sum = said.chain(ranged.map(|(_, slot)| *slot)).fold(Field128::zero(), |sum, part| sum + part);
        sum.residue() == whole
    });
    bits && slack && Circuit::Relations(Relations { whole: None, ..relations.clone() }).accepts(&numbers)
}

/// A question whose total could leave the field is refused before (`domain::limits`); the field itself wraps.
#[test]
fn totals_beyond_128_bits_wrap_in_the_field() {
    let circuit = relations(&[ranged(u32::MAX.into()), product(0, 0), product(1, 0), product(1, 1)], None);
    let most = u128::from(u32::MAX);
    let measurement = vec![most, most.pow(2), most.pow(3), most.pow(4)];
    assert_eq!(most.pow(4).checked_mul(2), None);
    let scheme = Scheme::prio3(Circuit::Relations(circuit), 3).unwrap();
    let batch = Batch::new(scheme, &[measurement.clone(), measurement.clone()], 1);
    let total = batch.total(&batch.all()).unwrap().slots;
    assert_eq!(total, sum(&[measurement.clone(), measurement]));
    assert_eq!(total[3], (most.pow(4) - (Field128::prime() - most.pow(4))) % Field128::prime());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_fits_is_valid_and_adds_up((relations, numbers) in fitting(), seed in any::<u64>()) {
        let circuit = Circuit::Relations(relations);
        prop_assert_eq!(circuit.check(), Ok(()));
        prop_assert!(circuit.slot_maxima().iter().zip(&numbers).all(|(max, number)| number <= max));
        let measurements = vec![numbers.clone(), numbers];
        for scheme in [Scheme::prio3(circuit.clone(), 3).unwrap(), Scheme::threshold(circuit, 2, 3).unwrap()] {
            let batch = Batch::new(scheme, &measurements, seed);
            prop_assert_eq!(batch.verdicts(&batch.all()), vec![Verdict::Valid; 2]);
            prop_assert_eq!(batch.total(&batch.all()).unwrap().slots, sum(&measurements));
        }
    }

    #[test]
    fn a_number_changed_is_refused_unless_it_still_fits(
        (relations, mut numbers) in fitting(),
        at in any::<prop::sample::Index>(),
        change in 1_u128..1 << 50,
        up in any::<bool>(),
    ) {
        let number = &mut numbers[at.index(relations.slots.len())];
        let change = Field128::from(change);
        *number = (Field128::from(*number) + if up { change } else { -change }).residue();
        let circuit = Circuit::Relations(relations);
        let expected = if circuit.accepts(&numbers) { Verdict::Valid } else { Verdict::Invalid };
        for scheme in [Scheme::prio3(circuit.clone(), 2).unwrap(), Scheme::threshold(circuit, 2, 3).unwrap()] {
            let batch = Batch::forged(scheme, numbers.clone(), 1);
            prop_assert_eq!(batch.verdicts(&batch.all()), vec![expected]);
            prop_assert_eq!(batch.total(&batch.all()).unwrap().slots, numbers.clone());
        }
    }

    #[test]
    fn an_encoding_is_valid_exactly_if_the_relations_hold(
        (relations, numbers) in fitting(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0_u128..4), 1..3),
    ) {
        let circuit = RelationsProof::new(relations.clone());
        let mut encoded = circuit.encode(&numbers).unwrap().to_vec();
        prop_assert!(holds(&relations, &encoded));
        let length = encoded.len();
        for (at, value) in changes {
            let element = &mut encoded[at.index(length)];
            *element = match value {
                3 => *element - Field128::one(),
                bit => Field128::from(bit),
            };
        }
        let expected = if holds(&relations, &encoded) { Verdict::Valid } else { Verdict::Invalid };
        prop_assert!(verdicts_on(&relations, &encoded).iter().all(|verdict| *verdict == expected));
    }
}

#[test]
fn equal_ranges_alone_are_judged_as_the_vector_of_the_specification_is() {
    let vector = Circuit::SumVec { max: 100, length: 3 };
    let related = Circuit::Relations(relations(&[ranged(100); 3], None));
    assert_eq!(measurement_bytes(&vector), measurement_bytes(&related));
    let measurements = [vec![100, 0, 3], vec![0, 0, 0], vec![1, 101, 3], vec![0, 0, 1 << 100], vec![127, 0, 0]];
    for measurement in measurements {
        let outcome = |scheme: Scheme| {
            let mut rng = ChaCha20Rng::seed_from_u64(1);
            let secret = Secret::new(measurement.clone());
            let refused = scheme.split(&CTX, &NONCE, &secret, &mut rng).err();
            let batch = match refused {
                None => Batch::new(scheme, std::slice::from_ref(&measurement), 1),
                Some(_) => Batch::forged(scheme, measurement.clone(), 1),
            };
            (refused, batch.verdicts(&batch.all()), batch.total(&batch.all()), batch.verifiers(1).len())
        };
        assert_eq!(
            outcome(Scheme::prio3(vector.clone(), 3).unwrap()),
            outcome(Scheme::prio3(related.clone(), 3).unwrap())
        );
        assert_eq!(
            outcome(Scheme::threshold(vector.clone(), 2, 4).unwrap()),
            outcome(Scheme::threshold(related.clone(), 2, 4).unwrap())
        );
    }
}
