//! The keys of what is kept until a computation ends: one file a computation, `keys/<computation in hexadecimal>`.
//!
//! A file is durable before the first row that is sealed with it, and overwritten and unlinked once the last one is gone.
//! redb leaves what was erased in free pages; without the key that is noise. What a crash leaves in between is swept at
//! the next opening: a file without rows is destroyed, rows without a file are reported ([`LostKey`]).

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use rand::TryRng;
use rand::rngs::SysRng;
use zeroize::Zeroizing;

use super::error::StoreError;
use super::seal::RowKey;
use crate::domain::{ComputationId, Digest};

/// The folder of the keys, beside the store.
const FOLDER: &str = "keys";
/// The version of a key file, its first byte.
const FILE_VERSION: u8 = 1;
/// Bytes of a digest of the key: a damaged file is named as that, and not taken for damage of every row.
const CHECK_BYTES: usize = 8;
const FILE_BYTES: usize = 1 + 32 + CHECK_BYTES;

/// A computation whose rows nobody can read any more, because their key is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key of computation {computation} {reason}: {}", path.display())]
pub struct LostKey {
    /// Which.
    pub computation: ComputationId,
    /// Where its key should be.
    pub path: PathBuf,
    /// Why it is none.
    pub reason: LossReason,
}

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LossReason {
    /// There is no such file.
    #[error("is missing")]
    Missing,
    /// The file is not what was written.
    #[error("is damaged")]
    Damaged,
}

impl LostKey {
    /// What follows, and what to do.
    pub fn hint(&self) -> String {
        "what this node held of that computation cannot be read: as a heavy node it ends it as `memory lost`, as a light \
         node it sends its report no more; everything else goes on. Where node.redb is put back from a backup, the \
         folder `keys` of the same moment belongs to it"
            .to_owned()
    }
}

/// The keys of the computations that have rows.
pub(super) struct Keys {
    folder: PathBuf,
    open: BTreeMap<ComputationId, OpenKey>,
    /// Their rows are gone; their files not yet.
    ended: BTreeSet<ComputationId>,
}

struct OpenKey {
    key: RowKey,
    rows: u64,
}

/// How many sealed rows came and went, by computation.
#[derive(Default)]
pub(super) struct Tally(BTreeMap<ComputationId, (u64, u64)>);

impl Tally {
    pub(super) fn came(&mut self, computation: ComputationId) {
        self.0.entry(computation).or_default().0 += 1;
    }

    pub(super) fn went(&mut self, computation: ComputationId) {
        self.0.entry(computation).or_default().1 += 1;
    }
}

impl Keys {
    /// The keys of these rows, counted by computation; and the computations whose key is not there. Every other key that
    /// lies in the folder is destroyed.
    pub(super) fn read(
        store: &Path,
        rows: &BTreeMap<ComputationId, u64>,
    ) -> Result<(Self, Vec<LostKey>), StoreError> {
        let folder = store.parent().unwrap_or(Path::new("")).join(FOLDER);
        let mut keys = Self { folder, open: BTreeMap::new(), ended: BTreeSet::new() };
        keys.sweep(rows)?;
        let mut lost = Vec::new();
        for (computation, rows) in rows {
            let (computation, path) = (*computation, keys.path(*computation));
            match read_key(&path, computation).map_err(|error| failed(&path, &error))? {
                Ok(key) => drop(keys.open.insert(computation, OpenKey { key, rows: *rows })),
                Err(reason) => lost.push(LostKey { computation, path, reason }),
            }
        }
        Ok((keys, lost))
    }

    pub(super) fn get(&self, computation: ComputationId) -> Option<&RowKey> {
        self.open.get(&computation).map(|open| &open.key)
    }

