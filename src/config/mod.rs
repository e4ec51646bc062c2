//! Settings: what a person says by flags, environment and configuration file, and what a node remembers of it.

mod data;
mod error;
mod layer;
mod node;
mod port;
pub(crate) mod private_file;
mod read;
#[cfg(test)]
mod tests;
mod text;

pub use data::Data;
pub use error::{ConfigError, DataError, ValueError};
pub use layer::{Layer, PolicyLayer, merge};
pub use node::{NodeConfig, NodePolicy};
pub use port::{FIRST_PORT, first_free_port};
