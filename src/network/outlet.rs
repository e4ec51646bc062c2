//! Where events leave for the node: a bounded channel, what must not be lost and did not fit, and how much of
//! what waits is large.

use std::collections::VecDeque;

use tokio::sync::mpsc;

use super::NetworkEvent;
use crate::domain::limits::{LARGE_FRAMES_MAX, NETWORK_EVENTS_HELD_MAX};

/// The sending end of a node's events.
pub(super) struct Outlet {
    events: mpsc::Sender<NetworkEvent>,
    held: VecDeque<NetworkEvent>,
    /// How many events have gone into the channel.
    sent: u64,
    /// Which of them were large, as long as they may still be in it.
    large: VecDeque<u64>,
}

/// The node does not keep up: the event is dropped.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoRoom;

impl Outlet {
    pub(super) fn new(events: mpsc::Sender<NetworkEvent>) -> Self {
        Self { events, held: VecDeque::new(), sent: 0, large: VecDeque::new() }
    }

    /// An event that must arrive: who came and went.
    pub(super) fn tell(&mut self, event: NetworkEvent) {
        self.held.push_back(event);
        self.release();
    }

    /// An event that may be lost, or refused to its sender.
    pub(super) fn offer(&mut self, event: NetworkEvent) -> Result<(), NoRoom> {
        // What is held goes first: a message never overtakes the news that its sender is connected.
        if !self.held.is_empty() || self.events.capacity() == 0 {
            return Err(NoRoom);
        }
        self.tell(event);
        Ok(())
    }

    /// Like `offer`, for one of few: with a limit on how many wait, what waits is bounded in bytes, too.
    pub(super) fn offer_large(&mut self, event: NetworkEvent) -> Result<(), NoRoom> {
        let waiting = self.events.max_capacity() - self.events.capacity();
        let taken = self.sent.saturating_sub(u64::try_from(waiting).unwrap_or(u64::MAX));
        while self.large.front().is_some_and(|number| *number <= taken) {
            self.large.pop_front();
        }
        if self.large.len() >= LARGE_FRAMES_MAX {
            return Err(NoRoom);
        }
        self.offer(event)?;
        self.large.push_back(self.sent);
        Ok(())
    }

    /// How many events wait for the node.
    pub(super) fn waiting(&self) -> usize {
        self.held.len() + self.events.max_capacity() - self.events.capacity()
    }

    /// Hands over what is held, as far as there is room.
    pub(super) fn release(&mut self) {
        while let Some(event) = self.held.pop_front() {
            match self.events.try_send(event) {
                Ok(()) => self.sent += 1,
                Err(mpsc::error::TrySendError::Full(event)) => {
                    self.held.push_front(event);
                    return;
                }
                // The node is gone, and so is this soon.
                Err(mpsc::error::TrySendError::Closed(_)) => self.held.clear(),
            }
        }
    }

    /// Whether another event that must arrive may happen.
    pub(super) fn may_hold(&self) -> bool {
        self.held.len() < NETWORK_EVENTS_HELD_MAX
    }

    /// Waits until something held can be handed over; for ever when nothing is held.
    pub(super) async fn room(&self) {
        if self.held.is_empty() {
            std::future::pending::<()>().await;
        }
        // Closed: `closed` says so.
        self.events.reserve().await.ok();
    }

    /// Waits until the node takes no events any more.
    pub(super) async fn closed(&self) {
        self.events.closed().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::PeerId;

    fn event(number: u8) -> NetworkEvent {
        NetworkEvent::Disconnected(PeerId::from_public_key([number; 32]))
    }

    fn number(event: Option<NetworkEvent>) -> u8 {
        match event {
            Some(NetworkEvent::Disconnected(peer)) => peer.public_key()[0],
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn what_must_arrive_arrives_in_order_and_the_rest_is_refused() {
        let (events, mut node) = mpsc::channel(2);
        let mut outlet = Outlet::new(events);
        for number in 0..4 {
            outlet.tell(event(number));
        }
        assert_eq!(outlet.offer(event(9)), Err(NoRoom));
        for expected in 0..4 {
            assert_eq!(number(node.recv().await), expected);
            outlet.release();
        }
        assert_eq!(outlet.offer(event(9)), Ok(()));
        assert_eq!(number(node.recv().await), 9);
    }

    #[tokio::test]
    async fn only_so_many_large_ones_wait() {
        let (events, mut node) = mpsc::channel(100);
        let mut outlet = Outlet::new(events);
        outlet.tell(event(0));
        for _ in 0..LARGE_FRAMES_MAX {
            assert_eq!(outlet.offer_large(event(1)), Ok(()));
        }
        assert_eq!(outlet.offer_large(event(1)), Err(NoRoom));
        assert_eq!(outlet.offer(event(2)), Ok(()), "small ones pass");
        node.recv().await;
        assert_eq!(outlet.offer_large(event(1)), Err(NoRoom), "a small one was taken");
        node.recv().await;
        assert_eq!(outlet.offer_large(event(1)), Ok(()));
    }
}
