//! What libFuzzer runs: a target, and the watch over the memory that it takes.
//!
//! The targets themselves stand in `targets/`, which `tests/corpus.rs` of the product compiles too.

pub mod memory;
pub mod targets;

/// Runs a target on these bytes, and takes note of the memory.
pub fn run(feed: fn(&[u8]), bytes: &[u8]) {
    let before = memory::mark();
    feed(bytes);
    memory::check(before, bytes.len());
}
