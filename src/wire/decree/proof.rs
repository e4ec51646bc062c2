//! Proofs by quorum: that a choice was prepared, that it is decided, what a new coordinator is bound to.

use serde::{Deserialize, Serialize};

use super::{Ballot, Choice, Commit, DecreeStatement, Prepare, Topic, ViewChange};
use crate::domain::{ComputationId, Digest, PeerId};
use crate::wire::codec;
use crate::wire::signed::Signed;

/// What must be known of a decree to check its proofs; the same for everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecreeTerms {
    /// Which computation.
    pub computation: ComputationId,
    /// Which decree of it.
    pub topic: Topic,
    /// The heavy nodes, in the order of the computation.
    pub heavy: Vec<PeerId>,
    /// How many of them may vanish. Two quorums must always meet, so more than ⌊(n − 1) / 2⌋ counts as that.
    pub faults: usize,
}

/// A quorum prepared this choice in one view: nothing else can have been decided there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prepared {
    /// In which view.
    pub view: u32,
    /// Which choice.
    pub choice: Choice,
    /// At least n − f of them, in the order of the heavy nodes.
    #[serde(deserialize_with = "codec::one_a_heavy_node")]
    pub prepares: Vec<Signed<Prepare>>,
}

/// A quorum committed to this choice in one view: it is the decree's value, for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// In which view.
    pub view: u32,
    /// Which choice.
    pub choice: Choice,
    /// At least n − f of them, in the order of the heavy nodes.
    #[serde(deserialize_with = "codec::one_a_heavy_node")]
    pub commits: Vec<Signed<Commit>>,
}

impl DecreeTerms {
    /// f: how many heavy nodes may vanish, bounded so that two quorums always meet.
    pub fn faults(&self) -> usize {
        self.faults.min(self.heavy.len().saturating_sub(1) / 2)
    }

    /// n − f: how many heavy nodes decide.
    pub fn quorum(&self) -> usize {
        self.heavy.len() - self.faults()
    }

    /// A heavy node's place in the order; `None` for anybody else.
    pub fn position(&self, peer: PeerId) -> Option<usize> {
        self.heavy.iter().position(|heavy| *heavy == peer)
    }

    /// What ballots for this choice name.
    pub fn digest(&self, choice: &Choice) -> Digest {
        choice.digest(self.computation, self.topic)
    }

    /// Whether a choice has one place for each heavy node.
    pub(crate) fn fits(&self, choice: &Choice) -> bool {
        choice.inputs().len() == self.heavy.len()
    }

    /// Whether a statement belongs to this decree and comes from a heavy node of it.
    pub(crate) fn admits<T: DecreeStatement>(&self, statement: &T) -> bool {
        statement.decree() == (self.computation, self.topic) && self.position(statement.signer()).is_some()
    }

    /// Whether these are statements of this decree and view by a quorum of different heavy nodes, in their order.
    pub(crate) fn is_quorum<T: DecreeStatement>(&self, statements: &[Signed<T>], view: u32) -> bool {
        let positions: Vec<_> = statements.iter().map(|signed| self.position(signed.signer())).collect();
        let belongs = |signed: &Signed<T>| self.admits(signed.get()) && signed.get().view() == view;
        statements.len() >= self.quorum()
            && statements.iter().all(belongs)
            && positions.is_sorted_by(|one, next| one < next)
    }

    fn elects<T: Ballot>(&self, ballots: &[Signed<T>], view: u32, choice: &Choice) -> bool {
        let digest = self.digest(choice);
        self.fits(choice)
            && self.is_quorum(ballots, view)
            && ballots.iter().all(|ballot| ballot.get().choice() == digest)
    }
}

impl Prepared {
    /// Whether this proves it.
    pub fn holds(&self, terms: &DecreeTerms) -> bool {
        terms.elects(&self.prepares, self.view, &self.choice)
    }
}

impl Decided {
    /// Whether this proves it, to anybody who knows the terms.
    pub fn holds(&self, terms: &DecreeTerms) -> bool {
        terms.elects(&self.commits, self.view, &self.choice)
    }
}

impl ViewChange {
    /// Whether an honest node may have said this: the view is not the first one, and the proof is of a lower view.
    pub fn holds(&self, terms: &DecreeTerms) -> bool {
        let proven = |prepared: &Prepared| prepared.view < self.view && prepared.holds(terms);
        self.view > 0 && self.prepared.as_ref().is_none_or(proven)
    }
}

/// What binds a coordinator that enters its view with these: the choice prepared in the highest view among
/// them. `None`: nothing was decided below, so it is free.
pub(crate) fn carried(changes: &[Signed<ViewChange>]) -> Option<&Prepared> {
    let all = changes.iter().filter_map(|change| change.get().prepared.as_ref());
    // The first one of the highest view: two that differ take more liars than the quorum allows for.
    all.reduce(|best, next| if next.view > best.view { next } else { best })
}
