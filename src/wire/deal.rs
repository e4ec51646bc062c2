//! What heavy nodes deal each other before a threshold computation is announced: shares of ρ, so that a node may vanish with
//! its own and the verification key can still be rebuilt; and shares of noise, where it was asked for.

use serde::{Deserialize, Serialize};

use super::codec;
use super::commitment::Blind;
use super::signed::{Signed, Statement};
use crate::domain::{ComputationId, Digest, PeerId};
use crate::sharing::Secret;

/// A heavy node has dealt shares to all heavy nodes, itself included. Signed once for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deal {
    /// Which computation.
    pub computation: ComputationId,
    /// Which heavy node.
    pub heavy: PeerId,
    /// The blinded digest of each heavy node's share of ρ, in their order.
    #[serde(deserialize_with = "codec::one_a_heavy_node")]
    pub rho: Vec<Digest>,
    /// The blinded digest of each heavy node's share of the noise, in their order; none without noise.
    #[serde(deserialize_with = "codec::one_a_heavy_node")]
    pub noise: Vec<Digest>,
}

/// One dealt share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The share.
    pub share: Secret<Vec<u8>>,
    /// The random bytes of its digest.
    pub blind: Blind,
}

/// What every heavy node has dealt this one, each in the order of the heavy nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dealt {
    /// What they signed.
    #[serde(deserialize_with = "codec::one_a_heavy_node")]
    pub deals: Vec<Signed<Deal>>,
    /// This node's shares of their ρ.
    #[serde(deserialize_with = "codec::one_a_heavy_node")]
    pub rho: Vec<Part>,
    /// This node's shares of their noise; none without noise.
    #[serde(deserialize_with = "codec::one_a_heavy_node")]
    pub noise: Vec<Part>,
}

/// What a dealt share is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DealtKind {
    /// A share of ρ.
    Rho,
    /// A share of noise.
    Noise,
}

impl Statement for Deal {
    const LABEL: &'static str = "formix-p2p/deal/1";

    fn about(&self, _body: &[u8]) -> ComputationId {
        self.computation
    }

    fn signer(&self) -> PeerId {
        self.heavy
    }
}

impl Part {
    /// The blinded digest that its dealer signs.
    pub fn digest(
        &self,
        kind: DealtKind,
        computation: ComputationId,
        dealer: PeerId,
        receiver: PeerId,
    ) -> Digest {
        let label = match kind {
            DealtKind::Rho => "formix-p2p/dealt-rho/1",
            DealtKind::Noise => "formix-p2p/dealt-noise/1",
        };
        let parts: [&[u8]; 5] = [
            computation.as_bytes(),
            &dealer.to_bytes(),
            &receiver.to_bytes(),
            self.blind.expose(),
            self.share.expose(),
        ];
        Digest::of(label, &parts)
    }
}

/// The digest of every heavy node's deal, in their order: who accepts names what it was dealt by.
pub fn deals_digest(computation: ComputationId, deals: &[Signed<Deal>]) -> Digest {
    let each: Vec<u8> = deals
        .iter()
        .flat_map(|deal| *Digest::of("formix-p2p/deal-digest/1", &[deal.body()]).as_bytes())
        .collect();
    Digest::of("formix-p2p/deals/1", &[computation.as_bytes(), &each])
}
