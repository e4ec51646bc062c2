//! The inputs of decrees: which of them this node holds, was given in time and waits for, and how it comes by those that it lacks.

use super::{Heavy, Step};
use crate::domain::{Computation, ComputationId, Digest, PeerId};
use crate::protocol::entry::Entry;
use crate::protocol::turn::Turn;
use crate::wire::{DealtKind, Message, Opening, Part, Signed, Topic, Vote, Want};

impl Entry {
    /// Asks one heavy node for inputs that a decree names and this node lacks; their owners may be gone.
    pub(super) fn ask_for_inputs(&self, turn: &mut Turn<'_>, other: PeerId) {
        let (id, me) = (self.id, turn.me());
        let Some(heavy) = self.heavy() else { return };
        let Some(quorum) = heavy.quorum.as_ref() else { return };
        for (topic, decree) in &quorum.decrees {
            let decided = decree.decided().map(|decided| &decided.choice);
            let Some(named) = decided.or_else(|| decree.proposed()) else { continue };
            for (owner, digest) in self.terms().heavy.iter().zip(named.inputs()) {
                // To prepare a list it takes its owner's close or word, to go on from there the list.
                let has = |digest| match decided {
                    Some(_) => heavy.holds(id, me, *topic, owner, digest),
                    None => [heavy.held(id, me, *topic, owner), heavy.input(id, me, *topic, owner)]
                        .contains(&Some(digest)),
                };
                let lacks = digest.is_some_and(|digest| !has(digest));
                // What a later step stands on is not needed again.
                if lacks && *owner != me && heavy.needs_inputs_of(*topic) {
                    let want = Want::Input { topic: *topic, owner: *owner };
                    match topic {
                        Topic::Lists => self.ask_for_list(turn, other, *owner, want),
                        Topic::Verifiers | Topic::Openings => {
                            turn.send(other, Message::Want { computation: id, want });
                        }
                    }
                }
            }
        }
    }

    /// Gives another heavy node an input that this one holds.
    pub(super) fn send_input(&mut self, turn: &mut Turn<'_>, to: PeerId, topic: Topic, owner: PeerId) {
        let me = turn.me();
        let Some(heavy) = self.heavy() else { return };
        match topic {
            Topic::Lists => self.send_list_of(turn, to, owner),
            Topic::Verifiers => self.send_verifiers_of(turn, to, owner),
            Topic::Openings => {
                let held = heavy.said.openings.get(&owner).zip(heavy.said.votes.get(&owner));
                if let Some((opening, vote)) = held.filter(|_| owner != me || heavy.has_opened()) {
                    turn.send(to, Message::Open { opening: opening.clone(), votes: vec![vote.clone()] });
                }
            }
        }
    }

    /// This node's shares of every ρ, once the set is decided.
    pub(super) fn rho_parts_message(&self) -> Option<Message> {
        let quorum = self.heavy()?.quorum.as_ref()?;
        let parts = quorum.dealt.rho.clone();
        self.set_is_fixed().then_some(Message::RhoParts { computation: self.id, parts })
    }

    /// Another heavy node's shares of every ρ. An honest one has checked them when they were dealt.
    pub fn on_rho_parts(&mut self, turn: &mut Turn<'_>, from: PeerId, parts: Vec<Part>) {
        let (id, heavy_nodes) = (self.id, self.terms().heavy.clone());
        let Some(position) = heavy_nodes.iter().position(|heavy| *heavy == from) else { return };
        let Some(quorum) = self.heavy_mut().and_then(|heavy| heavy.quorum.as_mut()) else { return };
        let matches = quorum.dealt.deals.iter().zip(&parts).all(|(deal, part)| {
            let promised = deal.get().rho.get(position);
            promised == Some(&part.digest(DealtKind::Rho, id, deal.signer(), from))
        });
        if !matches || parts.len() != heavy_nodes.len() {
            turn.ignore(from, "rho parts", "they are not what it was dealt");
            return;
        }
        quorum.rho_parts.insert(from, parts);
        self.advance(turn);
    }
}

