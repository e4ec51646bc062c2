//! Who is there: what nodes say of themselves, who is connected, and how long ago that was.
//!
//! A node's presence is signed by it, so it may come from anybody. A later one replaces an earlier one. A node
//! is *lost* when its presence has run out and it is not connected, or when a connection that is meant to last
//! (every one with a heavy node at an end) is gone; a later presence brings it back.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::domain::limits::{
    CLOCK_SKEW_MAX, DIRECTORY_MAX, LOST_KEPT, NODE_NAME_CHARS_MAX, PRESENCE_ADDRESS_CHARS_MAX,
    PRESENCE_ADDRESSES_MAX, PRESENCE_LIFETIME, PRESENCE_PACE_MAX,
};
use crate::domain::{PeerId, Role, Timestamp};
use crate::wire::{Activity, Presence, Signed};

/// Everybody that this node has heard of, itself excepted.
#[derive(Debug)]
pub(super) struct Directory {
    own: PeerId,
    own_role: Role,
    nodes: BTreeMap<PeerId, Entry>,
    connected: BTreeMap<PeerId, Connection>,
}

#[derive(Debug)]
struct Entry {
    presence: Signed<Presence>,
    heard_at: Timestamp,
    expires: Timestamp,
    /// When a connection that is meant to last was lost; a later presence clears it.
    gone_at: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Connection {
    rtt: Option<Duration>,
    /// As what the protocol was told of it.
    met: Option<Role>,
    /// What it says of itself is not taken, because its clock shows this.
    ahead: Option<Ahead>,
}

/// A node that is connected and not taken up, because its clock is too far ahead of this node's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ahead {
    /// What it is.
    pub(super) role: Role,
    /// What its clock showed.
    pub(super) clock: Timestamp,
}

/// How a presence reached this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Via {
    /// Over a connection to the node itself.
    Itself,
    /// Over gossip, or relayed.
    Others,
}

/// What hearing a presence changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// A node that was not known, or was lost.
    New,
    /// A known node is to be found elsewhere, or as something else.
    Changed,
    /// A known node is still there.
    Refreshed,
    /// Known already, too old, or this node's own.
    Stale,
    /// It breaks a rule.
    Refused(Unfit),
}

/// Which rule a presence breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// Its clock is too far ahead of ours; kept, it would shut out every later one.
    FromTheFuture,
    /// Its name is too long or not printable.
    Name,
    /// Too many addresses, or one that is too long or not printable.
    Addresses,
}

/// How a node is doing, as far as this one knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Liveness {
    /// Ready.
    Active,
    /// Ready, with a computation between its deadline and its end.
    Processing,
    /// About to leave.
    Stopping,
    /// Not heard of any more.
    Lost,
}

/// One node, for those who show or choose nodes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    pub(super) presence: &'a Presence,
    pub(super) liveness: Liveness,
    pub(super) connected: bool,
    pub(super) rtt: Option<Duration>,
    pub(super) heard_at: Timestamp,
}

impl Directory {
    /// Nobody is there yet.
    pub(super) const fn new(own: PeerId, own_role: Role) -> Self {
        Self { own, own_role, nodes: BTreeMap::new(), connected: BTreeMap::new() }
    }

