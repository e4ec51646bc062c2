//! From a question as typed to the computation that it would become: the rules that need no node, each with its word
//! for programs and its hint. The command line checks here before it looks for a node, and the node before it looks
//! at the network, so both say the same.

use std::time::Duration;

use super::api::ApiError;
use super::choice::{self, ChoiceError};
use super::detail;
use super::proposal::Proposal;
use crate::domain::limits::{BUCKETS_MAX, GRACE_DEFAULT, REPORTS_PER_COMPUTATION_DEFAULT};
use crate::domain::{
    Computation, ComputationError, DecimalError, Detail, DetailError, Modulus, Noise, PeerId, Query,
    QueryError, SchemaError, Sharing, Statistic, Timestamp, VERSION,
};

/// Why a question cannot be asked, whoever would answer it. Always wrong usage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuestionError {
    /// The options on sharing do not go together.
    #[error(transparent)]
    Choice(#[from] ChoiceError),
    /// An ε that is no number.
    #[error("epsilon is `{typed}`: {reason}")]
    Epsilon {
        /// As typed.
        typed: String,
        /// What is wrong with it.
        reason: DecimalError,
    },
    /// A number that cannot be kept exactly.
    #[error("--{option} has `{typed}`: {reason}")]
    Number {
        /// The option.
        option: &'static str,
        /// As typed.
        typed: String,
        /// What is wrong with it.
        reason: DecimalError,
    },
    /// An option of another statistic.
    #[error("--{option} is for {belongs}, and this asks for {statistic}")]
    OtherStatistic {
        /// The option.
        option: &'static str,
        /// Whose it is.
        belongs: Statistic,
        /// What is asked for.
        statistic: Statistic,
    },
    /// Ranges said in two ways.
    #[error("--buckets and --edges both say what the ranges are")]
    BothRanges,
    /// Ranges that there are not.
    #[error("the buckets are {0}; there are 1 to {BUCKETS_MAX}")]
    Buckets(u32),
    /// A rule of every computation.
    #[error("{error}")]
    Rule {
        /// The rule.
        error: ComputationError,
        /// The scheme, once it is known: what helps depends on it.
        sharing: Option<Sharing>,
    },
}

/// The computation that a question becomes, checked. Other nodes stand in for those that are not chosen yet, as many as
/// there will be.
///
/// # Errors
/// The first rule that is broken.
pub fn draft(proposal: &Proposal, proposer: PeerId, now: Timestamp) -> Result<Computation, QuestionError> {
    let (statistic, fields) =
        detail::fields(proposal).map_err(|error| QuestionError::Rule { error: error.into(), sharing: None })?;
    let named = Some(proposal.heavy.len()).filter(|named| *named > 0);
    let (sharing, heavy) = choice::scheme_of(proposal, named, statistic, &fields)?;
    let listed = proposal.participants.len();
    let everybody = u32::try_from(listed).ok().filter(|listed| *listed > 0);
    let computation = Computation {
        version: VERSION,
        nonce: [0; 16],
        proposer,
        proposed_at: now,
        prompt: proposal.prompt.clone(),
        // What it is told, and of how many records, follows from what fits.
        query: Query { statistic, fields, max_records: 1, detail: Detail::None },
        heavy: (0..heavy).map(stand_in).collect(),
        sharing,
        min_participants: proposal.min_participants,
        max_participants: proposal.max_participants.or(everybody).unwrap_or(REPORTS_PER_COMPUTATION_DEFAULT),
        deadline: now + Duration::from_millis(proposal.deadline_ms),
        patience_ms: proposal.patience_ms,
        grace_ms: grace_of(proposal),
        participants: everybody.map(|_| (heavy..heavy + listed).map(stand_in).collect()),
        noise: noise_of(proposal)?,
        invitation: None,
    };
    detail::fitted(proposal, computation)
}

/// Heavy nodes may be missing at several steps; and then there must be time to agree.
pub(super) fn grace_of(proposal: &Proposal) -> u64 {
    u64::try_from(GRACE_DEFAULT.as_millis()).unwrap_or(u64::MAX).min(proposal.patience_ms / 4)
}

pub(super) fn noise_of(proposal: &Proposal) -> Result<Option<Noise>, QuestionError> {
    let Some(epsilon) = &proposal.epsilon else { return Ok(None) };
    let typed = epsilon.to_string();
    match typed.parse() {
        Ok(epsilon) => Ok(Some(Noise { epsilon })),
        Err(reason) => Err(QuestionError::Epsilon { typed, reason }),
    }
}

