//! Messages on their way: a bounded queue for each peer, a bounded number in flight, and patience with a busy one.
//!
//! A message leaves once it is answered, or once it cannot be known whether it arrived. It is never sent twice unless the
//! receiver said that it did not take it. The protocol says again what was not answered; while the same words are still
//! on their way, they are not sent beside themselves: on a slow link, repetitions would fill it and delay the answer. It
//! decides and does nothing: the event loop sends what [`Outbox::next`] gives.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use libp2p::request_response::OutboundRequestId;
use tokio::time::Instant;

use crate::domain::PeerId;
use crate::domain::limits::{
    ANSWER_BYTES_MAX, ANSWER_BYTES_PER_PEER_MAX, BUSY_OFFERS_MAX, QUEUED_PER_PEER_MAX, REQUESTS_PER_PEER_MAX,
};
use crate::wire::Message;

/// How long a peer that said "busy" is left alone: the first time, and at most. With the number of offers, four
/// seconds in all.
const BUSY_PAUSE: Duration = Duration::from_millis(50);
const BUSY_PAUSE_MAX: Duration = Duration::from_millis(800);

/// For so long the same message is not sent again while its answer is awaited. A link that is only slow has answered by
/// then; on one that is dead, another connection may be there.
const ON_ITS_WAY: Duration = Duration::from_secs(2);

/// One message and how often its receiver was too busy for it.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) message: Arc<Message>,
    refusals: u32,
    weight: Weight,
}

/// What a message counts for: its bytes, where it can be asked for again and again and is no memory that others share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Weight {
    /// Anybody may ask for it.
    public: usize,
    /// Heavy nodes of a computation may.
    agreement: usize,
}

impl Weight {
    fn of(message: &Message) -> Self {
        let bytes = || message.encode().len();
        if matches!(message, Message::Certificate(_) | Message::Members { .. }) {
            return Self { public: bytes(), agreement: 0 };
        }
        let agreement = matches!(message, Message::List { .. } | Message::Leaves { .. } | Message::Deal { .. });
        Self { public: 0, agreement: if agreement { bytes() } else { 0 } }
    }

    fn add(&mut self, other: Self) {
        self.public += other.public;
        self.agreement += other.agreement;
    }

    fn subtract(&mut self, other: Self) {
        self.public = self.public.saturating_sub(other.public);
        self.agreement = self.agreement.saturating_sub(other.agreement);
    }

    /// Whether one more fits beside what is on its way to this peer, and to all. Agreement goes on whatever others have asked
    /// for: one answer for it finds room always.
    const fn fits(self, peer: Self, all: Self) -> bool {
        let public = peer.public + self.public <= ANSWER_BYTES_PER_PEER_MAX
            && all.public + self.public <= ANSWER_BYTES_MAX;
        let agreement = peer.agreement + self.agreement <= ANSWER_BYTES_PER_PEER_MAX
            && all.agreement + self.agreement <= ANSWER_BYTES_MAX;
        (public || self.public == 0) && (agreement || self.agreement == 0 || peer.agreement == 0)
    }
}

/// Whether a message is so large that it does not wait beside its like. Verifier shares are not counted: a node that lacks them asks for
/// all, so that who counted would never tell the last ones; all of a computation wait once.
const fn waits_once(message: &Message, weight: Weight) -> bool {
    weight.public + weight.agreement > 0 || matches!(message, Message::Verifiers { .. })
}

/// The queue of a peer is full: the message is lost, and the protocol asks again.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

/// What became of a message that was to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// It waits for its turn.
    Waiting,
    /// The same message is on its way.
    OnItsWay,
}

#[derive(Debug)]
struct Queue<Request> {
    waiting: VecDeque<Letter>,
    /// A letter that was taken out to be sent and is not on the wire yet.
    leaving: usize,
    in_flight: HashMap<Request, (Letter, Instant)>,
    paused_until: Option<Instant>,
    weight: Weight,
}

impl<Request> Default for Queue<Request> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            leaving: 0,
            in_flight: HashMap::new(),
            paused_until: None,
            weight: Weight::default(),
        }
    }
}

/// The queues of all peers that have one; requests are named by libp2p.
#[derive(Debug)]
pub(super) struct Outbox<Request = OutboundRequestId> {
    queues: BTreeMap<PeerId, Queue<Request>>,
    in_flight: HashMap<Request, PeerId>,
    pauses: BTreeSet<(Instant, PeerId)>,
    weight: Weight,
}

impl<Request: Copy + Eq + Hash> Outbox<Request> {
    pub(super) fn new() -> Self {
        Self {
            queues: BTreeMap::new(),
            in_flight: HashMap::new(),
            pauses: BTreeSet::new(),
            weight: Weight::default(),
        }
    }

