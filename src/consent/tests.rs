//! Every rule from both sides. Guards against: a question that is answered against the owner's word, a rule that never
//! acts, and a reason that is not the one that decided.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::domain::limits::GUARDED_ANSWERS_PER_DAY;
use crate::domain::{
    Computation, ComputationId, Decimal, Modulus, Noise, PeerId, Query, Sharing, Statistic, Timestamp, Unfit,
};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const HOUR: Duration = Duration::from_secs(3600);

fn peer(byte: u8) -> PeerId {
    PeerId::from_public_key([byte; 32])
}

fn peers(bytes: &[u8]) -> Vec<PeerId> {
    let mut peers: Vec<_> = bytes.iter().map(|byte| peer(*byte)).collect();
    peers.sort();
    peers
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn noise(epsilon: &str) -> Option<Noise> {
    Some(Noise { epsilon: decimal(epsilon) })
}

/// The mean of `age`, by proposer 1, of heavy nodes 2 to 4.
fn question() -> Computation {
    Computation {
        version: 1,
        nonce: [0; 16],
        proposer: peer(1),
        proposed_at: NOW,
        prompt: "How old?".to_owned(),
        query: Query::parse(Statistic::Mean, &["age".to_owned()], None).unwrap(),
        heavy: vec![peer(2), peer(3), peer(4)],
        sharing: Sharing::Additive { modulus: Modulus::Bits64 },
        min_participants: 3,
        max_participants: 100,
        deadline: NOW + HOUR,
        patience_ms: 60_000,
        grace_ms: 3_000,
        participants: None,
        noise: None,
        invitation: None,
    }
}

/// Guarded, and everything about [`question`] is as it should be.
fn content() -> Policy {
    Policy { trust: Trust::Listed(BTreeSet::from([peer(2)])), ..Policy::default() }
}

fn with(rules: Rules) -> Policy {
    Policy { rules, ..content() }
}

fn of_field(field: &str, rules: FieldRules) -> Policy {
    with(Rules { fields: [(field.to_owned(), rules)].into(), ..Rules::default() })
}

fn earlier(number: u8, hours_ago: u32) -> Earlier<'static> {
    Earlier {
        computation: ComputationId::of_body(&[number]),
        fields: Cow::Owned(vec!["age".to_owned()]),
        answered_at: Some(NOW - HOUR * hours_ago),
        noise: None,
        set: None,
    }
}

fn decide(policy: &Policy, question: &Computation) -> Decision {
    policy.decide(question, &History::default(), NOW)
}

fn rule(decision: &Decision) -> Option<Rule> {
    decision.doubt().map(Doubt::rule)
}

/// `policy` asks about this question, by this rule, and about no other; `otherwise = "decline"` makes it decline.
#[track_caller]
fn asks(policy: &Policy, question: &Computation, history: Vec<Earlier<'_>>, expected: Rule) {
    let history: History<'_> = history.into_iter().collect();
    let broken: Vec<_> = policy
        .verdicts(question, &history, NOW)
        .into_iter()
        .filter(|verdict| verdict.decision != Decision::Answer)
        .map(|verdict| verdict.rule)
        .collect();
    assert_eq!(broken, [expected]);
    let decision = policy.decide(question, &history, NOW);
    assert!(matches!(decision, Decision::Ask(_)), "{decision:?}");
    let strict = Rules { otherwise: Some(Otherwise::Decline), ..policy.rules.clone() };
    let decision = Policy { rules: strict, ..policy.clone() }.decide(question, &history, NOW);
    assert!(matches!(decision, Decision::Decline(_)), "{decision:?}");
    assert_eq!(rule(&decision), Some(expected));
}

#[track_caller]
fn answers(policy: &Policy, question: &Computation, history: Vec<Earlier<'_>>) {
    let decision = policy.decide(question, &history.into_iter().collect(), NOW);
    assert_eq!(decision, Decision::Answer);
}

#[test]
fn guarded_asks_for_enough_participants_trust_and_rest() {
    answers(&content(), &question(), Vec::new());
    let few = Computation { min_participants: 2, ..question() };
    asks(&content(), &few, Vec::new(), Rule::MinParticipants);
    asks(&Policy::default(), &question(), Vec::new(), Rule::TrustedHeavy);
    let most = u8::try_from(GUARDED_ANSWERS_PER_DAY).unwrap();
    let often = |count: u8| (0..count).map(|number| earlier(number, 1)).collect::<Vec<_>>();
    answers(&content(), &question(), often(most - 1));
    asks(&content(), &question(), often(most), Rule::AskedPerDay);
}

