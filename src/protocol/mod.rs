//! The state machines: events in, actions out.

mod action;
mod event;
mod node;
mod view;

pub use action::{Action, Notice};
pub use event::{Command, Event, PrivateValue, Seed, SourceProblem, Timer};
pub use node::{Node, Settings};
pub use view::{OwnPart, View};
