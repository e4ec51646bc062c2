//! Drawn scenarios.

use std::sync::atomic::{AtomicU64, Ordering};

use formix_p2p::domain::{Failure, Modulus, Role, Sharing};
use formix_p2p::sim::{
    Cheat, End, Keep, NodeIndex, Question, Run, Scenario, Schemes, Shape, Weather, play, run,
};

/// Seeds that once found a fault. What a seed draws changes with the drawing; what is to be kept for ever becomes a
/// scenario in `directed` or `cheats`.
const ONCE_FAILED: &[u64] = &[
    12, 19, 39, 47, 94, 115, 121, 135, 159, 170, 183, 235, 279, 287, 327, 336, 368, 395, 483, 523, 539, 1_903,
    1_951, 2_807, 3_775, 4_861, 5_581, 6_310, 6_699, 8_044, 9_435, 10_751, 11_714, 12_695, 12_735, 16_424,
    44_073,
];
const SEEDS_DEFAULT: u64 = 300;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn many_seeds_break_no_invariant() {
    let first = number("FORMIX_FIRST_SEED").unwrap_or(0);
    let last = first + number("FORMIX_SEEDS").unwrap_or(SEEDS_DEFAULT);
    let next = AtomicU64::new(first);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let mut violations = Vec::new();
    std::thread::scope(|scope| {
        let work = || {
            let mut found = Vec::new();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= last || found.len() >= 5 {
                    return found;
                }
                let outcome = std::panic::catch_unwind(|| run(seed));
                match outcome {
                    Ok(Ok(_)) => {}
                    Ok(Err(violation)) => found.push(violation.to_string()),
                    Err(_) => found.push(format!("seed {seed} panics")),
                }
            }
        };
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            violations.extend(thread.join().expect("panics are caught inside"));
        }
    });
    assert!(violations.is_empty(), "{} violations:\n\n{}", violations.len(), violations.join("\n\n"));
}

#[test]
fn seeds_that_once_failed_pass() {
    for seed in ONCE_FAILED {
        // They were found when there was additive sharing alone.
        for schemes in [Schemes::Additive, Schemes::Proposed, Schemes::All] {
            play(Scenario::draw_from(*seed, schemes)).unwrap_or_else(|violation| panic!("{violation}"));
        }
    }
}

#[test]
fn one_seed() {
    let Some(seed) = number("FORMIX_SEED") else { return };
    let scenario = Scenario::draw(seed);
    println!("{scenario:#?}");
    match Run::new(scenario, Keep::Everything).finish() {
        Ok(report) => println!("{}\n{:#?}", report.story, report.endings),
        Err(violation) => panic!("{violation}"),
    }
}

#[test]
fn the_same_seed_twice_is_the_same_run() {
    for seed in [1, 2, 3, 42] {
        let (Ok(first), Ok(second)) = (run(seed), run(seed)) else { panic!("seed {seed} breaks an invariant") };
        assert_eq!(first, second);
    }
}

/// Without misfortunes and cheats, what fails is too small, or its deadline had passed by somebody's clock.
#[test]
fn fair_weather_gives_results() {
    let fair = (0..600).map(Scenario::draw).filter(|scenario| {
        let nodes = &scenario.nodes;
        scenario.weather == Weather::FAIR
            && nodes.iter().all(|node| node.cheat.is_none() && node.skew_ms.abs() <= 400)
    });
    let mut runs = 0;
    for scenario in fair {
        runs += 1;
        let report =
            Run::new(scenario, Keep::Recent).finish().unwrap_or_else(|violation| panic!("{violation}"));
        for end in report.endings.iter().flat_map(|ending| ending.at.values()) {
            let fine = match end {
                End::Completed { .. } => true,
                End::Failed(failure) => {
                    matches!(failure, Failure::InsufficientParticipants { .. } | Failure::Refused { .. })
                }
                End::Open => false,
            };
            assert!(fine, "seed {}: {end:?}", report.seed);
        }
    }
    assert!(runs > 50, "{runs}");
}

#[test]
fn drawn_scenarios_reach_every_kind_of_end() {
    let (mut completed, mut failed, mut blamed) = (0, 0, 0);
    for report in (0..60).filter_map(|seed| run(seed).ok()) {
        blamed += report.blamed.len();
        for end in report.endings.iter().flat_map(|ending| ending.at.values()) {
            match end {
                End::Completed { .. } => completed += 1,
                End::Failed(_) => failed += 1,
                End::Open => {}
            }
        }
    }
    assert!(completed > 100 && failed > 50 && blamed > 0, "{completed} {failed} {blamed}");
}

/// What the seeds that run by default try: every way of sharing, and every way to cheat where it can do something.
#[test]
fn the_default_seeds_draw_everything() {
    let drawn: Vec<_> = (0..SEEDS_DEFAULT).map(Scenario::draw).collect();
    let asked = |fits: fn(&Question) -> bool| {
        drawn.iter().filter(|scenario| scenario.questions.iter().any(fits)).count()
    };
    assert!(asked(|question| question.sharing == Sharing::Prio3) > 60);
    assert!(asked(|question| matches!(question.sharing, Sharing::Threshold { .. })) > 60);
    for modulus in [Modulus::Bits32, Modulus::Bits64, Modulus::Bits128] {
        let uses = |question: &Question| question.sharing == Sharing::Additive { modulus };
        assert!(drawn.iter().any(|scenario| scenario.questions.iter().any(uses)), "{modulus:?}");
    }
    for shape in [Shape::Unbounded, Shape::Bounded, Shape::Hundredths, Shape::Wide] {
        let uses = |question: &Question| question.shape == shape;
        assert!(drawn.iter().any(|scenario| scenario.questions.iter().any(uses)), "{shape:?}");
    }
    assert!(asked(|question| question.noise.is_some() && question.sharing.is_proven()) > 10);
    assert!(asked(|question| question.noise.is_some() && !question.sharing.is_proven()) > 10);
    for cheat in Cheat::ALL {
        let tried = drawn.iter().any(|scenario| {
            let cheats = (0..).zip(&scenario.nodes).filter(|(_, node)| node.cheat == Some(cheat));
            let mut places = cheats.map(|(index, _)| NodeIndex(index));
            places.any(|place| scenario.questions.iter().any(|question| concerns(question, cheat, place)))
        });
        assert!(tried, "{cheat:?}");
    }
}

/// Whether a cheat at this place can do something about a question.
fn concerns(question: &Question, cheat: Cheat, place: NodeIndex) -> bool {
    let takes_part = match cheat.role() {
        Role::Heavy => question.heavy.contains(&place),
        Role::Light => question.list.as_ref().is_none_or(|list| list.contains(&place)),
    };
    let has_threshold = matches!(question.sharing, Sharing::Threshold { .. });
    takes_part
        && (question.sharing.is_proven() || !cheat.is_about_proofs())
        && (has_threshold || !cheat.is_about_thresholds())
}
