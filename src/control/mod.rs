//! The local API: HTTP and JSON over a Unix socket in the node's folder (0600).
//!
//! `api`, with `owner` and `invitation`, is the contract; `server` and `client` speak it; `question`, with `choice`, and `inviting` are what
//! a question and an invitation must look like, for whoever puts one together and for the node that is asked; `values` is what
//! somebody types who answers.

mod api;
mod choice;
mod client;
mod detail;
mod invitation;
mod inviting;
mod owner;
mod proposal;
mod question;
mod server;
#[cfg(test)]
mod tests;
mod values;
mod words;

pub use api::{
    Announced, ApiError, CALLS_QUEUED_MAX, Call, ComputationView, Decided, Health, NodeId, NodeView, NoiseView,
    PendingView, PrivateText, Reply, Request, SimilarView, View,
};
pub use choice::ChoiceError;
pub use client::{Client, ClientError};
pub use invitation::{Agreement, Forgotten, InvitationView, Invited, Inviting, Joining, PartyView, TicketView};
pub use inviting::{InvitingError, draft_invitation};
pub use owner::{LedgerLine, LedgerView, PolicyTest, PolicyView, RuleVerdict, RuleView};
pub use proposal::Proposal;
pub use question::{QuestionError, draft};
pub use server::{ServeError, read_answer, read_inviting, read_joining, read_proposal, serve};
pub use values::{ValueError, encode_values};
pub use words::of_parties;
