//! What reading a source came to.

use std::fmt;

use crate::sharing::Secret;

/// A measurement on its way from a source to the protocol. `Debug` shows nothing that depends on a value.
#[derive(Clone)]
pub struct Reading {
    measurement: Secret<Vec<u128>>,
    records: u64,
    smallest_cell: Option<u64>,
    tally: Tally,
}

/// How many rows there were, and what became of them. For the owner alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows of the source.
    pub rows: u64,
    /// Rows that a field was missing in; they are left out.
    pub missing: u64,
    /// Rows that did not fit the schema and were left out.
    pub unfit: u64,
    /// Rows in which a number was replaced by the nearest one that fits.
    pub clamped: u64,
    /// How often each rule was broken, such as "`age`: the value is above the maximum of 120".
    pub rules: std::collections::BTreeMap<String, u64>,
}

/// Why there is no measurement. It never shows a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadingError {
    /// Nothing to answer with.
    #[error("no record can be used: {0}")]
    NoRecords(Tally),
    /// Most values are finer than the schema's step, so that those which happen to fit would stand for all.
    #[error("most values are finer than the schema's step, which needs a smaller multipleOf: {0}")]
    TooFine(Tally),
    /// More records than the question takes.
    #[error(
        "there are more than {0} record{s}, the most that the question takes from one participant",
        s = if *.0 == 1 { "" } else { "s" }
    )]
    TooManyRecords(u32),
    /// A record that does not fit, where the owner's policy says to decline then.
    #[error("a record does not fit, and the policy is to decline then: {0}")]
    Unfit(String),
    /// Without bounds: so large that the total could overflow.
    #[error("the sum's magnitude is not below {limit}, so the total could overflow; add bounds to the schema")]
    TooLarge {
        /// What it must stay below, in steps.
        limit: u128,
    },
}

impl Reading {
    /// What an owner said before the computation was there.
    pub fn kept(measurement: Secret<Vec<u128>>, records: u64) -> Self {
        Self { measurement, records, smallest_cell: None, tally: Tally::default() }
    }

    pub(super) const fn new(
        measurement: Secret<Vec<u128>>,
        records: u64,
        smallest_cell: Option<u64>,
        tally: Tally,
    ) -> Self {
        Self { measurement, records, smallest_cell, tally }
    }

    /// The numbers that are split into shares.
    pub const fn measurement(&self) -> &Secret<Vec<u128>> {
        &self.measurement
    }

    /// How many records are in it.
    pub const fn records(&self) -> u64 {
        self.records
    }

    /// Of a table: the fewest records in a cell that has any. It is private.
    pub const fn smallest_cell(&self) -> Option<u64> {
        self.smallest_cell
    }

    /// What became of the rows.
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading").finish_non_exhaustive()
    }
}

impl Tally {
    /// What became of the rows that are not in the measurement as they are, for a log; nothing where every row is. How many
    /// there are in all is not said: of a count that is the measurement.
    pub fn left_out(&self) -> Option<String> {
        Some(self.parts()).filter(|parts| !parts.is_empty())
    }

    fn parts(&self) -> String {
        let counts = [
            (self.missing, "with a missing value"),
            (self.unfit, "that do not fit"),
            (self.clamped, "clamped"),
        ];
        let counted = counts.iter().filter(|(count, _)| *count > 0);
        let mut said = counted.map(|(count, what)| format!("{count} {what}")).collect::<Vec<_>>().join(", ");
        if !self.rules.is_empty() {
            let rules: Vec<_> = self.rules.iter().map(|(rule, count)| format!("{rule}: {count}")).collect();
            said.push_str(&format!(" ({})", rules.join("; ")));
        }
        said
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.parts();
        write!(f, "{} rows{}{parts}", self.rows, if parts.is_empty() { "" } else { ", " })
    }
}
