//! What an owner says about questions that wait: agree, decline, answer; and about an invitation's parties likewise.

use super::api::{Answer, decided, refused};
use super::reading::Source;
use super::runtime::Runtime;
use super::subjects::Subject;
use super::{invitation_shown, render};
use crate::consent::Doubt;
use crate::control::{ApiError, PendingView, PrivateText, Reply, encode_values};
use crate::domain::{Computation, ComputationId, Status};
use crate::protocol::{Command, Event, InvitationView, OwnPart, View};

/// What an owner can say something about.
enum Waiting {
    /// A question, and why it waits.
    Question { id: ComputationId, computation: Box<Computation>, doubt: Doubt },
    /// A seat in an invitation, before everybody is bound.
    Seat { id: ComputationId, question: Box<Computation>, asks: Asks },
}

/// Whether an invitation waits for its owner's word about who is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asks {
    Yes,
    /// Not everybody is there, or the owner has agreed already.
    NotYet {
        joined: usize,
        parties: u32,
    },
    /// Everybody is there, and the owner has agreed; others may be asked still.
    Agreed,
}

impl Runtime {
    /// Everything that waits for the owner, newest first.
    pub(super) fn pending(&self) -> Reply {
        let waits = |subject: &Subject<'_>| match subject {
            Subject::Computation(view, invitation) => self.pending_question(view).or_else(|| {
                let undecided = view.own == OwnPart::None && view.status == Status::Pending;
                let seat = invitation.as_ref().filter(|_| undecided)?;
                invitation_shown::pending(seat, &self.invitation_shown(seat))
            }),
            Subject::Invitation(view) => invitation_shown::pending(view, &self.invitation_shown(view)),
            Subject::Pruned(_) => None,
        };
        Reply::Pending(self.subjects().iter().filter_map(waits).collect())
    }

    /// Without a source there is nothing to approve: the owner has to say the value.
    fn pending_question(&self, view: &View<'_>) -> Option<PendingView> {
        let pending = render::pending(view)?;
        Some(match self.source_of(view.computation) {
            Source::Has => pending,
            Source::Lacks => PendingView { command: render::answer_command(view.id), ..pending },
        })
    }

    /// What the owner means, if there is still something to say about it.
    fn waiting(&self, reference: &str) -> Result<Waiting, ApiError> {
        match self.meant(reference)? {
            Subject::Computation(view, invitation) => match seat_of(&view, invitation.as_ref()) {
                Some(seat) => Ok(seat),
                None => question_of(&view),
            },
            Subject::Invitation(view) => seat(&view),
            Subject::Pruned(recalled) => question_of(&recalled.view()),
        }
    }

    /// # Errors
    /// `not_pending`, `no_source`, `asked_again`.
    pub(super) fn approve(&mut self, reference: &str) -> Answer {
        match self.waiting(reference)? {
            Waiting::Question { id, doubt: doubt @ (Doubt::SourceUnreadable | Doubt::SourceUnfit), .. } => {
                let hint =
                    format!("`{}`; `formix-p2p logs --computation {id}` says why", render::answer_command(id));
                Err(refused(("no_source", 1), format!("{id} is not answered: {doubt}"), hint))
            }
            Waiting::Question { id, computation, doubt }
                if doubt == Doubt::NoSource || self.source_of(&computation) == Source::Lacks =>
            {
                let message =
                    format!("this node had no source for the field that {id} asks for when it started");
                let hint =
                    format!("`{}`; or start the node again, if it has one now", render::answer_command(id));
                Err(refused(("no_source", 1), message, hint))
            }
            Waiting::Question { id, doubt, .. } => {
                self.handle(Event::Command(Command::Approve(id)));
                self.settled(id, &doubt)
            }
            Waiting::Seat { id, asks: Asks::NotYet { joined, parties }, .. } => {
                let message = format!("{id} does not ask yet: {joined} of {parties} parties have joined");
                let hint = "it asks once everybody is there, about those that its owner has not agreed to";
                Err(refused(("not_pending", 1), message, hint.to_owned()))
            }
            Waiting::Seat { id, asks: Asks::Agreed, .. } => Err(agreed_already(id)),
            Waiting::Seat { id, asks: Asks::Yes, .. } => {
                self.handle(Event::Command(Command::Approve(id)));
                Ok(decided(id))
            }
        }
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

    /// # Errors
    /// `not_pending`; `already_agreed` for a seat that this node is bound to; `inviter` for an invitation of its own.
    pub(super) fn decline(&mut self, reference: &str) -> Answer {
        if let Subject::Invitation(view) = self.meant(reference)?
            && view.memory.ended.is_none()
        {
            let id = view.id;
            if view.memory.computation.is_some() {
                return Err(agreed_already(id));
            }
            if view.memory.invitation.inviter == self.own {
                let message = format!("{id} is an invitation of this node");
                return Err(refused(("inviter", 1), message, format!("`formix-p2p revoke {id}` withdraws it")));
            }
            self.handle(Event::Command(Command::Decline(id)));
            return Ok(decided(id));
        }
        let id = match self.waiting(reference)? {
            Waiting::Seat { id, asks: Asks::Agreed, .. } => return Err(agreed_already(id)),
            Waiting::Question { id, .. } | Waiting::Seat { id, asks: Asks::Yes | Asks::NotYet { .. }, .. } => {
                id
            }
        };
        self.handle(Event::Command(Command::Decline(id)));
        Ok(decided(id))
    }

    /// # Errors
    /// `not_pending`, `invalid_value`, `asked_again`.
    pub(super) fn answer_question(&mut self, reference: &str, values: &[PrivateText]) -> Answer {
        let waiting = self.waiting(reference)?;
        let (id, question) = match &waiting {
            Waiting::Question { id, computation, .. } => (*id, computation),
            Waiting::Seat { id, question, .. } => (*id, question),
        };
        let reading = encode_values(question, values).map_err(|error| ApiError {
            hint: format!("{}; `formix-p2p status {id}` shows the question", error.hint()),
            ..error.into()
        })?;
        self.handle(Event::Command(Command::Answer(id, reading)));
        match waiting {
            Waiting::Question { doubt, .. } => self.settled(id, &doubt),
            Waiting::Seat { .. } => self.kept(id),
        }
    }

    /// Whether what the owner said of an invitation is remembered. It is not where the source is being read already.
    fn kept(&self, id: ComputationId) -> Answer {
        let answered = match self.subject(id) {
            Some(Subject::Computation(view, _)) => view.own == OwnPart::Answered,
            Some(Subject::Invitation(_) | Subject::Pruned(_)) | None => false,
        };
        if answered || self.node.invitation(id).is_some_and(|view| view.answers) {
            return Ok(decided(id));
        }
        let message = format!("{id} does not wait for this node's owner: its source is being read");
        Err(refused(("not_pending", 1), message, format!("`formix-p2p status {id}` shows what comes of it")))
    }
}

