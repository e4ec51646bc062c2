//! From the last ticket to the end: parties that come, go, stay away and come back.

use std::time::Duration;

use formix_p2p::domain::{Consent, Failure, Invitation, Sharing, Status};
use formix_p2p::protocol::{Command, Event, OwnPart};
use formix_p2p::wire::{Message, Record, RecordKind, Signed};

use super::{
    ALICE, BOB, CHARLIE, PLAIN, STRANGER, computation, everybody_reads, invitation, invite, join, net, reading,
    say,
};
use crate::net::{Net, identity, peer};

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
        let charlie = net.nodes[&peer(CHARLIE)].view(computation(&net, CHARLIE, asked.id())).unwrap();
        assert_eq!(charlie.failure.cloned(), failure, "{sharing:?}: the others hear it from the inviter");
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
    // Until it knows who was in the set.
    net.run_for(Duration::from_millis(10));
    say(&mut net, BOB, Command::Forget(id));
    let left: Vec<_> = net.stores[&peer(BOB)].keys().map(|key| key.kind).collect();
    let marks = [RecordKind::Forgotten; 2];
    assert_eq!(
        left,
        [[RecordKind::Ledger, RecordKind::Compared], marks].concat(),
        "the question and its ticket"
    );
    let mut kept = net.stores[&peer(BOB)].values();
    let line = kept.find_map(|record| if let Record::Ledger(entry) = record { Some(entry) } else { None });
    assert_eq!(line.unwrap().records, None);
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

/// A party's connections break after any of its messages, and it gives up before they are back.
#[test]
fn a_party_that_was_parted_learns_of_the_result_that_it_missed() {
    for (sharing, restarts) in [(PLAIN, false), (PLAIN, true), (Sharing::Threshold { k: 2 }, false)] {
        let mut missed = 0;
        for messages in 0..200 {
            let mut net = net();
            let quorum = if sharing == PLAIN { 3 } else { 2 };
            let asked = invitation(&net, sharing, 3, quorum);
            let tickets = invite(&mut net, &asked, Some(10));
            join(&mut net, BOB, &tickets[0], Consent::Anybody, Some(7));
            net.parts.insert(peer(CHARLIE), messages);
            join(&mut net, CHARLIE, &tickets[1], Consent::Anybody, Some(14));
            net.run_for(Duration::from_secs(80));
            let status = |net: &Net, who| {
                let id = net.nodes[&peer(who)].invitation(asked.id())?.memory.computation?;
                Some(net.nodes[&peer(who)].view(id)?.status)
            };
            let known = [ALICE, BOB].map(|who| status(&net, who)).contains(&Some(Status::Completed));
            let had_given_up = status(&net, CHARLIE) == Some(Status::Failed);
            let parted = net.parts.remove(&peer(CHARLIE)) == Some(0);
            if restarts {
                net.restart(CHARLIE);
            }
            net.run_for(Duration::from_secs(80));
            if known && had_given_up {
                missed += 1;
                let sum = net.nodes[&peer(ALICE)].view(computation(&net, ALICE, asked.id())).unwrap();
                let sum = sum.answer.unwrap().total().to_string();
                everybody_reads(&net, asked.id(), &[ALICE, BOB, CHARLIE], &sum);
            }
            if !parted {
                break;
            }
        }
        assert!(missed > 0, "{sharing:?}");
    }
}
