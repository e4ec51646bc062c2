//! What is read when somebody asks for it, and not when a node starts: computations that were pruned.

use std::collections::BTreeSet;

use redb::{Database, ReadableDatabase, ReadableTable};
use zeroize::Zeroizing;

use super::error::StoreError;
use super::rows::{Row, is_sealed, rows_of};
use super::tables::{key_bytes, record_at, table_of};
use super::{Store, damaged};
use crate::domain::ComputationId;
use crate::wire::{Record, RecordKey, RecordKind};

impl Store {
    /// One record that is kept beyond the end of its computation.
    ///
    /// # Errors
    /// `Damaged` when it cannot be read. `Io`.
    pub fn recall(&self, kind: RecordKind, computation: ComputationId) -> Result<Option<Record>, StoreError> {
        let key = key_bytes(&RecordKey { kind, computation, peer: None });
        let read = || -> Result<Option<Zeroizing<Vec<u8>>>, redb::Error> {
            let table = self.database.begin_read()?.open_table(table_of(kind))?;
            let row = table.get(key.as_slice())?;
            Ok(row.map(|row| Zeroizing::new(row.value().to_vec())))
        };
        let row = read().map_err(|error| self.failed(error))?.filter(|_| !is_sealed(kind));
        row.map(|row| self.decoded(kind, &(key.clone(), row))).transpose()
    }

    /// Every record of a kind that is kept beyond the end of its computation.
    ///
    /// # Errors
    /// `Damaged` when one cannot be read. `Io`.
    pub fn recall_all(&self, kind: RecordKind) -> Result<Vec<Record>, StoreError> {
        if is_sealed(kind) {
            return Ok(Vec::new());
        }
        let rows = rows_of(&self.database, table_of(kind)).map_err(|error| self.failed(error))?;
        rows.iter().map(|row| self.decoded(kind, row)).collect()
    }

    fn decoded(&self, kind: RecordKind, (key, row): &Row) -> Result<Record, StoreError> {
        record_at(kind, key, row)
            .map_err(|reason| damaged(&self.path, &format!("a record of kind {kind:?}: {reason}")))
    }
}

/// All rows of the kinds that are wanted but summaries, and of pruned computations certificates and comparisons: those are not copied out of the file.
pub(super) fn rows_to_load(
    database: &Database,
    wanted: impl Fn(RecordKind) -> bool,
) -> Result<Vec<(RecordKind, Row)>, redb::Error> {
    let transaction = database.begin_read()?;
    let mut pruned = BTreeSet::new();
    for row in transaction.open_table(table_of(RecordKind::Pruned))?.iter()? {
        pruned.insert(row?.0.value().to_vec());
    }
    let mut rows = Vec::new();
    for kind in RecordKind::ALL.into_iter().filter(|kind| *kind != RecordKind::Summary && wanted(*kind)) {
        let stays = matches!(kind, RecordKind::Certificate | RecordKind::Compared);
        for row in transaction.open_table(table_of(kind))?.iter()? {
            let (key, value) = row?;
            if !stays || !pruned.contains(key.value()) {
                rows.push((kind, (key.value().to_vec(), Zeroizing::new(value.value().to_vec()))));
            }
        }
    }
    Ok(rows)
}
