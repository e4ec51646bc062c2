//! `kill -9` of real processes, in every role and phase: the computation ends at every node with the one right sum.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod cases;
mod damage;
mod disk;
#[path = "../lab/mod.rs"]
mod lab;
mod memory;
mod net;
#[path = "../node/newer.rs"]
mod newer;
mod remembered;
mod small_files;
mod steps;

use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lab::{Lab, ends_within, signal};

const OPEN: [&str; 2] = ["--policy", "open"];
const SUM: u64 = 7;
/// A node that is told to stop is gone within this time.
const STOP_MAX: Duration = Duration::from_secs(5);

/// Three heavy and three light nodes, whose values sum to [`SUM`].
fn network(lab: &Lab) -> Vec<String> {
    lab.network(&["1", "2", "4"], &OPEN)
}

fn all_answered(lab: &Lab, uids: &[String], id: &str) {
    for uid in &uids[3..] {
        lab.wait_for(uid, id, "everybody has answered", |view| view["own_answer"] == "answered");
    }
    for uid in &uids[..3] {
        lab.wait_for(uid, id, "every heavy node holds every report", |view| view["participants"] == 3);
    }
}

fn start(lab: &Lab, uid: &str) {
    lab.json(&["start", uid, "--detach"]).data();
}

fn kill_and_start(lab: &Lab, victims: &[&String]) {
    for victim in victims {
        lab.kill(victim);
    }
    for victim in victims {
        start(lab, victim);
    }
}

/// Every node reads the same result.
fn ends_well(lab: &Lab, uids: &[String], id: &str) {
    for uid in uids {
        lab.until("the node knows of it", || lab.computation(uid, id).is_some());
        let result = lab.json(&["result", id, "--wait", "--node", uid]).data();
        assert_eq!((&result["sum"], &result["participants"]), (&SUM.into(), &3.into()), "{uid}");
    }
}

#[test]
fn each_role_killed_right_after_the_announcement() {
    let lab = Lab::new();
    let uids = network(&lab);
    // A heavy node, a light node, the proposer.
    for victim in [&uids[1], &uids[5], &uids[3]] {
        let id = lab.propose(&uids[3], "10s");
        kill_and_start(&lab, &[victim]);
        ends_well(&lab, &uids, &id);
    }
}

#[test]
fn each_role_killed_while_reports_come_in() {
    let lab = Lab::new();
    let uids = network(&lab);
    for victim in [&uids[1], &uids[5], &uids[3]] {
        let id = lab.propose(&uids[3], "10s");
        lab.wait_for(&uids[1], &id, "a report is held", |view| view["participants"] != 0);
        kill_and_start(&lab, &[victim]);
        ends_well(&lab, &uids, &id);
    }
}

/// Eight computations with deadlines a few milliseconds apart; the victims are killed when half of them have passed, so
/// that one blow hits every phase of closing, freezing, voting, opening and reading the result.
#[test]
fn killed_around_the_deadline() {
    let lab = Lab::new();
    let uids = network(&lab);
    let heavy = [&uids[0], &uids[1], &uids[2]];
    for victims in [&heavy[1..2], &heavy[..], &[&uids[3]], &[&uids[5]]] {
        let first = Instant::now() + Duration::from_secs(8);
        let asked: Vec<_> = (0..8)
            .map(|number| {
                let open_for = (first + number * Duration::from_millis(15)) - Instant::now();
                lab.propose(&uids[3], &format!("{}ms", open_for.as_millis()))
            })
            .collect();
        for id in &asked {
            all_answered(&lab, &uids, id);
        }
        lab.wait_for(&uids[2], &asked[4], "half of them have closed", |view| view["status"] != "pending");
        kill_and_start(&lab, victims);
        for id in &asked {
            ends_well(&lab, &uids, id);
        }
    }
}

#[test]
fn a_proposer_that_is_away_at_the_end_reads_the_result_when_it_is_back() {
    let lab = Lab::new();
    let uids = network(&lab);
    let id = lab.propose(&uids[3], "8s");
    all_answered(&lab, &uids, &id);
    lab.kill(&uids[3]);
    ends_well(&lab, &uids[..3], &id);
    ends_well(&lab, &uids[4..], &id);
    start(&lab, &uids[3]);
    ends_well(&lab, &uids, &id);
}