impl Heavy {
    /// The digest of an input to a decree, if this node has it and can pass it on.
    pub(super) fn held(&self, id: ComputationId, me: PeerId, topic: Topic, owner: &PeerId) -> Option<Digest> {
        match topic {
            Topic::Lists => {
                let close = self.said.closes.get(owner)?;
                self.list_of(me, owner).map(|_| close.get().list)
            }
            Topic::Verifiers => self.verifying.held(me, owner),
            Topic::Openings => {
                let (vote, opening) = self.said.votes.get(owner).zip(self.said.openings.get(owner))?;
                // An opening over another set than this node's belongs to no total; nor does one of a node whose shares were not judged by.
                let own = self.said.votes.get(&me).map(Signed::get);
                let same_set = own.is_none_or(|own| own.is_for_the_set_of(vote.get()));
                (same_set && self.was_judged_by(owner)).then(|| opened_digest(id, vote, opening))
            }
        }
    }

    /// Whether this node has what a decree names as a node's input. A list is one, whoever has closed over it.
    pub(super) fn holds(
        &self,
        id: ComputationId,
        me: PeerId,
        topic: Topic,
        owner: &PeerId,
        named: Digest,
    ) -> bool {
        match topic {
            Topic::Lists => self.list_named(me, named).is_some(),
            Topic::Verifiers | Topic::Openings => self.held(id, me, topic, owner) == Some(named),
        }
    }

    /// The digest of an input that may be proposed: one that this node has, and that was fixed in time. A commitment or a vote that comes
    /// after this node has shown its own could have been made to measure; it counts all the same if that is decided. The word of a node
    /// that it lacks nobody is as good as its close, as long as that is waited for: it cannot be passed on.
    pub(super) fn input(&self, id: ComputationId, me: PeerId, topic: Topic, owner: &PeerId) -> Option<Digest> {
        let is_waited_for = self.quorum.as_ref().is_some_and(|quorum| !quorum.grace_is_over());
        if topic == Topic::Lists
            && let Some(promised) = self.list_promised_by(me, owner).filter(|_| is_waited_for)
        {
            return Some(promised);
        }
        let in_time = match (topic, &self.step) {
            (Topic::Lists, _) => true,
            (Topic::Verifiers, _) => self.verifying.was_in_time(me, owner),
            (Topic::Openings, Step::Opened { votes, .. }) => votes.iter().any(|vote| vote.signer() == *owner),
            (
                Topic::Openings,
                Step::Collecting
                | Step::Closed { .. }
                | Step::Frozen { .. }
                | Step::Verifying { .. }
                | Step::Voted { .. },
            ) => self.verifying.is_spectator(me),
        };
        in_time.then(|| self.held(id, me, topic, owner)).flatten()
    }

    /// Whether an input of this node counts if it is there in time.
    pub(super) fn expects(&self, terms: &Computation, topic: Topic, node: &PeerId) -> bool {
        let position = terms.heavy.iter().position(|heavy| heavy == node);
        let counted = |topic| {
            let choice = self.quorum.as_ref().and_then(|quorum| quorum.decided(topic));
            choice
                .zip(position)
                .is_some_and(|(choice, at)| choice.inputs().get(at).is_some_and(Option::is_some))
        };
        match topic {
            Topic::Lists => position.is_some(),
            Topic::Verifiers => counted(Topic::Lists) && self.verifying.may_count(node),
            Topic::Openings => match &self.step {
                Step::Opened { votes, .. } => votes.iter().any(|vote| vote.signer() == *node),
                Step::Collecting
                | Step::Closed { .. }
                | Step::Frozen { .. }
                | Step::Verifying { .. }
                | Step::Voted { .. } => counted(Topic::Verifiers),
            },
        }
    }

    /// Whether the inputs of a decree are still needed to climb on.
    fn needs_inputs_of(&self, topic: Topic) -> bool {
        match topic {
            Topic::Lists => matches!(self.step, Step::Closed { .. }),
            Topic::Verifiers => matches!(self.step, Step::Frozen { .. } | Step::Verifying { .. }),
            Topic::Openings => true,
        }
    }

    pub(super) const fn has_opened(&self) -> bool {
        matches!(self.step, Step::Opened { .. })
    }
}

/// The digest of a vote and the opening that answers it.
pub(in crate::protocol) fn opened_digest(
    id: ComputationId,
    vote: &Signed<Vote>,
    opening: &Signed<Opening>,
) -> Digest {
    let parts = [
        *Digest::of("formix-p2p/opened-vote/1", &[vote.body()]).as_bytes(),
        *Digest::of("formix-p2p/opened-sum/1", &[opening.body()]).as_bytes(),
    ];
    Digest::of("formix-p2p/opened/1", &[id.as_bytes(), &parts.concat()])
}
