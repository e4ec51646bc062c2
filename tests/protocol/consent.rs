//! What a light node does by its owner's policy, and what its ledger says of it.

use std::time::Duration;

use formix_p2p::consent::{Doubt, FieldRule, FieldRules, Otherwise, Policy, Preset, Response, Rule, Rules};
use formix_p2p::domain::{Computation, ComputationId, Noise, Sharing, Standing, Status};
use formix_p2p::protocol::{Command, Event, Judgement, Node, OwnPart};
use formix_p2p::wire::{Decider, LedgerDecision, LedgerEntry, Record};

use super::net::{Net, peer, settings};
use super::{bounded, question};

const HEAVY: usize = 3;

fn open_but(rules: Rules) -> Policy {
    Policy { preset: Preset::Open, rules, ..Policy::default() }
}

fn field(rule: FieldRule) -> Rules {
    let said = FieldRules { rule: Some(rule), ..FieldRules::default() };
    Rules { fields: [("n".to_owned(), said)].into(), ..Rules::default() }
}

fn watchful() -> Policy {
    open_but(Rules { similar_sets: Some(Response::Ask), ..Rules::default() })
}

/// Asked by node 3 of these light nodes alone.
fn listed(net: &Net, light: &[usize], statistic_nonce: u8) -> Computation {
    let mut participants: Vec<_> = light.iter().map(|index| peer(*index)).collect();
    participants.sort();
    let nonce = [statistic_nonce; 16];
    Computation { participants: Some(participants), nonce, ..question(net, 3, 3) }
}

fn own(net: &Net, index: usize, id: ComputationId) -> OwnPart {
    net.nodes[&peer(index)].view(id).unwrap().own
}

fn entry(net: &Net, index: usize, id: ComputationId) -> LedgerEntry {
    let ledger = net.nodes[&peer(index)].ledger();
    let entry = ledger.into_iter().find(|entry| entry.computation == id).unwrap().clone();
    // What is shown is what is persisted.
    assert!(net.stores[&peer(index)].values().any(|record| *record == Record::Ledger(entry.clone())));
    entry
}

/// A new life with this policy, from what the store holds.
fn restart(net: &mut Net, index: usize, policy: Policy) {
    let me = peer(index);
    let records = net.stores[&me].values().cloned().collect();
    net.timers.retain(|(owner, _), _| *owner != me);
    net.nodes.insert(me, Node::new(settings(index, HEAVY, policy)));
    net.queue.push_back((me, Event::Restored(records)));
    net.settle();
}

#[test]
fn a_denied_field_is_declined_unattended_and_nobody_is_told_why() {
    let mut net = Net::new(&[1, 2, 4], &open_but(field(FieldRule::Deny)));
    let id = net.propose(question(&net, 3, 1));
    net.run_for(Duration::from_millis(100));
    assert_eq!(own(&net, 4, id), OwnPart::Declined(Standing::Declined));
    let entry = entry(&net, 4, id);
    assert_eq!(entry.decision, LedgerDecision::Declined(Standing::Declined));
    assert_eq!((entry.decider, entry.records, entry.listed), (Decider::Policy, None, None));
    let reason = entry.reason.unwrap();
    assert_eq!((reason.rule.as_str(), reason.words.as_str()), ("fields", "the field `n` is denied"));
    let standings = net.nodes[&peer(3)].view(id).unwrap().standings.clone();
    assert_eq!(standings.into_values().collect::<Vec<_>>(), [Standing::Declined; 2]);
    // Approving does not help: it is decided.
    net.queue.push_back((peer(4), Event::Command(Command::Approve(id))));
    net.run_for(Duration::from_secs(6));
    assert_eq!(own(&net, 4, id), OwnPart::Declined(Standing::Declined));
    assert_eq!(net.nodes[&peer(3)].view(id).unwrap().participants, 1);
}

