//! Nodes that find each other, talk, and survive each other's faults, over real sockets on loopback.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use formix_p2p::domain::limits::NETWORK_EVENTS_QUEUED_MAX;
use formix_p2p::domain::{ComputationId, Role, Timestamp};
use formix_p2p::network::{Multiaddr, Network, NetworkConfig, NetworkError, NetworkEvent};
use formix_p2p::wire::{Message, SwarmKey};

#[path = "network/link.rs"]
mod link;
#[path = "network/node.rs"]
mod node;
#[path = "network/stranger.rs"]
mod stranger;

use node::{Node, address, config, message, outcome, share};
use stranger::Mischief;

/// Sooner than by pings that fail (10 s and more): the end of its connections was noticed.
const MISSED_AT_ONCE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn two_nodes_talk_over_one_bootstrap_address() {
    let mut hub = Node::heavy(1, &[]).await;
    let mut other = Node::light(2, &[hub.bare_address()]).await;
    hub.until_connected(other.peer()).await;
    other.until_connected(hub.peer()).await;

    other.network.send(hub.peer(), message(1));
    assert_eq!(hub.next_message().await, (other.peer(), message(1)));
    hub.network.send(other.peer(), message(2));
    assert_eq!(other.next_message().await, (hub.peer(), message(2)));

    other.network.publish(outcome(1));
    assert_eq!(hub.next_gossip().await, (other.peer(), outcome(1)));
    hub.network.publish(hub.presence());
    assert_eq!(other.next_gossip().await, (hub.peer(), hub.presence()));
}