    pub(super) fn push(&mut self, peer: PeerId, message: Message, now: Instant) -> Result<Pushed, Full> {
        let weight = Weight::of(&message);
        let queue = self.queues.entry(peer).or_default();
        let same = |(letter, sent): &(Letter, Instant)| now < *sent + ON_ITS_WAY && *letter.message == message;
        let waits = |letter: &Letter| letter.weight == weight && *letter.message == message;
        if queue.in_flight.values().any(same)
            || (waits_once(&message, weight) && queue.waiting.iter().any(waits))
        {
            return Ok(Pushed::OnItsWay);
        }
        if queue.waiting.len() >= QUEUED_PER_PEER_MAX || !weight.fits(queue.weight, self.weight) {
            self.forget_if_empty(peer);
            return Err(Full);
        }
        queue.weight.add(weight);
        self.weight.add(weight);
        queue.waiting.push_back(Letter { message: Arc::new(message), refusals: 0, weight });
        Ok(Pushed::Waiting)
    }

    /// The next message that may go to this peer.
    pub(super) fn next(&mut self, peer: PeerId) -> Option<Letter> {
        let queue = self.queues.get_mut(&peer)?;
        if queue.paused_until.is_some() || queue.leaving + queue.in_flight.len() >= REQUESTS_PER_PEER_MAX {
            return None;
        }
        let letter = queue.waiting.pop_front()?;
        queue.leaving += 1;
        Some(letter)
    }

    /// A message that `next` gave is on the wire.
    pub(super) fn on_sent(&mut self, request: Request, peer: PeerId, letter: Letter, now: Instant) {
        let queue = self.queues.entry(peer).or_default();
        queue.leaving = queue.leaving.saturating_sub(1);
        queue.in_flight.insert(request, (letter, now));
        self.in_flight.insert(request, peer);
    }

    /// A message was taken, refused or lost: whose it was, and what.
    pub(super) fn on_done(&mut self, request: Request) -> Option<(PeerId, Letter)> {
        let (peer, letter) = self.land(request)?;
        self.discount(peer, letter.weight);
        self.forget_if_empty(peer);
        Some((peer, letter))
    }

    fn land(&mut self, request: Request) -> Option<(PeerId, Letter)> {
        let peer = self.in_flight.remove(&request)?;
        let (letter, _) = self.queues.get_mut(&peer)?.in_flight.remove(&request)?;
        Some((peer, letter))
    }

    fn discount(&mut self, peer: PeerId, weight: Weight) {
        self.weight.subtract(weight);
        if let Some(queue) = self.queues.get_mut(&peer) {
            queue.weight.subtract(weight);
        }
    }

    /// The receiver has no room: the message goes back to the front, up to a number of times.
    pub(super) fn on_busy(&mut self, request: Request, now: Instant) {
        let Some((peer, mut letter)) = self.land(request) else { return };
        letter.refusals += 1;
        let pause = BUSY_PAUSE.saturating_mul(2_u32.saturating_pow(letter.refusals - 1)).min(BUSY_PAUSE_MAX);
        if letter.refusals > BUSY_OFFERS_MAX {
            self.discount(peer, letter.weight);
        } else {
            self.queues.entry(peer).or_default().waiting.push_front(letter);
        }
        let queue = self.queues.entry(peer).or_default();
        if queue.paused_until.is_none() {
            let until = now + pause;
            queue.paused_until = Some(until);
            self.pauses.insert((until, peer));
        }
    }

    /// A peer that may be offered messages again, if there is one.
    pub(super) fn take_resumed(&mut self, now: Instant) -> Option<PeerId> {
        let (until, peer) = self.pauses.first().copied().filter(|(until, _)| *until <= now)?;
        self.pauses.remove(&(until, peer));
        if let Some(queue) = self.queues.get_mut(&peer) {
            queue.paused_until = None;
        }
        self.forget_if_empty(peer);
        Some(peer)
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.pauses.first().map(|(until, _)| *until)
    }

    /// The peer cannot be reached: what waits for it is lost. Says how many.
    pub(super) fn clear(&mut self, peer: PeerId) -> usize {
        let waiting = self.queues.get_mut(&peer).map(|queue| std::mem::take(&mut queue.waiting));
        let waiting = waiting.unwrap_or_default();
        let mut weight = Weight::default();
        waiting.iter().for_each(|letter| weight.add(letter.weight));
        self.discount(peer, weight);
        self.forget_if_empty(peer);
        waiting.len()
    }

    /// Whether anything waits for this peer.
    pub(super) fn has_waiting(&self, peer: PeerId) -> bool {
        self.queues.get(&peer).is_some_and(|queue| !queue.waiting.is_empty())
    }

    fn forget_if_empty(&mut self, peer: PeerId) {
        let empty = |queue: &Queue<Request>| {
            let at_rest = queue.leaving == 0 && queue.in_flight.is_empty();
            at_rest && queue.waiting.is_empty() && queue.paused_until.is_none()
        };
        if self.queues.get(&peer).is_some_and(empty) {
            self.queues.remove(&peer);
        }
    }
}

#[cfg(test)]
mod tests {
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
        let query =
            Query { statistic: Statistic::Count, fields: Vec::new(), max_records: 1, detail: Detail::None };
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
        assert_eq!(
            outbox.push(PEER, message(0), now + ON_ITS_WAY),
            Ok(Pushed::Waiting),
            "the link may be dead"
        );

        let mut outbox = filled(1);
        let letter = outbox.next(PEER).expect("one");
        outbox.on_sent(1, PEER, letter, now);
        outbox.on_done(1);
        assert_eq!(outbox.push(PEER, message(0), now), Ok(Pushed::Waiting), "it was answered");
    }
}
