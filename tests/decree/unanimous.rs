//! Everybody prepares the choice of all inputs, unasked: that decides it, and no later view may decide otherwise.

use formix_p2p::protocol::Ignored;
use formix_p2p::wire::{Choice, DecreeFault, DecreeMessage};

use super::*;

fn all(nodes: usize) -> Choice {
    choice(nodes, &(0..nodes).collect::<Vec<_>>())
}

/// The choice of all inputs, one of which is another one.
fn other(nodes: usize) -> Choice {
    let mut inputs = all(nodes).inputs().to_vec();
    inputs[0] = Some(Digest::of("another input", &[]));
    Choice::new(inputs)
}

fn prepares(places: &[usize], choice: &Choice) -> Vec<DecreeMessage> {
    places.iter().map(|place| DecreeMessage::Prepare(prepare(*place, 0, choice))).collect()
}

#[test]
fn the_prepares_of_all_decide_with_neither_proposal_nor_commit() {
    let all = all(4);
    let mut node = Machine::new(4, 1, 2);
    assert_eq!(node.advance(&wants(&all)), prepares(&[2], &all));
    node.hear(prepares(&[0, 3], &all));
    assert_eq!(node.advance(&wants(&all)), [], "a quorum, and the fourth is hoped for");
    assert!(node.decree.awaits_all());
    node.hear(prepares(&[1], &all));
    assert_eq!(node.advance(&wants(&all)), []);
    assert_eq!(node.decree.decided(), Some(&unanimous(&[0, 1, 2, 3], &all)));
    node.restart();
    assert_eq!(node.decree.decided(), Some(&unanimous(&[0, 1, 2, 3], &all)));
    // Whoever commits has missed a prepare, and no commit is on its way to it.
    let told = DecreeMessage::Decided(unanimous(&[0, 1, 2, 3], &all));
    assert_eq!(node.decree.answer(&DecreeMessage::Commit(commit(1, 0, &all))), Some(told.clone()));
    let mut late = Machine::new(4, 1, 1);
    late.hear([told]);
    late.advance(&WAITS);
    assert_eq!(late.decree.decided(), node.decree.decided());
}

#[test]
fn without_somebodys_prepare_a_quorum_commits_after_a_while() {
    let all = all(3);
    let mut node = Machine::new(3, 1, 2);
    node.advance(&wants(&all));
    node.hear(prepares(&[0], &all));
    node.hear([propose(0, 0, &all, [])]);
    assert_eq!(node.advance(&wants(&all)), []);
    node.decree.wait_for_all_no_more();
    assert_eq!(node.advance(&wants(&all)), [DecreeMessage::Commit(commit(2, 0, &all))]);
    node.hear([DecreeMessage::Commit(commit(0, 0, &all))]);
    node.advance(&wants(&all));
    assert_eq!(node.decree.decided(), Some(&decided(&[0, 2], 0, &all)));
}

/// Who lacks an input would not know what to ask for; and to two nodes a liar could show two choices that nobody proposed.
#[test]
fn nobody_commits_to_what_nobody_has_proposed() {
    let all = all(3);
    let mut node = Machine::new(3, 1, 2);
    node.advance(&wants(&all));
    node.decree.wait_for_all_no_more();
    node.hear(prepares(&[1], &all));
    node.hear([DecreeMessage::Commit(commit(1, 0, &all))]);
    assert_eq!(node.advance(&wants(&all)), []);
    node.hear([DecreeMessage::Commit(commit(0, 0, &all))]);
    assert!(node.advance(&wants(&all)).is_empty() && node.decree.decided().is_none());
    node.hear([propose(0, 0, &all, [])]);
    node.advance(&wants(&all));
    assert_eq!(node.decree.decided(), Some(&decided(&[0, 1], 0, &all)));
}

#[test]
fn who_prepares_something_else_is_not_waited_for() {
    let (all, other) = (all(3), other(3));
    let mut node = Machine::new(3, 1, 2);
    node.hear([propose(0, 0, &all, [])]);
    node.advance(&wants(&all));
    node.hear(prepares(&[1], &other));
    assert!(node.advance(&wants(&all)).is_empty() && !node.decree.awaits_all());
    node.hear(prepares(&[0], &all));
    assert_eq!(node.advance(&wants(&all)), [DecreeMessage::Commit(commit(2, 0, &all))]);
}

#[test]
fn who_lacks_an_input_commits_and_so_do_the_others() {
    let all = all(3);
    let mut lacking = Machine::new(3, 1, 1);
    lacking.hear([propose(0, 0, &all, [])]);
    lacking.hear(prepares(&[0, 2], &all));
    let committed = DecreeMessage::Commit(commit(1, 0, &all));
    assert_eq!(lacking.advance(&Host { holds: false, ..WAITS }), std::slice::from_ref(&committed));
    let mut node = Machine::new(3, 1, 2);
    node.hear([propose(0, 0, &all, [])]);
    node.advance(&wants(&all));
    node.hear(prepares(&[0], &all));
    assert_eq!(node.advance(&wants(&all)), []);
    node.hear([committed]);
    assert_eq!(node.advance(&wants(&all)), [DecreeMessage::Commit(commit(2, 0, &all))]);
    assert_eq!(node.decree.decided(), Some(&decided(&[1, 2], 0, &all)));
}

