//! How a computation ends at a node, and to whom it tells that.

use super::action::{Action, Notice};
use super::certificate::Assurance;
use super::entry::{Entry, Outcome, Stage};
use super::event::Timer;
use super::turn::Turn;
use crate::domain::limits::{CERTIFICATE_PUSH_MAX, TOLD_LATER_EACH, TOLD_LATER_MAX};
use crate::domain::{Failure, PeerId};
use crate::statistics::Answer;
use crate::wire::{Certificate, FailureNotice, Gossip, Keeping, List, Message, Record, RecordKind, Signed};

impl Entry {
    /// The end with a result (or with a total that is impossible, which every node sees alike).
    pub fn complete(
        &mut self,
        turn: &mut Turn<'_>,
        certificate: Certificate,
        answer: Result<(Answer, Assurance), Failure>,
    ) {
        turn.persist(Record::Certificate(certificate.clone()));
        self.let_parties_go(turn);
        self.keep_own_set(turn, &certificate);
        self.erase_private(turn);
        let (outcome, notice) = match answer {
            Ok((answer, assurance)) => {
                let certificate = Box::new(certificate);
                (Outcome::Completed { certificate, answer, assurance }, Notice::Completed(self.id))
            }
            Err(failure) => {
                let notice = Notice::Failed { computation: self.id, failure: failure.clone() };
                (Outcome::Impossible { certificate: Box::new(certificate), failure }, notice)
            }
        };
        self.stage = Stage::Ended(outcome);
        turn.tell(notice);
        self.changed(turn);
    }

    /// The end without a result. A heavy node says so, signed, to whom it concerns.
    pub fn fail(&mut self, turn: &mut Turn<'_>, failure: Failure) {
        let announced = self.is_running();
        self.end_without_result(turn, failure, None);
        if announced && let Some(notice) = self.failure_notice(turn) {
            for heavy in self.others(turn.me()) {
                turn.send(heavy, Message::Fail(notice.clone()));
            }
            let proposer = self.terms().proposer;
            if !self.terms().has_heavy(&proposer) {
                turn.send(proposer, Message::Fail(notice.clone()));
            }
            self.publish(turn, Gossip::Failed(notice));
        }
    }

    /// The end as another node tells it. Its word is kept and passed on as it is.
    pub fn on_fail(&mut self, turn: &mut Turn<'_>, notice: &Signed<FailureNotice>) {
        let said = notice.get();
        let by_heavy = self.terms().has_heavy(&said.signer);
        let by_proposer = said.signer == self.terms().proposer && !self.is_running();
        if !(by_heavy || by_proposer) || !said.failure.may_be_told_by(said.signer, self.terms()) {
            return;
        }
        // Under threshold sharing the others can end it without a few: more must say so than may be gone.
        let may_be_gone = self.terms().survives();
        if by_heavy && self.is_running() && may_be_gone > 0 {
            self.notices.insert(said.signer, notice.clone());
            if self.notices.len() <= may_be_gone {
                return;
            }
        }
        let failure = match said.failure {
            // What this node has not seen is somebody's word.
            Failure::Misconduct { heavy, evidence } => Failure::Accused { by: said.signer, heavy, evidence },
            _ => said.failure.clone(),
        };
        self.end_without_result(turn, failure, Some(notice.clone()));
    }

    fn end_without_result(
        &mut self,
        turn: &mut Turn<'_>,
        failure: Failure,
        notice: Option<Signed<FailureNotice>>,
    ) {
        if !self.is_open() {
            return;
        }
        let bound = |stage: &Stage| {
            matches!(
                stage,
                Stage::Proposed { accepted: Some(_), .. } | Stage::Proposed { dealing: Some(_), .. }
            )
        };
        if bound(&self.stage) {
            // The question stays when the acceptance goes, so that it is never accepted a second time.
            turn.persist(Record::Proposed(self.computation.clone()));
        }
        let (computation, at) = (self.id, turn.now);
        turn.persist(Record::Failed { computation, failure: failure.clone(), notice: notice.clone(), at });
        self.erase_private(turn);
        turn.tell(Notice::Failed { computation, failure: failure.clone() });
        self.stage = Stage::Ended(Outcome::Failed { failure, notice: notice.map(Box::new) });
        self.attempts = 0;
        self.ask_parties_for_the_end(turn);
        self.changed(turn);
    }

