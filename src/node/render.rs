//! What the protocol and the directory know, as the local API shows it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::directory::{Directory, Known, Liveness};
use crate::consent::Doubt;
use crate::control::{
    Announced, ComputationView, NodeView, NoiseView, PendingView, SimilarView, View as NetworkView, of_parties,
};
use crate::domain::limits::NO_CONTACT_MARGIN;
use crate::domain::{
    Computation, ComputationId, Field, Noise, PeerId, Role, Sharing, Standing, Statistic, Status, Timestamp,
};
use crate::protocol::{OwnPart, View};
use crate::wire::{Activity, Decider, LedgerEntry, Presence, Signed, Similar};

/// The network: everybody that was heard of, and this node.
pub(super) fn network(own: &Presence, directory: &Directory, now: Timestamp) -> NetworkView {
    let liveness = match own.activity {
        Activity::Active => Liveness::Active,
        Activity::Processing => Liveness::Processing,
        Activity::Stopping => Liveness::Stopping,
    };
    let this = Known { presence: own, liveness, connected: false, rtt: None, heard_at: now };
    let mut all: Vec<_> = directory.known(now).chain([this]).collect();
    all.sort_by_key(|known| (known.presence.created_at, known.presence.peer));
    let active =
        |role| all.iter().filter(|known| known.presence.role == role && known.liveness.is_active()).count();
    NetworkView {
        heavy: active(Role::Heavy),
        light: active(Role::Light),
        nodes: all.iter().map(node).collect(),
    }
}

/// How many light nodes are active, this one included.
pub(super) fn active_light_nodes(own_role: Role, directory: &Directory, now: Timestamp) -> usize {
    let others = directory
        .known(now)
        .filter(|known| known.presence.role == Role::Light && known.liveness.is_active())
        .count();
    others + usize::from(own_role == Role::Light)
}

fn node(known: &Known<'_>) -> NodeView {
    let Presence { peer, role, name, addresses, created_at, .. } = known.presence;
    NodeView {
        uid: peer.uid().to_string(),
        peer_id: peer.to_string(),
        role: *role,
        name: name.clone(),
        addresses: addresses.iter().map(|address| full_address(address, *peer)).collect(),
        port: addresses.iter().find_map(|address| port(address)),
        status: known.liveness.to_string(),
        rtt_ms: known.rtt.map(|rtt| (rtt.as_secs_f64() * 1e6).round() / 1e3),
        created_at: created_at.to_string(),
        last_seen: known.heard_at.to_string(),
    }
}

