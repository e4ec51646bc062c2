//! Guards against: a disk that is full at any one write, taking with it what was there before.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicUsize, Ordering};

use redb::StorageBackend;

use super::*;
use crate::domain::{ComputationId, Failure};
use crate::wire::Identity;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
/// Records that are there before the disk fills up, and that are written afterwards.
const BEFORE: u8 = 3;
const ALL: u8 = 9;

/// A file on a disk that takes so many more writes. What is flushed was written before.
#[derive(Debug)]
struct FullDisk {
    file: File,
    left: AtomicUsize,
}

impl FullDisk {
    fn take(&self) -> io::Result<()> {
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        taken.map(drop).map_err(|_| io::Error::from(io::ErrorKind::StorageFull))
    }
}

impl StorageBackend for FullDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(out, offset)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        if length > self.len()? {
            self.take()?;
        }
        self.file.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.take()?;
        self.file.write_all_at(data, offset)
    }
}

fn owner() -> PeerId {
    Identity::from_secret_key(&[1; 32]).peer()
}

fn record(number: u8) -> Record {
    let computation = ComputationId::of_body(&[number]);
    let entry = crate::wire::Entry { participant: owner(), manifest: crate::domain::Digest::of("test", &[]) };
    // Large ones make the file grow.
    match number % 2 {
        0 => Record::Members { computation, entries: vec![entry; 4_000] },
        _ => Record::Failed { computation, failure: Failure::NoContact, notice: None, at: NOW },
    }
}

fn put(store: &Store, number: u8) -> Result<(), StoreError> {
    store.apply(&[Change::Put(Box::new(record(number)))])
}

/// Writes until the disk is full, and gives how many records are promised, and whether it was full at all.
fn written_on(path: &Path, writes: usize) -> (u8, bool) {
    let file = File::options().read(true).write(true).open(path).unwrap();
    let disk = FullDisk { file, left: AtomicUsize::new(writes) };
    let Ok(database) = Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(disk) else {
        return (BEFORE, true);
    };
    let (keys, lost) = Keys::read(path, &BTreeMap::new()).unwrap();
    let (path, keys) = (path.to_owned(), RwLock::new(keys));
    let store = Store { database, path, memory_since: None, peers: Mutex::default(), keys, lost };
    for number in BEFORE..ALL {
        if let Err(error) = put(&store, number) {
            assert!(matches!(error, StoreError::Io { .. }), "after {writes} writes: {error}");
            assert!(error.to_string().contains("node.redb") && error.hint().contains("free space"), "{error}");
            assert!(put(&store, number).is_err(), "after {writes} writes it goes on with what may be damaged");
            return (number, true);
        }
    }
    (ALL, false)
}

#[test]
fn at_whichever_write_the_disk_is_full_nothing_is_lost() {
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let (path, fresh) = (folder.path().join("node.redb"), folder.path().join("fresh.redb"));
    let store = Store::create(&fresh, owner(), Memory::SinceBirth, NOW).unwrap();
    (0..BEFORE).for_each(|number| put(&store, number).unwrap());
    drop(store);
    let mut refusals = 0;
    for writes in 0.. {
        std::fs::copy(&fresh, &path).unwrap();
        let (promised, was_full) = written_on(&path, writes);
        let store = Store::open(&path, owner()).unwrap();
        let mut found = store.load().unwrap();
        found.sort_by_key(Record::key);
        let expected = |count: u8| {
            let mut records: Vec<_> = (0..count).map(record).collect();
            records.sort_by_key(Record::key);
            records
        };
        // What could not be promised is there whole or not at all.
        let whole = found == expected(promised) || (was_full && found == expected(promised + 1));
        assert!(whole, "after {writes} writes: {} records, and {promised} were promised", found.len());
        (promised..ALL).for_each(|number| put(&store, number).unwrap());
        if !was_full {
            break;
        }
        refusals += 1;
    }
    assert!(refusals > 20, "{refusals}");
}
