//! The ways to misbehave: who can, what can be proven of it, and what it can spoil unnoticed.

use crate::domain::{Evidence, Role};

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
    /// It freezes and does not vote.
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
}

impl Cheat {
    /// Every way.
    pub const ALL: [Self; 22] = [
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
    ];

    /// Which nodes can cheat in this way.
    pub const fn role(self) -> Role {
        match self {
            Self::TwoReports | Self::TwoReportsToOne | Self::Replay | Self::ForeignShare | Self::Forge => {
                Role::Light
            }
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
            | Self::Silent(_) => Role::Heavy,
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
            Self::Replay
            | Self::ForeignShare
            | Self::Forge
            | Self::ListsUnknown
            | Self::FalseSum
            | Self::TwoCertificates
            | Self::FalseAlarm
            | Self::Whispers
            | Self::AsksEarly
            | Self::Silent(_) => &[],
        }
    }

    /// Whether a total may be false without anybody noticing.
    pub const fn can_falsify(self) -> bool {
        matches!(self, Self::FalseSum)
    }
}
