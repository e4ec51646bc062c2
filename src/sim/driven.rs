//! Runs in which bytes from outside choose what happens next: which message arrives, late, twice or never, which timer
//! runs out, who stops in the middle of what, what an owner says, and what a rogue node makes of what it has seen.
//!
//! Made for fuzzing: a byte more or less changes one choice, any bytes at all are a run, and every invariant watches it.

use super::cheat::Cheat;
use super::choices::Choices;
use super::network::Happening;
use super::records;
use super::run::Run;
use super::scenario::{
    Crash, Moment, NodeIndex, NodePlan, Owner, Question, Scenario, Shape, Source, StoreFate,
};
use super::tamper::Rogue;
use super::trace::Keep;
use super::violation::{Check, Violation};
use crate::domain::{Decimal, Modulus, Noise, Sharing, Statistic};
use crate::protocol::{Command, Event};
use crate::statistics;
use crate::wire::Message;

/// Things that one byte string can make happen, ends of runs aside.
const DEEDS_MAX: usize = 192;
/// Messages that can come again.
const REMEMBERED_MAX: usize = 96;
/// Questions of one run.
const QUESTIONS_MAX: usize = 3;
/// Stops of one run.
const CRASHES_MAX: usize = 6;
/// How long a stopped node stays away at most.
const DOWN_MS_MAX: u64 = 8_000;
/// How far time leaps at most.
const LEAP_MS_MAX: u64 = 6_000;

/// Runs what these bytes choose.
///
/// # Errors
/// The first invariant that breaks.
pub fn drive(bytes: &[u8]) -> Result<(), Box<Violation>> {
    // The story is told of a run that breaks, and only of that one.
    driven(bytes, Keep::Nothing).or_else(|_| driven(bytes, Keep::Recent))
}

fn driven(bytes: &[u8], keep: Keep) -> Result<(), Box<Violation>> {
    let mut choices = Choices::new(bytes);
    let ending = if choices.chance() { Ending::Calm } else { Ending::Abrupt };
    let mut driver = Driver::new(&mut choices, keep);
    for _ in 0..DEEDS_MAX {
        if choices.is_over() {
            break;
        }
        driver.deed(&mut choices).map_err(|broken| driver.run.violation(broken))?;
    }
    match ending {
        Ending::Abrupt => Ok(()),
        Ending::Calm => driver.settle(),
    }
}

/// What comes after the last choice.
enum Ending {
    /// Nothing: the cheaper half of all runs.
    Abrupt,
    /// Everything in its order and without loss, until all is over; then what must hold at the end is looked at.
    Calm,
}

struct Driver {
    run: Run,
    /// The node that may send anything, if there is one.
    rogue: Option<NodeIndex>,
    /// Messages that arrived, from and to, for those that come again.
    seen: Vec<(NodeIndex, NodeIndex, Message)>,
}

/// A small network and what is asked of it.
fn scenario(choices: &mut Choices<'_>) -> (Scenario, Option<NodeIndex>) {
    let (heavies, lights) = (choices.between(3, 4), choices.between(1, 3));
    let sharing = match choices.below(6) {
        0 => Sharing::Prio3,
        1 | 2 => Sharing::threshold_of(heavies),
        3 => Sharing::Threshold { k: 2 },
        4 => Sharing::Additive { modulus: Modulus::Bits128 },
        _ => Sharing::Additive { modulus: Modulus::Bits64 },
    };
    let mut scenario = Scenario::calm_under(sharing, heavies, lights);
    scenario.seed = u64::try_from(choices.below(4)).unwrap_or(0);
    for plan in scenario.nodes.iter_mut().skip(heavies) {
        (plan.owner, plan.source) = person(choices);
    }
    let nodes = scenario.nodes.len();
    for question in &mut scenario.questions {
        draw_question(question, (heavies, lights), choices);
    }
    let rogue = match choices.below(3) {
        0 => None,
        1 => Some(NodeIndex(choices.below(heavies))),
        _ => Some(NodeIndex(choices.below(nodes))),
    };
    if let Some(plan) = rogue.and_then(|rogue| scenario.nodes.get_mut(rogue.0)) {
        *plan = NodePlan { cheat: Some(Cheat::Anything), ..NodePlan::honest(plan.role) };
    }
    (scenario, rogue)
}

fn person(choices: &mut Choices<'_>) -> (Owner, Source) {
    let owner = match choices.below(8) {
        0 => Owner::Trusting,
        1 => Owner::Approves(300),
        2 => Owner::Declines(300),
        3 => Owner::Answers(300),
        _ => Owner::Open,
    };
    let source = match choices.below(12) {
        0 => Source::Unfit,
        1 => Source::Missing,
        2 => Source::Unreadable,
        _ => Source::PowerOfTwo,
    };
    (owner, source)
}

