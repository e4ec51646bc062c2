//! How much each peer may send, by kind: what goes beyond is answered *busy*, and what goes far beyond is an offence.
//!
//! Two kinds of peers: those that this node has reasons to keep, and strangers. While more waits than the node takes,
//! strangers are held to a small share, so that nobody's flood fills the queue for everybody. Quotas outlive a
//! connection: whoever reconnects begins where it was.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use governor::clock::{Clock, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::domain::PeerId;
use crate::domain::limits::{self, GROSS_EXCESS, Rate};
use crate::wire::Message;

/// What is counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// What is open, what has ended?
    Ask,
    /// Something that is lacking.
    Want,
    /// Proposals and announcements, each of which may be written to the disk.
    Question,
    /// Who is there, told by message.
    Presence,
    /// All other messages.
    Work,
    /// A peer tells where it listens.
    Identified,
    /// Gossip of announcements and outcomes.
    GossipOfComputations,
    /// Gossip of who is there.
    GossipOfPresence,
}

/// What this node has to do with a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// It was asked for, was dialled by this node, or is a heavy node that has been here for a while.
    Known,
    /// It came by itself.
    Stranger,
}

/// How much waits for the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Load {
    /// It keeps up.
    Light,
    /// Strangers are held to a small share.
    Heavy,
    /// What room is left is for peers that are known.
    Full,
}

/// Whether one more is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allowance {
    /// Yes.
    Granted,
    /// Not now.
    Exceeded,
    /// No, and no honest node sends so much.
    Gross,
}

type Limiter<C> = RateLimiter<PeerId, HashMapStateStore<PeerId>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// One quota, and how far beyond it an offence begins.
struct Gauge<C: Clock> {
    fair: Limiter<C>,
    gross: Limiter<C>,
}

/// What each peer has sent lately.
pub(super) struct Quotas<C: Clock = MonotonicClock> {
    gauges: BTreeMap<(Kind, Standing), Gauge<C>>,
    share: Limiter<C>,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::Ask,
        Self::Want,
        Self::Question,
        Self::Presence,
        Self::Work,
        Self::Identified,
        Self::GossipOfComputations,
        Self::GossipOfPresence,
    ];

    /// As what a message counts.
    pub(super) const fn of(message: &Message) -> Self {
        match message {
            Message::Ask { .. } => Self::Ask,
            Message::Want { .. } => Self::Want,
            Message::Propose(_) | Message::Announce(_) | Message::Withdraw { .. } => Self::Question,
            // A guess at a ticket's secret is a question, too.
            Message::Join { .. } => Self::Question,
            Message::Presence(_) => Self::Presence,
            Message::Accept(_)
            | Message::Refuse { .. }
            | Message::Deal { .. }
            | Message::Submit(_)
            | Message::Receipt(_)
            | Message::Reject { .. }
            | Message::Receipts(_)
            | Message::Stand { .. }
            | Message::Progress { .. }
            | Message::Complete { .. }
            | Message::Close(_)
            | Message::List { .. }
            | Message::Lacking { .. }
            | Message::Leaves { .. }
            | Message::Conflict(_)
            | Message::Freeze { .. }
            | Message::Rho { .. }
            | Message::RhoParts { .. }
            | Message::Decree(_)
            | Message::Fault(_)
            | Message::Verification(_)
            | Message::Verifiers { .. }
            | Message::Vote { .. }
            | Message::Open { .. }
            | Message::Certificate(_)
            | Message::Fail(_)
            | Message::Offer { .. }
            | Message::Members { .. }
            | Message::Roster { .. }
            | Message::Leave { .. }
            | Message::NotAdmitted { .. } => Self::Work,
        }
    }

    const fn rate(self, standing: Standing) -> Rate {
        match (self, standing) {
            (Self::Ask, _) => limits::ASKS,
            (Self::Want, _) => limits::WANTS,
            (Self::Question, _) => limits::QUESTIONS,
            (Self::Presence, Standing::Known) => limits::PRESENCES_OF_KNOWN,
            (Self::Presence, Standing::Stranger) => limits::PRESENCES_OF_STRANGERS,
            (Self::Work, Standing::Known) => limits::WORK_OF_KNOWN,
            (Self::Work, Standing::Stranger) => limits::WORK_OF_STRANGERS,
            (Self::Identified, _) => limits::IDENTIFICATIONS,
            (Self::GossipOfComputations | Self::GossipOfPresence, Standing::Known) => limits::GOSSIP_OF_KNOWN,
            (Self::GossipOfComputations | Self::GossipOfPresence, Standing::Stranger) => {
                limits::GOSSIP_OF_STRANGERS
            }
        }
    }

    /// Whoever is known passes on what others flood it with: too much of that is dropped, and nobody's fault.
    const fn may_offend(self, standing: Standing) -> Standing {
        match self {
            Self::GossipOfComputations | Self::GossipOfPresence => standing,
            Self::Ask | Self::Want | Self::Question | Self::Presence | Self::Work | Self::Identified => {
                Standing::Stranger
            }
        }
    }
}

impl Default for Quotas {
    fn default() -> Self {
        Self::new(&MonotonicClock)
    }
}

impl<C: Clock + Clone> Quotas<C> {
    fn new(clock: &C) -> Self {
        let gauge = |kind: Kind, standing| {
            let rate = kind.rate(standing);
            let fair = RateLimiter::hashmap_with_clock(quota(rate, 1), clock.clone());
            let gross = RateLimiter::hashmap_with_clock(quota(rate, GROSS_EXCESS), clock.clone());
            ((kind, standing), Gauge { fair, gross })
        };
        let all = Kind::ALL.into_iter();
        let gauges = all.flat_map(|kind| [Standing::Known, Standing::Stranger].map(|to| gauge(kind, to)));
        let share = RateLimiter::hashmap_with_clock(quota(limits::SHARE_OF_STRANGERS, 1), clock.clone());
        Self { gauges: gauges.collect(), share }
    }

    /// Counts one more of a kind.
    pub(super) fn take(&self, kind: Kind, peer: PeerId, standing: Standing, load: Load) -> Allowance {
        let Some(gauge) = self.gauges.get(&(kind, standing)) else { return Allowance::Granted };
        let gross = gauge.gross.check_key(&peer).is_err();
        if gross && kind.may_offend(standing) == Standing::Stranger {
            return Allowance::Gross;
        }
        let share = || self.share.check_key(&peer).is_ok();
        let fits = match (load, standing) {
            (Load::Full, Standing::Stranger) => false,
            (Load::Heavy, Standing::Stranger) => share(),
            (Load::Light, _) | (Load::Heavy | Load::Full, Standing::Known) => true,
        };
        if fits && gauge.fair.check_key(&peer).is_ok() { Allowance::Granted } else { Allowance::Exceeded }
    }

    /// Forgets peers that have been quiet for long enough to have their whole quota again.
    pub(super) fn forget_quiet(&self) {
        for Gauge { fair, gross } in self.gauges.values() {
            fair.retain_recent();
            gross.retain_recent();
        }
        self.share.retain_recent();
    }
}

/// What governor calls a rate, some times over.
pub(super) fn quota(rate: Rate, times: u32) -> Quota {
    let number = |number: u32| NonZeroU32::new(number.saturating_mul(times)).unwrap_or(NonZeroU32::MIN);
    Quota::per_second(number(rate.each_second)).allow_burst(number(rate.burst))
}

#[cfg(test)]
#[path = "quotas_tests.rs"]
mod tests;
