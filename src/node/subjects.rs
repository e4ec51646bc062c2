//! What people mean by one COMP name: the computation that an invitation has become, or else the invitation.

use super::reading::Source;
use super::runtime::Runtime;
use super::{invitation_shown, references, render};
use crate::control::{ApiError, ComputationView, InvitationView as Shown, of_parties};
use crate::domain::limits::SLOTS_LISTED_MAX;
use crate::domain::{Computation, ComputationId, Status, Timestamp};
use crate::protocol::{InvitationView, Recalled, View};
use crate::statistics::Answer;

/// One thing with one COMP name.
pub(super) enum Subject<'a> {
    /// A computation, with the invitation that this node is bound to it by, if there is one and it still knows it.
    Computation(Box<View<'a>>, Option<InvitationView<'a>>),
    /// An invitation that has become no computation that this node takes part in.
    Invitation(InvitationView<'a>),
    /// A computation that ended long ago, as the store holds it.
    Pruned(Box<Recalled>),
}

impl Subject<'_> {
    /// The one id under which it is watched, from the first ticket to the result.
    pub(super) fn key(&self) -> ComputationId {
        match self {
            Self::Computation(view, invitation) => {
                invitation.as_ref().map_or(view.id, |invitation| invitation.id)
            }
            Self::Invitation(view) => view.id,
            Self::Pruned(recalled) => recalled.view().id,
        }
    }

    /// What was asked, where it is a computation.
    pub(super) fn question(&self) -> Option<&Computation> {
        match self {
            Self::Computation(view, _) => Some(view.computation),
            Self::Pruned(recalled) => Some(recalled.question()),
            Self::Invitation(_) => None,
        }
    }

    /// Goes up with every change that people can see.
    pub(super) fn revision(&self) -> u64 {
        match self {
            Self::Computation(view, invitation) => {
                view.revision + invitation.as_ref().map_or(0, |invitation| invitation.revision)
            }
            Self::Invitation(view) => view.revision,
            Self::Pruned(recalled) => recalled.view().revision,
        }
    }

    /// Where it stands.
    pub(super) fn status(&self) -> Status {
        match self {
            Self::Computation(view, _) => view.status,
            Self::Invitation(view) if view.memory.ended.is_some() => Status::Failed,
            Self::Invitation(_) => Status::Pending,
            Self::Pruned(recalled) => recalled.view().status,
        }
    }

    /// Whether nothing more will come.
    pub(super) fn has_ended(&self) -> bool {
        match self.status() {
            Status::Pending | Status::Processing => false,
            Status::Completed | Status::Failed => true,
        }
    }

    /// The highest revision that a watcher of it can have seen without knowing what there is to know now.
    pub(super) fn seen_until(&self) -> u64 {
        if self.has_ended() { u64::MAX } else { self.revision() }
    }

    /// The id that it is kept under.
    pub(super) fn id(&self) -> ComputationId {
        match self {
            Self::Computation(view, _) => view.id,
            Self::Invitation(view) => view.id,
            Self::Pruned(recalled) => recalled.view().id,
        }
    }

    fn made_at(&self) -> Timestamp {
        match self {
            Self::Computation(view, _) => view.computation.proposed_at,
            Self::Invitation(view) => view.memory.invitation.created_at,
            Self::Pruned(recalled) => recalled.question().proposed_at,
        }
    }
}

