//! Which node `start` takes up, or whether it makes a new one.

use std::collections::BTreeSet;
use std::time::SystemTime;

use super::launch::{Port, Prepared};
use super::nodes::described;
use super::passphrase::Asked;
use super::problem::{Exit, Problem};
use crate::config::{ConfigError, FIRST_PORT, Layer, NodeConfig, first_free_port};
use crate::domain::{PeerId, Timestamp};
use crate::home::{Home, NodeFolder};
use crate::node::IdentityAge;

/// How `start` was told which node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// `NODE`: it must exist.
    Existing(String),
    /// `--name`: taken up where it exists, else made.
    Named(String),
    /// `--new`.
    New,
    /// Nothing: the only stopped node of the role, or a new one if there is none.
    OnlyStopped,
}

/// Takes up the node or makes it, locked for this process, with its settings as they will be.
///
/// # Errors
/// `ambiguous_node`, `no_such_node`, `node_running`, `role_missing`, and whatever is wrong with settings or keys.
pub fn prepare(
    home: &Home,
    selection: Selection,
    told: Layer,
    passphrase: &Asked<'_>,
) -> Result<Prepared, Problem> {
    let folder = match selection {
        Selection::New => None,
        Selection::Existing(typed) => Some(home.node(&typed)?),
        Selection::Named(name) => named(home, &name)?,
        Selection::OnlyStopped => only_stopped(home, &told)?,
    };
    let log = told.log.clone();
    let prepared = match folder {
        Some(folder) => take_up(folder, told, passphrase)?,
        None => make(home, told)?,
    };
    let taken = ports_of_others(home, &prepared.folder)?;
    let port = match (prepared.config.listen.is_empty(), prepared.config.port) {
        (false, _) => Port::Listed,
        (true, Some(kept)) => Port::Kept(kept),
        (true, None) => Port::Free { first: first_free_port(FIRST_PORT, &taken)?, taken },
    };
    Ok(Prepared { port, log, ..prepared })
}

fn take_up(folder: NodeFolder, told: Layer, passphrase: &Asked<'_>) -> Result<Prepared, Problem> {
    let lock = folder.lock()?;
    let keys = passphrase.keys_of(&folder)?;
    let config = if folder.config_path().exists() {
        let config = NodeConfig::load(&folder.config_path())?;
        if config.peer_id != keys.peer() {
            return Err(settings_of_another(&folder, config.peer_id, keys.peer()));
        }
        config.told(told)?
    } else {
        // A start that was cut short before it could write the settings.
        NodeConfig::new(told, keys.peer(), now())?
    };
    Ok(Prepared { folder, keys, config, age: IdentityAge::Existing, port: Port::Listed, log: None, lock })
}

fn settings_of_another(folder: &NodeFolder, settings: PeerId, own: PeerId) -> Problem {
    Problem::usage(
        "config",
        format!(
            "{} is of node {settings}, and the identity beside it is {own}",
            folder.config_path().display()
        ),
        "correct `peer_id`, or put each node's files back into its own folder",
    )
}

fn make(home: &Home, told: Layer) -> Result<Prepared, Problem> {
    // What is wrong with the settings is said before there is a folder.
    NodeConfig::new(told.clone(), PeerId::from_public_key([0; 32]), now())?;
    let (folder, keys) = home.create_node()?;
    let settled = || -> Result<_, Problem> {
        let lock = folder.lock()?;
        let config = NodeConfig::new(told, keys.peer(), now())?;
        config.save(&folder.config_path())?;
        Ok((lock, config))
    };
    match settled() {
        Ok((lock, config)) => {
            Ok(Prepared { folder, keys, config, age: IdentityAge::New, port: Port::Listed, log: None, lock })
        }
        Err(problem) => {
            // An identity that never was in the network; why it cannot be kept is the error to tell.
            drop(folder.remove());
            Err(problem)
        }
    }
}

