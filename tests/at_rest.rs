//! What lies on the disk: while a computation runs nothing that can be read without its key, and after its end nothing.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "at_rest/cost.rs"]
mod cost;
