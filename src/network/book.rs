//! The address book: who is known under which addresses, who is to be kept, and who is dialled when.
//!
//! It decides and does nothing: the event loop dials what [`Book::take_due`] gives and tells what came of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use libp2p::Multiaddr;
use tokio::time::Instant;

use super::backoff::backoff;
use super::hosts::in_turns;
use super::quotas::Standing;
use crate::domain::limits::{
    ADDRESSES_PER_PEER_MAX, DIALS_IN_PASSING_MAX, DIALS_ON_HEARSAY_MAX, DIALS_TO_FOUND_MAX,
    LIGHT_NEIGHBOURS_MAX, PEERS_REMEMBERED_MAX,
};
use crate::domain::{PeerId, Role};

/// A connection that held this long ends a row of failures. One that ends sooner counts as a failure, so two
/// nodes that disagree about being connected do not dial each other without end.
const STEADY_AFTER: Duration = Duration::from_secs(30);
/// A heavy node that has been here for this long is no stranger.
const KNOWN_AFTER: Duration = Duration::from_secs(60);
/// For how long a dial on hearsay counts.
const HEARSAY_WINDOW: Duration = Duration::from_secs(5);
/// What is tried later because too much is being dialled.
const POSTPONED: Duration = Duration::from_millis(500);
/// Heavy nodes that were merely found are given up after about ten minutes; those met or asked for never are.
const FOUND_FAILURES_MAX: u32 = 160;
/// Others are given up after a few seconds: mDNS tells of a node once, perhaps before it can be dialled.
const PASSING_FAILURES_MAX: u32 = 5;
/// A light neighbour without traffic of ours for this long is let go when there are too many.
const UNUSED_AFTER: Duration = Duration::from_secs(30);

/// Why a connection is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Interest {
    /// For no reason: it may end.
    Passing,
    /// It is said to be a heavy node.
    Found,
    /// It is a heavy node, and was connected for a while.
    Met,
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
    /// This node has reached it where it says that it is.
    dialled: bool,
    /// A message of ours waits for it.
    needed: bool,
    /// It waits because a crowd does, not because it could not be reached.
    postponed: bool,
    state: State,
}

/// Everybody who is known.
#[derive(Debug, Default)]
pub(super) struct Book {
    peers: BTreeMap<PeerId, Entry>,
    schedule: BTreeSet<(Instant, PeerId)>,
    /// Peers that are being dialled.
    dialling: BTreeSet<PeerId>,
    /// When peers were dialled of whom this node had only heard.
    hearsay: VecDeque<Instant>,
}

