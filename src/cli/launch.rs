//! From settings to a running node: addresses, keys of a closed network, port, log.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::SystemTime;

use libp2p::Multiaddr;

use super::args::Context;
use super::output::Chatter;
use super::problem::{Exit, Problem};
use super::sources;
use crate::config::{AdmissionLayer, Layer, NodeConfig, first_free_port};
use crate::home::{Exposed, Keys, MembershipSource, NodeFolder, NodeLock};
use crate::network::{Mdns, NetworkError};
use crate::node::{IdentityAge, NodeOptions, RunError, RunningNode, StartError};
use crate::telemetry::{self, Verbosity};
use crate::wire::SwarmKey;

/// Ports that are tried when another process is faster.
const PORT_TRIES: usize = 16;
/// Bytes that a file with a swarm key may have; one has 95.
const SWARM_KEY_BYTES_MAX: u64 = 1_024;

/// A node that is about to start, locked for this process.
#[derive(Debug)]
pub struct Prepared {
    /// Where its files are.
    pub folder: NodeFolder,
    /// Its keys.
    pub keys: Keys,
    /// Its settings, what it was told included.
    pub config: NodeConfig,
    /// Whether its identity is new.
    pub age: IdentityAge,
    /// Where it listens.
    pub port: Port,
    /// The levels that the configuration asks for.
    pub log: Option<String>,
    /// Kept until the process ends.
    #[expect(dead_code, reason = "held, not read")]
    pub lock: NodeLock,
}

/// Whether somebody looks at this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// On a terminal.
    Foreground,
    /// In a session of its own.
    Detached,
}

/// Where a node listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Port {
    /// On the addresses in its settings.
    Listed,
    /// On the port that it had before.
    Kept(u16),
    /// On a port that is free now; `taken` are those that other nodes will want back.
    Free {
        /// The first to be tried.
        first: u16,
        /// To be passed over.
        taken: BTreeSet<u16>,
    },
}

/// Checks what can be checked before there is a node.
///
/// # Errors
/// `invalid_address`, `swarm_key`, `invalid_source`.
pub fn check(told: &Layer) -> Result<(), Problem> {
    addresses(told.listen.as_deref().unwrap_or_default())?;
    addresses(told.bootstrap.as_deref().unwrap_or_default())?;
    told.swarm_key.as_deref().map(swarm_key).transpose()?;
    // Files on another machine may let a reader wait, and the runtime has other work.
    tokio::task::block_in_place(|| sources::check(told))
}

/// Begins logging: to the node's file, and in the foreground to the terminal.
///
/// # Errors
/// `log`.
pub fn start_logging(
    context: &Context,
    prepared: &Prepared,
    ground: Ground,
) -> Result<telemetry::Guard, Problem> {
    let verbosity = match (&prepared.log, context.verbosity) {
        (Some(levels), 0) => Verbosity::Configured(levels.clone()),
        (_, count) => Verbosity::from_count(count),
    };
    let terminal = if ground == Ground::Detached || context.output.chatter == Chatter::Quiet {
        telemetry::Terminal::Off
    } else {
        telemetry::Terminal::Human
    };
    let exposed = prepared.folder.close_to_others()?;
    let guard = telemetry::start(Some(prepared.folder.path()), terminal, &verbosity)?;
    for Exposed { path, mode } in exposed {
        tracing::warn!(
            hint = "see what copied it, and who may have read it",
            "others could read {} (mode {mode:o}); now they cannot",
            path.display()
        );
    }
    Ok(guard)
}

/// Starts the node, and remembers what it was told once that has worked.
///
/// # Errors
/// Whatever keeps it from being ready.
pub async fn start(mut prepared: Prepared) -> Result<(RunningNode, Prepared), Problem> {
    let mut port = prepared.port.clone();
    let mut tries = PORT_TRIES;
    loop {
        let options = options(&prepared, &port)?;
        let started = RunningNode::start(options).await;
        let (in_use, taken) = match (&started, &port) {
            (Err(StartError::Network(NetworkError::AddressInUse(_))), Port::Free { first, taken }) => {
                (*first, taken.clone())
            }
            // The port that the system chose last time has another owner now.
            (Err(StartError::Network(NetworkError::AddressInUse(_))), Port::Listed)
                if prepared.config.port.is_some() && prepared.config.listen.iter().any(|it| any_port(it)) =>
            {
                prepared.config.port = None;
                continue;
            }
            _ => {
                let node = started.map_err(|error| not_started(&error))?;
                prepared.config.port = match port {
                    Port::Listed => node.id().port,
                    Port::Kept(port) | Port::Free { first: port, .. } => Some(port),
                };
                prepared.config.save(&prepared.folder.config_path())?;
                return Ok((node, prepared));
            }
        };
        tries -= 1;
        let next = in_use.checked_add(1).filter(|_| tries > 0);
        let next = next.ok_or(crate::config::ConfigError::NoPort(in_use))?;
        port = Port::Free { first: first_free_port(next, &taken)?, taken };
    }
}

