//! What people read in the log: each computation's story in order, one line a milestone.
//!
//! Lines are made when something is decided and written once it is durable, so the log never tells of what a crash
//! took back. Private values and shares are in none of them.

use std::fmt::Display;

use tracing::Level;
use tracing::field::display;

use super::render;
use crate::domain::limits::SLOTS_LISTED_MAX;
use crate::domain::{Computation, ComputationId, Consent, Invitation, PeerId, Role, TicketRefusal, quoted};
use crate::protocol::{Notice, View};
use crate::sharing::Verdict;
use crate::statistics::Answer;
use crate::wire::{Fault, Gossip, Message, Record, Similar, Topic};

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) level: Level,
    computation: Option<ComputationId>,
    peer: Option<PeerId>,
    pub(super) text: String,
}

impl Line {
    fn new(level: Level, computation: Option<ComputationId>, peer: Option<PeerId>, text: impl Display) -> Self {
        Self { level, computation, peer, text: text.to_string() }
    }

    fn info(computation: ComputationId, text: impl Display) -> Self {
        Self::new(Level::INFO, Some(computation), None, text)
    }

    fn by(self, peer: PeerId) -> Self {
        Self { peer: Some(peer), ..self }
    }

    /// Writes it.
    pub(super) fn tell(&self) {
        let computation = self.computation.map(display);
        let peer = self.peer.map(|peer| display(peer.uid()));
        let text = &self.text;
        match self.level {
            Level::ERROR => tracing::error!(computation, peer, "{text}"),
            Level::WARN => tracing::warn!(computation, peer, "{text}"),
            Level::INFO => tracing::info!(computation, peer, "{text}"),
            Level::DEBUG => tracing::debug!(computation, peer, "{text}"),
            Level::TRACE => tracing::trace!(computation, peer, "{text}"),
        }
    }
}

/// The line for a fact that is now remembered, if it is a milestone.
pub(super) fn of_record(record: &Record, own: PeerId) -> Option<Line> {
    match record {
        Record::Proposed(computation) => {
            Some(Line::info(computation.id(), format!("proposed: {}", question(computation.get()))))
        }
        Record::Accepted { computation, .. } => {
            let proposer = computation.get().proposer;
            Some(Line::info(computation.id(), "accepted: this node adds up its shares").by(proposer))
        }
        // The proposer's own line is `Notice::Announced`.
        Record::Announced(announcement) if announcement.computation.get().proposer == own => None,
        Record::Announced(announcement) => {
            let asked = announcement.computation.get();
            let text = format!("announced by {}: {}", asked.proposer.uid(), question(asked));
            Some(Line::info(announcement.id(), text).by(asked.proposer))
        }
        Record::Held(submission) => {
            let manifest = submission.manifest.get();
            let (computation, participant) = (Some(manifest.computation), Some(manifest.participant));
            Some(Line::new(Level::DEBUG, computation, participant, "holds a report"))
        }
        Record::Receipts { .. } => None,
        Record::Closed { close, reports, .. } => {
            let text = format!("closed with {}", counted(*reports as usize, "report"));
            Some(Line::info(close.get().computation, text))
        }
        Record::Frozen { computation, participants, .. } => {
            let frozen = counted(*participants as usize, "participant");
            Some(Line::info(*computation, format!("frozen: every heavy node that counts holds {frozen}")))
        }
        Record::Dealing { computation, .. } => {
            let text = "deals the other heavy nodes what they need to go on without it";
            Some(Line::new(Level::DEBUG, Some(computation.id()), None, text))
        }
        Record::Decree { computation, topic, memory } => memory.decided().map(|decided| {
            let what = match topic {
                Topic::Lists => "lists",
                Topic::Verifiers => "verifier shares",
                Topic::Openings => "partial sums",
            };
            let (of, all) = (decided.choice.counted(), decided.choice.inputs().len());
            Line::info(*computation, format!("decided: the {what} of {of} of {all} heavy nodes count"))
        }),
        Record::Voted { vote, .. } => {
            let vote = vote.get();
            let set = counted(vote.participants as usize, "participant");
            let left_out = match vote.unverified {
                0 => String::new(),
                some => format!("; {} did not verify", counted(some as usize, "report")),
            };
            Some(Line::info(vote.computation, format!("voted for the set of {set}{left_out}")))
        }
        Record::Verifying { verification, .. } => {
            Some(Line::info(verification.get().computation, "committed to its verifier shares"))
        }
        Record::Opened { opening, .. } => Some(Line::info(opening.get().computation, "opened its partial sum")),
        Record::Members { computation, entries } => {
            let text = format!("knows who was in the set: {}", counted(entries.len(), "participant"));
            Some(Line::new(Level::DEBUG, Some(*computation), None, text))
        }
        // `of_notice` and `of_fault` tell of these.
        Record::Report(_)
        | Record::Certificate(_)
        | Record::Failed { .. }
        | Record::Ledger(_)
        | Record::Fault(_)
        | Record::Compared(_)
        | Record::Invitation(_)
        | Record::Input { .. }
        | Record::Forgotten { .. }
        | Record::Pruned { .. }
        | Record::Summary(_) => None,
    }
}

