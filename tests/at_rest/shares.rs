//! A computation with real processes, and then every byte that they have left on the disk.

use std::path::Path;

use formix_p2p::domain::PeerId;
use formix_p2p::store::Store;
use formix_p2p::wire::{Dealt, Record, Submission, to_bytes};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use crate::files_under;
use crate::lab::Lab;
use crate::search::{Canary, Search};

/// What owners answer by hand, so that it stands in no settings.
const TYPED: [&str; 3] = ["6491827305", "9157302846", "3072849165"];
const SCHEMA: &str = r#"{"type":"number","minimum":0,"maximum":9999999999}"#;

fn uids(lab: &Lab) -> Vec<String> {
    let listen = ["--new", "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"];
    let uid = |node: serde_json::Value| node["uid"].as_str().unwrap().to_owned();
    let first = lab.start(&[&["--role", "heavy"], &listen[..]].concat());
    let bootstrap = first["addresses"][0].as_str().unwrap().to_owned();
    let mut uids = vec![uid(first)];
    for role in ["heavy", "heavy", "light", "light", "light"] {
        let told = [&["--role", role, "--bootstrap", &bootstrap], &listen[..]].concat();
        uids.push(uid(lab.start(&told)));
    }
    lab.wait_for_view(&uids[5], 3, 3);
    uids
}

/// Asks, and every owner answers.
fn ask(lab: &Lab, uids: &[String], sharing: &[&str]) -> String {
    let question =
        ["propose", "--prompt", "How many?", "--field", "n", "--statistic", "sum", "--schema", SCHEMA];
    let more = ["--deadline", "15s", "--node", &uids[0]];
    let id = lab.json(&[&question[..], &more, sharing].concat()).data()["id"].as_str().unwrap().to_owned();
    for (uid, value) in uids[3..].iter().zip(TYPED) {
        lab.wait_for(uid, &id, "the question waits", |view| view["own_answer"] == "waiting");
        lab.json(&["answer", &id, value, "--node", uid]).data();
    }
    for uid in &uids[..3] {
        lab.wait_for(uid, &id, "every report is held", |view| view["participants"] == 3);
    }
    id
}

/// What a node remembers in this moment, read with its keys from a copy of its folder.
fn remembered(lab: &Lab, uid: &str) -> Vec<Record> {
    let peer: PeerId = lab.json(&["id", "--node", uid]).data()["peer_id"].as_str().unwrap().parse().unwrap();
    let mut records = Vec::new();
    // A copy that a commit came in between of is none.
    lab.until("a copy can be read", || {
        let copy = tempfile::tempdir().unwrap();
        std::fs::create_dir(copy.path().join("keys")).unwrap();
        for file in files_under(lab.node(uid).as_path()) {
            let name = file.strip_prefix(lab.node(uid)).unwrap();
            if name.starts_with("keys") || name == Path::new("node.redb") {
                std::fs::copy(&file, copy.path().join(name)).unwrap();
            }
        }
        let store = Store::open(&copy.path().join("node.redb"), peer);
        let read = store.and_then(|store| {
            assert_eq!(store.lost(), []);
            store.load()
        });
        read.is_ok_and(|read| {
            records = read;
            true
        })
    });
    records
}

/// Everything in these records that must not be read, with what it is.
fn secrets(records: &[Record]) -> Vec<Canary> {
    let mut secrets = Vec::new();
    let mut take = |what: &str, bytes: &[u8]| {
        // Shorter ones are found by chance.
        if bytes.len() >= 8 {
            secrets.push(Canary::bytes(what.to_owned(), bytes, &[]));
        }
    };
    for record in records {
        match record {
            Record::Report(submissions) => {
                for Submission { share, blind, .. } in submissions {
                    take("a share of an own report", share.expose());
                    take("the blind of an own share", blind.expose());
                }
            }
            Record::Held(Submission { share, blind, .. }) => {
                take("a held share", share.expose());
                take("the blind of a held share", blind.expose());
            }
            Record::Accepted { rho, blind, dealt, .. } => {
                take("rho", rho.expose());
                take("the blind of rho", blind.expose());
                for part in dealt.iter().flat_map(|Dealt { rho, noise, .. }| rho.iter().chain(noise)) {
                    take("a dealt share", part.share.expose());
                }
            }
            Record::Dealing { rho, noise, .. } => {
                take("rho", rho.expose());
                for part in noise {
                    take("a share of noise", part.share.expose());
                }
            }
            _ => {}
        }
    }
    secrets
}

fn found_in(folders: &[&Path], canaries: &[Canary]) -> Vec<String> {
    let search = Search::new(canaries);
    let mut found = Vec::new();
    for file in folders.iter().flat_map(|folder| files_under(folder)) {
        // A key that is destroyed in this moment.
        let Ok(bytes) = std::fs::read(&file) else { continue };
        let here = search.found_in(&bytes);
        found.extend(here.iter().map(|number| format!("{} in {}", canaries[*number].what, file.display())));
    }
    found
}

/// A store that writes the same records as they are, and erases them: what there would be without sealing.
fn unsealed(folder: &Path, records: &[Record]) {
    const TABLE: TableDefinition<u64, &[u8]> = TableDefinition::new("rows");
    let database = Database::create(folder.join("node.redb")).unwrap();
    let write = database.begin_write().unwrap();
    for (number, record) in (0..).zip(records) {
        write.open_table(TABLE).unwrap().insert(number, to_bytes(record).as_slice()).unwrap();
    }
    write.commit().unwrap();
    let write = database.begin_write().unwrap();
    write.open_table(TABLE).unwrap().retain(|_, _| false).unwrap();
    write.commit().unwrap();
    assert_eq!(database.begin_read().unwrap().open_table(TABLE).unwrap().iter().unwrap().count(), 0);
}

