//! What takes long, because it goes through the reports of a whole set: done a slice a turn. Between two slices the node takes what has
//! come meanwhile, and whatever that changes counts: with the computation its work ends, and verdicts that rest on another basis
//! begin anew.
//!
//! What has come of it so far is in memory alone. After a restart it begins again from what is persisted.

use std::collections::{BTreeMap, BTreeSet};

use super::runs::{Lacks, in_runs};
use super::{Heavy, Step};
use crate::domain::{Computation, ComputationId, Digest, Failure, PeerId};
use crate::protocol::action::Action;
use crate::protocol::entry::Entry;
use crate::protocol::turn::Turn;
use crate::sharing::{ReportShare, Scheme, Secret, Verdict};
use crate::wire::{Blind, Entry as ListEntry, List, verifiers_commitment};

/// The one thing that is being computed, and whether a turn for it is on its way.
#[derive(Debug, Default)]
pub(super) struct Work {
    task: Option<Task>,
    called: Called,
}

/// Whether a turn was asked for that has not come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Called {
    #[default]
    No,
    Yes,
}

/// Something that is computed over the reports of a set, in its order.
#[derive(Debug)]
struct Task {
    goal: Goal,
    /// How many reports it has gone through.
    done: usize,
    progress: Progress,
}

/// Whether there is more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    More,
    Over,
}

/// What is computed, and what has come of it so far.
#[derive(Debug)]
enum Goal {
    Verifiers(OwnVerifiers),
    Verdicts { basis: Basis, refused: BTreeMap<PeerId, Verdict> },
    Sum { tally: Tally, over: Over },
}

/// Which reports are gone through for a sum.
#[derive(Debug)]
enum Over {
    /// The accepted ones, which are added up.
    Accepted,
    /// These, which did not verify: they are in the sum that came with the verifier shares, and are taken out. So reports are read back
    /// once, as a rule.
    Refused(List),
}

/// This node's verifier shares of the frozen set.
#[derive(Debug)]
pub(super) struct OwnVerifiers {
    /// All of them are queried under this one.
    key: Secret<[u8; 32]>,
    /// With room for all from the beginning: growing would leave copies behind.
    pub shares: Secret<Vec<u8>>,
    /// This node's sum over the frozen set, unless one of its shares cannot be read.
    pub sum: Option<Secret<Vec<u8>>>,
    /// Unless this node has committed already: a blind for each whole batch, and its commitment.
    pub batches: Vec<(Blind, Digest)>,
}

/// What verdicts rest on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Basis {
    /// Whose verifier shares count, with their places; nobody's where nothing is proven.
    pub counted: Vec<(usize, PeerId)>,
    /// The commitments to them, or the decision that names them, as a vote does.
    pub digest: Option<Digest>,
}

/// What a vote is made of.
#[derive(Debug)]
pub(super) struct Tally {
    basis: Basis,
    /// Whose reports of the frozen set did not verify, and what was said of them.
    pub refused: BTreeMap<PeerId, Verdict>,
    /// The frozen set without these.
    pub accepted: List,
    /// The sum over them, without noise.
    pub sum: Secret<Vec<u8>>,
}

impl Task {
    const fn new(goal: Goal) -> Self {
        Self { goal, done: 0, progress: Progress::More }
    }

    /// Whether what it has done so far is of use when this is what verdicts rest on.
    fn rests_on(&self, now: Option<&Basis>) -> bool {
        match &self.goal {
            // The key and the frozen set stay what they are.
            Goal::Verifiers(_) => true,
            Goal::Verdicts { basis, .. } | Goal::Sum { tally: Tally { basis, .. }, .. } => Some(basis) == now,
        }
    }

    /// What is worked through for one report.
    fn bytes_each(&self, scheme: &Scheme) -> usize {
        let longest = (0..scheme.parties()).map(|position| scheme.share_bytes(position)).max();
        let report = longest.unwrap_or(0) + scheme.public_bytes();
        match &self.goal {
            Goal::Verdicts { basis, .. } => {
                let read_back = if scheme.public_bytes() == 0 { 0 } else { report };
                read_back + scheme.verifier_bytes() * basis.counted.len()
            }
            Goal::Verifiers(_) | Goal::Sum { .. } => report,
        }
    }
}

