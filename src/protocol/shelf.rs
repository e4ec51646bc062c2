//! What a heavy node holds, read back from where it was persisted: a node keeps in memory who has reported, not what.

use std::collections::BTreeMap;

use crate::domain::{ComputationId, PeerId};
use crate::wire::{HeldShare, Record, RecordKey, RecordKind};

/// Where persisted reports are read back, on several threads at once. What a node has asked to be persisted and what has not been erased is there.
pub trait Shelf: Sync {
    /// The reports of these participants, who are sorted, in their order; nothing in the place of one that is not there.
    ///
    /// # Errors
    /// One of them is there and cannot be read.
    fn shares(
        &self,
        computation: ComputationId,
        participants: &[PeerId],
    ) -> Result<Vec<Option<HeldShare>>, Unreadable>;

    /// Every report of a computation, one after the other.
    ///
    /// # Errors
    /// One of them cannot be read.
    fn each(&self, computation: ComputationId, visit: &mut dyn FnMut(&HeldShare)) -> Result<(), Unreadable>;

    /// One record.
    ///
    /// # Errors
    /// It is there and cannot be read.
    fn record(&self, key: &RecordKey) -> Result<Option<Record>, Unreadable>;
}

/// A record is there that cannot be read. Whoever keeps it knows why, and says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a record of this computation cannot be read")]
pub struct Unreadable;

/// Everything in memory: for the simulator and tests.
impl Shelf for BTreeMap<RecordKey, Record> {
    fn shares(
        &self,
        computation: ComputationId,
        participants: &[PeerId],
    ) -> Result<Vec<Option<HeldShare>>, Unreadable> {
        let share = |participant: &PeerId| {
            let key = RecordKey { kind: RecordKind::Held, computation, peer: Some(*participant) };
            let Some(Record::Held(submission)) = self.get(&key) else { return None };
            Some(HeldShare::of(submission))
        };
        Ok(participants.iter().map(share).collect())
    }

    fn each(&self, computation: ComputationId, visit: &mut dyn FnMut(&HeldShare)) -> Result<(), Unreadable> {
        let first = RecordKey { kind: RecordKind::Held, computation, peer: None };
        for (_, record) in self.range(first..).take_while(|(key, _)| key.is_below(&first)) {
            if let Record::Held(submission) = record {
                visit(&HeldShare::of(submission));
            }
        }
        Ok(())
    }

    fn record(&self, key: &RecordKey) -> Result<Option<Record>, Unreadable> {
        Ok(self.get(key).cloned())
    }
}
