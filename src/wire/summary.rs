//! What is left of a computation that ended long ago, beside its certificate.

use serde::{Deserialize, Serialize};

use super::record::LedgerDecision;
use crate::domain::{Computation, ComputationId, Failure};

/// What a pruned computation was, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Which.
    pub computation: ComputationId,
    /// What was asked.
    pub question: Computation,
    /// How it ended.
    pub end: End,
    /// What this node did with it as a light node, if it was asked.
    pub own: Option<LedgerDecision>,
}

/// How a computation ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// With a result, which the certificate holds.
    Completed {
        /// Light nodes in it.
        participants: u32,
    },
    /// With a certificate of what is no total.
    Impossible(Failure),
    /// Without a certificate.
    Failed(Failure),
}
