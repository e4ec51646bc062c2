//! Closed networks from outside: what a stranger sees, joins and brings about, with real processes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod lab;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use lab::Lab;
use serde_json::Value;

const LISTEN: [&str; 4] = ["--new", "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"];

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// A node of a network under test.
struct Node {
    uid: String,
    peer: String,
    address: String,
}

impl Node {
    fn start(lab: &Lab, told: &[&str]) -> Self {
        let id = lab.start(&[told, &LISTEN].concat());
        Self { uid: text(&id["uid"]), peer: text(&id["peer_id"]), address: text(&id["addresses"][0]) }
    }

    fn log(&self, lab: &Lab) -> String {
        std::fs::read_to_string(lab.node(&self.uid).join("logs.log")).unwrap()
    }
}

fn file(lab: &Lab, name: &str) -> PathBuf {
    lab.home().join(name)
}

fn add(path: &Path, node: &Node) {
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
    writeln!(file, "{}  added in a test", node.peer).unwrap();
}

/// Three heavy nodes and two light ones, each started with these flags, the light ones with a value. `each` is told of
/// everyone who has started.
fn network(lab: &Lab, flags: &[&str], each: impl Fn(&Node)) -> Vec<Node> {
    let first = Node::start(lab, &[&["--role", "heavy"], flags].concat());
    each(&first);
    let bootstrap = ["--bootstrap", &first.address];
    let mut others = Vec::new();
    for told in [
        &["--role", "heavy"][..],
        &["--role", "heavy"],
        &["--role", "light", "--data", "n=1", "--policy", "open"],
        &["--role", "light", "--data", "n=2", "--policy", "open"],
    ] {
        let node = Node::start(lab, &[told, flags, &bootstrap].concat());
        each(&node);
        others.push(node);
    }
    let mut nodes = vec![first];
    nodes.append(&mut others);
    for node in &nodes {
        lab.wait_for_view(&node.uid, 3, 2);
    }
    nodes
}

fn ask(lab: &Lab, node: &str, more: &[&str]) -> lab::Ran {
    let question = ["propose", "--prompt", "How many?", "--field", "n", "--statistic", "sum", "--node", node];
    lab.json(&[&question[..], &["--deadline", "6s", "--wait"], more].concat())
}

/// Asks with a minimum of three where two belong to the network, and looks at what the stranger knows.
fn stays_outside(lab: &Lab, inside: &[Node], stranger: &Node) {
    let failed = ask(lab, &inside[3].uid, &[]);
    failed.error(4);
    assert!(failed.message().contains("insufficient participants: 2 of 3"), "{failed:?}");
    for node in inside {
        let view = lab.json(&["view", "--node", &node.uid]).data();
        assert_eq!((&view["heavy"], &view["light"]), (&3.into(), &2.into()));
        assert!(!view.to_string().contains(&stranger.uid), "{view}");
    }
    let seen = lab.json(&["view", "--node", &stranger.uid]).data();
    assert_eq!((&seen["heavy"], &seen["light"]), (&0.into(), &1.into()), "{seen}");
    let known = lab.http(&stranger.uid, "GET /computations", "").unwrap();
    assert!(!String::from_utf8_lossy(&known.1).contains("COMP-"), "{known:?}");
    // It cannot ask either: it finds no heavy node.
    let asked = ask(lab, &stranger.uid, &[]);
    assert_ne!(asked.code, 0, "{asked:?}");
    for node in inside {
        let known = lab.http(&node.uid, "GET /computations", "").unwrap();
        let known: Value = serde_json::from_slice(&known.1).unwrap();
        assert!(!known.to_string().contains(&stranger.uid), "{known}");
    }
}

#[test]
fn without_the_swarm_key_a_stranger_stays_outside() {
    let lab = Lab::new();
    let key = file(&lab, "swarm.key");
    lab.json(&["swarm-key", "new", key.to_str().unwrap()]).data();
    let inside = network(&lab, &["--swarm-key", key.to_str().unwrap()], |_| {});
    let role = ["--role", "light", "--data", "n=4", "--policy", "open"];
    let stranger = Node::start(&lab, &[&role[..], &["--bootstrap", &inside[0].address]].concat());
    stays_outside(&lab, &inside, &stranger);
}

