//! Words that cost much and prove nothing: they are looked at before anything is read back or sent for them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use formix_p2p::domain::limits::EXCLUSIONS_MAX;
use formix_p2p::domain::{Computation, ComputationId, PeerId};
use formix_p2p::protocol::{Action, Event, Notice, Shelf, Unreadable};
use formix_p2p::sharing::Secret;
use formix_p2p::wire::{
    Filled, HeldShare, Identity, Manifest, Message, Record, RecordKey, RecordKind, Rejection, Signed,
    Submission, share_digest, to_bytes,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::net::{Net, identity, peer};
use crate::question;
use crate::wild::Wild;

/// A store that counts how often a record is read back.
struct Counting<'a> {
    store: &'a BTreeMap<RecordKey, Record>,
    reads: AtomicUsize,
}

impl Shelf for Counting<'_> {
    fn shares(&self, id: ComputationId, participants: &[PeerId]) -> Result<Vec<Option<HeldShare>>, Unreadable> {
        self.store.shares(id, participants)
    }

    fn each(&self, id: ComputationId, visit: &mut dyn FnMut(&HeldShare)) -> Result<(), Unreadable> {
        self.store.each(id, visit)
    }

    fn record(&self, key: &RecordKey) -> Result<Option<Record>, Unreadable> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.store.record(key)
    }
}

/// What the first heavy node does about a message, and how many records it reads for that.
fn reaction(net: &mut Net, from: PeerId, message: Message) -> (Vec<Action>, usize) {
    let store = net.stores[&peer(0)].clone();
    let shelf = Counting { store: &store, reads: AtomicUsize::new(0) };
    let event = Event::Message { from, message };
    let actions = net.nodes.get_mut(&peer(0)).unwrap().handle(net.now, event, &shelf);
    for action in &actions {
        net.act(peer(0), action.clone());
    }
    net.queue.clear();
    (actions, shelf.reads.into_inner())
}

/// A report of 5 by somebody, one share a heavy node.
fn report(id: ComputationId, question: &Computation, of: &Identity, nonce: u8) -> Vec<Submission> {
    let scheme = formix_p2p::statistics::scheme(question).unwrap();
    let nonce = [nonce; 16];
    let mut rng = ChaCha20Rng::from_seed([nonce[0]; 32]);
    let split = scheme.split(id.as_bytes(), &nonce, &Secret::new(vec![1, 5]), &mut rng).unwrap();
    let blind = Secret::new([1; 32]);
    let digest = |(heavy, share): (&PeerId, &Secret<Vec<u8>>)| {
        share_digest(id, of.peer(), *heavy, &blind, share.expose())
    };
    let shares = question.heavy.iter().zip(&split.shares).map(digest).collect();
    let manifest =
        Manifest { computation: id, participant: of.peer(), nonce, public: split.public.clone(), shares };
    let manifest = Signed::sign(manifest, of);
    let part = |share: &Secret<Vec<u8>>| Submission {
        manifest: manifest.clone(),
        blind: blind.clone(),
        share: share.clone(),
    };
    split.shares.iter().map(part).collect()
}

/// A running computation, and what was asked.
fn running() -> (Net, ComputationId, Computation) {
    let mut net = Net::new(&[1, 2, 4], &Net::open());
    let question = question(&net, 3, 3);
    let id = net.propose(question.clone());
    (net, id, question)
}

fn ignored(actions: &[Action]) -> Option<&'static str> {
    match actions {
        [Action::Tell(Notice::Ignored { kind, .. })] => Some(kind),
        _ => None,
    }
}

#[test]
fn a_conflict_that_can_prove_nothing_has_nothing_read_back() {
    let (mut net, id, question) = running();
    let key = RecordKey { kind: RecordKind::Held, computation: id, peer: Some(peer(4)) };
    let Record::Held(held) = net.stores[&peer(0)][&key].clone() else { panic!("no report") };
    let same = held.manifest;
    let short = Manifest { nonce: [9; 16], shares: Vec::new(), ..same.get().clone() };
    let elsewhere = Manifest { computation: ComputationId::of_body(b"elsewhere"), ..same.get().clone() };
    let unknown = report(id, &question, &identity(77), 9)[0].manifest.clone();
    let useless = [same, Signed::sign(short, &identity(4)), Signed::sign(elsewhere, &identity(4)), unknown];
    for manifest in useless {
        assert_eq!(reaction(&mut net, peer(1), Message::Conflict(manifest)), (Vec::new(), 0));
    }
    let other = |nonce| report(id, &question, &identity(4), nonce)[0].manifest.clone();
    let (actions, reads) = reaction(&mut net, peer(1), Message::Conflict(other(8)));
    let kept =
        |action: &Action| matches!(action, Action::Persist(record) if matches!(**record, Record::Fault(_)));
    assert!(actions.iter().any(kept) && reads == 1, "{actions:?}, {reads} reads");
    // It is known now that there are two.
    assert_eq!(reaction(&mut net, peer(1), Message::Conflict(other(10))), (Vec::new(), 0));
}

