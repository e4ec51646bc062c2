//! Streams that hold no message: too long, too short, too deep, of another version, without an end.

use formix_p2p::domain::limits::MESSAGE_BYTES_MAX;
use formix_p2p::domain::{ComputationId, Timestamp};
use formix_p2p::network::NetworkEvent;
use formix_p2p::sharing::Secret;
use formix_p2p::wire::{Manifest, Message, Rejection, Signed, Submission};

use crate::node::{Node, message};
use crate::peer::{Hostile, Met, Pose, Raw, Then, framed};

/// The byte that a message of this version begins with.
fn version() -> u8 {
    message(7).encode()[0]
}

fn nested(byte: u8, depth: usize) -> Raw {
    framed(&[&[version()], &vec![byte; depth][..]].concat())
}

/// A message behind which another one follows.
fn followed(body: &[u8]) -> Vec<u8> {
    let mut bytes = framed(body).bytes;
    bytes[0] |= 0x80;
    bytes
}

/// Frames that no honest node sends.
fn bad_frames() -> Vec<(&'static str, Raw)> {
    let good = message(7).encode();
    let of_version = |version: u8| framed(&[&[version], &good[1..]].concat());
    let garbage: Vec<u8> = (0..50_000_u32).map(|number| (number * number % 251) as u8).collect();
    let raw = |bytes: Vec<u8>| Raw { bytes, then: Then::Close };
    vec![
        ("empty", framed(&[])),
        ("a version and nothing", framed(&[version()])),
        ("garbage", framed(&garbage)),
        ("garbage of this version", framed(&[&[version()], &garbage[..]].concat())),
        ("version 0", of_version(0)),
        ("the version before", of_version(version() - 1)),
        ("the next version", of_version(version() + 1)),
        ("version 255", of_version(255)),
        ("two messages", framed(&[&good[..], &good[..]].concat())),
        ("cut short", raw(framed(&good).bytes[..10].to_vec())),
        ("oversized", raw(u32::MAX.to_be_bytes().to_vec())),
        ("one byte too large", raw(u32::try_from(MESSAGE_BYTES_MAX + 1).unwrap().to_be_bytes().to_vec())),
        ("nothing sixteen times, and once more", raw([followed(&[]).repeat(16), framed(&[]).bytes].concat())),
        ("nothing, and no end of it", Raw { bytes: followed(&[]), then: Then::Repeat }),
        ("a large one before another", raw(followed(&vec![version(); 100_000]))),
        ("nothing, and a large one", raw([followed(&[]), framed(&vec![version(); 100_000]).bytes].concat())),
        ("endless", Raw { bytes: vec![0xff; 64 * 1024], then: Then::Repeat }),
        ("nested arrays", nested(0x81, 60_000)),
        ("nested arrays without a length", nested(0x9f, 60_000)),
        ("nested tags", nested(0xc1, 60_000)),
        ("arrays nested by the million", nested(0x81, 4_000_000)),
        ("maps nested by the million", framed(&[&[version()], &[0xa1, 0x00].repeat(1_000_000)[..]].concat())),
        ("a text of 2^62 bytes", framed(&[version(), 0x7b, 0x40, 0, 0, 0, 0, 0, 0, 0])),
        ("an array of 2^62 elements", framed(&[version(), 0x9b, 0x40, 0, 0, 0, 0, 0, 0, 0])),
    ]
}

#[tokio::test]
async fn bad_frames_cost_their_sender_its_connection_and_nobody_else_anything() {
    let mut hub = Node::heavy(1, &[]).await;
    let light = Node::light(2, &[hub.address()]).await;
    hub.until_connected(light.peer()).await;
    for (number, (name, frame)) in (0..).zip(bad_frames()) {
        let mut hostile = Hostile::at(number, Pose::Light, hub.peer(), &hub.address()).await;
        for _ in 0..3 {
            hostile.raw(hub.peer(), frame.clone());
        }
        let mut answers = Vec::new();
        hostile
            .until(name, |met| match met {
                Met::Answer(answer) => {
                    answers.push(answer);
                    None
                }
                Met::Gone(_) => Some(()),
                _ => None,
            })
            .await;
        assert!(answers.iter().all(|answer| *answer == 2), "{name}: {answers:?}");
        // It is not let in again, and nobody else is shut out.
        hostile.dial(hub.address());
        hostile.until_outside(hub.peer()).await;
        light.network.send(hub.peer(), message(number.into()));
        let heard = hub.next_message().await;
        assert_eq!(heard, (light.peer(), message(number.into())), "{name}");
    }
}

