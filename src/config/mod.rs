//! Settings: what a person says by flags, environment and configuration file, and what a node remembers of it.

mod admission;
mod data;
mod error;
mod layer;
mod node;
mod policy;
#[cfg(test)]
mod policy_tests;
mod policy_text;
mod port;
pub(crate) mod private_file;
mod read;
#[cfg(test)]
mod tests;
mod text;

pub use admission::AdmissionLayer;
pub use data::Data;
pub use error::{ConfigError, DataError, ValueError};
pub use layer::{Layer, merge};
pub use node::NodeConfig;
pub use policy::{FieldLayer, PolicyError, PolicyLayer};
pub use port::{FIRST_PORT, first_free_port};
