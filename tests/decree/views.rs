//! View changes: the lock is carried, and views neither run apart nor run out.

use formix_p2p::protocol::Ignored;
use formix_p2p::wire::DecreeMessage;

use super::*;

/// A node of three (one may vanish) that is locked on this choice in view 0, having committed.
fn locked(place: usize, on: &Choice) -> Machine {
    let mut node = Machine::new(3, 1, place);
    node.hear([propose(0, 0, on, []), DecreeMessage::Prepare(prepare(0, 0, on))]);
    assert_eq!(node.advance(&WAITS).len(), 2, "prepare and commit");
    node
}

#[test]
fn a_view_change_tells_of_the_lock_and_is_said_once() {
    let some = choice(3, &[0, 1]);
    let mut node = locked(1, &some);
    let told = change(1, 1, Some(prepared(&[0, 1], 0, &some)));
    let said = node.time_out(&WAITS);
    assert_eq!(said, [DecreeMessage::ViewChange(told)]);
    node.restart();
    assert_eq!(node.decree.view(), 1);
    assert_eq!(node.decree.resend(), said);
}

#[test]
fn a_new_coordinator_takes_what_was_prepared_though_it_would_choose_otherwise() {
    let (all, some) = (choice(3, &[0, 1, 2]), choice(3, &[0, 1]));
    let mut node = Machine::new(3, 1, 1);
    node.hear([DecreeMessage::ViewChange(change(2, 1, Some(prepared(&[0, 2], 0, &some))))]);
    // One other is enough to follow where only one other need be left; nothing that the host allows matters now.
    let sent = node.advance(&Host { allows: false, ..wants(&all) });
    let [DecreeMessage::ViewChange(own), DecreeMessage::Proposal(justified), DecreeMessage::Prepare(_)] =
        &sent[..]
    else {
        panic!("{sent:?}");
    };
    assert_eq!(own, &change(1, 1, None));
    assert_eq!(justified.proposal.get().choice, some);
    assert_eq!(justified.changes.len(), 2);
}

#[test]
fn a_free_coordinator_takes_its_own_choice() {
    let all = choice(3, &[0, 1, 2]);
    let mut node = Machine::new(3, 1, 1);
    node.hear([DecreeMessage::ViewChange(change(2, 1, None))]);
    let sent = node.advance(&wants(&all));
    assert!(matches!(&sent[1], DecreeMessage::Proposal(it) if it.proposal.get().choice == all), "{sent:?}");
}

#[test]
fn the_highest_view_binds() {
    let (old, new) = (choice(5, &[0, 1, 2]), choice(5, &[0, 1, 2, 3]));
    let mut node = Machine::new(5, 2, 3);
    node.hear([
        DecreeMessage::ViewChange(change(0, 3, Some(prepared(&[0, 1, 2], 2, &new)))),
        DecreeMessage::ViewChange(change(1, 3, Some(prepared(&[0, 1, 4], 0, &old)))),
    ]);
    let sent = node.advance(&WAITS);
    assert!(matches!(&sent[1], DecreeMessage::Proposal(it) if it.proposal.get().choice == new), "{sent:?}");
}

#[test]
fn a_bound_choice_is_prepared_though_more_has_come_since() {
    let some = choice(3, &[0, 1]);
    let changes = [change(0, 1, Some(prepared(&[0, 1], 0, &some))), change(1, 1, None)];
    let mut node = Machine::new(3, 1, 2);
    node.hear([propose(1, 1, &some, changes)]);
    assert!(node.advance(&Host { holds: false, allows: false, ..WAITS }).len() == 1, "its view change alone");
    let sent = node.advance(&Host { allows: false, ..WAITS });
    assert_eq!(sent, [DecreeMessage::Prepare(prepare(2, 1, &some))]);
}

