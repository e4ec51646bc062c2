//! Messages between nodes: envelope, version, deterministic CBOR, signed statements.

use formix_p2p::wire::{CodecError, List, Message, Told};

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
        Message::List { close, outline, leaves } => {
            let id = close.get().computation;
            let _ = outline.digest(id);
            // Beside a list of its own, empty or not, a node takes what it is told, or says that it is none.
            let entries: Vec<_> = leaves.iter().flat_map(|leaf| leaf.entries.clone()).collect();
            for own in [List::default(), List::accepted(entries)] {
                let Some(mut told) = Told::new(id, outline.clone(), &own, u32::MAX) else { continue };
                for leaf in leaves {
                    let _ = told.take(id, leaf.clone());
                }
                if told.is_complete() && told.is_well_formed() {
                    assert!(told.news().all(|entry| told.contains(entry)));
                }
            }
        }
        _ => assert!(!message.kind().is_empty()),
    }
}
