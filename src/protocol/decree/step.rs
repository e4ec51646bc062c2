//! What follows: view change, proposal, prepare, commit, decision.

use super::{Decree, DecreeOutput, Judge};
use crate::wire::{
    Choice, Commit, Decided, DecreeMemory, DecreeMessage, Identity, JustifiedProposal, Prepare, Prepared,
    Proposal, Signed, carried,
};

impl Decree {
    /// Everything that follows now, in the order in which it must be done. `identity` is this node's.
    #[must_use]
    pub fn advance(&mut self, judge: &impl Judge, identity: &Identity) -> Vec<DecreeOutput> {
        let mut said = Vec::new();
        let decides = self.decided().is_none() && self.take_steps(judge, identity, &mut said);
        let mut outputs = Vec::new();
        if decides || !said.is_empty() {
            outputs.push(DecreeOutput::Persist(Box::new(self.memory.clone())));
        }
        outputs.extend(said.into_iter().map(|message| DecreeOutput::Broadcast(Box::new(message))));
        if decides {
            outputs.push(DecreeOutput::Decided);
        }
        outputs.extend(self.found.drain(..).map(|fault| DecreeOutput::Evidence(Box::new(fault))));
        outputs
    }

    /// Whether the decision is there.
    fn take_steps(&mut self, judge: &impl Judge, identity: &Identity, said: &mut Vec<DecreeMessage>) -> bool {
        if self.decide() {
            return true;
        }
        self.change_view(identity, said);
        if self.terms.position(self.me).is_some() {
            self.propose(judge, identity, said);
            self.prepare(judge, identity, said);
            self.commit(identity, said);
        }
        self.decide()
    }

    /// The coordinator of this view speaks, once: for what it is bound to, or else for what it holds.
    fn propose(&mut self, judge: &impl Judge, identity: &Identity, said: &mut Vec<DecreeMessage>) {
        let view = self.view();
        if self.coordinator(view) != Some(self.me) || self.current_proposal().is_some() {
            return;
        }
        let changes = self.current_changes();
        if view > 0 && changes.len() < self.terms.quorum() {
            return;
        }
        let bound = carried(&changes).map(|prepared| prepared.choice.clone());
        let Some(choice) = bound.or_else(|| judge.own()).filter(|choice| self.terms.fits(choice)) else {
            return;
        };
        let (computation, topic) = self.decree();
        let proposal = Proposal { computation, heavy: self.me, topic, view, choice };
        let justified = JustifiedProposal { proposal: Signed::sign(proposal, identity), changes };
        self.memory.proposal = Some(justified.clone());
        self.proposal = Some(justified.clone());
        said.push(DecreeMessage::Proposal(justified));
    }

    /// Takes the proposal of this view, once.
    fn prepare(&mut self, judge: &impl Judge, identity: &Identity, said: &mut Vec<DecreeMessage>) {
        if self.memory.prepare.is_some() {
            return;
        }
        let Some(justified) = self.current_proposal() else { return };
        let choice = &justified.proposal.get().choice;
        let is_bound = carried(&justified.changes).is_some();
        if !judge.holds(choice) || !(is_bound || judge.allows(choice)) {
            return;
        }
        let ((computation, topic), view) = (self.decree(), self.view());
        let choice = self.terms.digest(choice);
        let prepare = Signed::sign(Prepare { computation, heavy: self.me, topic, view, choice }, identity);
        self.memory.prepare = Some(prepare.clone());
        if let Some(position) = self.terms.position(self.me) {
            self.prepares.insert(view, position, &prepare);
        }
        said.push(DecreeMessage::Prepare(prepare));
    }

    /// Commits to what a quorum has prepared, once a view; a node that lacks inputs of it may commit too,
    /// because those who prepared have them.
    fn commit(&mut self, identity: &Identity, said: &mut Vec<DecreeMessage>) {
        if self.memory.commit.is_some() {
            return;
        }
        let Some(choice) = self.proposed().cloned() else { return };
        let ((computation, topic), view) = (self.decree(), self.view());
        let digest = self.terms.digest(&choice);
        let Some(prepares) = self.prepares.quorum(self.terms.quorum(), |prepare| prepare.choice == digest)
        else {
            return;
        };
        let commit = Commit { computation, heavy: self.me, topic, view, choice: digest };
        let commit = Signed::sign(commit, identity);
        self.memory.prepared = Some(Prepared { view, choice, prepares });
        self.memory.commit = Some(commit.clone());
        if let Some(position) = self.terms.position(self.me) {
            self.commits.insert(view, position, &commit);
        }
        said.push(DecreeMessage::Commit(commit));
    }

    /// Takes the decision, proven by somebody else or by the commits of this view. Nothing else is worth
    /// keeping then.
    fn decide(&mut self) -> bool {
        let Some(decided) = self.proof.take().or_else(|| self.counted()) else { return false };
        self.memory = DecreeMemory { decided: Some(decided), ..DecreeMemory::default() };
        true
    }

    /// The decision that the commits of this view prove.
    fn counted(&self) -> Option<Decided> {
        let choice = self.choice_of_view()?;
        let digest = self.terms.digest(choice);
        let commits = self.commits.quorum(self.terms.quorum(), |commit| commit.choice == digest)?;
        Some(Decided { view: self.view(), choice: choice.clone(), commits })
    }

    /// What this view is about: its proposal or, after a restart, what this node has seen prepared in it.
    fn choice_of_view(&self) -> Option<&Choice> {
        let prepared = self.memory.prepared.as_ref().filter(|prepared| prepared.view == self.view());
        self.proposed().or(prepared.map(|prepared| &prepared.choice))
    }
}
