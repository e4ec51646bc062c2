//! The local API's requests, answered: one function a request.

use std::time::Duration;

use rand::TryRng;
use rand::rngs::SysRng;

use super::parked::{Asker, Discovering, Watcher};
use super::propose::{self, Asker as Proposer};
use super::references;
use super::render;
use super::runtime::Runtime;
use crate::consent::Doubt;
use crate::control::{ApiError, Call, Decided, Health, NodeId, PrivateText, Proposal, Reply, Request};
use crate::domain::limits::DISCOVERY_WAIT;
use crate::domain::{Computation, ComputationId, Status};
use crate::protocol::{Command, Event, OwnPart, View};
use crate::statistics::ReadingError;
use crate::{control, statistics, wire};

/// After this long a node knows whom it can know, and waiting for others is in vain.
const FRESH: Duration = Duration::from_secs(15);

type Answer = Result<Reply, ApiError>;

impl Runtime {
    /// Answers a request, or parks it until it can be answered.
    pub(super) fn on_call(&mut self, call: Call) {
        let Call { request, reply: asker } = call;
        let answer = match request {
            Request::Health => Ok(Reply::Health(self.health())),
            Request::Id => Ok(Reply::Id(self.node_id())),
            Request::View => {
                Ok(Reply::View(render::network(&self.presence.current(), &self.directory, self.now)))
            }
            Request::Computations => Ok(self.computations()),
            Request::Computation { reference } => self.computation(&reference),
            Request::Watch { reference, seen } => return self.watch(&reference, seen, asker),
            Request::Propose(proposal) => return self.propose(*proposal, asker),
            Request::Pending => Ok(self.pending()),
            Request::Policy => self.policy(),
            Request::PolicyTest { reference } => self.policy_test(&reference),
            Request::Ledger { field } => self.ledger(field.as_deref()),
            Request::Approve { reference } => self.approve(&reference),
            Request::Decline { reference } => self.decline(&reference),
            Request::Answer { reference, values } => self.answer_question(&reference, &values),
            Request::Certificate { reference } => self.certificate(&reference),
            Request::Invite(_)
            | Request::Join(_)
            | Request::Invitations
            | Request::Revoke { .. }
            | Request::Forget { .. } => {
                Err(refused(("not_yet", 1), "not there yet".to_owned(), "wait".to_owned()))
            }
            Request::Stop => {
                self.leaving = true;
                Ok(Reply::Done)
            }
        };
        self.answer(asker, answer);
    }

    fn health(&self) -> Health {
        Health {
            status: "ok".to_owned(),
            uid: self.own.uid().to_string(),
            peers: self.directory.connected_count(),
            open: self.node.open_count(),
            uptime_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
        }
    }

    fn node_id(&self) -> NodeId {
        let own = self.presence.current();
        NodeId {
            uid: self.own.uid().to_string(),
            peer_id: self.own.to_string(),
            role: own.role,
            name: own.name,
            port: own.addresses.iter().find_map(|address| render::port(address)),
            addresses: own.addresses.iter().map(|address| render::full_address(address, self.own)).collect(),
            home: self.home.display().to_string(),
        }
    }

    /// How many light nodes could answer an open question.
    pub(super) fn active_light_nodes(&self) -> usize {
        render::active_light_nodes(self.role, &self.directory, self.now)
    }

    fn computations(&self) -> Reply {
        let light_nodes = self.active_light_nodes();
        let shown = |view| render::computation(&view, self.own, &self.directory, light_nodes);
        Reply::Computations(self.node.views().into_iter().map(shown).collect())
    }

