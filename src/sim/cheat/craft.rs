//! What cheats need besides a signature: whole reports of their own making, sound or with a flaw, and bytes in
//! another's name.

use super::super::dice::Dice;
use crate::domain::{Computation, ComputationId, Decimal, Digest, Field, PeerId, Schema, Sharing};
use crate::sharing::{Scheme, Secret, Split};
use crate::statistics;

use crate::wire::{Identity, Manifest, Message, Signed, Submission, share_digest};

/// What is wrong with a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// Nothing.
    None,
    /// The value lies above the largest one; the proof is what an honest prover would make of it.
    OutOfRange,
    /// One element of the proof is another.
    BrokenProof,
    /// It was made for another computation.
    OtherContext,
    /// The public share is another, or there is one where none belongs.
    WrongPublic,
    /// One share is not what its digest says.
    OtherShares,
}

/// A value that no bounds are told about: as large, and modulo every power of two still itself.
const LARGE_WITHOUT_BOUNDS: u128 = 1 << 20;
/// Bytes of what blinds a heavy node's part of the joint randomness, at the end of its share.
const BLIND_BYTES: usize = 32;

/// A whole report of the lowest value that the schema allows, one submission a heavy node.
pub(super) fn report(
    id: ComputationId,
    computation: &Computation,
    identity: &Identity,
    dice: &mut Dice,
) -> Vec<Submission> {
    flawed_report(id, computation, identity, Flaw::None, dice)
}

/// As `report`, with something wrong.
pub(super) fn flawed_report(
    id: ComputationId,
    computation: &Computation,
    identity: &Identity,
    flaw: Flaw,
    dice: &mut Dice,
) -> Vec<Submission> {
    let nonce = dice.bytes();
    let Some(Split { mut public, mut shares }) = split(id, computation, flaw, &nonce, dice) else {
        return Vec::new();
    };
    if flaw == Flaw::WrongPublic {
        match public.first_mut() {
            Some(byte) => *byte ^= 1,
            None => public.push(1),
        }
    }
    let blinds: Vec<_> = shares.iter().map(|_| Secret::new(dice.bytes())).collect();
    let participant = identity.peer();
    let digests = computation.heavy.iter().zip(&blinds).zip(&shares);
    let digests = digests
        .map(|((heavy, blind), share)| share_digest(id, participant, *heavy, blind, share.expose()))
        .collect();
    if flaw == Flaw::OtherShares
        && let Some(share) = shares.first_mut()
    {
        *share = damaged(share, 0);
    }
    let manifest = Manifest { computation: id, participant, nonce, public, shares: digests };
    let manifest = Signed::sign(manifest, identity);
    let parts = blinds.into_iter().zip(shares);
    parts.map(|(blind, share)| Submission { manifest: manifest.clone(), blind, share }).collect()
}

fn split(
    id: ComputationId,
    computation: &Computation,
    flaw: Flaw,
    nonce: &[u8; 16],
    dice: &mut Dice,
) -> Option<Split> {
    // Where two full shares are enough nothing is expanded from a seed, and without joint randomness nothing names the context.
    let has_threshold = matches!(computation.sharing, Sharing::Threshold { .. });
    let flaw = if flaw == Flaw::OtherContext && has_threshold { Flaw::BrokenProof } else { flaw };
    // Nothing multiplies a zero: its proof holds whatever the joint randomness is, and so whatever the public share.
    let above_lowest = i128::from(flaw == Flaw::WrongPublic);
    let value = |field: &Field| match &field.schema {
        Schema::Category(categories) => categories.names().first().cloned().unwrap_or_default(),
        Schema::Number(number) | Schema::Vector { items: number, .. } => {
            let value = number.value_of(number.offset_steps() + above_lowest);
            value.unwrap_or(Decimal::ONE).to_string()
        }
    };
    let values: Vec<_> = computation.query.fields.iter().map(value).collect();
    let texts: Vec<_> = values.iter().map(String::as_str).collect();
    let measurement = statistics::encode_one(computation, &texts).ok()?.measurement().clone();
    let scheme = statistics::scheme(computation).ok()?;
    let elsewhere = Digest::of("another computation", &[id.as_bytes()]);
    let context = if flaw == Flaw::OtherContext { elsewhere.as_bytes() } else { id.as_bytes() };
    if flaw == Flaw::OutOfRange {
        let mut slots = measurement.expose().clone();
        if let Some(value) = slots.last_mut() {
            let most = statistics::slots(computation).last().and_then(|slot| slot.most);
            *value = most.map_or(LARGE_WITHOUT_BOUNDS, |most| most + 1);
        }
        return scheme.split_unchecked(context, nonce, &Secret::new(slots), dice.rng()).ok();
    }
    let mut split = scheme.split(context, nonce, &measurement, dice.rng()).ok()?;
    if flaw == Flaw::BrokenProof {
        break_proof(&scheme, &mut split);
    }
    Some(split)
}

/// Changes the last element of the proof in a share that is no seed.
fn break_proof(scheme: &Scheme, split: &mut Split) {
    let blind = if split.public.is_empty() { 0 } else { BLIND_BYTES };
    let element = scheme.sum_bytes() / scheme.slots().max(1);
    if let Some(share) = split.shares.iter_mut().max_by_key(|share| share.expose().len()) {
        *share = damaged(share, share.expose().len().saturating_sub(blind + element));
    }
}

/// The same share with the lowest bit of one byte turned. An element of a prime field stays one but for p − 1.
pub(super) fn damaged(share: &Secret<Vec<u8>>, at: usize) -> Secret<Vec<u8>> {
    let mut share = share.clone();
    if let Some(byte) = share.expose_mut().get_mut(at) {
        *byte ^= 1;
    }
    share
}

/// The bytes of a message with one node's key wherever another's stood.
pub(super) fn in_the_name_of(victim: PeerId, me: PeerId, message: &Message) -> Vec<u8> {
    let (mine, theirs) = (me.public_key(), victim.public_key());
    let mut bytes = message.encode();
    let mut at = 0;
    while let Some(window) = bytes.get_mut(at..at + mine.len()) {
        if window == mine {
            window.copy_from_slice(theirs);
        }
        at += 1;
    }
    bytes
}
