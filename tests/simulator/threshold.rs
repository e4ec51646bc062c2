//! Threshold sharing: heavy nodes that vanish, and heavy nodes that lie about what others go on without them.

use std::sync::atomic::{AtomicU64, Ordering};

use formix_p2p::domain::{Decimal, Evidence, Failure, Noise, Sharing};
use formix_p2p::sim::{Cheat, End, Moment, NodeIndex, Report, Scenario, Shape, Step, play};

use super::directed::{assert_completed, crash, lights, played};

fn calm(k: u8, heavies: usize) -> Scenario {
    let mut scenario = Scenario::calm_under(Sharing::Threshold { k }, heavies, 4);
    // Three graces and three changes of view fit.
    scenario.questions[0].patience = 40_000;
    scenario
}

fn with(cheat: Cheat, k: u8, heavies: usize, place: usize) -> Report {
    let mut scenario = calm(k, heavies);
    scenario.nodes[place].cheat = Some(cheat);
    played(scenario)
}

#[test]
fn every_k_gives_the_sum_of_everybody() {
    for (k, heavies) in [(2, 3), (3, 3), (2, 4), (3, 5), (4, 7)] {
        for shape in [Shape::Bounded, Shape::Wide] {
            let mut scenario = calm(k, heavies);
            scenario.questions[0].shape = shape;
            let report = played(scenario);
            assert_eq!(report.endings[0].at.len(), heavies + 4);
            assert_completed(&report.endings[0], &lights(heavies, 0..4));
        }
    }
}

/// What is wrong with the end of a run of which these heavy nodes vanish: all others must have the sum of everybody.
fn vanished_wrongly(k: u8, heavies: usize, gone: &[(usize, u64)]) -> Option<String> {
    let mut scenario = calm(k, heavies);
    scenario.crashes.extend(gone.iter().map(|(node, mark)| crash(*node, Moment::AfterAction(*mark), None)));
    let everybody = lights(heavies, 0..4);
    let report = match play(scenario) {
        Ok(report) => report,
        Err(violation) => return Some(format!("{gone:?}: {violation}")),
    };
    let ending = &report.endings[0];
    let wrong: Vec<_> = ending
        .at
        .iter()
        .filter(|(_, end)| match end {
            // A light node that has not reached everybody in time is not in every list.
            End::Completed { names, .. } => names.is_empty() || !names.is_subset(&everybody),
            // Before the announcement, everybody is needed.
            End::Failed(
                Failure::Unreachable { .. }
                | Failure::Refused { .. }
                | Failure::Withdrawn
                | Failure::NeverAnnounced,
            ) => false,
            End::Failed(_) | End::Open => true,
        })
        .collect();
    (!wrong.is_empty()).then(|| format!("{gone:?}: {wrong:?}"))
}

/// Runs the jobs on every core.
fn in_parallel<T: Sync>(jobs: &[T], work: impl Fn(&T) -> Option<String> + Sync) -> Vec<String> {
    let next = AtomicU64::new(0);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let work = || {
            let mut found = Vec::new();
            while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                found.extend(work(job));
            }
            found
        };
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    })
}

#[test]
fn a_heavy_node_gone_for_good_after_any_action_costs_no_result() {
    let marks = played(calm(2, 3)).marks;
    let jobs: Vec<_> = (0..3).flat_map(|node| (1..=marks[node]).map(move |mark| (node, mark))).collect();
    let wrong = in_parallel(&jobs, |job| vanished_wrongly(2, 3, &[*job]));
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), jobs.len(), wrong.join("\n"));
}

#[test]
fn as_many_as_may_vanish_gone_at_once_cost_no_result() {
    let marks = played(calm(3, 5)).marks;
    // Every third action of the first one, with one that is at the same point or at another.
    let jobs: Vec<_> =
        (1..=marks[0]).step_by(3).flat_map(|mark| [(mark, mark), (mark, mark / 2 + 1)]).collect();
    let wrong = in_parallel(&jobs, |(one, other)| vanished_wrongly(3, 5, &[(0, *one), (1, *other)]));
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), jobs.len(), wrong.join("\n"));
}

