//! Names: they stay among those who have a part, are those that the votes are for, and reach everybody who has one.

use std::collections::BTreeSet;

use super::super::machine::Machine;
use super::super::violation::{Check, Invariant};
use super::{Actor, Case, Watch, statement_of};
use crate::domain::limits::SIMILAR_BELOW;
use crate::domain::{ComputationId, PeerId};
use crate::protocol::{OwnPart, View};
use crate::wire::{Comparison, Entry, List, Record, RecordKind};

impl Watch {
    /// What is kept as the set is the one that the votes of this node's certificate are for, and this node has a part.
    pub(super) fn learns_names(&mut self, actor: Actor<'_>, id: ComputationId, entries: &[Entry]) -> Check {
        let list = List::accepted(entries.to_vec());
        let certificate = statement_of(actor, id, RecordKind::Certificate);
        let vote = match certificate {
            Some(Record::Certificate(certificate)) => certificate.votes.first().map(|vote| vote.get()),
            _ => None,
        };
        let named = vote
            .is_some_and(|vote| (vote.accepted, vote.participants) == (list.digest(id), list.participants()));
        Invariant::Names.check(named, || {
            format!("{} keeps a set of {id} that its certificate does not name", actor.index)
        })?;
        let may = self.case(id)?.may_read(&list, &actor.peer);
        Invariant::Names
            .check(may, || format!("{} keeps names of {id}, which are not its business", actor.index))
    }

    /// Names leave a heavy node of the computation, for somebody who has a part, as they are kept.
    pub(super) fn tells_names(
        &mut self,
        actor: Actor<'_>,
        to: PeerId,
        id: ComputationId,
        entries: &[Entry],
    ) -> Check {
        let kept = statement_of(actor, id, RecordKind::Members);
        let same = matches!(kept, Some(Record::Members { entries: kept, .. }) if kept == entries);
        Invariant::PersistedFirst.check(same, || format!("{} tells other names than it keeps", actor.index))?;
        let case = self.case(id)?;
        let list = List::accepted(entries.to_vec());
        let may = case.computation.has_heavy(&actor.peer) && case.may_read(&list, &to);
        Invariant::Names.check(may, || format!("{} tells {to:?} the names of {id}", actor.index))
    }

    /// A comparison is of an answered question, with sets that are kept, and counts right.
    pub(super) fn compares(actor: Actor<'_>, comparison: &Comparison) -> Check {
        let id = comparison.computation;
        let answered = statement_of(actor, id, RecordKind::Ledger).is_some();
        let own = members(actor, id);
        let counted = u32::try_from(own.len()) == Ok(comparison.members) && own.contains(&actor.peer);
        Invariant::Names
            .check(answered && counted, || format!("{} compares a set that it is not in", actor.index))?;
        for similar in &comparison.similar {
            let apart = own.symmetric_difference(&members(actor, similar.other)).count();
            let right = u32::try_from(apart) == Ok(similar.difference) && (1..SIMILAR_BELOW).contains(&apart);
            Invariant::Names
                .check(right, || format!("{} finds {similar:?} of {id}, where {apart} differ", actor.index))?;
        }
        Ok(())
    }

    /// Whether this node should still learn who was in a set. `told` are the computations whose set an honest heavy node has.
    pub fn lacks_names(&self, peer: &PeerId, view: &View<'_>, told: &BTreeSet<ComputationId>) -> bool {
        let Some(case) = self.cases.get(&view.id).filter(|_| view.members.is_none()) else { return false };
        let vote = view.certificate.and_then(|certificate| certificate.votes.first());
        let set = vote.and_then(|vote| case.accepted.get(&vote.get().accepted));
        let takes_part = view.own == OwnPart::Answered
            && set.is_some_and(|set| set.iter().any(|(participant, _)| participant == peer));
        let may = takes_part || case.computation.proposer == *peer || case.computation.has_heavy(peer);
        told.contains(&view.id) && vote.is_some() && may
    }

    /// When everything should be over: names have come to whom they are for.
    pub fn names_at_end(&self, machine: &Machine, views: &[View<'_>], told: &BTreeSet<ComputationId>) -> Check {
        let peer = machine.identity.peer();
        for view in views {
            Invariant::Names.check(!self.lacks_names(&peer, view, told), || {
                format!("{} never learns who was in the set of {}", machine.index, view.id)
            })?;
        }
        Ok(())
    }
}

impl Case {
    /// Whether a node has a part in the computation with this set.
    fn may_read(&self, list: &List, peer: &PeerId) -> bool {
        self.computation.proposer == *peer || self.computation.has_heavy(peer) || list.names(peer)
    }
}

/// The names that a node keeps.
fn members(actor: Actor<'_>, id: ComputationId) -> BTreeSet<PeerId> {
    match statement_of(actor, id, RecordKind::Members) {
        Some(Record::Members { entries, .. }) => entries.iter().map(|entry| entry.participant).collect(),
        _ => BTreeSet::new(),
    }
}
