//! Bad input from the outside: each with its exit code, its word for programs, a message that names the value, and
//! a hint.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod lab;

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use formix_p2p::home::Home;
use lab::{Lab, Ran};
use serde_json::{Value, json};

const LOOPBACK: [&str; 3] = ["--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"];

/// Refused with this exit code and this word, and the message names this. Gives the hint.
#[track_caller]
fn refused(ran: &Ran, (exit, code): (i32, &str), names: &str) -> String {
    assert_eq!((ran.code, ran.error(exit).as_str()), (exit, code), "{ran:?}");
    assert!(ran.message().contains(names), "`{names}` is not named: {ran:?}");
    ran.json()["error"]["hint"].as_str().unwrap().to_owned()
}

/// Starts a heavy node; it may be refused.
fn heavy(lab: &Lab, more: &[&str]) -> Ran {
    lab.json(&[&["start", "--detach", "--role", "heavy", "--new"], &LOOPBACK[..], more].concat())
}

fn question<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["propose", "--prompt", "?", "--field", "n", "--statistic", "sum"], more].concat()
}

fn nodes_in(home: &Path) -> usize {
    fs::read_dir(home).unwrap().count()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn a_question_of_the_wrong_form() {
    let lab = Lab::new();
    let long = "x".repeat(501);
    let schema = |schema: &'static str| question(&["--schema", schema]);
    for (typed, code, names) in [
        (question(&["--deadline", "soon"]), "usage", "`soon`"),
        (question(&["--deadline=-5s"]), "usage", "`-5s`"),
        (question(&["--deadline", "2020-01-01T00:00:00Z"]), "usage", "`2020-01-01T00:00:00Z`"),
        (question(&["--deadline", "0s"]), "invalid_deadline", "0"),
        (question(&["--deadline", "499ms"]), "invalid_deadline", "499ms"),
        (question(&["--deadline", "31d"]), "invalid_deadline", "the deadline is 31d from"),
        (question(&["--patience", "90000"]), "invalid_patience", "the patience is 90000; "),
        (question(&["--min-participants", "0"]), "invalid_minimum", "0"),
        (question(&["--participants", "a", "b", "--min-participants", "3"]), "invalid_minimum", "at most 2"),
        (question(&["--max-participants", "2"]), "invalid_minimum", "at most 2"),
        (question(&["--max-participants", "100001"]), "invalid_maximum", "100001"),
        (schema("{\"type\":\"date\"}"), "invalid_schema", "`date`"),
        (schema("{\"type\":\"number\",\"minimun\":0}"), "invalid_schema", "`minimun`"),
        (schema("{\"type\":\"number\",\"minimum\":5,\"maximum\":4}"), "invalid_schema", "between 5 and 4"),
        (schema("{\"type\":\"number\",\"maximum\":\"ten\"}"), "invalid_schema", "maximum"),
        (schema("not json"), "invalid_schema", "not JSON"),
        (question(&["--sharing", "secret"]), "invalid_sharing", "`secret`"),
        (question(&["--modulus-bits", "48"]), "invalid_modulus", "48"),
        (question(&["--heavy", "a", "b"]), "invalid_heavy", "not 2"),
        (question(&["--heavy", "a", "b", "a"]), "named_twice", "`a`"),
        (question(&["--field", "m"]), "invalid_field", "one field"),
        (vec!["propose", "--prompt", "?", "--field", "n"], "missing_argument", "--statistic"),
        (
            vec!["propose", "--prompt", "?", "--field", "n", "--statistic", "median"],
            "invalid_statistic",
            "`median`",
        ),
        (vec!["propose", "--prompt", &long, "--field", "n", "--statistic", "sum"], "invalid_prompt", "501"),
        (
            vec!["propose", "--prompt", "a\u{7}", "--field", "n", "--statistic", "sum"],
            "invalid_prompt",
            "control",
        ),
        (vec!["frobnicate"], "usage", "frobnicate"),
        (vec!["start", "--role", "medium", "--detach"], "usage", "medium"),
    ] {
        refused(&lab.json(&typed), (2, code), names);
        assert_eq!(lab.run(&typed).code, 2, "{typed:?}");
    }
    assert!(lab.json(&["propose", "--prompt", "?"]).message().contains("--field"));
}

#[test]
fn promises_that_cannot_be_kept() {
    let lab = Lab::new();
    let bounded = |more: &[&'static str]| {
        let schema = ["--schema", r#"{"type":"number","minimum":0,"maximum":9}"#];
        question(&[&schema[..], more].concat())
    };
    for (typed, code, names, hint) in [
        (question(&["--sharing", "prio3"]), "invalid_schema", "prio3 proves", "--sharing additive"),
        (
            question(&["--sharing", "threshold"]),
            "invalid_schema",
            "threshold proves",
            "\"minimum\" and \"maximum\"",
        ),
        (
            question(&["--epsilon", "1"]),
            "invalid_schema",
            "no minimum and maximum",
            "\"minimum\" and \"maximum\"",
        ),
        (
            bounded(&["--threshold", "3", "--survives", "1", "--heavy", "a", "b", "c"]),
            "invalid_threshold",
            "private against 2 + 1 that may vanish = 3 > 3 − 1 heavy nodes",
            "lower one of them, or use 4 heavy nodes",
        ),
        (
            bounded(&["--survives", "2", "--heavy", "a", "b", "c", "d"]),
            "invalid_survives",
            "2 × 2 + 1 = 5 > 4",
            "lower --survives to 1, or use 5 heavy nodes",
        ),
        (
            bounded(&["--survives", "8"]),
            "invalid_threshold",
            "17 heavy nodes; a computation has at most 16",
            "lower",
        ),
        (bounded(&["--threshold", "17"]), "invalid_threshold", "17 heavy nodes", "lower"),
        (bounded(&["--threshold", "1"]), "invalid_threshold", "1 heavy node alone", "--threshold between 2"),
        (
            bounded(&["--threshold", "4", "--heavy", "a", "b", "c"]),
            "invalid_threshold",
            "threshold 4 of 3",
            "--threshold between 2",
        ),
        (bounded(&["--survives", "1", "--heavy", "a", "b"]), "invalid_heavy", "not 2", "--heavy"),
        (
            bounded(&["--sharing", "prio3", "--threshold", "2"]),
            "invalid_threshold",
            "--threshold is for",
            "leave",
        ),
        (
            bounded(&["--sharing", "additive", "--survives", "1"]),
            "invalid_threshold",
            "--survives is for",
            "leave",
        ),
        (bounded(&["--sharing", "prio3", "--modulus-bits", "64"]), "invalid_modulus", "prio3 chooses", "leave"),
        (
            bounded(&["--threshold", "2", "--modulus-bits", "64"]),
            "invalid_modulus",
            "threshold chooses",
            "leave",
        ),
        (bounded(&["--epsilon", "0"]), "invalid_epsilon", "epsilon is 0;", "0.5"),
        (bounded(&["--epsilon", "-1"]), "invalid_epsilon", "epsilon is -1;", "0.5"),
        (bounded(&["--epsilon", "1000.5"]), "invalid_epsilon", "between 0.000001 and 1000", "0.5"),
        (bounded(&["--epsilon", "much"]), "usage", "much", "--help"),
        (bounded(&["--threshold", "two"]), "usage", "two", "--help"),
    ] {
        let ran = lab.json(&typed);
        let said = refused(&ran, (2, code), names);
        assert!(said.contains(hint), "{ran:?}");
    }
}

#[test]
fn totals_that_could_overflow() {
    let lab = Lab::new();
    let fine = r#"{"type":"number","minimum":0,"maximum":9000000000000000000,"multipleOf":1e-18}"#;
    for (more, names, ways, useless) in [
        (
            &["--modulus-bits", "32", "--schema", r#"{"type":"integer","minimum":0,"maximum":1000000}"#][..],
            "10000 participants × 1000000 steps do not stay below 2^32; 4294 participants would fit",
            &["multipleOf", "--max-participants 4294", "--modulus-bits 128"][..],
            "--epsilon",
        ),
        (
            &[
                "--modulus-bits",
                "64",
                "--epsilon",
                "0.000001",
                "--schema",
                r#"{"type":"integer","minimum":0,"maximum":1000000000000}"#,
            ],
            "and noise up to",
            &["--modulus-bits 128", "a larger --epsilon"],
            "--max-participants",
        ),
        (&["--schema", fine], "a little below 2^128", &["bounds", "--max-participants 18"], "--modulus-bits"),
    ] {
        let ran = lab.json(&question(more));
        let hint = refused(&ran, (2, "overflow"), names);
        assert!(ways.iter().all(|way| hint.contains(way)) && !hint.contains(useless), "{ran:?}");
    }
}

#[test]
fn nobody_to_ask() {
    let lab = Lab::new();
    let id = "COMP-AAAAAAAA";
    for command in [
        &question(&[])[..],
        &["view"],
        &["status"],
        &["status", id],
        &["result", id],
        &["pending"],
        &["approve", id],
        &["decline", id],
        &["answer", id, "4"],
        &["certificate", id],
        &["stop"],
    ] {
        let hint = refused(&lab.json(command), (3, "no_node_running"), "no node");
        assert!(hint.contains("formix-p2p start"), "{hint}");
    }
    for command in
        [&["stop", "ZZZZZZZZ"][..], &["start", "ZZZZZZZZ", "--detach"], &["remove", "ZZZZZZZZ", "--yes"]]
    {
        refused(&lab.json(command), (3, "no_such_node"), "`ZZZZZZZZ`");
    }
    refused(&lab.json(&["view", "--node", "nobody"]), (3, "no_such_node"), "`nobody`");
    // Asking made nothing.
    assert_eq!(nodes_in(lab.home()), 0);
}

#[test]
fn names_that_fit_several_nodes() {
    let lab = Lab::new();
    let home = Home::at(Some(lab.home())).unwrap();
    // 33 identities cannot all begin with another of 32 characters.
    let mut by_first: BTreeMap<String, String> = BTreeMap::new();
    let (shared, one, other) = loop {
        let uid = home.create_node().unwrap().0.uid().to_owned();
        let first = uid[..1].to_owned();
        if let Some(before) = by_first.insert(first.clone(), uid.clone()) {
            break (first, before, uid);
        }
    };
    for command in [
        &["view", "--node", &shared][..],
        &["stop", &shared],
        &["remove", &shared, "--yes"],
        &["start", &shared, "--detach", "--role", "heavy"],
    ] {
        let ran = lab.json(command);
        refused(&ran, (2, "ambiguous_node"), &format!("`{shared}`"));
        let mut candidates: Vec<_> = ran.json()["error"]["candidates"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| text(it).to_owned())
            .collect();
        candidates.sort();
        let mut expected = vec![one.clone(), other.clone()];
        expected.sort();
        assert_eq!(candidates, expected);
        // These nodes have no settings yet, so no names.
        assert!(!ran.stdout.contains("()"), "{ran:?}");
    }
    refused(&lab.json(&["stop", ""]), (2, "ambiguous_node"), "``");
}

#[test]
fn too_few_heavy_nodes_are_told_of_soon_and_a_running_node_is_not_started_again() {
    let lab = Lab::new();
    let first = heavy(&lab, &["--name", "ward-a"]).data();
    let begun = Instant::now();
    refused(&lab.json(&question(&[])), (1, "too_few_heavy_nodes"), "needs 3 heavy nodes");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let uid = text(&first["uid"]);
    let hint = refused(&lab.json(&["start", uid, "--detach"]), (1, "node_running"), uid);
    assert!(hint.contains("stop"), "{hint}");
    refused(&lab.json(&["start", "--name", "ward-a", "--detach"]), (1, "node_running"), "ward-a");
    refused(&lab.json(&["remove", uid, "--yes"]), (1, "node_running"), uid);
    // It is still the same, and well.
    assert_eq!(lab.json(&["id"]).data()["peer_id"], first["peer_id"]);
    heavy(&lab, &["--name", "ward-b"]).data();
    refused(&lab.json(&question(&[])), (2, "ambiguous_node"), "several nodes");
    lab.json(&["stop", "--all", "--yes"]).data();
    refused(&lab.json(&["start", "--detach", "--role", "heavy"]), (2, "ambiguous_node"), "several stopped");
    refused(&lab.json(&["view", "--node", uid]), (3, "node_not_running"), uid);
    refused(&lab.json(&["start", uid, "--role", "light", "--detach"]), (2, "role_changed"), "heavy");
}

#[test]
fn ports_in_use() {
    let lab = Lab::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let tcp = format!("/ip4/127.0.0.1/tcp/{}", listener.local_addr().unwrap().port());
    let udp = format!("/ip4/127.0.0.1/udp/{}/quic-v1", socket.local_addr().unwrap().port());
    let first = heavy(&lab, &[]).data();
    let of_a_node = format!("/ip4/127.0.0.1/tcp/{}", first["port"]);
    for address in [&tcp, &udp, &of_a_node] {
        let start = ["start", "--detach", "--role", "heavy", "--new", "--no-mdns", "--listen", address];
        let hint = refused(&lab.json(&start), (1, "not_started"), address);
        assert!(hint.contains("--listen"), "{hint}");
    }
    // Nobody is left behind by a start that failed.
    assert_eq!(nodes_in(lab.home()), 1);
}

#[test]
fn homes_and_files_that_cannot_be_used() {
    let lab = Lab::new();
    let start = ["start", "--detach", "--role", "heavy", "--json"];
    let at = |home: &str| lab.run(&[&start[..], &["--home", home]].concat());
    let file = |name: &str, content: &str| {
        let path = lab.home().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    for home in ["/dev/null/x", "/proc/formix", &file("file", "")] {
        let hint = refused(&at(home), (1, "home"), home);
        assert!(hint.contains("--home"), "{hint}");
    }
    let long = lab.home().join("x".repeat(120));
    refused(&at(long.to_str().unwrap()), (2, "home"), "107");
    assert!(!long.exists());
    for (content, line, key) in [
        ("role = \"heavy\"\nlissten = []\n", "line 2", "`lissten`"),
        ("role = \"heavy\"\n[policy]\n\nprest = \"open\"\n", "line 4", "`prest`"),
        ("role = \"heavy\"\nmdns = 1\n", "line 2", "mdns"),
        ("role = \"heavy\"\nlisten = [\n", "line", ""),
    ] {
        let config = file("node.toml", content);
        let ran = lab.run(&["start", "--detach", "--json", "--config", &config]);
        for names in [config.as_str(), line, key] {
            refused(&ran, (2, "config"), names);
        }
    }
    refused(&heavy(&lab, &["--config", "/nowhere.toml"]), (1, "config"), "/nowhere.toml");
    let digits = format!("/key/swarm/psk/1.0.0/\n/base16/\n{}\n", "ab".repeat(31));
    for (content, names) in [("no key", "first line"), (&digits, "64 hexadecimal digits")] {
        let key = file("swarm.key", content);
        let ran = heavy(&lab, &["--swarm-key", &key]);
        refused(&ran, (2, "swarm_key"), names);
        refused(&ran, (2, "swarm_key"), &key);
        assert!(!ran.stdout.contains("abab"), "{ran:?}");
    }
    refused(&heavy(&lab, &["--swarm-key", "/nowhere.key"]), (1, "file"), "/nowhere.key");
    refused(&heavy(&lab, &["--bootstrap", "10.0.0.7:8000"]), (2, "invalid_address"), "10.0.0.7:8000");
    refused(&heavy(&lab, &["--listen", "8000"]), (2, "invalid_address"), "8000");
    refused(&heavy(&lab, &["--name", &"x".repeat(33)]), (2, "invalid_name"), "xxx");
    let light = ["start", "--detach", "--role", "light", "--trust", "nobody"];
    refused(&lab.json(&light), (2, "invalid_trust"), "`nobody`");
    refused(&heavy(&lab, &["--data", "n=4"]), (2, "light_only"), "--data");
    let found = file("damaged.json", "{}");
    assert_eq!(lab.json(&["verify", &found]).code, 1);
    assert!(lab.json(&["verify", &found]).message().contains(&found));
}

#[test]
fn a_damaged_or_newer_store_is_named_and_never_replaced() {
    let lab = Lab::new();
    let node = heavy(&lab, &[]).data();
    let uid = text(&node["uid"]);
    lab.json(&["stop", uid]).data();
    let path = lab.node(uid).join("node.redb");
    let whole = fs::read(&path).unwrap();
    let flipped = |places: &mut dyn Iterator<Item = usize>| {
        let mut bytes = whole.clone();
        places.for_each(|at| bytes[at] ^= 0x5a);
        bytes
    };
    for damaged in [
        flipped(&mut (0..1)),
        flipped(&mut (0..4096)),
        flipped(&mut (4096..whole.len()).step_by(512)),
        whole[..whole.len() / 2].to_vec(),
        vec![0; whole.len()],
        b"not a database".to_vec(),
        Vec::new(),
    ] {
        fs::write(&path, &damaged).unwrap();
        let hint = refused(&lab.json(&["start", uid, "--detach"]), (1, "not_started"), "is damaged");
        assert!(hint.contains("backup") && hint.contains("node.redb.damaged"), "{hint}");
        assert!(fs::read(&path).unwrap() == damaged, "the damaged file was touched");
    }
    fs::write(&path, &whole).unwrap();
    let meta = redb::TableDefinition::<&str, &[u8]>::new("meta");
    let version = {
        let database = redb::ReadOnlyDatabase::open(&path).unwrap();
        let table = redb::ReadableDatabase::begin_read(&database).unwrap().open_table(meta).unwrap();
        u32::from_be_bytes(table.get("schema_version").unwrap().unwrap().value().try_into().unwrap())
    };
    let set_version = |version: u32| {
        let database = redb::Database::open(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.open_table(meta).unwrap().insert("schema_version", &version.to_be_bytes()[..]).unwrap();
        transaction.commit().unwrap();
    };
    set_version(version + 1);
    let newer = (version + 1).to_string();
    let hint = refused(&lab.json(&["start", uid, "--detach"]), (1, "not_started"), &newer);
    assert!(hint.contains("newer"), "{hint}");
    set_version(version);
    lab.json(&["start", uid, "--detach"]).data();
    lab.json(&["stop", uid]).data();
    // Without its store it starts with an empty memory, and says so in its log.
    fs::remove_file(&path).unwrap();
    lab.json(&["start", uid, "--detach"]).data();
    assert!(fs::read_to_string(lab.node(uid).join("logs.log")).unwrap().contains("lost its memory"));
}

#[test]
fn an_identity_that_others_can_read_or_that_is_damaged() {
    let lab = Lab::new();
    let node = heavy(&lab, &[]).data();
    let uid = text(&node["uid"]);
    lab.json(&["stop", uid]).data();
    let path = lab.node(uid).join("identity.key");
    let shown = path.display().to_string();
    let start = || lab.json(&["start", uid, "--detach"]);
    for mode in [0o644, 0o640, 0o604] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let hint = refused(&start(), (1, "identity"), &format!("{mode:o}"));
        assert_eq!(hint, format!("chmod 600 {shown}"));
    }
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let whole = fs::read(&path).unwrap();
    let mut other_half = whole.clone();
    other_half[40] ^= 1;
    for damaged in [&whole[..67], &other_half, &[0; 68], &[]] {
        fs::write(&path, damaged).unwrap();
        refused(&start(), (1, "identity"), &shown);
    }
    fs::remove_file(&path).unwrap();
    refused(&start(), (1, "identity"), &shown);
    assert!(!path.exists(), "a lost identity is not replaced");
}

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
        ("eleven", "invalid_value", "the value is not a number"),
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
