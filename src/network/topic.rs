//! What is gossiped where, and what waits until somebody listens.

use std::collections::VecDeque;
use std::time::Duration;

use libp2p::gossipsub::{IdentTopic, TopicHash};
use tokio::time::Instant;

use crate::domain::limits::GOSSIP_WAITING_MAX;
use crate::wire::Gossip;

/// Two topics, so that the chatter of presence never crowds out a computation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    /// Announcements and outcomes.
    Computations,
    /// Who is there.
    Presence,
}

/// How often, and how many times, an announcement looks for a first subscriber: ten seconds in all.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);
const RETRIES_MAX: u32 = 20;

/// Encoded gossip on its way out.
#[derive(Debug)]
pub(super) struct Publication {
    pub(super) topic: Topic,
    pub(super) bytes: Vec<u8>,
    attempts: u32,
}

/// Publications that found no subscriber yet, in the order of their next attempt.
#[derive(Debug, Default)]
pub(super) struct Waiting(VecDeque<(Instant, Publication)>);

impl Topic {
    pub(super) const ALL: [Self; 2] = [Self::Computations, Self::Presence];

    /// Where this belongs.
    pub(super) const fn of(gossip: &Gossip) -> Self {
        match gossip {
            Gossip::Announce(_) | Gossip::Completed { .. } | Gossip::Failed(_) => Self::Computations,
            Gossip::Presence(_) => Self::Presence,
        }
    }

    pub(super) fn ident(self) -> IdentTopic {
        IdentTopic::new(match self {
            Self::Computations => "formix-p2p/computations/1",
            Self::Presence => "formix-p2p/presence/1",
        })
    }

    pub(super) fn hash(self) -> TopicHash {
        self.ident().hash()
    }
}

impl Publication {
    pub(super) fn new(gossip: &Gossip) -> Self {
        Self { topic: Topic::of(gossip), bytes: gossip.encode(), attempts: 0 }
    }
}

impl Waiting {
    /// Keeps an announcement or an outcome for another attempt. Presence is not kept: it is said again soon.
    pub(super) fn keep(&mut self, mut publication: Publication, now: Instant) {
        publication.attempts += 1;
        if publication.topic == Topic::Presence || publication.attempts > RETRIES_MAX {
            return;
        }
        if self.0.len() >= GOSSIP_WAITING_MAX {
            self.0.pop_front();
        }
        self.0.push_back((now + RETRY_INTERVAL, publication));
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.0.front().map(|(at, _)| *at)
    }

    pub(super) fn take_due(&mut self, now: Instant) -> Option<Publication> {
        if self.next_due()? <= now { self.0.pop_front().map(|(_, publication)| publication) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ComputationId;

    fn outcome() -> Publication {
        Publication::new(&Gossip::Completed { computation: ComputationId::of_body(b"x") })
    }

    #[test]
    fn an_outcome_is_tried_again_and_then_given_up() {
        let mut waiting = Waiting::default();
        let mut now = Instant::now();
        waiting.keep(outcome(), now);
        assert!(waiting.take_due(now).is_none());
        let mut attempts = 0;
        while let Some(at) = waiting.next_due() {
            now = at;
            let publication = waiting.take_due(now).expect("due");
            attempts += 1;
            waiting.keep(publication, now);
        }
        assert_eq!(attempts, RETRIES_MAX);
    }

    #[test]
    fn what_waits_is_bounded() {
        let (mut waiting, now) = (Waiting::default(), Instant::now());
        for _ in 0..=GOSSIP_WAITING_MAX {
            waiting.keep(outcome(), now);
        }
        assert_eq!(waiting.0.len(), GOSSIP_WAITING_MAX);
    }
}
