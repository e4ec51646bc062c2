//! Nobody computes with parties that its owner has not agreed to.

use serde_json::json;

use crate::party::{TCP, invited, joined, parties, results, text};

const SUM: [&str; 6] = ["--statistic", "sum", "--parties", "3", "--value", "10"];

#[test]
fn a_program_says_with_whom_beforehand() {
    let parties = parties(2, TCP);
    let (id, tickets) = invited(&parties[0], &SUM);
    let silent = parties[1].json(&["join", &tickets[0], "--value", "7"]);
    assert_eq!(silent.error(2), "confirmation_needed");
    let nobody = parties[1].run(&["join", &tickets[0], "--value", "7"]);
    assert_eq!(nobody.code, 2, "nobody is there to say yes: {nobody:?}");
    assert_eq!(parties[0].invitation(&id)["joined"], 1);
}

#[test]
fn who_says_no_has_agreed_to_nothing_and_may_say_yes_later() {
    let parties = parties(2, TCP);
    let (id, tickets) =
        invited(&parties[0], &[&SUM[..], &["--name", "alice", "--prompt", "Our total?"]].concat());
    let no = parties[1].told(&["join", &tickets[0], "--value", "4711"], "n\n");
    assert_eq!(no.code, 1, "{no:?}");
    for part in [
        "Our total?",
        "calls itself `alice`",
        "private against any 2 of 3 parties",
        "1 of 3 parties has joined",
    ] {
        assert!(no.stderr.contains(part), "{part}: {no:?}");
    }
    assert!(!no.stderr.contains("4711"), "{no:?}");
    let seen = parties[0].invitation(&id);
    assert_eq!((&seen["joined"], &seen["tickets"][0]["joined"]), (&json!(1), &json!(false)));
    let yes = parties[1].told(&["join", &tickets[0], "--value", "7", "--name", "bob"], "y\n");
    assert_eq!(yes.code, 0, "{yes:?}");
    assert!(yes.stdout.contains("2 of 3 parties have joined"), "{yes:?}");
    let seen = parties[0].invitation(&id);
    assert_eq!((&seen["joined"], &seen["roster"][1]["name"]), (&json!(2), &json!("bob")));
    assert_eq!(seen["tickets"][0]["holder"], json!(parties[1].uid));
}

#[test]
fn parties_that_were_not_named_wait_for_a_word() {
    let parties = parties(3, TCP);
    let (id, tickets) = invited(&parties[0], &SUM);
    joined(&parties[1], &tickets[0], &["--value", "7", "--with", &parties[0].peer_id]);
    joined(&parties[2], &tickets[1], &["--value", "14", "--yes"]);
    parties[1].lab.until("it asks", || parties[1].invitation(&id)["state"] == "asks");
    let pending = parties[1].json(&["pending"]).data();
    assert_eq!(pending["pending"][0]["rule"], "roster", "{pending}");
    assert_eq!(parties[0].json(&["result", &id]).error(1), "not_finished");
    assert_eq!(parties[1].json(&["approve", &id]).data()["decision"], "approved");
    for result in results(&parties, &id) {
        assert_eq!(result["sum"], 31);
    }
}

#[test]
fn who_follows_is_asked_about_those_who_join_later() {
    let parties = parties(3, TCP);
    let (id, tickets) = invited(&parties[0], &SUM);
    let (bob, ticket) = (&parties[1], tickets[0].clone());
    std::thread::scope(|scope| {
        let followed = scope.spawn(move || bob.told(&["join", &ticket, "--value", "7", "--wait"], "y\ny\n"));
        bob.lab.until("bob has joined", || parties[0].invitation(&id)["joined"] == 2);
        joined(&parties[2], &tickets[1], &["--value", "14", "--yes"]);
        let followed = followed.join().unwrap();
        assert_eq!(followed.code, 0, "{followed:?}");
        assert!(followed.stdout.contains("sum 31"), "{followed:?}");
        assert!(
            followed.stderr.contains("new to you: ") && followed.stderr.contains(&parties[2].uid),
            "{followed:?}"
        );
    });
}

#[test]
fn what_is_forgotten_is_gone_and_the_rest_is_named() {
    let parties = parties(3, TCP);
    let (open, _) = invited(&parties[0], &SUM);
    assert_eq!(parties[0].json(&["forget", &open, "--yes"]).error(1), "still_open");
    let id = crate::between(&parties, &["--statistic", "sum"], &["10", "7", "14"]);
    results(&parties, &id);
    assert_eq!(parties[1].json(&["forget", &id]).error(2), "confirmation_needed");
    let forgotten = parties[1].told(&["forget", &id, "--json"], "y\n").data();
    assert_eq!(text(&forgotten["id"]), id);
    for list in ["deleted", "kept"] {
        assert!(!forgotten[list].as_array().unwrap().is_empty(), "{forgotten}");
    }
    assert_eq!(parties[1].json(&["result", &id]).error(3), "no_such_computation");
    parties[1].crash();
    assert_eq!(parties[1].json(&["status", &id]).error(3), "no_such_computation");
    assert_eq!(parties[0].json(&["result", &id]).data()["sum"], 31, "what the others have is theirs");
}
