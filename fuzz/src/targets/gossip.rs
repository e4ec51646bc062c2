//! What is told to the whole network.

use formix_p2p::wire::Gossip;

use super::{is_short, questions};

/// Reads gossip.
pub fn feed(bytes: &[u8]) {
    match Gossip::decode(bytes) {
        Ok(gossip) => {
            assert_eq!(gossip.encode(), bytes, "it is read, and written otherwise");
            if let Gossip::Announce(announcement) = gossip {
                questions::check(announcement.computation.get());
            }
        }
        Err(error) => is_short(&error),
    }
}
