//! `kill -9` while a node writes what belongs to no step of a computation: whom it has met, and what it keeps of what ended long ago.

use formix_p2p::home::Home;
use formix_p2p::store::{KnownPeer, Store};
use formix_p2p::wire::{Record, RecordKind};
use serde_json::{Value, json};

use crate::cases::PROPOSER;
use crate::net::{HEAVY, Net, PATIENCE, PLACES_OF_RECOVERY, VALUES, has_ended};
use crate::newer::give_newer;

const MOMENTS: [&str; 3] = ["before-commit", "after-commit", "after-release"];

/// Asks everybody for the sum, until it is announced: on a busy machine a heavy node may be late to accept. Gives the id.
fn ask(net: &Net) -> String {
    let everybody: Vec<_> = (HEAVY..HEAVY + VALUES.len()).map(|at| net.peer(at).to_string()).collect();
    let question = json!({
        "prompt": "?", "statistic": "sum", "fields": ["n"], "schema": r#"{"type":"number","minimum":0,"maximum":10}"#,
        "heavy": [], "participants": everybody, "deadline_ms": 8_000, "patience_ms": 1_000,
        "min_participants": VALUES.len(), "modulus_bits": 64,
    });
    net.until("the question is announced", || {
        let (status, body) = net.ask(PROPOSER, "POST /computations", &question.to_string())?;
        let said: Value = serde_json::from_slice(&body).ok()?;
        (status == 200).then(|| said["id"].as_str().unwrap().to_owned())
    })
}

/// A computation in full, with who was in it.
fn told_by(net: &Net, at: usize, id: &str) -> Value {
    net.until(&format!("{at} tells all of {id}"), || {
        net.view_of(at, id).filter(|view| has_ended(view) && !view["members"].is_null())
    })
}

/// Of what kinds the records of a computation are, on the disk of a node that is down.
fn kinds_left(net: &Net, at: usize, id: &str) -> Vec<RecordKind> {
    let copy = net.copy_of(at);
    let store = Store::open(&copy.path().join("node.redb"), net.peer(at)).unwrap();
    let mut records = store.load().unwrap();
    // Of what is pruned a node takes up the mark alone.
    for kept in [RecordKind::Certificate, RecordKind::Summary] {
        records.extend(store.recall_all(kept).unwrap());
    }
    records
        .iter()
        .map(Record::key)
        .filter(|key| key.computation.to_string() == id)
        .map(|key| key.kind)
        .collect()
}

#[test]
fn killed_while_it_prunes_a_node_has_all_of_a_computation_or_its_end() {
    use RecordKind::{Announced, Certificate, Members, Pruned, Summary};
    let mut net = Net::new();
    let id = ask(&net);
    let before: Vec<_> = net.nodes().map(|at| told_by(&net, at, &id)).collect();
    // Every node but the first heavy one; what it dies of is one commit under two names.
    let victims: Vec<_> =
        net.nodes().skip(1).map(|at| (at, MOMENTS[at % 3], ["pruned", "summary"][at % 2])).collect();
    for (at, moment, kind) in &victims {
        net.kill(*at);
        let folder = Home::at(Some(net.lab.home())).unwrap().node(net.uid(*at)).unwrap();
        give_newer(&folder.store_path(), &folder.load_keys().unwrap().identity);
        assert!(net.start(*at, Some(&format!("{moment}:{kind}"))), "{at} dies too early");
    }
    for (at, moment, _) in &victims {
        assert!(net.died(*at, PATIENCE), "{at} never prunes");
        let left = kinds_left(&net, *at, &id);
        let has = |kind| left.contains(&kind);
        assert!(has(Certificate), "{at}, {moment}: {left:?}");
        match *moment {
            "before-commit" => {
                assert!(has(Announced) && has(Members) && !has(Pruned) && !has(Summary), "{at}: {left:?}");
            }
            _ => assert!(!has(Announced) && has(Pruned) && has(Summary), "{at}: {left:?}"),
        }
        for place in PLACES_OF_RECOVERY {
            net.start(*at, Some(place));
            assert!(net.died(*at, PATIENCE), "it has not died at {place}");
        }
        assert!(net.start(*at, None), "{at} does not start again");
    }
    let certificate = net.certificate(0, &id);
    for (at, moment, _) in victims {
        let what = format!("{at} has pruned it, {moment}");
        let view = net.until(&what, || net.view_of(at, &id).filter(|view| view["pruned"] == true));
        for told in ["status", "result", "participants", "prompt", "own_answer", "signed_by"] {
            assert_eq!(view[told], before[at][told], "{at}, {moment}: {told}");
        }
        assert_eq!(net.certificate(at, &id), certificate, "{at}, {moment}");
    }
    // And they go on.
    let next = ask(&net);
    for at in net.nodes() {
        assert_eq!(net.end_of(at, &next)["result"]["sum"], (1_u32 << VALUES.len()) - 1, "{at}");
    }
}

#[test]
fn killed_while_it_writes_down_whom_it_met_a_node_finds_them_again() {
    let mut net = Net::new();
    for victim in [1, HEAVY + 1] {
        for moment in MOMENTS {
            net.kill(victim);
            let known = known_to(&net, victim);
            // It may die before it says that it is ready.
            net.start(victim, Some(&format!("{moment}:peers")));
            assert!(net.died(victim, PATIENCE), "{victim} meets nobody");
            let left = known_to(&net, victim);
            let who = |peers: &[KnownPeer]| {
                let mut who: Vec<_> = peers.iter().map(|known| known.peer).collect();
                who.sort_unstable();
                who
            };
            let others = (0..HEAVY).filter(|at| *at != victim).map(|at| net.peer(at));
            assert!(others.clone().all(|peer| who(&left).contains(&peer)), "{victim}, {moment}: {left:?}");
            match moment {
                "before-commit" => assert_eq!(left, known, "{victim}: something was written"),
                _ => assert_ne!(left, known, "{victim}, {moment}: nothing was written"),
            }
            assert!(net.start(victim, None), "{victim} does not start again");
            net.sees(victim, HEAVY as u64 - u64::from(victim < HEAVY), 0);
        }
        net.sees(PROPOSER, HEAVY as u64, 0);
        let id = ask(&net);
        for at in net.nodes() {
            assert_eq!(net.end_of(at, &id)["result"]["sum"], (1_u32 << VALUES.len()) - 1, "{victim}: {at}");
        }
    }
}

/// Whom a node that is down remembers.
fn known_to(net: &Net, at: usize) -> Vec<KnownPeer> {
    let copy = net.copy_of(at);
    Store::open(&copy.path().join("node.redb"), net.peer(at)).unwrap().known_peers()
}
