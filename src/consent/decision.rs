//! What to do with a question, and the rule that says so.

use std::fmt;

use crate::domain::{ComputationId, Decimal, PeerId, Statistic};

/// What to do with a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Answer it.
    Answer,
    /// Ask the owner.
    Ask(Doubt),
    /// Decline it unattended.
    Decline(Doubt),
}

/// What one rule says of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Which rule.
    pub rule: Rule,
    /// What follows from it alone.
    pub decision: Decision,
}

/// The rules, in the order in which they are looked at. Among equally strict ones the first names the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// What is said about the fields.
    Fields,
    /// Whose questions are answered.
    Proposers,
    /// Which statistics are answered.
    Statistics,
    /// The smallest minimum of participants.
    MinParticipants,
    /// How many heavy nodes must be trusted.
    TrustedHeavy,
    /// How often a field is answered in a day.
    AskedPerDay,
    /// Whether a question must ask for noise.
    NoiseRequired,
    /// The sum of ε over one field.
    EpsilonBudget,
    /// Two questions over nearly the same people.
    SimilarSets,
    /// No rule of the policy: whether there is anything to answer with.
    Source,
    /// The smallest number of own records.
    MinRecords,
    /// The smallest number of own records in a cell of a table.
    SmallestCell,
}

/// Why a question is not answered unattended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The owner never answers about this field.
    FieldDenied {
        /// Which.
        field: String,
    },
    /// The owner wants to be asked about this field.
    FieldAsks {
        /// Which.
        field: String,
    },
    /// Its proposer is none of those that are answered.
    OtherProposer {
        /// Who asks.
        proposer: PeerId,
    },
    /// Its statistic is none of those that are answered.
    OtherStatistic {
        /// What is asked.
        statistic: Statistic,
    },
    /// The minimum of participants is below the policy's.
    MinimumTooLow {
        /// The computation's.
        asked: u32,
        /// The policy's.
        required: u32,
    },
    /// Too few of the heavy nodes are trusted: so many of the others, colluding, could read the value.
    NoTrustedHeavy {
        /// How many would have to collude.
        colluders: usize,
        /// How many are trusted.
        trusted: usize,
        /// How many must be, so that too few are left to collude, or by the owner's word.
        required: usize,
    },
    /// A field was asked this often within a day.
    AskedTooOften {
        /// Which field.
        field: String,
        /// How many answers.
        answers: usize,
    },
    /// It asks for an exact result, and the policy wants noise.
    NoNoise,
    /// Its ε is more than what is left of a field's budget.
    BudgetSpent {
        /// Which field.
        field: String,
        /// Its ε.
        asked: Decimal,
        /// The sum of ε of earlier answers.
        spent: Decimal,
        /// The policy's.
        budget: Decimal,
    },
    /// An earlier question about one of its fields was put to nearly the same people.
    SimilarSet {
        /// Which.
        earlier: ComputationId,
        /// How many are in only one of the two sets.
        differ: usize,
    },
    /// No source is declared for the field.
    NoSource,
    /// By invitation, where everybody waits for this node: its source cannot be read.
    SourceUnreadable,
    /// The same: nothing that the source holds fits the question.
    SourceUnfit,
    /// Fewer own records can answer than the policy wants.
    TooFewRecords {
        /// The policy's.
        required: u64,
    },
    /// A cell of this node's own table holds fewer records than the policy wants, and some.
    SmallCell {
        /// The policy's.
        required: u64,
    },
}

impl Decision {
    /// Why it is not answered unattended.
    pub const fn doubt(&self) -> Option<&Doubt> {
        match self {
            Self::Answer => None,
            Self::Ask(doubt) | Self::Decline(doubt) => Some(doubt),
        }
    }

    /// The strictest of several verdicts: decline over ask over answer, and among equals the first.
    pub fn strictest(verdicts: impl IntoIterator<Item = Verdict>) -> Self {
        let mut strictest = Self::Answer;
        for Verdict { decision, .. } in verdicts {
            match (&strictest, &decision) {
                (_, Self::Answer) | (Self::Ask(_), Self::Ask(_)) => {}
                (_, Self::Decline(_)) => return decision,
                (Self::Answer | Self::Decline(_), Self::Ask(_)) => strictest = decision,
            }
        }
        strictest
    }
}

