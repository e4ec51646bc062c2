use super::*;
use crate::domain::{
    Computation, ComputationId, Detail, Digest, Query, Sharing, Standing, Statistic, Timestamp,
};
use crate::sharing::Secret;
use crate::wire::{Certificate, Entry, Filled, Identity, Manifest, Signed, Submission};

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

fn said(parcel: &Parcel) -> Vec<Message> {
    parcel.iter().map(|letter| (*letter.message).clone()).collect()
}

/// A message that never shares a request.
fn share(number: u8) -> Message {
    let identity = Identity::from_secret_key(&[number; 32]);
    let manifest = Manifest {
        computation: id(number.into()),
        participant: identity.peer(),
        nonce: [0; 16],
        public: Vec::new(),
        shares: Vec::new(),
    };
    let (manifest, share) = (Signed::sign(manifest, &identity), Secret::new(Vec::new()));
    Message::Submit(Submission { manifest, blind: Secret::new([0; 32]), share })
}

#[test]
fn so_many_requests_are_in_flight_and_no_more() {
    let mut outbox = Outbox::new();
    for number in 0..100 {
        assert_eq!(outbox.push(PEER, share(number), Instant::now()), Ok(Pushed::Waiting));
    }
    for request in 0..REQUESTS_PER_PEER_MAX {
        let parcel = outbox.next(PEER).expect("room");
        outbox.on_sent(request, PEER, parcel, Instant::now());
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
    while let Some(parcel) = outbox.next(PEER) {
        assert_eq!(said(&parcel), [message(0)]);
        offers += 1;
        outbox.on_sent(1, PEER, parcel, Instant::now());
        outbox.on_answered(1, &[Verdict::Busy], now);
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
    let parcel = outbox.next(PEER).expect("one");
    outbox.on_sent(1, PEER, parcel, now);
    assert_eq!(outbox.push(PEER, large(0), later), Err(Full), "what is in flight counts");
    outbox.on_answered(1, &[Verdict::Busy], now);
    assert_eq!(outbox.push(PEER, large(99), later), Err(Full), "and what goes back");
    outbox.take_resumed(now + BUSY_PAUSE_MAX);
    let parcel = outbox.next(PEER).expect("one");
    outbox.on_sent(2, PEER, parcel, now);
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
    leaves_of(number, 1_000)
}

fn leaves_of(number: u32, entries: usize) -> Message {
    let leaves = vec![Filled { leaf: 0, entries: vec![entry(); entries] }];
    Message::Leaves { computation: id(number), owner: PEER, leaves }
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
        let parcel = outbox.next(PEER).expect("one");
        outbox.on_sent(1, PEER, parcel, Instant::now());
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
    let parcel = outbox.next(PEER).expect("one");
    outbox.on_sent(1, PEER, parcel, Instant::now());
    outbox.on_done(1);
    assert!(outbox.queues.is_empty() && outbox.in_flight.is_empty() && outbox.pauses.is_empty());
}

#[test]
fn what_is_on_its_way_is_not_sent_beside_itself_and_not_held_back_for_long() {
    let (mut outbox, now) = (filled(1), Instant::now());
    let parcel = outbox.next(PEER).expect("one");
    outbox.on_sent(1, PEER, parcel, now);
    assert_eq!(outbox.push(PEER, message(0), now), Ok(Pushed::OnItsWay));
    assert_eq!(outbox.push(PEER, message(1), now), Ok(Pushed::Waiting), "another message");
    let other = PeerId::from_public_key([2; 32]);
    assert_eq!(outbox.push(other, message(0), now), Ok(Pushed::Waiting), "to somebody else");
    assert_eq!(outbox.push(PEER, message(0), now + ON_ITS_WAY), Ok(Pushed::Waiting), "the link may be dead");

    let mut outbox = filled(1);
    let parcel = outbox.next(PEER).expect("one");
    outbox.on_sent(1, PEER, parcel, now);
    outbox.on_done(1);
    assert_eq!(outbox.push(PEER, message(0), now), Ok(Pushed::Waiting), "it was answered");
}

#[test]
fn small_messages_that_wait_leave_together_and_in_order_and_shares_alone() {
    let mut outbox = filled(3);
    for message in [share(1), message(3), large(1), message(4), message(5)] {
        assert_eq!(outbox.push(PEER, message, Instant::now()), Ok(Pushed::Waiting));
    }
    let parcels: Vec<_> = std::iter::from_fn(|| outbox.next(PEER)).map(|parcel| said(&parcel)).collect();
    let numbers = [0, 1, 2].map(message).to_vec();
    assert_eq!(
        parcels,
        [numbers, vec![share(1)], vec![message(3)], vec![large(1)], [4, 5].map(message).to_vec()]
    );

    let mut outbox = filled(MESSAGES_PER_REQUEST_MAX as u64 + 1);
    assert_eq!(outbox.next(PEER).map(|parcel| parcel.len()), Some(MESSAGES_PER_REQUEST_MAX));
    assert_eq!(outbox.next(PEER).map(|parcel| parcel.len()), Some(1));
    let mut outbox = Outbox::<usize>::new();
    for number in 0..3 {
        assert_eq!(outbox.push(PEER, leaves_of(number, 600), Instant::now()), Ok(Pushed::Waiting));
    }
    let bytes = leaves_of(0, 600).encode().len();
    assert!(bytes < SMALL_REQUEST_BYTES && bytes * 2 > SMALL_REQUEST_BYTES, "{bytes}");
    assert_eq!(outbox.next(PEER).map(|parcel| parcel.len()), Some(1), "two of them are not small");
}

#[test]
fn of_a_request_that_was_taken_in_part_the_rest_is_offered_again_and_goes_first() {
    let (mut outbox, now) = (filled(4), Instant::now());
    let parcel = outbox.next(PEER).expect("all");
    outbox.on_sent(1, PEER, parcel, now);
    assert_eq!(outbox.push(PEER, message(9), now), Ok(Pushed::Waiting));
    assert_eq!(outbox.push(PEER, message(3), now), Ok(Pushed::OnItsWay), "as a part of a request");
    let verdicts = [Verdict::Taken, Verdict::Busy, Verdict::Refused, Verdict::Busy];
    let (peer, settled) = outbox.on_answered(1, &verdicts, now).expect("sent");
    let settled: Vec<_> =
        settled.iter().map(|(letter, verdict)| ((*letter.message).clone(), *verdict)).collect();
    assert_eq!((peer, settled), (PEER, vec![(message(0), Verdict::Taken), (message(2), Verdict::Refused)]));
    let due = outbox.next_due().expect("paused");
    assert_eq!((due, outbox.take_resumed(due)), (now + BUSY_PAUSE, Some(PEER)));
    // What was refused goes alone, so that a busy peer is not offered ever more.
    for (request, number) in [(2, 1), (3, 3), (4, 9)] {
        let parcel = outbox.next(PEER).expect("the rest");
        assert_eq!(said(&parcel), [message(number)]);
        outbox.on_sent(request, PEER, parcel, now);
    }
    outbox.on_answered(2, &[Verdict::Busy], now);
    assert_eq!(outbox.next_due(), Some(now + BUSY_PAUSE * 2), "refused twice");
}

#[test]
fn what_waits_is_not_said_twice_but_may_be_said_again_after_its_contrary() {
    let stand = |answers: bool| Message::Stand {
        computation: id(1),
        standing: (!answers).then_some(Standing::Declined),
    };
    let (mut outbox, now) = (Outbox::<usize>::new(), Instant::now());
    for (message, pushed) in [
        (stand(true), Pushed::Waiting),
        (message(1), Pushed::Waiting),
        (stand(true), Pushed::OnItsWay),
        (stand(false), Pushed::Waiting),
        (stand(true), Pushed::Waiting),
        (message(1), Pushed::OnItsWay),
    ] {
        assert_eq!(outbox.push(PEER, message, now), Ok(pushed));
    }
    assert_eq!(outbox.clear(PEER), 4);
}

#[test]
fn an_answer_that_is_too_short_leaves_nothing_behind() {
    let (mut outbox, now) = (Outbox::new(), Instant::now());
    for number in 0..2 {
        assert_eq!(outbox.push(PEER, leaves_of(number, 10), now), Ok(Pushed::Waiting));
    }
    let parcel = outbox.next(PEER).expect("both");
    assert_eq!(parcel.len(), 2);
    outbox.on_sent(1, PEER, parcel, now);
    let (_, settled) = outbox.on_answered(1, &[Verdict::Taken], now).expect("sent");
    assert_eq!(settled.len(), 2);
    assert!(outbox.queues.is_empty() && outbox.in_flight.is_empty() && outbox.weight == Weight::default());
}
