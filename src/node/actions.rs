//! What the protocol wants done, gathered over one round of inputs.
//!
//! Changes to the store come first and together; everything that leaves the node (messages, gossip, answers to
//! requests, lines of the log) is held back until those that it rests on are durable. Changes on which nothing rests may wait.

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
use crate::wire::{Activity, Gossip, Keeping, Message, Record, RecordKind};

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
    /// So many of them, the first ones, are from the round before, and may wait for the next one as well.
    waiting: usize,
    pub(super) peers: Vec<KnownPeer>,
    pub(super) releases: Vec<Release>,
    /// Computations that people may see differently now.
    touched: BTreeSet<ComputationId>,
}

/// So many changes that could wait are written all the same: each is looked at whenever something is read back.
const WAITING_CHANGES_MAX: usize = 64;

impl Round {
    /// A round that begins with what was left for later.
    pub(super) fn after(leftovers: Vec<Change>) -> Self {
        Self { waiting: leftovers.len(), changes: leftovers, ..Self::default() }
    }

    /// Takes out the erasing of what is over with a computation that ends: it is the end that somebody waits for, and erasing a
    /// hundred thousand reports takes long. If the process dies before it is done, it is done when the node starts.
    pub(super) fn take_leftovers(&mut self) -> Vec<Change> {
        let ends = |change: &Change| match change {
            Change::Put(record) => {
                let key = record.key();
                matches!(key.kind, RecordKind::Certificate | RecordKind::Failed).then_some(key.computation)
            }
            Change::Erase(_) => None,
        };
        // Of what is pruned or forgotten in the same breath, nothing would tell a node that starts that it is over.
        let goes_at_once = |change: &Change| match change {
            Change::Put(record) => {
                let key = record.key();
                matches!(key.kind, RecordKind::Pruned | RecordKind::Forgotten).then_some(key.computation)
            }
            Change::Erase(key) => {
                use RecordKind::{Announced, Certificate, Failed, Proposed};
                matches!(key.kind, Certificate | Failed | Announced | Proposed).then_some(key.computation)
            }
        };
        let mut ended: BTreeSet<_> = self.changes.iter().filter_map(ends).collect();
        for at_once in self.changes.iter().filter_map(goes_at_once) {
            ended.remove(&at_once);
        }
        // A value that waited for its invitation goes with the end, or a node that starts would not know that it is over.
        let goes_later = |kind: RecordKind| kind.keeping() == Keeping::UntilTheEnd && kind != RecordKind::Input;
        let is_over = |change: &mut Change| match change {
            Change::Erase(key) => ended.contains(&key.computation) && goes_later(key.kind),
            Change::Put(_) => false,
        };
        self.changes.extract_if(.., is_over).collect()
    }

    /// Whether nothing is lost if the process dies before this is written. Of what is new, receipts that a participant shows,
    /// and nothing else: nobody is told that they have come, so it is as if their message had been lost.
    pub(super) fn can_wait(&self) -> bool {
        let waits = |change: &Change| matches!(change, Change::Put(record) if matches!(**record, Record::Receipts { .. }));
        self.peers.is_empty()
            && self.changes.len() < WAITING_CHANGES_MAX
            && self.changes.iter().skip(self.waiting).all(waits)
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
    use crate::domain::{Failure, Timestamp};
    use crate::wire::RecordKey;

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

    #[test]
    fn what_is_over_with_a_computation_is_erased_after_its_end_and_nothing_else_is() {
        let [one, two] = [1, 2].map(|number| ComputationId::of_body(&[number]));
        let erase = |kind, computation| Change::Erase(RecordKey { kind, computation, peer: None });
        let failed = |computation| {
            let (failure, at) = (Failure::NoContact, Timestamp::from_millis(0));
            Change::Put(Box::new(Record::Failed { computation, failure, notice: None, at }))
        };
        let changes = vec![
            erase(RecordKind::Held, one),
            failed(one),
            erase(RecordKind::Held, two),
            erase(RecordKind::Members, one),
            erase(RecordKind::Input, one),
            erase(RecordKind::Report, one),
        ];
        let mut round = Round { changes, ..Round::default() };
        let leftovers = round.take_leftovers();
        assert_eq!(leftovers, [erase(RecordKind::Held, one), erase(RecordKind::Report, one)]);
        assert_eq!(round.changes.len(), 4);
        assert!(Round::after(vec![erase(RecordKind::Held, one)]).take_leftovers().is_empty(), "nothing ends");
        for gone in [erase(RecordKind::Failed, one), erase(RecordKind::Announced, one)] {
            let mut pruned =
                Round { changes: vec![failed(one), erase(RecordKind::Report, one), gone], ..Round::default() };
            assert!(pruned.take_leftovers().is_empty(), "at once, or it is never erased");
        }
        let mut next = Round::after(leftovers);
        assert!(next.can_wait());
        next.changes.push(failed(two));
        assert!(!next.can_wait());
    }
}