#[test]
fn open_looks_at_the_minimum_alone() {
    let open = Policy { preset: Preset::Open, ..Policy::default() };
    let near = Earlier { set: Some(Cow::Owned(peers(&[10, 11, 12]))), ..earlier(0, 1) };
    let listed = Computation { participants: Some(peers(&[10, 11, 12, 13])), ..question() };
    let history = (0..200).map(|number| earlier(number, 0)).chain([near]).collect();
    answers(&open, &listed, history);
    let few = Computation { min_participants: 2, ..question() };
    asks(&open, &few, Vec::new(), Rule::MinParticipants);
    // Whatever the owner says over it counts.
    let strict = Policy { rules: Rules { trusted_heavy: Some(1), ..Rules::default() }, ..open };
    asks(&strict, &question(), Vec::new(), Rule::TrustedHeavy);
}

#[test]
fn so_many_heavy_nodes_must_be_trusted_as_the_owner_says_or_as_it_takes() {
    let threshold = Computation { sharing: Sharing::Threshold { k: 2 }, ..question() };
    asks(&content(), &threshold, Vec::new(), Rule::TrustedHeavy);
    let two = Policy { trust: Trust::Listed(BTreeSet::from([peer(2), peer(4)])), ..content() };
    answers(&two, &threshold, Vec::new());
    answers(&Policy { trust: Trust::WholeNetwork, ..content() }, &threshold, Vec::new());
    for (trusted_heavy, kept) in [(0, true), (1, true), (2, false), (4, false)] {
        let policy = with(Rules { trusted_heavy: Some(trusted_heavy), ..Rules::default() });
        if kept {
            answers(&policy, &threshold, Vec::new());
        } else {
            asks(&policy, &question(), Vec::new(), Rule::TrustedHeavy);
        }
    }
}

#[test]
fn statistics_and_proposers_are_listed_or_any() {
    let statistics =
        |list: &[Statistic]| Rules { statistics: Some(list.iter().copied().collect()), ..Rules::default() };
    answers(&with(statistics(&[Statistic::Count, Statistic::Mean])), &question(), Vec::new());
    asks(&with(statistics(&[Statistic::Count])), &question(), Vec::new(), Rule::Statistics);
    let proposers = |list: &[u8]| Rules {
        proposers: Some(list.iter().map(|byte| peer(*byte)).collect()),
        ..Rules::default()
    };
    answers(&with(proposers(&[9, 1])), &question(), Vec::new());
    asks(&with(proposers(&[9])), &question(), Vec::new(), Rule::Proposers);
    asks(&with(proposers(&[])), &question(), Vec::new(), Rule::Proposers);
}

#[test]
fn a_field_is_allowed_asked_about_or_denied() {
    let says = |rule| FieldRules { rule: Some(rule), ..FieldRules::default() };
    for (field, said, expected) in [
        ("age", FieldRule::Allow, Decision::Answer),
        ("age", FieldRule::Ask, Decision::Ask(Doubt::FieldAsks { field: "age".to_owned() })),
        ("age", FieldRule::Deny, Decision::Decline(Doubt::FieldDenied { field: "age".to_owned() })),
        ("bmi", FieldRule::Deny, Decision::Answer),
        ("*", FieldRule::Deny, Decision::Decline(Doubt::FieldDenied { field: "age".to_owned() })),
    ] {
        assert_eq!(decide(&of_field(field, says(said)), &question()), expected, "{field}, {said}");
    }
    let mut policy = of_field("*", says(FieldRule::Deny));
    policy.rules.fields.insert("age".to_owned(), says(FieldRule::Allow));
    assert_eq!(decide(&policy, &question()), Decision::Answer);
    // What is not said about the field itself is what is said about every other one.
    let limit = FieldRules { asked_per_day: Some(Rate::AtMost(3)), ..FieldRules::default() };
    policy.rules.fields.insert("age".to_owned(), limit);
    assert_eq!(rule(&decide(&policy, &question())), Some(Rule::Fields));
    // Who says `ask` is asked, even if broken rules decline.
    let mut policy = of_field("age", says(FieldRule::Ask));
    policy.rules.otherwise = Some(Otherwise::Decline);
    assert!(matches!(decide(&policy, &question()), Decision::Ask(Doubt::FieldAsks { .. })));
}

