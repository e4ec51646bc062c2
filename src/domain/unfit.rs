//! What an owner wants done with records that do not fit a question.

use serde::{Deserialize, Serialize};

/// What is done with a record that does not fit the schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unfit {
    /// It is left out, and counted for the owner.
    #[default]
    Skip,
    /// A number becomes the nearest one that fits; what is no number is left out.
    Clamp,
    /// The question is declined.
    Decline,
}
