//! What is known of the noise in a result.

use serde_json::Value;

use super::Answer;
use crate::cli::number;
use crate::cli::table::Look;

/// The noise that a result says it has.
#[derive(Clone, Debug, PartialEq)]
pub struct Noise {
    /// The privacy loss, as it was asked for.
    pub epsilon: String,
    /// Of one sum or count.
    pub standard_deviation: Option<f64>,
}

impl Noise {
    /// What stands under `noise`.
    pub fn of(result: &Value) -> Option<Self> {
        let noise = result.get("noise").filter(|noise| !noise.is_null())?;
        Some(Self {
            epsilon: noise.get("epsilon").map(Value::to_string).unwrap_or_default(),
            standard_deviation: noise.get("standard_deviation").and_then(Value::as_f64),
        })
    }

    /// Where it is in this answer, in one line; nothing for single numbers, which have it beside them.
    pub fn told(&self, look: Look, answer: &Answer) -> Option<String> {
        let epsilon = &self.epsilon;
        match answer {
            Answer::Numbers(_) => None,
            Answer::Frequency { .. } | Answer::Histogram(_) | Answer::Contingency(_) => {
                Some(match self.standard_deviation {
                    Some(deviation) => {
                        format!("each count ± {} (noise, ε = {epsilon})", number::rough(look, deviation))
                    }
                    None => format!("noise in each count, ε = {epsilon}"),
                })
            }
            Answer::Quantiles(_) => Some(format!("noise in the counts that these come from, ε = {epsilon}")),
            Answer::Univariate(_)
            | Answer::Bivariate(_)
            | Answer::Regression { .. }
            | Answer::VectorMean(_) => Some(format!("noise in the sums that these come from, ε = {epsilon}")),
        }
    }
}
