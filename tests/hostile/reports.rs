//! Participants and heavy nodes that lie, among real processes: what they send holds byte for byte, and says two things at once,
//! or somebody else's, or nothing at all.

use std::sync::Arc;

use formix_p2p::domain::{Computation, ComputationId, Digest, PeerId, Role};
use formix_p2p::network::Multiaddr;
use formix_p2p::sharing::Secret;
use formix_p2p::statistics::{encode_one, scheme};
use formix_p2p::wire::{
    Acceptance, Activity, Announcement, Identity, Manifest, Message, Presence, Rejection, Signed, Submission,
    Want, share_digest,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::Value;

use crate::lab::Lab;
use crate::network_under_flood::now;
use crate::peer::{Hostile, Met, Pose};

const OPEN: [&str; 2] = ["--policy", "open"];

/// Who a node is, and where.
pub fn place(lab: &Lab, uid: &str) -> (PeerId, Multiaddr) {
    let address: Multiaddr = address(lab, uid).parse().unwrap();
    let peer = address.iter().find_map(|part| match part {
        libp2p::multiaddr::Protocol::P2p(peer) => PeerId::from_bytes(&peer.to_bytes()),
        _ => None,
    });
    (peer.unwrap(), address)
}

fn address(lab: &Lab, uid: &str) -> String {
    let node = lab.json(&["id", "--node", uid]).data();
    node["addresses"][0].as_str().unwrap().to_owned()
}

/// What somebody says to each heavy node: its number, split anew with this seed.
fn report(
    computation: &Computation,
    id: ComputationId,
    of: &Identity,
    value: &str,
    seed: u64,
) -> Vec<Submission> {
    let reading = encode_one(computation, &[value]).unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let nonce = [u8::try_from(seed).unwrap(); 16];
    let split =
        scheme(computation).unwrap().split(id.as_bytes(), &nonce, reading.measurement(), &mut rng).unwrap();
    let blind = Secret::new([7; 32]);
    let digest = |(heavy, share): (&PeerId, &Secret<Vec<u8>>)| {
        share_digest(id, of.peer(), *heavy, &blind, share.expose())
    };
    let shares = computation.heavy.iter().zip(&split.shares).map(digest).collect();
    let manifest = Manifest { computation: id, participant: of.peer(), nonce, public: split.public, shares };
    let manifest = Signed::sign(manifest, of);
    let submit = |share| Submission { manifest: manifest.clone(), blind: blind.clone(), share };
    split.shares.into_iter().map(submit).collect()
}

/// The question that is open, as the first heavy node tells it.
async fn announced(hostile: &mut Hostile, heavy: PeerId) -> Announcement {
    loop {
        hostile.send(heavy, &Message::Ask { clock: now() });
        let open = hostile
            .receive("an offer", |_, message| match message {
                Message::Offer { open, .. } => Some(open),
                _ => None,
            })
            .await;
        if let Some(computation) = open.first().copied() {
            hostile.send(heavy, &Message::Want { computation, want: Want::Announcement });
            return hostile
                .receive("the announcement", |_, message| match message {
                    Message::Announce(announcement) => Some(announcement),
                    _ => None,
                })
                .await;
        }
    }
}

/// A hostile peer that is connected to all of these.
pub async fn connected(number: u32, pose: Pose, places: &[(PeerId, Multiaddr)]) -> Hostile {
    let mut hostile = Hostile::new(number, pose).await;
    for (peer, address) in places {
        hostile.dial(address.clone());
        hostile
            .until("a connection", |met| matches!(met, Met::Connected(it) if it == *peer).then_some(()))
            .await;
    }
    hostile
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replayed_crossed_forged_and_equivocating_reports_change_no_sum() {
    let lab = Lab::new();
    let uids = lab.network(&["10", "20", "40"], &OPEN);
    let places: Vec<_> = uids[..3].iter().map(|uid| place(&lab, uid)).collect();
    let comp = lab.propose(&uids[3], "8s");
    let mut two_faced = connected(1, Pose::Light, &places).await;
    let Announcement { computation, .. } = announced(&mut two_faced, places[0].0).await;
    let (id, terms) = (computation.id(), computation.get().clone());

    // One value to one heavy node, another to the others.
    let small = report(&terms, id, &two_faced.identity, "100", 1);
    let large = report(&terms, id, &two_faced.identity, "100000", 2);
    for (index, heavy) in terms.heavy.iter().enumerate() {
        let said = if index == 0 { &small } else { &large };
        two_faced.send(*heavy, &Message::Submit(said[index].clone()));
    }

    // An honest value, said ten times by its participant, and once with the shares crossed.
    let mut eager = connected(2, Pose::Light, &places).await;
    let honest = report(&terms, id, &eager.identity, "5", 3);
    for (index, heavy) in terms.heavy.iter().enumerate() {
        let crossed = Submission { share: honest[(index + 1) % 3].share.clone(), ..honest[index].clone() };
        eager.send(*heavy, &Message::Submit(crossed));
        let reject = |from, message| match message {
            Message::Reject { rejection, .. } => Some(rejection),
            Message::Receipt(receipt) if from == *heavy => panic!("{receipt:?}"),
            _ => None,
        };
        assert_eq!(eager.receive("a rejection", reject).await, Rejection::Malformed);
        for _ in 0..10 {
            eager.send(*heavy, &Message::Submit(honest[index].clone()));
        }
        let receipt = |from, message| (from == *heavy && matches!(message, Message::Receipt(_))).then_some(());
        eager.receive("a receipt", receipt).await;
    }

    // One value to everybody, and then another one.
    let mut fickle = connected(3, Pose::Light, &places).await;
    let [first, second] =
        [("6000", 4), ("7000", 6)].map(|(value, seed)| report(&terms, id, &fickle.identity, value, seed));
    for (index, heavy) in terms.heavy.iter().enumerate() {
        fickle.send(*heavy, &Message::Submit(first[index].clone()));
        let receipt = |_, message| matches!(message, Message::Receipt(_)).then_some(());
        fickle.receive("a receipt", receipt).await;
        fickle.send(*heavy, &Message::Submit(second[index].clone()));
        let other = |_, message| match message {
            Message::Reject { rejection, .. } => Some(rejection),
            _ => None,
        };
        assert_eq!(fickle.receive("a rejection", other).await, Rejection::OtherReport);
    }

    // A report that another has made and sent, whole, from a connection that is not that other's.
    for (index, heavy) in terms.heavy.iter().enumerate() {
        two_faced.send(*heavy, &Message::Submit(honest[index].clone()));
    }

    // A report of somebody who never came, whole and signed.
    let absent = Identity::from_secret_key(&[0x77; 32]);
    let forged = report(&terms, id, &absent, "1000000", 5);
    for (index, heavy) in terms.heavy.iter().enumerate() {
        eager.send(*heavy, &Message::Submit(forged[index].clone()));
    }

    let lab = Arc::new(lab);
    assert_eq!(result_of(&lab, &uids[0], &comp).await, (Value::from(75), Value::from(4)));

    // The same question once more: what was sent to the one before is sent again, and is no answer to this one.
    let again = lab.propose(&uids[3], "8s");
    let Announcement { computation, .. } = announced(&mut eager, places[0].0).await;
    assert_ne!(computation.id(), id);
    for (index, heavy) in terms.heavy.iter().enumerate() {
        eager.send(*heavy, &Message::Submit(honest[index].clone()));
    }
    assert_eq!(result_of(&lab, &uids[0], &again).await, (Value::from(70), Value::from(3)));
}

/// Says to all of these that it is a heavy node.
pub fn pose_as_heavy(hostile: &Hostile, places: &[(PeerId, Multiaddr)]) {
    let presence = Presence {
        peer: hostile.peer(),
        role: Role::Heavy,
        name: "hostile".to_owned(),
        activity: Activity::Active,
        addresses: vec![hostile.address.clone().unwrap().to_string()],
        created_at: now(),
        sent_at: now(),
        lifetime_ms: 60_000,
    };
    let presence = Signed::sign(presence, &hostile.identity);
    for (peer, _) in places {
        hostile.send(*peer, &Message::Presence(presence.clone()));
    }
}

/// Accepts to be a heavy node of a question, as whoever asks it wants to hear.
pub fn accept(hostile: &Hostile, proposer: PeerId, computation: ComputationId) {
    let acceptance = Acceptance {
        computation,
        heavy: hostile.peer(),
        rho_commitment: Digest::of("formix-p2p/rho-commitment/1", &[b"nothing"]),
    };
    hostile.send(proposer, &Message::Accept(Signed::sign(acceptance, &hostile.identity)));
}

/// Sum and participants at a node, once there is a result.
async fn result_of(lab: &Arc<Lab>, uid: &str, computation: &str) -> (Value, Value) {
    let (lab, uid, computation) = (lab.clone(), uid.to_owned(), computation.to_owned());
    let waiting = tokio::task::spawn_blocking(move || {
        let data = lab.json(&["result", &computation, "--wait", "--node", &uid]).data();
        (data["sum"].clone(), data["participants"].clone())
    });
    waiting.await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heavy_node_that_accepts_and_falls_silent_is_named_and_stops_nothing_else() {
    let lab = Lab::new();
    let uids = lab.network(&["1", "2", "4"], &OPEN);
    let places: Vec<_> = uids.iter().map(|uid| place(&lab, uid)).collect();
    let mut silent = connected(1, Pose::Heavy, &places).await;
    pose_as_heavy(&silent, &places);
    let lab = Arc::new(lab);
    let named = silent.peer().to_string();
    lab.wait_for_view(&uids[3], 4, 3);
    let asking = {
        let (lab, uids, named) = (lab.clone(), uids.clone(), named.clone());
        tokio::task::spawn_blocking(move || {
            let asked =
                ["propose", "--prompt", "Who is there?", "--field", "n", "--statistic", "sum", "--wait"];
            let when = ["--deadline", "1s", "--patience", "2s", "--node", &uids[3]];
            let heavy = ["--heavy", &uids[0], &uids[1], &named];
            lab.json(&[&asked[..], &when, &heavy].concat())
        })
    };
    let proposed = |_, message| match message {
        Message::Propose(computation) => Some(computation),
        _ => None,
    };
    let computation = silent.receive("the proposal", proposed).await;
    accept(&silent, places[3].0, computation.id());
    // Beside it a question that it has no part in.
    let beside = {
        let (lab, uids) = (lab.clone(), uids.clone());
        tokio::task::spawn_blocking(move || {
            let asked = ["propose", "--prompt", "And here?", "--field", "n", "--statistic", "sum", "--wait"];
            let heavy = ["--heavy", &uids[0], &uids[1], &uids[2]];
            lab.json(&[&asked[..], &["--deadline", "6s", "--node", &uids[4]], &heavy].concat()).data()
        })
    };
    assert_eq!(beside.await.unwrap()["result"]["sum"], 7);
    let failed = asking.await.unwrap();
    failed.error(4);
    let said = failed.message();
    assert!(said.contains(&silent.peer().uid().to_string()), "{said}");
}
