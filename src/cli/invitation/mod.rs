//! `invite`, `join`, `invitations`, `revoke`, `forget`: a computation between parties that add up by themselves.

mod follow;
mod invite;
mod join;
mod kept;
mod over_two;
mod owner;
mod qr;
mod typed;
mod withdraw;
mod words;

pub use invite::Invite;
pub use join::Join;
pub use kept::Invitations;
pub use withdraw::{Forget, Revoke};
#[cfg(test)]
pub(super) use words::tests;
pub use words::{ask_again, own_answer, rows_of_parties, waiting};
