//! Tickets that admit nobody, each refused by name; and what may not be asked.

use crate::party::{Party, TCP, invited, joined, parties, text};

const SUM: [&str; 4] = ["--statistic", "sum", "--parties", "3"];

#[track_caller]
fn refused(party: &Party, arguments: &[&str], (exit, code): (i32, &str)) {
    let ran = party.json(arguments);
    assert_eq!((ran.code, ran.error(exit).as_str()), (exit, code), "{ran:?}");
    // A ticket is a secret, also where it is of no use.
    assert!(!ran.stdout.contains("formix1a") && !ran.stderr.contains("formix1a"), "{ran:?}");
}

#[test]
fn a_text_that_is_no_sound_ticket() {
    let parties = parties(2, TCP);
    let (_, tickets) = invited(&parties[0], &SUM);
    let ticket = &tickets[0];
    let cut = &ticket[..ticket.len() - 9];
    let last = if ticket.ends_with('a') { "b" } else { "a" };
    let changed = format!("{}{last}{}", &ticket[..100], &ticket[101..]);
    let other = if changed == **ticket { cut.to_owned() } else { changed };
    for (given, code) in [
        ("COMP-FZ375MV7", "not_a_ticket"),
        ("", "not_a_ticket"),
        (cut, "ticket_damaged"),
        (&other, "ticket_damaged"),
        (&ticket.replace("formix1", "formix2"), "ticket_version"),
        (&"a".repeat(100_000), "ticket_too_long"),
    ] {
        refused(&parties[1], &["join", given, "--yes"], (1, code));
        assert_eq!(parties[1].json(&["invitations"]).data()["invitations"], serde_json::json!([]));
    }
    let pasted: Vec<_> = ticket.as_bytes().chunks(72).map(|line| String::from_utf8_lossy(line)).collect();
    let joined = parties[1].told(&["join", "-", "--yes", "--json"], &format!("\n{}\n", pasted.join("\r\n")));
    assert_eq!(joined.data()["joined"], 2);
    // Its pieces as the shell's words; the same seat again.
    let pieces: Vec<&str> = pasted.iter().map(AsRef::as_ref).collect();
    let again = parties[1].json(&[&["join"], &pieces[..], &["--yes"]].concat());
    assert_eq!(again.data()["joined"], 2);
}

#[test]
fn a_ticket_that_was_used_is_over_or_is_ones_own() {
    let parties = parties(3, TCP);
    let (id, tickets) = invited(&parties[0], &[&SUM[..], &["--value", "10"]].concat());
    refused(&parties[0], &["join", &tickets[0], "--yes"], (1, "own_ticket"));
    joined(&parties[1], &tickets[0], &["--yes", "--value", "7"]);
    refused(&parties[2], &["join", &tickets[0], "--yes"], (1, "ticket_used"));
    refused(&parties[1], &["join", &tickets[1], "--yes"], (1, "already_seated"));
    assert_eq!(parties[0].invitation(&id)["joined"], 2, "a refusal takes no seat");
    // Refused with one ticket, it is admitted with another.
    joined(&parties[2], &tickets[1], &["--yes", "--value", "14"]);
    for result in crate::results(&parties, &id) {
        assert_eq!(result["sum"], 31);
    }

    let (id, tickets) = invited(&parties[0], &SUM);
    joined(&parties[1], &tickets[0], &["--yes"]);
    assert_eq!(parties[0].json(&["revoke", &id]).data()["decision"], "revoked");
    refused(&parties[2], &["join", &tickets[1], "--yes"], (1, "ticket_revoked"));
    parties[1].lab.until("who has joined is told", || parties[1].invitation(&id)["state"] == "revoked");
    let status = parties[1].json(&["status", &id]).data();
    assert_eq!(status["status"], "failed");
    assert!(text(&status["reason"]).contains("revoked"), "{status}");
    assert_eq!(parties[1].json(&["result", &id]).error(4), "computation_failed");

    let (id, tickets) = invited(&parties[0], &[&SUM[..], &["--expires", "500ms"]].concat());
    parties[0].lab.until("the tickets are over", || parties[0].invitation(&id)["state"] == "expired");
    refused(&parties[1], &["join", &tickets[0], "--yes"], (1, "ticket_expired"));
    assert_eq!(parties[0].invitation(&id)["tickets"], serde_json::json!([]));
}

#[test]
fn an_inviter_that_is_not_there_is_named() {
    let parties = parties(2, TCP);
    let (_, tickets) = invited(&parties[0], &SUM);
    parties[0].lab.kill(&parties[0].uid);
    let looked = parties[1].told(&["join", &tickets[0]], "y\n");
    assert_eq!(looked.code, 1, "{looked:?}");
    assert!(looked.stderr.contains("/ip4/127.0.0.1/tcp/"), "the addresses are named: {looked:?}");
}

#[test]
fn what_may_not_be_asked() {
    let parties = parties(1, TCP);
    for (more, code) in [
        (&["--statistic", "sum"][..], "missing_argument"),
        (&["--parties", "3"], "missing_argument"),
        (&["--statistic", "median", "--parties", "3"], "invalid_statistic"),
        (&["--statistic", "sum", "--parties", "1"], "invalid_parties"),
        (&["--statistic", "sum", "--parties", "17"], "invalid_parties"),
        (&["--statistic", "sum", "--parties", "5", "--quorum", "2"], "invalid_quorum"),
        (&["--statistic", "sum", "--parties", "5", "--quorum", "6"], "invalid_quorum"),
        (&["--statistic", "sum", "--parties", "3", "--expires", "31d"], "invalid_expires"),
        (&["--statistic", "sum", "--parties", "3", "--deadline", "1ms"], "invalid_deadline"),
        (&["--statistic", "sum", "--parties", "3", "--value", ""], "invalid_value"),
        (&["--statistic", "sum", "--parties", "3", "--value", "4711x"], "invalid_value"),
        (&["--statistic", "sum", "--parties", "3", "--value", "1", "--value", "2"], "invalid_value"),
        (&["--statistic", "sum", "--parties", "3", "--sharing", "prio3"], "invalid_schema"),
    ] {
        let ran = parties[0].json(&[&["invite"], more].concat());
        assert_eq!((ran.code, ran.error(2).as_str()), (2, code), "{more:?} {ran:?}");
        assert!(!ran.stdout.contains("4711") && !ran.message().contains("heavy"), "{ran:?}");
    }
    let named = |command: &str| {
        parties[0].json(&[command, "COMP-AAAAAAAA", "--yes"][..if command == "forget" { 3 } else { 2 }])
    };
    for command in ["revoke", "forget", "invitations"] {
        assert_eq!(named(command).error(3), "no_such_computation");
    }
    assert!(parties[0].json(&["invitations"]).data()["invitations"].as_array().unwrap().is_empty());
}
