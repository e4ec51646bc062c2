//! More participants than one leaf of a list holds: lists that differ in many places are told by what differs.

use formix_p2p::domain::{Modulus, Sharing};
use formix_p2p::sim::{Ending, Moment, Scenario, Weather};

use crate::directed::{crash, played};
use formix_p2p::sim::End;

const LIGHTS: usize = 700;
const ADDITIVE: Sharing = Sharing::Additive { modulus: Modulus::Bits64 };

/// Much is lost, before the deadline and after it.
fn stormy(sharing: Sharing, lights: usize) -> Scenario {
    let mut scenario = Scenario::calm_under(sharing, 3, lights);
    scenario.weather = Weather { loss_permille: 250, calm_from: 20_000, ..Weather::FAIR };
    scenario.questions[0].open_for = 1_500;
    scenario.questions[0].patience = 30_000;
    scenario
}

/// How many were counted, everywhere the same.
fn counted(ending: &Ending) -> u32 {
    let mut counts: Vec<_> = ending
        .at
        .values()
        .map(|end| match end {
            End::Completed { participants, .. } => *participants,
            end => panic!("{end:?}"),
        })
        .collect();
    counts.dedup();
    assert_eq!(counts.len(), 1, "{counts:?}");
    counts[0]
}

fn assert_most(counted: u32, lights: usize) {
    let lights = u32::try_from(lights).unwrap();
    assert!(counted < lights && counted > lights / 2, "{counted}");
}

#[test]
fn lists_that_differ_in_many_leaves_are_told_through_losses() {
    for sharing in [ADDITIVE, Sharing::Threshold { k: 2 }] {
        let report = played(stormy(sharing, LIGHTS));
        assert_most(counted(&report.endings[0]), LIGHTS);
    }
}

#[test]
fn a_heavy_node_that_restarts_between_its_close_and_the_freeze_finds_its_list_again() {
    for at in [2_501, 2_510, 2_560, 2_700] {
        let mut scenario = stormy(ADDITIVE, LIGHTS);
        scenario.crashes.push(crash(1, Moment::At(at), Some(300)));
        assert_most(counted(&played(scenario).endings[0]), LIGHTS);
    }
}

/// `FORMIX_MANY=10000`: for a release build.
#[test]
fn thousands_of_reports_are_added_up_and_their_lists_differ() {
    let many = std::env::var("FORMIX_MANY").map_or(2_000, |many| many.parse().expect("a number"));
    assert_most(counted(&played(stormy(ADDITIVE, many)).endings[0]), many);
}
