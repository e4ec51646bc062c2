//! Clocks that are wrong by minutes or days, in both directions, on every kind of node: the machines share one clock, so a
//! node is told to be wrong.

use std::time::Duration;

use crate::machines::{HEAVY, Lan, Light, until};

const SOON: Duration = Duration::from_secs(30);
const PROPOSER: usize = HEAVY;
const WRONG_HEAVY: usize = 1;
const WRONG_LIGHT: usize = 6;

/// A network in which one machine's clock is wrong; it is there once the machines with the right time see each other.
fn network(wrong: usize, offset: &'static str) -> Option<Lan> {
    let light = [1, 20, 300, 4000].map(Light::open);
    let lan =
        Lan::start_with(&light, |_| {}, &|_| Vec::new(), &|machine| (machine == wrong).then_some(offset))?;
    lan.node(wrong).until_logged(None, "THE CLOCK OF THIS NODE IS WRONG", SOON);
    let rest: Vec<_> = (0..HEAVY + light.len()).filter(|machine| *machine != wrong).collect();
    let heavy = rest.iter().filter(|machine| **machine < HEAVY).count();
    for machine in &rest {
        lan.node(*machine).until_seen(heavy, rest.len() - heavy, SOON);
    }
    Some(lan)
}

/// Asks until the refusal is about clocks: a node that has just come may not have said yet what its clock shows.
fn refused(lan: &Lan, names: usize) {
    until(SOON, "the refusal names the clock", || {
        let refusal = lan.node(PROPOSER).propose("3s").expect_err("clocks are too far apart");
        let named = ["clock shows", "30 s", lan.node(names).uid()].iter().all(|part| refusal.contains(part));
        if named { Ok(()) } else { Err(refusal) }
    });
}

fn wrong_heavy(offset: &'static str) {
    if let Some(lan) = network(WRONG_HEAVY, offset) {
        refused(&lan, WRONG_HEAVY);
    }
}

fn wrong_proposer(offset: &'static str) {
    let Some(lan) = network(PROPOSER, offset) else { return };
    until(SOON, "the refusal names the clock", || {
        let refusal = lan.node(PROPOSER).propose("3s").expect_err("clocks are too far apart");
        // By a clock that is wrong, all others are; one of them is named.
        let other = (0..HEAVY).any(|heavy| refusal.contains(lan.node(heavy).uid()));
        let named = other && refusal.contains("clock shows") && refusal.contains("30 s");
        if named { Ok(()) } else { Err(refusal) }
    });
}

/// A light node that is wrong is left out, and its log says why.
fn wrong_light(offset: &'static str) {
    let Some(lan) = network(WRONG_LIGHT, offset) else { return };
    let id = lan.node(PROPOSER).propose("8s").unwrap();
    for machine in 0..WRONG_LIGHT {
        let view = lan.node(machine).ended(&id, SOON);
        assert_eq!(view["result"]["sum"], 321, "machine {machine}: {view}");
    }
    lan.node(WRONG_LIGHT).until_logged(None, "too far from this node's; set both", SOON);
}

/// Side by side: they mostly wait.
fn both(scenario: fn(&'static str), offsets: [&'static str; 2]) {
    let name = std::thread::current().name().unwrap_or_default().to_owned();
    let spawn = |offset: &'static str| {
        let thread = std::thread::Builder::new().name(format!("{name}, by {offset}"));
        thread.spawn(move || scenario(offset)).unwrap()
    };
    let running = offsets.map(spawn);
    for outcome in running.map(std::thread::JoinHandle::join) {
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    }
}

#[test]
fn a_heavy_node_that_is_wrong_by_minutes_is_named() {
    both(wrong_heavy, ["+5m", "-5m"]);
}

#[test]
fn a_heavy_node_that_is_wrong_by_days_is_named() {
    both(wrong_heavy, ["+3days", "-3days"]);
}

#[test]
fn a_proposer_that_is_wrong_by_minutes_is_told() {
    both(wrong_proposer, ["+5m", "-5m"]);
}

#[test]
fn a_proposer_that_is_wrong_by_days_is_told() {
    both(wrong_proposer, ["+3days", "-3days"]);
}

#[test]
fn a_light_node_that_is_wrong_by_minutes_is_left_out_and_says_why() {
    both(wrong_light, ["+5m", "-5m"]);
}

#[test]
fn a_light_node_that_is_wrong_by_days_is_left_out_and_says_why() {
    both(wrong_light, ["+3days", "-3days"]);
}
