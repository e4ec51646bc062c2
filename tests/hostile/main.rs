//! Peers that mean harm. `peer` is one that speaks libp2p and our protocols' names, and sends whatever it likes; the other
//! files say what it does, what an honest node does about it, and that nobody else is the worse for it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod evidence;
mod floods;
mod frames;
#[path = "../lab/mod.rs"]
mod lab;
mod largest;
mod lies;
mod network_under_flood;
#[path = "../network/node.rs"]
#[allow(dead_code)]
mod node;
mod peer;
mod presences;
mod reports;
