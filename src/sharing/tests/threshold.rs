//! The threshold scheme, k of n.

use super::*;
use crate::sharing::{ShareError, VerifierError};

fn threshold(circuit: &Circuit, needed: usize, parties: usize) -> Scheme {
    Scheme::threshold(circuit.clone(), needed, parties).unwrap()
}

#[test]
fn every_large_enough_subset_reaches_the_same_verdicts_and_total() {
    for (circuit, measurements) in circuits() {
        for parties in 3..=5 {
            for needed in 2..=parties {
                let batch = Batch::new(threshold(&circuit, needed, parties), &measurements, 1);
                for members in needed..=parties {
                    for nodes in subsets(parties, members) {
                        assert_eq!(batch.verdicts(&nodes), vec![Verdict::Valid; measurements.len()]);
                        let total = batch.total(&nodes).unwrap();
                        let checked = members > needed;
                        assert_eq!(total, Total { slots: sum(&measurements), liars: vec![], checked });
                    }
                }
            }
        }
    }
}

#[test]
fn seven_heavy_nodes_too() {
    let (circuit, measurements) = circuits().remove(1);
    for parties in 6..=7 {
        for needed in 2..=parties {
            let batch = Batch::new(threshold(&circuit, needed, parties), &measurements, 1);
            let sums: Vec<_> = batch.all().iter().map(|index| (*index, batch.partial_sum(*index))).collect();
            let verifiers: Vec<_> = batch.all().iter().map(|index| (*index, batch.verifiers(*index))).collect();
            for nodes in subsets(parties, needed) {
                let sent: Vec<_> = nodes.iter().map(|index| verifiers[*index].clone()).collect();
                assert_eq!(batch.verdicts_from(&sent), vec![Verdict::Valid; measurements.len()]);
                let sums: Vec<_> = nodes.iter().map(|index| sums[*index].clone()).collect();
                assert_eq!(total_of(&batch.scheme, &sums).unwrap().slots, sum(&measurements));
            }
        }
    }
}

#[test]
fn fewer_than_needed_reach_nothing() {
    let batch = Batch::new(threshold(&Circuit::Count, 3, 4), &[vec![1]], 1);
    assert_eq!(batch.total(&[0, 3]), Err(TotalError::TooFew { needed: 3, got: 2 }));
    let verifiers = [batch.verifiers(0), batch.verifiers(3)];
    let sent = [(0, &verifiers[0][..]), (3, &verifiers[1][..])];
    let verdicts = batch.scheme.verdicts(&CTX, &[&[]], &sent);
    assert_eq!(verdicts, Err(VerifierError::TooFew { needed: 3, got: 2 }));
}

#[test]
fn the_seeded_shares_do_not_depend_on_the_measurement() {
    for (circuit, measurements) in circuits() {
        for needed in 2..=4 {
            let split = |measurement: &Vec<u128>| {
                let measurement = std::slice::from_ref(measurement);
                Batch::new(threshold(&circuit, needed, 5), measurement, 3).reports.remove(0)
            };
            let (one, other) = (split(&measurements[0]), split(&measurements[1]));
            assert!(one.shares[..needed - 1] == other.shares[..needed - 1]);
            for index in needed - 1..5 {
                assert!(one.shares[index] != other.shares[index]);
            }
        }
    }
}

/// Adds 1 to the first element of a heavy node's full share, and lets the public share and the digest follow: what a
/// light node can do that wants heavy nodes to sum different things.
fn with_inconsistent_share(circuit: &Circuit, measurement: &[u128], needed: usize, parties: usize) -> Batch {
    let mut batch = Batch::new(threshold(circuit, needed, parties), &[measurement.to_vec()], 1);
    let last = parties - 1;
    let mut share = batch.reports[0].shares[last].expose().clone();
    share[0] = share[0].wrapping_add(1);
    batch.reports[0].shares[last] = Secret::new(share);
    // The node's own part of the joint randomness, as it will compute it, ends its verifier share.
    let verifier = batch.verifiers(last);
    if let Some(part) = batch.reports[0].public.chunks_exact_mut(32).last() {
        part.copy_from_slice(&verifier[verifier.len() - 32..]);
    }
    batch
}

#[test]
fn shares_on_no_polynomial_are_found_when_more_than_needed_answer() {
    for (circuit, measurements) in circuits() {
        for (needed, parties) in [(2, 3), (2, 5), (3, 4), (4, 5)] {
            let batch = with_inconsistent_share(&circuit, &measurements[0], needed, parties);
            for nodes in subsets(parties, needed + 1) {
                let verdict = batch.verdicts(&nodes)[0];
                // The proof was made with other joint randomness, so without the last node it does not hold either.
                let expected = match (nodes.contains(&(parties - 1)), batch.reports[0].public.is_empty()) {
                    (true, _) => Verdict::Inconsistent,
                    (false, true) => Verdict::Valid,
                    (false, false) => Verdict::Invalid,
                };
                assert_eq!(verdict, expected, "{circuit:?} {needed} of {parties}: {nodes:?}");
            }
        }
    }
}

