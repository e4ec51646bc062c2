//! Which node of the home a command speaks to, by the rules of `docs/CLI.md`.

use dialoguer::Select;

use super::args::Context;
use super::asking;
use super::id;
use super::problem::{Exit, Problem};
use super::table::printable;
use crate::config::NodeConfig;
use crate::control::{Client, ClientError, NodeId};
use crate::domain::Role;
use crate::home::{Home, HomeError, MembershipError, NodeFolder};

/// A running node that a command speaks to.
#[derive(Debug)]
pub struct Chosen {
    /// The way to it.
    pub client: Client,
    /// Who it is.
    pub id: NodeId,
}

/// A node that does not run.
#[derive(Debug)]
pub struct Stopped {
    /// Where its files are.
    pub folder: NodeFolder,
    /// What it was told.
    pub config: NodeConfig,
}

/// A node of the home.
#[derive(Debug)]
pub enum Lookup {
    /// It answers.
    Running(Chosen),
    /// It does not run.
    Stopped(Box<Stopped>),
}

impl Stopped {
    /// Who it is. It listens nowhere, so it has no addresses.
    pub fn id(&self) -> NodeId {
        id_of(&self.folder, &self.config)
    }
}

/// Who a node is, by its settings alone: without addresses.
pub fn id_of(folder: &NodeFolder, config: &NodeConfig) -> NodeId {
    NodeId {
        uid: config.peer_id.uid().to_string(),
        peer_id: config.peer_id.to_string(),
        role: config.role,
        name: config.name.clone(),
        port: config.port,
        addresses: Vec::new(),
        home: folder.path().parent().unwrap_or(folder.path()).display().to_string(),
    }
}

impl Context {
    /// The home that `--home` or `FORMIX_HOME` names.
    ///
    /// # Errors
    /// `home`.
    pub fn home(&self) -> Result<Home, Problem> {
        Ok(Home::at(self.home.as_deref())?)
    }

    /// The running node that `--node` names, or any running one, that of a data owner first; said on standard error.
    ///
    /// # Errors
    /// `no_such_node`, `ambiguous_node`, `node_not_running` or `no_node_running`.
    pub async fn any_node(&self) -> Result<Chosen, Problem> {
        let home = self.home()?;
        let chosen = match &self.node {
            Some(typed) => named_running(&home, typed).await?,
            None => first(running(&home).await?).ok_or_else(Problem::no_node_running)?,
        };
        self.output.note(format!("node {}", shown(&chosen.id)));
        Ok(chosen)
    }

    /// As [`Context::any_node`], or else the stopped node that `--node` names, or the only one there is.
    ///
    /// # Errors
    /// `no_such_node`, `ambiguous_node` or `no_node_running`.
    pub async fn any_node_or_stopped(&self) -> Result<Lookup, Problem> {
        let home = self.home()?;
        if let Some(typed) = &self.node {
            return lookup(home.node(typed)?).await;
        }
        if let Some(chosen) = first(running(&home).await?) {
            self.output.note(format!("node {}", shown(&chosen.id)));
            return Ok(Lookup::Running(chosen));
        }
        match home.nodes()?.as_slice() {
            [] => Err(Problem::no_node_running()),
            [only] => lookup(only.clone()).await,
            several => Err(Problem::ambiguous_node(
                "several nodes are here, and none is running",
                &several.iter().map(described).collect::<Vec<_>>(),
            )),
        }
    }

    /// The node that acts: the one that `--node` names, the only running one, or the only running light one. Else a
    /// person is asked.
    ///
    /// # Errors
    /// `no_such_node`, `ambiguous_node`, `node_not_running` or `no_node_running`.
    pub async fn acting_node(&self) -> Result<Chosen, Problem> {
        self.acting(only).await
    }

    /// The node that acts as a party, whatever its role: the one that `--node` names, or the only running one. Else a
    /// person is asked.
    ///
    /// # Errors
    /// As [`Context::acting_node`].
    pub async fn acting_party(&self) -> Result<Chosen, Problem> {
        self.acting(|ids| (ids.len() == 1).then_some(0)).await
    }

    async fn acting(&self, only: impl Fn(&[NodeId]) -> Option<usize>) -> Result<Chosen, Problem> {
        let home = self.home()?;
        if let Some(typed) = &self.node {
            return named_running(&home, typed).await;
        }
        let mut running = running(&home).await?;
        let ids: Vec<_> = running.iter().map(|chosen| chosen.id.clone()).collect();
        let at = match only(&ids) {
            Some(at) => at,
            None if ids.is_empty() => return Err(Problem::no_node_running()),
            None => self.pick(&ids)?,
        };
        let chosen = running.swap_remove(at);
        self.output.note(format!("node {}", shown(&chosen.id)));
        Ok(chosen)
    }

    /// The place of the node that a person chooses; a program gets the candidates.
    ///
    /// # Errors
    /// `ambiguous_node`.
    pub fn pick(&self, ids: &[NodeId]) -> Result<usize, Problem> {
        let names: Vec<_> = ids.iter().map(shown).collect();
        let asked = if self.output.is_interactive() {
            let select = Select::new().with_prompt("Which node acts").items(&names).default(0);
            // A terminal that goes away has not answered.
            asking::ask(|| select.interact_opt()).ok().flatten()
        } else {
            None
        };
        asked.ok_or_else(|| Problem::ambiguous_node("several nodes could do this", &names))
    }
}

