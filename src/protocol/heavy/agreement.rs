//! Agreement and reveal: close, freeze, vote, open (docs/PROTOCOL.md).

use std::time::Duration;

use super::lists::agreed;
use super::{Heavy, Step};
use crate::domain::{Failure, PeerId};
use crate::protocol::entry::{Due, Entry, Stage};
use crate::protocol::event::Timer;
use crate::protocol::turn::Turn;
use crate::wire::{Close, Exclusion, Freeze, Message, Record, Signed, Want};

/// Time to the first question for what is missing; it doubles with every further one.
const ASK_AGAIN: Duration = Duration::from_millis(250);
/// How long after the deadline a node that is none of the heavy nodes begins to ask for the outcome.
const OUTCOME_EXPECTED: Duration = Duration::from_secs(1);
/// The longest time between such questions.
const ASK_AGAIN_MAX: Duration = Duration::from_secs(3);

impl Entry {
    /// The deadline is here.
    pub fn on_deadline(&mut self, turn: &mut Turn<'_>) {
        if let Stage::Running { due, .. } = &mut self.stage {
            *due = Due::Passed;
            self.changed(turn);
            if self.heavy().is_some() {
                self.close(turn);
                self.retry_later(turn);
            } else {
                // The heavy nodes send the outcome unasked; it is asked for when it should have come.
                let at = turn.now + turn.jittered(OUTCOME_EXPECTED);
                turn.set_timer(Timer::Retry(self.id), at);
            }
        }
    }

    /// After a restart: it had closed, perhaps before the deadline.
    pub fn resume_agreement(&mut self, turn: &mut Turn<'_>) {
        if let Stage::Running { due, .. } = &mut self.stage {
            *due = Due::Passed;
        }
        self.retry_later(turn);
        self.restart_grace(turn);
    }

    /// Ends intake: persists and sends the digest of the list.
    pub(super) fn close(&mut self, turn: &mut Turn<'_>) {
        let (id, me) = (self.id, turn.me());
        let Some(heavy) = self.heavy_mut() else { return };
        if !matches!(heavy.step, Step::Collecting) {
            return;
        }
        let list = heavy.would_be_list();
        let close = turn.sign(Close { computation: id, heavy: me, list: list.digest(id) });
        let excluded = list.exclusions().iter().map(Exclusion::participant).collect();
        turn.persist(Record::Closed { close: close.clone(), reports: list.participants(), excluded });
        heavy.held.close(&list);
        heavy.step = Step::Closed { list };
        heavy.said.closes.insert(me, close.clone());
        for other in self.others(me) {
            turn.send(other, Message::Close(close.clone()));
        }
        if let Stage::Running { due, .. } = &mut self.stage {
            *due = Due::Passed;
        }
        self.attempts = 0;
        self.retry_later(turn);
        self.restart_grace(turn);
        for other in self.others(me) {
            self.send_list_if_different(turn, other);
        }
        self.changed(turn);
        self.advance(turn);
    }

    /// Another heavy node has closed.
    pub fn on_close(&mut self, turn: &mut Turn<'_>, from: PeerId, close: Signed<Close>) {
        if close.signer() != from {
            turn.ignore(from, "close", "it is another node's");
            return;
        }
        let list = close.get().list;
        if self.keep_close(turn, close) {
            // Closed before the deadline means complete: the word itself may have been lost.
            self.keep_complete(turn, from, list);
            self.send_list_if_different(turn, from);
            self.advance(turn);
        }
    }

    /// Another heavy node has seen every list; it shows whose.
    pub fn on_freeze(
        &mut self,
        turn: &mut Turn<'_>,
        from: PeerId,
        freeze: Signed<Freeze>,
        closes: Vec<Signed<Close>>,
    ) {
        let (said, heavy_nodes) = (freeze.get(), &self.terms().heavy);
        let named = heavy_nodes.iter().zip(&said.lists).zip(&closes);
        let founded = said.lists.len() == heavy_nodes.len()
            && closes.len() == heavy_nodes.len()
            && named.into_iter().all(|((heavy, list), close)| {
                let close = close.get();
                (close.heavy, close.list, close.computation) == (*heavy, *list, self.id)
            });
        if said.heavy != from || said.computation != self.id || !self.terms().has_heavy(&from) || !founded {
            turn.ignore(from, "freeze", "it does not come with the closes that it names");
            return;
        }
        for close in closes {
            if !self.keep_close(turn, close) {
                return;
            }
        }
        if self.keep_freeze(turn, freeze) {
            self.check_freezes(turn);
            self.advance(turn);
        }
    }

    /// Climbs as many rungs as the statements at hand allow.
    pub fn advance(&mut self, turn: &mut Turn<'_>) {
        self.advance_decrees(turn);
        self.freeze(turn);
        self.check_freezes(turn);
        self.show_rho(turn);
        self.rebuild_rhos(turn.me());
        self.commit_verifiers(turn);
        self.recompute_verifiers(turn);
        self.show_verifiers(turn);
        self.vote(turn);
        self.check_votes(turn);
        self.open(turn);
        self.advance_decrees(turn);
        self.conclude(turn);
    }

