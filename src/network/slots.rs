//! Who gets a connection when many want one: strangers share what is left after peers that were asked for or dialled, and
//! no one address takes all of it.
//!
//! A stranger is a peer that came by itself and that nobody asked for. Where it comes from is counted by IP address (of IPv6
//! the first 64 bits, which one machine has for itself). Nothing here is remembered of an address: what it
//! has too many of is refused, and nothing else.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv6Addr};
use std::task::{Context, Poll};

use governor::RateLimiter;
use governor::clock::{Clock, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent,
    ToSwarm, dummy,
};
use libp2p::{Multiaddr, PeerId};

use super::quotas::quota;
use crate::domain::limits::{
    ARRIVALS_PER_ADDRESS, CONNECTIONS_PER_STRANGER_MAX, HALF_OPEN_PER_ADDRESS_MAX, PEERS_REMEMBERED_MAX,
    STRANGERS_MAX, STRANGERS_PER_ADDRESS_MAX,
};

/// Why a connection is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Crowded {
    /// Too many are being negotiated.
    #[error("too many connections from this address are half open")]
    HalfOpen,
    /// Too many came lately.
    #[error("too many connections have come from this address lately")]
    Arrivals,
    /// Strangers have all that they may have.
    #[error("strangers have as many connections as they may")]
    Strangers,
    /// Strangers from there have all that they may have.
    #[error("strangers from this address have as many connections as they may")]
    Address,
    /// One has all that it may have.
    #[error("a stranger has as many connections as it may")]
    Stranger,
}

/// Where a stranger comes from; `None` where the transport does not say.
type Source = Option<IpAddr>;
type Arrivals<C> = RateLimiter<Source, HashMapStateStore<Source>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// Refuses connections; everything else is left to the other protocols.
pub(super) struct Slots<C: Clock = MonotonicClock> {
    kept: HashSet<PeerId>,
    half_open: HashMap<ConnectionId, Source>,
    strangers: HashMap<ConnectionId, (PeerId, Source)>,
    arrivals: Arrivals<C>,
}

impl Default for Slots {
    fn default() -> Self {
        Self::new(&MonotonicClock)
    }
}

impl<C: Clock + Clone> Slots<C> {
    fn new(clock: &C) -> Self {
        Self {
            kept: HashSet::new(),
            half_open: HashMap::new(),
            strangers: HashMap::new(),
            arrivals: RateLimiter::hashmap_with_clock(quota(ARRIVALS_PER_ADDRESS, 1), clock.clone()),
        }
    }

    /// This peer is no stranger from now on.
    pub(super) fn keep(&mut self, peer: PeerId) {
        if self.kept.len() < PEERS_REMEMBERED_MAX && self.kept.insert(peer) {
            self.strangers.retain(|_, (stranger, _)| *stranger != peer);
        }
    }

    /// It may be taken for a stranger again.
    pub(super) fn let_go(&mut self, peer: &PeerId) {
        self.kept.remove(peer);
    }

    /// Forgets addresses that nobody has come from for a while.
    pub(super) fn forget_quiet(&self) {
        self.arrivals.retain_recent();
    }

    fn arrive(&mut self, connection: ConnectionId, source: Source) -> Result<(), Crowded> {
        if count(self.half_open.values().filter(|from| **from == source)) >= HALF_OPEN_PER_ADDRESS_MAX {
            return Err(Crowded::HalfOpen);
        }
        self.arrivals.check_key(&source).map_err(|_| Crowded::Arrivals)?;
        self.half_open.insert(connection, source);
        Ok(())
    }

    fn admit(&self, peer: PeerId, source: Source) -> Result<(), Crowded> {
        if self.kept.contains(&peer) {
            return Ok(());
        }
        let strangers = || self.strangers.values();
        if count(strangers()) >= STRANGERS_MAX {
            Err(Crowded::Strangers)
        } else if count(strangers().filter(|(_, from)| *from == source)) >= STRANGERS_PER_ADDRESS_MAX {
            Err(Crowded::Address)
        } else if count(strangers().filter(|(who, _)| *who == peer)) >= CONNECTIONS_PER_STRANGER_MAX {
            Err(Crowded::Stranger)
        } else {
            Ok(())
        }
    }

    fn settle(&mut self, connection: ConnectionId, peer: PeerId, source: Source) {
        self.half_open.remove(&connection);
        if !self.kept.contains(&peer) {
            self.strangers.insert(connection, (peer, source));
        }
    }
}

fn count(items: impl Iterator) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}

fn source(address: &Multiaddr) -> Source {
    address.iter().find_map(|part| match part {
        Protocol::Ip4(ip) => Some(IpAddr::V4(ip)),
        Protocol::Ip6(ip) => Some(match ip.to_ipv4_mapped() {
            Some(ip) => IpAddr::V4(ip),
            None => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
        }),
        _ => None,
    })
}