/// A node that stands in for one that is chosen later; they sort by their number.
fn stand_in(number: usize) -> PeerId {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&(number as u64).to_be_bytes());
    PeerId::from_public_key(key)
}

impl QuestionError {
    /// A rule that this computation breaks.
    pub const fn of_rule(error: ComputationError, computation: &Computation) -> Self {
        Self::Rule { error, sharing: Some(computation.sharing) }
    }

    /// With times as they were typed, rather than as they were understood: 31d is 1month 13h 26m 24s.
    #[must_use]
    pub fn as_typed(self, deadline: Option<&str>, patience: Option<&str>) -> Self {
        match self {
            Self::Rule { error: ComputationError::Deadline(read), sharing } => {
                let typed = deadline.map_or(read, str::to_owned);
                Self::Rule { error: ComputationError::Deadline(typed), sharing }
            }
            Self::Rule { error: ComputationError::Patience(read), sharing } => {
                let typed = patience.map_or(read, str::to_owned);
                Self::Rule { error: ComputationError::Patience(typed), sharing }
            }
            other => other,
        }
    }

    /// The word for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Choice(error) => error.code(),
            Self::Epsilon { .. } => "invalid_epsilon",
            Self::Number { .. } => "invalid_number",
            Self::OtherStatistic { .. } => "invalid_option",
            Self::BothRanges | Self::Buckets(_) => "invalid_edges",
            Self::Rule { error, .. } => code_of(error),
        }
    }

    /// What to do next; never empty.
    pub fn hint(&self) -> String {
        match self {
            Self::Choice(error) => error.hint(),
            Self::Epsilon { .. } => HINT_EPSILON.to_owned(),
            Self::Number { option, .. } => format!("give --{option} numbers like 5 or 0.25"),
            Self::OtherStatistic { option, belongs, .. } => {
                format!("leave --{option} out, or ask for --statistic {belongs}")
            }
            Self::Buckets(_) => "choose --buckets 1 to 500, or give --edges".to_owned(),
            Self::BothRanges => "give --buckets for ranges of equal width, or --edges".to_owned(),
            Self::Rule { error: ComputationError::Overflow { noise, fitting, .. }, sharing } => {
                let noise = if noise.is_empty() { None } else { Some("a larger --epsilon") };
                let fewer = (*fitting > 0).then(|| format!("--max-participants {fitting}"));
                room(fewer, noise, *sharing)
            }
            Self::Rule { error, .. } => hint_of(error).to_owned(),
        }
    }
}

impl From<QuestionError> for ApiError {
    fn from(error: QuestionError) -> Self {
        Self { code: error.code().to_owned(), message: error.to_string(), hint: error.hint(), exit: 2 }
    }
}

const HINT_EPSILON: &str = "choose an --epsilon like 1 or 0.5";
const HINT_BOUNDS: &str = "give a --schema with \"minimum\" and \"maximum\"";

/// Everything that makes room for a total.
pub(super) fn room(fewer: Option<String>, noise: Option<&str>, sharing: Option<Sharing>) -> String {
    let wider = match sharing {
        Some(Sharing::Additive { modulus: Modulus::Bits32 | Modulus::Bits64 }) => Some("--modulus-bits 128"),
        Some(Sharing::Additive { modulus: Modulus::Bits128 } | Sharing::Prio3 | Sharing::Threshold { .. })
        | None => None,
    };
    let schema = "narrower bounds or a coarser multipleOf in the --schema";
    let records = Some("fewer records with --max-records");
    let ways = [Some(schema), fewer.as_deref(), records, wider, noise];
    let ways: Vec<_> = ways.into_iter().flatten().collect();
    format!("give one of: {}", ways.join("; "))
}

