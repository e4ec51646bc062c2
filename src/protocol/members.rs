//! Who was in the set: names go to the proposer, the heavy nodes and the participants, and to nobody else.
//!
//! The votes of a certificate name the accepted set by its digest. A heavy node that holds the set keeps it when the
//! computation ends, gives it unasked to whom it gives the certificate, and to others for the asking. Whoever gets
//! it compares it with the certificate, keeps it, and never passes it on unless it is a heavy node itself.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::entry::{Entry, Outcome, Stage};
use super::heavy::Heavy;
use super::node::State;
use super::turn::Turn;
use super::view::OwnPart;
use crate::domain::limits::{MEMBERS_ASKED_MAX, MEMBERS_KEPT_MAX, MEMBERS_MAX, MEMBERS_ROUNDS_MAX};
use crate::domain::{ComputationId, PeerId, Timestamp};
use crate::wire::{Certificate, Entry as ListEntry, List, Message, Record, RecordKind, Vote, Want};

/// What a node knows of the accepted set of one computation.
#[derive(Debug, Default)]
pub(super) struct Members {
    /// The set, as the certificate names it.
    pub list: Option<List>,
    /// How often it was asked for since this node started.
    asked: usize,
    /// A heavy node that sent it before its certificate was here.
    early: Option<PeerId>,
}

/// Whom to ask for a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// This heavy node, which is there now.
    Met(PeerId),
    /// The connected heavy nodes in turn.
    InTurn,
}

impl Members {
    /// A set from the store.
    pub fn restored(list: Option<List>) -> Self {
        Self { list, ..Self::default() }
    }
}

impl Vote {
    /// How many names there are to tell; `None` where there are too many.
    fn names(&self) -> Option<usize> {
        usize::try_from(self.participants).ok().filter(|names| *names <= MEMBERS_MAX)
    }
}

impl Entry {
    /// What the votes of its certificate say; all say the same of the set.
    fn certified(&self) -> Option<&Vote> {
        match &self.stage {
            Stage::Ended(Outcome::Completed { certificate, .. } | Outcome::Impossible { certificate, .. }) => {
                certificate.votes.first().map(|vote| vote.get())
            }
            Stage::Ended(Outcome::Failed { .. }) | Stage::Proposed { .. } | Stage::Running { .. } => None,
        }
    }

    /// Whether this node may be told the names: it asked, added up, or answered.
    pub fn has_part(&self, me: &PeerId) -> bool {
        self.terms().proposer == *me || self.terms().has_heavy(me) || self.own == OwnPart::Answered
    }

    /// Whether a node may be told the names in this set.
    fn may_read(&self, list: &List, peer: &PeerId) -> bool {
        self.terms().proposer == *peer || self.terms().has_heavy(peer) || list.names(peer)
    }

    /// A heavy node keeps the set that it has added up. The certificate is persisted.
    pub fn keep_own_set(&mut self, turn: &mut Turn<'_>, certificate: &Certificate) {
        if self.members.list.is_some() {
            return;
        }
        if let Some(list) = self.heavy().and_then(|heavy| own_set(self.id, heavy, certificate)) {
            self.keep_set(turn, list);
        }
    }

    fn keep_set(&mut self, turn: &mut Turn<'_>, list: List) {
        turn.persist(Record::Members { computation: self.id, entries: list.entries().to_vec() });
        self.members.list = Some(list);
    }

    /// As one of its heavy nodes, gives the set to a node that may read it.
    pub fn send_members(&self, turn: &mut Turn<'_>, to: PeerId) {
        let me = turn.me();
        if let Some(list) = &self.members.list
            && to != me
            && self.terms().has_heavy(&me)
            && self.may_read(list, &to)
        {
            turn.send(to, Message::Members { computation: self.id, entries: list.entries().to_vec() });
        }
    }

    /// Whoever sent the set before the certificate came is asked for it now.
    pub fn ask_again_for_members(&mut self, turn: &mut Turn<'_>) {
        if let Some(heavy) = self.members.early.take().filter(|_| self.members.list.is_none()) {
            turn.send(heavy, Message::Want { computation: self.id, want: Want::Members });
        }
    }

