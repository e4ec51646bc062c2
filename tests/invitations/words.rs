//! What people read of an invitation: in words of parties, true at its time, and nobody else's words among them.

use crate::party::{Party, TCP, invited, joined, parties};

const SUM: [&str; 4] = ["--statistic", "sum", "--parties", "3"];
const BOUNDED: [&str; 2] = ["--schema", r#"{"type":"integer","minimum":0,"maximum":9}"#];

/// What a person reads of it.
fn read(party: &Party, command: &[&str]) -> String {
    let ran = party.run(command);
    [ran.stdout, ran.stderr].concat()
}

#[test]
fn what_is_said_holds_before_everybody_is_there_and_after() {
    let parties = parties(2, TCP);
    let [alice, bob] = parties.as_slice() else { panic!() };
    let (id, tickets) = invited(alice, &[&SUM[..], &["--prompt", "Our total?"]].concat());
    let pending = read(alice, &["pending"]);
    assert!(pending.contains("over all 3 parties") && pending.contains("invited by"), "{pending}");
    assert!(pending.contains(&format!("formix-p2p revoke {id}")), "{pending}");
    for word in ["heavy", "participant", "decline"] {
        assert!(!pending.contains(word), "{word}: {pending}");
    }
    let promises = |party: &Party| {
        let status = read(party, &["status", &id]);
        assert!(status.contains("private against any 2 of 3 parties"), "{status}");
        assert!(status.contains("additive, 3 of 3:"), "{status}");
        status
    };
    assert!(promises(alice).contains("waiting"));
    alice.json(&["answer", &id, "10"]).data();
    assert!(promises(alice).contains("given, and kept on this node"));

    joined(bob, &tickets[0], &["--yes", "--value", "7"]);
    promises(bob);
    alice.json(&["revoke", &id]).data();
    bob.lab.until("bob has heard of it", || bob.invitation(&id)["state"] == "revoked");
    promises(alice);
    promises(bob);
    let shown = read(bob, &["invitations", &id]);
    assert!(shown.contains("not used, and not kept") && !shown.contains("formix-p2p answer"), "{shown}");
    let told = read(bob, &["result", &id]);
    assert!(told.contains(&format!("ask the inviter, {}, to invite again", alice.uid)), "{told}");
    assert!(read(alice, &["result", &id]).contains("ask again with `formix-p2p invite`"));
}

#[test]
fn what_is_to_be_forgotten_is_named_before_it_is_asked() {
    let parties = parties(1, TCP);
    let (id, _) = invited(&parties[0], &[&SUM[..], &["--prompt", "Our total?"]].concat());
    let beginning = &id["COMP-".len()..][..4];
    parties[0].json(&["revoke", &id]).data();
    let unknown = parties[0].told(&["forget", "COMP-AAAAAAAA"], "y\n");
    assert_eq!(unknown.code, 3, "{unknown:?}");
    assert!(!unknown.stderr.contains("[y/N]"), "nothing is there to ask about: {unknown:?}");
    let no = parties[0].told(&["forget", beginning, "--quiet"], "n\n");
    assert_eq!(no.code, 1, "{no:?}");
    for part in [&format!("keeps of {id}?")[..], "Our total?", "sum of value", "revoked", "cannot be undone"] {
        assert!(no.stderr.contains(part), "{part}: {no:?}");
    }
    assert_eq!(parties[0].invitation(&id)["state"], "revoked", "a no deletes nothing");
    let yes = parties[0].told(&["forget", beginning], "y\n");
    assert_eq!(yes.code, 0, "{yes:?}");
    assert_eq!(parties[0].json(&["status", &id]).error(3), "no_such_computation");
}

#[test]
fn a_result_that_may_be_over_two_is_asked_about_on_both_sides() {
    let parties = parties(2, TCP);
    let [alice, bob] = parties.as_slice() else { panic!() };
    let quorum = [&["invite"], &SUM[..], &BOUNDED, &["--value", "1"]].concat();
    for few in [&["--quorum", "2"], &["--survives", "1"]] {
        let refused = alice.json(&[&quorum[..], few].concat());
        assert_eq!(refused.error(2), "confirmation_needed");
        assert!(refused.message().contains("over two of the 3 parties"), "{refused:?}");
    }
    let no = alice.told(&[&quorum[..], &["--quorum", "2"]].concat(), "n\n");
    assert_eq!(no.code, 1, "{no:?}");
    assert!(no.stderr.contains("learns the other's value: it is the total"), "{no:?}");
    let noisy = ["invite", "--statistic", "sum", "--parties", "2", "--epsilon", "1", "--value", "1"];
    let refused = alice.json(&[&noisy[..], &BOUNDED].concat());
    assert!(refused.message().contains("up to the noise that others draw (ε = 1)"), "{refused:?}");
    assert_eq!(alice.json(&["invitations"]).data()["invitations"], serde_json::json!([]));

    let (_, tickets) = invited(alice, &[&quorum[1..], &["--quorum", "2", "--yes"]].concat());
    let looked = bob.told(&["join", &tickets[0]], "n\n");
    assert!(looked.stderr.contains("over two of the 3 parties"), "{looked:?}");
    let agreed = bob.run(&["join", &tickets[0], "--yes", "--value", "2"]);
    assert!(agreed.stderr.contains("over two of the 3 parties"), "{agreed:?}");
}

#[test]
fn a_name_stays_in_its_quotation() {
    let parties = parties(3, TCP);
    let (_, tickets) = invited(&parties[0], &[&SUM[..], &["--value", "10"]].concat());
    joined(&parties[1], &tickets[0], &["--yes", "--value", "7", "--name", "x`), invites (trusted `"]);
    let looked = parties[2].told(&["join", &tickets[1]], "n\n");
    let line = looked.stderr.lines().find(|line| line.contains(&parties[1].uid)).unwrap();
    let told = format!("{} (calls itself `x\u{fffd}), invites (trusted \u{fffd}`)", parties[1].uid);
    assert_eq!(line.trim(), told);
    assert!(looked.stderr.contains("Take part, with them?"), "nobody can come later: {looked:?}");
}

#[test]
fn a_value_that_does_not_fit_is_told_what_fits() {
    let parties = parties(2, TCP);
    let (_, tickets) = invited(&parties[0], &[&SUM[..], &BOUNDED, &["--value", "1"]].concat());
    for wrong in ["1.5", "12", "abc"] {
        let refused = parties[1].run(&["join", &tickets[0], "--yes", "--value", wrong]);
        assert_eq!(refused.code, 2, "{refused:?}");
        let takes =
            "hint: `value` takes whole numbers from 0 to 9; only whoever asks can change that, with --schema";
        assert!(refused.stderr.contains(takes) && refused.stderr.contains("multipleOf"), "{refused:?}");
        assert!(!refused.stderr.contains(wrong), "{refused:?}");
    }
    let two = parties[1].run(&["join", &tickets[0], "--yes", "--value", "1", "--value", "2"]);
    assert!(two.stderr.contains("asks for 1 value, and 2 came"), "{two:?}");
}
