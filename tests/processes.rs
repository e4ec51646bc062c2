//! From the outside: real processes, sockets and stores on one machine, spoken to through the command line.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod lab;

use std::os::unix::fs::PermissionsExt;

use lab::Lab;

const OPEN: [&str; 2] = ["--policy", "open"];

fn propose<'a>(node: &'a str, deadline: &'a str) -> Vec<&'a str> {
    let question = ["propose", "--prompt", "How many?", "--field", "n", "--statistic", "sum"];
    [&question[..], &["--node", node, "--deadline", deadline]].concat()
}

/// libp2p's own timers keep a thread that every message wakes: `patches/futures-timer`.
#[cfg(target_os = "linux")]
#[test]
fn the_timers_of_the_network_need_no_thread_of_their_own() {
    let lab = Lab::new();
    let uids = lab.network(&["1", "2", "4"], &[]);
    let pid = lab.pid(&uids[0]).unwrap();
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let name =
        |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("comm")).unwrap_or_default();
    let names: Vec<_> = threads.map(|thread| name(thread.unwrap()).trim().to_owned()).collect();
    assert!(names.iter().any(|name| name.starts_with("tokio")), "{names:?}");
    assert!(!names.iter().any(|name| name.contains("timer")), "{names:?}");
}

#[test]
fn a_network_gives_the_exact_sum_to_every_node() {
    let lab = Lab::new();
    let uids = lab.network(&["10", "-7", "14", "1000000"], &OPEN);
    let data = lab.json(&[&propose(&uids[3], "6s")[..], &["--wait"]].concat()).data();
    assert_eq!(data["status"], "completed");
    assert_eq!(data["result"]["sum"], 1_000_017);
    assert_eq!((&data["participants"], &data["samples"]), (&4.into(), &4.into()));
    assert_eq!((&data["private_against"], &data["survives"]), (&2.into(), &0.into()));
    assert_eq!(
        (&data["sharing"], &data["proven"], &data["unverified"]),
        (&"additive".into(), &false.into(), &0.into())
    );
    let id = data["id"].as_str().unwrap();
    for uid in &uids {
        let result = lab.json(&["result", id, "--wait", "--node", uid]).data();
        assert_eq!(result["sum"], 1_000_017, "{uid}");
        assert_eq!(result["participants"], 4);
    }
    let file = lab.home().join("certificate.json");
    let file = file.to_str().unwrap();
    lab.json(&["certificate", id, "--out", file, "--node", &uids[0]]).data();
    let verified = lab.json(&["verify", file]).data();
    assert_eq!((&verified["valid"], &verified["id"]), (&true.into(), &id.into()));
    assert_eq!(verified["signed_by"].as_array().unwrap().len(), 3);
}

#[test]
fn too_few_participants_fail_by_name() {
    let lab = Lab::new();
    let uids = lab.network(&["1", "2"], &OPEN);
    let ran = lab.json(&[&propose(&uids[4], "5s")[..], &["--wait"]].concat());
    ran.error(4);
    assert!(ran.message().contains("insufficient participants: 2 of 3"), "{ran:?}");
}

#[test]
fn a_heavy_node_killed_before_the_deadline_comes_back_and_the_sum_is_right() {
    let lab = Lab::new();
    let uids = lab.network(&["1", "2", "4"], &OPEN);
    let id = lab.json(&propose(&uids[3], "8s")).data()["id"].as_str().unwrap().to_owned();
    lab.until("a report is held", || {
        let status = lab.json(&["status", &id, "--node", &uids[0]]);
        status.code == 0 && status.data()["participants"] == 3
    });
    lab.kill(&uids[0]);
    lab.json(&["start", &uids[0], "--detach"]).data();
    let result = lab.json(&["result", &id, "--wait", "--node", &uids[3]]).data();
    assert_eq!(result["sum"], 7);
}

