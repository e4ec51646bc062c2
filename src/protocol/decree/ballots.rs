//! Prepares or commits, as far as they have come: at most three a heavy node.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::wire::{Ballot, Signed};

/// By the place of their signers, so that everything taken from here is in the order of the heavy nodes.
type Places<T> = BTreeMap<usize, Signed<T>>;

/// The ballots of one kind. Whatever a heavy node sends, it takes up no more than its own three places.
#[derive(Clone, Debug)]
pub(super) struct Ballots<T> {
    /// The last one of a view that is over: a contradiction, or a commit that is hidden later, shows against it.
    past: Places<T>,
    /// Of this node's view.
    now: Places<T>,
    /// Came early: of the highest view above.
    ahead: Places<T>,
}

impl<T> Default for Ballots<T> {
    fn default() -> Self {
        Self { past: BTreeMap::new(), now: BTreeMap::new(), ahead: BTreeMap::new() }
    }
}

impl<T: Ballot + Clone> Ballots<T> {
    /// Keeps a ballot, `view` being this node's view; the first one of a view stays. An earlier ballot of the
    /// same node, in the same view and for another choice, is given back.
    pub fn insert(&mut self, view: u32, position: usize, ballot: &Signed<T>) -> Option<Signed<T>> {
        let new = ballot.get();
        let contradicts =
            |held: &&Signed<T>| held.get().view() == new.view() && held.get().choice() != new.choice();
        if let Some(held) = self.of(position).find(contradicts) {
            return Some(held.clone());
        }
        let places = match new.view().cmp(&view) {
            Ordering::Less => &mut self.past,
            Ordering::Equal => &mut self.now,
            Ordering::Greater => &mut self.ahead,
        };
        if places.get(&position).is_none_or(|held| held.get().view() < new.view()) {
            places.insert(position, ballot.clone());
        }
        None
    }

    /// This node goes up to this view.
    pub fn turn(&mut self, view: u32) {
        self.past.append(&mut self.now);
        for (position, ballot) in std::mem::take(&mut self.ahead) {
            self.insert(view, position, &ballot);
        }
    }

    /// Everything that is kept of one heavy node.
    pub fn of(&self, position: usize) -> impl Iterator<Item = &Signed<T>> {
        [&self.past, &self.now, &self.ahead].into_iter().filter_map(move |places| places.get(&position))
    }

    /// All of this view.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        self.now.values().map(Signed::get)
    }

    /// The first so many of this view that `wanted` lets through, if there are as many.
    pub fn quorum(&self, size: usize, wanted: impl Fn(&T) -> bool) -> Option<Vec<Signed<T>>> {
        let found: Vec<_> =
            self.now.values().filter(|ballot| wanted(ballot.get())).take(size).cloned().collect();
        (found.len() == size).then_some(found)
    }
}
