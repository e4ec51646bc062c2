//! One view: proposal, prepare, commit, decision.

use formix_p2p::protocol::Ignored;
use formix_p2p::wire::{Choice, DecreeMessage, Topic};

use super::*;

#[test]
fn three_nodes_decide_in_the_first_view() {
    let all = choice(3, &[0, 1, 2]);
    let mut nodes: Vec<_> = (0..3).map(|place| Machine::new(3, 1, place)).collect();
    let mut sent = nodes[0].advance(&wants(&all));
    assert!(matches!(sent[..], [DecreeMessage::Proposal(_), DecreeMessage::Prepare(_)]));
    while !sent.is_empty() {
        let mut next = Vec::new();
        for node in &mut nodes {
            let me = peer(node.place);
            for message in sent.iter().filter(|message| signer(message) != me) {
                let taken = node.decree.on_message(signer(message), message.clone());
                assert!(matches!(taken, Ok(()) | Err(Ignored::Decided)));
                next.extend(node.advance(&WAITS));
            }
        }
        sent = next;
    }
    for node in &nodes {
        let decided = node.decree.decided().unwrap();
        assert_eq!(decided, &unanimous(&[0, 1, 2], &all));
        assert!(decided.holds(&terms(3, 1)));
    }
}

#[test]
fn a_coordinator_waits_for_its_inputs() {
    let mut node = Machine::new(3, 1, 0);
    assert_eq!(node.advance(&WAITS), []);
    assert_eq!(node.advance(&wants(&choice(3, &[0, 1]))).len(), 2);
    assert_eq!(node.advance(&wants(&choice(3, &[0, 1, 2]))), [], "it proposes once");
}

#[test]
fn a_node_prepares_only_what_it_holds_and_allows() {
    let some = choice(4, &[0, 1, 2]);
    let mut node = Machine::new(4, 1, 1);
    node.hear([propose(0, 0, &some, [])]);
    assert_eq!(node.decree.proposed(), Some(&some));
    assert_eq!(node.advance(&Host { holds: false, ..WAITS }), []);
    assert_eq!(node.advance(&Host { allows: false, ..WAITS }), []);
    assert_eq!(node.advance(&WAITS), [DecreeMessage::Prepare(prepare(1, 0, &some))]);
}

#[test]
fn a_quorum_of_prepares_and_no_fewer_commits() {
    let all = choice(5, &[0, 1, 2, 3, 4]);
    let mut node = Machine::new(5, 1, 1);
    node.hear([propose(0, 0, &all, [])]);
    node.hear([0, 2].map(|place| DecreeMessage::Prepare(prepare(place, 0, &all))));
    assert!(matches!(node.advance(&WAITS)[..], [DecreeMessage::Prepare(_)]), "three of four");
    node.hear([0, 2].map(|place| DecreeMessage::Prepare(prepare(place, 0, &all))));
    assert_eq!(node.advance(&WAITS), [], "the same again counts once");
    node.hear([DecreeMessage::Prepare(prepare(4, 0, &all))]);
    assert_eq!(node.advance(&WAITS), [DecreeMessage::Commit(commit(1, 0, &all))]);
    node.hear([0, 2].map(|place| DecreeMessage::Commit(commit(place, 0, &all))));
    assert_eq!(node.advance(&WAITS), []);
    assert_eq!(node.decree.decided(), None, "three of four");
    node.hear([DecreeMessage::Commit(commit(3, 0, &all))]);
    node.advance(&WAITS);
    assert_eq!(node.decree.decided(), Some(&decided(&[0, 1, 2, 3], 0, &all)));
}

#[test]
fn ballots_for_another_choice_or_view_do_not_count() {
    let (all, some) = (choice(3, &[0, 1, 2]), choice(3, &[0, 1]));
    let mut node = Machine::new(3, 1, 1);
    node.hear([propose(0, 0, &all, [])]);
    node.hear([DecreeMessage::Prepare(prepare(0, 0, &some)), DecreeMessage::Prepare(prepare(2, 1, &all))]);
    assert!(matches!(node.advance(&WAITS)[..], [DecreeMessage::Prepare(_)]));
    node.hear([DecreeMessage::Commit(commit(0, 0, &some)), DecreeMessage::Commit(commit(2, 1, &all))]);
    assert_eq!(node.advance(&WAITS), []);
    assert_eq!(node.decree.decided(), None);
}

