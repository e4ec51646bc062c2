//! The loop that owns a node: inputs in, one durable commit a round, and only then anything out.
//!
//! A round takes what is there (at most [`ROUND_INPUTS_MAX`] inputs), lets the protocol decide, writes every change in
//! one transaction, and then releases what the round wants sent or said. While the disk works, the next inputs gather in
//! the bounded queues: a thousand reports cost a few flushes. A round that cannot be written is never released: the node
//! stops, because a store that has failed once must be opened anew, and says how to go on. What may be lost if the process
//! dies waits a little, and is written with the next round: a flush is what takes longest.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use governor::DefaultDirectRateLimiter;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use super::RunError;
use super::actions::{Release, Round, track};
use super::clock::Clock;
use super::directory::Directory;
use super::failpoint::{Failpoint, Moment};
use super::parked::Parked;
use super::presence::OwnPresence;
use super::reading::{Read, Readings};
use super::story;
use super::timers::Timers;
use super::work::Work;
use crate::consent::Policy;
use crate::control::Call;
use crate::domain::limits::{ROUND_INPUTS_MAX, WORK_AT_ONCE};
use crate::domain::{ComputationId, PeerId, Role, Status, Timestamp};
use crate::network::{Network, NetworkEvent};
use crate::protocol::{Event, Node};
use crate::store::Store;
use crate::wire::{Gossip, Identity, Message, Record};

/// The longest sleep: a machine's clock that is set, or that wakes up, is noticed this soon.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// How long changes wait for others that cannot, to be written with them. A guess: when a computation ends, a hundred nodes of one
/// machine have its result by then.
const UNWRITTEN_MAX: Duration = Duration::from_millis(500);

/// One running node.
pub(super) struct Runtime {
    pub(super) own: PeerId,
    pub(super) role: Role,
    pub(super) name: String,
    pub(super) policy: Policy,
    pub(super) home: PathBuf,
    /// For tickets; the protocol has its own.
    pub(super) identity: Identity,
    pub(super) readings: Readings,
    pub(super) node: Node,
    pub(super) network: Network,
    pub(super) store: Arc<Store>,
    pub(super) directory: Directory,
    pub(super) presence: OwnPresence,
    /// How often newcomers are told of others, and others of newcomers.
    pub(super) introductions: DefaultDirectRateLimiter,
    pub(super) timers: Timers,
    pub(super) work: Work,
    pub(super) parked: Parked,
    /// Computations that have not ended.
    pub(super) open: BTreeMap<ComputationId, Status>,
    pub(super) round: Round,
    /// When the changes that wait for others are written all the same.
    pub(super) write_by: Option<Timestamp>,
    /// The keys of computations that have ended are being destroyed.
    pub(super) destroying: Option<JoinHandle<()>>,
    /// Somebody has come in this round, so proposals that wait for heavy nodes may go on.
    pub(super) someone_came: bool,
    /// This node is about to end.
    pub(super) leaving: bool,
    pub(super) clock: Clock,
    /// The moment of the round.
    pub(super) now: Timestamp,
    pub(super) started: Instant,
    /// Looks at the list of members; ends with the node.
    pub(super) _membership: JoinSet<()>,
    pub(super) inlets: Inlets,
    /// Where a test lets the process die.
    pub(super) failpoint: Option<Failpoint>,
}

/// Where inputs come from.
pub(super) struct Inlets {
    pub(super) network: mpsc::Receiver<NetworkEvent>,
    pub(super) calls: mpsc::Receiver<Call>,
    pub(super) read: mpsc::Receiver<Read>,
    /// Fires, or is dropped, when the node is to stop.
    pub(super) stop: oneshot::Receiver<()>,
}

enum Input {
    Network(Box<NetworkEvent>),
    Call(Call),
    Read(Read),
    /// A timer may have run out.
    Woken,
    Stop,
    /// The network's task is gone.
    NetworkGone,
}

impl Input {
    fn network(event: NetworkEvent) -> Self {
        Self::Network(Box::new(event))
    }

    /// As how many inputs it counts.
    fn size(&self) -> usize {
        match self {
            Self::Network(event) => match &**event {
                NetworkEvent::Messages { messages, .. } => messages.len(),
                _ => 1,
            },
            Self::Call(_) | Self::Read(_) | Self::Woken | Self::Stop | Self::NetworkGone => 1,
        }
    }
}

