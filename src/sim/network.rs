//! What lies between nodes: delay, loss, repetition, cuts, and the queue of everything that will happen.

use std::collections::{BTreeMap, BTreeSet};

use super::dice::Dice;
use super::scenario::{Cut, NodeIndex, Weather};
use crate::domain::ComputationId;
use crate::protocol::{Command, Timer};
use crate::wire::{Gossip, Message};

/// The usual delay once the network behaves, from and to.
const CALM_DELAY_MS: (u64, u64) = (1, 30);
/// The longest delay of a slow message.
const SLOW_MS_MAX: u64 = 3_000;

/// One thing that will happen.
#[derive(Clone, Debug)]
pub(super) enum Happening {
    /// A node is started.
    Start(NodeIndex),
    /// A node stops without warning; by the position of the crash in the scenario.
    Crash(usize),
    /// A message arrives.
    Deliver { from: NodeIndex, to: NodeIndex, message: Message },
    /// Bytes arrive that no honest node sent.
    DeliverForged { from: NodeIndex, to: NodeIndex, bytes: Vec<u8> },
    /// Gossip arrives.
    Gossip { to: NodeIndex, gossip: Gossip },
    /// A timer runs out, unless it was set again or the node has another life.
    Timer { node: NodeIndex, life: u32, timer: Timer, setting: u64 },
    /// A private value was read.
    Source { node: NodeIndex, life: u32, computation: ComputationId },
    /// A node has time for a slice of its work.
    Work { node: NodeIndex, life: u32, computation: ComputationId },
    /// A node looks whether it is connected with another one.
    Link { node: NodeIndex, other: NodeIndex },
    /// A question is proposed; by its position in the scenario.
    Ask(usize),
    /// A guest's owner has a ticket; by the question's position in the scenario.
    Guest { question: usize, guest: NodeIndex },
    /// An owner speaks.
    Order { node: NodeIndex, command: Command },
    /// The network falls apart or together: everybody looks.
    Weather,
    /// A cheat has time to act.
    Cheat(NodeIndex),
}

impl Happening {
    /// Whether it is something that a network can delay or lose.
    pub const fn is_on_its_way(&self) -> bool {
        match self {
            Self::Deliver { .. } | Self::Gossip { .. } | Self::Source { .. } | Self::Link { .. } => true,
            Self::Start(_)
            | Self::Crash(_)
            | Self::DeliverForged { .. }
            | Self::Timer { .. }
            | Self::Work { .. }
            | Self::Ask(_)
            | Self::Guest { .. }
            | Self::Order { .. }
            | Self::Weather
            | Self::Cheat(_) => false,
        }
    }
}

/// Everything that will happen, in order of time and then of arrival.
#[derive(Debug, Default)]
pub(super) struct Queue {
    events: BTreeMap<(u64, u64), Happening>,
    added: u64,
}

impl Queue {
    /// Adds what happens at `at`.
    pub fn add(&mut self, at: u64, happening: Happening) {
        self.added += 1;
        self.events.insert((at, self.added), happening);
    }

    /// Takes what happens next, and when.
    pub fn next(&mut self) -> Option<(u64, Happening)> {
        self.events.pop_first().map(|((at, _), happening)| (at, happening))
    }

    /// Takes the nth of some kind, counted around.
    pub fn take(&mut self, nth: usize, is_wanted: impl Fn(&Happening) -> bool) -> Option<(u64, Happening)> {
        let wanted = || self.events.iter().filter(|(_, happening)| is_wanted(happening)).map(|(key, _)| *key);
        let key = wanted().nth(nth.checked_rem(wanted().count())?)?;
        self.events.remove(&key).map(|happening| (key.0, happening))
    }

    /// Whether anything from outside is still to come: a start, a question, a word of an owner, a cut.
    pub fn outside_waits(&self) -> bool {
        self.events.values().any(|happening| match happening {
            Happening::Start(_)
            | Happening::Crash(_)
            | Happening::Ask(_)
            | Happening::Guest { .. }
            | Happening::Weather => true,
            Happening::Order { .. }
            | Happening::Deliver { .. }
            | Happening::DeliverForged { .. }
            | Happening::Gossip { .. }
            | Happening::Timer { .. }
            | Happening::Source { .. }
            | Happening::Work { .. }
            | Happening::Link { .. }
            | Happening::Cheat(_) => false,
        })
    }
}

/// The links between nodes.
#[derive(Debug)]
pub(super) struct Network {
    weather: Weather,
    cuts: Vec<Cut>,
    dice: Dice,
}

impl Network {
    pub fn new(seed: u64, weather: Weather, cuts: Vec<Cut>) -> Self {
        Self { weather, cuts, dice: Dice::new(seed, "network") }
    }

    /// Whether the two can reach each other.
    pub fn reaches(&self, now: u64, one: NodeIndex, other: NodeIndex) -> bool {
        self.cuts
            .iter()
            .filter(|cut| (cut.from..cut.until).contains(&now))
            .all(|cut| cut.island.contains(&one) == cut.island.contains(&other))
    }

    /// When copies of a message arrive; none if it is lost.
    pub fn arrivals(&mut self, now: u64, from: NodeIndex, to: NodeIndex) -> Vec<u64> {
        if !self.reaches(now, from, to) || self.rough(now, self.weather.loss_permille) {
            return Vec::new();
        }
        let copies = if self.rough(now, self.weather.twice_permille) { 2 } else { 1 };
        (0..copies).map(|_| now + self.delay(now)).collect()
    }

    /// Who of these gets a gossip message, and when.
    pub fn spread(&mut self, now: u64, from: NodeIndex, to: &BTreeSet<NodeIndex>) -> Vec<(NodeIndex, u64)> {
        let mut heard = Vec::new();
        for node in to {
            // Also in fair weather it is a hint: who reaches nobody at all stays so.
            if self.dice.chance(self.weather.gossip_permille) {
                heard.extend(self.arrivals(now, from, *node).into_iter().map(|at| (*node, at)));
            }
        }
        heard
    }

    /// How long something local takes, like noticing a peer.
    pub fn pause(&mut self, longest: u64) -> u64 {
        self.dice.between(1, longest)
    }

    fn rough(&mut self, now: u64, permille: u64) -> bool {
        now < self.weather.calm_from && self.dice.chance(permille)
    }

    fn delay(&mut self, now: u64) -> u64 {
        if self.rough(now, self.weather.slow_permille) {
            return self.dice.between(1, SLOW_MS_MAX);
        }
        let calm = now >= self.weather.calm_from;
        let (low, high) = if calm { CALM_DELAY_MS } else { self.weather.delay };
        self.dice.between(low, high)
    }
}
