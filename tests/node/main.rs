//! Whole nodes, on loopback: real sockets, real stores, one process.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod invited;
mod newer;
mod pruned;
mod vectors;

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use formix_p2p::consent::{Policy, Preset};
use formix_p2p::control::{
    ApiError, Call, ComputationView, Decided, PrivateText, Proposal, Reply, Request, View,
};
use formix_p2p::domain::{Role, Status, Timestamp};
use formix_p2p::home::MembershipSource;
use formix_p2p::network::Mdns;
use formix_p2p::node::{IdentityAge, NodeOptions, RunningNode, StartError};
use formix_p2p::sharing::Secret;
use formix_p2p::sources::Sources;
use formix_p2p::store::StoreError;
use formix_p2p::wire::Identity;
use tempfile::TempDir;
use tokio::sync::oneshot;

/// What no test waits longer for.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at what only asking can tell.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

struct Nodes {
    home: TempDir,
    heavy: Vec<RunningNode>,
    light: Vec<RunningNode>,
}

impl Nodes {
    /// That many heavy nodes, and a light one for each value; `None` is a light node without data.
    async fn start(heavy: u8, values: &[Option<&str>]) -> Self {
        let mut nodes = Self { home: tempfile::tempdir().unwrap(), heavy: Vec::new(), light: Vec::new() };
        for number in 1..=heavy {
            let options = nodes.options(number, Role::Heavy, None);
            nodes.heavy.push(RunningNode::start(options).await.unwrap());
        }
        for (number, value) in (101..).zip(values) {
            let options = nodes.options(number, Role::Light, *value);
            nodes.light.push(RunningNode::start(options).await.unwrap());
        }
        nodes
    }

    fn options(&self, number: u8, role: Role, value: Option<&str>) -> NodeOptions {
        let bootstrap: Vec<String> = self.heavy.iter().take(1).flat_map(|node| node.id().addresses).collect();
        options(self.home.path(), number, role, value, &bootstrap)
    }

    async fn stop(self) {
        for node in self.light.into_iter().chain(self.heavy) {
            node.stop().await.unwrap();
        }
    }
}

fn options(home: &Path, number: u8, role: Role, value: Option<&str>, bootstrap: &[String]) -> NodeOptions {
    let secret = [number; 32];
    NodeOptions {
        folder: home.join(format!("{role}-{number}")),
        identity: Identity::from_secret_key(&secret),
        secret_key: Secret::new(secret),
        created_at: Timestamp::from(SystemTime::now()),
        identity_is_new: IdentityAge::New,
        role,
        name: format!("{role}-{number}"),
        listen: vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()],
        bootstrap: bootstrap.iter().map(|address| address.parse().unwrap()).collect(),
        mdns: Mdns::Off,
        swarm_key: None,
        members: MembershipSource::default(),
        policy: Policy { preset: Preset::Open, ..Policy::default() },
        sources: Sources::new(value.map(|value| ("beds", value)), []),
    }
}

fn question() -> Proposal {
    Proposal {
        deadline_ms: 6_000,
        patience_ms: 10_000,
        modulus_bits: Some(64),
        ..Proposal::new("How many beds are free?", "sum", &["beds"])
    }
}

async fn ask(node: &RunningNode, request: Request) -> Result<Reply, ApiError> {
    let (reply, answer) = oneshot::channel();
    node.calls().send(Call { request, reply }).await.unwrap();
    tokio::time::timeout(PATIENCE, answer).await.unwrap().unwrap()
}

async fn propose(node: &RunningNode, proposal: Proposal) -> Result<String, ApiError> {
    let reply = ask(node, Request::Propose(Box::new(proposal))).await?;
    let Reply::Announced(announced) = reply else { panic!("{reply:?}") };
    Ok(announced.id)
}

/// Watches until the computation is as it should be.
async fn watch_until(
    node: &RunningNode,
    id: &str,
    right: impl Fn(&ComputationView) -> bool,
) -> ComputationView {
    let mut seen = 0;
    let start = Instant::now();
    loop {
        let watch = Request::Watch { reference: id.to_owned(), seen };
        let Reply::Computation(view) = ask(node, watch).await.unwrap() else { panic!("not a computation") };
        if right(&view) {
            return *view;
        }
        assert!(start.elapsed() < PATIENCE && is_open(&view), "{view:?}");
        seen = view.revision;
    }
}

fn is_open(view: &ComputationView) -> bool {
    matches!(view.status, Status::Pending | Status::Processing)
}

async fn end_of(node: &RunningNode, id: &str) -> ComputationView {
    watch_until(node, id, |view| !is_open(view)).await
}

async fn network_of(node: &RunningNode) -> View {
    let Reply::View(view) = ask(node, Request::View).await.unwrap() else { panic!("not a view") };
    view
}

