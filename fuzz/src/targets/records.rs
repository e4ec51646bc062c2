//! What stands in a node's store: a record, or a peer that it has met; the first byte chooses. Whatever can be read is
//! put before a node that starts, which must come up, or go without it.

use std::collections::BTreeMap;

use formix_p2p::consent::Policy;
use formix_p2p::domain::{Role, Timestamp};
use formix_p2p::protocol::{Event, Node, Settings, Slice};
use formix_p2p::sharing::Secret;
use formix_p2p::store::KnownPeer;
use formix_p2p::wire::{Identity, Record, from_bytes, to_bytes};

use super::is_short;

/// Deeds of a start from one record: a message to each heavy node and timers.
const ACTIONS_MAX: usize = 256;

/// Reads a record.
pub fn feed(bytes: &[u8]) {
    let Some((kind, body)) = bytes.split_first() else { return };
    if kind % 4 == 3 {
        match from_bytes::<KnownPeer>(body) {
            Ok(peer) => assert_eq!(to_bytes(&peer), body),
            Err(error) => is_short(&error),
        }
        return;
    }
    match from_bytes::<Record>(body) {
        Ok(record) => {
            assert_eq!(to_bytes(&record), body, "it is read, and written otherwise");
            start(*kind, record);
        }
        Err(error) => is_short(&error),
    }
}

fn start(kind: u8, record: Record) {
    let role = if kind.is_multiple_of(2) { Role::Heavy } else { Role::Light };
    // The second and third of the golden bytes' nodes: a heavy and a light one.
    let seed = if role == Role::Heavy { 1 } else { 20 };
    let mut node = Node::new(Settings {
        identity: Identity::from_secret_key(&[seed; 32]),
        role,
        policy: Policy::default(),
        memory_since: None,
        seed: Secret::new([7; 32]),
        slice: Slice::default(),
    });
    let now = Timestamp::from_millis(1_800_000_010_000);
    let actions = node.handle(now, Event::Restored(vec![record]), &BTreeMap::new());
    assert!(actions.len() <= ACTIONS_MAX, "{} deeds of one record", actions.len());
    let _ = node.views();
}
