//! Lies are found when the two statements meet, whatever carries the second one.

use formix_p2p::protocol::Ignored;
use formix_p2p::wire::{DecreeFault, DecreeMessage};

use super::*;

/// What the node has found, which must be one fault by this place.
fn found(node: &mut Machine, culprit: usize) -> DecreeFault {
    node.advance(&Host { holds: false, ..WAITS });
    let [fault] = &node.evidence[..] else { panic!("{:?}", node.evidence) };
    assert_eq!(fault.culprit(), peer(culprit));
    let terms = node.decree.terms();
    assert!(fault.holds(terms));
    assert!(!fault.holds(&DecreeTerms { topic: Topic::Openings, ..terms.clone() }));
    assert!(!fault.holds(&DecreeTerms { heavy: vec![peer(8), peer(9), peer(10)], ..terms.clone() }));
    fault.clone()
}

fn contradicts(node: &mut Machine, message: DecreeMessage) {
    let from = signer(&message);
    assert_eq!(node.decree.on_message(from, message), Err(Ignored::Contradiction));
}

#[test]
fn two_proposals() {
    let (all, some) = (choice(4, &[0, 1, 2, 3]), choice(4, &[0, 1, 2]));
    let mut node = Machine::new(4, 1, 1);
    node.hear([propose(0, 0, &all, [])]);
    contradicts(&mut node, propose(0, 0, &some, []));
    assert_eq!(found(&mut node, 0), DecreeFault::TwoProposals(proposal(0, 0, &all), proposal(0, 0, &some)));
    assert_eq!(node.decree.proposed(), Some(&all), "the first one stays");
    contradicts(&mut node, propose(0, 0, &some, []));
    node.advance(&WAITS);
    assert_eq!(node.evidence.len(), 1, "said once");
}

#[test]
fn two_proposals_meet_because_a_differing_prepare_is_answered() {
    let (all, some) = (choice(4, &[0, 1, 2, 3]), choice(4, &[0, 1, 2]));
    let (mut one, mut other) = (Machine::new(4, 1, 1), Machine::new(4, 1, 2));
    one.hear([propose(0, 0, &all, [])]);
    other.hear([propose(0, 0, &some, [])]);
    let sent = other.advance(&WAITS);
    assert_eq!(one.decree.answer(&DecreeMessage::Prepare(prepare(2, 0, &all))), None);
    let answer = one.decree.answer(&sent[0]).expect("it was shown another proposal");
    assert_eq!(other.decree.on_message(peer(1), answer), Err(Ignored::Contradiction));
    found(&mut other, 0);
}

#[test]
fn two_prepares_and_two_commits() {
    let (all, some) = (choice(4, &[0, 1, 2, 3]), choice(4, &[0, 1, 2]));
    for view in [0, 1, 7] {
        let mut node = Machine::new(4, 1, 1);
        node.hear([DecreeMessage::Prepare(prepare(3, view, &all))]);
        contradicts(&mut node, DecreeMessage::Prepare(prepare(3, view, &some)));
        let proof = DecreeFault::TwoPrepares(prepare(3, view, &all), prepare(3, view, &some));
        assert_eq!(found(&mut node, 3), proof);

        let mut node = Machine::new(4, 1, 1);
        node.hear([DecreeMessage::Commit(commit(3, view, &all))]);
        contradicts(&mut node, DecreeMessage::Commit(commit(3, view, &some)));
        let proof = DecreeFault::TwoCommits(commit(3, view, &all), commit(3, view, &some));
        assert_eq!(found(&mut node, 3), proof);
    }
}

#[test]
fn two_ballots_meet_though_the_view_is_over() {
    let (all, some) = (choice(3, &[0, 1, 2]), choice(3, &[0, 1]));
    let mut node = Machine::new(3, 1, 1);
    node.hear([DecreeMessage::Prepare(prepare(2, 0, &all))]);
    node.time_out(&WAITS);
    contradicts(&mut node, DecreeMessage::Prepare(prepare(2, 0, &some)));
    found(&mut node, 2);
}

#[test]
fn a_prepare_meets_another_inside_a_lock() {
    let (all, some) = (choice(4, &[0, 1, 2, 3]), choice(4, &[0, 1, 2]));
    let mut node = Machine::new(4, 1, 1);
    node.hear([DecreeMessage::Prepare(prepare(3, 0, &all))]);
    node.hear([DecreeMessage::ViewChange(change(2, 1, Some(prepared(&[0, 2, 3], 0, &some))))]);
    found(&mut node, 3);

    let mut node = Machine::new(4, 1, 0);
    node.hear([DecreeMessage::Prepare(prepare(3, 0, &all))]);
    let lock = prepared(&[0, 2, 3], 0, &some);
    node.hear([propose(1, 1, &some, [change(1, 1, None), change(2, 1, Some(lock)), change(3, 1, None)])]);
    found(&mut node, 3);
}

