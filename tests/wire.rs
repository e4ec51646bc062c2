//! The bytes on the wire. Each kind of message has golden bytes in `tests/golden`: when one of these tests fails, the
//! wire format has changed, and that takes a new version. `FORMIX_BLESS=1 cargo test --test wire` writes them anew.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::path::PathBuf;

use formix_p2p::domain::limits::MESSAGE_BYTES_MAX;
use formix_p2p::domain::{ComputationId, Timestamp};
use formix_p2p::sharing::Secret;
use formix_p2p::wire::{
    Acceptance, Close, CodecError, Entry, Gossip, Message, Receipt, Signed, Ticket, from_bytes, to_bytes,
};

#[path = "wire/altered.rs"]
mod altered;
#[path = "wire/samples.rs"]
mod samples;

use samples::{NOW, close, computation, gossip, heavy, id, identity, invitation, list, manifest, messages};

#[test]
fn an_invitation_and_the_computation_that_it_becomes_have_one_name() {
    let invitation = invitation();
    let id = invitation.id();
    check_golden("invitation-id", id.as_bytes());
    let computation = invitation.computation(id, heavy(), [6; 16], NOW);
    let becomes = Signed::sign(computation, &identity(1)).id();
    check_golden("invited-computation-id", becomes.as_bytes());
    assert_eq!((becomes.to_string(), becomes == id), (id.to_string(), false));
    let other = invitation.computation(id, heavy(), [7; 16], NOW);
    assert_ne!(Signed::sign(other, &identity(1)).id(), becomes);
}

#[test]
fn a_ticket_is_signed_whole() {
    let addresses = vec!["/ip4/10.0.0.1/tcp/8000".to_owned()];
    let ticket = Ticket { invitation: invitation(), addresses, secret: Secret::new([8; 16]) };
    let bytes = to_bytes(&Signed::sign(ticket.clone(), &identity(1)));
    check_golden("ticket", &bytes);
    assert_eq!(from_bytes::<Signed<Ticket>>(&bytes).unwrap().get(), &ticket);
    for position in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[position] ^= 1;
        assert!(from_bytes::<Signed<Ticket>>(&changed).is_err(), "at {position}");
    }
    assert!(!format!("{ticket:?}").contains("8, 8"), "its secret is not shown");
}

fn check_golden(name: &str, bytes: &[u8]) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.hex"));
    let hex = data_encoding::HEXLOWER.encode(bytes);
    if std::env::var_os("FORMIX_BLESS").is_some() {
        std::fs::write(&path, format!("{hex}\n")).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(golden.trim(), hex, "the bytes of {name} have changed");
}

#[test]
fn every_message_has_its_golden_bytes() {
    let mut kinds = BTreeSet::new();
    for message in messages() {
        let bytes = message.encode();
        check_golden(&format!("message-{}", message.kind()), &bytes);
        assert_eq!(Message::decode(&bytes), Ok(message.clone()));
        kinds.insert(message.kind());
    }
    assert_eq!(kinds.len(), 38, "a kind of message has no golden bytes");
    for (name, gossip) in gossip() {
        let bytes = gossip.encode();
        check_golden(&format!("gossip-{name}"), &bytes);
        assert_eq!(Gossip::decode(&bytes), Ok(gossip));
    }
}

#[test]
fn the_computation_id_is_what_it_was() {
    let id = id();
    check_golden("computation-id", id.as_bytes());
    assert_eq!(id, ComputationId::of_body(computation().body()));
}

#[test]
fn every_truncation_is_refused() {
    for message in messages() {
        let bytes = message.encode();
        for length in 0..bytes.len() {
            assert!(Message::decode(&bytes[..length]).is_err(), "{} at {length}", message.kind());
        }
    }
}

#[test]
fn trailing_bytes_and_other_versions_are_refused() {
    for message in messages() {
        let mut bytes = message.encode();
        bytes.push(0);
        assert!(Message::decode(&bytes).is_err(), "{}", message.kind());
        bytes.pop();
        for other in [6, 8] {
            bytes[0] = other;
            assert_eq!(Message::decode(&bytes), Err(CodecError::Version(other)));
        }
    }
    assert_eq!(Message::decode(&[]), Err(CodecError::Empty));
}

