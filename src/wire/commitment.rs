//! Blinded digests: SHA-256(label ‖ computation id ‖ sender ‖ receiver ‖ 32 random bytes ‖ value).
//!
//! A bare hash of a 32-bit share is undone in seconds; the random bytes travel only with the share or the opening.

use crate::domain::{ComputationId, Digest, PeerId};
use crate::sharing::Secret;

/// The random bytes of a blinded digest.
pub type Blind = Secret<[u8; 32]>;

/// The digest of one share of one report.
pub fn share_digest(
    computation: ComputationId,
    participant: PeerId,
    heavy: PeerId,
    blind: &Blind,
    share: &[u8],
) -> Digest {
    let parts: [&[u8]; 5] =
        [computation.as_bytes(), &participant.to_bytes(), &heavy.to_bytes(), blind.expose(), share];
    Digest::of("formix-p2p/share-digest/1", &parts)
}

/// A heavy node's commitment to its partial sum.
pub fn partial_sum_commitment(
    computation: ComputationId,
    heavy: PeerId,
    blind: &[u8; 32],
    partial_sum: &[u8],
) -> Digest {
    let parts: [&[u8]; 4] = [computation.as_bytes(), &heavy.to_bytes(), blind, partial_sum];
    Digest::of("formix-p2p/partial-sum-commitment/1", &parts)
}

/// A heavy node's commitment to one batch of its verifier shares.
pub fn verifiers_commitment(
    computation: ComputationId,
    heavy: PeerId,
    batch: u32,
    blind: &Blind,
    shares: &[u8],
) -> Digest {
    let parts: [&[u8]; 5] =
        [computation.as_bytes(), &heavy.to_bytes(), &batch.to_be_bytes(), blind.expose(), shares];
    Digest::of("formix-p2p/verifiers-commitment/1", &parts)
}

/// A heavy node's commitment to ρ.
pub fn rho_commitment(
    computation: ComputationId,
    heavy: PeerId,
    blind: &Blind,
    rho: &Secret<[u8; 32]>,
) -> Digest {
    let parts: [&[u8]; 4] = [computation.as_bytes(), &heavy.to_bytes(), blind.expose(), rho.expose()];
    Digest::of("formix-p2p/rho-commitment/1", &parts)
}