#[tokio::test]
async fn a_message_that_does_not_hold_takes_no_other_of_its_request_along() {
    let mut hub = Node::heavy(1, &[]).await;
    let mut hostile = Hostile::at(1, Pose::Light, hub.peer(), &hub.address()).await;
    let good = [1, 2, 3].map(|number| message(number).encode());
    let bytes =
        [followed(&good[0]), followed(&[version()]), followed(&good[1]), framed(&good[2]).bytes].concat();
    hostile.raw(hub.peer(), Raw { bytes, then: Then::Close });
    // A stranger's messages are an event each: how many wait is counted in events.
    for number in [1, 2, 3] {
        assert_eq!(hub.next_messages().await, (hostile.peer(), vec![message(number)]));
    }
    hostile.until("the answer", |met| matches!(met, Met::Answer(0)).then_some(())).await;
}

#[tokio::test]
async fn a_rejection_comes_in_the_answer_and_by_itself_where_the_node_takes_long() {
    let mut hub = Node::heavy(1, &[]).await;
    let mut light = Hostile::at(1, Pose::Light, hub.peer(), &hub.address()).await;
    let computation = ComputationId::of_body(b"one");
    let manifest = Manifest {
        computation,
        participant: light.peer(),
        nonce: [0; 16],
        public: Vec::new(),
        shares: Vec::new(),
    };
    let manifest = Signed::sign(manifest, &light.identity);
    let submission = Submission { manifest, blind: Secret::new([0; 32]), share: Secret::new(vec![1]) };
    let (submit, no) =
        (Message::Submit(submission), Message::Reject { computation, rejection: Rejection::Closed });
    light.send(hub.peer(), &submit);
    assert_eq!(hub.next_message().await, (light.peer(), submit.clone()));
    hub.network.send(light.peer(), no.clone());
    let answered = |met| match met {
        Met::Replied(from, message) => Some((from, message)),
        Met::Answer(answer) => panic!("{answer}"),
        _ => None,
    };
    assert_eq!(light.until("the rejection in the answer", answered).await, (hub.peer(), no.clone()));

    light.send(hub.peer(), &submit);
    assert_eq!(hub.next_message().await, (light.peer(), submit));
    let taken = |met| match met {
        Met::Answer(answer) => Some(answer),
        _ => None,
    };
    assert_eq!(light.until("an answer", taken).await, 0);
    hub.network.send(light.peer(), no.clone());
    let came = |met| match met {
        Met::Message(from, message) => Some((from, message)),
        _ => None,
    };
    assert_eq!(light.until("the rejection", came).await, (hub.peer(), no));
}

#[tokio::test]
async fn frames_that_never_end_keep_nobody_waiting() {
    let mut hub = Node::heavy(1, &[]).await;
    let light = Node::light(2, &[hub.address()]).await;
    hub.until_connected(light.peer()).await;
    let mut attackers = Vec::new();
    for number in 0..5 {
        let hostile = Hostile::at(number, Pose::Light, hub.peer(), &hub.address()).await;
        for _ in 0..45 {
            let small = [&60_000_u32.to_be_bytes()[..], &[3; 100]].concat();
            let large = [&8_000_000_u32.to_be_bytes()[..], &vec![3; 100_000]].concat();
            let nothing = vec![0, 0];
            for bytes in [small, large, nothing] {
                hostile.raw(hub.peer(), Raw { bytes, then: Then::Stall });
            }
        }
        attackers.push(hostile);
    }
    let id = |number: u32| ComputationId::of_body(&number.to_be_bytes());
    let ended: Vec<_> = (0..20_000).map(id).collect();
    let clock = Timestamp::from_millis(1);
    let large = Message::Offer { clock, open: Vec::new(), completed: ended, failed: Vec::new() };
    light.network.send(hub.peer(), large.clone());
    for number in 0..100 {
        light.network.send(hub.peer(), message(number));
    }
    let mut left = 101;
    while left > 0 {
        let (from, heard) = hub.next_message().await;
        assert_eq!(from, light.peer());
        assert!(matches!(heard, Message::Progress { .. }) || heard == large);
        left -= 1;
    }
    // Whoever sends slowly may be on a slow link: nobody is thrown out for it.
    let thrown_out = |event: &NetworkEvent| matches!(event, NetworkEvent::Disconnected(_));
    while let Ok(event) = hub.events.try_recv() {
        assert!(!thrown_out(&event), "{event:?}");
    }
}
