//! The protocol machines, driven by hand on a network that loses nothing: one property a test.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::time::Duration;

use formix_p2p::consent::{Doubt, Policy};
use formix_p2p::domain::{Computation, Failure, Modulus, Query, Sharing, Standing, Statistic, Status, VERSION};
use formix_p2p::protocol::{Command, Event, OwnPart, verify_certificate};
use formix_p2p::wire::{Message, RecordKind, to_bytes};

mod attacks;
mod complete;
mod consent;
mod invitations;
mod lists;
mod names;
mod net;
mod order;
mod pruning;
mod restarts;
mod threshold;
mod wild;
mod words;
mod work;

use net::{Net, peer};

fn question(net: &Net, proposer: usize, minimum: u32) -> Computation {
    Computation {
        version: VERSION,
        nonce: [9; 16],
        proposer: peer(proposer),
        proposed_at: net.now,
        prompt: "How many?".to_owned(),
        query: Query::parse(Statistic::Sum, &["n".to_owned()], None).unwrap(),
        heavy: (0..net.heavy).map(peer).collect(),
        sharing: Sharing::Additive { modulus: Modulus::Bits64 },
        min_participants: minimum,
        max_participants: 100,
        deadline: net.now + Duration::from_secs(5),
        patience_ms: 10_000,
        grace_ms: 3_000,
        participants: None,
        noise: None,
        invitation: None,
    }
}

#[test]
fn every_node_reads_the_same_exact_sum() {
    let mut net = Net::new(&[10, -7, 14], &Net::open());
    let id = net.propose(question(&net, 3, 3));
    net.run_for(Duration::from_secs(6));
    for node in net.nodes.values() {
        let view = node.view(id).unwrap();
        assert_eq!(view.status, Status::Completed);
        assert_eq!(view.answer.unwrap().total(), "17".parse().unwrap());
        let verified = verify_certificate(&to_bytes(view.certificate.unwrap())).unwrap();
        assert_eq!((verified.id, verified.assurance.signed_by.len()), (id, net.heavy));
    }
}

/// Whole numbers from −10 to 100: with bounds there is something to prove.
pub(crate) fn bounded(net: &Net, proposer: usize, sharing: Sharing) -> Computation {
    let schema = r#"{"type":"number","minimum":-10,"maximum":100}"#;
    let query = Query::parse(Statistic::Sum, &["n".to_owned()], Some(schema)).unwrap();
    Computation { query, sharing, ..question(net, proposer, 3) }
}

#[test]
fn proven_schemes_give_the_same_exact_sum() {
    for sharing in [Sharing::Prio3, Sharing::Threshold { k: 2 }, Sharing::Threshold { k: 3 }] {
        let mut net = Net::new(&[10, -7, 14], &Net::open());
        let id = net.propose(bounded(&net, 3, sharing));
        net.run_for(Duration::from_secs(6));
        for node in net.nodes.values() {
            let view = node.view(id).unwrap();
            assert_eq!((view.status, view.failure), (Status::Completed, None), "{sharing:?}");
            assert_eq!(view.answer.unwrap().total(), "17".parse().unwrap());
            let verified = verify_certificate(&to_bytes(view.certificate.unwrap())).unwrap();
            assert_eq!((verified.id, verified.assurance.signed_by.len()), (id, net.heavy));
        }
    }
}

#[test]
fn nothing_opens_before_the_deadline_and_shares_go_after_the_end() {
    let mut net = Net::new(&[1, 2, 4], &Net::open());
    let terms = question(&net, 4, 3);
    let deadline = terms.deadline;
    net.propose(terms);
    net.run_for(Duration::from_secs(6));
    assert!(!net.opened.is_empty() && net.opened.iter().all(|(at, _)| *at >= deadline));
    let private = [RecordKind::Held, RecordKind::Report, RecordKind::Accepted, RecordKind::Voted];
    for store in net.stores.values() {
        assert!(store.keys().all(|key| !private.contains(&key.kind)), "{:?}", store.keys());
    }
}