pub(super) const fn code_of(error: &ComputationError) -> &'static str {
    match error {
        ComputationError::Version(_) => "invalid_version",
        ComputationError::Prompt(_) => "invalid_prompt",
        ComputationError::Query(QueryError::UnknownStatistic(_)) => "invalid_statistic",
        ComputationError::Query(
            QueryError::FieldCount { .. }
            | QueryError::FieldName(_)
            | QueryError::FieldTwice(_)
            | QueryError::Intercept,
        ) => "invalid_field",
        ComputationError::Query(QueryError::MaxRecords(_)) => "invalid_max_records",
        ComputationError::Query(QueryError::Detail(error)) => code_of_detail(error),
        ComputationError::Query(
            QueryError::SchemaForOtherField(_) | QueryError::Schema(_) | QueryError::FieldKind { .. },
        )
        | ComputationError::NeedsBounds { .. }
        | ComputationError::OneValue
        | ComputationError::NoiseNeedsBounds => "invalid_schema",
        ComputationError::HeavyCount(_) | ComputationError::HeavyTwice(_) => "invalid_heavy",
        ComputationError::MinimumZero | ComputationError::MinimumAboveMaximum { .. } => "invalid_minimum",
        ComputationError::MaximumTooLarge(_) | ComputationError::TooManyToVerify { .. } => "invalid_maximum",
        ComputationError::ClosedList
        | ComputationError::HeavyParticipates(_)
        | ComputationError::OtherParties => "invalid_participants",
        ComputationError::Deadline(_) => "invalid_deadline",
        ComputationError::Patience(_) | ComputationError::Grace { .. } => "invalid_patience",
        ComputationError::Sharing(_) => "invalid_threshold",
        ComputationError::Noise(_) | ComputationError::NoiseOnCount | ComputationError::NoiseSlots(_) => {
            "invalid_epsilon"
        }
        ComputationError::Overflow { .. } => "overflow",
        ComputationError::TooLong(_) | ComputationError::ResultTooLong { .. } => "too_long",
    }
}

const fn code_of_detail(error: &DetailError) -> &'static str {
    match error {
        DetailError::Other { .. } => "invalid_option",
        DetailError::Moments(_) => "invalid_moments",
        DetailError::EdgeCount(_) | DetailError::EdgeOrder { .. } => "invalid_edges",
        DetailError::Resolution { .. } => "invalid_resolution",
        DetailError::TooLarge(_) => "invalid_number",
        DetailError::Unbounded | DetailError::Cells { .. } => "invalid_schema",
        DetailError::Probabilities => "invalid_quantiles",
    }
}

const fn hint_of_detail(error: &DetailError) -> &'static str {
    match error {
        DetailError::Other { .. } => "see `formix-p2p propose --help`",
        DetailError::Moments(_) => "choose --moments 2 to 6, or leave it out",
        DetailError::EdgeCount(_) | DetailError::EdgeOrder { .. } => {
            "give --edges like 0,20,40,80, or --buckets 10"
        }
        DetailError::Resolution { .. } => "choose a coarser --resolution, or leave it out",
        DetailError::TooLarge(_) => "choose numbers with fewer digits",
        DetailError::Unbounded => HINT_BOUNDS,
        DetailError::Cells { .. } => {
            "choose a coarser --resolution or multipleOf, narrower bounds or fewer categories"
        }
        DetailError::Probabilities => "give --quantiles like 0.25,0.5,0.75",
    }
}

