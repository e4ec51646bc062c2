//! What nodes sign, one type a step of the protocol (docs/PROTOCOL.md).

use serde::{Deserialize, Serialize};

use super::codec;
use super::signed::{Signed, Statement};
use crate::domain::{Computation, ComputationId, Digest, Failure, PeerId, Role, Timestamp};

/// A heavy node takes a computation on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// Which computation.
    pub computation: ComputationId,
    /// Which heavy node.
    pub heavy: PeerId,
    /// Blinded commitment to ρ, this node's part of a verification key; additive sharing never opens it. Under threshold
    /// sharing, where ρ is dealt among the heavy nodes: the digest of all deals.
    pub rho_commitment: Digest,
}

/// A light node's report, without the shares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Which computation.
    pub computation: ComputationId,
    /// Whose report.
    pub participant: PeerId,
    /// Makes the manifest's digest unguessable, and the proof this report's own.
    #[serde(with = "serde_bytes")]
    pub nonce: [u8; 16],
    /// What the proof needs and everybody may see: a part of the joint randomness for each heavy node, or nothing.
    #[serde(serialize_with = "serde_bytes::serialize", deserialize_with = "codec::public_share")]
    pub public: Vec<u8>,
    /// One blinded digest a share, in the order of the heavy nodes.
    #[serde(deserialize_with = "codec::one_a_heavy_node")]
    pub shares: Vec<Digest>,
}

/// A heavy node holds a report durably.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Which computation.
    pub computation: ComputationId,
    /// Which heavy node.
    pub heavy: PeerId,
    /// Whose report.
    pub participant: PeerId,
    /// Which report.
    pub manifest: Digest,
}

/// A heavy node has closed: it takes no report any more. Signed once for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Close {
    /// Which computation.
    pub computation: ComputationId,
    /// Which heavy node.
    pub heavy: PeerId,
    /// The digest of its [`super::List`].
    pub list: Digest,
}

/// A heavy node has seen every list. Signed once for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// Which computation.
    pub computation: ComputationId,
    /// Which heavy node.
    pub heavy: PeerId,
    /// The digest of each heavy node's list, in their order.
    #[serde(deserialize_with = "codec::one_a_heavy_node")]
    pub lists: Vec<Digest>,
    /// The digest of what is in all of them.
    pub frozen: Digest,
    /// How many participants that is.
    pub participants: u32,
}

/// A heavy node commits to its verifier shares of every report in the frozen set, before it shows any. Signed once for
/// ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// Which computation.
    pub computation: ComputationId,
    /// Which heavy node.
    pub heavy: PeerId,
    /// The digest of the frozen set.
    pub frozen: Digest,
    /// The blinded digest of each batch of verifier shares, in the order of the frozen set.
    #[serde(deserialize_with = "codec::batches")]
    pub batches: Vec<Digest>,
}

/// A heavy node names the accepted set and commits to its partial sum over it. Signed once for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// Which computation.
    pub computation: ComputationId,
    /// Which heavy node.
    pub heavy: PeerId,
    /// The digest of the accepted set.
    pub accepted: Digest,
    /// How many participants that is.
    pub participants: u32,
    /// How many reports of the frozen set are not in it, because their proofs did not verify.
    pub unverified: u32,
    /// The digest of what the proofs were judged by: every heavy node's commitment ([`verifications_digest`]), or under
    /// threshold sharing the decided choice. Nothing where there are no proofs.
    pub verifications: Option<Digest>,
    /// Blinded commitment to the partial sum.
    pub partial_sum: Digest,
}

/// A heavy node's partial sum, opened. It names the votes that it answers, every one, so that no other set of votes
/// can ever be put beside it. Signed once for ever.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// Which computation.
    pub computation: ComputationId,
    /// Which heavy node.
    pub heavy: PeerId,
    /// The digest of every heavy node's vote, or under threshold sharing of its own ([`votes_digest`]).
    pub votes: Digest,
    /// The random bytes of the commitment.
    #[serde(with = "serde_bytes")]
    pub blind: [u8; 32],
    /// The encoded partial sum.
    #[serde(with = "serde_bytes")]
    pub partial_sum: Vec<u8>,
}

