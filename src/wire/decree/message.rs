//! What the heavy nodes of a decree send each other, and what one of them remembers across restarts.

use serde::{Deserialize, Serialize};

use super::{Choice, Commit, Decided, DecreeStatement, Prepare, Prepared, Proposal, Topic, ViewChange};
use crate::domain::ComputationId;
use crate::wire::codec;
use crate::wire::signed::Signed;

/// A proposal, and why its coordinator may make it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JustifiedProposal {
    /// What is proposed.
    pub proposal: Signed<Proposal>,
    /// Above view 0: at least n − f of its view, in the order of the heavy nodes. In view 0: none.
    #[serde(deserialize_with = "codec::one_a_heavy_node")]
    pub changes: Vec<Signed<ViewChange>>,
}

/// One message of a decree. Each may be lost, repeated or overtaken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DecreeMessage {
    /// From a coordinator to all; passed on by others to whoever was shown another one.
    Proposal(JustifiedProposal),
    /// To all.
    Prepare(Signed<Prepare>),
    /// To all.
    Commit(Signed<Commit>),
    /// To all.
    ViewChange(Signed<ViewChange>),
    /// To whoever still says something else.
    Decided(Decided),
}

/// What a heavy node must not forget of a decree: what it has said in its view, the view itself (that of its
/// view change, or 0), the highest choice that it has seen prepared, and the decision. Once decided, nothing
/// else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecreeMemory {
    pub(crate) change: Option<Signed<ViewChange>>,
    pub(crate) proposal: Option<JustifiedProposal>,
    pub(crate) prepare: Option<Signed<Prepare>>,
    pub(crate) commit: Option<Signed<Commit>>,
    pub(crate) prepared: Option<Prepared>,
    pub(crate) decided: Option<Decided>,
    /// What its prepare of view 0 is for: nobody need have proposed that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) choice: Option<Choice>,
}

impl DecreeMessage {
    /// Which decree it belongs to; `None` for a decision that nobody has signed.
    pub fn decree(&self) -> Option<(ComputationId, Topic)> {
        match self {
            Self::Proposal(justified) => Some(justified.proposal.get().decree()),
            Self::Prepare(prepare) => Some(prepare.get().decree()),
            Self::Commit(commit) => Some(commit.get().decree()),
            Self::ViewChange(change) => Some(change.get().decree()),
            Self::Decided(decided) => decided.decree(),
        }
    }
}

impl DecreeMemory {
    /// The decision, once there is one.
    pub const fn decided(&self) -> Option<&Decided> {
        self.decided.as_ref()
    }

    /// The view that the node is in; once decided, that of the decision.
    pub fn view(&self) -> u32 {
        let entered = self.change.as_ref().map_or(0, |change| change.get().view);
        self.decided.as_ref().map_or(entered, |decided| decided.view)
    }
}
