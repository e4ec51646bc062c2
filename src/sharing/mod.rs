//! Shares in, totals out.
//!
//! [`Scheme`] is the interface. Behind it stand three schemes:
//!
//! * `additive`: n of n modulo a power of two, nothing proven (`additive.rs`, `unproven.rs`);
//! * `prio3`: n of n with a proof of range, Prio3 of VDAF draft 18 (`prio3.rs`);
//! * `threshold`: k of n with the same proofs, on Shamir shares (`threshold.rs`, `shamir.rs`, `decoding.rs`).
//!
//! The two with proofs are one thing (`proven.rs`) but for who gets a seed and who a full share (`layout.rs`), for the
//! tag under which seeds are expanded (`xof.rs`) and for how answers are put together (`verification.rs`, `sums.rs`).
//! [`Circuit`] says what is proven. Noise for differential privacy is drawn in [`noise`].
//!
//! All randomness comes from the generator that the caller passes in, and no output depends on the machine or on the
//! number of threads. Measurements, shares and what is expanded from seeds are wiped when they go, except what the
//! `prio` crate allocates within a call.

pub mod additive;
mod circuit;
mod dealt_noise;
mod decoding;
mod element;
mod error;
mod layout;
pub mod noise;
mod prio3;
mod proven;
mod rho;
mod scheme;
mod secret;
mod shamir;
mod split;
mod sums;
mod threads;
mod threshold;
mod unproven;
mod verification;
mod xof;

#[cfg(test)]
mod tests;

pub use circuit::{Circuit, CircuitError, ELEMENTS_MAX, Relations, Slot};
pub use error::{NoiseError, SchemeError, ShareError, SplitError, TotalError, VerifierError};
pub use rho::{RHO_BYTES, RhoShare, deal_rho, fresh_rho, rebuild_rho};
pub use scheme::{ReportShare, Scheme, Total, Verdict};
pub use secret::Secret;
pub use split::Split;
pub use threads::Threads;
