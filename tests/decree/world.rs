//! A virtual network of one decree, from one seed: loss, delay, copies, crashes for good and crashes with a
//! restart, and heavy nodes that lie. What must never happen is checked at every output.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use formix_p2p::domain::Digest;
use formix_p2p::wire::{DecreeFault, from_bytes, to_bytes};

use super::liar::Liar;
use super::scenario::{Dice, Outcome, Scenario};
use super::*;

/// How long a view may take at first, in milliseconds; it doubles.
const VIEW_MS: u64 = 400;
const RESEND_MS: u64 = 250;
const HOPE_MS: u64 = 250;
enum Event {
    Deliver {
        from: usize,
        to: usize,
        message: Box<DecreeMessage>,
    },
    Resend {
        node: usize,
        life: u32,
    },
    TimeOut {
        node: usize,
        life: u32,
        view: u32,
    },
    /// Everybody's prepare should have come.
    HopedLongEnough {
        node: usize,
        life: u32,
    },
    Grace {
        node: usize,
    },
    Input {
        node: usize,
        of: usize,
    },
    Restart {
        node: usize,
    },
}

#[derive(Default)]
struct Node {
    /// `None`: down, or a liar.
    decree: Option<Box<Decree>>,
    disk: DecreeMemory,
    /// What the disk says is decided.
    decided: Option<Choice>,
    /// Whose inputs it holds, durably.
    inputs: BTreeSet<usize>,
    grace_over: bool,
    life: u32,
    /// Started, and not heard from yet.
    fresh: bool,
    outputs: u64,
    gone: bool,
    /// Inputs under way, because a proposal names them.
    fetching: BTreeSet<usize>,
    /// Choices that it was asked about and took.
    took: RefCell<BTreeSet<Digest>>,
    /// What it has signed, by kind and view: for ever one body.
    signed: BTreeMap<(u8, u32), Vec<u8>>,
}

/// What a node's host knows.
struct Inputs<'a> {
    node: &'a Node,
    terms: &'a DecreeTerms,
    /// Once the grace is over, its own choice leaves this input out if it can; and it takes what others choose.
    stubborn: Option<usize>,
}

impl Judge for Inputs<'_> {
    fn own(&self) -> Option<Choice> {
        let (held, nodes) = (self.node.inputs.len(), self.terms.heavy.len());
        let ready = held == nodes || (self.node.grace_over && held >= self.terms.quorum());
        let left_out = self.stubborn.filter(|_| held > self.terms.quorum() && self.node.grace_over);
        let counted = self.node.inputs.iter().copied().filter(|input| Some(*input) != left_out);
        let own = ready.then(|| choice(nodes, &counted.collect::<Vec<_>>()))?;
        self.node.took.borrow_mut().insert(self.terms.digest(&own));
        Some(own)
    }

    fn holds(&self, choice: &Choice) -> bool {
        let held = named(choice).is_subset(&self.node.inputs);
        if held {
            self.node.took.borrow_mut().insert(self.terms.digest(choice));
        }
        held
    }

    fn allows(&self, choice: &Choice) -> bool {
        let named = named(choice);
        named.len() >= self.terms.quorum() && (self.stubborn.is_some() || named.is_superset(&self.node.inputs))
    }
}

pub struct World {
    pub scenario: Scenario,
    pub terms: DecreeTerms,
    pub first: usize,
    pub dice: Dice,
    now: u64,
    events: BTreeMap<(u64, u64), Event>,
    count: u64,
    nodes: Vec<Node>,
    liars: BTreeMap<usize, Liar>,
    /// From one to another: until when nothing gets through.
    cut_until_ms: Vec<Vec<u64>>,
    outcome: Outcome,
}

/// The places whose inputs a choice names.
pub fn named(choice: &Choice) -> BTreeSet<usize> {
    choice.inputs().iter().enumerate().filter_map(|(place, input)| input.map(|_| place)).collect()
}

pub fn run(scenario: &Scenario) -> Outcome {
    let mut world = World::new(scenario.clone());
    while let Some(((at, _), event)) = world.events.pop_first() {
        world.now = at;
        if at > scenario.end_ms || world.is_over() {
            break;
        }
        world.on_event(event);
    }
    world.finish()
}