    /// Takes note of a presence.
    pub(super) fn hear(&mut self, signed: Signed<Presence>, via: Via, now: Timestamp) -> Heard {
        let presence = signed.get();
        let peer = presence.peer;
        let fit = check(presence, now);
        if let Some(connection) = self.connected.get_mut(&peer) {
            let is_ahead = fit == Err(Unfit::FromTheFuture);
            connection.ahead = is_ahead.then_some(Ahead { role: presence.role, clock: presence.sent_at });
        }
        if let Err(unfit) = fit {
            return Heard::Refused(unfit);
        }
        let lifetime = Duration::from_millis(presence.lifetime_ms).min(PRESENCE_LIFETIME * PRESENCE_PACE_MAX);
        let outlived = presence.sent_at + lifetime + CLOCK_SKEW_MAX < now;
        let known = self.nodes.get(&peer);
        let repeated = known.is_some_and(|known| presence.sent_at <= known.presence.get().sent_at);
        // Of a node that is connected it is no rumour, however old it looks: by a clock that is wrong it always does.
        let rumour = via == Via::Others && !self.is_connected(&peer);
        if peer == self.own || repeated || (outlived && rumour) {
            return Heard::Stale;
        }
        let heard = match known {
            None => Heard::New,
            Some(entry) if self.liveness(&peer, entry, now) == Liveness::Lost => Heard::New,
            Some(entry) if differs(entry.presence.get(), presence) => Heard::Changed,
            Some(_) => Heard::Refreshed,
        };
        if known.is_none() && self.nodes.len() >= DIRECTORY_MAX {
            self.make_room();
        }
        let entry = Entry { heard_at: now, expires: now + lifetime, gone_at: None, presence: signed };
        self.nodes.insert(peer, entry);
        heard
    }

    /// A connection to a peer is there.
    pub(super) fn connect(&mut self, peer: PeerId) {
        self.connected.entry(peer).or_default();
        if let Some(entry) = self.nodes.get_mut(&peer) {
            entry.gone_at = None;
        }
    }

    /// No connection to a peer is left. Says whether the protocol knows of it and should know of this too.
    pub(super) fn disconnect(&mut self, peer: PeerId, now: Timestamp) -> bool {
        let lasting = self.own_role == Role::Heavy;
        if let Some(entry) = self.nodes.get_mut(&peer) {
            let presence = entry.presence.get();
            if lasting || presence.role == Role::Heavy || presence.activity == Activity::Stopping {
                entry.gone_at = Some(now);
            }
        }
        self.connected.remove(&peer).is_some_and(|connection| connection.met.is_some())
    }

    /// A round trip to a peer took this long.
    pub(super) fn measure(&mut self, peer: PeerId, rtt: Duration) {
        if let Some(connection) = self.connected.get_mut(&peer) {
            connection.rtt = Some(rtt);
        }
    }

    /// The role of a peer that is connected and known, if the protocol has not been told of it yet.
    pub(super) fn meet(&mut self, peer: PeerId) -> Option<Role> {
        let role = self.nodes.get(&peer)?.presence.get().role;
        let connection = self.connected.get_mut(&peer)?;
        (connection.met.replace(role) != Some(role)).then_some(role)
    }

    /// Drops who has been lost for long.
    pub(super) fn prune(&mut self, now: Timestamp) {
        let Self { nodes, connected, .. } = self;
        nodes.retain(|peer, entry| {
            let lost_at = entry.gone_at.unwrap_or(entry.expires);
            connected.contains_key(peer) || lost_at + LOST_KEPT > now
        });
    }