#[test]
fn a_commit_meets_another_inside_a_decision() {
    let (all, some) = (choice(4, &[0, 1, 2, 3]), choice(4, &[0, 1, 2]));
    let mut node = Machine::new(4, 1, 1);
    node.hear([DecreeMessage::Commit(commit(3, 0, &all))]);
    node.hear([DecreeMessage::Decided(decided(&[0, 2, 3], 0, &some))]);
    found(&mut node, 3);
}

#[test]
fn two_view_changes() {
    let all = choice(3, &[0, 1, 2]);
    let (free, bound) = (change(2, 3, None), change(2, 3, Some(prepared(&[0, 1], 0, &all))));
    let mut node = Machine::new(3, 1, 1);
    node.hear([DecreeMessage::ViewChange(bound.clone())]);
    contradicts(&mut node, DecreeMessage::ViewChange(free.clone()));
    assert_eq!(found(&mut node, 2), DecreeFault::TwoViewChanges(bound, free));
}

#[test]
fn a_hidden_commit_is_found_in_either_order() {
    let (all, some) = (choice(5, &[0, 1, 2, 3, 4]), choice(5, &[0, 1, 2]));
    let committed = commit(3, 2, &all);
    let hiding = [
        change(3, 3, None),
        change(3, u32::MAX, None),
        change(3, 4, Some(prepared(&[0, 1, 3], 1, &all))),
        change(3, 4, Some(prepared(&[0, 1, 2], 2, &some))),
    ];
    for change in hiding {
        for commit_first in [true, false] {
            let mut node = Machine::new(5, 2, 4);
            let mut messages =
                [DecreeMessage::Commit(committed.clone()), DecreeMessage::ViewChange(change.clone())];
            if !commit_first {
                messages.reverse();
            }
            node.hear(messages);
            let proof = DecreeFault::HiddenCommit(committed.clone(), change.clone());
            assert_eq!(found(&mut node, 3), proof);
        }
    }
}

#[test]
fn an_honest_view_change_hides_nothing() {
    let all = choice(5, &[0, 1, 2, 3, 4]);
    let honest = [
        (commit(3, 2, &all), change(3, 4, Some(prepared(&[0, 1, 3], 2, &all)))),
        (commit(3, 2, &all), change(3, 9, Some(prepared(&[0, 1, 3], 5, &all)))),
        (commit(3, 2, &all), change(3, 2, None)),
        (commit(3, 2, &all), change(3, 1, None)),
    ];
    for (commit, change) in honest {
        assert!(!DecreeFault::HiddenCommit(commit.clone(), change.clone()).holds(&terms(5, 2)), "{change:?}");
        let mut node = Machine::new(5, 2, 4);
        node.hear([DecreeMessage::Commit(commit), DecreeMessage::ViewChange(change)]);
        node.advance(&WAITS);
        assert_eq!(node.evidence, []);
    }
}

#[test]
fn a_hidden_commit_is_found_after_the_view_is_over() {
    let all = choice(3, &[0, 1, 2]);
    let mut node = Machine::new(3, 1, 1);
    node.hear([DecreeMessage::Commit(commit(2, 0, &all))]);
    node.time_out(&WAITS);
    node.hear([DecreeMessage::Commit(commit(2, u32::MAX, &all))]);
    node.hear([DecreeMessage::ViewChange(change(2, 1, None))]);
    found(&mut node, 2);
}

#[test]
fn statements_that_go_together_prove_nothing() {
    let (all, some) = (choice(4, &[0, 1, 2, 3]), choice(4, &[0, 1, 2]));
    let terms = terms(4, 1);
    let nothing = [
        DecreeFault::TwoProposals(proposal(0, 0, &all), proposal(0, 0, &all)),
        DecreeFault::TwoProposals(proposal(0, 0, &all), proposal(0, 4, &some)),
        DecreeFault::TwoPrepares(prepare(0, 0, &all), prepare(1, 0, &some)),
        DecreeFault::TwoPrepares(prepare(0, 0, &all), prepare(0, 1, &some)),
        DecreeFault::TwoCommits(commit(0, 0, &all), commit(0, 0, &all)),
        DecreeFault::TwoCommits(commit(9, 0, &all), commit(9, 0, &some)),
        DecreeFault::TwoViewChanges(change(0, 1, None), change(0, 2, None)),
        DecreeFault::HiddenCommit(commit(0, 0, &all), change(1, 1, None)),
        DecreeFault::FalseProof(change(0, 1, None)),
        DecreeFault::FalseProof(change(0, 1, Some(prepared(&[0, 1, 2], 0, &all)))),
    ];
    for fault in nothing {
        assert!(!fault.holds(&terms), "{fault:?}");
    }
}
