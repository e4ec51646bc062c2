//! Bad luck under prio3 and threshold sharing: heavy nodes that are killed at any moment and come back, or do not.

use std::time::Duration;

use formix_p2p::domain::{ComputationId, Failure, Sharing};
use formix_p2p::wire::{Message, Record, RecordKind, Topic};

use crate::net::{Net, peer};
use crate::wild::{Wild, announced};

/// Each of these is killed after each number of its actions, and is back within half a second.
fn restart_sweep(sharing: Sharing, victims: &[usize]) -> Vec<(usize, Vec<String>)> {
    let mut broken = Vec::new();
    for actions in 0.. {
        let (mut net, id) = announced(3, sharing);
        net.vanish.extend(victims.iter().map(|victim| (peer(*victim), actions)));
        let mut wild = Wild::tame(net);
        let mut killed = false;
        for _ in 0..30 {
            wild.run_for(Duration::from_millis(500));
            for victim in victims {
                if wild.net.down.contains(&peer(*victim)) {
                    killed = true;
                    wild.restart(*victim);
                }
            }
        }
        wild.run_for(Duration::from_secs(60));
        if !wild.all_read(id, "42") {
            broken.push((actions, wild.ends(id)));
        }
        if !killed {
            assert!(actions > 30, "{actions}");
            return broken;
        }
    }
    unreachable!()
}

#[test]
fn one_may_restart_after_any_action() {
    for sharing in [Sharing::Prio3, Sharing::Threshold { k: 2 }] {
        for victim in 0..3 {
            let broken = restart_sweep(sharing, &[victim]);
            assert!(broken.is_empty(), "{sharing:?}, H{victim}: {broken:#?}");
        }
    }
}

#[test]
fn under_threshold_all_may_restart_after_any_action() {
    let broken = restart_sweep(Sharing::Threshold { k: 2 }, &[0, 1, 2]);
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn under_prio3_all_may_restart_after_voting() {
    let (net, id) = announced(3, Sharing::Prio3);
    // The votes are lost: a power cut comes before anybody has heard one.
    let mut wild = Wild::new(net, |_, from, to, message| match message {
        Message::Vote { .. } => Vec::new(),
        message => vec![(from, to, message)],
    });
    wild.run_for(Duration::from_millis(5_100));
    let voted = |store: &std::collections::BTreeMap<_, Record>| {
        store.values().any(|record| record.key().kind == RecordKind::Voted)
    };
    assert!((0..3).all(|index| voted(&wild.net.stores[&peer(index)])));
    wild.way = Box::new(|_, from, to, message| vec![(from, to, message)]);
    (0..3).for_each(|index| wild.net.down.push(peer(index)));
    (0..3).for_each(|index| wild.restart(index));
    wild.run_for(Duration::from_secs(75));
    assert!(wild.all_read(id, "42"), "{:?}", wild.ends(id));
}

#[test]
fn under_prio3_the_last_voter_may_restart() {
    let mut broken = Vec::new();
    for actions in 0..60 {
        let (mut net, id) = announced(3, Sharing::Prio3);
        net.vanish.insert(peer(0), actions);
        // H0 hears the verifier shares late, so it votes when the others have.
        let begin = net.now;
        let mut wild = Wild::new(net, move |net, from, to, message| match message {
            Message::Verifiers { .. } if to == peer(0) && net.now < begin + Duration::from_millis(5_600) => {
                Vec::new()
            }
            message => vec![(from, to, message)],
        });
        for _ in 0..70 {
            wild.run_for(Duration::from_millis(100));
            if wild.net.down.contains(&peer(0)) {
                wild.restart(0);
            }
        }
        wild.run_for(Duration::from_secs(75));
        if !wild.all_read(id, "42") {
            broken.push((actions, wild.ends(id)));
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Everybody who is left has the exact sum, or names who is missing.
fn ended_right_or_missing(net: &Net, id: ComputationId) -> bool {
    net.nodes.iter().filter(|(node, _)| !net.down.contains(node)).all(|(_, machine)| {
        let view = machine.view(id).unwrap();
        match (view.answer, view.failure) {
            (Some(answer), _) => answer.total() == "42".parse().unwrap(),
            (None, Some(Failure::Missing { heavy })) => !heavy.is_empty(),
            (None, failure) => matches!(failure, Some(Failure::NoContact)),
        }
    })
}

#[test]
fn one_gone_for_good_and_one_away_for_a_while_end_right_or_by_name() {
    let mut broken = Vec::new();
    for actions in (0..110).step_by(3) {
        let (mut net, id) = announced(3, Sharing::Threshold { k: 2 });
        net.vanish.insert(peer(0), actions);
        let mut wild = Wild::tame(net);
        // Every report is in.
        wild.run_for(Duration::from_secs(4));
        wild.net.down.push(peer(2));
        wild.run_for(Duration::from_secs(5));
        wild.restart(2);
        wild.run_for(Duration::from_secs(75));
        // Who was not counted in one step is not counted in a later one.
        if !ended_right_or_missing(&wild.net, id) {
            broken.push((actions, wild.ends(id)));
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn a_restart_while_another_goes_for_good_ends_right_or_by_name() {
    let (net, id) = announced(3, Sharing::Threshold { k: 2 });
    // H1 has not got H2's verifier shares yet; H0 has, and its prepare says that it can serve them.
    let mut wild = Wild::new(net, |_, from, to, message| match message {
        Message::Verifiers { heavy, .. } if heavy == peer(2) && to == peer(1) => Vec::new(),
        message => vec![(from, to, message)],
    });
    wild.run_for(Duration::from_millis(5_100));
    let decided = |record: &Record| match record {
        Record::Decree { topic: Topic::Verifiers, memory, .. } => memory.decided().is_some(),
        _ => false,
    };
    assert!(wild.net.stores[&peer(1)].values().any(decided));
    // H2 goes for good; H0 is back at once.
    wild.net.down.push(peer(2));
    wild.way = Box::new(|_, from, to, message| vec![(from, to, message)]);
    wild.restart(0);
    wild.run_for(Duration::from_secs(75));
    // What others have sent is not durable: with its owner gone, the only node that has it must not restart.
    assert!(ended_right_or_missing(&wild.net, id), "{:?}", wild.ends(id));
}
