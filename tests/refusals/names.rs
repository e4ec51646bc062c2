//! Nodes that are not there, not meant, or already running.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use formix_p2p::home::Home;

use super::*;

fn nodes_in(home: &Path) -> usize {
    fs::read_dir(home).unwrap().count()
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
        &["invite", "--statistic", "sum", "--parties", "3"],
        &["invitations"],
        &["revoke", id],
        &["forget", id, "--yes"],
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
