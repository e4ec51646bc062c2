//! Agreement of the heavy nodes on one value while some of them may be gone for good: a *decree*, as a pure
//! machine.
//!
//! Of n heavy nodes f may vanish; n − f are a *quorum*, and two quorums always share a node. The decree runs in
//! *views*, counted from 0, each with its coordinator: the first one in view 0, then on in the order of the
//! heavy nodes.
//!
//! Mostly nobody is gone, and then everybody **prepares** the same choice, that of all inputs, without having been asked; the
//! prepares of all n are the decision, and the proof of it. Otherwise:
//!
//! 1. The coordinator **proposes** a choice of whose inputs count.
//! 2. Who holds every input of that choice **prepares** it. A quorum of prepares shows that nothing else can be
//!    decided in this view.
//! 3. Who has seen that quorum keeps it as its lock and **commits**. A quorum of commits is the decision, and
//!    the proof of it.
//! 4. Who waits too long **changes the view**: it stops in the old one and tells what it is locked on, and what it
//!    prepared in view 0. A quorum of view changes lets the next coordinator propose, and binds it: it must take
//!    what was prepared in the highest view among them, or else what all but liars among them prepared in
//!    view 0, because that may have been decided. It sends them along, and everybody checks.
//!
//! Each statement is made once a view and persisted before it is sent, restarts included. So one value is
//! decided, whatever is lost, delayed or repeated, and whoever vanishes; with t heavy nodes that lie, if t + 2f
//! ≤ n − 1. A lie that shows is kept as evidence ([`DecreeFault`]). When at most f are gone, messages get
//! through in the end and the host's timers grow, the others decide. Where more liars are borne than may be
//! gone (n > 3 f + 1), prepares alone decide nothing.
//!
//! The machine has no clock. The host calls [`Decree::advance`] after everything that may matter (a message, a
//! timeout, a new input) and carries out what comes back, in order; it calls [`Decree::wait_for_all_no_more`] when
//! everybody's prepare should have come, and [`Decree::on_timeout`] when a view
//! has taken too long (longer with every view), and repeats [`Decree::resend`] from time to time, because
//! messages get lost.

mod ballots;
mod hear;
mod step;
mod views;

use std::collections::{BTreeMap, BTreeSet};

use ballots::Ballots;

use crate::domain::PeerId;
use crate::wire::{
    Choice, Commit, Decided, DecreeFault, DecreeMemory, DecreeMessage, DecreeTerms, JustifiedProposal, Prepare,
    Signed, ViewChange,
};

/// What the host knows of the inputs.
pub trait Judge {
    /// What this node would propose now: every input that it holds. `None` while it waits for more; a host
    /// waits as long as it hopes for all n, and no longer than its grace.
    fn own(&self) -> Option<Choice>;

    /// Whether this node holds every input that the choice names, so that it can serve them to others.
    fn holds(&self, choice: &Choice) -> bool;

    /// Whether a coordinator that is free to choose may choose this: enough inputs, none left out that this
    /// node holds. It is not asked about a choice that a quorum has prepared before: that must be carried on
    /// though more inputs have come since.
    fn allows(&self, choice: &Choice) -> bool;
}

/// What the host does next, in this order. Stopping between any two of them, and restoring what was persisted
/// last, is safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecreeOutput {
    /// Make this durable, in place of what was persisted before.
    Persist(Box<DecreeMemory>),
    /// Send this to every other heavy node.
    Broadcast(Box<DecreeMessage>),
    /// The decree has its value: [`Decree::decided`]. Said once; after a restart the host looks for itself.
    Decided,
    /// A heavy node broke the rules. Said once for each, again after a restart.
    Evidence(Box<DecreeFault>),
}

/// Why a message changed nothing. None of these is proof of a fault: that is told by [`DecreeOutput::Evidence`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ignored {
    /// About another computation or topic, or by somebody who is no heavy node of it.
    #[error("belongs to another decree")]
    OtherDecree,
    /// Signed by another node than the one that sent it.
    #[error("is not by its sender")]
    NotItsOwn,
    /// A proposal by a node that does not coordinate its view.
    #[error("is not by the coordinator of its view")]
    NotCoordinator,
    /// A proof in it does not hold, or it does not follow from its proof.
    #[error("does not follow from its proof")]
    Unproven,
    /// It contradicts what the same node said before.
    #[error("contradicts an earlier statement of the same node")]
    Contradiction,
    /// Of a view that is over, or less than what is known already.
    #[error("is out of date")]
    Stale,
    /// There is a decision already.
    #[error("is decided already")]
    Decided,
}

/// One heavy node's part in one decree.
#[derive(Clone, Debug)]
pub struct Decree {
    terms: DecreeTerms,
    /// The place of the coordinator of view 0.
    first: usize,
    me: PeerId,
    /// What this node has said, and what it is locked on.
    memory: DecreeMemory,
    /// The view that this node means to enter, if above its own.
    wanted: u32,
    /// The proposal of the highest view that was proven.
    proposal: Option<JustifiedProposal>,
    prepares: Ballots<Prepare>,
    commits: Ballots<Commit>,
    /// Whether everybody's prepare is hoped for, so that nobody need commit.
    hopes_for_all: bool,
    /// The view change to the highest view, by the place of its signer.
    changes: BTreeMap<usize, Signed<ViewChange>>,
    /// A decision that somebody else has proven, not yet persisted.
    proof: Option<Decided>,
    found: Vec<DecreeFault>,
    blamed: BTreeSet<PeerId>,
}

