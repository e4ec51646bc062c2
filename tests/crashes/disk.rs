//! A disk that is full or fills up: what cannot be written is named, nothing is lost, and it goes on when there is room.
//! Each disk is a small one in memory, which takes root to mount.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::lab::Lab;
use crate::net::{HEAVY, Net, VALUES};

const KIB: u64 = 1_024;
/// Room for a node and some computations.
const DISK_KIB: u64 = 8 * KIB;
const FILLER: &str = "filler";

/// A small disk, unmounted when it goes.
struct Disk {
    path: PathBuf,
}

impl Disk {
    /// `None` where this process may not mount.
    fn mount(path: &Path) -> Option<Self> {
        let size = format!("size={DISK_KIB}k,mode=700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(path).output();
        if mounted.is_ok_and(|ran| ran.status.success()) {
            return Some(Self { path: path.to_owned() });
        }
        // Said also where the test passes.
        let mut said = std::io::stderr();
        writeln!(said, "NOT RUN: small disks in memory take root").unwrap();
        None
    }

    fn free_bytes(&self) -> u64 {
        let free = rustix::fs::statvfs(&self.path).unwrap();
        free.f_bavail * free.f_frsize
    }

    /// Leaves this much room, or less where a node that runs takes of it meanwhile; takes again what it gives back.
    fn fill(&self, leave: u64) {
        self.make_room();
        let mut filler = fs::File::create(self.path.join(FILLER)).unwrap();
        while let taken @ 1.. = self.free_bytes().saturating_sub(leave) {
            match filler.write_all(&vec![1; usize::try_from(taken).unwrap()]) {
                // The node was faster: nothing is left to take.
                Err(full) if full.kind() == ErrorKind::StorageFull => break,
                written => written.unwrap(),
            }
        }
    }

    fn make_room(&self) {
        let _ = fs::remove_file(self.path.join(FILLER));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.path).status();
    }
}

fn start(lab: &Lab, disk: &Disk, which: &[&str]) -> (i32, Value) {
    let listen = ["start", "--detach", "--json", "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"];
    let mut command = lab.command(&[&listen[..], which].concat());
    let output = command.env("FORMIX_HOME", &disk.path).output().unwrap();
    let said = serde_json::from_slice(&output.stdout).unwrap();
    (output.status.code().unwrap(), said)
}

/// The refusal names a file on this disk, says that it is full, and that room helps.
#[track_caller]
fn names_the_full_disk(said: &Value, disk: &Disk) {
    let error = |key: &str| said["error"][key].as_str().unwrap_or_default().to_owned();
    assert!(error("message").contains(disk.path.to_str().unwrap()), "{said}");
    assert!(error("message").contains("No space left"), "{said}");
    assert!(error("hint").contains("free space"), "{said}");
}

fn nodes_on(disk: &Disk) -> Vec<String> {
    let entries = fs::read_dir(&disk.path).unwrap().map(|entry| entry.unwrap().file_name());
    entries.map(|name| name.to_string_lossy().into_owned()).filter(|name| name != FILLER).collect()
}

fn stop(lab: &Lab, disk: &Disk, uid: &str) {
    let status = lab.command(&["stop", uid, "--json"]).env("FORMIX_HOME", &disk.path).output().unwrap().status;
    assert!(status.success());
}

#[test]
fn a_new_node_on_a_full_disk_is_refused_by_name_and_leaves_nothing_behind() {
    let lab = Lab::new();
    let Some(disk) = Disk::mount(lab.home()) else { return };
    let mut refused = 0;
    // From no room at all to the first start that works: each write has its turn to fail.
    for leave in (0..).map(|pages| pages * 8 * KIB) {
        disk.fill(leave);
        let (code, said) = start(&lab, &disk, &["--role", "heavy", "--new"]);
        if code == 0 {
            let uid = said["data"]["uid"].as_str().unwrap();
            stop(&lab, &disk, uid);
            break;
        }
        names_the_full_disk(&said, &disk);
        assert_eq!(nodes_on(&disk), [""; 0], "with {leave} bytes: {said}");
        refused += 1;
    }
    assert!(refused > 3, "{refused}");
}