#[test]
fn a_third_report_is_refused_without_reading_the_first_back() {
    let (mut net, id, question) = running();
    let submit = |nonce| Message::Submit(report(id, &question, &identity(4), nonce)[0].clone());
    let refused = |actions: &[Action]| {
        actions.iter().any(|action| {
            let Action::Send { message, .. } = action else { return false };
            matches!(**message, Message::Reject { rejection: Rejection::OtherReport, .. })
        })
    };
    let (actions, reads) = reaction(&mut net, peer(4), submit(8));
    assert!(refused(&actions) && reads == 1 && actions.len() == 3, "{actions:?}, {reads} reads");
    for nonce in 9..12 {
        let (actions, reads) = reaction(&mut net, peer(4), submit(nonce));
        assert!(refused(&actions) && reads == 0 && actions.len() == 1, "{actions:?}, {reads} reads");
    }
}

/// The first heavy node has closed; the others are away.
fn closed() -> (Net, ComputationId) {
    let (mut net, id, _) = running();
    net.run_for(Duration::from_secs(1));
    net.down.extend([peer(1), peer(2)]);
    net.run_for(Duration::from_secs(5));
    (net, id)
}

#[test]
fn leaves_are_told_once_for_each_question_and_to_heavy_nodes_alone() {
    let (mut net, id) = closed();
    let lacking =
        |leaves: &[u32]| Message::Lacking { computation: id, owner: peer(0), leaves: leaves.to_vec() };
    let (actions, _) = reaction(&mut net, peer(1), lacking(&[0]));
    let [Action::Send { to, message }] = actions.as_slice() else { panic!("{actions:?}") };
    assert!(*to == peer(1) && matches!(**message, Message::Leaves { .. }), "{message:?}");
    for (from, leaves) in [(1, vec![0; 64]), (1, vec![1, 0]), (4, vec![0])] {
        let (actions, _) = reaction(&mut net, peer(from), lacking(&leaves));
        assert_eq!(ignored(&actions), Some("lacking"), "{from} {leaves:?}: {actions:?}");
    }
}

#[test]
fn lists_and_leaves_of_who_is_no_heavy_node_are_not_looked_at() {
    let (mut net, id) = closed();
    let leaf = Filled { leaf: 0, entries: Vec::new() };
    for owner in [4, 1, 0] {
        let leaves = Message::Leaves { computation: id, owner: peer(owner), leaves: vec![leaf.clone()] };
        let (actions, _) = reaction(&mut net, peer(4), leaves);
        assert_eq!(ignored(&actions), Some("leaves"), "owner {owner}: {actions:?}");
    }
}

/// Else whoever makes many keys has two heavy nodes send each other a message for each of them.
#[test]
fn no_more_conflicts_are_shown_than_anybody_excludes() {
    let mut net = Net::new(&[1], &Net::open());
    let crowd = EXCLUSIONS_MAX + 20;
    let question = Computation { max_participants: 1_000, ..question(&net, 3, 3) };
    let id = question.id_of(&to_bytes(&question));
    net.propose(question.clone());
    for number in 0..crowd {
        let mut secret = [200; 32];
        secret[..8].copy_from_slice(&(number as u64).to_be_bytes());
        let one = Identity::from_secret_key(&secret);
        for heavy in 0..3 {
            // The first heavy node gets another report than the others.
            let submission = report(id, &question, &one, u8::from(heavy == 0))[heavy].clone();
            let event = Event::Message { from: one.peer(), message: Message::Submit(submission) };
            net.queue.push_back((peer(heavy), event));
        }
    }
    let shown = std::rc::Rc::new(std::cell::RefCell::new(BTreeMap::<(PeerId, PeerId), usize>::new()));
    let seen = shown.clone();
    let mut wild = Wild::new(net, move |net, from, to, message| {
        // The crowd hears nothing.
        if !net.nodes.contains_key(&to) {
            return Vec::new();
        }
        if matches!(message, Message::Conflict(_)) {
            *seen.borrow_mut().entry((from, to)).or_default() += 1;
            return Vec::new();
        }
        vec![(from, to, message)]
    });
    wild.run_for(Duration::from_secs(6));
    let shown = shown.borrow();
    // The others may hear that there are too few participants before they have compared.
    assert!(shown.len() >= 2 && shown.values().all(|shown| *shown == EXCLUSIONS_MAX), "{shown:?}");
}
