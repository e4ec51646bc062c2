//! The timers that the protocol has set, one a name, earliest first.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::Timestamp;
use crate::protocol::Timer;

/// What runs out when. The protocol sets a handful for each open computation, so open computations bound it.
#[derive(Debug, Default)]
pub(super) struct Timers {
    due: BTreeMap<Timer, Timestamp>,
    order: BTreeSet<(Timestamp, Timer)>,
}

impl Timers {
    /// Sets a timer; it replaces the same timer set earlier.
    pub(super) fn set(&mut self, timer: Timer, at: Timestamp) {
        if let Some(earlier) = self.due.insert(timer, at) {
            self.order.remove(&(earlier, timer));
        }
        self.order.insert((at, timer));
    }

    /// When the next one runs out.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.order.first().map(|(at, _)| *at)
    }

    /// Takes one that has run out, the earliest first.
    pub(super) fn pop_expired(&mut self, now: Timestamp) -> Option<Timer> {
        let (at, timer) = *self.order.first().filter(|(at, _)| *at <= now)?;
        self.order.remove(&(at, timer));
        self.due.remove(&timer);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ComputationId;

    const fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn timers_run_out_in_order_and_once() {
        let deadline = Timer::Deadline(ComputationId::of_body(b"a"));
        let mut timers = Timers::default();
        timers.set(Timer::Sync, at(20));
        timers.set(deadline, at(10));
        assert_eq!(timers.next(), Some(at(10)));
        assert_eq!(timers.pop_expired(at(9)), None);
        assert_eq!(timers.pop_expired(at(30)), Some(deadline));
        assert_eq!(timers.pop_expired(at(30)), Some(Timer::Sync));
        assert_eq!((timers.pop_expired(at(30)), timers.next()), (None, None));
    }

    #[test]
    fn setting_a_timer_again_replaces_it() {
        let mut timers = Timers::default();
        timers.set(Timer::Sync, at(10));
        timers.set(Timer::Sync, at(50));
        assert_eq!(timers.pop_expired(at(49)), None);
        assert_eq!(timers.pop_expired(at(50)), Some(Timer::Sync));
        assert_eq!(timers.pop_expired(at(50)), None);
    }
}
