//! Whom a node of a closed network lets in, as it stands in `node.toml`, in a configuration file, or in flags.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::text;
use crate::domain::PeerId;

/// What one source says about admission; `None` where it says nothing. Where none says anything, everybody is let in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdmissionLayer {
    /// Nodes that are let in.
    #[serde(with = "text::peers_if_any")]
    pub allow: Option<Vec<PeerId>>,
    /// A file that names more of them.
    pub members: Option<PathBuf>,
    /// Who must have signed that file.
    #[serde(with = "text::peer_if_any")]
    pub signer: Option<PeerId>,
}

impl AdmissionLayer {
    /// This source's word, and where it is silent that of `lower`.
    #[must_use]
    pub fn over(self, lower: Self) -> Self {
        Self {
            allow: self.allow.or(lower.allow),
            members: self.members.or(lower.members),
            signer: self.signer.or(lower.signer),
        }
    }

    /// Whether nothing is said.
    pub fn is_silent(&self) -> bool {
        *self == Self::default()
    }
}
