//! Everything that is derived from a seed: shares, proof randomness, query randomness, joint randomness.
//!
//! The form is that of Prio3 (VDAF draft 18): TurboSHAKE128 over a domain separation tag (what for, under which
//! scheme, for which computation), a seed and a binder. Prio3 and the threshold scheme differ in the tag alone.

use prio::vdaf::xof::{IntoFieldVec, Xof, XofTurboShake128};
use rand_chacha::rand_core::Rng;
use zeroize::Zeroizing;

use super::element::{Element, Elements, encode};
use crate::domain::Modulus;

/// Bytes of a seed, a blind and a joint randomness part.
pub(super) const SEED_BYTES: usize = 32;
/// A seed, a blind or a joint randomness part.
pub(super) type Seed = [u8; SEED_BYTES];
/// What binds everything to one computation: its id.
pub(super) type Context = [u8; 32];

/// The version of the specification that Prio3's tags name.
const PRIO3_VERSION: u8 = 18;
/// The class of algorithms that Prio3's tags name: VDAFs.
const PRIO3_CLASS: u8 = 0;
/// Prio3 allows many proofs for one measurement. Ours need one: the fields are large enough.
const PROOFS: u8 = 1;
/// The label under which the threshold scheme derives. No tag of Prio3 starts like it.
const THRESHOLD_LABEL: &[u8] = b"formix-p2p/threshold/1";
/// The label under which the additive scheme derives.
const ADDITIVE_LABEL: &[u8] = b"formix-p2p/additive/1";

/// What something is derived for. The numbers below 256 are those of the specification.
#[derive(Clone, Copy)]
enum Usage {
    MeasurementShare = 1,
    ProofShare = 2,
    JointRandomness = 3,
    ProveRandomness = 4,
    QueryRandomness = 5,
    JointRandSeed = 6,
    JointRandPart = 7,
    NoiseCheck = 256,
}

/// Derives under one scheme.
#[derive(Clone)]
pub(super) struct Derivation {
    prefix: Vec<u8>,
}

impl Derivation {
    /// As Prio3 with this algorithm id.
    pub fn prio3(algorithm: u32) -> Self {
        let mut prefix = vec![PRIO3_VERSION, PRIO3_CLASS];
        prefix.extend(algorithm.to_be_bytes());
        Self { prefix }
    }

    /// For `needed` of `parties` shares under the circuit of this algorithm id. Both are at most 16.
    pub fn threshold(algorithm: u32, needed: usize, parties: usize) -> Self {
        let mut prefix = THRESHOLD_LABEL.to_vec();
        prefix.extend(algorithm.to_be_bytes());
        prefix.extend([needed as u8, parties as u8]);
        Self { prefix }
    }

    /// For additive shares modulo this.
    pub fn additive(modulus: Modulus) -> Self {
        let mut prefix = ADDITIVE_LABEL.to_vec();
        // At most 16.
        prefix.push(modulus.bytes() as u8);
        Self { prefix }
    }

    fn init(&self, seed: &Seed, usage: Usage, ctx: &Context) -> XofTurboShake128 {
        XofTurboShake128::init(seed, &[&self.prefix, &(usage as u16).to_be_bytes(), ctx])
    }

    /// The measurement share that a seed stands for.
    pub fn measurement_share<F: Element>(
        &self,
        seed: &Seed,
        ctx: &Context,
        node: u8,
        length: usize,
    ) -> Elements<F> {
        let mut xof = self.init(seed, Usage::MeasurementShare, ctx);
        xof.update(&[node]);
        Elements::random(length, &mut xof.into_seed_stream())
    }

    /// The bytes of the additive share that a seed stands for.
    pub fn share_stream(&self, seed: &Seed, ctx: &Context, node: u8) -> impl Rng + use<> {
        let mut xof = self.init(seed, Usage::MeasurementShare, ctx);
        xof.update(&[node]);
        xof.into_seed_stream()
    }

    /// The proof share that a seed stands for.
    pub fn proof_share<F: Element>(&self, seed: &Seed, ctx: &Context, node: u8, length: usize) -> Elements<F> {
        let mut xof = self.init(seed, Usage::ProofShare, ctx);
        xof.update(&[PROOFS, node]);
        Elements::random(length, &mut xof.into_seed_stream())
    }

    /// One heavy node's part of the joint randomness: it commits to the node's measurement share.
    pub fn joint_rand_part<F: Element>(
        &self,
        blind: &Seed,
        ctx: &Context,
        node: u8,
        nonce: &[u8; 16],
        measurement_share: &[F],
    ) -> Seed {
        let mut xof = self.init(blind, Usage::JointRandPart, ctx);
        xof.update(&[node]);
        xof.update(nonce);
        xof.update(&encode(measurement_share));
        seed_of(xof)
    }

    /// The joint randomness of all parts, in the order of the heavy nodes.
    pub fn joint_rands<'a, F: Element>(
        &self,
        ctx: &Context,
        parts: impl Iterator<Item = &'a Seed>,
        length: usize,
    ) -> Vec<F> {
        let mut xof = self.init(&[0; SEED_BYTES], Usage::JointRandSeed, ctx);
        for part in parts {
            xof.update(part);
        }
        let mut xof = self.init(&seed_of(xof), Usage::JointRandomness, ctx);
        xof.update(&[PROOFS]);
        xof.into_seed_stream().into_field_vec(length)
    }

    /// What blinds the proof.
    pub fn prove_rands<F: Element>(&self, seed: &Seed, ctx: &Context, length: usize) -> Elements<F> {
        let mut xof = self.init(seed, Usage::ProveRandomness, ctx);
        xof.update(&[PROOFS]);
        Elements::random(length, &mut xof.into_seed_stream())
    }

    /// Where the proof of one report is queried, the same at all heavy nodes.
    pub fn query_rands<F: Element>(
        &self,
        key: &[u8; 32],
        ctx: &Context,
        nonce: &[u8; 16],
        length: usize,
    ) -> Vec<F> {
        let mut xof = self.init(key, Usage::QueryRandomness, ctx);
        xof.update(&[PROOFS]);
        xof.update(nonce);
        xof.into_seed_stream().into_field_vec(length)
    }

    /// The point at which one dealer's noise shares are checked, the same at all heavy nodes.
    pub fn noise_check<F: Element>(&self, key: &[u8; 32], ctx: &Context, dealer: u8) -> F {
        let mut xof = self.init(key, Usage::NoiseCheck, ctx);
        xof.update(&[dealer]);
        F::random(&mut xof.into_seed_stream())
    }
}

fn seed_of(xof: XofTurboShake128) -> Seed {
    *xof.into_seed().as_ref()
}

/// A seed out of bytes that hold at least that much; wiped on drop.
pub(super) fn first_seed(bytes: &[u8]) -> Option<Zeroizing<Seed>> {
    bytes.first_chunk::<SEED_BYTES>().copied().map(Zeroizing::new)
}
