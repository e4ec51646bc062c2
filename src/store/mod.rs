//! What a node remembers, in one redb file: every change durable before the call returns, nothing lost in a crash,
//! nothing guessed after damage.
//!
//! Calls block. Whoever has many changes hands them over at once: one `apply` is one transaction and one flush.
//! Commits are in two phases and carry the allocator's state, so that opening after a crash is quick and a crash
//! during that opening loses nothing either.
//!
//! What must be unreadable once a computation has ended (shares, ρ, partial sums) is sealed with a key of its own, which
//! stands in a file beside the store and is destroyed at the end: redb leaves erased rows in free pages.

mod compaction;
mod error;
#[cfg(test)]
mod full_disk_tests;
mod keys;
mod peers;
mod recall;
mod rows;
mod seal;
mod shelf;
mod slots;
mod tables;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock};

use redb::{
    Builder, Database, DatabaseError, ReadableDatabase, StorageError, TableHandle as _, WriteTransaction,
};
use serde::{Deserialize, Serialize};

pub use error::StoreError;
pub use keys::{LossReason, LostKey, destroy_keys};
pub use peers::KnownPeer;

use crate::domain::{PeerId, Timestamp};
use crate::wire::{self, Record, RecordKey, RecordKind};
use keys::{Keys, Tally};
use peers::KnownPeers;
use rows::{is_sealed, rows_of};
use seal::Place;
use tables::{META, PEERS, SCHEMA_VERSION, from_row, key_bytes, table_of, to_row, to_sealed_row};

/// Pages that redb keeps in memory, in bytes. The protocol reads everything once, at the start, and what was written last is what is
/// read next. More would fill with pages that nobody reads again, for hours, and leave holes between everything else in memory.
const CACHE_BYTES: usize = 1024 * 1024;

/// How far back a new store's memory reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// The identity was made together with this store: there is nothing earlier to remember.
    SinceBirth,
    /// The identity is older: the store remembers only from now on.
    Since,
}

/// One change to what is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Remember this, in the place of what has the same key.
    Put(Box<Record>),
    /// Forget what has this key; without a peer, every record of its kind and computation.
    Erase(RecordKey),
}

/// One node's memory.
pub struct Store {
    database: Database,
    path: PathBuf,
    memory_since: Option<Timestamp>,
    peers: Mutex<KnownPeers>,
    /// Rows are opened on several threads at once.
    keys: RwLock<Keys>,
    lost: Vec<LostKey>,
}

/// How far back the memory reaches, as written.
#[derive(Serialize, Deserialize)]
struct StoredMemory {
    since: Option<Timestamp>,
}

