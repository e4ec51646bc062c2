//! Giving space back: redb keeps what was erased as free pages, and doubles the file when it needs more.

use std::path::Path;
use std::time::Instant;

use redb::{CompactionError, Database};

use crate::domain::limits::STORE_COMPACTED_FROM_BYTES;

/// Makes the file smaller where more than half of it is free. A small file is not worth the time. Only at the opening: nobody may read
/// or write meanwhile.
pub(super) fn give_space_back(database: &mut Database, path: &Path) -> Result<(), redb::Error> {
    let before = std::fs::metadata(path)?.len();
    if before < STORE_COMPACTED_FROM_BYTES {
        return Ok(());
    }
    let transaction = database.begin_write()?;
    let stats = transaction.stats()?;
    transaction.abort()?;
    let used = stats.allocated_pages().saturating_mul(stats.page_size() as u64);
    if used > before / 2 {
        return Ok(());
    }
    let begun = Instant::now();
    database.compact().map_err(|error| match error {
        CompactionError::Storage(error) => redb::Error::from(error),
        other => redb::Error::from(other),
    })?;
    let (after, took_ms) = (std::fs::metadata(path)?.len(), begun.elapsed().as_millis());
    tracing::info!(store = %path.display(), before, after, took_ms, "the store gave free space back");
    Ok(())
}