#[test]
fn what_a_node_prepared_unasked_it_prepares_in_place_of_any_proposal() {
    let (all, some) = (all(3), choice(3, &[0, 1]));
    let mut node = Machine::new(3, 1, 2);
    let said = node.advance(&wants(&all));
    node.restart();
    assert_eq!(node.decree.resend(), said);
    node.hear([propose(0, 0, &some, [])]);
    assert_eq!(node.advance(&wants(&all)), []);
    node.hear(prepares(&[0, 1], &some));
    assert_eq!(node.advance(&wants(&all)), [DecreeMessage::Commit(commit(2, 0, &some))], "others hold it");
}

#[test]
fn nothing_is_prepared_unasked_that_could_not_decide() {
    let cases = [
        // Somebody is left out; more liars are borne than may be gone; nobody may be gone.
        (3, 1, choice(3, &[0, 2])),
        (5, 1, all(5)),
        (3, 0, all(3)),
    ];
    for (nodes, faults, own) in cases {
        let mut node = Machine::new(nodes, faults, 1);
        assert_eq!(node.advance(&wants(&own)), [], "{faults} of {nodes}");
    }
    let mut node = Machine::new(3, 1, 1);
    node.time_out(&WAITS);
    assert_eq!(node.advance(&wants(&all(3))).len(), 0, "above view 0");
}

#[test]
fn a_unanimous_decision_stands_on_its_proof_alone() {
    let (all, some) = (all(4), choice(4, &[0, 1, 2]));
    let terms4 = terms(4, 1);
    assert!(unanimous(&[0, 1, 2, 3], &all).holds(&terms4));
    let in_view_1 = [0, 1, 2, 3].map(|place| prepare(place, 1, &all)).to_vec();
    let wrong = [
        unanimous(&[0, 1, 2], &all),
        unanimous(&[0, 1, 2, 2], &all),
        unanimous(&[0, 1, 3, 2], &all),
        unanimous(&[0, 1, 2, 9], &all),
        unanimous(&[0, 1, 2, 3], &some),
        Decided { choice: other(4), ..unanimous(&[0, 1, 2, 3], &all) },
        Decided { view: 1, ..unanimous(&[0, 1, 2, 3], &all) },
        Decided { view: 1, prepares: in_view_1, ..unanimous(&[], &all) },
        Decided { commits: decided(&[0, 1, 2], 0, &all).commits, ..unanimous(&[0, 1, 2, 3], &all) },
        unanimous(&[], &all),
    ];
    for decided in wrong {
        assert!(!decided.holds(&terms4), "{decided:?}");
    }
    assert!(!unanimous(&[0, 1, 2, 3, 4], &super::choice(5, &[0, 1, 2, 3, 4])).holds(&terms(5, 1)));
    assert!(!unanimous(&[0, 1, 2, 3], &all).holds(&DecreeTerms { topic: Topic::Openings, ..terms4 }));
}

#[test]
fn a_later_coordinator_is_bound_to_what_all_may_have_prepared() {
    let (all, other) = (all(4), other(4));
    let told = |place, choice| change_with(place, 1, None, Some(first(place, choice)));
    // One may lie, by another name or by none; all others say the same.
    for changes in [
        [told(0, &other), told(2, &all), told(3, &all)],
        [change(0, 1, None), told(2, &all), told(3, &all)],
        [told(0, &all), change(2, 1, None), told(3, &all)],
    ] {
        let mut node = Machine::new(4, 1, 1);
        node.advance(&wants(&all));
        node.hear(changes.clone().map(DecreeMessage::ViewChange));
        let sent = node.advance(&Host { allows: false, ..wants(&other) });
        assert!(matches!(&sent[1], DecreeMessage::Proposal(it) if it.proposal.get().choice == all), "{sent:?}");
        let mut node = Machine::new(4, 1, 0);
        let message = propose(1, 1, &other, changes.clone());
        assert_eq!(node.decree.on_message(peer(1), message), Err(Ignored::Unproven));
        node.hear([propose(1, 1, &all, changes)]);
        assert_eq!(node.advance(&Host { allows: false, ..WAITS }).len(), 2, "it is bound");
    }
}

