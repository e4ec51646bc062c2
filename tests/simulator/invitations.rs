//! By invitation: parties that are heavy nodes and participants at once.

use std::collections::BTreeSet;

use formix_p2p::domain::{Failure, Modulus, Sharing};
use formix_p2p::sim::{Keep, Moment, NodeIndex, Owner, Run, Scenario, Source, Weather};

use super::directed::{assert_completed, assert_failed, crash, played};

const PLAIN: Sharing = Sharing::Additive { modulus: Modulus::Bits64 };

fn everybody(parties: usize) -> BTreeSet<NodeIndex> {
    (0..parties).map(NodeIndex).collect()
}

#[test]
fn all_parties_read_the_sum_as_soon_as_all_have_put_in() {
    let schemes = [(PLAIN, 1), (Sharing::Prio3, 1), (Sharing::Threshold { k: 3 }, 2)];
    for (sharing, least) in schemes {
        for (heavies, lights) in [(1, 1), (0, 3), (2, 3), (3, 13)] {
            let parties = heavies + lights;
            if parties <= least * 2 {
                continue;
            }
            let quorum = u32::try_from(parties).unwrap();
            let mut scenario = Scenario::by_invitation(sharing, quorum, heavies, lights);
            scenario.questions[0].open_for = 600_000;
            let report = played(scenario);
            assert_completed(&report.endings[0], &everybody(parties));
            assert_eq!(report.endings[0].at.len(), parties);
            assert!(report.lasted.as_secs() < 30, "{sharing:?} {parties}: {:?}", report.lasted);
        }
    }
}

#[test]
fn a_party_that_comes_too_late_leaves_nothing_to_compute() {
    let mut scenario = Scenario::by_invitation(PLAIN, 3, 1, 2);
    scenario.nodes[2].starts_at = 20_000;
    let report = played(scenario);
    assert_eq!(report.endings[0].id, None);
}

#[test]
fn an_owner_that_never_answers_is_not_waited_for_by_a_quorum() {
    let mut scenario = Scenario::by_invitation(Sharing::Threshold { k: 3 }, 3, 1, 4);
    let question = &mut scenario.questions[0];
    (question.open_for, question.patience) = (5_000, 15_000);
    // Nodes with odd numbers bring no value at once.
    (scenario.nodes[3].source, scenario.nodes[3].owner) = (Source::Missing, Owner::Away);
    let mut others = everybody(5);
    others.remove(&NodeIndex(3));
    assert_completed(&played(scenario).endings[0], &others);

    let mut scenario = Scenario::by_invitation(PLAIN, 3, 1, 2);
    scenario.questions[0].open_for = 5_000;
    (scenario.nodes[1].source, scenario.nodes[1].owner) = (Source::Missing, Owner::Away);
    let expected = Failure::InsufficientParticipants { accepted: 2, minimum: 3 };
    assert_failed(&played(scenario).endings[0], |failure| *failure == expected);
}

#[test]
fn two_of_five_parties_may_be_gone_for_good() {
    for (first, second) in [(1, 2), (3, 4), (2, 4)] {
        let mut scenario = Scenario::by_invitation(Sharing::Threshold { k: 3 }, 3, 2, 3);
        let question = &mut scenario.questions[0];
        (question.open_for, question.patience, question.grace) = (5_000, 20_000, 1_000);
        for gone in [first, second] {
            (scenario.nodes[gone].source, scenario.nodes[gone].owner) = (Source::Missing, Owner::Away);
            scenario.crashes.push(crash(gone, Moment::At(4_000), None));
        }
        let report = played(scenario);
        for (node, end) in &report.endings[0].at {
            assert!(report.endings[0].names_at(*node).is_some_and(|names| names.len() >= 3), "{node}: {end:?}");
        }
    }
}

#[test]
fn a_crash_of_any_party_after_any_action_costs_nothing() {
    for (sharing, step) in [(PLAIN, 1), (Sharing::Prio3, 3), (Sharing::Threshold { k: 3 }, 4)] {
        let mut calm = Scenario::by_invitation(sharing, 3, 1, 2);
        calm.questions[0].open_for = 40_000;
        let marks = played(calm.clone()).marks;
        for (party, last) in marks.iter().enumerate() {
            for mark in (1..=*last).step_by(step) {
                let mut scenario = calm.clone();
                scenario.crashes.push(crash(party, Moment::AfterAction(mark), Some(700)));
                let report = Run::new(scenario, Keep::Everything)
                    .finish()
                    .unwrap_or_else(|violation| panic!("{violation}"));
                assert!(
                    !report.endings[0].at.is_empty(),
                    "{sharing:?}: {party} after {mark}\n{}",
                    report.story
                );
                assert_completed(&report.endings[0], &everybody(3));
            }
        }
    }
}

#[test]
fn loss_and_delay_cost_time_alone() {
    for seed in 0..20 {
        let mut scenario = Scenario::by_invitation(Sharing::Prio3, 4, 1, 3);
        scenario.seed = seed;
        scenario.questions[0].open_for = 60_000;
        scenario.weather =
            Weather { loss_permille: 300, twice_permille: 200, calm_from: 30_000, ..Weather::FAIR };
        assert_completed(&played(scenario).endings[0], &everybody(4));
    }
}
