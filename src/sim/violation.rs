//! What the simulator says when an invariant breaks.

use std::fmt;

/// What must hold, whatever the network and the cheats do (docs/PROTOCOL.md, invariants).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// 1: no two honest nodes report different results.
    OneResult,
    /// 2: a result is the plain sum over the accepted set of what was submitted.
    PlainSum,
    /// 3: no opening for two sets, below the minimum, or too early.
    OneOpening,
    /// 4: a report is in the set at most once, and nobody honest sends two.
    OneReport,
    /// 5: everything ends.
    Ends,
    /// 6: only who misbehaved is blamed.
    JustBlame,
    /// 7: shares go, proofs stay.
    SharesGone,
    /// 8: no report is taken after closing.
    IntakeClosed,
    /// 8: what the key of the proofs follows from stays secret until the set is frozen, and there is one key.
    KeyAfterFreeze,
    /// 9: no coalition sees openings over two sets.
    OneSet,
    /// Names of participants are told to those who have a part, true ones, and reach them.
    Names,
    /// What a message depends on is durable before it is sent.
    PersistedFirst,
    /// What is signed once for ever is signed once.
    SignedOnce,
    /// A message survives its own encoding, and a forged one is refused.
    Wire,
    /// One event causes no more than so many deeds.
    FewDeeds,
}

/// An invariant that broke, before the run is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub invariant: Invariant,
    pub what: String,
}

/// The verdict of one check.
pub(super) type Check = Result<(), Broken>;

/// An invariant that broke, and how to see it again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Violation {
    /// The run.
    pub seed: u64,
    /// The step at which it broke.
    pub step: u64,
    /// Which one.
    pub invariant: Invariant,
    /// How.
    pub what: String,
    /// The last lines of the story.
    pub recent: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, step, invariant, what, recent } = self;
        writeln!(f, "seed {seed}, step {step}: {invariant:?} does not hold: {what}")?;
        writeln!(f, "its last lines:\n{recent}")?;
        write!(f, "again: FORMIX_SEED={seed} cargo test --test simulator one_seed -- --nocapture")
    }
}

impl Invariant {
    /// Passes if `holds`; otherwise says what does not.
    pub(super) fn check(self, holds: bool, what: impl FnOnce() -> String) -> Check {
        if holds { Ok(()) } else { Err(Broken { invariant: self, what: what() }) }
    }
}