impl Runtime {
    /// Takes up what the store remembers; the first thing that a node does.
    ///
    /// # Errors
    /// `Store`.
    pub(super) async fn restore(&mut self, records: Vec<Record>) -> Result<(), RunError> {
        self.handle(Event::Restored(records));
        for view in self.node.views() {
            track(&mut self.open, view.id, view.status);
        }
        Failpoint::pass(self.failpoint.as_ref(), &Failpoint::Restored);
        self.finish_round().await
    }

    /// Runs until the node is asked to stop.
    ///
    /// # Errors
    /// `Store` or `NetworkGone`. The node has left the network in any case.
    pub(super) async fn run(mut self) -> Result<(), RunError> {
        let outcome = self.turn_until_stopped().await;
        if let Err(error) = &outcome {
            tracing::error!(hint = %error.hint(), "{error}");
        }
        // A store that has failed is not written to.
        if matches!(outcome, Err(RunError::NetworkGone)) {
            self.leaving = true;
            if let Err(error) = self.finish_round().await {
                tracing::error!(hint = %error.hint(), "{error}");
            }
        }
        self.leave().await;
        outcome
    }

    async fn turn_until_stopped(&mut self) -> Result<(), RunError> {
        while !self.leaving {
            let first = self.next_input().await;
            self.now = self.clock.now();
            let first_size = first.size();
            self.take(first)?;
            let mut taken = first_size;
            while taken < ROUND_INPUTS_MAX
                && let Some(next) = self.waiting_input()
            {
                taken += next.size();
                self.take(next)?;
            }
            while let Some(timer) = self.timers.pop_expired(self.now) {
                self.handle(Event::Expired(timer));
            }
            self.compute();
            self.finish_round().await?;
        }
        Ok(())
    }

    /// Some of what takes long, after what has come.
    fn compute(&mut self) {
        let begun = Instant::now();
        while begun.elapsed() < WORK_AT_ONCE
            && let Some(computation) = self.work.next()
        {
            self.handle(Event::Work { computation });
        }
    }

    async fn next_input(&mut self) -> Input {
        let now = self.clock.now();
        let presence_due = Some(self.presence.due(self.directory.size()));
        let due = [self.timers.next(), presence_due, self.parked.next_due(), self.write_by];
        let pause = due.into_iter().flatten().min().map_or(SLEEP_MAX, |due| due.since(now)).min(SLEEP_MAX);
        tokio::select! {
            biased;
            _ = &mut self.inlets.stop => Input::Stop,
            call = self.inlets.calls.recv() => call.map_or(Input::Stop, Input::Call),
            Some(read) = self.inlets.read.recv() => Input::Read(read),
            event = self.inlets.network.recv() => event.map_or(Input::NetworkGone, Input::network),
            // Whoever else has work to do, the network above all, has it done between two slices of this one's.
            () = tokio::task::yield_now(), if self.work.waits() => Input::Woken,
            () = tokio::time::sleep(pause) => Input::Woken,
        }
    }

    /// An input that is there already.
    fn waiting_input(&mut self) -> Option<Input> {
        let call = self.inlets.calls.try_recv().ok().map(Input::Call);
        let read = || self.inlets.read.try_recv().ok().map(Input::Read);
        call.or_else(read).or_else(|| self.inlets.network.try_recv().ok().map(Input::network))
    }

    fn take(&mut self, input: Input) -> Result<(), RunError> {
        match input {
            Input::Network(event) => self.on_network(*event),
            Input::Call(call) => self.on_call(call),
            Input::Read(read) => self.on_read(read),
            Input::Woken => {}
            Input::Stop => self.leaving = true,
            Input::NetworkGone => return Err(RunError::NetworkGone),
        }
        Ok(())
    }