impl Doubt {
    /// The rule that it comes from.
    pub const fn rule(&self) -> Rule {
        match self {
            Self::FieldDenied { .. } | Self::FieldAsks { .. } => Rule::Fields,
            Self::OtherProposer { .. } => Rule::Proposers,
            Self::OtherStatistic { .. } => Rule::Statistics,
            Self::MinimumTooLow { .. } => Rule::MinParticipants,
            Self::NoTrustedHeavy { .. } => Rule::TrustedHeavy,
            Self::AskedTooOften { .. } => Rule::AskedPerDay,
            Self::NoNoise => Rule::NoiseRequired,
            Self::BudgetSpent { .. } => Rule::EpsilonBudget,
            Self::SimilarSet { .. } => Rule::SimilarSets,
            Self::NoSource | Self::SourceUnreadable | Self::SourceUnfit => Rule::Source,
            Self::TooFewRecords { .. } => Rule::MinRecords,
            Self::SmallCell { .. } => Rule::SmallestCell,
        }
    }
}

impl Rule {
    /// Whether it depends on earlier answers, so that it can come to be broken while a question waits.
    pub const fn looks_back(self) -> bool {
        match self {
            Self::AskedPerDay | Self::EpsilonBudget | Self::SimilarSets => true,
            Self::Fields
            | Self::Proposers
            | Self::Statistics
            | Self::MinParticipants
            | Self::TrustedHeavy
            | Self::NoiseRequired
            | Self::Source
            | Self::MinRecords
            | Self::SmallestCell => false,
        }
    }
}

impl fmt::Display for Rule {
    /// As in `node.toml`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fields => "fields",
            Self::Proposers => "proposers",
            Self::Statistics => "statistics",
            Self::MinParticipants => "min_participants",
            Self::TrustedHeavy => "trusted_heavy",
            Self::AskedPerDay => "asked_per_day",
            Self::NoiseRequired => "noise_required",
            Self::EpsilonBudget => "epsilon_budget",
            Self::SimilarSets => "similar_sets",
            Self::Source => "source",
            Self::MinRecords => "min_records",
            Self::SmallestCell => "smallest_cell",
        })
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FieldDenied { field } => write!(f, "the field `{field}` is denied"),
            Self::FieldAsks { field } => write!(f, "the field `{field}` is answered only by its owner's word"),
            Self::OtherProposer { proposer } => {
                write!(f, "{} is none of the proposers that this node answers", proposer.uid())
            }
            Self::OtherStatistic { statistic } => {
                write!(f, "{statistic} is none of the statistics that this node answers")
            }
            Self::MinimumTooLow { asked, required } => {
                write!(f, "its minimum of {asked} participants is below this node's {required}")
            }
            Self::NoTrustedHeavy { colluders, trusted: 0, required: 1 } => write!(
                f,
                "none of its heavy nodes is on this node's trust list; all {colluders} together could read the value"
            ),
            Self::NoTrustedHeavy { colluders, trusted, required } => write!(
                f,
                "{trusted} of its heavy nodes are on this node's trust list and {required} must be; any {colluders} \
                 together could read the value"
            ),
            Self::AskedTooOften { field, answers } => {
                write!(f, "the field `{field}` was already answered {answers} times within a day")
            }
            Self::NoNoise => f.write_str("it asks for an exact result, and this node wants noise in it"),
            Self::BudgetSpent { field, asked, spent, budget } => write!(
                f,
                "its ε of {asked} is more than what is left of the budget of the field `{field}`: {spent} of {budget} \
                 are spent"
            ),
            Self::SimilarSet { earlier, differ } => write!(
                f,
                "{earlier} asked about the same field, and its people differ from these by {differ}: whoever has both \
                 results can subtract them"
            ),
            Self::NoSource => f.write_str("this node has no source for the field"),
            Self::SourceUnreadable => f.write_str("this node's source for the field cannot be read"),
            Self::SourceUnfit => f.write_str("what this node's source holds does not fit the question"),
            Self::TooFewRecords { required } => {
                write!(f, "fewer than {required} of this node's records can answer it")
            }
            Self::SmallCell { required } => {
                write!(f, "a cell of this node's own table has fewer than {required} records and is not empty")
            }
        }
    }
}
