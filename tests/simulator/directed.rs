//! Scenarios written by hand: what must come out of them is known.

use std::collections::BTreeSet;

use formix_p2p::domain::{Failure, Modulus, Role, Sharing, Statistic};
use formix_p2p::sim::{
    Crash, Cut, End, Ending, Moment, NodeIndex, NodePlan, Owner, Report, Scenario, Source, StoreFate, play,
};

pub fn played(scenario: Scenario) -> Report {
    play(scenario).unwrap_or_else(|violation| panic!("{violation}"))
}

pub fn lights(heavies: usize, which: std::ops::Range<usize>) -> BTreeSet<NodeIndex> {
    which.map(|light| NodeIndex(heavies + light)).collect()
}

pub fn assert_completed(ending: &Ending, names: &BTreeSet<NodeIndex>) {
    assert!(!ending.at.is_empty());
    for node in ending.at.keys() {
        assert_eq!(ending.names_at(*node), Some(names), "at {node}: {:?}", ending.at.get(node));
    }
}

pub fn assert_failed(ending: &Ending, expected: impl Fn(&Failure) -> bool) {
    assert!(!ending.at.is_empty());
    for (node, end) in &ending.at {
        assert!(matches!(end, End::Failed(failure) if expected(failure)), "at {node}: {end:?}");
    }
}

pub fn crash(node: usize, moment: Moment, down_for: Option<u64>) -> Crash {
    Crash { node: NodeIndex(node), moment, down_for, store: StoreFate::Kept }
}

#[test]
fn a_calm_network_gives_the_sum_of_everybody() {
    for (heavies, count) in [(3, 1), (3, 5), (7, 20), (4, 50)] {
        let report = played(Scenario::calm(heavies, count));
        let ending = &report.endings[0];
        assert_eq!(ending.at.len(), heavies + count);
        assert_completed(ending, &lights(heavies, 0..count));
    }
}

#[test]
fn a_count_and_a_mean_know_how_many_took_part() {
    for statistic in [Statistic::Count, Statistic::Mean] {
        let mut scenario = Scenario::calm(3, 6);
        scenario.questions[0].statistic = statistic;
        for end in played(scenario).endings[0].at.values() {
            assert!(matches!(end, End::Completed { participants: 6, .. }), "{end:?}");
        }
    }
}

#[test]
fn a_complete_closed_list_ends_early() {
    let mut scenario = Scenario::calm(3, 5);
    scenario.questions[0].open_for = 600_000;
    scenario.questions[0].list = Some(lights(3, 0..4));
    let report = played(scenario);
    assert_completed(&report.endings[0], &lights(3, 0..4));
    assert!(report.lasted.as_secs() < 10, "{:?}", report.lasted);
}

#[test]
fn a_decline_does_not_complete_a_closed_list() {
    let mut scenario = Scenario::calm(3, 5);
    scenario.questions[0].open_for = 20_000;
    scenario.questions[0].list = Some(lights(3, 0..5));
    scenario.nodes[7].owner = Owner::Declines(300);
    let report = played(scenario);
    assert_completed(&report.endings[0], &lights(3, 0..4));
    assert!(report.lasted.as_secs() > 20, "{:?}", report.lasted);
}

#[test]
fn too_few_participants_is_a_failure_that_counts_them() {
    let mut scenario = Scenario::calm(3, 5);
    for node in &mut scenario.nodes[4..] {
        node.source = Source::Unfit;
    }
    let expected = Failure::InsufficientParticipants { accepted: 1, minimum: 3 };
    assert_failed(&played(scenario).endings[0], |failure| *failure == expected);
}

#[test]
fn a_heavy_node_that_never_comes_back_is_named() {
    for at in [1_300, 2_900] {
        let mut scenario = Scenario::calm(3, 5);
        scenario.crashes.push(crash(2, Moment::At(at), None));
        assert_failed(
            &played(scenario).endings[0],
            |failure| matches!(failure, Failure::Missing { heavy } if heavy.len() == 1),
        );
    }
}

#[test]
fn a_heavy_node_that_is_not_there_is_named_to_the_proposer() {
    let mut scenario = Scenario::calm(3, 3);
    scenario.nodes[1].starts_at = 30_000;
    let report = played(scenario);
    let end = report.endings[0].at.get(&NodeIndex(3));
    assert!(matches!(end, Some(End::Failed(Failure::Unreachable { heavy })) if heavy.len() == 1), "{end:?}");
}