fn named(home: &Home, name: &str) -> Result<Option<NodeFolder>, Problem> {
    let known = known(home)?;
    let found: Vec<_> = known.healthy.iter().filter(|(_, config)| config.name == name).collect();
    match found.as_slice() {
        [] => known.refuse_damaged().map(|()| None),
        [(one, _)] if one.is_running()? => {
            let uid = one.uid();
            Err(Problem::new(
                Exit::Refused,
                "node_running",
                format!("node {uid} is called `{name}` and is running"),
                format!("stop it with `formix-p2p stop {uid}`, or choose another --name"),
            ))
        }
        [(one, _)] => Ok(Some(one.clone())),
        several => Err(Problem::ambiguous_node(
            format!("several nodes are called `{name}`"),
            &several.iter().map(|(folder, _)| described(folder)).collect::<Vec<_>>(),
        )),
    }
}

fn only_stopped(home: &Home, told: &Layer) -> Result<Option<NodeFolder>, Problem> {
    let known = known(home)?;
    let mut stopped = Vec::new();
    for (folder, config) in &known.healthy {
        if told.role.is_none_or(|role| role == config.role) && !folder.is_running()? {
            stopped.push(folder);
        }
    }
    match stopped.as_slice() {
        // One that cannot be read may be the one that is meant.
        [] | [_] => known.refuse_damaged().map(|()| stopped.first().map(|folder| (*folder).clone())),
        several => {
            let problem = Problem::ambiguous_node(
                "several stopped nodes could be started",
                &several.iter().map(|folder| described(folder)).collect::<Vec<_>>(),
            );
            let hint = format!("{}; --new makes another", problem.hint);
            Err(Problem { hint, ..problem })
        }
    }
}

/// The nodes of a home, by whether their settings can be read.
struct KnownNodes {
    healthy: Vec<(NodeFolder, NodeConfig)>,
    /// Stopped ones whose settings are damaged.
    damaged: Vec<(NodeFolder, ConfigError)>,
}

fn known(home: &Home) -> Result<KnownNodes, Problem> {
    let mut known = KnownNodes { healthy: Vec::new(), damaged: Vec::new() };
    for folder in home.nodes()? {
        match NodeConfig::load(&folder.config_path()) {
            Ok(config) => known.healthy.push((folder, config)),
            // A start that was cut short before it could write the settings; or a node that runs, and is not meant.
            Err(_) if !folder.config_path().exists() || folder.is_running()? => {}
            Err(error) => known.damaged.push((folder, error)),
        }
    }
    Ok(known)
}

impl KnownNodes {
    /// A new identity is not made silently because the settings of an old one cannot be read.
    fn refuse_damaged(&self) -> Result<(), Problem> {
        let Some((folder, error)) = self.damaged.first() else { return Ok(()) };
        let uid = folder.uid().to_owned();
        let problem = Problem::from(error.clone());
        Err(Problem {
            message: format!("the settings of node {uid} cannot be read: {}", problem.message),
            hint: format!(
                "correct the file, name another node, make one with --new, or `formix-p2p remove {uid}`"
            ),
            candidates: vec![uid],
            ..problem
        })
    }
}

/// The ports that other nodes of this home will want back.
fn ports_of_others(home: &Home, own: &NodeFolder) -> Result<BTreeSet<u16>, Problem> {
    let others = home.nodes()?.into_iter().filter(|folder| folder != own);
    Ok(others.filter_map(|folder| NodeConfig::load(&folder.config_path()).ok()?.port).collect())
}

