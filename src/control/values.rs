//! From the values that a person types to a measurement: one text a field, a literal as after `--data`, or a JSON array
//! with one a record.

use serde_json::Value;
use zeroize::Zeroizing;

use super::api::{ApiError, PrivateText};
use super::words::of_parties;
use crate::domain::{Cell, Computation, Decimal, Field, NumberSchema, Schema, Unfit, quoted};
use crate::statistics::{Encoder, Reading, ReadingError};

/// Categories that a hint lists.
const CATEGORIES_SHOWN: usize = 12;
/// How numbers that do not fit come to fit.
const WIDER: &str = "with --schema: its minimum and maximum, and a multipleOf for decimals";

/// A value of one record, as text.
type Literal = Zeroizing<String>;

/// Why what was typed answers nothing. No value stands in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// One is missing, or one is too many.
    #[error("the question asks for {}, and {came} came", counted(*.expected))]
    Count {
        /// As many as it has fields.
        expected: usize,
        /// As many as came.
        came: usize,
    },
    /// Lists of different lengths.
    #[error(
        "`{field}` has {} and `{other}` has {expected}; every field needs one for each record",
        counted(*.came)
    )]
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
        /// What the question takes instead, and who can change that.
        takes: String,
    },
    /// More records than the question takes.
    #[error("the value does not fit: {0}")]
    TooMany(String),
    /// Another rule over all records.
    #[error("the value does not fit: {0}")]
    Together(String),
}

impl ValueError {
    /// What to do next; never empty.
    pub fn hint(&self) -> &str {
        match self {
            Self::Count { expected: 1, .. } => "give one value, or several records as [1,2,3]",
            Self::Count { .. } => {
                "give one for each field, in the question's order; several records as [1,2,3] for each field"
            }
            Self::Lengths { .. } => "give as many for each field, one a record, such as [1,2,3] and [4,5,6]",
            Self::Empty(_) | Self::NoLiteral { .. } => {
                "give one for each record, such as [1,2,3] or [\"yes\",\"no\"]; what is missing cannot be told"
            }
            Self::Unfit { takes, .. } => takes,
            Self::TooMany(_) => "give fewer records; only whoever asks can take more, with --max-records",
            Self::Together(_) => {
                "give smaller numbers; only whoever asks can take larger ones, with bounds in a --schema"
            }
        }
    }
}

/// "1 value", "2 values".
fn counted(values: usize) -> String {
    if values == 1 { "1 value".to_owned() } else { format!("{values} values") }
}

fn place(number: usize) -> String {
    if number == 0 { String::new() } else { format!("record {number}: ") }
}

impl From<ValueError> for ApiError {
    fn from(error: ValueError) -> Self {
        let hint = error.hint().to_owned();
        Self { code: "invalid_value".to_owned(), message: error.to_string(), hint, exit: 2 }
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
        ReadingError::Unfit(rule) => {
            let takes = takes(fields, &rule);
            ValueError::Unfit { number: if records > 1 { last } else { 0 }, rule, takes }
        }
        ReadingError::TooManyRecords(_) if question.is_by_invitation() => {
            ValueError::TooMany(of_parties(&error.to_string()))
        }
        ReadingError::TooManyRecords(_) => ValueError::TooMany(error.to_string()),
        ReadingError::NoRecords(_) | ReadingError::TooFine(_) | ReadingError::TooLarge { .. } => {
            ValueError::Together(error.to_string())
        }
    })
}

/// What the field takes whose rule was broken, and who can change that.
fn takes(fields: &[Field], rule: &str) -> String {
    let broken = fields.iter().find(|field| rule.starts_with(&format!("`{}`: ", field.name)));
    let Some(Field { name, schema }) = broken else {
        return "give what fits the question's schema; only whoever asks can change it".to_owned();
    };
    let (what, by) = match schema {
        Schema::Number(number) => (numbers(number), WIDER),
        Schema::Vector { items, length } => (format!("{length} numbers as [1,2,3], {}", numbers(items)), WIDER),
        Schema::Category(categories) => (one_of(categories.names()), "with --schema"),
    };
    format!("{} takes {what}; only whoever asks can change that, {by}", quoted(name))
}

