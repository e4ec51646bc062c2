//! Verification of many reports at once, under either scheme with proofs.

use super::circuit::Validity;
use super::error::VerifierError;
use super::proven::{Proven, Rule};
use super::scheme::{ReportShare, Verdict, twice_or_unknown};
use super::shamir::Interpolation;
use super::threads::{Threads, spread};
use super::xof::{Context, SEED_BYTES};

impl<T: Validity> Proven<T> {
    /// Bytes of one report's verifier share: the answer to the query, and the node's part of the joint randomness.
    pub fn verifier_bytes(&self) -> usize {
        let part = if self.has_joint_rand() { SEED_BYTES } else { 0 };
        self.elements_bytes(self.circuit.verifier_len()) + part
    }

    /// One heavy node's verifier shares, one after the other.
    pub fn verifier_shares(
        &self,
        key: &[u8; 32],
        ctx: &Context,
        index: usize,
        reports: &[ReportShare<'_>],
        threads: Threads,
    ) -> Vec<u8> {
        let length = self.verifier_bytes();
        let runs = spread(threads, self.weight(), reports, |_, run| {
            let mut bytes = Vec::with_capacity(run.len() * length);
            for report in run {
                let share = match &self.rule {
                    Rule::Prio3(stock) => stock.verifier_share(key, ctx, index, report),
                    Rule::Threshold { .. } => self.threshold_verifier_share(key, ctx, index, report),
                };
                match share {
                    Some(share) => bytes.extend_from_slice(&share),
                    // All ones are no element of either field.
                    None => bytes.resize(bytes.len() + length, 0xff),
                }
            }
            bytes
        });
        runs.concat()
    }

    /// One verdict a report. `verifiers` is in the order of the heavy nodes.
    pub fn verdicts(
        &self,
        ctx: &Context,
        publics: &[&[u8]],
        verifiers: &[(usize, &[u8])],
        threads: Threads,
    ) -> Result<Vec<Verdict>, VerifierError> {
        if let Some(index) = twice_or_unknown(verifiers, self.layout.parties()) {
            return Err(VerifierError::Node { index });
        }
        let indices: Vec<_> = verifiers.iter().map(|(index, _)| *index).collect();
        let (needed, got) = (self.needed(), indices.len());
        let too_few = VerifierError::TooFew { needed, got };
        let points = Interpolation::new(needed, &indices).ok_or(too_few)?;
        let length = self.verifier_bytes();
        for (index, bytes) in verifiers {
            let (expected, got) = (length * publics.len(), bytes.len());
            if expected != got {
                return Err(VerifierError::Length { index: *index, expected, got });
            }
        }
        let runs = spread(threads, verifiers.len() * self.circuit.verifier_len(), publics, |begin, run| {
            let verdict = |(report, public): (usize, &&[u8])| {
                // Every batch has `length` bytes for every report.
                let place = report * length..(report + 1) * length;
                let own: Vec<_> = verifiers
                    .iter()
                    .map(|(index, bytes)| (*index, bytes.get(place.clone()).unwrap_or_default()))
                    .collect();
                self.verdict(ctx, &points, public, &own)
            };
            (begin..).zip(run).map(verdict).collect::<Vec<_>>()
        });
        Ok(runs.concat())
    }

    fn verdict(
        &self,
        ctx: &Context,
        points: &Interpolation<T::Field>,
        public: &[u8],
        verifiers: &[(usize, &[u8])],
    ) -> Verdict {
        if public.len() != self.public_bytes() {
            return Verdict::Invalid;
        }
        match &self.rule {
            Rule::Prio3(stock) => stock.verdict(ctx, public, verifiers),
            Rule::Threshold { .. } => self.threshold_verdict(points, public, verifiers),
        }
    }
}
