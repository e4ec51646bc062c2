//! The ways to misbehave: who can, what can be proven of it, and what it can spoil unnoticed.

use crate::domain::{Evidence, Role, Sharing};

/// The step at which a silent heavy node falls silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// It never accepts.
    Accept,
    /// It gives no receipt, and says nothing afterwards.
    Receipt,
    /// It does not close.
    Close,
    /// It closes and does not freeze.
    Freeze,
    /// It freezes and keeps its ρ.
    Rho,
    /// It shows its ρ and does not commit to verifier shares.
    Verification,
    /// It commits to verifier shares and does not show them.
    Verifiers,
    /// It says nothing in decrees.
    Decree,
    /// It does everything before the vote, and does not vote.
    Vote,
    /// It votes and does not open.
    Open,
}

/// One way to misbehave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cheat {
    /// Light: sends different reports to different heavy nodes.
    TwoReports,
    /// Light: sends two different reports to each heavy node.
    TwoReportsToOne,
    /// Light: sends somebody else's submission as its own.
    Replay,
    /// Light: sends a share for a computation that nobody asked.
    ForeignShare,
    /// Light: sends messages in somebody else's name.
    Forge,
    /// Light: reports a value outside the bounds, with the proof that an honest prover makes of it.
    OutOfRange,
    /// Light: changes one element of its proof.
    BrokenProof,
    /// Light: reports what it has proven for another computation.
    OtherContext,
    /// Light: changes what every heavy node may see of its proof.
    WrongPublic,
    /// Light: sends other shares than its manifest promises.
    OtherShares,
    /// Heavy: lists a participant that nobody else has a share of.
    ListsUnknown,
    /// Heavy: gives a receipt for a report and leaves it out.
    LeavesOut,
    /// Heavy: signs two closes.
    TwoCloses,
    /// Heavy: signs two freezes.
    TwoFreezes,
    /// Heavy: signs two votes.
    TwoVotes,
    /// Heavy: opens something else than it committed to.
    OpensOther,
    /// Heavy: commits to a false partial sum and opens it. n of n sharing cannot notice.
    FalseSum,
    /// Heavy: when all is said, signs another vote that turns the certificate into one for another total.
    TwoCertificates,
    /// Heavy: once it has closed, tells every other one that it failed, by the fault of an honest node.
    FalseAlarm,
    /// Heavy: once it has closed, says nothing more to every other heavy node.
    Whispers,
    /// Heavy: asks for everything before its time.
    AsksEarly,
    /// Heavy: falls silent at a step.
    Silent(Step),
    /// Heavy: shows another ρ than it committed to.
    OtherRho,
    /// Heavy: commits to verifier shares out of thin air and shows them, then is silent.
    GarbageVerifiers,
    /// Heavy: as above, one byte short.
    ShortVerifiers,
    /// Heavy: damages one share that it holds, and goes on with it in good faith.
    SpoilsShare,
    /// Heavy: signs two commitments to verifier shares.
    TwoVerifications,
    /// Heavy: votes as if one report more had not verified.
    WrongVerdict,
    /// Heavy: deals different things to different heavy nodes, under its signature.
    TwoDeals,
    /// Heavy: as the coordinator of a decree, proposes two choices.
    TwoProposals,
    /// Heavy: prepares and commits to two choices in one view.
    TwoBallots,
    /// Heavy: tells everybody that others than the true ones were in the set.
    FalseNames,
    /// Heavy: tells everybody who was in the set.
    TellsNames,
    /// Light: answers nothing, and asks who was in every set.
    AsksForNames,
    /// Either: whatever bytes from outside choose, beside what an honest node says. No scenario draws it.
    Anything,
}

impl Cheat {
    /// Every way.
    pub const ALL: [Self; 43] = [
        Self::TwoReports,
        Self::TwoReportsToOne,
        Self::Replay,
        Self::ForeignShare,
        Self::Forge,
        Self::ListsUnknown,
        Self::LeavesOut,
        Self::TwoCloses,
        Self::TwoFreezes,
        Self::TwoVotes,
        Self::OpensOther,
        Self::FalseSum,
        Self::TwoCertificates,
        Self::FalseAlarm,
        Self::Whispers,
        Self::AsksEarly,
        Self::Silent(Step::Accept),
        Self::Silent(Step::Receipt),
        Self::Silent(Step::Close),
        Self::Silent(Step::Freeze),
        Self::Silent(Step::Vote),
        Self::Silent(Step::Open),
        Self::Silent(Step::Rho),
        Self::Silent(Step::Verification),
        Self::Silent(Step::Verifiers),
        Self::OutOfRange,
        Self::BrokenProof,
        Self::OtherContext,
        Self::WrongPublic,
        Self::OtherShares,
        Self::OtherRho,
        Self::GarbageVerifiers,
        Self::ShortVerifiers,
        Self::SpoilsShare,
        Self::TwoVerifications,
        Self::WrongVerdict,
        Self::TwoDeals,
        Self::TwoProposals,
        Self::TwoBallots,
        Self::Silent(Step::Decree),
        Self::FalseNames,
        Self::TellsNames,
        Self::AsksForNames,
    ];

