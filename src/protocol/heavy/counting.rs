//! Whose inputs count at each rung: those of all heavy nodes, or under threshold sharing those that a decree has decided on.

use super::inputs::opened_digest;
use super::lists::Listing;
use super::quorum::Quorum;
use super::{Heavy, Step};
use crate::domain::{Computation, ComputationId, Digest, PeerId, Sharing};
use crate::protocol::entry::Entry;
use crate::protocol::turn::Turn;
use crate::wire::{
    Decided, Opening, Signed, Topic, Vote, Want, partial_sum_commitment, verifications_digest, votes_digest,
};

/// Votes, the openings that answer them, and the decision that counts them.
type Opened = (Vec<Signed<Vote>>, Vec<Signed<Opening>>, Option<Decided>);

impl Heavy {
    /// Every list that counts, once they are all here.
    pub(super) fn counted_lists(&self, me: PeerId, heavy_nodes: &[PeerId]) -> Option<Vec<Listing<'_>>> {
        let counted = match &self.quorum {
            None => heavy_nodes.to_vec(),
            Some(quorum) => counted(quorum, Topic::Lists, heavy_nodes)?,
        };
        let list = |node: &PeerId| match self.decided_input(Topic::Lists, heavy_nodes, node) {
            Some(decided) => self.list_named(me, decided),
            None => self.list_of(me, node),
        };
        let lists: Vec<_> = counted.iter().filter_map(list).collect();
        (lists.len() == counted.len()).then_some(lists)
    }

    /// Whose verifier shares verdicts are drawn from, once they are all here; with their places.
    pub(super) fn counted_verifiers(
        &self,
        id: ComputationId,
        me: PeerId,
        terms: &Computation,
    ) -> Option<Vec<(usize, PeerId)>> {
        let places = terms.heavy.iter().copied().enumerate();
        let Some(quorum) = &self.quorum else {
            let all = terms.heavy.iter().all(|node| self.held(id, me, Topic::Verifiers, node).is_some());
            return all.then(|| places.collect());
        };
        let counted = counted(quorum, Topic::Verifiers, &terms.heavy)?;
        let held = |node: &PeerId| {
            let decided = self.decided_input(Topic::Verifiers, &terms.heavy, node);
            self.held(id, me, Topic::Verifiers, node) == decided
        };
        let all = counted.iter().all(held);
        all.then(|| places.filter(|(_, node)| counted.contains(node)).collect())
    }

    /// Whether these commitments to verifier shares are all that can be expected.
    pub(super) fn enough_commitments(&self, terms: &Computation) -> bool {
        let committed = |node: &&PeerId| self.verifying.commitments.contains_key(node);
        self.enough(terms, |node| self.expects(terms, Topic::Verifiers, node), committed)
    }

    /// Whether these votes are all that can be expected.
    pub(super) fn enough_votes(&self, terms: &Computation, votes: &[Signed<Vote>]) -> bool {
        let voted = |node: &&PeerId| votes.iter().any(|vote| vote.signer() == **node);
        self.enough(terms, |node| self.expects(terms, Topic::Openings, node), voted)
    }

    /// Whether a node's verifier shares are among those that count: a partial sum of anybody else may rest on shares that nobody judged.
    pub(super) fn was_judged_by(&self, node: &PeerId) -> bool {
        let Some(quorum) = &self.quorum else { return true };
        quorum.dealt.deals.iter().position(|deal| deal.signer() == *node).is_some_and(|position| {
            let choice = quorum.decided(Topic::Verifiers);
            choice.is_some_and(|choice| choice.inputs().get(position).is_some_and(Option::is_some))
        })
    }

    /// All that are expected; or after the grace k of them.
    fn enough(
        &self,
        terms: &Computation,
        expected: impl Fn(&PeerId) -> bool,
        there: impl Fn(&&PeerId) -> bool,
    ) -> bool {
        let (Some(quorum), Sharing::Threshold { k }) = (&self.quorum, terms.sharing) else {
            return terms.heavy.iter().all(|node| there(&node));
        };
        let expected: Vec<_> = terms.heavy.iter().filter(|node| expected(node)).collect();
        let there = expected.iter().filter(|node| there(node)).count();
        there >= usize::from(k) && (there == expected.len() || quorum.grace_is_over())
    }

    /// Every opening that counts, with its vote, in the order of the heavy nodes, once they are all here.
    pub(super) fn opened_by_all(&self, id: ComputationId, heavy_nodes: &[PeerId]) -> Option<Opened> {
        let Some(quorum) = &self.quorum else {
            let Step::Opened { votes, .. } = &self.step else { return None };
            let openings: Vec<_> =
                heavy_nodes.iter().filter_map(|node| self.said.openings.get(node).cloned()).collect();
            return (openings.len() == heavy_nodes.len()).then(|| (votes.clone(), openings, None));
        };
        let decided = quorum.decision(Topic::Openings)?.clone();
        let (mut votes, mut openings) = (Vec::new(), Vec::new());
        for (node, digest) in heavy_nodes.iter().zip(decided.choice.inputs()) {
            let Some(digest) = digest else { continue };
            let (vote, opening) = self.said.votes.get(node).zip(self.said.openings.get(node))?;
            if opened_digest(id, vote, opening) != *digest {
                return None;
            }
            votes.push(vote.clone());
            openings.push(opening.clone());
        }
        Some((votes, openings, Some(decided)))
    }

    /// What a decree has decided of a node's input.
    fn decided_input(&self, topic: Topic, heavy_nodes: &[PeerId], node: &PeerId) -> Option<Digest> {
        let position = heavy_nodes.iter().position(|heavy| heavy == node)?;
        *self.quorum.as_ref()?.decided(topic)?.inputs().get(position)?
    }

    /// Under threshold sharing: what this node lacks from another one that is expected to have it. What a decree names is asked for
    /// besides.
    pub(super) fn quorum_lacks_from(&self, me: PeerId, other: &PeerId, terms: &Computation) -> Option<Want> {
        match &self.step {
            Step::Collecting => None,
            Step::Closed { .. } => self.lacks_list_of(me, other),
            Step::Frozen { .. } | Step::Verifying { .. } => self
                .verifying
                .lacks_from(me, other, self.quorum.as_ref())
                .filter(|want| *want == Want::Rho || self.expects(terms, Topic::Verifiers, other)),
            Step::Voted { .. } => {
                let lacks = self.expects(terms, Topic::Openings, other) && !self.said.votes.contains_key(other);
                lacks.then_some(Want::Vote)
            }
            Step::Opened { .. } => {
                let lacks =
                    self.expects(terms, Topic::Openings, other) && !self.said.openings.contains_key(other);
                lacks.then_some(Want::Opening)
            }
        }
    }
}