#[test]
fn with_the_swarm_key_and_not_on_the_list_a_stranger_stays_outside_until_it_is_added() {
    let lab = Lab::new();
    let (key, members) = (file(&lab, "swarm.key"), file(&lab, "members.txt"));
    lab.json(&["swarm-key", "new", key.to_str().unwrap()]).data();
    std::fs::write(&members, "# nobody yet\n").unwrap();
    let flags = ["--swarm-key", key.to_str().unwrap(), "--members", members.to_str().unwrap()];
    // Each is added while the others run.
    let inside = network(&lab, &flags, |node| add(&members, node));
    let role = ["--role", "light", "--data", "n=4", "--policy", "open", "--swarm-key", key.to_str().unwrap()];
    let stranger = Node::start(&lab, &[&role[..], &["--bootstrap", &inside[0].address]].concat());
    lab.until("the door is told of", || inside[0].log(&lab).contains(&format!("node {} at", stranger.uid)));
    let log = inside[0].log(&lab);
    let line = log.lines().find(|line| line.contains(&format!("node {} at", stranger.uid))).unwrap();
    assert!(
        line.contains("is not on the members list") && line.contains(&format!("add {}", stranger.peer)),
        "{line}"
    );
    lab.until("the stranger is told why", || stranger.log(&lab).contains("closes every connection at once"));
    assert!(stranger.log(&lab).contains(&format!("add {} to the members list", stranger.peer)));
    stays_outside(&lab, &inside, &stranger);
    add(&members, &stranger);
    lab.wait_for_view(&stranger.uid, 3, 3);
    lab.wait_for_view(&inside[3].uid, 3, 3);
    let result = ask(&lab, &inside[3].uid, &[]).data();
    assert_eq!((&result["result"]["sum"], &result["participants"]), (&7.into(), &3.into()));
    // And taken off again: whoever is connected is disconnected.
    let without: String = std::fs::read_to_string(&members)
        .unwrap()
        .lines()
        .filter(|line| !line.contains(&stranger.peer))
        .fold(String::new(), |text, line| text + line + "\n");
    std::fs::write(&members, without).unwrap();
    lab.until("it is disconnected", || {
        let view = lab.json(&["view", "--node", &stranger.uid]).data();
        view["heavy"] == 0
    });
    let failed = ask(&lab, &inside[3].uid, &[]);
    assert!(failed.message().contains("insufficient participants: 2 of 3"), "{failed:?}");
}

#[test]
fn nodes_that_are_allowed_by_name_let_nobody_else_in() {
    let lab = Lab::new();
    let first = Node::start(&lab, &["--role", "heavy"]);
    let friend = Node::start(&lab, &["--role", "light", "--bootstrap", &first.address]);
    lab.wait_for_view(&friend.uid, 1, 1);
    lab.json(&["stop", &first.uid]).data();
    let again = lab.start(&[&first.uid, "--allow", &friend.uid]);
    assert_eq!(again["addresses"][0], first.address.as_str());
    let stranger = Node::start(&lab, &["--role", "light", "--bootstrap", &first.address]);
    lab.until("the friend is back", || {
        let view = lab.json(&["view", "--node", &first.uid]).data();
        view["light"] == 1 && view.to_string().contains(&friend.uid)
    });
    lab.until("the door is told of", || first.log(&lab).contains(&format!("node {} at", stranger.uid)));
    let view = lab.json(&["view", "--node", &stranger.uid]).data();
    assert_eq!(view["heavy"], 0);
    // Its settings remember it.
    let settings = std::fs::read_to_string(lab.node(&first.uid).join("node.toml")).unwrap();
    assert!(settings.contains("[admission]") && settings.contains(&friend.peer), "{settings}");
    assert!(first.log(&lab).contains("this node is not on its own members list"));
}