#[test]
fn more_than_may_lie_without_it_bind_nobody_and_a_lock_binds_before_first_prepares() {
    let (all, some) = (all(4), choice(4, &[0, 1, 2]));
    let told = |place| change_with(place, 1, None, Some(first(place, &all)));
    // With its own, two of four say that they did not prepare it, or three.
    for free in [[change(0, 1, None), told(2), told(3)], [change(0, 1, None), told(2), change(3, 1, None)]] {
        let mut node = Machine::new(4, 1, 1);
        node.hear(free.map(DecreeMessage::ViewChange));
        let sent = node.advance(&wants(&some));
        assert!(
            matches!(&sent[1], DecreeMessage::Proposal(it) if it.proposal.get().choice == some),
            "{sent:?}"
        );
    }

    let locked = change_with(0, 2, Some(prepared(&[0, 1, 2], 1, &some)), None);
    let told = |place| change_with(place, 2, None, Some(first(place, &all)));
    let mut node = Machine::new(4, 1, 2);
    node.hear([locked, told(1), told(3)].map(DecreeMessage::ViewChange));
    let sent = node.advance(&WAITS);
    assert!(matches!(&sent[1], DecreeMessage::Proposal(it) if it.proposal.get().choice == some), "{sent:?}");
}

#[test]
fn where_more_liars_are_borne_nobody_is_bound_by_first_prepares() {
    let all = all(5);
    let told = |place| change_with(place, 1, None, Some(first(place, &all)));
    let mut node = Machine::new(5, 1, 1);
    node.hear([0, 2, 3].map(|place| DecreeMessage::ViewChange(told(place))));
    let some = choice(5, &[0, 1, 2, 3]);
    let sent = node.advance(&wants(&some));
    assert!(matches!(&sent[1], DecreeMessage::Proposal(it) if it.proposal.get().choice == some), "{sent:?}");
}

#[test]
fn what_was_prepared_first_is_told_in_every_later_view() {
    let all = all(3);
    let mut node = Machine::new(3, 1, 2);
    node.advance(&wants(&all));
    node.restart();
    let told = |view| DecreeMessage::ViewChange(change_with(2, view, None, Some(first(2, &all))));
    assert_eq!(node.time_out(&wants(&all)), [told(1)]);
    node.hear([DecreeMessage::ViewChange(change(0, 1, None))]);
    node.advance(&wants(&all));
    node.restart();
    assert_eq!(node.time_out(&WAITS), []);
    node.hear([DecreeMessage::ViewChange(change(0, 2, None))]);
    let sent = node.advance(&WAITS);
    assert_eq!(sent[0], told(2));
}

#[test]
fn a_hidden_prepare_is_found_in_either_order() {
    let (all, other) = (all(3), other(3));
    let committed_later = prepared(&[0, 1], 1, &all);
    let hiding = [
        change(2, 1, None),
        change(2, u32::MAX, None),
        change_with(2, 1, None, Some(first(2, &other))),
        change_with(2, 2, Some(committed_later), None),
    ];
    for change in hiding {
        for prepare_first in [true, false] {
            let mut node = Machine::new(3, 1, 1);
            let mut messages =
                [DecreeMessage::Prepare(prepare(2, 0, &all)), DecreeMessage::ViewChange(change.clone())];
            if !prepare_first {
                messages.reverse();
            }
            for message in messages {
                // With another prepare inside, the second one of the two contradicts it.
                let _ = node.decree.on_message(peer(2), message);
            }
            node.advance(&Host { holds: false, ..WAITS });
            let [fault] = &node.evidence[..] else { panic!("{:?}", node.evidence) };
            assert!(fault.culprit() == peer(2) && fault.holds(&terms(3, 1)));
            let hidden = DecreeFault::HiddenPrepare(prepare(2, 0, &all), change.clone());
            assert!(hidden.holds(&terms(3, 1)) && hidden.culprit() == peer(2));
            assert!(!hidden.holds(&DecreeTerms { topic: Topic::Openings, ..terms(3, 1) }));
        }
    }
    let honest = [
        DecreeFault::HiddenPrepare(prepare(2, 0, &all), change_with(2, 4, None, Some(first(2, &all)))),
        DecreeFault::HiddenPrepare(prepare(2, 1, &all), change(2, 4, None)),
        DecreeFault::HiddenPrepare(prepare(0, 0, &all), change(2, 4, None)),
        DecreeFault::HiddenPrepare(prepare(2, 0, &all), change(2, 0, None)),
    ];
    for fault in honest {
        assert!(!fault.holds(&terms(3, 1)), "{fault:?}");
    }
}

#[test]
fn a_first_prepare_of_somebody_else_is_evidence() {
    let all = all(3);
    let relabelled = First { choice: other(3), ..first(2, &all) };
    let of_view_1 = First { choice: all.clone(), prepare: prepare(2, 1, &all) };
    for first in [first(0, &all), relabelled, of_view_1] {
        let lie = change_with(2, 1, None, Some(first));
        let mut node = Machine::new(3, 1, 1);
        let taken = node.decree.on_message(peer(2), DecreeMessage::ViewChange(lie.clone()));
        assert_eq!(taken, Err(Ignored::Unproven), "{lie:?}");
        node.advance(&WAITS);
        assert_eq!(node.evidence, [DecreeFault::FalseProof(lie)]);
    }
}
