//! Too much of what would be fine once: messages, gossip, connections, identities.

use std::time::{Duration, Instant};

use formix_p2p::domain::limits::{ASKS, GOSSIP_OF_STRANGERS, NETWORK_EVENTS_OF_STRANGERS_MAX};
use formix_p2p::domain::{ComputationId, Timestamp};
use formix_p2p::network::NetworkEvent;
use formix_p2p::wire::{Gossip, Message};

use crate::node::{Node, message, outcome};
use crate::peer::{Hostile, Met, Pose};

#[tokio::test]
async fn whoever_asks_without_end_is_told_busy_and_then_shut_out() {
    let mut hub = Node::heavy(1, &[]).await;
    let light = Node::light(2, &[hub.address()]).await;
    hub.until_connected(light.peer()).await;
    let started = Instant::now();
    let mut hostile = Hostile::at(1, Pose::Light, hub.peer(), &hub.address()).await;
    for number in 0..2_000 {
        hostile.send(hub.peer(), &Message::Ask { clock: Timestamp::from_millis(number) });
    }
    let (mut taken, mut busy) = (0, 0);
    hostile
        .until("being shut out", |met| {
            match met {
                Met::Answer(0) => taken += 1,
                Met::Answer(1) => busy += 1,
                Met::Gone(_) => return Some(()),
                _ => {}
            }
            None
        })
        .await;
    let most = ASKS.burst + ASKS.each_second * u32::try_from(started.elapsed().as_secs() + 1).unwrap();
    assert!(taken <= most && busy > 0, "{taken} of at most {most} taken, {busy} busy");
    hostile.dial(hub.address());
    hostile.until_outside(hub.peer()).await;
    light.network.send(hub.peer(), message(1));
    let mut asked = 0;
    loop {
        match hub.next_message().await {
            (from, Message::Ask { .. }) if from == hostile.peer() => asked += 1,
            other => break assert_eq!(other, (light.peer(), message(1))),
        }
    }
    assert!(asked <= most, "{asked}");
}

#[tokio::test]
async fn twenty_strangers_do_not_fill_the_queue_of_a_node_that_is_busy() {
    let mut hub = Node::heavy(1, &[]).await;
    let mut known = Node::light(2, &[]).await;
    hub.network.want_connected(known.peer());
    hub.network.remember(known.peer(), vec![known.address()]);
    known.until_connected(hub.peer()).await;
    // From here on the hub takes nothing.
    let mut strangers = Vec::new();
    for number in 0..20 {
        strangers.push(Hostile::at(number, Pose::Light, hub.peer(), &hub.address()).await);
    }
    for stranger in &strangers {
        for number in 0..100 {
            stranger.send(hub.peer(), &message(number));
        }
    }
    for stranger in &mut strangers {
        let mut answers = 0;
        let all = |met| {
            answers += u32::from(matches!(met, Met::Answer(_)));
            (answers == 100).then_some(())
        };
        stranger.until("an answer to everything", all).await;
    }
    let waiting = hub.events.len();
    assert!(waiting <= NETWORK_EVENTS_OF_STRANGERS_MAX + 32, "{waiting}: that, and who came");
    for number in 0..100 {
        known.network.send(hub.peer(), message(1_000 + number));
    }
    let (mut of_strangers, mut of_known) = (0, 0);
    while of_known < 100 {
        let (from, _) = hub.next_message().await;
        if from == known.peer() { of_known += 1 } else { of_strangers += 1 }
    }
    assert!(of_strangers <= NETWORK_EVENTS_OF_STRANGERS_MAX, "{of_strangers}");
}

#[tokio::test]
async fn two_hundred_identities_behind_one_address_shut_nobody_off() {
    let mut hub = Node::heavy(1, &[]).await;
    let mut strangers = Vec::new();
    for number in 0..200 {
        strangers.push(Hostile::at(number, Pose::Light, hub.peer(), &hub.address()).await);
    }
    // They dial again and again; each keeps two connections.
    for stranger in &mut strangers[..10] {
        for _ in 0..3 {
            stranger.dial(hub.address());
        }
        for _ in 0..2 {
            stranger.until_outside(hub.peer()).await;
        }
    }
    let mut others = Vec::new();
    for number in 2..5 {
        others.push(Node::light(number, &[hub.address()]).await);
    }
    for (number, other) in (0..).zip(&others) {
        other.network.publish(outcome(number));
        other.network.send(hub.peer(), message(u64::from(number)));
    }
    let (mut gossip, mut messages) = (0, 0);
    while gossip < 3 || messages < 3 {
        hub.until("every honest node", |event| match event {
            NetworkEvent::Gossip { .. } => {
                gossip += 1;
                Some(())
            }
            NetworkEvent::Messages { messages: some, .. } => {
                messages += some.len();
                Some(())
            }
            NetworkEvent::Disconnected(peer) => panic!("{peer:?} is shut off"),
            _ => None,
        })
        .await;
    }
    // Scores know no address: gossip reaches every honest node among 203 from one.
    hub.network.publish(outcome(99));
    for other in &mut others {
        while other.next_gossip().await != (hub.peer(), outcome(99)) {}
    }
}

#[tokio::test]
async fn gossip_spam_is_not_passed_on_for_long() {
    let mut hub = Node::heavy(1, &[]).await;
    let mut light = Node::light(2, &[hub.address()]).await;
    hub.until_connected(light.peer()).await;
    let started = Instant::now();
    let mut hostile = Hostile::at(1, Pose::Light, hub.peer(), &hub.address()).await;
    hostile.until("the hub's topics", |met| matches!(met, Met::Subscribed).then_some(())).await;
    let mut number = 0_u32;
    let mut spam = || {
        number += 1;
        Gossip::Completed { computation: ComputationId::of_body(&number.to_be_bytes()) }.encode()
    };
    // Valid, each of it, and of no use to anybody.
    let shut_out = async {
        loop {
            for _ in 0..100 {
                hostile.publish("formix-p2p/computations/1", spam());
            }
            let gone = |met| matches!(met, Met::Gone(_)).then_some(());
            if tokio::time::timeout(Duration::from_millis(20), hostile.until("it", gone)).await.is_ok() {
                break;
            }
        }
    };
    let heard = async {
        let mut heard = 0;
        while hub.events.recv().await.is_some_and(|event| {
            heard += u32::from(matches!(event, NetworkEvent::Gossip { .. }));
            !matches!(event, NetworkEvent::Disconnected(_))
        }) {}
        heard
    };
    let (heard, ()) = tokio::join!(heard, shut_out);
    let seconds = u32::try_from(started.elapsed().as_secs() + 1).unwrap();
    let most = GOSSIP_OF_STRANGERS.burst + GOSSIP_OF_STRANGERS.each_second * seconds;
    assert!(heard > 0 && heard <= most, "{heard} of at most {most}");
    let word = Gossip::Completed { computation: ComputationId::of_body(b"honest") };
    hub.network.publish(word.clone());
    while light.next_gossip().await.1 != word {}
}