/// The line for an invitation that this node makes.
pub(super) fn of_invitation(id: ComputationId, asked: &Invitation) -> Line {
    let others = counted(asked.parties.saturating_sub(1) as usize, "other");
    Line::info(id, format!("invites {others}: {}", invited_to(asked)))
}

/// The line for a ticket that this node shows.
pub(super) fn of_joining(id: ComputationId, asked: &Invitation, consent: &Consent) -> Line {
    let does = match consent {
        Consent::Look => "looks at",
        Consent::Anybody | Consent::Only(_) => "joins",
    };
    let text = format!("{does} the invitation of {}: {}", asked.inviter.uid(), invited_to(asked));
    Line::info(id, text).by(asked.inviter)
}

fn invited_to(asked: &Invitation) -> String {
    let fields: Vec<_> = asked.query.fields.iter().map(|field| field.name.as_str()).collect();
    let (prompt, statistic, expires) = (&asked.prompt, asked.query.statistic, asked.expires);
    let quorum = format!("{} of {} parties", asked.quorum, asked.parties);
    format!("\"{prompt}\" ({statistic} of {}, {quorum}, tickets until {expires})", fields.join(", "))
}

/// The line for something that people are told. `view` is of the computation that it is about.
pub(super) fn of_notice(notice: &Notice, view: Option<&View<'_>>) -> Option<Line> {
    match notice {
        Notice::Changed(_) | Notice::InvitationChanged(_) => None,
        Notice::Announced(id) => Some(Line::info(*id, "announced: every heavy node has accepted")),
        Notice::WaitsForOwner { computation, why } => {
            let command = render::command(*computation, why);
            Some(Line::info(*computation, format!("waits for its owner because {why}; type `{command}`")))
        }
        Notice::Answered(id) => Some(Line::info(*id, "answered: the report is on its way to every heavy node")),
        Notice::Declined { computation, standing, why } => {
            let why = why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            Some(Line::info(*computation, format!("not answered: this node {standing}{why}")))
        }
        Notice::LeftOut { computation, participant, verdict } => {
            let text = match verdict {
                Verdict::Inconsistent => "left out a report: its shares do not fit together",
                Verdict::Invalid | Verdict::Valid => "left out a report: its proof does not hold",
            };
            Some(Line::new(Level::WARN, Some(*computation), Some(*participant), text))
        }
        Notice::Completed(id) => {
            let answer = view.and_then(|view| view.answer.as_ref());
            Some(Line::info(
                *id,
                format!("completed: {}", answer.map(|it| result(*id, it)).unwrap_or_default()),
            ))
        }
        Notice::Failed { computation, failure } => {
            Some(Line::new(Level::WARN, Some(*computation), None, format!("failed: {failure}")))
        }
        Notice::SimilarSets { computation, field, nearest, more } => {
            let text = similar_sets(field, *nearest, *more);
            Some(Line::new(Level::WARN, Some(*computation), None, text))
        }
        Notice::PartyJoined { invitation, peer } => {
            Some(Line::info(*invitation, format!("{} has joined", peer.uid())).by(*peer))
        }
        Notice::PartyLeft { invitation, peer } => {
            Some(Line::info(*invitation, format!("{} has left the invitation", peer.uid())).by(*peer))
        }
        Notice::TicketRefused { invitation, peer, refusal } => {
            let text = format!("{} showed a ticket and was not admitted: {refusal}", peer.uid());
            // Strangers can make up invitations without end.
            let level = if *refusal == TicketRefusal::Unknown { Level::DEBUG } else { Level::WARN };
            Some(Line::new(level, Some(*invitation), Some(*peer), text))
        }
        Notice::RosterAsks { invitation } => {
            let text =
                format!("everybody is there; type `formix-p2p approve {invitation}` to take part with them");
            Some(Line::info(*invitation, text))
        }
        Notice::InvitationEnded { invitation, end } => {
            Some(Line::new(Level::WARN, Some(*invitation), None, end.to_string()))
        }
        Notice::ClockSkew { peer, clock } => {
            let text = format!("the clock of {} shows {clock}, too far from this node's; set both", peer.uid());
            Some(Line::new(Level::WARN, None, Some(*peer), text))
        }
        Notice::Ignored { from, kind, why } => {
            Some(Line::new(Level::DEBUG, None, Some(*from), format!("{kind} not acted on: {why}")))
        }
    }
}