#[test]
fn too_few_participants_end_by_name_and_nothing_opens() {
    let mut net = Net::new(&[1, 2], &Net::open());
    let id = net.propose(question(&net, 3, 3));
    net.run_for(Duration::from_secs(6));
    for node in net.nodes.values() {
        let failure = node.view(id).unwrap().failure.unwrap().clone();
        assert_eq!(failure, Failure::InsufficientParticipants { accepted: 2, minimum: 3 });
        assert_eq!(failure.to_string(), "insufficient participants: 2 of 3");
    }
    assert!(net.opened.is_empty());
}

#[test]
fn a_closed_list_ends_as_soon_as_it_is_complete() {
    let mut net = Net::new(&[1, 2, 4], &Net::open());
    let mut terms = question(&net, 3, 3);
    let mut listed: Vec<_> = (3..6).map(peer).collect();
    listed.sort();
    terms.participants = Some(listed);
    let id = net.propose(terms);
    net.run_for(Duration::from_millis(100));
    assert_eq!(net.nodes[&peer(5)].view(id).unwrap().status, Status::Completed);
}

/// What was said before it fell is not said again by those that have closed; it must not wait for the deadline.
#[test]
fn a_complete_list_ends_soon_also_for_a_heavy_node_that_fell_after_any_action() {
    let mut moments = 0;
    for (victim, sharing) in (0..3).flat_map(|victim| {
        [Sharing::Additive { modulus: Modulus::Bits64 }, Sharing::Prio3, Sharing::Threshold { k: 2 }]
            .map(|sharing| (victim, sharing))
    }) {
        for actions in 0.. {
            let mut net = Net::new(&[1, 2, 4], &Net::open());
            let mut listed: Vec<_> = (3..6).map(peer).collect();
            listed.sort();
            let deadline = net.now + Duration::from_secs(60);
            let terms = Computation { participants: Some(listed), deadline, ..bounded(&net, 3, sharing) };
            net.vanish.insert(peer(victim), actions);
            let id = net.propose(terms);
            net.run_for(Duration::from_millis(200));
            if net.down.is_empty() {
                break;
            }
            net.vanish.clear();
            net.restart(victim);
            // Under threshold a grace of 3 s may begin anew.
            net.run_for(Duration::from_secs(10));
            for (node, machine) in &net.nodes {
                let view = machine.view(id).unwrap();
                let what = format!("{sharing:?}, H{victim} after {actions} actions, at {}", node.uid());
                assert_eq!((view.status, view.failure), (Status::Completed, None), "{what}");
                assert_eq!(view.answer.unwrap().total(), "7".parse().unwrap(), "{what}");
            }
            moments += 1;
        }
    }
    assert!(moments > 200, "{moments}");
}

#[test]
fn a_guarded_node_waits_for_its_owner_and_the_proposer_hears_of_it() {
    let mut net = Net::new(&[1, 2, 4], &Policy::default());
    let id = net.propose(question(&net, 3, 3));
    net.run_for(Duration::from_secs(1));
    let view = |net: &Net, index: usize| net.nodes[&peer(index)].view(id).unwrap().own;
    assert_eq!(view(&net, 3), OwnPart::Answered);
    assert_eq!(
        view(&net, 4),
        OwnPart::Waiting(Doubt::NoTrustedHeavy { colluders: 3, trusted: 0, required: 1 })
    );
    let standings = net.nodes[&peer(3)].view(id).unwrap().standings.clone();
    assert_eq!(standings.values().collect::<Vec<_>>(), [&Standing::WaitsForOwner; 2]);
    for index in [4, 5] {
        net.queue.push_back((peer(index), Event::Command(Command::Approve(id))));
    }
    net.run_for(Duration::from_secs(6));
    assert_eq!(net.nodes[&peer(3)].view(id).unwrap().answer.unwrap().participants(), 3);
}