#[test]
fn a_node_that_exists_is_the_same_after_a_start_on_a_full_disk() {
    let lab = Lab::new();
    let Some(disk) = Disk::mount(lab.home()) else { return };
    let (code, said) = start(&lab, &disk, &["--role", "light", "--new", "--data", "n=7"]);
    assert_eq!(code, 0, "{said}");
    let uid = said["data"]["uid"].as_str().unwrap().to_owned();
    stop(&lab, &disk, &uid);
    let kept = || ["identity.key", "node.toml"].map(|name| fs::read(disk.path.join(&uid).join(name)).unwrap());
    let before = kept();
    let mut refused = 0;
    for leave in [0, 4 * KIB, 64 * KIB] {
        disk.fill(leave);
        // Something new to remember, so that the settings are written.
        let (code, said) = start(&lab, &disk, &[&uid, "--name", &format!("ward-{leave}")]);
        if code == 0 {
            stop(&lab, &disk, &uid);
            continue;
        }
        names_the_full_disk(&said, &disk);
        assert!(kept() == before, "with {leave} bytes: a file was changed");
        assert_eq!(nodes_on(&disk), std::slice::from_ref(&uid));
        refused += 1;
    }
    assert!(refused > 0, "there was room each time");
    disk.make_room();
    let (code, said) = start(&lab, &disk, &[&uid]);
    assert_eq!((code, said["data"]["uid"].as_str()), (0, Some(uid.as_str())), "{said}");
    stop(&lab, &disk, &uid);
    assert_eq!(kept()[0], before[0]);
}

#[test]
fn a_disk_that_fills_up_stops_the_node_and_nothing_is_lost() {
    stops_and_loses_nothing(&[0, 16 * KIB, 64 * KIB, 160 * KIB]);
}

/// With two pages more room each time, so that each write has its turn to be the one that fails.
#[test]
#[ignore = "takes minutes; `.ci/run` runs it"]
fn a_disk_that_fills_up_at_any_write_stops_the_node_and_nothing_is_lost() {
    stops_and_loses_nothing(&(0..21).map(|pages| pages * 8 * KIB).collect::<Vec<_>>());
}

/// A heavy and a light node in turn run out of room in the middle of computations.
fn stops_and_loses_nothing(rooms: &[u64]) {
    for victim in [1, HEAVY + 2] {
        // Dropped after the network that uses it.
        let disk;
        let mut net = Net::new();
        match onto_a_small_disk(&mut net, victim) {
            Some(mounted) => disk = mounted,
            None => return,
        }
        let ended: usize = rooms.iter().map(|leave| fills_up(&mut net, victim, &disk, *leave)).sum();
        assert!(ended > 0, "nothing was computed while it ran out of room");
        net.leave();
        let records = crate::remembered::records_in(&net.folder(victim), net.peer(victim));
        crate::remembered::nothing_is_left_behind(&records, "who ran out of room");
    }
}

/// Moves a node's folder.
fn onto_a_small_disk(net: &mut Net, at: usize) -> Option<Disk> {
    net.kill(at);
    let (folder, aside) = (net.folder(at), net.lab.home().join("aside"));
    fs::rename(&folder, &aside).unwrap();
    fs::create_dir(&folder).unwrap();
    let disk = Disk::mount(&folder);
    let copied = Command::new("cp").arg("-a").arg(aside.join(".")).arg(&folder).status().unwrap();
    assert!(copied.success());
    fs::remove_dir_all(&aside).unwrap();
    assert!(net.start(at, None));
    disk
}

/// Leaves little room, asks until the node cannot go on, makes room, and reads every result. How many there were.
fn fills_up(net: &mut Net, victim: usize, disk: &Disk, leave: u64) -> usize {
    for at in [victim, HEAVY] {
        net.sees(at, HEAVY as u64, 0);
    }
    disk.fill(leave);
    let mut asked = Vec::new();
    while net.runs(victim) && asked.len() < 64 {
        let everybody: Vec<String> = (HEAVY..HEAVY + VALUES.len()).map(|at| net.peer(at).to_string()).collect();
        let question = json!({
            "prompt": "x".repeat(400), "statistic": "sum", "fields": ["n"], "schema": null, "heavy": [],
            "participants": everybody, "deadline_ms": 60_000, "patience_ms": 30_000, "min_participants": 3,
        });
        // Whoever cannot be reached any more is named.
        let (status, body) = net.ask(HEAVY, "POST /computations", &question.to_string()).unwrap();
        let said: Value = serde_json::from_slice(&body).unwrap();
        if status == 200 {
            asked.push(said["id"].as_str().unwrap().to_owned());
        }
    }
    let (code, said) = net.broke_down(victim);
    assert_eq!(code, Some(1), "{said}");
    let error = said.lines().last().unwrap_or_default();
    for part in ["node_broke_down", "No space left", "free space"] {
        assert!(error.contains(part), "`{part}` is not in {said}");
    }
    assert!(error.contains("node.redb") || error.contains("/keys/"), "no file is named in {said}");
    disk.make_room();
    assert!(net.start(victim, None), "with room again it does not start");
    for id in &asked {
        let ends: Vec<Value> = net.nodes().map(|at| net.end_of(at, id)).collect();
        for end in &ends {
            assert_eq!(end["status"], "completed", "{end}");
            assert_eq!((&end["result"]["sum"], &end["result"]["participants"]), (&7.into(), &3.into()));
        }
    }
    asked.len()
}
