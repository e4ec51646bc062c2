//! Names that a machine can rely on, and the short forms that people type.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The multihash and protobuf header of an inlined Ed25519 public key, as in the libp2p peer-id specification.
const PEER_ID_PREFIX: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];
/// Characters of base32 in a short form: 40 bits, enough to tell nodes apart, too few to trust.
const SHORT_CHARS: usize = 8;
/// The bytes behind them.
const SHORT_BYTES: usize = 5;
const COMPUTATION_PREFIX: &str = "COMP-";

/// A node's identity: its Ed25519 public key. The libp2p PeerId is the same 32 bytes behind a constant prefix,
/// so the order of the keys is the order of the raw PeerIds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PeerId(#[serde(with = "serde_bytes")] [u8; 32]);

/// SHA-256 of something; what it covers is said where it is made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Digest(#[serde(with = "serde_bytes")] [u8; 32]);

/// A computation's name: SHA-256 of a label and the bytes of its signed body.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ComputationId(Digest);

/// A node's short name for people: 8 characters of base32 from SHA-256 of its PeerId.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid([u8; SHORT_CHARS]);

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not base58, or not the length of a PeerId.
    #[error("`{0}` is not a PeerId (they begin with 12D3KooW)")]
    NotAPeerId(String),
    /// A PeerId whose key is not an inlined Ed25519 key.
    #[error("`{0}` is a PeerId of another key type; only Ed25519 keys are supported")]
    OtherKeyType(String),
    /// Not `COMP-` and 8 characters of A-Z, 2-7.
    #[error("`{0}` is not a computation (they look like COMP-FZ375MV7)")]
    NotAComputation(String),
}

impl PeerId {
    /// The identity whose Ed25519 public key this is.
    pub const fn from_public_key(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// The Ed25519 public key.
    pub const fn public_key(&self) -> &[u8; 32] {
        &self.0
    }

    /// The 38 raw bytes of the libp2p PeerId.
    pub fn to_bytes(self) -> [u8; 38] {
        let mut bytes = [0; 38];
        let (prefix, key) = bytes.split_at_mut(PEER_ID_PREFIX.len());
        prefix.copy_from_slice(&PEER_ID_PREFIX);
        key.copy_from_slice(&self.0);
        bytes
    }

    /// Reads the 38 raw bytes of a libp2p PeerId; `None` unless it inlines an Ed25519 key.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let key = bytes.strip_prefix(&PEER_ID_PREFIX)?;
        Some(Self(key.try_into().ok()?))
    }

    /// The short form for people.
    pub fn uid(&self) -> Uid {
        Uid(short(&Sha256::digest(self.to_bytes()).into()))
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bs58::encode(self.to_bytes()).into_string())
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.uid())
    }
}

impl FromStr for PeerId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let bytes = bs58::decode(text).into_vec().map_err(|_| IdError::NotAPeerId(text.to_owned()))?;
        match Self::from_bytes(&bytes) {
            Some(peer) => Ok(peer),
            None if bytes.len() == 34 && bytes.starts_with(&[0x12, 0x20]) => {
                Err(IdError::OtherKeyType(text.to_owned()))
            }
            None => Err(IdError::NotAPeerId(text.to_owned())),
        }
    }
}

impl Digest {
    /// Wraps 32 bytes that are a SHA-256 digest.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// SHA-256(label ‖ 0 ‖ each part). Parts are of fixed length, or the last one is the only one that is not,
    /// so no two lists of parts give the same bytes.
    pub fn of(label: &str, parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(label.as_bytes());
        hasher.update([0]);
        for part in parts {
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0[..4]))
    }
}

impl ComputationId {
    /// The id of a computation whose signed body has these bytes.
    pub fn of_body(body: &[u8]) -> Self {
        Self(Digest::of("formix-p2p/computation-id/1", &[body]))
    }

    /// The id of an invitation's bytes.
    pub fn of_invitation(body: &[u8]) -> Self {
        Self(Digest::of("formix-p2p/invitation-id/1", &[body]))
    }

    /// The id of the computation that an invitation becomes: it begins like the invitation's, so that people see one
    /// name from the first ticket to the result; the other 216 bits are those of this id.
    #[must_use]
    pub fn invited_by(self, invitation: Self) -> Self {
        let mut bytes = *self.as_bytes();
        bytes[..SHORT_BYTES].copy_from_slice(&invitation.as_bytes()[..SHORT_BYTES]);
        Self(Digest(bytes))
    }

    /// Wraps a digest that is a computation's id.
    pub const fn from_digest(digest: Digest) -> Self {
        Self(digest)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

impl fmt::Display for ComputationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = short(self.as_bytes());
        write!(f, "{COMPUTATION_PREFIX}{}", short.iter().map(|c| char::from(*c)).collect::<String>())
    }
}

impl fmt::Debug for ComputationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|c| write!(f, "{}", char::from(*c)))
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The first 40 bits of a digest in base32: 8 characters of A-Z, 2-7.
fn short(digest: &[u8; 32]) -> [u8; SHORT_CHARS] {
    let mut text = [b'A'; SHORT_CHARS];
    BASE32.encode_mut(&digest[..SHORT_BYTES], &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    #[test]
    fn a_peer_id_survives_its_text_form() {
        let peer = PeerId::from_public_key(KEY);
        assert!(peer.to_string().starts_with("12D3KooW"));
        assert_eq!(peer.to_string().parse(), Ok(peer));
    }

    #[test]
    fn what_is_not_a_peer_id_is_named() {
        assert_eq!("0OIl".parse::<PeerId>(), Err(IdError::NotAPeerId("0OIl".to_owned())));
        let sha256_key = bs58::encode([&[0x12, 0x20][..], &KEY].concat()).into_string();
        assert_eq!(sha256_key.parse::<PeerId>(), Err(IdError::OtherKeyType(sha256_key)));
    }

    #[test]
    fn short_forms_are_eight_characters_of_base32() {
        let uid = PeerId::from_public_key(KEY).uid().to_string();
        assert_eq!(uid.len(), 8);
        assert!(uid.bytes().all(|c| c.is_ascii_uppercase() || (b'2'..=b'7').contains(&c)), "{uid}");
        let id = ComputationId::of_body(b"x").to_string();
        assert!(id.starts_with("COMP-") && id.len() == 13, "{id}");
    }

    #[test]
    fn peers_sort_as_their_raw_bytes() {
        let (low, high) = (PeerId::from_public_key([1; 32]), PeerId::from_public_key([2; 32]));
        assert!(low < high && low.to_bytes() < high.to_bytes());
    }
}