    /// Takes a set that a heavy node tells, or says why not.
    fn take_members(
        &mut self,
        turn: &mut Turn<'_>,
        from: PeerId,
        entries: Vec<ListEntry>,
    ) -> Result<(), &'static str> {
        let me = turn.me();
        if self.members.list.is_some() {
            return Ok(());
        }
        if !self.terms().has_heavy(&from) {
            return Err("it does not come from one of its heavy nodes");
        }
        if !self.has_part(&me) {
            return Err("this node has no part in it");
        }
        let Some(vote) = self.certified() else {
            self.members.early = Some(from);
            return Err("its certificate is not here yet");
        };
        let list = List::accepted(entries);
        let named = list.participants() == vote.participants
            && list.is_well_formed(self.id)
            && list.digest(self.id) == vote.accepted;
        if !named {
            return Err("it is not the set that the votes are for");
        }
        if !self.may_read(&list, &me) {
            return Err("this node is not in the set");
        }
        self.keep_set(turn, list);
        self.changed(turn);
        Ok(())
    }

    /// Whom to ask for the set, if it is lacking and not everybody has been asked often enough.
    fn ask_members_of(&self, state: &State, me: &PeerId, asked: Asked) -> Option<PeerId> {
        let heavy = &self.terms().heavy;
        if self.members.list.is_some() || self.members.asked >= MEMBERS_ROUNDS_MAX * heavy.len() {
            return None;
        }
        match asked {
            Asked::Met(peer) => heavy.contains(&peer).then_some(peer),
            Asked::InTurn => {
                let start = (usize::from(me.public_key()[0]) + self.members.asked) % heavy.len().max(1);
                let mut in_turn = heavy.iter().cycle().skip(start).take(heavy.len());
                in_turn.find(|heavy| state.peers.contains_key(heavy)).copied()
            }
        }
    }
}

impl State {
    /// A heavy node tells whose reports were added up.
    pub fn on_members(
        &mut self,
        turn: &mut Turn<'_>,
        from: PeerId,
        id: ComputationId,
        entries: Vec<ListEntry>,
    ) {
        let taken = match self.entries.get_mut(&id) {
            Some(entry) => entry.take_members(turn, from, entries),
            None => Err("this node does not know the computation"),
        };
        match taken {
            Ok(()) => self.compare(turn, id),
            Err(why) => turn.ignore(from, "members", why),
        }
    }

    /// Asks for sets that this node may know and lacks, the newest first.
    pub fn ask_for_members(&mut self, turn: &mut Turn<'_>, asked: Asked) {
        let me = turn.me();
        let newest = self.newest_sets(&me);
        let lacking: Vec<_> = newest
            .iter()
            .take(fitting(&newest))
            .filter_map(|set| Some((set.id, self.entries.get(&set.id)?.ask_members_of(self, &me, asked)?)))
            .take(MEMBERS_ASKED_MAX)
            .collect();
        for (id, heavy) in lacking {
            self.with(id, |entry| entry.members.asked += 1);
            turn.send(heavy, Message::Want { computation: id, want: Want::Members });
        }
    }

    /// Forgets the oldest sets when there are too many names.
    pub fn forget_old_sets(&mut self, turn: &mut Turn<'_>) {
        let newest = self.newest_sets(&turn.me());
        let (kept, surplus) = newest.split_at(fitting(&newest));
        let of_entries = kept.iter().map(|set| set.id).filter(|id| self.entries.contains_key(id));
        let kept: BTreeSet<_> = of_entries.collect();
        for entry in self.entries.values_mut().filter(|entry| !kept.contains(&entry.id)) {
            if entry.members.list.take().is_some() {
                turn.erase(RecordKind::Members, entry.id);
            }
        }
        for set in surplus {
            if self.past.drop_set(&set.id) {
                turn.erase(RecordKind::Members, set.id);
            }
        }
    }

    /// The computations with a certificate in which this node has a part, the newest first; pruned answers among them.
    fn newest_sets(&self, me: &PeerId) -> Vec<Sized> {
        let mine = self.entries.values().filter(|entry| entry.has_part(me));
        let mine = mine.filter_map(|entry| {
            let names = entry.certified()?.names()?;
            Some(Sized { proposed_at: Reverse(entry.terms().proposed_at), id: entry.id, names })
        });
        let past = self.past.sets().map(|(id, proposed_at, set)| Sized {
            proposed_at: Reverse(proposed_at),
            id,
            names: set.names.len(),
        });
        let mut all: Vec<_> = mine.chain(past).collect();
        all.sort_unstable();
        all
    }
}

/// A computation and how many names are in its set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Sized {
    proposed_at: Reverse<Timestamp>,
    id: ComputationId,
    names: usize,
}

/// Of how many sets, from the first on, the names may be kept.
fn fitting(sets: &[Sized]) -> usize {
    let mut names = 0;
    let fits = sets.iter().take_while(|set| {
        names += set.names;
        names <= MEMBERS_KEPT_MAX
    });
    fits.count()
}

/// The set that the votes name, if it is what this heavy node has accepted, frozen or listed and not too large to tell.
pub(super) fn own_set(id: ComputationId, heavy: &Heavy, certificate: &Certificate) -> Option<List> {
    let vote = certificate.votes.first()?.get();
    vote.names()?;
    heavy.set_of(id, vote.accepted).cloned()
}
