//! Deterministic CBOR: one value, one sequence of bytes.
//!
//! Structures are maps from ascending small integers; an enum's variant is its number, or its name where it holds
//! one unnamed value; lengths are definite and shortest: RFC 8949 §4.2.1. A decoder reads a value, writes it again and compares, so whatever is
//! not in that form (a wider integer, a key twice, a float for a number, trailing bytes) is refused.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use zeroize::Zeroizing;

use super::message::ENVELOPE_VERSION;
use crate::domain::limits::{
    ALLOWED_MAX, EXCLUSIONS_MAX, HEAVY_MAX, LEAF_ENTRIES_MAX, LEAVES_AT_ONCE, LEAVES_MAX, MALFORMED_CHARS_MAX,
    MEMBERS_MAX, VERIFIER_BATCHES_MAX,
};

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
    #[error("version {0} of the envelope; this node knows version {ENVELOPE_VERSION}")]
    Version(u8),
    /// No bytes at all.
    #[error("empty")]
    Empty,
}

/// The bytes of a value. Our own types cannot fail to encode: lengths are known, and integers beyond 64 bits are
/// refused where a computation is checked, before it is signed.
pub fn to_bytes<T: Serialize>(value: &T) -> Vec<u8> {
    to_bytes_behind(&[], value)
}

/// The same behind some first bytes. No copy of them is left in memory but the one that is given: there may be shares among
/// them.
pub fn to_bytes_behind<T: Serialize>(first: &[u8], value: &T) -> Vec<u8> {
    let mut bytes = Wiping(Zeroizing::new(Vec::with_capacity(BYTES_EXPECTED)));
    bytes.take(first);
    let writer = serde_cbor::ser::IoWrite::new(&mut bytes);
    let written = value.serialize(&mut serde_cbor::Serializer::new(writer).packed_format());
    assert!(written.is_ok(), "a value that has no encoding was not refused before");
    std::mem::take(&mut *bytes.0)
}

/// Most messages and rows fit, and the buffer never grows.
const BYTES_EXPECTED: usize = 1_024;

/// A buffer that wipes what it has outgrown.
struct Wiping(Zeroizing<Vec<u8>>);

impl Wiping {
    fn take(&mut self, bytes: &[u8]) {
        let needed = self.0.len() + bytes.len();
        if needed > self.0.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(2 * self.0.capacity())));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
    }
}

impl std::io::Write for Wiping {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.take(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Reads a list of at most one element a heavy node, and stops at the first one too many: each may carry a signature,
/// and checking one costs far more than sending it.
pub(super) fn one_a_heavy_node<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    at_most::<HEAVY_MAX, D, T>(deserializer)
}

/// Reads a public share, which has at most 32 bytes a heavy node.
pub(super) fn public_share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let bytes: Vec<u8> = serde_bytes::deserialize(deserializer)?;
    if bytes.len() > 32 * HEAVY_MAX {
        return Err(D::Error::invalid_length(bytes.len(), &"a public share of at most 512 bytes"));
    }
    Ok(bytes)
}

/// Reads the digests of batches.
pub(super) fn batches<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    at_most::<VERIFIER_BATCHES_MAX, D, T>(deserializer)
}

/// Reads the reports of an accepted set that names are told of.
pub(super) fn members<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    at_most::<MEMBERS_MAX, D, T>(deserializer)
}

/// Reads the nodes of a closed network.
pub(super) fn allowed<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    at_most::<ALLOWED_MAX, D, T>(deserializer)
}

/// Reads the leaves of a list, without their reports.
pub(super) fn leaves<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    at_most::<LEAVES_MAX, D, T>(deserializer)
}

/// Reads the exclusions of a list.
pub(super) fn exclusions<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    at_most::<EXCLUSIONS_MAX, D, T>(deserializer)
}

/// Reads leaves of a list that are told, or asked for, at once.
pub(super) fn leaves_at_once<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    at_most::<LEAVES_AT_ONCE, D, T>(deserializer)
}

/// Reads the reports of one leaf.
pub(super) fn entries_of_a_leaf<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    at_most::<LEAF_ENTRIES_MAX, D, T>(deserializer)
}

fn at_most<'de, const MAX: usize, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct AtMost<const MAX: usize, T>(PhantomData<T>);

    impl<'de, const MAX: usize, T: Deserialize<'de>> Visitor<'de> for AtMost<MAX, T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "at most {MAX} elements")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Vec<T>, A::Error> {
            let mut list = Vec::new();
            while let Some(element) = elements.next_element()? {
                if list.len() == MAX {
                    return Err(A::Error::invalid_length(MAX + 1, &self));
                }
                list.push(element);
            }
            Ok(list)
        }
    }

    deserializer.deserialize_seq(AtMost::<MAX, T>(PhantomData))
}

/// What is wrong, in so many words: they quote a stranger's bytes, and go into logs.
fn malformed(error: &serde_cbor::Error) -> CodecError {
    let words = error.to_string();
    let shown = words.chars().filter(|c| !c.is_control()).take(MALFORMED_CHARS_MAX);
    CodecError::Malformed(shown.collect())
}

/// Reads a value from bytes that this node has written itself: it does not look whether they are in deterministic form.
///
/// # Errors
/// `Malformed`.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    serde_cbor::from_slice(bytes).map_err(|error| malformed(&error))
}

/// Reads a value from bytes in deterministic form.
///
/// # Errors
/// `Malformed` or `NotDeterministic`.
pub fn from_bytes<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let value: T = serde_cbor::from_slice(bytes).map_err(|error| malformed(&error))?;
    if *Zeroizing::new(to_bytes(&value)) == bytes { Ok(value) } else { Err(CodecError::NotDeterministic) }
}
