//! What can be wrong with a store, and the way out of it.

use std::path::PathBuf;

use crate::domain::PeerId;

/// Why a store cannot be made, opened, read or written. Every variant names the file.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such file. Opening never makes one: an empty memory would be taken for a true one.
    #[error("there is no store at {}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// There is a file already where a store was to be made.
    #[error("{} exists already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Another process has it open.
    #[error("another process has {} open", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// It was written by a later release.
    #[error(
        "{} was made by a newer formix-p2p (schema version {found}); this one knows version {known}",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: u32,
        /// The latest version that this release reads.
        known: u32,
    },
    /// It was written by a release from before the first stable one, whose signed records this one cannot read.
    #[error(
        "{} was made by an older formix-p2p (schema version {found}), whose records version {known} cannot read",
        path.display()
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: u32,
        /// The version that this release reads.
        known: u32,
    },
    /// It holds the memory of another node.
    #[error("{} is the store of node {}, not of node {}", path.display(), found.uid(), expected.uid())]
    OtherOwner {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        found: PeerId,
        /// Whose it should be.
        expected: PeerId,
    },
    /// Its bytes are not what was written.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit; never the content.
        reason: String,
    },
    /// The operating system refused to read or write; after this the store must be opened anew.
    #[error("cannot use {}: {reason}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        reason: String,
    },
}

impl StoreError {
    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Missing { .. } => "restore it from a backup, or start the node to make a new one; then it \
                                     declines questions that are older than its memory"
                .to_owned(),
            Self::Exists { .. } => "open it instead, or move it aside".to_owned(),
            Self::InUse { .. } => "stop the other process; `formix-p2p stop` stops a node".to_owned(),
            Self::Newer { .. } => {
                "use the newer formix-p2p; an older one would lose what it does not know".to_owned()
            }
            Self::Older { path, .. } => format!(
                "finish what runs with the older release, then move the file aside (mv {0} {0}.old): the node keeps its \
                 identity, starts with an empty memory and declines questions that are older than it",
                path.display()
            ),
            Self::OtherOwner { .. } => {
                "put each node's files back into its own folder; a store belongs to one identity".to_owned()
            }
            Self::Damaged { path, .. } => format!(
                "restore {0} from a backup of this node, or move it aside (mv {0} {0}.damaged): the node then starts \
                 with an empty memory, declines questions that are older than it, and as a heavy node fails what \
                 was open",
                path.display()
            ),
            Self::Io { .. } => {
                "check the permissions and the free space there, then start the node again".to_owned()
            }
        }
    }
}
