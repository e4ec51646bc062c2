//! Where a record stands.

use super::record::RecordKind;
use crate::domain::{ComputationId, PeerId};

/// Where a record stands: writing another record with the same key replaces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey {
    /// The table.
    pub kind: RecordKind,
    /// The computation.
    pub computation: ComputationId,
    /// The participant of a held report or of receipts, the culprit of a fault.
    pub peer: Option<PeerId>,
}

impl RecordKey {
    /// Whether it is this key, or one of those that a key without a peer stands for: all of its kind and computation.
    pub fn is_below(&self, other: &Self) -> bool {
        let same = (self.kind, self.computation) == (other.kind, other.computation);
        same && (other.peer.is_none() || self.peer == other.peer)
    }
}
