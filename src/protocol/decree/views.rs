//! Views: who coordinates which, when to leave one, which one to enter.

use super::{Decree, DecreeMessage};
use crate::domain::{ComputationId, PeerId};
use crate::wire::{First, Identity, JustifiedProposal, Signed, Topic, ViewChange};

/// How far ahead another node's view may draw this one at once. Enough to catch up after a long absence in a
/// few steps; few enough that a node which asks for the highest view of all does not use them up.
const LEAP_MAX: u32 = 16;

impl Decree {
    /// The current view has taken too long: this node wants the next one, or the one that the others are in.
    ///
    /// It stays where it is, and goes on repeating itself, until a quorum is known to have come as far: so
    /// views do not run apart while nodes are cut off from each other.
    pub fn on_timeout(&mut self) {
        let view = self.view();
        let arrived = self.changes.values().filter(|change| change.get().view >= view).count();
        if view == 0 || arrived >= self.terms.quorum() {
            let others = self.asked_by_others().min(view.saturating_add(LEAP_MAX));
            self.wanted = view.saturating_add(1).max(others);
        }
    }

    /// Who proposes in this node's view.
    pub fn leader(&self) -> Option<PeerId> {
        self.coordinator(self.view())
    }

    /// Who proposes in this view.
    pub(super) fn coordinator(&self, view: u32) -> Option<PeerId> {
        let nodes = self.terms.heavy.len();
        // A u32 fits a usize on every platform that runs this.
        let turns = (view as usize).checked_rem(nodes)?;
        self.terms.heavy.get((self.first % nodes + turns) % nodes).copied()
    }

    /// The proposal of this node's view.
    pub(super) fn current_proposal(&self) -> Option<&JustifiedProposal> {
        self.proposal.as_ref().filter(|justified| justified.proposal.get().view == self.view())
    }

    /// The view changes to this node's view, in the order of the heavy nodes.
    pub(super) fn current_changes(&self) -> Vec<Signed<ViewChange>> {
        let view = self.view();
        self.changes.values().filter(|change| change.get().view == view).cloned().collect()
    }

    pub(super) const fn decree(&self) -> (ComputationId, Topic) {
        (self.terms.computation, self.terms.topic)
    }

    /// Leaves this view if it is time: its timer has run out, enough others have left it, or a higher one has
    /// its proposal.
    pub(super) fn change_view(&mut self, identity: &Identity, said: &mut Vec<DecreeMessage>) {
        let Some(position) = self.terms.position(self.me) else { return };
        let near = Some(self.asked_by_others()).filter(|asked| asked.saturating_sub(self.view()) <= LEAP_MAX);
        let proposed = self.proposal.as_ref().map(|justified| justified.proposal.get().view);
        let view = self.wanted.max(near.unwrap_or(0)).max(proposed.unwrap_or(0));
        if view <= self.view() {
            return;
        }
        let (computation, topic) = self.decree();
        let (prepared, first) = (self.memory.prepared.clone(), self.first_prepared());
        let change = ViewChange { computation, heavy: self.me, topic, view, prepared, first };
        let change = Signed::sign(change, identity);
        self.prepares.turn(view);
        self.commits.turn(view);
        self.changes.insert(position, change.clone());
        self.memory.change = Some(change.clone());
        (self.memory.proposal, self.memory.prepare, self.memory.commit) = (None, None, None);
        self.memory.choice = None;
        said.push(DecreeMessage::ViewChange(change));
    }

    /// What this node prepared in view 0: that is told in every later view.
    fn first_prepared(&self) -> Option<First> {
        if let Some(change) = &self.memory.change {
            return change.get().first.clone();
        }
        let (choice, prepare) = self.memory.choice.clone().zip(self.memory.prepare.clone())?;
        Some(First { choice, prepare })
    }

    /// The highest view that so many others have reached that one of them must be honest, as long as there are
    /// no more liars than two quorums bear and than may be gone. With n = 2f + 1, where no liar is borne, that
    /// is one: the others that are left may be as few as f, so waiting for f + 1 of them could last for ever.
    fn asked_by_others(&self) -> u32 {
        let (nodes, faults) = (self.terms.heavy.len(), self.terms.faults());
        let liars = faults.min(nodes.saturating_sub(1 + 2 * faults));
        let mine = self.terms.position(self.me);
        let others = self.changes.iter().filter(|(position, _)| Some(**position) != mine);
        let mut views: Vec<_> = others.map(|(_, change)| change.get().view).collect();
        views.sort_unstable_by(|one, other| other.cmp(one));
        views.get(liars).copied().unwrap_or(0)
    }
}
