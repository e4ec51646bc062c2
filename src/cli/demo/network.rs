//! The demo's nodes: real ones, on loopback, in a temporary folder.

use std::path::Path;
use std::time::{Duration, SystemTime};

use futures::future::{join_all, try_join_all};
use rand::TryRng;
use rand::rngs::SysRng;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::FIELD;
use crate::cli::problem::{Exit, Problem};
use crate::cli::wait::{has_ended, unexpected};
use crate::consent::{Policy, Preset};
use crate::control::{Call, ComputationView, Reply, Request, View};
use crate::domain::{Role, Timestamp};
use crate::home::{Keys, MembershipSource};
use crate::network::Mdns;
use crate::node::{IdentityAge, NodeOptions, RunningNode};
use crate::sources::Sources;

/// Values lie between 0 and this.
pub(super) const VALUE_MAX: u8 = 100;
/// How long the nodes may take to find each other: what gossip has missed is said again within a quarter of a minute.
const MEETING_WAIT: Duration = Duration::from_secs(20);
/// How often the view is looked at meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(25);
/// How long leaving may take.
const STOP_WAIT: Duration = Duration::from_secs(3);

/// Running nodes, and what the light ones own.
pub(super) struct DemoNetwork {
    heavy: Vec<RunningNode>,
    light: Vec<RunningNode>,
    values: Vec<u8>,
    /// Dropped after the nodes, and its files with it.
    folder: TempDir,
}

impl DemoNetwork {
    /// Starts every node; light nodes know where all heavy nodes are.
    pub(super) async fn start(heavies: u8, lights: u8) -> Result<Self, Problem> {
        let folder = tempfile::Builder::new()
            .prefix("formix-")
            .tempdir()
            .map_err(|error| Problem::file("write", &std::env::temp_dir(), &error))?;
        let mut heavy: Vec<RunningNode> = Vec::new();
        let mut bootstrap = Vec::new();
        for number in 1..=heavies {
            let options = options(folder.path(), Role::Heavy, number, &bootstrap, None)?;
            let node = start(options).await?;
            bootstrap.extend(node.id().addresses);
            heavy.push(node);
        }
        let values = (0..lights).map(|_| random_value()).collect::<Result<Vec<_>, _>>()?;
        let starting = (1..).zip(&values).map(|(number, value)| {
            let options = options(folder.path(), Role::Light, number, &bootstrap, Some(*value));
            async { start(options?).await }
        });
        let light = try_join_all(starting).await?;
        Ok(Self { heavy, light, values, folder })
    }

    /// What the light nodes' values add up to.
    pub(super) fn plain_sum(&self) -> i64 {
        self.values.iter().map(|value| i64::from(*value)).sum()
    }

    /// What the first light node answers.
    pub(super) async fn ask(&self, request: Request) -> Result<Reply, Problem> {
        let gone =
            || Problem::new(Exit::Refused, "node_broke_down", "a node of the demo ended", "run the demo again");
        let first = self.light.first().ok_or_else(gone)?;
        let (reply, answer) = oneshot::channel();
        first.calls().send(Call { request, reply }).await.map_err(|_| gone())?;
        Ok(answer.await.map_err(|_| gone())??)
    }

    /// The network as the first light node sees it, once it sees everybody.
    pub(super) async fn complete_view(&self) -> Result<View, Problem> {
        let everybody = (self.heavy.len(), self.light.len());
        let met = tokio::time::timeout(MEETING_WAIT, async {
            loop {
                let Reply::View(view) = self.ask(Request::View).await? else { return Err(unexpected()) };
                if (view.heavy, view.light) == everybody {
                    return Ok(view);
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        });
        met.await.unwrap_or_else(|_| {
            Err(Problem::new(
                Exit::TimedOut,
                "timed_out",
                format!("the nodes did not find each other within {} s", MEETING_WAIT.as_secs()),
                "does a firewall forbid TCP on the loopback interface?",
            ))
        })
    }

    /// The computation, once it has ended. It ends by itself after deadline and patience.
    pub(super) async fn ended(&self, id: &str) -> Result<ComputationView, Problem> {
        let mut request = Request::Computation { reference: id.to_owned() };
        loop {
            let Reply::Computation(view) = self.ask(request).await? else { return Err(unexpected()) };
            if has_ended(&view) {
                return Ok(*view);
            }
            request = Request::Watch { reference: id.to_owned(), seen: view.revision };
        }
    }

    /// Every node leaves, and the folder goes.
    pub(super) async fn stop(self) {
        let all = self.heavy.into_iter().chain(self.light).map(RunningNode::stop);
        // A node that does not leave in time, or had broken down, loses its folder all the same.
        let _ = tokio::time::timeout(STOP_WAIT, join_all(all)).await;
        if let Err(error) = self.folder.close() {
            tracing::debug!(%error, "the demo's folder could not be deleted");
        }
    }
}

/// What the demo calls a node.
pub(super) fn name(role: Role, number: u8) -> String {
    format!("{role}-{number}")
}

async fn start(options: NodeOptions) -> Result<RunningNode, Problem> {
    RunningNode::start(options)
        .await
        .map_err(|error| Problem::new(Exit::Refused, "not_started", error.to_string(), error.hint()))
}

fn options(
    folder: &Path,
    role: Role,
    number: u8,
    bootstrap: &[String],
    value: Option<u8>,
) -> Result<NodeOptions, Problem> {
    let keys = Keys::generate()?;
    let name = name(role, number);
    let value = value.map(|value| value.to_string());
    let sources = Sources::new(value.as_deref().map(|value| (FIELD, value)), []);
    Ok(NodeOptions {
        folder: folder.join(&name),
        identity: keys.identity.clone(),
        secret_key: keys.secret_key().clone(),
        created_at: Timestamp::from(SystemTime::now()),
        identity_is_new: IdentityAge::New,
        role,
        name,
        listen: crate::cli::launch::addresses(&["/ip4/127.0.0.1/tcp/0".to_owned()])?,
        bootstrap: crate::cli::launch::addresses(bootstrap)?,
        mdns: Mdns::Off,
        swarm_key: None,
        members: MembershipSource::default(),
        policy: Policy { preset: Preset::Open, ..Policy::default() },
        sources,
    })
}

fn random_value() -> Result<u8, Problem> {
    let number = SysRng
        .try_next_u64()
        .map_err(|error| Problem::from(crate::home::HomeError::NoRandomness(error.to_string())))?;
    // The tiny bias of the remainder does not matter to a demo.
    Ok(u8::try_from(number % (u64::from(VALUE_MAX) + 1)).unwrap_or(VALUE_MAX))
}
