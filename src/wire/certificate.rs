//! The proof of a result, which anybody can check offline.

use serde::{Deserialize, Serialize};

use super::codec;
use super::decree::Decided;
use super::signed::Signed;
use super::statement::{Opening, Vote};
use crate::domain::Computation;

/// A computation, the heavy nodes' votes for one set, and their openings, in their order: all of them, or under threshold
/// sharing those that a decision counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The question.
    pub computation: Signed<Computation>,
    /// The votes.
    #[serde(deserialize_with = "codec::one_a_heavy_node")]
    pub votes: Vec<Signed<Vote>>,
    /// The openings.
    #[serde(deserialize_with = "codec::one_a_heavy_node")]
    pub openings: Vec<Signed<Opening>>,
    /// Under threshold sharing: whose votes and openings count, signed by n − f heavy nodes.
    pub decided: Option<Decided>,
}
