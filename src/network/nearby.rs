//! mDNS within bounds: anybody on the LAN can claim any number of nodes, and the protocol keeps them all for as long as the claim
//! says.
//!
//! Once more is claimed than a LAN has, it is asked for news once a second only. It reads packets when it is asked, a dozen
//! records at a time, and the rest is lost on the way: honest nodes are found more slowly then, and memory stays small.

use std::task::{Context, Poll};
use std::time::Duration;

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::mdns;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent,
    ToSwarm,
};
use libp2p::{Multiaddr, PeerId};
use tokio::time::{Interval, MissedTickBehavior};

use crate::domain::limits::NEARBY_MAX;

/// How often news are read when there are too many.
const SLOWLY: Duration = Duration::from_secs(1);

/// mDNS, and a clock that slows it down.
pub(super) struct Nearby {
    mdns: mdns::tokio::Behaviour,
    slowly: Interval,
    warned: bool,
}

impl Nearby {
    pub(super) fn new(mdns: mdns::tokio::Behaviour) -> Self {
        let mut slowly = tokio::time::interval(SLOWLY);
        slowly.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { mdns, slowly, warned: false }
    }
}

impl NetworkBehaviour for Nearby {
    type ConnectionHandler = <mdns::tokio::Behaviour as NetworkBehaviour>::ConnectionHandler;
    type ToSwarm = mdns::Event;

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.mdns.handle_established_inbound_connection(connection, peer, local, remote)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        role: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        let known = self.mdns.handle_pending_outbound_connection(connection, peer, addresses, role)?;
        Ok(known.into_iter().take(crate::domain::limits::ADDRESSES_PER_PEER_MAX).collect())
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.mdns.handle_established_outbound_connection(connection, peer, address, role, port)
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        self.mdns.on_swarm_event(event);
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        self.mdns.on_connection_handler_event(peer, connection, event);
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        if self.mdns.discovered_nodes().len() >= NEARBY_MAX {
            if !self.warned {
                self.warned = true;
                tracing::warn!(
                    claimed = NEARBY_MAX,
                    "somebody nearby claims more nodes than there can be; mDNS finds others slowly"
                );
            }
            if self.slowly.poll_tick(context).is_pending() {
                return Poll::Pending;
            }
        }
        self.mdns.poll(context)
    }
}
