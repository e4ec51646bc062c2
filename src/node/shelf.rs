//! What the protocol reads back: what is in the store, and before it what this round will write.

use std::collections::BTreeMap;

use crate::domain::{ComputationId, PeerId};
use crate::protocol::{Shelf, Unreadable};
use crate::store::{Change, Store, StoreError};
use crate::wire::{HeldShare, Record, RecordKey};

/// The store, and the changes of the round that are not written yet.
pub(super) struct OnDisk<'a> {
    pub store: &'a Store,
    pub changes: &'a [Change],
}

impl OnDisk<'_> {
    /// Reports that this round has taken in.
    fn news(&self, computation: ComputationId) -> BTreeMap<PeerId, HeldShare> {
        let held = self.changes.iter().filter_map(|change| match change {
            Change::Put(record) => {
                let Record::Held(submission) = &**record else { return None };
                let manifest = &submission.manifest;
                let here = manifest.get().computation == computation;
                here.then(|| (manifest.signer(), HeldShare::of(submission)))
            }
            Change::Erase(_) => None,
        });
        held.collect()
    }
}

impl Shelf for OnDisk<'_> {
    fn shares(
        &self,
        computation: ComputationId,
        participants: &[PeerId],
    ) -> Result<Vec<Option<HeldShare>>, Unreadable> {
        let mut shares = self.store.shares(computation, participants).map_err(|error| told(&error))?;
        if shares.iter().any(Option::is_none) {
            let news = self.news(computation);
            for (participant, share) in participants.iter().zip(&mut shares) {
                if share.is_none() {
                    *share = news.get(participant).cloned();
                }
            }
        }
        Ok(shares)
    }

    fn each(&self, computation: ComputationId, visit: &mut dyn FnMut(&HeldShare)) -> Result<(), Unreadable> {
        self.store.each_held(computation, visit).map_err(|error| told(&error))?;
        self.news(computation).values().for_each(visit);
        Ok(())
    }

    fn record(&self, key: &RecordKey) -> Result<Option<Record>, Unreadable> {
        let latest = self.changes.iter().rev().find_map(|change| match change {
            Change::Put(record) if record.key() == *key => Some(Some((**record).clone())),
            Change::Erase(erased) if key.is_below(erased) => Some(None),
            Change::Put(_) | Change::Erase(_) => None,
        });
        match latest {
            Some(found) => Ok(found),
            None => self.store.record(key).map_err(|error| told(&error)),
        }
    }
}

/// The reason stands in the log: the computation ends with no more than that its memory is lost.
fn told(error: &StoreError) -> Unreadable {
    tracing::error!(hint = %error.hint(), "what this node holds cannot be read back: {error}");
    Unreadable
}
