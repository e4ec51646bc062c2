//! What a field's values look like, as a small part of JSON Schema.

mod category;
mod number;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use category::Categories;
pub use number::NumberSchema;

use super::decimal::Decimal;
use super::limits::{CATEGORIES_MAX, CATEGORY_CHARS_MAX, VECTOR_LENGTH_MAX};

/// What the values of one field look like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Schema {
    /// A number: `{"type":"number","minimum":0,"maximum":120}`.
    Number(NumberSchema),
    /// One of a few texts: `{"type":"string","enum":["A","B"]}`; or `{"type":"boolean"}`.
    Category(Categories),
    /// So many numbers: `{"type":"array","items":{"type":"number"},"minItems":3,"maxItems":3}`.
    Vector {
        /// Each of them.
        items: NumberSchema,
        /// How many.
        length: u32,
    },
}

/// Why a text is not a schema that is understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// Not JSON.
    #[error("the schema is not JSON: {0}")]
    NotJson(String),
    /// JSON, but not an object with a `type`.
    #[error("the schema must be an object like {{\"type\":\"number\",\"minimum\":0,\"maximum\":120}}")]
    NotAnObject,
    /// A `type` that has no meaning here.
    #[error("the schema's type `{0}` is not understood; types are number, integer, string, boolean and array")]
    UnknownType(String),
    /// A keyword that would be ignored.
    #[error("the schema's keyword `{keyword}` is not understood; keywords are type, {known}")]
    UnknownKeyword {
        /// The keyword.
        keyword: String,
        /// Those that there are for this type.
        known: String,
    },
    /// Categories that cannot be counted.
    #[error(
        "the schema's `enum` must name 2 to {CATEGORIES_MAX} texts of 1 to {CATEGORY_CHARS_MAX} characters, each once: {0}"
    )]
    BadCategories(String),
    /// A vector without a fixed length.
    #[error(
        "an array needs `items`, and `minItems` and `maxItems` that are the same, 1 to {VECTOR_LENGTH_MAX}"
    )]
    BadLength,
    /// A bound or step that is not a number that can be kept exactly.
    #[error("the schema's `{keyword}` must be a number: {reason}")]
    BadNumber {
        /// `minimum`, `maximum` or `multipleOf`.
        keyword: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A step of zero or below.
    #[error("the schema's multipleOf must be above 0")]
    StepNotPositive,
    /// An integer with a step that is not whole.
    #[error("an integer cannot be a multiple of {0}; use \"type\":\"number\"")]
    StepNotWhole(Decimal),
    /// Bounds between which no multiple of the step lies.
    #[error("no value fits the schema: no multiple of {step} lies between {minimum} and {maximum}")]
    Empty {
        /// The step.
        step: Decimal,
        /// The lower bound.
        minimum: Decimal,
        /// The upper bound.
        maximum: Decimal,
    },
    /// Bounds or a step that overflow the arithmetic.
    #[error("the schema's numbers are too large: without the decimal point each must be below 2^63")]
    TooLarge,
}

/// Why a value does not fit its schema. It names the rule and never the value, which is private.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SchemaMismatch {
    /// Not a multiple of the step.
    #[error("the value is not a multiple of {0}")]
    NotAMultiple(Decimal),
    /// Below the minimum.
    #[error("the value is below the minimum of {0}")]
    BelowMinimum(Decimal),
    /// Text where a number is expected.
    #[error("the value is not a number")]
    NotANumber,
    /// A text that is none of the categories.
    #[error("the value is none of the schema's categories")]
    UnknownCategory,
    /// No array of numbers of the stated length.
    #[error("the value is not an array of {0} numbers")]
    NotAVector(u32),
    /// Above the maximum.
    #[error("the value is above the maximum of {0}")]
    AboveMaximum(Decimal),
    /// Too large to be counted in steps.
    #[error("the value is too large")]
    TooLarge,
}

impl Default for Schema {
    /// `{"type":"number"}`.
    fn default() -> Self {
        Self::Number(NumberSchema::default())
    }
}

impl Schema {
    /// Reads one field's schema from JSON.
    ///
    /// # Errors
    /// The first rule that the JSON breaks.
    pub fn from_json(value: &Value) -> Result<Self, SchemaError> {
        let object = value.as_object().ok_or(SchemaError::NotAnObject)?;
        let kind = object.get("type").and_then(Value::as_str).ok_or(SchemaError::NotAnObject)?;
        match kind {
            "number" | "integer" => NumberSchema::from_object(kind, object).map(Self::Number),
            "string" => Categories::from_object(object).map(Self::Category),
            "boolean" => {
                only_keywords(object, &[])?;
                Categories::new(["false", "true"].map(str::to_owned).to_vec()).map(Self::Category)
            }
            "array" => Self::vector(object),
            other => Err(SchemaError::UnknownType(other.to_owned())),
        }
    }

