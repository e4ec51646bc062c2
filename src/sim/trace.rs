//! The story of a run: one line for everything that happens, hashed as it grows, so that the same seed twice can be
//! compared byte for byte.

use std::collections::VecDeque;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::domain::Digest;

/// Lines that a violation shows.
const RECENT_LINES: usize = 50;

/// Whether the whole story is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Nothing: for millions of runs, of which one that breaks is run again.
    Nothing,
    /// Only the hash and the last lines: for many runs.
    Recent,
    /// All of it: for one run that a person reads.
    Everything,
}

/// The story so far.
#[derive(Debug)]
pub(super) struct Trace {
    keep: Keep,
    hasher: Sha256,
    recent: VecDeque<String>,
    story: String,
}

impl Trace {
    pub fn new(keep: Keep) -> Self {
        Self { keep, hasher: Sha256::new(), recent: VecDeque::new(), story: String::new() }
    }

    /// Adds a line, at `now` milliseconds from the beginning.
    pub fn line(&mut self, now: u64, text: std::fmt::Arguments<'_>) {
        if self.keep == Keep::Nothing {
            return;
        }
        // The oldest line's memory serves the newest one.
        let full = self.recent.len() >= RECENT_LINES;
        let mut line = if full { self.recent.pop_front().unwrap_or_default() } else { String::new() };
        line.clear();
        // Writing to a String cannot fail.
        let _ = writeln!(line, "{:>4}.{:03} {text}", now / 1_000, now % 1_000);
        self.hasher.update(line.as_bytes());
        if self.keep == Keep::Everything {
            self.story.push_str(&line);
        }
        self.recent.push_back(line);
    }

    /// Adds bytes to the hash that are no story: the contents of stores.
    pub fn absorb(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
    }

    /// The last lines, or all where all are kept.
    pub fn recent(&self) -> String {
        if self.keep == Keep::Everything {
            return self.story.clone();
        }
        self.recent.iter().map(String::as_str).collect()
    }

    /// The hash of everything, and the story if it was kept.
    pub fn finish(self) -> (Digest, String) {
        (Digest::from_bytes(self.hasher.finalize().into()), self.story)
    }
}