#[test]
fn ballots_that_come_before_the_proposal_are_kept() {
    let all = choice(3, &[0, 1, 2]);
    let mut node = Machine::new(3, 1, 1);
    node.hear([0, 2].map(|place| DecreeMessage::Commit(commit(place, 0, &all))));
    node.hear([DecreeMessage::Prepare(prepare(0, 0, &all))]);
    assert_eq!(node.advance(&WAITS), []);
    node.hear([propose(0, 0, &all, [])]);
    let sent = node.advance(&WAITS);
    assert_eq!(sent, [], "two have committed already: there is nothing to add");
    assert!(node.decree.decided().is_some());
}

#[test]
fn a_node_that_lacks_an_input_commits_to_what_a_quorum_holds() {
    let all = choice(3, &[0, 1, 2]);
    let mut node = Machine::new(3, 1, 1);
    node.hear([propose(0, 0, &all, [])]);
    node.hear([0, 2].map(|place| DecreeMessage::Prepare(prepare(place, 0, &all))));
    let sent = node.advance(&Host { holds: false, ..WAITS });
    assert_eq!(sent, [DecreeMessage::Commit(commit(1, 0, &all))]);
}

#[test]
fn what_does_not_belong_is_ignored() {
    let all = choice(3, &[0, 1, 2]);
    let other_topic = Prepare { topic: Topic::Openings, ..prepare(0, 0, &all).get().clone() };
    let other_computation =
        Prepare { computation: ComputationId::of_body(b"another"), ..prepare(0, 0, &all).get().clone() };
    let stranger = peer(9);
    let cases = [
        (peer(0), DecreeMessage::Prepare(Signed::sign(other_topic, identity(0))), Ignored::OtherDecree),
        (peer(0), DecreeMessage::Prepare(Signed::sign(other_computation, identity(0))), Ignored::OtherDecree),
        (stranger, DecreeMessage::Prepare(prepare(9, 0, &all)), Ignored::OtherDecree),
        (stranger, DecreeMessage::Commit(commit(9, 0, &all)), Ignored::OtherDecree),
        (stranger, DecreeMessage::ViewChange(change(9, 1, None)), Ignored::OtherDecree),
        (stranger, propose(9, 0, &all, []), Ignored::OtherDecree),
        (peer(2), DecreeMessage::Prepare(prepare(0, 0, &all)), Ignored::NotItsOwn),
        (peer(2), DecreeMessage::Commit(commit(0, 0, &all)), Ignored::NotItsOwn),
        (peer(2), DecreeMessage::ViewChange(change(0, 1, None)), Ignored::NotItsOwn),
        (peer(2), propose(2, 0, &all, []), Ignored::NotCoordinator),
        (peer(0), propose(0, 0, &choice(2, &[0, 1]), []), Ignored::Unproven),
        (peer(0), propose(0, 0, &all, [change(2, 1, None)]), Ignored::Unproven),
        (peer(0), DecreeMessage::Decided(decided(&[0], 0, &all)), Ignored::Unproven),
        (peer(0), DecreeMessage::Decided(decided(&[0, 0], 0, &all)), Ignored::Unproven),
        (peer(0), DecreeMessage::Decided(decided(&[0, 9], 0, &all)), Ignored::Unproven),
    ];
    let mut node = Machine::new(3, 1, 1);
    for (from, message, why) in cases {
        assert_eq!(node.decree.on_message(from, message.clone()), Err(why), "{message:?}");
        assert_eq!(node.advance(&WAITS), [], "{message:?}");
    }
    assert_eq!(node.evidence, []);
}

#[test]
fn a_decision_stands_on_its_proof_alone() {
    let (all, some) = (choice(5, &[0, 1, 2, 3, 4]), choice(5, &[0, 1, 2]));
    let terms = terms(5, 2);
    assert!(decided(&[0, 2, 4], 3, &all).holds(&terms));
    assert!(decided(&[0, 1, 2, 3, 4], 3, &all).holds(&terms));
    let mixed = |commits: Vec<Signed<Commit>>| Decided { commits, ..decided(&[], 3, &all) };
    let wrong = [
        decided(&[0, 2], 3, &all),
        decided(&[0, 2, 2], 3, &all),
        decided(&[4, 2, 0], 3, &all),
        decided(&[0, 2, 9], 3, &all),
        decided(&[0, 1, 2], 3, &choice(4, &[0, 1, 2])),
        mixed(vec![commit(0, 3, &all), commit(1, 3, &all), commit(2, 3, &some)]),
        mixed(vec![commit(0, 3, &all), commit(1, 3, &all), commit(2, 2, &all)]),
        Decided { view: 2, ..decided(&[0, 2, 4], 3, &all) },
        Decided { choice: some.clone(), ..decided(&[0, 2, 4], 3, &all) },
    ];
    for decided in wrong {
        assert!(!decided.holds(&terms), "{decided:?}");
    }
    let other_topic = DecreeTerms { topic: Topic::Openings, ..terms };
    assert!(!decided(&[0, 2, 4], 3, &all).holds(&other_topic));
}

