//! mDNS within bounds: anybody on the LAN can claim any number of nodes. The protocol reads all of it, and keeps it for as long as
//! the claim says.
//!
//! Once more is claimed than a LAN has, mDNS is given up with all that it knows, and begins anew a little later. So a crowd of claims takes
//! neither memory nor processor time; while it lasts nobody is found by mDNS, and connections, known addresses and
//! `--bootstrap` do not depend on it.
//!
//! Whoever answers without end keeps all others from asking: the protocol asks some time after it last heard anything. So a node that has
//! no connection asks by itself from time to time.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, UdpSocket};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use libp2p::core::Endpoint;
use libp2p::core::transport::{ListenerId, PortUse};
use libp2p::mdns;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::behaviour::NewListenAddr;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent,
    ToSwarm, dummy,
};
use libp2p::{Multiaddr, PeerId};
use tokio::time::{Instant, Sleep};

use super::hosts::in_turns;
use crate::domain::limits::{ADDRESSES_PER_PEER_MAX, NEARBY_MAX};

/// How long a node is without mDNS after a crowd: as long as others wait before they ask again.
const PAUSE: Duration = QUERY_INTERVAL;
/// With the default of five minutes, 10 of 30 nodes that started together missed one.
const QUERY_INTERVAL: Duration = Duration::from_secs(5);
const TTL: Duration = Duration::from_secs(120);

/// How long a node stays alone before it asks who is there.
const ALONE_MAX: Duration = Duration::from_secs(10);
/// The group and the port of mDNS (RFC 6762), and the question for `_p2p._udp.local` (RFC 1035) as the protocol asks it.
const GROUP: (Ipv4Addr, u16) = (Ipv4Addr::new(224, 0, 0, 251), 5353);
const QUESTION: &[u8] = b"\0\0\0\0\0\x01\0\0\0\0\0\0\x04_p2p\x04_udp\x05local\0\0\x0c\0\x01";

/// mDNS, which pauses when it is told too much.
pub(super) struct Nearby {
    local: PeerId,
    state: State,
    /// What it must be told when it begins anew.
    listening: Vec<(ListenerId, Multiaddr)>,
    warned: bool,
    connections: usize,
    /// When it asks, if it is alone until then.
    alone_until: Pin<Box<Sleep>>,
}

enum State {
    Heard(Box<mdns::tokio::Behaviour>),
    /// Until then.
    Paused(Pin<Box<Sleep>>),
}

fn begin(local: PeerId) -> std::io::Result<mdns::tokio::Behaviour> {
    let config = mdns::Config { ttl: TTL, query_interval: QUERY_INTERVAL, ..mdns::Config::default() };
    mdns::tokio::Behaviour::new(config, local)
}

impl Nearby {
    /// # Errors
    /// Where the system does not tell its interfaces.
    pub(super) fn new(local: PeerId) -> std::io::Result<Self> {
        let state = State::Heard(Box::new(begin(local)?));
        let alone_until = Box::pin(tokio::time::sleep(ALONE_MAX));
        Ok(Self { local, state, listening: Vec::new(), warned: false, connections: 0, alone_until })
    }

    /// Gives up all that it knows. What reads the network ends, because nobody takes what it has read.
    fn pause(&mut self) {
        self.state = State::Paused(Box::pin(tokio::time::sleep(PAUSE)));
    }

    fn pause_beside_a_crowd(&mut self) {
        self.pause();
        if !self.warned {
            self.warned = true;
            tracing::warn!(
                claimed = NEARBY_MAX,
                "somebody nearby claims more nodes than there can be; mDNS finds nobody meanwhile"
            );
        }
    }

    fn begin_anew(&mut self) {
        match begin(self.local) {
            Ok(mut mdns) => {
                for (listener_id, addr) in &self.listening {
                    let heard = NewListenAddr { listener_id: *listener_id, addr };
                    mdns.on_swarm_event(FromSwarm::NewListenAddr(heard));
                }
                self.state = State::Heard(Box::new(mdns));
            }
            Err(reason) => {
                tracing::debug!(%reason, "mDNS does not begin anew yet");
                self.pause();
            }
        }
    }

    fn note_connections(&mut self, event: &FromSwarm<'_>) {
        if let FromSwarm::ConnectionEstablished(_) = event {
            self.connections += 1;
        } else if let FromSwarm::ConnectionClosed(_) = event {
            self.connections = self.connections.saturating_sub(1);
            self.wait_alone();
        }
    }

    fn wait_alone(&mut self) {
        self.alone_until.as_mut().reset(Instant::now() + ALONE_MAX);
    }

    /// Asks who is there, on every network on which this node listens. What is answered the protocol hears as well.
    fn ask(&self) {
        let own = self.listening.iter().filter_map(|(_, address)| match address.iter().next() {
            Some(Protocol::Ip4(own)) if !own.is_loopback() => Some(own),
            _ => None,
        });
        for address in own.collect::<BTreeSet<_>>() {
            // From the address it follows which network is meant.
            let asked = UdpSocket::bind((address, 0)).and_then(|socket| {
                socket.set_nonblocking(true)?;
                socket.send_to(QUESTION, GROUP)
            });
            if let Err(reason) = asked {
                tracing::debug!(%address, %reason, "mDNS cannot ask");
            }
        }
    }

    fn note_listening(&mut self, event: &FromSwarm<'_>) {
        if let FromSwarm::NewListenAddr(new) = event {
            self.listening.push((new.listener_id, new.addr.clone()));
        } else if let FromSwarm::ExpiredListenAddr(gone) = event {
            self.listening.retain(|(id, address)| (*id, address) != (gone.listener_id, gone.addr));
        }
    }
}

impl NetworkBehaviour for Nearby {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = mdns::Event;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        role: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        let State::Heard(mdns) = &mut self.state else { return Ok(Vec::new()) };
        let known = mdns.handle_pending_outbound_connection(connection, peer, addresses, role)?;
        Ok(in_turns(known).into_iter().take(ADDRESSES_PER_PEER_MAX).collect())
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        self.note_listening(&event);
        self.note_connections(&event);
        if let State::Heard(mdns) = &mut self.state {
            mdns.on_swarm_event(event);
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        // Its handler has nothing to tell.
        match event {}
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        loop {
            while self.connections == 0 && self.alone_until.as_mut().poll(context).is_ready() {
                self.wait_alone();
                self.ask();
            }
            match &mut self.state {
                State::Heard(mdns) if mdns.discovered_nodes().len() < NEARBY_MAX => return mdns.poll(context),
                State::Heard(_) => self.pause_beside_a_crowd(),
                State::Paused(until) => {
                    if until.as_mut().poll(context).is_pending() {
                        return Poll::Pending;
                    }
                    self.begin_anew();
                }
            }
        }
    }
}