#[test]
fn answers_of_a_day_are_counted_by_field() {
    let three = FieldRules { asked_per_day: Some(Rate::AtMost(3)), ..FieldRules::default() };
    let policy = of_field("age", three);
    let recent = || (0..3).map(|number| earlier(number, 23)).collect::<Vec<_>>();
    asks(&policy, &question(), recent(), Rule::AskedPerDay);
    answers(&policy, &question(), recent().into_iter().skip(1).collect());
    let old = recent().into_iter().map(|it| Earlier { answered_at: Some(NOW - HOUR * 24), ..it });
    answers(&policy, &question(), old.collect());
    let unanswered = recent().into_iter().map(|it| Earlier { answered_at: None, ..it });
    answers(&policy, &question(), unanswered.collect());
    let other = recent().into_iter().map(|it| Earlier { fields: Cow::Owned(vec!["bmi".to_owned()]), ..it });
    answers(&policy, &question(), other.collect());
    let unlimited =
        of_field("age", FieldRules { asked_per_day: Some(Rate::Unlimited), ..FieldRules::default() });
    answers(&unlimited, &question(), (0..200).map(|number| earlier(number, 0)).collect());
}

#[test]
fn a_budget_holds_noisy_questions_and_noise_can_be_required() {
    let budget = with(Rules { epsilon_budget: Some(decimal("1.5")), ..Rules::default() });
    let spent = || vec![Earlier { noise: noise("0.7"), ..earlier(0, 1_000) }, earlier(1, 1)];
    let asked = |epsilon: &str| Computation { noise: noise(epsilon), ..question() };
    answers(&budget, &asked("0.8"), spent());
    asks(&budget, &asked("0.800001"), spent(), Rule::EpsilonBudget);
    asks(&budget, &asked("2"), Vec::new(), Rule::EpsilonBudget);
    answers(&budget, &question(), spent());
    let doubt = Doubt::BudgetSpent {
        field: "age".to_owned(),
        asked: decimal("1"),
        spent: decimal("0.7"),
        budget: decimal("1.5"),
    };
    let decision = budget.decide(&asked("1"), &spent().into_iter().collect(), NOW);
    assert_eq!(decision, Decision::Ask(doubt));
    let own = FieldRules { epsilon_budget: Some(decimal("9")), ..FieldRules::default() };
    let generous =
        Policy { rules: Rules { fields: [("age".to_owned(), own)].into(), ..budget.rules }, ..content() };
    answers(&generous, &asked("2"), spent());
    let noisy = with(Rules { noise: Some(NoiseNeed::Required), ..Rules::default() });
    asks(&noisy, &question(), Vec::new(), Rule::NoiseRequired);
    answers(&noisy, &asked("1"), Vec::new());
}

#[test]
fn questions_over_nearly_the_same_people_are_noticed() {
    let before = |set: &[u8]| vec![Earlier { set: Some(Cow::Owned(peers(set))), ..earlier(7, 1_000) }];
    let listed = |set: &[u8]| Computation { participants: Some(peers(set)), ..question() };
    let now = listed(&[10, 11, 12, 13]);
    for (set, differ) in [(&[10, 11, 12][..], 1), (&[10, 11, 12, 13, 14], 1), (&[10, 11, 12, 14], 2)] {
        asks(&content(), &now, before(set), Rule::SimilarSets);
        let decision = content().decide(&now, &before(set).into_iter().collect(), NOW);
        let earlier = ComputationId::of_body(&[7]);
        assert_eq!(decision, Decision::Ask(Doubt::SimilarSet { earlier, differ }));
    }
    answers(&content(), &now, before(&[10, 11, 12, 13]));
    answers(&content(), &now, before(&[10, 11, 20, 21]));
    answers(&content(), &question(), before(&[10, 11, 12]));
    let wide = with(Rules { similar_below: Some(5), ..Rules::default() });
    asks(&wide, &now, before(&[10, 11, 20, 21]), Rule::SimilarSets);
    let history = || before(&[10, 11, 12]).into_iter().collect();
    let says = |response| with(Rules { similar_sets: Some(response), ..Rules::default() });
    assert_eq!(says(Response::Allow).decide(&now, &history(), NOW), Decision::Answer);
    assert!(matches!(says(Response::Decline).decide(&now, &history(), NOW), Decision::Decline(_)));
    // Who says `ask` is asked, even if broken rules decline.
    let mut asked = says(Response::Ask);
    asked.rules.otherwise = Some(Otherwise::Decline);
    assert!(matches!(asked.decide(&now, &history(), NOW), Decision::Ask(_)));
}

