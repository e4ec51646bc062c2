//! What is asked: one statistic over named fields.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::limits::FIELD_NAME_CHARS_MAX;
use super::schema::{NumberSchema, SchemaError};

/// What is computed from the participants' values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Statistic {
    /// How many records have the field.
    Count,
    /// The sum of the field.
    Sum,
    /// The sum divided by the number of records.
    Mean,
}

/// One field and what its values look like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// The name under which every participant keeps it.
    pub name: String,
    /// Its step and bounds.
    pub schema: NumberSchema,
}

/// A statistic over fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// What is computed.
    pub statistic: Statistic,
    /// Over which fields; for count, sum and mean exactly one.
    pub fields: Vec<Field>,
}

/// Why a query cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// A statistic that does not exist.
    #[error("`{0}` is not a statistic; statistics are count, sum and mean")]
    UnknownStatistic(String),
    /// Another number of fields than the statistic takes.
    #[error("{statistic} takes one field, not {given}")]
    FieldCount {
        /// The statistic.
        statistic: Statistic,
        /// How many fields were given.
        given: usize,
    },
    /// An empty, overlong or unprintable name.
    #[error("`{0}` is not a field name: 1 to 64 characters, no control characters, no `=`")]
    FieldName(String),
    /// One name twice.
    #[error("the field `{0}` is named twice")]
    FieldTwice(String),
    /// A schema for a field that was not asked for.
    #[error("the schema describes `{0}`, which is not among the fields")]
    SchemaForOtherField(String),
    /// A schema that is not understood.
    #[error(transparent)]
    Schema(#[from] SchemaError),
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Mean => "mean",
        })
    }
}

impl FromStr for Statistic {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        match text {
            "count" => Ok(Self::Count),
            "sum" => Ok(Self::Sum),
            "mean" => Ok(Self::Mean),
            other => Err(QueryError::UnknownStatistic(other.to_owned())),
        }
    }
}

impl Field {
    /// Whether a text can name a field.
    ///
    /// # Errors
    /// `FieldName`.
    pub fn check_name(name: &str) -> Result<(), QueryError> {
        let fits = (1..=FIELD_NAME_CHARS_MAX).contains(&name.chars().count());
        if fits && !name.chars().any(|c| c.is_control() || c == '=') {
            Ok(())
        } else {
            Err(QueryError::FieldName(name.chars().take(FIELD_NAME_CHARS_MAX).collect()))
        }
    }
}

impl Query {
    /// A query from what a person typed: field names and, optionally, a JSON Schema, either of the one field
    /// or of an object with the fields as `properties`.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn parse(statistic: Statistic, names: &[String], schema: Option<&str>) -> Result<Self, QueryError> {
        let schema: Option<Value> = schema
            .map(|text| serde_json::from_str(text).map_err(|error| SchemaError::NotJson(error.to_string())))
            .transpose()?;
        let object = schema.as_ref().filter(|schema| schema.get("type") == Some(&Value::from("object")));
        let properties = match object {
            Some(object) => {
                Some(object.get("properties").and_then(Value::as_object).ok_or(SchemaError::NotAnObject)?)
            }
            None => None,
        };
        if let Some(other) = properties.and_then(|all| all.keys().find(|key| !names.contains(key))) {
            return Err(QueryError::SchemaForOtherField(other.clone()));
        }
        let mut fields = Vec::with_capacity(names.len());
        for name in names {
            let described = match properties {
                Some(properties) => properties.get(name),
                None => schema.as_ref(),
            };
            let schema = described.map(NumberSchema::from_json).transpose()?.unwrap_or_default();
            fields.push(Field { name: name.clone(), schema });
        }
        let query = Self { statistic, fields };
        query.check()?;
        Ok(query)
    }

    /// Checks a query, also one that came from elsewhere.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), QueryError> {
        if self.fields.len() != 1 {
            return Err(QueryError::FieldCount { statistic: self.statistic, given: self.fields.len() });
        }
        let mut seen = BTreeSet::new();
        for field in &self.fields {
            Field::check_name(&field.name)?;
            field.schema.check()?;
            if !seen.insert(&field.name) {
                return Err(QueryError::FieldTwice(field.name.clone()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_schema_may_be_of_the_field_or_of_an_object() {
        let plain = r#"{"type":"number","minimum":0,"maximum":9}"#;
        let nested = format!(r#"{{"type":"object","properties":{{"age":{plain}}}}}"#);
        let one = Query::parse(Statistic::Sum, &names(&["age"]), Some(plain)).unwrap();
        assert_eq!(Query::parse(Statistic::Sum, &names(&["age"]), Some(&nested)), Ok(one));
    }

    #[test]
    fn what_cannot_be_asked_is_named() {
        let two = Query::parse(Statistic::Mean, &names(&["a", "b"]), None);
        assert_eq!(two, Err(QueryError::FieldCount { statistic: Statistic::Mean, given: 2 }));
        let other = r#"{"type":"object","properties":{"agee":{"type":"number"}}}"#;
        let other = Query::parse(Statistic::Sum, &names(&["age"]), Some(other));
        assert_eq!(other, Err(QueryError::SchemaForOtherField("agee".to_owned())));
        assert!(matches!(Query::parse(Statistic::Sum, &names(&[""]), None), Err(QueryError::FieldName(_))));
        assert_eq!("median".parse::<Statistic>(), Err(QueryError::UnknownStatistic("median".to_owned())));
    }
}
