//! The local API's requests, answered: one function a request.

use std::time::Duration;

use rand::TryRng;
use rand::rngs::SysRng;

use super::parked::{Asker, Discovering, Watcher};
use super::propose::{self, Asker as Proposer};
use super::render;
use super::runtime::Runtime;
use super::subjects::{Subject, sort_newest_first};
use crate::control::{ApiError, Call, Decided, Health, NodeId, Proposal, Reply, Request};
use crate::domain::limits::DISCOVERY_WAIT;
use crate::domain::{Computation, ComputationId, PeerId, Status};
use crate::home::Candidate;
use crate::protocol::{Command, Event};
use crate::{control, wire};

/// After this long a node knows whom it can know, and waiting for others is in vain.
const FRESH: Duration = Duration::from_secs(15);

/// What a request comes to.
pub(super) type Answer = Result<Reply, ApiError>;

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
            Request::Computations => self.computations(),
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
            Request::Invite(inviting) => self.invite(&inviting),
            Request::Join(joining) => return self.join(&joining, asker),
            Request::Invitations => Ok(self.invitations()),
            Request::Revoke { reference } => self.revoke(&reference),
            Request::Forget { reference } => self.forget(&reference),
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

    fn computations(&self) -> Answer {
        let mut subjects = self.subjects();
        subjects.extend(self.pruned_subjects()?);
        sort_newest_first(&mut subjects);
        Ok(Reply::Computations(subjects.iter().map(|subject| self.listed(subject)).collect()))
    }

    fn computation(&self, reference: &str) -> Answer {
        self.meant(reference).map(|subject| Reply::Computation(Box::new(self.shown(&subject))))
    }

    fn watch(&mut self, reference: &str, seen: u64, asker: Asker) {
        let found = self.meant(reference).map(|subject| {
            let news = subject.seen_until() > seen || subject.has_ended();
            (subject.key(), news.then(|| Reply::Computation(Box::new(self.shown(&subject)))))
        });
        let parked = match found {
            Ok((_, Some(shown))) => return self.answer(asker, Ok(shown)),
            Ok((key, None)) => self.parked.make_room().map(|()| key),
            Err(error) => Err(error),
        };
        match parked {
            Ok(key) => self.parked.watch(key, Watcher { seen, asker }),
            Err(error) => self.answer(asker, Err(error)),
        }
    }

    fn certificate(&self, reference: &str) -> Answer {
        let subject = self.meant(reference)?;
        let id = subject.key();
        let again = match &subject {
            Subject::Computation(view, _) => {
                if let Some(certificate) = view.certificate {
                    return Ok(Reply::Certificate(wire::to_bytes(certificate)));
                }
                self.how_again(view.computation)
            }
            Subject::Pruned(recalled) => {
                if let Some(certificate) = recalled.view().certificate {
                    return Ok(Reply::Certificate(wire::to_bytes(certificate)));
                }
                self.how_again(recalled.question())
            }
            Subject::Invitation(view) => self.invited_again(view.memory.invitation.inviter),
        };
        let shown = self.shown(&subject);
        Err(match shown.reason.filter(|_| shown.status == Status::Failed) {
            Some(reason) => refused(
                ("computation_failed", 4),
                format!("{id} has no certificate; it failed: {reason}"),
                again.to_owned(),
            ),
            None => refused(
                ("not_finished", 1),
                format!("{id} has no certificate yet; it is {}", shown.status),
                format!("`formix-p2p result {id} --wait` waits for its end"),
            ),
        })
    }

    fn how_again(&self, question: &Computation) -> &'static str {
        if question.is_by_invitation() { self.invited_again(question.proposer) } else { "propose it again" }
    }

    fn invited_again(&self, inviter: PeerId) -> &'static str {
        if inviter == self.own { "invite again" } else { "ask the inviter to invite again" }
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

    fn as_asker(&self) -> Proposer<'_> {
        Proposer {
            own: self.own,
            role: self.role,
            name: &self.name,
            policy: &self.policy,
            directory: &self.directory,
            now: self.now,
        }
    }

    /// Every node that a reference may mean, this one included.
    pub(super) fn candidates(&self) -> Vec<Candidate> {
        self.as_asker().candidates()
    }

    fn try_proposing(&mut self, waiting: Discovering) {
        match propose::with_nodes(waiting.draft.clone(), &waiting.proposal, &self.as_asker()) {
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
}

/// To whoever has decided.
pub(super) fn decided(id: ComputationId) -> Reply {
    Reply::Decided(Decided { id: id.to_string() })
}

/// A refusal.
pub(super) fn refused((code, exit): (&str, u8), message: String, hint: String) -> ApiError {
    ApiError { code: code.to_owned(), message, hint, exit }
}