#[test]
fn a_heavy_node_that_comes_back_within_the_patience_costs_nothing() {
    for at in [1_200, 2_000, 2_995, 3_010, 3_050] {
        let mut scenario = Scenario::calm(3, 5);
        scenario.crashes.push(crash(1, Moment::At(at), Some(2_500)));
        let report = played(scenario);
        let names = report.endings[0].names_at(NodeIndex(0)).cloned();
        assert!(names.is_some(), "crash at {at}: {:?}", report.endings);
    }
}

#[test]
fn a_heavy_node_that_loses_its_store_ends_it_by_name() {
    for at in [1_300, 2_500, 3_010, 3_030] {
        let mut scenario = Scenario::calm(3, 5);
        let moment = Moment::At(at);
        let (node, down_for) = (NodeIndex(2), Some(500));
        scenario.crashes.push(Crash { node, moment, down_for, store: StoreFate::Wiped });
        assert_failed(&played(scenario).endings[0], |failure| {
            matches!(failure, Failure::MemoryLost { .. } | Failure::Missing { .. })
        });
    }
}

#[test]
fn a_light_node_that_loses_its_store_does_not_answer_twice() {
    let mut scenario = Scenario::calm(3, 5);
    let (node, moment) = (NodeIndex(7), Moment::At(1_500));
    scenario.crashes.push(Crash { node, moment, down_for: Some(200), store: StoreFate::Wiped });
    assert_completed(&played(scenario).endings[0], &lights(3, 0..5));
}

#[test]
fn a_light_node_that_joins_late_still_takes_part() {
    let mut scenario = Scenario::calm(3, 4);
    scenario.nodes.push(NodePlan { starts_at: 2_200, ..NodePlan::honest(Role::Light) });
    scenario.questions[0].max_participants = 5;
    assert_completed(&played(scenario).endings[0], &lights(3, 0..5));
}

#[test]
fn without_any_gossip_everybody_hears_of_it() {
    let mut scenario = Scenario::calm(3, 12);
    scenario.weather.gossip_permille = 0;
    scenario.questions[0].open_for = 15_000;
    assert_completed(&played(scenario).endings[0], &lights(3, 0..12));
}

#[test]
fn owners_may_answer_later() {
    let mut scenario = Scenario::calm(3, 6);
    scenario.questions[0].open_for = 4_000;
    scenario.nodes[4].owner = Owner::Approves(1_000);
    scenario.nodes[5].owner = Owner::Answers(1_500);
    scenario.nodes[6].owner = Owner::Away;
    scenario.nodes[7].owner = Owner::Approves(9_000);
    let mut names = lights(3, 0..6);
    names.remove(&NodeIndex(6));
    names.remove(&NodeIndex(7));
    assert_completed(&played(scenario).endings[0], &names);
}

#[test]
fn a_cut_that_heals_within_the_patience_costs_nothing() {
    let mut scenario = Scenario::calm(3, 5);
    scenario.cuts.push(Cut { from: 2_900, until: 6_000, island: [NodeIndex(0), NodeIndex(4)].into() });
    assert_completed(&played(scenario).endings[0], &lights(3, 0..5));
}

#[test]
fn clocks_that_are_off_within_the_limit_cost_nothing() {
    let mut scenario = Scenario::calm(3, 5);
    for (node, skew) in scenario.nodes.iter_mut().zip([-3_000, 2_000, 0, 1_500, -1_000, 0, 900, -900]) {
        node.skew_ms = skew;
    }
    scenario.questions[0].open_for = 20_000;
    scenario.questions[0].patience = 15_000;
    let report = played(scenario);
    assert_completed(&report.endings[0], &lights(3, 0..5));
}

const ADDITIVE: Sharing = Sharing::Additive { modulus: Modulus::Bits64 };

#[test]
fn a_crash_after_any_action_costs_nothing() {
    crash_after_any_action(ADDITIVE);
}

#[test]
fn with_proofs_a_crash_after_any_action_costs_nothing() {
    crash_after_any_action(Sharing::Prio3);
}