const fn hint_of(error: &ComputationError) -> &'static str {
    match error {
        ComputationError::Version(_) => "run the same version of formix-p2p on every node",
        ComputationError::Prompt(_) => "put the question into one line with --prompt",
        ComputationError::Query(QueryError::UnknownStatistic(_)) => {
            "give one of them with --statistic; see `formix-p2p propose --help`"
        }
        ComputationError::Query(QueryError::FieldCount { .. } | QueryError::FieldTwice(_)) => {
            "name each field once, with --field"
        }
        ComputationError::Query(QueryError::Intercept) => {
            "give the field another name in its source's `columns`"
        }
        ComputationError::Query(QueryError::FieldKind { .. }) => {
            "say in the --schema what the values are: a number with minimum and maximum, or a string with an enum"
        }
        ComputationError::Query(QueryError::MaxRecords(_)) => "choose --max-records from 1 to 1000000000",
        ComputationError::Query(QueryError::Detail(error)) => hint_of_detail(error),
        ComputationError::TooLong(_) => {
            "ask about fewer cells or a shorter vector, lower --max-records, or use --sharing additive, which proves nothing"
        }
        ComputationError::ResultTooLong { .. } => {
            "ask about fewer cells or a shorter vector, with fewer heavy nodes, or with --modulus-bits 32"
        }
        ComputationError::Query(QueryError::FieldName(_)) => {
            "give the name under which the participants keep the field"
        }
        ComputationError::Query(QueryError::SchemaForOtherField(_)) => {
            "use the same name in --field and in --schema"
        }
        ComputationError::Query(QueryError::Schema(SchemaError::BadCategories(_))) => {
            "a schema of categories looks like {\"type\":\"string\",\"enum\":[\"never\",\"former\",\"current\"]}"
        }
        ComputationError::Query(QueryError::Schema(SchemaError::BadLength)) => {
            "a schema of vectors looks like {\"type\":\"array\",\"items\":{\"type\":\"number\"},\"minItems\":3,\"maxItems\":3}"
        }
        ComputationError::Query(QueryError::Schema(_)) => {
            "a schema looks like {\"type\":\"number\",\"minimum\":0,\"maximum\":10,\"multipleOf\":0.5}"
        }
        ComputationError::HeavyCount(_) | ComputationError::HeavyTwice(_) => {
            "name 3 to 16 heavy nodes with --heavy, each once, or none: then as many as needed are chosen"
        }
        ComputationError::MinimumZero | ComputationError::MinimumAboveMaximum { .. } => {
            "choose --min-participants between 1 and the number that can take part"
        }
        ComputationError::MaximumTooLarge(_) => "choose --max-participants up to 1000000",
        ComputationError::ClosedList => "name 1 to 1000 nodes with --participants, each once",
        ComputationError::OtherParties => "let `formix-p2p invite` make it",
        ComputationError::HeavyParticipates(_) => {
            "leave it out of --participants, or choose other nodes with --heavy"
        }
        ComputationError::Deadline(_) => "choose a --deadline like 30s, 5m or 2h",
        ComputationError::Patience(_) | ComputationError::Grace { .. } => "choose a --patience like 60s or 10m",
        ComputationError::Sharing(_) => "choose --threshold between 2 and the number of heavy nodes",
        ComputationError::NeedsBounds { .. } => {
            "give a --schema with \"minimum\" and \"maximum\", or use --sharing additive, which proves nothing"
        }
        ComputationError::OneValue => "give the schema a maximum above its minimum",
        ComputationError::NoiseNeedsBounds => HINT_BOUNDS,
        ComputationError::NoiseOnCount => {
            "leave --epsilon out, ask for a sum or a mean, or allow more records with --max-records"
        }
        ComputationError::NoiseSlots(_) => "leave --epsilon out, or ask for fewer numbers at once",
        ComputationError::Noise(_) => HINT_EPSILON,
        // Depends on the scheme: see `room`.
        ComputationError::Overflow { .. } => "allow fewer participants with --max-participants",
        ComputationError::TooManyToVerify { .. } => {
            "allow fewer participants with --max-participants, ask about fewer cells or a shorter vector, or use --sharing additive, which proves nothing"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::tests::proposal;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn drafted(proposal: &Proposal) -> Result<Computation, QuestionError> {
        draft(proposal, stand_in(99), NOW)
    }

    /// A question that passes every rule.
    fn plain() -> Proposal {
        Proposal { heavy: Vec::new(), modulus_bits: None, epsilon: None, ..proposal() }
    }

    fn with_maximum(maximum: u64) -> Proposal {
        let schema = format!("{{\"type\":\"number\",\"minimum\":0,\"maximum\":{maximum}}}");
        Proposal { schema: Some(schema), ..plain() }
    }

    fn named(count: usize) -> Vec<String> {
        (0..count).map(|number| number.to_string()).collect()
    }

    #[test]
    fn nodes_stand_in_for_those_to_come() {
        let open = drafted(&plain()).unwrap();
        assert_eq!((open.heavy.len(), open.participants.is_none()), (3, true));
        assert_eq!((open.deadline, open.max_participants), (NOW + Duration::from_millis(500), 10_000));
        let closed = Proposal { heavy: named(4), participants: named(5), ..plain() };
        let closed = drafted(&closed).unwrap();
        assert_eq!((closed.heavy.len(), closed.max_participants), (4, 5));
        assert_eq!(closed.participants.unwrap().len(), 5);
        let survives = drafted(&Proposal { survives: Some(2), ..with_maximum(9) }).unwrap();
        assert_eq!((survives.heavy.len(), survives.private_against(), survives.survives()), (5, 2, 2));
    }

    #[test]
    fn what_is_typed_wrongly_has_a_code_and_a_hint() {
        let epsilon = |text: &str| Some(text.parse().unwrap());
        let refusals = [
            ("invalid_statistic", Proposal { statistic: "median".to_owned(), ..plain() }),
            ("invalid_field", Proposal { fields: Vec::new(), ..plain() }),
            ("invalid_field", Proposal { fields: named(2), ..plain() }),
            ("invalid_field", Proposal { fields: vec!["a=b".to_owned()], ..plain() }),
            ("invalid_schema", Proposal { schema: Some("{".to_owned()), ..plain() }),
            ("invalid_schema", Proposal { sharing: Some("prio3".to_owned()), ..plain() }),
            ("invalid_schema", Proposal { threshold: Some(2), ..plain() }),
            ("invalid_schema", Proposal { epsilon: epsilon("0.5"), ..plain() }),
            ("invalid_prompt", Proposal { prompt: String::new(), ..plain() }),
            ("invalid_deadline", Proposal { deadline_ms: 499, ..plain() }),
            ("invalid_deadline", Proposal { deadline_ms: u64::MAX, ..plain() }),
            ("invalid_patience", Proposal { patience_ms: 25 * 3_600_000, ..plain() }),
            ("invalid_minimum", Proposal { min_participants: 0, ..plain() }),
            ("invalid_minimum", Proposal { max_participants: Some(2), ..plain() }),
            ("invalid_minimum", Proposal { participants: named(2), ..plain() }),
            ("invalid_maximum", Proposal { max_participants: Some(1_000_001), ..plain() }),
            ("invalid_participants", Proposal { participants: named(1_001), ..plain() }),
            ("invalid_modulus", Proposal { modulus_bits: Some(16), ..plain() }),
            ("invalid_heavy", Proposal { heavy: named(2), ..plain() }),
            ("invalid_heavy", Proposal { heavy: named(2), survives: Some(1), ..with_maximum(9) }),
            ("invalid_heavy", Proposal { heavy: named(17), survives: Some(1), ..with_maximum(9) }),
            ("invalid_threshold", Proposal { threshold: Some(1), ..with_maximum(9) }),
            ("invalid_threshold", Proposal { threshold: Some(4), heavy: named(3), ..with_maximum(9) }),
            ("invalid_epsilon", Proposal { epsilon: epsilon("0"), ..with_maximum(9) }),
            ("invalid_epsilon", Proposal { epsilon: epsilon("-0.5"), ..with_maximum(9) }),
            ("invalid_epsilon", Proposal { epsilon: epsilon("1e99"), ..with_maximum(9) }),
        ];
        for (code, proposal) in refusals {
            let error = ApiError::from(drafted(&proposal).unwrap_err());
            assert_eq!((error.code.as_str(), error.exit), (code, 2), "{error}");
            assert!(!error.hint.is_empty());
        }
    }

    #[test]
    fn times_are_refused_as_they_were_typed() {
        let month = Proposal { deadline_ms: 31 * 24 * 3_600_000, ..plain() };
        let error = drafted(&month).unwrap_err().as_typed(Some("31d"), None);
        assert!(error.to_string().starts_with("the deadline is 31d from the proposal"), "{error}");
        let patience = Proposal { patience_ms: 1, ..plain() };
        let error = drafted(&patience).unwrap_err().as_typed(Some("31d"), Some("0.001s"));
        assert!(error.to_string().starts_with("the patience is 0.001s"), "{error}");
        let other = Proposal { prompt: String::new(), ..plain() };
        let error = drafted(&other).unwrap_err();
        assert_eq!(error.clone().as_typed(Some("1s"), Some("1s")), error);
    }

    #[test]
    fn a_total_that_could_overflow_says_what_to_change() {
        // 4 participants of at most 2^30 can reach 2^32; 3 cannot.
        let wide = Proposal { max_participants: Some(4), modulus_bits: Some(32), ..with_maximum(1 << 30) };
        let error = drafted(&wide).unwrap_err();
        assert_eq!(error.code(), "overflow");
        assert!(
            error.to_string().contains("4 participants × 1073741824 steps do not stay below 2^32"),
            "{error}"
        );
        let hint = error.hint();
        for way in ["bounds", "multipleOf", "--max-participants 3", "--modulus-bits 128"] {
            assert!(hint.contains(way), "{hint}");
        }
        assert!(!hint.contains("--epsilon"), "{hint}");
        assert!(drafted(&Proposal { max_participants: Some(3), ..wide.clone() }).is_ok());
        assert!(drafted(&Proposal { modulus_bits: Some(128), ..wide.clone() }).is_ok());
        let noisy = Proposal { epsilon: Some("1".parse().unwrap()), max_participants: Some(3), ..wide };
        let hint = drafted(&noisy).unwrap_err().hint();
        assert!(hint.contains("larger --epsilon"), "{hint}");
        let fine = r#"{"type":"number","minimum":0,"maximum":9000000000000000000,"multipleOf":1e-18}"#;
        let fine = Proposal { schema: Some(fine.to_owned()), ..plain() };
        let error = drafted(&fine).unwrap_err();
        assert_eq!(error.code(), "overflow");
        assert!(
            !error.hint().contains("--modulus-bits"),
            "a proven scheme has no other field: {}",
            error.hint()
        );
        assert!(error.hint().contains("--max-participants 18"), "{}", error.hint());
    }
}