    /// Settles what the round has changed, makes it durable, and lets out what waits for that.
    async fn finish_round(&mut self) -> Result<(), RunError> {
        let overdue = self.parked.next_due().is_some_and(|due| due <= self.now);
        if std::mem::take(&mut self.someone_came) || overdue {
            self.retry_discovering();
        }
        if overdue {
            self.end_overdue_joins();
        }
        self.settle();
        if self.presence.due(self.directory.size()) <= self.now {
            let presence = self.presence.renew(self.now, self.directory.size());
            self.round.releases.push(Release::Publish(Box::new(Gossip::Presence(presence))));
            self.directory.prune(self.now);
        }
        if self.may_wait() {
            let releases = std::mem::take(&mut self.round.releases);
            self.release(releases);
            return Ok(());
        }
        let leftovers = if self.leaving { Vec::new() } else { self.round.take_leftovers() };
        if !leftovers.is_empty() {
            self.write_by = Some(self.now + UNWRITTEN_MAX);
        }
        let round = std::mem::replace(&mut self.round, Round::after(leftovers));
        let Round { changes, peers, releases, .. } = round;
        let struck = self.failpoint.as_mut().and_then(|failpoint| failpoint.strikes(&changes, &peers));
        if !changes.is_empty() || !peers.is_empty() {
            Moment::reached(struck, Moment::BeforeCommit);
            let store = Arc::clone(&self.store);
            let (count, begun) = (changes.len() + peers.len(), Instant::now());
            let written = tokio::task::spawn_blocking(move || {
                store.apply(&changes)?;
                store.remember_peers(&peers)
            });
            written.await.map_err(|_| RunError::StorePanicked(self.home.clone()))??;
            let took_ms = begun.elapsed().as_millis();
            tracing::debug!(changes = count, took_ms, releases = releases.len(), "round written");
            Moment::reached(struck, Moment::AfterCommit);
        }
        self.release(releases);
        self.destroy_ended_keys();
        Moment::released(struck).await;
        Ok(())
    }

    /// Whether what the round has changed is written with the next one.
    fn may_wait(&mut self) -> bool {
        let waits = !self.leaving
            && !self.round.changes.is_empty()
            && self.round.can_wait()
            && self.write_by.is_none_or(|at| self.now < at);
        self.write_by = waits.then(|| self.write_by.unwrap_or(self.now + UNWRITTEN_MAX));
        waits
    }

    /// Beside everything that somebody waits for: a computation that has ended is over on the disk, too. A key that ends
    /// meanwhile is destroyed after the next round.
    fn destroy_ended_keys(&mut self) {
        let busy = self.destroying.as_ref().is_some_and(|destroying| !destroying.is_finished());
        if busy || !self.store.has_ended_keys() {
            return;
        }
        let store = Arc::clone(&self.store);
        self.destroying = Some(tokio::task::spawn_blocking(move || {
            if let Err(error) = store.destroy_ended_keys() {
                tracing::warn!(
                    hint = "check the permissions there; it is tried again, and when the node starts",
                    "the key of a computation that has ended is not destroyed: {error}"
                );
            }
        }));
    }

    /// Lets out what a round has decided. All that it has for one peer goes together, and arrives as one round there.
    fn release(&self, releases: Vec<Release>) {
        let mut letters: BTreeMap<PeerId, Vec<Message>> = BTreeMap::new();
        for release in releases {
            match release {
                Release::Send { to, message } => {
                    tracing::debug!(peer = %to.uid(), kind = message.kind(), "message sent");
                    letters.entry(to).or_default().push(*message);
                }
                Release::Publish(gossip) => {
                    tracing::debug!(kind = story::gossip_kind(&gossip), "gossip published");
                    self.network.publish(*gossip);
                }
                // Whoever asked may have left.
                Release::Answer { asker, answer } => drop(asker.send(*answer)),
                Release::Line(line) => line.tell(),
            }
        }
        for (to, messages) in letters {
            self.network.send_together(to, messages);
        }
    }

    /// Tells the peers, and leaves.
    pub(super) async fn leave(mut self) {
        // What is being destroyed, and then what has ended meanwhile.
        for _ in 0..2 {
            if let Some(destroying) = self.destroying.take() {
                // What it could not destroy it has told.
                drop(destroying.await);
            }
            self.destroy_ended_keys();
        }
        let last = self.presence.leave(self.now);
        for peer in self.directory.connected() {
            self.network.send(peer, Message::Presence(last.clone()));
        }
        self.network.publish(Gossip::Presence(last));
        self.network.stop().await;
        tracing::info!("stopped");
    }
}
