//! Damaged store files: each opens with everything that was in it, or is refused by name, with the way out.

use std::ffi::OsString;
use std::fs;
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use formix_p2p::domain::PeerId;
use formix_p2p::store::{Change, KnownPeer, Store, StoreError};
use formix_p2p::wire::Record;
use serde_json::json;

use crate::net::{HEAVY, Net, VALUES, scratch};

const PAGE: usize = 4_096;
/// Where the file's header ends: the part that says which of two commits counts.
const HEADER: usize = 320;
/// The header's byte whose lowest bit says which of two commits counts, where their checksums are, and how long those are.
const COUNTS_AT: usize = 9;
const CHECKSUMS_AT: [usize; 2] = [64 + 112, 192 + 112];
const CHECKSUM: usize = 16;
/// Opening one file takes some milliseconds; a minute is a hang.
const HANG: Duration = Duration::from_secs(60);

/// A store as a killed node left it, and what is in it.
struct Sample {
    what: &'static str,
    owner: PeerId,
    bytes: Vec<u8>,
    keys: Vec<(OsString, Vec<u8>)>,
    /// What it may turn out to hold: the newest commit. Where the node died between the two phases of that one, also the
    /// commit before, since nothing that follows from the newest was told to anybody.
    contents: Vec<Content>,
}

#[derive(PartialEq)]
struct Content {
    records: Vec<Record>,
    peers: Vec<KnownPeer>,
}

/// What became of damaged files.
#[derive(Debug, Default)]
struct Tally {
    intact: usize,
    refused: usize,
    touched: usize,
    wrong: Vec<String>,
}

/// A generator that everybody can repeat: splitmix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.roll() % bound as u64).unwrap()
    }
}

/// Stores of a heavy and a light node that were killed, and of a heavy node that was stopped: three computations have
/// ended in them, and a fourth one runs.
fn samples() -> Vec<Sample> {
    let mut net = Net::new();
    net.sees(HEAVY, HEAVY as u64, VALUES.len() as u64);
    let ask = |sharing: &str, open_for: u64, net: &Net| {
        let question = json!({
            "prompt": "How many?", "statistic": "sum", "fields": ["n"], "heavy": [], "participants": [],
            "schema": r#"{"type":"number","minimum":0,"maximum":10}"#, "deadline_ms": open_for, "patience_ms": 20_000,
            "min_participants": 2, "sharing": sharing,
        });
        loop {
            let (status, body) = net.ask(HEAVY, "POST /computations", &question.to_string()).unwrap();
            let said: serde_json::Value = serde_json::from_slice(&body).unwrap();
            if status == 200 {
                return said["id"].as_str().unwrap().to_owned();
            }
            // On a busy machine a heavy node may be too late to accept.
            let busy = ["did not answer the proposal", "and can reach"];
            assert!(busy.iter().any(|words| said.to_string().contains(words)), "{said}");
        }
    };
    let ended = ["additive", "prio3", "threshold"].map(|sharing| ask(sharing, 6_000, &net));
    for id in &ended {
        for at in net.nodes() {
            net.end_of(at, id);
        }
    }
    let open = ask("threshold", 600_000, &net);
    for at in [0, 1] {
        net.until("every report is held", || {
            net.view_of(at, &open).filter(|view| view["participants"] == VALUES.len())
        });
    }
    net.until("it has answered", || {
        net.view_of(HEAVY + 1, &open).filter(|view| view["own_answer"] == "answered")
    });
    net.ask(1, "POST /stop", "").unwrap();
    net.kill(0);
    net.kill(HEAVY + 1);
    net.ended(1);
    let mut samples: Vec<_> = [("killed heavy", 0), ("stopped heavy", 1), ("killed light", HEAVY + 1)]
        .map(|(what, at)| {
            let (folder, owner) = (net.folder(at), net.peer(at));
            Sample::new(what, owner, fs::read(folder.join("node.redb")).unwrap(), keys_of(&folder)).unwrap()
        })
        .into();
    samples.push(samples[2].between_two_phases());
    samples
}

impl Sample {
    /// # Errors
    /// When the commit that the header names, or the newest one, cannot be read.
    fn new(
        what: &'static str,
        owner: PeerId,
        bytes: Vec<u8>,
        keys: Vec<(OsString, Vec<u8>)>,
    ) -> Result<Self, StoreError> {
        let mut sample = Self { what, owner, bytes, keys, contents: Vec::new() };
        let other = CHECKSUMS_AT[usize::from(sample.bytes[COUNTS_AT] & 1 == 0)];
        let mut named_alone = sample.bytes.clone();
        named_alone[other..other + CHECKSUM].fill(0);
        for bytes in [&sample.bytes, &named_alone] {
            let content = sample.content_of(bytes)?;
            assert!(content.records.len() > 10, "{what} has {} records", content.records.len());
            if !sample.contents.contains(&content) {
                sample.contents.push(content);
            }
        }
        Ok(sample)
    }

