//! Ids and times in configuration files: as people write them.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::{PeerId, Timestamp};

/// A full PeerId, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PeerText(pub PeerId);

impl Serialize for PeerText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PeerText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(D::Error::custom)
    }
}

/// One PeerId.
pub(super) mod peer {
    use super::*;

    pub fn serialize<S: Serializer>(peer: &PeerId, serializer: S) -> Result<S::Ok, S::Error> {
        PeerText(*peer).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PeerId, D::Error> {
        Ok(PeerText::deserialize(deserializer)?.0)
    }
}

/// One PeerId that may be absent.
pub(super) mod peer_if_any {
    use super::*;

    #[expect(clippy::ref_option, reason = "serde's shape")]
    pub fn serialize<S: Serializer>(peer: &Option<PeerId>, serializer: S) -> Result<S::Ok, S::Error> {
        match peer {
            Some(peer) => super::peer::serialize(peer, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PeerId>, D::Error> {
        super::peer::deserialize(deserializer).map(Some)
    }
}

/// A list of PeerIds.
pub(super) mod peers {
    use super::*;

    pub fn serialize<S: Serializer>(peers: &[PeerId], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(peers.iter().map(|peer| PeerText(*peer)))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PeerId>, D::Error> {
        Ok(Vec::<PeerText>::deserialize(deserializer)?.into_iter().map(|text| text.0).collect())
    }
}

/// A list of PeerIds that may be absent.
pub(super) mod peers_if_any {
    use super::*;

    #[expect(clippy::ref_option, reason = "serde's shape")]
    pub fn serialize<S: Serializer>(peers: &Option<Vec<PeerId>>, serializer: S) -> Result<S::Ok, S::Error> {
        match peers {
            Some(peers) => super::peers::serialize(peers, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<PeerId>>, D::Error> {
        peers::deserialize(deserializer).map(Some)
    }
}

/// PeerIds by name.
pub(super) mod named_peers {
    use std::collections::BTreeMap;

    use super::*;

    pub fn serialize<S: Serializer>(
        peers: &BTreeMap<String, PeerId>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(peers.iter().map(|(name, peer)| (name, PeerText(*peer))))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<String, PeerId>, D::Error> {
        let named = BTreeMap::<String, PeerText>::deserialize(deserializer)?;
        Ok(named.into_iter().map(|(name, peer)| (name, peer.0)).collect())
    }
}

/// A time in RFC 3339.
pub(super) mod time {
    use super::*;

    pub fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(time)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_rfc3339(&text)
            .map(Timestamp::from)
            .map_err(|_| D::Error::custom(format!("`{text}` is not a time such as 2026-01-31T12:00:00.000Z")))
    }
}
