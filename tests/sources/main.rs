//! Sources of private data: what is read is what stands there, and what cannot be read is named by file, column, line and
//! rule, never by value.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod command;
mod commands_of_cli;
mod database;
#[path = "../lab/mod.rs"]
mod lab;
mod network;
mod speed;
mod table;
mod together;

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use formix_p2p::domain::Cell;
use formix_p2p::sources::{Declaration, ReadSummary, SourceError, Sources};

/// Stands for a private value that no error may repeat.
const CANARY: &str = "8675309";

/// A folder with sources in it.
struct Folder(tempfile::TempDir);

/// Every row that was handed over, `None` for a missing value.
type Rows = Vec<Vec<Option<String>>>;

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.path(name), content).unwrap();
        self.path(name)
    }

    /// Sources as they are declared under `[[source]]`, each of these texts one.
    fn declare(&self, declared: &[&str]) -> Sources {
        let parse = |text: &&str| toml::from_str::<Declaration>(text).unwrap().based_on(self.0.path());
        Sources::new([], declared.iter().map(parse))
    }

    /// Everything that one source says about these fields.
    fn read(&self, declared: &str, fields: &[&str]) -> Result<(Rows, ReadSummary), SourceError> {
        let read = read(&self.declare(&[declared]), fields);
        if let Err(error) = &read {
            let shown = format!("{error} {error:?} {}", error.hint());
            assert!(!shown.contains(CANARY), "{shown}");
            assert!(!error.hint().is_empty());
        }
        read
    }

    /// The rows alone.
    fn rows(&self, declared: &str, fields: &[&str]) -> Rows {
        self.read(declared, fields).unwrap().0
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn read(sources: &Sources, fields: &[&str]) -> Result<(Rows, ReadSummary), SourceError> {
    let mut rows = Vec::new();
    let summary = sources.read(fields, soon(), &mut |cells| {
        assert_eq!(cells.len(), fields.len());
        let text = |cell: &Cell<'_>| match cell {
            Cell::Missing => None,
            Cell::Text(text) => Some((*text).to_owned()),
        };
        rows.push(cells.iter().map(text).collect());
        ControlFlow::Continue(())
    })?;
    assert_eq!(rows.len() as u64 + summary.broken, summary.rows);
    Ok((rows, summary))
}

/// One column as text; `·` for a missing value.
fn column(rows: &Rows) -> String {
    let texts: Vec<_> = rows.iter().map(|row| row[0].as_deref().unwrap_or("·")).collect();
    texts.join(" ")
}

/// A pipe that nobody writes to.
fn pipe(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}