#[test]
fn a_light_node_killed_after_its_report_sends_no_second_one() {
    let lab = Lab::new();
    let uids = lab.network(&["1", "2", "4"], &OPEN);
    let id = lab.json(&propose(&uids[3], "8s")).data()["id"].as_str().unwrap().to_owned();
    lab.until("it has answered", || {
        let status = lab.json(&["status", &id, "--node", &uids[5]]);
        status.code == 0 && status.data()["own_answer"] == "answered"
    });
    lab.kill(&uids[5]);
    // Another value: the report that stands is the one that counts.
    lab.json(&["start", &uids[5], "--detach", "--data", "n=1024"]).data();
    let result = lab.json(&["result", &id, "--wait", "--node", &uids[3]]).data();
    assert_eq!(result["sum"], 7);
}

#[test]
fn a_light_node_that_joins_after_the_announcement_still_answers() {
    let lab = Lab::new();
    let uids = lab.network(&["1", "2"], &OPEN);
    let id = lab.json(&propose(&uids[3], "8s")).data()["id"].as_str().unwrap().to_owned();
    let bootstrap = lab.json(&["id", "--node", &uids[1]]).data()["addresses"][0].as_str().unwrap().to_owned();
    let late = ["--role", "light", "--new", "--data", "n=4", "--no-mdns", "--bootstrap", &bootstrap];
    lab.start(&[&late[..], &["--listen", "/ip4/127.0.0.1/tcp/0"], &OPEN].concat());
    let result = lab.json(&["result", &id, "--wait", "--node", &uids[3]]).data();
    assert_eq!((&result["sum"], &result["participants"]), (&7.into(), &3.into()));
}

#[test]
fn two_computations_at_once_are_both_exact() {
    let lab = Lab::new();
    let uids = lab.network(&["1", "2", "4"], &OPEN);
    let ask = |node: &str| lab.json(&propose(node, "6s")).data()["id"].as_str().unwrap().to_owned();
    let (first, second) = (ask(&uids[3]), ask(&uids[4]));
    for id in [first, second] {
        assert_eq!(lab.json(&["result", &id, "--wait", "--node", &uids[5]]).data()["sum"], 7);
    }
}

#[test]
fn a_guarded_node_waits_for_its_owner() {
    let lab = Lab::new();
    let uids = lab.network(&["1", "2", "4"], &[]);
    let id = lab.json(&propose(&uids[3], "20s")).data()["id"].as_str().unwrap().to_owned();
    for uid in &uids[4..] {
        lab.until("it waits", || {
            let pending = lab.json(&["pending", "--node", uid]).data();
            pending["pending"].as_array().is_some_and(|all| all.iter().any(|one| one["id"] == id.as_str()))
        });
        // Among several nodes the command says whose it is.
        let pending = lab.json(&["pending", "--node", uid]).data();
        assert_eq!(pending["pending"][0]["command"], format!("formix-p2p approve {id} --node {uid}"));
        let text = lab.run(&["pending", "--node", uid]).stdout;
        assert!(text.contains(&format!("formix-p2p decline {id} --node {uid}")), "{text}");
    }
    lab.until("the proposer knows", || {
        lab.json(&["status", &id, "--node", &uids[3]]).data()["standings"]["waits for its owner"] == 2
    });
    lab.json(&["decline", &id, "--node", &uids[5]]).data();
    lab.json(&["approve", &id, "--node", &uids[4]]).data();
    lab.until("the report has come", || {
        lab.json(&["status", &id, "--node", &uids[3]]).data()["participants"] == 2
    });
}

#[test]
fn a_restart_keeps_uid_and_port_and_files_are_private() {
    let lab = Lab::new();
    let before = lab.start(&["--role", "heavy", "--no-mdns"]);
    let uid = before["uid"].as_str().unwrap();
    lab.json(&["stop", uid]).data();
    let after = lab.start(&["--role", "heavy"]);
    assert_eq!((&before["uid"], &before["port"]), (&after["uid"], &after["port"]));
    for file in ["identity.key", "node.redb", "control.sock", "node.toml"] {
        let mode = std::fs::metadata(lab.node(uid).join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    lab.json(&["stop", uid]).data();
    assert_eq!(lab.json(&["stop", uid]).data()["stopped"][0], uid);
    lab.json(&["remove", uid, "--yes"]).data();
    assert!(!lab.node(uid).exists());
}

/// Each looks which port is free, and takes it; others look meanwhile.
#[test]
fn nodes_that_start_at_the_same_moment_each_find_a_port() {
    let labs: Vec<Lab> = (0..8).map(|_| Lab::new()).collect();
    let start = |lab: &Lab| lab.start(&["--role", "light", "--new", "--no-mdns"])["port"].as_u64().unwrap();
    let mut ports: Vec<u64> = std::thread::scope(|scope| {
        let started: Vec<_> = labs.iter().map(|lab| scope.spawn(|| start(lab))).collect();
        started.into_iter().map(|node| node.join().unwrap()).collect()
    });
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), labs.len(), "{ports:?}");
}

