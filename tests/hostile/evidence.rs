//! A heavy node that signs two different lists, and another one that is killed while it keeps the evidence.

use std::sync::Arc;

use formix_p2p::domain::{ComputationId, Digest, PeerId};
use formix_p2p::store::Store;
use formix_p2p::wire::{Close, Fault, Message, Record, Signed};

use crate::lab::Lab;
use crate::peer::{Hostile, Met, Pose};
use crate::reports::{accept, connected, place, pose_as_heavy};

/// What convicts whoever signs it.
fn say_two_lists(hostile: &Hostile, to: PeerId, computation: ComputationId) {
    for list in [&b"one"[..], b"another"] {
        let list = Digest::of("formix-p2p/test/list", &[list]);
        let close = Close { computation, heavy: hostile.peer(), list };
        hostile.send(to, &Message::Close(Signed::sign(close, &hostile.identity)));
    }
}

/// The evidence that a node has on its disk; it does not run.
fn evidence(lab: &Lab, uid: &str, owner: PeerId) -> Vec<Fault> {
    let store = Store::open(&lab.node(uid).join("node.redb"), owner).unwrap();
    let records = store.load().unwrap().into_iter();
    let faults = records.filter_map(|record| match record {
        Record::Fault(fault) => Some(fault),
        _ => None,
    });
    faults.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_it_keeps_evidence_a_node_has_it_or_takes_it_again() {
    for (number, moment) in (1..).zip(["before-commit", "after-commit", "after-release"]) {
        let lab = Lab::new();
        let uids = lab.network(&["1", "2", "4"], &["--policy", "open"]);
        let places: Vec<_> = uids.iter().map(|uid| place(&lab, uid)).collect();
        let (victim, owner) = (&uids[0], places[0].0);
        lab.kill(victim);
        let mut start = lab.command(&["start", victim, "--detach"]);
        start.env("FORMIX_DEBUG_FAILPOINT", format!("{moment}:fault"));
        assert!(start.output().unwrap().status.success(), "{moment}: it dies too early");
        let mut liar = connected(number, Pose::Heavy, &places).await;
        pose_as_heavy(&liar, &places);
        lab.wait_for_view(&uids[3], 4, 3);

        let lab = Arc::new(lab);
        let asking = {
            let (lab, uids, named) = (lab.clone(), uids.clone(), liar.peer().to_string());
            tokio::task::spawn_blocking(move || {
                let asked = ["propose", "--prompt", "?", "--field", "n", "--statistic", "sum"];
                let when = ["--deadline", "10s", "--patience", "2s", "--node", &uids[3]];
                let heavy = ["--heavy", &uids[0], &uids[1], &named];
                lab.json(&[&asked[..], &when, &heavy].concat()).data()
            })
        };
        let proposed = |_, message| match message {
            Message::Propose(computation) => Some(computation.id()),
            _ => None,
        };
        let computation = liar.receive("the proposal", proposed).await;
        accept(&liar, places[3].0, computation);
        let asked = asking.await.unwrap();
        let id = asked["id"].as_str().unwrap();
        lab.wait_for(victim, id, "it holds every report", |view| view["participants"] == 3);
        say_two_lists(&liar, owner, computation);
        lab.until("it dies of the evidence", || lab.pid(victim).is_none());
        let written = usize::from(moment != "before-commit");
        assert_eq!(evidence(&lab, victim, owner).len(), written, "{moment}");

        lab.json(&["start", victim, "--detach"]).data();
        if written == 0 {
            liar.dial(places[0].1.clone());
            liar.until("it", |met| matches!(met, Met::Connected(peer) if peer == owner).then_some(())).await;
            say_two_lists(&liar, owner, computation);
        }
        for uid in &uids {
            lab.wait_for(uid, id, "it has failed", |view| view["status"] == "failed");
        }
        let view = lab.computation(victim, id).unwrap();
        let reason = view["reason"].as_str().unwrap();
        let named = reason.contains(&liar.peer().uid().to_string());
        assert!(named && reason.contains("two different lists"), "{moment}: {reason}");
        lab.kill(victim);
        let kept = evidence(&lab, victim, owner);
        assert_eq!(kept.len(), 1, "{moment}");
        assert_eq!((kept[0].culprit, kept[0].computation), (liar.peer(), computation), "{moment}");
    }
}