/// An answer, or where to read it: a vector's would fill the log.
fn result(id: ComputationId, answer: &Answer) -> String {
    if answer.slots() <= SLOTS_LISTED_MAX {
        return answer.to_json().to_string();
    }
    let (slots, of) = (answer.slots(), counted(answer.participants() as usize, "participant"));
    format!("{slots} numbers of {of}; `formix-p2p result {id}` shows them")
}

/// The line for a node that broke the protocol.
pub(super) fn of_fault(fault: &Fault) -> Line {
    let Fault { computation, culprit, proof } = fault;
    let text = format!("fault: {} {}; the evidence is kept", culprit.uid(), proof.evidence());
    Line::new(Level::WARN, Some(*computation), Some(*culprit), text)
}

/// The line for a message that came, if it is a milestone for the one who waits for it.
pub(super) fn of_message(from: PeerId, message: &Message) -> Option<Line> {
    let line = match message {
        Message::Accept(acceptance) => {
            Line::info(acceptance.get().computation, format!("accepted by {}", from.uid()))
        }
        Message::Refuse { computation, refusal } => {
            Line::info(*computation, format!("refused by {}: {refusal}", from.uid()))
        }
        Message::Receipt(receipt) => {
            Line::info(receipt.get().computation, format!("receipt from {}: it holds its share", from.uid()))
        }
        Message::Reject { computation, rejection } => {
            Line::info(*computation, format!("report not taken by {}: {rejection:?}", from.uid()))
        }
        Message::Propose(_)
        | Message::Withdraw { .. }
        | Message::Announce(_)
        | Message::Submit(_)
        | Message::Receipts(_)
        | Message::Stand { .. }
        | Message::Progress { .. }
        | Message::Complete { .. }
        | Message::Close(_)
        | Message::List { .. }
        | Message::Lacking { .. }
        | Message::Leaves { .. }
        | Message::Conflict(_)
        | Message::Freeze { .. }
        | Message::Rho { .. }
        | Message::Deal { .. }
        | Message::RhoParts { .. }
        | Message::Decree(_)
        | Message::Fault(_)
        | Message::Verification(_)
        | Message::Verifiers { .. }
        | Message::Vote { .. }
        | Message::Open { .. }
        | Message::Certificate(_)
        | Message::Fail(_)
        | Message::Want { .. }
        | Message::Ask { .. }
        | Message::Offer { .. }
        | Message::Presence(_)
        | Message::Members { .. }
        | Message::Join { .. }
        | Message::Roster { .. }
        | Message::Leave { .. }
        | Message::NotAdmitted { .. } => return None,
    };
    Some(line.by(from))
}

/// The computation that a notice is about.
pub(super) const fn subject(notice: &Notice) -> Option<ComputationId> {
    match notice {
        Notice::Changed(id) | Notice::Announced(id) | Notice::Answered(id) | Notice::Completed(id) => Some(*id),
        Notice::WaitsForOwner { computation, .. }
        | Notice::Declined { computation, .. }
        | Notice::LeftOut { computation, .. }
        | Notice::SimilarSets { computation, .. }
        | Notice::Failed { computation, .. } => Some(*computation),
        Notice::InvitationChanged(id) => Some(*id),
        Notice::PartyJoined { invitation, .. }
        | Notice::PartyLeft { invitation, .. }
        | Notice::TicketRefused { invitation, .. }
        | Notice::RosterAsks { invitation }
        | Notice::InvitationEnded { invitation, .. } => Some(*invitation),
        Notice::ClockSkew { .. } | Notice::Ignored { .. } => None,
    }
}

/// A node has come.
pub(super) fn of_arrival(peer: PeerId, role: Role, name: &str) -> Line {
    Line::new(Level::INFO, None, Some(peer), format!("{role} node {} ({}) is there", peer.uid(), quoted(name)))
}

