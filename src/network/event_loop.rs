//! The one task that owns the swarm: commands and timers in, events out.

use std::time::Duration;

use futures::StreamExt as _;
use libp2p::core::transport::ListenerId;
use libp2p::request_response::ResponseChannel;
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::swarm::{DialError, SwarmEvent};
use libp2p::{Multiaddr, Swarm, gossipsub};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::behaviour::{Behaviour, BehaviourEvent};
use super::book::{Book, Interest};
use super::bootstrap::Bootstrap;
use super::codec::{Answer, Frame, Verdict};
use super::gate::{Gate, ShutDoors, Strangers};
use super::gossip::DecodedGossip;
use super::offences::Offences;
use super::outbox::{Full, Outbox, Pushed};
use super::outlet::Outlet;
use super::quotas::Quotas;
use super::replies::Replies;
use super::topic::{Publication, Waiting};
use super::{NetworkConfig, peer};
use crate::domain::limits::GOSSIP_BYTES_MAX;
use crate::domain::{PeerId, Role};
use crate::wire::{Checked, Gossip, Message};

/// How often surplus neighbours are looked for.
const TIDY_INTERVAL: Duration = Duration::from_secs(15);
/// Before leaving: what was just sent goes out.
const FLUSH: Duration = Duration::from_millis(50);
/// After closing: peers know at once, instead of when their timers run out 15 s later.
const FAREWELL: Duration = Duration::from_millis(150);

/// What a handle asks of the event loop.
pub(super) enum Command {
    Send {
        to: PeerId,
        messages: Vec<Message>,
    },
    Publish(Box<Gossip>),
    Remember {
        peer: PeerId,
        addresses: Vec<Multiaddr>,
    },
    WantConnected(PeerId),
    LetGo(PeerId),
    HearOfHeavy(PeerId),
    /// Another admission counts.
    Recheck,
    Stop(oneshot::Sender<()>),
}

/// The swarm, and what is remembered about it.
pub(super) struct EventLoop {
    pub(super) swarm: Swarm<Behaviour>,
    pub(super) local: libp2p::PeerId,
    pub(super) role: Role,
    pub(super) book: Book,
    pub(super) bootstrap: Bootstrap,
    pub(super) outbox: Outbox,
    /// Requests that wait for the node's word.
    pub(super) replies: Replies<ResponseChannel<Answer>>,
    pub(super) offences: Offences,
    pub(super) quotas: Quotas,
    pub(super) decoding: JoinSet<DecodedGossip>,
    pub(super) checked: Checked,
    pub(super) outlet: Outlet,
    pub(super) addresses: watch::Sender<Vec<Multiaddr>>,
    pub(super) gate: Gate,
    pub(super) strangers: Strangers,
    pub(super) doors: ShutDoors,
    waiting: Waiting,
    listeners: Vec<ListenerId>,
    commands: mpsc::Receiver<Command>,
}

/// What woke the event loop.
enum Wake {
    Command(Option<Command>),
    Swarm(Box<SwarmEvent<BehaviourEvent>>),
    Decoded(Box<Result<DecodedGossip, JoinError>>),
    /// The node has taken something: there may be room for what is held.
    Room,
    /// The node takes no events any more.
    Deaf,
    Due,
    Tidy,
}

/// Whether the event loop goes on.
enum Turn {
    Go,
    Leave(Option<oneshot::Sender<()>>),
}

