//! From the values that a person types to a measurement: one text a field, a literal as after `--data`, or a JSON array
//! with one a record.

use serde_json::Value;
use zeroize::Zeroizing;

use super::api::{ApiError, PrivateText};
use crate::domain::{Cell, Computation, Field, Schema, Unfit};
use crate::statistics::{Encoder, Reading, ReadingError};

/// A value of one record, as text.
type Literal = Zeroizing<String>;

/// Why what was typed answers nothing. No value stands in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// One is missing, or one is too many.
    #[error("the question asks for {expected} values, and {came} came")]
    Count {
        /// As many as it has fields.
        expected: usize,
        /// As many as came.
        came: usize,
    },
    /// Lists of different lengths.
    #[error("`{field}` has {came} values and `{other}` has {expected}; every field needs one for each record")]
    Lengths {
        /// The field with another number of values than the first.
        field: String,
        /// How many.
        came: usize,
        /// The first field.
        other: String,
        /// How many it has.
        expected: usize,
    },
    /// An array of nothing.
    #[error("the list for `{0}` is empty")]
    Empty(String),
    /// Something in an array that is neither a number nor a text.
    #[error("value {number} of `{field}` is no number and no text")]
    NoLiteral {
        /// The field.
        field: String,
        /// Its place in the list, from 1.
        number: usize,
    },
    /// A record that breaks a rule of the schema.
    #[error("the value does not fit: {}{rule}", place(*.number))]
    Unfit {
        /// Its place in the list, from 1; 0 for the only one.
        number: usize,
        /// The rule.
        rule: String,
    },
    /// A rule over all records.
    #[error("the value does not fit: {0}")]
    Together(String),
}

fn place(number: usize) -> String {
    if number == 0 { String::new() } else { format!("record {number}: ") }
}

impl From<ValueError> for ApiError {
    fn from(error: ValueError) -> Self {
        let hint =
            "give one for each field, in the question's order; several records as [1,2,3] for each field";
        Self { code: "invalid_value".to_owned(), message: error.to_string(), hint: hint.to_owned(), exit: 2 }
    }
}

/// What the typed values measure.
///
/// # Errors
/// The rule that they break.
pub fn encode_values(question: &Computation, typed: &[PrivateText]) -> Result<Reading, ValueError> {
    let fields = &question.query.fields;
    if typed.len() != fields.len() {
        return Err(ValueError::Count { expected: fields.len(), came: typed.len() });
    }
    let columns = fields.iter().zip(typed).map(|(field, text)| column(field, text.0.trim()));
    let columns: Vec<Vec<Literal>> = columns.collect::<Result<_, _>>()?;
    let records = columns.first().map_or(0, Vec::len);
    if let Some((field, column)) = fields.iter().zip(&columns).find(|(_, column)| column.len() != records) {
        let other = fields.first().map(|field| field.name.clone()).unwrap_or_default();
        let (field, came) = (field.name.clone(), column.len());
        return Err(ValueError::Lengths { field, came, other, expected: records });
    }
    let mut encoder = Encoder::new(question, Unfit::Decline);
    let mut last = 0;
    for record in 0..records {
        let texts = columns.iter().filter_map(|column| column.get(record));
        let cells: Vec<_> = texts.map(|text| Cell::Text(text)).collect();
        last = record + 1;
        if encoder.row(&cells).is_break() {
            break;
        }
    }
    encoder.finish(0).map_err(|error| match error {
        ReadingError::Unfit(rule) => ValueError::Unfit { number: if records > 1 { last } else { 0 }, rule },
        ReadingError::NoRecords(_)
        | ReadingError::TooFine(_)
        | ReadingError::TooManyRecords(_)
        | ReadingError::TooLarge { .. } => ValueError::Together(error.to_string()),
    })
}

/// A field's values, one a record.
fn column(field: &Field, text: &str) -> Result<Vec<Literal>, ValueError> {
    let one = || Ok(vec![Zeroizing::new(text.to_owned())]);
    let Ok(Value::Array(elements)) = serde_json::from_str(text) else { return one() };
    let nested = elements.first().is_some_and(Value::is_array);
    match &field.schema {
        // An array of numbers is one vector, and an array of arrays several.
        Schema::Vector { .. } if !nested => return one(),
        Schema::Vector { .. } => {}
        Schema::Category(categories) if categories.names().iter().any(|name| name == text) => return one(),
        Schema::Number(_) | Schema::Category(_) => {}
    }
    if elements.is_empty() {
        return Err(ValueError::Empty(field.name.clone()));
    }
    let literal = |(place, element): (usize, &Value)| match (element, &field.schema) {
        (Value::Array(_), Schema::Vector { .. }) | (Value::Number(_) | Value::Bool(_), _) => {
            Ok(Zeroizing::new(element.to_string()))
        }
        (Value::String(text), _) => Ok(Zeroizing::new(text.trim().to_owned())),
        (Value::Null | Value::Object(_) | Value::Array(_), _) => {
            Err(ValueError::NoLiteral { field: field.name.clone(), number: place + 1 })
        }
    };
    elements.iter().enumerate().map(literal).collect()
}

