//! The proof of a result, which anybody can check offline.

use serde::{Deserialize, Serialize};

use super::signed::Signed;
use super::statement::{Release, Vote};
use crate::domain::{Computation, ComputationId, PeerId};

/// A heavy node's partial sum, opened. The vote that commits to it and the release carry the signatures.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// Which computation.
    pub computation: ComputationId,
    /// Which heavy node.
    pub heavy: PeerId,
    /// The random bytes of the commitment.
    #[serde(with = "serde_bytes")]
    pub blind: [u8; 32],
    /// The encoded partial sum.
    #[serde(with = "serde_bytes")]
    pub partial_sum: Vec<u8>,
}

/// A computation, every heavy node's vote for one set, every release over these very votes, and every opening, in the
/// order of the heavy nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The question.
    pub computation: Signed<Computation>,
    /// The votes.
    pub votes: Vec<Signed<Vote>>,
    /// The openings.
    pub openings: Vec<Opening>,
    /// The releases. Each binds all votes, so one honest heavy node is enough to make the certificate the only one.
    pub releases: Vec<Signed<Release>>,
}

impl std::fmt::Debug for Opening {
    /// Until every vote is in, an opening is secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Opening({:?}, {:?}, <redacted>)", self.computation, self.heavy)
    }
}
