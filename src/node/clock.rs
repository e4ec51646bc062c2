//! The node's clock: the machine's time, but never running backwards within one run; and, for tests alone, set wrong.

use std::time::{Duration, Instant, SystemTime};

use crate::domain::Timestamp;

/// Gives the current time. When the machine's clock is set back, this one goes on at half speed until the other has
/// caught up, so that no deadline is ever reached twice and none stands still.
#[derive(Debug)]
pub(super) struct Clock {
    shown: Timestamp,
    shown_at: Instant,
    offset: ClockOffset,
}

/// How far a node's clock is set wrong, for tests: the machines of a laboratory share one clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClockOffset {
    /// It shows a later time than the machine's.
    Ahead(Duration),
    /// It shows an earlier one.
    Behind(Duration),
}

impl ClockOffset {
    /// Where the offset stands; `docs/TESTING.md` alone tells of it.
    pub(super) const VARIABLE: &str = "FORMIX_DEBUG_CLOCK_OFFSET";
    const NONE: Self = Self::Ahead(Duration::ZERO);

    /// Reads `+5m` or `-3days`; `None` where it is neither.
    fn parse(text: &str) -> Option<Self> {
        let (make, length): (fn(Duration) -> Self, &str) = match text.strip_prefix('+') {
            Some(length) => (Self::Ahead, length),
            None => (Self::Behind, text.strip_prefix('-')?),
        };
        humantime::parse_duration(length).ok().map(make)
    }

    fn applied_to(self, time: Timestamp) -> Timestamp {
        match self {
            Self::Ahead(length) => time + length,
            Self::Behind(length) => time - length,
        }
    }
}

impl Clock {
    /// A clock that shows the machine's time, or that time set wrong.
    pub(super) fn new(offset: ClockOffset) -> Self {
        Self { shown: offset.applied_to(SystemTime::now().into()), shown_at: Instant::now(), offset }
    }

    /// The time, not before any that was given earlier.
    pub(super) fn now(&mut self) -> Timestamp {
        self.advance(self.offset.applied_to(SystemTime::now().into()), Instant::now())
    }

    /// A clock set wrong by what the environment says, and a warning that is not to be overlooked; else one that is right.
    ///
    /// # Errors
    /// The text that is no offset.
    pub(super) fn from_environment() -> Result<Self, String> {
        let Some(text) = std::env::var_os(ClockOffset::VARIABLE) else {
            return Ok(Self::new(ClockOffset::NONE));
        };
        let text = text.to_string_lossy();
        let offset = ClockOffset::parse(&text).ok_or_else(|| text.escape_debug().to_string())?;
        tracing::warn!(
            "THE CLOCK OF THIS NODE IS WRONG BY {text}, because {} is set: for tests alone",
            ClockOffset::VARIABLE
        );
        Ok(Self::new(offset))
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
        let shown = Timestamp::from_millis(10_000);
        let mut clock = Clock { shown, shown_at: start, offset: ClockOffset::NONE };
        let mut at = |machine, passed| {
            clock.advance(Timestamp::from_millis(machine), start + Duration::from_millis(passed)).as_millis()
        };
        assert_eq!(at(10_100, 100), 10_100);
        assert_eq!(at(9_000, 200), 10_150);
        assert_eq!(at(9_001, 201), 10_150);
        assert_eq!(at(9_100, 300), 10_200);
        assert_eq!(at(12_000, 400), 12_000);
    }

    #[test]
    fn an_offset_has_a_sign_and_a_length() {
        let (minutes, days) = (Duration::from_secs(300), Duration::from_secs(3 * 86_400));
        assert_eq!(ClockOffset::parse("+5m"), Some(ClockOffset::Ahead(minutes)));
        assert_eq!(ClockOffset::parse("-3days"), Some(ClockOffset::Behind(days)));
        for text in ["", "5m", "+", "+-5m", "-soon", "+5"] {
            assert_eq!(ClockOffset::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_clock_is_set_wrong_by_its_offset() {
        let minutes = Duration::from_secs(300);
        let right = Timestamp::from(SystemTime::now());
        assert!(Clock::new(ClockOffset::Ahead(minutes)).now() >= right + minutes);
        assert!(Clock::new(ClockOffset::Behind(minutes)).now() < right);
    }
}