impl World {
    fn new(scenario: Scenario) -> Self {
        let (nodes, mut dice) = (scenario.nodes, Dice::new(scenario.seed));
        let (terms, first) = (terms(nodes, scenario.faults), dice.place(nodes));
        let mut world = Self {
            now: 0,
            events: BTreeMap::new(),
            count: 0,
            nodes: (0..nodes).map(|_| Node::default()).collect(),
            liars: BTreeMap::new(),
            cut_until_ms: Vec::new(),
            outcome: Outcome::default(),
            terms,
            first,
            dice,
            scenario,
        };
        for _ in 0..nodes {
            let mut cut = |_| if world.dice.chance(300) { world.dice.below(5_000) } else { 0 };
            let row = (0..nodes).map(&mut cut).collect();
            world.cut_until_ms.push(row);
        }
        for node in 0..nodes {
            world.begin(node);
        }
        world
    }

    fn begin(&mut self, node: usize) {
        if self.scenario.liars.contains(&node) {
            let liar = Liar::new(self, node);
            self.liars.insert(node, liar);
            self.after(1, RESEND_MS, Event::Resend { node, life: 0 });
            self.after(VIEW_MS, VIEW_MS, Event::TimeOut { node, life: 0, view: 0 });
        } else if self.scenario.vanish.get(&node) == Some(&0) {
            self.nodes[node].gone = true;
        } else {
            self.start(node);
            self.after(300, 300, Event::Grace { node });
        }
        // Some inputs come late; those of nodes that vanish at once may reach nobody.
        for to in 0..self.scenario.nodes {
            let lost = self.nodes[node].gone && self.dice.chance(500);
            if to == node {
                self.nodes[node].inputs.insert(node);
            } else if !lost {
                let slow = if self.dice.chance(100) { 3_000 } else { 400 };
                self.after(0, slow, Event::Input { node: to, of: node });
            }
        }
    }

    fn start(&mut self, node: usize) {
        let decree = Decree::restore(self.terms.clone(), self.first, peer(node), self.nodes[node].disk.clone());
        let life = self.nodes[node].life;
        self.after(1, RESEND_MS, Event::Resend { node, life });
        self.set_timer(node, decree.view());
        self.nodes[node].decree = Some(Box::new(decree));
        self.nodes[node].fresh = true;
    }

    fn set_timer(&mut self, node: usize, view: u32) {
        let length = VIEW_MS << view.min(8);
        let life = self.nodes[node].life;
        self.after(length, length / 2, Event::TimeOut { node, life, view });
    }

    fn after(&mut self, least_ms: u64, spread_ms: u64, event: Event) {
        let at = self.now + least_ms + self.dice.below(spread_ms + 1);
        self.count += 1;
        self.events.insert((at, self.count), event);
    }

    /// Sends, perhaps twice, perhaps not at all.
    pub fn send(&mut self, from: usize, to: usize, message: &DecreeMessage) {
        let cut = self.now < self.cut_until_ms[from][to];
        for _ in 0..=u64::from(self.dice.chance(100)) {
            if !cut && !self.dice.chance(self.scenario.loss_permille) {
                let slow = if self.dice.chance(50) { 2_000 } else { 60 };
                self.after(1, slow, Event::Deliver { from, to, message: Box::new(message.clone()) });
            }
        }
    }

    fn broadcast(&mut self, from: usize, message: &DecreeMessage) {
        for to in (0..self.scenario.nodes).filter(|to| *to != from) {
            self.send(from, to, message);
        }
    }