fn agreed_already(id: ComputationId) -> ApiError {
    let message = format!("everybody is in {id}, and this node's owner has agreed: that is signed and holds");
    let hint = format!("`formix-p2p status {id}` shows whether a value is missing");
    refused(("already_agreed", 1), message, hint)
}

/// An open invitation in which this node has a seat.
fn seat(view: &InvitationView<'_>) -> Result<Waiting, ApiError> {
    let (id, memory) = (view.id, view.memory);
    if let Some(end) = &memory.ended {
        let hint = "`formix-p2p pending` lists what waits".to_owned();
        return Err(refused(("not_pending", 1), format!("{id} has ended: {end}"), hint));
    }
    if memory.own.is_none() {
        let message = format!("this node only looks at {id}, and has not joined");
        return Err(refused(("not_pending", 1), message, "join with its ticket first".to_owned()));
    }
    let asks = match (view.asks, memory.computation) {
        (_, Some(_)) => Asks::Agreed,
        (Some(_), None) => Asks::Yes,
        (None, None) => Asks::NotYet { joined: memory.roster.len(), parties: memory.invitation.parties },
    };
    Ok(Waiting::Seat { id, question: Box::new(memory.invitation.draft(id)), asks })
}

/// A computation by invitation that this node is bound to while other owners are still asked: a value can be said already.
fn seat_of(view: &View<'_>, invitation: Option<&InvitationView<'_>>) -> Option<Waiting> {
    let undecided = view.own == OwnPart::None && view.status == Status::Pending;
    invitation.filter(|_| undecided).and_then(|invitation| seat(invitation).ok())
}

fn question_of(view: &View<'_>) -> Result<Waiting, ApiError> {
    let id = view.id;
    let why = match (&view.own, view.status) {
        (OwnPart::Waiting(doubt), Status::Pending) => {
            let (computation, doubt) = (Box::new(view.computation.clone()), doubt.clone());
            return Ok(Waiting::Question { id, computation, doubt });
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
