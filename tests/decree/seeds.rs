//! Drawn runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use super::scenario::{Dice, Outcome, Scenario};
use super::world::run;

const SEEDS_DEFAULT: u64 = 2_000;
/// Runs with liars take longer: they never stop talking.
const LIARS_SEEDS_DEFAULT: u64 = 400;
/// In virtual time: every run must have ended by then.
const ENDS_MS: u64 = 3_600_000;
/// In virtual time: nobody promises that this run ends.
const STOPPED_MS: u64 = 10_000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// Runs the scenario of each seed on every core; the outcomes in the order of the seeds.
fn run_all(seeds: u64, draw: impl Fn(u64) -> Scenario + Sync) -> Vec<(Scenario, Outcome)> {
    let first = number("FORMIX_FIRST_SEED").unwrap_or(0);
    let last = first + number("FORMIX_SEEDS").unwrap_or(seeds);
    let next = AtomicU64::new(first);
    let work = || {
        let mut done = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= last {
                return done;
            }
            let scenario = draw(seed);
            let outcome = run(&scenario);
            done.push((scenario, outcome));
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let mut all: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a run panics")).collect()
    });
    all.sort_by_key(|(scenario, _)| scenario.seed);
    all
}

fn places(dice: &mut Dice, nodes: usize, count: usize) -> BTreeSet<usize> {
    let mut drawn = BTreeSet::new();
    while drawn.len() < count {
        drawn.insert(dice.place(nodes));
    }
    drawn
}

/// Up to so many nodes that vanish: at once, or after a few outputs.
fn vanish(dice: &mut Dice, nodes: usize, faults: usize) -> BTreeMap<usize, u64> {
    let count = dice.place(faults + 1);
    places(dice, nodes, count).into_iter().map(|place| (place, dice.below(3).min(1) * dice.below(12))).collect()
}

/// Nodes that crash, none that lies.
fn crashes(seed: u64) -> Scenario {
    let mut dice = Dice::new(seed.wrapping_mul(7));
    let nodes = 3 + dice.place(5);
    let faults = dice.place((nodes - 1) / 2 + 1);
    let vanish = vanish(&mut dice, nodes, faults);
    let vanish_decided = dice.place(faults - vanish.len() + 1);
    Scenario {
        seed,
        nodes,
        faults,
        vanish,
        vanish_decided,
        liars: BTreeSet::new(),
        loss_permille: [0, 50, 500][dice.place(3)],
        crash_permille: [0, 30, 150][dice.place(3)],
        stubborn: dice.chance(500),
        end_ms: ENDS_MS,
    }
}

/// As many liars as two quorums can bear, or fewer.
fn lies(seed: u64) -> Scenario {
    let mut dice = Dice::new(seed.wrapping_mul(13));
    let nodes = 4 + dice.place(4);
    let faults = 1 + dice.place((nodes - 2) / 2);
    let liars = 1 + dice.place(nodes - 1 - 2 * faults);
    let liars = places(&mut dice, nodes, liars);
    let mut vanish = vanish(&mut dice, nodes, faults);
    vanish.retain(|place, _| !liars.contains(place));
    let vanish_decided = dice.place(faults - vanish.len() + 1);
    let end_ms = if liars.len() + vanish.len() + vanish_decided <= faults { ENDS_MS } else { STOPPED_MS };
    Scenario { liars, faults, nodes, end_ms, vanish, vanish_decided, ..crashes(seed) }
}

fn agrees(outcome: &Outcome) -> bool {
    outcome.decisions.iter().all(|decided| decided.choice == outcome.decisions[0].choice)
}

fn check(runs: &[(Scenario, Outcome)], ends: impl Fn(&Scenario) -> bool) {
    for (scenario, outcome) in runs {
        assert!(agrees(outcome), "two decisions: {scenario:?}\n{:?}", outcome.decisions);
        assert_eq!(outcome.violations, Vec::<String>::new(), "{scenario:?}");
        assert!(
            !ends(scenario) || outcome.undecided.is_empty(),
            "{:?} never decide: {scenario:?}",
            outcome.undecided
        );
    }
}

#[test]
fn at_most_f_vanish_and_the_others_decide_once() {
    let runs = run_all(SEEDS_DEFAULT, crashes);
    check(&runs, |_| true);
    // The runs are what they are meant to be: some change views often, some restart, some lose nodes.
    let some =
        |of: &dyn Fn(&Scenario, &Outcome) -> bool| runs.iter().any(|(scenario, outcome)| of(scenario, outcome));
    assert!(some(&|_, outcome| outcome.view_max == 0) && some(&|_, outcome| outcome.view_max >= 4));
    assert!(some(&|_, outcome| outcome.restarts >= 5));
    assert!(some(&|scenario, _| scenario.vanish.len() == 3));
    assert!(some(&|scenario, outcome| {
        outcome.decisions.first().is_some_and(|decided| decided.choice.counted() < scenario.nodes)
    }));
}

#[test]
fn liars_within_the_bound_split_nobody() {
    let runs = run_all(LIARS_SEEDS_DEFAULT, lies);
    // As long as liars and vanished are no more than may be gone, they cannot hold the others up either.
    check(&runs, |scenario| {
        scenario.liars.len() + scenario.vanish.len() + scenario.vanish_decided <= scenario.faults
    });
    let convicted = runs.iter().filter(|(_, outcome)| !outcome.evidence.is_empty()).count();
    assert!(convicted * 2 > runs.len(), "evidence in {convicted} of {} runs", runs.len());
}

#[test]
fn one_liar_beyond_the_bound_splits_somebody() {
    let beyond = |seed| {
        let liars = BTreeSet::from([Dice::new(seed).place(3)]);
        Scenario { nodes: 3, faults: 1, liars, end_ms: STOPPED_MS, vanish: BTreeMap::new(), ..crashes(seed) }
    };
    let runs = run_all(LIARS_SEEDS_DEFAULT, beyond);
    // Else the liars would be too tame to prove anything by the test above.
    assert!(runs.iter().any(|(_, outcome)| !agrees(outcome)));
}
