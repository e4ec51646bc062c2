//! More questions than memory keeps, so that older ones are pruned.

use std::path::Path;
use std::time::Duration;

use formix_p2p::domain::limits::ENDED_KEPT_MAX;
use formix_p2p::domain::{Computation, Failure};
use formix_p2p::store::{Change, Store};
use formix_p2p::wire::{Identity, Record, Signed};

/// Gives the store of a node that is down as many newer questions of its own as memory keeps, none of which was ever announced. They are
/// like one that it knows.
pub fn give_newer(store: &Path, identity: &Identity) {
    let store = Store::open(store, identity.peer()).unwrap();
    let template = store.load().unwrap().into_iter().find_map(|record| match record {
        Record::Announced(announcement) => Some(announcement.computation.get().clone()),
        _ => None,
    });
    let template = template.unwrap();
    let changes = (0..ENDED_KEPT_MAX as u64).flat_map(|number| {
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&number.to_be_bytes());
        let proposed_at = template.proposed_at + Duration::from_millis(1);
        let asked = Computation { nonce, proposed_at, proposer: identity.peer(), ..template.clone() };
        let (asked, at) = (Signed::sign(asked, identity), proposed_at);
        let computation = asked.id();
        let failed = Record::Failed { computation, failure: Failure::NeverAnnounced, notice: None, at };
        [Record::Proposed(asked), failed].map(|record| Change::Put(Box::new(record)))
    });
    store.apply(&changes.collect::<Vec<_>>()).unwrap();
}
