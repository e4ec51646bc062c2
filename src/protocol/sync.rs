//! What gossip missed: nodes ask heavy nodes what is open and what has ended, and for what they lack.

use std::time::Duration;

use rand_chacha::rand_core::Rng;

use super::action::Notice;
use super::entry::{Due, Entry, Hint, Outcome, Stage};
use super::event::Timer;
use super::members::Asked;
use super::node::State;
use super::turn::Turn;
use super::view::OwnPart;
use crate::domain::limits::{CLOCK_SKEW_MAX, OPEN_KNOWN_MAX, SYNC_ENDED_MAX, SYNC_IDS_MAX};
use crate::domain::{ComputationId, Failure, PeerId, Role, Timestamp};
use crate::wire::{Certificate, FailureNotice, Message, RecordKind, Signed, Want};

/// How often a node asks one of the heavy nodes that it is connected to. A guess: a late answer costs little.
const SYNC_EVERY: Duration = Duration::from_secs(5);

/// How long after its patience a party of an invitation that gave up asks the others whether they did. A guess: a node that
/// was away for longer asks when it meets them.
const END_ASKED_FOR: Duration = Duration::from_secs(10 * 60);
/// Time to the first repetition of that; it doubles with every further one.
const END_ASKED_AGAIN: Duration = Duration::from_secs(1);
const END_ASKED_AGAIN_MAX: Duration = Duration::from_secs(60);

/// Sets the time of the next question.
pub(super) fn schedule(turn: &mut Turn<'_>) {
    let at = turn.now + turn.jittered(SYNC_EVERY);
    turn.set_timer(Timer::Sync, at);
}

impl State {
    /// Time to ask a heavy node, a random one.
    pub fn on_sync_due(&mut self, turn: &mut Turn<'_>) {
        let heavy: Vec<_> =
            self.peers.iter().filter(|(_, role)| **role == Role::Heavy).map(|(peer, _)| *peer).collect();
        if !heavy.is_empty() {
            let pick = usize::try_from(turn.rng().next_u64() % heavy.len() as u64).unwrap_or(0);
            if let Some(peer) = heavy.get(pick) {
                turn.send(*peer, Message::Ask { clock: turn.now });
            }
        }
        self.fetching.clear();
        self.forget_early();
        self.prune(turn);
        self.prune_invitations(turn);
        self.forget_old_sets(turn);
        self.ask_for_members(turn, Asked::InTurn);
        schedule(turn);
    }

    /// A peer is there: it gets at once what it may have missed, and is asked for what this node lacks.
    pub fn on_met(&mut self, turn: &mut Turn<'_>, peer: PeerId, role: Role) {
        self.peers.insert(peer, role);
        if role == Role::Heavy {
            turn.send(peer, Message::Ask { clock: turn.now });
        }
        for entry in self.entries.values_mut() {
            entry.on_met(turn, peer);
        }
        self.meet_for_invitations(turn, peer);
        self.ask_for_members(turn, Asked::Met(peer));
    }

