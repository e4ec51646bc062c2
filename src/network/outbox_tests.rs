use super::*;
use crate::domain::{Computation, ComputationId, Detail, Digest, Query, Sharing, Statistic, Timestamp};
use crate::sharing::Secret;
use crate::wire::{Certificate, Entry, Filled, Identity, Signed};

const PEER: PeerId = PeerId::from_public_key([1; 32]);

fn message(number: u64) -> Message {
    Message::Ask { clock: Timestamp::from_millis(number) }
}

fn filled(messages: u64) -> Outbox<usize> {
    let mut outbox = Outbox::new();
    for number in 0..messages {
        assert_eq!(outbox.push(PEER, message(number), Instant::now()), Ok(Pushed::Waiting));
    }
    outbox
}

#[test]
fn so_many_are_in_flight_and_no_more() {
    let mut outbox = filled(100);
    for request in 0..REQUESTS_PER_PEER_MAX {
        let letter = outbox.next(PEER).expect("room");
        outbox.on_sent(request, PEER, letter, Instant::now());
    }
    assert!(outbox.next(PEER).is_none());
    assert!(outbox.on_done(0).is_some());
    assert!(outbox.next(PEER).is_some());
    assert!(outbox.on_done(0).is_none(), "answered once");
}

#[test]
fn a_full_queue_says_so() {
    let mut outbox = filled(QUEUED_PER_PEER_MAX as u64);
    assert_eq!(outbox.push(PEER, message(0), Instant::now()), Err(Full));
    assert_eq!(outbox.clear(PEER), QUEUED_PER_PEER_MAX);
    assert_eq!(outbox.push(PEER, message(0), Instant::now()), Ok(Pushed::Waiting));
}

#[test]
fn a_busy_peer_is_offered_the_message_again_and_not_for_ever() {
    let mut outbox = filled(1);
    let (mut now, mut offers) = (Instant::now(), 0);
    while let Some(letter) = outbox.next(PEER) {
        assert_eq!(*letter.message, message(0));
        offers += 1;
        outbox.on_sent(1, PEER, letter, Instant::now());
        outbox.on_busy(1, now);
        assert!(outbox.next(PEER).is_none(), "paused");
        now = outbox.next_due().expect("paused");
        assert_eq!(outbox.take_resumed(now), Some(PEER));
    }
    assert_eq!(offers, BUSY_OFFERS_MAX + 1);
}

/// A certificate of about a megabyte, different from others.
fn large(number: u8) -> Message {
    let identity = Identity::from_secret_key(&[1; 32]);
    let query = Query { statistic: Statistic::Count, fields: Vec::new(), max_records: 1, detail: Detail::None };
    let computation = Computation {
        version: 0,
        nonce: [number; 16],
        proposer: identity.peer(),
        proposed_at: Timestamp::from_millis(1),
        prompt: "?".repeat(1 << 20),
        query,
        heavy: Vec::new(),
        sharing: Sharing::Prio3,
        min_participants: 3,
        max_participants: 3,
        deadline: Timestamp::from_millis(2),
        patience_ms: 0,
        grace_ms: 0,
        participants: None,
        noise: None,
        invitation: None,
    };
    Message::Certificate(Certificate {
        computation: Signed::sign(computation, &identity),
        votes: Vec::new(),
        openings: Vec::new(),
        decided: None,
    })
}

#[test]
fn whoever_asks_for_large_certificates_and_reads_none_gets_a_few_and_everything_else() {
    let mut outbox = Outbox::<usize>::new();
    let now = Instant::now();
    let bytes = large(0).encode().len();
    let taken = (0..100).take_while(|number| outbox.push(PEER, large(*number), now).is_ok()).count();
    assert_eq!(taken, ANSWER_BYTES_PER_PEER_MAX / bytes);
    assert_eq!(outbox.push(PEER, message(1), now), Ok(Pushed::Waiting));
    let mut others = 0;
    for other in 2..20 {
        let other = PeerId::from_public_key([other; 32]);
        others += (0..100).take_while(|number| outbox.push(other, large(*number), now).is_ok()).count();
    }
    assert_eq!(taken + others, ANSWER_BYTES_MAX / bytes);
    // Later than the same message counts as on its way.
    let later = now + ON_ITS_WAY;
    let letter = outbox.next(PEER).expect("one");
    outbox.on_sent(1, PEER, letter, now);
    assert_eq!(outbox.push(PEER, large(0), later), Err(Full), "what is in flight counts");
    outbox.on_busy(1, now);
    assert_eq!(outbox.push(PEER, large(99), later), Err(Full), "and what goes back");
    outbox.take_resumed(now + BUSY_PAUSE_MAX);
    let letter = outbox.next(PEER).expect("one");
    outbox.on_sent(2, PEER, letter, now);
    outbox.on_done(2);
    assert_eq!(outbox.push(PEER, large(99), later), Ok(Pushed::Waiting));
    assert_eq!(outbox.clear(PEER), taken + 1);
    assert_eq!(outbox.weight.public, others * bytes);
}

