//! No measurement, share or key leaves a node by its logs, outputs, files or process list: a computation is run at
//! `trace` with values that nobody else would write, and everything is searched for them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod lab;

use std::path::{Path, PathBuf};

use lab::Lab;

/// Nothing else in a log looks like these.
const CANARIES: [&str; 3] = ["73161904", "58204713", "91537026"];
/// Typed by hand, for a question without a source.
const BY_HAND: &str = "64829157";

/// Every file below a folder, with its bytes.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.is_file() {
            found.push((path.clone(), std::fs::read(&path).unwrap()));
        }
    }
    found
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// A secret in the forms in which it could slip out.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    vec![
        secret.to_vec(),
        data_encoding::HEXLOWER.encode(secret).into_bytes(),
        data_encoding::HEXUPPER.encode(secret).into_bytes(),
        data_encoding::BASE64.encode(secret).into_bytes(),
        format!("{secret:?}").into_bytes(),
    ]
}

#[test]
fn nothing_private_is_logged_shown_or_left_behind() {
    let mut lab = Lab::new();
    lab.log_level("trace");
    let uids = lab.network(&CANARIES, &["--policy", "open"]);
    let mut outputs = Vec::new();
    let mut run = |arguments: &[&str]| {
        let ran = lab.run(arguments);
        outputs.push((arguments.join(" "), format!("{}{}", ran.stdout, ran.stderr)));
        ran
    };
    let question = ["propose", "--prompt", "?", "--statistic", "sum", "--deadline", "2s", "--wait", "--json"];
    let with = |more: &[&'static str]| [&question[..], more].concat();
    let node = uids[3].clone();
    let on = ["--node", node.as_str()];
    let done = run(&[&with(&["--field", "n"])[..], &on].concat());
    assert_eq!(done.data()["result"]["sum"], 73_161_904 + 58_204_713 + 91_537_026_u64);
    let id = done.data()["id"].as_str().unwrap().to_owned();
    // A value that does not fit the schema, and one that is typed by hand.
    let narrow = r#"{"type":"number","minimum":0,"maximum":10}"#;
    run(&[&with(&["--field", "n", "--schema", narrow])[..], &on].concat());
    let by_hand =
        ["propose", "--prompt", "?", "--statistic", "sum", "--field", "m", "--deadline", "20s", "--json"];
    let waiting = run(&[&by_hand[..], &on].concat()).data()["id"].as_str().unwrap().to_owned();
    lab.until("the question waits", || {
        let pending = lab.json(&["pending", "--node", &node]).data();
        pending["pending"].as_array().is_some_and(|all| all.iter().any(|it| it["id"] == waiting.as_str()))
    });
    run(&["answer", &waiting, BY_HAND, "--node", &node, "--json"]);
    for command in ["view", "status", "pending", "id"] {
        run(&[command, "--node", &node]);
        run(&[command, "--node", &node, "--json"]);
    }
    for command in [["status", &id], ["result", &id], ["certificate", &id]] {
        run(&[&command[..], &on].concat());
        run(&[&command[..], &on, &["--json"]].concat());
    }
    for uid in &uids {
        run(&["logs", uid]);
        run(&["logs", uid, "--json"]);
    }
    for uid in &uids {
        let pid = lab.pid(uid).unwrap();
        for file in ["cmdline", "environ"] {
            let bytes = std::fs::read(format!("/proc/{pid}/{file}")).unwrap();
            outputs.push((format!("{file} of {uid}"), String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    let keys: Vec<Vec<u8>> = uids
        .iter()
        // The protobuf form: four bytes of header, then the secret key.
        .map(|uid| std::fs::read(lab.node(uid).join("identity.key")).unwrap()[4..36].to_vec())
        .collect();
    lab.json(&["stop", "--all", "--yes"]).data();

    let mut needles: Vec<(String, Vec<u8>)> = Vec::new();
    for canary in CANARIES.iter().chain([&BY_HAND]) {
        needles.push((format!("the value {canary}"), canary.as_bytes().to_vec()));
    }
    for (uid, key) in uids.iter().zip(&keys) {
        needles.extend(forms(key).into_iter().map(|form| (format!("the key of {uid}"), form)));
    }
    for (what, text) in &outputs {
        for (name, needle) in &needles {
            assert!(!contains(text.as_bytes(), needle), "{name} is in the output of `{what}`");
        }
    }
    let mut found_where_it_belongs = 0;
    for (path, bytes) in files(lab.home()) {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        for (name, needle) in &needles {
            let belongs = match file.as_str() {
                // The owner's own settings and keys, both 0600.
                "node.toml" => name.starts_with("the value"),
                "identity.key" => name.starts_with("the key"),
                _ => false,
            };
            let there = contains(&bytes, needle);
            assert!(belongs || !there, "{name} is in {}", path.display());
            found_where_it_belongs += usize::from(belongs && there);
        }
    }
    // The search finds what is there: each value in its node's settings, each key in its file.
    assert_eq!(found_where_it_belongs, CANARIES.len() + uids.len());
    // Trace lines were written at all.
    let log = std::fs::read_to_string(lab.node(&node).join("logs.log")).unwrap();
    assert!(log.contains("\"TRACE\""));
}
