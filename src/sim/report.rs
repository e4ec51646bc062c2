//! How a run ended.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::run::Run;
use super::scenario::NodeIndex;
use crate::domain::{ComputationId, Decimal, Digest, Evidence, Failure, PeerId, Status};
use crate::protocol::View;
use crate::wire::to_bytes;

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The run.
    pub seed: u64,
    /// Things that happened.
    pub steps: u64,
    /// Messages that were sent.
    pub messages: u64,
    /// Virtual time that passed.
    pub lasted: Duration,
    /// Each question's end.
    pub endings: Vec<Ending>,
    /// Whom honest nodes blamed, and for what.
    pub blamed: BTreeSet<(Option<NodeIndex>, Evidence)>,
    /// Each node's id.
    pub peers: Vec<PeerId>,
    /// For each node, how many of its actions left a mark.
    pub marks: Vec<u64>,
    /// The hash of the whole story and of every store at the end.
    pub digest: Digest,
    /// The story, if it was kept.
    pub story: String,
}

/// How one question ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Its id, if its proposer was there to ask it.
    pub id: Option<ComputationId>,
    /// How it ended at each node that runs at the end and has heard of it.
    pub at: BTreeMap<NodeIndex, End>,
    /// When each of them had the result, since the beginning of the run.
    pub completed: BTreeMap<NodeIndex, Duration>,
    /// Whose reports were added up, at each node that runs at the end and knows it.
    pub members: BTreeMap<NodeIndex, BTreeSet<NodeIndex>>,
}

/// How one question ended at one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// With a result.
    Completed {
        /// The participants that the powers of two in the sum name; with noise in it, anybody.
        names: BTreeSet<NodeIndex>,
        /// How many participants.
        participants: u32,
        /// The sum.
        sum: Decimal,
    },
    /// With a reason.
    Failed(Failure),
    /// Not at all; only a cheat's own node may be left so.
    Open,
}

impl Report {
    pub(super) fn of(mut run: Run) -> Self {
        let endings = run.asked.iter().map(|id| Ending::of(&run, *id)).collect();
        let blamed = run.watch.blamed.iter();
        let blamed = blamed.map(|(peer, evidence)| (run.places.get(peer).copied(), *evidence)).collect();
        for record in run.machines.iter().flat_map(|machine| machine.store.values()) {
            run.trace.absorb(&to_bytes(record));
        }
        let (digest, story) = run.trace.finish();
        Self {
            seed: run.scenario.seed,
            steps: run.step,
            messages: run.messages,
            lasted: Duration::from_millis(run.now),
            endings,
            blamed,
            peers: run.machines.iter().map(|machine| machine.identity.peer()).collect(),
            marks: run.machines.iter().map(|machine| machine.marks).collect(),
            digest,
            story,
        }
    }
}

impl Ending {
    fn of(run: &Run, id: Option<ComputationId>) -> Self {
        let nodes = run.machines.iter().filter_map(|machine| Some((machine.index, machine.node.as_ref()?)));
        let views: Vec<_> = nodes.filter_map(|(index, node)| Some((index, node.view(id?)?))).collect();
        let place = |peer: PeerId| run.places.get(&peer).copied();
        let named = |view: &View<'_>| Some(view.members?.members().into_iter().filter_map(place).collect());
        let completed = run.completed.iter().filter(|((of, _), _)| Some(*of) == id);
        let completed = completed.map(|((_, index), at)| (*index, Duration::from_millis(*at)));
        Self {
            id,
            at: views.iter().map(|(index, view)| (*index, End::of(run, view))).collect(),
            completed: completed.collect(),
            members: views.iter().filter_map(|(index, view)| Some((*index, named(view)?))).collect(),
        }
    }

    /// The result at a node, by name of the participants; `None` if it has none.
    pub fn names_at(&self, node: NodeIndex) -> Option<&BTreeSet<NodeIndex>> {
        match self.at.get(&node)? {
            End::Completed { names, .. } => Some(names),
            End::Failed(_) | End::Open => None,
        }
    }
}

impl End {
    fn of(run: &Run, view: &View<'_>) -> Self {
        match (view.status, &view.answer, view.failure) {
            (Status::Completed, Some(answer), _) => {
                let step = view.computation.query.number().map(|number| number.step());
                let steps =
                    step.and_then(|step| Some(answer.total().at_scale(step.scale())? / step.mantissa()));
                let names = run.watch.names_in(steps.unwrap_or(0));
                let names = names.iter().filter_map(|peer| run.places.get(peer).copied()).collect();
                Self::Completed { names, participants: answer.participants(), sum: answer.total() }
            }
            (Status::Failed, _, Some(failure)) => Self::Failed(failure.clone()),
            _ => Self::Open,
        }
    }
}
