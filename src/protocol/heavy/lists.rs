//! Lists that differ: each heavy node tells the outline of its own, and then the leaves that others lack (docs/PROTOCOL.md).

use std::collections::BTreeSet;

use super::Heavy;
use crate::domain::limits::EXCLUSIONS_MAX;
use crate::domain::{ComputationId, Digest, PeerId};
use crate::protocol::entry::Entry;
use crate::protocol::turn::Turn;
use crate::wire::{Close, Entry as ListEntry, Filled, List, Message, NotTheLeaf, Outline, Signed, Told, Want};

/// A heavy node's list, as this node knows it.
#[derive(Clone, Copy)]
pub(super) enum Listing<'a> {
    /// The same as this node's own.
    Own(&'a List),
    /// Another one, of which every leaf has come.
    Other(&'a Told),
}

impl Listing<'_> {
    pub fn contains(&self, entry: &ListEntry) -> bool {
        match self {
            Self::Own(list) => list.contains(entry),
            Self::Other(told) => told.contains(entry),
        }
    }

    pub fn excludes(&self, participant: &PeerId) -> bool {
        match self {
            Self::Own(list) => list.exclusion_of(participant).is_some(),
            Self::Other(told) => told.excludes(participant),
        }
    }

    fn outline(&self, id: ComputationId) -> Outline {
        match self {
            Self::Own(list) => list.outline(id),
            Self::Other(told) => told.outline().clone(),
        }
    }

    fn filled(&self, id: ComputationId, leaves: &[u32]) -> Vec<Filled> {
        match self {
            Self::Own(list) => list.filled(id, leaves),
            Self::Other(told) => told.filled(leaves),
        }
    }
}

/// What is on every one of these lists. Whoever one of them excludes is not on that one.
pub(super) fn agreed(lists: &[Listing<'_>]) -> List {
    let own = lists.iter().find_map(|listing| match listing {
        Listing::Own(list) => Some(*list),
        Listing::Other(_) => None,
    });
    let others = || {
        lists.iter().filter_map(|listing| match listing {
            Listing::Own(_) => None,
            Listing::Other(told) => Some(*told),
        })
    };
    if let Some(own) = own {
        let left_out: BTreeSet<_> = others().flat_map(Told::left_out).collect();
        return own.without(&left_out);
    }
    // This node's own list does not count.
    let first = others().next().map(Told::to_list).unwrap_or_default();
    first.retain(|entry| others().all(|told| told.contains(entry)))
}

impl Heavy {
    /// The list of a heavy node, once every report on it is known.
    pub(super) fn list_of(&self, me: PeerId, other: &PeerId) -> Option<Listing<'_>> {
        let named = self.said.closes.get(other)?.get().list;
        self.own_list_if(me, named).or_else(|| {
            let told = self.said.lists.get(other).filter(|told| told.is_complete());
            told.map(Listing::Other)
        })
    }

    /// This node's own list, once it has closed, if this is its digest.
    fn own_list_if(&self, me: PeerId, digest: Digest) -> Option<Listing<'_>> {
        let own = self.said.closes.get(&me).filter(|own| own.get().list == digest);
        own.and_then(|_| self.step.list()).map(Listing::Own)
    }

    /// The list with this digest, this node's own or that of whoever has closed over it: the digest fixes reports and exclusions, so it does
    /// not matter whose.
    pub(super) fn list_named(&self, me: PeerId, digest: Digest) -> Option<Listing<'_>> {
        let others = || {
            let closed_over_it = self.said.closes.iter().filter(|(_, close)| close.get().list == digest);
            closed_over_it.map(|(other, _)| other).find_map(|other| self.list_of(me, other))
        };
        self.own_list_if(me, digest).or_else(others)
    }

    /// The digest of the list with which a heavy node will close, if that is this node's own: it has said that it lacks nobody.
    pub(super) fn list_promised_by(&self, me: PeerId, other: &PeerId) -> Option<Digest> {
        let promised =
            self.said.complete.get(other).copied().filter(|_| !self.said.closes.contains_key(other))?;
        self.own_list_if(me, promised).map(|_| promised)
    }
}

