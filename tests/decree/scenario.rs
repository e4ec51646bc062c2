//! What a run is like, how it ends, and the dice.

use std::collections::{BTreeMap, BTreeSet};

use formix_p2p::wire::{Decided, DecreeFault};

/// What a run is like.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub seed: u64,
    pub nodes: usize,
    pub faults: usize,
    /// Vanish for good, after so many outputs.
    pub vanish: BTreeMap<usize, u64>,
    /// So many more vanish for good at the moment at which they know the decision, before they tell anybody.
    pub vanish_decided: usize,
    pub liars: BTreeSet<usize>,
    pub loss_permille: u64,
    /// Of each output: the node crashes before it and comes back.
    pub crash_permille: u64,
    /// Every coordinator would choose something else: only the lock keeps them together.
    pub stubborn: bool,
    /// Virtual time, in milliseconds, after which it is stopped.
    pub end_ms: u64,
}

/// How a run ended.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Every decision, with its proof.
    pub decisions: Vec<Decided>,
    /// Places of honest nodes that are there at the end, undecided.
    pub undecided: BTreeSet<usize>,
    pub evidence: Vec<DecreeFault>,
    /// What went wrong.
    pub violations: Vec<String>,
    pub view_max: u32,
    pub restarts: u32,
}

pub struct Dice(u64);

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self(seed ^ 0x5DEE_CE66_D1CE_CAFE)
    }

    /// A number below this bound.
    pub const fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }

    pub const fn chance(&mut self, permille: u64) -> bool {
        self.below(1_000) < permille
    }

    pub fn place(&mut self, bound: usize) -> usize {
        usize::try_from(self.below(bound as u64)).unwrap()
    }
}