impl Entry {
    /// What this node's verdicts rest on, as its vote names it.
    pub(super) fn judged_by(&self) -> Option<Digest> {
        let terms = self.terms();
        if !terms.sharing.is_proven() {
            return None;
        }
        match self.heavy()?.quorum.as_ref() {
            Some(quorum) => Some(quorum.decided(Topic::Verifiers)?.digest(self.id, Topic::Verifiers)),
            None => Some(verifications_digest(self.id, &self.verifications())),
        }
    }

    /// Under threshold sharing: an opening with the vote that it answers, from its signer or passed on by another heavy node.
    pub(super) fn on_open_with_own_vote(
        &mut self,
        turn: &mut Turn<'_>,
        from: PeerId,
        opening: Signed<Opening>,
        votes: Vec<Signed<Vote>>,
    ) {
        let (id, said) = (self.id, opening.get());
        let own = votes.into_iter().next().filter(|vote| {
            let about = (vote.get().heavy, vote.get().computation) == (said.heavy, id);
            about && votes_digest(id, std::slice::from_ref(vote)) == said.votes
        });
        let known = self.terms().has_heavy(&from) && self.terms().has_heavy(&said.heavy);
        let Some(vote) = own.filter(|_| known && said.computation == id) else {
            turn.ignore(from, "open", "it does not come with the vote that it answers");
            return;
        };
        let scheme = self.heavy().and_then(|heavy| heavy.scheme(self.terms()));
        let shaped = scheme.is_some_and(|scheme| scheme.check_partial_sum(&said.partial_sum).is_ok());
        if !shaped {
            turn.ignore(from, "open", "its partial sum has another shape");
            return;
        }
        if partial_sum_commitment(id, said.heavy, &said.blind, &said.partial_sum) != vote.get().partial_sum {
            self.convict_opening(turn, vote, opening);
            return;
        }
        let signer = opening.signer();
        if self.keep_vote(turn, vote)
            && let Some(heavy) = self.heavy_mut()
        {
            heavy.said.openings.entry(signer).or_insert(opening);
            self.advance(turn);
        }
    }
}

/// The nodes that a decree counts, once it has decided.
fn counted(quorum: &Quorum, topic: Topic, heavy_nodes: &[PeerId]) -> Option<Vec<PeerId>> {
    let choice = quorum.decided(topic)?;
    let each = heavy_nodes.iter().zip(choice.inputs());
    Some(each.filter(|(_, digest)| digest.is_some()).map(|(node, _)| *node).collect())
}