    /// Time to ask again for what a computation lacks.
    pub fn on_retry(&mut self, turn: &mut Turn<'_>, id: ComputationId) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        match &entry.stage {
            Stage::Proposed { proposing: Some(_), .. } => entry.propose_again(turn),
            Stage::Proposed { proposing: None, dealing: Some(_), accepted: None } => {
                entry.deal_again(turn);
                entry.retry_later(turn);
            }
            Stage::Proposed { proposing: None, accepted: Some(_), .. } => {
                turn.send(entry.terms().proposer, want(id, Want::Announcement));
                entry.retry_later(turn);
            }
            Stage::Running { heavy: None, due: Due::Passed, .. } => {
                let order = entry.attempts as usize % entry.terms().heavy.len().max(1);
                if let Some(heavy) = entry.terms().heavy.get(order).copied() {
                    turn.send(heavy, want(id, Want::Outcome));
                }
                entry.retry_later(turn);
            }
            Stage::Running { heavy: None, .. } => entry.submit_again(turn),
            Stage::Running { heavy: Some(heavy), .. } if heavy.is_closed() => {
                // After a restart nothing else may come that lets it go on with what it has.
                entry.advance(turn);
                if !entry.is_running() {
                    return;
                }
                for other in entry.others(turn.me()) {
                    entry.ask_for_lacking(turn, other);
                }
                entry.resend_decree(turn);
                entry.retry_later(turn);
            }
            // One timer serves both sides of a node that also answers: the heavy side's, which is sooner, is set last.
            Stage::Running { heavy: Some(_), .. } => {
                entry.submit_again(turn);
                entry.say_complete(turn);
            }
            Stage::Ended(Outcome::Failed { .. }) => entry.ask_parties_for_the_end(turn),
            Stage::Ended(Outcome::Completed { .. } | Outcome::Impossible { .. }) => entry.spread_the_rest(turn),
            Stage::Proposed { proposing: None, dealing: None, accepted: None } => {}
        }
    }

    /// Gossip says that there is a certificate. Its heavy nodes send it unasked to whoever proposed or answered; anybody
    /// else asks one of them, not all the same, for the first such word.
    pub fn on_completed_hint(&mut self, turn: &mut Turn<'_>, id: ComputationId) {
        let Some(entry) = self.entries.get_mut(&id).filter(|entry| entry.is_open()) else { return };
        let sent_unasked = entry.own == OwnPart::Answered || entry.terms().proposer == turn.me();
        let first = std::mem::replace(&mut entry.hint, Hint::Heard) == Hint::None;
        if sent_unasked || !first {
            return;
        }
        let heavy = &entry.terms().heavy;
        let start = usize::from(turn.me().public_key()[0]) % heavy.len().max(1);
        let order = || heavy.iter().cycle().skip(start).take(heavy.len());
        let reachable = order().find(|heavy| self.peers.contains_key(heavy)).or_else(|| order().next());
        if let Some(heavy) = reachable.copied() {
            turn.send(heavy, want(id, Want::Outcome));
        }
    }

    /// A peer lacks something.
    pub fn on_want(&mut self, turn: &mut Turn<'_>, from: PeerId, id: ComputationId, lacking: Want) {
        let known = self.entries.get_mut(&id).filter(|entry| entry.terms().is_known_to(&from));
        let Some(entry) = known else { return self.tell_pruned_end(turn, from, id, lacking) };
        let view = entry.view();
        if lacking == Want::Members {
            entry.send_members(turn, from);
        } else if let Some(certificate) = view.certificate {
            turn.send(from, Message::Certificate(certificate.clone()));
            entry.send_members(turn, from);
        } else if let Some(notice) = entry.failure_notice(turn) {
            turn.send(from, Message::Fail(notice));
        } else if lacking == Want::Announcement {
            if let Some(announcement) = entry.announcement() {
                turn.send(from, Message::Announce(announcement));
            }
        } else {
            entry.on_want_statement(turn, from, lacking);
        }
    }

    /// A peer asks what is open and what has ended.
    pub fn on_ask(&self, turn: &mut Turn<'_>, from: PeerId, clock: Timestamp) {
        check_clock(turn, from, clock);
        let mut entries: Vec<_> =
            self.entries.values().filter(|entry| entry.terms().is_known_to(&from)).collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.terms().proposed_at));
        let ids = |wanted: &dyn Fn(&Entry) -> bool, most: usize| -> Vec<ComputationId> {
            entries.iter().filter(|entry| wanted(entry)).map(|entry| entry.id).take(most).collect()
        };
        let offer = Message::Offer {
            clock: turn.now,
            open: ids(&|entry| entry.is_running(), SYNC_IDS_MAX),
            completed: ids(&|entry| entry.view().certificate.is_some(), SYNC_ENDED_MAX),
            failed: ids(&|entry| entry.view().failure.is_some(), SYNC_ENDED_MAX),
        };
        turn.send(from, offer);
    }

    /// A heavy node tells what is open and what has ended.
    pub fn on_offer(
        &mut self,
        turn: &mut Turn<'_>,
        from: PeerId,
        clock: Timestamp,
        open: &[ComputationId],
        completed: &[ComputationId],
        failed: &[ComputationId],
    ) {
        check_clock(turn, from, clock);
        let running = |id: &ComputationId| self.entries.get(id).is_some_and(Entry::is_running);
        let known = |id: &ComputationId| {
            let stage = self.entries.get(id).map(|entry| &entry.stage);
            stage.is_some_and(|stage| !matches!(stage, Stage::Proposed { .. }))
        };
        for id in open.iter().take(SYNC_IDS_MAX).filter(|id| !known(id) && !self.is_over(id)) {
            turn.send(from, want(*id, Want::Announcement));
        }
        for id in completed.iter().take(SYNC_ENDED_MAX) {
            let certified = self.entries.get(id).is_some_and(|entry| entry.view().certificate.is_some());
            if !certified && !self.is_over(id) {
                self.fetching.insert(*id);
                turn.send(from, want(*id, Want::Outcome));
            }
        }
        for id in failed.iter().take(SYNC_ENDED_MAX).filter(|id| running(id)) {
            turn.send(from, want(*id, Want::Outcome));
        }
        // One at a time: the next offer names the others again.
        let known_better = failed.iter().take(SYNC_ENDED_MAX).find_map(|id| self.certificate_for(&from, id));
        if let Some(certificate) = known_better {
            turn.send(from, Message::Certificate(certificate));
        }
    }

    /// A peer says that it failed. Whoever has the result shows it: the others that had it may be gone.
    pub fn on_fail(&mut self, turn: &mut Turn<'_>, from: PeerId, notice: &Signed<FailureNotice>) {
        let id = notice.get().computation;
        match self.certificate_for(&from, &id) {
            Some(certificate) => turn.send(from, Message::Certificate(certificate)),
            None => self.with(id, |entry| entry.on_fail(turn, notice)),
        }
    }

    /// The certificate of a computation, for a peer that may know of it.
    fn certificate_for(&self, peer: &PeerId, id: &ComputationId) -> Option<Certificate> {
        let entry = self.entries.get(id).filter(|entry| entry.terms().is_known_to(peer))?;
        entry.view().certificate.cloned()
    }

    pub(super) fn forget(&mut self, turn: &mut Turn<'_>, id: ComputationId) {
        self.let_go(turn, id);
        for kind in [RecordKind::Certificate, RecordKind::Members] {
            turn.erase(kind, id);
        }
    }

    /// Leaves of a computation its certificate and names in the store, and what the ledger says of it.
    pub(super) fn let_go(&mut self, turn: &mut Turn<'_>, id: ComputationId) {
        let entry = self.entries.remove(&id);
        // Without its computation an invitation would begin anew.
        let invitation = entry.as_ref().and_then(|entry| entry.terms().invitation);
        let became =
            |it: &ComputationId| self.invitations.get(it).is_some_and(|it| it.memory.computation == Some(id));
        if let Some(invitation) = invitation.filter(became) {
            self.invitations.remove(&invitation);
            turn.erase(RecordKind::Invitation, invitation);
        }
        if let Some(ledger) = entry.and_then(|entry| entry.ledger) {
            self.ledger.keep(turn, &ledger);
        }
        for kind in [RecordKind::Proposed, RecordKind::Announced, RecordKind::Failed] {
            turn.erase(kind, id);
        }
    }

    /// Makes room for one more announced computation: of those that do not concern this node, the one that would stay
    /// longest goes, if it stays longer than the new one. Whether there is room now.
    pub fn make_room(&mut self, turn: &mut Turn<'_>, deadline: Timestamp) -> bool {
        if self.entries.values().filter(|entry| entry.is_open()).count() < OPEN_KNOWN_MAX {
            return true;
        }
        let me = turn.me();
        let foreign = self.entries.values().filter(|entry| entry.is_open() && !entry.concerns(&me));
        let longest = foreign.map(|entry| (entry.terms().deadline, entry.id)).max();
        match longest {
            Some((other, id)) if other > deadline => {
                self.forget(turn, id);
                true
            }
            Some(_) | None => false,
        }
    }
}

