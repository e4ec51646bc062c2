//! Proofs and noise, one scenario each: what a false report, a lying heavy node or a silent one comes to.

use formix_p2p::domain::{Decimal, Evidence, Failure, Modulus, Noise, Role, Sharing, Statistic};
use formix_p2p::sim::{Cheat, End, Moment, NodeIndex, Report, Scenario, Shape, Step};

use super::directed::{assert_completed, assert_failed, crash, lights, played};

/// Heavy nodes, light nodes, and the cheat of each role: the last one.
const HEAVIES: usize = 3;
const LIGHTS: usize = 5;
const HEAVY_CHEAT: NodeIndex = NodeIndex(2);
const LIGHT_CHEAT: NodeIndex = NodeIndex(7);

fn with(cheat: Cheat, shape: Shape) -> Report {
    let mut scenario = Scenario::calm_under(Sharing::Prio3, HEAVIES, LIGHTS);
    scenario.questions[0].shape = shape;
    let culprit = if cheat.role() == Role::Heavy { HEAVY_CHEAT } else { LIGHT_CHEAT };
    scenario.nodes[culprit.0].cheat = Some(cheat);
    played(scenario)
}

/// No node but the cheat has a result.
fn assert_no_result(report: &Report) {
    for (node, end) in report.endings[0].at.iter().filter(|(node, _)| **node != HEAVY_CHEAT) {
        assert!(matches!(end, End::Failed(_)), "at {node}: {end:?}");
    }
}

/// It failed for want of the cheating heavy node, and every honest one says so.
fn assert_missed(report: &Report) {
    let missing = vec![report.peers[HEAVY_CHEAT.0]];
    for (node, end) in report.endings[0].at.iter().filter(|(node, _)| **node != HEAVY_CHEAT) {
        let End::Failed(Failure::Missing { heavy }) = end else { panic!("at {node}: {end:?}") };
        assert!(node.0 >= HEAVIES || *heavy == missing, "at {node}: {end:?}");
    }
}

#[test]
fn every_statistic_and_shape_is_summed_with_proofs() {
    for shape in [Shape::Bounded, Shape::Hundredths, Shape::Wide] {
        for statistic in [Statistic::Sum, Statistic::Mean, Statistic::Count] {
            let mut scenario = Scenario::calm_under(Sharing::Prio3, 4, 6);
            scenario.questions[0].shape = shape;
            scenario.questions[0].statistic = statistic;
            let report = played(scenario);
            for end in report.endings[0].at.values() {
                assert!(matches!(end, End::Completed { participants: 6, .. }), "{statistic:?}: {end:?}");
            }
            if statistic != Statistic::Count {
                assert_completed(&report.endings[0], &lights(4, 0..6));
            }
        }
    }
}

#[test]
fn one_false_report_leaves_the_sum_of_the_others_exact() {
    let false_reports =
        [Cheat::OutOfRange, Cheat::BrokenProof, Cheat::OtherContext, Cheat::WrongPublic, Cheat::OtherShares];
    for cheat in false_reports {
        // With and without joint randomness.
        for shape in [Shape::Bounded, Shape::Wide] {
            let report = with(cheat, shape);
            assert_completed(&report.endings[0], &lights(HEAVIES, 0..LIGHTS - 1));
            assert!(report.blamed.is_empty(), "{cheat:?}: {:?}", report.blamed);
        }
    }
}

#[test]
fn a_false_count_is_not_counted() {
    let mut scenario = Scenario::calm_under(Sharing::Prio3, HEAVIES, LIGHTS);
    scenario.questions[0].statistic = Statistic::Count;
    scenario.nodes[LIGHT_CHEAT.0].cheat = Some(Cheat::OutOfRange);
    for end in played(scenario).endings[0].at.values() {
        assert!(matches!(end, End::Completed { participants: 4, .. }), "{end:?}");
    }
}

#[test]
fn without_proofs_one_false_report_spoils_the_total() {
    let sharing = Sharing::Additive { modulus: Modulus::Bits64 };
    let mut scenario = Scenario::calm_under(sharing, HEAVIES, LIGHTS);
    scenario.nodes[LIGHT_CHEAT.0].cheat = Some(Cheat::OutOfRange);
    let report = played(scenario);
    let honest = lights(HEAVIES, 0..LIGHTS - 1);
    for node in report.endings[0].at.keys() {
        assert_ne!(report.endings[0].names_at(*node), Some(&honest), "at {node}");
    }
}

#[test]
fn too_few_that_verify_is_a_failure_that_counts_them() {
    let mut scenario = Scenario::calm_under(Sharing::Prio3, HEAVIES, LIGHTS);
    for node in &mut scenario.nodes[HEAVIES + 2..] {
        node.cheat = Some(Cheat::OutOfRange);
    }
    let report = played(scenario);
    let expected = Failure::InsufficientParticipants { accepted: 2, minimum: 3 };
    assert_failed(&report.endings[0], |failure| *failure == expected);
}

#[test]
fn silence_at_any_step_of_verification_names_who_is_silent() {
    for step in [Step::Rho, Step::Verification, Step::Verifiers, Step::Vote, Step::Open] {
        let report = with(Cheat::Silent(step), Shape::Bounded);
        assert_missed(&report);
        assert!(report.blamed.is_empty(), "{step:?}: {:?}", report.blamed);
    }
}

#[test]
fn another_rho_than_was_promised_is_none() {
    let report = with(Cheat::OtherRho, Shape::Bounded);
    assert_missed(&report);
    assert!(report.blamed.is_empty(), "{:?}", report.blamed);
}

