//! The proposer: asks the heavy nodes, and announces only with every acceptance in hand.

use std::collections::BTreeMap;
use std::time::Duration;

use super::action::Notice;
use super::entry::{Entry, Stage};
use super::event::Timer;
use super::heavy::{Dealing, Promise, deals_differ};
use super::turn::Turn;
use crate::domain::limits::ACCEPTANCE_WAIT;
use crate::domain::{Computation, Failure, PeerId, Refusal, Standing};
use crate::wire::{Acceptance, Announcement, Gossip, Message, Record, Signed};

/// A proposal is repeated this often to heavy nodes that have not answered.
const PROPOSE_AGAIN: Duration = Duration::from_millis(700);

/// The acceptances so far.
#[derive(Debug, Default)]
pub(super) struct Proposing {
    acceptances: BTreeMap<PeerId, Signed<Acceptance>>,
}

/// Why a proposer says that it gives up, if it may say so.
pub(super) fn given_up_for(failure: &Failure, terms: &Computation) -> Failure {
    let before_announcement =
        matches!(failure, Failure::Refused { .. } | Failure::Unreachable { .. } | Failure::DealsDiffer);
    if before_announcement && failure.may_be_told_by(terms.proposer, terms) {
        failure.clone()
    } else {
        Failure::Withdrawn
    }
}

impl Entry {
    /// Persists the proposal and sends it to every heavy node.
    pub fn propose(&mut self, turn: &mut Turn<'_>) {
        self.stage = Stage::Proposed { proposing: Some(Proposing::default()), dealing: None, accepted: None };
        turn.persist(Record::Proposed(self.computation.clone()));
        turn.set_timer(Timer::AcceptanceWait(self.id), self.roster_is_due(turn.now + ACCEPTANCE_WAIT));
        self.changed(turn);
        self.propose_again(turn);
    }

    /// Takes up a proposal from the store: by invitation, parties may take their time.
    pub fn resume_proposing(
        &mut self,
        turn: &mut Turn<'_>,
        dealing: Option<Box<Dealing>>,
        accepted: Option<Box<Promise>>,
    ) {
        self.stage = Stage::Proposed { proposing: Some(Proposing::default()), dealing, accepted };
        turn.set_timer(Timer::AcceptanceWait(self.id), self.roster_is_due(turn.now + ACCEPTANCE_WAIT));
        self.propose_again(turn);
    }

    /// Sends the proposal to the heavy nodes that have not answered.
    pub fn propose_again(&mut self, turn: &mut Turn<'_>) {
        let Stage::Proposed { proposing: Some(proposing), .. } = &self.stage else { return };
        for heavy in self.terms().heavy.iter().filter(|heavy| !proposing.acceptances.contains_key(heavy)) {
            turn.send(*heavy, Message::Propose(self.computation.clone()));
        }
        // By invitation owners take their time.
        let doubled = if self.terms().is_by_invitation() { self.attempts.min(3) } else { 0 };
        self.attempts = self.attempts.saturating_add(1);
        turn.set_timer(Timer::Retry(self.id), turn.now + PROPOSE_AGAIN * 2_u32.pow(doubled));
    }

    /// A heavy node takes it on. With the last one it is announced.
    pub fn on_accept(&mut self, turn: &mut Turn<'_>, from: PeerId, acceptance: Signed<Acceptance>) {
        let id = self.id;
        let heavy_nodes = self.terms().heavy.clone();
        let Stage::Proposed { proposing: Some(proposing), .. } = &mut self.stage else { return };
        let said = acceptance.get();
        if said.heavy != from || said.computation != id || !heavy_nodes.contains(&from) {
            turn.ignore(from, "accept", "it is not this heavy node's acceptance of this computation");
            return;
        }
        proposing.acceptances.entry(from).or_insert(acceptance);
        let acceptances: Vec<_> =
            heavy_nodes.iter().filter_map(|heavy| proposing.acceptances.get(heavy).cloned()).collect();
        if acceptances.len() < heavy_nodes.len() {
            return;
        }
        if let Some(failure) = deals_differ(self.terms().sharing, &acceptances) {
            self.give_up_proposing(turn, failure);
            return;
        }
        let announcement = Announcement { computation: self.computation.clone(), acceptances };
        self.announce(turn, announcement.clone());
        for heavy in self.others(turn.me()) {
            turn.send(heavy, Message::Announce(announcement.clone()));
        }
        self.publish(turn, Gossip::Announce(announcement));
        turn.tell(Notice::Announced(id));
    }

    /// A heavy node does not take it on: it ends here, and the others may forget it.
    pub fn on_refuse(&mut self, turn: &mut Turn<'_>, from: PeerId, refusal: Refusal) {
        if self.terms().has_heavy(&from) && refusal.is_short() {
            self.give_up_proposing(turn, Failure::Refused { heavy: from, refusal });
        }
    }

    /// The heavy nodes have had their time.
    pub fn on_acceptance_wait_over(&mut self, turn: &mut Turn<'_>) {
        let Stage::Proposed { proposing: Some(proposing), dealing, .. } = &self.stage else { return };
        let silent = |heavy: &&PeerId| !proposing.acceptances.contains_key(heavy);
        let silent: Vec<_> = self.terms().heavy.iter().filter(silent).copied().collect();
        // Those that wait for another one's deal are there; who has dealt nothing to this node is not.
        let dealt = |heavy: &PeerId| dealing.as_ref().is_some_and(|dealing| dealing.has_been_dealt_by(heavy));
        let gone: Vec<_> = silent.iter().filter(|heavy| !dealt(heavy)).copied().collect();
        let heavy = if gone.is_empty() { silent } else { gone };
        self.give_up_proposing(turn, Failure::Unreachable { heavy });
    }

    pub fn give_up_proposing(&mut self, turn: &mut Turn<'_>, failure: Failure) {
        if !matches!(self.stage, Stage::Proposed { proposing: Some(_), .. }) {
            return;
        }
        for heavy in self.others(turn.me()) {
            turn.send(heavy, Message::Withdraw { computation: self.id, failure: failure.clone() });
        }
        self.fail(turn, failure);
    }

    /// The proposer has given it up.
    pub fn on_withdraw(&mut self, turn: &mut Turn<'_>, from: PeerId, failure: &Failure) {
        if from == self.terms().proposer && matches!(self.stage, Stage::Proposed { .. }) {
            let failure = given_up_for(failure, self.terms());
            self.fail(turn, failure);
        }
    }

    /// A light node tells why it has not answered, or that it now has.
    pub fn on_stand(&mut self, turn: &mut Turn<'_>, from: PeerId, standing: Option<Standing>) {
        let mine = self.terms().proposer == turn.me() && self.terms().admits(&from);
        if !mine || !self.is_running() {
            return;
        }
        let before = match standing {
            Some(standing) if self.standings.len() < self.terms().max_participants as usize => {
                self.standings.insert(from, standing)
            }
            Some(_) => return,
            None => self.standings.remove(&from),
        };
        if before != standing {
            self.changed(turn);
        }
    }

    /// A heavy node tells how many reports it holds.
    pub fn on_progress(&mut self, turn: &mut Turn<'_>, from: PeerId, reports: u32) {
        let mine = self.terms().proposer == turn.me() && self.terms().has_heavy(&from);
        let reports = reports.min(self.terms().max_participants);
        if mine && self.is_running() && reports > self.reports_told {
            self.reports_told = reports;
            self.changed(turn);
        }
    }
}