/// A heavy node, or before the announcement the proposer, says that there will be no result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureNotice {
    /// Which computation.
    pub computation: ComputationId,
    /// Who says so.
    pub signer: PeerId,
    /// Why.
    pub failure: Failure,
}

/// A node says that it is there, and as what. It expires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// Which node.
    pub peer: PeerId,
    /// As what.
    pub role: Role,
    /// What its owner calls it; self-chosen.
    pub name: String,
    /// Whether it works on a computation, is about to leave, or neither.
    pub activity: Activity,
    /// Multiaddresses under which it listens.
    pub addresses: Vec<String>,
    /// When its identity was made.
    pub created_at: Timestamp,
    /// When this was said; a later one replaces an earlier one.
    pub sent_at: Timestamp,
    /// How long it holds, in milliseconds.
    pub lifetime_ms: u64,
}

/// What a node is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activity {
    /// Ready.
    Active,
    /// Ready, with a computation between its deadline and its end.
    Processing,
    /// About to leave.
    Stopping,
}

impl Vote {
    /// Whether both are for the same accepted set.
    pub fn is_for_the_set_of(&self, other: &Self) -> bool {
        let set = |vote: &Self| (vote.accepted, vote.participants, vote.unverified);
        set(self) == set(other)
    }
}

impl Signed<Computation> {
    /// The computation's id: the hash of the signed bytes.
    pub fn id(&self) -> ComputationId {
        self.get().id_of(self.body())
    }
}

impl Signed<Manifest> {
    /// The name of this report.
    pub fn digest(&self) -> Digest {
        manifest_digest(self.get(), self.body())
    }
}

/// The name of a report whose manifest was signed in these bytes.
pub(super) fn manifest_digest(manifest: &Manifest, body: &[u8]) -> Digest {
    let parts: [&[u8]; 3] = [manifest.computation.as_bytes(), &manifest.participant.to_bytes(), body];
    Digest::of("formix-p2p/manifest-digest/1", &parts)
}

/// The digest of every heavy node's commitment to its verifier shares, in their order.
pub fn verifications_digest(computation: ComputationId, verifications: &[Signed<Verification>]) -> Digest {
    let each: Vec<u8> = verifications
        .iter()
        .flat_map(|it| *Digest::of("formix-p2p/verification-digest/1", &[it.body()]).as_bytes())
        .collect();
    Digest::of("formix-p2p/verifications/1", &[computation.as_bytes(), &each])
}

/// The digest of every heavy node's vote, in their order.
pub fn votes_digest(computation: ComputationId, votes: &[Signed<Vote>]) -> Digest {
    let each: Vec<u8> = votes
        .iter()
        .flat_map(|vote| *Digest::of("formix-p2p/vote-digest/1", &[vote.body()]).as_bytes())
        .collect();
    Digest::of("formix-p2p/votes/1", &[computation.as_bytes(), &each])
}

impl std::fmt::Debug for Opening {
    /// Until every vote is in, an opening is secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Opening({:?}, {:?}, <redacted>)", self.computation, self.heavy)
    }
}

macro_rules! statements {
    ($($type:ty: $label:literal, $signer:ident;)*) => {
        $(impl Statement for $type {
            const LABEL: &'static str = concat!("formix-p2p/", $label, "/1");

            fn about(&self, _body: &[u8]) -> ComputationId {
                self.computation
            }

            fn signer(&self) -> PeerId {
                self.$signer
            }
        })*
    };
}

statements! {
    Acceptance: "acceptance", heavy;
    Manifest: "manifest", participant;
    Receipt: "receipt", heavy;
    Close: "close", heavy;
    Freeze: "freeze", heavy;
    Verification: "verification", heavy;
    Vote: "vote", heavy;
    Opening: "opening", heavy;
    FailureNotice: "failure", signer;
}

impl Statement for Computation {
    const LABEL: &'static str = "formix-p2p/computation/1";

    fn about(&self, body: &[u8]) -> ComputationId {
        self.id_of(body)
    }

    fn signer(&self) -> PeerId {
        self.proposer
    }
}

impl Statement for Presence {
    const LABEL: &'static str = "formix-p2p/presence/1";

    fn about(&self, _body: &[u8]) -> ComputationId {
        ComputationId::from_digest(Digest::from_bytes([0; 32]))
    }

    fn signer(&self) -> PeerId {
        self.peer
    }
}
