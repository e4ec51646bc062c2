//! More participants than one leaf of a list holds: lists that differ in many places are told by what differs.

use std::time::Duration;

use formix_p2p::domain::{Modulus, Sharing};
use formix_p2p::sim::{Cut, End, Ending, Moment, NodeIndex, Owner, Scenario, Weather};

use crate::directed::{crash, played};

const LIGHTS: usize = 700;
const ADDITIVE: Sharing = Sharing::Additive { modulus: Modulus::Bits64 };

/// Every other owner answers later, when H2 is cut off from everybody until after the deadline.
fn half_is_lacking(sharing: Sharing, lights: usize) -> Scenario {
    let mut scenario = Scenario::calm_under(sharing, 3, lights);
    // The first one asks, and so does not ask itself.
    for node in scenario.nodes.iter_mut().skip(4).step_by(2) {
        node.owner = Owner::Approves(900);
    }
    scenario.cuts.push(Cut { from: 1_600, until: 3_100, island: [NodeIndex(2)].into() });
    scenario.questions[0].patience = 30_000;
    scenario
}

/// Everywhere the half that H2 holds is counted.
fn assert_half(ending: &Ending, lights: usize) {
    assert!(!ending.at.is_empty());
    for (node, end) in &ending.at {
        let End::Completed { participants, .. } = end else { panic!("at {node}: {end:?}") };
        assert_eq!(*participants as usize, lights / 2, "at {node}");
    }
}

#[test]
fn lists_that_differ_in_every_leaf_are_told() {
    for sharing in [ADDITIVE, Sharing::Threshold { k: 2 }] {
        assert_half(&played(half_is_lacking(sharing, LIGHTS)).endings[0], LIGHTS);
    }
}

#[test]
fn a_heavy_node_that_restarts_between_its_close_and_the_freeze_finds_its_list_again() {
    for at in [3_001, 3_050, 3_400] {
        let mut scenario = half_is_lacking(ADDITIVE, LIGHTS);
        scenario.crashes.push(crash(1, Moment::At(at), Some(300)));
        assert_half(&played(scenario).endings[0], LIGHTS);
    }
}

/// From the deadline to the result at the last node, in journeys of a network where each takes as long as any other.
fn journeys_to_everybody(sharing: Sharing, lights: usize) -> u128 {
    const JOURNEY_MS: u64 = 100;
    let mut scenario = Scenario::calm_under(sharing, 3, lights);
    scenario.weather = Weather { delay: (JOURNEY_MS, JOURNEY_MS), calm_from: 60_000, ..Weather::FAIR };
    // The time to compute is not what this is about: three slices are much less than a journey.
    scenario.nodes.iter_mut().for_each(|node| node.slice = lights);
    let question = &mut scenario.questions[0];
    question.patience = 30_000;
    let deadline = Duration::from_millis(question.asked_at + question.open_for);
    let ending = &played(scenario).endings[0];
    assert_eq!(ending.completed.len(), 3 + lights, "everybody has the result");
    let last = ending.completed.values().max().expect("somebody has the result");
    (*last - deadline).as_millis() / u128::from(JOURNEY_MS)
}

#[test]
fn a_thousand_nodes_have_the_result_after_as_many_journeys_as_ten() {
    let expected = [(ADDITIVE, 5), (Sharing::Prio3, 8), (Sharing::Threshold { k: 2 }, 10)];
    for (sharing, journeys) in expected {
        let found = [10, 100, 1_000].map(|lights| journeys_to_everybody(sharing, lights));
        assert_eq!(found, [journeys; 3], "{sharing:?}");
    }
}

/// `FORMIX_MANY=10000`: for a release build.
#[test]
fn thousands_of_reports_are_added_up_and_their_lists_differ() {
    let many = std::env::var("FORMIX_MANY").map_or(2_000, |many| many.parse().expect("a number"));
    assert_half(&played(half_is_lacking(ADDITIVE, many)).endings[0], many);
}
