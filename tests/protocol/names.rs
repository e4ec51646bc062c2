//! Who was in the set: names for those who have a part, and what a light node makes of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use formix_p2p::domain::limits::MEMBERS_KEPT_MAX;
use formix_p2p::domain::{Computation, ComputationId, Digest, PeerId, Query, Role, Statistic, Timestamp};
use formix_p2p::protocol::{Action, Command, Event, Node, Notice, OwnPart, Timer};
use formix_p2p::wire::{
    Certificate, Decider, Entry, LedgerDecision, LedgerEntry, List, Message, Opening, Record, RecordKey,
    RecordKind, Signed, Similar, Vote, Want, partial_sum_commitment, votes_digest,
};

use crate::net::{Net, identity, peer, settings};
use crate::question;
use crate::wild::Wild;

/// A question to these nodes alone, asked by the first heavy node.
fn asked_of(net: &Net, field: &str, nodes: std::ops::Range<usize>) -> Computation {
    let mut listed: Vec<_> = nodes.map(peer).collect();
    listed.sort();
    let query = Query::parse(Statistic::Sum, &[field.to_owned()], None).unwrap();
    Computation { query, participants: Some(listed), ..question(net, 0, 3) }
}

/// Asks it and waits for the end.
fn ask(net: &mut Net, question: Computation) -> ComputationId {
    let id = net.propose(question);
    net.run_for(Duration::from_secs(8));
    id
}

fn warnings(net: &Net) -> Vec<(PeerId, ComputationId, Similar, usize)> {
    let warned = |(to, notice): &(PeerId, Notice)| match notice {
        Notice::SimilarSets { computation, nearest, more, .. } => Some((*to, *computation, *nearest, *more)),
        _ => None,
    };
    net.told.iter().filter_map(warned).collect()
}

#[test]
fn two_answers_over_sets_that_differ_by_one_are_noticed_by_all_who_are_in_both() {
    let mut net = Net::new(&[1, 2, 4, 8], &Net::open());
    let first = asked_of(&net, "n", 3..6);
    let first = ask(&mut net, first);
    assert_eq!(warnings(&net), []);
    let second = asked_of(&net, "n", 3..7);
    let second = ask(&mut net, second);
    let nearest = Similar { difference: 1, other: first };
    let in_both: BTreeSet<_> = (3..6).map(peer).collect();
    let warned = warnings(&net);
    assert_eq!(warned.iter().map(|(to, ..)| *to).collect::<BTreeSet<_>>(), in_both);
    assert!(warned.iter().all(|(_, id, found, more)| (*id, *found, *more) == (second, nearest, 0)));
    for node in in_both {
        let node = &net.nodes[&node];
        assert_eq!(node.view(second).unwrap().similar, [nearest]);
        assert_eq!(node.view(first).unwrap().similar, [Similar { other: second, ..nearest }]);
        let comparison = node.comparison(second).unwrap();
        assert_eq!((comparison.members, comparison.similar.as_slice()), (4, [nearest].as_slice()));
        assert_eq!(node.comparison(first).map(|comparison| comparison.similar.len()), Some(0));
    }
    // Whoever is in one set alone may not know the other one.
    let other = &net.nodes[&peer(6)];
    assert!(other.view(first).unwrap().members.is_none() && other.view(second).unwrap().similar.is_empty());
    assert_eq!(other.comparison(first), None);
}

#[test]
fn the_same_set_another_field_and_a_distant_set_are_no_warning() {
    let mut net = Net::new(&[1, 2, 4, 8, 16, 32], &Net::open());
    for (field, nodes) in [("n", 3..6), ("n", 3..6), ("m", 3..7), ("n", 3..9)] {
        let question = asked_of(&net, field, nodes);
        let id = ask(&mut net, question);
        assert!(net.nodes[&peer(3)].comparison(id).is_some(), "{field}");
    }
    assert_eq!(warnings(&net), []);
}

