//! What is left of computations that ended long ago: in memory an id and a time, in the store the certificate or why they failed.
//!
//! A computation is pruned when nothing about it can be replayed any more: the latest moment at which a message could matter is over, and
//! an announcement of it is refused for its age. Its id stays, so that its certificate is not fetched again.

use std::collections::{BTreeMap, BTreeSet};

use super::certificate::{Assurance, outcome_of};
use super::comparison::AnsweredSet;
use super::entry::{Entry, Outcome, Stage};
use super::node::{Node, State};
use super::turn::Turn;
use super::view::{OwnPart, View};
use crate::domain::limits::PRUNED_KEPT_MAX;
use crate::domain::{Computation, ComputationId, PeerId, Standing, Status, Timestamp};
use crate::statistics::Answer;
use crate::wire::{
    Certificate, End, LedgerDecision, LedgerEntry, Message, Record, RecordKey, RecordKind, Similar, Summary,
    Want,
};

/// A pruned computation, read again.
#[derive(Clone, Debug)]
pub struct Recalled {
    summary: Summary,
    certificate: Option<Certificate>,
    completed: Option<(Answer, Assurance)>,
    ledger: Option<LedgerEntry>,
    similar: Vec<Similar>,
    /// Nobody knows them any more.
    standings: BTreeMap<PeerId, Standing>,
}

impl Recalled {
    /// What the store holds of it. Without the certificate, no result is shown.
    pub fn new(summary: Summary, certificate: Option<Certificate>, ledger: Option<LedgerEntry>) -> Self {
        let completed = certificate.as_ref().and_then(|certificate| outcome_of(certificate).ok()?.ok());
        Self { summary, certificate, completed, ledger, similar: Vec::new(), standings: BTreeMap::new() }
    }

    /// With the sets that are near its own.
    #[must_use]
    pub fn with_similar(self, similar: Vec<Similar>) -> Self {
        Self { similar, ..self }
    }

    /// What the ledger says of it.
    pub const fn ledger(&self) -> Option<&LedgerEntry> {
        self.ledger.as_ref()
    }

    /// What was asked.
    pub const fn question(&self) -> &Computation {
        &self.summary.question
    }

    /// As a node shows it, without who was in the set and why others have not answered.
    pub fn view(&self) -> View<'_> {
        let (status, failure, participants) = match &self.summary.end {
            End::Completed { participants } => (Status::Completed, None, *participants),
            End::Impossible(failure) | End::Failed(failure) => (Status::Failed, Some(failure), 0),
        };
        View {
            id: self.summary.computation,
            computation: &self.summary.question,
            status,
            certificate: self.certificate.as_ref(),
            answer: self.completed.as_ref().map(|(answer, _)| answer.clone()),
            assurance: self.completed.as_ref().map(|(_, assurance)| assurance),
            failure,
            participants,
            own: match self.summary.own {
                None => OwnPart::None,
                Some(LedgerDecision::Answered) => OwnPart::Answered,
                Some(LedgerDecision::Declined(standing)) => OwnPart::Declined(standing),
            },
            ledger: self.ledger.as_ref(),
            standings: &self.standings,
            members: None,
            similar: self.similar.clone(),
            revision: 0,
        }
    }
}

impl Node {
    /// The computations of which the store alone holds the end, in no order.
    pub fn pruned(&self) -> impl Iterator<Item = ComputationId> {
        self.state.pruned.keys().copied()
    }

    /// Whether the store alone holds how it ended.
    pub fn is_pruned(&self, id: ComputationId) -> bool {
        self.state.pruned.contains_key(&id)
    }
}

impl State {
    /// Whether it is over for this node, whatever others say of it: forgotten, or pruned.
    pub fn is_over(&self, id: &ComputationId) -> bool {
        self.is_forgotten(id) || self.pruned.contains_key(id)
    }

