//! Who may join, with whom, and what its owner has agreed to.

use std::time::Duration;

use formix_p2p::consent::{FieldRule, FieldRules, Policy, Rules};
use formix_p2p::domain::{Consent, Failure, Invitation, InvitationEnd, Refusal, Status, TicketRefusal};
use formix_p2p::protocol::{Command, Event, Notice, OwnPart};
use formix_p2p::wire::{Joining, Message, RecordKind, Signed, Ticket};

use super::{
    ALICE, BOB, CHARLIE, PLAIN, STRANGER, computation, end, everybody_reads, invitation, invite, join, net,
    reading, say,
};
use crate::net::{Net, identity, peer};

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
            assert_eq!((charlie.status, charlie.failure.cloned()), (Status::Failed, failure), "all hear why");
            assert!(net.opened.is_empty());
        }
    }
}

#[test]
fn who_is_being_asked_hears_why_there_is_nothing_to_agree_to_any_more() {
    for revoked in [true, false] {
        let mut net = net();
        let asked = Invitation { answer_within_ms: Some(5_000), ..invitation(&net, PLAIN, 3, 3) };
        let id = asked.id();
        let tickets = invite(&mut net, &asked, Some(10));
        join(&mut net, BOB, &tickets[0], Consent::Only(vec![peer(ALICE)]), Some(7));
        join(&mut net, CHARLIE, &tickets[1], Consent::Anybody, Some(14));
        assert!(net.nodes[&peer(BOB)].invitation(id).unwrap().asks.is_some());
        let (bob, failure) = if revoked {
            say(&mut net, ALICE, Command::Revoke(id));
            (InvitationEnd::Revoked, Failure::Withdrawn)
        } else {
            net.run_for(Duration::from_secs(12));
            let late = Failure::Unreachable { heavy: vec![peer(BOB)] };
            (InvitationEnd::Failed(Box::new(late.clone())), late)
        };
        assert_eq!(end(&net, BOB, id), Some(bob));
        for party in [ALICE, CHARLIE] {
            let view = net.nodes[&peer(party)].view(computation(&net, party, id)).unwrap();
            assert_eq!(view.failure, Some(&failure), "{party}");
        }
    }
}

#[test]
fn an_inviter_that_gives_up_says_no_more_of_others_than_it_may() {
    // Of a node that is no party, of what comes later, and in more than a line.
    let too_long = Refusal::Invalid("x".repeat(1_000));
    for failure in [
        Failure::Unreachable { heavy: vec![peer(STRANGER)] },
        Failure::SumsDisagree,
        Failure::Refused { heavy: peer(BOB), refusal: too_long },
    ] {
        let mut net = net();
        let asked = invitation(&net, PLAIN, 3, 3);
        let tickets = invite(&mut net, &asked, Some(10));
        join(&mut net, BOB, &tickets[0], Consent::Only(vec![peer(ALICE)]), Some(7));
        join(&mut net, CHARLIE, &tickets[1], Consent::Anybody, Some(14));
        let running = computation(&net, CHARLIE, asked.id());
        let message = Message::Withdraw { computation: running, failure };
        net.queue.push_back((peer(CHARLIE), Event::Message { from: peer(ALICE), message }));
        net.settle();
        let charlie = net.nodes[&peer(CHARLIE)].view(running).unwrap();
        assert_eq!(charlie.failure, Some(&Failure::Withdrawn));
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
