//! What cheats need besides a signature: whole reports of their own making, and bytes in another's name.

use super::super::dice::Dice;
use crate::domain::{Computation, ComputationId, Decimal, PeerId};
use crate::sharing::{Secret, Split};
use crate::statistics;

use crate::wire::{Identity, Manifest, Message, Signed, Submission, share_digest};

/// A whole report of the lowest value that the schema allows, one submission a heavy node.
pub(super) fn report(
    id: ComputationId,
    computation: &Computation,
    identity: &Identity,
    dice: &mut Dice,
) -> Vec<Submission> {
    let schema = computation.query.fields.first().map(|field| &field.schema);
    let lowest = schema.and_then(|schema| schema.value_of(schema.offset_steps()));
    let value = lowest.unwrap_or(Decimal::ONE);
    let Ok(measurement) = statistics::encode(computation, value) else { return Vec::new() };
    let nonce = dice.bytes();
    let Ok(scheme) = statistics::scheme(computation) else { return Vec::new() };
    let split = scheme.split(id.as_bytes(), &nonce, &measurement, dice.rng());
    let Ok(Split { public, shares }) = split else { return Vec::new() };
    let blinds: Vec<_> = shares.iter().map(|_| Secret::new(dice.bytes())).collect();
    let participant = identity.peer();
    let digests = computation.heavy.iter().zip(&blinds).zip(&shares);
    let digests = digests
        .map(|((heavy, blind), share)| share_digest(id, participant, *heavy, blind, share.expose()))
        .collect();
    let manifest = Manifest { computation: id, participant, nonce, public, shares: digests };
    let manifest = Signed::sign(manifest, identity);
    let parts = blinds.into_iter().zip(shares);
    parts.map(|(blind, share)| Submission { manifest: manifest.clone(), blind, share }).collect()
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
