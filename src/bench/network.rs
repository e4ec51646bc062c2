//! The nodes that are measured: real ones, on loopback, in a temporary folder.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use futures::future::{join_all, try_join_all};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{BenchError, Ground, processor_time};
use crate::consent::{Policy, Preset};
use crate::control::{Call, ComputationView, Reply, Request};
use crate::domain::{Role, Status, Timestamp};
use crate::home::{Keys, MembershipSource};
use crate::network::{Mdns, Multiaddr};
use crate::node::{IdentityAge, NodeOptions, RunningNode};
use crate::sources::Sources;

/// The field that every light node has a value of.
pub(super) const FIELD: &str = "value";
/// Light nodes that start at the same time: heavy nodes take 192 half open connections from one address.
const STARTING_MAX: usize = 32;
/// How long the nodes may take to find each other: a dial that was refused is tried again within a quarter of a minute.
const MEETING_WAIT: Duration = Duration::from_secs(180);
/// How long until they have heard of each other, and have said what there is to say.
const ACQUAINTANCE_WAIT: Duration = Duration::from_secs(180);
/// They have if they take no more of the processor than this and so much for each, for so long.
const QUIET: f64 = 0.05;
const QUIET_EACH: f64 = 0.000_1;
const QUIET_FOR: Duration = Duration::from_secs(2);
/// How often it is looked whether they have.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// How long leaving may take.
const STOP_WAIT: Duration = Duration::from_secs(20);

/// One node, and what it owns.
pub(super) struct Member {
    node: RunningNode,
    name: String,
}

/// Running nodes. Light nodes know where all heavy nodes are.
pub(super) struct Network {
    pub(super) heavy: Vec<Member>,
    pub(super) light: Vec<Member>,
    pub(super) values: Vec<u64>,
    /// Dropped after the nodes, and its files with it.
    folder: TempDir,
}

/// When a computation ended at a node, and how.
pub(super) struct Ended {
    pub(super) name: String,
    pub(super) at: Instant,
    pub(super) view: ComputationView,
}

impl Network {
    /// Starts every node, and waits until everybody is connected to every heavy node.
    pub(super) async fn start(heavies: usize, lights: usize, ground: &Ground<'_>) -> Result<Self, BenchError> {
        let folder = homes(ground.homes.clone())?;
        let begun = Instant::now();
        let mut heavy = Vec::new();
        let mut bootstrap = Vec::new();
        for number in 1..=heavies {
            let node = start(folder.path(), Role::Heavy, number, bootstrap.clone(), None).await?;
            bootstrap.extend(node.node.id().addresses.iter().filter_map(|address| address.parse().ok()));
            heavy.push(node);
        }
        let values: Vec<u64> = (1..=lights).map(value).collect();
        let starting = values
            .iter()
            .enumerate()
            .map(|(at, value)| start(folder.path(), Role::Light, at + 1, bootstrap.clone(), Some(*value)));
        let light = stream::iter(starting).buffered(STARTING_MAX).try_collect().await?;
        let network = Self { heavy, light, values, folder };
        network.meet().await?;
        let seconds = begun.elapsed().as_secs_f64();
        (ground.note)(format!("{heavies} heavy and {lights} light nodes run after {seconds:.1} s"));
        Ok(network)
    }