/// Looks at the network until it is as it should be. There is no long poll for it, so this asks again.
async fn network_until(node: &RunningNode, right: impl Fn(&View) -> bool) -> View {
    let start = Instant::now();
    loop {
        let view = network_of(node).await;
        if right(&view) {
            return view;
        }
        assert!(start.elapsed() < PATIENCE, "{view:?}");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Waits for the node to hear of a computation that another one has announced.
async fn known(node: &RunningNode, id: &str) {
    let start = Instant::now();
    while ask(node, Request::Computation { reference: id.to_owned() }).await.is_err() {
        assert!(start.elapsed() < PATIENCE, "{id} is not known");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Waits for the node to know whose reports were added up.
async fn members_of(node: &RunningNode, id: &str) -> Vec<String> {
    let start = Instant::now();
    loop {
        let reply = ask(node, Request::Computation { reference: id.to_owned() }).await.unwrap();
        let Reply::Computation(view) = reply else { panic!("not a computation") };
        if let Some(members) = view.members {
            return members;
        }
        assert!(start.elapsed() < PATIENCE, "the members of {id} are not known");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn six_nodes_agree_on_an_exact_sum() {
    let nodes = Nodes::start(3, &[Some("12"), Some("-3"), Some("22")]).await;
    let id = propose(&nodes.light[2], question()).await.unwrap();
    let end = end_of(&nodes.light[2], &id).await;
    assert_eq!((end.status, end.reason), (Status::Completed, None));
    assert_eq!(end.result.unwrap().to_string(), r#"{"sum":31,"samples":3,"participants":3}"#);
    assert_eq!((end.participants, end.signed_by.len(), end.own_answer.as_str()), (3, 3, "answered"));
    // Everybody reads the same, and the certificate is the same bytes everywhere.
    let certificate = |node| ask(node, Request::Certificate { reference: id.to_lowercase() });
    let expected = certificate(&nodes.light[2]).await.unwrap();
    for node in nodes.heavy.iter().chain(&nodes.light) {
        known(node, &id).await;
        assert_eq!(end_of(node, &id).await.status, Status::Completed);
        assert_eq!(certificate(node).await.unwrap(), expected);
    }
    // Heavy nodes and participants learn who was in the set.
    let mut light: Vec<_> = nodes.light.iter().map(|node| node.id().uid).collect();
    light.sort();
    for node in nodes.heavy.iter().chain(&nodes.light) {
        let mut members = members_of(node, &id).await;
        members.sort();
        assert_eq!(members, light);
    }
    nodes.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_sees_everybody_come_and_go() {
    let mut nodes = Nodes::start(3, &[Some("1"), Some("2")]).await;
    for node in nodes.heavy.iter().chain(&nodes.light) {
        let view = network_until(node, |view| (view.heavy, view.light) == (3, 2)).await;
        assert!(view.nodes.iter().all(|node| node.status == "active" && node.port.is_some()), "{view:?}");
    }
    let gone = nodes.heavy.remove(2);
    let uid = gone.id().uid;
    gone.stop().await.unwrap();
    for node in nodes.heavy.iter().chain(&nodes.light) {
        let view = network_until(node, |view| view.heavy == 2).await;
        let gone = view.nodes.iter().find(|node| node.uid == uid).unwrap();
        assert!(matches!(gone.status.as_str(), "stopping" | "lost"), "{gone:?}");
    }
    nodes.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_too_few_heavy_nodes_a_proposal_ends_within_five_seconds() {
    let nodes = Nodes::start(2, &[Some("1")]).await;
    let start = Instant::now();
    let error = propose(&nodes.light[0], question()).await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!((error.code.as_str(), error.exit), ("too_few_heavy_nodes", 1));
    assert!(error.message.contains("knows 2 and can reach 2"), "{error}");
    let error = propose(&nodes.light[0], Proposal { deadline_ms: 1, ..question() }).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.exit), ("invalid_deadline", 2), "usage comes first");
    nodes.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_without_a_source_waits_for_the_owner() {
    let nodes = Nodes::start(3, &[Some("12"), Some("-3"), None]).await;
    let owner = &nodes.light[2];
    let schema = Some(r#"{"type":"number","minimum":-10,"maximum":100}"#.to_owned());
    let question = Proposal { deadline_ms: 4_000, schema, ..question() };
    let id = propose(&nodes.light[0], question).await.unwrap();
    known(owner, &id).await;
    watch_until(owner, &id, |view| view.own_answer == "waiting").await;
    let Reply::Pending(pending) = ask(owner, Request::Pending).await.unwrap() else { panic!("not pending") };
    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0].command, format!("formix-p2p answer {id} VALUE"));
    watch_until(&nodes.light[0], &id, |view| !view.standings.is_empty()).await;

    let answer = |text: &str| {
        let values = vec![PrivateText(text.to_owned())];
        ask(owner, Request::Answer { reference: id[5..9].to_owned(), values })
    };
    let error = answer("101").await.unwrap_err();
    assert_eq!((error.code.as_str(), error.exit), ("invalid_value", 2));
    assert!(error.message.contains("above the maximum of 100") && !error.message.contains("101"), "{error}");
    let error = ask(owner, Request::Approve { reference: id.clone() }).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.exit), ("no_source", 1));
    assert_eq!(answer("22").await, Ok(Reply::Decided(Decided { id: id.clone() })));
    let error = answer("22").await.unwrap_err();
    assert_eq!((error.code.as_str(), error.exit), ("not_pending", 1));

    let end = end_of(&nodes.light[0], &id).await;
    assert_eq!(end.result.unwrap()["sum"], 31);
    nodes.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_starts_again_remembers_and_is_found_again() {
    let mut nodes = Nodes::start(3, &[Some("12"), Some("-3"), Some("22")]).await;
    let id = propose(&nodes.light[2], question()).await.unwrap();
    end_of(&nodes.light[2], &id).await;
    nodes.light.pop().unwrap().stop().await.unwrap();
    // Without a bootstrap address: it remembers the heavy nodes.
    let again = options(nodes.home.path(), 103, Role::Light, Some("22"), &[]);
    let again =
        RunningNode::start(NodeOptions { identity_is_new: IdentityAge::Existing, ..again }).await.unwrap();
    let end = end_of(&again, &id).await;
    assert_eq!(end.result.unwrap()["sum"], 31);
    let id = propose(&again, question()).await.unwrap();
    assert_eq!(end_of(&again, &id).await.result.unwrap()["sum"], 31);
    nodes.light.push(again);
    nodes.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_computations_at_once_are_all_right() {
    let nodes = Nodes::start(3, &[Some("12"), Some("-3"), Some("22")]).await;
    let proposal = Proposal { deadline_ms: 5_000, ..question() };
    let asked = (0..10).map(|_| propose(&nodes.light[0], proposal.clone()));
    let ids = futures::future::try_join_all(asked).await.unwrap();
    let ends = futures::future::join_all(ids.iter().map(|id| end_of(&nodes.light[0], id))).await;
    for end in ends {
        assert_eq!(
            end.result.as_ref().map(|result| result["sum"].to_string()).as_deref(),
            Some("31"),
            "{end:?}"
        );
    }
    nodes.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_cannot_share_a_folder() {
    let nodes = Nodes::start(1, &[]).await;
    let error = RunningNode::start(nodes.options(1, Role::Heavy, None)).await.unwrap_err();
    assert!(matches!(error, StartError::Store(StoreError::InUse { .. })), "{error}");
    assert!(!error.hint().is_empty());
    nodes.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_others_could_not_show_is_refused() {
    let nodes = Nodes::start(0, &[]).await;
    for name in ["\u{1b}[2J".to_owned(), "x".repeat(33)] {
        let options = NodeOptions { name, ..nodes.options(1, Role::Heavy, None) };
        let error = RunningNode::start(options).await.unwrap_err();
        assert!(matches!(error, StartError::Name(_)), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_to_stop_is_answered_and_ends_the_node() {
    let mut nodes = Nodes::start(1, &[]).await;
    let mut node = nodes.heavy.remove(0);
    let Reply::Health(health) = ask(&node, Request::Health).await.unwrap() else { panic!("not health") };
    assert_eq!((health.status.as_str(), health.open), ("ok", 0));
    assert_eq!(ask(&node, Request::Stop).await, Ok(Reply::Done));
    tokio::time::timeout(Duration::from_secs(5), node.stopped()).await.unwrap().unwrap();
    let again = nodes.options(1, Role::Heavy, None);
    RunningNode::start(again).await.unwrap().stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vectors_that_are_longer_than_a_small_frame_come_out_exact() {
    const ELEMENTS: usize = 20_000;
    let element = |node: usize, at: usize| (node * 31 + at * 17) % 256;
    let vectors: Vec<String> = (0..3)
        .map(|node| {
            let elements: Vec<_> = (0..ELEMENTS).map(|at| element(node, at).to_string()).collect();
            format!("[{}]", elements.join(","))
        })
        .collect();
    let data: Vec<_> = vectors.iter().map(|vector| Some(vector.as_str())).collect();
    let nodes = Nodes::start(3, &data).await;
    for light in &nodes.light {
        network_until(light, |view| (view.heavy, view.light) == (3, 3)).await;
    }
    let schema = format!(
        r#"{{"type":"array","items":{{"type":"integer","minimum":0,"maximum":255}},"minItems":{ELEMENTS},"maxItems":{ELEMENTS}}}"#
    );
    let asked = Proposal::new("What has your model learned?", "vector-mean", &["beds"]);
    let proposal = Proposal {
        schema: Some(schema),
        max_records: Some(1),
        sharing: Some("additive".to_owned()),
        modulus_bits: Some(32),
        deadline_ms: 20_000,
        participants: nodes.light.iter().map(|node| node.id().uid).collect(),
        ..asked
    };
    let id = propose(&nodes.light[0], proposal).await.unwrap();
    for node in nodes.light.iter().chain(&nodes.heavy) {
        known(node, &id).await;
        let view = end_of(node, &id).await;
        assert_eq!((view.status, view.participants), (Status::Completed, 3), "{:?}", view.reason);
        let result = view.result.unwrap();
        for at in 0..ELEMENTS {
            let sum: usize = (0..3).map(|node| element(node, at)).sum();
            assert_eq!(result["sum"][at].as_u64(), Some(sum as u64), "element {at}");
        }
    }
    nodes.stop().await;
}
