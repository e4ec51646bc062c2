//! One node's folder: where its files are, and the lock that keeps a second process from running the same node.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::error::HomeError;
use super::keys::{self, Guard, Keys, Stored};
use crate::config::private_file;
use crate::domain::PeerId;
use crate::sharing::Secret;
use crate::store;

/// The longest path of a Unix socket: `sun_path` has 108 bytes, the last one is zero.
const SOCKET_PATH_BYTES_MAX: usize = 107;
/// How often a lock is tried before a node counts as running: half a second. A look takes microseconds; a process that
/// was killed takes some milliseconds to close its files.
const LOCK_TRIES: usize = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(5);
/// Everything that a node makes in its folder, and what a crash may leave behind. The identity goes last, so that
/// an interrupted removal can be repeated.
const FILES: [&str; 9] = [
    "control.sock",
    "node.redb.new",
    "node.redb",
    "logs.log",
    "logs.log.1",
    "logs.log.2",
    "node.toml",
    "identity.key",
    "node.lock",
];

/// One node's folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeFolder {
    uid: String,
    path: PathBuf,
}

/// Held for as long as a process runs a node; dropping it, or the end of the process, gives it back.
#[derive(Debug)]
pub struct NodeLock {
    _file: File,
}

/// Something of a node that others could read until now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposed {
    /// The file, or the folder itself.
    pub path: PathBuf,
    /// Its permissions until now.
    pub mode: u32,
}

/// What a removal leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// Nothing.
    Complete,
    /// The folder, because there are files in it that are not the node's.
    ForeignFilesLeft,
}

impl NodeFolder {
    pub(super) fn new(home: &Path, uid: String) -> Self {
        Self { path: home.join(&uid), uid }
    }

    /// Makes the folder and the identity in it.
    pub(super) fn create(home: &Path) -> Result<(Self, Keys), HomeError> {
        let keys = Keys::generate()?;
        let folder = Self::new(home, keys.peer().uid().to_string());
        let made = DirBuilder::new().mode(0o700).create(&folder.path);
        made.map_err(|error| not_writable(&folder.path, &error))?;
        keys.write(&folder.identity_path()).inspect_err(|_| {
            // An empty folder that nobody would know what to do with; the first error is the one to tell.
            let _ = std::fs::remove_dir(&folder.path);
        })?;
        Ok((folder, keys))
    }

    /// Whether this looks like a node's folder, and not like somebody else's.
    pub(super) fn holds_a_node(&self) -> bool {
        self.identity_path().is_file() || self.config_path().is_file()
    }

    /// The node's short name, which is the folder's.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `identity.key`.
    pub fn identity_path(&self) -> PathBuf {
        self.path.join("identity.key")
    }

    /// `node.redb`.
    pub fn store_path(&self) -> PathBuf {
        self.path.join("node.redb")
    }

    /// `logs.log`; older ones have a number behind.
    pub fn log_path(&self) -> PathBuf {
        self.path.join("logs.log")
    }

    /// `node.toml`.
    pub fn config_path(&self) -> PathBuf {
        self.path.join("node.toml")
    }

    /// `control.sock`.
    pub fn socket_path(&self) -> PathBuf {
        self.path.join("control.sock")
    }

    pub(super) fn check_socket_path(&self) -> Result<(), HomeError> {
        let path = self.socket_path();
        let (bytes, max) = (path.as_os_str().as_bytes().len(), SOCKET_PATH_BYTES_MAX);
        if bytes > max { Err(HomeError::SocketPathTooLong { path, bytes, max }) } else { Ok(()) }
    }

    /// Reads the node's keys.
    ///
    /// # Errors
    /// `IdentityMissing`, `IdentityExposed`, `IdentityDamaged`, `NotReadable`; `PassphraseNeeded`.
    pub fn load_keys(&self) -> Result<Keys, HomeError> {
        match self.stored()? {
            Stored::Plain(keys) => Ok(keys),
            Stored::Sealed(_) => Err(HomeError::PassphraseNeeded { path: self.identity_path() }),
        }
    }

    /// Reads the node's keys, with this passphrase if they are under one.
    ///
    /// # Errors
    /// As [`Self::load_keys`], but `Passphrase` where it is another one.
    pub fn unlock_keys(&self, passphrase: &Secret<String>) -> Result<Keys, HomeError> {
        match self.stored()? {
            Stored::Plain(keys) => Ok(keys),
            Stored::Sealed(sealed) => sealed.open(passphrase),
        }
    }

    /// The public half of the node's keys, which needs no passphrase.
    ///
    /// # Errors
    /// As [`Self::load_keys`], but for the passphrase.
    pub fn load_peer(&self) -> Result<PeerId, HomeError> {
        self.stored().map(|stored| stored.peer())
    }

    /// Puts the identity under a passphrase, or takes it off.
    ///
    /// # Errors
    /// `NotWritable`, `NoRandomness`; `IdentityDamaged` for another node's keys.
    pub fn guard_identity(&self, keys: &Keys, guard: &Guard) -> Result<(), HomeError> {
        if keys.peer() != self.load_peer()? {
            let reason = "it is the identity of another node";
            return Err(HomeError::IdentityDamaged { path: self.identity_path(), reason });
        }
        keys::replace(&self.identity_path(), keys, guard)
    }

