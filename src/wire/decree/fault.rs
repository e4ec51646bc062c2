//! Statements that no honest node makes, restarts included, because each is persisted before it is sent.

use serde::{Deserialize, Serialize};

use super::{Commit, DecreeStatement, DecreeTerms, First, Prepare, Proposal, ViewChange};
use crate::domain::{ComputationId, PeerId};
use crate::wire::signed::Signed;

/// Proof that a heavy node broke a decree's rules: everything in it is signed by the culprit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DecreeFault {
    /// Two different proposals in one view.
    TwoProposals(Signed<Proposal>, Signed<Proposal>),
    /// Prepares for two choices in one view.
    TwoPrepares(Signed<Prepare>, Signed<Prepare>),
    /// Commits to two choices in one view.
    TwoCommits(Signed<Commit>, Signed<Commit>),
    /// Two different view changes to one view.
    TwoViewChanges(Signed<ViewChange>, Signed<ViewChange>),
    /// A commit, and a view change to a higher view that does not own up to it: it tells of nothing prepared, of a
    /// lower view, or of another choice in the same view.
    HiddenCommit(Signed<Commit>, Signed<ViewChange>),
    /// A view change whose proof does not hold.
    FalseProof(Signed<ViewChange>),
    /// A prepare in view 0, and a view change that does not own up to it.
    HiddenPrepare(Signed<Prepare>, Signed<ViewChange>),
}

impl DecreeFault {
    /// Which computation it is about.
    pub fn computation(&self) -> ComputationId {
        match self {
            Self::TwoProposals(one, _) => one.get().computation,
            Self::TwoPrepares(one, _) | Self::HiddenPrepare(one, _) => one.get().computation,
            Self::TwoCommits(one, _) | Self::HiddenCommit(one, _) => one.get().computation,
            Self::TwoViewChanges(one, _) | Self::FalseProof(one) => one.get().computation,
        }
    }

    /// Who did it, if [`Self::holds`].
    pub fn culprit(&self) -> PeerId {
        match self {
            Self::TwoProposals(one, _) => one.signer(),
            Self::TwoPrepares(one, _) | Self::HiddenPrepare(one, _) => one.signer(),
            Self::TwoCommits(one, _) | Self::HiddenCommit(one, _) => one.signer(),
            Self::TwoViewChanges(one, _) | Self::FalseProof(one) => one.signer(),
        }
    }

    /// Whether it proves what it says, to anybody who knows the terms.
    pub fn holds(&self, terms: &DecreeTerms) -> bool {
        match self {
            Self::TwoProposals(one, other) => contradict(terms, one, other),
            Self::TwoPrepares(one, other) => contradict(terms, one, other),
            Self::TwoCommits(one, other) => contradict(terms, one, other),
            Self::TwoViewChanges(one, other) => contradict(terms, one, other),
            Self::HiddenCommit(commit, change) => {
                terms.admits(commit.get())
                    && terms.admits(change.get())
                    && commit.signer() == change.signer()
                    && hides(terms, commit.get(), change.get())
            }
            Self::HiddenPrepare(prepare, change) => {
                let owns_up = |first: &First| first.prepare.get().choice == prepare.get().choice;
                terms.admits(prepare.get())
                    && terms.admits(change.get())
                    && prepare.signer() == change.signer()
                    && prepare.get().view == 0
                    && change.get().view > 0
                    && !change.get().first.as_ref().is_some_and(owns_up)
            }
            Self::FalseProof(change) => terms.admits(change.get()) && !change.get().holds(terms),
        }
    }
}

/// Whether one heavy node signed these two different statements of one kind in one view.
fn contradict<T: DecreeStatement>(terms: &DecreeTerms, one: &Signed<T>, other: &Signed<T>) -> bool {
    terms.admits(one.get())
        && terms.admits(other.get())
        && one.signer() == other.signer()
        && one.get().view() == other.get().view()
        && one.body() != other.body()
}

/// Whether the one who made this commit could not honestly make this view change.
fn hides(terms: &DecreeTerms, commit: &Commit, change: &ViewChange) -> bool {
    let owns_up = change.prepared.as_ref().is_some_and(|prepared| {
        prepared.view > commit.view
            || (prepared.view == commit.view && terms.digest(&prepared.choice) == commit.choice)
    });
    commit.view < change.view && !owns_up
}
