//! Prio3 and the additive scheme, n of n.

use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::*;
use crate::domain::Modulus;
use crate::sharing::{CircuitError, NoiseError, SchemeError, ShareError, SplitError, VerifierError};

#[test]
fn honest_reports_verify_and_sum_up() {
    for (circuit, measurements) in circuits() {
        for parties in [2, 3, 16] {
            let batch = Batch::new(Scheme::prio3(circuit.clone(), parties).unwrap(), &measurements, 1);
            assert_eq!(batch.verdicts(&batch.all()), vec![Verdict::Valid; measurements.len()]);
            let total = batch.total(&batch.all()).unwrap();
            assert_eq!(total, Total { slots: sum(&measurements), liars: vec![], checked: false });
        }
    }
}

#[test]
fn what_is_taken_out_of_a_partial_sum_leaves_the_sum_over_the_rest() {
    let proven = circuits().into_iter().flat_map(|(circuit, measurements)| {
        let schemes = [Scheme::prio3(circuit.clone(), 3).unwrap(), Scheme::threshold(circuit, 2, 3).unwrap()];
        schemes.map(|scheme| Batch::new(scheme, &measurements, 1))
    });
    let additive = [Modulus::Bits32, Modulus::Bits64, Modulus::Bits128].map(|modulus| {
        let scheme = Scheme::additive(modulus, 2, 3).unwrap();
        Batch::new(scheme, &[vec![1, 40], vec![u32::MAX.into(), 7], vec![0, 3]], 1)
    });
    for batch in proven.chain(additive) {
        for index in 0..3 {
            let held = batch.held(index);
            let over = |reports: &[ReportShare<'_>]| {
                batch.scheme.partial_sum(&CTX, index, reports.iter().copied()).unwrap()
            };
            let (mut sum, (out, rest)) = (over(&held), held.split_at(1));
            batch.scheme.subtract_partial_sum(&mut sum, &over(out)).unwrap();
            assert_eq!(sum, over(rest), "{:?}", batch.scheme);
            let short = Secret::new(vec![0; 3]);
            assert!(batch.scheme.subtract_partial_sum(&mut sum, &short).is_err());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn any_sum_comes_out_as_it_went_in(
        max in 1_u64..1 << 48,
        parts in prop::collection::vec(0_u64..=1000, 1..6),
        parties in 2_usize..=8,
        seed in any::<u64>(),
    ) {
        let measurements: Vec<_> = parts.iter().map(|part| vec![u128::from(max) * u128::from(*part) / 1000]).collect();
        for circuit in [Circuit::Sum { max }, Circuit::SumVec { max: max.into(), length: 1 }] {
            let batch = Batch::new(Scheme::prio3(circuit.clone(), parties).unwrap(), &measurements, seed);
            prop_assert!(batch.verdicts(&batch.all()).iter().all(|verdict| *verdict == Verdict::Valid));
            prop_assert_eq!(batch.total(&batch.all()).unwrap().slots, sum(&measurements));
        }
    }
}

#[test]
fn additive_sharing_has_the_same_interface() {
    let scheme = Scheme::additive(Modulus::Bits64, 2, 3).unwrap();
    assert!(!scheme.is_proven() && scheme.verifier_bytes() == 0 && scheme.modulus() == Some(1 << 64));
    let batch = Batch::new(scheme, &[vec![1, 40], vec![1, u64::MAX.into()]], 1);
    assert_eq!(batch.verdicts(&[]), [Verdict::Valid; 2]);
    assert_eq!(batch.total(&batch.all()).unwrap().slots, [2, 39]);
    for index in 0..3 {
        let share = batch.reports[0].shares[index].expose();
        assert_eq!(batch.scheme.check_share(index, &[], share), Ok(()));
        assert_eq!(
            batch.scheme.check_share(index, &[], &share[1..]),
            Err(ShareError::Length { expected: 16, got: 15 })
        );
    }
    let wide = Scheme::additive(Modulus::Bits128, 1, 2).unwrap();
    assert_eq!(wide.modulus(), None);
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let large = Secret::new(vec![1 << 64, 0]);
    assert_eq!(batch.scheme.split(&CTX, &[0; 16], &large, &mut rng), Err(SplitError::OutOfRange));
}

#[test]
fn long_additive_shares_are_seeds_but_for_the_last() {
    for modulus in [Modulus::Bits32, Modulus::Bits64, Modulus::Bits128] {
        let (slots, most) = (1_500, modulus.mask());
        let slot = |start: u128, slot: u128| start.wrapping_add(slot * slot) & most;
        let vector = |start| (0..slots as u128).map(|at| slot(start, at)).collect::<Vec<_>>();
        let measurements: Vec<_> = [0, 7, most - 3].map(vector).to_vec();
        let batch = Batch::new(Scheme::additive(modulus, slots, 4).unwrap(), &measurements, 3);
        let full = slots * modulus.bytes();
        for (index, bytes) in [32, 32, 32, full].into_iter().enumerate() {
            assert_eq!(batch.scheme.share_bytes(index), bytes);
            let share = batch.reports[0].shares[index].expose();
            assert_eq!(batch.scheme.check_share(index, &[], share), Ok(()));
            let error = Err(ShareError::Length { expected: bytes, got: bytes - 1 });
            assert_eq!(batch.scheme.check_share(index, &[], &share[1..]), error);
            assert_eq!(batch.partial_sum(index).len(), full);
        }
        let error = Err(ShareError::Length { expected: 32, got: full });
        assert_eq!(batch.scheme.check_share(0, &[], batch.reports[0].shares[3].expose()), error);
        let total = |at: usize| measurements.iter().fold(0_u128, |sum, of| sum.wrapping_add(of[at])) & most;
        let expected: Vec<_> = (0..slots).map(total).collect();
        assert_eq!(batch.total(&batch.all()).unwrap().slots, expected);
    }
}

#[test]
fn additive_shares_that_are_no_longer_than_a_seed_are_themselves() {
    for (slots, bytes) in [(4, [32, 32, 32]), (5, [32, 32, 40])] {
        let scheme = Scheme::additive(Modulus::Bits64, slots, 3).unwrap();
        let sizes: Vec<_> = (0..3).map(|index| scheme.share_bytes(index)).collect();
        assert_eq!(sizes, bytes);
        let batch = Batch::new(scheme, &[vec![1; slots], vec![2; slots]], 5);
        assert_eq!(batch.total(&batch.all()).unwrap().slots, vec![3; slots]);
    }
}

#[test]
fn seeds_of_additive_shares_do_not_depend_on_the_measurement_and_stand_for_other_vectors_elsewhere() {
    let scheme = Scheme::additive(Modulus::Bits64, 100, 3).unwrap();
    let split = |value: u128| {
        let mut rng = ChaCha20Rng::seed_from_u64(9);
        scheme.split(&CTX, &[5; 16], &Secret::new(vec![value; 100]), &mut rng).unwrap().shares
    };
    let (one, other) = (split(1), split(2));
    assert!(one[..2] == other[..2] && one[2] != other[2]);
    let stands_for = |ctx: &[u8; 32], index: usize| {
        let report = ReportShare { nonce: &[5; 16], public: &[], share: &[3; 32] };
        scheme.partial_sum(ctx, index, [report]).unwrap().expose().clone()
    };
    let vectors = [stands_for(&CTX, 0), stands_for(&CTX, 1), stands_for(&[1; 32], 0)];
    assert!(vectors[0] != vectors[1] && vectors[0] != vectors[2] && vectors[1] != vectors[2]);
    // A known answer: other programs must expand seeds to the same.
    let known = data_encoding::HEXLOWER.encode(&stands_for(&[9; 32], 1)[..24]);
    assert_eq!(known, "c45a89441f3d6ec06bea4188eacdca92483fa86018f3fc98");
}

#[test]
fn sizes_are_those_that_the_documents_give() {
    let sizes = |scheme: &Scheme| -> Vec<_> { (0..3).map(|index| scheme.share_bytes(index)).collect() };
    let sum = Circuit::Sum { max: (1 << 31) - 1 };
    assert_eq!(sizes(&Scheme::prio3(sum.clone(), 3).unwrap()), [760, 32, 32]);
    assert_eq!(sizes(&Scheme::threshold(sum, 2, 3).unwrap()), [32, 760, 760]);
    assert_eq!(sizes(&Scheme::prio3(Circuit::Histogram { length: 100 }, 3).unwrap()), [2352, 64, 64]);
    for (circuit, measurements) in circuits() {
        for scheme in [Scheme::prio3(circuit.clone(), 3).unwrap(), Scheme::threshold(circuit, 2, 3).unwrap()] {
            let batch = Batch::new(scheme, &measurements, 1);
            assert!(batch.scheme.is_proven());
            for index in 0..3 {
                assert_eq!(batch.reports[0].shares[index].expose().len(), batch.scheme.share_bytes(index));
                assert_eq!(batch.verifiers(index).len(), measurements.len() * batch.scheme.verifier_bytes());
                assert_eq!(batch.partial_sum(index).len(), batch.scheme.sum_bytes());
            }
            assert_eq!(batch.reports[0].public.len(), batch.scheme.public_bytes());
        }
    }
}

#[test]
fn all_shares_but_the_full_one_do_not_depend_on_the_measurement() {
    for (circuit, measurements) in circuits() {
        let split = |measurement: &Vec<u128>| {
            Batch::new(Scheme::prio3(circuit.clone(), 4).unwrap(), std::slice::from_ref(measurement), 3)
                .reports
                .remove(0)
        };
        let (one, other) = (split(&measurements[0]), split(&measurements[1]));
        assert!(one.shares[1..] == other.shares[1..] && one.shares[0] != other.shares[0]);
    }
}

#[test]
fn measurements_out_of_range_are_not_split() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut split = |circuit, slots: &[u128]| {
        let scheme = Scheme::prio3(circuit, 3).unwrap();
        scheme.split(&CTX, &[0; 16], &Secret::new(slots.to_vec()), &mut rng).map(drop)
    };
    assert_eq!(split(Circuit::Count, &[2]), Err(SplitError::OutOfRange));
    assert_eq!(split(Circuit::Sum { max: 5 }, &[6]), Err(SplitError::OutOfRange));
    assert_eq!(split(Circuit::Sum { max: 5 }, &[u128::MAX]), Err(SplitError::OutOfRange));
    assert_eq!(split(Circuit::Sum { max: 5 }, &[]), Err(SplitError::Slots { expected: 1, got: 0 }));
    // A value above the maximum that the encoding's bits could still hold.
    assert_eq!(split(Circuit::SumVec { max: 5, length: 2 }, &[0, 7]), Err(SplitError::OutOfRange));
    assert_eq!(split(Circuit::Histogram { length: 2 }, &[1, 1]), Err(SplitError::OutOfRange));
    assert_eq!(split(Circuit::Histogram { length: 2 }, &[0, 1]), Ok(()));
}

#[test]
fn schemes_that_cannot_be_are_refused() {
    let refused = |scheme: Result<Scheme, SchemeError>| scheme.err();
    let limit = 16;
    assert_eq!(refused(Scheme::prio3(Circuit::Count, 1)), Some(SchemeError::Parties { parties: 1, limit }));
    assert_eq!(refused(Scheme::prio3(Circuit::Count, 17)), Some(SchemeError::Parties { parties: 17, limit }));
    assert_eq!(refused(Scheme::additive(Modulus::Bits32, 0, 3)), Some(SchemeError::NoSlots));
    assert_eq!(
        refused(Scheme::prio3(Circuit::Sum { max: 0 }, 3)),
        Some(SchemeError::Circuit(CircuitError::MaxZero))
    );
    for needed in [0, 1, 4] {
        let threshold = Scheme::threshold(Circuit::Count, needed, 3);
        assert_eq!(refused(threshold), Some(SchemeError::Threshold { needed, parties: 3 }));
    }
}

#[test]
fn verdicts_are_not_taken_from_the_wrong_nodes_or_lengths() {
    let batch = Batch::new(Scheme::prio3(Circuit::Count, 3).unwrap(), &[vec![1]], 1);
    let verifiers: Vec<_> = (0..3).map(|index| batch.verifiers(index)).collect();
    let verdicts = |sent: &[(usize, &[u8])]| batch.scheme.verdicts(&CTX, &[&[]], sent);
    let [a, b, c] = [0, 1, 2].map(|index| &verifiers[index][..]);
    assert_eq!(verdicts(&[(2, c), (0, a), (1, b)]), Ok(vec![Verdict::Valid]));
    assert_eq!(verdicts(&[(0, a), (1, b)]), Err(VerifierError::TooFew { needed: 3, got: 2 }));
    assert_eq!(verdicts(&[(0, a), (1, b), (1, c)]), Err(VerifierError::Node { index: 1 }));
    assert_eq!(verdicts(&[(0, a), (1, b), (3, c)]), Err(VerifierError::Node { index: 3 }));
    let (expected, got) = (a.len(), a.len() - 1);
    assert_eq!(
        verdicts(&[(0, &a[1..]), (1, b), (2, c)]),
        Err(VerifierError::Length { index: 0, expected, got })
    );
}

#[test]
fn totals_are_not_taken_from_the_wrong_nodes_or_bytes() {
    let batch = Batch::new(Scheme::prio3(Circuit::Count, 3).unwrap(), &[vec![1]], 1);
    let sums: Vec<_> = (0..3).map(|index| (index, batch.partial_sum(index))).collect();
    let with = |position: usize, index: usize, bytes: Vec<u8>| {
        let mut sums = sums.clone();
        sums[position] = (index, bytes);
        total_of(&batch.scheme, &sums)
    };
    assert_eq!(total_of(&batch.scheme, &sums[..2]), Err(TotalError::TooFew { needed: 3, got: 2 }));
    assert_eq!(with(2, 1, sums[2].1.clone()), Err(TotalError::Node { index: 1 }));
    assert_eq!(with(2, 3, sums[2].1.clone()), Err(TotalError::Node { index: 3 }));
    let error = ShareError::NotCanonical;
    assert_eq!(with(1, 1, vec![0xff; 8]), Err(TotalError::Malformed { index: 1, error }));
    assert_eq!(batch.scheme.check_partial_sum(&[0xff; 8]), Err(error));
    assert_eq!(batch.scheme.check_partial_sum(&[0; 7]), Err(ShareError::Length { expected: 8, got: 7 }));
    assert_eq!(batch.scheme.check_partial_sum(&sums[0].1), Ok(()));
}

#[test]
fn own_noise_moves_the_total_by_as_much() {
    let vector = Circuit::SumVec { max: 100, length: 2 };
    for scheme in [Scheme::prio3(vector, 3), Scheme::additive(Modulus::Bits128, 2, 3)] {
        let batch = Batch::new(scheme.unwrap(), &[vec![50, 60], vec![50, 60]], 1);
        let mut sums = Vec::new();
        for (index, noise) in [[-3, 4], [2, 0], [0, -10]].iter().enumerate() {
            let mut sum = Secret::new(batch.partial_sum(index));
            batch.scheme.add_noise(&mut sum, noise).unwrap();
            sums.push((index, sum.expose().clone()));
        }
        assert_eq!(total_of(&batch.scheme, &sums).unwrap().slots, [99, 114]);
        let mut sum = Secret::new(batch.partial_sum(0));
        let error = batch.scheme.add_noise(&mut sum, &[1]);
        assert_eq!(error, Err(NoiseError::Slots { expected: 2, got: 1 }));
    }
}

#[test]
fn results_do_not_depend_on_the_threads() {
    let measurements: Vec<_> = (0..400).map(|value| vec![value]).collect();
    let circuit = Circuit::SumVec { max: (1 << 40) - 1, length: 1 };
    let run = |scheme: Scheme, threads: usize| {
        let threads = crate::sharing::Threads::AtMost(threads.try_into().unwrap());
        let batch = Batch::new(scheme.with_threads(threads), &measurements, 8);
        let verifiers: Vec<_> = batch.all().iter().map(|index| batch.verifiers(*index)).collect();
        (verifiers, batch.verdicts(&batch.all()), batch.partial_sum(1), batch.total(&batch.all()))
    };
    assert!(
        run(Scheme::prio3(circuit.clone(), 2).unwrap(), 1)
            == run(Scheme::prio3(circuit.clone(), 2).unwrap(), 5)
    );
    let threshold = || Scheme::threshold(circuit.clone(), 2, 2).unwrap();
    assert!(run(threshold(), 1) == run(threshold(), 3));
}
