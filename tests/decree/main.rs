//! The agreement of heavy nodes some of which are gone (`protocol::Decree`): rule by rule, and many of them
//! from one seed with loss, crashes, restarts and lies.
//!
//! `FORMIX_SEEDS=20000 FORMIX_FIRST_SEED=0 cargo test --test decree` runs more seeds.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod bytes;
mod evidence;
mod liar;
mod rules;
mod scenario;
mod seeds;
mod unanimous;
mod views;
mod world;

use std::sync::OnceLock;

use formix_p2p::domain::{ComputationId, Digest, PeerId};
use formix_p2p::protocol::{Decree, DecreeOutput, Judge};
use formix_p2p::wire::{
    Choice, Commit, Decided, DecreeMemory, DecreeMessage, DecreeTerms, First, Identity, JustifiedProposal,
    Prepare, Prepared, Proposal, Signed, Topic, ViewChange,
};

const TOPIC: Topic = Topic::Lists;

fn identity(place: usize) -> &'static Identity {
    static ALL: OnceLock<Vec<Identity>> = OnceLock::new();
    let all = ALL.get_or_init(|| (1..=16).map(|seed| Identity::from_secret_key(&[seed; 32])).collect());
    &all[place]
}

fn peer(place: usize) -> PeerId {
    identity(place).peer()
}

fn id() -> ComputationId {
    ComputationId::of_body(b"a computation")
}

fn terms(nodes: usize, faults: usize) -> DecreeTerms {
    DecreeTerms { computation: id(), topic: TOPIC, heavy: (0..nodes).map(peer).collect(), faults }
}

/// The choice of these places out of `nodes`.
fn choice(nodes: usize, places: &[usize]) -> Choice {
    let input = |place: usize| Digest::from_bytes([u8::try_from(place).unwrap() + 1; 32]);
    Choice::new((0..nodes).map(|place| places.contains(&place).then(|| input(place))).collect())
}

fn proposal(place: usize, view: u32, choice: &Choice) -> Signed<Proposal> {
    let choice = choice.clone();
    let statement = Proposal { computation: id(), heavy: peer(place), topic: TOPIC, view, choice };
    Signed::sign(statement, identity(place))
}

fn propose(
    place: usize,
    view: u32,
    choice: &Choice,
    changes: impl IntoIterator<Item = Signed<ViewChange>>,
) -> DecreeMessage {
    let proposal = proposal(place, view, choice);
    DecreeMessage::Proposal(JustifiedProposal { proposal, changes: changes.into_iter().collect() })
}

fn prepare(place: usize, view: u32, choice: &Choice) -> Signed<Prepare> {
    let choice = choice.digest(id(), TOPIC);
    Signed::sign(Prepare { computation: id(), heavy: peer(place), topic: TOPIC, view, choice }, identity(place))
}

fn commit(place: usize, view: u32, choice: &Choice) -> Signed<Commit> {
    let choice = choice.digest(id(), TOPIC);
    Signed::sign(Commit { computation: id(), heavy: peer(place), topic: TOPIC, view, choice }, identity(place))
}

/// A view change with this lock, by a node that prepared in view 0 only if the lock says so.
fn change(place: usize, view: u32, prepared: Option<Prepared>) -> Signed<ViewChange> {
    let lock = prepared.as_ref().filter(|lock| lock.view == 0);
    let own = lock.filter(|lock| lock.prepares.iter().any(|prepare| prepare.signer() == peer(place)));
    let first = own.map(|lock| first(place, &lock.choice));
    change_with(place, view, prepared, first)
}

fn change_with(
    place: usize,
    view: u32,
    prepared: Option<Prepared>,
    first: Option<First>,
) -> Signed<ViewChange> {
    let statement = ViewChange { computation: id(), heavy: peer(place), topic: TOPIC, view, prepared, first };
    Signed::sign(statement, identity(place))
}

/// What a node prepared in view 0.
fn first(place: usize, choice: &Choice) -> First {
    First { choice: choice.clone(), prepare: prepare(place, 0, choice) }
}

fn prepared(places: &[usize], view: u32, choice: &Choice) -> Prepared {
    let prepares = places.iter().map(|place| prepare(*place, view, choice)).collect();
    Prepared { view, choice: choice.clone(), prepares }
}

fn decided(places: &[usize], view: u32, choice: &Choice) -> Decided {
    let commits = places.iter().map(|place| commit(*place, view, choice)).collect();
    Decided { view, choice: choice.clone(), commits, prepares: Vec::new() }
}

/// By the prepares of these.
fn unanimous(places: &[usize], choice: &Choice) -> Decided {
    let prepares = places.iter().map(|place| prepare(*place, 0, choice)).collect();
    Decided { view: 0, choice: choice.clone(), commits: Vec::new(), prepares }
}

/// A host that would propose one thing, holds everything and allows everything, unless told otherwise.
struct Host {
    own: Option<Choice>,
    holds: bool,
    allows: bool,
}

impl Judge for Host {
    fn own(&self) -> Option<Choice> {
        self.own.clone()
    }

    fn holds(&self, _: &Choice) -> bool {
        self.holds
    }

    fn allows(&self, _: &Choice) -> bool {
        self.allows
    }
}

/// Waits for inputs, but takes what others propose.
const WAITS: Host = Host { own: None, holds: true, allows: true };

fn wants(choice: &Choice) -> Host {
    Host { own: Some(choice.clone()), ..WAITS }
}

/// One machine, its place, and what it persisted last.
struct Machine {
    place: usize,
    decree: Decree,
    disk: DecreeMemory,
    evidence: Vec<formix_p2p::wire::DecreeFault>,
}

impl Machine {
    fn new(nodes: usize, faults: usize, place: usize) -> Self {
        let decree = Decree::new(terms(nodes, faults), 0, peer(place));
        Self { place, decree, disk: DecreeMemory::default(), evidence: Vec::new() }
    }

    /// What it sends after this.
    fn advance(&mut self, host: &Host) -> Vec<DecreeMessage> {
        let mut sent = Vec::new();
        for output in self.decree.advance(host, identity(self.place)) {
            match output {
                DecreeOutput::Persist(memory) => self.disk = *memory,
                DecreeOutput::Broadcast(message) => sent.push(*message),
                DecreeOutput::Decided => assert!(self.decree.decided().is_some()),
                DecreeOutput::Evidence(fault) => self.evidence.push(*fault),
            }
        }
        sent
    }

    /// Hears messages, each from its signer, which must be taken.
    fn hear(&mut self, messages: impl IntoIterator<Item = DecreeMessage>) {
        for message in messages {
            let from = signer(&message);
            assert_eq!(self.decree.on_message(from, message), Ok(()));
        }
    }

    fn restart(&mut self) {
        self.decree = Decree::restore(self.decree.terms().clone(), 0, peer(self.place), self.disk.clone());
    }

    fn time_out(&mut self, host: &Host) -> Vec<DecreeMessage> {
        self.decree.on_timeout();
        self.advance(host)
    }
}

fn signer(message: &DecreeMessage) -> PeerId {
    match message {
        DecreeMessage::Proposal(justified) => justified.proposal.signer(),
        DecreeMessage::Prepare(prepare) => prepare.signer(),
        DecreeMessage::Commit(commit) => commit.signer(),
        DecreeMessage::ViewChange(change) => change.signer(),
        DecreeMessage::Decided(decided) => decided.signers().next().unwrap(),
    }
}