#[test]
fn a_heavy_node_that_returns_within_the_patience_loses_nothing() {
    let mut net = Net::new(&[1, 2, 4], &Net::open());
    let id = net.propose(question(&net, 3, 3));
    net.run_for(Duration::from_secs(1));
    net.down.push(peer(1));
    net.run_for(Duration::from_secs(8));
    assert_eq!(net.nodes[&peer(3)].view(id).unwrap().status, Status::Processing);
    net.restart(1);
    net.run_for(Duration::from_secs(2));
    assert_eq!(net.nodes[&peer(3)].view(id).unwrap().answer.unwrap().total(), "7".parse().unwrap());
}

#[test]
fn a_heavy_node_that_stays_away_is_named() {
    let mut net = Net::new(&[1, 2, 4], &Net::open());
    let id = net.propose(question(&net, 3, 3));
    net.run_for(Duration::from_secs(1));
    net.down.push(peer(1));
    net.run_for(Duration::from_secs(30));
    let failure = net.nodes[&peer(4)].view(id).unwrap().failure.unwrap().clone();
    assert_eq!(failure, Failure::Missing { heavy: vec![peer(1)] });
}

/// The only heavy node that made the certificate is gone, and it told a light node alone.
#[test]
fn who_has_the_result_shows_it_to_heavy_nodes_that_gave_up() {
    let asked = |gone: bool| {
        let mut net = Net::new(&[1, 2, 4], &Net::open());
        let id = net.propose(question(&net, 3, 3));
        net.run_for(Duration::from_secs(1));
        net.down.extend(gone.then_some(peer(0)));
        (net, id)
    };
    let (mut whole, id) = asked(false);
    whole.run_for(Duration::from_secs(10));
    let certificate = whole.nodes[&peer(4)].view(id).unwrap().certificate.unwrap().clone();
    // While the others wait for what the one did not send, and when they have stopped waiting.
    for waited in [10, 40] {
        let (mut net, same) = asked(true);
        assert_eq!(same, id);
        net.run_for(Duration::from_secs(waited));
        let failed = |net: &Net, index: usize| net.nodes[&peer(index)].view(id).unwrap().failure.is_some();
        assert!((1..6).all(|index| failed(&net, index) == (waited == 40)));
        let message = Message::Certificate(certificate.clone());
        net.queue.push_back((peer(4), Event::Message { from: peer(0), message }));
        net.run_for(Duration::from_secs(40));
        for index in [1, 2, 4] {
            let view = net.nodes[&peer(index)].view(id).unwrap();
            assert_eq!(view.answer.unwrap().total(), "7".parse().unwrap(), "node {index}, {waited} s");
        }
    }
}

#[test]
fn a_proposal_that_a_heavy_node_does_not_answer_ends_within_five_seconds() {
    let mut net = Net::new(&[1, 2, 4], &Net::open());
    net.down.push(peer(2));
    let id = net.propose(question(&net, 3, 3));
    net.run_for(Duration::from_secs(5));
    let failure = net.nodes[&peer(3)].view(id).unwrap().failure.unwrap().clone();
    assert_eq!(failure, Failure::Unreachable { heavy: vec![peer(2)] });
}

#[test]
fn a_restarted_light_node_sends_the_same_report() {
    let mut net = Net::new(&[1, 2, 4], &Net::open());
    net.down.push(peer(0));
    net.down.clear();
    let id = net.propose(question(&net, 3, 3));
    let report = |net: &Net| {
        net.stores[&peer(4)].iter().find(|(key, _)| key.kind == RecordKind::Report).map(|(_, it)| it.clone())
    };
    let before = report(&net).unwrap();
    net.restart(4);
    net.run_for(Duration::from_secs(1));
    assert_eq!(report(&net), Some(before));
    net.run_for(Duration::from_secs(6));
    assert_eq!(net.nodes[&peer(4)].view(id).unwrap().answer.unwrap().total(), "7".parse().unwrap());
}