#[test]
fn lying_sums_are_named_or_at_least_noticed() {
    for (circuit, measurements) in circuits() {
        for (needed, parties, lies) in [(2, 4, 1), (3, 5, 1), (2, 6, 2), (4, 16, 6)] {
            let batch = Batch::new(threshold(&circuit, needed, parties), &measurements, 2);
            let mut sums: Vec<_> =
                batch.all().iter().map(|index| (*index, batch.partial_sum(*index))).collect();
            for liar in 0..lies {
                let slot = liar % batch.scheme.slots() * (batch.scheme.sum_bytes() / batch.scheme.slots());
                let byte = &mut sums[2 * liar + 1].1[slot];
                *byte = byte.wrapping_add(1 + liar as u8);
            }
            let liars: Vec<_> = (0..lies).map(|liar| 2 * liar + 1).collect();
            let expected = Total { slots: sum(&measurements), liars, checked: true };
            assert_eq!(total_of(&batch.scheme, &sums), Ok(expected));
        }
        for (needed, parties) in [(2, 3), (3, 4), (4, 5)] {
            let batch = Batch::new(threshold(&circuit, needed, parties), &measurements, 2);
            for liar in 0..parties {
                let mut sums: Vec<_> =
                    batch.all().iter().map(|index| (*index, batch.partial_sum(*index))).collect();
                sums[liar].1[0] = sums[liar].1[0].wrapping_add(1);
                assert_eq!(total_of(&batch.scheme, &sums), Err(TotalError::Inconsistent));
            }
        }
    }
}

#[test]
fn liars_who_agree_are_not_believed_as_long_as_they_are_few() {
    for (needed, parties) in [(2, 3), (2, 4), (2, 5), (3, 5), (2, 7), (3, 7), (5, 7)] {
        let batch = Batch::new(threshold(&Circuit::Sum { max: 9 }, needed, parties), &[vec![3], vec![4]], 2);
        // The liars' sums are honest ones of another batch: shares of another value, on a polynomial of their own.
        let other = Batch::new(threshold(&Circuit::Sum { max: 9 }, needed, parties), &[vec![9]], 3);
        for lies in 1..=(parties - needed).div_ceil(2) {
            for liars in subsets(parties, lies) {
                let sum =
                    |index: usize| if liars.contains(&index) { &other } else { &batch }.partial_sum(index);
                let sums: Vec<_> = (0..parties).map(|index| (index, sum(index))).collect();
                let outcome = total_of(&batch.scheme, &sums);
                if lies <= (parties - needed) / 2 {
                    let slots = vec![7];
                    assert_eq!(outcome, Ok(Total { slots, liars: liars.clone(), checked: true }));
                } else {
                    assert_eq!(outcome, Err(TotalError::Inconsistent));
                }
            }
        }
    }
}

#[test]
fn liars_in_different_slots_are_counted_together() {
    // Each slot alone has one lie, which four sums of a threshold of 2 can correct; two liars they cannot.
    let batch = Batch::new(threshold(&Circuit::SumVec { max: 9, length: 2 }, 2, 4), &[vec![3, 4]], 2);
    let mut sums: Vec<_> = batch.all().iter().map(|index| (*index, batch.partial_sum(*index))).collect();
    sums[0].1[0] = sums[0].1[0].wrapping_add(1);
    assert_eq!(total_of(&batch.scheme, &sums).unwrap().liars, [0]);
    sums[2].1[16] = sums[2].1[16].wrapping_add(1);
    assert_eq!(total_of(&batch.scheme, &sums), Err(TotalError::Inconsistent));
}

#[test]
fn shares_of_another_shape_are_refused() {
    for (circuit, measurements) in circuits() {
        let batch = Batch::new(threshold(&circuit, 2, 3), &measurements[..1], 1);
        let (scheme, public) = (&batch.scheme, &batch.reports[0].public[..]);
        for index in 0..3 {
            let share = batch.reports[0].shares[index].expose();
            assert_eq!(scheme.check_share(index, public, share), Ok(()));
            let (expected, got) = (share.len(), share.len() - 1);
            assert_eq!(
                scheme.check_share(index, public, &share[1..]),
                Err(ShareError::Length { expected, got })
            );
            let longer = [public, &[0]].concat();
            assert!(matches!(scheme.check_share(index, &longer, share), Err(ShareError::PublicLength { .. })));
            let mut above = share.clone();
            above[..8].fill(0xff);
            above[8..16].fill(0xff);
            let expected = if index == 0 { Ok(()) } else { Err(ShareError::NotCanonical) };
            assert_eq!(scheme.check_share(index, public, &above), expected);
        }
        let share = batch.reports[0].shares[0].expose();
        assert_eq!(scheme.check_share(3, public, share), Err(ShareError::NoSuchNode { index: 3, parties: 3 }));
    }
}
