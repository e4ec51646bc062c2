//! What is asked: one statistic over named fields.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::detail::{Detail, DetailError};
use super::limits::{CELLS_MAX, FIELD_NAME_CHARS_MAX, RECORDS_MAX};
use super::schema::{NumberSchema, Schema, SchemaError};
use super::statistic::{Statistic, Takes};

/// The name of the constant among the coefficients of a regression.
pub const INTERCEPT: &str = "intercept";

/// One field and what its values look like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// The name under which every participant keeps it.
    pub name: String,
    /// What its values look like.
    pub schema: Schema,
}

/// A statistic over fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// What is computed.
    pub statistic: Statistic,
    /// Over which fields.
    pub fields: Vec<Field>,
    /// R: how many records one participant may answer with, so that its weight is limited.
    pub max_records: u32,
    /// What else the statistic must be told.
    pub detail: Detail,
}

/// Why a query cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// A statistic that does not exist.
    #[error("`{0}` is not a statistic; statistics are {known}", known = Statistic::ALL.map(|(_, name)| name).join(", "))]
    UnknownStatistic(String),
    /// Another number of fields than the statistic takes.
    #[error("{statistic} takes {}, not {given}", statistic.takes())]
    FieldCount {
        /// The statistic.
        statistic: Statistic,
        /// How many fields were given.
        given: usize,
    },
    /// A field of another kind than the statistic takes.
    #[error("{statistic} takes {}; the schema says that `{field}` is {kind}", statistic.takes())]
    FieldKind {
        /// The statistic.
        statistic: Statistic,
        /// Which field.
        field: String,
        /// What it is.
        kind: &'static str,
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
    /// A predictor whose coefficient could not be told from the constant.
    #[error(
        "a regression has a coefficient `{INTERCEPT}` of its own, so no field of that name can explain another"
    )]
    Intercept,
    /// No records, or more than there can be.
    #[error("max_records is {0}; it must be between 1 and {RECORDS_MAX}")]
    MaxRecords(u32),
    /// What the statistic is told beside its fields does not fit it.
    #[error(transparent)]
    Detail(#[from] DetailError),
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
    /// Fields from what a person typed: names and, optionally, a JSON Schema, either of the one field or of an object with the
    /// fields as `properties`. A field without a schema is a whole number.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn fields(names: &[String], schema: Option<&str>) -> Result<Vec<Field>, QueryError> {
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
        let described = |name: &String| match properties {
            Some(properties) => properties.get(name),
            None => schema.as_ref(),
        };
        let of = |name: &String| -> Result<Field, QueryError> {
            let schema = described(name).map(Schema::from_json).transpose()?.unwrap_or_default();
            Ok(Field { name: name.clone(), schema })
        };
        names.iter().map(of).collect()
    }

    /// A query about one record of every participant, of a statistic that is told nothing else.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn parse(statistic: Statistic, names: &[String], schema: Option<&str>) -> Result<Self, QueryError> {
        let fields = Self::fields(names, schema)?;
        let query = Self { statistic, fields, max_records: 1, detail: Detail::None };
        query.check().map(|()| query)
    }

    /// Checks a query, also one that came from elsewhere.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), QueryError> {
        let takes = self.statistic.takes();
        let count = self.fields.len();
        if !takes.takes_count(count) {
            return Err(QueryError::FieldCount { statistic: self.statistic, given: count });
        }
        let mut seen = BTreeSet::new();
        for field in &self.fields {
            Field::check_name(&field.name)?;
            field.schema.check()?;
            if !seen.insert(&field.name) {
                return Err(QueryError::FieldTwice(field.name.clone()));
            }
            if !takes.takes_schema(&field.schema, count) {
                let (field, kind) = (field.name.clone(), field.schema.kind());
                return Err(QueryError::FieldKind { statistic: self.statistic, field, kind });
            }
        }
        let explains = self.fields.split_last().map_or(&[][..], |(_, predictors)| predictors);
        if self.statistic == Statistic::Regression && explains.iter().any(|field| field.name == INTERCEPT) {
            return Err(QueryError::Intercept);
        }
        if !(1..=RECORDS_MAX).contains(&self.max_records) {
            return Err(QueryError::MaxRecords(self.max_records));
        }
        self.detail.check(self.statistic, self.number())?;
        self.check_cells()
    }

    /// A table whose every value is counted must not be endless.
    fn check_cells(&self) -> Result<(), QueryError> {
        match self.statistic.takes() {
            Takes::Countable(_) => {
                let counts = self.fields.iter().map(|field| match &field.schema {
                    Schema::Category(categories) => categories.names().len() as u128,
                    Schema::Number(number) | Schema::Vector { items: number, .. } => {
                        number.span_steps().map_or(u128::MAX, |span| span.saturating_add(1))
                    }
                });
                let cells = counts.fold(1, u128::saturating_mul);
                if cells > CELLS_MAX { Err(DetailError::Cells { cells }.into()) } else { Ok(()) }
            }
            Takes::OneOfAny | Takes::Numbers(..) | Takes::Vector => Ok(()),
        }
    }

    /// What the first field's numbers look like; `None` for categories.
    pub fn number(&self) -> Option<&NumberSchema> {
        self.fields.first().and_then(|field| field.schema.number())
    }

    /// The numbers that are added up or multiplied, each with what it looks like: the fields', or a vector's elements.
    pub fn numbers(&self) -> impl Iterator<Item = &NumberSchema> {
        self.fields.iter().flat_map(|field| {
            let times = match &field.schema {
                Schema::Number(_) | Schema::Category(_) => 1,
                Schema::Vector { length, .. } => *length as usize,
            };
            field.schema.number().into_iter().flat_map(move |number| std::iter::repeat_n(number, times))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn query(statistic: Statistic, fields: &[&str], schema: Option<&str>) -> Result<Query, QueryError> {
        Query::parse(statistic, &names(fields), schema)
    }

    #[test]
    fn a_schema_may_be_of_the_field_or_of_an_object() {
        let plain = r#"{"type":"number","minimum":0,"maximum":9}"#;
        let nested = format!(r#"{{"type":"object","properties":{{"age":{plain}}}}}"#);
        let one = query(Statistic::Sum, &["age"], Some(plain)).unwrap();
        assert_eq!(query(Statistic::Sum, &["age"], Some(&nested)), Ok(one));
    }

    #[test]
    fn what_cannot_be_asked_is_named() {
        let two = query(Statistic::Mean, &["a", "b"], None);
        assert_eq!(two, Err(QueryError::FieldCount { statistic: Statistic::Mean, given: 2 }));
        let other = r#"{"type":"object","properties":{"agee":{"type":"number"}}}"#;
        let other = query(Statistic::Sum, &["age"], Some(other));
        assert_eq!(other, Err(QueryError::SchemaForOtherField("agee".to_owned())));
        assert!(matches!(query(Statistic::Sum, &[""], None), Err(QueryError::FieldName(_))));
        assert_eq!("median".parse::<Statistic>(), Err(QueryError::UnknownStatistic("median".to_owned())));
        let words = query(Statistic::Mean, &["sex"], Some(r#"{"type":"string","enum":["f","m"]}"#));
        let error = words.unwrap_err();
        assert_eq!(
            error.to_string(),
            "mean takes one field, a number; the schema says that `sex` is a category"
        );
    }

    #[test]
    fn a_table_has_an_end() {
        let age = r#"{"type":"integer","minimum":0,"maximum":120}"#;
        assert!(query(Statistic::Frequency, &["age"], Some(age)).is_ok());
        assert!(query(Statistic::Frequency, &["age"], None).is_err(), "no bounds");
        let (small, large) = (
            r#"{"type":"integer","minimum":1,"maximum":100}"#,
            r#"{"type":"integer","minimum":0,"maximum":100}"#,
        );
        assert!(query(Statistic::Contingency, &["a", "b"], Some(small)).is_ok());
        let error = query(Statistic::Contingency, &["a", "b"], Some(large)).unwrap_err();
        assert_eq!(error, QueryError::Detail(DetailError::Cells { cells: 10_201 }));
    }

    #[test]
    fn a_vector_has_a_number_for_every_element() {
        let vector = r#"{"type":"array","items":{"type":"number"},"minItems":3,"maxItems":3}"#;
        let vector = query(Statistic::VectorMean, &["update"], Some(vector)).unwrap();
        assert_eq!(vector.numbers().count(), 3);
        assert_eq!(query(Statistic::VectorMean, &["a", "b"], None).unwrap().numbers().count(), 2);
    }
}
