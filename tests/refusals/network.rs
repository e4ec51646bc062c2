//! What a running network refuses.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;

#[test]
fn questions_that_cannot_be_asked_of_a_running_network() {
    let lab = Lab::new();
    let uids = lab.network(&["1", "2", "4"], &["--policy", "open"]);
    let ask = |more: &[&str]| lab.json(&question(&[&["--node", &uids[3], "--deadline", "1h"], more].concat()));
    // Four participants of at most 2^30 can reach 2^32; of one less they cannot.
    let overflow = ["--modulus-bits", "32", "--max-participants", "4", "--schema"];
    let schema = |maximum: u32| format!("{{\"type\":\"number\",\"minimum\":0,\"maximum\":{maximum}}}");
    refused(
        &ask(&[&overflow[..], &[&schema(1 << 30)]].concat()),
        (2, "overflow"),
        "4 participants × 1073741824",
    );
    let three = [uids[0].as_str(), &uids[1]];
    refused(&ask(&[&["--heavy"], &three[..], &["nobody"]].concat()), (3, "no_such_node"), "`nobody`");
    refused(&ask(&[&["--heavy"], &three[..], &[&uids[4]]].concat()), (2, "not_heavy"), &uids[4]);
    refused(&ask(&[&["--heavy"], &three[..], &["heavy"]].concat()), (2, "ambiguous_node"), "`heavy`");
    // Three heavy nodes are there; to lose two takes five.
    let small = ["--schema", r#"{"type":"number","minimum":0,"maximum":9}"#];
    let hint = refused(
        &ask(&[&small[..], &["--survives", "2"]].concat()),
        (1, "too_few_heavy_nodes"),
        "needs 5 heavy nodes; this node knows 3 and can reach 3",
    );
    assert!(hint.contains("lower one of them"), "{hint}");
    let listed = ["--participants", &uids[3], &uids[4], "nobody"];
    refused(&ask(&listed), (3, "no_such_node"), "`nobody`");
    let summing = ["--participants", &uids[3], &uids[4], &uids[0]];
    refused(&ask(&summing), (2, "invalid_participants"), &uids[0]);
    // The same rules hold for a program that speaks to the socket itself.
    let fields = json!({"prompt": "?", "statistic": "sum", "fields": ["n"], "schema": null, "deadline_ms": 9_000,
        "patience_ms": 9_000, "min_participants": 3, "max_participants": null, "heavy": [], "participants": [],
        "modulus_bits": 64});
    for (key, value, code) in [
        ("deadline_ms", json!(0), "invalid_deadline"),
        ("deadline_ms", json!(u64::MAX), "invalid_deadline"),
        ("patience_ms", json!(u64::MAX), "invalid_patience"),
        ("min_participants", json!(0), "invalid_minimum"),
        ("statistic", json!("median"), "invalid_statistic"),
        ("prompt", json!("x".repeat(501)), "invalid_prompt"),
        ("modulus_bits", json!(48), "invalid_modulus"),
        ("sharing", json!("secret"), "invalid_sharing"),
        ("sharing", json!("prio3"), "invalid_modulus"),
        ("survives", json!(1), "invalid_modulus"),
        ("epsilon", json!(0.5), "invalid_schema"),
        ("epsilon", json!("half"), "malformed_request"),
        ("schema", json!("{}}"), "invalid_schema"),
        ("heavy", json!(["a"]), "invalid_heavy"),
        ("heavy", json!([uids[0], uids[0], uids[1]]), "invalid_heavy"),
        ("deadline_ms", json!("soon"), "malformed_request"),
        ("epsilom", json!(1), "malformed_request"),
    ] {
        let mut proposal = fields.clone();
        proposal[key] = value;
        let (status, body) = lab.http(&uids[3], "POST /computations", &proposal.to_string()).unwrap();
        let error: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((status, text(&error["code"])), (400, code), "{error}");
        assert!(!text(&error["message"]).is_empty() && !text(&error["hint"]).is_empty());
    }
    let (status, _) = lab.http(&uids[3], "POST /computations", &" ".repeat(2 << 20)).unwrap();
    assert_eq!(status, 413);
    // None of these was announced.
    assert_eq!(lab.json(&["status", "--node", &uids[0]]).data()["computations"], json!([]));
    ask(&[&overflow[..], &[&schema((1 << 30) - 1)]].concat()).data();
}

#[test]
fn computations_that_are_not_meant_or_not_ready() {
    let lab = Lab::new();
    let uids = lab.network(&["1", "2", "4"], &["--policy", "open"]);
    let (proposer, owner) = (["--node", &uids[3]], ["--node", &uids[4]]);
    for command in ["status", "result", "certificate", "approve", "decline"] {
        let ran = lab.json(&[&[command, "COMP-AAAAAAAA"], &proposer[..]].concat());
        refused(&ran, (3, "no_such_computation"), "`COMP-AAAAAAAA`");
    }
    // Two ids that begin alike: at most 33 are needed, mostly 7.
    let mut by_first: BTreeMap<String, String> = BTreeMap::new();
    let (shared, one, other) = loop {
        let id = lab.propose(&uids[3], "1h");
        let first = id["COMP-".len()..][..1].to_owned();
        if let Some(before) = by_first.insert(first.clone(), id.clone()) {
            break (first, before, id);
        }
    };
    let ran = lab.json(&[&["status", &shared], &proposer[..]].concat());
    for names in [&one, &other] {
        refused(&ran, (2, "ambiguous_computation"), names);
    }
    refused(&lab.json(&[&["result", &one], &proposer[..]].concat()), (1, "not_finished"), &one);
    refused(&lab.json(&[&["certificate", &one], &proposer[..]].concat()), (1, "not_finished"), &one);

    // A value typed by hand that does not fit is refused without being repeated, and the question still waits.
    let narrow = r#"{"type":"number","minimum":0,"maximum":10}"#;
    let by_hand = ["propose", "--prompt", "?", "--statistic", "sum", "--deadline", "1h", "--field", "m"];
    let narrow = ["--sharing", "additive", "--schema", narrow];
    let id = lab.json(&[&by_hand[..], &proposer, &narrow].concat()).data()["id"].clone();
    let id = text(&id);
    lab.wait_for(&uids[4], id, "it waits", |view| view["own_answer"] == "waiting");
    let answer = |value: &str| lab.json(&[&["answer", id, value], &owner[..]].concat());
    for (wrong, code, names) in [
        ("4711", "invalid_value", "maximum of 10"),
        ("-4711", "invalid_value", "minimum of 0"),
        ("1.4711", "invalid_value", "multiple of 1"),
        ("eleven", "invalid_value", "does not fit: `m`: the value is not a number"),
    ] {
        let ran = answer(wrong);
        refused(&ran, (2, code), names);
        assert!(!ran.stdout.contains(wrong) && !ran.stderr.contains(wrong), "{ran:?}");
    }
    refused(&lab.json(&[&["approve", id], &owner[..]].concat()), (1, "no_source"), id);
    answer("7").data();
    for late in [&["decline", id][..], &["approve", id], &["answer", id, "8"]] {
        refused(&lab.json(&[late, &owner].concat()), (1, "not_pending"), "already answered");
    }
}
