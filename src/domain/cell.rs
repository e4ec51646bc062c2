//! One value of one record on its way from a source to the encoder.

use std::fmt;

/// What stands under one field in one record. `Debug` shows only whether there is something.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Nothing: the source says that the value is missing.
    Missing,
    /// A number with a decimal point, a category, or a JSON array of numbers.
    Text(&'a str),
}

impl fmt::Debug for Cell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "Missing",
            Self::Text(_) => "<redacted>",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_value() {
        assert_eq!(format!("{:?}", [Cell::Text("4711"), Cell::Missing]), "[<redacted>, Missing]");
    }
}
