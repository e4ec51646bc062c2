//! Inviting and joining, as the local API asks for it.

use std::collections::BTreeSet;

use rand::TryRng;
use rand::rngs::SysRng;

use super::actions::Release;
use super::api::{Answer, decided, refused};
use super::invitation_shown;
use super::parked::{Asker, JoinParked, Wants};
use super::runtime::Runtime;
use super::story;
use super::subjects::Subject;
use super::{addresses, references};
use crate::control::{
    Agreement, ApiError, Invited, Inviting, Joining, PrivateText, Reply, draft_invitation, encode_values,
};
use crate::domain::limits::{
    CLOCK_SKEW_MAX, DEADLINE_MAX, INVITATIONS_OPEN_MAX, JOIN_WAIT, NODE_NAME_CHARS_MAX,
};
use crate::domain::{ComputationId, Consent, Invitation, PeerId, Timestamp};
use crate::protocol::{Command, Event, InvitationView};
use crate::statistics::{self, Reading};
use crate::wire::{InvitationPart, Signed, Ticket, read_ticket};

impl Runtime {
    /// Makes an invitation, and answers with its tickets.
    ///
    /// # Errors
    /// A broken rule of the invitation or of the values; `too_many_invitations`.
    pub(super) fn invite(&mut self, inviting: &Inviting) -> Answer {
        let mut invitation = draft_invitation(inviting, self.own, self.now)?;
        let name = self.name_among_parties(inviting.name.as_deref())?;
        let input = input_of(&invitation, &inviting.values)?;
        self.room_for_invitation()?;
        SysRng.try_fill_bytes(&mut invitation.nonce).map_err(|error| {
            let message = format!("the operating system gives no random numbers: {error}");
            refused(("no_randomness", 1), message, "see why /dev/urandom cannot be read".to_owned())
        })?;
        let id = invitation.id();
        self.round.releases.push(Release::Line(story::of_invitation(id, &invitation)));
        let addresses = self.addresses_told();
        let invitation = Box::new(invitation);
        self.handle(Event::Command(Command::Invite { invitation, name, addresses, input }));
        match self.node.invitation(id) {
            Some(view) => Ok(Reply::Invited(Box::new(self.invited(&view)))),
            None => Err(references::no_such_computation(&id.to_string())),
        }
    }

    fn invited(&self, view: &InvitationView<'_>) -> Invited {
        let shown = self.invitation_shown(view);
        let seats = invitation_shown::tickets(view.memory, &self.identity, &self.addresses_told());
        Invited {
            id: shown.id,
            tickets: seats.into_iter().filter_map(|seat| seat.ticket).collect(),
            expires: shown.expires,
            parties: shown.parties,
            quorum: shown.quorum,
            sharing: shown.sharing,
            threshold: shown.threshold,
            proven: shown.proven,
            private_against: shown.private_against,
            survives: shown.survives,
            noise: shown.noise,
            answer: shown.answer,
        }
    }

