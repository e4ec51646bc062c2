//! Who was in the set: who learns it, and who does not.

use std::collections::BTreeSet;

use formix_p2p::domain::Sharing;
use formix_p2p::sim::{Cheat, End, Moment, NodeIndex, Report, Scenario, Source, play};

use super::directed::{assert_completed, crash, lights, played};

/// Three heavy nodes, five light ones of which the last two are not asked, and the first one asks.
fn closed() -> Scenario {
    let mut scenario = Scenario::calm(3, 5);
    scenario.questions[0].list = Some(lights(3, 0..3));
    scenario
}

fn heavy_and(lights: BTreeSet<NodeIndex>) -> BTreeSet<NodeIndex> {
    (0..3).map(NodeIndex).chain(lights).collect()
}

/// The names are these, at these nodes and nowhere else.
fn assert_told(report: &Report, at: &BTreeSet<NodeIndex>, names: &BTreeSet<NodeIndex>) {
    let members = &report.endings[0].members;
    assert_eq!(members.keys().copied().collect::<BTreeSet<_>>(), *at);
    assert!(members.values().all(|told| told == names), "{members:?}");
}

#[test]
fn heavy_nodes_and_participants_learn_the_names_and_nobody_else() {
    assert_told(&played(closed()), &heavy_and(lights(3, 0..3)), &lights(3, 0..3));
}

#[test]
fn a_proposer_that_does_not_take_part_learns_the_names() {
    let mut scenario = closed();
    scenario.questions[0].proposer = NodeIndex(7);
    let told = heavy_and([3, 4, 5, 7].map(NodeIndex).into());
    assert_told(&played(scenario), &told, &lights(3, 0..3));
}

#[test]
fn a_stranger_that_asks_is_told_nothing() {
    for listed in [true, false] {
        let mut scenario = if listed { closed() } else { Scenario::calm(3, 5) };
        scenario.nodes[7].cheat = Some(Cheat::AsksForNames);
        let report = played(scenario);
        let names = if listed { lights(3, 0..3) } else { lights(3, 0..4) };
        assert_told(&report, &heavy_and(names.clone()), &names);
        assert_eq!(report.endings[0].names_at(NodeIndex(7)), Some(&names), "it sees the result all the same");
    }
}

#[test]
fn false_names_are_taken_by_nobody() {
    for sharing in [Scenario::calm(3, 5).questions[0].sharing, Sharing::Prio3, Sharing::Threshold { k: 2 }] {
        for liar in 0..3 {
            let mut scenario = Scenario::calm_under(sharing, 3, 5);
            scenario.nodes[liar].cheat = Some(Cheat::FalseNames);
            // Its part of the participants hears false names alone until they ask another one.
            let report = played(scenario);
            assert_completed(&report.endings[0], &lights(3, 0..5));
            assert_told(&report, &heavy_and(lights(3, 0..5)), &lights(3, 0..5));
        }
    }
}

#[test]
fn a_heavy_node_that_tells_everybody_convinces_nobody_who_has_no_part() {
    let mut scenario = closed();
    scenario.nodes[1].cheat = Some(Cheat::TellsNames);
    assert_told(&played(scenario), &heavy_and(lights(3, 0..3)), &lights(3, 0..3));
}

#[test]
fn whoever_answered_and_was_left_out_keeps_no_names_even_if_told() {
    let mut scenario = Scenario::calm(3, 5);
    scenario.questions[0].max_participants = 4;
    scenario.nodes[1].cheat = Some(Cheat::TellsNames);
    let report = played(scenario);
    let names = report.endings[0].names_at(NodeIndex(0)).cloned().unwrap();
    assert!(names.len() < 5, "{names:?}");
    assert_told(&report, &heavy_and(names.clone()), &names);
}

#[test]
fn the_set_is_told_less_what_did_not_verify() {
    for sharing in [Sharing::Prio3, Sharing::Threshold { k: 2 }] {
        let mut scenario = Scenario::calm_under(sharing, 3, 5);
        scenario.nodes[7].cheat = Some(Cheat::OutOfRange);
        let report = played(scenario);
        assert_completed(&report.endings[0], &lights(3, 0..4));
        assert_told(&report, &heavy_and(lights(3, 0..4)), &lights(3, 0..4));
    }
}

#[test]
fn a_light_node_that_did_not_answer_is_not_told_who_did() {
    let mut scenario = Scenario::calm(3, 5);
    scenario.nodes[7].source = Source::Unfit;
    assert_told(&played(scenario), &heavy_and(lights(3, 0..4)), &lights(3, 0..4));
}

#[test]
fn a_participant_that_was_away_at_the_end_is_told_later() {
    let mut scenario = Scenario::calm(3, 5);
    scenario.crashes.push(crash(6, Moment::At(2_800), Some(20_000)));
    let report = played(scenario);
    assert_completed(&report.endings[0], &lights(3, 0..5));
    assert_told(&report, &heavy_and(lights(3, 0..5)), &lights(3, 0..5));
}

/// Every heavy node killed at each moment of the agreement and started again: the names are there as the result is.
#[test]
fn names_survive_a_crash_of_all_heavy_nodes_at_any_moment() {
    for sharing in [Scenario::calm(3, 3).questions[0].sharing, Sharing::Prio3] {
        let calm = || Scenario::calm_under(sharing, 3, 3);
        let marks = played(calm()).marks;
        let most = marks[..3].iter().copied().max().unwrap();
        for mark in 1..=most {
            let mut scenario = calm();
            for (heavy, last) in marks[..3].iter().enumerate() {
                scenario.crashes.push(crash(heavy, Moment::AfterAction(mark.min(*last)), Some(300)));
            }
            let report = play(scenario).unwrap_or_else(|violation| panic!("all after {mark}: {violation}"));
            let ending = &report.endings[0];
            for node in ending.at.iter().filter(|(_, end)| matches!(end, End::Completed { .. })) {
                let told = ending.members.get(node.0);
                assert_eq!(told, Some(&lights(3, 0..3)), "all after {mark}, at {}", node.0);
            }
        }
    }
}
