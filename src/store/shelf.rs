//! Reading single rows back, and the reports of one computation: they are many, and no node keeps them all in memory.

use redb::{ReadableDatabase, TableHandle as _};

use super::keys::Keys;
use super::rows::{self, Row};
use super::seal::Place;
use super::tables::{computation_of, key_bytes, opened, row_body, table_of};
use super::{Store, StoreError, damaged, failure};
use crate::domain::{ComputationId, PeerId};
use crate::sharing::Secret;
use crate::wire::{HeldShare, Record, RecordKey, RecordKind};

/// Rows that are read before they are opened: enough for every processor, and no more than a few megabytes of usual reports.
const ROWS_AT_ONCE: usize = 1_024;

impl Store {
    /// What this heavy node holds of these participants, who are sorted, in their order; nothing for one that is not there.
    ///
    /// # Errors
    /// `Damaged`: a row is there and cannot be read. `Io`.
    pub fn shares(
        &self,
        computation: ComputationId,
        participants: &[PeerId],
    ) -> Result<Vec<Option<HeldShare>>, StoreError> {
        let table = self.database.begin_read().map_err(|error| self.failed(error.into()))?;
        let table = table.open_table(table_of(RecordKind::Held)).map_err(|error| self.failed(error.into()))?;
        let mut rows = Vec::with_capacity(participants.len());
        for participant in participants {
            let key = key_bytes(&held_key(computation, *participant));
            let row = table.get(key.as_slice()).map_err(|error| self.failed(error.into()))?;
            rows.push(row.map(|row| (key, Secret::new(row.value().to_vec()))));
        }
        self.opened_held(&rows)
    }

    /// Every report that this heavy node holds of a computation, one after the other.
    ///
    /// # Errors
    /// `Damaged`: a row is there and cannot be read. `Io`.
    pub fn each_held(
        &self,
        computation: ComputationId,
        visit: &mut dyn FnMut(&HeldShare),
    ) -> Result<(), StoreError> {
        let failed = |error: redb::Error| failure(&self.path, error);
        let table = self.database.begin_read().map_err(|error| failed(error.into()))?;
        let table = table.open_table(table_of(RecordKind::Held)).map_err(|error| failed(error.into()))?;
        let first = computation.as_bytes().as_slice();
        let range = table.range(first..).map_err(|error| failed(error.into()))?;
        let mut rows = Vec::with_capacity(ROWS_AT_ONCE);
        for row in range {
            let (key, value) = row.map_err(|error| failed(error.into()))?;
            if computation_of(key.value()) != Some(computation) {
                break;
            }
            rows.push(Some((key.value().to_vec(), Secret::new(value.value().to_vec()))));
            if rows.len() == ROWS_AT_ONCE {
                self.opened_held(&rows)?.iter().flatten().for_each(&mut *visit);
                rows.clear();
            }
        }
        self.opened_held(&rows)?.iter().flatten().for_each(visit);
        Ok(())
    }

    /// One record.
    ///
    /// # Errors
    /// `Damaged`: it is there and cannot be read. `Io`.
    pub fn record(&self, key: &RecordKey) -> Result<Option<Record>, StoreError> {
        let failed = |error: redb::Error| failure(&self.path, error);
        let table = self.database.begin_read().map_err(|error| failed(error.into()))?;
        let table = table.open_table(table_of(key.kind)).map_err(|error| failed(error.into()))?;
        let bytes = key_bytes(key);
        let Some(row) = table.get(bytes.as_slice()).map_err(|error| failed(error.into()))? else {
            return Ok(None);
        };
        let row: Row = (bytes, zeroize::Zeroizing::new(row.value().to_vec()));
        self.with_keys(|keys| rows::decode(&[(key.kind, row)], keys))
            .map(|records| records.into_iter().next())
            .map_err(|reason| damaged(&self.path, &reason))
    }

    /// Opens rows of held reports on every processor.
    fn opened_held(&self, rows: &[Option<HeldRow>]) -> Result<Vec<Option<HeldShare>>, StoreError> {
        let opened = self.with_keys(|keys| {
            rows::on_every_processor(rows, |row| row.as_ref().map(|row| open_held(row, keys)).transpose())
        });
        opened.map_err(|reason| damaged(&self.path, &format!("a held report: {reason}")))
    }
}

/// A row of a held report as it lies there.
type HeldRow = (Vec<u8>, Secret<Vec<u8>>);

fn held_key(computation: ComputationId, participant: PeerId) -> RecordKey {
    RecordKey { kind: RecordKind::Held, computation, peer: Some(participant) }
}

fn open_held((key, row): &HeldRow, keys: &Keys) -> Result<HeldShare, String> {
    let row_key = computation_of(key).and_then(|computation| keys.get(computation));
    let row_key = row_key.ok_or("a row of a computation that has no key")?;
    let table = table_of(RecordKind::Held);
    let row = opened(row.expose(), Place { table: table.name(), key }, row_key)?;
    let report = HeldShare::from_record(row_body(&row)?).map_err(|error| error.to_string())?;
    let place = key_bytes(&held_key(report.computation, report.participant));
    if place == *key { Ok(report) } else { Err("a row that stands in the wrong place".to_owned()) }
}
