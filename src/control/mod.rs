//! The local API: HTTP and JSON over a Unix socket in the node's folder (0600).

mod api;
mod client;
mod question;
mod scheme;
mod server;
#[cfg(test)]
mod tests;

pub use api::{
    Announced, ApiError, CALLS_QUEUED_MAX, Call, ComputationView, Decided, Health, NodeId, NodeView, NoiseView,
    PendingView, PrivateText, Proposal, Reply, Request, View,
};
pub use client::{Client, ClientError};
pub use question::{QuestionError, draft};
pub use scheme::SchemeError;
pub use server::{ServeError, serve};
