//! The protocol machines, driven by hand on a network that loses nothing: one property a test.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use formix_p2p::consent::{Doubt, Policy, Preset};
use formix_p2p::domain::{
    Computation, ComputationId, Failure, Modulus, PeerId, Query, Role, Sharing, Standing, Statistic, Status,
    Timestamp,
};
use formix_p2p::protocol::{
    Action, Command, Event, Node, OwnPart, PrivateValue, Settings, SourceProblem, Timer, verify_certificate,
};
use formix_p2p::sharing::Secret;
use formix_p2p::wire::{Identity, Message, Record, RecordKind, to_bytes};

const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const HEAVY: usize = 3;

/// Nodes on one clock, with messages that arrive at once and in order.
struct Net {
    now: Timestamp,
    nodes: BTreeMap<PeerId, Node>,
    values: BTreeMap<PeerId, i32>,
    stores: BTreeMap<PeerId, BTreeMap<formix_p2p::wire::RecordKey, Record>>,
    timers: BTreeMap<(PeerId, Timer), Timestamp>,
    queue: VecDeque<(PeerId, Event)>,
    opened: Vec<(Timestamp, PeerId)>,
    down: Vec<PeerId>,
}

fn identity(index: usize) -> Identity {
    Identity::from_secret_key(&[u8::try_from(index).unwrap() + 1; 32])
}

fn peer(index: usize) -> PeerId {
    identity(index).peer()
}

fn settings(index: usize, policy: Policy) -> Settings {
    let role = if index < HEAVY { Role::Heavy } else { Role::Light };
    Settings {
        identity: identity(index),
        role,
        policy,
        memory_since: None,
        seed: Secret::new([u8::try_from(index).unwrap(); 32]),
    }
}

impl Net {
    /// Three heavy nodes and light nodes with these values, all of which have met.
    fn new(values: &[i32], policy: &Policy) -> Self {
        let mut net = Self {
            now: START,
            nodes: BTreeMap::new(),
            values: BTreeMap::new(),
            stores: BTreeMap::new(),
            timers: BTreeMap::new(),
            queue: VecDeque::new(),
            opened: Vec::new(),
            down: Vec::new(),
        };
        let count = HEAVY + values.len();
        for index in 0..count {
            net.nodes.insert(peer(index), Node::new(settings(index, policy.clone())));
            net.queue.push_back((peer(index), Event::Restored(Vec::new())));
            if let Some(value) = index.checked_sub(HEAVY).and_then(|light| values.get(light)) {
                net.values.insert(peer(index), *value);
            }
        }
        for (left, right) in (0..count).flat_map(|left| (0..count).map(move |right| (left, right))) {
            if left != right {
                let role = if right < HEAVY { Role::Heavy } else { Role::Light };
                net.queue.push_back((peer(left), Event::Met { peer: peer(right), role }));
            }
        }
        net.settle();
        net
    }

    fn open() -> Policy {
        Policy { preset: Preset::Open, ..Policy::default() }
    }

    fn settle(&mut self) {
        while let Some((to, event)) = self.queue.pop_front() {
            if self.down.contains(&to) {
                continue;
            }
            let actions = self.nodes.get_mut(&to).unwrap().handle(self.now, event);
            for action in actions {
                self.act(to, action);
            }
        }
    }

    fn act(&mut self, me: PeerId, action: Action) {
        match action {
            Action::Persist(record) => {
                self.stores.entry(me).or_default().insert(record.key(), *record);
            }
            Action::Erase(key) => {
                self.stores.entry(me).or_default().remove(&key);
            }
            Action::Send { to, message } => {
                if matches!(*message, Message::Open { .. }) {
                    self.opened.push((self.now, me));
                }
                // Every message survives its bytes.
                let message = Message::decode(&message.encode()).unwrap();
                self.queue.push_back((to, Event::Message { from: me, message }));
            }
            Action::Publish(gossip) => {
                for other in self.nodes.keys().filter(|other| **other != me) {
                    self.queue.push_back((*other, Event::Gossip((*gossip).clone())));
                }
            }
            Action::SetTimer { timer, at } => {
                self.timers.insert((me, timer), at);
            }
            Action::ReadSource { computation, .. } => {
                let value = self.values.get(&me).map(|value| value.to_string().parse().unwrap());
                let outcome = value.map(PrivateValue::new).ok_or(SourceProblem::NoSuchField);
                self.queue.push_back((me, Event::SourceRead { computation, outcome }));
            }
            Action::Tell(_) | Action::Blame(_) => {}
        }
    }

