//! What is left of computations that ended long ago: in memory an id and a time, in the store the certificate or why they failed.
//!
//! A computation is pruned when nothing about it can be replayed any more: the latest moment at which a message could matter is over, and
//! an announcement of it is refused for its age. Its id stays, so that its certificate is not fetched again.

use std::collections::BTreeMap;

use super::certificate::{Assurance, outcome_of};
use super::entry::{Entry, Outcome, Stage};
use super::node::{Node, State};
use super::past::{Mark, Removed};
use super::turn::Turn;
use super::view::{OwnPart, View};
use crate::domain::limits::{
    DROPPED_KEPT_MAX, ENDED_BYTES_MAX, ENDED_KEPT_MAX, FOREIGN_BYTES_MAX, FOREIGN_KEPT_MAX,
    LARGE_CERTIFICATES_BYTES_MAX, PRUNED_KEPT_MAX,
};
use crate::domain::{Computation, ComputationId, PeerId, Standing, Status, Timestamp};
use crate::statistics::Answer;
use crate::wire::{
    Certificate, End, LedgerDecision, LedgerEntry, Message, Record, RecordKey, RecordKind, Similar, Summary,
    Want, to_bytes,
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
        self.state.past.ids()
    }

    /// Whether the store alone holds how it ended.
    pub fn is_pruned(&self, id: ComputationId) -> bool {
        self.state.past.contains(&id)
    }
}

impl State {
    /// Whether it is over for this node, whatever others say of it: forgotten, or pruned.
    pub fn is_over(&self, id: &ComputationId) -> bool {
        self.is_forgotten(id) || self.past.contains(id) || self.dropped.contains(id)
    }

    /// Keeps the newest ended computations in memory, as far as they fit. Of others that this node took part in, the store holds the
    /// end, once nothing of them can be replayed; of the rest the ledger and the evidence remain. What was answered counts against
    /// the policy's limits for ever.
    pub fn prune(&mut self, turn: &mut Turn<'_>) {
        let (now, me) = (turn.now, turn.me());
        let (mut mine, mut refused, mut foreign) = (Vec::new(), Vec::new(), Vec::new());
        for entry in self.entries.values().filter(|entry| !entry.is_open()) {
            // In memory partial sums are as they were signed, and as they are read.
            let ended = (entry.terms().proposed_at.min(now), entry.id, 2 * entry.partial_sums_bytes());
            if !entry.concerns(&me) {
                foreign.push(ended);
            } else if entry.settled_at() < now {
                // Anybody can have a question refused: that must not push out what was answered.
                if entry.is_refused(&me) { refused.push(ended) } else { mine.push(ended) }
            }
        }
        for id in surplus(mine, ENDED_KEPT_MAX, ENDED_BYTES_MAX) {
            self.prune_to_the_end(turn, id);
        }
        let refused = surplus(refused, ENDED_KEPT_MAX, FOREIGN_BYTES_MAX);
        for id in refused.into_iter().chain(surplus(foreign, FOREIGN_KEPT_MAX, FOREIGN_BYTES_MAX)) {
            self.forget(turn, id);
            self.note_dropped(id);
        }
    }

    /// What is offered again and again is not fetched again and again.
    fn note_dropped(&mut self, id: ComputationId) {
        self.dropped.push_back(id);
        if self.dropped.len() > DROPPED_KEPT_MAX {
            self.dropped.pop_front();
        }
    }

    /// Leaves of an ended computation what its owner may still ask for.
    pub(super) fn prune_to_the_end(&mut self, turn: &mut Turn<'_>, id: ComputationId) {
        let Some((entry, summary)) = self.entries.get(&id).and_then(|entry| Some((entry, entry.summary()?)))
        else {
            return;
        };
        let failed = matches!(summary.end, End::Failed(_));
        let at = entry.terms().proposed_at.min(turn.now);
        let certificate = entry.view().certificate.filter(|_| !failed).map_or(0, |it| to_bytes(it).len());
        let summary = Record::Summary(Box::new(summary));
        let bytes = (certificate + to_bytes(&summary).len()) as u64;
        turn.persist(summary);
        turn.persist(Record::Pruned { computation: id, at, bytes });
        // Names are kept where later sets are compared with them, as long as there are not too many.
        let compared = self.entries.get(&id).filter(|_| self.comparisons.of(id).is_some());
        let set = compared.and_then(|entry| entry.past_set(&turn.me()));
        if set.is_none() {
            turn.erase(RecordKind::Members, id);
        }
        self.let_go(turn, id);
        if failed {
            turn.erase(RecordKind::Certificate, id);
        }
        self.comparisons.drop_from_memory(id);
        self.past.keep(id, Mark { at, bytes }, set);
        for beyond in self.past.beyond(PRUNED_KEPT_MAX, LARGE_CERTIFICATES_BYTES_MAX) {
            self.erase_pruned(turn, beyond);
            // Whoever still has it in memory offers it.
            self.note_dropped(beyond);
        }
    }

