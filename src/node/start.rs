//! Puts a node together: memory, network, protocol, local API, in this order, and undoes it when one fails.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::TryRng;
use rand::rngs::SysRng;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::actions::Round;
use super::clock::Clock;
use super::directory::Directory;
use super::failpoint::Failpoint;
use super::membership;
use super::neighbours::introductions;
use super::parked::Parked;
use super::presence::OwnPresence;
use super::reading::Readings;
use super::render;
use super::runtime::{Inlets, Runtime};
use super::timers::Timers;
use super::work::Work;
use super::{IdentityAge, NodeOptions, RunError, RunningNode, StartError};
use crate::control::{self, CALLS_QUEUED_MAX, NodeId};
use crate::domain::limits::NODE_NAME_CHARS_MAX;
use crate::domain::{PeerId, Timestamp};
use crate::network::{Admission, Network, NetworkConfig};
use crate::protocol::{Node, Seed, Settings, Slice};
use crate::sharing::Secret;
use crate::sources::FieldInfo;
use crate::store::{KnownPeer, Memory, Store, StoreError};
use crate::wire::{Activity, Presence, Record};

const STORE_FILE: &str = "node.redb";
const SOCKET_FILE: &str = "control.sock";
/// How long the last answers may take to be read: a node leaves within 5 s of being told to.
const LAST_ANSWERS_WAIT: Duration = Duration::from_secs(2);

pub(super) async fn start(options: NodeOptions) -> Result<RunningNode, StartError> {
    check_name(&options.name)?;
    let failpoint = Failpoint::from_environment().map_err(StartError::Failpoint)?;
    let mut clock = Clock::from_environment().map_err(StartError::ClockOffset)?;
    let now = clock.now();
    let own = options.identity.peer();
    let (store, records, known) = open_memory(&options, now).await?;
    Failpoint::pass(failpoint.as_ref(), &Failpoint::Opened);
    let offered = offered(&options).await?;
    let seed = fresh_seed()?;
    let source = options.members.clone();
    let members = tokio::task::spawn_blocking(move || source.read(now));
    let members = members.await.map_err(|_| RunError::Broken)??;
    membership::tell(members.as_ref(), own, now);
    let admission = membership::admission(members.as_ref());
    let (network, events) = Network::start(network_config(&options, known, admission)).await?;
    let membership = membership::watch(options.members.clone(), members, &network);
    let addresses: Vec<_> = network.listen_addresses().iter().map(ToString::to_string).collect();
    let (calls, waiting_calls) = mpsc::channel(CALLS_QUEUED_MAX);
    let (stop, stopped) = oneshot::channel();
    let socket = options.folder.join(SOCKET_FILE);
    let id = node_id(&options, &addresses);
    let presence = OwnPresence::new(options.identity.clone(), first_presence(&options, addresses, now));
    let (readings, read) = Readings::new(options.sources, &offered, options.policy.unfit_rows());
    let mut runtime = Runtime {
        own,
        role: options.role,
        name: options.name,
        policy: options.policy.clone(),
        home: home_of(&options.folder),
        readings,
        identity: options.identity.clone(),
        node: Node::new(Settings {
            identity: options.identity,
            role: options.role,
            policy: options.policy,
            memory_since: store.memory_since(),
            seed,
            slice: Slice::default(),
        }),
        network,
        store,
        directory: Directory::new(own, options.role),
        presence,
        introductions: introductions(),
        timers: Timers::default(),
        work: Work::default(),
        parked: Parked::default(),
        open: BTreeMap::new(),
        round: Round::default(),
        write_by: None,
        destroying: None,
        someone_came: false,
        leaving: false,
        clock,
        now,
        started: Instant::now(),
        _membership: membership,
        inlets: Inlets { network: events, calls: waiting_calls, read, stop: stopped },
        failpoint,
    };
    let restored = runtime.restore(records).await;
    let (close_api, api_closes) = oneshot::channel::<()>();
    let shutdown = async move { drop(api_closes.await) };
    let served = match restored {
        Ok(()) => control::serve(&socket, calls.clone(), shutdown).await.map_err(StartError::from),
        Err(error) => Err(error.into()),
    };
    let api = match served {
        Ok(api) => api,
        Err(error) => {
            runtime.leave().await;
            return Err(error);
        }
    };
    tracing::info!(
        peer = %own.uid(), role = %id.role, name = %id.name, addresses = %id.addresses.join(" "), "ready"
    );
    let task = tokio::spawn(run(runtime, close_api, api));
    Ok(RunningNode { id, calls, stop: Some(stop), task, ended: false })
}