    fn view_of(&self, reference: &str) -> Result<View<'_>, ApiError> {
        let id = references::computation(reference, self.node.views().iter().map(|view| view.id))?;
        self.node.view(id).ok_or_else(|| references::no_such_computation(reference))
    }

    fn shown(&self, view: &View<'_>) -> Reply {
        let light_nodes = self.active_light_nodes();
        Reply::Computation(Box::new(render::computation(view, self.own, &self.directory, light_nodes)))
    }

    fn computation(&self, reference: &str) -> Answer {
        self.view_of(reference).map(|view| self.shown(&view))
    }

    fn watch(&mut self, reference: &str, seen: u64, asker: Asker) {
        let found = self.view_of(reference).map(|view| {
            let ended = match view.status {
                Status::Pending | Status::Processing => false,
                Status::Completed | Status::Failed => true,
            };
            (view.id, (view.revision > seen || ended).then(|| self.shown(&view)))
        });
        let parked = match found {
            Ok((_, Some(shown))) => return self.answer(asker, Ok(shown)),
            Ok((id, None)) => self.parked.make_room().map(|()| id),
            Err(error) => Err(error),
        };
        match parked {
            Ok(id) => self.parked.watch(id, Watcher { seen, asker }),
            Err(error) => self.answer(asker, Err(error)),
        }
    }

    fn certificate(&self, reference: &str) -> Answer {
        let view = self.view_of(reference)?;
        if let Some(certificate) = view.certificate {
            return Ok(Reply::Certificate(wire::to_bytes(certificate)));
        }
        let id = view.id;
        Err(match view.failure {
            Some(failure) => refused(
                ("computation_failed", 4),
                format!("{id} has no certificate; it failed: {failure}"),
                "propose it again".to_owned(),
            ),
            None => refused(
                ("not_finished", 1),
                format!("{id} has no certificate yet; it is {}", view.status),
                format!("`formix-p2p result {id} --wait` waits for its end"),
            ),
        })
    }

    fn propose(&mut self, proposal: Proposal, asker: Asker) {
        let checked = control::draft(&proposal, self.own, self.now).map_err(ApiError::from);
        match checked.and_then(|draft| self.parked.make_room().map(|()| draft)) {
            Ok(draft) => {
                let fresh = self.started.elapsed() < FRESH;
                let until = if fresh { self.now + DISCOVERY_WAIT } else { self.now };
                self.try_proposing(Discovering { proposal, draft, until, asker });
            }
            Err(error) => self.answer(asker, Err(error)),
        }
    }

    /// Tries proposals again that wait for heavy nodes: somebody has come, or their time is up.
    pub(super) fn retry_discovering(&mut self) {
        for waiting in self.parked.take_discovering() {
            self.try_proposing(waiting);
        }
    }

    fn try_proposing(&mut self, waiting: Discovering) {
        let proposer = Proposer {
            own: self.own,
            role: self.role,
            name: &self.name,
            policy: &self.policy,
            directory: &self.directory,
            now: self.now,
        };
        match propose::with_nodes(waiting.draft.clone(), &waiting.proposal, &proposer) {
            Ok(computation) => self.propose_now(computation, waiting),
            Err(error) if propose::may_come_right(&error) && self.now < waiting.until => {
                self.parked.discover(waiting);
            }
            Err(error) => self.answer(waiting.asker, Err(error)),
        }
    }

    fn propose_now(&mut self, mut computation: Computation, waiting: Discovering) {
        if let Err(error) = SysRng.try_fill_bytes(&mut computation.nonce) {
            let message = format!("the operating system gives no random numbers: {error}");
            let hint = "see why /dev/urandom cannot be read".to_owned();
            return self.answer(waiting.asker, Err(refused(("no_randomness", 1), message, hint)));
        }
        // The deadline counts from the moment at which the heavy nodes are asked.
        let open_for = waiting.draft.deadline.since(waiting.draft.proposed_at);
        computation.proposed_at = self.now;
        computation.deadline = self.now + open_for;
        let id = computation.id_of(&wire::to_bytes(&computation));
        self.parked.announce(id, waiting.asker);
        self.handle(Event::Command(Command::Propose(Box::new(computation))));
        if self.node.view(id).is_none()
            && let Some(asker) = self.parked.take_proposer(id)
        {
            let message = "this node does not take another proposal: too many are open".to_owned();
            let hint = "wait until some of `formix-p2p status` have ended".to_owned();
            self.answer(asker, Err(refused(("not_announced", 1), message, hint)));
        }
    }

    fn pending(&self) -> Reply {
        Reply::Pending(self.node.views().iter().filter_map(render::pending).collect())
    }

    /// The question that waits for the owner, and why.
    fn waiting(&self, reference: &str) -> Result<(View<'_>, Doubt), ApiError> {
        let view = self.view_of(reference)?;
        let id = view.id;
        let why = match (&view.own, view.status) {
            (OwnPart::Waiting(doubt), Status::Pending) => {
                let doubt = doubt.clone();
                return Ok((view, doubt));
            }
            (OwnPart::Waiting(_), Status::Processing | Status::Completed | Status::Failed) => {
                format!("{id} takes no answer any more; it is {}", view.status)
            }
            (OwnPart::None, _) => format!("{id} does not wait for this node's owner"),
            (OwnPart::Answered, _) => format!("{id} is already answered, and an answer is never taken back"),
            (OwnPart::Declined(standing), _) => format!("{id} is settled: this node {standing}"),
        };
        let hint = "`formix-p2p pending` lists the questions that wait".to_owned();
        Err(refused(("not_pending", 1), why, hint))
    }

    fn approve(&mut self, reference: &str) -> Answer {
        let (view, doubt) = self.waiting(reference)?;
        let id = view.id;
        if doubt == Doubt::NoSource {
            let message = format!("this node has no source for the field that {id} asks for");
            return Err(refused(("no_source", 1), message, format!("`formix-p2p answer {id} VALUE`")));
        }
        self.handle(Event::Command(Command::Approve(id)));
        self.settled(id, &doubt)
    }

    /// What the owner hears: it is decided, or something speaks against it that the owner was not told before.
    fn settled(&self, id: ComputationId, told: &Doubt) -> Answer {
        match self.node.view(id).map(|view| view.own) {
            Some(OwnPart::Waiting(doubt)) if doubt != *told => {
                let message = format!("{id} is not answered yet: {doubt}");
                let hint = format!("the same command once more answers it; or `formix-p2p decline {id}`");
                Err(refused(("asked_again", 1), message, hint))
            }
            _ => Ok(decided(id)),
        }
    }

    fn decline(&mut self, reference: &str) -> Answer {
        let id = self.waiting(reference)?.0.id;
        self.handle(Event::Command(Command::Decline(id)));
        Ok(decided(id))
    }

    fn answer_question(&mut self, reference: &str, values: &[PrivateText]) -> Answer {
        let (view, doubt) = self.waiting(reference)?;
        let (id, question) = (view.id, view.computation);
        let typed: Vec<_> = values.iter().map(|value| value.0.trim()).collect();
        let reading = statistics::encode_one(question, &typed).map_err(|error| {
            let expected = question.query.fields.len();
            let reason = match error {
                _ if typed.len() != expected => {
                    format!("the question asks for {expected} values, and {} came", typed.len())
                }
                // What the owner types is one record, and the rules for rows say nothing about it.
                ReadingError::Unfit(rule) => format!("the value does not fit: {rule}"),
                ReadingError::NoRecords(_)
                | ReadingError::TooFine(_)
                | ReadingError::TooManyRecords(_)
                | ReadingError::TooLarge { .. } => {
                    format!("the value does not fit: {error}")
                }
            };
            let hint = format!("`formix-p2p status {id}` shows the question; give what fits it");
            refused(("invalid_value", 2), reason, hint)
        })?;
        self.handle(Event::Command(Command::Answer(id, reading)));
        self.settled(id, &doubt)
    }
}

fn decided(id: ComputationId) -> Reply {
    Reply::Decided(Decided { id: id.to_string() })
}

fn refused((code, exit): (&str, u8), message: String, hint: String) -> ApiError {
    ApiError { code: code.to_owned(), message, hint, exit }
}