#[tokio::test]
async fn messages_by_the_thousand_arrive_once_each() {
    let mut hub = Node::heavy(1, &[]).await;
    let mut other = Node::light(2, &[hub.address()]).await;
    other.until_connected(hub.peer()).await;
    for number in 0..3_000 {
        other.network.send(hub.peer(), message(number));
    }
    let mut numbers = std::collections::BTreeSet::new();
    while numbers.len() < 3_000 {
        match hub.next_message().await {
            (_, Message::Progress { reports, .. }) => assert!(numbers.insert(reports), "{reports} came twice"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_receiver_that_takes_nothing_for_a_while_loses_nothing_that_waits() {
    let mut hub = Node::heavy(1, &[]).await;
    let mut other = Node::light(2, &[]).await;
    // The hub asks for it: a stranger would be told to wait for longer, see `tests/hostile`.
    hub.network.want_connected(other.peer());
    hub.network.remember(other.peer(), vec![other.address()]);
    other.until_connected(hub.peer()).await;
    // More than the hub's queue holds, each in a request of its own: the rest is offered again until the hub takes it.
    let many = 2 * u64::try_from(NETWORK_EVENTS_QUEUED_MAX).expect("fits");
    for number in 0..many {
        other.network.send(hub.peer(), share(number));
    }
    // The hub's queue is full once it stops growing; no event tells of that, so look at the queue itself.
    while hub.events.len() < NETWORK_EVENTS_QUEUED_MAX {
        tokio::task::yield_now().await;
    }
    for _ in 0..many {
        hub.next_message().await;
    }
}

#[tokio::test]
async fn a_large_message_arrives() {
    let mut hub = Node::heavy(1, &[]).await;
    let other = Node::light(2, &[hub.address()]).await;
    hub.until_connected(other.peer()).await;
    let id = |number: u32| ComputationId::of_body(&number.to_be_bytes());
    let ended: Vec<_> = (0..200_000).map(id).collect();
    let large = Message::Offer {
        clock: Timestamp::from_millis(1),
        open: Vec::new(),
        completed: ended,
        failed: Vec::new(),
    };
    let bytes = large.encode().len();
    assert!(bytes > 6_000_000, "{bytes}");
    other.network.send(hub.peer(), large.clone());
    assert!(hub.next_message().await == (other.peer(), large));
}

#[tokio::test]
async fn gossip_reaches_everybody_in_a_star() {
    let mut hub = Node::heavy(1, &[]).await;
    let mut others = Vec::new();
    for number in 2..7 {
        others.push(Node::light(number, &[hub.address()]).await);
    }
    // A word from each tells the hub that each listens: subscriptions go first.
    for (number, other) in (0..).zip(&others) {
        other.network.publish(outcome(number));
    }
    for _ in &others {
        hub.next_gossip().await;
    }
    let (speaker, rest) = others.split_first_mut().expect("five others");
    speaker.network.publish(outcome(99));
    for other in rest {
        // The hub passes it on; who has said it first is not told.
        while other.next_gossip().await != (hub.peer(), outcome(99)) {}
    }
}

#[tokio::test]
async fn one_address_leads_to_every_heavy_node() {
    let hub = Node::heavy(1, &[]).await;
    let mut second = Node::heavy(2, &[hub.address()]).await;
    second.until_connected(hub.peer()).await;
    let mut third = Node::heavy(3, &[hub.address()]).await;
    third.until_connected(second.peer()).await;
    let mut light = Node::light(4, &[hub.address()]).await;
    let mut missing = vec![hub.peer(), second.peer(), third.peer()];
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

#[tokio::test]
async fn a_message_connects_by_itself_where_an_address_is_known() {
    let mut one = Node::heavy(1, &[]).await;
    let two = Node::light(2, &[]).await;
    two.network.send(one.peer(), message(1));
    two.network.remember(one.peer(), vec![one.address()]);
    two.network.send(one.peer(), message(2));
    assert_eq!(one.next_message().await, (two.peer(), message(2)), "the first had no address to go to");
}

#[tokio::test]
async fn a_peer_that_leaves_is_missed_at_once_and_met_again_when_it_returns() {
    let mut light = Node::light(2, &[]).await;
    let mut hub_config = config(1, Role::Heavy, &[]);
    let hub = Node::start(hub_config.clone()).await;
    light.network.want_connected(hub.peer());
    light.network.remember(hub.peer(), vec![hub.address()]);
    light.until_connected(hub.peer()).await;

    let (peer, bare) = (hub.peer(), hub.bare_address());
    let leaves = tokio::time::Instant::now();
    hub.network.stop().await;
    light.until_disconnected(peer).await;
    assert!(leaves.elapsed() < MISSED_AT_ONCE, "{:?}", leaves.elapsed());

    hub_config.listen = vec![bare];
    let mut hub = Node::start(hub_config).await;
    light.until_connected(peer).await;
    light.network.send(peer, message(3));
    assert_eq!(hub.next_message().await, (light.peer(), message(3)));
}

#[tokio::test]
async fn a_bootstrap_address_is_dialled_until_somebody_is_there() {
    let mut hub_config = config(1, Role::Heavy, &[]);
    hub_config.listen = vec![address_of_its_own()];
    let mut light = Node::light(2, &hub_config.listen).await;
    let hub = Node::start(hub_config).await;
    light.until_connected(hub.peer()).await;
}

/// Where nobody listens yet and nobody else will: a loopback address that no other running process derives from its
/// number, of at most 22 bits, and a port below those that the system gives away.
fn address_of_its_own() -> Multiaddr {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    address(&format!("/ip4/127.{}.{middle}.{low}/tcp/21837", 64 | high))
}

#[tokio::test]
async fn known_peers_are_dialled_at_start() {
    let one = Node::heavy(1, &[]).await;
    let mut two_config = config(2, Role::Light, &[]);
    two_config.known = vec![(one.peer(), vec![one.address()])];
    let mut two = Node::start(two_config).await;
    two.until_connected(one.peer()).await;
}

#[tokio::test]
async fn a_swarm_key_lets_in_whoever_has_it_and_nobody_else() {
    let keyed = |number, role, bootstrap: &[Multiaddr], swarm_key: u8| NetworkConfig {
        swarm_key: Some(SwarmKey::from_bytes([swarm_key; 32])),
        ..config(number, role, bootstrap)
    };
    let mut hub = Node::start(keyed(1, Role::Heavy, &[], 7)).await;
    let without = Node::light(2, &[hub.address()]).await;
    let other_key = Node::start(keyed(3, Role::Light, &[hub.address()], 8)).await;
    let mut friend = Node::start(keyed(4, Role::Light, &[hub.address()], 7)).await;
    friend.until_connected(hub.peer()).await;
    friend.network.send(hub.peer(), message(1));
    // The strangers have dialled since before the friend came.
    let strangers = [without.peer(), other_key.peer()];
    let from = hub
        .until("the friend's message", |event| match event {
            NetworkEvent::Connected { peer, .. } => {
                assert!(!strangers.contains(&peer), "a stranger got in");
                None
            }
            NetworkEvent::Messages { from, .. } => Some(from),
            _ => None,
        })
        .await;
    assert_eq!(from, friend.peer());
}

#[tokio::test]
async fn an_address_that_cannot_be_had_is_named() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = address(&format!("/ip4/127.0.0.1/tcp/{}", holder.local_addr().expect("bound").port()));
    let mut wanting = config(1, Role::Heavy, &[]);
    wanting.listen.push(taken.clone());
    match Network::start(wanting).await {
        Err(NetworkError::AddressInUse(named)) => assert_eq!(named, taken),
        other => panic!("{other:?}"),
    }
    // libp2p shares its own ports without a word; another node's must be refused all the same.
    let node = Node::heavy(2, &[]).await;
    let mut wanting = config(1, Role::Heavy, &[]);
    wanting.listen = vec![node.bare_address()];
    assert!(matches!(Network::start(wanting).await, Err(NetworkError::AddressInUse(_))));

    let quic = address("/ip4/127.0.0.1/udp/0/quic-v1");
    let mut wanting = config(1, Role::Heavy, &[]);
    wanting.listen = vec![quic.clone()];
    wanting.swarm_key = Some(SwarmKey::from_bytes([1; 32]));
    match Network::start(wanting).await {
        Err(NetworkError::QuicWithSwarmKey(named)) => assert_eq!(named, quic),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn quic_works() {
    let quic = |number, role, bootstrap: &[Multiaddr]| NetworkConfig {
        listen: vec![address("/ip4/127.0.0.1/udp/0/quic-v1")],
        ..config(number, role, bootstrap)
    };
    let mut hub = Node::start(quic(1, Role::Heavy, &[])).await;
    let mut other = Node::start(quic(2, Role::Light, &[hub.bare_address()])).await;
    hub.until_connected(other.peer()).await;
    hub.network.send(other.peer(), message(1));
    assert_eq!(other.next_message().await, (hub.peer(), message(1)));
    let peer = other.peer();
    let leaves = tokio::time::Instant::now();
    other.network.stop().await;
    hub.until_disconnected(peer).await;
    assert!(leaves.elapsed() < MISSED_AT_ONCE, "{:?}", leaves.elapsed());
}

#[tokio::test]
#[ignore = "waits for two pings to fail, up to 20 s"]
async fn a_dead_link_is_noticed_and_the_peer_met_again_another_way() {
    let hub = Node::heavy(1, &[]).await;
    let (link, cut) = link::to(&hub.bare_address()).await;
    let mut light = Node::light(2, &[link]).await;
    light
        .until("where else the hub listens", |event| {
            matches!(event, NetworkEvent::Identified { .. }).then_some(())
        })
        .await;
    cut.send(()).expect("the link is up");
    light.until_disconnected(hub.peer()).await;
    light.until_connected(hub.peer()).await;
}

#[tokio::test]
async fn what_is_sent_together_arrives_together_and_in_order() {
    let mut hub = Node::heavy(1, &[]).await;
    let mut other = Node::light(2, &[hub.address()]).await;
    hub.until_connected(other.peer()).await;
    for numbers in [1..4, 4..5, 5..15] {
        let together: Vec<_> = numbers.map(message).collect();
        hub.network.send_together(other.peer(), together.clone());
        assert_eq!(other.next_messages().await, (hub.peer(), together));
    }
    // More than one request holds: requests overtake each other.
    hub.network.send_together(other.peer(), (100..200).map(message).collect());
    let mut missing: Vec<_> = (100..200).map(message).collect();
    while !missing.is_empty() {
        let (_, received) = other.next_message().await;
        missing.remove(missing.iter().position(|message| *message == received).expect("once"));
    }
}

#[tokio::test]
async fn nodes_that_dial_each_other_at_once_stay_connected() {
    let mut one = Node::heavy(1, &[]).await;
    let mut two = Node::heavy(2, &[]).await;
    one.network.remember(two.peer(), vec![two.address()]);
    two.network.remember(one.peer(), vec![one.address()]);
    one.network.want_connected(two.peer());
    two.network.want_connected(one.peer());
    for number in 0..100 {
        one.network.send(two.peer(), message(number));
        two.network.send(one.peer(), message(number));
    }
    for _ in 0..100 {
        assert_eq!(one.next_message().await.0, two.peer());
        assert_eq!(two.next_message().await.0, one.peer());
    }
}

#[tokio::test]
async fn frames_that_do_not_hold_harm_nobody() {
    let mut hub = Node::heavy(1, &[]).await;
    let light = Node::light(2, &[hub.address()]).await;
    hub.until_connected(light.peer()).await;
    let stranger = stranger::start([9; 32], hub.address(), Mischief::Messages);
    hub.until_connected(stranger).await;
    light.network.send(hub.peer(), message(1));
    // Neither a message from the stranger nor a word about the light node: the stranger alone is thrown out.
    let (mut heard, mut thrown_out) = (false, false);
    while !(heard && thrown_out) {
        hub.until("the light node's message and the stranger's end", |event| match event {
            NetworkEvent::Messages { from, messages } => {
                assert_eq!((from, messages), (light.peer(), vec![message(1)]));
                heard = true;
                Some(())
            }
            NetworkEvent::Disconnected(peer) => {
                assert_eq!(peer, stranger);
                thrown_out = true;
                Some(())
            }
            _ => None,
        })
        .await;
    }
    light.network.send(hub.peer(), message(2));
    assert_eq!(hub.next_message().await, (light.peer(), message(2)));
}

#[tokio::test]
async fn gossip_that_does_not_hold_is_not_passed_on() {
    let mut hub = Node::heavy(1, &[]).await;
    let mut light = Node::light(2, &[hub.address()]).await;
    hub.until_connected(light.peer()).await;
    let stranger = stranger::start([9; 32], hub.address(), Mischief::Gossip);
    hub.until("the stranger's end", |event| match event {
        NetworkEvent::Gossip { gossip, .. } => panic!("{gossip:?}"),
        NetworkEvent::Disconnected(peer) => {
            assert_eq!(peer, stranger);
            Some(())
        }
        _ => None,
    })
    .await;
    hub.network.publish(outcome(1));
    assert_eq!(light.next_gossip().await, (hub.peer(), outcome(1)), "nothing came before it");
}