    /// Every invitation, with the tickets of its own.
    pub(super) fn invitations(&self) -> Reply {
        let addresses = self.addresses_told();
        let shown = |view: &InvitationView<'_>| {
            let tickets = invitation_shown::tickets(view.memory, &self.identity, &addresses);
            crate::control::InvitationView { tickets, ..self.invitation_shown(view) }
        };
        Reply::Invitations(self.node.invitations().iter().map(shown).collect())
    }

    /// Shows a ticket to its inviter; the answer comes when the inviter's has come.
    pub(super) fn join(&mut self, joining: &Joining, asker: Asker) {
        match self.try_joining(joining) {
            Ok(Joined::Already(reply)) => self.answer(asker, Ok(reply)),
            Ok(Joined::Asked { id, wants }) => {
                let until = self.now + JOIN_WAIT;
                self.parked.join(JoinParked { id, wants, until, asker });
            }
            Err(error) => self.answer(asker, Err(error)),
        }
    }

    fn try_joining(&mut self, joining: &Joining) -> Result<Joined, ApiError> {
        let signed = read_ticket(&joining.ticket.0)
            .map_err(|error| refused((error.code(), 1), error.to_string(), error.hint().to_owned()))?;
        let ticket = signed.get();
        let (id, asked) = (ticket.invitation.id(), &ticket.invitation);
        statistics::check(&asked.draft(id)).map_err(|error| {
            let message = format!("the ticket asks what no node answers: {error}");
            refused(("ticket_tampered", 1), message, "ask the inviter for another ticket".to_owned())
        })?;
        if self.node.is_forgotten(id) {
            let message = "this node has forgotten this invitation, and takes no part in it again".to_owned();
            return Err(refused(("forgotten", 1), message, "ask the inviter to invite again".to_owned()));
        }
        let known = self.node.invitation(id);
        if let Some(reply) = self.is_seated(ticket, known.as_ref(), &joining.values)? {
            return Ok(Joined::Already(reply));
        }
        in_time(asked, self.now)?;
        let (consent, wants) = match &joining.consent {
            Agreement::Look => {
                let wants = if known.is_some() { Wants::LookAgain } else { Wants::Look };
                (Consent::Look, wants)
            }
            Agreement::Anybody => (Consent::Anybody, Wants::Seat),
            Agreement::Only(named) => {
                (Consent::Only(self.agreed_to(named, asked.inviter, known.as_ref())?), Wants::Seat)
            }
        };
        let is_open = known.is_some_and(|view| view.memory.ended.is_none());
        let input = input_of(asked, &joining.values)?;
        let name = self.name_among_parties(joining.name.as_deref())?;
        if !is_open {
            self.room_for_invitation()?;
        }
        self.parked.make_room()?;
        self.round.releases.push(Release::Line(story::of_joining(id, asked, &consent)));
        let addresses = self.addresses_told();
        let ticket = Box::new(signed);
        self.handle(Event::Command(Command::Join { ticket, name, addresses, consent, input }));
        Ok(Joined::Asked { id, wants })
    }

    /// What there is to say without asking the inviter, if this node has a part in the invitation already.
    fn is_seated(
        &self,
        ticket: &Ticket,
        known: Option<&InvitationView<'_>>,
        values: &[PrivateText],
    ) -> Result<Option<Reply>, ApiError> {
        let id = ticket.invitation.id();
        if ticket.invitation.inviter == self.own {
            let message = format!("this node made {id} itself, and takes part in it already");
            let hint = "give each other party one ticket; its node joins with it";
            return Err(refused(("own_ticket", 1), message, hint.to_owned()));
        }
        let Some(view) = known.filter(|view| view.memory.ended.is_none()) else { return Ok(None) };
        let InvitationPart::Invited { secret, .. } = &view.memory.seat else { return Ok(None) };
        if *secret != ticket.secret {
            let message = format!("this node has a seat in {id} already; each ticket is for another party");
            let hint =
                format!("`formix-p2p status {id}` shows how far it is; give this ticket to another party");
            return Err(refused(("already_seated", 1), message, hint));
        }
        if view.memory.computation.is_none() {
            return Ok(None);
        }
        if values.is_empty() {
            return Ok(Some(Reply::Joined(Box::new(self.invitation_shown(view)))));
        }
        let message = format!("this node takes part in {id} already, and everybody is there");
        Err(refused(("already_joined", 1), message, format!("`formix-p2p answer {id} VALUE`")))
    }

    /// Whom an owner agrees to compute with: the inviter, whose ticket it shows, and these.
    fn agreed_to(
        &self,
        named: &[String],
        inviter: PeerId,
        known: Option<&InvitationView<'_>>,
    ) -> Result<Vec<PeerId>, ApiError> {
        let joined = known.iter().flat_map(|view| &view.memory.roster).map(Signed::signer);
        let others = self.candidates().into_iter().map(|candidate| candidate.peer);
        // One list: nobody comes before another who has the same UID.
        let all: BTreeSet<_> = joined.chain(others).chain([inviter]).collect();
        let meant = |reference: &String| references::party(reference, &all);
        let named: Vec<PeerId> = named.iter().map(meant).collect::<Result<_, _>>()?;
        Ok([inviter].into_iter().chain(named).collect())
    }

    /// Withdraws an invitation of this node's.
    ///
    /// # Errors
    /// `not_an_invitation`, `not_inviter`, `already_ended`, `already_running`.
    pub(super) fn revoke(&mut self, reference: &str) -> Answer {
        let subject = self.meant(reference)?;
        let (id, ended) = (subject.key(), subject.has_ended());
        let inviter = match (&subject, subject.question()) {
            (_, Some(question)) if !question.is_by_invitation() => {
                let message = format!("{id} is no invitation: it was proposed to the network");
                let hint = "a computation that is announced cannot be withdrawn; it ends at its deadline";
                return Err(refused(("not_an_invitation", 1), message, hint.to_owned()));
            }
            (Subject::Invitation(view), _) => view.memory.invitation.inviter,
            (Subject::Computation(view, _), _) => view.computation.proposer,
            (Subject::Pruned(recalled), _) => recalled.question().proposer,
        };
        if ended {
            let hint = format!("`formix-p2p status {id}` says how; `formix-p2p forget {id}` deletes it");
            return Err(refused(("already_ended", 1), format!("{id} has ended already"), hint));
        }
        if inviter != self.own {
            let message =
                format!("{id} is an invitation of {}, and only its inviter revokes it", inviter.uid());
            let hint = format!("`formix-p2p decline {id}` leaves it");
            return Err(refused(("not_inviter", 1), message, hint));
        }
        self.handle(Event::Command(Command::Revoke(id)));
        if self.subject(id).is_some_and(|subject| subject.has_ended()) {
            return Ok(decided(id));
        }
        let message = format!("{id} runs: every party has signed who is in it, so it cannot be withdrawn");
        Err(refused(
            ("already_running", 1),
            message,
            format!("`formix-p2p result {id} --wait` waits for its end"),
        ))
    }

    /// Refuses one open invitation more than there may be.
    fn room_for_invitation(&self) -> Result<(), ApiError> {
        let open = |view: &InvitationView<'_>| view.memory.ended.is_none() && view.memory.computation.is_none();
        if self.node.invitations().iter().filter(|view| open(view)).count() < INVITATIONS_OPEN_MAX {
            return Ok(());
        }
        let message = format!("{INVITATIONS_OPEN_MAX} invitations are open at this node already");
        let hint = "revoke some of `formix-p2p invitations`, or leave them with `formix-p2p decline`";
        Err(refused(("too_many_invitations", 1), message, hint.to_owned()))
    }

    /// What this node calls itself in an invitation.
    fn name_among_parties(&self, typed: Option<&str>) -> Result<String, ApiError> {
        let name = typed.map_or(self.name.as_str(), str::trim);
        if name.chars().count() > NODE_NAME_CHARS_MAX || name.chars().any(char::is_control) {
            let message = "the name has more than 32 characters, or control characters".to_owned();
            return Err(refused(("invalid_name", 2), message, "give a shorter --name".to_owned()));
        }
        Ok(if name.is_empty() { self.own.uid().to_string() } else { name.to_owned() })
    }

    fn addresses_told(&self) -> Vec<String> {
        addresses::told(&self.presence.current().addresses)
    }
}

