//! The libp2p protocols that a node speaks, and how each is set.

use std::collections::HashSet;
use std::time::Duration;

use libp2p::allow_block_list::{self, BlockedPeers};
use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::identity::Keypair;
use libp2p::kad::store::MemoryStore;
use libp2p::request_response::{self, ProtocolSupport};
use libp2p::swarm::NetworkBehaviour;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::{StreamProtocol, gossipsub, identify, kad, mdns, memory_connection_limits, ping};
use sha2::{Digest as _, Sha256};

use super::Mdns;
use super::codec::{self, Codec};
use super::error::NetworkError;
use super::gate::{Gate, Gatekeeper};
use super::topic::Topic;
use crate::domain::Role;
use crate::domain::limits::{
    CONNECTIONS_MAX, CONNECTIONS_PER_PEER_MAX, GOSSIP_BYTES_MAX, HALF_OPEN_CONNECTIONS_MAX,
};

/// Heavy nodes alone serve it, so whoever lists it is one.
pub(super) const KADEMLIA_PROTOCOL: StreamProtocol = StreamProtocol::new("/formix-p2p/kad/1");
const IDENTIFY_PROTOCOL: &str = "/formix-p2p/1";
const AGENT: &str = concat!("formix-p2p/", env!("CARGO_PKG_VERSION"));

/// A dead link shows within 20 s: two waits and two timeouts, because ping swallows its first failure.
const PING_INTERVAL: Duration = Duration::from_secs(5);
const PING_TIMEOUT: Duration = Duration::from_secs(5);
/// With the default of five minutes, 10 of 30 nodes that started together missed one.
const MDNS_QUERY_INTERVAL: Duration = Duration::from_secs(5);
const MDNS_TTL: Duration = Duration::from_secs(120);
/// How often the routing table is filled again; gossip tells of new heavy nodes sooner.
const KADEMLIA_BOOTSTRAP_INTERVAL: Duration = Duration::from_secs(30);
const KADEMLIA_QUERY_TIMEOUT: Duration = Duration::from_secs(10);
/// Room for what gossipsub wraps around a payload: signature, key, topic, control messages.
const GOSSIP_FRAME_BYTES: usize = GOSSIP_BYTES_MAX + 4 * 1024;
/// Half of the machine's memory in this process, and no new connection is taken.
const MEMORY_SHARE_MAX: f64 = 0.5;

pub(super) type Gossipsub =
    gossipsub::Behaviour<gossipsub::IdentityTransform, gossipsub::WhitelistSubscriptionFilter>;

/// Everything that a node speaks. Those that refuse connections come first.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    limits: connection_limits::Behaviour,
    memory: memory_connection_limits::Behaviour,
    gate: Gatekeeper,
    pub(super) blocked: allow_block_list::Behaviour<BlockedPeers>,
    ping: ping::Behaviour,
    identify: identify::Behaviour,
    mdns: Toggle<mdns::tokio::Behaviour>,
    pub(super) kademlia: kad::Behaviour<MemoryStore>,
    pub(super) gossipsub: Gossipsub,
    pub(super) message: request_response::Behaviour<Codec>,
}

impl Behaviour {
    pub(super) fn new(keypair: &Keypair, role: Role, mdns: Mdns, gate: Gate) -> Result<Self, NetworkError> {
        let local = keypair.public().to_peer_id();
        Ok(Self {
            limits: connection_limits::Behaviour::new(limits()),
            memory: memory(),
            gate: Gatekeeper(gate),
            blocked: allow_block_list::Behaviour::default(),
            ping: ping::Behaviour::new(
                ping::Config::new().with_interval(PING_INTERVAL).with_timeout(PING_TIMEOUT),
            ),
            identify: identify::Behaviour::new(
                identify::Config::new(IDENTIFY_PROTOCOL.to_owned(), keypair.public())
                    .with_agent_version(AGENT.to_owned())
                    .with_push_listen_addr_updates(true),
            ),
            mdns: multicast_dns(local, mdns).into(),
            kademlia: kademlia(local, role),
            gossipsub: gossip(keypair, role)?,
            message: request_response::Behaviour::with_codec(
                Codec::default(),
                [(codec::PROTOCOL, ProtocolSupport::Full)],
                request_response::Config::default(),
            ),
        })
    }
}

