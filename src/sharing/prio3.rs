//! Verification under Prio3 (VDAF draft 18), n of n, by the calls of the `prio` crate.
//!
//! The crate finds a false part of the joint randomness one node at a time, when each compares the seed that it used
//! with the one that all verifier shares give. Here the same is found from public data, so that all heavy nodes reach
//! the same verdict: the part inside each verifier share must be that node's part in the public share. If all are,
//! every honest node has used the same seed.

use prio::codec::{Encode, ParameterizedDecode};
use prio::vdaf::Aggregator;
use prio::vdaf::prio3::{Prio3, Prio3InputShare, Prio3PublicShare, Prio3VerifierShare, Prio3VerifyState};
use prio::vdaf::xof::XofTurboShake128;

use super::circuit::Validity;
use super::element::wipe;
use super::scheme::{ReportShare, Verdict};
use super::xof::{Context, SEED_BYTES};

/// Prio3 of the `prio` crate over one circuit.
#[derive(Clone)]
pub(super) struct Stock<T: Validity> {
    vdaf: Prio3<T, XofTurboShake128, SEED_BYTES>,
    /// Verifier shares can be decoded with a verification state at hand only. Its shape matters, not its content.
    shape: Prio3VerifyState<T::Field, SEED_BYTES>,
}

impl<T: Validity> Stock<T> {
    /// For 2 to 16 aggregators. Nothing if `prio` refuses.
    pub fn new(circuit: &T, parties: usize) -> Option<Self> {
        let vdaf = Prio3::new(u8::try_from(parties).ok()?, 1, T::ALGORITHM, circuit.clone()).ok()?;
        // A helper's state is a seed, and the joint randomness seed if there is any.
        let state = if circuit.joint_rand_len() > 0 { 2 * SEED_BYTES } else { SEED_BYTES };
        let shape = Prio3VerifyState::get_decoded_with_param(&(&vdaf, 1), &vec![0; state]).ok()?;
        Some(Self { vdaf, shape })
    }

    /// One heavy node's verifier share of one report. Nothing if a share does not decode or the query fails.
    pub fn verifier_share(
        &self,
        key: &[u8; 32],
        ctx: &Context,
        index: usize,
        report: &ReportShare<'_>,
    ) -> Option<Vec<u8>> {
        let public = Prio3PublicShare::get_decoded_with_param(&self.vdaf, report.public).ok()?;
        let mut share = Prio3InputShare::get_decoded_with_param(&(&self.vdaf, index), report.share).ok()?;
        let verified = self.vdaf.verify_init(key, ctx, index, &(), report.nonce, &public, &share);
        if let Prio3InputShare::Leader { measurement_share, proofs_share, .. } = &mut share {
            wipe(measurement_share);
            wipe(proofs_share);
        }
        let (_, verifier) = verified.ok()?;
        verifier.get_encoded().ok()
    }

    /// The verdict on one report from the verifier shares of all heavy nodes, in their order. The public share has the
    /// scheme's length.
    pub fn verdict(&self, ctx: &Context, public: &[u8], verifiers: &[(usize, &[u8])]) -> Verdict {
        let mut decoded = Vec::with_capacity(verifiers.len());
        let mut parts = public.chunks_exact(SEED_BYTES);
        for (_, verifier) in verifiers {
            let Ok(share) = Prio3VerifierShare::get_decoded_with_param(&self.shape, verifier) else {
                return Verdict::Invalid;
            };
            // No parts: none needed. `verifier_shares_to_message` counts the shares themselves.
            if parts.next().is_some_and(|part| !verifier.ends_with(part)) {
                return Verdict::Invalid;
            }
            decoded.push(share);
        }
        match self.vdaf.verifier_shares_to_message(ctx, &(), decoded) {
            Ok(_) => Verdict::Valid,
            Err(_) => Verdict::Invalid,
        }
    }
}
