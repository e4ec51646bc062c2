//! What a node does in the network.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The two tiers: light nodes own data, heavy nodes add up shares. Either may propose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Collects secret shares, agrees on the set, reveals partial sums.
    Heavy,
    /// Owns private data, answers or declines.
    Light,
}

/// A text that is neither `heavy` nor `light`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a role; roles are heavy and light")]
pub struct RoleError(String);

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Heavy => "heavy",
            Self::Light => "light",
        })
    }
}

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        match text {
            "heavy" => Ok(Self::Heavy),
            "light" => Ok(Self::Light),
            other => Err(RoleError(other.to_owned())),
        }
    }
}