#[test]
fn garbage_verifier_shares_discredit_everybody_and_convict_nobody() {
    let report = with(Cheat::GarbageVerifiers, Shape::Bounded);
    for (node, end) in report.endings[0].at.iter().filter(|(node, _)| node.0 < 2) {
        let expected = Failure::InsufficientParticipants { accepted: 0, minimum: 3 };
        assert_eq!(*end, End::Failed(expected), "at {node}");
    }
    assert_no_result(&report);
    assert!(report.blamed.is_empty(), "{:?}", report.blamed);
}

#[test]
fn verifier_shares_of_another_length_end_it_by_name() {
    let report = with(Cheat::ShortVerifiers, Shape::Bounded);
    assert_no_result(&report);
    assert!(report.blamed.is_empty(), "{:?}", report.blamed);
}

#[test]
fn a_share_that_a_heavy_node_damages_costs_that_report_alone() {
    for shape in [Shape::Bounded, Shape::Wide] {
        let report = with(Cheat::SpoilsShare, shape);
        let names = report.endings[0].names_at(NodeIndex(0)).cloned().unwrap_or_default();
        assert_eq!(names.len(), LIGHTS - 1, "{names:?}");
        assert_completed(&report.endings[0], &names);
        assert!(report.blamed.is_empty(), "{:?}", report.blamed);
    }
}

#[test]
fn two_commitments_to_verifier_shares_are_proven() {
    let report = with(Cheat::TwoVerifications, Shape::Bounded);
    assert!(report.blamed.contains(&(Some(HEAVY_CHEAT), Evidence::TwoVerifications)), "{:?}", report.blamed);
    assert_no_result(&report);
}

#[test]
fn a_vote_against_the_verdicts_is_proven() {
    let report = with(Cheat::WrongVerdict, Shape::Bounded);
    assert!(report.blamed.contains(&(Some(HEAVY_CHEAT), Evidence::WrongVerdict)), "{:?}", report.blamed);
    assert_no_result(&report);
}

#[test]
fn without_proofs_a_vote_for_fewer_than_were_frozen_is_proven() {
    let sharing = Sharing::Additive { modulus: Modulus::Bits64 };
    let mut scenario = Scenario::calm_under(sharing, HEAVIES, LIGHTS);
    scenario.nodes[HEAVY_CHEAT.0].cheat = Some(Cheat::WrongVerdict);
    let report = played(scenario);
    assert!(report.blamed.contains(&(Some(HEAVY_CHEAT), Evidence::WrongVote)), "{:?}", report.blamed);
    assert_no_result(&report);
}

#[test]
fn every_other_way_to_cheat_ends_the_same_with_proofs() {
    for cheat in Cheat::ALL.into_iter().filter(|cheat| !cheat.is_about_proofs()) {
        let report = with(cheat, Shape::Bounded);
        let provable = |evidence: &Evidence| cheat.leaves_evidence().contains(evidence);
        assert!(report.blamed.iter().all(|(_, evidence)| provable(evidence)), "{:?}", report.blamed);
    }
}

#[test]
fn a_heavy_node_gone_after_the_freeze_is_named() {
    let marks = played(Scenario::calm_under(Sharing::Prio3, HEAVIES, LIGHTS)).marks[1];
    for mark in 1..=marks {
        let mut scenario = Scenario::calm_under(Sharing::Prio3, HEAVIES, LIGHTS);
        scenario.crashes.push(crash(1, Moment::AfterAction(mark), None));
        let report = played(scenario);
        let gone = report.peers[1];
        for (node, end) in &report.endings[0].at {
            let fine = match end {
                // It had opened already, or had not accepted yet.
                End::Completed { .. } | End::Failed(Failure::NoContact | Failure::Withdrawn) => true,
                // One that waits for the same node may be named with it.
                End::Failed(Failure::Missing { heavy } | Failure::Unreachable { heavy }) => {
                    heavy.contains(&gone)
                }
                End::Failed(_) | End::Open => false,
            };
            assert!(fine, "gone after {mark}, at {node}: {end:?}");
        }
    }
}

#[test]
fn noise_is_within_its_bound_and_the_same_for_all() {
    let sharings = [Sharing::Prio3, Sharing::Additive { modulus: Modulus::Bits64 }];
    for sharing in sharings {
        for statistic in [Statistic::Sum, Statistic::Mean] {
            let mut exact = 0;
            for seed in 0..6 {
                let mut scenario = Scenario::calm_under(sharing, HEAVIES, LIGHTS);
                scenario.seed = seed;
                scenario.questions[0].statistic = statistic;
                scenario.questions[0].noise = Some(Noise { epsilon: "0.1".parse().unwrap() });
                let report = played(scenario);
                let sum = |end: &End| match end {
                    End::Completed { sum, .. } => *sum,
                    End::Failed(_) | End::Open => panic!("{end:?}"),
                };
                let sums: Vec<_> = report.endings[0].at.values().map(sum).collect();
                assert_eq!(sums.len(), HEAVIES + LIGHTS);
                assert!(sums.iter().all(|sum| *sum == sums[0]), "{sums:?}");
                exact += usize::from(Some(sums[0]) == Decimal::new(31, 0));
            }
            // Three noises of scale 10 or more come to nothing once in thirty times.
            assert!(exact < 3, "{sharing:?}, {statistic:?}: {exact} of 6 are exact");
        }
    }
}