/// Refuses a ticket that has expired, or whose times no clock near this node's can have made.
fn in_time(asked: &Invitation, now: Timestamp) -> Result<(), ApiError> {
    let (created, expires) = (asked.created_at, asked.expires);
    if now >= expires {
        let message = format!("the ticket expired at {expires}, and this node's clock shows {now}");
        return Err(refused(("ticket_expired", 1), message, "ask the inviter for a new one".to_owned()));
    }
    let ahead = created.since(now) > CLOCK_SKEW_MAX;
    if ahead || expires.since(now) > DEADLINE_MAX + CLOCK_SKEW_MAX {
        let message = format!(
            "the inviter's clock showed {created} when it made the ticket, and this node's clock shows {now} now"
        );
        let hint = "set both clocks, and ask the inviter for a new ticket if its clock was wrong";
        return Err(refused(("ticket_clock", 1), message, hint.to_owned()));
    }
    Ok(())
}

/// What a join comes to at first.
enum Joined {
    /// There is nothing to ask the inviter.
    Already(Reply),
    /// The inviter is asked.
    Asked { id: ComputationId, wants: Wants },
}

/// The typed values as a measurement, if there are any.
fn input_of(invitation: &Invitation, values: &[PrivateText]) -> Result<Option<Reading>, ApiError> {
    if values.is_empty() {
        return Ok(None);
    }
    Ok(Some(encode_values(&invitation.draft(invitation.id()), values)?))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::{Modulus, Query, Sharing, Statistic, VERSION};

    fn asked(created_at: Timestamp, expires: Timestamp) -> Invitation {
        Invitation {
            version: VERSION,
            nonce: [5; 16],
            inviter: PeerId::from_public_key([1; 32]),
            created_at,
            prompt: "sum of value".to_owned(),
            query: Query::parse(Statistic::Sum, &["value".to_owned()], None).unwrap(),
            sharing: Sharing::Additive { modulus: Modulus::Bits64 },
            parties: 3,
            quorum: 3,
            expires,
            answer_within_ms: None,
            patience_ms: 60_000,
            grace_ms: 3_000,
            noise: None,
        }
    }

    #[test]
    fn a_ticket_from_another_time_is_refused_by_both_clocks() {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let (hour, instant) = (Duration::from_secs(3600), Duration::from_millis(1));
        let code = |created, expires| in_time(&asked(created, expires), now).map_err(|error| error.code);
        assert_eq!(code(now, now + hour), Ok(()));
        let skewed = now + CLOCK_SKEW_MAX;
        assert_eq!(code(skewed, skewed + DEADLINE_MAX), Ok(()));
        assert_eq!(code(skewed + instant, now + hour), Err("ticket_clock".to_owned()));
        assert_eq!(code(now, skewed + DEADLINE_MAX + instant), Err("ticket_clock".to_owned()));
        assert_eq!(code(now - hour, now), Err("ticket_expired".to_owned()));
        let ahead = in_time(&asked(now + hour, now + hour * 2), now).unwrap_err();
        let (theirs, ours) = ((now + hour).to_string(), now.to_string());
        assert!(ahead.message.contains(&theirs) && ahead.message.contains(&ours), "{ahead}");
    }
}
