//! Addresses to begin at whose owner is not known beforehand: dialled until somebody answers, and again when that
//! somebody is gone, whoever answers then.

use libp2p::Multiaddr;
use libp2p::swarm::ConnectionId;
use tokio::time::Instant;

use super::backoff::backoff;
use crate::domain::PeerId;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting {
        until: Instant,
    },
    Dialling(ConnectionId),
    Answered(PeerId),
    /// It is our own address.
    Own,
}

#[derive(Debug)]
struct Place {
    address: Multiaddr,
    failures: u32,
    state: State,
}

/// The addresses that the owner gave without an identity.
#[derive(Debug)]
pub(super) struct Bootstrap(Vec<Place>);

impl Bootstrap {
    pub(super) fn new(addresses: impl IntoIterator<Item = Multiaddr>, now: Instant) -> Self {
        let place = |address| Place { address, failures: 0, state: State::Waiting { until: now } };
        Self(addresses.into_iter().map(place).collect())
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.0.iter().filter_map(Place::due).min()
    }

    /// Dials the next address that is due, if there is one; `dial` names the attempt, or fails at once.
    pub(super) fn dial_due(
        &mut self,
        now: Instant,
        dial: impl FnOnce(Multiaddr) -> Option<ConnectionId>,
    ) -> bool {
        let Some(place) = self.0.iter_mut().find(|place| place.due().is_some_and(|due| due <= now)) else {
            return false;
        };
        match dial(place.address.clone()) {
            Some(attempt) => place.state = State::Dialling(attempt),
            None => place.fail(now),
        }
        true
    }

    /// Somebody is connected whom we dialled at `address`, by this attempt or another.
    pub(super) fn on_connected(&mut self, attempt: ConnectionId, peer: PeerId, address: &Multiaddr) {
        self.answered(peer, |place| place.state == State::Dialling(attempt) || place.address == *address);
    }

    /// Somebody connected says that it listens at these addresses.
    pub(super) fn on_identified(&mut self, peer: PeerId, addresses: &[Multiaddr]) {
        let waits = |place: &Place| matches!(place.state, State::Waiting { .. });
        self.answered(peer, |place| waits(place) && addresses.contains(&place.address));
    }

    pub(super) fn on_disconnected(&mut self, peer: PeerId, now: Instant) {
        for place in self.0.iter_mut().filter(|place| place.state == State::Answered(peer)) {
            place.fail(now);
        }
    }

    /// An attempt failed. Gives its address if it is the first in a row to do so: worth a word to the owner.
    pub(super) fn on_dial_failed(&mut self, attempt: ConnectionId, now: Instant) -> Option<Multiaddr> {
        let place = self.0.iter_mut().find(|place| place.state == State::Dialling(attempt))?;
        place.fail(now);
        (place.failures == 1).then(|| place.address.clone())
    }

    pub(super) fn on_own_address(&mut self, attempt: ConnectionId) {
        for place in self.0.iter_mut().filter(|place| place.state == State::Dialling(attempt)) {
            place.state = State::Own;
        }
    }

    fn answered(&mut self, peer: PeerId, applies: impl Fn(&Place) -> bool) {
        for place in self.0.iter_mut().filter(|place| applies(place)) {
            place.state = State::Answered(peer);
            place.failures = 0;
        }
    }
}

impl Place {
    fn due(&self) -> Option<Instant> {
        match self.state {
            State::Waiting { until } => Some(until),
            State::Dialling(_) | State::Answered(_) | State::Own => None,
        }
    }

    fn fail(&mut self, now: Instant) {
        self.failures += 1;
        self.state = State::Waiting { until: now + backoff(self.failures) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: PeerId = PeerId::from_public_key([1; 32]);

    fn address() -> Multiaddr {
        "/ip4/10.0.0.1/tcp/8000".parse().expect("an address")
    }

    #[test]
    fn an_address_is_dialled_while_nobody_there_is_connected() {
        let mut now = Instant::now();
        let mut bootstrap = Bootstrap::new([address()], now);
        let (first, second) = (ConnectionId::new_unchecked(1), ConnectionId::new_unchecked(2));
        assert!(bootstrap.dial_due(now, |_| Some(first)));
        assert!(!bootstrap.dial_due(now, |_| Some(second)));
        assert_eq!(bootstrap.on_dial_failed(first, now), Some(address()));
        now = bootstrap.next_due().expect("failed");
        assert!(bootstrap.dial_due(now, |_| Some(second)));
        bootstrap.on_connected(second, PEER, &address());
        assert_eq!(bootstrap.next_due(), None);
        bootstrap.on_disconnected(PEER, now);
        assert!(bootstrap.next_due().is_some());
        bootstrap.on_identified(PEER, &[address()]);
        assert_eq!(bootstrap.next_due(), None);
    }

    #[test]
    fn our_own_address_is_left_alone() {
        let now = Instant::now();
        let mut bootstrap = Bootstrap::new([address()], now);
        let attempt = ConnectionId::new_unchecked(1);
        assert!(bootstrap.dial_due(now, |_| Some(attempt)));
        bootstrap.on_own_address(attempt);
        assert_eq!(bootstrap.next_due(), None);
    }
}