/// Every running node of the home, by UID.
///
/// # Errors
/// `home`.
pub async fn running(home: &Home) -> Result<Vec<Chosen>, Problem> {
    let mut running = Vec::new();
    for folder in home.nodes()? {
        // A node that is just leaving is none to speak to.
        if let Ok(client) = Client::connect(&folder.socket_path()).await
            && let Ok(id) = id::of(&client).await
        {
            running.push(Chosen { client, id });
        }
    }
    Ok(running)
}

/// The node in this folder.
///
/// # Errors
/// `config` when a stopped node's settings cannot be read; whatever a running node answers.
pub async fn lookup(folder: NodeFolder) -> Result<Lookup, Problem> {
    match Client::connect(&folder.socket_path()).await {
        Ok(client) => {
            let id = id::of(&client).await?;
            Ok(Lookup::Running(Chosen { client, id }))
        }
        Err(ClientError::NotRunning(_)) => {
            let config = NodeConfig::load(&folder.config_path())?;
            Ok(Lookup::Stopped(Box::new(Stopped { folder, config })))
        }
        Err(error) => Err(error.into()),
    }
}

async fn named_running(home: &Home, typed: &str) -> Result<Chosen, Problem> {
    match lookup(home.node(typed)?).await? {
        Lookup::Running(chosen) => Ok(chosen),
        Lookup::Stopped(node) => {
            let uid = node.folder.uid();
            let hint = format!("start it with `formix-p2p start {uid}`");
            Err(Problem::new(Exit::NotFound, "node_not_running", format!("node {uid} is not running"), hint))
        }
    }
}

/// The node that would act, or else the first. A proposer knows more of its computation than others do.
fn first(mut running: Vec<Chosen>) -> Option<Chosen> {
    let ids: Vec<_> = running.iter().map(|chosen| chosen.id.clone()).collect();
    let at = only(&ids).unwrap_or(0);
    (at < running.len()).then(|| running.swap_remove(at))
}

/// The only node, or the only light one among several.
fn only(ids: &[NodeId]) -> Option<usize> {
    if ids.len() == 1 {
        return Some(0);
    }
    let mut light = ids.iter().enumerate().filter(|(_, id)| id.role == Role::Light);
    match (light.next(), light.next()) {
        (Some((at, _)), None) => Some(at),
        _ => None,
    }
}

/// UID, role and name.
pub fn shown(id: &NodeId) -> String {
    format!("{} ({} {})", id.uid, id.role, printable(&id.name))
}

/// A node's UID, and its name where its settings can be read.
pub fn described(folder: &NodeFolder) -> String {
    match NodeConfig::load(&folder.config_path()) {
        Ok(config) => format!("{} ({} {})", folder.uid(), config.role, printable(&config.name)),
        Err(_) => folder.uid().to_owned(),
    }
}

impl From<MembershipError> for Problem {
    fn from(error: MembershipError) -> Self {
        Self::usage("members", error.to_string(), error.hint())
    }
}

impl From<HomeError> for Problem {
    fn from(error: HomeError) -> Self {
        let (message, hint) = (error.to_string(), error.hint());
        match error {
            HomeError::NoSuchNode { .. } => Self::new(Exit::NotFound, "no_such_node", message, hint),
            HomeError::Ambiguous { candidates, .. } => Self::ambiguous_node(message, &candidates),
            HomeError::Running { .. } => Self::new(Exit::Refused, "node_running", message, hint),
            HomeError::NoHome | HomeError::SocketPathTooLong { .. } => Self::usage("home", message, hint),
            HomeError::NotWritable { .. } | HomeError::NotReadable { .. } | HomeError::NoRandomness(_) => {
                Self::new(Exit::Refused, "home", message, hint)
            }
            HomeError::PassphraseNeeded { .. } | HomeError::Passphrase => {
                Self::new(Exit::Refused, "passphrase", message, hint)
            }
            HomeError::IdentityMissing { .. }
            | HomeError::IdentityDamaged { .. }
            | HomeError::IdentityExposed { .. } => Self::new(Exit::Refused, "identity", message, hint),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(role: Role) -> NodeId {
        NodeId {
            uid: "AAAAAAAA".to_owned(),
            peer_id: String::new(),
            role,
            name: "a".to_owned(),
            port: None,
            addresses: Vec::new(),
            home: String::new(),
        }
    }

    #[test]
    fn the_only_node_acts_or_the_only_light_one() {
        let (heavy, light) = (node(Role::Heavy), node(Role::Light));
        assert_eq!(only(&[]), None);
        assert_eq!(only(std::slice::from_ref(&heavy)), Some(0));
        assert_eq!(only(&[heavy.clone(), light.clone(), heavy.clone()]), Some(1));
        assert_eq!(only(&[heavy.clone(), heavy.clone()]), None);
        assert_eq!(only(&[light.clone(), heavy, light]), None);
    }
}
