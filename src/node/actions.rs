//! What the protocol wants done, gathered over one round of inputs.
//!
//! Changes to the store come first and together; everything that leaves the node (messages, gossip, answers to
//! requests, lines of the log) is held back until they are durable, and then goes in the order in which it was decided.

use std::collections::{BTreeMap, BTreeSet};

use super::parked::Asker;
use super::propose;
use super::references;
use super::render;
use super::runtime::Runtime;
use super::shelf::OnDisk;
use super::story::{self, Line};
use crate::control::{ApiError, Reply};
use crate::domain::{ComputationId, PeerId, Status};
use crate::protocol::{Action, Event, Notice};
use crate::store::{Change, KnownPeer};
use crate::wire::{Activity, Gossip, Message, Record};

/// Something that leaves the node once the round is durable.
pub(super) enum Release {
    /// To a peer.
    Send { to: PeerId, message: Box<Message> },
    /// To the network.
    Publish(Box<Gossip>),
    /// To whoever asked.
    Answer { asker: Asker, answer: Box<Result<Reply, ApiError>> },
    /// To the log.
    Line(Line),
}

/// One round of inputs and all that came of it.
#[derive(Default)]
pub(super) struct Round {
    pub(super) changes: Vec<Change>,
    pub(super) peers: Vec<KnownPeer>,
    pub(super) releases: Vec<Release>,
    /// Computations that people may see differently now.
    touched: BTreeSet<ComputationId>,
}

/// So many changes that could wait are written all the same: each is looked at whenever something is read back.
const WAITING_CHANGES_MAX: usize = 64;

impl Round {
    /// Whether nothing is lost if the process dies before this is written. Receipts that a participant shows, and nothing else:
    /// nobody is told that they have come, so it is as if their message had been lost.
    pub(super) fn can_wait(&self) -> bool {
        let waits = |change: &Change| matches!(change, Change::Put(record) if matches!(**record, Record::Receipts { .. }));
        self.peers.is_empty() && self.changes.len() < WAITING_CHANGES_MAX && self.changes.iter().all(waits)
    }
}

impl Runtime {
    /// Gives the protocol an event, and does what it says.
    pub(super) fn handle(&mut self, event: Event) {
        let shelf = OnDisk { store: &self.store, changes: &self.round.changes };
        for action in self.node.handle(self.now, event, &shelf) {
            self.act(action);
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Persist(record) => {
                if let Some(line) = story::of_record(&record, self.own) {
                    self.round.releases.push(Release::Line(line));
                }
                self.round.changes.push(Change::Put(record));
            }
            Action::Erase(key) => self.round.changes.push(Change::Erase(key)),
            Action::Send { to, message } => self.round.releases.push(Release::Send { to, message }),
            Action::Publish(gossip) => self.round.releases.push(Release::Publish(gossip)),
            Action::SetTimer { timer, at } => self.timers.set(timer, at),
            Action::Work { computation } => self.work.add(computation),
            Action::ReadSource { computation } => self.read_source(computation),
            Action::Reach { peer, addresses } => {
                let addresses = addresses.iter().filter_map(|address| address.parse().ok()).collect();
                self.network.remember(peer, addresses);
                self.network.want_connected(peer);
            }
            Action::LetGo { peer } => self.network.let_go(peer),
            Action::Tell(notice) => self.on_notice(&notice),
            Action::Blame(fault) => self.round.releases.push(Release::Line(story::of_fault(&fault))),
        }
    }

    fn on_notice(&mut self, notice: &Notice) {
        let view = story::subject(notice).and_then(|id| {
            self.round.touched.insert(id);
            // Changes come often and have no line.
            (!matches!(notice, Notice::Changed(_))).then(|| self.node.view(id)).flatten()
        });
        let line = story::of_notice(notice, view.as_ref());
        let settled = match notice {
            Notice::Announced(id) => {
                let announced = view.as_ref().map(|view| render::announced(*id, view.computation));
                announced.map(|announced| (*id, Ok(Reply::Announced(announced))))
            }
            Notice::Failed { computation, failure } => {
                Some((*computation, Err(propose::not_announced(failure))))
            }
            Notice::Changed(_)
            | Notice::WaitsForOwner { .. }
            | Notice::Answered(_)
            | Notice::Declined { .. }
            | Notice::LeftOut { .. }
            | Notice::Completed(_)
            | Notice::SimilarSets { .. }
            | Notice::InvitationChanged(_)
            | Notice::PartyJoined { .. }
            | Notice::PartyLeft { .. }
            | Notice::TicketRefused { .. }
            | Notice::RosterAsks { .. }
            | Notice::InvitationEnded { .. }
            | Notice::ClockSkew { .. }
            | Notice::Ignored { .. } => None,
        };
        self.round.releases.extend(line.map(Release::Line));
        if let Some((id, answer)) = settled
            && let Some(asker) = self.parked.take_proposer(id)
        {
            self.answer(asker, answer);
        }
    }

    /// Answers a request once the round is durable.
    pub(super) fn answer(&mut self, asker: Asker, answer: Result<Reply, ApiError>) {
        self.round.releases.push(Release::Answer { asker, answer: Box::new(answer) });
    }

    /// At the end of a round: watchers hear of what has changed, and the network hears when this node gets busy.
    pub(super) fn settle(&mut self) {
        for id in std::mem::take(&mut self.round.touched) {
            if let Some(status) = self.node.view(id).map(|view| view.status) {
                track(&mut self.open, id, status);
            }
            let Some((key, revision)) = self.subject(id).map(|subject| (subject.key(), subject.seen_until()))
            else {
                // Forgotten while it was watched.
                for asker in self.parked.take_watchers(id, u64::MAX) {
                    self.answer(asker, Err(references::no_such_computation(&id.to_string())));
                }
                continue;
            };
            let watchers = self.parked.take_watchers(key, revision);
            if watchers.is_empty() {
                continue;
            }
            let Some(shown) = self.subject(id).map(|subject| self.shown(&subject)) else { continue };
            // A result may be long: the last one gets it as it is.
            let copies = std::iter::repeat_n(shown, watchers.len());
            for (asker, shown) in watchers.into_iter().zip(copies) {
                self.answer(asker, Ok(Reply::Computation(Box::new(shown))));
            }
        }
        let processing = self.open.values().any(|status| *status == Status::Processing);
        let activity = if processing { Activity::Processing } else { Activity::Active };
        self.presence.set_activity(activity, self.now);
    }
}

/// Follows which computations are open.
pub(super) fn track(open: &mut BTreeMap<ComputationId, Status>, id: ComputationId, status: Status) {
    match status {
        Status::Pending | Status::Processing => open.insert(id, status),
        Status::Completed | Status::Failed => open.remove(&id),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{RecordKey, RecordKind};

    #[test]
    fn receipts_wait_for_others_alone_and_only_so_many() {
        let computation = ComputationId::of_body(&[]);
        let participant = PeerId::from_public_key([1; 32]);
        let receipts =
            || Change::Put(Box::new(Record::Receipts { computation, participant, receipts: Vec::new() }));
        let round = |changes: Vec<Change>| Round { changes, ..Round::default() };
        assert!(round(vec![receipts(), receipts()]).can_wait());
        let others = [
            Change::Put(Box::new(Record::Members { computation, entries: Vec::new() })),
            Change::Erase(RecordKey { kind: RecordKind::Receipts, computation, peer: None }),
        ];
        for other in others {
            assert!(!round(vec![receipts(), other]).can_wait());
        }
        assert!(!round((0..WAITING_CHANGES_MAX).map(|_| receipts()).collect()).can_wait());
    }
}
