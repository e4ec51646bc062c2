//! A seeded virtual network that runs many protocol machines in one thread and in virtual time.
//!
//! From one number everything follows: the nodes, the questions, the weather on the network, who crashes between
//! which two actions, and who cheats. Every action of an honest node is checked against the invariants of
//! docs/PROTOCOL.md when it happens; a [`Violation`] names the seed, and the same seed gives the same run, byte for
//! byte.
//!
//! * `scenario`, `draw`: what a run consists of, by hand or from a seed.
//! * `network`, `machine`: what lies between nodes, and what lies around each.
//! * `records`: what light nodes answer with.
//! * `guests`: questions by invitation.
//! * `run`, `deeds`: the loop, and the runtime's part in it.
//! * `cheat`: nodes that break the protocol.
//! * `invariants`: what must hold all the same.
//! * `driven`, `choices`, `tamper`: runs that bytes choose, step by step, for fuzzing.
//! * `trace`, `report`: the story, and how it ended.

// Indices of nodes are made here and never leave: one that does not exist is a mistake of the simulator, and shows.
#![allow(clippy::indexing_slicing, clippy::large_enum_variant)]

mod cheat;
mod choices;
mod deeds;
mod dice;
mod draw;
mod driven;
mod guests;
mod invariants;
mod machine;
mod network;
mod records;
mod report;
mod run;
mod scenario;
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a rogue node has something to say of some kinds of message"
)]
mod tamper;
mod trace;
mod violation;

pub use cheat::{Cheat, Step};
pub use draw::Schemes;
pub use driven::drive;
pub use report::{End, Ending, Report};
pub use run::Run;
pub use scenario::{
    Crash, Cut, Guest, Moment, NodeIndex, NodePlan, Owner, Question, Scenario, Shape, Source, StoreFate,
    Weather,
};
pub use trace::Keep;
pub use violation::{Invariant, Violation};

/// Runs the scenario of a seed.
///
/// # Errors
/// The first invariant that breaks.
pub fn run(seed: u64) -> Result<Report, Box<Violation>> {
    play(Scenario::draw(seed))
}

/// Runs a scenario.
///
/// # Errors
/// The first invariant that breaks.
pub fn play(scenario: Scenario) -> Result<Report, Box<Violation>> {
    Run::new(scenario, Keep::Recent).finish()
}