    /// What there is to tell about a failed computation: the word of the node that told this one, or what one of its
    /// heavy nodes, or its proposer, signs itself.
    pub fn failure_notice(&self, turn: &Turn<'_>) -> Option<Signed<FailureNotice>> {
        let Stage::Ended(Outcome::Failed { failure, notice }) = &self.stage else { return None };
        if let Some(notice) = notice {
            return Some((**notice).clone());
        }
        let me = turn.me();
        let never_announced = matches!(
            failure,
            Failure::Refused { .. }
                | Failure::Unreachable { .. }
                | Failure::NeverAnnounced
                | Failure::DealsDiffer
        );
        let entitled = self.terms().has_heavy(&me) || (me == self.terms().proposer && never_announced);
        entitled
            .then(|| turn.sign(FailureNotice { computation: self.id, signer: me, failure: failure.clone() }))
    }

    /// Sends the certificate to the proposer and to this node's part of the participants. Who was in the set, and the hint for everybody
    /// else, come a little later: they are as many messages again, and would hold up the results of others.
    pub fn spread_certificate(&mut self, turn: &mut Turn<'_>, participants: &[PeerId]) {
        let Stage::Ended(Outcome::Completed { certificate, .. } | Outcome::Impossible { certificate, .. }) =
            &self.stage
        else {
            return;
        };
        let proposer = self.terms().proposer;
        let mut receivers = self.part_of(turn.me(), participants.iter().copied());
        if !receivers.contains(&proposer) {
            receivers.push(proposer);
        }
        for receiver in receivers {
            turn.send(receiver, Message::Certificate((**certificate).clone()));
        }
        self.send_members(turn, proposer);
        let wait = TOLD_LATER_EACH * u32::try_from(participants.len()).unwrap_or(u32::MAX);
        let at = turn.now + turn.jittered(wait.min(TOLD_LATER_MAX));
        turn.set_timer(Timer::Retry(self.id), at);
    }

    /// Tells who was in the set to this node's part of the participants, and the network that there is a certificate.
    pub fn spread_the_rest(&self, turn: &mut Turn<'_>) {
        let (me, proposer) = (turn.me(), self.terms().proposer);
        let Some(certificate) = self.view().certificate.filter(|_| self.terms().has_heavy(&me)) else { return };
        let members = self.members.list.iter().flat_map(List::members);
        for receiver in self.part_of(me, members).into_iter().filter(|receiver| *receiver != proposer) {
            self.send_members(turn, receiver);
        }
        // One of those who signed it tells everybody else, and the others pass it on: a hint need not be said thrice. Whoever
        // misses it asks.
        if certificate.votes.first().is_some_and(|vote| vote.signer() == me) {
            self.publish(turn, Gossip::Completed { computation: self.id });
        }
    }

    /// Those of the participants to whom this heavy node tells what there is to tell.
    fn part_of(&self, me: PeerId, participants: impl Iterator<Item = PeerId>) -> Vec<PeerId> {
        let heavy = &self.terms().heavy;
        let order = heavy.iter().position(|heavy| *heavy == me).unwrap_or(0);
        participants.skip(order).step_by(heavy.len().max(1)).take(CERTIFICATE_PUSH_MAX).collect()
    }

    /// Connections to the other parties of an invitation are kept until its end.
    pub(super) fn let_parties_go(&self, turn: &mut Turn<'_>) {
        if self.terms().is_by_invitation() {
            for peer in self.others(turn.me()) {
                turn.act(Action::LetGo { peer });
            }
        }
    }

    /// Shares, ρ and openings go when the end is known; signed statements go with them.
    fn erase_private(&mut self, turn: &mut Turn<'_>) {
        for kind in RecordKind::ALL.into_iter().filter(|kind| kind.keeping() == Keeping::UntilTheEnd) {
            turn.erase(kind, self.id);
        }
    }
}