impl Entry {
    /// Whoever holds another list is told this node's own, once both are closed.
    pub(super) fn send_list_if_different(&self, turn: &mut Turn<'_>, other: PeerId) {
        let (me, Some(heavy)) = (turn.me(), self.heavy()) else { return };
        let digest = |peer: &PeerId| heavy.said.closes.get(peer).map(|close| close.get().list);
        if let (Some(own), Some(others)) = (digest(&me), digest(&other))
            && own != others
        {
            self.send_list_of(turn, other, me);
        }
    }

    /// The outline of a heavy node's list, for another one; and its reports where they are one leaf.
    pub(super) fn send_list_of(&self, turn: &mut Turn<'_>, to: PeerId, owner: PeerId) {
        let (id, me, Some(heavy)) = (self.id, turn.me(), self.heavy()) else { return };
        let known = heavy.said.closes.get(&owner).zip(heavy.list_of(me, &owner));
        let Some((close, list)) = known else { return };
        let outline = list.outline(id);
        let leaves = if outline.leaves.len() == 1 { list.filled(id, &[0]) } else { Vec::new() };
        turn.send(to, Message::List { close: close.clone(), outline, leaves });
    }

    /// Asks for another node's list: for the leaves that are lacking, or for the outline by which they are known.
    pub(super) fn ask_for_list(&self, turn: &mut Turn<'_>, from: PeerId, owner: PeerId, want: Want) {
        let Some(heavy) = self.heavy() else { return };
        let computation = self.id;
        let lacking = heavy.said.lists.get(&owner).map(Told::lacking).unwrap_or_default();
        let message = if lacking.is_empty() {
            Message::Want { computation, want }
        } else {
            Message::Lacking { computation, owner, leaves: lacking }
        };
        turn.send(from, message);
    }

    /// The outline of another heavy node's list. What it leaves open is asked for.
    pub fn on_list(
        &mut self,
        turn: &mut Turn<'_>,
        from: PeerId,
        close: Signed<Close>,
        outline: Outline,
        leaves: Vec<Filled>,
    ) {
        let (id, me, signer, list) = (self.id, turn.me(), close.signer(), close.get().list);
        if !self.may_tell_list(from, signer) || outline.digest(id) != Some(list) {
            turn.ignore(from, "list", "it is not the list that its close names");
            return;
        }
        if !self.keep_close(turn, close) {
            return;
        }
        let most = self.terms().max_participants;
        let Some(heavy) = self.heavy_mut() else { return };
        for exclusion in &outline.exclusions {
            if heavy.held.contains(&exclusion.participant()) {
                heavy.keep_exclusion(turn, id, exclusion.clone());
            }
        }
        // Without a list of its own it cannot tell what it lacks; it asks again when it has closed.
        let own = heavy.step.list().filter(|_| heavy.list_of(me, &signer).is_none());
        if let Some(own) = own.filter(|_| !heavy.said.lists.contains_key(&signer)) {
            let told = Told::new(id, outline, own, most);
            heavy.said.lists.extend(told.map(|told| (signer, told)));
            self.settle_list(turn, from, signer);
        }
        self.take_leaves(turn, from, signer, leaves);
    }

    /// Leaves of another heavy node's list.
    pub fn on_leaves(&mut self, turn: &mut Turn<'_>, from: PeerId, owner: PeerId, leaves: Vec<Filled>) {
        if self.may_tell_list(from, owner) && !leaves.is_empty() {
            self.take_leaves(turn, from, owner, leaves);
        } else {
            turn.ignore(from, "leaves", "they are none, or of somebody else's list");
        }
    }

    /// Another's list comes from others when it may be gone.
    fn may_tell_list(&self, from: PeerId, owner: PeerId) -> bool {
        self.terms().has_heavy(&from) && (owner == from || self.threshold().is_some())
    }

