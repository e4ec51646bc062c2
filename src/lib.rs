//! Statistics over private data, peer to peer: light nodes own data, heavy nodes add up secret shares, and only
//! the total is ever seen.
//!
//! The table of contents, from the middle outwards. Imports run from the bottom of this list to the top, never
//! back; `docs/ARCHITECTURE.md` has the map.
//!
//! Under `--cfg fuzzing` signatures are stubs, and what would be a node is left out (docs/TESTING.md).

#[cfg(not(fuzzing))]
pub mod bench;
#[cfg(not(fuzzing))]
pub mod cli;
pub mod config;
pub mod consent;
pub mod control;
pub mod domain;
pub mod home;
#[cfg(not(fuzzing))]
pub mod network;
#[cfg(not(fuzzing))]
pub mod node;
pub mod protocol;
pub mod sharing;
pub mod sim;
pub mod sources;
pub mod statistics;
pub mod store;
pub mod telemetry;
pub mod wire;
