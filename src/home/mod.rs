//! The folder that holds this user's nodes, a folder each; whatever else lies in it is left alone.

mod error;
mod folder;
mod keys;
mod membership;
mod memory;
mod reference;
mod sealed_identity;
#[cfg(test)]
mod tests;

use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

pub use error::HomeError;
pub use folder::{Exposed, NodeFolder, NodeLock, Removal};
pub use keys::{Guard, Keys, identity_in};
pub use membership::{
    Mandate, MemberList, MembershipError, MembershipSource, members_in, read_members, sign_members, text_of,
};
pub use memory::forbid_core_dumps;
pub use reference::{Candidate, CandidatePresence, Unresolved, resolve};

use crate::config::NodeConfig;
use folder::not_writable;

/// The folder of all nodes: `--home`, `FORMIX_HOME`, or `~/.formix`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    path: PathBuf,
}

impl Home {
    /// The home at `told`, or else `~/.formix`. Nothing is made.
    ///
    /// # Errors
    /// `NoHome` when nothing was told and the user has no home folder; `NotReadable` when the current folder is gone.
    pub fn at(told: Option<&Path>) -> Result<Self, HomeError> {
        let path = match told {
            Some(path) => path.to_owned(),
            None => std::env::home_dir()
                .filter(|home| !home.as_os_str().is_empty())
                .ok_or(HomeError::NoHome)?
                .join(".formix"),
        };
        let path = std::path::absolute(&path)
            .map_err(|error| HomeError::NotReadable { path, reason: error.to_string() })?;
        Ok(Self { path })
    }

    /// The folder, as an absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every node in it, by UID. A home that does not exist has none.
    ///
    /// # Errors
    /// `NotReadable`.
    pub fn nodes(&self) -> Result<Vec<NodeFolder>, HomeError> {
        let failed = |error: std::io::Error| HomeError::NotReadable {
            path: self.path.clone(),
            reason: error.to_string(),
        };
        let entries = match std::fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut nodes = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed)?.file_name();
            let Some(uid) = name.to_str().filter(|name| is_uid(name)) else { continue };
            let node = NodeFolder::new(&self.path, uid.to_owned());
            if node.holds_a_node() {
                nodes.push(node);
            }
        }
        nodes.sort();
        Ok(nodes)
    }

    /// Makes a new node's folder with a new identity, and the home if need be (0700).
    ///
    /// # Errors
    /// `SocketPathTooLong`, before anything is made; `NotWritable`, `NoRandomness`.
    pub fn create_node(&self) -> Result<(NodeFolder, Keys), HomeError> {
        // Every UID is equally long.
        NodeFolder::new(&self.path, "A".repeat(UID_CHARS)).check_socket_path()?;
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.path);
        made.map_err(|error| not_writable(&self.path, &error))?;
        NodeFolder::create(&self.path)
    }

    /// The node that a person means by its UID, a unique beginning of it, its name or its PeerId.
    ///
    /// # Errors
    /// `NoSuchNode`, `Ambiguous`, `NotReadable`, or `SocketPathTooLong`.
    pub fn node(&self, typed: &str) -> Result<NodeFolder, HomeError> {
        let mut known = Vec::new();
        for node in self.nodes()? {
            // Settings that cannot be read hide the name, not the node: it still has its keys.
            let named = NodeConfig::load(&node.config_path()).ok();
            let peer = match &named {
                Some(config) => Some(config.peer_id),
                None => node.load_peer().ok(),
            };
            match peer {
                Some(peer) => {
                    let name = named.map_or_else(String::new, |config| config.name);
                    known.push((Candidate { peer, name, presence: CandidatePresence::There }, node));
                }
                // Neither: only its folder's name is left.
                None if node.uid().eq_ignore_ascii_case(typed) => return Ok(node),
                None => {}
            }
        }
        let candidates: Vec<_> = known.iter().map(|(candidate, _)| candidate.clone()).collect();
        let meant = resolve(typed, &candidates).map_err(|error| HomeError::of_reference(typed, error))?;
        let found = known.iter().find(|(candidate, _)| candidate.peer == meant.peer);
        let node = found
            .map(|(_, node)| node.clone())
            .ok_or_else(|| HomeError::NoSuchNode { typed: typed.to_owned(), known: Vec::new() })?;
        node.check_socket_path()?;
        Ok(node)
    }
}

const UID_CHARS: usize = 8;

fn is_uid(name: &str) -> bool {
    name.len() == UID_CHARS && name.bytes().all(|c| c.is_ascii_uppercase() || (b'2'..=b'7').contains(&c))
}