/// Every node, crashed after every action that leaves a mark, and started again soon: nothing is lost.
fn crash_after_any_action(sharing: Sharing) {
    let base = || {
        let mut scenario = Scenario::calm_under(sharing, 3, 3);
        // The proposer is a light node that does not answer before the others could.
        scenario.questions[0].proposer = NodeIndex(3);
        scenario
    };
    let marks = played(base()).marks;
    let mut jobs = Vec::new();
    for (node, marks) in marks.iter().enumerate() {
        jobs.extend((1..=*marks).map(|mark| (node, mark)));
    }
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let mut wrong = Vec::new();
    std::thread::scope(|scope| {
        let (jobs, base) = (&jobs, &base);
        let work = move |worker: usize| -> Vec<String> {
            let mine = jobs.iter().skip(worker).step_by(workers);
            mine.filter_map(|(node, mark)| crashed_wrongly(base(), *node, *mark)).collect()
        };
        let threads: Vec<_> = (0..workers).map(|worker| scope.spawn(move || work(worker))).collect();
        for thread in threads {
            wrong.extend(thread.join().expect("no panic"));
        }
    });
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), jobs.len(), wrong.join("\n"));
}

#[test]
fn a_crash_of_all_heavy_nodes_at_any_action_costs_nothing() {
    crash_of_all_heavy_nodes(ADDITIVE);
}

#[test]
fn with_proofs_a_crash_of_all_heavy_nodes_at_any_action_costs_nothing() {
    crash_of_all_heavy_nodes(Sharing::Prio3);
}

/// All heavy nodes at once, after every action of one of them that leaves a mark: what each has persisted is enough.
fn crash_of_all_heavy_nodes(sharing: Sharing) {
    let base = || Scenario { questions: vec![], ..Scenario::calm_under(sharing, 3, 3) };
    let question = || Scenario::calm_under(sharing, 3, 3).questions;
    let marks = played(Scenario { questions: question(), ..base() }).marks;
    let mut wrong = Vec::new();
    for mark in 1..=marks[0] {
        let mut scenario = Scenario { questions: question(), ..base() };
        // The others fall at their own action of this number: about the same moment, and not the same rung.
        for (heavy, most) in marks[..3].iter().enumerate() {
            scenario.crashes.push(crash(heavy, Moment::AfterAction(mark.min(*most)), Some(300)));
        }
        wrong.extend(wrongly(scenario).map(|what| format!("all after {mark}: {what}")));
    }
    // Also at the same moment, every millisecond of the agreement.
    for at in 2_990..3_160 {
        let mut scenario = Scenario { questions: question(), ..base() };
        scenario.crashes.extend((0..3).map(|heavy| crash(heavy, Moment::At(at), Some(300))));
        wrong.extend(wrongly(scenario).map(|what| format!("all at {at}: {what}")));
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

fn wrongly(scenario: Scenario) -> Option<String> {
    let report = match play(scenario) {
        Ok(report) => report,
        Err(violation) => return Some(violation.to_string()),
    };
    let (ending, everybody) = (&report.endings[0], lights(3, 0..3));
    let wrong: Vec<_> = ending.at.keys().filter(|node| ending.names_at(**node) != Some(&everybody)).collect();
    (!wrong.is_empty() || ending.at.is_empty()).then(|| format!("{:?}", ending.at))
}

fn crashed_wrongly(mut scenario: Scenario, node: usize, mark: u64) -> Option<String> {
    scenario.crashes.push(crash(node, Moment::AfterAction(mark), Some(300)));
    let report = match play(scenario) {
        Ok(report) => report,
        Err(violation) => return Some(format!("node {node} after {mark}: {violation}")),
    };
    let ending = &report.endings[0];
    let everybody = lights(3, 0..3);
    let wrong: Vec<_> = ending
        .at
        .iter()
        .filter(|(_, end)| match end {
            End::Completed { names, .. } => *names != everybody,
            // Who asks and forgets has to ask again.
            End::Failed(Failure::NeverAnnounced | Failure::Withdrawn) => node != 3,
            End::Failed(_) | End::Open => true,
        })
        .collect();
    (!wrong.is_empty()).then(|| format!("node {node} after {mark}: {wrong:?}"))
}
