//! Requests that cannot be answered yet: watchers, proposals under way, proposals that wait for heavy nodes, tickets that wait
//! for their inviter's word.

use std::collections::BTreeMap;

use tokio::sync::oneshot;

use crate::control::{ApiError, Proposal, Reply};
use crate::domain::limits::PARKED_MAX;
use crate::domain::{Computation, ComputationId, Timestamp};

/// Where a request's answer goes.
pub(super) type Asker = oneshot::Sender<Result<Reply, ApiError>>;

/// Everybody who waits, at most [`PARKED_MAX`].
#[derive(Debug, Default)]
pub(super) struct Parked {
    watchers: BTreeMap<ComputationId, Vec<Watcher>>,
    announcing: BTreeMap<ComputationId, Asker>,
    discovering: Vec<Discovering>,
    joining: Vec<JoinParked>,
}

/// Waits for a computation's revision to exceed what it has seen.
#[derive(Debug)]
pub(super) struct Watcher {
    pub(super) seen: u64,
    pub(super) asker: Asker,
}

/// A checked proposal that waits for enough heavy nodes.
#[derive(Debug)]
pub(super) struct Discovering {
    pub(super) proposal: Proposal,
    pub(super) draft: Computation,
    pub(super) until: Timestamp,
    pub(super) asker: Asker,
}

/// Has shown a ticket, and waits for the inviter's word.
#[derive(Debug)]
pub(super) struct JoinParked {
    pub(super) id: ComputationId,
    pub(super) wants: Wants,
    pub(super) until: Timestamp,
    pub(super) asker: Asker,
}

/// What somebody who shows a ticket wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wants {
    /// Who is there, of an invitation that was new to this node.
    Look,
    /// Who is there now.
    LookAgain,
    /// That the seat is taken.
    Seat,
}

impl Parked {
    /// Room for one more, after those who have left are gone.
    ///
    /// # Errors
    /// `too_many_requests`.
    pub(super) fn make_room(&mut self) -> Result<(), ApiError> {
        self.watchers.retain(|_, watchers| {
            watchers.retain(|watcher| !watcher.asker.is_closed());
            !watchers.is_empty()
        });
        self.discovering.retain(|waiting| !waiting.asker.is_closed());
        // A look that nobody waits for any more is still to be undone when its time is up.
        self.joining.retain(|join| join.wants == Wants::Look || !join.asker.is_closed());
        let watching: usize = self.watchers.values().map(Vec::len).sum();
        let others = self.announcing.len() + self.discovering.len() + self.joining.len();
        if watching + others < PARKED_MAX {
            return Ok(());
        }
        Err(ApiError {
            code: "too_many_requests".to_owned(),
            message: format!("{PARKED_MAX} requests wait for this node already"),
            hint: "end some of the programs that watch it".to_owned(),
            exit: 1,
        })
    }

    /// Parks a watcher.
    pub(super) fn watch(&mut self, id: ComputationId, watcher: Watcher) {
        self.watchers.entry(id).or_default().push(watcher);
    }

    /// Takes the watchers of a computation that have not seen this revision.
    pub(super) fn take_watchers(&mut self, id: ComputationId, revision: u64) -> Vec<Asker> {
        let Some(watchers) = self.watchers.remove(&id) else { return Vec::new() };
        let (ready, waiting): (Vec<_>, Vec<_>) = watchers.into_iter().partition(|one| one.seen < revision);
        if !waiting.is_empty() {
            self.watchers.insert(id, waiting);
        }
        ready.into_iter().map(|watcher| watcher.asker).collect()
    }

    /// Parks whoever has proposed until it is announced.
    pub(super) fn announce(&mut self, id: ComputationId, asker: Asker) {
        self.announcing.insert(id, asker);
    }

    /// Takes whoever has proposed this.
    pub(super) fn take_proposer(&mut self, id: ComputationId) -> Option<Asker> {
        self.announcing.remove(&id)
    }

    /// Parks a proposal until there are enough heavy nodes.
    pub(super) fn discover(&mut self, waiting: Discovering) {
        self.discovering.push(waiting);
    }

    /// Takes every proposal that waits for heavy nodes, to try again.
    pub(super) fn take_discovering(&mut self) -> Vec<Discovering> {
        std::mem::take(&mut self.discovering)
    }

    /// Parks whoever has shown a ticket.
    pub(super) fn join(&mut self, join: JoinParked) {
        self.joining.push(join);
    }

    /// Takes those who have shown a ticket of this invitation and know now what they wanted to know.
    pub(super) fn take_joins(&mut self, id: ComputationId, has_seat: bool) -> Vec<JoinParked> {
        let knows = |join: &mut JoinParked| join.id == id && (has_seat || join.wants != Wants::Seat);
        self.joining.extract_if(.., knows).collect()
    }

    /// Takes those who have waited long enough for an inviter.
    pub(super) fn take_overdue_joins(&mut self, now: Timestamp) -> Vec<JoinParked> {
        self.joining.extract_if(.., |join| join.until <= now).collect()
    }

    /// When the first proposal or ticket has waited long enough.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let discovering = self.discovering.iter().map(|waiting| waiting.until);
        discovering.chain(self.joining.iter().map(|join| join.until)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watchers_wait_for_a_revision_that_they_have_not_seen() {
        let id = ComputationId::of_body(b"x");
        let mut parked = Parked::default();
        let (asker, _answer) = oneshot::channel();
        parked.watch(id, Watcher { seen: 4, asker });
        assert!(parked.take_watchers(id, 4).is_empty());
        assert_eq!(parked.take_watchers(id, 5).len(), 1);
        assert!(parked.take_watchers(id, 6).is_empty());
    }

    #[test]
    fn who_has_left_makes_room() {
        let id = ComputationId::of_body(b"x");
        let mut parked = Parked::default();
        let mut answers = Vec::new();
        for _ in 0..PARKED_MAX {
            parked.make_room().unwrap();
            let (asker, answer) = oneshot::channel();
            parked.watch(id, Watcher { seen: 0, asker });
            answers.push(answer);
        }
        assert_eq!(parked.make_room().unwrap_err().code, "too_many_requests");
        answers.pop();
        assert_eq!(parked.make_room(), Ok(()));
    }
}
