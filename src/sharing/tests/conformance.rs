//! Our Prio3 against that of the `prio` crate: each side's reports are taken by the other, byte for byte.

use prio::codec::{Encode, ParameterizedDecode};
use prio::flp::Type;
use prio::vdaf::prio3::{
    Prio3, Prio3Count, Prio3Histogram, Prio3InputShare, Prio3PublicShare, Prio3Sum, Prio3SumVec,
    Prio3VerifierShare,
};
use prio::vdaf::xof::XofTurboShake128;
use prio::vdaf::{Aggregator, Client, Collector, VerifyTransition};

use super::*;

const NONCE: [u8; 16] = [5; 16];

type Stock<T> = Prio3<T, XofTurboShake128, 32>;

/// The crate's own course over reports that are given as bytes: one total.
fn stock_total<T: Type>(stock: &Stock<T>, parties: usize, reports: &[Split]) -> T::AggregateResult {
    let mut outputs = vec![Vec::new(); parties];
    for report in reports {
        let public = Prio3PublicShare::get_decoded_with_param(stock, &report.public).unwrap();
        let (mut states, mut verifiers) = (Vec::new(), Vec::new());
        for (index, share) in report.shares.iter().enumerate() {
            let share = Prio3InputShare::get_decoded_with_param(&(stock, index), share.expose()).unwrap();
            let (state, verifier) = stock.verify_init(&KEY, &CTX, index, &(), &NONCE, &public, &share).unwrap();
            // Through bytes, as between nodes.
            let bytes = verifier.get_encoded().unwrap();
            verifiers.push(Prio3VerifierShare::get_decoded_with_param(&state, &bytes).unwrap());
            states.push(state);
        }
        let message = stock.verifier_shares_to_message(&CTX, &(), verifiers).unwrap();
        for (state, outputs) in states.into_iter().zip(&mut outputs) {
            match stock.verify_next(&CTX, state, message.clone()).unwrap() {
                VerifyTransition::Finish(output) => outputs.push(output),
                VerifyTransition::Continue(..) => panic!("Prio3 has one round"),
            }
        }
    }
    let sums = outputs.into_iter().map(|outputs| stock.aggregate(&(), outputs).unwrap());
    stock.unshard(&(), sums, reports.len()).unwrap()
}

/// Gives out bytes that were drawn elsewhere, then zeros.
struct Replay(Vec<u8>);

impl rand_chacha::rand_core::TryRng for Replay {
    type Error = std::convert::Infallible;

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        for byte in bytes {
            *byte = if self.0.is_empty() { 0 } else { self.0.remove(0) };
        }
        Ok(())
    }

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        unreachable!("seeds are drawn as bytes")
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        unreachable!("seeds are drawn as bytes")
    }
}

/// Reports that the crate has split itself.
fn stock_reports<T: Type>(stock: &Stock<T>, measurements: &[T::Measurement]) -> Vec<Split> {
    let split = |measurement| {
        let (public, shares) = stock.shard(&CTX, measurement, &NONCE).unwrap();
        let shares = shares.iter().map(|share| Secret::new(share.get_encoded().unwrap())).collect();
        Split { public: public.get_encoded().unwrap(), shares }
    };
    measurements.iter().map(split).collect()
}

fn agree<T: Type>(
    stock: &Stock<T>,
    circuit: Circuit,
    parties: usize,
    ours: &[Vec<u128>],
    theirs: &[T::Measurement],
    slots: impl Fn(T::AggregateResult) -> Vec<u128>,
) {
    let scheme = Scheme::prio3(circuit.clone(), parties).unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(parties as u64);
    let split = |slots: &Vec<u128>| scheme.split(&CTX, &NONCE, &Secret::new(slots.clone()), &mut rng).unwrap();
    let reports: Vec<_> = ours.iter().map(split).collect();
    let expected = sum(ours);
    assert_eq!(slots(stock_total(stock, parties, &reports)), expected, "ours to theirs");

    let reports = stock_reports(stock, theirs);
    assert_eq!(slots(stock_total(stock, parties, &reports)), expected);
    let nonces = vec![NONCE; reports.len()];
    let batch = Batch { scheme, nonces, reports };
    assert_eq!(batch.verdicts(&batch.all()), vec![Verdict::Valid; ours.len()], "theirs to ours");
    assert_eq!(batch.total(&batch.all()).unwrap().slots, expected);

    // The seeds and blinds that the crate drew are in the shares. From the same ones ours must come to the same public
    // share and the same shares, but for the proof in the leader's, whose seed is not to be seen.
    for (theirs, slots) in batch.reports.iter().zip(ours) {
        let mut drawn: Vec<u8> = theirs.shares[1..].iter().flat_map(|share| share.expose().clone()).collect();
        let leader = theirs.shares[0].expose();
        if !theirs.public.is_empty() {
            drawn.extend(&leader[leader.len() - 32..]);
        }
        let ours = batch.scheme.split(&CTX, &NONCE, &Secret::new(slots.clone()), &mut Replay(drawn)).unwrap();
        assert!(ours.public == theirs.public && ours.shares[1..] == theirs.shares[1..]);
        let ours = ours.shares[0].expose();
        assert_eq!(ours.len(), leader.len());
        let measurement = measurement_bytes(&circuit);
        assert_eq!(ours[..measurement], leader[..measurement]);
    }
}

#[test]
fn counts_are_those_of_the_crate() {
    for parties in 2..=16 {
        let stock = Prio3Count::new_count(parties as u8).unwrap();
        let ours = [vec![1], vec![0], vec![1]];
        agree(&stock, Circuit::Count, parties, &ours, &[true, false, true], |total| vec![total.into()]);
    }
}

#[test]
fn sums_are_those_of_the_crate() {
    for parties in 2..=16 {
        for max in [1, 2, 5, 1000, (1 << 31) - 1, u64::MAX >> 1] {
            let stock = Prio3Sum::new_sum(parties as u8, max).unwrap();
            let values = [max, 0, max / 2];
            let ours = values.map(|value| vec![u128::from(value)]);
            agree(&stock, Circuit::Sum { max }, parties, &ours, &values, |total| vec![total.into()]);
        }
    }
}

#[test]
fn vectors_are_those_of_the_crate() {
    for parties in 2..=16 {
        // The chunks that make the shortest proof of 3 times 7 bits, and of 40 bits.
        for (max, length, chunk) in [(100, 3, 7), ((1 << 40) - 1, 1, 6)] {
            let stock = Prio3SumVec::new_sum_vec(parties as u8, max, length, chunk).unwrap();
            let ours = [vec![max; length], vec![0; length], vec![max / 3; length]];
            agree(&stock, Circuit::SumVec { max, length }, parties, &ours, &ours, |total| total);
        }
    }
}

#[test]
fn histograms_are_those_of_the_crate() {
    for parties in 2..=16 {
        let (length, chunk) = (100, 15);
        let stock = Prio3Histogram::new_histogram(parties as u8, length, chunk).unwrap();
        let buckets = [99, 0, 41, 0];
        let ours = buckets.map(|bucket| (0..length).map(|at| u128::from(at == bucket)).collect());
        agree(&stock, Circuit::Histogram { length }, parties, &ours, &buckets, |total| total);
    }
}