#[test]
fn a_coordinator_that_ignores_the_lock_is_refused() {
    let (all, some) = (choice(3, &[0, 1, 2]), choice(3, &[0, 1]));
    let lock = || Some(prepared(&[0, 2], 0, &some));
    let mut node = Machine::new(3, 1, 0);
    let message = propose(1, 1, &all, [change(1, 1, None), change(2, 1, lock())]);
    assert_eq!(node.decree.on_message(peer(1), message), Err(Ignored::Unproven));
    assert_eq!(node.advance(&wants(&some)).len(), 2, "it goes on in view 0, as coordinator");
}

#[test]
fn proposals_without_a_quorum_of_view_changes_are_refused() {
    let all = choice(5, &[0, 1, 2, 3, 4]);
    let c = |place, view| change(place, view, None);
    let cases = [
        vec![],
        vec![c(1, 1), c(2, 1)],
        vec![c(1, 1), c(1, 1), c(2, 1)],
        vec![c(2, 1), c(1, 1), c(3, 1)],
        vec![c(1, 1), c(2, 1), c(9, 1)],
        vec![c(1, 1), c(2, 1), c(3, 2)],
    ];
    let mut node = Machine::new(5, 2, 4);
    for changes in cases {
        let message = propose(1, 1, &all, changes.clone());
        assert_eq!(node.decree.on_message(peer(1), message), Err(Ignored::Unproven), "{changes:?}");
    }
    assert_eq!(node.advance(&WAITS), []);
    node.hear([propose(1, 1, &all, [c(1, 1), c(2, 1), c(3, 1)])]);
    let sent = node.advance(&WAITS);
    assert_eq!(sent, [DecreeMessage::ViewChange(c(4, 1)), DecreeMessage::Prepare(prepare(4, 1, &all))]);
}

#[test]
fn forged_locks_are_refused_and_kept_as_evidence() {
    let all = choice(3, &[0, 1, 2]);
    let mut relabelled = prepared(&[0, 1], 0, &all);
    relabelled.choice = choice(3, &[0, 1]);
    let forged = [
        change(2, 1, Some(prepared(&[0], 0, &all))),
        change(2, 1, Some(prepared(&[0, 0], 0, &all))),
        change(2, 1, Some(prepared(&[0, 1], 1, &all))),
        change(2, 1, Some(prepared(&[0, 9], 0, &all))),
        change(2, 1, Some(relabelled)),
        change(2, 0, None),
    ];
    for change in forged {
        let mut node = Machine::new(3, 1, 1);
        let message = DecreeMessage::ViewChange(change.clone());
        assert_eq!(node.decree.on_message(peer(2), message), Err(Ignored::Unproven), "{change:?}");
        assert_eq!(node.advance(&WAITS), []);
        let [fault] = &node.evidence[..] else { panic!("{change:?}") };
        assert!(fault.culprit() == peer(2) && fault.holds(&terms(3, 1)));
        assert!(!fault.holds(&DecreeTerms { topic: Topic::Openings, ..terms(3, 1) }));
    }
}

#[test]
fn a_stale_view_is_over() {
    let all = choice(3, &[0, 1, 2]);
    let mut node = Machine::new(3, 1, 2);
    node.time_out(&WAITS);
    for message in [
        propose(0, 0, &all, []),
        DecreeMessage::Prepare(prepare(0, 0, &all)),
        DecreeMessage::Commit(commit(0, 0, &all)),
    ] {
        assert_eq!(node.decree.on_message(peer(0), message), Err(Ignored::Stale));
        assert_eq!(node.advance(&WAITS), []);
    }
    node.hear([DecreeMessage::ViewChange(change(0, 2, None))]);
    let older = DecreeMessage::ViewChange(change(0, 1, None));
    assert_eq!(node.decree.on_message(peer(0), older), Err(Ignored::Stale));
}

