//! Invitations: named parties who are their own heavy nodes.

use std::time::Duration;

use formix_p2p::consent::{FieldRule, FieldRules, Policy, Rules};
use formix_p2p::domain::{
    ComputationId, Consent, Failure, Invitation, InvitationEnd, Modulus, Query, Refusal, Sharing, Statistic,
    Status, TicketRefusal, VERSION,
};
use formix_p2p::protocol::{Command, Event, Notice, OwnPart, verify_certificate};
use formix_p2p::statistics::{Reading, encode_one};
use formix_p2p::wire::{InvitationPart, Joining, Message, RecordKind, Signed, Ticket, to_bytes};

use super::net::{Net, identity, peer};

/// Alice has a heavy node, Bob and Charlie light ones, and the fourth is a stranger.
const ALICE: usize = 0;
const BOB: usize = 1;
const CHARLIE: usize = 2;
const STRANGER: usize = 3;

fn net() -> Net {
    let mut net = Net::with_heavy(1, &[0, 0, 0], &Net::open());
    net.values.clear();
    net
}

fn invitation(net: &Net, sharing: Sharing, parties: u32, quorum: u32) -> Invitation {
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

fn reading(invitation: &Invitation, value: i32) -> Reading {
    encode_one(&invitation.draft(invitation.id()), &[&value.to_string()]).unwrap()
}

/// Alice invites; the tickets, one for each other seat.
fn invite(net: &mut Net, invitation: &Invitation, value: Option<i32>) -> Vec<Signed<Ticket>> {
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

fn join(net: &mut Net, who: usize, ticket: &Signed<Ticket>, consent: Consent, value: Option<i32>) {
    let command = Command::Join {
        ticket: Box::new(ticket.clone()),
        name: format!("party {who}"),
        addresses: vec![format!("/ip4/10.0.0.{who}/tcp/8000")],
        consent,
        input: value.map(|value| reading(&ticket.get().invitation, value)),
    };
    say(net, who, command);
}

fn say(net: &mut Net, who: usize, command: Command) {
    net.queue.push_back((peer(who), Event::Command(command)));
    net.settle();
}

/// The computation as one party sees it.
fn computation(net: &Net, who: usize, invitation: ComputationId) -> ComputationId {
    net.nodes[&peer(who)].invitation(invitation).unwrap().memory.computation.unwrap()
}

fn everybody_reads(net: &Net, invitation: ComputationId, parties: &[usize], sum: &str) {
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

fn end(net: &Net, who: usize, invitation: ComputationId) -> Option<InvitationEnd> {
    net.nodes[&peer(who)].invitation(invitation).unwrap().memory.ended.clone()
}

#[test]
fn three_parties_read_their_sum_as_soon_as_all_have_put_in_and_nobody_else_hears_of_it() {
    for sharing in [PLAIN, Sharing::Prio3, Sharing::Threshold { k: 2 }, Sharing::Threshold { k: 3 }] {
        let mut net = net();
        let quorum = if let Sharing::Threshold { k } = sharing { k.into() } else { 3 };
        let asked = invitation(&net, sharing, 3, quorum);
        let tickets = invite(&mut net, &asked, Some(10));
        join(&mut net, BOB, &tickets[0], Consent::Anybody, Some(7));
        join(&mut net, CHARLIE, &tickets[1], Consent::Anybody, Some(14));
        net.run_for(Duration::from_millis(10));
        everybody_reads(&net, asked.id(), &[ALICE, BOB, CHARLIE], "31");
        net.run_for(Duration::from_secs(90));
        assert!(net.nodes[&peer(STRANGER)].views().is_empty(), "{sharing:?}");
        let secret = [RecordKind::Held, RecordKind::Report, RecordKind::Accepted, RecordKind::Voted];
        for store in net.stores.values() {
            assert!(store.keys().all(|key| !secret.contains(&key.kind)));
        }
    }
}

#[test]
fn values_may_come_later_and_from_a_source() {
    let mut net = net();
    let asked = invitation(&net, PLAIN, 3, 3);
    let tickets = invite(&mut net, &asked, None);
    let id = asked.id();
    net.values.insert(peer(CHARLIE), 14);
    join(&mut net, BOB, &tickets[0], Consent::Anybody, None);
    // Before everybody is there …
    say(&mut net, BOB, Command::Answer(id, reading(&asked, 6)));
    say(&mut net, BOB, Command::Answer(id, reading(&asked, 7)));
    join(&mut net, CHARLIE, &tickets[1], Consent::Anybody, None);
    let running = computation(&net, ALICE, id);
    let alice = net.nodes[&peer(ALICE)].view(running).unwrap();
    assert!(matches!(alice.own, OwnPart::Waiting(_)));
    // … and afterwards.
    say(&mut net, ALICE, Command::Answer(running, reading(&asked, 10)));
    everybody_reads(&net, id, &[ALICE, BOB, CHARLIE], "31");
}

#[test]
fn a_ticket_admits_one_node_until_it_expires_or_is_revoked() {
    let mut net = net();
    let asked = invitation(&net, PLAIN, 3, 3);
    let id = asked.id();
    let tickets = invite(&mut net, &asked, Some(10));
    let refused = |net: &Net, who: usize| match end(net, who, id) {
        Some(InvitationEnd::NotAdmitted(refusal)) => refusal,
        other => panic!("{other:?}"),
    };
    join(&mut net, BOB, &tickets[0], Consent::Look, None);
    join(&mut net, STRANGER, &tickets[0], Consent::Anybody, Some(1));
    assert_eq!(refused(&net, STRANGER), TicketRefusal::Used);
    let seen = net.told.iter().any(|(who, notice)| {
        let refusal = TicketRefusal::Used;
        *who == peer(ALICE)
            && *notice == Notice::TicketRefused { invitation: id, peer: peer(STRANGER), refusal }
    });
    assert!(seen, "the inviter hears of it, too");
    let forged = Ticket { secret: formix_p2p::sharing::Secret::new([0; 16]), ..tickets[1].get().clone() };
    join(&mut net, STRANGER, &Signed::sign(forged, &identity(ALICE)), Consent::Anybody, Some(1));
    assert_eq!(refused(&net, STRANGER), TicketRefusal::WrongSecret);
    // Looking has bound the ticket, and agreed to nothing.
    assert_eq!(net.nodes[&peer(ALICE)].invitation(id).unwrap().memory.roster.len(), 1);
    let other_seat = Message::Join { invitation: id, secret: tickets[1].get().secret.clone(), joining: None };
    net.queue.push_back((peer(ALICE), Event::Message { from: peer(BOB), message: other_seat }));
    net.settle();
    let end_of_bob = InvitationEnd::NotAdmitted(TicketRefusal::AlreadySeated);
    assert!(net.told.contains(&(peer(BOB), Notice::InvitationEnded { invitation: id, end: end_of_bob })));
    say(&mut net, ALICE, Command::Revoke(id));
    join(&mut net, CHARLIE, &tickets[1], Consent::Anybody, Some(1));
    assert_eq!(end(&net, CHARLIE, id), Some(InvitationEnd::Revoked));

    let asked = Invitation { nonce: [4; 16], ..asked };
    let tickets = invite(&mut net, &asked, Some(10));
    join(&mut net, BOB, &tickets[0], Consent::Anybody, Some(1));
    net.run_for(Duration::from_secs(61));
    for party in [ALICE, BOB] {
        assert_eq!(end(&net, party, asked.id()), Some(InvitationEnd::Expired { joined: 2, parties: 3 }));
    }
    join(&mut net, CHARLIE, &tickets[1], Consent::Anybody, Some(1));
    assert_eq!(end(&net, CHARLIE, asked.id()), Some(InvitationEnd::NotAdmitted(TicketRefusal::Expired)),);
}

#[test]
fn an_owner_is_asked_about_parties_that_it_did_not_agree_to() {
    for approves in [true, false] {
        let mut net = net();
        let asked = invitation(&net, PLAIN, 3, 3);
        let id = asked.id();
        let tickets = invite(&mut net, &asked, Some(10));
        join(&mut net, BOB, &tickets[0], Consent::Only(vec![peer(ALICE)]), Some(7));
        join(&mut net, CHARLIE, &tickets[1], Consent::Anybody, Some(14));
        net.run_for(Duration::from_secs(10));
        let bob = net.nodes[&peer(BOB)].invitation(id).unwrap();
        assert_eq!(bob.asks.unwrap(), [peer(ALICE), peer(BOB), peer(CHARLIE)]);
        assert_eq!(net.told.iter().filter(|(_, it)| matches!(it, Notice::RosterAsks { .. })).count(), 1);
        assert!(net.opened.is_empty());
        if approves {
            say(&mut net, BOB, Command::Approve(id));
            everybody_reads(&net, id, &[ALICE, BOB, CHARLIE], "31");
        } else {
            say(&mut net, BOB, Command::Decline(id));
            let running = computation(&net, ALICE, id);
            let failure = net.nodes[&peer(ALICE)].view(running).unwrap().failure.cloned();
            assert_eq!(failure, Some(Failure::Refused { heavy: peer(BOB), refusal: Refusal::Declined }));
            let charlie = net.nodes[&peer(CHARLIE)].view(computation(&net, CHARLIE, id)).unwrap();
            assert_eq!(charlie.status, Status::Failed);
            assert!(net.opened.is_empty());
        }
    }
}

#[test]
fn who_says_no_to_the_question_itself_ends_it_for_everybody_at_once() {
    let mut net = net();
    let asked = invitation(&net, PLAIN, 3, 3);
    let tickets = invite(&mut net, &asked, Some(10));
    join(&mut net, BOB, &tickets[0], Consent::Anybody, Some(7));
    join(&mut net, CHARLIE, &tickets[1], Consent::Anybody, None);
    let id = computation(&net, CHARLIE, asked.id());
    say(&mut net, CHARLIE, Command::Decline(id));
    for party in [ALICE, BOB, CHARLIE] {
        let failure = net.nodes[&peer(party)].view(id).unwrap().failure.cloned();
        assert_eq!(
            failure,
            Some(Failure::Refused { heavy: peer(CHARLIE), refusal: Refusal::Declined }),
            "{party}"
        );
    }
}

#[test]
fn a_quorum_answers_without_who_stays_away() {
    let mut net = net();
    let asked =
        Invitation { answer_within_ms: Some(3_000), ..invitation(&net, Sharing::Threshold { k: 2 }, 3, 2) };
    let tickets = invite(&mut net, &asked, Some(10));
    join(&mut net, BOB, &tickets[0], Consent::Anybody, Some(7));
    join(&mut net, CHARLIE, &tickets[1], Consent::Anybody, None);
    net.down.push(peer(CHARLIE));
    net.run_for(Duration::from_secs(2));
    assert!(net.opened.is_empty(), "answers are due later");
    net.run_for(Duration::from_secs(8));
    everybody_reads(&net, asked.id(), &[ALICE, BOB], "17");
}

#[test]
fn who_is_gone_before_it_accepts_is_named_alone() {
    for sharing in [PLAIN, Sharing::Threshold { k: 2 }] {
        let mut net = net();
        let quorum = if sharing == PLAIN { 3 } else { 2 };
        let asked = invitation(&net, sharing, 3, quorum);
        let tickets = invite(&mut net, &asked, Some(10));
        join(&mut net, BOB, &tickets[0], Consent::Anybody, Some(7));
        net.down.push(peer(BOB));
        join(&mut net, CHARLIE, &tickets[1], Consent::Anybody, Some(14));
        net.run_for(Duration::from_secs(70));
        let running = computation(&net, ALICE, asked.id());
        let failure = net.nodes[&peer(ALICE)].view(running).unwrap().failure.cloned();
        assert_eq!(failure, Some(Failure::Unreachable { heavy: vec![peer(BOB)] }), "{sharing:?}");
        assert!(net.opened.is_empty());
    }
}

#[test]
fn a_party_that_vanishes_without_a_quorum_is_named() {
    let mut net = net();
    let asked = Invitation { answer_within_ms: Some(3_000), ..invitation(&net, PLAIN, 3, 3) };
    let tickets = invite(&mut net, &asked, Some(10));
    join(&mut net, BOB, &tickets[0], Consent::Anybody, Some(7));
    join(&mut net, CHARLIE, &tickets[1], Consent::Anybody, None);
    net.down.push(peer(CHARLIE));
    net.run_for(Duration::from_secs(20));
    let failure = net.nodes[&peer(ALICE)].view(computation(&net, ALICE, asked.id())).unwrap().failure.cloned();
    assert_eq!(failure, Some(Failure::Missing { heavy: vec![peer(CHARLIE)] }));
    assert!(net.opened.is_empty());
}

#[test]
fn each_party_may_stop_after_any_of_its_actions_and_come_back() {
    // With proofs a run takes long: every seventh action.
    for (sharing, step) in [(PLAIN, 1), (Sharing::Prio3, 7), (Sharing::Threshold { k: 3 }, 7)] {
        for party in [ALICE, BOB, CHARLIE] {
            let mut last = 0;
            for marks in (0..400).step_by(step) {
                let mut net = net();
                let asked = invitation(&net, sharing, 3, 3);
                let tickets = invite(&mut net, &asked, Some(10));
                join(&mut net, BOB, &tickets[0], Consent::Anybody, Some(7));
                join(&mut net, CHARLIE, &tickets[1], Consent::Look, None);
                net.vanish.insert(peer(party), marks);
                join(&mut net, CHARLIE, &tickets[1], Consent::Anybody, Some(14));
                net.run_for(Duration::from_secs(1));
                let stopped = net.down.contains(&peer(party));
                net.vanish.clear();
                if stopped {
                    net.restart(party);
                }
                // What a command was cut off, its owner says again.
                join(&mut net, CHARLIE, &tickets[1], Consent::Anybody, Some(14));
                net.run_for(Duration::from_secs(20));
                everybody_reads(&net, asked.id(), &[ALICE, BOB, CHARLIE], "31");
                if !stopped {
                    break;
                }
                last = marks;
            }
            assert!((8..399).contains(&last), "{sharing:?}: {last} actions of {party}");
        }
    }
}

#[test]
fn what_is_forgotten_does_not_come_back() {
    let mut net = net();
    let asked = invitation(&net, PLAIN, 3, 3);
    let tickets = invite(&mut net, &asked, Some(10));
    join(&mut net, BOB, &tickets[0], Consent::Anybody, Some(7));
    join(&mut net, CHARLIE, &tickets[1], Consent::Anybody, Some(14));
    let id = computation(&net, BOB, asked.id());
    let announced = net.nodes[&peer(ALICE)].view(id).unwrap().computation.clone();
    say(&mut net, BOB, Command::Forget(id));
    let left: Vec<_> = net.stores[&peer(BOB)].keys().map(|key| key.kind).collect();
    let marks = [RecordKind::Forgotten; 2];
    assert_eq!(
        left,
        [[RecordKind::Ledger, RecordKind::Compared], marks].concat(),
        "the question and its ticket"
    );
    assert_eq!(net.nodes[&peer(BOB)].ledger()[0].records, None);
    let again = Signed::sign(announced, &identity(ALICE));
    net.queue.push_back((peer(BOB), Event::Message { from: peer(ALICE), message: Message::Propose(again) }));
    net.restart(BOB);
    net.run_for(Duration::from_secs(30));
    assert!(net.nodes[&peer(BOB)].view(id).is_none() && net.nodes[&peer(BOB)].invitations().is_empty());
    join(&mut net, BOB, &tickets[0], Consent::Anybody, Some(8));
    net.run_for(Duration::from_secs(5));
    let bob = &net.nodes[&peer(BOB)];
    assert!(bob.view(id).is_none() && bob.invitations().is_empty() && bob.is_forgotten(asked.id()));
}

#[test]
fn owners_may_take_their_time_and_nodes_may_restart_meanwhile() {
    let mut net = net();
    let asked = Invitation { expires: net.now + Duration::from_secs(600), ..invitation(&net, PLAIN, 3, 3) };
    let id = asked.id();
    let tickets = invite(&mut net, &asked, Some(10));
    join(&mut net, BOB, &tickets[0], Consent::Only(vec![peer(ALICE)]), Some(7));
    join(&mut net, CHARLIE, &tickets[1], Consent::Anybody, Some(14));
    net.run_for(Duration::from_secs(45));
    for party in [ALICE, CHARLIE, BOB] {
        net.down.push(peer(party));
        net.run_for(Duration::from_secs(45));
        net.restart(party);
        net.run_for(Duration::from_secs(10));
    }
    assert!(net.nodes[&peer(BOB)].invitation(id).unwrap().asks.is_some() && net.opened.is_empty());
    say(&mut net, BOB, Command::Approve(id));
    everybody_reads(&net, id, &[ALICE, BOB, CHARLIE], "31");
}

#[test]
fn an_owner_who_is_being_asked_is_not_cut_off_when_tickets_expire() {
    let mut net = net();
    let asked = Invitation { answer_within_ms: Some(120_000), ..invitation(&net, PLAIN, 3, 3) };
    let tickets = invite(&mut net, &asked, Some(10));
    join(&mut net, BOB, &tickets[0], Consent::Only(vec![peer(ALICE)]), Some(7));
    net.run_for(Duration::from_secs(55));
    join(&mut net, CHARLIE, &tickets[1], Consent::Anybody, Some(14));
    net.run_for(Duration::from_secs(20));
    say(&mut net, BOB, Command::Approve(asked.id()));
    everybody_reads(&net, asked.id(), &[ALICE, BOB, CHARLIE], "31");
}

#[test]
fn the_parties_that_an_owner_is_asked_about_are_not_exchanged() {
    let mut net = net();
    let asked = invitation(&net, PLAIN, 3, 3);
    let id = asked.id();
    let tickets = invite(&mut net, &asked, Some(10));
    join(&mut net, BOB, &tickets[0], Consent::Only(vec![peer(ALICE)]), Some(7));
    join(&mut net, CHARLIE, &tickets[1], Consent::Anybody, Some(14));
    // The inviter puts a friend in Charlie's place while Bob is thinking.
    net.down.push(peer(ALICE));
    let joining = |who: usize| {
        let (invitation, name, addresses) = (id, format!("party {who}"), Vec::new());
        Signed::sign(Joining { invitation, party: peer(who), name, addresses }, &identity(who))
    };
    let other = asked.computation(id, [ALICE, BOB, STRANGER].map(peer).to_vec(), [8; 16], net.now);
    let joined = [ALICE, BOB, STRANGER].map(joining).to_vec();
    let other = Signed::sign(other, &identity(ALICE));
    for message in [Message::Roster { invitation: id, joined }, Message::Propose(other.clone())] {
        net.queue.push_back((peer(BOB), Event::Message { from: peer(ALICE), message }));
    }
    net.settle();
    say(&mut net, BOB, Command::Approve(id));
    let bob = net.nodes[&peer(BOB)].invitation(id).unwrap();
    assert_ne!(bob.memory.computation, Some(other.id()), "what was not shown is not agreed to");
    assert!(net.nodes[&peer(BOB)].view(other.id()).is_none());
}

#[test]
fn looking_again_does_not_bring_an_earlier_yes_back() {
    let mut net = net();
    let asked = invitation(&net, PLAIN, 3, 3);
    let id = asked.id();
    let tickets = invite(&mut net, &asked, Some(10));
    join(&mut net, BOB, &tickets[0], Consent::Anybody, Some(7));
    let revoked = Message::NotAdmitted { invitation: id, refusal: TicketRefusal::Revoked };
    net.queue.push_back((peer(BOB), Event::Message { from: peer(ALICE), message: revoked }));
    net.settle();
    assert_eq!(end(&net, BOB, id), Some(InvitationEnd::Revoked));
    join(&mut net, BOB, &tickets[0], Consent::Look, None);
    join(&mut net, CHARLIE, &tickets[1], Consent::Anybody, Some(14));
    net.run_for(Duration::from_secs(20));
    let bob = net.nodes[&peer(BOB)].invitation(id).unwrap();
    assert!(bob.memory.own.is_none() && bob.memory.computation.is_none() && !bob.answers);
    assert!(net.opened.is_empty());
}

#[test]
fn a_result_in_the_name_of_an_invitation_is_taken_from_its_parties_alone() {
    let mut net = net();
    let asked = invitation(&net, PLAIN, 3, 3);
    let tickets = invite(&mut net, &asked, Some(10));
    join(&mut net, BOB, &tickets[0], Consent::Anybody, Some(7));
    join(&mut net, CHARLIE, &tickets[1], Consent::Anybody, Some(14));
    let id = computation(&net, BOB, asked.id());
    let certificate = net.nodes[&peer(BOB)].view(id).unwrap().certificate.unwrap().clone();
    let (from, clock) = (peer(ALICE), net.now);
    let offer = Message::Offer { clock, open: vec![], completed: vec![id], failed: vec![] };
    for message in [offer, Message::Certificate(certificate)] {
        net.queue.push_back((peer(STRANGER), Event::Message { from, message }));
    }
    net.settle();
    assert!(net.nodes[&peer(STRANGER)].view(id).is_none());
}

#[test]
fn a_field_that_is_denied_is_not_read_because_somebody_invites() {
    let said = FieldRules { rule: Some(FieldRule::Deny), ..FieldRules::default() };
    let rules = Rules { fields: [("n".to_owned(), said)].into(), ..Rules::default() };
    let policy = Policy { rules, ..Net::open() };
    let mut net = Net::with_heavy(0, &[10, 7, 14], &policy);
    let asked = invitation(&net, PLAIN, 3, 3);
    let tickets = invite(&mut net, &asked, Some(10));
    join(&mut net, BOB, &tickets[0], Consent::Anybody, Some(7));
    join(&mut net, CHARLIE, &tickets[1], Consent::Anybody, None);
    let id = computation(&net, CHARLIE, asked.id());
    let own = net.nodes[&peer(CHARLIE)].view(id).unwrap().own;
    assert!(matches!(own, OwnPart::Waiting(_)), "{own:?}");
    say(&mut net, CHARLIE, Command::Answer(id, reading(&asked, 14)));
    everybody_reads(&net, asked.id(), &[ALICE, BOB, CHARLIE], "31");
}

#[test]
fn what_a_node_refuses_does_not_bind_it() {
    let mut net = net();
    let asked = invitation(&net, PLAIN, 3, 3);
    let id = asked.id();
    let tickets = invite(&mut net, &asked, Some(10));
    join(&mut net, BOB, &tickets[0], Consent::Anybody, Some(7));
    // Everybody is there, by a clock that is minutes ahead.
    net.down.push(peer(ALICE));
    join(&mut net, CHARLIE, &tickets[1], Consent::Anybody, Some(14));
    let joining = |who: usize| {
        let (invitation, name, addresses) = (id, format!("party {who}"), Vec::new());
        Signed::sign(Joining { invitation, party: peer(who), name, addresses }, &identity(who))
    };
    let joined = [ALICE, BOB, CHARLIE].map(joining).to_vec();
    let parties = [ALICE, BOB, CHARLIE].map(peer).to_vec();
    let ahead = asked.computation(id, parties, [8; 16], net.now + Duration::from_secs(40));
    let proposal = Message::Propose(Signed::sign(ahead, &identity(ALICE)));
    for message in [Message::Roster { invitation: id, joined }, proposal.clone()] {
        net.queue.push_back((peer(BOB), Event::Message { from: peer(ALICE), message }));
    }
    net.settle();
    let bob = net.nodes[&peer(BOB)].invitation(id).unwrap();
    assert!(bob.memory.computation.is_none() && bob.memory.ended.is_none() && bob.answers);
    // It can still leave, and what it had typed goes; the same proposal is refused when the clocks agree.
    say(&mut net, BOB, Command::Decline(id));
    net.now = net.now + Duration::from_secs(20);
    net.queue.push_back((peer(BOB), Event::Message { from: peer(ALICE), message: proposal }));
    net.settle();
    let bob = net.nodes[&peer(BOB)].invitation(id).unwrap();
    assert_eq!(bob.memory.ended, Some(InvitationEnd::Left));
    assert!(bob.memory.computation.is_none() && !bob.answers && net.nodes[&peer(BOB)].views().is_empty());
    assert!(net.stores[&peer(BOB)].keys().all(|key| key.kind != RecordKind::Input));
}
