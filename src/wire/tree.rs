//! A list as a tree over the bits of the participants' keys: where two lists differ shows in a few digests, and where they
//! do not, nothing is told (docs/PROTOCOL.md §7.5).
//!
//! A leaf holds the reports of all participants whose keys begin with the same bits. It is split in two, by the next bit, where
//! it would hold more than [`LEAF_ENTRIES_MAX`]. So the tree follows from the reports alone, and no leaf outgrows a message,
//! whatever keys somebody makes.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::list::Entry;
use crate::domain::limits::LEAF_ENTRIES_MAX;
use crate::domain::{ComputationId, Digest, PeerId};

/// Bits of a key: no tree is deeper.
const KEY_BITS: usize = 256;

/// One leaf of a list, without its reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaf {
    /// How many first bits all its keys share.
    pub depth: u8,
    /// The digest of its reports.
    pub digest: Digest,
}

/// The first bits of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prefix {
    bits: [u8; 32],
    depth: usize,
}

/// Where a leaf's reports are in a sorted list, and what their keys begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub range: Range<usize>,
    pub prefix: Prefix,
}

impl Prefix {
    const ROOT: Self = Self { bits: [0; 32], depth: 0 };

    /// The two that are one bit longer.
    fn halves(self) -> (Self, Self) {
        let mut right = self.bits;
        if let Some(byte) = right.get_mut(self.depth / 8) {
            *byte |= 0x80 >> (self.depth % 8);
        }
        let depth = self.depth + 1;
        (Self { depth, ..self }, Self { bits: right, depth })
    }

    /// Whether a key is not below all keys that begin with it.
    pub fn begins_by(&self, participant: &PeerId) -> bool {
        self.bits <= *participant.public_key()
    }

    /// Whether a key begins with it.
    pub fn fits(&self, participant: &PeerId) -> bool {
        let (whole, rest) = (self.depth / 8, self.depth % 8);
        let mask = !(0xff_u8 >> rest);
        let key = participant.public_key();
        let same = |at: usize, mask: u8| {
            key.get(at).zip(self.bits.get(at)).is_none_or(|(key, bits)| (key ^ bits) & mask == 0)
        };
        (0..whole).all(|at| same(at, 0xff)) && same(whole, mask)
    }
}

/// Whether a key's bit is 0.
fn goes_left(participant: &PeerId, bit: usize) -> bool {
    participant.public_key().get(bit / 8).is_some_and(|byte| byte & (0x80 >> (bit % 8)) == 0)
}

/// Where the right half of sorted reports begins that share `depth` bits.
fn middle(entries: &[Entry], depth: usize) -> usize {
    entries.partition_point(|entry| goes_left(&entry.participant, depth))
}

/// The digest of a leaf with these reports.
pub(super) fn leaf_digest(id: ComputationId, entries: &[Entry]) -> Digest {
    let mut bytes = Vec::with_capacity(entries.len() * 64);
    for entry in entries {
        bytes.extend_from_slice(entry.participant.public_key());
        bytes.extend_from_slice(entry.manifest.as_bytes());
    }
    Digest::of("formix-p2p/list-leaf/1", &[id.as_bytes(), &bytes])
}

fn fork_digest(id: ComputationId, left: Digest, right: Digest) -> Digest {
    Digest::of("formix-p2p/list-fork/1", &[id.as_bytes(), left.as_bytes(), right.as_bytes()])
}

/// The leaves of sorted reports that share `depth` bits, from left to right; what their subtree's digest is.
pub(super) fn leaves_of(id: ComputationId, entries: &[Entry], depth: usize, leaves: &mut Vec<Leaf>) -> Digest {
    if entries.len() <= LEAF_ENTRIES_MAX || depth + 1 >= KEY_BITS {
        let digest = leaf_digest(id, entries);
        leaves.push(Leaf { depth: u8::try_from(depth).unwrap_or(u8::MAX), digest });
        return digest;
    }
    let (left, right) = entries.split_at(middle(entries, depth));
    let left = leaves_of(id, left, depth + 1, leaves);
    let right = leaves_of(id, right, depth + 1, leaves);
    fork_digest(id, left, right)
}

/// The digest of the tree with these leaves; `None` if they are the leaves of no tree.
pub(super) fn root_of(id: ComputationId, leaves: &[Leaf]) -> Option<Digest> {
    fold(leaves.iter().map(|leaf| (leaf.depth, leaf.digest)), |left, right| Some(fork_digest(id, left, right)))
}

/// Whether leaves with so many reports each are split no more and no less than they must be.
pub(super) fn is_split_where_it_must(leaves: &[Leaf], counts: impl Iterator<Item = usize>) -> bool {
    let counted = leaves.iter().zip(counts).map(|(leaf, count)| (leaf.depth, count));
    let mut small = true;
    let counted = counted.inspect(|(_, count)| small &= *count <= LEAF_ENTRIES_MAX);
    fold(counted, |left, right| Some(left + right).filter(|both| *both > LEAF_ENTRIES_MAX)).is_some() && small
}

/// Puts leaves together, two neighbours at a time, from left to right.
fn fold<T>(leaves: impl Iterator<Item = (u8, T)>, mut fork: impl FnMut(T, T) -> Option<T>) -> Option<T> {
    let mut waiting: Vec<(u8, T)> = Vec::new();
    for (mut depth, mut value) in leaves {
        // What waits are left halves, each below the one before it.
        while let Some((_, left)) = waiting.pop_if(|(waits, _)| *waits == depth && depth > 0) {
            value = fork(left, value)?;
            depth -= 1;
        }
        if waiting.last().is_some_and(|(waits, _)| *waits >= depth) {
            return None;
        }
        waiting.push((depth, value));
    }
    let (depth, value) = waiting.pop()?;
    (depth == 0 && waiting.is_empty()).then_some(value)
}

/// Where each of these leaves would be in other sorted reports; `None` if they are the leaves of no tree.
pub(super) fn places_in(entries: &[Entry], leaves: &[Leaf]) -> Option<Vec<Place>> {
    let mut waiting = vec![Place { range: 0..entries.len(), prefix: Prefix::ROOT }];
    let mut places = Vec::with_capacity(leaves.len());
    for leaf in leaves {
        let Place { mut range, mut prefix } = waiting.pop()?;
        while prefix.depth < usize::from(leaf.depth) {
            let at = range.start + middle(entries.get(range.clone())?, prefix.depth);
            let (left, right) = prefix.halves();
            waiting.push(Place { range: at..range.end, prefix: right });
            (range, prefix) = (range.start..at, left);
        }
        if prefix.depth != usize::from(leaf.depth) {
            return None;
        }
        places.push(Place { range, prefix });
    }
    waiting.is_empty().then_some(places)
}
