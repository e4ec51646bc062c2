//! One source of settings, and how several of them become one: flags win over the environment, that over a
//! configuration file, that over what the node remembers.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::admission::AdmissionLayer;
use super::data::{Data, WrittenData};
use super::error::ConfigError;
use super::policy::PolicyLayer;
use super::read;
use crate::consent::Preset;
use crate::domain::{PeerId, Role};
use crate::sources::Declaration;

/// What one source says; `None` where it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layer {
    /// Heavy or light.
    pub role: Option<Role>,
    /// What the owner calls the node.
    pub name: Option<String>,
    /// The home folder.
    pub home: Option<PathBuf>,
    /// Multiaddresses to listen on.
    pub listen: Option<Vec<String>>,
    /// Multiaddresses with `/p2p/…` to find the network by.
    pub bootstrap: Option<Vec<String>>,
    /// Whether to find nodes of the local network by multicast.
    pub mdns: Option<bool>,
    /// The file with the key that closes the network to strangers.
    pub swarm_key: Option<PathBuf>,
    /// Who is let in.
    pub admission: AdmissionLayer,
    /// What is answered unattended.
    pub policy: PolicyLayer,
    /// Private values, by field.
    pub data: Data,
    /// Where private data is read when somebody asks.
    pub sources: Option<Vec<Declaration>>,
    /// What is logged, as in `RUST_LOG`.
    pub log: Option<String>,
}

/// A configuration file as written.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WrittenLayer {
    role: Option<Role>,
    name: Option<String>,
    home: Option<PathBuf>,
    listen: Option<Vec<String>>,
    bootstrap: Option<Vec<String>>,
    mdns: Option<bool>,
    swarm_key: Option<PathBuf>,
    admission: AdmissionLayer,
    policy: PolicyLayer,
    data: WrittenData,
    source: Option<Vec<Declaration>>,
    log: Option<String>,
}

/// Settings from several sources, the strongest first. Lists are taken whole from the strongest source that has
/// one; private values are taken field by field.
pub fn merge(layers: impl IntoIterator<Item = Layer>) -> Layer {
    layers.into_iter().reduce(Layer::over).unwrap_or_default()
}

impl Layer {
    /// The configuration file that a person gave. Relative paths in it start at its folder.
    ///
    /// # Errors
    /// `Io`, or `Invalid` with the line.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let mut layer = Self::parse(path, &read::text_of(path)?)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let paths = [&mut layer.home, &mut layer.swarm_key, &mut layer.admission.members];
        for relative in paths.into_iter().flatten() {
            *relative = absolute(&folder.join(&*relative))?;
        }
        if let Some(sources) = layer.sources.take() {
            let folder = absolute(&folder.join("."))?;
            layer.sources = Some(sources.into_iter().map(|source| source.based_on(&folder)).collect());
        }
        Ok(layer)
    }

    /// A configuration file's text; `path` is for errors.
    ///
    /// # Errors
    /// `Invalid` with the line.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let written: WrittenLayer = read::parse(path, text)?;
        let WrittenLayer {
            role,
            name,
            home,
            listen,
            bootstrap,
            mdns,
            swarm_key,
            admission,
            policy,
            data,
            source: sources,
            log,
        } = written;
        policy.check().map_err(|wrong| read::invalid_policy(path, text, wrong))?;
        let data = data.read(text).map_err(|(at, error)| read::invalid_data(path, text, at, &error))?;
        Ok(Self { role, name, home, listen, bootstrap, mdns, swarm_key, admission, policy, data, sources, log })
    }

    /// What `FORMIX_*` variables say; `read` gives a variable's value. Lists are separated by commas. Private values
    /// have no variable: the environment is handed on to every child process.
    ///
    /// # Errors
    /// `Environment`.
    pub fn from_environment(read: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let value = |variable: &str| read(variable).filter(|value| !value.is_empty());
        let list = |variable: &str| -> Option<Vec<String>> {
            value(variable).map(|value| value.split(',').map(|part| part.trim().to_owned()).collect())
        };
        let wrong = |variable, reason| ConfigError::Environment { variable, reason };
        let role =
            parsed("FORMIX_ROLE", value("FORMIX_ROLE"), |text| text.parse::<Role>().ok(), "heavy or light")?;
        let mdns = parsed("FORMIX_MDNS", value("FORMIX_MDNS"), |text| text.parse().ok(), "true or false")?;
        let preset = |text: &str| match text {
            "guarded" => Some(Preset::Guarded),
            "open" => Some(Preset::Open),
            _ => None,
        };
        let preset = parsed("FORMIX_POLICY", value("FORMIX_POLICY"), preset, "guarded or open")?;
        let minimum = value("FORMIX_MIN_PARTICIPANTS");
        let min_participants =
            parsed("FORMIX_MIN_PARTICIPANTS", minimum, |text| text.parse().ok(), "a whole number")?;
        let peers = |variable: &'static str| -> Result<Option<Vec<PeerId>>, ConfigError> {
            let listed = list(variable).map(|peers| peers.iter().map(|peer| peer.parse()).collect());
            listed.transpose().map_err(|error: crate::domain::IdError| wrong(variable, error.to_string()))
        };
        let trust = peers("FORMIX_TRUST")?;
        Ok(Self {
            role,
            name: value("FORMIX_NAME"),
            home: value("FORMIX_HOME").map(PathBuf::from),
            listen: list("FORMIX_LISTEN"),
            bootstrap: list("FORMIX_BOOTSTRAP"),
            mdns,
            swarm_key: value("FORMIX_SWARM_KEY").map(|path| absolute(Path::new(&path))).transpose()?,
            admission: AdmissionLayer {
                allow: peers("FORMIX_ALLOW")?,
                members: value("FORMIX_MEMBERS").map(|path| absolute(Path::new(&path))).transpose()?,
                signer: peers("FORMIX_MEMBERS_SIGNER")?.and_then(|signers| signers.first().copied()),
            },
            policy: PolicyLayer { preset, min_participants, trust, ..PolicyLayer::default() },
            data: Data::default(),
            sources: None,
            log: value("FORMIX_LOG"),
        })
    }

    /// This source's word, and where it is silent that of `lower`.
    #[must_use]
    pub fn over(self, lower: Self) -> Self {
        Self {
            role: self.role.or(lower.role),
            name: self.name.or(lower.name),
            home: self.home.or(lower.home),
            listen: self.listen.or(lower.listen),
            bootstrap: self.bootstrap.or(lower.bootstrap),
            mdns: self.mdns.or(lower.mdns),
            swarm_key: self.swarm_key.or(lower.swarm_key),
            admission: self.admission.over(lower.admission),
            policy: self.policy.over(lower.policy),
            data: self.data.over(lower.data),
            sources: self.sources.or(lower.sources),
            log: self.log.or(lower.log),
        }
    }
}

fn parsed<T>(
    variable: &'static str,
    value: Option<String>,
    parse: impl Fn(&str) -> Option<T>,
    expected: &str,
) -> Result<Option<T>, ConfigError> {
    let Some(value) = value else { return Ok(None) };
    let reason = format!("`{value}` is not {expected}");
    parse(&value).map(Some).ok_or(ConfigError::Environment { variable, reason })
}

fn absolute(path: &Path) -> Result<PathBuf, ConfigError> {
    let failed = |error: std::io::Error| ConfigError::Io { path: path.to_owned(), reason: error.to_string() };
    std::path::absolute(path).map_err(failed)
}
