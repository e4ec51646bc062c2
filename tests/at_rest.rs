//! What lies on the disk: while a computation runs nothing that can be read without its key, and after its end nothing;
//! and nothing that others on the machine can read.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod lab;
#[path = "secrets/search.rs"]
#[allow(dead_code)]
mod search;

#[path = "at_rest/files.rs"]
mod files;
#[path = "at_rest/identity.rs"]
mod identity;
#[path = "at_rest/shares.rs"]
mod shares;

use std::path::{Path, PathBuf};

/// Every file below a folder.
fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => files.extend(files_under(&entry.path())),
            kind if kind.is_file() => files.push(entry.path()),
            _ => {}
        }
    }
    files
}