impl Entry {
    /// Whether this node has a part in it: it asked, is one of its heavy nodes, or has answered or may still answer.
    pub(super) fn concerns(&self, me: &PeerId) -> bool {
        let part = match self.own {
            OwnPart::None => self.reading.is_some(),
            OwnPart::Answered | OwnPart::Waiting(_) | OwnPart::Declined(_) => true,
        };
        part || self.terms().proposer == *me || self.terms().has_heavy(me)
    }

    /// Whether all that this node did was not to answer.
    pub(super) fn is_refused(&self, me: &PeerId) -> bool {
        let answered = match self.own {
            OwnPart::Answered => true,
            OwnPart::None | OwnPart::Waiting(_) | OwnPart::Declined(_) => false,
        };
        !answered && self.terms().proposer != *me && !self.terms().has_heavy(me)
    }

    fn on_met(&mut self, turn: &mut Turn<'_>, peer: PeerId) {
        let (id, is_heavy) = (self.id, self.terms().has_heavy(&peer));
        let proposer = self.terms().proposer;
        match &self.stage {
            Stage::Proposed { proposing: Some(_), .. } => {
                if is_heavy {
                    turn.send(peer, Message::Propose(self.computation.clone()));
                }
            }
            Stage::Proposed { proposing: None, .. } => {
                if is_heavy || peer == proposer {
                    turn.send(peer, want(id, Want::Announcement));
                }
            }
            Stage::Running { heavy: None, due: Due::Passed, .. } => {
                if is_heavy {
                    turn.send(peer, want(id, Want::Outcome));
                }
            }
            Stage::Running { .. } => {
                if is_heavy {
                    self.submit_to(turn, peer);
                    self.ask_for_lacking(turn, peer);
                    self.say_complete(turn);
                }
                if let Some(standing) = self.told_standing().filter(|_| peer == proposer) {
                    turn.send(peer, Message::Stand { computation: id, standing: Some(standing) });
                }
            }
            Stage::Ended(Outcome::Failed { .. }) => {
                let missed = self.may_have_missed_its_end() || self.has_lost_contact(&turn.me());
                if is_heavy && missed {
                    turn.send(peer, want(id, Want::Outcome));
                }
            }
            Stage::Ended(_) => {}
        }
    }

