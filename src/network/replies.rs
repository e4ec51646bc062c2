//! Shares that the node is not done with: whoever sent one gets the receipt in the answer to its request, which spares
//! both sides a request of its own. Nothing depends on it: when the node takes long, the answer is *taken*, and the
//! receipt is a message as any other.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::limits::REPLIES_AWAITED_MAX;
use crate::domain::{ComputationId, PeerId};
use crate::wire::Message;

/// How long a request waits for its receipt: many commits, and less than a report is held for an announcement that is late,
/// so that those which wait for it do not hold up all that a light node may have in flight. A guess.
const REPLY_WAIT: Duration = Duration::from_millis(100);

/// Whose share of which computation.
type Subject = (PeerId, ComputationId);

/// Requests that wait for the node's word, by whom and what they are about. At most one each.
pub(super) struct Replies<Channel> {
    awaited: HashMap<Subject, (Channel, u64)>,
    /// In the order in which they came; those that are not awaited any more go when they are met.
    order: VecDeque<(Instant, Subject, u64)>,
    last: u64,
}

impl<Channel> Default for Replies<Channel> {
    fn default() -> Self {
        Self { awaited: HashMap::new(), order: VecDeque::new(), last: 0 }
    }
}

/// What a message is about, if the answer to it may bring the node's reply.
pub(super) fn asked_by(from: PeerId, message: &Message) -> Option<Subject> {
    let Message::Submit(submission) = message else { return None };
    Some((from, submission.manifest.get().computation))
}

/// What a message may be the reply to.
fn answered_by(to: PeerId, message: &Message) -> Option<Subject> {
    if let Message::Receipt(receipt) = message {
        return Some((to, receipt.get().computation));
    }
    let Message::Reject { computation, .. } = message else { return None };
    Some((to, *computation))
}

impl<Channel> Replies<Channel> {
    /// Keeps a request open. Gives back what must be answered now: the one before it about the same, or this one, where
    /// there is no room.
    pub(super) fn wait(&mut self, subject: Subject, channel: Channel, now: Instant) -> Option<Channel> {
        self.drop_answered();
        if self.order.len() >= REPLIES_AWAITED_MAX {
            return Some(channel);
        }
        self.last += 1;
        self.order.push_back((now + REPLY_WAIT, subject, self.last));
        self.awaited.insert(subject, (channel, self.last)).map(|(before, _)| before)
    }

    /// The request that this message answers.
    pub(super) fn take(&mut self, to: PeerId, message: &Message) -> Option<Channel> {
        let subject = answered_by(to, message)?;
        self.awaited.remove(&subject).map(|(channel, _)| channel)
    }

    /// A request that has waited for long enough.
    pub(super) fn take_overdue(&mut self, now: Instant) -> Option<Channel> {
        self.drop_answered();
        let (_, subject, _) = *self.order.front().filter(|(due, ..)| *due <= now)?;
        self.order.pop_front();
        self.awaited.remove(&subject).map(|(channel, _)| channel)
    }

    /// When the next one has.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.order.front().map(|(due, ..)| *due)
    }

    fn drop_answered(&mut self) {
        let awaited = &self.awaited;
        let answered = |(_, subject, number): &(Instant, Subject, u64)| {
            awaited.get(subject).is_none_or(|(_, current)| current != number)
        };
        while self.order.front().is_some_and(answered) {
            self.order.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;
    use crate::wire::Rejection;

    fn subject(number: u8) -> Subject {
        (PeerId::from_public_key([number; 32]), ComputationId::of_body(&[number]))
    }

    fn reply((to, computation): Subject) -> (PeerId, Message) {
        (to, Message::Reject { computation, rejection: Rejection::Closed })
    }

    #[test]
    fn a_reply_finds_its_request_once() {
        let (mut replies, now) = (Replies::default(), Instant::now());
        assert_eq!(replies.wait(subject(1), 'a', now), None);
        assert_eq!(replies.wait(subject(2), 'b', now), None);
        let (to, message) = reply(subject(2));
        assert_eq!(replies.take(to, &message), Some('b'));
        assert_eq!(replies.take(to, &message), None);
        assert_eq!(replies.take(subject(1).0, &message), None, "to somebody else");
        let other = Message::Ask { clock: Timestamp::from_millis(1) };
        assert_eq!(replies.take(subject(1).0, &other), None, "of another kind");
    }

    #[test]
    fn what_waits_too_long_is_given_back_in_order_and_what_was_answered_is_not() {
        let (mut replies, now) = (Replies::default(), Instant::now());
        for (number, channel) in [(1, 'a'), (2, 'b'), (3, 'c')] {
            replies.wait(subject(number), channel, now);
        }
        let (to, message) = reply(subject(1));
        replies.take(to, &message);
        assert_eq!(replies.take_overdue(now), None);
        let later = now + REPLY_WAIT;
        assert_eq!(replies.take_overdue(later), Some('b'));
        assert_eq!(replies.take_overdue(later), Some('c'));
        assert_eq!((replies.take_overdue(later), replies.next_due()), (None, None));
    }

    #[test]
    fn the_same_share_again_lets_the_first_request_go() {
        let (mut replies, now) = (Replies::default(), Instant::now());
        replies.wait(subject(1), 'a', now);
        assert_eq!(replies.wait(subject(1), 'b', now + REPLY_WAIT / 2), Some('a'));
        assert_eq!(replies.take_overdue(now + REPLY_WAIT), None, "the second one has its own time");
        assert_eq!(replies.take_overdue(now + REPLY_WAIT * 2), Some('b'));
    }

    #[test]
    fn no_more_wait_than_there_is_room_for() {
        let (mut replies, now) = (Replies::default(), Instant::now());
        let about = |number: usize| (subject(0).0, ComputationId::of_body(&number.to_be_bytes()));
        for number in 0..REPLIES_AWAITED_MAX {
            assert_eq!(replies.wait(about(number), number, now), None);
        }
        assert_eq!(replies.wait(subject(1), 7, now), Some(7));
        let (to, message) = reply(about(0));
        assert_eq!(replies.take(to, &message), Some(0));
        assert_eq!(replies.wait(subject(1), 7, now), None);
    }
}