fn options(prepared: &Prepared, port: &Port) -> Result<NodeOptions, Problem> {
    let Prepared { folder, keys, config, age, .. } = prepared;
    let swarm_key = config.swarm_key.as_deref().map(swarm_key).transpose()?;
    let listen = match port {
        Port::Listed => addresses(&with_port(&config.listen, config.port))?,
        Port::Kept(port) | Port::Free { first: port, .. } => {
            let tcp = format!("/ip4/0.0.0.0/tcp/{port}");
            let quic = format!("/ip4/0.0.0.0/udp/{port}/quic-v1");
            // A swarm key goes under TCP alone.
            let all = [Some(tcp), swarm_key.is_none().then_some(quic)];
            addresses(&all.into_iter().flatten().collect::<Vec<_>>())?
        }
    };
    Ok(NodeOptions {
        folder: folder.path().to_owned(),
        identity: keys.identity.clone(),
        secret_key: keys.secret_key().clone(),
        created_at: config.created_at,
        identity_is_new: *age,
        role: config.role,
        name: config.name.clone(),
        listen,
        bootstrap: addresses(&config.bootstrap)?,
        mdns: if config.mdns { Mdns::On } else { Mdns::Off },
        swarm_key,
        members: members(config)?,
        policy: config.policy(),
        sources: config.sources(),
    })
}

/// Whether the system chooses the port of an address.
fn any_port(address: &str) -> bool {
    address.split('/').any(|part| part == "0")
}

/// Addresses whose port the system chooses keep the one that it chose last time, so that others find the node again.
fn with_port(listen: &[String], port: Option<u16>) -> Vec<String> {
    let Some(port) = port.map(|port| port.to_string()) else { return listen.to_vec() };
    let kept = |part| if part == "0" { port.as_str() } else { part };
    listen.iter().map(|address| address.split('/').map(kept).collect::<Vec<_>>().join("/")).collect()
}

/// Multiaddresses from text.
///
/// # Errors
/// `invalid_address`.
pub fn addresses(texts: &[String]) -> Result<Vec<Multiaddr>, Problem> {
    let parsed = texts.iter().map(|text| {
        text.parse().map_err(|error| {
            Problem::usage(
                "invalid_address",
                format!("`{text}` is not an address: {error}"),
                "addresses look like /ip4/10.0.0.7/tcp/8000/p2p/12D3KooW..., as `start` and `id` print them",
            )
        })
    });
    parsed.collect()
}

fn swarm_key(path: &Path) -> Result<SwarmKey, Problem> {
    use std::io::Read;

    let mut text = zeroize::Zeroizing::new(String::new());
    std::fs::File::open(path)
        .and_then(|file| file.take(SWARM_KEY_BYTES_MAX).read_to_string(&mut text))
        .map_err(|error| Problem::file("read", path, &error))?;
    text.parse().map_err(|error| {
        let message = format!("{}: {error}", path.display());
        Problem::usage("swarm_key", message, "make one with `formix-p2p swarm-key new FILE`")
    })
}

/// Who belongs to the network, as the settings say, and nothing is wrong with it now.
fn members(config: &NodeConfig) -> Result<MembershipSource, Problem> {
    let AdmissionLayer { allow, members, signer } = config.admission.clone();
    let source = MembershipSource { allow: allow.unwrap_or_default(), file: members, signer };
    source.read(SystemTime::now().into())?;
    Ok(source)
}

fn not_started(error: &StartError) -> Problem {
    Problem::new(Exit::Refused, "not_started", error.to_string(), error.hint())
}

/// A node that stopped on its own.
pub fn broken(error: &RunError) -> Problem {
    Problem::new(Exit::Refused, "node_broke_down", error.to_string(), error.hint())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_the_system_chose_is_kept() {
        let listen = ["/ip4/127.0.0.1/tcp/0".to_owned(), "/ip4/10.0.0.7/udp/9000/quic-v1".to_owned()];
        assert_eq!(with_port(&listen, None), listen);
        let kept = with_port(&listen, Some(4711));
        assert_eq!(kept, ["/ip4/127.0.0.1/tcp/4711", "/ip4/10.0.0.7/udp/9000/quic-v1"]);
    }

    #[test]
    fn addresses_and_keys_are_checked_before_there_is_a_node() {
        let listen = Layer { listen: Some(vec!["8000".to_owned()]), ..Layer::default() };
        assert_eq!(check(&listen).unwrap_err().code, "invalid_address");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("swarm.key");
        let told = Layer { swarm_key: Some(path.clone()), ..Layer::default() };
        assert_eq!(check(&told).unwrap_err().code, "file");
        std::fs::write(&path, "4711").unwrap();
        let problem = check(&told).unwrap_err();
        assert!(problem.code == "swarm_key" && !problem.message.contains("4711"), "{problem}");
        std::fs::write(&path, SwarmKey::from_bytes([7; 32]).to_text().expose()).unwrap();
        assert_eq!(check(&told), Ok(()));
    }
}
