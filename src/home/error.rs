//! What can be wrong with the home folder and the nodes in it.

use std::path::PathBuf;

use super::reference::Unresolved;

/// Nodes that a hint lists.
const KNOWN_SHOWN_MAX: usize = 8;

/// Why a home or a node's folder cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HomeError {
    /// There is no home folder of the user to put it in.
    #[error("no folder for the nodes: neither --home nor FORMIX_HOME nor HOME is set")]
    NoHome,
    /// The folder cannot be made or written.
    #[error("cannot write to {}: {reason}", path.display())]
    NotWritable {
        /// The folder or file.
        path: PathBuf,
        /// What the operating system said.
        reason: String,
    },
    /// Something in it cannot be read.
    #[error("cannot read {}: {reason}", path.display())]
    NotReadable {
        /// The folder or file.
        path: PathBuf,
        /// What the operating system said.
        reason: String,
    },
    /// A socket's path is longer than the operating system takes.
    #[error("the path {} has {bytes} bytes; a socket's path may have {max}", path.display())]
    SocketPathTooLong {
        /// The control socket's path.
        path: PathBuf,
        /// Its length.
        bytes: usize,
        /// The longest that works.
        max: usize,
    },
    /// The node has no identity file.
    #[error("there is no identity at {}", path.display())]
    IdentityMissing {
        /// The file.
        path: PathBuf,
    },
    /// The identity file is not one.
    #[error("the identity {} is damaged: {reason}", path.display())]
    IdentityDamaged {
        /// The file.
        path: PathBuf,
        /// What does not fit; never the key.
        reason: &'static str,
    },
    /// Others may read the identity.
    #[error("others may read the identity {} (mode {mode:o})", path.display())]
    IdentityExposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The identity is under a passphrase, and none was given.
    #[error("the identity {} is under a passphrase", path.display())]
    PassphraseNeeded {
        /// The file.
        path: PathBuf,
    },
    /// It is under another passphrase, or the file was changed.
    #[error("the passphrase does not open the identity")]
    Passphrase,
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness: {0}")]
    NoRandomness(String),
    /// A process runs this node.
    #[error("node {uid} is running")]
    Running {
        /// Which node.
        uid: String,
    },
    /// No node is called so.
    #[error("no node `{typed}`")]
    NoSuchNode {
        /// What was typed.
        typed: String,
        /// The UIDs and names that there are.
        known: Vec<String>,
    },
    /// Several nodes are called so.
    #[error("`{typed}` may be {}", candidates.join(", "))]
    Ambiguous {
        /// What was typed.
        typed: String,
        /// The UIDs and names that it fits.
        candidates: Vec<String>,
    },
}

impl HomeError {
    /// For what somebody typed.
    pub fn of_reference(typed: &str, unresolved: Unresolved) -> Self {
        let typed = typed.to_owned();
        match unresolved {
            Unresolved::Unknown(known) => Self::NoSuchNode { typed, known },
            Unresolved::Ambiguous(candidates) => Self::Ambiguous { typed, candidates },
        }
    }

    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::NoHome => "say --home DIR".to_owned(),
            Self::NotWritable { .. } | Self::NotReadable { .. } => {
                "check the permissions and the free space there, or choose another --home".to_owned()
            }
            Self::SocketPathTooLong { .. } => "choose a shorter --home".to_owned(),
            Self::IdentityMissing { .. } => {
                "restore the file from a backup, or remove the node and start a new one".to_owned()
            }
            Self::IdentityDamaged { .. } => {
                "restore the file from a backup; without it the node cannot be what it was, so start a new one"
                    .to_owned()
            }
            Self::IdentityExposed { path, .. } => format!("chmod 600 {}", path.display()),
            Self::PassphraseNeeded { .. } => {
                "say --passphrase-file FILE, or run the command on a terminal and type it".to_owned()
            }
            Self::Passphrase => {
                "try again: no other identity was made. Without the passphrase only a backup of identity.key \
                                 from before it was set helps, or a new node"
                    .to_owned()
            }
            Self::NoRandomness(_) => "nothing safe can be done without it; check the system".to_owned(),
            Self::Running { uid } => format!("stop it first: formix-p2p stop {uid}"),
            Self::NoSuchNode { known, .. } if known.is_empty() => {
                "there is none here yet; make one with `formix-p2p start`, or name another --home".to_owned()
            }
            Self::NoSuchNode { known, .. } => {
                let shown: Vec<_> = known.iter().take(KNOWN_SHOWN_MAX).map(String::as_str).collect();
                let rest = if known.len() > shown.len() { " and more" } else { "" };
                format!("there are {}{rest}", shown.join(", "))
            }
            Self::Ambiguous { .. } => "type the whole UID".to_owned(),
        }
    }
}