#[test]
fn what_the_source_gave_is_looked_at_once_more() {
    let policy = with(Rules { min_records: Some(10), smallest_cell: Some(5), ..Rules::default() });
    for (records, smallest_cell, expected) in [
        (10, None, None),
        (10, Some(5), None),
        (9, None, Some(Rule::MinRecords)),
        (10, Some(4), Some(Rule::SmallestCell)),
        (9, Some(4), Some(Rule::MinRecords)),
    ] {
        let decision = policy.decide_reading(Summary { records, smallest_cell });
        assert_eq!(rule(&decision), expected, "{records}, {smallest_cell:?}");
    }
    let nothing = Summary { records: 0, smallest_cell: None };
    assert_eq!(rule(&content().decide_reading(nothing)), Some(Rule::MinRecords));
    assert_eq!(content().decide_reading(Summary { records: 1, smallest_cell: Some(1) }), Decision::Answer);
}

#[test]
fn the_strictest_rule_decides_and_among_equals_the_first() {
    let few = Computation { min_participants: 1, ..question() };
    assert_eq!(rule(&decide(&Policy::default(), &few)), Some(Rule::MinParticipants));
    let mut policy = Policy::default();
    let deny = FieldRules { rule: Some(FieldRule::Deny), ..FieldRules::default() };
    policy.rules.fields.insert("age".to_owned(), deny);
    policy.rules.proposers = Some(BTreeSet::new());
    assert!(matches!(decide(&policy, &few), Decision::Decline(Doubt::FieldDenied { .. })));
    policy.rules.fields.clear();
    assert_eq!(rule(&decide(&policy, &few)), Some(Rule::Proposers));
    // A later rule that declines wins over an earlier one that asks.
    let near = Earlier { set: Some(Cow::Owned(peers(&[10, 11]))), ..earlier(7, 1) };
    let listed = Computation { participants: Some(peers(&[10, 11, 12])), ..few };
    policy.rules.similar_sets = Some(Response::Decline);
    let decision = policy.decide(&listed, &[near].into_iter().collect(), NOW);
    assert_eq!(rule(&decision), Some(Rule::SimilarSets));
    let rules: Vec<_> = policy.verdicts(&listed, &History::default(), NOW).iter().map(|it| it.rule).collect();
    assert!(rules.is_sorted());
}

#[test]
fn every_doubt_names_its_rule_and_says_something() {
    let age = || "age".to_owned();
    for doubt in [
        Doubt::FieldDenied { field: age() },
        Doubt::FieldAsks { field: age() },
        Doubt::OtherProposer { proposer: peer(1) },
        Doubt::OtherStatistic { statistic: Statistic::Sum },
        Doubt::MinimumTooLow { asked: 1, required: 3 },
        Doubt::NoTrustedHeavy { colluders: 3, trusted: 0, required: 1 },
        Doubt::AskedTooOften { field: age(), answers: 24 },
        Doubt::NoNoise,
        Doubt::BudgetSpent { field: age(), asked: decimal("1"), spent: decimal("2"), budget: decimal("2") },
        Doubt::SimilarSet { earlier: ComputationId::of_body(b"x"), differ: 1 },
        Doubt::NoSource,
        Doubt::SourceUnreadable,
        Doubt::SourceUnfit,
        Doubt::TooFewRecords { required: 5 },
        Doubt::SmallCell { required: 5 },
    ] {
        assert!(doubt.to_string().len() > 20 && !doubt.rule().to_string().is_empty(), "{doubt:?}");
    }
}

#[test]
fn a_policy_shows_every_rule_and_who_set_it() {
    let mut policy = with(Rules { unfit_rows: Some(Unfit::Clamp), ..Rules::default() });
    let said = FieldRules { asked_per_day: Some(Rate::AtMost(3)), ..FieldRules::default() };
    policy.rules.fields.insert("age".to_owned(), said);
    let lines = policy.lines();
    let line = |rule: &str| {
        let line = lines.iter().find(|line| line.rule == rule).unwrap();
        (line.value.clone(), line.from.to_string())
    };
    for (rule, value, from) in [
        ("fields.age.asked_per_day", "3", "node.toml"),
        ("proposers", "anyone", "preset guarded"),
        ("min_participants", "3", "preset guarded"),
        ("asked_per_day", "24", "preset guarded"),
        ("unfit_rows", "clamp", "node.toml"),
        ("similar_sets", "ask", "preset guarded"),
        ("epsilon_budget", "unlimited", "preset guarded"),
    ] {
        assert_eq!(line(rule), (value.to_owned(), from.to_owned()), "{rule}");
    }
    assert_eq!(line("trust").1, "node.toml");
    let open = Policy { preset: Preset::Open, trust: Trust::WholeNetwork, ..Policy::default() };
    let lines = open.lines();
    assert!(lines.iter().any(|line| line.rule == "trust" && line.from == Origin::SwarmKey));
    assert!(lines.iter().any(|line| line.rule == "asked_per_day" && line.value == "unlimited"));
}
