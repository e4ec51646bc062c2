//! `node.toml`: what `start` was told about one node, remembered for the next start.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::admission::AdmissionLayer;
use super::data::{Data, WrittenData};
use super::error::ConfigError;
use super::layer::Layer;
use super::policy::PolicyLayer;
use super::{private_file, read, text};
use crate::consent::{Policy, Preset, Trust};
use crate::domain::limits::{NODE_NAME_CHARS_MAX, POLICY_MIN_PARTICIPANTS, SOURCES_MAX};
use crate::domain::{PeerId, Role, Timestamp};
use crate::sources::{Declaration, Sources};

/// One node's settings. They hold private values, so the file is for its owner alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeConfig {
    /// Heavy or light.
    pub role: Role,
    /// What the owner calls it.
    pub name: String,
    /// Whose settings these are.
    #[serde(with = "text::peer")]
    pub peer_id: PeerId,
    /// When the identity was made.
    #[serde(with = "text::time")]
    pub created_at: Timestamp,
    /// Multiaddresses to listen on; empty: every interface, on `port`.
    pub listen: Vec<String>,
    /// The port for TCP and QUIC, kept across restarts once it is chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Multiaddresses with `/p2p/…` to find the network by.
    pub bootstrap: Vec<String>,
    /// Whether to find nodes of the local network by multicast.
    pub mdns: bool,
    /// The file with the key that closes the network to strangers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swarm_key: Option<PathBuf>,
    /// Who is let in.
    #[serde(skip_serializing_if = "AdmissionLayer::is_silent")]
    pub admission: AdmissionLayer,
    /// What is answered unattended.
    pub policy: PolicyLayer,
    /// Private values, by field.
    pub data: Data,
    /// Where private data is read when somebody asks.
    #[serde(rename = "source", skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Declaration>,
}

/// The file as written. What a later release adds is unknown here and refused: it may matter.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenNode {
    role: Role,
    name: String,
    #[serde(with = "text::peer")]
    peer_id: PeerId,
    #[serde(with = "text::time")]
    created_at: Timestamp,
    #[serde(default)]
    listen: Vec<String>,
    port: Option<u16>,
    #[serde(default)]
    bootstrap: Vec<String>,
    mdns: bool,
    swarm_key: Option<PathBuf>,
    #[serde(default)]
    admission: AdmissionLayer,
    policy: PolicyLayer,
    #[serde(default)]
    data: WrittenData,
    #[serde(default)]
    source: Vec<Declaration>,
}

impl NodeConfig {
    /// A new node's settings: what it was told, then defaults. Its name is by default its role and the first half
    /// of its UID, such as `light-fz37`.
    ///
    /// # Errors
    /// `RoleMissing` or `Name`.
    pub fn new(told: Layer, peer_id: PeerId, created_at: Timestamp) -> Result<Self, ConfigError> {
        let role = told.role.ok_or(ConfigError::RoleMissing)?;
        let short: String = peer_id.uid().to_string().to_lowercase().chars().take(4).collect();
        let name = told.name.unwrap_or_else(|| format!("{role}-{short}"));
        check_name(&name)?;
        let sources = told.sources.unwrap_or_default();
        if sources.len() > SOURCES_MAX {
            return Err(ConfigError::TooManySources(sources.len()));
        }
        // Written out, so that whoever opens the file finds what may be changed.
        let policy = told.policy.over(PolicyLayer {
            preset: Some(Preset::default()),
            min_participants: Some(POLICY_MIN_PARTICIPANTS),
            trust: Some(Vec::new()),
            ..PolicyLayer::default()
        });
        Ok(Self {
            role,
            name,
            peer_id,
            created_at,
            listen: told.listen.unwrap_or_default(),
            port: None,
            bootstrap: told.bootstrap.unwrap_or_default(),
            mdns: told.mdns.unwrap_or(true),
            swarm_key: told.swarm_key,
            admission: told.admission,
            policy,
            data: told.data.settled(),
            sources,
        })
    }

    /// This node's settings after a start that was told something: that wins over what is remembered.
    ///
    /// # Errors
    /// `RoleChanged` or `Name`.
    pub fn told(&self, told: Layer) -> Result<Self, ConfigError> {
        if let Some(asked) = told.role.filter(|role| *role != self.role) {
            return Err(ConfigError::RoleChanged { is: self.role, asked });
        }
        let merged = told.over(self.as_layer());
        Ok(Self { port: self.port, ..Self::new(merged, self.peer_id, self.created_at)? })
    }

    /// What is remembered, as the weakest source of settings.
    pub fn as_layer(&self) -> Layer {
        let node = self.clone();
        Layer {
            role: Some(node.role),
            name: Some(node.name),
            home: None,
            listen: Some(node.listen),
            bootstrap: Some(node.bootstrap),
            mdns: Some(node.mdns),
            swarm_key: node.swarm_key,
            admission: node.admission,
            policy: node.policy,
            data: node.data,
            sources: Some(node.sources),
            log: None,
        }
    }

    /// The policy for the protocol. With a swarm key every heavy node of the network is trusted.
    pub fn policy(&self) -> Policy {
        let trust = match self.swarm_key {
            Some(_) => Trust::WholeNetwork,
            None => Trust::Listed(self.policy.trust.iter().flatten().copied().collect()),
        };
        Policy {
            preset: self.policy.preset.unwrap_or_default(),
            min_participants: self.policy.min_participants.unwrap_or(POLICY_MIN_PARTICIPANTS),
            trust,
            rules: self.policy.rules(),
        }
    }

    /// Where this node's private data comes from.
    pub fn sources(&self) -> Sources {
        Sources::new(self.data.values(), self.sources.iter().cloned())
    }

    /// Reads `node.toml`.
    ///
    /// # Errors
    /// `Io`, or `Invalid` with the line.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::parse(path, &Zeroizing::new(read::text_of(path)?))
    }

    /// The text of a `node.toml`; `path` is for errors, and where relative paths in it start.
    ///
    /// # Errors
    /// `Invalid` with the line.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let node: WrittenNode = read::parse(path, text)?;
        node.policy.check().map_err(|wrong| read::invalid_policy(path, text, wrong))?;
        let data = node.data.read(text).map_err(|(at, error)| read::invalid_data(path, text, at, &error))?;
        // `start` writes whole paths; a person who edits the file need not.
        let folder = path.parent().unwrap_or(Path::new(""));
        let sources = node.source.into_iter().map(|source| source.based_on(folder)).collect();
        Ok(Self {
            role: node.role,
            name: node.name,
            peer_id: node.peer_id,
            created_at: node.created_at,
            listen: node.listen,
            port: node.port,
            bootstrap: node.bootstrap,
            mdns: node.mdns,
            swarm_key: node.swarm_key,
            admission: node.admission,
            policy: node.policy,
            data,
            sources,
        })
    }

    /// Writes `node.toml` in one step, for its owner alone.
    ///
    /// # Errors
    /// `Io`.
    pub fn save(&self, path: &Path) -> Result<(), ConfigError> {
        let failed = |reason: String| ConfigError::Io { path: path.to_owned(), reason };
        let text = Zeroizing::new(toml::to_string(self).map_err(|error| failed(error.to_string()))?);
        private_file::write(path, text.as_bytes()).map_err(|error| failed(error.to_string()))
    }
}

fn check_name(name: &str) -> Result<(), ConfigError> {
    let fits = (1..=NODE_NAME_CHARS_MAX).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if fits { Ok(()) } else { Err(ConfigError::Name(name.chars().take(NODE_NAME_CHARS_MAX).collect())) }
}
