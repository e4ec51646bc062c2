//! Each way to cheat, alone in a calm network: what can be proven is blamed, and nothing else goes wrong.

use formix_p2p::domain::{Evidence, Role};
use formix_p2p::sim::{Cheat, End, NodeIndex, Report, Scenario, Step};

use super::directed::{assert_completed, lights, played};

/// Three heavy nodes and five light nodes; the cheat is the last heavy or the last light node.
fn with(cheat: Cheat) -> (Report, NodeIndex) {
    let mut scenario = Scenario::calm(3, 5);
    let culprit = if cheat.role() == Role::Heavy { 2 } else { 7 };
    scenario.nodes[culprit].cheat = Some(cheat);
    (played(scenario), NodeIndex(culprit))
}

fn assert_blamed(cheat: Cheat, evidence: Evidence) -> Report {
    let (report, culprit) = with(cheat);
    assert!(report.blamed.contains(&(Some(culprit), evidence)), "{:?}", report.blamed);
    report
}

fn assert_no_result(report: &Report) {
    for (node, end) in report.endings[0].at.iter().filter(|(node, _)| node.0 != 2) {
        assert!(matches!(end, End::Failed(_)), "at {node}: {end:?}");
    }
}

#[test]
fn two_reports_to_two_heavy_nodes_drop_the_participant() {
    let report = assert_blamed(Cheat::TwoReports, Evidence::TwoReports);
    assert_completed(&report.endings[0], &lights(3, 0..4));
}

#[test]
fn two_reports_to_one_heavy_node_drop_the_participant() {
    let report = assert_blamed(Cheat::TwoReportsToOne, Evidence::TwoReports);
    assert_completed(&report.endings[0], &lights(3, 0..4));
}

#[test]
fn what_cannot_be_proven_changes_nothing() {
    for cheat in [Cheat::Replay, Cheat::ForeignShare, Cheat::Forge, Cheat::ListsUnknown, Cheat::AsksEarly] {
        let (report, _) = with(cheat);
        assert!(report.blamed.is_empty(), "{cheat:?}: {:?}", report.blamed);
        assert_completed(&report.endings[0], &lights(3, 0..5));
    }
}

#[test]
fn a_report_left_out_is_proven_by_its_receipt() {
    assert_blamed(Cheat::LeavesOut, Evidence::ReportLeftOut);
}

#[test]
fn two_closes_are_proven() {
    assert_no_result(&assert_blamed(Cheat::TwoCloses, Evidence::TwoLists));
}

#[test]
fn two_freezes_are_proven() {
    assert_no_result(&assert_blamed(Cheat::TwoFreezes, Evidence::WrongFreeze));
}

#[test]
fn two_votes_are_proven() {
    let (report, culprit) = with(Cheat::TwoVotes);
    assert!(report.blamed.iter().any(|(node, _)| *node == Some(culprit)), "{:?}", report.blamed);
}

#[test]
fn an_opening_that_does_not_fit_is_proven() {
    assert_no_result(&assert_blamed(Cheat::OpensOther, Evidence::WrongOpening));
}

#[test]
fn a_false_sum_still_ends_everywhere() {
    with(Cheat::FalseSum);
}

#[test]
fn silence_at_any_step_is_a_named_failure() {
    for step in [Step::Accept, Step::Receipt, Step::Close, Step::Freeze, Step::Vote, Step::Open] {
        let (report, _) = with(Cheat::Silent(step));
        assert!(report.blamed.is_empty(), "{step:?}: {:?}", report.blamed);
        assert_no_result(&report);
    }
}