    fn is_over(&self) -> bool {
        self.nodes.iter().enumerate().all(|(place, node)| {
            node.gone
                || self.scenario.liars.contains(&place)
                || node.decree.as_ref().is_some_and(|decree| decree.decided().is_some())
        })
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Deliver { from, to, message } => self.deliver(from, to, *message),
            Event::Resend { node, life } => self.resend(node, life),
            Event::TimeOut { node, life, view } => self.time_out(node, life, view),
            Event::HopedLongEnough { node, life } => {
                let now = &mut self.nodes[node];
                if let Some(decree) = now.decree.as_mut().filter(|_| now.life == life) {
                    decree.wait_for_all_no_more();
                    self.advance(node);
                }
            }
            Event::Grace { node } => {
                self.nodes[node].grace_over = true;
                self.advance(node);
            }
            Event::Input { node, of } => {
                self.nodes[node].inputs.insert(of);
                self.advance(node);
            }
            Event::Restart { node } => {
                self.outcome.restarts += 1;
                self.nodes[node].life += 1;
                self.start(node);
                self.advance(node);
            }
        }
    }

    fn deliver(&mut self, from: usize, to: usize, message: DecreeMessage) {
        if let Some(mut liar) = self.liars.remove(&to) {
            liar.hear(self, from, message);
            self.liars.insert(to, liar);
            return;
        }
        let Some(decree) = &mut self.nodes[to].decree else { return };
        let answer = decree.answer(&message);
        // Whether it was taken shows in what follows.
        let _ = decree.on_message(peer(from), message);
        if let Some(answer) = answer {
            self.send(to, from, &answer);
        }
        self.advance(to);
    }

    fn resend(&mut self, node: usize, life: u32) {
        if let Some(mut liar) = self.liars.remove(&node) {
            liar.resend(self);
            self.liars.insert(node, liar);
        } else if self.nodes[node].life != life {
            return;
        }
        // Who has decided waits to be asked.
        let undecided = self.nodes[node].decree.as_ref().filter(|decree| decree.decided().is_none());
        for message in undecided.map(|decree| decree.resend()).unwrap_or_default() {
            self.broadcast(node, &message);
        }
        self.after(RESEND_MS, RESEND_MS / 4, Event::Resend { node, life });
    }

    fn time_out(&mut self, node: usize, life: u32, view: u32) {
        if let Some(mut liar) = self.liars.remove(&node) {
            liar.time_out(self);
            self.liars.insert(node, liar);
            self.after(VIEW_MS, VIEW_MS * 4, Event::TimeOut { node, life, view });
            return;
        }
        if self.nodes[node].life != life {
            return;
        }
        let Some(decree) = &mut self.nodes[node].decree else { return };
        if decree.view() == view {
            decree.on_timeout();
            self.advance(node);
            if self.nodes[node].decree.as_ref().is_some_and(|decree| decree.view() == view) {
                self.set_timer(node, view);
            }
        }
    }

    /// Carries out what follows, and crashes between two outputs if the dice say so.
    fn advance(&mut self, node: usize) {
        let Some(mut decree) = self.nodes[node].decree.take() else { return };
        let (before, hoped) = (decree.view(), decree.awaits_all() && !self.nodes[node].fresh);
        self.nodes[node].fresh = false;
        let inputs = Inputs {
            node: &self.nodes[node],
            terms: &self.terms,
            stubborn: self.scenario.stubborn.then_some(node),
        };
        let outputs = decree.advance(&inputs, identity(node));
        for output in outputs {
            if self.dice.chance(self.scenario.crash_permille) {
                self.after(1, 1_500, Event::Restart { node });
                return;
            }
            self.carry_out(node, &decree, output);
            self.nodes[node].outputs += 1;
            let decided = decree.decided().is_some() && self.scenario.vanish_decided > 0;
            self.scenario.vanish_decided -= usize::from(decided);
            if decided || self.scenario.vanish.get(&node) == Some(&self.nodes[node].outputs) {
                self.nodes[node].gone = true;
                return;
            }
        }
        self.fetch(node, &decree);
        if decree.awaits_all() && !hoped {
            let life = self.nodes[node].life;
            self.after(HOPE_MS, HOPE_MS / 4, Event::HopedLongEnough { node, life });
        }
        let view = decree.view();
        self.outcome.view_max = self.outcome.view_max.max(view);
        self.nodes[node].decree = Some(decree);
        if view != before {
            self.set_timer(node, view);
        }
    }

    fn carry_out(&mut self, node: usize, decree: &Decree, output: DecreeOutput) {
        match output {
            DecreeOutput::Persist(memory) => {
                self.check_memory(node, &memory);
                self.outcome.decisions.extend(self.nodes[node].decided.clone().and(decree.decided().cloned()));
                self.nodes[node].disk = *memory;
            }
            DecreeOutput::Broadcast(message) => {
                self.check_said(node, &message);
                self.broadcast(node, &message);
            }
            DecreeOutput::Decided => assert!(decree.decided().is_some()),
            DecreeOutput::Evidence(fault) => {
                if !fault.holds(&self.terms) || from_bytes(&to_bytes(&*fault)).as_ref() != Ok(&*fault) {
                    self.violation(node, format!("evidence that does not hold: {fault:?}"));
                }
                self.outcome.evidence.push(*fault);
            }
        }
    }

    /// Gets what the proposal names from anybody who has it.
    fn fetch(&mut self, node: usize, decree: &Decree) {
        let lacking = decree.proposed().map(named).unwrap_or_default();
        for of in lacking.difference(&self.nodes[node].inputs.clone()).copied() {
            let there = |other: &Node| !other.gone && other.inputs.contains(&of);
            if self.nodes.iter().any(there) && self.nodes[node].fetching.insert(of) {
                self.after(20, 300, Event::Input { node, of });
            }
        }
    }

    fn violation(&mut self, node: usize, what: String) {
        self.outcome.violations.push(format!("node {node} at {} ms: {what}", self.now));
    }

    /// A decision is never taken back, on disk either.
    fn check_memory(&mut self, node: usize, memory: &DecreeMemory) {
        let restored = Decree::restore(self.terms.clone(), self.first, peer(node), memory.clone());
        let after = restored.decided().map(|decided| decided.choice.clone());
        let before = self.nodes[node].decided.clone();
        if before.is_some() && before != after {
            self.violation(node, format!("{before:?} became {after:?}"));
        }
        self.nodes[node].decided = after;
    }

    /// What leaves is on disk, unless that says that all is decided; and nothing leaves that contradicts what
    /// left before, restarts included.
    fn check_said(&mut self, node: usize, message: &DecreeMessage) {
        let disk = self.nodes[node].disk.clone();
        let restored = Decree::restore(self.terms.clone(), self.first, peer(node), disk);
        if restored.decided().is_none() && !restored.resend().contains(message) {
            self.violation(node, format!("said before it was persisted: {message:?}"));
        }
        let (kind, view, body) = match message {
            DecreeMessage::Proposal(it) => (0, it.proposal.get().view, it.proposal.body()),
            DecreeMessage::Prepare(it) => (1, it.get().view, it.body()),
            DecreeMessage::Commit(it) => (2, it.get().view, it.body()),
            DecreeMessage::ViewChange(it) => (3, it.get().view, it.body()),
            DecreeMessage::Decided(_) => return,
        };
        let earlier = self.nodes[node].signed.insert((kind, view), body.to_vec());
        if earlier.is_some_and(|earlier| earlier != body) {
            self.violation(node, format!("said twice in view {view}: {message:?}"));
        }
    }

    fn finish(mut self) -> Outcome {
        let honest = |place: &usize| !self.scenario.liars.contains(place) && !self.nodes[*place].gone;
        let decided =
            |place: &usize| self.nodes[*place].decree.as_ref().is_some_and(|it| it.decided().is_some());
        self.outcome.undecided =
            (0..self.scenario.nodes).filter(|place| honest(place) && !decided(place)).collect();
        let took: BTreeSet<_> = self.nodes.iter().flat_map(|node| node.took.borrow().clone()).collect();
        for decided in self.outcome.decisions.clone() {
            if !decided.holds(&self.terms) {
                self.violation(0, format!("no proof: {decided:?}"));
            }
            if !took.contains(&self.terms.digest(&decided.choice)) {
                self.violation(0, format!("no honest node took it: {decided:?}"));
            }
        }
        for culprit in self.outcome.evidence.iter().map(DecreeFault::culprit).collect::<BTreeSet<_>>() {
            let place = self.terms.position(culprit).unwrap();
            if !self.scenario.liars.contains(&place) {
                self.violation(place, "is blamed and did nothing".to_owned());
            }
        }
        self.outcome
    }
}
