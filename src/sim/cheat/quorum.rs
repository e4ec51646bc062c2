//! Heavy nodes that cheat where a threshold lets others go on without them: in dealing and in decrees.

use super::Cheater;
use crate::domain::{Digest, PeerId};
use crate::wire::{Choice, Commit, Deal, DecreeMessage, JustifiedProposal, Message, Prepare, Proposal, Signed};

impl Cheater {
    /// To every other heavy node, a deal with another digest for somebody else's share.
    pub(super) fn second_deal(&self, to: PeerId, message: Message) -> Message {
        match message {
            Message::Deal { deal, rho, noise } if self.is_told_otherwise(deal.get().computation, to) => {
                let mut said = deal.get().clone();
                let heavy = self.known_heavy(said.computation);
                let digests = heavy.iter().zip(&mut said.rho);
                if let Some((_, digest)) = digests.into_iter().find(|(receiver, _)| **receiver != to) {
                    *digest = Digest::of("another share", &[]);
                }
                let deal: Signed<Deal> = Signed::sign(said, &self.identity);
                Message::Deal { deal, rho, noise }
            }
            other => other,
        }
    }

    /// To every other heavy node, a proposal that leaves the first input out.
    pub(super) fn second_proposal(&self, to: PeerId, message: Message) -> Message {
        match message {
            Message::Decree(DecreeMessage::Proposal(justified)) => {
                let said = justified.proposal.get();
                let own = said.heavy == self.identity.peer();
                if !own || !self.is_told_otherwise(said.computation, to) {
                    return Message::Decree(DecreeMessage::Proposal(justified));
                }
                let mut inputs = said.choice.inputs().to_vec();
                if let Some(first) = inputs.iter_mut().find(|input| input.is_some()) {
                    *first = None;
                }
                let proposal = Proposal { choice: Choice::new(inputs), ..said.clone() };
                let proposal = Signed::sign(proposal, &self.identity);
                Message::Decree(DecreeMessage::Proposal(JustifiedProposal { proposal, ..justified }))
            }
            other => other,
        }
    }

    /// To every other heavy node, ballots for a choice that nobody proposed.
    pub(super) fn second_ballot(&self, to: PeerId, message: Message) -> Message {
        let choice = Digest::of("another choice", &[]);
        match message {
            Message::Decree(DecreeMessage::Prepare(prepare))
                if self.is_told_otherwise(prepare.get().computation, to) =>
            {
                let prepare = Prepare { choice, ..prepare.get().clone() };
                Message::Decree(DecreeMessage::Prepare(Signed::sign(prepare, &self.identity)))
            }
            Message::Decree(DecreeMessage::Commit(commit))
                if self.is_told_otherwise(commit.get().computation, to) =>
            {
                let commit = Commit { choice, ..commit.get().clone() };
                Message::Decree(DecreeMessage::Commit(Signed::sign(commit, &self.identity)))
            }
            other => other,
        }
    }
}
