//! Bad input from the outside: each with its exit code, its word for programs, a message that names the value, and
//! a hint. What needs no running node is in `processes.rs`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod lab;

use std::os::unix::fs::PermissionsExt;

use lab::{Lab, Ran};

const LOOPBACK: [&str; 3] = ["--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"];

/// Refused with this exit code; the message names this, and the words are given back for more.
fn refused(ran: &Ran, exit: i32, names: &str) -> String {
    let code = ran.error(exit);
    assert!(ran.message().contains(names), "`{names}` is not named: {ran:?}");
    code
}

fn heavy(lab: &Lab, more: &[&str]) -> Ran {
    lab.json(&[&["start", "--detach", "--role", "heavy", "--new"], &LOOPBACK[..], more].concat())
}

#[test]
fn names_that_fit_nobody_or_several() {
    let lab = Lab::new();
    let first = heavy(&lab, &["--name", "ward-a"]).data();
    heavy(&lab, &["--name", "ward-b"]).data();
    refused(&lab.json(&["view", "--node", "nobody"]), 3, "nobody");
    assert_eq!(
        refused(&lab.json(&["propose", "--prompt", "?", "--field", "n", "--statistic", "sum"]), 2, ""),
        "ambiguous_node"
    );
    // The port of the first, while it runs.
    let port = first["port"].as_u64().unwrap();
    let same = format!("/ip4/127.0.0.1/tcp/{port}");
    let ran = lab.json(&["start", "--detach", "--role", "heavy", "--new", "--no-mdns", "--listen", &same]);
    refused(&ran, 1, &port.to_string());
    // Nobody is left behind by a start that failed.
    let folders = std::fs::read_dir(lab.home()).unwrap().count();
    assert_eq!(folders, 2);
    lab.json(&["stop", "--all", "--yes"]).data();
    let ran = lab.json(&["start", "--detach", "--role", "heavy"]);
    assert_eq!(ran.error(2), "ambiguous_node");
}

#[test]
fn homes_and_files_that_cannot_be_used() {
    let lab = Lab::new();
    let start = ["start", "--detach", "--role", "heavy", "--json"];
    refused(&lab.run(&[&start[..], &["--home", "/dev/null/x"]].concat()), 1, "/dev/null/x");
    let long = lab.home().join("x".repeat(120));
    let ran = lab.run(&[&start[..], &["--home", long.to_str().unwrap()]].concat());
    refused(&ran, 2, "107");
    let config = lab.home().join("node.toml");
    std::fs::write(&config, "role = \"heavy\"\nlissten = []\n").unwrap();
    let ran = lab.run(&["start", "--detach", "--json", "--config", config.to_str().unwrap()]);
    refused(&ran, 2, "lissten");
    let key = lab.home().join("swarm.key");
    std::fs::write(&key, "no key").unwrap();
    refused(&heavy(&lab, &["--swarm-key", key.to_str().unwrap()]), 2, "swarm.key");
    refused(&heavy(&lab, &["--bootstrap", "10.0.0.7:8000"]), 2, "10.0.0.7:8000");
    refused(&lab.json(&["start", "--detach", "--role", "server"]), 2, "server");
    refused(&lab.json(&["verify", config.to_str().unwrap()]), 1, "node.toml");
}

#[test]
fn a_damaged_store_or_an_open_key_is_named_and_never_replaced() {
    let lab = Lab::new();
    let node = heavy(&lab, &[]).data();
    let uid = node["uid"].as_str().unwrap();
    lab.json(&["stop", uid]).data();
    let key = lab.node(uid).join("identity.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    refused(&lab.json(&["start", uid, "--detach"]), 1, "identity.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let store = lab.node(uid).join("node.redb");
    let mut bytes = std::fs::read(&store).unwrap();
    for byte in bytes.iter_mut().take(4096) {
        *byte ^= 0x5a;
    }
    std::fs::write(&store, &bytes).unwrap();
    refused(&lab.json(&["start", uid, "--detach"]), 1, "node.redb");
    assert_eq!(std::fs::read(&store).unwrap(), bytes, "the damaged file was touched");
    // Without its store it starts with an empty memory, and says so in its log.
    std::fs::remove_file(&store).unwrap();
    lab.json(&["start", uid, "--detach"]).data();
    assert!(std::fs::read_to_string(lab.node(uid).join("logs.log")).unwrap().contains("WARN"));
}

#[test]
fn questions_that_cannot_be_asked_of_a_running_network() {
    let lab = Lab::new();
    let uids = lab.network(&["1", "2", "4"], &["--policy", "open"]);
    let ask = |more: &[&str]| {
        let base = ["propose", "--prompt", "?", "--statistic", "sum", "--deadline", "5s"];
        lab.json(&[&base[..], &["--node", &uids[3]], more].concat())
    };
    let large = r#"{"type":"number","minimum":0,"maximum":1000000}"#;
    let ran = ask(&["--field", "n", "--modulus-bits", "32", "--schema", large]);
    refused(&ran, 2, "10000 participants × 1000000");
    refused(&ask(&["--field", "n", "--heavy", &uids[0]]), 2, "not 1");
    let unknown = ["--field", "n", "--heavy", &uids[0], "--heavy", &uids[1], "--heavy", "nobody"];
    refused(&ask(&unknown), 3, "nobody");
    refused(&ask(&["--field", "n", "--participants", &uids[4], "--min-participants", "2"]), 2, "at most 1");
    let members = ["--participants", &uids[3], "--participants", &uids[4], "--participants", &uids[0]];
    refused(&ask(&[&["--field", "n"][..], &members].concat()), 2, &uids[0]);
    refused(&ask(&["--field", "n", "--field", "m"]), 2, "one field");
    refused(&ask(&["--field", "n", "--sharing", "threshold"]), 2, "threshold");
    assert_eq!(lab.json(&["status", "COMP-AAAAAAAA", "--node", &uids[3]]).error(3), "no_such_computation");
    assert_eq!(lab.json(&["approve", "COMP-AAAAAAAA", "--node", &uids[3]]).error(3), "no_such_computation");

    // A value typed by hand that does not fit is refused without being repeated, and the question still waits.
    let narrow = r#"{"type":"number","minimum":0,"maximum":10}"#;
    let id = ask(&["--field", "m", "--schema", narrow, "--deadline", "30s"]);
    assert_eq!(id.code, 2, "a flag given twice");
    let base = ["propose", "--prompt", "?", "--statistic", "sum", "--deadline", "30s", "--field", "m"];
    let id = lab.json(&[&base[..], &["--node", &uids[3], "--schema", narrow]].concat()).data()["id"].clone();
    let id = id.as_str().unwrap();
    lab.until("it waits", || {
        let status = lab.json(&["status", id, "--node", &uids[4]]);
        status.code == 0 && status.data()["own_answer"] == "waiting"
    });
    assert_eq!(lab.json(&["result", id, "--node", &uids[4]]).error(1), "not_finished");
    for wrong in ["4711", "1.5", "eleven"] {
        let ran = lab.json(&["answer", id, wrong, "--node", &uids[4]]);
        ran.error(2);
        assert!(!ran.stdout.contains(wrong), "{ran:?}");
    }
    lab.json(&["answer", id, "7", "--node", &uids[4]]).data();
    assert_eq!(lab.json(&["decline", id, "--node", &uids[4]]).error(1), "not_pending");
}