    fn run_for(&mut self, length: Duration) {
        let end = self.now + length;
        self.settle();
        while let Some((key, at)) = self.timers.iter().min_by_key(|(_, at)| **at).map(|(key, at)| (*key, *at)) {
            if at > end {
                break;
            }
            self.timers.remove(&key);
            self.now = self.now.max(at);
            self.queue.push_back((key.0, Event::Expired(key.1)));
            self.settle();
        }
        self.now = end;
    }

    fn propose(&mut self, computation: Computation) -> ComputationId {
        let proposer = computation.proposer;
        self.queue.push_back((proposer, Event::Command(Command::Propose(Box::new(computation)))));
        self.settle();
        self.nodes[&proposer].views()[0].id
    }

    fn restart(&mut self, index: usize) {
        let me = peer(index);
        let records = self.stores.get(&me).map(|store| store.values().cloned().collect()).unwrap_or_default();
        self.timers.retain(|(owner, _), _| *owner != me);
        self.nodes.insert(me, Node::new(settings(index, Self::open())));
        self.down.retain(|down| *down != me);
        self.queue.push_back((me, Event::Restored(records)));
        for other in self.values.clone().into_keys().chain((0..HEAVY).map(peer)) {
            if other != me {
                let role =
                    |index: &PeerId| if self.values.contains_key(index) { Role::Light } else { Role::Heavy };
                self.queue.push_back((me, Event::Met { peer: other, role: role(&other) }));
                self.queue.push_back((other, Event::Met { peer: me, role: role(&me) }));
            }
        }
        self.settle();
    }
}

fn question(net: &Net, proposer: usize, minimum: u32) -> Computation {
    Computation {
        version: 1,
        nonce: [9; 16],
        proposer: peer(proposer),
        proposed_at: net.now,
        prompt: "How many?".to_owned(),
        query: Query::parse(Statistic::Sum, &["n".to_owned()], None).unwrap(),
        heavy: (0..HEAVY).map(peer).collect(),
        sharing: Sharing::Additive { modulus: Modulus::Bits64 },
        min_participants: minimum,
        max_participants: 100,
        deadline: net.now + Duration::from_secs(5),
        patience_ms: 10_000,
        grace_ms: 3_000,
        participants: None,
        noise: None,
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
        assert_eq!((verified.id, verified.assurance.signed_by.len()), (id, HEAVY));
    }
}

/// Whole numbers from −10 to 100: with bounds there is something to prove.
fn bounded(net: &Net, sharing: Sharing) -> Computation {
    let schema = r#"{"type":"number","minimum":-10,"maximum":100}"#;
    let query = Query::parse(Statistic::Sum, &["n".to_owned()], Some(schema)).unwrap();
    Computation { query, sharing, ..question(net, 3, 3) }
}

#[test]
fn proven_schemes_give_the_same_exact_sum() {
    for sharing in [Sharing::Prio3, Sharing::Threshold { k: 2 }, Sharing::Threshold { k: 3 }] {
        let mut net = Net::new(&[10, -7, 14], &Net::open());
        let id = net.propose(bounded(&net, sharing));
        net.run_for(Duration::from_secs(6));
        for node in net.nodes.values() {
            let view = node.view(id).unwrap();
            assert_eq!((view.status, view.failure), (Status::Completed, None), "{sharing:?}");
            assert_eq!(view.answer.unwrap().total(), "17".parse().unwrap());
            let verified = verify_certificate(&to_bytes(view.certificate.unwrap())).unwrap();
            assert_eq!((verified.id, verified.assurance.signed_by.len()), (id, HEAVY));
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

#[test]
fn a_guarded_node_waits_for_its_owner_and_the_proposer_hears_of_it() {
    let mut net = Net::new(&[1, 2, 4], &Policy::default());
    let id = net.propose(question(&net, 3, 3));
    net.run_for(Duration::from_secs(1));
    let view = |net: &Net, index: usize| net.nodes[&peer(index)].view(id).unwrap().own;
    assert_eq!(view(&net, 3), OwnPart::Answered);
    assert_eq!(view(&net, 4), OwnPart::Waiting(Doubt::NoTrustedHeavy { colluders: 3 }));
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
