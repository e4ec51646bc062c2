//! What proves that a node broke the protocol.

use serde::{Deserialize, Serialize};

use super::decree::DecreeFault;
use super::list::Exclusion;
use super::signed::Signed;
use super::statement::{Close, Freeze, Opening, Receipt, Verification, Vote};
use crate::domain::{ComputationId, Evidence, PeerId};

/// A node that broke the protocol, and the proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// In which computation.
    pub computation: ComputationId,
    /// Who.
    pub culprit: PeerId,
    /// The statements that no honest node makes.
    pub proof: FaultProof,
}

/// Statements, all signed by the culprit unless said otherwise, that no honest node makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FaultProof {
    /// Two reports of one participant.
    TwoReports(Box<Exclusion>),
    /// Two closes with different lists.
    TwoLists(Signed<Close>, Signed<Close>),
    /// Two different freezes.
    TwoFreezes(Signed<Freeze>, Signed<Freeze>),
    /// A freeze, and the closes (each by its heavy node) from which it does not follow.
    WrongFreeze(Signed<Freeze>, Vec<Signed<Close>>),
    /// Two different commitments to verifier shares.
    TwoVerifications(Signed<Verification>, Signed<Verification>),
    /// Two different votes.
    TwoVotes(Signed<Vote>, Signed<Vote>),
    /// A vote for another set than the culprit's own freeze names.
    WrongVote(Signed<Freeze>, Signed<Vote>),
    /// A vote that contradicts the verifier shares behind these commitments, which any heavy node has while the
    /// computation runs.
    WrongVerdict(Signed<Vote>, Vec<Signed<Verification>>),
    /// A receipt, and a close whose list (any heavy node has it while the computation runs) has no such report and no
    /// evidence against the participant.
    ReportLeftOut(Signed<Receipt>, Signed<Close>),
    /// What no heavy node says in a decree.
    Decree(Box<DecreeFault>),
    /// A vote, and an opening that is not of its commitment, or not of the statistic's shape.
    WrongOpening(Signed<Vote>, Signed<Opening>),
}

impl FaultProof {
    /// What it proves.
    pub const fn evidence(&self) -> Evidence {
        match self {
            Self::TwoReports(_) => Evidence::TwoReports,
            Self::TwoLists(..) => Evidence::TwoLists,
            Self::TwoFreezes(..) => Evidence::TwoFreezes,
            Self::WrongFreeze(..) => Evidence::WrongFreeze,
            Self::TwoVerifications(..) => Evidence::TwoVerifications,
            Self::TwoVotes(..) => Evidence::TwoVotes,
            Self::WrongVote(..) => Evidence::WrongVote,
            Self::WrongVerdict(..) => Evidence::WrongVerdict,
            Self::ReportLeftOut(..) => Evidence::ReportLeftOut,
            Self::Decree(_) => Evidence::Decree,
            Self::WrongOpening(..) => Evidence::WrongOpening,
        }
    }
}