/// The name of this kind of gossip.
pub(super) const fn gossip_kind(gossip: &Gossip) -> &'static str {
    match gossip {
        Gossip::Announce(_) => "announce",
        Gossip::Completed { .. } => "completed",
        Gossip::Failed(_) => "failed",
        Gossip::Presence(_) => "presence",
    }
}

/// What it means that two answers are over nearly the same participants.
fn similar_sets(field: &str, nearest: Similar, more: usize) -> String {
    let Similar { difference, other } = nearest;
    let others = match more {
        0 => String::new(),
        1 => ", and another one is near".to_owned(),
        several => format!(", and {several} others are near"),
    };
    let whom = match difference {
        1 => "that participant".to_owned(),
        few => format!("those {few} participants"),
    };
    format!(
        "asked about `{field}` over a set that differs from that of {other} by {}{others}: whoever sees both results can \
         learn about {whom} alone",
        counted(difference as usize, "participant")
    )
}

fn question(asked: &Computation) -> String {
    let fields: Vec<_> = asked.query.fields.iter().map(|field| field.name.as_str()).collect();
    format!(
        "\"{}\" ({} of {}, at least {}, until {})",
        asked.prompt,
        asked.query.statistic,
        fields.join(", "),
        counted(asked.min_participants as usize, "participant"),
        asked.deadline
    )
}

/// "1 report", "2 reports".
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::Doubt;
    use crate::domain::{Failure, Timestamp};

    #[test]
    fn notices_say_why() {
        let id = ComputationId::of_body(b"x");
        let waits = Notice::WaitsForOwner { computation: id, why: Doubt::NoSource };
        let line = of_notice(&waits, None).unwrap();
        assert!(line.text.contains("because this node has no source for the field"), "{}", line.text);
        assert!(line.text.ends_with(&format!("type `formix-p2p answer {id} VALUE`")), "{}", line.text);
        let failure = Failure::InsufficientParticipants { accepted: 1, minimum: 3 };
        let line = of_notice(&Notice::Failed { computation: id, failure }, None).unwrap();
        assert_eq!(line.text, "failed: insufficient participants: 1 of 3");
        assert_eq!((line.level, line.computation), (Level::WARN, Some(id)));
        assert_eq!(of_notice(&Notice::Changed(id), None), None);
    }

    #[test]
    fn a_long_vector_is_not_written_into_the_log() {
        let id = ComputationId::of_body(b"x");
        let text = |length: usize| {
            let question = crate::node::render::tests::vector(length);
            let total: Vec<_> = std::iter::repeat_n(3, length + 1).collect();
            result(id, &crate::statistics::decode(&question, &total, 3).unwrap())
        };
        assert_eq!(text(2), r#"{"mean":[1.0,1.0],"sum":[3,3],"samples":3,"participants":3}"#);
        let long = text(100_000);
        assert_eq!(long, format!("100001 numbers of 3 participants; `formix-p2p result {id}` shows them"));
    }

    #[test]
    fn a_ticket_of_no_invitation_here_is_no_warning() {
        let (invitation, peer) = (ComputationId::of_body(b"x"), PeerId::from_public_key([1; 32]));
        let level =
            |refusal| of_notice(&Notice::TicketRefused { invitation, peer, refusal }, None).unwrap().level;
        assert_eq!(level(TicketRefusal::Unknown), Level::DEBUG);
        assert_eq!(level(TicketRefusal::WrongSecret), Level::WARN);
    }

    #[test]
    fn similar_sets_name_the_other_computation_and_what_both_tell() {
        let (id, other) = (ComputationId::of_body(b"x"), ComputationId::of_body(b"y"));
        let notice = |difference, more| Notice::SimilarSets {
            computation: id,
            field: "age".to_owned(),
            nearest: Similar { difference, other },
            more,
        };
        let line = of_notice(&notice(1, 0), None).unwrap();
        assert_eq!((line.level, line.computation), (Level::WARN, Some(id)));
        assert_eq!(
            line.text,
            format!(
                "asked about `age` over a set that differs from that of {other} by 1 participant: whoever sees both \
                 results can learn about that participant alone"
            )
        );
        let line = of_notice(&notice(2, 3), None).unwrap();
        assert!(line.text.contains("by 2 participants, and 3 others are near: "), "{}", line.text);
    }

    #[test]
    fn what_is_about_no_computation_names_the_peer() {
        let peer = PeerId::from_public_key([1; 32]);
        let line = of_notice(&Notice::ClockSkew { peer, clock: Timestamp::from_millis(0) }, None).unwrap();
        assert_eq!((line.peer, line.computation), (Some(peer), None));
    }
}
