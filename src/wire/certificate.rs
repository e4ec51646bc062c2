//! The proof of a result, which anybody can check offline.

use serde::{Deserialize, Serialize};

use super::codec;
use super::signed::Signed;
use super::statement::{Opening, Vote};
use crate::domain::Computation;

/// A computation, every heavy node's vote for one set, and every opening, in the order of the heavy nodes.
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
}