impl<C: Clock + Clone + Send + 'static> NetworkBehaviour for Slots<C>
where
    C::Instant: Send,
{
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = std::convert::Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        connection: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.arrive(connection, source(remote)).map_err(ConnectionDenied::new)
    }

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.half_open.remove(&connection);
        self.admit(peer, source(remote)).map_err(ConnectionDenied::new)?;
        Ok(dummy::ConnectionHandler)
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

    fn on_swarm_event(&mut self, event: FromSwarm) {
        match event {
            FromSwarm::ConnectionEstablished(it) if it.endpoint.is_listener() => {
                self.settle(it.connection_id, it.peer_id, source(it.endpoint.get_remote_address()));
            }
            FromSwarm::ConnectionClosed(it) => drop(self.strangers.remove(&it.connection_id)),
            FromSwarm::ListenFailure(it) => drop(self.half_open.remove(&it.connection_id)),
            // libp2p's own list, which grows.
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use governor::clock::FakeRelativeClock;

    use super::*;
    use crate::domain::limits::CONNECTIONS_MAX;

    fn from(number: u8) -> Source {
        Some(IpAddr::from([10, 0, 0, number]))
    }

    fn slots() -> (Slots<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (Slots::new(&clock), clock)
    }

    /// As many strangers as get in from one address.
    fn fill(slots: &mut Slots<FakeRelativeClock>, source: Source, first: usize) -> u32 {
        let mut entered = 0;
        while slots.admit(PeerId::random(), source).is_ok() {
            let connection = ConnectionId::new_unchecked(first + entered as usize);
            slots.settle(connection, PeerId::random(), source);
            entered += 1;
        }
        entered
    }

    #[test]
    fn strangers_from_one_address_leave_room_for_others_and_all_strangers_for_the_known() {
        let (mut slots, _) = slots();
        let known = PeerId::random();
        slots.keep(known);
        assert_eq!(fill(&mut slots, from(1), 0), STRANGERS_PER_ADDRESS_MAX);
        assert_eq!(slots.admit(PeerId::random(), from(1)), Err(Crowded::Address));
        assert_eq!(slots.admit(PeerId::random(), from(2)), Ok(()));
        assert_eq!(fill(&mut slots, from(2), 10_000), STRANGERS_MAX - STRANGERS_PER_ADDRESS_MAX);
        assert_eq!(slots.admit(PeerId::random(), from(3)), Err(Crowded::Strangers));
        for _ in STRANGERS_MAX..CONNECTIONS_MAX {
            assert_eq!(slots.admit(known, from(1)), Ok(()));
        }
    }

    #[test]
    fn a_thousand_nodes_behind_one_address_get_in_at_once() {
        let (mut slots, _) = slots();
        for number in 0..1_000 {
            let (peer, connection) = (PeerId::random(), ConnectionId::new_unchecked(number));
            assert_eq!(slots.arrive(connection, from(1)), Ok(()), "{number}");
            assert_eq!(slots.admit(peer, from(1)), Ok(()), "{number}");
            slots.settle(connection, peer, from(1));
        }
    }

    #[test]
    fn one_stranger_has_two_connections_until_it_is_asked_for() {
        let (mut slots, _) = slots();
        let peer = PeerId::random();
        for number in 0..2 {
            assert_eq!(slots.admit(peer, from(1)), Ok(()));
            slots.settle(ConnectionId::new_unchecked(number), peer, from(1));
        }
        assert_eq!(slots.admit(peer, from(1)), Err(Crowded::Stranger));
        slots.keep(peer);
        assert_eq!(slots.admit(peer, from(1)), Ok(()));
        assert!(slots.strangers.is_empty());
    }

    #[test]
    fn connections_that_never_become_one_are_bounded_by_address() {
        let (mut slots, _) = slots();
        for number in 0..HALF_OPEN_PER_ADDRESS_MAX as usize {
            assert_eq!(slots.arrive(ConnectionId::new_unchecked(number), from(1)), Ok(()));
        }
        let next = ConnectionId::new_unchecked(10_000);
        assert_eq!(slots.arrive(next, from(1)), Err(Crowded::HalfOpen));
        assert_eq!(slots.arrive(next, from(2)), Ok(()));
    }

    #[test]
    fn whoever_comes_and_goes_without_end_is_slowed_down_for_a_while() {
        let (mut slots, clock) = slots();
        let mut come = |times: u32| {
            let mut entered = 0;
            for number in 0..times {
                let connection = ConnectionId::new_unchecked(number as usize);
                entered += u32::from(slots.arrive(connection, from(1)).is_ok());
                slots.half_open.clear();
            }
            entered
        };
        assert_eq!(come(ARRIVALS_PER_ADDRESS.burst + 500), ARRIVALS_PER_ADDRESS.burst);
        clock.advance(Duration::from_secs(1));
        assert_eq!(come(500), ARRIVALS_PER_ADDRESS.each_second);
        clock.advance(Duration::from_secs(60));
        slots.forget_quiet();
        assert_eq!(slots.arrivals.len(), 0);
    }

    #[test]
    fn a_machine_has_64_bits_of_ipv6_for_itself() {
        let source = |text: &str| source(&text.parse().expect("an address"));
        assert_eq!(source("/ip6/2001:db8::1/tcp/1"), source("/ip6/2001:db8::ffff:1/udp/2/quic-v1"));
        assert_ne!(source("/ip6/2001:db8::1/tcp/1"), source("/ip6/2001:db8:0:1::1/tcp/1"));
        assert_eq!(source("/ip6/::ffff:10.0.0.1/tcp/1"), source("/ip4/10.0.0.1/tcp/1"));
        assert_eq!(source("/memory/1"), None);
    }
}