    /// Everybody, by PeerId.
    pub(super) fn known(&self, now: Timestamp) -> impl Iterator<Item = Known<'_>> {
        self.nodes.iter().map(move |(peer, entry)| Known {
            presence: entry.presence.get(),
            liveness: self.liveness(peer, entry, now),
            connected: self.is_connected(peer),
            rtt: self.connected.get(peer).and_then(|connection| connection.rtt),
            heard_at: entry.heard_at,
        })
    }

    /// How many nodes it has, those included that have been lost a while ago.
    pub(super) fn size(&self) -> usize {
        self.nodes.len()
    }

    /// The presences of the nodes that were heard of last and are there, for a newcomer.
    pub(super) fn latest(&self, count: usize, now: Timestamp) -> Vec<Signed<Presence>> {
        let mut there: Vec<_> = self
            .nodes
            .iter()
            .filter(|(peer, entry)| self.liveness(peer, entry, now) != Liveness::Lost)
            .map(|(_, entry)| entry)
            .collect();
        there.sort_by_key(|entry| std::cmp::Reverse(entry.heard_at));
        there.into_iter().take(count).map(|entry| entry.presence.clone()).collect()
    }

    /// Heavy nodes that are connected and not taken up, because their clocks are too far ahead of this node's.
    pub(super) fn heavy_ahead(&self) -> impl Iterator<Item = (PeerId, Ahead)> {
        let ahead = |(peer, connection): (&PeerId, &Connection)| connection.ahead.map(|ahead| (*peer, ahead));
        self.connected.iter().filter_map(ahead).filter(|(_, ahead)| ahead.role == Role::Heavy)
    }

    /// What a node said of itself last.
    pub(super) fn presence(&self, peer: &PeerId) -> Option<&Presence> {
        self.nodes.get(peer).map(|entry| entry.presence.get())
    }

    /// Whether there is a connection.
    pub(super) fn is_connected(&self, peer: &PeerId) -> bool {
        self.connected.contains_key(peer)
    }

    /// Who is connected.
    pub(super) fn connected(&self) -> impl Iterator<Item = PeerId> {
        self.connected.keys().copied()
    }

    /// How many are connected.
    pub(super) fn connected_count(&self) -> usize {
        self.connected.len()
    }

    fn liveness(&self, peer: &PeerId, entry: &Entry, now: Timestamp) -> Liveness {
        let there = self.is_connected(peer) || (entry.gone_at.is_none() && now < entry.expires);
        match entry.presence.get().activity {
            _ if !there => Liveness::Lost,
            Activity::Active => Liveness::Active,
            Activity::Processing => Liveness::Processing,
            Activity::Stopping => Liveness::Stopping,
        }
    }

    /// Forgets the node, among those that are not connected, that was heard of longest ago.
    fn make_room(&mut self) {
        let Self { nodes, connected, .. } = self;
        let unconnected = nodes.iter().filter(|(peer, _)| !connected.contains_key(peer));
        let oldest = unconnected.min_by_key(|(_, entry)| entry.heard_at).map(|(peer, _)| *peer);
        // Connections are fewer than the directory is long, so there always is one.
        if let Some(oldest) = oldest {
            nodes.remove(&oldest);
        }
    }
}

impl Liveness {
    /// Whether it is there and stays.
    pub(super) const fn is_active(self) -> bool {
        match self {
            Self::Active | Self::Processing => true,
            Self::Stopping | Self::Lost => false,
        }
    }
}

impl fmt::Display for Liveness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "active",
            Self::Processing => "processing",
            Self::Stopping => "stopping",
            Self::Lost => "lost",
        })
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FromTheFuture => "its clock is more than 30 s ahead of this node's; set both clocks",
            Self::Name => "its name is too long or not printable",
            Self::Addresses => "its addresses are too many, too long or not printable",
        })
    }
}

/// Whether a node is to be found elsewhere, or as something else. What it is busy with changes often and is no news.
fn differs(earlier: &Presence, later: &Presence) -> bool {
    earlier.role != later.role || earlier.addresses != later.addresses || earlier.name != later.name
}

fn check(presence: &Presence, now: Timestamp) -> Result<(), Unfit> {
    let unprintable = |text: &str| text.chars().any(char::is_control);
    if presence.sent_at > now + CLOCK_SKEW_MAX {
        return Err(Unfit::FromTheFuture);
    }
    if presence.name.chars().count() > NODE_NAME_CHARS_MAX || unprintable(&presence.name) {
        return Err(Unfit::Name);
    }
    let fits =
        |address: &String| address.chars().count() <= PRESENCE_ADDRESS_CHARS_MAX && !unprintable(address);
    if presence.addresses.len() > PRESENCE_ADDRESSES_MAX || !presence.addresses.iter().all(fits) {
        return Err(Unfit::Addresses);
    }
    Ok(())
}

#[cfg(test)]
#[path = "directory_tests.rs"]
mod tests;
