//! Whatever is false is never valid: measurements out of range, and every byte of every input.

use prio::field::{Field64, FieldElement};

use super::*;

fn schemes(circuit: &Circuit) -> Vec<Scheme> {
    vec![
        Scheme::prio3(circuit.clone(), 2).unwrap(),
        Scheme::prio3(circuit.clone(), 3).unwrap(),
        Scheme::threshold(circuit.clone(), 2, 3).unwrap(),
        Scheme::threshold(circuit.clone(), 3, 3).unwrap(),
    ]
}

/// What no circuit of `circuits` accepts, near and far.
fn false_measurements() -> Vec<(Circuit, Vec<Vec<u128>>)> {
    let prime = Circuit::Count.modulus();
    vec![
        (Circuit::Count, vec![vec![2], vec![prime - 1], vec![1 << 40]]),
        (Circuit::Sum { max: 1000 }, vec![vec![1001], vec![1023], vec![prime - 1], vec![1 << 32]]),
        (Circuit::Sum { max: 1 }, vec![vec![2]]),
        (Circuit::SumVec { max: 100, length: 3 }, vec![vec![0, 101, 0], vec![0, 0, 1 << 100]]),
        (
            Circuit::Histogram { length: 5 },
            vec![
                vec![0; 5],
                vec![1, 0, 0, 1, 0],
                vec![0, 0, 2, 0, 0],
                vec![2, Circuit::Histogram { length: 5 }.modulus() - 1, 0, 0, 0],
            ],
        ),
        (square(), vec![vec![6, 3, 35], vec![7, 0, 49], vec![0, 4, 0], vec![0, 0, 1 << 100]]),
    ]
}

#[test]
fn a_measurement_out_of_range_is_never_valid() {
    for (circuit, measurements) in false_measurements() {
        for measurement in measurements {
            for scheme in schemes(&circuit) {
                let batch = Batch::forged(scheme, measurement.clone(), 1);
                assert_eq!(batch.verdicts(&batch.all()), [Verdict::Invalid], "{circuit:?} {measurement:?}");
                // It would have counted, which is why it must not be valid.
                let modulus = circuit.modulus();
                let counted: Vec<_> = measurement.iter().map(|slot| slot % modulus).collect();
                assert_eq!(batch.total(&batch.all()).unwrap().slots, counted);
            }
        }
    }
}

#[test]
fn the_proof_of_one_measurement_does_not_serve_another() {
    // A false measurement with the proof of a true one, made from the same seeds.
    for (circuit, measurements) in false_measurements() {
        let Some((_, honest)) = circuits().into_iter().find(|(other, _)| *other == circuit) else {
            continue;
        };
        for (scheme, full) in [
            (Scheme::prio3(circuit.clone(), 2).unwrap(), 0),
            (Scheme::threshold(circuit.clone(), 2, 2).unwrap(), 1),
        ] {
            let mut rng = ChaCha20Rng::seed_from_u64(1);
            let honest = scheme.split(&CTX, &[5; 16], &Secret::new(honest[0].clone()), &mut rng).unwrap();
            let mut batch = Batch::forged(scheme, measurements[0].clone(), 1);
            let proof = measurement_bytes(&circuit);
            let own = batch.reports[0].shares[full].expose_mut();
            own[proof..].copy_from_slice(&honest.shares[full].expose()[proof..]);
            assert_eq!(batch.verdicts(&batch.all()), [Verdict::Invalid]);
        }
    }
}

