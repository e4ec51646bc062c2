//! What a node knows of one computation, from the proposal to the end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::action::Notice;
use super::certificate::Assurance;
use super::event::Timer;
use super::heavy::{Dealing, Heavy, Promise};
use super::light::Answering;
use super::members::Members;
use super::proposer::Proposing;
use super::turn::Turn;
use super::view::{OwnPart, View};
use crate::consent::Rule;
use crate::domain::limits::NO_CONTACT_MARGIN;
use crate::domain::{Computation, ComputationId, Failure, PeerId, Standing, Status, Timestamp};
use crate::statistics::Answer;
use crate::wire::{Acceptance, Announcement, Certificate, FailureNotice, Gossip, LedgerEntry, Record, Signed};

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

    /// Tells the network, if it may hear of it.
    pub fn publish(&self, turn: &mut Turn<'_>, gossip: Gossip) {
        if !self.terms().is_by_invitation() {
            turn.publish(gossip);
        }
    }

    /// Its other heavy nodes.
    pub fn others(&self, me: PeerId) -> Vec<PeerId> {
        self.terms().heavy.iter().copied().filter(|heavy| *heavy != me).collect()
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
