//! The state machines: events in, actions out.
//!
//! A [`Node`] takes one [`Event`] at a time and gives a list of [`Action`]s; it knows no socket, file, clock or
//! runtime, so that the whole network runs in one thread, in virtual time, from one seed ([`crate::sim`]).
//!
//! Every message is pushed once. Whoever lacks something asks for it again, on a timer and whenever it meets the
//! peer that has it; so nothing needs an acknowledgement, and a loss costs time and nothing else. Each signed step
//! is persisted before it is sent, once, for ever.
//!
//! * `proposer`: acceptances in, announcement out.
//! * `light`: a question in, a report out, to every heavy node, until each has given a receipt.
//! * `ledger`: what was done with earlier questions, for the policy and for the owner.
//! * `heavy`: acceptance, intake of reports, and the agreement: close, freeze, vote, open.
//! * `sync`: what gossip missed is asked for.
//! * `certificate`: openings in, answer out.
//! * `ending`: how it ends at a node, and to whom it tells that.
//! * `members`: who was in the set, for those who may know.
//! * `pruned`: what is left of computations that ended long ago.
//! * `comparison`: the sets of a light node's answers, beside each other.
//! * `decree`: agreement among the heavy nodes while some of them are gone.

mod action;
mod certificate;
mod comparison;
mod decree;
mod early;
mod ending;
mod entry;
mod event;
mod forgetting;
mod heavy;
mod invitation;
mod ledger;
mod light;
mod members;
mod node;
mod packed;
mod past;
mod proposals;
mod proposer;
mod pruned;
mod remembered;
mod restore;
mod settings;
mod shared;
mod shelf;
mod sync;
mod turn;
mod view;

pub use action::{Action, Notice};
pub use certificate::{Assurance, CertificateError, Verified, assurance_of, verify_certificate};
pub use decree::{Decree, DecreeOutput, Ignored, Judge};
pub use event::{Command, Event, Seed, SourceProblem, Timer};
pub use ledger::Judgement;
pub use node::Node;
pub use pruned::Recalled;
pub use settings::{Settings, Slice};
pub use shelf::{Shelf, Unreadable};
pub use view::{InvitationView, OwnPart, View};
