//! How long to wait before dialling again: twice as long each time, within bounds, and never in step with others.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(300);
/// A link that heals is found again within this and the time of one attempt: a result is due 15 s after healing, and
/// agreement takes its part. Nodes of a LAN that are gone cost a packet every few seconds.
const LONGEST: Duration = Duration::from_secs(5);

/// The wait after this many failures in a row: between half and all of 0.3 s, 0.6 s, … 5 s.
pub(super) fn backoff(failures: u32) -> Duration {
    let full = FIRST.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(LONGEST);
    full.mul_f64(0.5 + 0.5 * fraction())
}

/// A number from 0 to 1 that differs between calls and nodes. Nothing rests on its being unpredictable, so the
/// standard library's hash keys are randomness enough.
fn fraction() -> f64 {
    let drawn = RandomState::new().hash_one(());
    f64::from(u32::try_from(drawn >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_within_bounds() {
        for failures in 0..100 {
            let wait = backoff(failures);
            assert!(wait >= FIRST / 2 && wait <= LONGEST, "{failures}: {wait:?}");
        }
        assert!(backoff(1) <= FIRST && backoff(20) >= LONGEST / 2);
    }
}
