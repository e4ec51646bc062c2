//! ρ, each heavy node's share in the verification key, dealt to the others so that a node may vanish with its own.
//!
//! ρ is two field elements, shared k of n by Shamir. Everything else about the dealing, the higher coefficients and the
//! blinds of the digests that the dealer signs, is derived from ρ. So whoever rebuilds ρ from any k shares can repeat
//! the whole dealing and compare it with all n digests. If one differs, ρ counts as zeros; and since a dealing that
//! passes lies on one polynomial, everybody comes to the same ρ, whichever shares they hold.

use prio::field::Field128;
use prio::vdaf::xof::{IntoFieldVec, Xof, XofTurboShake128};
use rand_chacha::rand_core::Rng;
use zeroize::Zeroizing;

use super::Secret;
use super::element::{Elements, encode};
use super::shamir::{Interpolation, shares};
use super::sums::secret;
use super::xof::{Context, SEED_BYTES};

/// Bytes of ρ and of a share of it.
pub const RHO_BYTES: usize = 32;
/// Elements of ρ.
const RHO_ELEMENTS: usize = 2;
/// The labels under which the dealing is derived.
const COEFFICIENTS_LABEL: &[u8] = b"formix-p2p/rho-coefficients/1";
const BLIND_LABEL: &[u8] = b"formix-p2p/rho-blind/1";

/// One heavy node's share of a dealer's ρ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RhoShare {
    /// Two field elements of 16 bytes, little-endian.
    pub share: Secret<Vec<u8>>,
    /// Blinds the digest of the share.
    pub blind: Secret<[u8; 32]>,
}

/// Draws ρ: two elements, each evenly among all.
pub fn fresh_rho(rng: &mut impl Rng) -> Secret<[u8; RHO_BYTES]> {
    let drawn = encode(&Elements::<Field128>::random(RHO_ELEMENTS, rng));
    Secret::new(drawn.first_chunk().copied().unwrap_or_default())
}

/// The one dealing of ρ to `parties` heavy nodes, `needed` of which can rebuild it, for the computation `ctx`; in the
/// order of the heavy nodes. Nothing if ρ is not two field elements, or if `needed` is not from 1 to `parties`, or
/// there are more than 255 of them.
pub fn deal_rho(
    rho: &Secret<[u8; RHO_BYTES]>,
    needed: usize,
    parties: usize,
    ctx: &Context,
) -> Option<Vec<RhoShare>> {
    let (k, n) = (u8::try_from(needed).ok()?, u8::try_from(parties).ok()?);
    if k == 0 || k > n {
        return None;
    }
    let values = Elements::<Field128>::decode(rho.expose())?;
    let mut xof = XofTurboShake128::init(rho.expose(), &[COEFFICIENTS_LABEL, ctx]);
    xof.update(&[k, n]);
    let drawn: Elements<Field128> = xof.into_seed_stream().into_field_vec(RHO_ELEMENTS * (needed - 1)).into();
    let higher: Vec<_> = drawn.chunks_exact(RHO_ELEMENTS).map(|pair| Elements::from(pair.to_vec())).collect();
    let dealt = shares(&values, &higher, parties);
    let blinded = (0..n).zip(&dealt).map(|(node, share)| {
        let mut xof = XofTurboShake128::init(rho.expose(), &[BLIND_LABEL, ctx]);
        xof.update(&[k, n, node]);
        let mut blind = Zeroizing::new([0; SEED_BYTES]);
        xof.into_seed_stream().fill_bytes(&mut *blind);
        RhoShare { share: secret(share), blind: Secret::new(*blind) }
    });
    Some(blinded.collect())
}

/// ρ from shares of certain heavy nodes, of which the first `needed` are used. Nothing when they are too few, when a
/// node is named twice, or when a share is not two field elements. The caller deals the outcome again and compares.
pub fn rebuild_rho(needed: usize, shares: &[(usize, &[u8])]) -> Option<Secret<[u8; RHO_BYTES]>> {
    let used = shares.get(..needed).filter(|used| !used.is_empty())?;
    let mut indices: Vec<_> = used.iter().map(|(index, _)| *index).collect();
    let points = Interpolation::<Field128>::new(needed, &indices)?;
    indices.sort_unstable();
    indices.dedup();
    if indices.len() < needed {
        return None;
    }
    let mut held = Vec::with_capacity(needed);
    for (_, share) in used {
        held.push(Elements::<Field128>::decode(share).filter(|share| share.len() == RHO_ELEMENTS)?);
    }
    let values: Vec<_> = (0..RHO_ELEMENTS)
        .map(|position| points.value(held.iter().filter_map(|share| share.get(position).copied())))
        .collect();
    encode(&Elements::from(values)).first_chunk().copied().map(Secret::new)
}