fn id(number: u32) -> ComputationId {
    ComputationId::of_body(&number.to_be_bytes())
}

/// Leaves of a list, of 64 KB or so; and names, and an outline, of about as many bytes.
fn leaves(number: u32) -> Message {
    let entries = vec![entry(); 1_000];
    let owner = PEER;
    Message::Leaves { computation: id(number), owner, leaves: vec![Filled { leaf: 0, entries }] }
}

fn names(number: u32) -> Message {
    Message::Members { computation: id(number), entries: vec![entry(); 1_000] }
}

fn entry() -> Entry {
    Entry { participant: PEER, manifest: Digest::from_bytes([7; 32]) }
}

fn taken(outbox: &mut Outbox<usize>, peer: PeerId, message: fn(u32) -> Message) -> usize {
    (0..2_000).take_while(|number| outbox.push(peer, message(*number), Instant::now()).is_ok()).count()
}

#[test]
fn names_and_lists_that_nobody_reads_are_bounded_in_bytes_as_certificates_are() {
    for message in [leaves, names] {
        let (mut outbox, bytes) = (Outbox::new(), message(0).encode().len());
        assert!(taken(&mut outbox, PEER, message).abs_diff(ANSWER_BYTES_PER_PEER_MAX / bytes) <= 1);
        let peers = (2..20).map(|number| PeerId::from_public_key([number; 32]));
        for peer in peers {
            taken(&mut outbox, peer, message);
        }
        let held = outbox.weight.public + outbox.weight.agreement;
        assert!(held <= ANSWER_BYTES_MAX + 20 * bytes && held > ANSWER_BYTES_MAX / 10 * 9, "{held}");
    }
}

#[test]
fn what_anybody_asks_for_keeps_no_heavy_node_from_agreeing() {
    let mut outbox = Outbox::new();
    for number in 2..40 {
        let peer = PeerId::from_public_key([number; 32]);
        taken(&mut outbox, peer, names);
        taken(&mut outbox, peer, leaves);
    }
    assert_eq!(outbox.push(PEER, names(0), Instant::now()), Err(Full));
    // One at a time, however much others have asked for.
    for number in 0..3 {
        assert_eq!(outbox.push(PEER, leaves(number), Instant::now()), Ok(Pushed::Waiting));
        assert_eq!(outbox.push(PEER, leaves(9), Instant::now()), Err(Full));
        let letter = outbox.next(PEER).expect("one");
        outbox.on_sent(1, PEER, letter, Instant::now());
        outbox.on_done(1);
    }
}

#[test]
fn verifier_shares_that_are_asked_for_again_wait_once() {
    let mut outbox = Outbox::<usize>::new();
    let batch = |batch: u32| {
        let (computation, heavy) = (id(0), PEER);
        let (blind, shares) = (Secret::new([1; 32]), Secret::new(vec![7; 1_000]));
        Message::Verifiers { computation, heavy, batch, blind, shares }
    };
    for again in 0..5 {
        for number in 0..100 {
            let pushed = if again == 0 { Pushed::Waiting } else { Pushed::OnItsWay };
            assert_eq!(outbox.push(PEER, batch(number), Instant::now()), Ok(pushed));
        }
    }
    assert_eq!(outbox.clear(PEER), 100);
}

#[test]
fn nothing_stays_behind() {
    let mut outbox = filled(1);
    let letter = outbox.next(PEER).expect("one");
    outbox.on_sent(1, PEER, letter, Instant::now());
    outbox.on_done(1);
    assert!(outbox.queues.is_empty() && outbox.in_flight.is_empty() && outbox.pauses.is_empty());
}

#[test]
fn what_is_on_its_way_is_not_sent_beside_itself_and_not_held_back_for_long() {
    let (mut outbox, now) = (filled(1), Instant::now());
    let letter = outbox.next(PEER).expect("one");
    outbox.on_sent(1, PEER, letter, now);
    assert_eq!(outbox.push(PEER, message(0), now), Ok(Pushed::OnItsWay));
    assert_eq!(outbox.push(PEER, message(1), now), Ok(Pushed::Waiting), "another message");
    let other = PeerId::from_public_key([2; 32]);
    assert_eq!(outbox.push(other, message(0), now), Ok(Pushed::Waiting), "to somebody else");
    assert_eq!(outbox.push(PEER, message(0), now + ON_ITS_WAY), Ok(Pushed::Waiting), "the link may be dead");

    let mut outbox = filled(1);
    let letter = outbox.next(PEER).expect("one");
    outbox.on_sent(1, PEER, letter, now);
    outbox.on_done(1);
    assert_eq!(outbox.push(PEER, message(0), now), Ok(Pushed::Waiting), "it was answered");
}