    fn vector(object: &Map<String, Value>) -> Result<Self, SchemaError> {
        only_keywords(object, &["items", "minItems", "maxItems"])?;
        let count = |keyword| object.get(keyword).and_then(Value::as_u64);
        let length = count("minItems").filter(|least| count("maxItems") == Some(*least));
        let length = length.and_then(|length| u32::try_from(length).ok()).ok_or(SchemaError::BadLength)?;
        match object.get("items").map(Self::from_json).ok_or(SchemaError::BadLength)?? {
            Self::Number(items) => {
                let schema = Self::Vector { items, length };
                schema.check().map(|()| schema)
            }
            Self::Category(_) | Self::Vector { .. } => Err(SchemaError::BadLength),
        }
    }

    /// Checks a schema that came from elsewhere.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn check(&self) -> Result<(), SchemaError> {
        match self {
            Self::Number(number) => number.check(),
            Self::Category(categories) => categories.check(),
            Self::Vector { items, length } if (1..=VECTOR_LENGTH_MAX).contains(length) => items.check(),
            Self::Vector { .. } => Err(SchemaError::BadLength),
        }
    }

    /// The step and bounds of a number, or of the numbers in a vector.
    pub const fn number(&self) -> Option<&NumberSchema> {
        match self {
            Self::Number(number) | Self::Vector { items: number, .. } => Some(number),
            Self::Category(_) => None,
        }
    }

    /// What people call it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Number(_) => "a number",
            Self::Category(_) => "a category",
            Self::Vector { .. } => "a vector",
        }
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "a number {number}"),
            Self::Category(categories) => write!(f, "one of {}", categories.names().join(", ")),
            Self::Vector { items, length } => write!(f, "{length} numbers {items}"),
        }
    }
}

/// Refuses every keyword but `type` and these: one that is ignored may matter.
fn only_keywords(object: &Map<String, Value>, known: &[&str]) -> Result<(), SchemaError> {
    match object.keys().find(|key| *key != "type" && !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(keyword) => {
            let known = if known.is_empty() { "alone".to_owned() } else { known.join(", ") };
            Err(SchemaError::UnknownKeyword { keyword: keyword.clone(), known })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(json: &str) -> Result<Schema, SchemaError> {
        Schema::from_json(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn every_kind_is_read() {
        assert!(matches!(schema(r#"{"type":"integer","minimum":0}"#), Ok(Schema::Number(_))));
        let categories = schema(r#"{"type":"string","enum":["A","B"]}"#);
        assert!(matches!(&categories, Ok(Schema::Category(found)) if found.names() == ["A", "B"]));
        assert!(matches!(schema(r#"{"type":"boolean"}"#), Ok(Schema::Category(_))));
        let vector = schema(r#"{"type":"array","items":{"type":"number"},"minItems":3,"maxItems":3}"#);
        assert!(matches!(vector, Ok(Schema::Vector { length: 3, .. })));
    }

    #[test]
    fn a_schema_is_said_in_words() {
        for (json, words) in [
            (r#"{"type":"number"}"#, "a number in steps of 1"),
            (
                r#"{"type":"number","minimum":0,"maximum":9.5,"multipleOf":0.5}"#,
                "a number from 0 to 9.5 in steps of 0.5",
            ),
            (r#"{"type":"number","minimum":2}"#, "a number from 2 in steps of 1"),
            (r#"{"type":"string","enum":["A","B"]}"#, "one of A, B"),
            (
                r#"{"type":"array","items":{"type":"number"},"minItems":3,"maxItems":3}"#,
                "3 numbers in steps of 1",
            ),
        ] {
            assert_eq!(schema(json).unwrap().to_string(), words);
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        assert_eq!(schema("[]"), Err(SchemaError::NotAnObject));
        assert_eq!(schema(r#"{"type":"date"}"#), Err(SchemaError::UnknownType("date".to_owned())));
        for uncountable in
            [r#"{"type":"string"}"#, r#"{"type":"string","enum":["A","A"]}"#, r#"{"type":"string","enum":[1]}"#]
        {
            assert!(matches!(schema(uncountable), Err(SchemaError::BadCategories(_))), "{uncountable}");
        }
        for endless in [
            r#"{"type":"array","items":{"type":"number"}}"#,
            r#"{"type":"array","items":{"type":"number"},"minItems":1,"maxItems":2}"#,
            r#"{"type":"array","items":{"type":"number"},"minItems":0,"maxItems":0}"#,
            r#"{"type":"array","items":{"type":"boolean"},"minItems":2,"maxItems":2}"#,
            r#"{"type":"array","minItems":2,"maxItems":2}"#,
        ] {
            assert_eq!(schema(endless), Err(SchemaError::BadLength), "{endless}");
        }
    }
}