#[test]
fn a_signed_list_counts_for_whoever_trusts_its_signer() {
    let lab = Lab::new();
    let members = file(&lab, "members.txt");
    let path = members.to_str().unwrap();
    let signer = Node::start(&lab, &["--role", "heavy"]);
    let friend = Node::start(&lab, &["--role", "light", "--bootstrap", &signer.address]);
    lab.wait_for_view(&friend.uid, 1, 1);
    lab.json(&["stop", &friend.uid]).data();
    add(&members, &signer);
    let start =
        |more: &[&str]| lab.json(&[&["start", &friend.uid, "--detach", "--members", path], more].concat());
    // Not signed.
    let refused = start(&["--members-signer", &signer.peer]);
    assert_eq!(refused.error(2), "members");
    assert!(refused.message().contains("is not signed"), "{refused:?}");
    let signed = lab.json(&["members", "sign", path, "--node", &signer.uid, "--expires", "1h"]).data();
    assert_eq!((&signed["version"], &signed["signer"]), (&1.into(), &signer.peer.as_str().into()));
    // By somebody of whom it was told nothing, and by somebody else than it was told.
    for told in [&[][..], &["--members-signer", &friend.peer]] {
        let refused = start(told);
        assert_eq!(refused.error(2), "members");
        assert!(refused.message().contains(&format!("is signed by {}", signer.peer)), "{refused:?}");
    }
    // Changed after it was signed.
    let whole = std::fs::read_to_string(&members).unwrap();
    add(&members, &friend);
    let refused = start(&["--members-signer", &signer.peer]);
    assert!(refused.message().contains("was changed after it was signed"), "{refused:?}");
    // As it was: it counts, and the node says that it is not on it.
    std::fs::write(&members, &whole).unwrap();
    start(&["--members-signer", &signer.peer]).data();
    assert!(friend.log(&lab).contains("this node is not on its own members list"));
    lab.wait_for_view(&friend.uid, 1, 1);
    // Signed anew without the signer, while it runs: the only heavy node is let go of.
    std::fs::write(&members, format!("version = 1\n{}\n", friend.peer)).unwrap();
    lab.json(&["members", "sign", path, "--node", &signer.uid, "--expires", "3s"]).data();
    assert_eq!(lab.json(&["members", "show", path]).data()["version"], 2);
    let newer = std::fs::read_to_string(&members).unwrap();
    lab.until("the signer is let go of", || lab.json(&["view", "--node", &friend.uid]).data()["heavy"] == 0);
    // The older one does not come back.
    std::fs::write(&members, &whole).unwrap();
    lab.until("the older one is refused", || {
        friend.log(&lab).contains("version 1, and version 2 counts already")
    });
    std::fs::write(&members, &newer).unwrap();
    lab.until("it expires", || friend.log(&lab).contains("has expired"));
    lab.json(&["stop", &friend.uid]).data();
    let refused = start(&["--members-signer", &signer.peer]);
    assert_eq!(refused.error(2), "members");
    assert!(refused.message().contains("has expired"), "{refused:?}");
}

#[test]
fn with_a_signed_list_a_stranger_stays_outside() {
    let lab = Lab::new();
    let members = file(&lab, "members.txt");
    let path = members.to_str().unwrap();
    // Whoever signs need not belong to it, nor run.
    let signer = Node::start(&lab, &["--role", "heavy"]);
    lab.json(&["stop", &signer.uid]).data();
    std::fs::write(&members, "# nobody yet\n").unwrap();
    let sign = || lab.json(&["members", "sign", path, "--node", &signer.uid, "--expires", "1h"]).data();
    sign();
    let inside = network(&lab, &["--members", path, "--members-signer", &signer.peer], |node| {
        add(&members, node);
        sign();
    });
    let role = ["--role", "light", "--data", "n=4", "--policy", "open", "--bootstrap", &inside[0].address];
    stays_outside(&lab, &inside, &Node::start(&lab, &role));
}

#[test]
fn where_all_allow_each_other_a_stranger_stays_outside() {
    let lab = Lab::new();
    let inside = network(&lab, &[], |_| {});
    let allowed: Vec<_> = inside.iter().flat_map(|node| ["--allow", node.uid.as_str()]).collect();
    for node in &inside {
        lab.json(&["stop", &node.uid]).data();
        lab.json(&[&["start", &node.uid, "--detach"], &allowed[..]].concat()).data();
    }
    for node in &inside {
        lab.wait_for_view(&node.uid, 3, 2);
    }
    let role = ["--role", "light", "--data", "n=4", "--policy", "open", "--bootstrap", &inside[0].address];
    stays_outside(&lab, &inside, &Node::start(&lab, &role));
}

#[test]
fn nobody_gets_into_a_computation_with_named_participants() {
    let lab = Lab::new();
    let uids = lab.network(&["1", "2", "4", "1024"], &["--policy", "open"]);
    let listed = ["--participants", &uids[3], &uids[4], &uids[5]];
    let result = ask(&lab, &uids[3], &listed).data();
    assert_eq!((&result["result"]["sum"], &result["participants"]), (&7.into(), &3.into()));
    let id = text(&result["id"]);
    // Whoever is not on the list was not asked, and has not answered.
    let own = lab.computation(&uids[6], &id).map(|view| view["own_answer"].clone());
    assert!(own.is_none_or(|own| own != "answered"));
    let ledger = lab.json(&["ledger", "--node", &uids[6]]).data();
    assert!(!ledger.to_string().contains(&id), "{ledger}");
    // Nor does it stand in for one that is missing.
    lab.json(&["stop", &uids[5]]).data();
    let failed = ask(&lab, &uids[3], &listed);
    assert_ne!(failed.code, 0, "{failed:?}");
    let names = failed.json().to_string();
    assert!(names.contains("2 of 3") || names.contains("insufficient"), "{names}");
}
