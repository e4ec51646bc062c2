//! By invitation, from the outside: each party a process with a home of its own, no multicast, nothing but tickets between
//! them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "invitations/asking.rs"]
mod asking;
#[path = "invitations/doubts.rs"]
mod doubts;
mod lab;
#[path = "invitations/party.rs"]
mod party;
#[path = "invitations/refusals.rs"]
mod refusals;
#[path = "invitations/statistics.rs"]
mod statistics;
#[path = "invitations/trouble.rs"]
mod trouble;
#[path = "invitations/words.rs"]
mod words;

use std::process::Command;

use party::{QUIC, TCP, between, invited, joined, parties, results, text};

#[test]
fn the_tutorial_over_tcp_and_over_quic() {
    for listen in [TCP, QUIC] {
        let parties = parties(3, listen);
        let id = between(&parties, &["--statistic", "sum"], &["10", "7", "14"]);
        let results = results(&parties, &id);
        for result in &results {
            assert_eq!(result, &results[0], "every party says the same");
            assert_eq!(result["sum"], 31, "{result}");
            assert_eq!((&result["participants"], &result["samples"]), (&3.into(), &3.into()), "{result}");
        }
        for party in &parties {
            let file = party.lab.home().join("certificate.json");
            let file = file.to_str().unwrap();
            party.json(&["certificate", &id, "--out", file]).data();
            let verified = party.json(&["verify", file]).data();
            assert_eq!((&verified["valid"], &verified["id"]), (&true.into(), &id.as_str().into()));
            assert_eq!(
                (&verified["result"]["sum"], verified["signed_by"].as_array().unwrap().len()),
                (&31.into(), 3)
            );
            let status = party.json(&["status", &id]).data();
            assert_eq!(
                (text(&status["status"]), text(&status["invitation"]["state"])),
                ("completed", "completed")
            );
            let told = party.run(&["status", &id]);
            assert!(told.stdout.contains("private against any 2 of 3 parties"), "{told:?}");
            assert!(!told.stdout.contains("heavy"), "{told:?}");
        }
    }
}

#[test]
fn lists_decimals_and_negatives() {
    let parties = parties(3, TCP);
    let schema = r#"{"type":"number","minimum":-10,"maximum":10,"multipleOf":0.01}"#;
    let asked = ["--statistic", "mean", "--field", "balance", "--schema", schema];
    let id = between(&parties, &asked, &["[1.25,-2.5]", "-3.75", "[10,0,-0.01]"]);
    for result in results(&parties, &id) {
        // 1.25 − 2.5 − 3.75 + 10 + 0 − 0.01
        assert_eq!(result["sum"].to_string(), "4.99", "{result}");
        assert_eq!((&result["participants"], &result["samples"]), (&3.into(), &6.into()), "{result}");
    }
}

#[test]
fn a_value_may_come_later_and_a_heavy_node_is_a_party_like_others() {
    let mut parties = parties(2, TCP);
    parties.push(party::started(&["--role", "heavy"], TCP));
    let (id, tickets) = invited(&parties[0], &["--statistic", "sum", "--parties", "3", "--name", "alice"]);
    for (party, ticket) in parties[1..].iter().zip(&tickets) {
        joined(party, ticket, &["--yes"]);
    }
    let pending = |party: &party::Party| party.json(&["pending"]).data()["pending"].clone();
    for (party, value) in parties.iter().zip(["10", "7", "14"]) {
        party.lab.until("the value is asked for", || {
            pending(party).as_array().unwrap().iter().any(|waits| waits["id"] == id.as_str())
        });
        assert_eq!(party.json(&["answer", &id, value]).data()["decision"], "answered");
    }
    for result in results(&parties, &id) {
        assert_eq!((&result["sum"], &result["participants"]), (&31.into(), &3.into()), "{result}");
    }
}

#[test]
fn two_parties_are_told_what_each_learns() {
    let parties = parties(2, TCP);
    let asked = ["invite", "--statistic", "sum", "--parties", "2", "--value", "10"];
    let refused = parties[0].json(&asked);
    assert_eq!(refused.error(2), "confirmation_needed");
    assert!(refused.message().contains("each learns the other's value"), "{refused:?}");
    assert!(parties[0].json(&["invitations"]).data()["invitations"].as_array().unwrap().is_empty());
    let id = between(&parties, &["--statistic", "sum", "--yes"], &["471100", "-3"]);
    for result in results(&parties, &id) {
        assert_eq!((&result["sum"], &result["participants"]), (&471_097.into(), &2.into()), "{result}");
    }
    parties.iter().for_each(|party| party.heard_no_value(&["471100"]));
}

#[test]
fn the_example_in_python_reads_the_same() {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("python3 is not there: the example was not run");
        return;
    }
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/tutorial.py");
    let ran = Command::new("python3").args([example, env!("CARGO_BIN_EXE_formix-p2p")]).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{ran:?}");
    assert_eq!(said.matches("reads: 3 participants, 3 samples, sum 31").count(), 3, "{said}");
}
