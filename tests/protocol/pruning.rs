//! Of computations that ended long ago memory holds an id, and the store how they ended; and nothing of them happens twice.

use std::collections::BTreeSet;
use std::time::Duration;

use formix_p2p::consent::{Doubt, Policy, Rate, Rules};
use formix_p2p::domain::limits::{ENDED_KEPT_MAX, LARGE_CERTIFICATES_BYTES_MAX, PRUNED_KEPT_MAX};
use formix_p2p::domain::{
    Computation, ComputationId, Digest, Query, Refusal, Role, Statistic, Status, Timestamp,
};
use formix_p2p::protocol::{Action, Command, Event, Node, Notice, OwnPart, Recalled, Timer};
use formix_p2p::wire::{Announcement, Message, Record, RecordKey, RecordKind, Similar, Want};

use super::net::{Net, peer, settings};
use super::question;

/// Asked by node 3, and different from all others.
fn numbered(net: &Net, number: usize) -> Computation {
    let mut nonce = [0; 16];
    nonce[..8].copy_from_slice(&(number as u64).to_be_bytes());
    let deadline = net.now + Duration::from_millis(500);
    Computation { nonce, deadline, patience_ms: 1_000, ..question(net, 3, 3) }
}

/// A net in which one computation more has ended than memory keeps; the first one, and what announced it.
fn long_lived(policy: &Policy) -> (Net, ComputationId, Announcement) {
    let mut net = Net::new(&[1, 2, 4], policy);
    let mut first = None;
    for number in 0..=ENDED_KEPT_MAX {
        let terms = numbered(&net, number);
        let id = net.propose(terms);
        let announced = || match &net.stores[&peer(3)][&key(RecordKind::Announced, id)] {
            Record::Announced(announcement) => announcement.clone(),
            other => panic!("{other:?}"),
        };
        first.get_or_insert_with(|| (id, announced()));
        net.run_for(Duration::from_secs(1));
    }
    let (id, announcement) = first.unwrap();
    // Nothing about it can be replayed any more, and every node has looked.
    net.run_for(Duration::from_secs(30));
    (net, id, announcement)
}

fn key(kind: RecordKind, computation: ComputationId) -> RecordKey {
    RecordKey { kind, computation, peer: None }
}

fn kinds(net: &Net, index: usize, id: ComputationId) -> BTreeSet<RecordKind> {
    net.stores[&peer(index)].keys().filter(|key| key.computation == id).map(|key| key.kind).collect()
}

fn recalled(net: &Net, index: usize, id: ComputationId) -> Recalled {
    let store = &net.stores[&peer(index)];
    let Record::Summary(summary) = &store[&key(RecordKind::Summary, id)] else { panic!() };
    let Record::Certificate(certificate) = &store[&key(RecordKind::Certificate, id)] else { panic!() };
    Recalled::new((**summary).clone(), Some(certificate.clone()), None)
}

fn hears(net: &mut Net, index: usize, event: Event) -> Vec<Action> {
    net.nodes.get_mut(&peer(index)).unwrap().handle(net.now, event, &net.stores[&peer(index)])
}

#[test]
fn of_the_oldest_the_store_keeps_how_it_ended_and_memory_nothing() {
    let (mut net, id, _) = long_lived(&Net::open());
    for index in 0..6 {
        let node = &net.nodes[&peer(index)];
        assert!(node.view(id).is_none() && node.is_pruned(id), "node {index}");
        assert_eq!((node.views().len(), node.pruned().count()), (ENDED_KEPT_MAX, 1));
        let mut left = BTreeSet::from([RecordKind::Certificate, RecordKind::Pruned, RecordKind::Summary]);
        if index >= 3 {
            left.extend([RecordKind::Ledger, RecordKind::Compared, RecordKind::Members]);
        }
        assert_eq!(kinds(&net, index, id), left, "node {index}");
        let recalled = recalled(&net, index, id);
        let view = recalled.view();
        assert_eq!((view.status, view.participants, view.members), (Status::Completed, 3, None));
        assert_eq!(view.answer.unwrap().total(), "7".parse().unwrap());
        assert_eq!(view.own, if index < 3 { OwnPart::None } else { OwnPart::Answered });
    }
    // A new life knows as much, and holds no more.
    net.restart(4);
    let node = &net.nodes[&peer(4)];
    assert!(node.is_pruned(id) && node.view(id).is_none());
    assert_eq!((node.views().len(), node.comparisons().count()), (ENDED_KEPT_MAX, ENDED_KEPT_MAX));
}

