//! Parties that vanish and parties that come back.

use crate::party::{TCP, invited, joined, parties, results};

const BOUNDED: [&str; 2] = ["--schema", r#"{"type":"integer","minimum":0,"maximum":100}"#];

#[test]
fn with_a_quorum_one_party_may_vanish() {
    let parties = parties(5, TCP);
    let asked = ["--statistic", "sum", "--parties", "5", "--quorum", "3", "--value", "1", "--deadline", "3s"];
    let (id, tickets) = invited(&parties[0], &[&asked[..], &BOUNDED, &["--patience", "5s"]].concat());
    for ((party, ticket), value) in parties[1..4].iter().zip(&tickets).zip(["2", "4", "8"]) {
        joined(party, ticket, &["--yes", "--value", value]);
    }
    // It takes its seat, and is gone before it has said anything.
    joined(&parties[4], &tickets[3], &["--yes"]);
    // Who waits for its owner has heard that everybody is bound.
    parties[4].lab.wait_for(&parties[4].uid, &id, "everybody is bound", |view| {
        view["invitation"]["state"] == "running" && view["own_answer"] == "waiting"
    });
    parties[4].lab.kill(&parties[4].uid);
    for result in results(&parties[..4], &id) {
        assert_eq!((&result["sum"], &result["participants"]), (&15.into(), &4.into()), "{result}");
    }
}

#[test]
fn each_party_may_be_killed_between_joining_and_the_last_answer() {
    let parties = parties(3, TCP);
    let (id, tickets) = invited(&parties[0], &["--statistic", "sum", "--parties", "3", "--value", "10"]);
    // One seat is taken, and everybody who knows of it is killed.
    joined(&parties[1], &tickets[0], &["--yes", "--value", "7"]);
    parties[0].crash();
    parties[1].crash();
    joined(&parties[2], &tickets[1], &["--yes"]);
    for party in &parties {
        party
            .lab
            .wait_for(&party.uid, &id, "everybody is there", |view| view["invitation"]["state"] == "running");
    }
    // The roster is frozen, and one answer is missing.
    for party in &parties {
        party.crash();
    }
    assert_eq!(parties[2].json(&["answer", &id, "14"]).data()["decision"], "answered");
    for result in results(&parties, &id) {
        assert_eq!((&result["sum"], &result["participants"]), (&31.into(), &3.into()), "{result}");
    }
}

/// A party that dies while it writes down that it has joined, or what its value is, does it again if it has to, and says no two
/// things.
#[test]
fn a_party_killed_while_it_joins_or_answers_counts_once() {
    for moment in ["before-commit", "after-commit", "after-release"] {
        // The value comes later, or with the ticket, and waits until everybody is there.
        for (kind, value) in [("invitation", &[][..]), ("input", &["--value", "14"])] {
            joins_and_answers(&format!("{moment}:{kind}"), value, &format!("{moment}:report"));
        }
    }
}

fn joins_and_answers(joining: &str, value: &[&str], answering: &str) {
    let parties = parties(3, TCP);
    let (id, tickets) = invited(&parties[0], &["--statistic", "sum", "--parties", "3", "--value", "10"]);
    joined(&parties[1], &tickets[0], &["--yes", "--value", "7"]);
    let last = &parties[2];
    let join = || last.json(&[&["join", &tickets[1], "--yes"], value].concat());
    last.lab.dies_at(&last.uid, joining, join);
    if last.json(&["invitations", &id]).code != 0 {
        join().data();
    }
    for party in &parties {
        party.lab.wait_for(&party.uid, &id, "everybody is there", |view| {
            view["invitation"]["state"] == "running" || view["status"] == "completed"
        });
    }
    let waits = || last.lab.computation(&last.uid, &id).unwrap()["own_answer"] == "waiting";
    if value.is_empty() {
        last.lab.dies_at(&last.uid, answering, || {
            // Until then a value is kept first, and the report is another commit.
            last.lab.until("its owner is asked", waits);
            last.json(&["answer", &id, "14"])
        });
        assert!(!waits() || answering.starts_with("before"), "{answering}: what was written is gone");
    }
    // Before the commit nothing is known of a value, and another one may be given.
    if waits() {
        last.json(&["answer", &id, "14"]).data();
    }
    for result in results(&parties, &id) {
        assert_eq!((&result["sum"], &result["participants"]), (&31.into(), &3.into()), "{joining}: {result}");
    }
}
