//! Nodes embedded in a program: three heavy and three light ones in one process, on loopback, and one computation.
//!
//! Run it with `cargo run --example embed`; it prints the sum of three values that no node has shown.

use std::error::Error;
use std::path::Path;
use std::time::SystemTime;

use formix_p2p::consent::{Policy, Preset};
use formix_p2p::control::{Call, ComputationView, Proposal, Reply, Request};
use formix_p2p::domain::{Role, Status, Timestamp};
use formix_p2p::home::MembershipSource;
use formix_p2p::network::Mdns;
use formix_p2p::node::{IdentityAge, NodeOptions, RunningNode};
use formix_p2p::sharing::Secret;
use formix_p2p::sources::Sources;
use formix_p2p::wire::Identity;
use rand::TryRng;
use rand::rngs::SysRng;
use tokio::sync::oneshot;

type Failed = Box<dyn Error>;

/// What each light node keeps to itself.
const BEDS: [&str; 3] = ["12", "-3", "22"];

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let home = tempfile::tempdir()?;
    let mut nodes = Vec::new();
    let mut bootstrap = Vec::new();
    for number in 1..=3 {
        let name = format!("heavy-{number}");
        let heavy = RunningNode::start(options(home.path(), &name, Role::Heavy, &bootstrap, None)?).await?;
        bootstrap.extend(heavy.id().addresses.into_iter().take(1));
        nodes.push(heavy);
    }
    for (number, beds) in (1..).zip(BEDS) {
        let name = format!("light-{number}");
        let light =
            RunningNode::start(options(home.path(), &name, Role::Light, &bootstrap, Some(beds))?).await?;
        nodes.push(light);
    }

    // Any node may ask. The last light one does, and answers as well.
    let asker = nodes.last().ok_or("no node")?;
    let Reply::Announced(announced) = ask(asker, Request::Propose(Box::new(question()))).await? else {
        return Err("a proposal is answered by its announcement".into());
    };
    println!("{} asks {} heavy nodes for \"{}\"", announced.id, announced.heavy_nodes.len(), question().prompt);
    let end = wait_for_the_end(asker, &announced.id).await?;
    match end.result.as_ref().and_then(|result| result.get("sum")) {
        Some(sum) => println!("{} light nodes have {sum} free beds together", end.participants),
        None => println!("no result: {}", end.reason.unwrap_or_default()),
    }
    for node in nodes {
        node.stop().await?;
    }
    Ok(())
}

fn options(
    home: &Path,
    name: &str,
    role: Role,
    bootstrap: &[String],
    beds: Option<&str>,
) -> Result<NodeOptions, Failed> {
    let mut secret = [0; 32];
    SysRng.try_fill_bytes(&mut secret)?;
    Ok(NodeOptions {
        folder: home.join(name),
        identity: Identity::from_secret_key(&secret),
        secret_key: Secret::new(secret),
        created_at: Timestamp::from(SystemTime::now()),
        identity_is_new: IdentityAge::New,
        role,
        name: name.to_owned(),
        listen: vec!["/ip4/127.0.0.1/tcp/0".parse()?],
        bootstrap: bootstrap.iter().map(|address| address.parse()).collect::<Result<_, _>>()?,
        mdns: Mdns::Off,
        swarm_key: None,
        members: MembershipSource::default(),
        // Every node here is ours; with others, name the heavy nodes that you trust instead.
        policy: Policy { preset: Preset::Open, ..Policy::default() },
        sources: Sources::new(beds.map(|beds| ("beds", beds)), []),
    })
}

fn question() -> Proposal {
    Proposal {
        deadline_ms: 3_000,
        patience_ms: 10_000,
        ..Proposal::new("How many beds are free?", "sum", &["beds"])
    }
}

async fn ask(node: &RunningNode, request: Request) -> Result<Reply, Failed> {
    let (reply, answer) = oneshot::channel();
    node.calls().send(Call { request, reply }).await?;
    Ok(answer.await??)
}

/// Follows a computation until it has ended.
async fn wait_for_the_end(node: &RunningNode, id: &str) -> Result<ComputationView, Failed> {
    let mut seen = 0;
    loop {
        let watch = Request::Watch { reference: id.to_owned(), seen };
        let Reply::Computation(view) = ask(node, watch).await? else {
            return Err("a watcher is answered with the computation".into());
        };
        match view.status {
            Status::Pending | Status::Processing => seen = view.revision,
            Status::Completed | Status::Failed => return Ok(*view),
        }
    }
}
