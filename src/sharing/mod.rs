//! Shares in, totals out.

pub mod additive;
mod secret;

pub use secret::Secret;
