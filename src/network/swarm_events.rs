//! What the swarm tells, and what follows from it.

use std::time::Duration;

use libp2p::core::ConnectedPoint;
use libp2p::swarm::{ConnectionDenied, ConnectionId, DialError, ListenError, SwarmEvent};
use libp2p::{Multiaddr, gossipsub, identify, mdns, ping};
use tokio::time::Instant;

use super::behaviour::{BehaviourEvent, KADEMLIA_PROTOCOL};
use super::event_loop::EventLoop;
use super::gate::NotAMember;
use super::offences::Verdict;
use super::quotas::{Allowance, Kind, Load};
use super::{NetworkEvent, peer};
use crate::domain::limits::{
    ADDRESSES_PER_PEER_MAX, LIGHT_NEIGHBOURS_MAX, NETWORK_EVENTS_CROWDED, NETWORK_EVENTS_OF_STRANGERS_MAX,
};
use crate::domain::{PeerId, Role};

/// Two nodes that hear of each other by mDNS would both dial; the one with the larger key waits this long first.
const COURTESY: Duration = Duration::from_secs(1);

impl EventLoop {
    pub(super) fn on_swarm_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour_event(event),
            SwarmEvent::NewListenAddr { address, .. } => {
                let address = address.with(libp2p::multiaddr::Protocol::P2p(self.local));
                self.addresses.send_modify(|addresses| {
                    if !addresses.contains(&address) {
                        addresses.push(address.clone());
                    }
                });
                self.outlet.tell(NetworkEvent::Listening(address));
            }
            SwarmEvent::ExpiredListenAddr { address, .. } => self.forget_listen_address(&address),
            SwarmEvent::ListenerClosed { addresses, .. } => {
                addresses.iter().for_each(|address| self.forget_listen_address(address));
            }
            SwarmEvent::ListenerError { error, .. } => tracing::warn!(%error, "a listener stumbled"),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, num_established, .. } => {
                self.on_connected(peer_id, connection_id, &endpoint, num_established.get());
            }
            SwarmEvent::ConnectionClosed { peer_id, num_established: 0, cause, .. } => {
                if let Some(peer) = peer::from_libp2p(&peer_id) {
                    tracing::debug!(?peer, ?cause, "disconnected");
                    self.on_disconnected(peer);
                }
            }
            SwarmEvent::OutgoingConnectionError { peer_id, connection_id, error } => {
                self.on_dial_failed(peer_id, connection_id, &error);
            }
            SwarmEvent::IncomingConnectionError {
                peer_id,
                send_back_addr,
                error: ListenError::Denied { cause },
                ..
            } if is_stranger(&cause) => self.on_stranger(peer_id, Some(&send_back_addr)),
            SwarmEvent::IncomingConnectionError { send_back_addr, error, .. } => {
                tracing::debug!(address = %send_back_addr, %error, "an incoming connection failed");
            }
            // libp2p's own list, which grows: dials under way and what is known of external addresses.
            _ => {}
        }
    }

    fn on_behaviour_event(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Message(event) => self.on_request_response(event),
            BehaviourEvent::Gossipsub(gossipsub::Event::Message {
                propagation_source,
                message_id,
                message,
            }) => {
                self.decode_gossip(propagation_source, message_id, message);
            }
            BehaviourEvent::Identify(identify::Event::Received { peer_id, info, .. }) => {
                self.on_identified(peer_id, info);
            }
            BehaviourEvent::Mdns(mdns::Event::Discovered(found)) => {
                found.into_iter().for_each(|(peer, address)| self.on_found_nearby(&peer, address));
            }
            BehaviourEvent::Ping(ping::Event { peer, connection, result }) => {
                self.on_ping(&peer, connection, result);
            }
            // A record that mDNS forgets is no sign that the peer is gone. Kademlia connects to whom it finds, and
            // they identify themselves. The limits and the block list have nothing to say.
            BehaviourEvent::Mdns(mdns::Event::Expired(_))
            | BehaviourEvent::Gossipsub(_)
            | BehaviourEvent::Identify(_)
            | BehaviourEvent::Kademlia(_)
            | BehaviourEvent::Limits(_)
            | BehaviourEvent::Slots(_)
            | BehaviourEvent::Gate(_)
            | BehaviourEvent::Memory(_)
            | BehaviourEvent::Blocked(_) => {}
        }
    }

    fn forget_listen_address(&mut self, address: &Multiaddr) {
        self.addresses.send_modify(|addresses| {
            addresses.retain(|known| peer::split(known.clone()).0 != *address);
        });
        let address = address.clone().with(libp2p::multiaddr::Protocol::P2p(self.local));
        self.outlet.tell(NetworkEvent::NotListening(address));
    }

    fn on_connected(
        &mut self,
        peer_id: libp2p::PeerId,
        attempt: ConnectionId,
        endpoint: &ConnectedPoint,
        connections: u32,
    ) {
        let Some(peer) = peer::from_libp2p(&peer_id) else {
            tracing::debug!(peer = %peer_id, "not an Ed25519 identity; disconnecting");
            // Gone meanwhile is as good.
            self.swarm.disconnect_peer_id(peer_id).ok();
            return;
        };
        let address = peer::split(endpoint.get_remote_address().clone()).0;
        if endpoint.is_dialer() {
            self.book.on_dialled(peer);
        }
        if connections == 1 {
            self.book.on_connected(peer, Instant::now());
            self.doors.on_connected(peer);
            tracing::debug!(?peer, %address, "connected");
            self.outlet.tell(NetworkEvent::Connected { peer, address: address.clone() });
        }
        if endpoint.is_dialer() {
            self.bootstrap.on_connected(attempt, peer, &address);
            self.book.learn(peer, [address]);
        }
        self.pump(peer);
    }

    fn on_disconnected(&mut self, peer: PeerId) {
        let now = Instant::now();
        if self.doors.on_disconnected(peer) && self.gate.admits(&peer) {
            tracing::warn!(
                hint = %format!("its network may be closed: ask its owner to add {} to the members list", self.local),
                "node {} closes every connection at once, before it has said who it is", peer.uid()
            );
        }
        self.book.on_disconnected(peer, now);
        self.bootstrap.on_disconnected(peer, now);
        self.outlet.tell(NetworkEvent::Disconnected(peer));
        self.pump(peer);
    }

    fn on_dial_failed(&mut self, peer_id: Option<libp2p::PeerId>, attempt: ConnectionId, error: &DialError) {
        if matches!(error, DialError::LocalPeerId { .. }) {
            self.bootstrap.on_own_address(attempt);
        } else if let Some(address) = self.bootstrap.on_dial_failed(attempt, Instant::now()) {
            tracing::info!(%address, reason = %error, "cannot be reached; trying again");
        }
        if let DialError::Denied { cause } = error
            && is_stranger(cause)
        {
            self.on_stranger(peer_id, None);
        }
        if let Some(peer) = peer_id.as_ref().and_then(peer::from_libp2p) {
            self.on_unreachable(peer, error);
        }
    }

    fn on_identified(&mut self, peer_id: libp2p::PeerId, info: identify::Info) {
        let Some(peer) = peer::from_libp2p(&peer_id) else { return };
        // It costs little to say so, and much to follow.
        if self.take(Kind::Identified, peer) != Allowance::Granted {
            return;
        }
        self.doors.on_identified(peer);
        let role = if info.protocols.contains(&KADEMLIA_PROTOCOL) { Role::Heavy } else { Role::Light };
        let mut addresses = peer::dialable(info.listen_addrs);
        addresses.truncate(ADDRESSES_PER_PEER_MAX);
        if role == Role::Heavy {
            let kademlia = &mut self.swarm.behaviour_mut().kademlia;
            // What it said before holds no more; without this, every word would add to its addresses for ever.
            kademlia.remove_peer(&peer_id);
            for address in &addresses {
                kademlia.add_address(&peer_id, address.clone());
            }
        }
        self.bootstrap.on_identified(peer, &addresses);
        self.book.learn(peer, addresses.iter().cloned());
        self.book.on_identified(peer, role, Instant::now());
        // A peer may say this as often as it likes, so it may be lost; presence carries the addresses, too.
        self.outlet.offer(NetworkEvent::Identified { peer, addresses }).ok();
    }

    fn on_found_nearby(&mut self, peer_id: &libp2p::PeerId, address: Multiaddr) {
        let Some(peer) = peer::from_libp2p(peer_id).filter(|_| *peer_id != self.local) else { return };
        self.book.learn(peer, [peer::split(address).0]);
        // A stranger nearby is none of a closed network's business.
        if !self.gate.admits(&peer) {
            return;
        }
        // Light nodes among themselves need only a few neighbours, and heavy nodes dial whomever they hear of.
        if self.role == Role::Light && self.book.light_neighbours() >= LIGHT_NEIGHBOURS_MAX {
            return;
        }
        let courtesy = if self.local < *peer_id { Duration::ZERO } else { COURTESY };
        self.book.dial_at(peer, Instant::now() + courtesy);
    }

    fn on_ping(
        &mut self,
        peer_id: &libp2p::PeerId,
        connection: ConnectionId,
        result: Result<Duration, ping::Failure>,
    ) {
        let Some(peer) = peer::from_libp2p(peer_id) else { return };
        match result {
            Ok(rtt) => {
                // Lost when the node does not keep up: there is another in five seconds.
                self.outlet.offer(NetworkEvent::Rtt { peer, rtt }).ok();
            }
            Err(ping::Failure::Unsupported) => {}
            Err(reason @ (ping::Failure::Timeout | ping::Failure::Other { .. })) => {
                tracing::debug!(?peer, %reason, "no answer; closing the connection");
                self.swarm.close_connection(connection);
            }
        }
    }

    /// Counts something that a peer sent.
    pub(super) fn take(&self, kind: Kind, from: PeerId) -> Allowance {
        let load = match self.outlet.waiting() {
            waiting if waiting >= NETWORK_EVENTS_OF_STRANGERS_MAX => Load::Full,
            waiting if waiting >= NETWORK_EVENTS_CROWDED => Load::Heavy,
            _ => Load::Light,
        };
        self.quotas.take(kind, from, self.book.standing(from, Instant::now()), load)
    }

    /// Somebody who is not on the list was at the door, or behind an address that was dialled.
    fn on_stranger(&mut self, peer_id: Option<libp2p::PeerId>, address: Option<&Multiaddr>) {
        let Some(peer) = peer_id.as_ref().and_then(peer::from_libp2p) else { return };
        if !self.strangers.is_news(peer, Instant::now()) {
            return;
        }
        let from = address.map(|address| format!(" at {address}")).unwrap_or_default();
        tracing::warn!(
            hint = %format!(
                "if it belongs to this network, add {peer} to the members file, or to `allow` under [admission] in node.toml"
            ),
            "node {}{from} is not on the members list and is kept out", peer.uid()
        );
    }

    pub(super) fn on_offence(&mut self, peer: PeerId, what: &'static str, reason: &str) {
        match self.offences.count(peer, Instant::now()) {
            Verdict::Log => tracing::warn!(?peer, what, reason, "refused"),
            Verdict::Overlook => {}
            Verdict::ShutOut => {
                tracing::warn!(?peer, what, reason, "refused too often; disconnecting for a minute");
                self.swarm.behaviour_mut().blocked.block_peer(peer::to_libp2p(peer));
            }
        }
    }
}

fn is_stranger(cause: &ConnectionDenied) -> bool {
    cause.downcast_ref::<NotAMember>().is_some()
}
