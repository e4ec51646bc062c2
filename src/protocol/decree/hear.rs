//! Messages: checked, compared with what the same node said before, kept. What follows from them is for `step`.

use super::{Decree, Ignored};
use crate::domain::PeerId;
use crate::wire::{
    Commit, Decided, DecreeFault, DecreeMessage, DecreeStatement, JustifiedProposal, Prepare, Signed,
    ViewChange,
};

impl Decree {
    /// Takes a message that the transport says is from this peer. Statements come from their signers; proposals
    /// and decisions from anybody, since all that they rest on is in them.
    ///
    /// # Errors
    /// Why it changed nothing. It may have become evidence all the same.
    pub fn on_message(&mut self, from: PeerId, message: DecreeMessage) -> Result<(), Ignored> {
        match message {
            DecreeMessage::Proposal(justified) => self.hear_proposal(justified),
            DecreeMessage::Prepare(prepare) => {
                is_own(from, &prepare)?;
                self.hear_prepare(&prepare)
            }
            DecreeMessage::Commit(commit) => {
                is_own(from, &commit)?;
                self.hear_commit(&commit)
            }
            DecreeMessage::ViewChange(change) => {
                is_own(from, &change)?;
                self.hear_change(&change)
            }
            DecreeMessage::Decided(decided) => self.hear_decided(decided),
        }
    }

    fn hear_proposal(&mut self, justified: JustifiedProposal) -> Result<(), Ignored> {
        let proposal = &justified.proposal;
        if self.proposal.as_ref() == Some(&justified) {
            return self.unless_over(proposal.get().view);
        }
        self.position_of(proposal)?;
        if self.coordinator(proposal.get().view) != Some(proposal.signer()) {
            return Err(Ignored::NotCoordinator);
        }
        if let Some(held) = &self.proposal
            && self.blame(DecreeFault::TwoProposals(held.proposal.clone(), proposal.clone()))
        {
            return Err(Ignored::Contradiction);
        }
        self.check_justification(&justified)?;
        for change in &justified.changes {
            // What is in it may be known or out of date by now; the proposal stands by itself.
            let _ = self.hear_change(change);
        }
        let view = justified.proposal.get().view;
        self.unless_over(view)?;
        if self.proposal.as_ref().is_none_or(|held| held.proposal.get().view < view) {
            self.proposal = Some(justified);
        }
        Ok(())
    }

    /// A proposal of view 0 needs no reason; any other rests on a quorum of view changes, and takes up what was
    /// prepared before.
    fn check_justification(&mut self, justified: &JustifiedProposal) -> Result<(), Ignored> {
        let (proposal, changes) = (justified.proposal.get(), &justified.changes);
        let entered = match proposal.view {
            0 => changes.is_empty(),
            view => {
                let mut each = changes.iter();
                self.terms.is_quorum(changes, view)
                    && !each.any(|change| self.blame(DecreeFault::FalseProof(change.clone())))
            }
        };
        let follows = self.terms.carried(changes).is_none_or(|choice| *choice == proposal.choice);
        if entered && follows && self.terms.fits(&proposal.choice) { Ok(()) } else { Err(Ignored::Unproven) }
    }

    fn hear_prepare(&mut self, prepare: &Signed<Prepare>) -> Result<(), Ignored> {
        let position = self.position_of(prepare)?;
        if let Some(change) = self.changes.get(&position).cloned() {
            self.blame(DecreeFault::HiddenPrepare(prepare.clone(), change));
        }
        if let Some(held) = self.prepares.insert(self.view(), position, prepare) {
            self.blame(DecreeFault::TwoPrepares(held, prepare.clone()));
            return Err(Ignored::Contradiction);
        }
        self.unless_over(prepare.get().view)
    }

    fn hear_commit(&mut self, commit: &Signed<Commit>) -> Result<(), Ignored> {
        let position = self.position_of(commit)?;
        if let Some(change) = self.changes.get(&position).cloned() {
            self.blame(DecreeFault::HiddenCommit(commit.clone(), change));
        }
        if let Some(held) = self.commits.insert(self.view(), position, commit) {
            self.blame(DecreeFault::TwoCommits(held, commit.clone()));
            return Err(Ignored::Contradiction);
        }
        self.unless_over(commit.get().view)
    }

    fn hear_change(&mut self, change: &Signed<ViewChange>) -> Result<(), Ignored> {
        let position = self.position_of(change)?;
        if self.changes.get(&position) == Some(change) {
            return self.unless_decided();
        }
        if self.blame(DecreeFault::FalseProof(change.clone())) {
            return Err(Ignored::Unproven);
        }
        let prepares = change.get().prepared.iter().flat_map(|prepared| &prepared.prepares);
        let first = change.get().first.iter().map(|first| &first.prepare);
        for prepare in prepares.chain(first) {
            // Kept for comparison; in this node's view it counts like one that came by itself.
            let _ = self.hear_prepare(prepare);
        }
        let commits: Vec<_> = self.commits.of(position).cloned().collect();
        for commit in commits {
            self.blame(DecreeFault::HiddenCommit(commit, change.clone()));
        }
        let prepares: Vec<_> = self.prepares.of(position).cloned().collect();
        for prepare in prepares {
            self.blame(DecreeFault::HiddenPrepare(prepare, change.clone()));
        }
        let held = self.changes.get(&position).cloned();
        if let Some(held) = &held
            && self.blame(DecreeFault::TwoViewChanges(held.clone(), change.clone()))
        {
            return Err(Ignored::Contradiction);
        }
        if held.is_some_and(|held| held.get().view > change.get().view) {
            return Err(Ignored::Stale);
        }
        self.changes.insert(position, change.clone());
        self.unless_decided()
    }

    fn hear_decided(&mut self, decided: Decided) -> Result<(), Ignored> {
        if !decided.holds(&self.terms) {
            return Err(Ignored::Unproven);
        }
        // Kept for comparison alone.
        for commit in &decided.commits {
            let _ = self.hear_commit(commit);
        }
        for prepare in &decided.prepares {
            let _ = self.hear_prepare(prepare);
        }
        self.unless_decided()?;
        self.proof.get_or_insert(decided);
        Ok(())
    }

    /// Keeps the evidence if it is one, the first against each node. Whether it is one.
    fn blame(&mut self, fault: DecreeFault) -> bool {
        let holds = fault.holds(&self.terms);
        if holds && self.blamed.insert(fault.culprit()) {
            self.found.push(fault);
        }
        holds
    }

    /// The place of a statement's signer.
    pub(super) fn position_of<T: DecreeStatement>(&self, signed: &Signed<T>) -> Result<usize, Ignored> {
        let place = self.terms.position(signed.signer()).filter(|_| self.terms.admits(signed.get()));
        place.ok_or(Ignored::OtherDecree)
    }

    const fn unless_decided(&self) -> Result<(), Ignored> {
        if self.memory.decided.is_some() { Err(Ignored::Decided) } else { Ok(()) }
    }

    fn unless_over(&self, view: u32) -> Result<(), Ignored> {
        self.unless_decided()?;
        if view < self.view() { Err(Ignored::Stale) } else { Ok(()) }
    }
}

fn is_own<T: DecreeStatement>(from: PeerId, signed: &Signed<T>) -> Result<(), Ignored> {
    if signed.signer() == from { Ok(()) } else { Err(Ignored::NotItsOwn) }
}