#[test]
fn a_comparison_is_kept_over_a_restart_and_made_once() {
    let mut net = Net::new(&[1, 2, 4, 8], &Net::open());
    let first = asked_of(&net, "n", 3..6);
    let first = ask(&mut net, first);
    let second = asked_of(&net, "n", 3..7);
    let second = ask(&mut net, second);
    let before = net.stores[&peer(3)].clone();
    net.told.clear();
    net.restart(3);
    assert_eq!(net.stores[&peer(3)], before);
    assert_eq!(warnings(&net), []);
    let view = net.nodes[&peer(3)].view(first).unwrap();
    assert_eq!(view.similar, [Similar { difference: 1, other: second }]);
    assert_eq!(view.members.unwrap().members().len(), 3);
    // Killed between the names and the comparison: it is made at the start.
    let key = RecordKey { kind: RecordKind::Compared, computation: second, peer: None };
    let removed = net.stores.get_mut(&peer(3)).unwrap().remove(&key).unwrap();
    net.restart(3);
    let Record::Compared(made) = &net.stores[&peer(3)][&key] else { panic!("no comparison") };
    let Record::Compared(removed) = removed else { panic!("no comparison") };
    assert_eq!(made.similar, removed.similar);
}

/// What a node does about a message.
fn reaction(net: &mut Net, node: usize, from: usize, message: Message) -> Vec<Action> {
    let (now, from) = (net.now, peer(from));
    net.nodes.get_mut(&peer(node)).unwrap().handle(now, Event::Message { from, message }, &BTreeMap::new())
}

