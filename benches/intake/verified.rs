//! How many reports a second a heavy node verifies on all cores, by its protocol machine's own path, beside the bare calls of the
//! `prio` crate on as many threads; and for how long one event keeps the machine from anything else.

use std::collections::{BTreeMap, VecDeque};
use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime};

use formix_p2p::consent::Policy;
use formix_p2p::domain::{ComputationId, PeerId, Role, Sharing, Status, Timestamp};
use formix_p2p::protocol::{Action, Command, Event, Node, Settings, Shelf, Slice, Timer, Unreadable};
use formix_p2p::sharing::Secret;
use formix_p2p::wire::{HeldShare, Identity, Message, Record, RecordKey, Submission};
use prio::codec::{Encode, ParameterizedDecode};
use prio::vdaf::prio3::{Prio3, Prio3InputShare, Prio3PublicShare, Prio3VerifierShare};
use prio::vdaf::{Aggregator, VerifyTransition};

use crate::material::{self, NODE, Question, key};

/// The highest value: that of a sum of 31 bits, which the crate proves alike.
const MOST: u64 = (1 << 31) - 1;
const KEY: [u8; 32] = [9; 32];

/// What one turn took.
pub struct Turn {
    /// The measured node's, from the deadline to the certificate.
    pub ours: Duration,
    /// Its longest event of those, and what it was.
    pub longest: (Duration, &'static str),
    /// The bare calls'.
    pub bare: Duration,
}

struct Machines {
    now: Timestamp,
    nodes: Vec<Node>,
    /// What each has on its disk of reports.
    shelves: Vec<Held>,
    peers: Vec<PeerId>,
    queue: VecDeque<(usize, &'static str, Event)>,
    timers: BTreeMap<(usize, Timer), Timestamp>,
    spent: Duration,
    longest: (Duration, &'static str),
}

/// Reports as a store gives them back, which opens its rows on every processor: what that takes is measured by `benches/scale`.
#[derive(Clone, Default)]
struct Held(BTreeMap<PeerId, HeldShare>);

impl Shelf for Held {
    fn shares(&self, _: ComputationId, of: &[PeerId]) -> Result<Vec<Option<HeldShare>>, Unreadable> {
        Ok(of.iter().map(|participant| self.0.get(participant).cloned()).collect())
    }

    fn each(&self, _: ComputationId, visit: &mut dyn FnMut(&HeldShare)) -> Result<(), Unreadable> {
        self.0.values().for_each(visit);
        Ok(())
    }

    fn record(&self, _: &RecordKey) -> Result<Option<Record>, Unreadable> {
        Ok(None)
    }
}

impl Machines {
    /// Three heavy nodes, and a light one that asks.
    fn new(now: Timestamp) -> Self {
        let mut identities = material::heavy();
        identities.push(Identity::from_secret_key(&key(0xbb, 0)));
        let settings = |identity: &Identity, role| Settings {
            identity: identity.clone(),
            role,
            policy: Policy::default(),
            memory_since: None,
            seed: Secret::new(*identity.peer().public_key()),
            slice: Slice::default(),
        };
        let role = |index: usize| if index < 3 { Role::Heavy } else { Role::Light };
        let nodes = identities.iter().enumerate().map(|(index, it)| Node::new(settings(it, role(index))));
        let peers: Vec<_> = identities.iter().map(Identity::peer).collect();
        let mut machines = Self {
            now,
            nodes: nodes.collect(),
            shelves: vec![Held::default(); identities.len()],
            queue: VecDeque::new(),
            timers: BTreeMap::new(),
            spent: Duration::ZERO,
            longest: (Duration::ZERO, ""),
            peers,
        };
        for index in 0..4 {
            machines.queue.push_back((index, "restored", Event::Restored(Vec::new())));
            for other in (0..4).filter(|other| *other != index) {
                let met = Event::Met { peer: machines.peers[other], role: role(other) };
                machines.queue.push_back((index, "met", met));
            }
        }
        machines.settle();
        machines
    }

    fn handle(&mut self, to: usize, what: &'static str, event: Event) {
        let begun = Instant::now();
        let actions = self.nodes[to].handle(self.now, event, &self.shelves[to]);
        let took = begun.elapsed();
        if to == NODE {
            self.spent += took;
            self.longest = self.longest.max((took, what));
        }
        for action in actions {
            match action {
                Action::Send { to: other, message } => {
                    let kind = message.kind();
                    if let Some(other) = self.peers.iter().position(|peer| *peer == other) {
                        let event = Event::Message { from: self.peers[to], message: *message };
                        self.queue.push_back((other, kind, event));
                    }
                }
                Action::Persist(record) => {
                    if let Record::Held(submission) = *record {
                        let held = HeldShare::of(&submission);
                        self.shelves[to].0.insert(held.participant, held);
                    }
                }
                // What has come meanwhile comes first, as in a node.
                Action::Work { computation } => {
                    self.queue.push_back((to, "work", Event::Work { computation }));
                }
                Action::SetTimer { timer, at } => drop(self.timers.insert((to, timer), at)),
                _ => {}
            }
        }
    }

    fn settle(&mut self) {
        while let Some((to, what, event)) = self.queue.pop_front() {
            self.handle(to, what, event);
        }
    }

    /// Lets the time pass until nothing is due any more.
    fn pass(&mut self, until: Timestamp) {
        self.settle();
        while let Some((key, at)) = self.timers.iter().min_by_key(|(_, at)| **at).map(|(key, at)| (*key, *at)) {
            if at > until {
                break;
            }
            self.timers.remove(&key);
            self.now = self.now.max(at);
            self.handle(key.0, "timer", Event::Expired(key.1));
            self.settle();
        }
        self.now = until;
    }
}

/// Reports through three machines and through the crate's calls.
pub fn turn(reports: usize) -> Turn {
    let question = Question { sharing: Sharing::Prio3, length: 1, most: MOST };
    let proposer = Identity::from_secret_key(&key(0xbb, 0));
    let computation = material::computations(question, &proposer, 1).remove(0);
    let (id, terms) = (computation.id(), computation.get().clone());
    let mut machines = Machines::new(Timestamp::from(SystemTime::now()));
    machines.now = terms.proposed_at;
    let propose = Event::Command(Command::Propose(Box::new(terms.clone())));
    machines.handle(3, "propose", propose);
    machines.settle();
    let split: Vec<Vec<Submission>> = (0..reports)
        .map(|number| {
            let light = Identity::from_secret_key(&key(0xcc, number));
            material::report(&terms, id, question, &light, number)
        })
        .collect();
    for report in &split {
        for (heavy, submission) in report.iter().enumerate() {
            let from = submission.manifest.signer();
            machines.handle(
                heavy,
                "submit",
                Event::Message { from, message: Message::Submit(submission.clone()) },
            );
        }
    }
    machines.queue.clear();
    (machines.spent, machines.longest) = (Duration::ZERO, (Duration::ZERO, ""));
    machines.pass(terms.deadline);
    let view = machines.nodes[NODE].view(id).unwrap();
    assert_eq!((view.status, view.participants), (Status::Completed, u32::try_from(reports).unwrap()));
    Turn { ours: machines.spent, longest: machines.longest, bare: bare(id, &split) }
}

/// Every report's verifier share, its verdict, and the sum of the valid ones, on every core.
fn bare(id: ComputationId, split: &[Vec<Submission>]) -> Duration {
    let vdaf = Prio3::new_sum(3, MOST).unwrap();
    let ctx = id.as_bytes();
    let init = |submission: &Submission, node: usize| {
        let manifest = submission.manifest.get();
        let public = Prio3PublicShare::get_decoded_with_param(&vdaf, &manifest.public).unwrap();
        let share = Prio3InputShare::get_decoded_with_param(&(&vdaf, node), submission.share.expose()).unwrap();
        let (state, verifier) =
            vdaf.verify_init(&KEY, ctx, node, &(), &manifest.nonce, &public, &share).unwrap();
        (state, verifier.get_encoded().unwrap())
    };
    let others: Vec<[Vec<u8>; 2]> =
        split.iter().map(|report| [init(&report[1], 1).1, init(&report[2], 2).1]).collect();
    let threads = std::thread::available_parallelism().unwrap().get();
    let run = split.len().div_ceil(threads);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for (reports, others) in split.chunks(run).zip(others.chunks(run)) {
            let (vdaf, init) = (&vdaf, &init);
            scope.spawn(move || {
                let outputs = reports.iter().zip(others).map(|(report, others)| {
                    let (state, own) = init(&report[NODE], NODE);
                    let verifiers = [&own, &others[0], &others[1]]
                        .map(|bytes| Prio3VerifierShare::get_decoded_with_param(&state, bytes).unwrap());
                    let message = vdaf.verifier_shares_to_message(ctx, &(), verifiers).unwrap();
                    match vdaf.verify_next(ctx, state, message).unwrap() {
                        VerifyTransition::Finish(output) => output,
                        VerifyTransition::Continue(..) => panic!("Prio3 has one round"),
                    }
                });
                black_box(vdaf.aggregate(&(), outputs).unwrap());
            });
        }
    });
    begun.elapsed()
}
