//! Frames that do not hold, counted by sender: logged once in a while, and enough of them close the door for a while.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::PeerId;
use crate::domain::limits::{OFFENCES_MAX, OFFENDERS_MAX};

/// How long a disconnected offender stays out.
const SHUT_OUT: Duration = Duration::from_secs(60);
/// Offences this far apart are told apart; also how often one peer's are logged.
const MEMORY: Duration = Duration::from_secs(60);

/// What to do about one more offence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The first for some time: say so.
    Log,
    /// Said before.
    Overlook,
    /// Enough: disconnect, and let nobody with this key in until [`Offences::take_released`] says so.
    ShutOut,
}

#[derive(Debug)]
struct Offender {
    count: u32,
    since: Instant,
    shut_out_until: Option<Instant>,
}

/// The peers whose frames were refused lately.
#[derive(Debug, Default)]
pub(super) struct Offences(BTreeMap<PeerId, Offender>);

impl Offences {
    /// Counts one refused frame.
    pub(super) fn count(&mut self, peer: PeerId, now: Instant) -> Verdict {
        if !self.0.contains_key(&peer) && self.0.len() >= OFFENDERS_MAX {
            self.0.retain(|_, offender| offender.is_remembered(now));
            if self.0.len() >= OFFENDERS_MAX && !self.forget_one() {
                return Verdict::Overlook;
            }
        }
        let offender = self.0.entry(peer).or_insert(Offender { count: 0, since: now, shut_out_until: None });
        if offender.shut_out_until.is_some() {
            return Verdict::Overlook;
        }
        if now - offender.since > MEMORY {
            *offender = Offender { count: 0, since: now, shut_out_until: None };
        }
        offender.count += 1;
        if offender.count >= OFFENCES_MAX {
            offender.shut_out_until = Some(now + SHUT_OUT);
            return Verdict::ShutOut;
        }
        if offender.count == 1 { Verdict::Log } else { Verdict::Overlook }
    }

    /// Forgets the mildest offender that is not shut out: whoever has many keys must not keep others from being counted.
    fn forget_one(&mut self) -> bool {
        let open = self.0.iter().filter(|(_, offender)| offender.shut_out_until.is_none());
        let mildest = open.min_by_key(|(_, offender)| (offender.count, offender.since)).map(|(peer, _)| *peer);
        mildest.and_then(|peer| self.0.remove(&peer)).is_some()
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.0.values().filter_map(|offender| offender.shut_out_until).min()
    }

    /// A peer that may come back, if there is one.
    pub(super) fn take_released(&mut self, now: Instant) -> Option<PeerId> {
        let released = |offender: &Offender| offender.shut_out_until.is_some_and(|until| until <= now);
        let peer = self.0.iter().find(|(_, offender)| released(offender)).map(|(peer, _)| *peer)?;
        self.0.remove(&peer);
        Some(peer)
    }
}

impl Offender {
    fn is_remembered(&self, now: Instant) -> bool {
        self.shut_out_until.is_some() || now - self.since <= MEMORY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: PeerId = PeerId::from_public_key([1; 32]);

    #[test]
    fn the_first_offence_is_logged_and_the_last_shuts_out() {
        let (mut offences, now) = (Offences::default(), Instant::now());
        assert_eq!(offences.count(PEER, now), Verdict::Log);
        for _ in 2..OFFENCES_MAX {
            assert_eq!(offences.count(PEER, now), Verdict::Overlook);
        }
        assert_eq!(offences.count(PEER, now), Verdict::ShutOut);
        assert_eq!(offences.count(PEER, now), Verdict::Overlook);
        assert_eq!(offences.take_released(now), None);
        let later = offences.next_due().expect("shut out");
        assert_eq!(offences.take_released(later), Some(PEER));
        assert_eq!(offences.count(PEER, later), Verdict::Log);
    }

    #[test]
    fn many_keys_with_one_offence_each_hide_nobody() {
        let (mut offences, now) = (Offences::default(), Instant::now());
        let numbered = |number: usize| {
            let mut key = [9; 32];
            key[..8].copy_from_slice(&number.to_be_bytes());
            PeerId::from_public_key(key)
        };
        offences.count(PEER, now);
        offences.count(PEER, now);
        for number in 0..2 * OFFENDERS_MAX {
            offences.count(numbered(number), now);
        }
        assert_eq!(offences.0.len(), OFFENDERS_MAX);
        assert_eq!(offences.count(PEER, now), Verdict::ShutOut);
    }

    #[test]
    fn rare_offences_are_forgiven() {
        let (mut offences, mut now) = (Offences::default(), Instant::now());
        for _ in 0..10 {
            assert_eq!(offences.count(PEER, now), Verdict::Log);
            now += MEMORY + Duration::from_secs(1);
        }
    }
}
