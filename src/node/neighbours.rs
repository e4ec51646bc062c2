//! What the network reports: who comes and goes, what is sent, and who says what of itself.

use std::num::NonZeroU32;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use super::actions::Release;
use super::directory::{Heard, Unfit, Via};
use super::joins::Word;
use super::runtime::Runtime;
use super::story;
use crate::domain::limits::{INTRODUCTIONS, PRESENCE_TOLD_MAX, PRESENCES_RELAYED_MAX};
use crate::domain::{PeerId, Role};
use crate::network::NetworkEvent;
use crate::protocol::Event;
use crate::store::KnownPeer;
use crate::wire::{Gossip, Message, Presence, Signed};

/// How often newcomers are told of others.
pub(super) fn introductions() -> DefaultDirectRateLimiter {
    let number = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
    let quota = Quota::per_second(number(INTRODUCTIONS.each_second));
    RateLimiter::direct(quota.allow_burst(number(INTRODUCTIONS.burst)))
}

impl Runtime {
    /// Takes one report of the network.
    pub(super) fn on_network(&mut self, event: NetworkEvent) {
        match event {
            NetworkEvent::Listening(address) => self.presence.add_address(address.to_string()),
            NetworkEvent::NotListening(address) => self.presence.remove_address(&address.to_string()),
            NetworkEvent::Connected { peer, address } => {
                tracing::debug!(peer = %peer.uid(), %address, "connected");
                self.on_connected(peer);
            }
            NetworkEvent::Disconnected(peer) => {
                tracing::debug!(peer = %peer.uid(), "no connection left");
                if self.directory.disconnect(peer, self.now) {
                    self.handle(Event::Lost(peer));
                }
            }
            NetworkEvent::Messages { from, messages } => {
                messages.into_iter().for_each(|message| self.on_message(from, message));
            }
            NetworkEvent::Gossip { from, gossip } => self.on_gossip(from, gossip),
            NetworkEvent::Rtt { peer, rtt } => self.directory.measure(peer, rtt),
            NetworkEvent::Identified { peer, addresses } => {
                tracing::debug!(peer = %peer.uid(), addresses = addresses.len(), "identified");
            }
        }
    }

    fn on_connected(&mut self, peer: PeerId) {
        self.directory.connect(peer);
        self.send_presence(peer, self.presence.said().clone());
        // Gossip does not reach a newcomer before it is in the mesh. Heavy nodes tell it of everybody, light nodes of the
        // heavy ones: it may know no other address than a light node's.
        for presence in self.directory.latest(PRESENCES_RELAYED_MAX, self.now) {
            let told = self.role == Role::Heavy || presence.get().role == Role::Heavy;
            if told && presence.signer() != peer && self.may_introduce(&presence) {
                self.send_presence(peer, presence);
            }
        }
        self.meet(peer);
    }

    /// Whether there is time to tell somebody of this one: whoever connects without end must not keep this node busy with
    /// telling it who is there. Of the heavy nodes that are connected everybody is told.
    fn may_introduce(&self, presence: &Signed<Presence>) -> bool {
        let needed = presence.get().role == Role::Heavy && self.directory.is_connected(&presence.signer());
        needed || self.introductions.check().is_ok()
    }

    pub(super) fn send_presence(&mut self, to: PeerId, presence: Signed<Presence>) {
        self.round.releases.push(Release::Send { to, message: Box::new(Message::Presence(presence)) });
    }

    fn on_message(&mut self, from: PeerId, message: Message) {
        tracing::debug!(peer = %from.uid(), kind = message.kind(), "message received");
        if let Message::Presence(presence) = message {
            let via = if presence.signer() == from { Via::Itself } else { Via::Others };
            return self.on_presence(presence, via);
        }
        self.round.releases.extend(story::of_message(from, &message).map(Release::Line));
        let word = Word::of(from, &message);
        self.handle(Event::Message { from, message });
        if let Some(word) = word {
            self.on_word(word);
        }
    }