#[test]
fn a_proposer_killed_before_the_announcement_leaves_nothing_open() {
    let lab = Lab::new();
    let uids = network(&lab);
    let question = ["propose", "--prompt", "?", "--field", "n", "--statistic", "sum", "--deadline", "3s"];
    let mut asks = lab
        .command(&[&question[..], &["--node", &uids[3]]].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let open = |uid: &str| {
        let (_, health) = lab.http(uid, "GET /health", "").unwrap();
        serde_json::from_slice::<serde_json::Value>(&health).unwrap()["open"].as_u64().unwrap()
    };
    lab.until("a heavy node has accepted", || uids[..3].iter().any(|uid| open(uid) > 0));
    lab.kill(&uids[3]);
    // Whether it heard of the announcement before, is a matter of milliseconds.
    asks.wait().unwrap();
    start(&lab, &uids[3]);
    for uid in &uids {
        lab.until("nothing is open", || open(uid) == 0);
    }
    // Whatever became of it, all say the same.
    let mut ends: Vec<_> = uids
        .iter()
        .flat_map(|uid| {
            let all = lab.json(&["status", "--node", uid]).data()["computations"].clone();
            all.as_array()
                .unwrap()
                .iter()
                .map(|it| it["result"].clone())
                .filter(|it| !it.is_null())
                .collect::<Vec<_>>()
        })
        .collect();
    ends.dedup();
    assert!(ends.len() < 2, "{ends:?}");
}

#[test]
fn a_light_node_killed_before_it_answers_does_not_hold_up_the_others() {
    let lab = Lab::new();
    let uids = lab.network(&["1", "2", "4", "1000"], &OPEN);
    lab.kill(&uids[6]);
    let id = lab.propose(&uids[3], "8s");
    ends_well(&lab, &uids[..6], &id);
    // It comes back after the end and reads the result like everybody else.
    start(&lab, &uids[6]);
    ends_well(&lab, &uids[6..], &id);
}

/// What its owner wants forgotten is forgotten, or it is all there and can be forgotten again.
#[test]
fn a_node_killed_while_it_forgets_has_forgotten_all_or_nothing() {
    let lab = Lab::new();
    let uids = network(&lab);
    for moment in ["before-commit", "after-commit", "after-release"] {
        let id = lab.propose(&uids[3], "6s");
        ends_well(&lab, &uids, &id);
        let forget = || lab.json(&["forget", &id, "--yes", "--node", &uids[5]]);
        lab.dies_at(&uids[5], &format!("{moment}:forgotten"), forget);
        if moment == "before-commit" {
            ends_well(&lab, &uids[5..], &id);
            forget().data();
        }
        assert!(lab.computation(&uids[5], &id).is_none(), "{moment}: it is still there");
        ends_well(&lab, &uids[..5], &id);
    }
}

/// Stopped politely, in every role, while it computes, while somebody waits for a result, and while somebody who says
/// nothing holds the control socket.
#[test]
fn a_polite_end_takes_less_than_five_seconds_also_while_it_computes() {
    let lab = Lab::new();
    let uids = network(&lab);
    let said = tempfile::tempdir().unwrap();
    let victims = [&uids[2], &uids[5], &uids[3]];
    let mut nodes: Vec<Child> = Vec::new();
    for uid in victims {
        lab.json(&["stop", uid]).data();
        nodes.push(lab.foreground(&[uid], said.path()));
        lab.until("it is back", || lab.http(uid, "GET /health", "").is_some());
    }
    lab.wait_for_view(&uids[3], 3, 3);
    let id = lab.propose(&uids[3], "10s");
    all_answered(&lab, &uids, &id);
    for ((uid, mut node), kind) in victims.into_iter().zip(nodes).zip(["-TERM", "-INT", "-TERM"]) {
        let socket = lab.node(uid).join("control.sock");
        let silent = UnixStream::connect(&socket).unwrap();
        let mut waits: Child = quietly(lab.command(&["result", &id, "--wait", "--node", uid])).spawn().unwrap();
        signal(kind, node.id().cast_signed());
        assert!(ends_within(&mut node, STOP_MAX).success(), "{uid}");
        // It has told its peers and put things away.
        assert!(!socket.exists(), "{uid}");
        let log = std::fs::read_to_string(lab.node(uid).join("logs.log")).unwrap();
        assert!(log.lines().last().unwrap().contains("stopped"), "{uid}: {log}");
        assert!(!ends_within(&mut waits, STOP_MAX).success());
        drop(silent);
    }
    for uid in victims {
        start(&lab, uid);
    }
    ends_well(&lab, &uids, &id);
}

fn quietly(mut command: Command) -> Command {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}