    /// With every list: signs what is in all of them.
    fn freeze(&mut self, turn: &mut Turn<'_>) {
        let (id, me, heavy_nodes) = (self.id, turn.me(), self.terms().heavy.clone());
        let minimum = self.terms().min_participants;
        let Some(heavy) = self.heavy() else { return };
        let Step::Closed { list } = &heavy.step else { return };
        let Some(lists) = heavy.counted_lists(me, &heavy_nodes) else { return };
        let (frozen, list) = (agreed(&lists), list.clone());
        if !self.check_left_out(turn) {
            return;
        }
        let participants = frozen.participants();
        if participants < minimum {
            let failure = Failure::InsufficientParticipants { accepted: participants, minimum };
            self.fail(turn, failure);
            return;
        }
        let threshold = self.threshold().is_some();
        let Some(heavy) = self.heavy_mut() else { return };
        let (left_out, added) = list.changes_to(&frozen);
        let closes = if threshold { Vec::new() } else { heavy.closes(&heavy_nodes) };
        let freeze = (!threshold).then(|| {
            let lists = closes.iter().map(|close| close.get().list).collect();
            turn.sign(Freeze { computation: id, heavy: me, lists, frozen: frozen.digest(id), participants })
        });
        turn.persist(Record::Frozen {
            computation: id,
            freeze: freeze.clone(),
            participants,
            left_out,
            added,
            closes,
        });
        heavy.step = Step::Frozen { list, frozen };
        heavy.said.freezes.extend(freeze.map(|freeze| (me, freeze)));
        self.drop_foreign_commitments();
        if !threshold {
            self.stepped(turn, Want::Freeze);
        }
    }

    /// Whether the frozen set can not change any more: every heavy node has signed it, or a quorum has decided.
    pub(super) fn set_is_fixed(&self) -> bool {
        let frozen = |heavy: &Heavy| {
            let all = heavy.quorum.is_some()
                || self.terms().heavy.iter().all(|other| heavy.said.freezes.contains_key(other));
            all && !matches!(heavy.step, Step::Collecting | Step::Closed { .. })
        };
        self.heavy().is_some_and(frozen)
    }

    /// A rung was climbed: the others hear of it, and what is missing for the next one is asked for soon.
    pub(super) fn stepped(&mut self, turn: &mut Turn<'_>, statement: Want) {
        let me = turn.me();
        if let Some(message) = self.statement(me, statement) {
            for other in self.others(me) {
                turn.send(other, message.clone());
            }
        }
        self.attempts = 0;
        self.retry_later(turn);
    }

    /// Asks another heavy node for what this one lacks from it.
    pub fn ask_for_lacking(&self, turn: &mut Turn<'_>, other: PeerId) {
        let me = turn.me();
        match self.heavy().and_then(|heavy| heavy.lacks_from(me, &other, self.terms())) {
            Some(Want::List) => self.ask_for_list(turn, other, other, Want::List),
            Some(want) => turn.send(other, Message::Want { computation: self.id, want }),
            None => {}
        }
        self.ask_for_inputs(turn, other);
    }

    /// Sets the timer to ask again.
    pub fn retry_later(&mut self, turn: &mut Turn<'_>) {
        let wait = (ASK_AGAIN * 2_u32.saturating_pow(self.attempts.min(8))).min(ASK_AGAIN_MAX);
        self.attempts = self.attempts.saturating_add(1);
        let at = turn.now + turn.jittered(wait);
        turn.set_timer(Timer::Retry(self.id), at);
    }

    /// Missing heavy nodes have been waited for long enough.
    pub fn on_patience_over(&mut self, turn: &mut Turn<'_>) {
        let me = turn.me();
        let failure = match &self.stage {
            Stage::Proposed { accepted: Some(_), .. } | Stage::Proposed { dealing: Some(_), .. } => {
                Failure::NeverAnnounced
            }
            Stage::Running { .. } => {
                let Some(heavy) = self.heavy() else { return };
                let lacking = |other: &PeerId| heavy.lacks_from(me, other, self.terms()).is_some();
                let mut others: Vec<_> = self.others(me).into_iter().filter(lacking).collect();
                if others.is_empty() {
                    // Nothing of one node alone is lacking; they did not come to a decision.
                    others = self.others(me);
                }
                // Who has not even closed was away itself.
                Failure::Missing { heavy: if heavy.is_closed() { others } else { vec![me] } }
            }
            Stage::Proposed { .. } | Stage::Ended(_) => return,
        };
        self.fail(turn, failure);
    }
}

impl Heavy {
    /// Whether agreement has begun.
    pub fn is_closed(&self) -> bool {
        !matches!(self.step, Step::Collecting)
    }
}
