//! What stands in the fields of a source, by counts alone.

use std::ops::ControlFlow;
use std::time::Instant;

use zeroize::Zeroizing;

use super::Source;
use super::error::SourceError;
use super::program::Programs;
use super::rows::{Broken, Rows};
use crate::domain::limits::CATEGORIES_GUESSED_MAX;
use crate::domain::{Cell, Decimal};

/// One field, as a full look at its source finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The field.
    pub name: String,
    /// The source that has it, in words for its owner.
    pub origin: String,
    /// What its values look like.
    pub kind: Kind,
    /// Rows of the source, broken ones included.
    pub rows: u64,
    /// Rows with a value of this kind.
    pub usable: u64,
    /// Rows whose value is missing.
    pub missing: u64,
    /// Rows of the source that could not be taken apart.
    pub broken: u64,
    /// The first of those.
    pub first_broken: Option<Broken>,
}

/// What values look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// There is none.
    Empty,
    /// Exact decimal numbers; `others` are values that are none, fewer than half.
    Number {
        /// Rows with another value.
        others: u64,
    },
    /// So many different texts.
    Category {
        /// How many.
        values: usize,
    },
    /// Arrays of so many numbers.
    Vector {
        /// How many.
        length: usize,
    },
    /// Too many different texts for categories.
    Text,
}

/// Reads these fields of a source, which has them all.
pub(super) fn of(
    source: &Source,
    origin: &str,
    fields: &[&str],
    limits: (Instant, &Programs),
) -> Result<Vec<Profile>, SourceError> {
    let mut columns: Vec<_> = fields.iter().map(|_| Counts::default()).collect();
    let mut look = |cells: &[Cell<'_>]| {
        columns.iter_mut().zip(cells).for_each(|(column, cell)| column.add(*cell));
        ControlFlow::Continue(())
    };
    let mut rows = Rows::new(&mut look);
    source.read(fields, limits, &mut rows)?;
    let summary = rows.into_summary();
    let profile = |(column, name): (Counts, &&str)| {
        let (kind, usable) = column.settle();
        Profile {
            name: (*name).to_owned(),
            origin: origin.to_owned(),
            kind,
            rows: summary.rows,
            usable,
            missing: column.missing,
            broken: summary.broken,
            first_broken: summary.first_broken.clone(),
        }
    };
    Ok(columns.into_iter().zip(fields).map(profile).collect())
}

/// What was seen of one field.
#[derive(Default)]
struct Counts {
    missing: u64,
    numbers: u64,
    vectors: u64,
    others: u64,
    /// The length of the vectors, as long as all have the same.
    length: Option<Option<usize>>,
    /// Different values that are not numbers, until there are too many.
    texts: Vec<Zeroizing<String>>,
    overflowed: bool,
}

impl Counts {
    fn add(&mut self, cell: Cell<'_>) {
        let text = match cell {
            Cell::Missing => {
                self.missing += 1;
                return;
            }
            Cell::Text(text) => text,
        };
        if text.parse::<Decimal>().is_ok() {
            self.numbers += 1;
        } else if let Some(length) = vector_length(text) {
            self.vectors += 1;
            let first = *self.length.get_or_insert(Some(length));
            self.length = Some(first.filter(|known| *known == length));
        } else {
            self.others += 1;
        }
        self.note(text);
    }

    /// Keeps different texts apart as long as they are few.
    fn note(&mut self, text: &str) {
        if self.overflowed || self.texts.iter().any(|known| known.as_str() == text) {
            return;
        }
        if self.texts.len() < CATEGORIES_GUESSED_MAX {
            self.texts.push(Zeroizing::new(text.to_owned()));
        } else {
            self.overflowed = true;
            self.texts.clear();
        }
    }

    /// The kind, and how many values are of it.
    fn settle(&self) -> (Kind, u64) {
        let values = self.numbers + self.vectors + self.others;
        let not_numbers = values - self.numbers;
        if values == 0 {
            (Kind::Empty, 0)
        } else if self.numbers > not_numbers {
            (Kind::Number { others: not_numbers }, self.numbers)
        } else if let (true, Some(Some(length))) = (self.vectors == values, self.length) {
            (Kind::Vector { length }, values)
        } else if self.overflowed {
            (Kind::Text, values)
        } else {
            (Kind::Category { values: self.texts.len() }, values)
        }
    }
}

/// How many numbers an array has; `None` for anything else.
fn vector_length(text: &str) -> Option<usize> {
    if !text.starts_with('[') {
        return None;
    }
    let items: Vec<serde_json::Number> = serde_json::from_str(text).ok()?;
    Some(items.len())
}
