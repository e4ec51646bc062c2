//! A byte that is changed on its way is refused, or means something else.

use formix_p2p::domain::Digest;

use super::*;
use crate::samples::vote;

#[test]
fn a_changed_byte_is_refused_or_means_something_else() {
    for message in messages() {
        let bytes = message.encode();
        for position in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[position] ^= 1;
            assert_ne!(Message::decode(&changed), Ok(message.clone()), "{} at {position}", message.kind());
        }
    }
}

#[test]
fn no_byte_under_a_signature_can_change() {
    for message in [
        Message::Propose(computation()),
        Message::Close(close(1)),
        Message::Vote { vote: vote(2), verifications: Vec::new() },
    ] {
        let bytes = message.encode();
        // Version, enum, and the headers of envelope and body come first; what they hold is all signed.
        for position in 8..bytes.len() {
            let mut changed = bytes.clone();
            changed[position] ^= 0x10;
            assert!(Message::decode(&changed).is_err(), "{} at {position}", message.kind());
        }
    }
}

/// What participants hand on is believed because its signature was checked, also by a node that has checked the true one.
#[test]
fn no_byte_of_receipts_that_are_handed_on_can_change() {
    let digest = Digest::of("report", &[]);
    let receipt = Receipt {
        computation: computation().id(),
        heavy: identity(2).peer(),
        participant: identity(5).peer(),
        manifest: digest,
    };
    let message = Message::Receipts(vec![Signed::sign(receipt, &identity(2))]);
    let bytes = message.encode();
    let checked = identity(3).checked();
    checked.while_decoding(|| {
        assert_eq!(Message::decode(&bytes).as_ref(), Ok(&message));
        for position in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[position] ^= 0x10;
            assert!(Message::decode(&changed).is_err(), "at {position}");
        }
    });
}
