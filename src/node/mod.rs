//! The runtime of one node: it carries events into the protocol and actions out of it. Here alone protocol, network,
//! store and local API meet.
//!
//! * `start` puts a node together; `runtime` is the loop that owns it; `actions` is what one turn of the loop brings about.
//! * `neighbours`, `directory` and `presence` know who is there and say so.
//! * `api` answers the local API, with `answering`, `owner`, `references`, `propose`, `parked`, `subjects` and `render`; `invitations`,
//!   `joins`, `forgetting`, `invitation_shown` and `addresses` are about invitations.
//! * `failpoint` is where tests let the process die.
//! * `story` is what people read in the log; `clock` and `timers` are time.
//!
//! A program may hold any number of nodes; `examples/embed.rs` runs six.

mod actions;
mod addresses;
mod answering;
mod api;
mod clock;
mod directory;
mod failpoint;
mod forgetting;
mod invitation_shown;
mod invitations;
mod joins;
mod membership;
mod neighbours;
mod owner;
mod parked;
mod presence;
mod propose;
mod reading;
mod recall;
mod references;
mod render;
mod runtime;
mod shelf;
mod start;
mod story;
mod subjects;
mod timers;
mod work;

use std::path::PathBuf;

use libp2p::Multiaddr;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::consent::Policy;
use crate::control::{Call, NodeId, ServeError};
use crate::domain::{Role, Timestamp};
use crate::home::{MembershipError, MembershipSource};
use crate::network::{Mdns, NetworkError};
use crate::sharing::Secret;
use crate::sources::Sources;
use crate::store::StoreError;
use crate::wire::{Identity, SwarmKey};

/// Whether a node's identity was made just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityAge {
    /// Made for this start: nothing was ever answered under it.
    New,
    /// It existed before.
    Existing,
}

/// What a node is started with.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// The node's own folder; made, closed to others, where it is missing. The store and the control socket lie there.
    pub folder: PathBuf,
    /// Its keys, for signing.
    pub identity: Identity,
    /// The Ed25519 secret key of `identity`, for the network.
    pub secret_key: Secret<[u8; 32]>,
    /// When the identity was made.
    pub created_at: Timestamp,
    /// Whether that was just now.
    pub identity_is_new: IdentityAge,
    /// Heavy or light.
    pub role: Role,
    /// What its owner calls it, at most [`crate::domain::limits::NODE_NAME_CHARS_MAX`] characters.
    pub name: String,
    /// Where to listen.
    pub listen: Vec<Multiaddr>,
    /// Whom to ask for the others.
    pub bootstrap: Vec<Multiaddr>,
    /// Whether to look for nodes on the local network.
    pub mdns: Mdns,
    /// The key of a closed network.
    pub swarm_key: Option<SwarmKey>,
    /// Who belongs to a closed network.
    pub members: MembershipSource,
    /// What it answers unattended.
    pub policy: Policy,
    /// Where its private records are.
    pub sources: Sources,
}

/// Why a node does not start. Nothing of it runs afterwards.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its name is too long or cannot be shown.
    #[error("`{0}` is not a name for a node: at most 32 characters, no control characters")]
    Name(String),
    /// Its folder cannot be made.
    #[error("cannot make the folder {}: {reason}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the operating system said.
        reason: std::io::Error,
    },
    /// Its clock is to be set wrong by what is no offset.
    #[error("`{0}` in FORMIX_DEBUG_CLOCK_OFFSET is no offset of a clock, such as +5m or -3days")]
    ClockOffset(String),
    /// Its memory cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Who belongs to its network cannot be told.
    #[error(transparent)]
    Membership(#[from] MembershipError),
    /// It cannot listen.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// It cannot be spoken to.
    #[error(transparent)]
    Control(#[from] ServeError),
    /// The operating system gives no random numbers.
    #[error("the operating system gives no random numbers: {0}")]
    NoRandomness(String),
    /// A test names a place to die that there is not.
    #[error("FORMIX_DEBUG_FAILPOINT is `{0}`, which names no place to die")]
    Failpoint(String),
    /// It stopped while it took up its memory.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Why a node stopped on its own.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// What it has decided cannot be written, so nothing of it was sent.
    #[error("the node stops, because it cannot remember what it does: {0}")]
    Store(#[from] StoreError),
    /// Writing ended in a defect of ours or of the store's.
    #[error("the node stops, because writing to the store in {} broke off", .0.display())]
    StorePanicked(PathBuf),
    /// The network's task has ended.
    #[error("the node stops, because its network broke down")]
    NetworkGone,
    /// The node's own task has ended.
    #[error("the node broke down")]
    Broken,
}

/// A node that runs. Dropping it stops the node without waiting for the end.
#[derive(Debug)]
pub struct RunningNode {
    id: NodeId,
    calls: mpsc::Sender<Call>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), RunError>>,
    /// What `task` ended with, once it was asked.
    ended: bool,
}

impl StartError {
    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Name(_) => "give a shorter --name".to_owned(),
            Self::Folder { .. } => "check the permissions and the free space there".to_owned(),
            Self::ClockOffset(_) => "unset it: it is for tests alone".to_owned(),
            Self::Store(error) => error.hint(),
            Self::Membership(error) => error.hint(),
            Self::Network(_) => "give another --listen address, or none: then a free port is taken".to_owned(),
            Self::Control(_) => "see with `formix-p2p view` whether this node runs already".to_owned(),
            Self::NoRandomness(_) => "see why /dev/urandom cannot be read".to_owned(),
            Self::Failpoint(_) => {
                "unset it: it is for tests alone, and docs/TESTING.md has its form".to_owned()
            }
            Self::Run(error) => error.hint(),
        }
    }
}

impl RunError {
    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Store(error) => error.hint(),
            Self::StorePanicked(_) | Self::NetworkGone | Self::Broken => {
                "start the node again: nothing that was sent is forgotten; please report this".to_owned()
            }
        }
    }
}

impl RunningNode {
    /// Starts a node. It is ready when this returns: its memory is open, it listens, its local API answers.
    ///
    /// # Errors
    /// By what cannot be had; see [`StartError`].
    pub async fn start(options: NodeOptions) -> Result<Self, StartError> {
        start::start(options).await
    }

    /// Its names and addresses.
    pub fn id(&self) -> NodeId {
        self.id.clone()
    }

    /// Where requests to it go, the same that the command line sends over the control socket.
    pub fn calls(&self) -> mpsc::Sender<Call> {
        self.calls.clone()
    }

    /// Waits until it has stopped, for whatever reason.
    ///
    /// # Errors
    /// Why it stopped on its own.
    pub async fn stopped(&mut self) -> Result<(), RunError> {
        if self.ended {
            return Ok(());
        }
        let outcome = (&mut self.task).await.unwrap_or(Err(RunError::Broken));
        // Only now: whoever stops waiting halfway may wait again.
        self.ended = true;
        outcome
    }

    /// Stops it: the peers are told, the connections closed, the store released.
    ///
    /// # Errors
    /// Why it had stopped on its own before.
    pub async fn stop(mut self) -> Result<(), RunError> {
        if let Some(stop) = self.stop.take() {
            // It may have stopped already.
            let _ = stop.send(());
        }
        self.stopped().await
    }
}