#[test]
fn the_ledger_tells_who_decided_over_what_rule() {
    let mut net = Net::new(&[1, 2, 4, 8], &open_but(field(FieldRule::Ask)));
    let id = net.propose(question(&net, 3, 3));
    net.queue.push_back((peer(4), Event::Command(Command::Approve(id))));
    net.queue.push_back((peer(5), Event::Command(Command::Decline(id))));
    net.settle();
    let [asker, approved, declined] = [3, 4, 5].map(|index| entry(&net, index, id));
    assert_eq!((asker.decider, asker.decision, asker.reason), (Decider::Asker, LedgerDecision::Answered, None));
    assert_eq!((approved.decider, approved.decision), (Decider::Owner, LedgerDecision::Answered));
    assert_eq!((approved.records, approved.min_participants), (Some(1), 3));
    assert_eq!(approved.reason.unwrap().rule, "fields");
    let said_no = LedgerDecision::Declined(Standing::Declined);
    assert_eq!((declined.decider, declined.decision), (Decider::Owner, said_no));
    assert!(net.nodes[&peer(6)].ledger().is_empty());
    // A ledger outlives the process, whatever policy holds now.
    let before = entry(&net, 5, id);
    restart(&mut net, 5, Net::open());
    assert_eq!(entry(&net, 5, id), before);
}

#[test]
fn a_second_closed_list_that_leaves_one_out_is_noticed_before_it_is_answered() {
    let mut net = Net::new(&[1, 2, 4, 8], &watchful());
    let first = net.propose(listed(&net, &[3, 4, 5, 6], 1));
    net.run_for(Duration::from_secs(6));
    assert_eq!(net.nodes[&peer(4)].view(first).unwrap().status, Status::Completed);
    // The same people again give nobody away.
    let same = net.propose(listed(&net, &[3, 4, 5, 6], 2));
    assert_eq!(own(&net, 4, same), OwnPart::Answered);
    net.run_for(Duration::from_secs(6));
    let second = net.propose(listed(&net, &[3, 4, 5], 3));
    let OwnPart::Waiting(Doubt::SimilarSet { earlier, differ }) = own(&net, 4, second) else {
        panic!("{:?}", own(&net, 4, second));
    };
    assert!(differ == 1 && [first, same].contains(&earlier));
    // Another field is another matter, and so is a life without the rule.
    restart(&mut net, 5, watchful());
    assert!(matches!(own(&net, 5, second), OwnPart::Waiting(Doubt::SimilarSet { .. })));
    restart(&mut net, 5, Net::open());
    assert_eq!(own(&net, 5, second), OwnPart::Answered);
}

#[test]
fn who_was_not_in_the_first_total_is_asked_before_the_second() {
    let mut net = Net::new(&[1, 2, 4, 8], &watchful());
    net.values.remove(&peer(6));
    let first = net.propose(listed(&net, &[3, 4, 5, 6], 1));
    net.run_for(Duration::from_secs(6));
    assert_eq!(net.nodes[&peer(3)].view(first).unwrap().participants, 3);
    // With the same list the others give nobody away but node 6: its value is the difference.
    net.values.insert(peer(6), 8);
    let second = net.propose(listed(&net, &[3, 4, 5, 6], 2));
    assert_eq!(own(&net, 4, second), OwnPart::Answered);
    assert_eq!(own(&net, 6, second), OwnPart::Waiting(Doubt::SimilarSet { earlier: first, differ: 1 }));
}

#[test]
fn of_two_questions_that_wait_together_the_second_is_compared_when_it_is_agreed_to() {
    let rules = Rules { similar_sets: Some(Response::Ask), ..field(FieldRule::Ask) };
    let mut net = Net::new(&[1, 2, 4, 8, 16], &open_but(rules));
    let first = net.propose(listed(&net, &[3, 4, 5, 6], 1));
    let second = net.propose(listed(&net, &[3, 4, 5, 7], 2));
    let agree = |net: &mut Net, id| {
        net.queue.push_back((peer(4), Event::Command(Command::Approve(id))));
        net.settle();
        own(net, 4, id)
    };
    assert!(matches!(own(&net, 4, second), OwnPart::Waiting(Doubt::FieldAsks { .. })));
    assert_eq!(agree(&mut net, first), OwnPart::Answered);
    // The difference of the two totals is that of two values: the owner hears of it, and may agree to it.
    let similar = Doubt::SimilarSet { earlier: first, differ: 2 };
    assert_eq!(agree(&mut net, second), OwnPart::Waiting(similar));
    assert_eq!(agree(&mut net, second), OwnPart::Answered);
    assert_eq!(entry(&net, 4, second).reason.unwrap().rule, "similar_sets");
}

