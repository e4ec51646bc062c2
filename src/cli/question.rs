//! A question as typed, checked before anybody is asked, with the rules that nodes check it by.

use std::collections::BTreeSet;

use super::problem::Problem;
use crate::control::{self, ApiError, Proposal};
use crate::domain::{Computation, PeerId, Timestamp};

/// What was typed, defaults filled in.
#[derive(Clone, Debug)]
pub struct Question {
    /// What is asked of the node.
    pub proposal: Proposal,
    /// The deadline as typed.
    pub deadline: Option<String>,
    /// The patience as typed.
    pub patience: Option<String>,
}

/// A question that breaks no rule.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What is asked of the node.
    pub proposal: Proposal,
    /// The computation that it becomes, with made-up nodes.
    pub draft: Computation,
}

impl Question {
    /// Checks every rule that needs no node.
    ///
    /// # Errors
    /// The first rule that is broken; always wrong usage.
    pub fn checked(self) -> Result<Checked, Problem> {
        let Self { proposal, deadline, patience } = self;
        for names in [&proposal.heavy, &proposal.participants] {
            let mut seen = BTreeSet::new();
            if let Some(twice) = names.iter().find(|name| !seen.insert(*name)) {
                let message = format!("`{twice}` is named twice");
                return Err(Problem::usage("named_twice", message, "name every node once"));
            }
        }
        // Who proposes and when does not matter to these rules.
        let proposer = PeerId::from_public_key([0; 32]);
        match control::draft(&proposal, proposer, Timestamp::default()) {
            Ok(draft) => Ok(Checked { proposal, draft }),
            Err(error) => Err(ApiError::from(error.as_typed(deadline.as_deref(), patience.as_deref())).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Question {
        let proposal = Proposal::new("mean rating?", "mean", &["rating"]);
        Question { proposal, deadline: None, patience: None }
    }

    #[test]
    fn a_plain_question_passes() {
        let checked = question().checked().unwrap();
        assert_eq!((checked.draft.heavy.len(), checked.draft.private_against()), (3, 2));
        let mut closed = question();
        closed.proposal.participants = ["a", "b", "c"].map(str::to_owned).to_vec();
        closed.proposal.heavy = ["x", "y", "z", "w"].map(str::to_owned).to_vec();
        assert_eq!(closed.checked().unwrap().draft.heavy.len(), 4);
    }

    #[test]
    fn a_name_given_twice_and_a_time_as_typed_are_repeated() {
        let mut twice = question();
        twice.proposal.heavy = ["a", "b", "a"].map(str::to_owned).to_vec();
        let problem = twice.checked().unwrap_err();
        assert_eq!((problem.code.as_str(), problem.exit.code()), ("named_twice", 2));
        let mut late = question();
        late.proposal.deadline_ms = 31 * 24 * 3_600_000;
        late.deadline = Some("31d".to_owned());
        let problem = late.checked().unwrap_err();
        assert_eq!((problem.code.as_str(), problem.exit.code()), ("invalid_deadline", 2));
        assert!(problem.message.contains("is 31d from"), "{problem}");
    }
}
