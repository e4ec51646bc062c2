//! What is fuzzed, a file a target. Each takes any bytes at all, and asserts more than that nothing panics.
//!
//! Compiled twice: for `cargo fuzz`, and into `tests/corpus.rs`, which feeds every kept input on a stable compiler.

pub mod certificates;
pub mod config;
pub mod control;
pub mod csv;
pub mod decrees;
pub mod gossip;
pub mod json;
pub mod log;
pub mod machine;
pub mod messages;
pub mod numbers;
pub mod questions;
pub mod records;
pub mod schema;
pub mod tickets;
pub mod words;

use std::fmt::Display;

/// A target, and what takes its bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target, by the name of its corpus.
pub const TARGETS: &[Target] = &[
    ("certificates", certificates::feed),
    ("config", config::feed),
    ("control", control::feed),
    ("csv", csv::feed),
    ("decrees", decrees::feed),
    ("gossip", gossip::feed),
    ("json", json::feed),
    ("log", log::feed),
    ("machine", machine::feed),
    ("messages", messages::feed),
    ("numbers", numbers::feed),
    ("records", records::feed),
    ("schema", schema::feed),
    ("tickets", tickets::feed),
    ("words", words::feed),
];

/// A private value that no error may show. Seeds hold it, and so does what is made of them.
pub const CANARY: &str = "8675309";
/// What an error about somebody else's bytes may have: it goes into a log, and a log is not for a stranger to fill.
const ERROR_BYTES_MAX: usize = 512;

/// Asserts that an error about a stranger's bytes is short.
pub fn is_short(error: &impl Display) {
    let shown = error.to_string();
    assert!(shown.len() <= ERROR_BYTES_MAX, "an error of {} bytes: {shown:.200}", shown.len());
}

/// Asserts that an error about private data does not show them.
pub fn is_discreet(error: &impl Display) {
    let shown = error.to_string();
    assert!(!shown.contains(CANARY), "a private value is shown: {shown}");
}
