//! `id`: who a node is, running or not.

use clap::Args;

use super::args::Context;
use super::nodes::{Chosen, Lookup};
use super::problem::Problem;
use super::table;
use super::wait::unexpected;
use crate::control::{Client, NodeId, Reply, Request};

/// Who a node is: its names and addresses
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p id
  formix-p2p id --node ward-3 --json | jq -r .data.addresses[0]")]
pub struct Id {}

impl Id {
    pub async fn act(self, context: &Context) -> Result<(), Problem> {
        let id = match context.any_node_or_stopped().await? {
            Lookup::Running(Chosen { id, .. }) => id,
            Lookup::Stopped(node) => node.id(),
        };
        context.output.answer(&id, || told(&id));
        Ok(())
    }
}

/// Who listens here.
///
/// # Errors
/// Whatever the node answers instead.
pub async fn of(client: &Client) -> Result<NodeId, Problem> {
    let Reply::Id(id) = client.request(Request::Id).await? else { return Err(unexpected()) };
    Ok(id)
}

/// A node's names, and its addresses in full, ready to paste after `--bootstrap`.
pub fn told(id: &NodeId) -> String {
    let rows = [
        ("UID", id.uid.clone()),
        ("PeerId", id.peer_id.clone()),
        ("role", id.role.to_string()),
        ("name", table::printable(&id.name)),
        ("port", id.port.map_or_else(|| "-".to_owned(), |port| port.to_string())),
        ("home", id.home.clone()),
    ];
    let addresses = id.addresses.iter().map(|address| format!("  --bootstrap {address}\n"));
    table::pairs(&rows) + &addresses.collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Role;

    #[test]
    fn addresses_are_ready_to_paste() {
        let address = "/ip4/10.0.0.7/tcp/8000/p2p/12D3KooWExample".to_owned();
        let id = NodeId {
            uid: "AAAAAAAA".to_owned(),
            peer_id: "12D3KooWExample".to_owned(),
            role: Role::Heavy,
            name: "north".to_owned(),
            port: Some(8000),
            addresses: vec![address.clone()],
            home: "/home/x/.formix".to_owned(),
        };
        assert!(told(&id).ends_with(&format!("  --bootstrap {address}\n")));
    }
}
