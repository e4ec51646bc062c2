//! Reading whole tables: what stands in them, and what can no longer be read.

use std::collections::BTreeMap;

use redb::{Database, ReadableDatabase, ReadableTable, TableHandle as _};
use zeroize::Zeroizing;

use super::keys::{Keys, LostKey};
use super::seal::Place;
use super::tables::{Table, computation_of, opened, record_at, table_of};
use crate::domain::ComputationId;
use crate::wire::{Keeping, Record, RecordKind};

/// Fewer rows than this are not worth a thread.
const ROWS_PER_THREAD_MIN: usize = 256;

/// A row as it lies there.
pub(super) type Row = (Vec<u8>, Zeroizing<Vec<u8>>);

/// Every row of a table, by key.
pub(super) fn rows_of(database: &Database, table: Table) -> Result<Vec<Row>, redb::Error> {
    let table = database.begin_read()?.open_table(table)?;
    let rows = table.iter()?;
    rows.map(|row| {
        let (key, value) = row?;
        Ok((key.value().to_vec(), Zeroizing::new(value.value().to_vec())))
    })
    .collect()
}

/// The kinds whose rows are sealed.
pub(super) fn sealed_kinds() -> impl Iterator<Item = RecordKind> {
    RecordKind::ALL.into_iter().filter(|kind| is_sealed(*kind))
}

/// Whether rows of a kind are sealed: what nobody may read after the end.
pub(super) fn is_sealed(kind: RecordKind) -> bool {
    kind.keeping() == Keeping::UntilTheEnd
}

/// How many sealed rows each computation has. `None` where a row stands under a key that is none.
pub(super) fn sealed_rows(database: &Database) -> Result<Option<BTreeMap<ComputationId, u64>>, redb::Error> {
    let transaction = database.begin_read()?;
    let mut rows = BTreeMap::new();
    for kind in sealed_kinds() {
        for row in transaction.open_table(table_of(kind))?.iter()? {
            let Some(computation) = computation_of(row?.0.value()) else { return Ok(None) };
            *rows.entry(computation).or_default() += 1;
        }
    }
    Ok(Some(rows))
}

/// Takes out the rows that nobody can read any more.
pub(super) fn erase_lost(transaction: &redb::WriteTransaction, lost: &[LostKey]) -> Result<(), redb::Error> {
    let is_lost = |key: &[u8]| lost.iter().any(|lost| computation_of(key) == Some(lost.computation));
    for kind in sealed_kinds() {
        transaction.open_table(table_of(kind))?.retain(|key, _| !is_lost(key))?;
    }
    Ok(())
}

/// Reads rows on every processor: each holds signatures, which are checked again, and years of them would keep a
/// start waiting.
pub(super) fn decode(rows: &[(RecordKind, Row)], keys: &Keys) -> Result<Vec<Record>, String> {
    on_every_processor(rows, |(kind, row)| {
        decode_one(*kind, row, keys).map_err(|reason| format!("a record of kind {kind:?}: {reason}"))
    })
}

/// Does the same with each row, a run of them on every processor.
pub(super) fn on_every_processor<R: Sync, T: Send>(
    rows: &[R],
    read: impl Fn(&R) -> Result<T, String> + Sync,
) -> Result<Vec<T>, String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = rows.len().div_ceil(threads).max(ROWS_PER_THREAD_MIN);
    if rows.len() <= share {
        return rows.iter().map(&read).collect();
    }
    let read_some = |rows: &[R]| rows.iter().map(&read).collect::<Result<Vec<T>, String>>();
    std::thread::scope(|scope| {
        let parts: Vec<_> = rows.chunks(share).map(|rows| scope.spawn(|| read_some(rows))).collect();
        let mut records = Vec::with_capacity(rows.len());
        for part in parts {
            records.extend(part.join().map_err(|_| "a record cannot be read".to_owned())??);
        }
        Ok(records)
    })
}

fn decode_one(kind: RecordKind, (key, row): &Row, keys: &Keys) -> Result<Record, String> {
    if !is_sealed(kind) {
        return record_at(kind, key, row);
    }
    let row_key = computation_of(key).and_then(|computation| keys.get(computation));
    let row_key = row_key.ok_or("a row of a computation that has no key")?;
    let table = table_of(kind);
    record_at(kind, key, &opened(row, Place { table: table.name(), key }, row_key)?)
}
