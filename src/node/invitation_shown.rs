//! What the protocol knows of an invitation, as the local API shows it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::directory::Directory;
use super::reading::Source;
use super::render;
use crate::consent::Rule;
use crate::control::{
    ComputationView, InvitationView as Shown, PartyView, PendingView, PrivateText, TicketView, of_parties,
};
use crate::domain::limits::NO_CONTACT_MARGIN;
use crate::domain::{Consent, Failure, InvitationEnd, PeerId, Status, quoted};
use crate::protocol::{InvitationView, OwnPart, View};
use crate::wire::{Identity, InvitationMemory, InvitationPart, Signed, Ticket, ticket_text};

/// One invitation, and the computation that it has become, without its tickets.
pub(super) fn invitation(
    view: &InvitationView<'_>,
    became: Option<&View<'_>>,
    own: PeerId,
    source: Source,
    directory: &Directory,
) -> Shown {
    let (memory, asked) = (view.memory, &view.memory.invitation);
    let terms = asked.draft(view.id);
    let common = render::common(view.id, &terms);
    let failure = became.and_then(|view| view.failure);
    let ended = memory.ended.as_ref().map(|end| of_parties(&end.to_string()));
    Shown {
        id: common.id,
        state: state(view, became).to_owned(),
        part: part(memory).to_owned(),
        inviter: common.proposer,
        prompt: common.prompt,
        statistic: common.statistic,
        fields: common.fields,
        values: common.values,
        max_records: asked.query.max_records,
        sharing: asked.sharing.to_string(),
        threshold: render::threshold(asked.sharing),
        proven: asked.sharing.is_proven(),
        private_against: terms.private_against(),
        survives: terms.survives(),
        noise: asked.noise.and_then(render::noise),
        parties: asked.parties,
        quorum: asked.quorum,
        joined: u32::try_from(memory.roster.len()).unwrap_or(u32::MAX),
        roster: memory.roster.iter().map(|party| party_of(party.get(), memory, own)).collect(),
        expires: asked.expires.to_string(),
        deadline: match (became, asked.answer_within_ms) {
            (Some(view), _) => Some(view.computation.deadline.to_string()),
            (None, None) => Some(asked.expires.to_string()),
            (None, Some(_)) => None,
        },
        answer: answer(view.answers, became, source).to_owned(),
        tickets: Vec::new(),
        reason: ended.or_else(|| failure.map(|failure| of_parties(&failure.to_string()))),
        note: note(memory, directory),
        revision: view.revision + became.map_or(0, |view| view.revision),
    }
}

fn state(view: &InvitationView<'_>, became: Option<&View<'_>>) -> &'static str {
    match (&view.memory.ended, became) {
        (Some(InvitationEnd::Expired { .. }), _) => "expired",
        (Some(InvitationEnd::Revoked), _) => "revoked",
        (Some(InvitationEnd::Left), _) => "left",
        (Some(InvitationEnd::NotAdmitted(_)), _) => "refused",
        (Some(InvitationEnd::Failed(_)), _) => "failed",
        (None, Some(view)) => match (view.status, view.failure) {
            (Status::Pending | Status::Processing, _) => "running",
            (Status::Completed, _) => "completed",
            (Status::Failed, Some(Failure::Withdrawn)) => "revoked",
            (Status::Failed, _) => "failed",
        },
        (None, None) if view.asks.is_some() => "asks",
        (None, None) => "open",
    }
}

const fn part(memory: &InvitationMemory) -> &'static str {
    match (&memory.seat, &memory.own, &memory.ended) {
        (InvitationPart::Inviter { .. }, _, _) => "inviter",
        (InvitationPart::Invited { .. }, Some(_), _)
        | (InvitationPart::Invited { .. }, None, Some(InvitationEnd::Left)) => "invited",
        (InvitationPart::Invited { .. }, None, _) => "looking",
    }
}

fn party_of(party: &crate::wire::Joining, memory: &InvitationMemory, own: PeerId) -> PartyView {
    let peer = party.party;
    PartyView {
        uid: peer.uid().to_string(),
        peer_id: peer.to_string(),
        name: party.name.clone(),
        you: peer == own,
        inviter: peer == memory.invitation.inviter,
        agreed: match &memory.seat {
            InvitationPart::Inviter { .. } => true,
            InvitationPart::Invited { consent, .. } => peer == own || agreed_to(consent, &peer),
        },
    }
}

fn agreed_to(consent: &Consent, peer: &PeerId) -> bool {
    match consent {
        Consent::Look => false,
        Consent::Anybody => true,
        Consent::Only(agreed) => agreed.contains(peer),
    }
}