impl EventLoop {
    pub(super) fn new(
        mut swarm: Swarm<Behaviour>,
        listeners: Vec<ListenerId>,
        config: NetworkConfig,
        commands: mpsc::Receiver<Command>,
        outlet: Outlet,
        addresses: watch::Sender<Vec<Multiaddr>>,
        gate: Gate,
    ) -> Self {
        let (local, now) = (*swarm.local_peer_id(), Instant::now());
        let mut book = Book::default();
        for (known, addresses) in config.known {
            if peer::to_libp2p(known) != local {
                book.learn(known, addresses.into_iter().map(|address| peer::split(address).0));
                if gate.admits(&known) {
                    book.keep(known, Interest::Asked, now);
                    swarm.behaviour_mut().slots.keep(peer::to_libp2p(known));
                }
            }
        }
        let mut anonymous = Vec::new();
        for address in config.bootstrap {
            match peer::split(address) {
                (address, None) => anonymous.push(address),
                (_, Some(named)) if named == local => {}
                (address, Some(named)) => match peer::from_libp2p(&named) {
                    Some(named) if !gate.admits(&named) => {
                        tracing::warn!(%address, "the node at a bootstrap address is not on the members list; it is not dialled");
                        book.learn(named, [address]);
                    }
                    Some(named) => {
                        book.learn(named, [address]);
                        book.keep(named, Interest::Asked, now);
                        swarm.behaviour_mut().slots.keep(peer::to_libp2p(named));
                    }
                    None => tracing::warn!(%address, peer = %named, "only Ed25519 identities are dialled"),
                },
            }
        }
        Self {
            swarm,
            local,
            role: config.role,
            book,
            bootstrap: Bootstrap::new(anonymous, now),
            outbox: Outbox::new(),
            replies: Replies::default(),
            offences: Offences::default(),
            quotas: Quotas::default(),
            decoding: JoinSet::new(),
            checked: config.checked,
            outlet,
            addresses,
            gate,
            strangers: Strangers::default(),
            doors: ShutDoors::default(),
            waiting: Waiting::default(),
            listeners,
            commands,
        }
    }

    /// Turns until a handle says stop, the last handle is gone, or nobody takes events any more.
    pub(super) async fn run(mut self) {
        let mut tidy = tokio::time::interval(TIDY_INTERVAL);
        tidy.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let done = loop {
            self.on_due();
            let wake = self.wait(&mut tidy).await;
            match self.turn(wake) {
                Turn::Go => {}
                Turn::Leave(done) => break done,
            }
        };
        self.leave().await;
        // The swarm, and with it every socket, goes before the caller is told.
        drop(self);
        if let Some(done) = done {
            // The caller may have stopped waiting.
            done.send(()).ok();
        }
    }

    async fn wait(&mut self, tidy: &mut Interval) -> Wake {
        let due = self.next_due();
        tokio::select! {
            command = self.commands.recv() => Wake::Command(command),
            // Once too much is held for a node that takes nothing, the network stands still until it does.
            event = self.swarm.select_next_some(), if self.outlet.may_hold() => Wake::Swarm(Box::new(event)),
            Some(decoded) = self.decoding.join_next() => Wake::Decoded(Box::new(decoded)),
            () = self.outlet.room() => Wake::Room,
            () = self.outlet.closed() => Wake::Deaf,
            () = sleep_until(due) => Wake::Due,
            _ = tidy.tick() => Wake::Tidy,
        }
    }

    fn turn(&mut self, wake: Wake) -> Turn {
        match wake {
            Wake::Command(command) => return self.on_command(command),
            Wake::Swarm(event) => self.on_swarm_event(*event),
            Wake::Decoded(decoded) => self.on_gossip_decoded(*decoded),
            Wake::Room => self.outlet.release(),
            Wake::Deaf => return Turn::Leave(None),
            Wake::Due => {}
            Wake::Tidy => self.tidy(),
        }
        Turn::Go
    }

    /// Sends what may go to a peer, or dials it.
    pub(super) fn pump(&mut self, to: PeerId) {
        let now = Instant::now();
        if !self.book.is_connected(to) {
            if self.outbox.has_waiting(to) {
                self.book.dial_for_message(to, now);
            }
            return;
        }
        while let Some(parcel) = self.outbox.next(to) {
            let frame = Frame::Outgoing(parcel.iter().map(|letter| letter.message.clone()).collect());
            let request = self.swarm.behaviour_mut().message.send_request(&peer::to_libp2p(to), frame);
            self.outbox.on_sent(request, to, parcel, now);
            self.book.on_used(to, now);
        }
    }

