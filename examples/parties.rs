//! Parties embedded in a program: three nodes in one process, on loopback, that invite each other to a sum. No heavy nodes.
//!
//! Run it with `cargo run --example parties`; each party prints the sum of three values that no other has seen.

use std::error::Error;
use std::path::Path;
use std::time::SystemTime;

use formix_p2p::consent::Policy;
use formix_p2p::control::{
    Agreement, Call, ComputationView, Inviting, Joining, PrivateText, Proposal, Reply, Request,
};
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

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let home = tempfile::tempdir()?;
    let alice = RunningNode::start(options(home.path(), "alice")?).await?;
    let bob = RunningNode::start(options(home.path(), "bob")?).await?;
    let charlie = RunningNode::start(options(home.path(), "charlie")?).await?;

    // Alice invites, with a value of her own. A ticket admits the first node that shows it.
    let question = Proposal::new("How many in all?", "sum", &["value"]);
    let inviting = Inviting { values: private("10"), ..Inviting::new(question, 3) };
    let Reply::Invited(invited) = ask(&alice, Request::Invite(Box::new(inviting))).await? else {
        return Err("an invitation is answered by its tickets".into());
    };
    for ((party, value), ticket) in [(&bob, "7"), (&charlie, "14")].into_iter().zip(&invited.tickets) {
        // Whoever is invited may take part; `Agreement::Only` names those with whom alone this one computes.
        let consent = Agreement::Anybody;
        let joining = Joining { ticket: ticket.clone(), consent, name: None, values: private(value) };
        ask(party, Request::Join(Box::new(joining))).await?;
    }

    let parties = [alice, bob, charlie];
    for node in &parties {
        let end = wait_for_the_end(node, &invited.id).await?;
        match end.result.as_ref().and_then(|result| result.get("sum")) {
            Some(sum) => println!("{} reads {sum}, over {} participants", node.id().name, end.participants),
            None => println!("{} has no result: {}", node.id().name, end.reason.unwrap_or_default()),
        }
    }
    for node in parties {
        node.stop().await?;
    }
    Ok(())
}

fn options(home: &Path, name: &str) -> Result<NodeOptions, Failed> {
    let mut secret = [0; 32];
    SysRng.try_fill_bytes(&mut secret)?;
    Ok(NodeOptions {
        folder: home.join(name),
        identity: Identity::from_secret_key(&secret),
        secret_key: Secret::new(secret),
        created_at: Timestamp::from(SystemTime::now()),
        identity_is_new: IdentityAge::New,
        role: Role::Light,
        name: name.to_owned(),
        listen: vec!["/ip4/127.0.0.1/tcp/0".parse()?],
        // Where the inviter is stands in the tickets.
        bootstrap: Vec::new(),
        mdns: Mdns::Off,
        swarm_key: None,
        members: MembershipSource::default(),
        policy: Policy::default(),
        sources: Sources::new(None::<(&str, &str)>, []),
    })
}

fn private(value: &str) -> Vec<PrivateText> {
    vec![PrivateText(value.to_owned())]
}

async fn ask(node: &RunningNode, request: Request) -> Result<Reply, Failed> {
    let (reply, answer) = oneshot::channel();
    node.calls().send(Call { request, reply }).await?;
    Ok(answer.await??)
}

/// Follows an invitation until what has become of it has ended.
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
