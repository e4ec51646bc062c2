//! Verification under the threshold scheme: the circuits of Prio3, queried on Shamir shares.
//!
//! A query of a proof is an affine function of (encoded measurement ‖ proof). So each heavy node queries its own share
//! as if it were the whole (`num_shares` = 1), and the answers are Shamir shares, of the same degree, of the answer
//! that the whole would give. Answers of more nodes than needed must lie on one polynomial; if the shares did not,
//! neither do the answers, but for a chance of about the circuit's size in the field's.
//!
//! The joint randomness is made from all n parts. As in Prio3, each node puts its own, computed from its share, in the
//! place of the one in the public share, and a verdict requires that the two are equal wherever a node answered.

use prio::field::FieldElement;

use super::circuit::Validity;
use super::element::{Elements, encode_into};
use super::proven::Proven;
use super::scheme::{ReportShare, Verdict};
use super::shamir::Interpolation;
use super::xof::{Context, SEED_BYTES, Seed};

impl<T: Validity> Proven<T> {
    /// One heavy node's verifier share of one report: the answer to the query, and its part of the joint randomness
    /// if there is any. Nothing if the share does not decode or the query fails.
    pub fn threshold_verifier_share(
        &self,
        key: &[u8; 32],
        ctx: &Context,
        index: usize,
        report: &ReportShare<'_>,
    ) -> Option<Vec<u8>> {
        if report.public.len() != self.public_bytes() {
            return None;
        }
        let opened = self.open(ctx, index, report.share)?;
        let part = match &opened.blind {
            Some(blind) => {
                let node = u8::try_from(index).ok()?;
                Some(self.derivation.joint_rand_part(blind, ctx, node, report.nonce, &opened.measurement))
            }
            None => None,
        };
        let (parts, _) = report.public.as_chunks::<SEED_BYTES>();
        let corrected = parts.iter().enumerate().map(|(node, public)| match &part {
            Some(own) if node == index => own,
            _ => public,
        });
        let joint_rands = self.joint_rands(ctx, corrected);
        let query_rands = self.derivation.query_rands(key, ctx, report.nonce, self.circuit.query_rand_len());
        let answer =
            self.circuit.query(&opened.measurement, &opened.proof, &query_rands, &joint_rands, 1).ok()?;
        let mut bytes = Vec::with_capacity(answer.len() * T::Field::ENCODED_SIZE + SEED_BYTES);
        encode_into(&answer, &mut bytes);
        bytes.extend_from_slice(part.as_ref().map_or(&[][..], Seed::as_slice));
        Some(bytes)
    }

    /// The verdict on one report from the verifier shares of some heavy nodes, at least as many as needed; `points` is
    /// for the same nodes in the same order.
    pub fn threshold_verdict(
        &self,
        points: &Interpolation<T::Field>,
        public: &[u8],
        verifiers: &[(usize, &[u8])],
    ) -> Verdict {
        let (parts, _) = public.as_chunks::<SEED_BYTES>();
        let mut answers = Vec::with_capacity(verifiers.len());
        for (index, verifier) in verifiers {
            let split = verifier.split_at_checked(self.elements_bytes(self.circuit.verifier_len()));
            let Some((answer, part)) =
                split.and_then(|(answer, part)| Some((Elements::<T::Field>::decode(answer)?, part)))
            else {
                return Verdict::Invalid;
            };
            if part != parts.get(*index).map_or(&[][..], Seed::as_slice) {
                return Verdict::Invalid;
            }
            answers.push(answer);
        }
        let mut whole = Vec::with_capacity(self.circuit.verifier_len());
        let mut column = Vec::with_capacity(answers.len());
        for position in 0..self.circuit.verifier_len() {
            column.clear();
            column.extend(answers.iter().filter_map(|answer| answer.get(position).copied()));
            if !points.agree(&column) {
                return Verdict::Inconsistent;
            }
            whole.push(points.value(column.iter().copied()));
        }
        match self.circuit.decide(&whole) {
            Ok(true) => Verdict::Valid,
            Ok(false) | Err(_) => Verdict::Invalid,
        }
    }
}