fn draw_question(question: &mut Question, (heavies, lights): (usize, usize), choices: &mut Choices<'_>) {
    question.statistic = match choices.below(10) {
        0 => Statistic::Count,
        1 => Statistic::Mean,
        2 => Statistic::Univariate,
        3 => Statistic::Frequency,
        4 => Statistic::Contingency,
        5 => Statistic::Histogram,
        _ => Statistic::Sum,
    };
    question.shape = match choices.below(4) {
        0 => Shape::Hundredths,
        1 => Shape::Unbounded,
        _ => Shape::Bounded,
    };
    if question.statistic == Statistic::Histogram && question.shape == Shape::Unbounded {
        // Rows would lie outside its edges, and the watch counts on every row.
        question.shape = Shape::Bounded;
    }
    question.records = if choices.below(4) == 0 { 3 } else { 1 };
    if choices.below(8) == 0 {
        question.noise = Some(Noise { epsilon: Decimal::ONE });
    }
    question.proposer = NodeIndex(choices.below(heavies + lights));
    question.min_participants = u32::try_from(choices.between(1, lights)).unwrap_or(1);
    if choices.below(3) == 0 {
        let asked = (heavies..heavies + lights).filter(|_| choices.below(4) != 0).map(NodeIndex);
        question.list = Some(asked.collect()).filter(|list: &std::collections::BTreeSet<_>| !list.is_empty());
        let most = question.list.as_ref().map_or(lights, std::collections::BTreeSet::len);
        question.min_participants = question.min_participants.min(u32::try_from(most).unwrap_or(1));
    }
    question.asked_at = 500;
    question.open_for = 1_000;
    question.patience = if choices.chance() { 2_000 } else { 8_000 };
}

impl Driver {
    /// As drawn; where the question breaks a rule, with a sum of whole numbers in its place.
    fn new(choices: &mut Choices<'_>, keep: Keep) -> Self {
        let (mut scenario, rogue) = scenario(choices);
        let mut run = Run::new(scenario.clone(), keep);
        let sound = |asked: &Question| statistics::check(&run.computation(0, asked)).is_ok();
        if !scenario.questions.iter().all(sound) {
            for asked in &mut scenario.questions {
                (asked.statistic, asked.shape, asked.records) = (Statistic::Sum, Shape::Bounded, 1);
                asked.noise = None;
            }
            run = Run::new(scenario, keep);
        }
        Self { run, rogue, seen: Vec::new() }
    }

    /// One choice and what follows from it.
    fn deed(&mut self, choices: &mut Choices<'_>) -> Check {
        match choices.below(24) {
            0..=4 => self.go_on(1),
            5..=7 => self.go_on(choices.between(2, 48)),
            8..=10 => self.arrives(choices),
            11 => self.is_lost(choices),
            12 => self.runs_out(choices),
            13 => self.comes_again(choices),
            14 => self.stops(choices),
            15 => self.owner_speaks(choices),
            16 => self.asks(choices),
            17 => self.parts(choices),
            18 => {
                self.run.now += choices.between_u64(1, LEAP_MS_MAX);
                Ok(())
            }
            _ => self.rogue_speaks(choices),
        }
    }

    /// What is next, in its order.
    fn go_on(&mut self, times: usize) -> Check {
        for _ in 0..times {
            let Some((at, happening)) = self.run.queue.next() else { break };
            self.let_happen(at, happening)?;
        }
        Ok(())
    }

    /// A message overtakes others.
    fn arrives(&mut self, choices: &mut Choices<'_>) -> Check {
        let nth = choices.byte();
        match self.run.queue.take(nth.into(), Happening::is_on_its_way) {
            Some((_, happening)) => self.let_happen(self.run.now, happening),
            None => Ok(()),
        }
    }

    fn is_lost(&mut self, choices: &mut Choices<'_>) -> Check {
        let nth = choices.byte();
        let _ = self.run.queue.take(nth.into(), Happening::is_on_its_way);
        Ok(())
    }

    /// A timer runs out, or a node computes, before what should have come first has come.
    fn runs_out(&mut self, choices: &mut Choices<'_>) -> Check {
        let nth = choices.byte();
        let early =
            |happening: &Happening| matches!(happening, Happening::Timer { .. } | Happening::Work { .. });
        match self.run.queue.take(nth.into(), early) {
            Some((at, happening)) => self.let_happen(at, happening),
            None => Ok(()),
        }
    }

    fn comes_again(&mut self, choices: &mut Choices<'_>) -> Check {
        let nth = choices.below(self.seen.len());
        let Some((from, to, message)) = self.seen.get(nth).cloned() else { return Ok(()) };
        self.run.happen(Happening::Deliver { from, to, message })
    }

