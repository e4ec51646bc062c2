//! Every kept input of the fuzzing runs, fed again to what it was made for: on a stable compiler, with real signatures.
//! `fuzz/corpus` has seeds and the best of what the first runs found; each file of `fuzz/regressions` once broke something.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

#[path = "../fuzz/src/targets/mod.rs"]
mod targets;

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use targets::TARGETS;

/// What all kept inputs together may have: they are part of every checkout.
const CORPUS_BYTES_MAX: u64 = 2 * 1024 * 1024;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(name)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Feeds every file of a target, and names the first that breaks it.
fn replay(target: &str) {
    let (_, feed) = TARGETS.iter().find(|(name, _)| *name == target).expect("a target");
    let corpus = files(&folder("corpus").join(target));
    assert!(!corpus.is_empty(), "{target} has no corpus");
    for file in corpus.into_iter().chain(files(&folder("regressions").join(target))) {
        let bytes = fs::read(&file).unwrap();
        assert!(catch_unwind(|| feed(&bytes)).is_ok(), "{} breaks {target}", file.display());
    }
}

macro_rules! replays {
    ($($target:ident)*) => {
        $(#[test]
        fn $target() {
            replay(stringify!($target));
        })*

        #[test]
        fn every_target_is_replayed_and_can_be_fuzzed() {
            let replayed = [$(stringify!($target)),*];
            assert_eq!(TARGETS.iter().map(|(name, _)| *name).collect::<Vec<_>>(), replayed);
            let fuzzed = files(&folder("fuzz_targets"));
            let fuzzed: Vec<_> = fuzzed.iter().map(|file| file.file_stem().unwrap().to_str().unwrap()).collect();
            assert_eq!(fuzzed, replayed);
            for kept in ["corpus", "regressions"] {
                for folder in files(&folder(kept)) {
                    let name = folder.file_name().unwrap().to_str().unwrap();
                    assert!(replayed.contains(&name), "{} is of no target", folder.display());
                }
            }
        }
    };
}

replays! {
    certificates config control csv decrees gossip json log machine messages numbers records schema tickets words
}

#[test]
fn the_corpus_is_small() {
    let kept = ["corpus", "regressions"].into_iter().flat_map(|kept| files(&folder(kept)));
    let bytes: u64 = kept.flat_map(|folder| files(&folder)).map(|file| fs::metadata(file).unwrap().len()).sum();
    assert!(bytes <= CORPUS_BYTES_MAX, "{bytes} bytes of corpus");
}