#[test]
fn what_is_pruned_is_neither_answered_nor_added_up_nor_fetched_again() {
    let (mut net, id, announcement) = long_lived(&Net::open());
    let Record::Certificate(certificate) = net.stores[&peer(4)][&key(RecordKind::Certificate, id)].clone()
    else {
        panic!()
    };
    let heavy = peer(0);
    let offer = Message::Offer { clock: net.now, open: vec![id], completed: vec![id], failed: vec![id] };
    let replays = [
        Message::Announce(announcement.clone()),
        offer,
        Message::Certificate(certificate),
        Message::Complete { computation: id, list: Digest::from_bytes([1; 32]) },
    ];
    for restarted in [false, true] {
        if restarted {
            net.restart(4);
            net.restart(1);
        }
        for message in &replays {
            for index in [1, 4] {
                let actions = hears(&mut net, index, Event::Message { from: heavy, message: message.clone() });
                let acts = |action: &&Action| !matches!(action, Action::Tell(_));
                assert_eq!(actions.iter().find(acts), None, "{message:?}");
            }
        }
        // Its proposer asks again: it is too late, by name.
        let again = Message::Propose(announcement.computation.clone());
        let actions = hears(&mut net, 1, Event::Message { from: peer(3), message: again });
        let refused = |actions: &[Action]| {
            let [Action::Send { message, .. }] = actions else { panic!("{actions:?}") };
            let Message::Refuse { refusal: Refusal::Invalid(why), .. } = &**message else {
                panic!("{message:?}")
            };
            why.contains("is done with it")
        };
        assert!(refused(&actions), "{actions:?}");
        // Nor is it taken for a new one when this machine's clock was set back.
        let again = Message::Propose(announcement.computation.clone());
        let event = Event::Message { from: peer(3), message: again };
        let then = announcement.computation.get().proposed_at;
        let actions = net.nodes.get_mut(&peer(1)).unwrap().handle(then, event, &net.stores[&peer(1)]);
        assert!(refused(&actions), "{actions:?}");
    }
}

#[test]
fn answers_that_are_pruned_count_against_the_limits() {
    let limit = u32::try_from(ENDED_KEPT_MAX + 1).unwrap();
    let rules = Rules { asked_per_day: Some(Rate::AtMost(limit)), ..Rules::default() };
    let policy = Policy { rules, ..Net::open() };
    let (mut net, _, _) = long_lived(&policy);
    let me = peer(4);
    for restarted in [false, true] {
        if restarted {
            let records = net.stores[&me].values().cloned().collect();
            net.nodes.insert(me, Node::new(settings(4, 3, policy.clone())));
            net.queue.push_back((me, Event::Restored(records)));
            net.queue.push_back((me, Event::Met { peer: peer(0), role: Role::Heavy }));
            net.settle();
        }
        let terms = numbered(&net, ENDED_KEPT_MAX + 1 + usize::from(restarted));
        let id = net.propose(terms);
        let OwnPart::Waiting(doubt) = net.nodes[&me].view(id).unwrap().own else {
            panic!("{:?}", net.nodes[&me].view(id).unwrap().own)
        };
        assert_eq!(doubt, Doubt::AskedTooOften { field: "n".to_owned(), answers: ENDED_KEPT_MAX + 1 });
        net.run_for(Duration::from_secs(5));
    }
}