    /// Makes the keys that are missing among these. They are on the disk when this returns.
    pub(super) fn make(
        &mut self,
        computations: impl IntoIterator<Item = ComputationId>,
    ) -> Result<(), StoreError> {
        let missing: BTreeSet<_> =
            computations.into_iter().filter(|computation| !self.open.contains_key(computation)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        make_folder(&self.folder).map_err(|error| failed(&self.folder, &error))?;
        for computation in missing {
            let path = self.path(computation);
            // Of an earlier key that is not destroyed yet; nothing is sealed with it.
            destroy(&path).map_err(|error| failed(&path, &error))?;
            self.ended.remove(&computation);
            let key = RowKey::generate().map_err(|error| failed(&path, &io::Error::other(error)))?;
            write_key(&path, computation, &key).map_err(|error| failed(&path, &error))?;
            self.open.insert(computation, OpenKey { key, rows: 0 });
        }
        sync_folder(&self.folder).map_err(|error| failed(&self.folder, &error))
    }

    /// Takes note of what a commit has changed.
    pub(super) fn settle(&mut self, tally: &Tally) {
        for (computation, (came, went)) in &tally.0 {
            let Some(open) = self.open.get_mut(computation) else { continue };
            open.rows = (open.rows + came).saturating_sub(*went);
            if open.rows == 0 {
                self.open.remove(computation);
                self.ended.insert(*computation);
            }
        }
    }

    /// Destroys the key of one that has ended; whether there may be more.
    pub(super) fn destroy_one_ended(&mut self) -> Result<bool, StoreError> {
        let mut stuck = None;
        // One that cannot be destroyed does not keep the others.
        for computation in self.ended.clone() {
            let path = self.path(computation);
            match destroy(&path) {
                Ok(()) => {
                    self.ended.remove(&computation);
                    return Ok(true);
                }
                Err(error) => stuck = Some(failed(&path, &error)),
            }
        }
        stuck.map_or(Ok(false), Err)
    }

    pub(super) fn has_ended(&self) -> bool {
        !self.ended.is_empty()
    }

    fn path(&self, computation: ComputationId) -> PathBuf {
        self.folder.join(HEXLOWER.encode(computation.as_bytes()))
    }

    /// Closes the folder to others, and destroys what no row needs.
    fn sweep(&self, rows: &BTreeMap<ComputationId, u64>) -> Result<(), StoreError> {
        let listed = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries.collect::<Result<Vec<_>, _>>(),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => Err(error),
        };
        let entries = listed.map_err(|error| failed(&self.folder, &error))?;
        close(&self.folder, 0o700).map_err(|error| failed(&self.folder, &error))?;
        for entry in entries {
            let name = entry.file_name();
            // Whatever has another name is not ours.
            let Some(computation) = name.to_str().and_then(computation_of) else { continue };
            let path = entry.path();
            let settled = if rows.contains_key(&computation) { close(&path, 0o600) } else { destroy(&path) };
            settled.map_err(|error| failed(&path, &error))?;
        }
        Ok(())
    }
}

/// Destroys every key beside a store that is to be removed, and their folder.
///
/// # Errors
/// What the operating system refuses.
pub fn destroy_keys(folder: &Path) -> io::Result<()> {
    let folder = folder.join(FOLDER);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries.collect::<Result<Vec<_>, _>>()?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        if entry.file_name().to_str().and_then(computation_of).is_some() {
            destroy(&entry.path())?;
        }
    }
    match std::fs::remove_dir(&folder) {
        // Somebody else's files.
        Err(error) if error.kind() != ErrorKind::DirectoryNotEmpty => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn computation_of(name: &str) -> Option<ComputationId> {
    let bytes: [u8; 32] = HEXLOWER.decode(name.as_bytes()).ok()?.try_into().ok()?;
    Some(ComputationId::from_digest(Digest::from_bytes(bytes)))
}

fn check_of(computation: ComputationId, key: &RowKey) -> [u8; CHECK_BYTES] {
    let digest = Digest::of("formix-p2p/row-key/1", &[computation.as_bytes(), key.expose()]);
    digest.as_bytes().first_chunk().copied().unwrap_or_default()
}

fn read_key(path: &Path, computation: ComputationId) -> io::Result<Result<RowKey, LossReason>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Err(LossReason::Missing)),
        Err(error) => return Err(error),
    };
    // Room for one byte more than there may be, so that nothing is reallocated.
    let mut bytes = Zeroizing::new(Vec::with_capacity(FILE_BYTES + 1));
    file.take(FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    let key = bytes.strip_prefix(&[FILE_VERSION]).and_then(|rest| {
        let (key, check) = rest.split_first_chunk::<32>()?;
        let key = RowKey::from_bytes(key);
        (check_of(computation, &key) == check).then_some(key)
    });
    Ok(key.ok_or(LossReason::Damaged))
}

fn write_key(path: &Path, computation: ComputationId, key: &RowKey) -> io::Result<()> {
    let check = check_of(computation, key);
    let bytes = Zeroizing::new([&[FILE_VERSION], key.expose().as_slice(), &check].concat());
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(&bytes)?;
    file.sync_all()
}

/// Overwrites a key with random bytes, waits for the disk, and unlinks it. One that is not there is destroyed.
fn destroy(path: &Path) -> io::Result<()> {
    let mut file = match OpenOptions::new().write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut noise = [0; FILE_BYTES];
    SysRng.try_fill_bytes(&mut noise).map_err(io::Error::other)?;
    file.write_all(&noise)?;
    file.sync_all()?;
    std::fs::remove_file(path)
}

fn make_folder(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => folder.parent().map_or(Ok(()), sync_folder),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Takes from others what a copy or a careless hand has given them.
fn close(path: &Path, mode: u32) -> io::Result<()> {
    let found = std::fs::metadata(path)?.mode() & 0o777;
    if found & 0o077 != 0 {
        tracing::warn!(path = %path.display(), mode = %format!("{found:o}"), "others could read this; now they cannot");
        std::fs::set_permissions(path, Permissions::from_mode(mode))?;
    }
    Ok(())
}

fn failed(path: &Path, error: &io::Error) -> StoreError {
    StoreError::Io { path: path.to_owned(), reason: error.to_string() }
}
