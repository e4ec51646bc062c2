//! Who may connect: in a closed network the nodes on its list and nobody else. A connection of anybody else is closed as
//! soon as it is known whose it is, before any protocol runs on it.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::Duration;

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent,
    ToSwarm, dummy,
};
use libp2p::{Multiaddr, PeerId as Libp2pId};
use tokio::time::Instant;

use super::peer;
use crate::domain::PeerId;
use crate::domain::limits::STRANGERS_TOLD_MAX;

/// How often one stranger at the door is told of.
const TOLD_AGAIN: Duration = Duration::from_secs(3_600);

/// Whom a node lets in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Admission {
    /// Everybody who can begin a handshake.
    #[default]
    Everybody,
    /// These and nobody else.
    Listed(BTreeSet<PeerId>),
}

impl Admission {
    /// Whether this node is let in.
    pub fn admits(&self, peer: &PeerId) -> bool {
        match self {
            Self::Everybody => true,
            Self::Listed(listed) => listed.contains(peer),
        }
    }
}

/// The admission that counts now, shared by all that ask.
#[derive(Clone, Debug)]
pub(super) struct Gate(Arc<RwLock<Admission>>);

/// Why a connection is closed.
#[derive(Debug, thiserror::Error)]
#[error("the node is not on the list of members")]
pub(super) struct NotAMember;

impl Gate {
    pub(super) fn new(admission: Admission) -> Self {
        Self(Arc::new(RwLock::new(admission)))
    }

    pub(super) fn set(&self, admission: Admission) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = admission;
    }

    pub(super) fn admits(&self, peer: &PeerId) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).admits(peer)
    }

    fn check(&self, peer_id: &Libp2pId) -> Result<(), ConnectionDenied> {
        let is_open = *self.0.read().unwrap_or_else(PoisonError::into_inner) == Admission::Everybody;
        match peer::from_libp2p(peer_id) {
            _ if is_open => Ok(()),
            Some(peer) if self.admits(&peer) => Ok(()),
            Some(_) | None => Err(ConnectionDenied::new(NotAMember)),
        }
    }
}

/// The gate as a protocol that refuses connections and does nothing else.
pub(super) struct Gatekeeper(pub(super) Gate);

impl NetworkBehaviour for Gatekeeper {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: Libp2pId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.0.check(&peer)?;
        Ok(dummy::ConnectionHandler)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: Option<Libp2pId>,
        _: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        peer.map_or(Ok(()), |peer| self.0.check(&peer))?;
        Ok(Vec::new())
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: Libp2pId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.0.check(&peer)?;
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, _: FromSwarm<'_>) {}

    fn on_connection_handler_event(&mut self, _: Libp2pId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Infallible, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

/// Strangers that were told of lately, so that one that knocks all day has one line an hour, and a thousand keys do not
/// fill the log.
#[derive(Debug, Default)]
pub(super) struct Strangers(BTreeMap<PeerId, Instant>);

impl Strangers {
    /// Whether the owner is to hear of this one.
    pub(super) fn is_news(&mut self, stranger: PeerId, now: Instant) -> bool {
        self.0.retain(|_, told| now - *told < TOLD_AGAIN);
        if self.0.contains_key(&stranger) || self.0.len() >= STRANGERS_TOLD_MAX {
            return false;
        }
        self.0.insert(stranger, now);
        true
    }
}

/// Peers that close a connection before they have said who they are: so does a closed network with a node that is not on
/// its list, and nothing else tells that node.
#[derive(Debug, Default)]
pub(super) struct ShutDoors(BTreeMap<PeerId, u32>);

/// In a row; once or twice may be an accident.
const SHUT_IN_A_ROW: u32 = 3;

impl ShutDoors {
    pub(super) fn on_connected(&mut self, peer: PeerId) {
        if self.0.len() < STRANGERS_TOLD_MAX {
            self.0.entry(peer).or_default();
        }
    }

    pub(super) fn on_identified(&mut self, peer: PeerId) {
        self.0.remove(&peer);
    }

    /// Whether the owner is to hear of it: once in a row.
    pub(super) fn on_disconnected(&mut self, peer: PeerId) -> bool {
        let Some(shut) = self.0.get_mut(&peer) else { return false };
        *shut = shut.saturating_add(1);
        *shut == SHUT_IN_A_ROW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(number: u8) -> PeerId {
        PeerId::from_public_key([number; 32])
    }

    #[test]
    fn an_open_gate_admits_everybody_and_a_closed_one_its_list() {
        let gate = Gate::new(Admission::Everybody);
        assert!(gate.admits(&peer(1)));
        gate.set(Admission::Listed([peer(1)].into()));
        assert!(gate.admits(&peer(1)) && !gate.admits(&peer(2)));
        gate.set(Admission::Listed(BTreeSet::new()));
        assert!(!gate.admits(&peer(1)));
    }

    #[test]
    fn a_door_that_is_shut_three_times_is_told_of_once() {
        let mut doors = ShutDoors::default();
        let mut shut = || {
            doors.on_connected(peer(1));
            doors.on_disconnected(peer(1))
        };
        assert_eq!([shut(), shut(), shut(), shut()], [false, false, true, false]);
        doors.on_connected(peer(2));
        doors.on_identified(peer(2));
        assert!(!doors.on_disconnected(peer(2)));
    }

    #[test]
    fn a_key_of_another_kind_is_no_member() {
        let other = Libp2pId::random();
        assert!(Gate::new(Admission::Everybody).check(&other).is_ok());
        assert!(Gate::new(Admission::Listed([peer(1)].into())).check(&other).is_err());
    }

    #[test]
    fn a_stranger_is_told_of_once_an_hour_and_a_thousand_not_at_all() {
        let (mut strangers, now) = (Strangers::default(), Instant::now());
        assert!(strangers.is_news(peer(1), now) && !strangers.is_news(peer(1), now));
        assert!(strangers.is_news(peer(1), now + TOLD_AGAIN));
        let told = (0..=255).filter(|number| strangers.is_news(peer(*number), now)).count();
        assert!(told <= STRANGERS_TOLD_MAX, "{told}");
    }
}