/// One computation. `light_nodes` are the active ones, for the number of answers to expect.
pub(super) fn computation(
    view: &View<'_>,
    own: PeerId,
    directory: &Directory,
    light_nodes: usize,
) -> ComputationView {
    let question = view.computation;
    let Common { id, proposer, prompt, statistic, fields, values, field, deadline, heavy_nodes } =
        common(view.id, question);
    let mut standings = BTreeMap::new();
    for standing in view.standings.values() {
        *standings.entry(standing.to_string()).or_default() += 1;
    }
    let unanswered = match &view.own {
        OwnPart::Declined(standing) => Some(declined(*standing, view.ledger)),
        OwnPart::Waiting(doubt) if view.status == Status::Pending => {
            Some(format!("this node waits for its owner: {doubt}"))
        }
        OwnPart::None | OwnPart::Waiting(_) | OwnPart::Answered => None,
    };
    let unreachable = question.heavy.iter().filter(|heavy| **heavy != own && !directory.is_connected(heavy));
    // What a certificate of no total shows is its signers.
    let voters =
        || view.certificate.map(|it| it.votes.iter().map(Signed::signer).collect()).unwrap_or_default();
    let signed_by = view.assurance.map_or_else(voters, |assurance| assurance.signed_by.clone());
    ComputationView {
        id,
        status: view.status,
        proposer,
        prompt,
        statistic,
        field,
        fields,
        values,
        max_records: question.query.max_records,
        deadline,
        gives_up_at: gives_up_at(question).to_string(),
        min_participants: question.min_participants,
        sharing: question.sharing.to_string(),
        threshold: threshold(question.sharing),
        proven: question.sharing.is_proven(),
        private_against: question.private_against(),
        survives: question.survives(),
        noise: question.noise.and_then(noise),
        heavy_nodes,
        participants: view.participants,
        samples: view.answer.as_ref().map_or(0, crate::statistics::Answer::samples),
        result: view.answer.as_ref().map(crate::statistics::Answer::to_json),
        reason: view.failure.map(ToString::to_string).or(unanswered),
        signed_by: uids(&signed_by),
        // Every vote of a certificate is for the same set.
        unverified: view.certificate.and_then(|it| it.votes.first()).map(|vote| vote.get().unverified),
        checked: view.assurance.and_then(|assurance| assurance.checked),
        liars: uids(view.assurance.map_or(&[], |assurance| &assurance.liars)),
        members: view.members.map(|list| uids(&list.members())),
        similar: view.similar.iter().map(similar).collect(),
        left_out: None,
        own_answer: own_answer(&view.own, view.status).to_owned(),
        expected: question.participants.as_ref().map_or(light_nodes, Vec::len),
        standings,
        unreachable: match view.status {
            Status::Pending | Status::Processing => unreachable.map(|heavy| heavy.uid().to_string()).collect(),
            // After the end nobody needs them.
            Status::Completed | Status::Failed => Vec::new(),
        },
        pruned: false,
        by_invitation: question.is_by_invitation(),
        // What it was before is not in this view.
        invitation: None,
        revision: view.revision,
    }
}

pub(super) fn similar(similar: &Similar) -> SimilarView {
    SimilarView { id: similar.other.to_string(), difference: similar.difference }
}

fn uids(peers: &[PeerId]) -> Vec<String> {
    peers.iter().map(|peer| peer.uid().to_string()).collect()
}

/// k of a threshold scheme.
pub(super) const fn threshold(sharing: Sharing) -> Option<u8> {
    match sharing {
        Sharing::Additive { .. } | Sharing::Prio3 => None,
        Sharing::Threshold { k } => Some(k),
    }
}

/// The noise that was asked for. Every decimal number is a JSON number.
pub(super) fn noise(noise: Noise) -> Option<NoiseView> {
    let epsilon = noise.epsilon.to_string().parse().ok()?;
    Some(NoiseView { mechanism: Noise::MECHANISM.to_owned(), epsilon })
}

/// When a node that hears of no end gives up.
fn gives_up_at(question: &Computation) -> Timestamp {
    question.deadline + Duration::from_millis(question.patience_ms) + NO_CONTACT_MARGIN
}

/// A question that waits for the owner; `None` when it does not, or no longer.
pub(super) fn pending(view: &View<'_>) -> Option<PendingView> {
    let (OwnPart::Waiting(doubt), Status::Pending) = (&view.own, view.status) else { return None };
    let Common { id, proposer, prompt, statistic, fields, values, field, deadline, heavy_nodes } =
        common(view.id, view.computation);
    let asked = view.computation;
    let among = asked.is_by_invitation();
    let reason = doubt.to_string();
    Some(PendingView {
        command: command(view.id, doubt),
        decline: Some(format!("formix-p2p decline {id}")),
        parties: among.then_some(asked.max_participants),
        id,
        proposer,
        prompt,
        statistic,
        field,
        fields,
        values,
        max_records: asked.query.max_records,
        deadline,
        min_participants: asked.min_participants,
        heavy_nodes,
        rule: doubt.rule().to_string(),
        reason: if among { of_parties(&reason) } else { reason },
    })
}

/// Why this node does not answer, for its owner.
fn declined(standing: Standing, ledger: Option<&LedgerEntry>) -> String {
    let unattended = ledger.filter(|entry| entry.decider == Decider::Policy);
    match unattended.and_then(|entry| entry.reason.as_ref()) {
        Some(reason) => format!("this node {standing}: {}", reason.words),
        None => format!("this node {standing}"),
    }
}