impl Decree {
    /// The part of the node `me` in a new decree. `first` is the place of the coordinator of view 0. A node
    /// that is none of the heavy nodes says nothing; it learns the decision.
    pub fn new(terms: DecreeTerms, first: usize, me: PeerId) -> Self {
        Self::restore(terms, first, me, DecreeMemory::default())
    }

    /// The part of the node `me`, after a restart, from what it persisted last.
    pub fn restore(terms: DecreeTerms, first: usize, me: PeerId, memory: DecreeMemory) -> Self {
        let (mut prepares, mut commits, mut changes) =
            (Ballots::default(), Ballots::default(), BTreeMap::new());
        if let Some(position) = terms.position(me) {
            if let Some(prepare) = &memory.prepare {
                prepares.insert(memory.view(), position, prepare);
            }
            if let Some(commit) = &memory.commit {
                commits.insert(memory.view(), position, commit);
            }
            changes.extend(memory.change.clone().map(|change| (position, change)));
        }
        Self {
            terms,
            first,
            me,
            wanted: memory.view(),
            proposal: memory.proposal.clone(),
            memory,
            prepares,
            commits,
            hopes_for_all: true,
            changes,
            proof: None,
            found: Vec::new(),
            blamed: BTreeSet::new(),
        }
    }

    /// The terms that it runs under.
    pub const fn terms(&self) -> &DecreeTerms {
        &self.terms
    }

    /// The view that this node is in.
    pub fn view(&self) -> u32 {
        self.memory.view()
    }

    /// The decision and its proof, as soon as this node has it.
    pub const fn decided(&self) -> Option<&Decided> {
        self.memory.decided.as_ref()
    }

    /// Whether this node has prepared what would be decided by everybody's prepares, and hopes for these.
    pub fn awaits_all(&self) -> bool {
        self.hopes_for_all && self.decided().is_none() && self.view() == 0 && self.may_all_prepare_the_same()
    }

    /// Everybody's prepare should have come by now: a quorum of them is enough to commit.
    pub const fn wait_for_all_no_more(&mut self) {
        self.hopes_for_all = false;
    }

    /// What is proposed in this node's view: to prepare it, the host has to get the inputs that it lacks.
    pub fn proposed(&self) -> Option<&Choice> {
        self.current_proposal().map(|justified| &justified.proposal.get().choice)
    }

    /// This node's latest statements, or the decision: what the host repeats to every other heavy node.
    pub fn resend(&self) -> Vec<DecreeMessage> {
        let memory = &self.memory;
        if let Some(decided) = &memory.decided {
            return vec![DecreeMessage::Decided(decided.clone())];
        }
        let mut messages = Vec::new();
        messages.extend(memory.change.clone().map(DecreeMessage::ViewChange));
        messages.extend(memory.proposal.clone().map(DecreeMessage::Proposal));
        messages.extend(memory.prepare.clone().map(DecreeMessage::Prepare));
        messages.extend(memory.commit.clone().map(DecreeMessage::Commit));
        messages
    }

    /// What the sender of this message should know: the decision, if there is one; or the proposal that this
    /// node was shown, if the sender has been shown another one by the same coordinator.
    pub fn answer(&self, message: &DecreeMessage) -> Option<DecreeMessage> {
        if let Some(decided) = &self.memory.decided {
            let knows = matches!(message, DecreeMessage::Decided(_)) || self.is_first_commit(decided, message);
            return (!knows).then(|| DecreeMessage::Decided(decided.clone()));
        }
        let (view, digest) = match message {
            DecreeMessage::Prepare(prepare) => (prepare.get().view, prepare.get().choice),
            DecreeMessage::Commit(commit) => (commit.get().view, commit.get().choice),
            DecreeMessage::Proposal(_) | DecreeMessage::ViewChange(_) | DecreeMessage::Decided(_) => {
                return None;
            }
        };
        let shown = self.current_proposal().filter(|_| message.decree() == Some(self.decree()))?;
        let differs = view == self.view() && self.terms.digest(&shown.proposal.get().choice) != digest;
        differs.then(|| DecreeMessage::Proposal(shown.clone()))
    }

    /// Whether this is the first that is heard of somebody's commit to what is decided: the commits that decided it are on their way to
    /// its sender. Where they get lost it comes again.
    fn is_first_commit(&self, decided: &Decided, message: &DecreeMessage) -> bool {
        let DecreeMessage::Commit(commit) = message else { return false };
        let said = commit.get();
        !decided.commits.is_empty()
            && said.view == decided.view
            && said.choice == self.terms.digest(&decided.choice)
            && self.position_of(commit).is_ok_and(|place| self.commits.of(place).next().is_none())
    }
}