    /// As one of its heavy nodes, gives the certificate of a pruned computation to whoever was away until now. Who was in the
    /// set is gone, and so is the word by which others told of a failure.
    pub(super) fn tell_pruned_end(&self, turn: &mut Turn<'_>, to: PeerId, id: ComputationId, lacking: Want) {
        if lacking == Want::Members || !self.past.contains(&id) {
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

    /// Takes out what is left of a pruned computation. Whether there was anything.
    pub(super) fn erase_pruned(&mut self, turn: &mut Turn<'_>, id: ComputationId) -> bool {
        let Some(gone) = self.past.remove(&id) else { return false };
        for kind in [RecordKind::Pruned, RecordKind::Summary, RecordKind::Certificate] {
            turn.erase(kind, id);
        }
        if gone == Removed::WithSet {
            turn.erase(RecordKind::Members, id);
        }
        true
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

impl Entry {
    /// Bytes of its certificate that grow with the question.
    fn partial_sums_bytes(&self) -> usize {
        let openings = self.view().certificate.into_iter().flat_map(|certificate| &certificate.openings);
        openings.map(|opening| opening.get().partial_sum.len()).sum()
    }
}

/// All but the newest so many, and what does not fit beside newer ones.
fn surplus(
    mut ended: Vec<(Timestamp, ComputationId, usize)>,
    kept: usize,
    bytes_max: usize,
) -> Vec<ComputationId> {
    ended.sort_unstable_by(|left, right| right.cmp(left));
    let (mut number, mut bytes) = (0, 0);
    let mut surplus = Vec::new();
    for (_, id, own) in ended {
        if number < kept && bytes + own <= bytes_max {
            (number, bytes) = (number + 1, bytes + own);
        } else {
            surplus.push(id);
        }
    }
    surplus
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng as _;

    use super::*;
    use crate::domain::limits::MESSAGE_BYTES_MAX;
    use crate::domain::{Digest, Failure, Modulus, Query, Role, Sharing, Statistic, VERSION};
    use crate::protocol::Settings;
    use crate::sharing::Secret;
    use crate::wire::{Identity, Opening, Signed};

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn identity(number: u8) -> Identity {
        Identity::from_secret_key(&[number; 32])
    }

    /// A question between others, newer with its number, whose certificate has partial sums of so many bytes in all.
    fn foreign(number: u8, bytes: usize) -> Entry {
        let asker = identity(1);
        let heavy: Vec<_> = (2..5).map(|number| identity(number).peer()).collect();
        let terms = Computation {
            version: VERSION,
            nonce: [number; 16],
            proposer: asker.peer(),
            proposed_at: Timestamp::from_millis(NOW.as_millis() - 1_000 + u64::from(number)),
            prompt: String::new(),
            query: Query::parse(Statistic::Sum, &["n".to_owned()], None).unwrap(),
            heavy: heavy.clone(),
            sharing: Sharing::Additive { modulus: Modulus::Bits64 },
            min_participants: 3,
            max_participants: 10,
            deadline: NOW,
            patience_ms: 1_000,
            grace_ms: 1_000,
            participants: Some(heavy),
            noise: None,
            invitation: None,
        };
        let mut entry = Entry::new(Signed::sign(terms, &asker));
        let opening = Opening {
            computation: entry.id,
            heavy: identity(2).peer(),
            votes: Digest::from_bytes([0; 32]),
            blind: [0; 32],
            partial_sum: vec![0; bytes],
        };
        let openings = vec![Signed::sign(opening, &identity(2))];
        let computation = entry.computation.clone();
        let certificate = Box::new(Certificate { computation, votes: Vec::new(), openings, decided: None });
        entry.stage = Stage::Ended(Outcome::Impossible { certificate, failure: Failure::ImpossibleTotal });
        entry
    }

    #[test]
    fn large_certificates_of_others_are_neither_kept_nor_fetched_again() {
        let settings = Settings {
            identity: identity(9),
            role: Role::Light,
            policy: crate::consent::Policy::default(),
            memory_since: None,
            seed: Secret::new([0; 32]),
            slice: crate::protocol::Slice::default(),
        };
        let (mut rng, shelf) = (ChaCha20Rng::from_seed([0; 32]), BTreeMap::<RecordKey, Record>::new());
        let mut turn = Turn::new(NOW, &settings, &shelf, &mut rng);
        let mut state = State::default();
        // Held as signed and as read: two of these are all that fits, beside any number of small ones.
        let sizes = [10, MESSAGE_BYTES_MAX / 2, MESSAGE_BYTES_MAX / 2, MESSAGE_BYTES_MAX / 2 - 100, 10];
        let entries: Vec<_> = (0..).zip(sizes).map(|(number, bytes)| foreign(number, bytes)).collect();
        let ids: Vec<_> = entries.iter().map(|entry| entry.id).collect();
        state.entries.extend(entries.into_iter().map(|entry| (entry.id, entry)));
        state.prune(&mut turn);
        let kept: Vec<_> = ids.iter().map(|id| state.entries.contains_key(id)).collect();
        assert_eq!(kept, [true, false, true, true, true]);
        assert!(state.is_over(&ids[1]) && !state.is_over(&ids[2]), "what is dropped is not fetched again");
    }

    #[test]
    fn the_newest_stay_and_the_large_ones_among_them_give_way() {
        let id = |number: u64| ComputationId::of_body(&number.to_le_bytes());
        let ended = |sizes: &[usize]| {
            let at = |number: usize| Timestamp::from_millis(number as u64);
            (0..).zip(sizes).map(|(number, own)| (at(number), id(number as u64), *own)).collect::<Vec<_>>()
        };
        // Oldest first.
        assert_eq!(surplus(ended(&[1, 1, 1, 1]), 3, 100), [id(0)], "too many");
        assert_eq!(
            surplus(ended(&[1, 60, 1, 60]), 9, 100),
            [id(1)],
            "a small one stays though a newer one does not fit"
        );
        assert_eq!(surplus(ended(&[101]), 9, 100), [id(0)], "none that is larger than all may be");
        assert_eq!(surplus(ended(&[50, 50]), 9, 100), []);
    }
}
