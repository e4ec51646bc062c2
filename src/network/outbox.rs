//! Messages on their way: a bounded queue for each peer, a bounded number in flight, and patience with a busy one.
//!
//! A message leaves once it is answered, or once it cannot be known whether it arrived. It is never sent twice unless the
//! receiver said that it did not take it. The protocol says again what was not answered; while the same words are still
//! on their way, they are not sent beside themselves: on a slow link, repetitions would fill it and delay the answer.
//! Small messages that wait for the same peer leave together, as one request: what belongs together arrives together. It
//! decides and does nothing: the event loop sends what [`Outbox::next`] gives.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use libp2p::request_response::OutboundRequestId;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::codec::Verdict;
use crate::domain::PeerId;
use crate::domain::limits::{
    ANSWER_BYTES_MAX, ANSWER_BYTES_PER_PEER_MAX, BUSY_OFFERS_MAX, MESSAGES_PER_REQUEST_MAX,
    QUEUED_PER_PEER_MAX, REQUESTS_PER_PEER_MAX, SMALL_REQUEST_BYTES,
};
use crate::wire::Message;

/// How long a peer that said "busy" is left alone: the first time, and at most. With the number of offers, four
/// seconds in all.
const BUSY_PAUSE: Duration = Duration::from_millis(50);
const BUSY_PAUSE_MAX: Duration = Duration::from_millis(800);

/// For so long the same message is not sent again while its answer is awaited. A link that is only slow has answered by
/// then; on one that is dead, another connection may be there.
const ON_ITS_WAY: Duration = Duration::from_secs(2);

/// At most so many bytes of a batch of verifier shares are not shares.
const VERIFIERS_BESIDES: usize = 256;

/// One message and how often its receiver was too busy for it.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) message: Arc<Message>,
    refusals: u32,
    weight: Weight,
}

impl Letter {
    /// The bytes of a message that may share its request, or about as many; nothing for one that cannot: the answer to a share
    /// may be a receipt, and has room for nothing else. What was refused goes alone, or a busy peer would be offered ever
    /// more.
    fn size_beside_others(&self) -> Option<usize> {
        let known = self.weight.public + self.weight.agreement;
        match &*self.message {
            _ if self.refusals > 0 => None,
            Message::Submit(_) => None,
            _ if known > 0 => Some(known),
            Message::Verifiers { shares, .. } => Some(shares.expose().len() + VERIFIERS_BESIDES),
            _ => Some(Zeroizing::new(self.message.encode()).len()),
        }
    }
}

fn weight_of<'a>(letters: impl IntoIterator<Item = &'a Letter>) -> Weight {
    let mut sum = Weight::default();
    letters.into_iter().for_each(|letter| sum.add(letter.weight));
    sum
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

/// Letters that make one request. Never none.
pub(super) type Parcel = Vec<Letter>;

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
    /// Requests that were taken out to be sent and are not on the wire yet.
    leaving: usize,
    in_flight: HashMap<Request, (Parcel, Instant)>,
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
        let same = |(parcel, sent): &(Parcel, Instant)| {
            now < *sent + ON_ITS_WAY && parcel.iter().any(|letter| *letter.message == message)
        };
        let waits = |letter: &Letter| letter.weight == weight && *letter.message == message;
        // Of small ones the newest of its kind: what was said before that one may hold again.
        let newest = || queue.waiting.iter().rev().find(|letter| letter.message.kind() == message.kind());
        if queue.in_flight.values().any(same)
            || newest().is_some_and(waits)
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

    /// What may go to this peer next, as one request: the message that has waited longest, and where it is small, the small
    /// ones behind it.
    pub(super) fn next(&mut self, peer: PeerId) -> Option<Parcel> {
        let queue = self.queues.get_mut(&peer)?;
        if queue.paused_until.is_some() || queue.leaving + queue.in_flight.len() >= REQUESTS_PER_PEER_MAX {
            return None;
        }
        let first = queue.waiting.pop_front()?;
        // Whoever is alone needs no measuring.
        let mut bytes = if queue.waiting.is_empty() { None } else { first.size_beside_others() };
        let mut parcel = vec![first];
        if let Some(bytes) = &mut bytes {
            while parcel.len() < MESSAGES_PER_REQUEST_MAX
                && *bytes <= SMALL_REQUEST_BYTES
                && let Some(next) = queue.waiting.front()
                && let Some(size) = next.size_beside_others()
            {
                *bytes += size;
                if *bytes > SMALL_REQUEST_BYTES {
                    break;
                }
                parcel.extend(queue.waiting.pop_front());
            }
        }
        queue.leaving += 1;
        Some(parcel)
    }

    /// What `next` gave is on the wire.
    pub(super) fn on_sent(&mut self, request: Request, peer: PeerId, parcel: Parcel, now: Instant) {
        let queue = self.queues.entry(peer).or_default();
        queue.leaving = queue.leaving.saturating_sub(1);
        queue.in_flight.insert(request, (parcel, now));
        self.in_flight.insert(request, peer);
    }

    /// A request was answered, or is lost: whose it was, and what.
    pub(super) fn on_done(&mut self, request: Request) -> Option<(PeerId, Parcel)> {
        let (peer, parcel) = self.land(request)?;
        self.discount(peer, weight_of(&parcel));
        self.forget_if_empty(peer);
        Some((peer, parcel))
    }

    fn land(&mut self, request: Request) -> Option<(PeerId, Parcel)> {
        let peer = self.in_flight.remove(&request)?;
        let (parcel, _) = self.queues.get_mut(&peer)?.in_flight.remove(&request)?;
        Some((peer, parcel))
    }

    fn discount(&mut self, peer: PeerId, weight: Weight) {
        self.weight.subtract(weight);
        if let Some(queue) = self.queues.get_mut(&peer) {
            queue.weight.subtract(weight);
        }
    }

    /// A request was answered message by message. Those for which the receiver has no room go back to the front, up to a
    /// number of times, and it is left alone for a while; gives the others, each with its verdict.
    pub(super) fn on_answered(
        &mut self,
        request: Request,
        verdicts: &[Verdict],
        now: Instant,
    ) -> Option<(PeerId, Vec<(Letter, Verdict)>)> {
        let (peer, parcel) = self.land(request)?;
        let (mut settled, mut again, mut pause) = (Vec::new(), Vec::new(), None);
        // The codec reads a verdict for each message; of one without it nothing is known, as of one that is lost.
        let verdicts = verdicts.iter().copied().chain(std::iter::repeat(Verdict::Taken));
        for (mut letter, verdict) in parcel.into_iter().zip(verdicts) {
            if verdict == Verdict::Busy {
                letter.refusals += 1;
                let doubled = BUSY_PAUSE.saturating_mul(2_u32.saturating_pow(letter.refusals - 1));
                pause = pause.max(Some(doubled.min(BUSY_PAUSE_MAX)));
                if letter.refusals <= BUSY_OFFERS_MAX {
                    again.push(letter);
                    continue;
                }
            }
            self.discount(peer, letter.weight);
            settled.push((letter, verdict));
        }
        let queue = self.queues.entry(peer).or_default();
        again.into_iter().rev().for_each(|letter| queue.waiting.push_front(letter));
        if let Some(pause) = pause
            && queue.paused_until.is_none()
        {
            queue.paused_until = Some(now + pause);
            self.pauses.insert((now + pause, peer));
        }
        self.forget_if_empty(peer);
        Some((peer, settled))
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
        self.discount(peer, weight_of(&waiting));
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
#[path = "outbox_tests.rs"]
mod tests;
