//! Several machines on one: each node in its own network namespace, all on one bridge, so that discovery is by real
//! multicast, and what real networks do can be done to them. It needs root, `ip`, `tc` and `nft`; where they are
//! missing each test says by its name that it was not run. `docs/TESTING.md` tells what each shows.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod lab;

#[path = "lan/bridge.rs"]
mod bridge;
#[path = "lan/clocks.rs"]
mod clocks;
#[path = "lan/crowd.rs"]
mod crowd;
#[path = "lan/discovery.rs"]
mod discovery;
#[path = "lan/liar.rs"]
mod liar;
#[path = "lan/links.rs"]
mod links;
#[path = "lan/loss.rs"]
mod loss;
#[path = "lan/machines.rs"]
mod machines;
#[path = "lan/mdns.rs"]
mod mdns;
#[path = "lan/partition.rs"]
mod partition;
