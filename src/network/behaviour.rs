//! The libp2p protocols that a node speaks, and how each is set.

use std::time::Duration;

use libp2p::allow_block_list::{self, BlockedPeers};
use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::identity::Keypair;
use libp2p::kad::store::MemoryStore;
use libp2p::request_response::{self, ProtocolSupport};
use libp2p::swarm::NetworkBehaviour;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::{StreamProtocol, identify, kad, memory_connection_limits, ping};

use super::codec::{self, Codec};
use super::error::NetworkError;
use super::gate::{Gate, Gatekeeper};
use super::gossip::{self, Gossipsub};
use super::nearby::Nearby;
use super::slots::Slots;
use super::{Mdns, NetworkConfig};
use crate::domain::Role;
use crate::domain::limits::{CONNECTIONS_MAX, CONNECTIONS_PER_PEER_MAX, HALF_OPEN_CONNECTIONS_MAX};

/// Heavy nodes alone serve it, so whoever lists it is one.
pub(super) const KADEMLIA_PROTOCOL: StreamProtocol = StreamProtocol::new("/formix-p2p/kad/1");
const IDENTIFY_PROTOCOL: &str = "/formix-p2p/1";
const AGENT: &str = concat!("formix-p2p/", env!("CARGO_PKG_VERSION"));

/// A dead link shows within 20 s: two waits and two timeouts, because ping swallows its first failure.
const PING_INTERVAL: Duration = Duration::from_secs(5);
const PING_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the routing table is filled again; gossip tells of new heavy nodes sooner.
const KADEMLIA_BOOTSTRAP_INTERVAL: Duration = Duration::from_secs(30);
const KADEMLIA_QUERY_TIMEOUT: Duration = Duration::from_secs(10);
/// Half of the machine's memory in this process, and no new connection is taken.
const MEMORY_SHARE_MAX: f64 = 0.5;

/// Everything that a node speaks. Those that refuse connections come first.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    limits: connection_limits::Behaviour,
    memory: memory_connection_limits::Behaviour,
    pub(super) slots: Slots,
    gate: Gatekeeper,
    pub(super) blocked: allow_block_list::Behaviour<BlockedPeers>,
    ping: ping::Behaviour,
    identify: identify::Behaviour,
    mdns: Toggle<Nearby>,
    pub(super) kademlia: kad::Behaviour<MemoryStore>,
    pub(super) gossipsub: Gossipsub,
    pub(super) message: request_response::Behaviour<Codec>,
}

impl Behaviour {
    pub(super) fn new(keypair: &Keypair, config: &NetworkConfig, gate: Gate) -> Result<Self, NetworkError> {
        let (local, role) = (keypair.public().to_peer_id(), config.role);
        Ok(Self {
            limits: connection_limits::Behaviour::new(limits()),
            memory: memory(),
            slots: Slots::default(),
            gate: Gatekeeper(gate),
            blocked: allow_block_list::Behaviour::default(),
            ping: ping::Behaviour::new(
                ping::Config::new().with_interval(PING_INTERVAL).with_timeout(PING_TIMEOUT),
            ),
            identify: identify::Behaviour::new(
                identify::Config::new(IDENTIFY_PROTOCOL.to_owned(), keypair.public())
                    .with_agent_version(AGENT.to_owned())
                    .with_push_listen_addr_updates(true)
                    // The book remembers what is worth dialling. Here every address would be kept that a peer says it listens
                    // on, its loopback included: that leads back to this node, sooner than any other to anywhere.
                    .with_cache_size(0),
            ),
            mdns: multicast_dns(local, config.mdns).into(),
            kademlia: kademlia(local, role),
            gossipsub: gossip::behaviour(role)?,
            message: request_response::Behaviour::with_codec(
                Codec::new(config.checked.clone()),
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

fn multicast_dns(local: libp2p::PeerId, mdns: Mdns) -> Option<Nearby> {
    match mdns {
        Mdns::Off => None,
        Mdns::On => match Nearby::new(local) {
            Ok(nearby) => Some(nearby),
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
