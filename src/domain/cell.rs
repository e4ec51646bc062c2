//! One value of one record, on its way from a source to the encoder.

use std::fmt;

/// What stands in one field of one record. It is private: nothing of it is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Nothing, or what the source takes for nothing.
    Missing,
    /// A number with a decimal point, a category, or a JSON array of numbers, as text.
    Text(&'a str),
}

/// What is done with a record that does not fit the schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unfit {
    /// It is left out, and counted for the owner.
    #[default]
    Skip,
    /// A number becomes the nearest one that fits; what is no number is left out.
    Clamp,
    /// The question is declined.
    Decline,
}

impl fmt::Debug for Cell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}
