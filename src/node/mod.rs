//! The runtime of one node: it carries events into the protocol and actions out of it.

mod clock;
mod directory;
mod references;
mod render;
mod timers;
