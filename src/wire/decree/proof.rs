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

/// What a heavy node prepared in view 0. If all of them did, that is the decision ([`Decided::prepares`]), so no view change may
/// keep it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct First {
    /// Which choice.
    pub choice: Choice,
    /// Its own prepare for it.
    pub prepare: Signed<Prepare>,
}

/// The decree's value, for ever: a quorum committed to this choice in one view, or all prepared it in the first one. One of the two
/// lists is empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// In which view.
    pub view: u32,
    /// Which choice.
    pub choice: Choice,
    /// At least n − f of them, in the order of the heavy nodes.
    #[serde(deserialize_with = "codec::one_a_heavy_node")]
    pub commits: Vec<Signed<Commit>>,
    /// In view 0 of a decree that may be unanimous ([`DecreeTerms::may_be_unanimous`]): all n, in the order of the heavy nodes.
    #[serde(default, deserialize_with = "codec::one_a_heavy_node", skip_serializing_if = "Vec::is_empty")]
    pub prepares: Vec<Signed<Prepare>>,
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

    /// Whether the prepares of all n in view 0 decide by themselves: n ≤ 3 f + 1. Of those who later change the view, f + 1 honest
    /// nodes or more own up to what was decided so; and as many liars as two quorums bear, n − 1 − 2 f, are at most f.
    pub fn may_be_unanimous(&self) -> bool {
        self.heavy.len() <= 3 * self.faults() + 1
    }

    /// Whether everybody's input counts in this choice.
    pub(crate) fn counts_all(&self, choice: &Choice) -> bool {
        self.fits(choice) && choice.counted() == self.heavy.len()
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
        if self.prepares.is_empty() {
            return terms.elects(&self.commits, self.view, &self.choice);
        }
        self.commits.is_empty()
            && self.view == 0
            && terms.may_be_unanimous()
            && terms.counts_all(&self.choice)
            && self.prepares.len() == terms.heavy.len()
            && terms.elects(&self.prepares, 0, &self.choice)
    }

    /// Who signed what proves it, in the order of the heavy nodes.
    pub fn signers(&self) -> impl Iterator<Item = PeerId> {
        self.commits.iter().map(Signed::signer).chain(self.prepares.iter().map(Signed::signer))
    }

    /// Which decree it is of, as those who signed it say; `None` if nobody has.
    pub(crate) fn decree(&self) -> Option<(ComputationId, Topic)> {
        let commit = self.commits.first().map(|commit| commit.get().decree());
        commit.or_else(|| self.prepares.first().map(|prepare| prepare.get().decree()))
    }
}

impl ViewChange {
    /// Whether an honest node may have said this: the view is not the first one, the proof is of a lower view, and what it prepared
    /// first is its own.
    pub fn holds(&self, terms: &DecreeTerms) -> bool {
        let proven = |prepared: &Prepared| prepared.view < self.view && prepared.holds(terms);
        let own = |first: &First| {
            let said = first.prepare.get();
            let decree = (said.computation, said.topic) == (self.computation, self.topic);
            decree && said.heavy == self.heavy && said.view == 0 && terms.digest(&first.choice) == said.choice
        };
        self.view > 0 && self.prepared.as_ref().is_none_or(proven) && self.first.as_ref().is_none_or(own)
    }
}

impl DecreeTerms {
    /// What binds a coordinator that enters its view with these: the choice prepared in the highest view among them; else what so
    /// many of them prepared in view 0 that all may have. `None`: nothing was decided below, so it is free.
    pub(crate) fn carried<'a>(&self, changes: &'a [Signed<ViewChange>]) -> Option<&'a Choice> {
        let all = changes.iter().filter_map(|change| change.get().prepared.as_ref());
        // The first one of the highest view: two that differ take more liars than the quorum allows for.
        let highest = all.reduce(|best, next| if next.view > best.view { next } else { best });
        highest.map(|prepared| &prepared.choice).or_else(|| self.perhaps_unanimous(changes))
    }

    /// What so many of these prepared in view 0 that the others may all be liars, if that may have decided. With a quorum of them
    /// that is f + 1.
    fn perhaps_unanimous<'a>(&self, changes: &'a [Signed<ViewChange>]) -> Option<&'a Choice> {
        let firsts =
            || changes.iter().filter_map(|change| change.get().first.as_ref()).map(|first| &first.choice);
        let liars = self.heavy.len().saturating_sub(1 + 2 * self.faults());
        let least = changes.len().saturating_sub(liars).max(1);
        let often = |choice: &&Choice| firsts().filter(|other| other == choice).count() >= least;
        firsts().find(|choice| self.may_be_unanimous() && self.counts_all(choice) && often(choice))
    }
}