fn now() -> Timestamp {
    SystemTime::now().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Role;

    fn told(role: Role, name: Option<&str>) -> Layer {
        Layer { role: Some(role), name: name.map(str::to_owned), ..Layer::default() }
    }

    fn prepare(home: &Home, selection: Selection, told: Layer) -> Result<Prepared, Problem> {
        super::prepare(home, selection, told, &Asked::Nobody)
    }

    fn uid_of(prepared: &Prepared) -> String {
        prepared.folder.uid().to_owned()
    }

    #[test]
    fn the_only_stopped_node_of_the_role_is_taken_up_again() {
        let scratch = tempfile::tempdir().unwrap();
        let home = Home::at(Some(scratch.path())).unwrap();
        let first = prepare(&home, Selection::OnlyStopped, told(Role::Light, None)).unwrap();
        let uid = uid_of(&first);
        assert_eq!(first.age, IdentityAge::New);
        // While it runs, another one is made.
        let second = prepare(&home, Selection::OnlyStopped, told(Role::Light, None)).unwrap();
        assert_ne!(uid_of(&second), uid);
        drop(first);
        let again = prepare(&home, Selection::OnlyStopped, told(Role::Light, None)).unwrap();
        assert_eq!((uid_of(&again), again.age), (uid, IdentityAge::Existing));
        drop((again, second));
        let problem = prepare(&home, Selection::OnlyStopped, told(Role::Light, None)).unwrap_err();
        assert_eq!((problem.code.as_str(), problem.exit), ("ambiguous_node", Exit::Usage));
        assert!(problem.candidates.len() == 2 && problem.hint.contains("--new"), "{problem:?}");
        let heavy = prepare(&home, Selection::OnlyStopped, told(Role::Heavy, None)).unwrap();
        assert_eq!(heavy.age, IdentityAge::New);
        assert_eq!(prepare(&home, Selection::New, told(Role::Light, None)).unwrap().age, IdentityAge::New);
    }

    #[test]
    fn a_name_is_taken_up_made_or_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let home = Home::at(Some(scratch.path())).unwrap();
        let by_name = || Selection::Named("ward".to_owned());
        let first = prepare(&home, by_name(), told(Role::Light, Some("ward"))).unwrap();
        let uid = uid_of(&first);
        let running = prepare(&home, by_name(), told(Role::Light, Some("ward"))).unwrap_err();
        assert_eq!(running.code, "node_running");
        drop(first);
        let again = prepare(&home, by_name(), Layer { role: None, ..told(Role::Light, Some("ward")) }).unwrap();
        assert_eq!(uid_of(&again), uid);
        drop(again);
        let other = prepare(&home, by_name(), told(Role::Heavy, Some("ward"))).unwrap_err();
        assert_eq!(other.code, "role_changed");
    }

    #[test]
    fn a_node_whose_settings_are_damaged_is_named() {
        let scratch = tempfile::tempdir().unwrap();
        let home = Home::at(Some(scratch.path())).unwrap();
        let first = prepare(&home, Selection::OnlyStopped, told(Role::Light, None)).unwrap();
        let uid = uid_of(&first);
        std::fs::write(first.folder.config_path(), "role = 7").unwrap();
        drop(first);
        for selection in [Selection::OnlyStopped, Selection::Named("ward".to_owned())] {
            let problem = prepare(&home, selection, told(Role::Light, None)).unwrap_err();
            assert_eq!((problem.code.as_str(), problem.exit), ("config", Exit::Usage));
            assert!(problem.message.contains(&uid) && problem.message.contains("line 1"), "{problem}");
        }
        assert!(prepare(&home, Selection::New, told(Role::Light, None)).is_ok());
    }

    #[test]
    fn settings_of_another_node_are_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let home = Home::at(Some(scratch.path())).unwrap();
        let first = prepare(&home, Selection::New, told(Role::Light, None)).unwrap();
        let other = prepare(&home, Selection::New, told(Role::Light, None)).unwrap();
        let uid = uid_of(&first);
        std::fs::copy(other.folder.config_path(), first.folder.config_path()).unwrap();
        drop((first, other));
        // By its UID, which only its folder has left.
        let folder = home.nodes().unwrap().into_iter().find(|folder| folder.uid() == uid).unwrap();
        let problem = take_up(folder, told(Role::Light, None), &Asked::Nobody).unwrap_err();
        assert!(problem.code == "config" && problem.message.contains("node.toml"), "{problem}");
    }

    #[test]
    fn wrong_settings_leave_no_folder_behind() {
        let scratch = tempfile::tempdir().unwrap();
        let home = Home::at(Some(&scratch.path().join("home"))).unwrap();
        let missing = prepare(&home, Selection::OnlyStopped, Layer::default()).unwrap_err();
        assert_eq!((missing.code.as_str(), missing.exit), ("role_missing", Exit::Usage));
        let name = prepare(&home, Selection::New, told(Role::Light, Some(""))).unwrap_err();
        assert_eq!(name.code, "invalid_name");
        assert_eq!(
            prepare(&home, Selection::Existing("X".into()), Layer::default()).unwrap_err().code,
            "no_such_node"
        );
        assert!(!home.path().exists());
    }
}