    /// Leaves of an ended computation what its owner may still ask for.
    pub(super) fn prune_to_the_end(&mut self, turn: &mut Turn<'_>, id: ComputationId) {
        let Some((summary, at)) = self
            .entries
            .get(&id)
            .and_then(|entry| Some((entry.summary()?, entry.terms().proposed_at.min(turn.now))))
        else {
            return;
        };
        let failed = matches!(summary.end, End::Failed(_));
        turn.persist(Record::Summary(Box::new(summary)));
        turn.persist(Record::Pruned { computation: id, at });
        // Names are kept where later sets are compared with them, as long as there are not too many.
        let compared = self.entries.get(&id).filter(|_| self.comparisons.of(id).is_some());
        match compared.and_then(|entry| entry.past_set(&turn.me(), at)) {
            Some(set) => self.comparisons.keep_past(id, &set),
            None => turn.erase(RecordKind::Members, id),
        }
        self.let_go(turn, id);
        if failed {
            turn.erase(RecordKind::Certificate, id);
        }
        self.comparisons.drop_from_memory(id);
        self.pruned.insert(id, at);
        self.drop_the_oldest(turn);
    }

    /// As one of its heavy nodes, gives the certificate of a pruned computation to whoever was away until now. Who was in the
    /// set is gone, and so is the word by which others told of a failure.
    pub(super) fn tell_pruned_end(&self, turn: &mut Turn<'_>, to: PeerId, id: ComputationId, lacking: Want) {
        if lacking == Want::Members || !self.pruned.contains_key(&id) {
            return;
        }
        let key = RecordKey { kind: RecordKind::Certificate, computation: id, peer: None };
        // Why it cannot be read, whoever keeps it has said.
        let Ok(Some(Record::Certificate(certificate))) = turn.record(&key) else { return };
        let terms = certificate.computation.get();
        if terms.has_heavy(&turn.me()) && terms.is_known_to(&to) {
            turn.send(to, Message::Certificate(certificate));
        }
    }

    fn drop_the_oldest(&mut self, turn: &mut Turn<'_>) {
        let surplus = self.pruned.len().saturating_sub(PRUNED_KEPT_MAX);
        if surplus == 0 {
            return;
        }
        let oldest: BTreeSet<_> = self.pruned.iter().map(|(id, at)| (*at, *id)).collect();
        for (_, id) in oldest.into_iter().take(surplus) {
            self.erase_pruned(turn, id);
        }
    }

    /// Takes out what is left of a pruned computation. Whether there was anything.
    pub(super) fn erase_pruned(&mut self, turn: &mut Turn<'_>, id: ComputationId) -> bool {
        let was_there = self.pruned.remove(&id).is_some();
        if was_there {
            for kind in [RecordKind::Pruned, RecordKind::Summary, RecordKind::Certificate] {
                turn.erase(kind, id);
            }
            if self.comparisons.drop_past(id) {
                turn.erase(RecordKind::Members, id);
            }
        }
        was_there
    }

    /// Takes up the marks from the store, and the sets of what was answered.
    pub(super) fn restore_pruned(
        &mut self,
        marks: impl IntoIterator<Item = (ComputationId, Timestamp)>,
        sets: impl IntoIterator<Item = (ComputationId, AnsweredSet)>,
    ) {
        self.pruned.extend(marks);
        for (id, set) in sets {
            self.comparisons.keep_past(id, &set);
        }
    }
}

impl Entry {
    fn summary(&self) -> Option<Summary> {
        let Stage::Ended(outcome) = &self.stage else { return None };
        let end = match outcome {
            Outcome::Completed { answer, .. } => End::Completed { participants: answer.participants() },
            Outcome::Impossible { failure, .. } => End::Impossible(failure.clone()),
            Outcome::Failed { failure, .. } => End::Failed(failure.clone()),
        };
        let own = match self.own {
            OwnPart::None | OwnPart::Waiting(_) => None,
            OwnPart::Answered => Some(LedgerDecision::Answered),
            OwnPart::Declined(standing) => Some(LedgerDecision::Declined(standing)),
        };
        Some(Summary { computation: self.id, question: self.terms().clone(), end, own })
    }
}
