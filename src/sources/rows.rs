//! Rows on their way out of a source, and what is said of them in the end.

use std::ops::ControlFlow;

use crate::domain::Cell;

/// Takes one row after the other: the cells of the fields asked for, in the order in which they were asked for. It
/// breaks off when it has enough.
pub type RowSink<'a> = dyn FnMut(&[Cell<'_>]) -> ControlFlow<()> + 'a;

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadSummary {
    /// Rows that were there, broken ones included, as far as they were wanted.
    pub rows: u64,
    /// Rows that could not be taken apart, so that they were not handed over.
    pub broken: u64,
    /// The first of those.
    pub first_broken: Option<Broken>,
}

/// A row that could not be taken apart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place} {number}: {fault}")]
pub struct Broken {
    /// `line`, `row` or `record`.
    pub place: &'static str,
    /// Which one, from 1.
    pub number: u64,
    /// What is wrong with it.
    pub fault: RowFault,
}

/// Why a row cannot be taken apart. It does not show what stands there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowFault {
    /// More or fewer cells than columns.
    #[error("the number of its cells is {cells}, that of the columns {columns}")]
    Ragged {
        /// How many it has.
        cells: usize,
        /// How many it should have.
        columns: usize,
    },
    /// Bytes that are not text.
    #[error("the value of `{0}` is not UTF-8")]
    NotUtf8(String),
    /// A binary value.
    #[error("the value of `{0}` is a blob")]
    Blob(String),
    /// An object where a value should be.
    #[error("the value of `{0}` is an object")]
    Nested(String),
    /// Neither an object with the fields nor a bare value.
    #[error("it is not an object with the fields")]
    NotARecord,
}

/// Rows being handed over, and counted.
pub(super) struct Rows<'a, 's> {
    sink: &'a mut RowSink<'s>,
    summary: ReadSummary,
}

impl<'a, 's> Rows<'a, 's> {
    pub(super) fn new(sink: &'a mut RowSink<'s>) -> Self {
        Self { sink, summary: ReadSummary::default() }
    }

    /// Hands over one row.
    pub(super) fn hand(&mut self, cells: &[Cell<'_>]) -> ControlFlow<()> {
        self.summary.rows += 1;
        (self.sink)(cells)
    }

    /// Counts a row that cannot be handed over.
    pub(super) fn leave_out(&mut self, place: &'static str, number: u64, fault: RowFault) {
        self.summary.rows += 1;
        self.summary.broken += 1;
        self.summary.first_broken.get_or_insert(Broken { place, number, fault });
    }

    /// Rows so far.
    pub(super) const fn count(&self) -> u64 {
        self.summary.rows
    }

    pub(super) fn into_summary(self) -> ReadSummary {
        self.summary
    }
}