    fn on_command(&mut self, command: Option<Command>) -> Turn {
        match command {
            Some(Command::Send { to, messages }) => {
                messages.into_iter().for_each(|message| self.on_send(to, message));
                self.pump(to);
            }
            Some(Command::Publish(gossip)) => self.publish(Publication::new(&gossip)),
            Some(Command::Remember { peer, addresses }) if peer::to_libp2p(peer) != self.local => {
                self.book.learn(peer, peer::dialable(addresses));
            }
            Some(Command::WantConnected(peer)) if peer::to_libp2p(peer) != self.local => {
                self.book.keep(peer, Interest::Asked, Instant::now());
                self.swarm.behaviour_mut().slots.keep(peer::to_libp2p(peer));
            }
            Some(Command::HearOfHeavy(peer)) if peer::to_libp2p(peer) != self.local => {
                self.book.keep(peer, Interest::Found, Instant::now());
            }
            Some(Command::Recheck) => self.recheck(),
            Some(Command::LetGo(peer)) => {
                if self.book.let_go(peer) {
                    self.swarm.behaviour_mut().slots.let_go(&peer::to_libp2p(peer));
                }
            }
            Some(Command::Remember { .. } | Command::WantConnected(_) | Command::HearOfHeavy(_)) => {}
            Some(Command::Stop(done)) => return Turn::Leave(Some(done)),
            None => return Turn::Leave(None),
        }
        Turn::Go
    }

    /// Answers a request that waits for this message, or lets it wait for its turn.
    fn on_send(&mut self, to: PeerId, message: Message) {
        let kind = message.kind();
        let message = match self.replies.take(to, &message) {
            Some(channel) => {
                let reply = Answer::Replied(Box::new(message));
                match self.swarm.behaviour_mut().message.send_response(channel, reply) {
                    // The asker is gone; it may be back.
                    Err(Answer::Replied(message)) => *message,
                    Ok(()) | Err(_) => return,
                }
            }
            None => message,
        };
        if !self.book.is_reachable(to) {
            tracing::debug!(peer = ?to, kind, "no address of this peer is known; a message is lost");
        } else {
            match self.outbox.push(to, message, Instant::now()) {
                Ok(Pushed::Waiting) => {}
                Ok(Pushed::OnItsWay) => tracing::debug!(peer = ?to, kind, "on its way already; not sent again"),
                Err(Full) => {
                    tracing::debug!(peer = ?to, kind, "the queue of this peer is full; a message is lost");
                }
            }
        }
    }

    fn publish(&mut self, publication: Publication) {
        if publication.bytes.len() > GOSSIP_BYTES_MAX {
            let bytes = publication.bytes.len();
            tracing::warn!(bytes, limit = GOSSIP_BYTES_MAX, "too large to be gossiped; nobody is told");
            return;
        }
        let gossipsub = &mut self.swarm.behaviour_mut().gossipsub;
        match gossipsub.publish(publication.topic.hash(), publication.bytes.clone()) {
            // Said within the last minute, or kept by gossipsub, which offers it once its queues have room.
            Ok(_) | Err(gossipsub::PublishError::Duplicate | gossipsub::PublishError::AllQueuesFull(_)) => {}
            Err(gossipsub::PublishError::NoPeersSubscribedToTopic) => {
                self.waiting.keep(publication, Instant::now());
            }
            Err(reason) => tracing::warn!(%reason, "gossip is lost"),
        }
    }

    /// Does whatever the time has come for.
    fn on_due(&mut self) {
        let now = Instant::now();
        while let Some((peer, addresses)) = self.book.take_due(now) {
            self.dial(peer, addresses);
        }
        let swarm = &mut self.swarm;
        while self.bootstrap.dial_due(now, |address| {
            let options = DialOpts::unknown_peer_id().address(address).allocate_new_port().build();
            let attempt = options.connection_id();
            let dialled = swarm.dial(options);
            dialled.inspect_err(|reason| tracing::debug!(%reason, "cannot dial")).ok().map(|()| attempt)
        }) {}
        while let Some(peer) = self.outbox.take_resumed(now) {
            self.pump(peer);
        }
        while let Some(channel) = self.replies.take_overdue(now) {
            // The asker is gone when this fails.
            let taken = Answer::Each(vec![Verdict::Taken]);
            self.swarm.behaviour_mut().message.send_response(channel, taken).ok();
        }
        while let Some(publication) = self.waiting.take_due(now) {
            self.publish(publication);
        }
        while let Some(peer) = self.offences.take_released(now) {
            self.swarm.behaviour_mut().blocked.unblock_peer(peer::to_libp2p(peer));
        }
    }

