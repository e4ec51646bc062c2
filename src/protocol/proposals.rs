//! Proposals: this node's own, and those of others who ask it to add up.

use super::action::Notice;
use super::entry::{Entry, Stage};
use super::invitation::Agreed;
use super::node::State;
use super::turn::Turn;
use crate::domain::limits::{OPEN_PER_HEAVY_MAX, OPEN_PER_PROPOSER_MAX};
use crate::domain::{Computation, Failure, PeerId, Refusal};
use crate::wire::{Message, Signed, Want};

impl State {
    /// The owner asks.
    pub fn on_propose_command(&mut self, turn: &mut Turn<'_>, computation: Computation) {
        let mut entry = Entry::new(turn.sign(computation));
        let id = entry.id;
        if self.open_of(&turn.me()) >= OPEN_PER_PROPOSER_MAX {
            let open_max = u32::try_from(OPEN_PER_PROPOSER_MAX).unwrap_or(u32::MAX);
            turn.tell(Notice::Failed { computation: id, failure: Failure::TooManyOpen { open_max } });
            return;
        }
        entry.propose(turn);
        self.entries.insert(id, entry);
    }

    /// A proposer asks this node to add up.
    pub fn on_propose(&mut self, turn: &mut Turn<'_>, from: PeerId, computation: Signed<Computation>) {
        let id = computation.id();
        if computation.signer() != from {
            turn.ignore(from, "propose", "it is somebody else's");
            return;
        }
        if self.is_forgotten(&id) || (self.is_over(&id) && !self.entries.contains_key(&id)) {
            let refusal = Refusal::Invalid("this node is done with it, or has forgotten it".to_owned());
            turn.send(from, Message::Refuse { computation: id, refusal });
            return;
        }
        match self.entries.get(&id).map(|entry| &entry.stage) {
            Some(Stage::Running { .. } | Stage::Ended(_)) => {
                self.on_want(turn, from, id, Want::Outcome);
                return;
            }
            Some(Stage::Proposed { accepted: Some(_), .. }) => {
                return self.with(id, |entry| entry.on_propose(turn));
            }
            Some(Stage::Proposed { accepted: None, .. }) | None => {}
        }
        let refusal = self.refusal(turn, &computation);
        // By invitation this binds the node to the computation, so nothing may speak against it afterwards.
        let agreed = match (refusal, computation.get().invitation) {
            (Some(refusal), _) => Err(refusal),
            (None, Some(invitation)) => self.check_roster(turn, &computation, invitation),
            (None, None) => Ok(Agreed::Yes),
        };
        match agreed {
            Ok(Agreed::Yes) => {
                let entry = self.entries.entry(id).or_insert_with(|| Entry::new(computation));
                entry.on_propose(turn);
            }
            Ok(Agreed::NotYet) => {}
            Err(refusal) => turn.send(from, Message::Refuse { computation: id, refusal }),
        }
    }

    /// Why this node does not take a proposal on that it has not accepted yet, if so.
    fn refusal(&self, turn: &Turn<'_>, computation: &Signed<Computation>) -> Option<Refusal> {
        let (id, me, from) = (computation.id(), turn.me(), computation.signer());
        let mine = |entry: &&Entry| entry.is_open() && entry.id != id && entry.terms().has_heavy(&me);
        let carried = self.entries.values().filter(mine).count();
        let of_proposer = self.open_of(&from);
        let known = self.entries.contains_key(&id);
        let limit = |open_max: usize| u32::try_from(open_max).unwrap_or(u32::MAX);
        // A proposal to itself is already counted once.
        Entry::new(computation.clone()).refusal(turn).or_else(|| match () {
            () if carried >= OPEN_PER_HEAVY_MAX => Some(Refusal::Busy { open_max: limit(OPEN_PER_HEAVY_MAX) }),
            () if of_proposer >= OPEN_PER_PROPOSER_MAX && !known => {
                Some(Refusal::ProposerBusy { open_max: limit(OPEN_PER_PROPOSER_MAX) })
            }
            () => None,
        })
    }

    /// Open computations of one proposer.
    fn open_of(&self, proposer: &PeerId) -> usize {
        let open = |entry: &&Entry| entry.is_open() && entry.terms().proposer == *proposer;
        self.entries.values().filter(open).count()
    }
}