/// "whole numbers from 0 to 9", "multiples of 0.5".
fn numbers(schema: &NumberSchema) -> String {
    let step = schema.step();
    let what = if step == Decimal::ONE { "whole numbers".to_owned() } else { format!("multiples of {step}") };
    match schema.bounds() {
        (Some(minimum), Some(maximum)) => format!("{what} from {minimum} to {maximum}"),
        (Some(minimum), None) => format!("{what} from {minimum}"),
        (None, Some(maximum)) => format!("{what} up to {maximum}"),
        (None, None) => what,
    }
}

/// The categories, or the first of many.
fn one_of(names: &[String]) -> String {
    let shown: Vec<_> = names.iter().take(CATEGORIES_SHOWN).map(|name| quoted(name)).collect();
    match names.len().saturating_sub(shown.len()) {
        0 => format!("one of {}", shown.join(", ")),
        more => format!("one of {} and {more} more", shown.join(", ")),
    }
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
            (&sum, vec![], "the question asks for 1 value, and 0 came"),
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
            (&pair, vec!["[1,2]", "3"], "`y` has 1 value and `x` has 2; every field needs one for each record"),
        ] {
            let error = ApiError::from(encoded(question, &typed).unwrap_err());
            assert_eq!(
                (error.message.as_str(), error.code.as_str(), error.exit),
                (message, "invalid_value", 2)
            );
            assert!(!error.message.contains("4711"));
        }
    }

    #[test]
    fn a_refusal_says_what_the_question_takes_and_who_can_change_it() {
        let whole = question("sum", &["n"], r#"{"type":"integer","minimum":0,"maximum":9}"#);
        let takes = "`n` takes whole numbers from 0 to 9; only whoever asks can change that, with --schema: its minimum \
                     and maximum, and a multipleOf for decimals";
        let hint =
            |question: &Computation, typed: &[&str]| ApiError::from(encoded(question, typed).unwrap_err()).hint;
        for typed in ["1.5", "12", "abc", "[1,12]"] {
            assert_eq!(hint(&whole, &[typed]), takes, "{typed}");
        }
        assert!(
            hint(&question("sum", &["n"], r#"{"type":"number"}"#), &["1.5"]).contains("takes whole numbers;")
        );
        assert!(hint(&question("sum", &["age"], AGE), &["-1"]).contains("multiples of 0.5 from 0 to 120;"));
        let categories = question("frequency", &["c"], r#"{"type":"string","enum":["never","dai`ly"]}"#);
        assert_eq!(
            hint(&categories, &["often"]),
            "`c` takes one of `never`, `dai\u{fffd}ly`; only whoever asks can change that, with --schema"
        );
        let many: Vec<_> = (0..40).map(|number| format!("\"c{number}\"")).collect();
        let many =
            question("frequency", &["c"], &format!(r#"{{"type":"string","enum":[{}]}}"#, many.join(",")));
        assert!(hint(&many, &["often"]).contains("`c11` and 28 more;"), "{}", hint(&many, &["often"]));
        assert!(hint(&question("bivariate", &["x", "y"], PAIR), &["1", "10"]).starts_with("`y` takes whole"));
        let one = question("sum", &["n"], r#"{"type":"integer","minimum":0,"maximum":9}"#);
        let one = Computation { query: crate::domain::Query { max_records: 1, ..one.query.clone() }, ..one };
        let refused = ApiError::from(encoded(&one, &["[1,2]"]).unwrap_err());
        assert!(
            refused.message.contains("more than 1 record,") && refused.hint.contains("--max-records"),
            "{refused}"
        );
        assert!(
            hint(&whole, &["1", "2"]).starts_with("give one value"),
            "no fields are spoken of where there is one"
        );
    }
}
