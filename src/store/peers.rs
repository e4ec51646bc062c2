//! The peers that a node has met, so that it finds them again after a restart.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::limits::{KNOWN_ADDRESSES_MAX, KNOWN_PEERS_MAX};
use crate::domain::{PeerId, Role, Timestamp};

/// A peer that was met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownPeer {
    /// Who.
    pub peer: PeerId,
    /// As what.
    pub role: Role,
    /// What its owner calls it; self-chosen.
    pub name: String,
    /// Multiaddresses under which it was reached; the first [`KNOWN_ADDRESSES_MAX`] are kept.
    pub addresses: Vec<String>,
    /// When it was last heard of.
    pub last_seen: Timestamp,
}

/// Every known peer, at most [`KNOWN_PEERS_MAX`].
#[derive(Debug, Default)]
pub(super) struct KnownPeers(BTreeMap<PeerId, KnownPeer>);

impl KnownPeers {
    pub(super) fn from_stored(peers: impl IntoIterator<Item = KnownPeer>) -> Self {
        Self(peers.into_iter().map(|peer| (peer.peer, peer)).collect())
    }

    /// The peer as it would be kept, and who has to go for it: whoever was not seen for longest.
    pub(super) fn place_for(&self, peer: &KnownPeer) -> (KnownPeer, Vec<PeerId>) {
        let mut kept = peer.clone();
        kept.addresses.truncate(KNOWN_ADDRESSES_MAX);
        let mut others: Vec<_> = self.0.values().filter(|other| other.peer != peer.peer).collect();
        let excess = (others.len() + 1).saturating_sub(KNOWN_PEERS_MAX);
        others.sort_by_key(|other| other.last_seen);
        (kept, others.iter().take(excess).map(|other| other.peer).collect())
    }

    pub(super) fn put(&mut self, peer: KnownPeer, gone: &[PeerId]) {
        for peer in gone {
            self.0.remove(peer);
        }
        self.0.insert(peer.peer, peer);
    }

    /// Whoever was seen last comes first.
    pub(super) fn by_last_seen(&self) -> Vec<KnownPeer> {
        let mut peers: Vec<_> = self.0.values().cloned().collect();
        peers.sort_by_key(|peer| std::cmp::Reverse(peer.last_seen));
        peers
    }
}
