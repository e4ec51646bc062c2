//! Messages on their way: a bounded queue for each peer, a bounded number in flight, and patience with a busy one.
//!
//! A message leaves once it is answered, or once it cannot be known whether it arrived. It is never sent twice unless the
//! receiver said that it did not take it. It decides and does nothing: the event loop sends what [`Outbox::next`] gives.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use libp2p::request_response::OutboundRequestId;
use tokio::time::Instant;

use crate::domain::PeerId;
use crate::domain::limits::{
    BUSY_OFFERS_MAX, CERTIFICATE_BYTES_MAX, CERTIFICATE_BYTES_PER_PEER_MAX, QUEUED_PER_PEER_MAX,
    REQUESTS_PER_PEER_MAX,
};
use crate::wire::Message;

/// How long a peer that said "busy" is left alone: the first time, and at most. With the number of offers, four
/// seconds in all.
const BUSY_PAUSE: Duration = Duration::from_millis(50);
const BUSY_PAUSE_MAX: Duration = Duration::from_millis(800);

/// One message and how often its receiver was too busy for it.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) message: Arc<Message>,
    refusals: u32,
    /// Counted for certificates alone: anybody may ask for them, be they as large as they may.
    bytes: usize,
}

/// The queue of a peer is full: the message is lost, and the protocol asks again.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Letter>,
    in_flight: usize,
    paused_until: Option<Instant>,
    certificate_bytes: usize,
}

/// The queues of all peers that have one; requests are named by libp2p.
#[derive(Debug)]
pub(super) struct Outbox<Request = OutboundRequestId> {
    queues: BTreeMap<PeerId, Queue>,
    in_flight: HashMap<Request, (PeerId, Letter)>,
    pauses: BTreeSet<(Instant, PeerId)>,
    certificate_bytes: usize,
}

impl<Request: Copy + Eq + Hash> Outbox<Request> {
    pub(super) fn new() -> Self {
        Self {
            queues: BTreeMap::new(),
            in_flight: HashMap::new(),
            pauses: BTreeSet::new(),
            certificate_bytes: 0,
        }
    }

    pub(super) fn push(&mut self, peer: PeerId, message: Message) -> Result<(), Full> {
        let bytes = if matches!(message, Message::Certificate(_)) { message.encode().len() } else { 0 };
        let queue = self.queues.entry(peer).or_default();
        let certificates = queue.certificate_bytes;
        let room = bytes == 0
            || (certificates + bytes <= CERTIFICATE_BYTES_PER_PEER_MAX
                && self.certificate_bytes + bytes <= CERTIFICATE_BYTES_MAX);
        if queue.waiting.len() >= QUEUED_PER_PEER_MAX || !room {
            self.forget_if_empty(peer);
            return Err(Full);
        }
        queue.certificate_bytes += bytes;
        self.certificate_bytes += bytes;
        queue.waiting.push_back(Letter { message: Arc::new(message), refusals: 0, bytes });
        Ok(())
    }

    /// The next message that may go to this peer.
    pub(super) fn next(&mut self, peer: PeerId) -> Option<Letter> {
        let queue = self.queues.get_mut(&peer)?;
        if queue.paused_until.is_some() || queue.in_flight >= REQUESTS_PER_PEER_MAX {
            return None;
        }
        let letter = queue.waiting.pop_front()?;
        queue.in_flight += 1;
        Some(letter)
    }

    /// A message that `next` gave is on the wire.
    pub(super) fn on_sent(&mut self, request: Request, peer: PeerId, letter: Letter) {
        self.in_flight.insert(request, (peer, letter));
    }

    /// A message was taken, refused or lost: whose it was, and what.
    pub(super) fn on_done(&mut self, request: Request) -> Option<(PeerId, Letter)> {
        let (peer, letter) = self.land(request)?;
        self.discount(peer, letter.bytes);
        self.forget_if_empty(peer);
        Some((peer, letter))
    }

    fn land(&mut self, request: Request) -> Option<(PeerId, Letter)> {
        let (peer, letter) = self.in_flight.remove(&request)?;
        if let Some(queue) = self.queues.get_mut(&peer) {
            queue.in_flight = queue.in_flight.saturating_sub(1);
        }
        Some((peer, letter))
    }

    fn discount(&mut self, peer: PeerId, bytes: usize) {
        self.certificate_bytes = self.certificate_bytes.saturating_sub(bytes);
        if let Some(queue) = self.queues.get_mut(&peer) {
            queue.certificate_bytes = queue.certificate_bytes.saturating_sub(bytes);
        }
    }

