//! One node's folder: where its files are, and the lock that keeps a second process from running the same node.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::error::HomeError;
use super::keys::Keys;
use crate::config::private_file;

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
    /// `IdentityMissing`, `IdentityExposed`, `IdentityDamaged` or `NotReadable`.
    pub fn load_keys(&self) -> Result<Keys, HomeError> {
        let keys = Keys::read(&self.identity_path())?;
        if keys.peer().uid().to_string() == self.uid {
            return Ok(keys);
        }
        let reason = "it is the identity of another node than the folder's name says";
        Err(HomeError::IdentityDamaged { path: self.identity_path(), reason })
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
