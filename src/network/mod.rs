//! The libp2p side of a node: it finds peers, stays connected to those that matter, and carries
//! [`Message`]s from one to one and [`Gossip`] from one to all. It decides nothing about computations.
//!
//! A message is sent at most once and may be lost: when a peer cannot be reached, when its queue is full, when a
//! connection breaks. The protocol asks again for what it lacks. Nodes find each other by mDNS on a LAN, and through any
//! one address by Kademlia, which heavy nodes serve; whoever serves it is kept connected.
//!
//! One task owns the swarm (`event_loop`). [`Network`] is a handle that talks to it through a bounded channel, and
//! everything that happens comes out of another bounded channel as [`NetworkEvent`]s: while the receiver is slow, senders
//! elsewhere are told "busy" and try again.

mod backoff;
mod behaviour;
mod book;
mod bootstrap;
mod codec;
mod error;
mod event_loop;
mod gate;
mod gossip;
mod hosts;
mod listen;
mod messages;
mod nearby;
mod offences;
mod outbox;
mod outlet;
mod peer;
mod quotas;
mod replies;
mod slots;
mod swarm_events;
mod topic;
mod transport;

use std::fmt;
use std::time::Duration;

use libp2p::identity::Keypair;
use tokio::sync::{mpsc, oneshot, watch};

pub use error::NetworkError;
pub use gate::Admission;
pub use libp2p::Multiaddr;

use self::behaviour::Behaviour;
use self::event_loop::{Command, EventLoop};
use self::gate::Gate;
use self::outlet::Outlet;
use crate::domain::limits::{NETWORK_COMMANDS_QUEUED_MAX, NETWORK_EVENTS_QUEUED_MAX};
use crate::domain::{PeerId, Role};
use crate::sharing::Secret;
use crate::wire::{Checked, Gossip, Message, SwarmKey};

/// Whether nodes nearby are found by multicast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mdns {
    /// They find each other by themselves. Without a multicast interface, a warning and nothing else.
    On,
    /// They are told of each other.
    Off,
}

/// What a node brings to the network.
#[derive(Clone, Debug)]
pub struct NetworkConfig {
    /// Its Ed25519 secret key.
    pub secret_key: Secret<[u8; 32]>,
    /// Heavy nodes serve Kademlia and keep everybody in their gossip mesh.
    pub role: Role,
    /// Where to listen: `/ip4/…/tcp/…` and `/ip4/…/udp/…/quic-v1`, or `/ip6`. Port 0 lets the system choose.
    pub listen: Vec<Multiaddr>,
    /// Where to begin; with or without `/p2p/…`. Dialled again for as long as nobody there is connected.
    pub bootstrap: Vec<Multiaddr>,
    /// Peers from earlier runs, kept connected from the start.
    pub known: Vec<(PeerId, Vec<Multiaddr>)>,
    /// Whether nodes nearby are found by multicast.
    pub mdns: Mdns,
    /// Closes the network to whoever lacks it. TCP only.
    pub swarm_key: Option<SwarmKey>,
    /// Whom it lets in.
    pub admission: Admission,
    /// The signatures that need not be checked again.
    pub checked: Checked,
}

/// What happens in the network.
#[derive(Clone, Debug)]
pub enum NetworkEvent {
    /// This node can be reached here; `/p2p/…` is part of it.
    Listening(Multiaddr),
    /// This node can no longer be reached here.
    NotListening(Multiaddr),
    /// The first connection to a peer is there.
    Connected {
        /// Who.
        peer: PeerId,
        /// Where it is, or where it called from.
        address: Multiaddr,
    },
    /// The last connection to a peer is gone.
    Disconnected(PeerId),
    /// Messages came together; their signatures hold, and the transport vouches for the sender.
    Messages {
        /// Who sent them.
        from: PeerId,
        /// What, in order. Never none.
        messages: Vec<Message>,
    },
    /// Gossip came; its signatures hold.
    Gossip {
        /// Who passed it on; who said it first is not known, and what needs a signature has one inside.
        from: PeerId,
        /// What.
        gossip: Gossip,
    },
    /// A peer answered a ping.
    Rtt {
        /// Who.
        peer: PeerId,
        /// After how long.
        rtt: Duration,
    },
    /// A peer told where it listens.
    Identified {
        /// Who.
        peer: PeerId,
        /// The addresses worth dialling, without `/p2p/…`.
        addresses: Vec<Multiaddr>,
    },
}

/// A node's handle on the network. Clones are the same node; when the last is dropped, the node leaves.
#[derive(Clone)]
pub struct Network {
    commands: mpsc::Sender<Command>,
    addresses: watch::Receiver<Vec<Multiaddr>>,
    gate: Gate,
}

