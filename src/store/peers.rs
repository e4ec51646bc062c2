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
#[derive(Clone, Debug, Default)]
pub(super) struct KnownPeers(BTreeMap<PeerId, KnownPeer>);

impl KnownPeers {
    pub(super) fn from_stored(peers: impl IntoIterator<Item = KnownPeer>) -> Self {
        Self(peers.into_iter().map(|peer| (peer.peer, peer)).collect())
    }

    /// Keeps a peer in the place of what was known of it, and tells who had to go: of the others the one unseen for
    /// longest.
    pub(super) fn put(&mut self, mut peer: KnownPeer) -> Option<PeerId> {
        peer.addresses.truncate(KNOWN_ADDRESSES_MAX);
        let added = peer.peer;
        self.0.insert(added, peer);
        if self.0.len() <= KNOWN_PEERS_MAX {
            return None;
        }
        let others = self.0.values().filter(|other| other.peer != added);
        let gone = others.min_by_key(|other| other.last_seen).map(|other| other.peer)?;
        self.0.remove(&gone);
        Some(gone)
    }

    pub(super) fn get(&self, peer: &PeerId) -> Option<&KnownPeer> {
        self.0.get(peer)
    }

    /// Whoever was seen last comes first.
    pub(super) fn by_last_seen(&self) -> Vec<KnownPeer> {
        let mut peers: Vec<_> = self.0.values().cloned().collect();
        peers.sort_by_key(|peer| std::cmp::Reverse(peer.last_seen));
        peers
    }
}