/// Why a message was not acted on.
fn refused(actions: &[Action]) -> &'static str {
    match actions {
        [Action::Tell(Notice::Ignored { why, .. })] => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn names_are_told_for_the_asking_to_those_who_have_a_part() {
    let mut net = Net::new(&[1, 2, 4, 8, 16], &Net::open());
    let mut question = asked_of(&net, "n", 3..6);
    question.proposer = peer(7);
    let id = ask(&mut net, question);
    let want = Message::Want { computation: id, want: Want::Members };
    for asker in [1, 2, 3, 4, 5, 7] {
        let actions = reaction(&mut net, 0, asker, want.clone());
        let [Action::Send { to, message }] = actions.as_slice() else { panic!("{actions:?}") };
        let Message::Members { entries, .. } = &**message else { panic!("{message:?}") };
        assert_eq!((*to, entries.len()), (peer(asker), 3));
    }
    // Not on the list; and nobody but heavy nodes passes names on.
    assert_eq!(reaction(&mut net, 0, 6, want.clone()), []);
    for node in [3, 6, 7] {
        assert_eq!(reaction(&mut net, node, 0, want.clone()), [], "at {node}");
    }
}

#[test]
fn names_that_the_votes_are_not_for_are_not_kept() {
    let mut net = Net::new(&[1, 2, 4, 8], &Net::open());
    let question = asked_of(&net, "n", 3..6);
    let id = ask(&mut net, question);
    let key = RecordKey { kind: RecordKind::Members, computation: id, peer: None };
    let Record::Members { entries, .. } = net.stores[&peer(3)][&key].clone() else { panic!("no names") };
    let mut other = entries.clone();
    other[0].manifest = Digest::from_bytes([1; 32]);
    let mut reversed = entries.clone();
    reversed.reverse();
    let lists =
        [entries[..2].to_vec(), [entries.clone(), entries.clone()].concat(), other, reversed, Vec::new()];
    // As if the names had never come.
    net.stores.get_mut(&peer(3)).unwrap().remove(&key);
    let records = net.stores[&peer(3)].values().cloned().collect();
    let mut node = Node::new(settings(3, 3, Net::open()));
    let _ = node.handle(net.now, Event::Restored(records), &BTreeMap::new());
    net.nodes.insert(peer(3), node);
    for entries in lists {
        let actions = reaction(&mut net, 3, 0, Message::Members { computation: id, entries });
        assert_eq!(refused(&actions), "it is not the set that the votes are for");
    }
    let told = Message::Members { computation: id, entries: entries.clone() };
    assert_eq!(
        refused(&reaction(&mut net, 3, 4, told.clone())),
        "it does not come from one of its heavy nodes"
    );
    assert_eq!(refused(&reaction(&mut net, 6, 0, told.clone())), "this node has no part in it");
    let nowhere = Message::Members { computation: ComputationId::of_body(b"nowhere"), entries };
    assert_eq!(refused(&reaction(&mut net, 3, 0, nowhere)), "this node does not know the computation");
    let actions = reaction(&mut net, 3, 0, told);
    assert!(matches!(&actions[0], Action::Persist(record) if record.key() == key), "{actions:?}");
}

#[test]
fn names_that_come_before_the_certificate_are_asked_for_with_it() {
    let mut net = Net::new(&[1, 2, 4], &Net::open());
    let id = net.propose(question(&net, 0, 3));
    net.run_for(Duration::from_secs(1));
    net.down.push(peer(5));
    net.run_for(Duration::from_secs(7));
    let store = &net.stores[&peer(0)];
    let record = |kind| store[&RecordKey { kind, computation: id, peer: None }].clone();
    let Record::Members { entries, .. } = record(RecordKind::Members) else { panic!("no names") };
    let Record::Certificate(certificate) = record(RecordKind::Certificate) else { panic!("no certificate") };
    let told = Message::Members { computation: id, entries };
    assert_eq!(refused(&reaction(&mut net, 5, 1, told)), "its certificate is not here yet");
    let actions = reaction(&mut net, 5, 0, Message::Certificate(certificate));
    let want = Message::Want { computation: id, want: Want::Members };
    let asked =
        |action: &Action| matches!(action, Action::Send { to, message } if *to == peer(1) && **message == want);
    assert!(actions.iter().any(asked), "{actions:?}");
}

#[test]
fn a_heavy_node_that_hears_of_the_end_from_another_one_tells_its_part_of_the_participants() {
    let mut net = Net::new(&[1, 2, 4], &Net::open());
    let question = asked_of(&net, "n", 3..6);
    net.queue.push_back((peer(0), Event::Command(Command::Propose(Box::new(question)))));
    // Openings do not reach the first heavy node: it asks for them, and gets the certificate.
    let mut wild = Wild::new(net, |_, from, to, message| match message {
        Message::Open { .. } if to == peer(0) => Vec::new(),
        message => vec![(from, to, message)],
    });
    // The deadline is in five seconds.
    wild.run_for(Duration::from_secs(2));
    let id = wild.net.nodes[&peer(0)].views()[0].id;
    for node in wild.net.nodes.values() {
        let view = node.view(id).unwrap();
        assert!(view.answer.is_some() && view.members.is_some(), "{view:?}");
    }
}

#[test]
fn who_was_left_out_asks_each_heavy_node_a_few_times_and_then_no_more() {
    let mut net = Net::new(&[1, 2, 4, 8], &Net::open());
    // One heavy node never hears of the last report.
    let mut question = question(&net, 0, 3);
    question.max_participants = 3;
    let id = net.propose(question);
    net.run_for(Duration::from_secs(8));
    let outside: Vec<_> =
        (3..7).filter(|node| net.nodes[&peer(*node)].view(id).unwrap().members.is_none()).collect();
    let [outside] = outside.as_slice() else { panic!("{outside:?}") };
    let view = net.nodes[&peer(*outside)].view(id).unwrap();
    assert!(view.own == OwnPart::Answered && view.answer.is_some(), "{:?}", view.own);
    let mut asked = 0;
    for _ in 0..40 {
        net.now = net.now + Duration::from_secs(5);
        let now = net.now;
        let actions = net.nodes.get_mut(&peer(*outside)).unwrap().handle(
            now,
            Event::Expired(Timer::Sync),
            &BTreeMap::new(),
        );
        let want = |action: &&Action| {
            matches!(action, Action::Send { message, .. }
                if matches!(**message, Message::Want { want: Want::Members, .. }))
        };
        asked += actions.iter().filter(want).count();
    }
    // Some were asked while the network ran.
    assert!((1..=12).contains(&asked), "{asked}");
}

/// The certificate of a question that this node asked, over these participants, as three heavy nodes would sign it.
fn certified(net: &Net, order: u64, list: &List, participants: u32) -> Certificate {
    let mut nonce = [0; 16];
    nonce[..8].copy_from_slice(&order.to_be_bytes());
    let mut terms = question(net, 3, 3);
    terms.nonce = nonce;
    terms.max_participants = 2_000;
    terms.proposed_at = terms.proposed_at + Duration::from_secs(order);
    terms.deadline = terms.deadline + Duration::from_secs(order);
    let computation = Signed::sign(terms, &identity(3));
    let id = computation.id();
    let sum = |heavy: usize| {
        let count = if heavy == 0 { u64::from(participants) } else { 0 };
        [count.to_le_bytes(), [0; 8]].concat()
    };
    let vote = |heavy: usize| {
        let vote = Vote {
            computation: id,
            heavy: peer(heavy),
            accepted: list.digest(id),
            participants,
            unverified: 0,
            verifications: None,
            partial_sum: partial_sum_commitment(id, peer(heavy), &[1; 32], &sum(heavy)),
        };
        Signed::sign(vote, &identity(heavy))
    };
    let votes: Vec<_> = (0..3).map(vote).collect();
    let open = |heavy: usize| {
        let votes = votes_digest(id, &votes);
        let (heavy, partial_sum) = (heavy, sum(heavy));
        let opening = Opening { computation: id, heavy: peer(heavy), votes, blind: [1; 32], partial_sum };
        Signed::sign(opening, &identity(heavy))
    };
    Certificate { computation, openings: (0..3).map(open).collect(), votes, decided: None }
}

/// A set of so many who do not exist.
fn imagined(participants: u32) -> List {
    let manifest = Digest::from_bytes([9; 32]);
    let key = |number: u32| {
        let mut key = [7; 32];
        key[..4].copy_from_slice(&number.to_be_bytes());
        PeerId::from_public_key(key)
    };
    List::accepted((0..participants).map(|number| Entry { participant: key(number), manifest }).collect())
}

/// What is left of an answer in a set of one.
fn answered_long_ago(net: &Net, computation: ComputationId) -> [Record; 3] {
    let terms = question(net, 0, 3);
    let ledger = LedgerEntry {
        computation,
        proposer: terms.proposer,
        prompt: terms.prompt,
        statistic: Statistic::Sum,
        fields: vec!["n".to_owned()],
        min_participants: 3,
        listed: None,
        participants: None,
        noise: None,
        at: terms.proposed_at,
        decision: LedgerDecision::Answered,
        decider: Decider::Policy,
        reason: None,
        records: Some(1),
    };
    let entries = vec![Entry { participant: peer(3), manifest: Digest::from_bytes([9; 32]) }];
    [
        Record::Pruned { computation, at: Timestamp::from_millis(0), bytes: 24 },
        Record::Ledger(ledger),
        Record::Members { computation, entries },
    ]
}

#[test]
fn the_oldest_names_go_when_there_are_too_many_and_are_not_asked_for_again() {
    let net = Net::new(&[1], &Net::open());
    let list = imagined(1_000);
    let mut records = Vec::new();
    let mut ids = Vec::new();
    let fit = MEMBERS_KEPT_MAX / 1_000;
    for order in 0..fit as u64 + 2 {
        let certificate = certified(&net, order, &list, 1_000);
        let computation = certificate.computation.id();
        ids.push(computation);
        records.push(Record::Certificate(certificate));
        records.push(Record::Members { computation, entries: list.entries().to_vec() });
    }
    // Those of an answer that was pruned are older than all.
    let pruned = ComputationId::of_body(b"pruned");
    records.extend(answered_long_ago(&net, pruned));
    let mut node = Node::new(settings(3, 3, Net::open()));
    let _ = node.handle(net.now, Event::Restored(records), &BTreeMap::new());
    let _ = node.handle(net.now, Event::Met { peer: peer(0), role: Role::Heavy }, &BTreeMap::new());
    let now = net.now + Duration::from_secs(1_000);
    let actions = node.handle(now, Event::Expired(Timer::Sync), &BTreeMap::new());
    let forgotten: BTreeSet<_> = actions
        .iter()
        .filter_map(|action| match action {
            Action::Erase(key) => Some((key.kind, key.computation)),
            _ => None,
        })
        .collect();
    let gone = ids[..2].iter().chain([&pruned]);
    assert_eq!(forgotten, gone.map(|id| (RecordKind::Members, *id)).collect());
    assert!(node.view(ids[0]).unwrap().members.is_none() && node.view(ids[2]).unwrap().members.is_some());
    let wants = |actions: &[Action]| {
        let want = |action: &&Action| matches!(action, Action::Send { message, .. } if matches!(**message, Message::Want { .. }));
        actions.iter().filter(want).count()
    };
    assert_eq!(wants(&actions), 0, "{actions:?}");
    let actions = node.handle(now, Event::Expired(Timer::Sync), &BTreeMap::new());
    assert_eq!(wants(&actions), 0, "{actions:?}");
}

#[test]
fn a_set_that_is_too_large_is_not_asked_for() {
    let net = Net::new(&[1], &Net::open());
    let asked = |participants: u32| {
        let certificate = certified(&net, 0, &imagined(participants), participants);
        let mut node = Node::new(settings(3, 3, Net::open()));
        let _ = node.handle(net.now, Event::Restored(vec![Record::Certificate(certificate)]), &BTreeMap::new());
        let actions = node.handle(net.now, Event::Met { peer: peer(0), role: Role::Heavy }, &BTreeMap::new());
        let want = |action: &Action| {
            matches!(action, Action::Send { message, .. }
                if matches!(**message, Message::Want { want: Want::Members, .. }))
        };
        actions.iter().any(want)
    };
    assert!(asked(1_000));
    assert!(!asked(1_001));
}
