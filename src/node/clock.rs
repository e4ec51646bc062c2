//! The node's clock: the machine's time, but never running backwards within one run.

use std::time::{Duration, Instant, SystemTime};

use crate::domain::Timestamp;

/// Gives the current time. When the machine's clock is set back, this one goes on at half speed until the other has
/// caught up, so that no deadline is ever reached twice and none stands still.
#[derive(Debug)]
pub(super) struct Clock {
    shown: Timestamp,
    shown_at: Instant,
}

impl Clock {
    /// A clock that shows the machine's time.
    pub(super) fn new() -> Self {
        Self { shown: Timestamp::from(SystemTime::now()), shown_at: Instant::now() }
    }

    /// The time, not before any that was given earlier.
    pub(super) fn now(&mut self) -> Timestamp {
        self.advance(Timestamp::from(SystemTime::now()), Instant::now())
    }

    fn advance(&mut self, machine: Timestamp, at: Instant) -> Timestamp {
        if machine >= self.shown {
            (self.shown, self.shown_at) = (machine, at);
            return machine;
        }
        let slowed = at.saturating_duration_since(self.shown_at) / 2;
        // Whole milliseconds only, so that frequent looks do not round the progress away.
        if slowed >= Duration::from_millis(1) {
            (self.shown, self.shown_at) = (self.shown + slowed, at);
        }
        self.shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_set_back_goes_on_slowly_until_the_machine_has_caught_up() {
        let start = Instant::now();
        let mut clock = Clock { shown: Timestamp::from_millis(10_000), shown_at: start };
        let mut at = |machine, passed| {
            clock.advance(Timestamp::from_millis(machine), start + Duration::from_millis(passed)).as_millis()
        };
        assert_eq!(at(10_100, 100), 10_100);
        assert_eq!(at(9_000, 200), 10_150);
        assert_eq!(at(9_001, 201), 10_150);
        assert_eq!(at(9_100, 300), 10_200);
        assert_eq!(at(12_000, 400), 12_000);
    }
}
