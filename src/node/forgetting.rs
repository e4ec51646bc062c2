//! An owner lets its node forget, and hears what went and what remains.

use super::api::{Answer, refused};
use super::runtime::Runtime;
use super::subjects::Subject;
use crate::control::{Forgotten, Reply};
use crate::domain::{ComputationId, Failure, Status};
use crate::protocol::{Command, Event, InvitationView, OwnPart, View};
use crate::wire::InvitationPart;

impl Runtime {
    /// Forgets what has ended. Who only looks at an invitation leaves it with that.
    ///
    /// # Errors
    /// `still_open`.
    pub(super) fn forget(&mut self, reference: &str) -> Answer {
        let subject = self.meant(reference)?;
        let (id, computation, ended) = (subject.key(), subject.id(), subject.has_ended());
        let (words, forget, looks) = match &subject {
            Subject::Computation(view, invitation) => {
                (self.of_computation(view, invitation.as_ref()), Command::Forget(view.id), false)
            }
            Subject::Invitation(view) => {
                (of_invitation(view), Command::Forget(view.id), view.memory.own.is_none())
            }
            Subject::Pruned(recalled) => {
                let (view, ledger) = (recalled.view(), recalled.ledger().cloned());
                let (computation, invitation) = (view.id, view.computation.invitation);
                let forget = Command::ForgetPruned { computation, invitation, ledger: ledger.map(Box::new) };
                (self.of_computation(&view, None), forget, false)
            }
        };
        if !ended && !looks {
            let inviter = match &subject {
                Subject::Computation(view, _) => view.computation.proposer,
                Subject::Invitation(view) => view.memory.invitation.inviter,
                Subject::Pruned(recalled) => recalled.question().proposer,
            };
            return Err(still_open(id, &subject, inviter == self.own));
        }
        if let (false, Subject::Invitation(view)) = (ended, &subject) {
            let declined = view.id;
            self.handle(Event::Command(Command::Decline(declined)));
        }
        self.readings.forget(computation);
        self.handle(Event::Command(forget));
        let Words { deleted, kept } = words;
        Ok(Reply::Forgotten(Forgotten { id: id.to_string(), deleted, kept }))
    }

    fn of_computation(&self, view: &View<'_>, invitation: Option<&InvitationView<'_>>) -> Words {
        let (question, own) = (view.computation, self.own);
        let mut words = Words::default();
        words.deletes("the question");
        let had_shares = question.has_heavy(&own) || view.own == OwnPart::Answered;
        words.deletes_if(had_shares, "inputs and shares, which had gone when it ended");
        match (view.certificate, view.failure) {
            (Some(_), None) => words.deletes("the result and the certificate"),
            (Some(_), Some(_)) => words.deletes("why it failed, and the certificate"),
            (None, _) => words.deletes("why it failed"),
        }
        let compared = self.was_compared(view.id);
        // Of a pruned answer the names are kept for this alone, and not shown.
        let named = view.members.is_some() || (compared && self.node.is_pruned(view.id));
        words.deletes_if(named, "who was in the set");
        if let Some(invitation) = invitation {
            words.deletes("the names and addresses of the parties");
            words.deletes_if(is_inviter(invitation), "the tickets");
        }
        words.keeps("a mark with its id, so that this node never takes part in it again");
        words.keeps_if(view.ledger.is_some(), "its line in the ledger, without the number of records");
        words.keeps_if(compared, "how its set compares with those of other answers");
        let evidence = matches!(view.failure, Some(Failure::Misconduct { .. }));
        words.keeps_if(evidence, "the evidence against the node that broke the protocol");
        words.keeps(match view.certificate {
            Some(_) => "what the log says of it, the result among it, until newer lines take its place (`formix-p2p logs`)",
            None => "what the log says of it, until newer lines take its place (`formix-p2p logs`)",
        });
        let others = if question.is_by_invitation() { "the other parties" } else { "the other nodes" };
        words.keeps(&match view.status {
            Status::Completed => format!("the result and the certificate at {others}"),
            Status::Failed | Status::Pending | Status::Processing => format!("what {others} know of it"),
        });
        words
    }
}

/// What went, and what remains.
#[derive(Default)]
struct Words {
    deleted: Vec<String>,
    kept: Vec<String>,
}

impl Words {
    fn deletes(&mut self, what: &str) {
        self.deleted.push(what.to_owned());
    }

    fn deletes_if(&mut self, there: bool, what: &str) {
        if there {
            self.deletes(what);
        }
    }

    fn keeps(&mut self, what: &str) {
        self.kept.push(what.to_owned());
    }

    fn keeps_if(&mut self, there: bool, what: &str) {
        if there {
            self.keeps(what);
        }
    }
}

fn of_invitation(view: &InvitationView<'_>) -> Words {
    let mut words = Words::default();
    words.deletes("the question");
    words.deletes_if(!view.memory.roster.is_empty(), "the names and addresses of who had joined");
    words.deletes(if is_inviter(view) { "the tickets" } else { "the ticket" });
    words.keeps_if(
        view.memory.leaves_a_mark(),
        "a mark with its id, so that this node never takes part in it again",
    );
    words.keeps("what the log says of it, until newer lines take its place (`formix-p2p logs`)");
    words.keeps("what the other parties know of it");
    words
}

const fn is_inviter(view: &InvitationView<'_>) -> bool {
    matches!(view.memory.seat, InvitationPart::Inviter { .. })
}

fn still_open(id: ComputationId, subject: &Subject<'_>, is_inviter: bool) -> crate::control::ApiError {
    let hint = match subject {
        Subject::Computation(..) | Subject::Pruned(_) => {
            format!("wait for its end: `formix-p2p result {id} --wait`")
        }
        Subject::Invitation(_) if is_inviter => format!("withdraw it first: `formix-p2p revoke {id}`"),
        Subject::Invitation(_) => format!("leave it first: `formix-p2p decline {id}`"),
    };
    let message = format!("{id} has not ended, and only what has ended can be forgotten");
    refused(("still_open", 1), message, hint)
}
