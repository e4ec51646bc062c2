//! An owner forgets a computation: everything goes but what keeps it from being taken part in twice.

use super::node::State;
use super::turn::Turn;
use crate::domain::limits::FORGOTTEN_KEPT_MAX;
use crate::domain::{ComputationId, Timestamp};
use crate::wire::{LedgerEntry, Record, RecordKind};

impl State {
    /// Forgets an ended computation, or an ended invitation. What stays: a mark, so that it is neither answered nor added up
    /// nor fetched again; and the owner's ledger, without the number of records.
    pub fn on_forget_command(&mut self, turn: &mut Turn<'_>, id: ComputationId) {
        if let Some(invited) = self.invitations.get(&id) {
            let (ended, became) = (invited.memory.ended.is_some(), invited.memory.computation);
            if ended && invited.memory.leaves_a_mark() {
                self.mark_forgotten(turn, id);
            }
            if ended {
                self.invitations.remove(&id);
                turn.erase(RecordKind::Invitation, id);
            }
            if let Some(computation) = became {
                self.on_forget_command(turn, computation);
            }
            return;
        }
        let Some(entry) = self.entries.get_mut(&id).filter(|entry| !entry.is_open()) else { return };
        if let Some(ledger) = entry.ledger.as_deref_mut().filter(|ledger| ledger.records.is_some()) {
            ledger.records = None;
            turn.persist(Record::Ledger(ledger.clone()));
        }
        // Its ticket must not open another one.
        let invitation = entry.terms().invitation;
        for id in [Some(id), invitation].into_iter().flatten() {
            self.mark_forgotten(turn, id);
        }
        self.forget(turn, id);
    }

    /// The same, of what is pruned.
    pub fn on_forget_pruned(
        &mut self,
        turn: &mut Turn<'_>,
        id: ComputationId,
        invitation: Option<ComputationId>,
        ledger: Option<LedgerEntry>,
    ) {
        if !self.erase_pruned(turn, id) {
            return;
        }
        if let Some(ledger) = ledger.filter(|ledger| ledger.records.is_some()) {
            turn.persist(Record::Ledger(LedgerEntry { records: None, ..ledger }));
        }
        for id in [Some(id), invitation].into_iter().flatten() {
            self.mark_forgotten(turn, id);
        }
    }

    /// Keeps the newest marks.
    fn mark_forgotten(&mut self, turn: &mut Turn<'_>, id: ComputationId) {
        turn.persist(Record::Forgotten { computation: id, at: turn.now });
        self.forgotten.insert(id, turn.now);
        while self.forgotten.len() > FORGOTTEN_KEPT_MAX
            && let Some((_, oldest)) = self.forgotten.iter().map(|(id, at)| (*at, *id)).min()
        {
            self.forgotten.remove(&oldest);
            turn.erase(RecordKind::Forgotten, oldest);
        }
    }

    /// Whether its owner has forgotten it.
    pub fn is_forgotten(&self, id: &ComputationId) -> bool {
        self.forgotten.contains_key(id)
    }

    /// Takes up the marks from the store.
    pub fn restore_forgotten(&mut self, marks: impl IntoIterator<Item = (ComputationId, Timestamp)>) {
        self.forgotten.extend(marks);
    }
}
