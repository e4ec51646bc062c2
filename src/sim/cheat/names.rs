//! Cheats about who was in a set: heavy nodes that tell false names, or true ones to everybody, and light nodes that
//! ask for what is not their business.

use super::{Cheater, Reaction, Sent};
use crate::domain::PeerId;
use crate::protocol::Event;
use crate::wire::{Entry, Message, Want};

impl Cheater {
    /// A stranger answers nothing.
    pub(super) fn stay_out(event: &Event) -> Reaction {
        Reaction { swallowed: matches!(event, Event::SourceRead { .. }), sent: Vec::new() }
    }

    /// A set with its first member left out and this node in it instead, in the place of the true one.
    pub(super) fn false_names(&self, message: Message) -> Message {
        match message {
            Message::Members { computation, entries } => {
                Message::Members { computation, entries: self.falsified(entries) }
            }
            other => other,
        }
    }

    fn falsified(&self, mut entries: Vec<Entry>) -> Vec<Entry> {
        if let Some(first) = entries.first_mut() {
            first.participant = self.identity.peer();
        }
        entries.sort_unstable();
        entries
    }

    /// Every set that it knows, false, to whomever it knows.
    pub(super) fn spread_false_names(&self) -> Vec<Sent> {
        self.to_everybody(|cheater, entries| cheater.falsified(entries))
    }

    /// Every set that it knows, true, to whomever it knows.
    pub(super) fn spread_names(&self) -> Vec<Sent> {
        self.to_everybody(|_, entries| entries)
    }

    fn to_everybody(&self, told: impl Fn(&Self, Vec<Entry>) -> Vec<Entry>) -> Vec<Sent> {
        let mut sent = Vec::new();
        for (computation, known) in self.known.iter().filter(|(_, known)| !known.members.is_empty()) {
            let entries = told(self, known.members.clone());
            let message = Message::Members { computation: *computation, entries };
            sent.extend(self.met.iter().map(|peer| Sent::message(*peer, message.clone())));
        }
        sent
    }

    /// Who was in the set? To every heavy node of every computation that it has heard of.
    pub(super) fn ask_for_names(&self) -> Vec<Sent> {
        let mut sent = Vec::new();
        for (computation, known) in &self.known {
            let want = Message::Want { computation: *computation, want: Want::Members };
            let heavy: &[PeerId] = &known.computation.heavy;
            sent.extend(heavy.iter().map(|heavy| Sent::message(*heavy, want.clone())));
        }
        sent
    }
}
