//! What is asked, and what must come out.

use serde_json::Value;

use super::BenchError;
use super::network::{Ended, FIELD};
use crate::control::Proposal;
use crate::domain::Status;

/// Values lie between 0 and this.
const VALUE_MAX: u64 = 999_999;

/// A statistic over everybody's one value, shared in some way.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) statistic: String,
    pub(super) sharing: Option<String>,
}

impl Question {
    /// As it is proposed; the caller says until when and to whom.
    pub(super) fn proposal(&self) -> Proposal {
        let fields: &[&str] = if self.statistic == "count" { &[] } else { &[FIELD] };
        let bounded = !fields.is_empty();
        Proposal {
            schema: bounded.then(|| format!(r#"{{"type":"integer","minimum":0,"maximum":{VALUE_MAX}}}"#)),
            max_records: bounded.then_some(1),
            sharing: self.sharing.clone(),
            ..Proposal::new("How much?", &self.statistic, fields)
        }
    }

    /// What must come out over these values: the name of the figure, and the figure.
    ///
    /// # Errors
    /// `Statistic`.
    pub(super) fn expected(&self, values: &[u64]) -> Result<Expected, BenchError> {
        let sum: u64 = values.iter().sum();
        let figure = match self.statistic.as_str() {
            "sum" | "univariate" => ("sum", Value::from(sum)),
            "mean" => ("mean", Value::from(sum as f64 / values.len() as f64)),
            "count" => ("samples", Value::from(values.len())),
            other => return Err(BenchError::Statistic(other.to_owned())),
        };
        Ok(Expected { participants: values.len(), figure })
    }
}

/// The plain answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Expected {
    participants: usize,
    figure: (&'static str, Value),
}

impl Expected {
    /// Whether a node says just this, over everybody.
    ///
    /// # Errors
    /// `Failed`, `WrongAnswer`.
    pub(super) fn check(&self, id: &str, ended: &Ended) -> Result<(), BenchError> {
        let Ended { name, view, .. } = ended;
        let (id, name) = (id.to_owned(), name.clone());
        if view.status == Status::Failed {
            let reason = view.reason.clone().unwrap_or_default();
            return Err(BenchError::Failed { id, name, reason });
        }
        let (what, expected) = &self.figure;
        let said = view.result.as_ref().and_then(|result| result.get(what)).unwrap_or(&Value::Null);
        let counted = usize::try_from(view.participants).ok();
        if counted == Some(self.participants) && same(said, expected) {
            return Ok(());
        }
        let said = format!("{what} {said} over {} participants", view.participants);
        let expected = format!("{what} {expected} over {}", self.participants);
        Err(BenchError::WrongAnswer { id, name, said, expected })
    }
}

/// The same number. Means are rounded once, both here and there.
fn same(said: &Value, expected: &Value) -> bool {
    let number = |value: &Value| value.as_f64();
    said == expected || (number(said).is_some() && number(said) == number(expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(statistic: &str) -> Question {
        Question { statistic: statistic.to_owned(), sharing: None }
    }

    #[test]
    fn what_is_not_checked_is_not_measured() {
        assert!(
            matches!(question("median").expected(&[1]), Err(BenchError::Statistic(name)) if name == "median")
        );
        assert_eq!(question("sum").expected(&[1, 2]).unwrap().figure, ("sum", Value::from(3)));
        assert_eq!(question("mean").expected(&[1, 2]).unwrap().figure, ("mean", Value::from(1.5)));
    }

    #[test]
    fn a_sum_is_the_same_number_however_it_is_written() {
        assert!(same(&serde_json::from_str("3").unwrap(), &Value::from(3)));
        assert!(!same(&Value::from(4), &Value::from(3)));
        assert!(!same(&Value::Null, &Value::from(0)));
    }
}