impl Entry {
    /// A turn to compute: one slice.
    pub fn on_work(&mut self, turn: &mut Turn<'_>) {
        let computation = self.computation.clone();
        let (id, basis) = (self.id, self.basis(turn.me()));
        let Some(heavy) = self.heavy_mut() else { return };
        heavy.work.called = Called::No;
        let Some(mut task) = heavy.work.task.take().filter(|task| task.rests_on(basis.as_ref())) else {
            self.advance(turn);
            return;
        };
        if task.progress == Progress::More
            && let Err(lacks) = heavy.slice(turn, id, computation.get(), &mut task)
        {
            self.give_up_if_lost(turn, lacks);
            return;
        }
        let progress = task.progress;
        self.go_on(turn, Ok(Some(task)));
        if progress == Progress::Over {
            self.advance(turn);
        }
    }

    /// Keeps what is being computed, and asks for a turn for it, if there is more to do.
    fn go_on(&mut self, turn: &mut Turn<'_>, task: Result<Option<Task>, Lacks>) {
        let computation = self.id;
        match task {
            Ok(Some(task)) => {
                let Some(heavy) = self.heavy_mut() else { return };
                if task.progress == Progress::More && heavy.work.called == Called::No {
                    heavy.work.called = Called::Yes;
                    turn.act(Action::Work { computation });
                }
                heavy.work.task = Some(task);
            }
            Ok(None) => {}
            Err(lacks) => self.give_up_if_lost(turn, lacks),
        }
    }

    /// This node's verifier shares of the frozen set, once they are computed; until then it sees to it that they are.
    pub(super) fn own_verifiers(&mut self, turn: &mut Turn<'_>) -> Option<OwnVerifiers> {
        let computation = self.computation.clone();
        let id = self.id;
        let heavy = self.heavy_mut()?;
        let task = match heavy.work.task.take() {
            Some(Task { goal: Goal::Verifiers(own), progress: Progress::Over, .. }) => return Some(own),
            Some(task) => Ok(Some(task)),
            None => heavy.begin_verifiers(turn.me(), id, computation.get()),
        };
        self.go_on(turn, task);
        None
    }

    /// What this node's verdicts rest on, once all of it is here.
    pub(super) fn basis(&self, me: PeerId) -> Option<Basis> {
        let (terms, heavy) = (self.terms(), self.heavy()?);
        if !terms.sharing.is_proven() {
            return self.set_is_fixed().then(Basis::default);
        }
        if !matches!(heavy.step, Step::Verifying { .. }) {
            return None;
        }
        let counted = heavy.counted_verifiers(self.id, me, terms)?;
        Some(Basis { counted, digest: self.judged_by() })
    }

    /// Whose reports verify on this basis, and the sum over these, once it is computed; until then it sees to it that it is. Every heavy
    /// node finds the same verdicts. `None`, too, where the computation has just ended because of them.
    pub(super) fn tally(&mut self, turn: &mut Turn<'_>, basis: Basis) -> Option<Tally> {
        let proven = self.terms().sharing.is_proven();
        let task = match self.heavy_mut()?.work.task.take().filter(|task| task.rests_on(Some(&basis))) {
            Some(Task { goal: Goal::Sum { tally, .. }, progress: Progress::Over, .. }) => return Some(tally),
            Some(Task { goal: Goal::Verdicts { refused, .. }, progress: Progress::Over, .. }) => {
                self.begin_sum(turn, basis, refused)
            }
            Some(task) => Ok(Some(task)),
            None if proven => self.heavy()?.begin_verdicts(basis),
            None => self.begin_sum(turn, basis, BTreeMap::new()),
        };
        self.go_on(turn, task);
        None
    }