    /// The same node one commit later, killed before the header names that commit, which is on the disk.
    fn between_two_phases(&self) -> Self {
        let folder = scratch();
        let path = path_in(&folder);
        fs::write(&path, &self.bytes).unwrap();
        self.lay_keys(&path);
        let store = Store::open(&path, self.owner).unwrap();
        // When both phases are over, a commit may shorten the file, and what the one before it had at the end is gone: no
        // node is killed between two phases with such a file. Then another commit.
        let commits = store.load().unwrap().into_iter().rev().take(10);
        let mut samples = commits.filter_map(|record| {
            store.apply(&[Change::Erase(record.key())]).unwrap();
            let mut bytes = fs::read(&path).unwrap();
            bytes[COUNTS_AT] ^= 1;
            let sample = Self::new("killed between two phases", self.owner, bytes, self.keys.clone());
            sample.ok().filter(|sample| sample.contents.len() == 2)
        });
        samples.next().unwrap_or_else(|| panic!("none of ten commits leaves the one before it as it was"))
    }

    fn content_of(&self, bytes: &[u8]) -> Result<Content, StoreError> {
        let folder = scratch();
        let path = path_in(&folder);
        fs::write(&path, bytes).unwrap();
        self.lay_keys(&path);
        let store = Store::open(&path, self.owner)?;
        Ok(Content { records: store.load()?, peers: store.known_peers() })
    }

    /// Puts the keys of its rows beside a copy.
    fn lay_keys(&self, path: &Path) {
        let folder = path.with_file_name("keys");
        // What the sample before has left, if there was one.
        fs::remove_dir_all(&folder).ok();
        fs::create_dir(&folder).unwrap();
        for (name, key) in &self.keys {
            fs::write(folder.join(name), key).unwrap();
        }
    }

    /// Damages a copy and opens it, twice if it opens.
    fn try_damaged(&self, path: &Path, damage: &Damage, tally: &mut Tally) {
        let damaged = damage.applied_to(&self.bytes);
        fs::write(path, &damaged).unwrap();
        self.lay_keys(path);
        let mut complain = |what: String| tally.wrong.push(format!("{}, {damage:?}: {what}", self.what));
        let mut refused = 0;
        // The first opening may mend the bookkeeping, so the second one sees another file.
        for _ in 0..2 {
            let opened = Store::open(path, self.owner)
                .and_then(|store| Ok(Content { records: store.load()?, peers: store.known_peers() }));
            match opened {
                Ok(content) if self.contents.contains(&content) => {}
                Ok(Content { records, peers }) => {
                    let newest = &self.contents[0];
                    return complain(format!(
                        "{} records instead of {}, {} peers instead of {}",
                        records.len(),
                        newest.records.len(),
                        peers.len(),
                        newest.peers.len()
                    ));
                }
                Err(refusal @ StoreError::Damaged { .. }) => {
                    let (told, hint) = (refusal.to_string(), refusal.hint());
                    if !told.contains("node.redb") || !hint.contains("backup") || !hint.contains("mv ") {
                        complain(format!("{told}; {hint}"));
                    }
                    refused += 1;
                }
                Err(other) => return complain(other.to_string()),
            }
        }
        match refused {
            0 => tally.intact += 1,
            2 => {
                tally.refused += 1;
                tally.touched += usize::from(fs::read(path).unwrap() != damaged);
            }
            _ => complain("refused once, and once not".to_owned()),
        }
    }
}

/// What is done to a file.
#[derive(Clone, Debug)]
enum Damage {
    /// These bits of these bytes are flipped.
    Flipped(Vec<(usize, u8)>),
    /// This much is left.
    Truncated(usize),
    /// This page is zeros.
    Zeroed(usize),
    /// This page holds what belongs into that one.
    Misplaced { page: usize, from: usize },
    /// So many bytes of rubbish from here on.
    Overwritten { from: usize, bytes: usize, seed: u64 },
}

impl Damage {
    fn random(dice: &mut Dice, length: usize) -> Self {
        let pages = length / PAGE;
        match dice.below(20) {
            0..9 => Self::Flipped(vec![bit(dice, length)]),
            9..12 => Self::Flipped((0..2 + dice.below(7)).map(|_| bit(dice, length)).collect()),
            12..14 => Self::Flipped(vec![bit(dice, HEADER)]),
            14 => Self::Truncated(dice.below(length)),
            15 => Self::Truncated(dice.below(pages) * PAGE),
            16 => Self::Zeroed(dice.below(pages)),
            17 => Self::Misplaced { page: dice.below(pages), from: dice.below(pages) },
            _ => {
                let from = dice.below(length);
                Self::Overwritten { from, bytes: 1 + dice.below(64.min(length - from)), seed: dice.roll() }
            }
        }
    }