#[test]
fn what_is_not_in_deterministic_form_is_refused() {
    // {28: {0: 7}}: the clock of an ask, once with the shortest integer and once with a wider one.
    let ask = Message::Ask { clock: Timestamp::from_millis(7) };
    let bytes = ask.encode();
    let tail = bytes.len() - 1;
    assert_eq!(bytes[tail], 7);
    let wider = [&bytes[..tail], &[0x18, 7]].concat();
    assert_eq!(Message::decode(&wider), Err(CodecError::NotDeterministic));
}

#[test]
fn oversized_and_deeply_nested_bytes_are_refused() {
    let large = vec![7; 8 * 1024 * 1024 + 1];
    assert!(matches!(Message::decode(&large), Err(CodecError::TooLarge { .. })));
    assert!(matches!(Gossip::decode(&large[..64 * 1024 + 1]), Err(CodecError::TooLarge { .. })));
    let nested = [&[7][..], &vec![0x81; 100_000]].concat();
    assert!(matches!(Message::decode(&nested), Err(CodecError::Malformed(_))));
    // An array that claims 2^60 elements.
    let claims = [7, 0xa1, 0x08, 0x9b, 0x10, 0, 0, 0, 0, 0, 0, 0];
    assert!(Message::decode(&claims).is_err());
}

#[test]
fn an_error_repeats_little_of_what_a_stranger_wrote() {
    // A kind of message with a name of a hundred thousand characters, line breaks among them.
    let name = [0x7a, 0, 1, 0x86, 0xa0].into_iter().chain("loud\n".bytes().cycle().take(100_000));
    let bytes: Vec<u8> = [7, 0xa1].into_iter().chain(name).chain([0xf6]).collect();
    let error = Message::decode(&bytes).unwrap_err().to_string();
    assert!(error.contains("loudloud") && !error.contains('\n') && error.len() < 256, "{error}");
}

#[test]
fn a_signature_serves_one_type_and_one_signer() {
    // An acceptance and a close have bodies of the same shape; the signature of one does not serve the other.
    let acceptance = Acceptance { computation: id(), heavy: heavy()[0], rho_commitment: list().digest(id()) };
    let close = Close { computation: id(), heavy: heavy()[0], list: list().digest(id()) };
    assert_eq!(to_bytes(&acceptance), to_bytes(&close));
    let signed = to_bytes(&Signed::sign(acceptance, &identity(1)));
    assert!(from_bytes::<Signed<Acceptance>>(&signed).is_ok());
    assert!(matches!(from_bytes::<Signed<Close>>(&signed), Err(CodecError::Malformed(_))));
}

#[test]
fn a_frame_is_the_envelope_behind_its_length() {
    for message in messages() {
        let envelope = message.encode();
        let length = u32::try_from(envelope.len()).unwrap().to_be_bytes();
        assert_eq!(message.frame().unwrap(), [&length[..], &envelope].concat());
    }
    let too_large = Message::Verifiers {
        computation: id(),
        heavy: heavy()[0],
        batch: 0,
        blind: Secret::new([0; 32]),
        shares: Secret::new(vec![0; MESSAGE_BYTES_MAX]),
    };
    assert_eq!(too_large.frame(), None);
}

#[test]
fn a_list_of_signatures_stops_at_the_first_one_too_many() {
    let receipt = Receipt {
        computation: id(),
        heavy: heavy()[0],
        participant: identity(20).peer(),
        manifest: manifest(20, 0).digest(),
    };
    let receipt = Signed::sign(receipt, &identity(1));
    assert!(Message::decode(&Message::Receipts(vec![receipt.clone(); 16]).encode()).is_ok());
    assert!(Message::decode(&Message::Receipts(vec![receipt; 17]).encode()).is_err());
}

#[test]
fn names_stop_at_the_first_one_too_many() {
    let entry = Entry { participant: identity(20).peer(), manifest: manifest(20, 0).digest() };
    let told = |names| Message::Members { computation: id(), entries: vec![entry; names] }.encode();
    assert!(Message::decode(&told(1_000)).is_ok());
    assert!(Message::decode(&told(1_001)).is_err());
}

#[test]
fn shares_and_openings_are_redacted() {
    for message in messages() {
        let shown = format!("{message:?}");
        assert!(!shown.contains("[7, 7, 7") && !shown.contains("[3, 3, 3"), "{shown}");
        assert!(!shown.contains("[1, 1, 1"), "{shown}");
    }
}