    /// Which nodes can cheat in this way.
    pub const fn role(self) -> Role {
        match self {
            Self::TwoReports
            | Self::TwoReportsToOne
            | Self::Replay
            | Self::ForeignShare
            | Self::Forge
            | Self::OutOfRange
            | Self::BrokenProof
            | Self::OtherContext
            | Self::WrongPublic
            | Self::OtherShares
            | Self::AsksForNames => Role::Light,
            Self::ListsUnknown
            | Self::LeavesOut
            | Self::TwoCloses
            | Self::TwoFreezes
            | Self::TwoVotes
            | Self::OpensOther
            | Self::FalseSum
            | Self::TwoCertificates
            | Self::FalseAlarm
            | Self::Whispers
            | Self::AsksEarly
            | Self::Silent(_)
            | Self::OtherRho
            | Self::GarbageVerifiers
            | Self::ShortVerifiers
            | Self::SpoilsShare
            | Self::TwoVerifications
            | Self::WrongVerdict
            | Self::TwoDeals
            | Self::TwoProposals
            | Self::TwoBallots
            | Self::FalseNames
            | Self::TellsNames
            | Self::Anything => Role::Heavy,
        }
    }

    /// Whether it is made for computations with proofs. Elsewhere some of them do nothing.
    pub const fn is_about_proofs(self) -> bool {
        match self {
            Self::Silent(step) => {
                matches!(step, Step::Rho | Step::Verification | Step::Verifiers | Step::Decree)
            }
            Self::OutOfRange
            | Self::BrokenProof
            | Self::OtherContext
            | Self::WrongPublic
            | Self::OtherShares
            | Self::OtherRho
            | Self::GarbageVerifiers
            | Self::ShortVerifiers
            | Self::SpoilsShare
            | Self::TwoVerifications
            | Self::WrongVerdict
            | Self::TwoDeals
            | Self::TwoProposals
            | Self::TwoBallots => true,
            Self::TwoReports
            | Self::TwoReportsToOne
            | Self::Replay
            | Self::ForeignShare
            | Self::Forge
            | Self::ListsUnknown
            | Self::LeavesOut
            | Self::TwoCloses
            | Self::TwoFreezes
            | Self::TwoVotes
            | Self::OpensOther
            | Self::FalseSum
            | Self::TwoCertificates
            | Self::FalseAlarm
            | Self::Whispers
            | Self::AsksEarly
            | Self::FalseNames
            | Self::TellsNames
            | Self::AsksForNames
            | Self::Anything => false,
        }
    }

    /// What it can be proven to have done; nothing else may be held against it.
    pub const fn leaves_evidence(self) -> &'static [Evidence] {
        match self {
            Self::TwoReports | Self::TwoReportsToOne => &[Evidence::TwoReports],
            Self::LeavesOut => &[Evidence::ReportLeftOut],
            Self::TwoCloses => &[Evidence::TwoLists, Evidence::ReportLeftOut, Evidence::WrongFreeze],
            Self::TwoFreezes => &[Evidence::TwoFreezes, Evidence::WrongFreeze, Evidence::WrongVote],
            Self::TwoVotes => &[Evidence::TwoVotes, Evidence::WrongVote, Evidence::WrongOpening],
            Self::OpensOther => &[Evidence::WrongOpening],
            Self::TwoVerifications => &[Evidence::TwoVerifications],
            Self::TwoProposals | Self::TwoBallots => &[Evidence::Decree],
            // Without proofs, the same vote is one for another set than was frozen.
            Self::WrongVerdict => &[Evidence::WrongVerdict, Evidence::WrongVote],
            Self::Anything => &[
                Evidence::TwoReports,
                Evidence::TwoLists,
                Evidence::TwoFreezes,
                Evidence::WrongFreeze,
                Evidence::TwoVerifications,
                Evidence::TwoVotes,
                Evidence::WrongVote,
                Evidence::WrongVerdict,
                Evidence::ReportLeftOut,
                Evidence::WrongOpening,
                Evidence::Decree,
            ],
            Self::Replay
            | Self::ForeignShare
            | Self::Forge
            | Self::OutOfRange
            | Self::BrokenProof
            | Self::OtherContext
            | Self::WrongPublic
            | Self::OtherShares
            | Self::ListsUnknown
            | Self::FalseSum
            | Self::TwoCertificates
            | Self::FalseAlarm
            | Self::Whispers
            | Self::AsksEarly
            | Self::Silent(_)
            | Self::OtherRho
            | Self::GarbageVerifiers
            | Self::ShortVerifiers
            | Self::SpoilsShare
            | Self::TwoDeals
            | Self::FalseNames
            | Self::TellsNames
            | Self::AsksForNames => &[],
        }
    }

    /// Whether a total under this sharing may be false without anybody noticing.
    pub const fn can_falsify(self, sharing: Sharing) -> bool {
        // A damaged share fails its proof, where there is one.
        matches!(self, Self::FalseSum | Self::Anything)
            || (matches!(self, Self::SpoilsShare) && !sharing.is_proven())
    }

    /// Whether it is made for threshold sharing. Elsewhere it does nothing.
    pub const fn is_about_thresholds(self) -> bool {
        matches!(self, Self::TwoDeals | Self::TwoProposals | Self::TwoBallots | Self::Silent(Step::Decree))
    }

    /// Whether an honest report may seem not to verify because of it.
    pub const fn can_discredit(self) -> bool {
        matches!(self, Self::GarbageVerifiers | Self::SpoilsShare | Self::Anything)
    }

    /// Whether no report of this light node proves what it must.
    pub const fn proves_nothing(self) -> bool {
        matches!(self, Self::OutOfRange | Self::BrokenProof | Self::OtherContext | Self::WrongPublic)
    }
}