impl Store {
    /// Makes a store for this node. It stands at `path` only once it is complete.
    ///
    /// # Errors
    /// `Exists`, or `Io`.
    pub fn create(path: &Path, owner: PeerId, memory: Memory, now: Timestamp) -> Result<Self, StoreError> {
        let io = |error: std::io::Error| StoreError::Io { path: path.to_owned(), reason: error.to_string() };
        if path.try_exists().map_err(io)? {
            return Err(StoreError::Exists { path: path.to_owned() });
        }
        let unfinished = path.with_extension("redb.new");
        // What a crash has left of an earlier attempt holds nothing: it never stood at `path`.
        match std::fs::remove_file(&unfinished) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
            Ok(()) | Err(_) => {}
        }
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).mode(0o600).open(&unfinished).map_err(io)?;
        let failed = |error: redb::Error| failure(path, error);
        let database =
            Builder::new().set_cache_size(CACHE_BYTES).create_file(file).map_err(|e| failed(e.into()))?;
        let memory_since = match memory {
            Memory::SinceBirth => None,
            Memory::Since => Some(now),
        };
        write_new(&database, owner, memory_since).map_err(failed)?;
        // Keys of a store that was moved aside open nothing here.
        let (keys, _) = Keys::read(path, &BTreeMap::new())?;
        std::fs::rename(&unfinished, path).map_err(io)?;
        if let Some(folder) = path.parent() {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
        }
        let (path, peers, keys) = (path.to_owned(), Mutex::default(), RwLock::new(keys));
        Ok(Self { database, path, memory_since, peers, keys, lost: Vec::new() })
    }

    /// Opens this node's store and checks every page of it.
    ///
    /// # Errors
    /// `Missing`, `InUse`, `Newer`, `OtherOwner`, `Damaged` or `Io`.
    pub fn open(path: &Path, owner: PeerId) -> Result<Self, StoreError> {
        // redb checks what it reads, and still a damaged page may make it panic: that is damage as well. Nothing
        // that the closure touches outlives the panic.
        let opened = catch_unwind(AssertUnwindSafe(|| Self::open_checked(path, owner)));
        opened.unwrap_or_else(|_| Err(damaged(path, "it cannot be read")))
    }

    fn open_checked(path: &Path, owner: PeerId) -> Result<Self, StoreError> {
        if slots::let_the_newest_count(path)
            .map_err(|error| opening_failure(path, StorageError::Io(error).into()))?
        {
            tracing::warn!(store = %path.display(), "the store did not name its newest commit; the newest that is whole counts");
        }
        let mut builder = Builder::new();
        builder.set_cache_size(CACHE_BYTES);
        let mut database = builder.open(path).map_err(|error| opening_failure(path, error))?;
        // Two-phase commits leave nothing half written, so a page that does not match its checksum is damage, and
        // redb says so instead of going back to an older state.
        if !database.check_integrity().map_err(|error| opening_failure(path, error))? {
            tracing::warn!(store = %path.display(), "the store's bookkeeping was rebuilt; its content is intact");
        }
        let (found, memory) = read_meta(&database, path)?;
        if found != owner {
            return Err(StoreError::OtherOwner { path: path.to_owned(), found, expected: owner });
        }
        compaction::give_space_back(&mut database, path).map_err(|error| failure(path, error))?;
        let stored: Vec<KnownPeer> = rows_of(&database, PEERS)
            .map_err(|error| failure(path, error))?
            .iter()
            .map(|(_, row)| from_row(row))
            .collect::<Result<_, _>>()
            .map_err(|reason| damaged(path, &format!("a known peer: {reason}")))?;
        let peers = Mutex::new(KnownPeers::from_stored(stored));
        let sealed = rows::sealed_rows(&database).map_err(|error| failure(path, error))?;
        let sealed = sealed.ok_or_else(|| damaged(path, "a row whose key names no computation"))?;
        let (keys, lost) = Keys::read(path, &sealed)?;
        if !lost.is_empty() {
            in_transaction(&database, |transaction| rows::erase_lost(transaction, &lost))
                .map_err(|error| failure(path, error))?;
        }
        let (path, keys) = (path.to_owned(), RwLock::new(keys));
        Ok(Self { database, path, memory_since: memory.since, peers, keys, lost })
    }

    /// The computations that can no longer be read, because their key is gone. [`Self::load`] gives nothing of theirs that is
    /// kept until the end.
    pub fn lost(&self) -> &[LostKey] {
        &self.lost
    }

    /// Since when this store remembers; `None` when that is since the identity was made.
    pub const fn memory_since(&self) -> Option<Timestamp> {
        self.memory_since
    }

    /// Everything that a node takes up when it starts, by kind and key: all but what only [`Self::recall`] gives.
    ///
    /// # Errors
    /// `Damaged` when one record cannot be read: it is not left out. `Io`.
    pub fn load(&self) -> Result<Vec<Record>, StoreError> {
        self.load_kinds(|_| true)
    }

    /// Everything but the reports that are held, and receipts for them: they are many, and are read back when they are
    /// needed ([`Self::each_held`], [`Self::shares`], [`Self::record`]).
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_but_reports(&self) -> Result<Vec<Record>, StoreError> {
        self.load_kinds(|kind| !matches!(kind, RecordKind::Held | RecordKind::Receipts))
    }

    fn load_kinds(&self, wanted: impl Fn(RecordKind) -> bool) -> Result<Vec<Record>, StoreError> {
        let rows = recall::rows_to_load(&self.database, wanted).map_err(|error| self.failed(error))?;
        self.with_keys(|keys| rows::decode(&rows, keys)).map_err(|reason| damaged(&self.path, &reason))
    }

    fn with_keys<T>(&self, act: impl FnOnce(&Keys) -> T) -> T {
        act(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes these changes, in order, all or none. They are on the disk when this returns.
    ///
    /// # Errors
    /// `Io`, for instance when the disk is full; the store must then be opened anew.
    pub fn apply(&self, changes: &[Change]) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let sealed = changes.iter().filter_map(|change| match change {
            Change::Put(record) => Some(record.key()).filter(|key| is_sealed(key.kind)),
            Change::Erase(_) => None,
        });
        keys.make(sealed.map(|key| key.computation))?;
        let mut tally = Tally::default();
        self.write(|transaction| write_changes(transaction, changes, &keys, &mut tally))?;
        keys.settle(&tally);
        Ok(())
    }

    /// Whether there are keys of computations that have ended, for [`Self::destroy_ended_keys`].
    pub fn has_ended_keys(&self) -> bool {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).has_ended()
    }

    /// Destroys the keys of computations of which every sealed row is erased: what redb has left of those in free pages
    /// is then noise. Nothing waits for this; what a crash leaves undone is done at the next opening.
    ///
    /// # Errors
    /// `Io`: the key may still be there, and the next call tries again.
    pub fn destroy_ended_keys(&self) -> Result<(), StoreError> {
        // One by one, so that whoever writes waits for one at most.
        while self.keys.write().unwrap_or_else(PoisonError::into_inner).destroy_one_ended()? {}
        Ok(())
    }

    /// Remembers one peer: [`Self::remember_peers`].
    ///
    /// # Errors
    /// `Io`.
    pub fn remember_peer(&self, peer: &KnownPeer) -> Result<(), StoreError> {
        self.remember_peers(std::slice::from_ref(peer))
    }

    /// Remembers peers, in the place of what was known of them, in one transaction. Those unseen for longest go when
    /// there are more than [`crate::domain::limits::KNOWN_PEERS_MAX`].
    ///
    /// # Errors
    /// `Io`.
    pub fn remember_peers(&self, met: &[KnownPeer]) -> Result<(), StoreError> {
        if met.is_empty() {
            return Ok(());
        }
        // What is in memory follows what is on the disk, so a failure or a panic in between leaves it valid.
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = peers.clone();
        let gone: Vec<PeerId> = met.iter().filter_map(|peer| next.put(peer.clone())).collect();
        self.write(|transaction| {
            let mut table = transaction.open_table(PEERS)?;
            for peer in &gone {
                table.remove(peer.public_key().as_slice())?;
            }
            for kept in met.iter().filter_map(|peer| next.get(&peer.peer)) {
                table.insert(kept.peer.public_key().as_slice(), to_row(kept).as_slice())?;
            }
            Ok(())
        })?;
        *peers = next;
        Ok(())
    }

    /// Every remembered peer, the one seen last first.
    pub fn known_peers(&self) -> Vec<KnownPeer> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner).by_last_seen()
    }

    fn write(
        &self,
        change: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(), StoreError> {
        in_transaction(&self.database, change).map_err(|error| self.failed(error))
    }

    fn failed(&self, error: redb::Error) -> StoreError {
        failure(&self.path, error)
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Change {
    fn kind(&self) -> RecordKind {
        match self {
            Self::Put(record) => record.key().kind,
            Self::Erase(key) => key.kind,
        }
    }
}

fn in_transaction(
    database: &Database,
    change: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
) -> Result<(), redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_two_phase_commit(true);
    transaction.set_quick_repair(true);
    change(&transaction)?;
    Ok(transaction.commit()?)
}

/// Changes to different tables commute; within a table their order is kept.
fn write_changes(
    transaction: &WriteTransaction,
    changes: &[Change],
    keys: &Keys,
    tally: &mut Tally,
) -> Result<(), redb::Error> {
    for kind in RecordKind::ALL {
        let mut of_kind = changes.iter().filter(|change| change.kind() == kind).peekable();
        if of_kind.peek().is_none() {
            continue;
        }
        let definition = table_of(kind);
        let mut table = transaction.open_table(definition)?;
        for change in of_kind {
            match change {
                Change::Put(record) => {
                    let RecordKey { computation, .. } = record.key();
                    let key = key_bytes(&record.key());
                    if is_sealed(kind) {
                        let place = Place { table: definition.name(), key: &key };
                        let row = sealed_row(record, place, keys)?;
                        if table.insert(key.as_slice(), row.as_slice())?.is_none() {
                            tally.came(computation);
                        }
                    } else {
                        table.insert(key.as_slice(), to_row(record).as_slice())?;
                    }
                }
                Change::Erase(key) => {
                    // Without a peer it stands for every row that begins with it.
                    let (first, mut gone) = (key_bytes(key), 0);
                    let last = [first.as_slice(), &[0xff; 33]].concat();
                    table.retain_in(first.as_slice()..=last.as_slice(), |_, _| {
                        gone += 1;
                        false
                    })?;
                    if is_sealed(kind) {
                        (0..gone).for_each(|_| tally.went(key.computation));
                    }
                }
            }
        }
    }
    Ok(())
}

fn sealed_row(record: &Record, place: Place<'_>, keys: &Keys) -> Result<Vec<u8>, redb::Error> {
    let failed = |reason: String| redb::Error::Io(std::io::Error::other(reason));
    // Made before the transaction began.
    let key = keys.get(record.key().computation).ok_or_else(|| failed("a row without a key".to_owned()))?;
    to_sealed_row(record, place, key).map_err(|error| failed(error.to_string()))
}

fn write_new(database: &Database, owner: PeerId, since: Option<Timestamp>) -> Result<(), redb::Error> {
    in_transaction(database, |transaction| {
        let mut meta = transaction.open_table(META)?;
        meta.insert("schema_version", SCHEMA_VERSION.to_be_bytes().as_slice())?;
        meta.insert("owner", wire::to_bytes(&owner).as_slice())?;
        meta.insert("memory", wire::to_bytes(&StoredMemory { since }).as_slice())?;
        transaction.open_table(PEERS)?;
        for kind in RecordKind::ALL {
            transaction.open_table(table_of(kind))?;
        }
        Ok(())
    })
}

fn read_meta(database: &Database, path: &Path) -> Result<(PeerId, StoredMemory), StoreError> {
    let failed = |error: redb::Error| failure(path, error);
    let transaction = database.begin_read().map_err(|error| failed(error.into()))?;
    let meta = transaction.open_table(META).map_err(|error| failed(error.into()))?;
    let read = |key: &str| -> Result<Vec<u8>, StoreError> {
        let value = meta.get(key).map_err(|error| failed(error.into()))?;
        value
            .map(|bytes| bytes.value().to_vec())
            .ok_or_else(|| damaged(path, &format!("it does not say its {key}")))
    };
    // The version first: a later schema may keep the rest in another form.
    let version = <[u8; 4]>::try_from(read("schema_version")?.as_slice()).map(u32::from_be_bytes);
    match version {
        Ok(SCHEMA_VERSION) => {}
        Ok(found) if found > SCHEMA_VERSION => {
            return Err(StoreError::Newer { path: path.to_owned(), found, known: SCHEMA_VERSION });
        }
        Ok(found) if found > 0 => {
            return Err(StoreError::Older { path: path.to_owned(), found, known: SCHEMA_VERSION });
        }
        Ok(_) | Err(_) => return Err(damaged(path, "its schema version is not one")),
    }
    let unreadable = |error: wire::CodecError| damaged(path, &error.to_string());
    let owner = wire::from_bytes(&read("owner")?).map_err(unreadable)?;
    let memory = wire::from_bytes(&read("memory")?).map_err(unreadable)?;
    Ok((owner, memory))
}

fn damaged(path: &Path, reason: &str) -> StoreError {
    StoreError::Damaged { path: path.to_owned(), reason: reason.to_owned() }
}

fn opening_failure(path: &Path, error: DatabaseError) -> StoreError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::InUse { path: path.to_owned() },
        DatabaseError::Storage(StorageError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            StoreError::Missing { path: path.to_owned() }
        }
        other => failure(path, other.into()),
    }
}

/// Tells what the operating system refused from what the file does not hold.
fn failure(path: &Path, error: redb::Error) -> StoreError {
    let reason = error.to_string();
    let path = path.to_owned();
    match error {
        // Reading beyond the end, and redb's own word for "this is not a database".
        redb::Error::Io(error)
            if matches!(error.kind(), std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::InvalidData) =>
        {
            StoreError::Damaged { path, reason }
        }
        redb::Error::Io(_)
        | redb::Error::PreviousIo
        | redb::Error::DatabaseClosed
        | redb::Error::Unsupported => StoreError::Io { path, reason },
        // Whatever else redb reports means that tables or pages are not what this module wrote.
        _ => StoreError::Damaged { path, reason },
    }
}