    /// With the verdicts: adds up what is left, if it is enough.
    fn begin_sum(
        &mut self,
        turn: &mut Turn<'_>,
        basis: Basis,
        refused: BTreeMap<PeerId, Verdict>,
    ) -> Result<Option<Task>, Lacks> {
        let computation = self.computation.clone();
        let (id, me, terms) = (self.id, turn.me(), computation.get());
        let Some((heavy, frozen)) = self.heavy().and_then(|heavy| Some((heavy, heavy.step.frozen()?))) else {
            return Ok(None);
        };
        let left_out: BTreeSet<_> = refused.keys().copied().collect();
        let accepted = frozen.without(&left_out);
        let (participants, minimum) = (accepted.participants(), terms.min_participants);
        let failure = if participants < minimum {
            Some(Failure::InsufficientParticipants { accepted: participants, minimum })
        } else {
            heavy.unsound_noise(id, me, terms)
        };
        if let Some(failure) = failure {
            self.fail(turn, failure);
            return Ok(None);
        }
        let (position, scheme) = heavy.place(me, terms)?;
        heavy.has_all(&accepted)?;
        let (sum, over) = match &heavy.verifying.own_sum {
            Some(sum) => {
                (sum.clone(), Over::Refused(frozen.retain(|entry| left_out.contains(&entry.participant))))
            }
            None => (nothing(&scheme, id, position)?, Over::Accepted),
        };
        Ok(Some(Task::new(Goal::Sum { tally: Tally { basis, refused, accepted, sum }, over })))
    }
}

impl Heavy {
    /// Nothing while it is not known by which key, or of which set.
    fn begin_verifiers(
        &self,
        me: PeerId,
        id: ComputationId,
        terms: &Computation,
    ) -> Result<Option<Task>, Lacks> {
        let Some((key, frozen)) = self.verifying.key(id, &terms.heavy).zip(self.step.frozen()) else {
            return Ok(None);
        };
        let (position, scheme) = self.place(me, terms)?;
        self.has_all(frozen)?;
        let sum = Some(nothing(&scheme, id, position)?);
        let bytes = frozen.entries().len() * scheme.verifier_bytes() + self.noise_verifier_bytes(&scheme);
        let shares = Secret::new(Vec::with_capacity(bytes));
        Ok(Some(Task::new(Goal::Verifiers(OwnVerifiers { key, shares, sum, batches: Vec::new() }))))
    }

    fn begin_verdicts(&self, basis: Basis) -> Result<Option<Task>, Lacks> {
        let Some(frozen) = self.step.frozen() else { return Ok(None) };
        // Also where nothing of the reports themselves is needed, a node that lacks one does not judge.
        self.has_all(frozen)?;
        Ok(Some(Task::new(Goal::Verdicts { basis, refused: BTreeMap::new() })))
    }

    /// As many reports as a slice has, from where the task stands.
    fn slice(
        &self,
        turn: &mut Turn<'_>,
        id: ComputationId,
        terms: &Computation,
        task: &mut Task,
    ) -> Result<(), Lacks> {
        let (me, (position, scheme)) = (turn.me(), self.place(turn.me(), terms)?);
        let reports = turn.settings().slice.of(task.bytes_each(&scheme));
        let set = match &task.goal {
            Goal::Verifiers(_) | Goal::Verdicts { .. } => self.step.frozen().cloned(),
            Goal::Sum { over: Over::Refused(refused), .. } => Some(refused.clone()),
            Goal::Sum { tally, over: Over::Accepted } => Some(tally.accepted.clone()),
        };
        let set = set.ok_or(Lacks::Report)?;
        let all = set.entries();
        let begin = task.done;
        let end = all.len().min(begin + reports);
        let run = all.get(begin..end).ok_or(Lacks::Report)?;
        let progress = if end == all.len() { Progress::Over } else { Progress::More };
        let ctx = id.as_bytes();
        let sum = |scheme: &Scheme, reports: &[ReportShare<'_>]| {
            scheme.partial_sum(ctx, position, reports.iter().copied()).ok()
        };
        match &mut task.goal {
            Goal::Verifiers(own) => {
                let key = own.key.expose();
                let runs = in_runs(turn, id, &scheme, run, |scheme, _, reports| {
                    let shares = Secret::new(scheme.verifier_shares(key, ctx, position, reports));
                    Some((shares, sum(scheme, reports)))
                })?;
                for (shares, run) in runs {
                    own.add(&scheme, &shares, run);
                }
                if progress == Progress::Over {
                    let noise = self.noise_verifiers(&scheme, own.key.expose(), id);
                    own.shares.expose_mut().extend(noise);
                }
                if !self.verifying.commitments.contains_key(&me) {
                    own.fix_batches(turn, id, scheme.batch_bytes(), progress);
                }
            }
            Goal::Verdicts { basis, refused } => {
                let judge = |scheme: &Scheme, at: usize, publics: &[&[u8]]| {
                    let run = run.get(at..at + publics.len())?;
                    self.refused(me, id, scheme, basis, (begin + at, run), publics)
                };
                let judged = if scheme.public_bytes() == 0 {
                    let runs = scheme.spread(&vec![&[][..]; run.len()], judge);
                    runs.into_iter().map(|run| run.ok_or(Lacks::Report)).collect()
                } else {
                    in_runs(turn, id, &scheme, run, |scheme, at, reports| {
                        let publics: Vec<_> = reports.iter().map(|report| report.public).collect();
                        judge(scheme, at, &publics)
                    })
                };
                refused.extend(judged?.into_iter().flatten());
            }
            Goal::Sum { tally, over } => {
                for run in in_runs(turn, id, &scheme, run, |scheme, _, reports| sum(scheme, reports))? {
                    let counted = match over {
                        Over::Accepted => scheme.add_partial_sum(&mut tally.sum, &run),
                        Over::Refused(_) => scheme.subtract_partial_sum(&mut tally.sum, &run),
                    };
                    counted.map_err(|_| Lacks::Report)?;
                }
            }
        }
        (task.done, task.progress) = (end, progress);
        Ok(())
    }

