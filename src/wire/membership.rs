//! Who belongs to a closed network, as somebody has signed it whom its nodes trust.

use serde::{Deserialize, Serialize};

use super::codec;
use super::signed::Statement;
use crate::domain::{ComputationId, Digest, PeerId, Timestamp};

/// The nodes of a closed network until it expires, or until the same signer says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// Who says so.
    pub signer: PeerId,
    /// Higher than that of every list before.
    pub version: u64,
    /// From then on nobody belongs to it.
    pub expires: Timestamp,
    /// Who belongs to it; sorted.
    #[serde(deserialize_with = "codec::allowed")]
    pub nodes: Vec<PeerId>,
}

impl Statement for Membership {
    const LABEL: &'static str = "formix-p2p/membership/1";

    fn about(&self, _body: &[u8]) -> ComputationId {
        ComputationId::from_digest(Digest::from_bytes([0; 32]))
    }

    fn signer(&self) -> PeerId {
        self.signer
    }
}
