//! Computing over reports that are not in memory: they are read back in runs, and what comes of one run is added to what came
//! of the others.

use super::Heavy;
use crate::domain::{ComputationId, Failure};
use crate::protocol::entry::Entry;
use crate::protocol::shelf::Unreadable;
use crate::protocol::turn::Turn;
use crate::sharing::{ReportShare, Scheme};
use crate::wire::{Entry as ListEntry, List};

/// Why a node does not compute over a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lacks {
    /// It does not hold every report of it.
    Report,
    /// It has held them, and can not read them any more.
    Memory,
}

impl Heavy {
    /// Whether every report of a set is held. A participant that sent two different ones may be in the set with the other.
    pub(super) fn has_all(&self, set: &List) -> Result<(), Lacks> {
        if self.held.holds_all(set) { Ok(()) } else { Err(Lacks::Report) }
    }
}

/// Reads reports back and works on them, in runs, each on a thread of its own: whatever is done for every report is done there.
/// Gives what comes of each run, in order.
pub(super) fn in_runs<T: Send>(
    turn: &Turn<'_>,
    id: ComputationId,
    scheme: &Scheme,
    entries: &[ListEntry],
    work: impl Fn(&Scheme, usize, &[ReportShare<'_>]) -> Option<T> + Sync,
) -> Result<Vec<T>, Lacks> {
    let read_and_work = |scheme: &Scheme, begin: usize, run: &[ListEntry]| {
        let participants: Vec<_> = run.iter().map(|entry| entry.participant).collect();
        let held = turn.shares(id, &participants).map_err(|Unreadable| Lacks::Memory)?;
        let same = run.iter().zip(&held).map(|(entry, held)| {
            let held = held.as_ref().filter(|held| held.manifest == entry.manifest)?;
            let (nonce, public) = (&held.nonce, held.public.as_slice());
            Some(ReportShare { nonce, public, share: held.share.expose() })
        });
        let shares: Option<Vec<_>> = same.collect();
        work(scheme, begin, &shares.ok_or(Lacks::Memory)?).ok_or(Lacks::Report)
    };
    scheme.spread(entries, read_and_work).into_iter().collect()
}

impl Entry {
    /// Without what it has held, a node can not go on; without what it has never held, it waits for how it ends.
    pub(super) fn give_up_if_lost(&mut self, turn: &mut Turn<'_>, lacks: Lacks) {
        if lacks == Lacks::Memory {
            self.fail(turn, Failure::MemoryLost { heavy: turn.me() });
        }
    }
}