#[test]
fn private_values_stand_in_no_process_list() {
    let lab = Lab::new();
    let told = ["--role", "light", "--no-mdns", "--data", "quiet=8675309", "--data=loud=8675310"];
    let uid = lab.start(&told)["uid"].as_str().unwrap().to_owned();
    for process in std::fs::read_dir("/proc").unwrap() {
        // A process may end while it is looked at.
        let arguments = std::fs::read(process.unwrap().path().join("cmdline")).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&arguments).contains("quiet=8675309"));
    }
    let remembered = || std::fs::read_to_string(lab.node(&uid).join("node.toml")).unwrap();
    assert!(remembered().contains("8675309") && remembered().contains("8675310"));
    lab.json(&["stop", "--node", &uid]).data();
    lab.start(&[&uid, "--data", "quiet="]);
    assert!(!remembered().contains("8675309") && remembered().contains("8675310"));
}

#[test]
fn a_wrong_swarm_key_keeps_strangers_out() {
    let lab = Lab::new();
    let (key, other) = (lab.home().join("a.key"), lab.home().join("b.key"));
    for file in [&key, &other] {
        lab.json(&["swarm-key", "new", file.to_str().unwrap()]).data();
    }
    let listen = ["--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0", "--new"];
    let inside = |role: &str, file: &std::path::Path, more: &[&str]| {
        lab.start(&[&["--role", role, "--swarm-key", file.to_str().unwrap()], &listen[..], more].concat())
    };
    let first = inside("heavy", &key, &[]);
    let bootstrap = first["addresses"][0].as_str().unwrap();
    let stranger = inside("light", &other, &["--bootstrap", bootstrap]);
    let friend = inside("light", &key, &["--bootstrap", bootstrap]);
    lab.wait_for_view(friend["uid"].as_str().unwrap(), 1, 1);
    let seen = lab.json(&["view", "--node", stranger["uid"].as_str().unwrap()]).data();
    assert_eq!((&seen["heavy"], &seen["light"]), (&0.into(), &1.into()));
    // QUIC has no place for the key; what does not start leaves nothing behind.
    assert!(!first["addresses"].to_string().contains("quic"));
    let nodes = || std::fs::read_dir(lab.home()).unwrap().count();
    let before = nodes();
    let quic = ["--listen", "/ip4/127.0.0.1/udp/0/quic-v1", "--swarm-key", key.to_str().unwrap()];
    let ran = lab.json(&[&["start", "--detach", "--new", "--role", "light", "--no-mdns"], &quic[..]].concat());
    assert_eq!((ran.error(1), nodes()), ("not_started".to_owned(), before));
}

#[test]
fn whoever_stops_waiting_is_told_how_to_see_the_result() {
    let lab = Lab::new();
    let uids = lab.network(&["1", "2", "4"], &OPEN);
    let said = lab.home().join("said");
    let asked = ["propose", "--node", &uids[3], "--prompt", "How many?", "--field", "n", "--statistic", "sum"];
    let mut waiting = lab
        .command(&[&asked[..], &["--deadline", "20s", "--wait"]].concat())
        .stderr(std::fs::File::create(&said).unwrap())
        .spawn()
        .unwrap();
    lab.until("it is announced", || std::fs::read_to_string(&said).unwrap().contains("announced"));
    lab::signal("-INT", waiting.id().try_into().unwrap());
    let status = lab::ends_within(&mut waiting, std::time::Duration::from_secs(5));
    let said = std::fs::read_to_string(&said).unwrap();
    assert_eq!(status.code(), Some(130), "{said}");
    let id = said.split_whitespace().find(|word| word.starts_with("COMP-")).unwrap();
    assert!(
        said.contains(&format!("{id} goes on without this command; see `formix-p2p result {id} --wait`")),
        "{said}"
    );
}
