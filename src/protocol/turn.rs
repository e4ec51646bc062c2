//! One turn of the machine: the moment, the node's own means, and the actions that pile up in order.

use std::collections::VecDeque;
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::Rng;

use super::action::{Action, Notice};
use super::event::Timer;
use super::settings::Settings;
use super::shelf::{Shelf, Unreadable};
use crate::domain::{ComputationId, Evidence, PeerId, Role, Timestamp};
use crate::sharing::Secret;
use crate::wire::{
    Fault, FaultProof, Gossip, HeldShare, Identity, Manifest, Message, Receipt, Record, RecordKey, RecordKind,
    Signed, Statement,
};

/// What handlers work with while one event is handled.
pub(super) struct Turn<'a> {
    /// The moment.
    pub now: Timestamp,
    settings: &'a Settings,
    shelf: &'a dyn Shelf,
    rng: &'a mut ChaCha20Rng,
    actions: Vec<Action>,
    /// Messages of this node to itself: a heavy node may propose to itself, too.
    to_self: VecDeque<Message>,
}

impl<'a> Turn<'a> {
    pub fn new(now: Timestamp, settings: &'a Settings, shelf: &'a dyn Shelf, rng: &'a mut ChaCha20Rng) -> Self {
        Self { now, settings, shelf, rng, actions: Vec::new(), to_self: VecDeque::new() }
    }

    /// Reports of these participants, who are sorted, as they are held, in their order.
    pub fn shares(
        &self,
        computation: ComputationId,
        participants: &[PeerId],
    ) -> Result<Vec<Option<HeldShare>>, Unreadable> {
        let mut shares = self.shelf.shares(computation, participants)?;
        // What was taken in within this turn is on no shelf yet.
        for (participant, share) in participants.iter().zip(&mut shares).filter(|(_, share)| share.is_none()) {
            let key = RecordKey { kind: RecordKind::Held, computation, peer: Some(*participant) };
            if let Some(Record::Held(submission)) = self.just_persisted(&key) {
                *share = Some(HeldShare::of(submission));
            }
        }
        Ok(shares)
    }

    /// Every report that is held.
    pub fn each_held(
        &self,
        computation: ComputationId,
        visit: &mut dyn FnMut(&HeldShare),
    ) -> Result<(), Unreadable> {
        self.shelf.each(computation, visit)
    }

    /// One record, as it is persisted.
    pub fn record(&self, key: &RecordKey) -> Result<Option<Record>, Unreadable> {
        let persisted = self.just_persisted(key).cloned();
        // What is asked for again and again has its signatures checked once.
        let read = || self.identity().checked().while_decoding(|| self.shelf.record(key));
        persisted.map_or_else(read, |record| Ok(Some(record)))
    }

    /// The manifest of a held report.
    pub fn manifest(&self, computation: ComputationId, participant: PeerId) -> Option<Signed<Manifest>> {
        let key = RecordKey { kind: RecordKind::Held, computation, peer: Some(participant) };
        if let Ok(Some(Record::Held(submission))) = self.record(&key) {
            Some(submission.manifest)
        } else {
            None
        }
    }

    /// The receipts of other heavy nodes that a participant has handed over.
    pub fn receipts(&self, computation: ComputationId, participant: PeerId) -> Vec<Signed<Receipt>> {
        let key = RecordKey { kind: RecordKind::Receipts, computation, peer: Some(participant) };
        if let Ok(Some(Record::Receipts { receipts, .. })) = self.record(&key) { receipts } else { Vec::new() }
    }

    fn just_persisted(&self, key: &RecordKey) -> Option<&Record> {
        self.actions.iter().rev().find_map(|action| {
            if let Action::Persist(record) = action { Some(&**record) } else { None }
                .filter(|record| record.key() == *key)
        })
    }

    pub fn into_actions(self) -> Vec<Action> {
        self.actions
    }

    pub const fn me(&self) -> PeerId {
        self.settings.identity.peer()
    }

    pub const fn role(&self) -> Role {
        self.settings.role
    }

    pub const fn settings(&self) -> &'a Settings {
        self.settings
    }

    pub const fn identity(&self) -> &'a Identity {
        &self.settings.identity
    }

    pub fn sign<T: Statement>(&self, statement: T) -> Signed<T> {
        Signed::sign(statement, &self.settings.identity)
    }

    pub const fn rng(&mut self) -> &mut ChaCha20Rng {
        self.rng
    }

    /// 32 fresh random bytes that nobody may see.
    pub fn secret_bytes(&mut self) -> Secret<[u8; 32]> {
        let mut bytes = [0; 32];
        self.rng.fill_bytes(&mut bytes);
        Secret::new(bytes)
    }

    /// `length`, a quarter shorter or longer, so that nodes do not ask in step.
    pub fn jittered(&mut self, length: Duration) -> Duration {
        let quarter = u64::try_from(length.as_millis()).unwrap_or(u64::MAX) / 4;
        let spread = self.rng.next_u64() % (2 * quarter + 1);
        length.saturating_sub(Duration::from_millis(quarter)) + Duration::from_millis(spread)
    }

    pub fn persist(&mut self, record: Record) {
        self.actions.push(Action::Persist(Box::new(record)));
    }

    pub fn erase(&mut self, kind: RecordKind, computation: ComputationId) {
        self.actions.push(Action::Erase(RecordKey { kind, computation, peer: None }));
    }

    pub fn send(&mut self, to: PeerId, message: Message) {
        if to == self.me() {
            self.to_self.push_back(message);
        } else {
            self.actions.push(Action::Send { to, message: Box::new(message) });
        }
    }

    pub fn next_to_self(&mut self) -> Option<Message> {
        self.to_self.pop_front()
    }

    pub fn publish(&mut self, gossip: Gossip) {
        self.actions.push(Action::Publish(Box::new(gossip)));
    }

    pub fn set_timer(&mut self, timer: Timer, at: Timestamp) {
        self.actions.push(Action::SetTimer { timer, at });
    }

    pub fn read_source(&mut self, computation: ComputationId) {
        self.actions.push(Action::ReadSource { computation });
    }

    pub fn act(&mut self, action: Action) {
        self.actions.push(action);
    }

    pub fn tell(&mut self, notice: Notice) {
        self.actions.push(Action::Tell(notice));
    }

    pub fn ignore(&mut self, from: PeerId, message: &'static str, why: &'static str) {
        self.tell(Notice::Ignored { from, kind: message, why });
    }

    /// Keeps the proof against a node and names it. What was kept against the same node in the same computation goes.
    pub fn blame(&mut self, computation: ComputationId, culprit: PeerId, proof: FaultProof) -> Evidence {
        let evidence = proof.evidence();
        self.persist(Record::Fault(Fault { computation, culprit, proof: proof.clone() }));
        self.name(computation, culprit, proof);
        evidence
    }

    /// Names a node that broke the protocol.
    pub fn name(&mut self, computation: ComputationId, culprit: PeerId, proof: FaultProof) {
        self.actions.push(Action::Blame(Box::new(Fault { computation, culprit, proof })));
    }
}
