//! What a node knows of one computation, from the proposal to the end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::action::{Action, Notice};
use super::certificate::Assurance;
use super::event::Timer;
use super::heavy::{Dealing, Heavy, Promise};
use super::light::Answering;
use super::members::Members;
use super::proposer::Proposing;
use super::turn::Turn;
use super::view::{OwnPart, View};
use crate::consent::Rule;
use crate::domain::limits::{CERTIFICATE_PUSH_MAX, NO_CONTACT_MARGIN, TOLD_LATER_EACH, TOLD_LATER_MAX};
use crate::domain::{Computation, ComputationId, Failure, PeerId, Standing, Status, Timestamp};
use crate::statistics::Answer;
use crate::wire::{
    Acceptance, Announcement, Certificate, FailureNotice, Gossip, Keeping, LedgerEntry, List, Message, Record,
    RecordKind, Signed,
};

/// A heavy node that starts after the patience asks the others how it ended for this long before it names them missing.
const ASK_BEFORE_FAILING: Duration = Duration::from_secs(3);

/// One computation.
#[derive(Debug)]
pub(super) struct Entry {
    pub id: ComputationId,
    pub computation: Signed<Computation>,
    pub stage: Stage,
    /// This node's own part as people see it.
    pub own: OwnPart,
    /// What the owner's ledger says of it.
    pub ledger: Option<Box<LedgerEntry>>,
    /// Since when its source is being read.
    pub reading: Option<Timestamp>,
    /// The rules for which the owner was asked, so that nobody is asked twice for the same.
    pub told: BTreeSet<Rule>,
    /// At the proposer: why light nodes have not answered.
    pub standings: BTreeMap<PeerId, Standing>,
    /// At the proposer: the most reports that a heavy node told of.
    pub reports_told: u32,
    /// Under threshold sharing: the heavy nodes that have ended it without a result, and what they say.
    pub notices: BTreeMap<PeerId, Signed<FailureNotice>>,
    /// Whether gossip has said that there is a certificate.
    pub hint: Hint,
    /// How often this node has asked for what it lacks since it last got something.
    pub attempts: u32,
    /// Once there is a certificate: whose reports were added up.
    pub members: Members,
    pub revision: u64,
}

/// How far it has come.
#[derive(Debug)]
pub(super) enum Stage {
    /// Not announced yet: known to its proposer and its heavy nodes alone.
    Proposed {
        /// At the proposer, while it waits for acceptances.
        proposing: Option<Proposing>,
        /// At a heavy node of a threshold computation: what is dealt before it accepts.
        dealing: Option<Box<Dealing>>,
        /// At a heavy node that has accepted.
        accepted: Option<Box<Promise>>,
    },
    /// Announced.
    Running {
        acceptances: Vec<Signed<Acceptance>>,
        /// Its part as one of the heavy nodes.
        heavy: Option<Box<Heavy>>,
        /// Its part as a participant, if the question is put to it.
        light: Option<Answers>,
        /// Whether the deadline has passed.
        due: Due,
    },
    /// Over.
    Ended(Outcome),
}

/// Whether the deadline has passed, as the timer told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    NotYet,
    Passed,
}

/// Whether gossip has said that there is a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hint {
    None,
    Heard,
}

/// What a participant has done in a running computation.
#[derive(Debug)]
pub(super) enum Answers {
    /// No report is made.
    NotYet,
    /// A report is on its way.
    Report(Answering),
}

/// How it ended.
#[derive(Debug)]
pub(super) enum Outcome {
    Completed {
        certificate: Box<Certificate>,
        answer: Answer,
        assurance: Assurance,
    },
    /// Without a result: this node found out, or was told so by the signer of the notice.
    Failed {
        failure: Failure,
        notice: Option<Box<Signed<FailureNotice>>>,
    },
    /// With a certificate of a total that true inputs cannot add up to, or of partial sums that do not fit together.
    Impossible {
        certificate: Box<Certificate>,
        failure: Failure,
    },
}

impl Entry {
    pub fn new(computation: Signed<Computation>) -> Self {
        Self {
            id: computation.id(),
            computation,
            stage: Stage::Proposed { proposing: None, dealing: None, accepted: None },
            own: OwnPart::None,
            ledger: None,
            reading: None,
            told: BTreeSet::new(),
            standings: BTreeMap::new(),
            reports_told: 0,
            notices: BTreeMap::new(),
            hint: Hint::None,
            attempts: 0,
            members: Members::default(),
            revision: 0,
        }
    }

    pub fn terms(&self) -> &Computation {
        self.computation.get()
    }

    pub const fn is_open(&self) -> bool {
        !matches!(self.stage, Stage::Ended(_))
    }

    pub const fn is_running(&self) -> bool {
        matches!(self.stage, Stage::Running { .. })
    }

    pub fn heavy_mut(&mut self) -> Option<&mut Heavy> {
        match &mut self.stage {
            Stage::Running { heavy, .. } => heavy.as_deref_mut(),
            Stage::Proposed { .. } | Stage::Ended(_) => None,
        }
    }