#[test]
fn more_faults_than_quorums_bear_count_as_that() {
    let quorums = [(3, 0, 3), (3, 1, 2), (3, 2, 2), (4, 1, 3), (4, 3, 3), (7, 3, 4), (16, 16, 9)];
    for (nodes, faults, quorum) in quorums {
        assert_eq!(terms(nodes, faults).quorum(), quorum, "{faults} of {nodes}");
    }
}

#[test]
fn a_decided_node_answers_with_the_proof_and_says_nothing_else() {
    let all = choice(3, &[0, 1, 2]);
    let proof = decided(&[0, 2], 4, &all);
    let mut node = Machine::new(3, 1, 1);
    assert_eq!(node.decree.on_message(peer(2), DecreeMessage::Decided(proof.clone())), Ok(()));
    assert_eq!(node.advance(&wants(&all)), []);
    node.restart();
    assert_eq!(node.decree.decided(), Some(&proof));
    assert_eq!(node.decree.view(), 4);
    let message = DecreeMessage::Decided(proof);
    assert_eq!(node.decree.answer(&DecreeMessage::Prepare(prepare(0, 0, &all))), Some(message.clone()));
    assert_eq!(node.decree.answer(&message), None);
    // The commits that decided it are on their way to whoever commits; if they are lost, its own comes again.
    let commit_to = |choice: &Choice| DecreeMessage::Commit(commit(0, 4, choice));
    assert_eq!(node.decree.answer(&commit_to(&all)), None);
    assert_eq!(node.decree.answer(&commit_to(&choice(3, &[0, 1]))), Some(message.clone()), "of something else");
    assert_eq!(node.decree.on_message(peer(0), commit_to(&all)), Err(Ignored::Decided));
    assert_eq!(node.decree.answer(&commit_to(&all)), Some(message.clone()));
    assert_eq!(node.decree.resend(), [message]);
    assert_eq!(node.time_out(&wants(&all)), []);
    let other = DecreeMessage::Decided(decided(&[0, 2], 5, &choice(3, &[0, 1])));
    assert_eq!(node.decree.on_message(peer(2), other), Err(Ignored::Decided));
    assert_eq!(node.advance(&wants(&all)), []);
    assert_eq!(node.decree.decided().unwrap().choice, all);
}

#[test]
fn a_restart_prepares_nothing_else_and_repeats_what_was_said() {
    let (all, some) = (choice(3, &[0, 1, 2]), choice(3, &[0, 1]));
    let mut node = Machine::new(3, 1, 1);
    node.hear([propose(0, 0, &some, [])]);
    let said = node.advance(&WAITS);
    assert_eq!(said, [DecreeMessage::Prepare(prepare(1, 0, &some))]);
    node.restart();
    assert_eq!(node.decree.resend(), said);
    node.hear([propose(0, 0, &all, [])]);
    assert_eq!(node.advance(&WAITS), [], "the coordinator shows another choice now");
}

#[test]
fn a_restarted_coordinator_stays_with_its_proposal() {
    let (all, some) = (choice(3, &[0, 1, 2]), choice(3, &[0, 1]));
    let mut node = Machine::new(3, 1, 0);
    let said = node.advance(&wants(&some));
    node.restart();
    assert_eq!(node.advance(&wants(&all)), []);
    assert_eq!(node.decree.resend(), said);
}

#[test]
fn a_node_that_is_no_heavy_node_only_learns_the_decision() {
    let all = choice(3, &[0, 1, 2]);
    let mut outsider = Machine::new(3, 1, 9);
    outsider.hear([propose(0, 0, &all, [])]);
    outsider
        .hear([DecreeMessage::ViewChange(change(0, 2, None)), DecreeMessage::ViewChange(change(2, 2, None))]);
    assert_eq!(outsider.time_out(&wants(&all)), []);
    outsider.hear([DecreeMessage::Decided(decided(&[0, 2], 1, &all))]);
    assert_eq!(outsider.advance(&wants(&all)), []);
    assert_eq!(outsider.decree.decided(), Some(&decided(&[0, 2], 1, &all)));
}
