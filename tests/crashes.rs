//! `kill -9` of real processes, in every role and phase: the computation ends at every node with the one right sum.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod lab;

use lab::Lab;

const OPEN: [&str; 2] = ["--policy", "open"];
const SUM: u64 = 7;

/// Three heavy and three light nodes, whose values sum to [`SUM`].
fn network(lab: &Lab) -> Vec<String> {
    lab.network(&["1", "2", "4"], &OPEN)
}

fn ask(lab: &Lab, node: &str, deadline: &str) -> String {
    let question = ["propose", "--prompt", "How many?", "--field", "n", "--statistic", "sum", "--json"];
    let ran = lab.run(&[&question[..], &["--node", node, "--deadline", deadline]].concat());
    ran.data()["id"].as_str().unwrap().to_owned()
}

fn is(lab: &Lab, node: &str, id: &str, key: &str, value: &str) -> bool {
    let status = lab.json(&["status", id, "--node", node]);
    status.code == 0 && status.data()[key] == value
}

fn all_answered(lab: &Lab, uids: &[String], id: &str) {
    for uid in &uids[3..] {
        lab.until("everybody has answered", || is(lab, uid, id, "own_answer", "answered"));
    }
    for uid in &uids[..3] {
        lab.until("every heavy node holds every report", || {
            let status = lab.json(&["status", id, "--node", uid]);
            status.code == 0 && status.data()["participants"] == 3
        });
    }
}

fn start(lab: &Lab, uid: &str) {
    lab.json(&["start", uid, "--detach"]).data();
}

/// Every node reads the same result.
fn ends_well(lab: &Lab, uids: &[String], id: &str) {
    for uid in uids {
        lab.until("the node knows of it", || lab.json(&["status", id, "--node", uid]).code == 0);
        let result = lab.json(&["result", id, "--wait", "--node", uid]).data();
        assert_eq!(result["sum"], SUM, "{uid}");
    }
}

#[test]
fn each_role_killed_while_reports_come_in() {
    let lab = Lab::new();
    let uids = network(&lab);
    // A heavy node, a light node, the proposer.
    for victim in [&uids[1], &uids[5], &uids[3]] {
        let id = ask(&lab, &uids[3], "4s");
        all_answered(&lab, &uids, &id);
        lab.kill(victim);
        start(&lab, victim);
        ends_well(&lab, &uids, &id);
    }
}

#[test]
fn each_heavy_node_killed_while_they_agree() {
    let lab = Lab::new();
    let uids = network(&lab);
    for victim in &uids[..3] {
        let id = ask(&lab, &uids[3], "2s");
        all_answered(&lab, &uids, &id);
        // The victim itself says that the deadline has passed, or is already done.
        lab.until("agreement has begun", || !is(&lab, victim, &id, "status", "pending"));
        lab.kill(victim);
        start(&lab, victim);
        ends_well(&lab, &uids, &id);
    }
}

#[test]
fn all_heavy_nodes_killed_at_once() {
    let lab = Lab::new();
    let uids = network(&lab);
    for deadline in ["5s", "2s"] {
        let id = ask(&lab, &uids[4], deadline);
        all_answered(&lab, &uids, &id);
        for uid in &uids[..3] {
            lab.kill(uid);
        }
        for uid in &uids[..3] {
            start(&lab, uid);
        }
        ends_well(&lab, &uids, &id);
    }
}

#[test]
fn a_light_node_killed_before_it_answers_does_not_hold_up_the_others() {
    let lab = Lab::new();
    let uids = lab.network(&["1", "2", "4", "1000"], &OPEN);
    lab.kill(&uids[6]);
    let id = ask(&lab, &uids[3], "2s");
    ends_well(&lab, &uids[..6], &id);
    // It comes back after the end and reads the result like everybody else.
    start(&lab, &uids[6]);
    ends_well(&lab, &uids[6..], &id);
}

#[test]
fn a_polite_end_takes_less_than_five_seconds_also_while_it_computes() {
    let lab = Lab::new();
    let uids = network(&lab);
    let id = ask(&lab, &uids[3], "3s");
    all_answered(&lab, &uids, &id);
    let pid = lab.pid(&uids[2]).unwrap().to_string();
    let begun = std::time::Instant::now();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    lab.until("the process has ended", || lab.pid(&uids[2]).is_none());
    assert!(begun.elapsed().as_secs() < 5);
    start(&lab, &uids[2]);
    ends_well(&lab, &uids, &id);
}