async fn run(runtime: Runtime, close_api: oneshot::Sender<()>, api: JoinHandle<()>) -> Result<(), RunError> {
    let outcome = runtime.run().await;
    drop(close_api);
    // Answers that were given are written before the process may end, unless nobody reads them.
    match tokio::time::timeout(LAST_ANSWERS_WAIT, api).await {
        Ok(Ok(())) => {}
        Ok(Err(_)) => tracing::warn!("the local API broke down"),
        Err(_) => tracing::debug!("somebody does not read the local API's last answer"),
    }
    outcome
}

/// Others take no presence with a name that they could not show.
fn check_name(name: &str) -> Result<(), StartError> {
    let fits = name.chars().count() <= NODE_NAME_CHARS_MAX && !name.chars().any(char::is_control);
    if fits {
        Ok(())
    } else {
        Err(StartError::Name(name.escape_debug().take(2 * NODE_NAME_CHARS_MAX).collect()))
    }
}

/// Opens the store, or makes one: of a new identity, or of one whose memory is gone.
async fn open_memory(
    options: &NodeOptions,
    now: Timestamp,
) -> Result<(Arc<Store>, Vec<Record>, Vec<KnownPeer>), StartError> {
    let NodeOptions { folder, identity_is_new, .. } = options;
    let (folder, age, owner) = (folder.clone(), *identity_is_new, options.identity.peer());
    let opened = tokio::task::spawn_blocking(move || {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.map_err(|reason| StartError::Folder { path: folder.clone(), reason })?;
        let store = open_store(&folder.join(STORE_FILE), owner, age, now)?;
        for lost in store.lost() {
            tracing::error!(hint = %lost.hint(), "{lost}");
        }
        let records = store.load_but_reports()?;
        let known = store.known_peers();
        Ok::<_, StartError>((Arc::new(store), records, known))
    });
    opened.await.map_err(|_| RunError::StorePanicked(options.folder.clone()))?
}

/// What its sources offer.
async fn offered(options: &NodeOptions) -> Result<Vec<FieldInfo>, StartError> {
    let sources = options.sources.clone();
    let looked = tokio::task::spawn_blocking(move || sources.fields());
    Ok(looked.await.map_err(|_| RunError::Broken)?)
}

fn open_store(path: &Path, owner: PeerId, age: IdentityAge, now: Timestamp) -> Result<Store, StoreError> {
    match Store::open(path, owner) {
        Err(StoreError::Missing { .. }) => {}
        opened => return opened,
    }
    let memory = match age {
        IdentityAge::New => Memory::SinceBirth,
        IdentityAge::Existing => {
            tracing::warn!(
                store = %path.display(),
                "this node has lost its memory: it declines questions from before now, which it may have answered"
            );
            Memory::Since
        }
    };
    Store::create(path, owner, memory, now)
}

fn fresh_seed() -> Result<Seed, StartError> {
    let mut seed = [0; 32];
    SysRng.try_fill_bytes(&mut seed).map_err(|error| StartError::NoRandomness(error.to_string()))?;
    Ok(Secret::new(seed))
}

fn network_config(options: &NodeOptions, known: Vec<KnownPeer>, admission: Admission) -> NetworkConfig {
    let addresses = |peer: &KnownPeer| peer.addresses.iter().filter_map(|text| text.parse().ok()).collect();
    let known = known.iter().map(|peer| (peer.peer, addresses(peer))).collect();
    NetworkConfig {
        secret_key: options.secret_key.clone(),
        role: options.role,
        listen: options.listen.clone(),
        bootstrap: options.bootstrap.clone(),
        known,
        mdns: options.mdns,
        swarm_key: options.swarm_key.clone(),
        admission,
        checked: options.identity.checked(),
    }
}

fn first_presence(options: &NodeOptions, addresses: Vec<String>, now: Timestamp) -> Presence {
    Presence {
        peer: options.identity.peer(),
        role: options.role,
        name: options.name.clone(),
        activity: Activity::Active,
        addresses,
        created_at: options.created_at,
        sent_at: now,
        lifetime_ms: 0,
    }
}

fn node_id(options: &NodeOptions, addresses: &[String]) -> NodeId {
    let own = options.identity.peer();
    NodeId {
        uid: own.uid().to_string(),
        peer_id: own.to_string(),
        role: options.role,
        name: options.name.clone(),
        port: addresses.iter().find_map(|address| render::port(address)),
        addresses: addresses.iter().map(|address| render::full_address(address, own)).collect(),
        home: home_of(&options.folder).display().to_string(),
    }
}

/// The folder that holds the node's own.
fn home_of(folder: &Path) -> PathBuf {
    folder.parent().unwrap_or(folder).to_owned()
}
