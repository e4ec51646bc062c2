//! What owners are told that they cannot do.

use super::*;

#[test]
fn an_answer_by_hand_that_is_not_one_value_for_each_field() {
    let lab = Lab::new();
    let uids = lab.network(&["1", "2"], &["--policy", "open"]);
    let (owner, node) = (uids[3].as_str(), ["--node", &uids[3]]);
    let schema = r#"{"type":"object","properties":{"smoker":{"type":"string","enum":["never","often"]},
        "age":{"type":"integer","minimum":0,"maximum":120}}}"#;
    let asked = ["propose", "--prompt", "?", "--statistic", "contingency", "--field", "smoker", "age"];
    let more = ["--schema", schema, "--deadline", "1h"];
    let id = text(&lab.json(&[&asked[..], &more, &node].concat()).data()["id"]).to_owned();
    lab.wait_for(owner, &id, "it waits", |view| view["own_answer"] == "waiting");
    let answer = |values: &[&str]| lab.json(&[&["answer", &id], values, &node].concat());
    // No message repeats what was typed: it is private, also where it is wrong.
    for (values, names) in [
        (&["oftenn", "87"][..], "none of the schema's categories"),
        (&["often"], "the question asks for 2 values, and 1 came"),
        (&["often", "87", "8765309"], "the question asks for 2 values, and 3 came"),
        (&["often", "87.5"], "not a multiple of 1"),
        (&["often", "8765309"], "maximum of 120"),
        (&["87", "often"], "none of the schema's categories"),
        (&["often", "NaN"], "`age`: the value is not a number"),
        (&["often", "inf"], "`age`: the value is not a number"),
        (&["often", ""], "empty"),
        (&["of\u{7}ten", "87"], "control characters"),
    ] {
        let ran = answer(values);
        refused(&ran, (2, "invalid_value"), names);
        let said = [ran.stdout, ran.stderr].concat();
        assert!(!["oftenn", "87.5", "8765309"].iter().any(|typed| said.contains(typed)), "{said}");
    }
    refused(&lab.json(&[&["answer", &id], &node[..]].concat()), (2, "missing_argument"), "VALUE");
    refused(&lab.json(&[&["approve", &id], &node[..]].concat()), (1, "no_source"), &id);
    assert_eq!(lab.computation(owner, &id).unwrap()["own_answer"], "waiting");
    answer(&["often", "87"]).data();
    refused(&answer(&["never", "87"]), (1, "not_pending"), "already answered");
}

#[test]
fn what_only_a_light_node_has_and_what_no_node_knows() {
    let lab = Lab::new();
    let heavy = heavy(&lab, &["--name", "ward-a"]).data();
    let uid = text(&heavy["uid"]);
    for command in [&["data"][..], &["policy", "show"], &["ledger"]] {
        let hint = refused(&lab.json(&[command, &["--node", uid]].concat()), (2, "light_only"), uid);
        assert!(hint.contains("--node"), "{hint}");
    }
    lab.json(&["stop", uid]).data();
    refused(&lab.json(&["data", "--node", uid]), (2, "light_only"), uid);
    refused(&lab.json(&["data", "--node", "nobody"]), (3, "no_such_node"), "`nobody`");

    let light = ["--role", "light", "--new", "--data", "n=1"];
    let light = text(&lab.start(&[&light[..], &LOOPBACK].concat())["uid"]).to_owned();
    for unknown in ["COMP-AAAAAAAA", "ZZZ"] {
        let ran = lab.json(&["policy", "test", unknown, "--node", &light]);
        refused(&ran, (3, "no_such_computation"), &format!("`{unknown}`"));
    }
    refused(&lab.json(&["policy", "test", "--node", &light]), (2, "usage"), "COMPUTATION");
    refused(&lab.json(&["policy", "change", "--node", &light]), (2, "usage"), "change");
}

#[test]
fn a_table_that_has_gone_is_a_warning_to_its_owner_and_not_the_end() {
    let lab = Lab::new();
    let table = lab.home().join("t.csv");
    std::fs::write(&table, "age\n41\n").unwrap();
    let path = table.to_str().unwrap();
    let light = ["--role", "light", "--new", "--csv", path, "--data", "n=1"];
    let uid = text(&lab.start(&[&light[..], &LOOPBACK].concat())["uid"]).to_owned();
    lab.json(&["stop", &uid]).data();
    std::fs::remove_file(&table).unwrap();
    let ran = lab.json(&["start", &uid, "--detach"]);
    assert!(ran.data()["uid"] == uid.as_str() && ran.stderr.contains(path), "{ran:?}");
    let data = lab.json(&["data", "--node", &uid]).data();
    let problem = &data["problems"][0];
    assert!(text(&problem["message"]).contains(path) && !text(&problem["hint"]).is_empty(), "{data}");
    assert_eq!((&data["fields"][0]["name"], &data["fields"][1]), (&"n".into(), &Value::Null));
}