/// Where this node's own value comes from.
fn answer(given: bool, became: Option<&View<'_>>, source: Source) -> &'static str {
    let own = became.map(|view| &view.own);
    match (own, given, source) {
        (Some(OwnPart::Answered), _, _) | (_, true, _) => "given",
        (Some(OwnPart::Waiting(doubt)), false, Source::Has) if doubt.rule() != Rule::Source => "waiting",
        (Some(OwnPart::Waiting(_) | OwnPart::Declined(_)), false, _)
        | (Some(OwnPart::None) | None, false, Source::Lacks) => "missing",
        (Some(OwnPart::None) | None, false, Source::Has) => "source",
    }
}

fn note(memory: &InvitationMemory, directory: &Directory) -> Option<String> {
    let inviter = memory.invitation.inviter;
    let open = memory.ended.is_none() && memory.computation.is_none();
    let waits = match &memory.seat {
        InvitationPart::Inviter { .. } => false,
        InvitationPart::Invited { .. } => open && !directory.is_connected(&inviter),
    };
    waits.then(|| {
        let (uid, expires) = (inviter.uid(), memory.invitation.expires);
        format!("the inviter {uid} is not connected; this node keeps trying until {expires}")
    })
}

/// The tickets of an open invitation of this node's.
pub(super) fn tickets(memory: &InvitationMemory, identity: &Identity, addresses: &[String]) -> Vec<TicketView> {
    let open = memory.ended.is_none() && memory.computation.is_none();
    let InvitationPart::Inviter { seats } = &memory.seat else { return Vec::new() };
    let shown = seats.iter().filter(|_| open).map(|seat| TicketView {
        ticket: seat.holder.is_none().then(|| {
            let ticket = Ticket {
                invitation: memory.invitation.clone(),
                addresses: addresses.to_vec(),
                secret: seat.secret.clone(),
            };
            PrivateText(ticket_text(&Signed::sign(ticket, identity)))
        }),
        holder: seat.holder.map(|holder| holder.uid().to_string()),
        joined: seat.joined.is_some(),
    });
    shown.collect()
}

/// An invitation that is no computation yet, in the form of one.
pub(super) fn as_computation(
    view: &InvitationView<'_>,
    shown: Shown,
    directory: &Directory,
) -> ComputationView {
    let (memory, asked) = (view.memory, &view.memory.invitation);
    let ended = memory.ended.is_some();
    let answers_due = asked.expires + Duration::from_millis(asked.answer_within_ms.unwrap_or(0));
    let joined: Vec<_> = shown.roster.iter().map(|party| party.uid.clone()).collect();
    let away = memory.roster.iter().zip(&shown.roster);
    let away = away.filter(|(party, shown)| !shown.you && !directory.is_connected(&party.signer()));
    let waiting = !ended && memory.own.is_some() && shown.answer == "missing";
    ComputationView {
        id: shown.id.clone(),
        status: if ended { Status::Failed } else { Status::Pending },
        proposer: shown.inviter.clone(),
        prompt: shown.prompt.clone(),
        statistic: shown.statistic.clone(),
        field: shown.fields.first().cloned().unwrap_or_default(),
        fields: shown.fields.clone(),
        values: shown.values.clone(),
        max_records: shown.max_records,
        deadline: answers_due.to_string(),
        gives_up_at: (answers_due + Duration::from_millis(asked.patience_ms) + NO_CONTACT_MARGIN).to_string(),
        min_participants: shown.quorum,
        sharing: shown.sharing.clone(),
        threshold: shown.threshold,
        proven: shown.proven,
        private_against: shown.private_against,
        survives: shown.survives,
        noise: shown.noise.clone(),
        heavy_nodes: joined,
        participants: 0,
        samples: 0,
        result: None,
        reason: shown.reason.clone(),
        signed_by: Vec::new(),
        unverified: None,
        checked: None,
        liars: Vec::new(),
        members: None,
        similar: Vec::new(),
        left_out: None,
        own_answer: if waiting { "waiting" } else { "none" }.to_owned(),
        expected: usize::try_from(asked.parties).unwrap_or(usize::MAX),
        standings: BTreeMap::new(),
        unreachable: if ended { Vec::new() } else { away.map(|(_, shown)| shown.uid.clone()).collect() },
        revision: shown.revision,
        pruned: false,
        by_invitation: true,
        invitation: Some(Box::new(shown)),
    }
}

/// What its owner is asked about an invitation that is no computation yet: who is in it first, then the value.
pub(super) fn pending(view: &InvitationView<'_>, shown: &Shown) -> Option<PendingView> {
    let id = view.id;
    let (rule, reason, command) = if view.asks.is_some() {
        ("roster", roster_asks(shown), format!("formix-p2p approve {id}"))
    } else if view.memory.ended.is_none() && view.memory.own.is_some() && shown.answer == "missing" {
        let reason = "this node has no source for the field".to_owned();
        ("source", reason, format!("formix-p2p answer {id} VALUE"))
    } else {
        return None;
    };
    // Of one's own it is a withdrawal; whoever has signed who is in it can leave no more.
    let decline = match (part(view.memory), view.memory.computation) {
        ("inviter", _) => Some(format!("formix-p2p revoke {id}")),
        (_, None) => Some(format!("formix-p2p decline {id}")),
        (_, Some(_)) => None,
    };
    Some(PendingView {
        id: shown.id.clone(),
        proposer: shown.inviter.clone(),
        prompt: shown.prompt.clone(),
        statistic: shown.statistic.clone(),
        field: shown.fields.first().cloned().unwrap_or_default(),
        fields: shown.fields.clone(),
        values: shown.values.clone(),
        max_records: shown.max_records,
        deadline: shown.deadline.clone().unwrap_or_else(|| shown.expires.clone()),
        min_participants: shown.quorum,
        heavy_nodes: shown.roster.iter().map(|party| party.uid.clone()).collect(),
        rule: rule.to_owned(),
        reason,
        command,
        decline,
        parties: Some(shown.parties),
    })
}

/// "everybody is there, and this node's owner has not agreed to BBBBBBBB (calls itself `bob`)".
fn roster_asks(shown: &Shown) -> String {
    let named = |party: &PartyView| format!("{} (calls itself {})", party.uid, quoted(&party.name));
    let strangers: Vec<_> =
        shown.roster.iter().filter(|party| !party.you && !party.agreed).map(named).collect();
    format!("everybody is there, and its owner has not agreed to {}", strangers.join(", "))
}
