//! Whole schemes through their public interface: from measurements to totals, and every way of cheating.

mod cheats;
mod conformance;
mod dealing;
mod prio3;
mod relations;
mod threshold;

use prio::field::{Field128, FieldElement};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::element::Element;
use super::{Circuit, Relations, ReportShare, Scheme, Secret, Slot, Split, Total, TotalError, Verdict};

const CTX: [u8; 32] = [7; 32];
const KEY: [u8; 32] = [9; 32];

/// Reports of one computation, and what each heavy node holds of them.
struct Batch {
    scheme: Scheme,
    nonces: Vec<[u8; 16]>,
    reports: Vec<Split>,
}

impl Batch {
    /// Splits measurements honestly.
    fn new(scheme: Scheme, measurements: &[Vec<u128>], seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut batch = Self { scheme, nonces: Vec::new(), reports: Vec::new() };
        for measurement in measurements {
            let mut nonce = [0; 16];
            rng.fill_bytes(&mut nonce);
            let measurement = Secret::new(measurement.clone());
            batch.reports.push(batch.scheme.split(&CTX, &nonce, &measurement, &mut rng).unwrap());
            batch.nonces.push(nonce);
        }
        batch
    }

    /// One measurement, split as a cheat would.
    fn forged(scheme: Scheme, measurement: Vec<u128>, seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let split = scheme.split_unchecked(&CTX, &[5; 16], &Secret::new(measurement), &mut rng).unwrap();
        Self { scheme, nonces: vec![[5; 16]], reports: vec![split] }
    }

    fn held(&self, index: usize) -> Vec<ReportShare<'_>> {
        let reports = self.nonces.iter().zip(&self.reports);
        reports
            .map(|(nonce, report)| ReportShare {
                nonce,
                public: &report.public,
                share: report.shares[index].expose(),
            })
            .collect()
    }

    fn verifiers(&self, index: usize) -> Vec<u8> {
        self.scheme.verifier_shares(&KEY, &CTX, index, &self.held(index))
    }

    /// The verdicts of these heavy nodes.
    fn verdicts(&self, nodes: &[usize]) -> Vec<Verdict> {
        let sent: Vec<_> = nodes.iter().map(|index| (*index, self.verifiers(*index))).collect();
        self.verdicts_from(&sent)
    }

    fn verdicts_from(&self, sent: &[(usize, Vec<u8>)]) -> Vec<Verdict> {
        let sent: Vec<_> = sent.iter().map(|(index, bytes)| (*index, &bytes[..])).collect();
        let publics: Vec<_> = self.reports.iter().map(|report| &report.public[..]).collect();
        self.scheme.verdicts(&CTX, &publics, &sent).unwrap()
    }

    fn partial_sum(&self, index: usize) -> Vec<u8> {
        self.scheme.partial_sum(&CTX, index, self.held(index)).unwrap().expose().clone()
    }

    /// The total of these heavy nodes' partial sums.
    fn total(&self, nodes: &[usize]) -> Result<Total, TotalError> {
        let sums: Vec<_> = nodes.iter().map(|index| (*index, self.partial_sum(*index))).collect();
        total_of(&self.scheme, &sums)
    }

    fn all(&self) -> Vec<usize> {
        (0..self.scheme.parties()).collect()
    }
}

fn total_of(scheme: &Scheme, sums: &[(usize, Vec<u8>)]) -> Result<Total, TotalError> {
    let sums: Vec<_> = sums.iter().map(|(index, bytes)| (*index, &bytes[..])).collect();
    scheme.total(&sums)
}

/// A circuit of each kind, small, with measurements that it accepts.
fn circuits() -> Vec<(Circuit, Vec<Vec<u128>>)> {
    vec![
        (Circuit::Count, vec![vec![1], vec![0], vec![1]]),
        (Circuit::Sum { max: 1000 }, vec![vec![1000], vec![0], vec![17]]),
        (Circuit::SumVec { max: 100, length: 3 }, vec![vec![100, 0, 3], vec![0, 0, 0], vec![1, 2, 3]]),
        (Circuit::Histogram { length: 5 }, vec![vec![0, 0, 1, 0, 0], vec![1, 0, 0, 0, 0], vec![0, 0, 1, 0, 0]]),
        (square(), vec![vec![6, 3, 36], vec![0, 0, 0], vec![2, 1, 4]]),
    ]
}

/// Two numbers that are at most 9 together, and the square of the first.
fn square() -> Circuit {
    let slots = vec![Slot::Ranged { max: 6 }, Slot::Ranged { max: 3 }, Slot::Product { left: 0, right: 0 }];
    Circuit::Relations(Relations { slots, whole: Some(9) })
}

/// What the measurements add up to, in the field of relations: two products may be beyond it, and beyond 128 bits.
fn sum(measurements: &[Vec<u128>]) -> Vec<u128> {
    let mut sum = vec![Field128::zero(); measurements[0].len()];
    for measurement in measurements {
        sum.iter_mut().zip(measurement).for_each(|(sum, slot)| *sum += Field128::from(*slot));
    }
    sum.into_iter().map(Element::residue).collect()
}

/// Bytes of the encoded measurement, with which a full share begins.
fn measurement_bytes(circuit: &Circuit) -> usize {
    let bits = |max: u128| (u128::BITS - max.leading_zeros()) as usize;
    match circuit {
        Circuit::Count => 8,
        Circuit::Sum { max } => 8 * bits((*max).into()),
        Circuit::SumVec { max, length } => 16 * bits(*max) * length,
        Circuit::Histogram { length } => 16 * length,
        Circuit::Relations(Relations { slots, whole }) => {
            let elements = slots.iter().map(|slot| match slot {
                Slot::Ranged { max } => bits(*max),
                Slot::Product { .. } => 1,
            });
            16 * (elements.sum::<usize>() + whole.map_or(0, bits))
        }
    }
}

/// Every subset of the heavy nodes with this many members.
fn subsets(parties: usize, members: usize) -> Vec<Vec<usize>> {
    (0_u32..1 << parties)
        .filter(|subset| subset.count_ones() as usize == members)
        .map(|subset| (0..parties).filter(|index| subset >> index & 1 == 1).collect())
        .collect()
}