/// Sorts by when they were made, the newest first.
pub(super) fn sort_newest_first(subjects: &mut [Subject<'_>]) {
    subjects.sort_by_key(|subject| (std::cmp::Reverse(subject.made_at()), subject.id()));
}

impl Runtime {
    /// Everything in memory that has a name, newest first, each once.
    pub(super) fn subjects(&self) -> Vec<Subject<'_>> {
        let computations = self.node.views().into_iter().map(|view| self.of_view(view));
        let became = |view: &InvitationView<'_>| {
            view.memory.computation.is_some_and(|computation| self.node.view(computation).is_some())
        };
        let invitations = self.node.invitations().into_iter().filter(|view| !became(view));
        let mut all: Vec<_> = computations.chain(invitations.map(Subject::Invitation)).collect();
        sort_newest_first(&mut all);
        all
    }

    /// The one in memory with this id, of a computation or of an invitation.
    pub(super) fn subject(&self, id: ComputationId) -> Option<Subject<'_>> {
        if let Some(view) = self.node.view(id) {
            return Some(self.of_view(view));
        }
        let invitation = self.node.invitation(id)?;
        let became = invitation.memory.computation.and_then(|computation| self.node.view(computation));
        Some(match became {
            Some(view) => Subject::Computation(Box::new(view), Some(invitation)),
            None => Subject::Invitation(invitation),
        })
    }

    fn of_view<'a>(&'a self, view: View<'a>) -> Subject<'a> {
        // Anybody can make a computation that names an invitation: only the one that this node is bound to is its own.
        let bound = |invitation: &InvitationView<'_>| invitation.memory.computation == Some(view.id);
        let named = view.computation.invitation.and_then(|invitation| self.node.invitation(invitation));
        let invitation = named.filter(bound);
        Subject::Computation(Box::new(view), invitation)
    }

    /// What a person means.
    ///
    /// # Errors
    /// `no_such_computation`, `ambiguous_computation`, `store_unreadable`.
    pub(super) fn meant(&self, reference: &str) -> Result<Subject<'_>, ApiError> {
        let subjects = self.subjects();
        let known = subjects.iter().map(Subject::id).chain(self.node.pruned());
        let id = references::computation(reference, known)?;
        match self.subject(id) {
            Some(subject) => Ok(subject),
            None => self.recalled(id)?.ok_or_else(|| references::no_such_computation(reference)),
        }
    }

    /// As `status` shows it. Tickets stand in the list of invitations alone.
    pub(super) fn shown(&self, subject: &Subject<'_>) -> ComputationView {
        match subject {
            Subject::Computation(view, invitation) => {
                let light_nodes = self.active_light_nodes();
                let shown = render::computation(view, self.own, &self.directory, light_nodes);
                let reason = shown.reason.as_deref();
                let among = view.computation.is_by_invitation();
                ComputationView {
                    reason: if among { reason.map(of_parties) } else { shown.reason },
                    left_out: self.readings.left_out(view.id),
                    invitation: invitation.as_ref().map(|it| Box::new(self.invitation_shown(it))),
                    revision: subject.revision(),
                    ..shown
                }
            }
            Subject::Pruned(recalled) => {
                let view = recalled.view();
                let shown = render::computation(&view, self.own, &self.directory, self.active_light_nodes());
                let among = recalled.question().is_by_invitation();
                let reason = shown.reason.as_deref();
                ComputationView {
                    reason: if among { reason.map(of_parties) } else { shown.reason },
                    pruned: true,
                    ..shown
                }
            }
            Subject::Invitation(view) => {
                invitation_shown::as_computation(view, self.invitation_shown(view), &self.directory)
            }
        }
    }

    /// As a list shows it: without the result where that is a long vector's.
    pub(super) fn listed(&self, subject: &Subject<'_>) -> ComputationView {
        let Subject::Computation(view, invitation) = subject else { return self.shown(subject) };
        let long = view.answer.as_ref().filter(|answer| answer.slots() > SLOTS_LISTED_MAX);
        let Some(samples) = long.map(Answer::samples) else { return self.shown(subject) };
        let short = View { answer: None, ..View::clone(view) };
        ComputationView { samples, ..self.shown(&Subject::Computation(Box::new(short), *invitation)) }
    }

    /// Whether this node has a source for a question.
    pub(super) fn source_of(&self, question: &Computation) -> Source {
        self.readings.offer(&question.query)
    }

    /// An invitation without its tickets.
    pub(super) fn invitation_shown(&self, view: &InvitationView<'_>) -> Shown {
        let became = view.memory.computation.and_then(|computation| self.node.view(computation));
        let source = self.readings.offer(&view.memory.invitation.query);
        invitation_shown::invitation(view, became.as_ref(), self.own, source, &self.directory)
    }
}