    /// Whose reports, of some of the frozen set from a place on, the verifier shares that count leave out.
    fn refused(
        &self,
        me: PeerId,
        id: ComputationId,
        scheme: &Scheme,
        basis: &Basis,
        (begin, run): (usize, &[ListEntry]),
        publics: &[&[u8]],
    ) -> Option<Vec<(PeerId, Verdict)>> {
        let one = scheme.verifier_bytes();
        let bytes = begin * one..(begin + run.len()) * one;
        let verifiers = basis
            .counted
            .iter()
            .map(|(place, node)| Some((*place, self.verifiers_in(me, node, scheme, bytes.clone())?)))
            .collect::<Option<Vec<_>>>()?;
        let verifiers: Vec<_> = verifiers.iter().map(|(place, shares)| (*place, shares.as_slice())).collect();
        let verdicts = scheme.verdicts(id.as_bytes(), publics, &verifiers).ok()?;
        let judged = run.iter().map(|entry| entry.participant).zip(verdicts);
        Some(judged.filter(|(_, verdict)| *verdict != Verdict::Valid).collect())
    }
}

impl OwnVerifiers {
    /// With the verifier shares of more reports, and the sum over these, if all of them can be read.
    fn add(&mut self, scheme: &Scheme, shares: &Secret<Vec<u8>>, run: Option<Secret<Vec<u8>>>) {
        self.shares.expose_mut().extend_from_slice(shares.expose());
        let both = self.sum.take().zip(run);
        self.sum = both.and_then(|(mut sum, run)| scheme.add_partial_sum(&mut sum, &run).ok().map(|()| sum));
    }

    /// Draws a blind for each batch that is whole now, and commits to it; in the end for what is left, too.
    fn fix_batches(&mut self, turn: &mut Turn<'_>, id: ComputationId, batch_bytes: usize, progress: Progress) {
        let me = turn.me();
        let all = self.shares.expose();
        for shares in all.chunks(batch_bytes).skip(self.batches.len()) {
            if shares.len() < batch_bytes && progress == Progress::More {
                break;
            }
            let batch = u32::try_from(self.batches.len()).unwrap_or(u32::MAX);
            let blind = turn.secret_bytes();
            let commitment = verifiers_commitment(id, me, batch, &blind, shares);
            self.batches.push((blind, commitment));
        }
    }
}

/// The partial sum over no reports at all.
fn nothing(scheme: &Scheme, id: ComputationId, position: usize) -> Result<Secret<Vec<u8>>, Lacks> {
    scheme.partial_sum(id.as_bytes(), position, []).map_err(|_| Lacks::Report)
}

#[cfg(test)]
#[path = "work_tests.rs"]
mod tests;
