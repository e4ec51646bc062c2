//! What follows: view change, proposal, prepare, commit, decision.

use super::{Decree, DecreeOutput, Judge};
use crate::wire::{
    Choice, Commit, Decided, DecreeMemory, DecreeMessage, Identity, JustifiedProposal, Prepare, Prepared,
    Proposal, Signed,
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
        let bound = self.terms.carried(&changes).cloned();
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

    /// Takes a choice, once a view: the one proposed in it or, in view 0 and without being asked, that of everybody's inputs.
    fn prepare(&mut self, judge: &impl Judge, identity: &Identity, said: &mut Vec<DecreeMessage>) {
        if self.memory.prepare.is_some() {
            return;
        }
        let proposed = self.acceptable(judge).cloned();
        let everybody = || judge.own().filter(|choice| self.view() == 0 && self.may_decide_at_once(choice));
        let Some(choice) = proposed.or_else(everybody) else { return };
        let ((computation, topic), view) = (self.decree(), self.view());
        let digest = self.terms.digest(&choice);
        let prepare = Prepare { computation, heavy: self.me, topic, view, choice: digest };
        let prepare = Signed::sign(prepare, identity);
        self.memory.prepare = Some(prepare.clone());
        self.memory.choice = Some(choice).filter(|_| view == 0);
        if let Some(position) = self.terms.position(self.me) {
            self.prepares.insert(view, position, &prepare);
        }
        said.push(DecreeMessage::Prepare(prepare));
    }

    /// The choice that is proposed in this view, if this node may take it.
    fn acceptable(&self, judge: &impl Judge) -> Option<&Choice> {
        let justified = self.current_proposal()?;
        let choice = &justified.proposal.get().choice;
        let is_bound = self.terms.carried(&justified.changes).is_some();
        (judge.holds(choice) && (is_bound || judge.allows(choice))).then_some(choice)
    }

    /// Whether everybody's prepares for this choice, in view 0, would decide it.
    fn may_decide_at_once(&self, choice: &Choice) -> bool {
        self.terms.may_be_unanimous() && self.terms.counts_all(choice)
    }

    /// Whether this node's choice would be decided by everybody's prepares, and nobody has prepared anything else or committed: who
    /// lacks an input of it cannot prepare.
    pub(super) fn may_all_prepare_the_same(&self) -> bool {
        let Some(choice) = self.memory.choice.as_ref().filter(|choice| self.may_decide_at_once(choice)) else {
            return false;
        };
        let digest = self.terms.digest(choice);
        self.prepares.all().all(|prepare| prepare.choice == digest) && self.commits.all().next().is_none()
    }

    /// Commits to what was proposed and a quorum has prepared, once a view; a node that lacks inputs of it may commit too, because
    /// those who prepared have them. Not while everybody's prepares may decide without.
    fn commit(&mut self, identity: &Identity, said: &mut Vec<DecreeMessage>) {
        if self.memory.commit.is_some() || self.awaits_all() {
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

    /// Takes the decision, proven by somebody else or by the ballots of this view. Nothing else is worth keeping then.
    fn decide(&mut self) -> bool {
        let proven = self.proof.take();
        let counted = || self.committed_by_a_quorum().or_else(|| self.prepared_by_all());
        let Some(decided) = proven.or_else(counted) else { return false };
        self.memory = DecreeMemory { decided: Some(decided), ..DecreeMemory::default() };
        true
    }

    /// The decision that a quorum's commits of this view prove.
    fn committed_by_a_quorum(&self) -> Option<Decided> {
        let choice = self.choice_of_view()?;
        let digest = self.terms.digest(choice);
        let commits = self.commits.quorum(self.terms.quorum(), |commit| commit.choice == digest)?;
        Some(Decided { view: self.view(), choice: choice.clone(), commits, prepares: Vec::new() })
    }

    /// The decision that everybody's prepares of view 0 prove.
    fn prepared_by_all(&self) -> Option<Decided> {
        let choice = self.memory.choice.as_ref().filter(|choice| self.may_decide_at_once(choice))?;
        let digest = self.terms.digest(choice);
        let prepares = self.prepares.quorum(self.terms.heavy.len(), |prepare| prepare.choice == digest)?;
        Some(Decided { view: 0, choice: choice.clone(), commits: Vec::new(), prepares })
    }

    /// What commits of this view are to: its proposal or, after a restart, what this node has seen prepared in it. Nothing that
    /// nobody has proposed: who lacks an input of it could not know what to ask for, and an honest coordinator shows all the same.
    fn choice_of_view(&self) -> Option<&Choice> {
        let prepared = self.memory.prepared.as_ref().filter(|prepared| prepared.view == self.view());
        self.proposed().or(prepared.map(|prepared| &prepared.choice))
    }
}