#[test]
fn what_comes_before_its_view_is_kept() {
    let all = choice(3, &[0, 1, 2]);
    let mut node = Machine::new(3, 1, 2);
    node.hear([0, 1].map(|place| DecreeMessage::Commit(commit(place, 1, &all))));
    node.hear([0, 1].map(|place| DecreeMessage::Prepare(prepare(place, 1, &all))));
    assert_eq!(node.advance(&WAITS), []);
    node.hear([propose(1, 1, &all, [change(0, 1, None), change(1, 1, None)])]);
    node.advance(&WAITS);
    assert_eq!(node.decree.decided(), Some(&decided(&[0, 1], 1, &all)));
}

#[test]
fn a_node_does_not_run_ahead_of_a_quorum() {
    let mut node = Machine::new(5, 1, 0);
    assert_eq!(node.time_out(&WAITS), [DecreeMessage::ViewChange(change(0, 1, None))]);
    for place in [1, 2] {
        assert_eq!(node.time_out(&WAITS), [], "alone in view 1");
        node.hear([DecreeMessage::ViewChange(change(place, 1, None))]);
    }
    node.hear([DecreeMessage::ViewChange(change(3, 7, None))]);
    assert_eq!(node.time_out(&WAITS), [DecreeMessage::ViewChange(change(0, 2, None))]);
}

#[test]
fn a_node_follows_others_when_one_of_them_must_be_honest() {
    let mut node = Machine::new(4, 1, 0);
    node.hear([DecreeMessage::ViewChange(change(1, 5, None))]);
    assert_eq!(node.advance(&WAITS), [], "one of four may lie");
    node.hear([DecreeMessage::ViewChange(change(2, 3, None))]);
    assert_eq!(node.advance(&WAITS), [DecreeMessage::ViewChange(change(0, 3, None))], "the lower of the two");
}

#[test]
fn a_node_that_was_away_catches_up_in_leaps() {
    let mut node = Machine::new(3, 1, 0);
    node.hear([DecreeMessage::ViewChange(change(1, 40, None))]);
    assert_eq!(node.advance(&WAITS), []);
    assert_eq!(node.time_out(&WAITS), [DecreeMessage::ViewChange(change(0, 16, None))]);
    assert_eq!(node.time_out(&WAITS), [DecreeMessage::ViewChange(change(0, 32, None))]);
    node.hear([DecreeMessage::ViewChange(change(1, 40, None))]);
}

#[test]
fn the_last_view_of_all_is_reached_by_nobodys_word() {
    let all = choice(3, &[0, 1, 2]);
    let mut node = Machine::new(3, 1, 1);
    node.hear([
        DecreeMessage::Prepare(prepare(2, u32::MAX, &all)),
        DecreeMessage::Commit(commit(2, u32::MAX, &all)),
        DecreeMessage::ViewChange(change(2, u32::MAX, None)),
    ]);
    assert_eq!(node.advance(&WAITS), []);
    for leap in 1..=5 {
        node.time_out(&WAITS);
        assert_eq!(node.decree.view(), 16 * leap);
    }
}

#[test]
fn in_the_last_view_of_all_nothing_overflows() {
    let all = choice(3, &[0, 1, 2]);
    let mut node = Machine::new(3, 1, 1);
    let coordinator = usize::try_from(u32::MAX % 3).unwrap();
    let changes = [change(0, u32::MAX, None), change(2, u32::MAX, None)];
    node.hear([propose(coordinator, u32::MAX, &all, changes)]);
    assert_eq!(node.advance(&WAITS).len(), 2);
    assert_eq!(node.decree.view(), u32::MAX);
    assert_eq!(node.time_out(&WAITS), []);
    node.hear([0, 2].map(|place| DecreeMessage::Commit(commit(place, u32::MAX, &all))));
    node.advance(&WAITS);
    assert!(node.decree.decided().is_some());
}

#[test]
fn a_first_coordinator_beyond_the_end_starts_over() {
    let all = choice(3, &[0, 1, 2]);
    let mut decree = Decree::new(terms(3, 1), usize::MAX, peer(1));
    let first = usize::MAX % 3;
    assert_eq!(decree.on_message(peer(first), propose(first, 0, &all, [])), Ok(()));
}