    /// A node stops, now or in the midst of its next deeds, and comes back.
    fn stops(&mut self, choices: &mut Choices<'_>) -> Check {
        let node = self.node(choices);
        let after = u64::from(choices.byte() % 8);
        let down_for = Some(choices.between_u64(1, DOWN_MS_MAX));
        let store = if choices.below(16) == 0 { StoreFate::Wiped } else { StoreFate::Kept };
        if self.run.scenario.crashes.len() >= CRASHES_MAX || self.rogue == Some(node) {
            return Ok(());
        }
        let marks = self.run.machine(node).marks;
        let moment = if after == 0 { Moment::At(self.run.now) } else { Moment::AfterAction(marks + after) };
        self.run.scenario.crashes.push(Crash { node, moment, down_for, store });
        if after == 0 {
            self.run.crash(self.run.scenario.crashes.len() - 1);
        }
        Ok(())
    }

    fn owner_speaks(&mut self, choices: &mut Choices<'_>) -> Check {
        let node = self.node(choices);
        let (which, what) = (choices.byte(), choices.below(3));
        let cases: Vec<_> = self.run.watch.cases.iter().collect();
        let Some((id, case)) = usize::from(which).checked_rem(cases.len()).and_then(|at| cases.get(at)) else {
            return Ok(());
        };
        let exponent = self.run.scenario.exponent(node);
        let typed = records::reading(&case.computation, Source::PowerOfTwo, exponent).ok();
        let command = match (what, typed) {
            (0, Some(typed)) => Command::Answer(**id, typed),
            (1, _) => Command::Decline(**id),
            _ => Command::Approve(**id),
        };
        self.run.happen(Happening::Order { node, command })
    }

    /// Somebody asks one question more.
    fn asks(&mut self, choices: &mut Choices<'_>) -> Check {
        let proposer = self.node(choices);
        let Some(first) = self.run.scenario.questions.first().cloned() else { return Ok(()) };
        let position = self.run.scenario.questions.len();
        if position >= QUESTIONS_MAX {
            return Ok(());
        }
        self.run.scenario.questions.push(Question { proposer, asked_at: self.run.now, ..first });
        self.run.asked.push(None);
        self.run.happen(Happening::Ask(position))
    }

    /// Two nodes lose each other, or find each other again.
    fn parts(&mut self, choices: &mut Choices<'_>) -> Check {
        let (node, other) = (self.node(choices), self.node(choices));
        if node == other {
            return Ok(());
        }
        let peer = self.run.machine(other).identity.peer();
        if self.run.machine(node).connected.remove(&other).is_some() {
            self.run.give(node, Event::Lost(peer))
        } else {
            self.run.happen(Happening::Link { node, other })
        }
    }

    fn rogue_speaks(&mut self, choices: &mut Choices<'_>) -> Check {
        let (nth, to) = (choices.below(self.seen.len()), self.node(choices));
        let Some(from) = self.rogue.filter(|rogue| *rogue != to) else { return self.go_on(1) };
        let Some((_, _, message)) = self.seen.get(nth).cloned() else { return Ok(()) };
        let peers = self.run.machines.iter().map(|machine| machine.identity.peer()).collect();
        let rogue = Rogue { identity: self.run.machine(from).identity.clone(), peers };
        match rogue.turned(message, choices) {
            Some(message) => self.run.happen(Happening::Deliver { from, to, message }),
            None => Ok(()),
        }
    }

    fn node(&self, choices: &mut Choices<'_>) -> NodeIndex {
        NodeIndex(choices.below(self.run.machines.len()))
    }

    fn let_happen(&mut self, at: u64, happening: Happening) -> Check {
        self.run.now = self.run.now.max(at);
        self.run.step += 1;
        if let Happening::Deliver { from, to, message } = &happening {
            if self.seen.len() == REMEMBERED_MAX {
                self.seen.remove(0);
            }
            self.seen.push((*from, *to, message.clone()));
        }
        self.run.happen(happening)
    }

    /// From here on everything comes in its order; who has lost somebody looks again.
    fn settle(mut self) -> Result<(), Box<Violation>> {
        for index in (0..self.run.machines.len()).map(NodeIndex) {
            self.run.look_at_links(index, 500);
        }
        self.run.extend_horizon();
        self.run.run_out()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Role;

    #[test]
    fn any_bytes_are_a_run() {
        for seed in 0..60_u8 {
            let bytes: Vec<u8> =
                (0..96_u8).map(|at| at.wrapping_mul(seed).wrapping_add(seed ^ at >> 2)).collect();
            if let Err(violation) = drive(&bytes) {
                panic!("{violation}");
            }
        }
    }

    #[test]
    fn a_rogue_keeps_its_role() {
        let (scenario, _) = scenario(&mut Choices::new(&[1, 2, 3, 4, 5]));
        let heavies = scenario.heavies();
        assert!(scenario.nodes.iter().take(heavies).all(|node| node.role == Role::Heavy));
    }
}