#[test]
fn a_proof_bent_to_say_yes_is_found_by_its_polynomial() {
    // The circuit of a count, x·x − x, takes the product from the proof: here the last of the three values that it holds
    // of the product's polynomial, behind the measurement and two blinding values. Whoever sends 2 needs 2 there, not 4.
    let element = |bytes: &[u8]| Field64::try_from(bytes).unwrap();
    for (scheme, full) in
        [(Scheme::prio3(Circuit::Count, 2).unwrap(), 0), (Scheme::threshold(Circuit::Count, 2, 2).unwrap(), 1)]
    {
        let mut batch = Batch::forged(scheme, vec![2], 1);
        // The share at 2 of a line through the secret, at 0, and a fixed value, at 1: −1 times the secret.
        let factor = if full == 0 { Field64::one() } else { -Field64::one() };
        let product = &mut batch.reports[0].shares[full].expose_mut()[5 * 8..6 * 8];
        let bent = element(product) - factor * Field64::from(2);
        product.copy_from_slice(&Vec::from(bent));
        let answers = [0, 1].map(|node| element(&batch.verifiers(node)[..8]));
        // Lagrange at 0 for the points 1 and 2: twice the first less the second.
        let output = if full == 0 { answers[0] + answers[1] } else { answers[0] + answers[0] - answers[1] };
        assert_eq!(output, Field64::zero(), "the circuit is content");
        assert_eq!(batch.verdicts(&batch.all()), [Verdict::Invalid]);
    }
}

/// Whether a changed report is refused at intake or not valid.
fn is_refused(batch: &Batch) -> bool {
    let report = &batch.reports[0];
    let refused = |index: &usize| {
        batch.scheme.check_share(*index, &report.public, report.shares[*index].expose()).is_err()
    };
    batch.all().iter().any(refused) || batch.verdicts(&batch.all())[0] != Verdict::Valid
}

#[test]
fn every_byte_of_a_share_counts() {
    for (circuit, measurements) in circuits() {
        for scheme in schemes(&circuit) {
            let mut batch = Batch::new(scheme, &measurements[..1], 1);
            for index in batch.all() {
                let share = batch.reports[0].shares[index].clone();
                for position in 0..share.expose().len() {
                    let mut changed = share.expose().clone();
                    changed[position] ^= 1 << (position % 8);
                    batch.reports[0].shares[index] = Secret::new(changed);
                    assert!(is_refused(&batch), "{circuit:?}: share {index}, byte {position}");
                }
                batch.reports[0].shares[index] = share;
            }
            assert!(!is_refused(&batch));
        }
    }
}

#[test]
fn every_byte_of_a_public_share_counts() {
    for (circuit, measurements) in circuits() {
        for scheme in schemes(&circuit) {
            let mut batch = Batch::new(scheme, &measurements[..1], 1);
            for position in 0..batch.reports[0].public.len() {
                batch.reports[0].public[position] ^= 1 << (position % 8);
                assert!(is_refused(&batch), "{circuit:?}: byte {position}");
                batch.reports[0].public[position] ^= 1 << (position % 8);
            }
            let whole = std::mem::take(&mut batch.reports[0].public);
            if !whole.is_empty() {
                assert_eq!(batch.verdicts(&batch.all()), [Verdict::Invalid]);
            }
        }
    }
}

#[test]
fn every_byte_of_a_verifier_share_counts() {
    for (circuit, measurements) in circuits() {
        for scheme in schemes(&circuit) {
            let batch = Batch::new(scheme, &measurements[..1], 1);
            let honest: Vec<_> = batch.all().iter().map(|index| (*index, batch.verifiers(*index))).collect();
            for index in batch.all() {
                for position in 0..batch.scheme.verifier_bytes() {
                    let mut sent = honest.clone();
                    sent[index].1[position] ^= 1 << (position % 8);
                    assert_ne!(batch.verdicts_from(&sent), [Verdict::Valid], "{circuit:?}: byte {position}");
                }
                let mut sent = honest.clone();
                sent[index].1.fill(0xff);
                assert_eq!(batch.verdicts_from(&sent), [Verdict::Invalid]);
            }
        }
    }
}

/// What one heavy node is told.
#[derive(Clone, Copy)]
struct Told {
    key: [u8; 32],
    ctx: [u8; 32],
    nonce: [u8; 16],
}