fn nothing_is_left(sharing: &[&str]) {
    let mut lab = Lab::new();
    lab.log_level("debug");
    let uids = uids(&lab);
    let id = ask(&lab, &uids, sharing);
    let records: Vec<_> = uids.iter().flat_map(|uid| remembered(&lab, uid)).collect();
    let mut canaries = secrets(&records);
    for what in ["a share of an own report", "a held share", "rho"] {
        // Three of each kind of share at three nodes, one rho a heavy node.
        let count = canaries.iter().filter(|canary| canary.what == what).count();
        assert!(count >= if what == "rho" { 3 } else { 9 }, "{count} of {what}");
    }
    canaries.extend(TYPED.map(|value| Canary::number(value, &[])));
    let folders: Vec<_> = uids.iter().map(|uid| lab.node(uid)).collect();
    let folders: Vec<&Path> = folders.iter().map(AsRef::as_ref).collect();
    assert_eq!(found_in(&folders, &canaries), Vec::<String>::new(), "while it runs");
    let result = lab.json(&["result", &id, "--wait", "--node", &uids[3]]).data();
    let sum: i64 = TYPED.iter().map(|value| value.parse::<i64>().unwrap()).sum();
    assert_eq!(result["sum"].as_i64(), Some(sum));
    for uid in &uids {
        lab.wait_for(uid, &id, "it knows the end", |view| view["status"] == "completed");
        lab.until("its keys are destroyed", || files_under(&lab.node(uid).join("keys")).is_empty());
    }
    assert_eq!(found_in(&folders, &canaries), Vec::<String>::new(), "after the end");
    for uid in &uids {
        lab.json(&["stop", uid]).data();
    }
    assert_eq!(found_in(&folders, &canaries), Vec::<String>::new(), "after the nodes were stopped");
    // The search finds all of it where rows are not sealed: it can fail.
    let other = tempfile::tempdir().unwrap();
    unsealed(other.path(), &records);
    let found = found_in(&[other.path()], &canaries);
    let bytes = canaries.len() - TYPED.len();
    // redb writes its own bookkeeping over a page or two.
    assert!(found.len() > bytes / 2, "{} of {bytes}: {found:#?}", found.len());
}

#[test]
fn nothing_of_a_computation_is_left_under_additive_sharing() {
    nothing_is_left(&["--sharing", "additive"]);
}

#[test]
fn nothing_of_a_computation_is_left_under_prio3() {
    nothing_is_left(&[]);
}

#[test]
fn nothing_of_a_computation_is_left_under_threshold() {
    nothing_is_left(&["--threshold", "2"]);
}

#[test]
fn a_lost_key_ends_its_computation_by_name_and_no_other() {
    let lab = Lab::new();
    let uids = lab.network(&["1", "2", "4"], &["--policy", "open"]);
    let (lost, other) = (lab.propose(&uids[3], "15s"), lab.propose(&uids[4], "15s"));
    for id in [&lost, &other] {
        for uid in &uids[..3] {
            lab.wait_for(uid, id, "every report is held", |view| view["participants"] == 3);
        }
    }
    let log = |uid: &str| std::fs::read_to_string(lab.node(uid).join("logs.log")).unwrap();
    // A heavy node and a light one lose the key of the same computation.
    for uid in [&uids[0], &uids[5]] {
        lab.kill(uid);
    }
    for uid in [&uids[0], &uids[5]] {
        let keys = files_under(&lab.node(uid).join("keys"));
        assert_eq!(keys.len(), 2, "{keys:?}");
        let of_lost = keys.iter().find(|key| names(key, &lab.node(uid), &lost)).unwrap();
        std::fs::remove_file(of_lost).unwrap();
        lab.json(&["start", uid, "--detach"]).data();
        let log = log(uid);
        let line = log.lines().find(|line| line.contains("the key of computation")).unwrap();
        assert!(line.contains("is missing") && line.contains(&lost) && line.contains("ERROR"), "{line}");
        assert!(line.contains("memory lost"), "{line}");
        assert!(!log.lines().any(|line| line.contains("the key of") && line.contains(&other)));
    }
    let failed = lab.json(&["result", &lost, "--wait", "--node", &uids[3]]);
    assert!(failed.error(4).contains("failed") && failed.message().contains("memory"), "{failed:?}");
    let result = lab.json(&["result", &other, "--wait", "--node", &uids[3]]).data();
    assert_eq!((&result["sum"], &result["participants"]), (&7.into(), &3.into()));
    lab.wait_for(&uids[5], &lost, "the light node hears of it", |view| view["status"] == "failed");
    assert_eq!(lab.computation(&uids[5], &lost).unwrap()["own_answer"], "answered");
}

/// Whether a key file is of the computation with this name.
fn names(key: &Path, node: &Path, computation: &str) -> bool {
    let digits = key.file_name().unwrap().to_str().unwrap();
    let bytes: [u8; 32] = data_encoding::HEXLOWER.decode(digits.as_bytes()).unwrap().try_into().unwrap();
    let id = formix_p2p::domain::ComputationId::from_digest(formix_p2p::domain::Digest::from_bytes(bytes));
    assert!(key.starts_with(node));
    id.to_string() == computation
}