    fn on_gossip(&mut self, from: PeerId, gossip: Gossip) {
        tracing::debug!(peer = %from.uid(), kind = story::gossip_kind(&gossip), "gossip received");
        match gossip {
            Gossip::Presence(presence) => self.on_presence(presence, Via::Others),
            gossip @ (Gossip::Announce(_) | Gossip::Completed { .. } | Gossip::Failed(_)) => {
                self.handle(Event::Gossip(gossip));
            }
        }
    }

    fn on_presence(&mut self, signed: Signed<Presence>, via: Via) {
        let peer = signed.signer();
        if !self.network.admits(&peer) {
            tracing::debug!(peer = %peer.uid(), "presence not taken: not on the members list");
            return;
        }
        let heard = self.directory.hear(signed.clone(), via, self.now);
        match heard {
            Heard::New | Heard::Changed => self.on_news(&signed, via),
            Heard::Refused(Unfit::FromTheFuture) if via == Via::Itself => {
                tracing::warn!(peer = %peer.uid(), "not taken up: {}", Unfit::FromTheFuture);
            }
            Heard::Refused(unfit) => tracing::debug!(peer = %peer.uid(), "presence not taken: {unfit}"),
            Heard::Refreshed | Heard::Stale => {}
        }
        if heard == Heard::New && via == Via::Itself {
            self.introduce(&signed);
        }
        if heard == Heard::New {
            let Presence { role, name, .. } = signed.get();
            self.round.releases.push(Release::Line(story::of_arrival(peer, *role, name)));
        }
        self.meet(peer);
        self.someone_came |= heard == Heard::New;
    }

    /// In a small network a heavy node tells everybody of a newcomer, and a light node of a heavy newcomer: gossip does
    /// not reach those that came just before.
    fn introduce(&mut self, newcomer: &Signed<Presence>) {
        let told = self.role == Role::Heavy || newcomer.get().role == Role::Heavy;
        if !told || self.directory.connected_count() > PRESENCE_TOLD_MAX {
            return;
        }
        let others: Vec<_> = self.directory.connected().filter(|peer| *peer != newcomer.signer()).collect();
        for peer in others {
            if self.may_introduce(newcomer) {
                self.send_presence(peer, newcomer.clone());
            }
        }
    }

    /// A node is new, does something else, or is to be found elsewhere.
    fn on_news(&mut self, signed: &Signed<Presence>, via: Via) {
        let Presence { peer, role, addresses, .. } = signed.get();
        self.network.remember(*peer, addresses.iter().filter_map(|address| address.parse().ok()).collect());
        if *role == Role::Heavy {
            // Anybody may sign that it is one, under as many keys as it likes.
            self.network.hear_of_heavy(*peer);
            if self.directory.is_connected(peer) {
                self.remember_peer(signed.get());
            }
        }
        if self.role == Role::Heavy && via == Via::Itself {
            self.round.releases.push(Release::Publish(Box::new(Gossip::Presence(signed.clone()))));
        }
    }

    /// Keeps a heavy node's addresses across restarts: only of one that was there, so that nobody's inventions crowd them out.
    fn remember_peer(&mut self, presence: &Presence) {
        self.round.peers.push(KnownPeer {
            peer: presence.peer,
            role: presence.role,
            name: presence.name.clone(),
            addresses: presence.addresses.clone(),
            last_seen: self.now,
        });
    }

    /// Tells the protocol of a peer as soon as it is connected and its role is known.
    fn meet(&mut self, peer: PeerId) {
        if let Some(role) = self.directory.meet(peer) {
            self.someone_came = true;
            if role == Role::Heavy
                && let Some(presence) = self.directory.presence(&peer).cloned()
            {
                self.remember_peer(&presence);
            }
            self.handle(Event::Met { peer, role });
        }
    }
}