#[test]
fn key_context_and_nonce_count() {
    for (circuit, measurements) in circuits() {
        for scheme in schemes(&circuit) {
            let batch = Batch::new(scheme, &measurements[..1], 1);
            // The verdict when the heavy node `at` alone is told something else.
            let verdict = |at: usize, told: Told| {
                let verifiers = |index: usize| {
                    let Told { key, ctx, nonce } = if index == at { told } else { honest(&batch) };
                    let share = batch.reports[0].shares[index].expose();
                    let report = ReportShare { nonce: &nonce, public: &batch.reports[0].public, share };
                    batch.scheme.verifier_shares(&key, &ctx, index, &[report])
                };
                let sent: Vec<_> = batch.all().iter().map(|index| (*index, verifiers(*index))).collect();
                batch.verdicts_from(&sent)[0]
            };
            for at in batch.all() {
                let honest = honest(&batch);
                assert_eq!(verdict(at, honest), Verdict::Valid);
                assert_ne!(verdict(at, Told { key: [8; 32], ..honest }), Verdict::Valid);
                assert_ne!(verdict(at, Told { ctx: [8; 32], ..honest }), Verdict::Valid);
                assert_ne!(verdict(at, Told { nonce: [8; 16], ..honest }), Verdict::Valid);
            }
        }
    }
}

fn honest(batch: &Batch) -> Told {
    Told { key: KEY, ctx: CTX, nonce: batch.nonces[0] }
}

#[test]
fn a_share_serves_one_heavy_node() {
    for (circuit, measurements) in circuits() {
        for scheme in schemes(&circuit) {
            let mut batch = Batch::new(scheme, &measurements[..1], 1);
            for (one, other) in [(0, 1), (0, batch.scheme.parties() - 1), (1, batch.scheme.parties() - 1)] {
                batch.reports[0].shares.swap(one, other);
                assert!(one == other || is_refused(&batch), "{circuit:?}: {one} and {other}");
                batch.reports[0].shares.swap(one, other);
            }
        }
    }
}

#[test]
fn a_report_proves_nothing_in_another_computation() {
    for (circuit, measurements) in circuits() {
        for scheme in schemes(&circuit) {
            let batch = Batch::new(scheme, &measurements[..1], 1);
            let other = [8; 32];
            let sent: Vec<_> = batch
                .all()
                .iter()
                .map(|index| (*index, batch.scheme.verifier_shares(&KEY, &other, *index, &batch.held(*index))))
                .collect();
            let sent: Vec<_> = sent.iter().map(|(index, bytes)| (*index, &bytes[..])).collect();
            let verdicts = batch.scheme.verdicts(&other, &[&batch.reports[0].public], &sent).unwrap();
            assert_ne!(verdicts, [Verdict::Valid]);
        }
    }
}

#[test]
fn one_bad_report_leaves_the_others_valid() {
    for (circuit, measurements) in circuits() {
        for scheme in schemes(&circuit) {
            let mut batch = Batch::new(scheme, &measurements, 1);
            let full = batch.all().into_iter().max_by_key(|index| batch.scheme.share_bytes(*index)).unwrap();
            let mut share = batch.reports[1].shares[full].expose().clone();
            share[0] ^= 1;
            batch.reports[1].shares[full] = Secret::new(share);
            let verdicts = batch.verdicts(&batch.all());
            assert!(
                verdicts[0] == Verdict::Valid && verdicts[2] == Verdict::Valid && verdicts[1] != Verdict::Valid
            );
        }
    }
}

#[test]
fn what_does_not_decode_is_the_same_everywhere() {
    for (circuit, measurements) in circuits() {
        for scheme in schemes(&circuit) {
            let batch = Batch::new(scheme, &measurements[..1], 1);
            let held = batch.held(1);
            let short = ReportShare { share: &held[0].share[1..], ..held[0] };
            let shares = batch.scheme.verifier_shares(&KEY, &CTX, 1, &[short, held[0]]);
            let (bad, good) = shares.split_at(batch.scheme.verifier_bytes());
            assert!(bad.iter().all(|byte| *byte == 0xff) && good == batch.verifiers(1));
            assert!(batch.scheme.partial_sum(&CTX, 1, [short]).is_err());
        }
    }
}
