//! A question as typed, checked for form before anybody is asked.

use std::collections::BTreeSet;
use std::time::Duration;

use super::duration::millis;
use super::problem::Problem;
use crate::control::Proposal;
use crate::domain::limits::REPORTS_PER_COMPUTATION_DEFAULT;
use crate::domain::{
    Computation, ComputationError, Modulus, PeerId, Query, QueryError, Sharing, Statistic, Timestamp,
};

/// Heavy nodes that a node chooses where none are named.
pub const HEAVY_CHOSEN: usize = 3;

/// What was typed, defaults filled in.
#[derive(Clone, Debug)]
pub struct Question {
    /// The question in words.
    pub prompt: String,
    /// The fields.
    pub fields: Vec<String>,
    /// The statistic's name.
    pub statistic: String,
    /// JSON Schema of the fields.
    pub schema: Option<String>,
    /// From now until heavy nodes close.
    pub deadline: Duration,
    /// How long missing heavy nodes are waited for.
    pub patience: Duration,
    /// No sum over fewer.
    pub min_participants: u32,
    /// No more reports than this.
    pub max_participants: Option<u32>,
    /// Heavy nodes as typed.
    pub heavy: Vec<String>,
    /// Closed list of participants as typed.
    pub participants: Vec<String>,
    /// The modulus is 2 to this power.
    pub modulus_bits: u32,
}

impl Question {
    /// Checks every rule that needs no node, with the rules that nodes check it by.
    ///
    /// # Errors
    /// The first rule that is broken; always wrong usage.
    pub fn checked(self) -> Result<Proposal, Problem> {
        let statistic: Statistic =
            self.statistic.parse().map_err(|error| refused(&ComputationError::Query(error)))?;
        let query = Query::parse(statistic, &self.fields, self.schema.as_deref())
            .map_err(|error| refused(&ComputationError::Query(error)))?;
        for names in [&self.heavy, &self.participants] {
            let mut seen = BTreeSet::new();
            if let Some(twice) = names.iter().find(|name| !seen.insert(*name)) {
                let message = format!("`{twice}` is named twice");
                return Err(Problem::usage("named_twice", message, "name every node once"));
            }
        }
        self.stand_in(query)?.check().map_err(|error| refused(&error))?;
        Ok(Proposal {
            prompt: self.prompt,
            statistic: self.statistic,
            fields: self.fields,
            schema: self.schema,
            deadline_ms: millis(self.deadline),
            patience_ms: millis(self.patience),
            min_participants: self.min_participants,
            max_participants: self.max_participants,
            heavy: self.heavy,
            participants: self.participants,
            modulus_bits: self.modulus_bits,
        })
    }

    /// How many heavy nodes it will have.
    pub fn heavy_count(&self) -> usize {
        if self.heavy.is_empty() { HEAVY_CHOSEN } else { self.heavy.len() }
    }

    /// The computation that it would become, with made-up nodes, to be checked.
    fn stand_in(&self, query: Query) -> Result<Computation, Problem> {
        let modulus = Modulus::from_bits(self.modulus_bits).ok_or_else(|| {
            let message = format!("--modulus-bits {} is not supported", self.modulus_bits);
            Problem::usage("invalid_modulus", message, "use 32, 64 or 128")
        })?;
        let listed = u32::try_from(self.participants.len()).unwrap_or(u32::MAX);
        let default = if listed == 0 { REPORTS_PER_COMPUTATION_DEFAULT } else { listed };
        let proposed_at = Timestamp::default();
        let heavy = self.heavy_count();
        Ok(Computation {
            version: 1,
            nonce: [0; 16],
            proposer: made_up(0),
            proposed_at,
            prompt: self.prompt.clone(),
            query,
            heavy: (0..heavy).map(made_up).collect(),
            sharing: Sharing::Additive { modulus },
            min_participants: self.min_participants,
            max_participants: self.max_participants.unwrap_or(default),
            deadline: proposed_at + self.deadline,
            patience_ms: millis(self.patience),
            grace_ms: 0,
            participants: (listed > 0).then(|| (heavy..heavy + self.participants.len()).map(made_up).collect()),
            noise: None,
        })
    }
}

/// What is said before anything is sent.
pub fn assurance(proposal: &Proposal) -> String {
    let heavy = if proposal.heavy.is_empty() { HEAVY_CHOSEN } else { proposal.heavy.len() };
    let privacy = super::computation::privacy(heavy.saturating_sub(1), heavy);
    let query = Query::parse(Statistic::Sum, &proposal.fields, proposal.schema.as_deref());
    let bounded = query.is_ok_and(|query| query.fields.iter().all(|field| field.schema.span_steps().is_some()));
    let inputs = if bounded || proposal.statistic == Statistic::Count.to_string() {
        "a false input cannot be noticed".to_owned()
    } else {
        format!(
            "a false input or an overflow cannot be noticed, the total is modulo 2^{}; add bounds such as \
             --schema '{{\"type\":\"number\",\"minimum\":0,\"maximum\":100}}'",
            proposal.modulus_bits
        )
    };
    let whole = if proposal.schema.is_none() && proposal.statistic != Statistic::Count.to_string() {
        " · whole numbers only: decimals need a --schema with multipleOf"
    } else {
        ""
    };
    format!(
        "{privacy} · survives restarts, but the loss of no heavy node · inputs not proven (additive): {inputs}{whole}"
    )
}

/// A peer that nobody is; in ascending order.
fn made_up(index: usize) -> PeerId {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&u64::try_from(index).unwrap_or(u64::MAX).to_be_bytes());
    PeerId::from_public_key(key)
}

