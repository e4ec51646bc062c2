//! Files, folders and memory that others on the machine cannot read.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::lab::{Lab, ends_within, signal};

const LISTEN: [&str; 3] = ["--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"];

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

/// What of a folder others may touch.
fn open_to_others(folder: &Path) -> Vec<String> {
    let mut open = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(path) = waiting.pop() {
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        if mode(&path) != expected {
            open.push(format!("{} has mode {:o}", path.display(), mode(&path)));
        }
        if path.is_dir() {
            waiting.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    open
}

/// The same command behind a word to the shell, such as its umask.
fn through_shell(command: &Command, first: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{first}; exec \"$0\" \"$@\"")]).arg(command.get_program());
    shell.args(command.get_args()).stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

#[test]
fn nothing_in_a_node_s_folder_is_open_to_others() {
    let lab = Lab::new();
    let uids = lab.network(&["1", "2", "4"], &["--policy", "open"]);
    // One whose owner's shell makes files that everybody may read.
    let bootstrap = lab.json(&["id", "--node", &uids[0]]).data()["addresses"][0].as_str().unwrap().to_owned();
    let more = ["--detach", "--new", "--role", "light", "--data", "n=8", "--policy", "open", "--json"];
    let start = lab.command(&[&["start"], &more[..], &LISTEN, &["--bootstrap", &bootstrap]].concat());
    let started = through_shell(&start, "umask 000").output().unwrap();
    let started: serde_json::Value = serde_json::from_slice(&started.stdout).unwrap();
    let loose = started["data"]["uid"].as_str().unwrap().to_owned();
    lab.wait_for_view(&loose, 3, 4);
    let id = lab.propose(&loose, "6s");
    for uid in uids.iter().chain([&loose]) {
        lab.wait_for(uid, &id, "everybody has answered", |view| view["participants"] == 4 || uid != &uids[0]);
    }
    lab.wait_for(&loose, &id, "it has answered", |view| view["own_answer"] == "answered");
    for uid in uids.iter().chain([&loose]) {
        assert_eq!(open_to_others(&lab.node(uid)), Vec::<String>::new());
    }
    // While the computation runs, there are keys among them.
    for uid in [&uids[0], &loose] {
        assert_eq!(std::fs::read_dir(lab.node(uid).join("keys")).unwrap().count(), 1);
    }
}

#[test]
fn what_was_opened_to_others_is_closed_with_a_warning_but_for_the_identity() {
    let lab = Lab::new();
    let started = lab.start(&[&["--role", "heavy", "--new"], &LISTEN[..]].concat());
    let uid = started["uid"].as_str().unwrap().to_owned();
    lab.json(&["stop", &uid]).data();
    let file = |name: &str| lab.node(&uid).join(name);
    for (name, mode) in [("", 0o755), ("node.redb", 0o644), ("node.toml", 0o640), ("logs.log", 0o666)] {
        std::fs::set_permissions(file(name), PermissionsExt::from_mode(mode)).unwrap();
    }
    lab.start(&[uid.as_str()]);
    assert_eq!(open_to_others(&lab.node(&uid)), Vec::<String>::new());
    let log = std::fs::read_to_string(file("logs.log")).unwrap();
    for (name, mode) in [("node.redb", "644"), ("node.toml", "640"), ("logs.log", "666")] {
        let line = format!("others could read {} (mode {mode})", file(name).display());
        assert!(log.contains(&line), "{line}: {log}");
    }
    lab.json(&["stop", &uid]).data();
    std::fs::set_permissions(file("identity.key"), PermissionsExt::from_mode(0o640)).unwrap();
    let refused = lab.json(&["start", &uid, "--detach"]);
    assert_eq!(refused.error(1), "identity");
    assert!(refused.message().contains("others may read the identity"), "{refused:?}");
    assert_eq!(mode(&file("identity.key")), 0o640, "that is for its owner to decide");
}

#[test]
fn a_crash_leaves_no_memory_on_the_disk() {
    let lab = Lab::new();
    let said = tempfile::tempdir().unwrap();
    // What this machine does of itself, to know whether the test could fail.
    let by_itself = |script: &str| {
        let status = Command::new("sh").args(["-c", script]).current_dir(said.path()).status().unwrap();
        status.core_dumped()
    };
    let dumps_here = by_itself("ulimit -c unlimited && kill -ABRT $$");
    if !dumps_here {
        println!(
            "this machine makes no core dumps, so that there is none shows nothing here; the limits are looked at"
        );
    }
    let before = std::fs::read_dir(said.path()).unwrap().count();
    let start = lab.command(&[&["start", "--role", "light", "--new", "--data", "n=4"], &LISTEN[..]].concat());
    let mut shell = through_shell(&start, "ulimit -c unlimited 2>/dev/null");
    let out = || std::fs::File::create(said.path().join("out")).unwrap();
    let mut child = shell.current_dir(said.path()).stdout(out()).stderr(Stdio::null()).spawn().unwrap();
    lab.until("it is ready", || {
        std::fs::read_to_string(said.path().join("out")).is_ok_and(|text| !text.is_empty())
    });
    let pid = child.id();
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
    // What is not dumpable belongs to root in /proc, whoever runs it.
    signal("-ABRT", pid.cast_signed());
    let status = ends_within(&mut child, Duration::from_secs(10));
    assert_eq!((status.signal(), status.core_dumped()), (Some(6), false));
    // `out`, and nothing else.
    assert_eq!(std::fs::read_dir(said.path()).unwrap().count(), before + 1);
}