#[cfg(test)]
mod tests {
    use super::super::question::draft;
    use super::*;
    use crate::control::Proposal;
    use crate::control::tests::proposal;
    use crate::domain::{PeerId, Timestamp};

    fn question(statistic: &str, fields: &[&str], schema: &str) -> Computation {
        let proposal = Proposal {
            statistic: statistic.to_owned(),
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            schema: Some(schema.to_owned()),
            heavy: Vec::new(),
            modulus_bits: None,
            epsilon: None,
            ..proposal()
        };
        draft(&proposal, PeerId::from_public_key([7; 32]), Timestamp::from_millis(1_000_000)).unwrap()
    }

    fn encoded(question: &Computation, typed: &[&str]) -> Result<(Vec<u128>, u64), ValueError> {
        let typed: Vec<_> = typed.iter().map(|text| PrivateText((*text).to_owned())).collect();
        let reading = encode_values(question, &typed)?;
        Ok((reading.measurement().expose().clone(), reading.records()))
    }

    const AGE: &str = r#"{"type":"number","minimum":0,"maximum":120,"multipleOf":0.5}"#;
    const PAIR: &str = r#"{"type":"object","properties":{
        "x":{"type":"number","minimum":0,"maximum":9},"y":{"type":"number","minimum":0,"maximum":9}}}"#;

    #[test]
    fn a_literal_is_one_record_and_an_array_has_several() {
        let sum = question("sum", &["age"], AGE);
        assert_eq!(encoded(&sum, &["7"]).unwrap(), (vec![1, 14], 1));
        assert_eq!(encoded(&sum, &[" [7, 0.5,\"3\"] "]).unwrap(), (vec![3, 21], 3));
        let pair = question("bivariate", &["x", "y"], PAIR);
        assert_eq!(encoded(&pair, &["[1,2]", "[3,4]"]).unwrap().1, 2);
        let vectors =
            r#"{"type":"array","items":{"type":"number","minimum":0,"maximum":9},"minItems":2,"maxItems":2}"#;
        let vectors = question("vector-mean", &["v"], vectors);
        assert_eq!(encoded(&vectors, &["[1,2]"]).unwrap().1, 1);
        assert_eq!(encoded(&vectors, &["[[1,2],[3,4]]"]).unwrap().1, 2);
        let texts = question("frequency", &["c"], r#"{"type":"string","enum":["a","[\"a\"]"]}"#);
        assert_eq!(encoded(&texts, &[r#"["a","a"]"#]).unwrap().0[0], 2);
        assert_eq!(encoded(&texts, &[r#"["a"]"#]).unwrap(), encoded(&texts, &[r#"["[\"a\"]"]"#]).unwrap());
    }

    #[test]
    fn what_does_not_fit_is_refused_by_its_rule_and_without_the_value() {
        let (sum, pair) = (question("sum", &["age"], AGE), question("bivariate", &["x", "y"], PAIR));
        for (question, typed, message) in [
            (&sum, vec![], "the question asks for 1 values, and 0 came"),
            (&sum, vec!["4711"], "the value does not fit: `age`: the value is above the maximum of 120"),
            (
                &sum,
                vec!["[7,4711]"],
                "the value does not fit: record 2: `age`: the value is above the maximum of 120",
            ),
            (&sum, vec!["[]"], "the list for `age` is empty"),
            (&sum, vec!["[7,null]"], "value 2 of `age` is no number and no text"),
            (&sum, vec!["[[4711]]"], "value 1 of `age` is no number and no text"),
            (&sum, vec!["[4711"], "the value does not fit: `age`: the value is not a number"),
            (
                &pair,
                vec!["[1,2]", "3"],
                "`y` has 1 values and `x` has 2; every field needs one for each record",
            ),
        ] {
            let error = ApiError::from(encoded(question, &typed).unwrap_err());
            assert_eq!(
                (error.message.as_str(), error.code.as_str(), error.exit),
                (message, "invalid_value", 2)
            );
            assert!(!error.message.contains("4711"));
        }
    }
}
