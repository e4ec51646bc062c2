//! The main proof: whole networks from one seed, with delay, loss, crashes and cheats, against the invariants.
//!
//! `FORMIX_SEEDS=10000 FORMIX_FIRST_SEED=0 cargo test --test simulator many_seeds` runs more of them;
//! `FORMIX_SEED=123 cargo test --test simulator one_seed -- --nocapture` shows one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod cheats;
mod directed;
mod invitations;
mod many;
mod names;
mod proofs;
mod seeds;
mod threshold;
