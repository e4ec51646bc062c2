//! Deterministic CBOR: one value, one sequence of bytes.
//!
//! Structures are maps from ascending small integers, enums are maps from a small integer, lengths are definite
//! and shortest: RFC 8949 §4.2.1. A decoder reads a value, writes it again and compares, so whatever is
//! not in that form (a wider integer, a key twice, a float for a number, trailing bytes) is refused.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why bytes are not a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Not CBOR, or CBOR of another shape, or a signature in it does not hold.
    #[error("malformed: {0}")]
    Malformed(String),
    /// The right value in the wrong bytes.
    #[error("not in deterministic form")]
    NotDeterministic,
    /// More bytes than this kind of message may have.
    #[error("{bytes} bytes, more than the {limit} that are allowed")]
    TooLarge {
        /// How many there are.
        bytes: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A version of the envelope that this node does not know.
    #[error("version {0} of the envelope; this node knows version 1")]
    Version(u8),
    /// No bytes at all.
    #[error("empty")]
    Empty,
}

/// The bytes of a value. Our own types cannot fail to encode: their maps have integer keys and known lengths.
pub fn to_bytes<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    let written = value.serialize(&mut serde_cbor::Serializer::new(&mut bytes).packed_format());
    debug_assert!(written.is_ok(), "{written:?}");
    bytes
}

/// Reads a value from bytes in deterministic form.
///
/// # Errors
/// `Malformed` or `NotDeterministic`.
pub fn from_bytes<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let value: T = serde_cbor::from_slice(bytes).map_err(|error| CodecError::Malformed(error.to_string()))?;
    if to_bytes(&value) == bytes { Ok(value) } else { Err(CodecError::NotDeterministic) }
}
