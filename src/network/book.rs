//! The address book: who is known under which addresses, who is to be kept, and who is dialled when.
//!
//! It decides and does nothing: the event loop dials what [`Book::take_due`] gives and tells what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use libp2p::Multiaddr;
use tokio::time::Instant;

use super::backoff::backoff;
use crate::domain::limits::{ADDRESSES_PER_PEER_MAX, LIGHT_NEIGHBOURS_MAX, PEERS_REMEMBERED_MAX};
use crate::domain::{PeerId, Role};

/// A connection that held this long ends a row of failures. One that ends sooner counts as a failure, so two
/// nodes that disagree about being connected do not dial each other without end.
const STEADY_AFTER: Duration = Duration::from_secs(30);
/// Heavy nodes that were merely found are given up after about ten minutes; those asked for never are.
const FOUND_FAILURES_MAX: u32 = 40;
/// Others are given up after a few seconds: mDNS tells of a node once, perhaps before it can be dialled.
const PASSING_FAILURES_MAX: u32 = 5;
/// A light neighbour without traffic of ours for this long is let go when there are too many.
const UNUSED_AFTER: Duration = Duration::from_secs(30);

/// Why a connection is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Interest {
    /// For no reason: it may end.
    Passing,
    /// It is a heavy node that was found.
    Found,
    /// The node, or its owner, asked for it.
    Asked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Waiting { until: Instant },
    Dialling,
    Connected { since: Instant, used: Instant },
}

#[derive(Debug)]
struct Entry {
    addresses: Vec<Multiaddr>,
    interest: Interest,
    role: Option<Role>,
    failures: u32,
    state: State,
}

/// Everybody who is known.
#[derive(Debug, Default)]
pub(super) struct Book {
    peers: BTreeMap<PeerId, Entry>,
    schedule: BTreeSet<(Instant, PeerId)>,
}

impl Book {
    /// Remembers addresses, the latest first.
    pub(super) fn learn(&mut self, peer: PeerId, addresses: impl IntoIterator<Item = Multiaddr>) {
        let Some(entry) = self.entry(peer) else { return };
        for address in addresses.into_iter().take(ADDRESSES_PER_PEER_MAX) {
            entry.addresses.retain(|known| *known != address);
            entry.addresses.insert(0, address);
        }
        entry.addresses.truncate(ADDRESSES_PER_PEER_MAX);
        if entry.interest > Interest::Passing && entry.state == State::Idle {
            self.dial_at(peer, Instant::now());
        }
    }

    /// Keeps a connection to this peer from now on.
    pub(super) fn keep(&mut self, peer: PeerId, interest: Interest, now: Instant) {
        let Some(entry) = self.entry(peer) else { return };
        entry.interest = entry.interest.max(interest);
        self.dial_at(peer, now);
    }

    /// Dials at a time, unless connected or about to be.
    pub(super) fn dial_at(&mut self, peer: PeerId, at: Instant) {
        let Some(entry) = self.peers.get(&peer).filter(|entry| !entry.addresses.is_empty()) else { return };
        match entry.state {
            State::Idle => self.set_state(peer, State::Waiting { until: at }),
            State::Waiting { until } if at < until && entry.failures == 0 => {
                self.set_state(peer, State::Waiting { until: at });
            }
            State::Waiting { .. } | State::Dialling | State::Connected { .. } => {}
        }
    }

    /// Peers that are known and that nobody dials.
    pub(super) fn idle(&self) -> Vec<PeerId> {
        let idle = self.peers.iter().filter(|(_, entry)| entry.state == State::Idle);
        idle.map(|(peer, _)| *peer).collect()
    }

    /// Whether a message to this peer has a chance: it is connected, or there is somewhere to dial.
    pub(super) fn is_reachable(&self, peer: PeerId) -> bool {
        self.peers.get(&peer).is_some_and(|entry| match entry.state {
            State::Connected { .. } => true,
            State::Idle | State::Waiting { .. } | State::Dialling => !entry.addresses.is_empty(),
        })
    }

    /// Whether there is a connection.
    pub(super) fn is_connected(&self, peer: PeerId) -> bool {
        self.peers.get(&peer).is_some_and(|entry| matches!(entry.state, State::Connected { .. }))
    }