/// The heavy nodes no longer offer it, nor have it in memory: it is in their stores.
#[test]
fn who_was_away_until_it_was_pruned_still_learns_the_result() {
    for asleep in [false, true] {
        let mut net = Net::new(&[1, 2, 4], &Net::open());
        let terms = numbered(&net, 0);
        let id = net.propose(terms);
        net.down.push(peer(5));
        for number in 1..=ENDED_KEPT_MAX {
            let terms = numbered(&net, number);
            net.propose(terms);
            net.run_for(Duration::from_secs(1));
        }
        net.run_for(Duration::from_secs(30));
        let pruned = |net: &Net| (0..3).all(|heavy| net.nodes[&peer(heavy)].is_pruned(id));
        assert!(pruned(&net), "or this shows nothing");
        if asleep {
            // Its connections, and its time, go on as if nothing had been.
            net.down.clear();
            let late: Vec<_> = net.timers.keys().filter(|(owner, _)| *owner == peer(5)).copied().collect();
            assert!(late.is_empty(), "{late:?}");
            net.queue.push_back((peer(5), Event::Expired(Timer::NoContact(id))));
            net.settle();
        } else {
            net.restart(5);
            net.run_for(Duration::from_secs(1));
        }
        let view = net.nodes[&peer(5)].view(id).unwrap();
        assert_eq!((view.status, view.failure), (Status::Completed, None), "asleep: {asleep}");
        assert_eq!(view.answer.unwrap().total(), "7".parse().unwrap());
        assert!(pruned(&net), "to be asked brings nothing back into memory");
    }
}

#[test]
fn of_what_is_pruned_heavy_nodes_alone_give_the_certificate_and_nothing_else() {
    let (mut net, id, _) = long_lived(&Net::open());
    let asked = |net: &mut Net, index: usize, want: Want| {
        let message = Message::Want { computation: id, want };
        hears(net, index, Event::Message { from: peer(5), message })
    };
    for want in [Want::Outcome, Want::Announcement, Want::Vote] {
        let actions = asked(&mut net, 1, want);
        let [Action::Send { to, message }] = actions.as_slice() else { panic!("{actions:?}") };
        assert!(matches!(**message, Message::Certificate(_)) && *to == peer(5), "{want:?}");
    }
    assert_eq!(asked(&mut net, 1, Want::Members), [], "names are gone");
    assert_eq!(asked(&mut net, 4, Want::Outcome), [], "light nodes are not asked");
    // Of what failed there is nothing left to give.
    net.stores.get_mut(&peer(1)).unwrap().remove(&key(RecordKind::Certificate, id));
    assert_eq!(asked(&mut net, 1, Want::Outcome), []);
}

/// Whoever asked long ago and asks again with one participant more learns that one's value, however many other questions came in
/// between.
#[test]
fn sets_of_pruned_answers_are_compared_with_new_ones() {
    let mut net = Net::new(&[1, 2, 4, 8], &Net::open());
    let asks = |net: &Net, number: usize, field: &str, nodes: std::ops::Range<usize>| {
        let mut listed: Vec<_> = nodes.map(peer).collect();
        listed.sort();
        let query = Query::parse(Statistic::Sum, &[field.to_owned()], None).unwrap();
        Computation { query, participants: Some(listed), ..numbered(net, number) }
    };
    let terms = asks(&net, 0, "n", 3..6);
    let first = net.propose(terms);
    for number in 1..=ENDED_KEPT_MAX {
        net.run_for(Duration::from_secs(1));
        let terms = asks(&net, number, "m", 3..6);
        net.propose(terms);
    }
    net.run_for(Duration::from_secs(30));
    assert!((3..6).all(|index| net.nodes[&peer(index)].is_pruned(first)));
    net.restart(5);
    net.told.clear();
    let terms = asks(&net, ENDED_KEPT_MAX + 1, "n", 3..7);
    let second = net.propose(terms);
    net.run_for(Duration::from_secs(2));
    let found = Similar { difference: 1, other: first };
    for index in 3..6 {
        let warned = net.told.iter().any(|(to, notice)| {
            matches!(notice, Notice::SimilarSets { computation, nearest, more: 0, .. }
                if (*to, *computation, *nearest) == (peer(index), second, found))
        });
        assert!(warned, "node {index}: {:?}", net.told);
        assert_eq!(net.nodes[&peer(index)].view(second).unwrap().similar, [found]);
    }
}

