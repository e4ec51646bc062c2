//! Invitations: named parties who are their own heavy nodes.

mod admission;
mod course;
mod evidence;

use std::time::Duration;

use formix_p2p::domain::{
    ComputationId, Consent, Invitation, InvitationEnd, Modulus, Query, Sharing, Statistic, Status, VERSION,
};
use formix_p2p::protocol::{Command, Event, verify_certificate};
use formix_p2p::statistics::{Reading, encode_one};
use formix_p2p::wire::{InvitationPart, Signed, Ticket, to_bytes};

use super::net::{Net, identity, peer};

/// Alice has a heavy node, Bob and Charlie light ones, and the fourth is a stranger.
const ALICE: usize = 0;
const BOB: usize = 1;
const CHARLIE: usize = 2;
const STRANGER: usize = 3;

pub(super) fn net() -> Net {
    let mut net = Net::with_heavy(1, &[0, 0, 0], &Net::open());
    net.values.clear();
    net
}

pub(super) fn invitation(net: &Net, sharing: Sharing, parties: u32, quorum: u32) -> Invitation {
    let schema = sharing.is_proven().then_some(r#"{"type":"number","minimum":-10,"maximum":100}"#);
    Invitation {
        version: VERSION,
        nonce: [3; 16],
        inviter: peer(ALICE),
        created_at: net.now,
        prompt: "How many?".to_owned(),
        query: Query::parse(Statistic::Sum, &["n".to_owned()], schema).unwrap(),
        sharing,
        parties,
        quorum,
        expires: net.now + Duration::from_secs(60),
        answer_within_ms: None,
        patience_ms: 10_000,
        grace_ms: 1_000,
        noise: None,
    }
}

const PLAIN: Sharing = Sharing::Additive { modulus: Modulus::Bits64 };

pub(super) fn reading(invitation: &Invitation, value: i32) -> Reading {
    encode_one(&invitation.draft(invitation.id()), &[&value.to_string()]).unwrap()
}

/// Alice invites; the tickets, one for each other seat.
pub(super) fn invite(net: &mut Net, invitation: &Invitation, value: Option<i32>) -> Vec<Signed<Ticket>> {
    invitation.check_terms().unwrap();
    let command = Command::Invite {
        invitation: Box::new(invitation.clone()),
        name: "alice".to_owned(),
        addresses: vec!["/ip4/10.0.0.1/tcp/8000".to_owned()],
        input: value.map(|value| reading(invitation, value)),
    };
    say(net, ALICE, command);
    let view = net.nodes[&peer(ALICE)].invitation(invitation.id()).unwrap();
    let InvitationPart::Inviter { seats } = &view.memory.seat else { panic!("Alice invites") };
    let ticket = |secret: &formix_p2p::sharing::Secret<[u8; 16]>| Ticket {
        invitation: invitation.clone(),
        addresses: vec!["/ip4/10.0.0.1/tcp/8000".to_owned()],
        secret: secret.clone(),
    };
    seats.iter().map(|seat| Signed::sign(ticket(&seat.secret), &identity(ALICE))).collect()
}

pub(super) fn join(net: &mut Net, who: usize, ticket: &Signed<Ticket>, consent: Consent, value: Option<i32>) {
    let command = Command::Join {
        ticket: Box::new(ticket.clone()),
        name: format!("party {who}"),
        addresses: vec![format!("/ip4/10.0.0.{who}/tcp/8000")],
        consent,
        input: value.map(|value| reading(&ticket.get().invitation, value)),
    };
    say(net, who, command);
}

pub(super) fn say(net: &mut Net, who: usize, command: Command) {
    net.queue.push_back((peer(who), Event::Command(command)));
    net.settle();
}

/// The computation as one party sees it.
pub(super) fn computation(net: &Net, who: usize, invitation: ComputationId) -> ComputationId {
    net.nodes[&peer(who)].invitation(invitation).unwrap().memory.computation.unwrap()
}

pub(super) fn everybody_reads(net: &Net, invitation: ComputationId, parties: &[usize], sum: &str) {
    for party in parties {
        let view = net.nodes[&peer(*party)].view(computation(net, *party, invitation)).unwrap();
        assert_eq!((view.status, view.failure), (Status::Completed, None), "party {party}");
        let answer = view.answer.clone().unwrap();
        assert_eq!(answer.total(), sum.parse().unwrap());
        assert_eq!(view.id.to_string(), invitation.to_string(), "people see one name");
        let verified = verify_certificate(&to_bytes(view.certificate.unwrap())).unwrap();
        assert_eq!(verified.id, view.id);
    }
}

pub(super) fn end(net: &Net, who: usize, invitation: ComputationId) -> Option<InvitationEnd> {
    net.nodes[&peer(who)].invitation(invitation).unwrap().memory.ended.clone()
}