fn refused(error: &ComputationError) -> Problem {
    let (code, hint) = match error {
        ComputationError::Version(_) => {
            ("invalid_version", "use the version of formix-p2p that the network uses")
        }
        ComputationError::Prompt(_) => ("invalid_prompt", "say the question in one line, with --prompt"),
        ComputationError::Query(QueryError::UnknownStatistic(_)) => {
            ("invalid_statistic", "use --statistic count, sum or mean")
        }
        ComputationError::Query(QueryError::FieldCount { .. } | QueryError::FieldTwice(_)) => {
            ("invalid_field", "name one field, with one --field")
        }
        ComputationError::Query(QueryError::FieldName(_)) => {
            ("invalid_field", "name a field as its owners named it")
        }
        ComputationError::Query(QueryError::SchemaForOtherField(_) | QueryError::Schema(_)) => (
            "invalid_schema",
            "write a schema like {\"type\":\"number\",\"minimum\":0,\"maximum\":10,\"multipleOf\":0.5}",
        ),
        ComputationError::HeavyCount(_) | ComputationError::HeavyTwice(_) => {
            ("invalid_heavy", "name 3 to 16 heavy nodes, each once, or none: then three are chosen")
        }
        ComputationError::MinimumZero | ComputationError::MinimumAboveMaximum { .. } => {
            ("invalid_minimum", "choose --min-participants between 1 and the number that can take part")
        }
        ComputationError::MaximumTooLarge(_) => ("invalid_maximum", "choose --max-participants up to 100000"),
        ComputationError::ClosedList => ("invalid_participants", "name 1 to 1000 --participants, each once"),
        ComputationError::HeavyParticipates(_) => {
            ("invalid_participants", "leave it out of --participants, or choose other nodes with --heavy")
        }
        ComputationError::Deadline(_) => ("invalid_deadline", "choose a --deadline like 30s, 5m or 2h"),
        ComputationError::Patience(_) => ("invalid_patience", "choose a --patience like 60s or 10m"),
        ComputationError::Sharing(_) => {
            ("invalid_threshold", "choose --threshold between 2 and the number of heavy nodes")
        }
        ComputationError::NeedsBounds { .. } => (
            "invalid_schema",
            "give a --schema with \"minimum\" and \"maximum\", or use --sharing additive, which proves nothing",
        ),
        ComputationError::OneValue => ("invalid_schema", "give the schema a maximum above its minimum"),
        ComputationError::NoiseNeedsBounds => {
            ("invalid_schema", "give a --schema with \"minimum\" and \"maximum\"")
        }
        ComputationError::Noise(_) => ("invalid_epsilon", "choose an --epsilon like 1 or 0.5"),
        ComputationError::Overflow { .. } => {
            ("overflow", "narrow the schema's bounds, lower --max-participants, or use --modulus-bits 128")
        }
    };
    Problem::usage(code, error.to_string(), hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Question {
        Question {
            prompt: "mean rating?".to_owned(),
            fields: vec!["rating".to_owned()],
            statistic: "mean".to_owned(),
            schema: None,
            deadline: Duration::from_secs(30),
            patience: Duration::from_secs(60),
            min_participants: 3,
            max_participants: None,
            heavy: Vec::new(),
            participants: Vec::new(),
            modulus_bits: 64,
        }
    }

    #[test]
    fn a_plain_question_passes() {
        let proposal = question().checked().unwrap();
        assert_eq!((proposal.deadline_ms, proposal.patience_ms), (30_000, 60_000));
        let closed = Question {
            participants: ["a", "b", "c"].map(str::to_owned).to_vec(),
            heavy: ["x", "y", "z", "w"].map(str::to_owned).to_vec(),
            ..question()
        };
        assert_eq!(closed.heavy_count(), 4);
        assert!(closed.checked().is_ok());
    }

    #[test]
    fn what_has_the_wrong_form_is_wrong_usage_with_its_own_code() {
        type Spoil = fn(&mut Question);
        let spoils: [(&str, Spoil); 12] = [
            ("invalid_statistic", |q| "median".clone_into(&mut q.statistic)),
            ("invalid_field", |q| q.fields.push("other".to_owned())),
            ("invalid_field", |q| q.fields = vec!["a=b".to_owned()]),
            ("invalid_schema", |q| q.schema = Some("{".to_owned())),
            ("invalid_prompt", |q| q.prompt.clear()),
            ("invalid_deadline", |q| q.deadline = Duration::from_millis(499)),
            ("invalid_deadline", |q| q.deadline = Duration::from_secs(31 * 24 * 3600)),
            ("invalid_patience", |q| q.patience = Duration::from_secs(25 * 3600)),
            ("invalid_minimum", |q| q.min_participants = 0),
            ("invalid_heavy", |q| q.heavy = vec!["a".to_owned(), "b".to_owned()]),
            ("named_twice", |q| q.heavy = ["a", "b", "a"].map(str::to_owned).to_vec()),
            ("invalid_modulus", |q| q.modulus_bits = 33),
        ];
        for (code, spoil) in spoils {
            let mut question = question();
            spoil(&mut question);
            let problem = question.checked().unwrap_err();
            assert_eq!((problem.code.as_str(), problem.exit.code()), (code, 2), "{problem}");
            assert!(!problem.hint.is_empty());
        }
    }

    #[test]
    fn the_assurance_counts_heavy_nodes_and_asks_for_bounds() {
        let said = assurance(&question().checked().unwrap());
        assert!(
            said.starts_with("private against any 2 of 3 heavy nodes") && said.contains("add bounds"),
            "{said}"
        );
        let bounded =
            Question { schema: Some(r#"{"type":"number","minimum":0,"maximum":9}"#.to_owned()), ..question() };
        assert!(!assurance(&bounded.checked().unwrap()).contains("overflow"));
    }
}
