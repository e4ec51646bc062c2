//! The local API: HTTP and JSON over a Unix socket in the node's folder (0600).
//!
//! `api`, with `owner`, is the contract; `server` and `client` speak it; `question`, with `choice`, is what a question must look like,
//! for whoever puts one together and for the node that is asked.

mod api;
mod choice;
mod client;
mod detail;
mod owner;
mod question;
mod server;
#[cfg(test)]
mod tests;

pub use api::{
    Announced, ApiError, CALLS_QUEUED_MAX, Call, ComputationView, Decided, Health, NodeId, NodeView, NoiseView,
    PendingView, PrivateText, Proposal, Reply, Request, SimilarView, View,
};
pub use choice::ChoiceError;
pub use client::{Client, ClientError};
pub use owner::{LedgerLine, LedgerView, PolicyTest, PolicyView, RuleVerdict, RuleView};
pub use question::{QuestionError, draft};
pub use server::{ServeError, read_answer, read_proposal, serve};