#[test]
fn one_false_report_leaves_the_sum_of_the_others_exact() {
    for cheat in [Cheat::OutOfRange, Cheat::OtherContext, Cheat::WrongPublic, Cheat::OtherShares] {
        let report = with(cheat, 2, 3, 6);
        assert_completed(&report.endings[0], &lights(3, 0..3));
        assert!(report.blamed.is_empty(), "{cheat:?}: {:?}", report.blamed);
    }
}

#[test]
fn a_lying_partial_sum_is_noticed_with_one_to_spare_and_named_with_two() {
    // 3 answers where 2 make a total: the lie shows, the liar does not.
    for (node, end) in &with(Cheat::FalseSum, 2, 3, 2).endings[0].at {
        assert!(node.0 == 2 || matches!(end, End::Failed(Failure::SumsDisagree)), "at {node}: {end:?}");
    }
    // 4 answers where 2 make a total: the true ones are told from the false one.
    for (node, end) in &with(Cheat::FalseSum, 2, 4, 3).endings[0].at {
        let true_sum = matches!(end, End::Completed { names, .. } if *names == lights(4, 0..4));
        assert!(node.0 == 3 || true_sum, "at {node}: {end:?}");
    }
}

#[test]
fn a_silent_heavy_node_is_done_without() {
    for step in
        [Step::Close, Step::Decree, Step::Rho, Step::Verification, Step::Verifiers, Step::Vote, Step::Open]
    {
        for place in 0..3 {
            let report = with(Cheat::Silent(step), 2, 3, place);
            for (node, end) in report.endings[0].at.iter().filter(|(node, _)| node.0 != place) {
                let completed = matches!(end, End::Completed { names, .. } if *names == lights(3, 0..4));
                assert!(completed, "H{place} silent at {step:?}, at {node}: {end:?}");
            }
        }
    }
}

#[test]
fn two_deals_end_it_before_it_begins() {
    let report = with(Cheat::TwoDeals, 2, 3, 2);
    for (node, end) in &report.endings[0].at {
        let named =
            matches!(end, End::Failed(Failure::DealsDiffer | Failure::Refused { .. } | Failure::Withdrawn));
        assert!(named, "at {node}: {end:?}");
    }
}

#[test]
fn a_coordinator_that_proposes_two_choices_changes_nothing_or_is_convicted() {
    for cheat in [Cheat::TwoProposals, Cheat::TwoBallots] {
        for place in 0..3 {
            let report = with(cheat, 2, 3, place);
            assert!(
                report.blamed.iter().all(|(node, evidence)| {
                    (*node, *evidence) == (Some(NodeIndex(place)), Evidence::Decree)
                })
            );
            for (node, end) in report.endings[0].at.iter().filter(|(node, _)| node.0 != place) {
                let fine = match end {
                    End::Completed { names, .. } => *names == lights(3, 0..4),
                    End::Failed(Failure::Misconduct { evidence, .. } | Failure::Accused { evidence, .. }) => {
                        *evidence == Evidence::Decree
                    }
                    End::Failed(_) | End::Open => false,
                };
                assert!(fine, "{cheat:?} by H{place}, at {node}: {end:?}");
            }
        }
    }
}

#[test]
fn noise_survives_whoever_dealt_it() {
    for mark in [None, Some(20), Some(40)] {
        let mut scenario = calm(2, 3);
        scenario.questions[0].noise = Some(Noise { epsilon: "1".parse().unwrap() });
        scenario.crashes.extend(mark.map(|mark| crash(1, Moment::AfterAction(mark), None)));
        let sums: Vec<Decimal> = played(scenario).endings[0]
            .at
            .values()
            .map(|end| match end {
                End::Completed { sum, .. } => *sum,
                End::Failed(_) | End::Open => panic!("gone after {mark:?}: {end:?}"),
            })
            .collect();
        assert!(sums.len() >= 6 && sums.iter().all(|sum| *sum == sums[0]), "{sums:?}");
    }
}
