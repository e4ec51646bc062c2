//! Which of two commits counts. redb's header holds the last two, each under a checksum, and one bit without a checksum
//! that says which. A flip of that bit would take back a commit that others have heard of: a report could be made twice.
//!
//! After a two-phase commit redb follows the bit. So where the other commit is the newer one and its checksum holds (the
//! bit was flipped, or the process died before it was set), this clears the mark of the two phases, and redb itself takes
//! the newest commit whose pages all verify. That is never too old: nothing is sent before the bit is set. The layout of
//! the header is that of redb's file format 3 (`docs/design.md` there).

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use twox_hash::XxHash3_128;

/// The header's flags.
const FLAGS_AT: u64 = 9;
/// Which slot counts.
const PRIMARY: u8 = 1;
/// The slot that counts was committed in two phases.
const TWO_PHASES: u8 = 4;
const SLOTS_AT: [usize; 2] = [64, 192];
const HEADER_BYTES: usize = 320;
/// Parts of a slot: its commit's number, its checksum, its end.
const NUMBER_AT: usize = 104;
const CHECKSUM_AT: usize = 112;
const SLOT_BYTES: usize = 128;

/// Lets redb choose the newest commit where the header names an older one. Says whether it did.
///
/// # Errors
/// What the operating system says.
pub(super) fn let_the_newest_count(path: &Path) -> io::Result<bool> {
    let file = File::options().read(true).write(true).open(path)?;
    // Whoever has it open is in the middle of a commit perhaps; redb will refuse to open it.
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(false),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let changed = clear_where_needed(&file);
    // Not left to closing: a process that is being started at this moment would hold a copy, and the lock with it.
    file.unlock()?;
    changed
}

fn clear_where_needed(file: &File) -> io::Result<bool> {
    let mut header = [0; HEADER_BYTES];
    match file.read_exact_at(&mut header, 0) {
        // Too short to be a store: redb says so.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
        read => read?,
    }
    let Some(flags) = flags_that_choose(&header) else { return Ok(false) };
    file.write_all_at(&[flags], FLAGS_AT)?;
    file.sync_data()?;
    Ok(true)
}

/// The flags that make redb compare the slots; nothing where that is not needed, or a checksum does not hold.
fn flags_that_choose(header: &[u8; HEADER_BYTES]) -> Option<u8> {
    let flags = header.get(usize::try_from(FLAGS_AT).ok()?)?;
    let [first, second] = SLOTS_AT.map(|at| commit_number(header.get(at..at + SLOT_BYTES)?));
    let (counts, other) = if flags & PRIMARY == 0 { (first?, second?) } else { (second?, first?) };
    (other > counts && flags & TWO_PHASES != 0).then_some(flags & !TWO_PHASES)
}

/// A slot's number; nothing where its checksum does not hold.
fn commit_number(slot: &[u8]) -> Option<u64> {
    let (body, checksum) = (slot.get(..CHECKSUM_AT)?, slot.get(CHECKSUM_AT..SLOT_BYTES)?);
    let holds = XxHash3_128::oneshot(body).to_le_bytes() == checksum;
    let number = body.get(NUMBER_AT..)?.first_chunk()?;
    holds.then(|| u64::from_le_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ComputationId, Failure, PeerId, Timestamp};
    use crate::store::{Change, Memory, Store, StoreError};
    use crate::wire::Record;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn owner() -> PeerId {
        crate::wire::Identity::from_secret_key(&[1; 32]).peer()
    }

    fn record(number: u8) -> Record {
        let computation = ComputationId::of_body(&[number]);
        Record::Failed { computation, failure: Failure::NoContact, notice: None, at: NOW }
    }

    /// What the file of a running node holds after each of some commits: as a crash leaves it.
    fn crashed(folder: &Path) -> Vec<Vec<u8>> {
        let path = folder.join("running.redb");
        let store = Store::create(&path, owner(), Memory::SinceBirth, NOW).unwrap();
        let commits = (0..8).map(|number| {
            store.apply(&[Change::Put(Box::new(record(number)))]).unwrap();
            std::fs::read(&path).unwrap()
        });
        commits.collect()
    }

    fn records_of(folder: &Path, bytes: &[u8]) -> Result<usize, StoreError> {
        let path = folder.join("node.redb");
        std::fs::write(&path, bytes).unwrap();
        Ok(Store::open(&path, owner())?.load()?.len())
    }

    #[test]
    fn no_value_of_the_flags_takes_a_commit_back() {
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let whole = crashed(folder.path()).pop().unwrap();
        for flips in 0..=u8::MAX {
            let mut bytes = whole.clone();
            bytes[9] ^= flips;
            match records_of(folder.path(), &bytes) {
                Ok(8) | Err(StoreError::Damaged { .. }) => {}
                other => panic!("flags ^ {flips}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_commit_that_was_cut_short_is_whole_or_gone() {
        let folder = tempfile::tempdir().unwrap();
        let files = crashed(folder.path());
        let at = (1..8).rev().find(|at| files[at - 1].len() == files[*at].len()).unwrap();
        let (before, after) = (&files[at - 1], &files[at]);
        // Everything is on the disk but the bit.
        let mut unnamed = after.clone();
        unnamed[9] ^= PRIMARY;
        assert_eq!(records_of(folder.path(), &unnamed).unwrap(), at + 1);
        // The slot is on the disk, and some of its pages are not.
        let mut torn = unnamed.clone();
        torn[HEADER_BYTES..].copy_from_slice(&before[HEADER_BYTES..]);
        assert_eq!(records_of(folder.path(), &torn).unwrap(), at);
    }

    #[test]
    fn a_slot_whose_checksum_does_not_hold_is_not_compared() {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = crashed(folder.path()).pop().unwrap();
        let counts = SLOTS_AT[usize::from(bytes[9] & PRIMARY)];
        // The slot that counts seems to be the older one.
        bytes[counts + NUMBER_AT..counts + CHECKSUM_AT].fill(0);
        let refused = records_of(folder.path(), &bytes).unwrap_err();
        assert!(matches!(refused, StoreError::Damaged { .. }), "{refused}");
    }

    /// The figure in `docs/TESTING.md`.
    #[test]
    fn looking_costs_next_to_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.redb");
        std::fs::write(&path, crashed(folder.path()).pop().unwrap()).unwrap();
        let begun = std::time::Instant::now();
        (0..1_000).for_each(|_| assert!(!let_the_newest_count(&path).unwrap()));
        let micros = begun.elapsed().as_micros() / 1_000;
        eprintln!("looking at the header: {micros} microseconds");
        assert!(micros < 5_000);
    }

    #[test]
    fn whoever_has_it_open_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.redb");
        let store = Store::create(&path, owner(), Memory::SinceBirth, NOW).unwrap();
        assert!(!let_the_newest_count(&path).unwrap());
        drop(store);
        assert!(!let_the_newest_count(&path).unwrap());
    }
}
