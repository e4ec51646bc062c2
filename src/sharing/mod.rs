//! Shares in, totals out.

pub mod additive;
mod scheme;
mod secret;

pub use scheme::{Circuit, ReportShare, Scheme, ShareError, Split, Total, TotalError, Verdict, noise};
pub use secret::Secret;