    /// The next peer to dial by now, with its addresses; it counts as being dialled.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<(PeerId, Vec<Multiaddr>)> {
        let (_, peer) = self.schedule.first().copied().filter(|(at, _)| *at <= now)?;
        self.set_state(peer, State::Dialling);
        let addresses = self.peers.get(&peer).map(|entry| entry.addresses.clone());
        addresses.map(|addresses| (peer, addresses))
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.schedule.first().map(|(at, _)| *at)
    }

    /// A first connection is there.
    pub(super) fn on_connected(&mut self, peer: PeerId, now: Instant) {
        if self.entry(peer).is_some() {
            self.set_state(peer, State::Connected { since: now, used: now });
        }
    }

    /// The connection carries a message of ours.
    pub(super) fn on_used(&mut self, peer: PeerId, now: Instant) {
        if let Some(Entry { state: State::Connected { used, .. }, .. }) = self.peers.get_mut(&peer) {
            *used = now;
        }
    }

    /// The peer said what it is.
    pub(super) fn on_identified(&mut self, peer: PeerId, role: Role, now: Instant) {
        if let Some(entry) = self.entry(peer) {
            entry.role = Some(role);
        }
        if role == Role::Heavy {
            self.keep(peer, Interest::Found, now);
        }
    }

    /// The last connection is gone.
    pub(super) fn on_disconnected(&mut self, peer: PeerId, now: Instant) {
        let Some(entry) = self.peers.get_mut(&peer) else { return };
        let steady = match entry.state {
            State::Connected { since, .. } => now - since >= STEADY_AFTER,
            State::Idle | State::Waiting { .. } | State::Dialling => false,
        };
        entry.failures = if steady { 1 } else { entry.failures + 1 };
        let state = if entry.interest > Interest::Passing && !entry.addresses.is_empty() {
            State::Waiting { until: now + backoff(entry.failures) }
        } else {
            State::Idle
        };
        self.set_state(peer, state);
    }

    /// A dial came to nothing. For a peer that was asked for: how many in a row.
    pub(super) fn on_dial_failed(&mut self, peer: PeerId, now: Instant) -> Option<u32> {
        let entry = self.peers.get_mut(&peer).filter(|entry| entry.state == State::Dialling)?;
        entry.failures += 1;
        let failures = entry.failures;
        let state = match entry.interest {
            Interest::Passing if failures >= PASSING_FAILURES_MAX => State::Idle,
            Interest::Found if failures >= FOUND_FAILURES_MAX => {
                entry.interest = Interest::Passing;
                State::Idle
            }
            Interest::Passing | Interest::Found | Interest::Asked => {
                State::Waiting { until: now + backoff(failures) }
            }
        };
        let asked = entry.interest == Interest::Asked;
        self.set_state(peer, state);
        asked.then_some(failures)
    }

    /// Connected light nodes that nobody asked for.
    pub(super) fn light_neighbours(&self) -> usize {
        self.passing_light().count()
    }

    /// Light neighbours beyond [`LIGHT_NEIGHBOURS_MAX`] that carried nothing of ours lately.
    pub(super) fn surplus(&self, now: Instant) -> Vec<PeerId> {
        let surplus = self.light_neighbours().saturating_sub(LIGHT_NEIGHBOURS_MAX);
        let unused = self.passing_light().filter(|(_, used)| now - *used > UNUSED_AFTER);
        unused.map(|(peer, _)| peer).take(surplus).collect()
    }

    fn passing_light(&self) -> impl Iterator<Item = (PeerId, Instant)> {
        self.peers.iter().filter_map(|(peer, entry)| match entry.state {
            State::Connected { used, .. }
                if entry.role == Some(Role::Light) && entry.interest == Interest::Passing =>
            {
                Some((*peer, used))
            }
            State::Connected { .. } | State::Idle | State::Waiting { .. } | State::Dialling => None,
        })
    }

    fn set_state(&mut self, peer: PeerId, state: State) {
        let Some(entry) = self.peers.get_mut(&peer) else { return };
        if let State::Waiting { until } = entry.state {
            self.schedule.remove(&(until, peer));
        }
        if let State::Waiting { until } = state {
            self.schedule.insert((until, peer));
        }
        entry.state = state;
    }

    /// The entry of a peer. A full book forgets somebody who is neither connected nor asked for; if there is
    /// nobody such, the new one stays unknown.
    fn entry(&mut self, peer: PeerId) -> Option<&mut Entry> {
        if !self.peers.contains_key(&peer) && self.peers.len() >= PEERS_REMEMBERED_MAX {
            let idle = |entry: &Entry| entry.state == State::Idle && entry.interest == Interest::Passing;
            let forgotten = self.peers.iter().find(|(_, entry)| idle(entry)).map(|(peer, _)| *peer)?;
            self.peers.remove(&forgotten);
        }
        Some(self.peers.entry(peer).or_insert_with(|| Entry {
            addresses: Vec::new(),
            interest: Interest::Passing,
            role: None,
            failures: 0,
            state: State::Idle,
        }))
    }
}

#[cfg(test)]
#[path = "book_tests.rs"]
mod tests;
