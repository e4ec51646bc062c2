//! What heavy nodes say to agree on one value when some of them may be gone for good: one *decree*.
//!
//! A decree is about one computation and one [`Topic`]. Its value is a [`Choice`]: whose inputs count. The
//! machine that makes and answers these statements is `protocol::Decree`; the proofs in here are for anybody to
//! check.

mod fault;
mod message;
mod proof;

use serde::{Deserialize, Serialize};

use super::codec;
use super::signed::Statement;
use crate::domain::{ComputationId, Digest, PeerId};

pub use fault::DecreeFault;
pub use message::{DecreeMemory, DecreeMessage, JustifiedProposal};
pub use proof::{Decided, DecreeTerms, First, Prepared};

/// What a decree is about. A computation has one decree for each, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Topic {
    /// Whose closed lists count.
    Lists,
    /// Whose verifier shares count.
    Verifiers,
    /// Whose opened partial sums count.
    Openings,
}

/// Whose inputs count: the digest of each heavy node's, in their order; `None` leaves it out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice(#[serde(deserialize_with = "codec::one_a_heavy_node")] Vec<Option<Digest>>);

/// The coordinator of a view asks the others to take its choice. Signed once a view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Which computation.
    pub computation: ComputationId,
    /// Which heavy node.
    pub heavy: PeerId,
    /// Which decree of it.
    pub topic: Topic,
    /// In which view.
    pub view: u32,
    /// What it asks for.
    pub choice: Choice,
}

/// A heavy node holds every input of this choice and takes it, in this view. Signed once a view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prepare {
    /// Which computation.
    pub computation: ComputationId,
    /// Which heavy node.
    pub heavy: PeerId,
    /// Which decree of it.
    pub topic: Topic,
    /// In which view.
    pub view: u32,
    /// The choice's digest ([`Choice::digest`]).
    pub choice: Digest,
}

/// A heavy node has seen a quorum prepare this choice in this view, and brings the proof into every later view.
/// Signed once a view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Which computation.
    pub computation: ComputationId,
    /// Which heavy node.
    pub heavy: PeerId,
    /// Which decree of it.
    pub topic: Topic,
    /// In which view.
    pub view: u32,
    /// The choice's digest ([`Choice::digest`]).
    pub choice: Digest,
}

/// A heavy node leaves all lower views for this one, and says what may have been decided there. Signed once a view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewChange {
    /// Which computation.
    pub computation: ComputationId,
    /// Which heavy node.
    pub heavy: PeerId,
    /// Which decree of it.
    pub topic: Topic,
    /// The view that it enters; above 0.
    pub view: u32,
    /// What it has seen prepared in the highest view below, if anything.
    pub prepared: Option<Prepared>,
    /// What it prepared itself in view 0, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<First>,
}

/// What all statements of a decree have in common.
pub(crate) trait DecreeStatement: Statement {
    /// The decree's computation and topic.
    fn decree(&self) -> (ComputationId, Topic);
    /// The view that it belongs to.
    fn view(&self) -> u32;
}

/// A statement for one choice: a prepare or a commit.
pub(crate) trait Ballot: DecreeStatement {
    /// The choice's digest.
    fn choice(&self) -> Digest;
}

impl Choice {
    /// The choice with these inputs: one place for each heavy node, in their order, so at most 16.
    pub const fn new(inputs: Vec<Option<Digest>>) -> Self {
        Self(inputs)
    }

    /// One place for each heavy node, in their order.
    pub fn inputs(&self) -> &[Option<Digest>] {
        &self.0
    }

    /// How many inputs count.
    pub fn counted(&self) -> usize {
        self.0.iter().flatten().count()
    }

    /// What prepares and commits name it by: SHA-256 over computation, topic and choice.
    pub fn digest(&self, computation: ComputationId, topic: Topic) -> Digest {
        let parts: [&[u8]; 3] = [computation.as_bytes(), &codec::to_bytes(&topic), &codec::to_bytes(self)];
        Digest::of("formix-p2p/choice/1", &parts)
    }
}

macro_rules! statements {
    ($($type:ty: $label:literal;)*) => {
        $(impl Statement for $type {
            const LABEL: &'static str = concat!("formix-p2p/", $label, "/1");

            fn about(&self, _body: &[u8]) -> ComputationId {
                self.computation
            }

            fn signer(&self) -> PeerId {
                self.heavy
            }
        }

        impl DecreeStatement for $type {
            fn decree(&self) -> (ComputationId, Topic) {
                (self.computation, self.topic)
            }

            fn view(&self) -> u32 {
                self.view
            }
        })*
    };
}

statements! {
    Proposal: "proposal";
    Prepare: "prepare";
    Commit: "commit";
    ViewChange: "view-change";
}

impl Ballot for Prepare {
    fn choice(&self) -> Digest {
        self.choice
    }
}

impl Ballot for Commit {
    fn choice(&self) -> Digest {
        self.choice
    }
}
