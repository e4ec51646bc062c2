//! The local API: HTTP and JSON over a Unix socket in the node's folder (0600).

mod api;

pub use api::{
    Announced, ApiError, CALLS_QUEUED_MAX, Call, ComputationView, Health, NodeId, NodeView, PendingView,
    PrivateText, Proposal, Reply, Request, View,
};
