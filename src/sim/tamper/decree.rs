//! What a rogue node makes of what heavy nodes say in a decree.

use super::{Rogue, TOPICS, digest, fewer, number};
use crate::sim::choices::Choices;
use crate::wire::{
    Choice, Commit, DecreeMessage, First, JustifiedProposal, Prepare, Prepared, Proposal, ViewChange,
};

impl Rogue {
    pub(super) fn decree(&self, said: DecreeMessage, choices: &mut Choices<'_>) -> Option<DecreeMessage> {
        let heavy = self.identity.peer();
        Some(match said {
            DecreeMessage::Proposal(JustifiedProposal { proposal, changes }) => {
                let mut said = Proposal { heavy, ..proposal.get().clone() };
                number(&mut said.view, choices);
                said.topic = if choices.below(4) == 0 { choices.pick(&TOPICS)? } else { said.topic };
                said.choice = choice(&said.choice, choices);
                let changes = fewer(changes, choices);
                DecreeMessage::Proposal(JustifiedProposal { proposal: self.sign(said), changes })
            }
            DecreeMessage::Prepare(prepare) => {
                let mut said = Prepare { heavy, ..prepare.get().clone() };
                number(&mut said.view, choices);
                digest(&mut said.choice, choices);
                if choices.below(4) == 0 {
                    let Prepare { computation, topic, view, choice, .. } = said;
                    return Some(DecreeMessage::Commit(self.sign(Commit {
                        computation,
                        heavy,
                        topic,
                        view,
                        choice,
                    })));
                }
                DecreeMessage::Prepare(self.sign(said))
            }
            DecreeMessage::Commit(commit) => {
                let mut said = Commit { heavy, ..commit.get().clone() };
                number(&mut said.view, choices);
                digest(&mut said.choice, choices);
                if choices.below(4) == 0 {
                    let Commit { computation, topic, view, .. } = said;
                    let said = ViewChange {
                        computation,
                        heavy,
                        topic,
                        view: view.wrapping_add(1),
                        prepared: None,
                        first: None,
                    };
                    return Some(DecreeMessage::ViewChange(self.sign(said)));
                }
                DecreeMessage::Commit(self.sign(said))
            }
            DecreeMessage::ViewChange(change) => {
                let mut said = ViewChange { heavy, ..change.get().clone() };
                number(&mut said.view, choices);
                if let Some(first) = said.first.take()
                    && choices.below(4) != 0
                {
                    // Somebody else's prepare mostly, for another choice at times.
                    said.first = Some(First { choice: choice(&first.choice, choices), ..first });
                }
                if let Some(Prepared { view, choice: prepared, prepares }) = said.prepared.take()
                    && choices.below(4) != 0
                {
                    let (choice, prepares) = (choice(&prepared, choices), fewer(prepares, choices));
                    said.prepared = Some(Prepared { view, choice, prepares });
                }
                DecreeMessage::ViewChange(self.sign(said))
            }
            DecreeMessage::Decided(mut decided) => {
                decided.choice = choice(&decided.choice, choices);
                number(&mut decided.view, choices);
                decided.commits = fewer(decided.commits, choices);
                decided.prepares = fewer(decided.prepares, choices);
                DecreeMessage::Decided(decided)
            }
        })
    }
}

fn choice(choice: &Choice, choices: &mut Choices<'_>) -> Choice {
    let mut inputs = choice.inputs().to_vec();
    let nth = choices.below(inputs.len());
    if let Some(input) = inputs.get_mut(nth) {
        match (choices.below(3), input) {
            (0, input) => *input = None,
            (1, Some(input)) => digest(input, choices),
            _ => {}
        }
    }
    Choice::new(inputs)
}