    /// Takes leaves in, asks for the next ones, and goes on with the last one.
    fn take_leaves(&mut self, turn: &mut Turn<'_>, from: PeerId, owner: PeerId, leaves: Vec<Filled>) {
        let id = self.id;
        let lacking = |told: &&mut Told| !told.is_complete();
        let told = self.heavy_mut().and_then(|heavy| heavy.said.lists.get_mut(&owner)).filter(lacking);
        let Some(told) = told else {
            self.advance(turn);
            return;
        };
        let mut news = leaves.is_empty();
        for leaf in leaves {
            match told.take(id, leaf) {
                Ok(new) => news |= new,
                Err(NotTheLeaf) => {
                    turn.ignore(from, "leaves", "they are not what the outline says");
                    return;
                }
            }
        }
        if told.is_complete() {
            self.settle_list(turn, from, owner);
            self.advance(turn);
        } else if news {
            // What says nothing new was asked for twice, and the first answer has asked for more.
            self.ask_for_list(turn, from, owner, Want::List);
        }
    }

    /// A list with all its leaves is one that an honest node makes, or it is dropped.
    fn settle_list(&mut self, turn: &mut Turn<'_>, from: PeerId, owner: PeerId) {
        let id = self.id;
        let Some(heavy) = self.heavy_mut() else { return };
        let Some(told) = heavy.said.lists.get(&owner).filter(|told| told.is_complete()) else { return };
        if told.is_well_formed() {
            heavy.show_conflicts(turn, id, from, owner);
        } else {
            heavy.said.lists.remove(&owner);
            turn.ignore(from, "leaves", "the list that they make is none");
        }
    }

    /// Another heavy node lacks leaves of a list.
    pub fn on_lacking(&self, turn: &mut Turn<'_>, from: PeerId, owner: PeerId, leaves: &[u32]) {
        let (computation, me) = (self.id, turn.me());
        // Each once: what is asked in a few bytes is answered in many.
        if !self.terms().has_heavy(&from) || !leaves.is_sorted_by(|left, right| left < right) {
            turn.ignore(from, "lacking", "it is none of the heavy nodes, or asks for a leaf twice");
            return;
        }
        let Some(list) = self.heavy().and_then(|heavy| heavy.list_of(me, &owner)) else { return };
        let leaves = list.filled(computation, leaves);
        if !leaves.is_empty() {
            turn.send(from, Message::Leaves { computation, owner, leaves });
        }
    }
}

impl Heavy {
    /// Reports on another's list that differ from this node's are shown to it: two signed reports of one participant are
    /// evidence.
    fn show_conflicts(&self, turn: &mut Turn<'_>, id: ComputationId, to: PeerId, owner: PeerId) {
        let news = self.said.lists.get(&owner).into_iter().flat_map(Told::news);
        let differs =
            news.filter(|entry| self.held.get(&entry.participant).is_some_and(|held| held != entry.manifest));
        // More than these nobody excludes.
        for entry in differs.take(EXCLUSIONS_MAX) {
            if let Some(held) = turn.manifest(id, entry.participant) {
                turn.send(to, Message::Conflict(held));
            }
        }
    }

    /// Whether what is held is still what it has closed over.
    pub fn remembers_its_list(&self, id: ComputationId, me: PeerId) -> bool {
        let closed = self.said.closes.get(&me).map(|close| close.get().list);
        closed.is_none_or(|closed| self.step.list().is_some_and(|list| list.digest(id) == closed))
    }

    /// Takes up a close: what is held was on the list, but for those who are excluded.
    pub(super) fn restore_close(&mut self, me: PeerId, close: Signed<Close>, excluded: &[PeerId]) {
        let exclusions = excluded.iter().filter_map(|peer| Some((*peer, self.exclusions.get(peer)?.clone())));
        let list = self.held.list(exclusions.collect());
        self.held.close(&list);
        self.said.closes.insert(me, close);
        if matches!(self.step, super::Step::Collecting) {
            self.step = super::Step::Closed { list };
        }
    }
}