    fn next_due(&self) -> Option<Instant> {
        let due = [
            self.book.next_due(),
            self.bootstrap.next_due(),
            self.outbox.next_due(),
            self.replies.next_due(),
            self.waiting.next_due(),
            self.offences.next_due(),
        ];
        due.into_iter().flatten().min()
    }

    fn dial(&mut self, peer: PeerId, addresses: Vec<Multiaddr>) {
        // A port of its own: two nodes that dial each other from their listening ports at the same moment would meet
        // in one TCP connection with two dialers.
        let options = DialOpts::peer_id(peer::to_libp2p(peer))
            .addresses(addresses)
            .extend_addresses_through_behaviour()
            .allocate_new_port()
            .build();
        match self.swarm.dial(options) {
            // Another protocol dials already; what comes of it is reported by peer.
            Ok(()) | Err(DialError::DialPeerConditionFalse(_)) => {}
            Err(reason) => {
                self.on_unreachable(peer, &reason);
            }
        }
    }

    /// A dial came to nothing: what waited for the peer is lost.
    pub(super) fn on_unreachable(&mut self, peer: PeerId, reason: &DialError) {
        if self.book.on_dial_failed(peer, Instant::now()) == Some(1) {
            tracing::info!(?peer, %reason, "cannot be reached; trying again");
        } else {
            tracing::debug!(?peer, %reason, "a dial failed");
        }
        if let DialError::WrongPeerId { address, .. } = reason {
            self.book.on_wrong_address(peer, &peer::split(address.clone()).0);
        }
        if !self.book.is_connected(peer) {
            let lost = self.outbox.clear(peer);
            if lost > 0 {
                tracing::debug!(?peer, lost, "unreachable; messages are lost");
            }
        }
    }

    /// Forgets what is quiet; and a light node lets go of light nodes that it does not need: heavy nodes carry the gossip.
    fn tidy(&mut self) {
        self.quotas.forget_quiet();
        self.swarm.behaviour().slots.forget_quiet();
        if self.role == Role::Light {
            for peer in self.book.surplus(Instant::now()) {
                self.swarm.disconnect_peer_id(peer::to_libp2p(peer)).ok();
            }
        }
    }

    /// Lets go of whoever is not admitted any more, and looks for whoever is now.
    fn recheck(&mut self) {
        let connected: Vec<_> = self.swarm.connected_peers().copied().collect();
        for peer_id in connected {
            if !peer::from_libp2p(&peer_id).is_some_and(|peer| self.gate.admits(&peer)) {
                // Gone meanwhile is as good.
                self.swarm.disconnect_peer_id(peer_id).ok();
            }
        }
        let now = Instant::now();
        for peer in self.book.idle() {
            if self.gate.admits(&peer) {
                self.book.dial_at(peer, now);
            }
        }
    }

    async fn leave(&mut self) {
        self.turn_for(FLUSH).await;
        // Nobody new, and mDNS, whose tasks outlive the swarm, has nothing to tell any more.
        for listener in std::mem::take(&mut self.listeners) {
            self.swarm.remove_listener(listener);
        }
        let peers: Vec<_> = self.swarm.connected_peers().copied().collect();
        for peer in peers {
            // Gone meanwhile is as good.
            self.swarm.disconnect_peer_id(peer).ok();
        }
        self.turn_for(FAREWELL).await;
    }

    async fn turn_for(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while tokio::time::timeout_at(until, self.swarm.select_next_some()).await.is_ok() {}
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