    pub fn heavy(&self) -> Option<&Heavy> {
        match &self.stage {
            Stage::Running { heavy, .. } => heavy.as_deref(),
            Stage::Proposed { .. } | Stage::Ended(_) => None,
        }
    }

    pub fn answering_mut(&mut self) -> Option<&mut Answering> {
        match &mut self.stage {
            Stage::Running { light: Some(Answers::Report(answering)), .. } => Some(answering),
            Stage::Running { light: Some(Answers::NotYet) | None, .. }
            | Stage::Proposed { .. }
            | Stage::Ended(_) => None,
        }
    }

    /// The announcement, while it runs.
    pub fn announcement(&self) -> Option<Announcement> {
        match &self.stage {
            Stage::Running { acceptances, .. } => {
                Some(Announcement { computation: self.computation.clone(), acceptances: acceptances.clone() })
            }
            Stage::Proposed { .. } | Stage::Ended(_) => None,
        }
    }

    /// People can see a change.
    pub fn changed(&mut self, turn: &mut Turn<'_>) {
        self.revision += 1;
        turn.tell(Notice::Changed(self.id));
    }

    /// From proposed, or unknown, to running. The announcement was checked.
    pub fn announce(&mut self, turn: &mut Turn<'_>, announcement: Announcement) {
        turn.persist(Record::Announced(announcement.clone()));
        let heavy = match &mut self.stage {
            Stage::Proposed { accepted, .. } => {
                accepted.take().map(|promise| Box::new(Heavy::with_promise(*promise)))
            }
            Stage::Running { .. } | Stage::Ended(_) => None,
        };
        self.run(turn, announcement.acceptances, heavy);
        self.changed(turn);
    }

    /// Sets stage and timers of a running computation, new or restored.
    pub fn run(
        &mut self,
        turn: &mut Turn<'_>,
        acceptances: Vec<Signed<Acceptance>>,
        heavy: Option<Box<Heavy>>,
    ) {
        let (me, terms) = (turn.me(), self.terms());
        let heavy = heavy.or_else(|| terms.has_heavy(&me).then(Box::default));
        let light = terms.is_put_to(&me, turn.role()).then_some(Answers::NotYet);
        if heavy.is_some() {
            let asked = turn.now + ASK_BEFORE_FAILING;
            turn.set_timer(Timer::Patience(self.id), self.terms().patience_ends().max(asked));
        }
        self.stage = Stage::Running { acceptances, heavy, light, due: Due::NotYet };
        turn.set_timer(Timer::Deadline(self.id), self.terms().deadline);
        turn.set_timer(Timer::NoContact(self.id), self.terms().patience_ends() + NO_CONTACT_MARGIN);
    }

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

    /// Tells the network, if it may hear of it.
    pub fn publish(&self, turn: &mut Turn<'_>, gossip: Gossip) {
        if !self.terms().is_by_invitation() {
            turn.publish(gossip);
        }
    }

    /// Connections to the other parties of an invitation are kept until its end.
    pub(super) fn let_parties_go(&self, turn: &mut Turn<'_>) {
        if self.terms().is_by_invitation() {
            for peer in self.others(turn.me()) {
                turn.act(Action::LetGo { peer });
            }
        }
    }

    /// Its other heavy nodes.
    pub fn others(&self, me: PeerId) -> Vec<PeerId> {
        self.terms().heavy.iter().copied().filter(|heavy| *heavy != me).collect()
    }

    /// Shares, ρ and openings go when the end is known; signed statements go with them.
    fn erase_private(&mut self, turn: &mut Turn<'_>) {
        for kind in RecordKind::ALL.into_iter().filter(|kind| kind.keeping() == Keeping::UntilTheEnd) {
            turn.erase(kind, self.id);
        }
    }

    pub fn view(&self) -> View<'_> {
        let mut view = View {
            id: self.id,
            computation: self.terms(),
            status: Status::Pending,
            certificate: None,
            answer: None,
            assurance: None,
            failure: None,
            participants: self.reports_told,
            own: self.own.clone(),
            ledger: self.ledger.as_deref(),
            standings: &self.standings,
            members: self.members.list.as_ref(),
            similar: Vec::new(),
            revision: self.revision,
        };
        match &self.stage {
            Stage::Proposed { .. } => {}
            Stage::Running { due, .. } => {
                if *due == Due::Passed {
                    view.status = Status::Processing;
                }
                if let Some(heavy) = self.heavy() {
                    view.participants = heavy.reports();
                }
            }
            Stage::Ended(Outcome::Completed { certificate, answer, assurance }) => {
                view.status = Status::Completed;
                view.certificate = Some(certificate);
                view.participants = answer.participants();
                view.answer = Some(answer.clone());
                view.assurance = Some(assurance);
            }
            Stage::Ended(Outcome::Failed { failure, .. }) => {
                view.status = Status::Failed;
                view.failure = Some(failure);
            }
            Stage::Ended(Outcome::Impossible { certificate, failure }) => {
                view.status = Status::Failed;
                view.failure = Some(failure);
                view.certificate = Some(certificate);
            }
        }
        view
    }

    /// When no message about it can still matter.
    pub fn settled_at(&self) -> Timestamp {
        self.terms().patience_ends() + NO_CONTACT_MARGIN
    }
}