    /// Whether the other parties of an invitation may have a result that this one has not heard of. No heavy node of the
    /// network knows of it, so nobody offers it.
    fn may_have_missed_its_end(&self) -> bool {
        let Stage::Ended(Outcome::Failed { failure, .. }) = &self.stage else { return false };
        let ended_for_all = matches!(
            failure,
            Failure::InsufficientParticipants { .. }
                | Failure::Refused { .. }
                | Failure::Unreachable { .. }
                | Failure::DealsDiffer
                | Failure::Withdrawn
        );
        self.terms().is_by_invitation() && !ended_for_all
    }

    /// Whether this node had a part in it and does not know how it ended, because it or the others were away: then they
    /// may have a result, which they no longer offer when many others have come after it.
    fn has_lost_contact(&self, me: &PeerId) -> bool {
        let Stage::Ended(Outcome::Failed { failure, notice: None }) = &self.stage else { return false };
        let found_alone =
            matches!(failure, Failure::NoContact | Failure::Missing { .. } | Failure::MemoryLost { .. });
        found_alone && self.has_part(me)
    }

    /// Nothing was heard of it. Whoever slept over its end, connections and all, hears of it now.
    pub fn on_no_contact(&mut self, turn: &mut Turn<'_>) {
        self.fail(turn, Failure::NoContact);
        let me = turn.me();
        if self.has_lost_contact(&me) {
            for heavy in self.others(me) {
                turn.send(heavy, want(self.id, Want::Outcome));
            }
        }
    }

    /// Asks the other parties of an invitation, for a while, for a result that this one may have missed.
    pub fn ask_parties_for_the_end(&mut self, turn: &mut Turn<'_>) {
        if !self.may_have_missed_its_end() || turn.now > self.terms().patience_ends() + END_ASKED_FOR {
            return self.let_parties_go(turn);
        }
        for party in self.others(turn.me()) {
            turn.send(party, want(self.id, Want::Outcome));
        }
        let wait = (END_ASKED_AGAIN * 2_u32.saturating_pow(self.attempts.min(8))).min(END_ASKED_AGAIN_MAX);
        self.attempts = self.attempts.saturating_add(1);
        let at = turn.now + turn.jittered(wait);
        turn.set_timer(Timer::Retry(self.id), at);
    }
}

const fn want(computation: ComputationId, want: Want) -> Message {
    Message::Want { computation, want }
}

fn check_clock(turn: &mut Turn<'_>, peer: PeerId, clock: Timestamp) {
    if turn.now.skew_of(clock).distance() > CLOCK_SKEW_MAX {
        turn.tell(Notice::ClockSkew { peer, clock });
    }
}