    /// Everybody, heavy nodes first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Member> {
        self.heavy.iter().chain(&self.light)
    }

    async fn meet(&self) -> Result<(), BenchError> {
        let until = Instant::now() + MEETING_WAIT;
        let light = self.light.iter().map(|node| (node, self.heavy.len()));
        let everybody = self.heavy.len() + self.light.len();
        let heavy = self.heavy.iter().map(|node| (node, everybody - 1));
        for (node, expected) in heavy.chain(light) {
            loop {
                let Reply::Health(health) = node.ask(Request::Health).await? else { return Err(node.gone()) };
                if health.peers >= expected {
                    break;
                }
                if Instant::now() >= until {
                    let (name, found) = (node.name.clone(), health.peers);
                    return Err(BenchError::NotMet { name, found, expected, seconds: MEETING_WAIT.as_secs() });
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        }
        Ok(())
    }

    /// Waits until every heavy node knows everybody and everybody knows every heavy node, and then until the introductions are over. Light
    /// nodes need not know each other; among thousands they hear of each other in the course of minutes.
    pub(super) async fn acquaint(&self, ground: &Ground<'_>) -> Result<(), BenchError> {
        let until = Instant::now() + ACQUAINTANCE_WAIT;
        let (heavies, lights) = (self.heavy.len(), self.light.len());
        for (at, node) in self.all().enumerate() {
            let expected = if at < heavies { heavies + lights } else { heavies };
            loop {
                let Reply::View(view) = node.ask(Request::View).await? else { return Err(node.gone()) };
                let found = if at < heavies { view.heavy + view.light } else { view.heavy };
                if found >= expected {
                    break;
                }
                if Instant::now() >= until {
                    let (name, seconds) = (node.name.clone(), ACQUAINTANCE_WAIT.as_secs());
                    return Err(BenchError::NotAcquainted { name, found, expected, seconds });
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        }
        let quiet = QUIET + QUIET_EACH * (heavies + lights) as f64;
        let cores = std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64);
        loop {
            let before = processor_time();
            tokio::time::sleep(QUIET_FOR).await;
            let busy = processor_time().saturating_sub(before).div_duration_f64(QUIET_FOR) / cores;
            if busy <= quiet {
                return Ok(());
            }
            if Instant::now() >= until {
                let share = busy * 100.0;
                (ground.note)(format!(
                    "the nodes still talk of each other, with {share:.0} % of the processor"
                ));
                return Ok(());
            }
        }
    }

    /// Waits until a computation has ended at every node.
    pub(super) async fn ended_everywhere(&self, id: &str, wait: Duration) -> Result<Vec<Ended>, BenchError> {
        try_join_all(self.all().map(|node| node.ended(id, wait))).await
    }

    /// Every node leaves, and the folder goes.
    pub(super) async fn stop(self) {
        let all = self.heavy.into_iter().chain(self.light).map(|member| member.node.stop());
        // A node that does not leave in time loses its folder all the same.
        let _ = tokio::time::timeout(STOP_WAIT, join_all(all)).await;
        if let Err(error) = self.folder.close() {
            tracing::debug!(%error, "the folder of the nodes could not be deleted");
        }
    }
}

impl Member {
    /// What people call it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its full PeerId.
    pub(super) fn peer(&self) -> String {
        self.node.id().peer_id
    }

    /// What it answers.
    pub(super) async fn ask(&self, request: Request) -> Result<Reply, BenchError> {
        let (reply, answer) = oneshot::channel();
        self.node.calls().send(Call { request, reply }).await.map_err(|_| self.gone())?;
        Ok(answer.await.map_err(|_| self.gone())??)
    }

    fn gone(&self) -> BenchError {
        BenchError::Gone(self.name.clone())
    }

    /// The computation once it has ended here. A node that has not heard of it yet is asked again.
    pub(super) async fn ended(&self, id: &str, wait: Duration) -> Result<Ended, BenchError> {
        let (name, seconds) = (self.name.clone(), wait.as_secs());
        let ended = tokio::time::timeout(wait, self.until_ended(id)).await;
        let not_ended = |_| BenchError::NotEnded { id: id.to_owned(), name: name.clone(), seconds };
        let view = ended.map_err(not_ended)??;
        Ok(Ended { name, at: Instant::now(), view })
    }

    async fn until_ended(&self, id: &str) -> Result<ComputationView, BenchError> {
        loop {
            // Only the end is above this, so nothing that happens before costs anything.
            let watch = Request::Watch { reference: id.to_owned(), seen: u64::MAX - 1 };
            match self.ask(watch).await {
                Ok(Reply::Computation(view)) => match view.status {
                    Status::Completed | Status::Failed => return Ok(*view),
                    Status::Pending | Status::Processing => {}
                },
                Ok(_) => return Err(self.gone()),
                Err(BenchError::Refused(error)) if error.code == "no_such_computation" => {
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// What a light node owns: different for each, so that a sum tells who is missing from it.
const fn value(number: usize) -> u64 {
    (number as u64).wrapping_mul(2_654_435_761) % 1_000_000
}

fn homes(folder: Option<PathBuf>) -> Result<TempDir, BenchError> {
    let path = folder.unwrap_or_else(std::env::temp_dir);
    let made = tempfile::Builder::new().prefix("formix-bench-").tempdir_in(&path);
    made.map_err(|reason| BenchError::Homes { path, reason })
}

async fn start(
    folder: &Path,
    role: Role,
    number: usize,
    bootstrap: Vec<Multiaddr>,
    value: Option<u64>,
) -> Result<Member, BenchError> {
    let keys = Keys::generate()?;
    let name = format!("{role}-{number}");
    let value = value.map(|value| value.to_string());
    let options = NodeOptions {
        folder: folder.join(&name),
        identity: keys.identity.clone(),
        secret_key: keys.secret_key().clone(),
        created_at: Timestamp::from(SystemTime::now()),
        identity_is_new: IdentityAge::New,
        role,
        name: name.clone(),
        listen: "/ip4/127.0.0.1/tcp/0".parse().into_iter().collect(),
        bootstrap,
        mdns: Mdns::Off,
        swarm_key: None,
        members: MembershipSource::default(),
        policy: Policy { preset: Preset::Open, ..Policy::default() },
        sources: Sources::new(value.as_deref().map(|value| (FIELD, value)), []),
    };
    let started = RunningNode::start(options).await;
    let node = started.map_err(|reason| BenchError::Start { name: name.clone(), reason: Box::new(reason) })?;
    Ok(Member { node, name })
}
