//! Untruths about others: where they live, who they are, what they said.

use formix_p2p::domain::{ComputationId, Role};
use formix_p2p::network::{Admission, NetworkConfig, NetworkEvent};
use formix_p2p::wire::Gossip;

use crate::node::{Node, config, message};
use crate::peer::{Hostile, Met, Pose};

#[tokio::test]
async fn a_kademlia_full_of_inventions_keeps_nobody_from_the_heavy_nodes() {
    let hub = Node::heavy(1, &[]).await;
    let mut second = Node::heavy(2, &[hub.address()]).await;
    second.until_connected(hub.peer()).await;
    let mut liars = Vec::new();
    for number in 0..3 {
        let liar = Hostile::at(number, Pose::Heavy, hub.peer(), &hub.address()).await;
        liar.dial(second.address());
        liars.push(liar);
    }
    let liar = &liars[0];
    let bootstrap = liar.address.clone().unwrap().with_p2p(peer_of(liar)).unwrap();
    // One begins at an honest node, one at a liar and an honest one.
    for (number, bootstrap) in [(3, vec![hub.address()]), (4, vec![bootstrap, second.address()])] {
        let mut light = Node::start(config(number, Role::Light, &bootstrap)).await;
        let mut missing = vec![hub.peer(), second.peer()];
        while !missing.is_empty() {
            let found = light
                .until("the heavy nodes", |event| match event {
                    NetworkEvent::Connected { peer, .. } => Some(peer),
                    _ => None,
                })
                .await;
            missing.retain(|peer| *peer != found);
        }
    }
}

fn peer_of(hostile: &Hostile) -> libp2p::PeerId {
    libp2p::PeerId::from_bytes(&hostile.peer().to_bytes()).unwrap()
}

#[tokio::test]
async fn an_address_that_is_somebody_elses_leads_nobody_astray() {
    let mut one = Node::heavy(1, &[]).await;
    let mut two = Node::heavy(2, &[]).await;
    let hostile = Hostile::new(1, Pose::Heavy).await;
    // Node two is said to live where the hostile peer lives, the hostile peer where node one lives.
    let lie = hostile.address.clone().unwrap();
    two.network.remember(one.peer(), vec![lie]);
    two.network.remember(hostile.peer(), vec![one.address()]);
    two.network.want_connected(one.peer());
    two.network.want_connected(hostile.peer());
    two.network.send(one.peer(), message(1));
    two.network.remember(one.peer(), vec![one.address()]);
    two.until_connected(one.peer()).await;
    two.network.send(one.peer(), message(2));
    loop {
        let (from, heard) = one.next_message().await;
        assert_eq!(from, two.peer());
        if heard == message(2) {
            break;
        }
        assert_eq!(heard, message(1));
    }
}

#[tokio::test]
async fn gossip_that_does_not_hold_costs_three_times_and_is_passed_on_never() {
    let mut hub = Node::heavy(1, &[]).await;
    let mut light = Node::light(2, &[hub.address()]).await;
    hub.until_connected(light.peer()).await;
    let word = |number: u8| Gossip::Completed { computation: ComputationId::of_body(&[number]) }.encode();
    let mut other_version = word(1);
    other_version[0] += 1;
    let nested = [&word(1)[..1], &vec![0x81; 60_000][..]].concat();
    let kinds = [
        ("the wrong topic", "formix-p2p/presence/1", [word(1), word(2), word(3)]),
        ("garbage", "formix-p2p/computations/1", [vec![1; 9], vec![2; 9], vec![3; 9]]),
        ("another version", "formix-p2p/computations/1", [other_version, vec![9; 50_000], nested]),
    ];
    for (number, (name, topic, all)) in (10..).zip(kinds) {
        let mut hostile = Hostile::at(number, Pose::Light, hub.peer(), &hub.address()).await;
        hostile.until("topics", |met| matches!(met, Met::Subscribed).then_some(())).await;
        hostile.until("topics", |met| matches!(met, Met::Subscribed).then_some(())).await;
        for bytes in all {
            hostile.publish(topic, bytes);
        }
        hostile.until_outside(hub.peer()).await;
        hub.network.publish(Gossip::Completed { computation: ComputationId::of_body(name.as_bytes()) });
        let expected = Gossip::Completed { computation: ComputationId::of_body(name.as_bytes()) };
        assert_eq!(light.next_gossip().await.1, expected, "nothing came before it");
    }
}

/// A member that lets everybody in knows strangers, and tells of them; another one serves nothing but inventions.
#[tokio::test]
async fn in_a_closed_network_kademlia_leads_to_members_alone() {
    let hub = Node::heavy(1, &[]).await;
    let mut second = Node::heavy(2, &[hub.address()]).await;
    let mut stranger = Node::heavy(5, &[hub.address()]).await;
    second.until_connected(hub.peer()).await;
    stranger.until_connected(hub.peer()).await;
    let liar = Hostile::at(0, Pose::Heavy, hub.peer(), &hub.address()).await;
    liar.dial(second.address());
    // Who keeps no list is led to the stranger.
    let mut open = Node::light(3, &[hub.address()]).await;
    open.until_connected(stranger.peer()).await;
    let members = [hub.peer(), second.peer(), liar.peer()];
    let admission = Admission::Listed(members.into());
    let closed = NetworkConfig { admission, ..config(4, Role::Light, &[hub.address()]) };
    let mut closed = Node::start(closed).await;
    let mut missing = vec![hub.peer(), second.peer()];
    while !missing.is_empty() {
        let connected = |event| match event {
            NetworkEvent::Connected { peer, .. } => Some(peer),
            _ => None,
        };
        let found = closed.until("the heavy members", connected).await;
        assert!(members.contains(&found), "{found:?} is no member");
        missing.retain(|peer| *peer != found);
    }
    let mut met = Vec::new();
    while let Ok(event) = stranger.events.try_recv() {
        if let NetworkEvent::Connected { peer, .. } = event {
            met.push(peer);
        }
    }
    assert!(met.contains(&open.peer()) && !met.contains(&closed.peer()), "{met:?}");
}