#[test]
fn what_is_pruned_can_be_forgotten() {
    let (mut net, id, announcement) = long_lived(&Net::open());
    let Record::Ledger(entry) = net.stores[&peer(4)][&key(RecordKind::Ledger, id)].clone() else { panic!() };
    assert_eq!(entry.records, Some(1));
    let forget = Command::ForgetPruned { computation: id, invitation: None, ledger: Some(Box::new(entry)) };
    net.queue.push_back((peer(4), Event::Command(forget)));
    net.settle();
    let left = [RecordKind::Ledger, RecordKind::Compared, RecordKind::Forgotten];
    assert_eq!(kinds(&net, 4, id), BTreeSet::from(left));
    let Record::Ledger(entry) = &net.stores[&peer(4)][&key(RecordKind::Ledger, id)] else { panic!() };
    assert_eq!(entry.records, None, "how many records were in it is not for later");
    assert!(!net.nodes[&peer(4)].is_pruned(id) && net.nodes[&peer(4)].is_forgotten(id));
    let announce = Message::Announce(announcement);
    assert_eq!(hears(&mut net, 4, Event::Message { from: peer(0), message: announce }), []);
}

fn old(number: usize) -> ComputationId {
    ComputationId::of_body(&number.to_le_bytes())
}

/// Of a question that was pruned long ago, later with its number.
fn mark(number: usize, bytes: u64) -> Record {
    Record::Pruned { computation: old(number), at: Timestamp::from_millis(number as u64), bytes }
}

#[test]
fn large_certificates_on_the_disk_push_out_large_ones_and_nothing_else() {
    let (mut net, id, _) = long_lived(&Net::open());
    let third = LARGE_CERTIFICATES_BYTES_MAX / 3;
    let sizes = [24, third, 24, third, third, 24, third];
    let marks = sizes.into_iter().enumerate().map(|(number, bytes)| mark(number, bytes));
    net.stores.get_mut(&peer(3)).unwrap().extend(marks.map(|mark| (mark.key(), mark)));
    let records = net.stores[&peer(3)].values().cloned().collect();
    let mut node = Node::new(settings(3, 3, Net::open()));
    let _ = node.handle(net.now, Event::Restored(records), &net.stores[&peer(3)]);
    net.nodes.insert(peer(3), node);
    let terms = numbered(&net, ENDED_KEPT_MAX + 1);
    net.propose(terms);
    net.run_for(Duration::from_secs(30));
    let left: Vec<_> = (0..sizes.len()).filter(|number| net.nodes[&peer(3)].is_pruned(old(*number))).collect();
    assert_eq!(left, [0, 2, 3, 4, 5, 6], "three thirds fit");
    assert!(!net.stores[&peer(3)].contains_key(&key(RecordKind::Pruned, old(1))), "on the disk as well");
    assert!(net.nodes[&peer(3)].is_pruned(id));
    // Nor is it fetched from whoever still offers it; one that nobody has heard of is.
    let asked = |net: &mut Net, of: ComputationId| {
        let offer =
            Message::Offer { clock: net.now, open: Vec::new(), completed: vec![of], failed: Vec::new() };
        let actions = hears(net, 3, Event::Message { from: peer(0), message: offer });
        actions.iter().any(|action| format!("{action:?}").contains("Want"))
    };
    assert!(!asked(&mut net, old(1)), "it is fetched again");
    assert!(asked(&mut net, old(99)));
}

#[test]
fn the_store_keeps_so_many_and_the_newest() {
    let (mut net, id, _) = long_lived(&Net::open());
    let marks = (0..PRUNED_KEPT_MAX).map(|number| mark(number, 24));
    let mut node = Node::new(settings(3, 3, Net::open()));
    let stored = net.stores[&peer(3)].values().cloned();
    let restored = Event::Restored(marks.chain(stored).collect());
    let _ = node.handle(net.now, restored, &net.stores[&peer(3)]);
    assert_eq!(node.pruned().count(), PRUNED_KEPT_MAX + 1);
    // The next one that is pruned pushes out what is too much.
    net.nodes.insert(peer(3), node);
    let terms = numbered(&net, ENDED_KEPT_MAX + 1);
    net.propose(terms);
    net.run_for(Duration::from_secs(30));
    let node = &net.nodes[&peer(3)];
    assert_eq!((node.views().len(), node.pruned().count()), (ENDED_KEPT_MAX, PRUNED_KEPT_MAX));
    assert!(!node.is_pruned(old(1)) && node.is_pruned(old(2)) && node.is_pruned(id));
}
