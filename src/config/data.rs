//! Private values that a light node was given, by field: exact, and never shown.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use toml::Spanned;

use super::error::{DataError, ValueError};
use crate::domain::limits::LITERAL_BYTES_MAX;
use crate::domain::{Decimal, Field};
use crate::sharing::Secret;

/// Field names and their values, each a text kept as it was typed (a number, a category, or a JSON array of numbers), and
/// the fields whose remembered value is to be forgotten. `Debug` shows the names.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Data(BTreeMap<String, Entry>);

/// What is said about one field.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    Value(Secret<String>),
    Forget,
}

impl Data {
    /// Values as typed after `--data`: `age=41`, or `age=` to forget what is remembered.
    ///
    /// # Errors
    /// Whatever is wrong with the first one that does not fit.
    pub fn from_assignments<T: AsRef<str>>(
        assignments: impl IntoIterator<Item = T>,
    ) -> Result<Self, DataError> {
        let mut data = Self::default();
        for assignment in assignments {
            let (field, value) = assignment.as_ref().split_once('=').ok_or(DataError::NotAnAssignment)?;
            if data.0.contains_key(field) {
                return Err(DataError::Twice(field.to_owned()));
            }
            if value.is_empty() {
                check_name(field)?;
                data.0.insert(field.to_owned(), Entry::Forget);
            } else {
                data.set(field, value)?;
            }
        }
        Ok(data)
    }

    /// Keeps this value for a field.
    ///
    /// # Errors
    /// `Field` or `Value`.
    pub fn set(&mut self, field: &str, value: &str) -> Result<(), DataError> {
        check_name(field)?;
        check_value(value).map_err(|reason| DataError::Value { field: field.to_owned(), reason })?;
        self.0.insert(field.to_owned(), Entry::Value(Secret::new(value.to_owned())));
        Ok(())
    }

    /// The value of a field, where it is a number.
    pub fn get(&self, field: &str) -> Option<Decimal> {
        let (_, text) = self.values().find(|(known, _)| *known == field)?;
        text.parse().ok()
    }

    /// The fields that have a value, sorted.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.values().map(|(field, _)| field)
    }

    /// The fields and their values as they were typed, sorted. They are private.
    pub fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|(field, entry)| match entry {
            Entry::Value(text) => Some((field.as_str(), text.expose().as_str())),
            Entry::Forget => None,
        })
    }

    /// Whether nothing is said about any field.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// These values, and for other fields those of `lower`.
    #[must_use]
    pub fn over(mut self, lower: Self) -> Self {
        for (field, entry) in lower.0 {
            self.0.entry(field).or_insert(entry);
        }
        self
    }

    /// The values alone: what was to be forgotten is.
    #[must_use]
    pub fn settled(mut self) -> Self {
        self.0.retain(|_, entry| matches!(entry, Entry::Value(_)));
        self
    }
}

fn check_name(field: &str) -> Result<(), DataError> {
    Field::check_name(field).map_err(|error| DataError::Field(Box::new(error)))
}

fn check_value(value: &str) -> Result<(), ValueError> {
    // A number that is none is missing: it would be a category that nobody asks for.
    let is_no_number = || {
        let word = value.trim().trim_start_matches(['+', '-']).to_ascii_lowercase();
        matches!(word.as_str(), "nan" | "inf" | "infinity")
    };
    if value.len() > LITERAL_BYTES_MAX {
        Err(ValueError::TooLong)
    } else if value.chars().any(char::is_control) {
        Err(ValueError::ControlCharacter)
    } else if is_no_number() {
        Err(ValueError::NotFinite)
    } else {
        Ok(())
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.0).finish()
    }
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.values())
    }
}

/// Values as they stand in a file: quoted text, or a bare number whose digits only the file has exactly.
#[derive(Clone, Default)]
pub(super) struct WrittenData(BTreeMap<String, Spanned<Written>>);

#[derive(Clone)]
enum Written {
    Quoted(Secret<String>),
    Bare,
}

impl WrittenData {
    /// The values, given the text of the file; or where the first one stands that does not fit, and why.
    pub(super) fn read(self, file: &str) -> Result<Data, (usize, DataError)> {
        let mut data = Data::default();
        for (field, written) in self.0 {
            let span = written.span();
            let bare;
            let value = match written.get_ref() {
                Written::Quoted(text) => text.expose().as_str(),
                Written::Bare => {
                    bare = Secret::new(file.get(span.clone()).unwrap_or_default().replace('_', ""));
                    let checked: Result<Decimal, _> = bare.expose().parse();
                    let wrong =
                        |reason| DataError::Value { field: field.clone(), reason: ValueError::Number(reason) };
                    checked.map_err(|reason| (span.start, wrong(reason)))?;
                    bare.expose().as_str()
                }
            };
            data.set(&field, value).map_err(|error| (span.start, error))?;
        }
        Ok(data)
    }
}

impl<'de> Deserialize<'de> for WrittenData {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TableVisitor)
    }
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

// Serde's own messages for a wrong type quote the value. These visitors take every type, so that none does.

const TABLE: &str = "data must be a table of fields and their values, such as data = { age = 41 }";
const NUMBER: &str =
    "a private value is a number, such as 41, or a text in quotes, such as \"yes\" or \"[0.1, 0.2]\"";

struct TableVisitor;
struct ValueVisitor;

/// Refuses these types without naming the value.
macro_rules! refuse {
    ($message:expr, $($visit:ident: $kind:ty),*) => {
        $(fn $visit<E: de::Error>(self, _: $kind) -> Result<Self::Value, E> {
            Err(E::custom($message))
        })*
    };
}

impl<'de> Visitor<'de> for TableVisitor {
    type Value = WrittenData;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(TABLE)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut values = BTreeMap::new();
        while let Some((field, value)) = map.next_entry()? {
            values.insert(field, value);
        }
        Ok(WrittenData(values))
    }

    refuse!(TABLE, visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_seq<A: de::SeqAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
        Err(de::Error::custom(TABLE))
    }
}

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Written;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NUMBER)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Written::Quoted(Secret::new(text.to_owned())))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Written::Bare)
    }

    fn visit_i128<E: de::Error>(self, _: i128) -> Result<Self::Value, E> {
        Ok(Written::Bare)
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Written::Bare)
    }

    fn visit_u128<E: de::Error>(self, _: u128) -> Result<Self::Value, E> {
        Ok(Written::Bare)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Written::Bare)
    }

    refuse!(NUMBER, visit_bool: bool);

    fn visit_seq<A: de::SeqAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
        Err(de::Error::custom(NUMBER))
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
        Err(de::Error::custom(NUMBER))
    }
}
