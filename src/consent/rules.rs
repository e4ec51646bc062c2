//! Every rule of a policy, held against one question.

use super::decision::{Decision, Doubt, Rule, Verdict};
use super::history::History;
use super::policy::{FieldRule, NoiseNeed, Policy, Rate, Response, Trust};
use crate::domain::{Computation, Decimal, Timestamp};

/// What a policy may know of this node's own answer once its source was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Own records in the answer.
    pub records: u64,
    /// Of a table: the fewest records in a cell that is not empty; none without one.
    pub smallest_cell: Option<u64>,
}

impl Policy {
    /// Decides about a question of another node before its source is read: the strictest word of all rules.
    pub fn decide(&self, computation: &Computation, history: &History<'_>, now: Timestamp) -> Decision {
        Decision::strictest(self.verdicts(computation, history, now))
    }

    /// Decides once more when the source was read.
    pub fn decide_reading(&self, summary: Summary) -> Decision {
        Decision::strictest(self.verdicts_on_reading(summary))
    }

    /// What every rule says before the source is read, in their order.
    pub fn verdicts(&self, computation: &Computation, history: &History<'_>, now: Timestamp) -> Vec<Verdict> {
        let broken = Response::from(self.otherwise());
        vec![
            Verdict { rule: Rule::Fields, decision: self.fields(computation) },
            verdict(Rule::Proposers, self.proposers(computation), broken),
            verdict(Rule::Statistics, self.statistics(computation), broken),
            verdict(Rule::MinParticipants, self.minimum(computation), broken),
            verdict(Rule::TrustedHeavy, self.trusted(computation), broken),
            verdict(Rule::AskedPerDay, self.rate(computation, history, now), broken),
            verdict(Rule::NoiseRequired, self.noise_is_missing(computation), broken),
            verdict(Rule::EpsilonBudget, self.budget(computation, history), broken),
            verdict(Rule::SimilarSets, self.similar(computation, history), self.similar_sets()),
        ]
    }

    /// What every rule says that needs the source, in their order.
    pub fn verdicts_on_reading(&self, summary: Summary) -> Vec<Verdict> {
        let broken = Response::from(self.otherwise());
        let required = self.min_records();
        let too_few = (summary.records < required).then_some(Doubt::TooFewRecords { required });
        let required = self.smallest_cell();
        let small = summary.smallest_cell.is_some_and(|smallest| smallest < required);
        let small = small.then_some(Doubt::SmallCell { required });
        vec![verdict(Rule::MinRecords, too_few, broken), verdict(Rule::SmallestCell, small, broken)]
    }

    /// The strictest word about one of the fields. An owner who says `ask` is asked, whatever a broken rule leads to.
    fn fields(&self, computation: &Computation) -> Decision {
        let verdicts = computation.query.fields.iter().map(|field| {
            let field = field.name.clone();
            let decision = match self.field_rule(&field) {
                FieldRule::Allow => Decision::Answer,
                FieldRule::Ask => Decision::Ask(Doubt::FieldAsks { field }),
                FieldRule::Deny => Decision::Decline(Doubt::FieldDenied { field }),
            };
            Verdict { rule: Rule::Fields, decision }
        });
        Decision::strictest(verdicts)
    }

    fn proposers(&self, computation: &Computation) -> Option<Doubt> {
        let proposer = computation.proposer;
        let answered = self.rules.proposers.as_ref().is_none_or(|listed| listed.contains(&proposer));
        (!answered).then_some(Doubt::OtherProposer { proposer })
    }

    fn statistics(&self, computation: &Computation) -> Option<Doubt> {
        let statistic = computation.query.statistic;
        let answered = self.rules.statistics.as_ref().is_none_or(|listed| listed.contains(&statistic));
        (!answered).then_some(Doubt::OtherStatistic { statistic })
    }

    const fn minimum(&self, computation: &Computation) -> Option<Doubt> {
        let (asked, required) = (computation.min_participants, self.min_participants);
        if asked < required { Some(Doubt::MinimumTooLow { asked, required }) } else { None }
    }

    /// Unless the owner gives a number, so many heavy nodes must be trusted that those which are not are too few to read
    /// the value: one in n of n, n − k + 1 under a threshold.
    fn trusted(&self, computation: &Computation) -> Option<Doubt> {
        let trusted = match &self.trust {
            Trust::Listed(listed) => computation.heavy.iter().filter(|heavy| listed.contains(heavy)).count(),
            Trust::WholeNetwork => computation.heavy.len(),
        };
        let needed = computation.heavy.len().saturating_sub(computation.private_against());
        let required = self.trusted_heavy().unwrap_or(needed);
        let colluders = computation.private_against() + 1;
        (trusted < required).then_some(Doubt::NoTrustedHeavy { colluders, trusted, required })
    }

    fn rate(&self, computation: &Computation, history: &History<'_>, now: Timestamp) -> Option<Doubt> {
        computation.query.fields.iter().find_map(|field| {
            let Rate::AtMost(most) = self.field_rate(&field.name) else { return None };
            let answers = history.answers_within_a_day(&field.name, now);
            let often = answers >= usize::try_from(most).unwrap_or(usize::MAX);
            often.then(|| Doubt::AskedTooOften { field: field.name.clone(), answers })
        })
    }

    fn noise_is_missing(&self, computation: &Computation) -> Option<Doubt> {
        match (self.noise(), &computation.noise) {
            (NoiseNeed::Required, None) => Some(Doubt::NoNoise),
            (NoiseNeed::Required, Some(_)) | (NoiseNeed::Optional, _) => None,
        }
    }

    /// A question without noise spends nothing and is held by no budget; `noise_required` is the rule for it.
    fn budget(&self, computation: &Computation, history: &History<'_>) -> Option<Doubt> {
        let asked = computation.noise?.epsilon;
        computation.query.fields.iter().find_map(|field| {
            let budget = self.field_budget(&field.name)?;
            let spent = history.spent(&field.name);
            let fits = spent.and_then(|spent| sum(spent, asked)).is_some_and(|total| total <= budget);
            let spent = spent.unwrap_or(budget);
            (!fits).then(|| Doubt::BudgetSpent { field: field.name.clone(), asked, spent, budget })
        })
    }

    fn similar(&self, computation: &Computation, history: &History<'_>) -> Option<Doubt> {
        let listed = computation.participants.as_ref()?;
        let fields: Vec<_> = computation.query.fields.iter().map(|field| field.name.as_str()).collect();
        let (earlier, differ) = history.nearest(&fields, listed, self.similar_below())?;
        Some(Doubt::SimilarSet { earlier, differ })
    }
}

fn verdict(rule: Rule, doubt: Option<Doubt>, response: Response) -> Verdict {
    let decision = match (doubt, response) {
        (None, _) | (Some(_), Response::Allow) => Decision::Answer,
        (Some(doubt), Response::Ask) => Decision::Ask(doubt),
        (Some(doubt), Response::Decline) => Decision::Decline(doubt),
    };
    Verdict { rule, decision }
}

/// Exactly; `None` on overflow.
fn sum(left: Decimal, right: Decimal) -> Option<Decimal> {
    let scale = left.scale().max(right.scale());
    Decimal::new(left.at_scale(scale)?.checked_add(right.at_scale(scale)?)?, scale)
}