    fn stored(&self) -> Result<Stored, HomeError> {
        let stored = Stored::read(&self.identity_path())?;
        if stored.peer().uid().to_string() == self.uid {
            return Ok(stored);
        }
        let reason = "it is the identity of another node than the folder's name says";
        Err(HomeError::IdentityDamaged { path: self.identity_path(), reason })
    }

    /// Takes from others what a copy, a backup or a careless hand has given them: the folder becomes 0700, every file of the
    /// node's 0600. Tells what was open. An exposed identity is no matter of this: [`Self::load_keys`] refuses it, because
    /// whoever has read it can be the node.
    ///
    /// # Errors
    /// `NotWritable`.
    pub fn close_to_others(&self) -> Result<Vec<Exposed>, HomeError> {
        let mut exposed = Vec::new();
        let files = FILES.map(|name| (self.path.join(name), 0o600));
        for (path, mode) in std::iter::once((self.path.clone(), 0o700)).chain(files) {
            let found = match std::fs::symlink_metadata(&path) {
                // A link's own permissions mean nothing, and what it points to is its owner's choice.
                Ok(metadata) if metadata.is_symlink() => continue,
                Ok(metadata) => metadata.mode() & 0o777,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(not_writable(&path, &error)),
            };
            if found & 0o077 != 0 {
                let closed = std::fs::set_permissions(&path, Permissions::from_mode(mode));
                closed.map_err(|error| not_writable(&path, &error))?;
                exposed.push(Exposed { path, mode: found });
            }
        }
        Ok(exposed)
    }

    /// Takes the node for this process.
    ///
    /// # Errors
    /// `Running` when a process has it, or `NotWritable`.
    pub fn lock(&self) -> Result<NodeLock, HomeError> {
        let file = self.open_lock()?;
        for _ in 0..LOCK_TRIES {
            if self.try_lock(&file, FlockOperation::NonBlockingLockExclusive)? {
                return Ok(NodeLock { _file: file });
            }
            std::thread::sleep(LOCK_PAUSE);
        }
        Err(HomeError::Running { uid: self.uid.clone() })
    }

    /// Whether a process runs this node. A start at the same moment is not disturbed.
    ///
    /// # Errors
    /// `NotReadable`.
    pub fn is_running(&self) -> Result<bool, HomeError> {
        let file = match File::open(self.lock_path()) {
            Ok(file) => file,
            // It was never started.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => {
                return Err(HomeError::NotReadable { path: self.lock_path(), reason: error.to_string() });
            }
        };
        Ok(!self.try_lock(&file, FlockOperation::NonBlockingLockShared)?)
    }

    /// Deletes a stopped node: its files, its identity, and the folder if nothing else is in it.
    ///
    /// # Errors
    /// `Running` or `NotWritable`.
    pub fn remove(self) -> Result<Removal, HomeError> {
        let _lock = self.lock()?;
        store::destroy_keys(&self.path).map_err(|error| not_writable(&self.path, &error))?;
        for file in self.unfinished_files()?.into_iter().chain(FILES.map(|name| self.path.join(name))) {
            match std::fs::remove_file(&file) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(not_writable(&file, &error)),
                Ok(()) | Err(_) => {}
            }
        }
        match std::fs::remove_dir(&self.path) {
            Ok(()) => Ok(Removal::Complete),
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => Ok(Removal::ForeignFilesLeft),
            Err(error) => Err(not_writable(&self.path, &error)),
        }
    }

    /// What a crash has left of files that were being written; there may be a key in it.
    fn unfinished_files(&self) -> Result<Vec<PathBuf>, HomeError> {
        let failed = |error: std::io::Error| HomeError::NotReadable {
            path: self.path.clone(),
            reason: error.to_string(),
        };
        let entries: Vec<_> = std::fs::read_dir(&self.path).and_then(Iterator::collect).map_err(failed)?;
        let paths = entries.iter().map(std::fs::DirEntry::path);
        let is_unfinished = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().as_bytes();
            name.starts_with(private_file::UNFINISHED.as_bytes())
        };
        Ok(paths.filter(is_unfinished).collect())
    }

    fn lock_path(&self) -> PathBuf {
        self.path.join("node.lock")
    }

    fn open_lock(&self) -> Result<File, HomeError> {
        let path = self.lock_path();
        let mut options = OpenOptions::new();
        let opened = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        opened.map_err(|error| not_writable(&path, &error))
    }

    fn try_lock(&self, file: &File, operation: FlockOperation) -> Result<bool, HomeError> {
        match flock(file, operation) {
            Ok(()) => Ok(true),
            Err(Errno::WOULDBLOCK) => Ok(false),
            Err(error) => Err(HomeError::NotReadable { path: self.lock_path(), reason: error.to_string() }),
        }
    }
}

pub(super) fn not_writable(path: &Path, error: &std::io::Error) -> HomeError {
    HomeError::NotWritable { path: path.to_owned(), reason: error.to_string() }
}