impl Network {
    /// Enters the network, once every listen address is bound. Must run inside a Tokio runtime.
    ///
    /// Events must be taken: while they are not, nothing is received. Dropping the receiver leaves the network.
    ///
    /// # Errors
    /// The first listen address that cannot be bound, by cause; see [`NetworkError`].
    pub async fn start(config: NetworkConfig) -> Result<(Self, mpsc::Receiver<NetworkEvent>), NetworkError> {
        let keypair = Keypair::ed25519_from_bytes(*config.secret_key.expose())
            .map_err(|error| NetworkError::Setup { layer: "the identity", reason: error.to_string() })?;
        let gate = Gate::new(config.admission.clone());
        let behaviour = Behaviour::new(&keypair, &config, gate.clone())?;
        let mut swarm = transport::swarm(&keypair, behaviour, config.swarm_key.as_ref())?;
        let listening = listen::listen(&mut swarm, &config.listen, config.swarm_key.as_ref()).await?;

        let (commands, commands_rx) = mpsc::channel(NETWORK_COMMANDS_QUEUED_MAX);
        let (events, events_rx) = mpsc::channel(NETWORK_EVENTS_QUEUED_MAX);
        let (addresses_tx, addresses) = watch::channel(Vec::new());
        let mut event_loop = EventLoop::new(
            swarm,
            listening.listeners,
            config,
            commands_rx,
            Outlet::new(events),
            addresses_tx,
            gate.clone(),
        );
        for event in listening.events {
            event_loop.on_swarm_event(event);
        }
        tokio::spawn(event_loop.run());
        Ok((Self { commands, addresses, gate }, events_rx))
    }

    /// Sends a message, connecting first if need be. Never waits; the message may be lost.
    pub fn send(&self, to: PeerId, message: Message) {
        self.send_together(to, vec![message]);
    }

    /// Sends messages so that they arrive together, as far as they are small. Otherwise as [`Self::send`].
    pub fn send_together(&self, to: PeerId, messages: Vec<Message>) {
        self.command(Command::Send { to, messages });
    }

    /// Tells everybody who listens. Never waits. What finds no listener is tried again for some seconds, unless
    /// it is presence, which is said again anyway.
    pub fn publish(&self, gossip: Gossip) {
        self.command(Command::Publish(Box::new(gossip)));
    }

    /// Notes where a peer can be dialled.
    pub fn remember(&self, peer: PeerId, addresses: Vec<Multiaddr>) {
        self.command(Command::Remember { peer, addresses });
    }

    /// Notes that somebody is said to be a heavy node: it is connected as soon as an address of it is known, and given up if it
    /// cannot be reached for long. Anybody can say so of anybody, so such peers make room for those that were asked for.
    pub fn hear_of_heavy(&self, peer: PeerId) {
        self.command(Command::HearOfHeavy(peer));
    }

    /// Keeps a connection to a peer from now on, as soon as an address of it is known. It is no stranger any more: strangers
    /// never take its place. For peers that the owner or a computation needs, not for those that others tell of.
    pub fn want_connected(&self, peer: PeerId) {
        self.command(Command::WantConnected(peer));
    }

    /// A light node that was wanted may go. Heavy nodes are kept for other reasons.
    pub fn let_go(&self, peer: PeerId) {
        self.command(Command::LetGo(peer));
    }

    /// Whether a node is let in.
    pub fn admits(&self, peer: &PeerId) -> bool {
        self.gate.admits(peer)
    }

    /// A handle that changes whom the node lets in, and does not keep it in the network.
    pub fn admitter(&self) -> Admitter {
        Admitter { gate: self.gate.clone(), commands: self.commands.downgrade() }
    }

    /// Where this node can be reached, `/p2p/…` included.
    pub fn listen_addresses(&self) -> Vec<Multiaddr> {
        self.addresses.borrow().clone()
    }

    /// Leaves the network: what is under way goes out, peers are told, ports are free. Takes about 0.2 s.
    pub async fn stop(self) {
        let (done, is_done) = oneshot::channel();
        // Either failure means that the event loop is gone already.
        if self.commands.send(Command::Stop(done)).await.is_ok() {
            is_done.await.ok();
        }
    }

    fn command(&self, command: Command) {
        if let Err(refused) = self.commands.try_send(command) {
            tracing::debug!(%refused, "the network does not keep up; a command is lost");
        }
    }
}

/// Changes whom a node lets in.
#[derive(Debug)]
pub struct Admitter {
    gate: Gate,
    commands: mpsc::WeakSender<Command>,
}

impl Admitter {
    /// Lets these in from now on, and nobody else: whoever is connected and not among them is disconnected.
    pub async fn admit(&self, admission: Admission) {
        self.gate.set(admission);
        if let Some(commands) = self.commands.upgrade() {
            // The event loop is gone, and with it every connection.
            commands.send(Command::Recheck).await.ok();
        }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").field("addresses", &*self.addresses.borrow()).finish_non_exhaustive()
    }
}
