//! Messages between nodes: envelope, version, deterministic CBOR, signed statements.

use formix_p2p::wire::{CodecError, Message};

use super::{decrees, is_short, questions};

/// Reads a message.
pub fn feed(bytes: &[u8]) {
    match Message::decode(bytes) {
        Ok(message) => {
            assert_eq!(message.encode(), bytes, "it is read, and written otherwise");
            look_into(&message);
        }
        Err(error) => {
            is_short(&error);
            assert_eq!(error == CodecError::Empty, bytes.is_empty());
        }
    }
}

/// What a node asks of a message before it knows anything else.
fn look_into(message: &Message) {
    match message {
        Message::Propose(computation) => questions::check(computation.get()),
        Message::Announce(announcement) => questions::check(announcement.computation.get()),
        Message::Certificate(certificate) => {
            questions::check(certificate.computation.get());
            let _ = formix_p2p::protocol::assurance_of(certificate);
        }
        Message::Decree(said) => decrees::look_into(said),
        Message::Fault(fault) => decrees::judge(fault),
        Message::List { close, list } => {
            let id = close.get().computation;
            let _ = list.digest(id);
        }
        _ => assert!(!message.kind().is_empty()),
    }
}