impl Book {
    /// Remembers addresses, the latest first; of too many, some of each host.
    pub(super) fn learn(&mut self, peer: PeerId, addresses: impl IntoIterator<Item = Multiaddr>) {
        let Some(entry) = self.entry(peer) else { return };
        for address in addresses.into_iter().take(ADDRESSES_PER_PEER_MAX) {
            entry.addresses.retain(|known| *known != address);
            entry.addresses.insert(0, address);
        }
        entry.addresses = in_turns(std::mem::take(&mut entry.addresses));
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

    /// A light node that was asked for matters no more; a connection that is there stays until it is surplus.
    /// Says whether it may.
    pub(super) fn let_go(&mut self, peer: PeerId) -> bool {
        let entry = self.peers.get_mut(&peer).filter(|entry| entry.role != Some(Role::Heavy));
        entry.is_some_and(|entry| {
            entry.interest = Interest::Passing;
            true
        })
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
        let peer = loop {
            let (_, peer) = self.schedule.first().copied().filter(|(at, _)| *at <= now)?;
            if self.may_dial(peer, now) {
                break peer;
            }
            self.set_state(peer, State::Waiting { until: self.postponed_until(now) });
            if let Some(entry) = self.peers.get_mut(&peer) {
                entry.postponed = true;
            }
        };
        self.set_state(peer, State::Dialling);
        let addresses = self.peers.get(&peer).map(|entry| entry.addresses.clone());
        addresses.map(|addresses| (peer, addresses))
    }

    /// When one is tried again that cannot be dialled now: the more wait, the later, so that a crowd of claims is not looked through
    /// again before everything else has had its turn. After the window there is room for some, and not before.
    fn postponed_until(&self, now: Instant) -> Instant {
        let crowd = u32::try_from(self.schedule.len() / DIALS_ON_HEARSAY_MAX).unwrap_or(u32::MAX);
        let later = now + POSTPONED.saturating_mul(crowd.saturating_add(1)).min(HEARSAY_WINDOW);
        let is_full = self.hearsay.len() >= DIALS_ON_HEARSAY_MAX;
        let room = self.hearsay.front().filter(|_| is_full).map(|at| *at + HEARSAY_WINDOW);
        room.map_or(later, |room| room.max(later))
    }

    /// Whether a peer may be dialled now: anybody may say of anybody where it lives, and each dial costs two machines a handshake.
    fn may_dial(&mut self, peer: PeerId, now: Instant) -> bool {
        let Some(entry) = self.peers.get(&peer) else { return true };
        if entry.interest >= Interest::Met || entry.needed {
            return true;
        }
        let most = if entry.interest == Interest::Found { DIALS_TO_FOUND_MAX } else { DIALS_IN_PASSING_MAX };
        while self.hearsay.front().is_some_and(|at| now - *at >= HEARSAY_WINDOW) {
            self.hearsay.pop_front();
        }
        let alike = |other: &&PeerId| self.peers.get(other).is_some_and(|it| it.interest == entry.interest);
        let under_way = || self.dialling.iter().filter(alike).count();
        let may = self.hearsay.len() < DIALS_ON_HEARSAY_MAX && under_way() < most;
        if may {
            self.hearsay.push_back(now);
        }
        may
    }

    /// Dials because a message of ours waits.
    pub(super) fn dial_for_message(&mut self, peer: PeerId, now: Instant) {
        let Some(entry) = self.peers.get_mut(&peer) else { return };
        entry.needed = true;
        if entry.postponed {
            // No crowd is waited for.
            self.set_state(peer, State::Waiting { until: now });
        } else {
            self.dial_at(peer, now);
        }
    }

    /// Somebody else lives there. What the owner said is not forgotten: that somebody may be gone again one day.
    pub(super) fn on_wrong_address(&mut self, peer: PeerId, address: &Multiaddr) {
        let Some(entry) = self.peers.get_mut(&peer).filter(|entry| entry.interest < Interest::Asked) else {
            return;
        };
        entry.addresses.retain(|known| known != address);
        if entry.addresses.is_empty() && matches!(entry.state, State::Waiting { .. }) {
            self.set_state(peer, State::Idle);
        }
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

    /// A dial has reached it.
    pub(super) fn on_dialled(&mut self, peer: PeerId) {
        if let Some(entry) = self.entry(peer) {
            entry.dialled = true;
        }
    }

    /// What this node has to do with a peer.
    pub(super) fn standing(&self, peer: PeerId, now: Instant) -> Standing {
        let known = self.peers.get(&peer).is_some_and(|entry| match (entry.interest, entry.state) {
            (Interest::Asked | Interest::Met, _) => true,
            (Interest::Found, State::Connected { since, .. }) => entry.dialled || now - since >= KNOWN_AFTER,
            (Interest::Passing, State::Connected { .. }) => entry.dialled,
            (Interest::Passing | Interest::Found, State::Idle | State::Waiting { .. } | State::Dialling) => {
                false
            }
        });
        if known { Standing::Known } else { Standing::Stranger }
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
        if steady && entry.interest == Interest::Found {
            entry.interest = Interest::Met;
        }
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
            Interest::Passing | Interest::Found | Interest::Met | Interest::Asked => {
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
        if state == State::Dialling {
            entry.needed = false;
            self.dialling.insert(peer);
        } else {
            self.dialling.remove(&peer);
        }
        entry.postponed = false;
        entry.state = state;
    }

    /// The entry of a peer. A full book forgets somebody who is neither connected nor asked for: whom it has no interest
    /// in, before those that it has tried in vain for longest. If there is nobody such, the new one stays unknown.
    fn entry(&mut self, peer: PeerId) -> Option<&mut Entry> {
        if !self.peers.contains_key(&peer) && self.peers.len() >= PEERS_REMEMBERED_MAX {
            let spare = |entry: &Entry| match entry.state {
                State::Idle | State::Waiting { .. } => entry.interest < Interest::Asked,
                State::Dialling | State::Connected { .. } => false,
            };
            let last = |entry: &Entry| (std::cmp::Reverse(entry.interest), entry.failures);
            let spares = self.peers.iter().filter(|(_, entry)| spare(entry));
            let forgotten = spares.max_by_key(|(_, entry)| last(entry)).map(|(peer, _)| *peer)?;
            self.set_state(forgotten, State::Idle);
            self.peers.remove(&forgotten);
        }
        Some(self.peers.entry(peer).or_insert_with(|| Entry {
            addresses: Vec::new(),
            interest: Interest::Passing,
            role: None,
            failures: 0,
            dialled: false,
            needed: false,
            postponed: false,
            state: State::Idle,
        }))
    }
}

#[cfg(test)]
#[path = "book_tests.rs"]
mod tests;