    /// The receiver has no room: the message goes back to the front, up to a number of times.
    pub(super) fn on_busy(&mut self, request: Request, now: Instant) {
        let Some((peer, mut letter)) = self.land(request) else { return };
        letter.refusals += 1;
        let pause = BUSY_PAUSE.saturating_mul(2_u32.saturating_pow(letter.refusals - 1)).min(BUSY_PAUSE_MAX);
        if letter.refusals > BUSY_OFFERS_MAX {
            self.discount(peer, letter.bytes);
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
        self.discount(peer, waiting.iter().map(|letter| letter.bytes).sum());
        self.forget_if_empty(peer);
        waiting.len()
    }

    /// Whether anything waits for this peer.
    pub(super) fn has_waiting(&self, peer: PeerId) -> bool {
        self.queues.get(&peer).is_some_and(|queue| !queue.waiting.is_empty())
    }

    fn forget_if_empty(&mut self, peer: PeerId) {
        let empty =
            |queue: &Queue| queue.waiting.is_empty() && queue.in_flight == 0 && queue.paused_until.is_none();
        if self.queues.get(&peer).is_some_and(empty) {
            self.queues.remove(&peer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Computation, Detail, Query, Sharing, Statistic, Timestamp};
    use crate::wire::{Certificate, Identity, Signed};

    const PEER: PeerId = PeerId::from_public_key([1; 32]);

    fn message(number: u64) -> Message {
        Message::Ask { clock: Timestamp::from_millis(number) }
    }

    fn filled(messages: u64) -> Outbox<usize> {
        let mut outbox = Outbox::new();
        for number in 0..messages {
            assert_eq!(outbox.push(PEER, message(number)), Ok(()));
        }
        outbox
    }

    #[test]
    fn so_many_are_in_flight_and_no_more() {
        let mut outbox = filled(100);
        for request in 0..REQUESTS_PER_PEER_MAX {
            let letter = outbox.next(PEER).expect("room");
            outbox.on_sent(request, PEER, letter);
        }
        assert!(outbox.next(PEER).is_none());
        assert!(outbox.on_done(0).is_some());
        assert!(outbox.next(PEER).is_some());
        assert!(outbox.on_done(0).is_none(), "answered once");
    }

    #[test]
    fn a_full_queue_says_so() {
        let mut outbox = filled(QUEUED_PER_PEER_MAX as u64);
        assert_eq!(outbox.push(PEER, message(0)), Err(Full));
        assert_eq!(outbox.clear(PEER), QUEUED_PER_PEER_MAX);
        assert_eq!(outbox.push(PEER, message(0)), Ok(()));
    }

    #[test]
    fn a_busy_peer_is_offered_the_message_again_and_not_for_ever() {
        let mut outbox = filled(1);
        let (mut now, mut offers) = (Instant::now(), 0);
        while let Some(letter) = outbox.next(PEER) {
            assert_eq!(*letter.message, message(0));
            offers += 1;
            outbox.on_sent(1, PEER, letter);
            outbox.on_busy(1, now);
            assert!(outbox.next(PEER).is_none(), "paused");
            now = outbox.next_due().expect("paused");
            assert_eq!(outbox.take_resumed(now), Some(PEER));
        }
        assert_eq!(offers, BUSY_OFFERS_MAX + 1);
    }

    /// A certificate of about a megabyte.
    fn large() -> Message {
        let identity = Identity::from_secret_key(&[1; 32]);
        let query =
            Query { statistic: Statistic::Count, fields: Vec::new(), max_records: 1, detail: Detail::None };
        let computation = Computation {
            version: 0,
            nonce: [0; 16],
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
        let bytes = large().encode().len();
        let taken = (0..100).take_while(|_| outbox.push(PEER, large()).is_ok()).count();
        assert_eq!(taken, CERTIFICATE_BYTES_PER_PEER_MAX / bytes);
        assert_eq!(outbox.push(PEER, message(1)), Ok(()));
        let mut others = 0;
        for number in 2..20 {
            let other = PeerId::from_public_key([number; 32]);
            others += (0..100).take_while(|_| outbox.push(other, large()).is_ok()).count();
        }
        assert_eq!(taken + others, CERTIFICATE_BYTES_MAX / bytes);
        let now = Instant::now();
        let letter = outbox.next(PEER).expect("one");
        outbox.on_sent(1, PEER, letter);
        assert_eq!(outbox.push(PEER, large()), Err(Full), "what is in flight counts");
        outbox.on_busy(1, now);
        assert_eq!(outbox.push(PEER, large()), Err(Full), "and what goes back");
        outbox.take_resumed(now + BUSY_PAUSE_MAX);
        let letter = outbox.next(PEER).expect("one");
        outbox.on_sent(2, PEER, letter);
        outbox.on_done(2);
        assert_eq!(outbox.push(PEER, large()), Ok(()));
        assert_eq!(outbox.clear(PEER), taken + 1);
        assert_eq!(outbox.certificate_bytes, others * bytes);
    }

    #[test]
    fn nothing_stays_behind() {
        let mut outbox = filled(1);
        let letter = outbox.next(PEER).expect("one");
        outbox.on_sent(1, PEER, letter);
        outbox.on_done(1);
        assert!(outbox.queues.is_empty() && outbox.in_flight.is_empty() && outbox.pauses.is_empty());
    }
}