fn limits() -> ConnectionLimits {
    ConnectionLimits::default()
        .with_max_pending_incoming(Some(HALF_OPEN_CONNECTIONS_MAX))
        .with_max_pending_outgoing(Some(HALF_OPEN_CONNECTIONS_MAX))
        .with_max_established(Some(CONNECTIONS_MAX))
        .with_max_established_per_peer(Some(CONNECTIONS_PER_PEER_MAX))
}

fn memory() -> memory_connection_limits::Behaviour {
    let share = memory_connection_limits::Behaviour::with_max_percentage(MEMORY_SHARE_MAX);
    // Zero where the machine does not tell its memory, and then every connection would be refused.
    if share.max_allowed_bytes() > 0 {
        share
    } else {
        memory_connection_limits::Behaviour::with_max_bytes(usize::MAX)
    }
}

fn multicast_dns(local: libp2p::PeerId, mdns: Mdns) -> Option<mdns::tokio::Behaviour> {
    let config = mdns::Config { ttl: MDNS_TTL, query_interval: MDNS_QUERY_INTERVAL, ..mdns::Config::default() };
    match mdns {
        Mdns::Off => None,
        Mdns::On => match mdns::tokio::Behaviour::new(config, local) {
            Ok(behaviour) => Some(behaviour),
            Err(reason) => {
                tracing::warn!(%reason, "mDNS does not start; nodes nearby are not found by themselves");
                None
            }
        },
    }
}

fn kademlia(local: libp2p::PeerId, role: Role) -> kad::Behaviour<MemoryStore> {
    let mut config = kad::Config::new(KADEMLIA_PROTOCOL);
    config
        .set_periodic_bootstrap_interval(Some(KADEMLIA_BOOTSTRAP_INTERVAL))
        .set_query_timeout(KADEMLIA_QUERY_TIMEOUT)
        // Only peers that identify as heavy nodes are routed to.
        .set_kbucket_inserts(kad::BucketInserts::Manual)
        // It finds peers; nothing is ever stored in it, whatever strangers ask.
        .set_record_filtering(kad::StoreInserts::FilterBoth)
        .set_caching(kad::Caching::Disabled);
    let mut kademlia = kad::Behaviour::with_config(local, MemoryStore::new(local), config);
    // Left to itself it stays a client until somebody confirms an external address, which on a LAN nobody does.
    kademlia.set_mode(Some(match role {
        Role::Heavy => kad::Mode::Server,
        Role::Light => kad::Mode::Client,
    }));
    kademlia
}

fn gossip(keypair: &Keypair, role: Role) -> Result<Gossipsub, NetworkError> {
    let setup = |reason: String| NetworkError::Setup { layer: "gossipsub", reason };
    let mut config = gossipsub::ConfigBuilder::default();
    config
        .validation_mode(gossipsub::ValidationMode::Strict)
        .validate_messages()
        .message_id_fn(message_id)
        .max_transmit_size(GOSSIP_FRAME_BYTES)
        .flood_publish(true);
    match role {
        // A heavy node keeps every peer in its mesh: in a star, a mesh of six reaches 91 of 99.
        Role::Heavy => {
            let everybody = usize::try_from(CONNECTIONS_MAX).unwrap_or(usize::MAX);
            config.mesh_n_low(everybody).mesh_n(everybody).mesh_n_high(everybody)
        }
        // A light node keeps every heavy node that is likely to be there.
        Role::Light => config.mesh_n_low(6).mesh_n(12).mesh_n_high(64),
    };
    let config = config.build().map_err(|error| setup(error.to_string()))?;
    let authenticity = gossipsub::MessageAuthenticity::Signed(keypair.clone());
    let topics: HashSet<_> = Topic::ALL.map(Topic::hash).into();
    let filter = gossipsub::WhitelistSubscriptionFilter(topics);
    let mut behaviour = gossipsub::Behaviour::new_with_subscription_filter(authenticity, config, filter)
        .map_err(|error| setup(error.to_owned()))?;
    for topic in Topic::ALL {
        behaviour.subscribe(&topic.ident()).map_err(|error| setup(error.to_string()))?;
    }
    Ok(behaviour)
}

/// The author and what it says: the same thing said twice within a minute is heard once.
fn message_id(message: &gossipsub::Message) -> gossipsub::MessageId {
    let author = message.source.map(libp2p::PeerId::to_bytes).unwrap_or_default();
    let mut hasher = Sha256::new();
    // An author's bytes tell their own length, so no two pairs give the same bytes.
    hasher.update(&author);
    hasher.update(&message.data);
    gossipsub::MessageId::from(hasher.finalize().to_vec())
}
