//! An owner's policy from the outside: what is written is what holds, what is declined is told to nobody but the owner,
//! and the ledger says why.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod lab;

use lab::Lab;
use serde_json::Value;

const OPEN: [&str; 2] = ["--policy", "open"];

/// Three heavy nodes, two open light ones, and one that was started with this policy. Gives their UIDs in this order.
fn network(lab: &Lab, policy: &str) -> Vec<String> {
    let mut uids = lab.network(&["1", "2"], &OPEN);
    let bootstrap = lab.json(&["id", "--node", &uids[0]]).data()["addresses"][0].as_str().unwrap().to_owned();
    let file = lab.home().join("policy.toml");
    std::fs::write(&file, policy).unwrap();
    let light = ["--role", "light", "--new", "--data", "n=4", "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"];
    let told = ["--bootstrap", &bootstrap, "--config", file.to_str().unwrap()];
    let node = lab.start(&[&light[..], &told].concat());
    uids.push(node["uid"].as_str().unwrap().to_owned());
    lab.wait_for_view(&uids[5], 3, 3);
    uids
}

/// What a rule of a shown policy is set to, and by whom.
fn rule(policy: &Value, name: &str) -> (String, String) {
    let rules = policy["rules"].as_array().unwrap();
    let rule = rules.iter().find(|rule| rule["rule"] == name).unwrap();
    (rule["value"].as_str().unwrap().to_owned(), rule["from"].as_str().unwrap().to_owned())
}

fn says(value: &str, from: &str) -> (String, String) {
    (value.to_owned(), from.to_owned())
}

#[test]
fn a_denied_field_is_declined_and_only_its_owner_learns_why() {
    let lab = Lab::new();
    let uids = network(&lab, "[policy]\npreset = \"open\"\n[policy.fields.n]\nrule = \"deny\"\n");
    let (asker, strict) = (uids[3].as_str(), uids[5].as_str());
    let id = lab.propose(asker, "20s");
    lab.wait_for(strict, &id, "it is declined", |view| view["own_answer"] == "declined");
    let status = lab.json(&["status", &id, "--node", strict]).data();
    assert_eq!(status["reason"], "this node declined: the field `n` is denied");
    lab.wait_for(asker, &id, "the asker knows", |view| view["standings"]["declined"] == 1);
    let heard = lab.json(&["status", &id, "--node", asker]).stdout;
    assert!(!heard.contains("denied"), "{heard}");

    let test = lab.json(&["policy", "test", &id, "--node", strict]).data();
    assert_eq!((&test["decision"], &test["rule"]), (&"decline".into(), &"fields".into()));
    let rules = test["rules"].as_array().unwrap();
    let verdict = |name: &str| &rules.iter().find(|rule| rule["rule"] == name).unwrap()["verdict"];
    assert_eq!((verdict("fields"), verdict("min_participants")), (&"decline".into(), &"answer".into()));
    assert_eq!((verdict("source"), verdict("min_records")), (&"later".into(), &"answer".into()));
    let own = lab.json(&["policy", "test", &id, "--node", asker]).data();
    assert_eq!((&own["decision"], &own["rule"]), (&"answer".into(), &Value::Null));
    let heavy = lab.json(&["policy", "test", &id, "--node", &uids[0]]).data();
    assert_eq!(heavy["decision"], "none");

    let ledger = lab.json(&["ledger", "--node", strict]).data();
    let entry = &ledger["entries"][0];
    assert_eq!((&ledger["total"], &entry["computation"]), (&1.into(), &id.as_str().into()));
    assert_eq!(
        (&entry["decision"], &entry["by"], &entry["rule"]),
        (&"declined".into(), &"policy".into(), &"fields".into())
    );
    assert_eq!((&entry["proposer"], &entry["records"]), (&asker.into(), &Value::Null));
    let answered = lab.json(&["ledger", "--node", asker, "--field", "n"]).data();
    let entry = &answered["entries"][0];
    assert_eq!(
        (&entry["decision"], &entry["by"], &entry["records"]),
        (&"answered".into(), &"asker".into(), &1.into())
    );
    assert_eq!(lab.json(&["ledger", "--node", asker, "--field", "age"]).data()["total"], 0);
    let table = lab.run(&["ledger", "--node", strict]).stdout;
    assert!(table.contains("fields: the field `n` is denied") && table.contains(&id), "{table}");
}

#[test]
fn a_question_that_waits_names_the_rule_and_the_ledger_keeps_it() {
    let lab = Lab::new();
    let uids = network(&lab, "[policy]\npreset = \"open\"\nstatistics = [\"mean\"]\n");
    let (asker, strict) = (uids[3].as_str(), uids[5].as_str());
    let id = lab.propose(asker, "20s");
    lab.wait_for(strict, &id, "it waits", |view| view["own_answer"] == "waiting");
    let pending = lab.json(&["pending", "--node", strict]).data();
    assert_eq!(pending["pending"][0]["rule"], "statistics");
    let shown = lab.run(&["pending", "--node", strict]).stdout;
    assert!(
        shown.contains("sum is none of the statistics that this node answers (rule statistics)"),
        "{shown}"
    );
    lab.json(&["approve", &id, "--node", strict]).data();
    lab.wait_for(strict, &id, "it is answered", |view| view["own_answer"] == "answered");
    lab.kill(strict);
    lab.json(&["start", strict, "--detach"]).data();
    let entry = lab.json(&["ledger", "--node", strict]).data()["entries"][0].clone();
    assert_eq!(
        (&entry["decision"], &entry["by"], &entry["rule"]),
        (&"answered".into(), &"owner".into(), &"statistics".into())
    );
}

