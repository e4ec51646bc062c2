//! Reading private records beside the loop: a file or a command may take its time.
//!
//! Each reading is a thread of its own, a few at a time; the others wait for their turn. Threads are not waited for when
//! the node stops: what they read is worth nothing then.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use tokio::sync::mpsc;

use super::runtime::Runtime;
use crate::domain::limits::{ENDED_KEPT_MAX, READINGS_AT_ONCE, SOURCE_READ_WAIT};
use crate::domain::{Computation, ComputationId, Query, Unfit};
use crate::protocol::{Event, SourceProblem};
use crate::sources::{FieldInfo, SourceError, Sources};
use crate::statistics::{Encoder, Reading, ReadingError, Tally};

/// The node's sources, and who waits for them.
pub(super) struct Readings {
    sources: Sources,
    /// The fields of each source, as they were when the node started.
    offered: Vec<BTreeSet<String>>,
    unfit: Unfit,
    done: mpsc::Sender<Read>,
    waiting: VecDeque<(ComputationId, Computation)>,
    running: usize,
    /// What was left out of the newest answers, for the owner.
    left_out: VecDeque<(ComputationId, String)>,
}

/// Whether one of a node's own sources has the fields of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Has,
    Lacks,
}

/// What a reading came to.
pub(super) struct Read {
    computation: ComputationId,
    outcome: Result<Reading, Unread>,
}

/// Why there is no measurement, for the owner.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unread {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Records(#[from] ReadingError),
    #[error("the operating system gives no thread to read in: {0}")]
    NoThread(std::io::Error),
}

impl Readings {
    /// The readings of a node, and where they come out.
    pub fn new(sources: Sources, offered: &[FieldInfo], unfit: Unfit) -> (Self, mpsc::Receiver<Read>) {
        let mut by_source: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for field in offered {
            by_source.entry(&field.origin).or_default().insert(field.name.clone());
        }
        let offered = by_source.into_values().collect();
        let (done, read) = mpsc::channel(READINGS_AT_ONCE);
        let (waiting, left_out) = (VecDeque::new(), VecDeque::new());
        (Self { sources, offered, unfit, done, waiting, running: 0, left_out }, read)
    }

    /// Whether one source had all of these fields when the node started. What it has now is known when it is read.
    pub(super) fn offer(&self, query: &Query) -> Source {
        let has = |source: &BTreeSet<String>| query.fields.iter().all(|field| source.contains(&field.name));
        if self.offered.iter().any(has) { Source::Has } else { Source::Lacks }
    }

    /// What was left out of the answer to a question since the node started, if anything was.
    pub(super) fn left_out(&self, computation: ComputationId) -> Option<String> {
        self.left_out.iter().find(|(id, _)| *id == computation).map(|(_, what)| what.clone())
    }

    /// Drops what is known of a question that its owner forgets.
    pub(super) fn forget(&mut self, computation: ComputationId) {
        self.left_out.retain(|(id, _)| *id != computation);
    }

    fn note_left_out(&mut self, computation: ComputationId, tally: &Tally) {
        self.forget(computation);
        if let Some(what) = tally.left_out() {
            self.left_out.push_back((computation, what));
        }
        if self.left_out.len() > ENDED_KEPT_MAX {
            self.left_out.pop_front();
        }
    }

    /// Reads for a question, now or when it is its turn. Each question is read for once at a time, so no more can wait than
    /// questions are known.
    fn add(&mut self, computation: ComputationId, terms: &Computation) {
        self.waiting.push_back((computation, terms.clone()));
    }

    /// Starts what may run.
    fn start(&mut self, until: impl Fn(&Computation) -> Instant) -> Vec<Read> {
        let mut failed = Vec::new();
        while self.running < READINGS_AT_ONCE
            && let Some((computation, terms)) = self.waiting.pop_front()
        {
            let (sources, unfit, done) = (self.sources.clone(), self.unfit, self.done.clone());
            let until = until(&terms);
            let work = move || {
                let outcome = read(&sources, unfit, &terms, until);
                // The node may have stopped.
                drop(done.blocking_send(Read { computation, outcome }));
            };
            match std::thread::Builder::new().name("source".to_owned()).spawn(work) {
                Ok(_) => self.running += 1,
                Err(error) => failed.push(Read { computation, outcome: Err(Unread::NoThread(error)) }),
            }
        }
        failed
    }
}

impl Drop for Readings {
    /// The threads end with the process; programs would go on without anybody who reads them.
    fn drop(&mut self) {
        self.sources.end_programs();
    }
}

fn read(sources: &Sources, unfit: Unfit, terms: &Computation, until: Instant) -> Result<Reading, Unread> {
    let fields: Vec<_> = terms.query.fields.iter().map(|field| field.name.as_str()).collect();
    let mut encoder = Encoder::new(terms, unfit);
    let summary = sources.read(&fields, until, &mut |cells| encoder.row(cells))?;
    Ok(encoder.finish(summary.broken)?)
}

impl Read {
    fn problem(&self) -> Option<SourceProblem> {
        match &self.outcome {
            Ok(_) => None,
            Err(Unread::Source(SourceError::NoSuchField(_))) => Some(SourceProblem::NoSuchField),
            Err(Unread::Source(_) | Unread::NoThread(_)) => Some(SourceProblem::Unreadable),
            Err(Unread::Records(_)) => Some(SourceProblem::Unfit),
        }
    }
}

impl Runtime {
    /// The protocol wants the records of a question.
    pub(super) fn read_source(&mut self, computation: ComputationId) {
        let Some(view) = self.node.view(computation) else { return };
        self.readings.add(computation, view.computation);
        self.start_readings();
    }

    /// A reading has come to an end.
    pub(super) fn on_read(&mut self, read: Read) {
        self.readings.running -= 1;
        self.give_reading(read);
        self.start_readings();
    }

    fn start_readings(&mut self) {
        let (now, begun) = (self.now, Instant::now());
        let until = |terms: &Computation| begun + terms.deadline.since(now).min(SOURCE_READ_WAIT);
        for failed in self.readings.start(until) {
            self.give_reading(failed);
        }
    }

    fn give_reading(&mut self, read: Read) {
        let (computation, problem) = (read.computation, read.problem());
        let outcome = match read.outcome {
            Ok(reading) => {
                let left_out = reading.tally().left_out();
                let said = left_out.as_deref().unwrap_or("every row is used");
                tracing::info!(computation = %computation, "private records read: {said}");
                self.readings.note_left_out(computation, reading.tally());
                Ok(reading)
            }
            Err(why) => {
                tracing::warn!(computation = %computation, "private records not used: {why}");
                Err(problem.unwrap_or(SourceProblem::Unreadable))
            }
        };
        self.handle(Event::SourceRead { computation, outcome });
    }
}
