//! Time as the protocol sees it: milliseconds that can be made up, stored and compared between nodes.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(u64);

/// How far two clocks are apart, and in which direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockSkew {
    /// The other clock shows a later time than ours.
    OtherIsAhead(Duration),
    /// The other clock shows an earlier time than ours.
    OtherIsBehind(Duration),
}

impl Timestamp {
    /// The moment this many milliseconds after the Unix epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The time from `earlier` until this moment; zero where `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// How far a clock that shows `other` at this moment is off.
    pub fn skew_of(self, other: Self) -> ClockSkew {
        if other >= self {
            ClockSkew::OtherIsAhead(other.since(self))
        } else {
            ClockSkew::OtherIsBehind(self.since(other))
        }
    }
}

impl ClockSkew {
    /// The distance, without the direction.
    pub const fn distance(self) -> Duration {
        match self {
            Self::OtherIsAhead(distance) | Self::OtherIsBehind(distance) => distance,
        }
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, length: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(length.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, length: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(length.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        Self::default() + time.duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with milliseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// 9999-12-31T23:59:59.999Z, the last moment that RFC 3339 can write.
        const LAST_MILLIS: u64 = 253_402_300_799_999;
        let time = UNIX_EPOCH + Duration::from_millis(self.0.min(LAST_MILLIS));
        write!(f, "{}", humantime::format_rfc3339_millis(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_rfc_3339() {
        assert_eq!(Timestamp::from_millis(1_700_000_000_123).to_string(), "2023-11-14T22:13:20.123Z");
        assert_eq!(Timestamp::from_millis(u64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn skew_says_who_is_ahead() {
        let (early, late) = (Timestamp::from_millis(1_000), Timestamp::from_millis(3_000));
        assert_eq!(early.skew_of(late), ClockSkew::OtherIsAhead(Duration::from_secs(2)));
        assert_eq!(late.skew_of(early), ClockSkew::OtherIsBehind(Duration::from_secs(2)));
    }
}