#[test]
fn what_was_read_is_looked_at_before_it_is_answered() {
    let lab = Lab::new();
    let table = lab.home().join("beds.csv");
    std::fs::write(&table, "beds\n3\n4\nmany\n").unwrap();
    let policy = |rule: &str| {
        let source = format!("[[source]]\ncsv = \"{}\"\n", table.display());
        format!("[policy]\npreset = \"open\"\notherwise = \"decline\"\n{rule}\n{source}")
    };
    let uids = network(&lab, &policy("min_records = 3"));
    let (asker, strict) = (uids[3].as_str(), uids[5].as_str());
    let ask = || {
        let question =
            ["propose", "--prompt", "Beds?", "--field", "beds", "--statistic", "sum", "--node", asker];
        let announced = lab.json(&[&question[..], &["--min-participants", "3", "--deadline", "20s"]].concat());
        announced.data()["id"].as_str().unwrap().to_owned()
    };
    let newest = || lab.json(&["ledger", "--node", strict]).data()["entries"][0].clone();
    // Two of three rows are numbers, and three are wanted.
    let few = ask();
    lab.wait_for(strict, &few, "too few are declined", |view| view["own_answer"] == "declined");
    let entry = newest();
    assert_eq!(
        (&entry["by"], &entry["rule"], &entry["records"]),
        (&"policy".into(), &"min_records".into(), &Value::Null)
    );

    let restart_with = |old: &str, new: &str| {
        lab.json(&["stop", strict]).data();
        let file = lab.node(strict).join("node.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace(old, new)).unwrap();
        lab.json(&["start", strict, "--detach"]).data();
        lab.wait_for_view(asker, 3, 3);
    };
    restart_with("min_records = 3", "min_records = 2");
    let enough = ask();
    lab.wait_for(strict, &enough, "two are enough", |view| view["own_answer"] == "answered");
    assert_eq!(newest()["records"], 2);
    restart_with("min_records = 2", "min_records = 2\nunfit_rows = \"decline\"");
    let unfit = ask();
    lab.wait_for(strict, &unfit, "a row that does not fit", |view| view["own_answer"] == "declined");
    let entry = newest();
    assert_eq!((&entry["by"], &entry["rule"]), (&"node".into(), &Value::Null));
}

#[test]
fn what_the_owner_writes_into_node_toml_stays_there_and_holds() {
    let lab = Lab::new();
    let told = ["--role", "light", "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0", "--data", "n=1"];
    let uid = lab.start(&told)["uid"].as_str().unwrap().to_owned();
    let show = || lab.json(&["policy", "show", "--node", &uid]).data();
    let before = show();
    assert_eq!((&before["preset"], &before["restart_needed"]), (&"guarded".into(), &false.into()));
    assert_eq!(rule(&before, "asked_per_day"), says("24", "preset guarded"));
    assert_eq!(rule(&before, "trust"), says("nobody", "preset guarded"));

    let file = lab.node(&uid).join("node.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let more = "\nasked_per_day = 5\nsimilar_sets = \"decline\"\nfields.age = { rule = \"ask\" }\n";
    let edited = text.replacen("[policy]\n", &format!("[policy]{more}"), 1);
    std::fs::write(&file, edited).unwrap();
    // The running node follows what it was started with, and says so.
    let running = show();
    assert_eq!(rule(&running, "asked_per_day"), says("24", "preset guarded"));
    assert_eq!(running["restart_needed"], true);
    lab.json(&["stop", &uid]).data();
    let stopped = show();
    assert_eq!(rule(&stopped, "asked_per_day"), says("5", "node.toml"));
    assert_eq!(stopped["restart_needed"], false);

    lab.start(&[&uid, "--min-participants", "4"]);
    let after = show();
    assert_eq!(rule(&after, "asked_per_day"), says("5", "node.toml"));
    assert_eq!(rule(&after, "similar_sets"), says("decline", "node.toml"));
    assert_eq!(rule(&after, "fields.age.rule"), says("ask", "node.toml"));
    assert_eq!(rule(&after, "min_participants"), says("4", "node.toml"));
    assert_eq!(after["restart_needed"], false);

    lab.json(&["stop", &uid]).data();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("asked_per_day = 5", "asked_per_day = 0")).unwrap();
    let refused = lab.json(&["start", &uid, "--detach"]);
    refused.error(2);
    assert!(
        refused.message().contains("policy.asked_per_day") && refused.message().contains("line"),
        "{refused:?}"
    );
}

#[test]
fn a_heavy_node_has_neither_policy_nor_ledger() {
    let lab = Lab::new();
    let heavy = lab.start(&["--role", "heavy", "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"]);
    let uid = heavy["uid"].as_str().unwrap();
    for command in [&["policy", "show"][..], &["ledger"]] {
        let refused = lab.json(&[command, &["--node", uid]].concat());
        assert_eq!(refused.error(2), "light_only");
        assert!(refused.message().contains(uid), "{refused:?}");
    }
    lab.json(&["stop", uid]).data();
    assert_eq!(lab.json(&["policy", "show", "--node", uid]).error(2), "light_only");
    assert_eq!(lab.json(&["ledger", "--node", uid]).error(3), "node_not_running");
}