#[test]
fn an_owner_who_agreed_before_the_source_was_read_is_asked_about_what_was_read() {
    for otherwise in [Otherwise::Ask, Otherwise::Decline] {
        let rules = Rules { min_records: Some(2), otherwise: Some(otherwise), ..field(FieldRule::Ask) };
        let mut net = Net::new(&[1, 2, 4], &open_but(rules));
        let id = net.propose(question(&net, 3, 3));
        let agree = |net: &mut Net| {
            net.queue.push_back((peer(4), Event::Command(Command::Approve(id))));
            net.settle();
            own(net, 4, id)
        };
        assert_eq!(agree(&mut net), OwnPart::Waiting(Doubt::TooFewRecords { required: 2 }));
        assert_eq!(agree(&mut net), OwnPart::Answered);
        assert_eq!(entry(&net, 4, id).reason.unwrap().rule, "min_records");
    }
}

#[test]
fn a_question_that_too_few_answered_gives_nobody_away() {
    let mut net = Net::new(&[1, 2, 4, 8], &watchful());
    net.values.remove(&peer(6));
    let four = Computation { min_participants: 4, ..listed(&net, &[3, 4, 5, 6], 1) };
    let first = net.propose(four);
    net.run_for(Duration::from_secs(6));
    assert_eq!(net.nodes[&peer(6)].view(first).unwrap().status, Status::Failed);
    net.values.insert(peer(6), 8);
    let second = net.propose(listed(&net, &[3, 4, 5, 6], 2));
    assert_eq!(own(&net, 6, second), OwnPart::Answered);
}

#[test]
fn a_budget_counts_what_was_answered_in_an_earlier_life() {
    let epsilon_budget = Some("1".parse().unwrap());
    let thrifty = || open_but(Rules { epsilon_budget, ..Rules::default() });
    let mut net = Net::new(&[1, 2, 4], &thrifty());
    let noisy = |net: &Net, nonce: u8| Computation {
        noise: Some(Noise { epsilon: "0.6".parse().unwrap() }),
        nonce: [nonce; 16],
        ..bounded(net, 3, Sharing::Prio3)
    };
    let first = net.propose(noisy(&net, 1));
    assert_eq!(own(&net, 4, first), OwnPart::Answered);
    net.run_for(Duration::from_secs(6));
    restart(&mut net, 4, thrifty());
    let second = net.propose(noisy(&net, 2));
    for index in [4, 5] {
        assert!(matches!(own(&net, index, second), OwnPart::Waiting(Doubt::BudgetSpent { .. })), "{index}");
    }
    net.run_for(Duration::from_secs(1));
    let exact = net.propose(Computation { nonce: [3; 16], ..question(&net, 3, 3) });
    assert_eq!(own(&net, 4, exact), OwnPart::Answered);
}

#[test]
fn judging_a_question_answers_nothing_and_names_every_rule() {
    let mut net = Net::new(&[1, 2, 4], &open_but(field(FieldRule::Deny)));
    let id = net.propose(listed(&net, &[3, 4, 5], 1));
    let judge = |net: &Net, index: usize| net.nodes[&peer(index)].judge(id, net.now).unwrap();
    assert_eq!(judge(&net, 0), Judgement::NotAsked);
    assert_eq!(judge(&net, 3), Judgement::OwnQuestion);
    restart(&mut net, 5, Net::open());
    for (index, broken) in [(4, vec![Rule::Fields]), (5, vec![])] {
        let Judgement::Rules(verdicts) = judge(&net, index) else { panic!() };
        assert_eq!(verdicts.len(), 9);
        let doubts = verdicts.iter().filter_map(|verdict| verdict.decision.doubt());
        assert_eq!(doubts.map(Doubt::rule).collect::<Vec<_>>(), broken);
    }
    // Decided before, under another policy, and for ever.
    assert_eq!(own(&net, 5, id), OwnPart::Declined(Standing::Declined));
}
