//! Untruths by presence: who somebody is, where it lives, and when it said so.

use std::net::TcpListener;
use std::time::Duration;

use formix_p2p::domain::limits::PRESENCE_ADDRESSES_MAX;
use formix_p2p::domain::{PeerId, Role};
use formix_p2p::network::Multiaddr;
use formix_p2p::wire::{Activity, Gossip, Identity, Message, Presence, Signed};
use serde_json::Value;

use crate::lab::Lab;
use crate::network_under_flood::now;
use crate::peer::{Hostile, Met, Pose, framed, key};
use crate::reports::place;

/// A node that nobody runs, by the key of this number.
fn nobody(number: u32) -> (Identity, Presence) {
    let identity = Identity::from_secret_key(&key(number));
    let presence = Presence {
        peer: identity.peer(),
        role: Role::Heavy,
        name: format!("nobody-{number}"),
        activity: Activity::Active,
        addresses: Vec::new(),
        created_at: now(),
        sent_at: now(),
        lifetime_ms: 60_000,
    };
    (identity, presence)
}

/// What a node tells of the nodes that it knows.
fn known_to(lab: &Lab, uid: &str) -> Vec<Value> {
    let (_, body) = lab.http(uid, "GET /view", "").unwrap();
    serde_json::from_slice::<Value>(&body).unwrap()["nodes"].as_array().unwrap().clone()
}

fn addresses_of(known: &[Value], peer: PeerId) -> String {
    let node = known.iter().find(|node| node["peer_id"] == peer.to_string());
    node.map(|node| node["addresses"].to_string()).unwrap_or_default()
}

/// A hostile peer that is connected to all of these, and what the one with this name said of itself.
async fn among(places: &[(PeerId, Multiaddr)], number: u32, of: PeerId) -> (Hostile, Signed<Presence>) {
    let mut hostile = Hostile::new(number, Pose::Light).await;
    places.iter().for_each(|(_, address)| hostile.dial(address.clone()));
    let (mut connected, mut said) = (0, None);
    while connected < places.len() || said.is_none() {
        hostile
            .until("everybody, and what one of them says of itself", |met| match met {
                Met::Connected(_) => {
                    connected += 1;
                    Some(())
                }
                Met::Message(_, Message::Presence(presence)) if presence.signer() == of => {
                    said = Some(presence);
                    Some(())
                }
                _ => None,
            })
            .await;
    }
    (hostile, said.unwrap())
}

/// Says this to all of them, in a message and by gossip, and waits until each has answered.
async fn say(hostile: &mut Hostile, places: &[(PeerId, Multiaddr)], presence: &Signed<Presence>) {
    for (peer, _) in places {
        hostile.send(*peer, &Message::Presence(presence.clone()));
    }
    hostile.publish("formix-p2p/presence/1", Gossip::Presence(presence.clone()).encode());
    for _ in places {
        hostile.until("an answer", |met| matches!(met, Met::Answer(_)).then_some(())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lies_by_presence_moves_nobody_and_is_not_shown() {
    let lab = Lab::new();
    let uids = lab.network(&["1", "2", "4"], &["--policy", "open"]);
    let before: Vec<_> = uids.iter().map(|uid| place(&lab, uid)).collect();
    let (moved, stay) = (&uids[5], &uids[..5]);
    let (peer, old) = before[5].clone();
    let (mut hostile, outdated) = among(&before, 1, peer).await;

    // One node is to be found elsewhere from now on.
    lab.json(&["stop", moved]).data();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    lab.json(&["start", moved, "--detach", "--listen", &format!("/ip4/127.0.0.1/tcp/{free}")]).data();
    let places: Vec<_> = uids.iter().map(|uid| place(&lab, uid)).collect();
    let new = &places[5].1;
    assert_ne!(*new, old);
    let port = |address: &Multiaddr| address.iter().nth(1).unwrap().to_string();
    let found = |uid: &str| addresses_of(&known_to(&lab, uid), peer);
    for uid in stay {
        lab.until("it is found where it is now", || found(uid).contains(&port(new)));
    }
    hostile.dial(new.clone());
    hostile.until("it", |met| matches!(met, Met::Connected(at) if at == peer).then_some(())).await;

    // Where it was; nodes with a clock, a name and addresses that cannot be; and one that lives where others do.
    let unfit: [fn(&mut Presence); 4] = [
        |it| it.sent_at = it.sent_at + Duration::from_secs(3_600),
        |it| it.name = "nobody\u{1b}[2J".to_owned(),
        |it| it.addresses = vec!["/ip4/127.0.0.1/tcp/1".to_owned(); PRESENCE_ADDRESSES_MAX + 1],
        |it| it.addresses = vec![format!("/ip4/127.0.0.1/tcp/1/{}", "x".repeat(300))],
    ];
    say(&mut hostile, &places, &outdated).await;
    for (number, spoil) in (10..).zip(unfit) {
        let (identity, mut presence) = nobody(number);
        spoil(&mut presence);
        say(&mut hostile, &places, &Signed::sign(presence, &identity)).await;
    }
    let (identity, mut fit) = nobody(20);
    fit.addresses = before[..3]
        .iter()
        .map(|(_, address)| address.iter().take(2).collect::<Multiaddr>().to_string())
        .collect();
    say(&mut hostile, &places, &Signed::sign(fit, &identity)).await;
    for uid in &uids {
        lab.until("the last lie is heard", || {
            known_to(&lab, uid).iter().any(|node| node["peer_id"] == identity.peer().to_string())
        });
        let known = known_to(&lab, uid);
        let names: Vec<_> = known.iter().map(|node| node["name"].as_str().unwrap_or_default()).collect();
        assert_eq!(names.iter().filter(|name| name.starts_with("nobody")).count(), 1, "{uid}: {names:?}");
        for (other, address) in places.iter().filter(|_| uid != moved) {
            let told = addresses_of(&known, *other);
            assert!(told.contains(&port(address)), "{uid}: {other} at {told}");
        }
    }
    for uid in stay {
        assert!(!found(uid).contains(&port(&old)), "{uid} believes what was said before");
    }

    // Whoever speaks in another's name is thrown out: here, what that node said, with another address in it.
    let (mut forger, _) = among(&places[..1], 2, places[0].0).await;
    let mut forged = Message::Presence(outdated).encode();
    let at = forged.windows(5).position(|bytes| bytes == b"/tcp/").unwrap() + 5;
    forged[at] ^= 1;
    for _ in 0..3 {
        forger.raw(places[0].0, framed(&forged));
    }
    forger.until_outside(places[0].0).await;
    assert!(found(&uids[0]).contains(&port(new)) && !found(&uids[0]).contains(&port(&old)));

    // And the sum is right.
    let question = ["propose", "--prompt", "?", "--field", "n", "--statistic", "sum", "--node", &uids[3]];
    let heavy = ["--deadline", "8s", "--heavy", &uids[0], &uids[1], &uids[2]];
    let asked = lab.json(&[&question[..], &heavy].concat()).data();
    let id = asked["id"].as_str().unwrap();
    for uid in &uids {
        lab.until("it is known", || lab.computation(uid, id).is_some());
        let result = lab.json(&["result", id, "--wait", "--node", uid]).data();
        assert_eq!((&result["sum"], &result["participants"]), (&7.into(), &3.into()), "{uid}");
    }
}
