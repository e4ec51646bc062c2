//! A computation that ended long ago, asked for: its result and certificate come out of the store.

use std::time::{Duration, Instant};

use formix_p2p::control::{ComputationView, LedgerView, Proposal, Reply, Request};
use formix_p2p::domain::limits::ENDED_KEPT_MAX;
use formix_p2p::domain::{Role, Status};
use formix_p2p::node::{IdentityAge, NodeOptions, RunningNode};

use super::newer::give_newer;
use super::{Nodes, ask, end_of, options, propose, question};

/// Which light node is restarted, by its number.
const NUMBER: u8 = 103;
/// A computation is pruned once nothing of it can be replayed: its patience, ten seconds, and the next look.
const LONG_AGO: Duration = Duration::from_secs(60);

async fn computation(node: &RunningNode, id: &str) -> ComputationView {
    match ask(node, Request::Computation { reference: id.to_owned() }).await.unwrap() {
        Reply::Computation(view) => *view,
        other => panic!("{other:?}"),
    }
}

async fn certificate(node: &RunningNode, id: &str) -> Vec<u8> {
    match ask(node, Request::Certificate { reference: id.to_owned() }).await.unwrap() {
        Reply::Certificate(bytes) => bytes,
        other => panic!("{other:?}"),
    }
}

async fn ledger(node: &RunningNode) -> LedgerView {
    match ask(node, Request::Ledger { field: None }).await.unwrap() {
        Reply::Ledger(ledger) => ledger,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn how_a_computation_ended_long_ago_is_told_from_the_store() {
    let mut nodes = Nodes::start(3, &[Some("12"), Some("-3"), Some("22")]).await;
    let soon = Proposal { deadline_ms: 3_000, patience_ms: 1_000, ..question() };
    let id = propose(&nodes.light[0], soon).await.unwrap();
    super::known(&nodes.light[2], &id).await;
    let before = end_of(&nodes.light[2], &id).await;
    assert_eq!((before.status, before.pruned), (Status::Completed, false));
    super::members_of(&nodes.light[2], &id).await;
    let bytes = certificate(&nodes.light[2], &id).await;
    nodes.light.pop().unwrap().stop().await.unwrap();

    let options = options(nodes.home.path(), NUMBER, Role::Light, Some("22"), &[]);
    give_newer(&options.folder.join("node.redb"), &options.identity);
    let options = NodeOptions { identity_is_new: IdentityAge::Existing, ..options };
    let node = RunningNode::start(options.clone()).await.unwrap();
    let begun = Instant::now();
    while !computation(&node, &id).await.pruned {
        assert!(begun.elapsed() < LONG_AGO, "it is never pruned");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for restarted in [false, true] {
        let node = if restarted {
            let again = RunningNode::start(options.clone()).await.unwrap();
            nodes.light.push(again);
            nodes.light.last().unwrap()
        } else {
            &node
        };
        tells_everything_but_the_names(node, &id, &before).await;
        assert_eq!(certificate(node, &id).await, bytes);
        if !restarted {
            ask(node, Request::Stop).await.unwrap();
            while options.folder.join("control.sock").exists() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    is_forgotten(nodes.light.last().unwrap(), &id).await;
    nodes.stop().await;
}

async fn tells_everything_but_the_names(node: &RunningNode, id: &str, before: &ComputationView) {
    let view = computation(node, id).await;
    assert_eq!((view.status, view.pruned, &view.members), (Status::Completed, true, &None));
    assert_eq!((&view.result, view.participants, view.samples), (&before.result, 3, 3));
    assert_eq!((&view.signed_by, &view.own_answer), (&before.signed_by, &"answered".to_owned()));
    assert_eq!((&view.prompt, &view.deadline), (&before.prompt, &before.deadline));
    // Whoever waits for its end has it at once.
    let watch = Request::Watch { reference: id[..9].to_lowercase(), seen: u64::MAX };
    let Reply::Computation(watched) = ask(node, watch).await.unwrap() else { panic!("not a computation") };
    assert_eq!((watched.status, watched.result), (view.status, view.result));
    let Reply::Computations(all) = ask(node, Request::Computations).await.unwrap() else { panic!("no list") };
    assert_eq!((all.len(), all.iter().filter(|view| view.pruned).count()), (ENDED_KEPT_MAX + 1, 1));
    let last = all.last().unwrap();
    assert_eq!(
        (last.id.as_str(), last.status, last.participants, &last.result),
        (id, Status::Completed, 3, &None)
    );
    let ledger = ledger(node).await;
    assert_eq!((ledger.total, ledger.entries[0].computation.as_str()), (1, id));
    assert_eq!((ledger.entries[0].records, ledger.entries[0].members), (Some(1), Some(3)));
    let error = ask(node, Request::PolicyTest { reference: id.to_owned() }).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.exit), ("pruned", 1));
    let error = ask(node, Request::Approve { reference: id.to_owned() }).await.unwrap_err();
    assert!(error.code == "not_pending" && error.message.contains("already answered"), "{error}");
}

async fn is_forgotten(node: &RunningNode, id: &str) {
    let Reply::Forgotten(said) = ask(node, Request::Forget { reference: id.to_owned() }).await.unwrap() else {
        panic!("not forgotten")
    };
    assert!(said.deleted.contains(&"the result and the certificate".to_owned()), "{said:?}");
    let error = ask(node, Request::Computation { reference: id.to_owned() }).await.unwrap_err();
    assert_eq!(error.code, "no_such_computation");
    assert_eq!(ledger(node).await.entries[0].records, None);
}