/// What the owner types to answer.
pub(super) fn command(id: ComputationId, doubt: &Doubt) -> String {
    match doubt {
        Doubt::NoSource | Doubt::SourceUnreadable | Doubt::SourceUnfit => answer_command(id),
        Doubt::FieldDenied { .. }
        | Doubt::FieldAsks { .. }
        | Doubt::OtherProposer { .. }
        | Doubt::OtherStatistic { .. }
        | Doubt::MinimumTooLow { .. }
        | Doubt::NoTrustedHeavy { .. }
        | Doubt::AskedTooOften { .. }
        | Doubt::NoNoise
        | Doubt::BudgetSpent { .. }
        | Doubt::SimilarSet { .. }
        | Doubt::TooFewRecords { .. }
        | Doubt::SmallCell { .. } => format!("formix-p2p approve {id}"),
    }
}

/// What the owner types where no source does.
pub(super) fn answer_command(id: ComputationId) -> String {
    format!("formix-p2p answer {id} VALUE")
}

/// A question that runs.
pub(super) fn announced(id: ComputationId, question: &Computation) -> Announced {
    let Common { id, deadline, heavy_nodes, .. } = common(id, question);
    Announced {
        id,
        heavy_nodes,
        sharing: question.sharing.to_string(),
        threshold: threshold(question.sharing),
        proven: question.sharing.is_proven(),
        private_against: question.private_against(),
        survives: question.survives(),
        noise: question.noise.and_then(noise),
        deadline,
    }
}

/// An address with `/p2p/…`, ready to paste after `--bootstrap`.
pub(super) fn full_address(address: &str, peer: PeerId) -> String {
    if address.contains("/p2p/") { address.to_owned() } else { format!("{address}/p2p/{peer}") }
}

/// The TCP or UDP port of a multiaddress.
pub(super) fn port(address: &str) -> Option<u16> {
    let mut parts = address.split('/').skip_while(|part| !matches!(*part, "tcp" | "udp"));
    parts.nth(1)?.parse().ok()
}

/// What every view of a question has.
pub(super) struct Common {
    pub(super) id: String,
    pub(super) proposer: String,
    pub(super) prompt: String,
    pub(super) statistic: String,
    field: String,
    pub(super) fields: Vec<String>,
    pub(super) values: Vec<String>,
    deadline: String,
    heavy_nodes: Vec<String>,
}

pub(super) fn common(id: ComputationId, question: &Computation) -> Common {
    let fields: Vec<_> = question.query.fields.iter().map(|field| field.name.clone()).collect();
    Common {
        id: id.to_string(),
        proposer: question.proposer.uid().to_string(),
        prompt: question.prompt.clone(),
        statistic: question.query.statistic.to_string(),
        field: fields.first().cloned().unwrap_or_default(),
        fields,
        values: question.query.fields.iter().map(|field| words(question, field)).collect(),
        deadline: question.deadline.to_string(),
        heavy_nodes: uids(&question.heavy),
    }
}

/// What a field's values look like. A count asks for none.
fn words(question: &Computation, field: &Field) -> String {
    if question.query.statistic == Statistic::Count { "any value".to_owned() } else { field.schema.to_string() }
}

/// Nobody is waited for after the end.
const fn own_answer(own: &OwnPart, status: Status) -> &'static str {
    match (own, status) {
        (OwnPart::Waiting(_), Status::Pending | Status::Processing) => "waiting",
        (OwnPart::None, _) | (OwnPart::Waiting(_), Status::Completed | Status::Failed) => "none",
        (OwnPart::Answered, _) => "answered",
        (OwnPart::Declined(_), _) => "declined",
    }
}

#[cfg(test)]
#[path = "render_tests.rs"]
pub(super) mod tests;