    fn applied_to(&self, whole: &[u8]) -> Vec<u8> {
        let mut bytes = whole.to_vec();
        let page = |at: usize| at * PAGE..(at + 1) * PAGE;
        match self {
            Self::Flipped(bits) => bits.iter().for_each(|(at, bit)| bytes[*at] ^= bit),
            Self::Truncated(kept) => bytes.truncate(*kept),
            Self::Zeroed(at) => bytes[page(*at)].fill(0),
            Self::Misplaced { page: to, from } => bytes[page(*to)].copy_from_slice(&whole[page(*from)]),
            Self::Overwritten { from, bytes: count, seed } => {
                let mut dice = Dice(*seed);
                bytes[*from..from + count].fill_with(|| dice.roll().to_le_bytes()[0]);
            }
        }
        bytes
    }
}

fn bit(dice: &mut Dice, below: usize) -> (usize, u8) {
    (dice.below(below), 1 << dice.below(8))
}

/// The keys of a store's rows, by their names.
fn keys_of(folder: &Path) -> Vec<(OsString, Vec<u8>)> {
    let keys = fs::read_dir(folder.join("keys")).unwrap().map(|key| key.unwrap());
    keys.map(|key| (key.file_name(), fs::read(key.path()).unwrap())).collect()
}

fn path_in(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("node.redb")
}

/// redb panics at many a damaged page, and [`Store::open`] makes a refusal of it: here that is no news, and thousands of
/// such reports hide the one that counts.
fn redb_panics_in_silence() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |news| {
            if !news.location().is_some_and(|at| at.file().contains("/redb-")) {
                before(news);
            }
        }));
    });
}

/// Tries so many kinds of damage, from a seed, on two threads, and fails if one of them takes too long.
fn tried(samples: &[Sample], damages: &[(usize, Damage)]) -> Tally {
    let progress = AtomicU64::new(0);
    let (tell, told) = sync_channel(2);
    std::thread::scope(|scope| {
        for half in 0..2 {
            let (tell, progress) = (tell.clone(), &progress);
            scope.spawn(move || {
                let (folder, mut tally) = (scratch(), Tally::default());
                for (sample, damage) in damages.iter().skip(half).step_by(2) {
                    samples[*sample].try_damaged(&path_in(&folder), damage, &mut tally);
                    progress.fetch_add(1, Ordering::Relaxed);
                }
                tell.send(tally).unwrap();
            });
        }
        let mut sum = Tally::default();
        for _ in 0..2 {
            let half = loop {
                let before = progress.load(Ordering::Relaxed);
                match told.recv_timeout(HANG) {
                    Ok(half) => break half,
                    Err(_) if progress.load(Ordering::Relaxed) == before => {
                        eprintln!("an opening hangs, after {before} others");
                        std::process::abort();
                    }
                    Err(_) => {}
                }
            };
            sum.intact += half.intact;
            sum.refused += half.refused;
            sum.touched += half.touched;
            sum.wrong.extend(half.wrong);
        }
        sum
    })
}

fn random_damages(samples: &[Sample], count: usize) -> Vec<(usize, Damage)> {
    let mut dice = Dice(2_026);
    let draw = |_| {
        let sample = dice.below(samples.len());
        (sample, Damage::random(&mut dice, samples[sample].bytes.len()))
    };
    (0..count).map(draw).collect()
}

fn judge(samples: &[Sample], damages: &[(usize, Damage)]) {
    redb_panics_in_silence();
    let begun = Instant::now();
    let tally = tried(samples, damages);
    let sizes: Vec<_> =
        samples.iter().map(|one| (one.what, one.bytes.len(), one.contents[0].records.len())).collect();
    eprintln!(
        "{} damaged files of {sizes:?} in {} ms: {} intact, {} refused ({} of them not byte for byte as before)",
        damages.len(),
        begun.elapsed().as_millis(),
        tally.intact,
        tally.refused,
        tally.touched
    );
    assert!(
        tally.wrong.is_empty(),
        "{} wrong: {:#?}",
        tally.wrong.len(),
        &tally.wrong[..tally.wrong.len().min(40)]
    );
    assert!(tally.refused > 0 && tally.intact > 0);
}

#[test]
fn damaged_stores_are_intact_or_refused_by_name() {
    let samples = samples();
    judge(&samples, &random_damages(&samples, 600));
}

/// Every bit of the header, and every value of the byte that says which commit counts.
#[test]
#[ignore = "takes a while; `.ci/run` runs it"]
fn ten_thousand_damaged_stores_and_every_bit_of_the_header() {
    let samples = samples();
    let mut damages = random_damages(&samples, 10_000);
    for sample in 0..samples.len() {
        let bits = (0..HEADER).flat_map(|at| (0..8).map(move |bit| (at, 1_u8 << bit)));
        damages.extend(bits.map(|bit| (sample, Damage::Flipped(vec![bit]))));
        damages.extend((1..=u8::MAX).map(|flips| (sample, Damage::Flipped(vec![(9, flips)]))));
    }
    judge(&samples, &damages);
}
