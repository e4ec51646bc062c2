//! What this node says of itself, and when it says it again.

use std::time::Duration;

use crate::domain::Timestamp;
use crate::domain::limits::{PRESENCE_ADDRESSES_MAX, PRESENCE_INTERVAL, PRESENCE_LIFETIME};
use crate::wire::{Activity, Identity, Presence, Signed};

/// A change is told once it has lasted this long, so that short computations are no news to anybody.
const CHANGE_INTERVAL: Duration = Duration::from_secs(1);
/// How long "about to leave" holds.
const LEAVING_LIFETIME: Duration = Duration::from_secs(5);

/// This node's presence.
#[derive(Debug)]
pub(super) struct OwnPresence {
    identity: Identity,
    said: Signed<Presence>,
    activity: Activity,
    addresses: Vec<String>,
    /// When what holds became different from what was said.
    changed_at: Timestamp,
}

impl OwnPresence {
    /// The first presence of a node; it is told at once.
    pub(super) fn new(identity: Identity, mut first: Presence) -> Self {
        first.lifetime_ms = millis(PRESENCE_LIFETIME);
        first.addresses.truncate(PRESENCE_ADDRESSES_MAX);
        let (activity, addresses, changed_at) = (first.activity, first.addresses.clone(), first.sent_at);
        Self { said: Signed::sign(first, &identity), identity, activity, addresses, changed_at }
    }

    /// What was said last.
    pub(super) const fn said(&self) -> &Signed<Presence> {
        &self.said
    }

    /// What holds now, said or not.
    pub(super) fn current(&self) -> Presence {
        Presence { activity: self.activity, addresses: self.addresses.clone(), ..self.said.get().clone() }
    }

    /// It listens here, too.
    pub(super) fn add_address(&mut self, address: String) {
        if !self.addresses.contains(&address) && self.addresses.len() < PRESENCE_ADDRESSES_MAX {
            self.addresses.push(address);
        }
    }

    /// Whether it works on a computation.
    pub(super) fn set_activity(&mut self, activity: Activity, now: Timestamp) {
        if self.activity != activity {
            self.activity = activity;
            self.changed_at = now;
        }
    }

    /// When it is to be said again.
    pub(super) fn due(&self) -> Timestamp {
        let said = self.said.get();
        let changed = said.activity != self.activity || said.addresses != self.addresses;
        let regular = said.sent_at + PRESENCE_INTERVAL;
        if changed { regular.min(self.changed_at.max(said.sent_at) + CHANGE_INTERVAL) } else { regular }
    }

    /// Says it now.
    pub(super) fn renew(&mut self, now: Timestamp) -> Signed<Presence> {
        self.say(now, self.activity, PRESENCE_LIFETIME)
    }

    /// Says that this node leaves.
    pub(super) fn leave(&mut self, now: Timestamp) -> Signed<Presence> {
        self.activity = Activity::Stopping;
        self.say(now, Activity::Stopping, LEAVING_LIFETIME)
    }

    fn say(&mut self, now: Timestamp, activity: Activity, lifetime: Duration) -> Signed<Presence> {
        let earlier = self.said.get().clone();
        // Only a later presence replaces an earlier one.
        let sent_at = now.max(earlier.sent_at + Duration::from_millis(1));
        let addresses = self.addresses.clone();
        let lifetime_ms = millis(lifetime);
        self.said =
            Signed::sign(Presence { activity, addresses, sent_at, lifetime_ms, ..earlier }, &self.identity);
        self.said.clone()
    }
}

fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Role;

    fn own(now: Timestamp) -> OwnPresence {
        let identity = Identity::from_secret_key(&[1; 32]);
        let first = Presence {
            peer: identity.peer(),
            role: Role::Light,
            name: "ward".to_owned(),
            activity: Activity::Active,
            addresses: Vec::new(),
            created_at: now,
            sent_at: now,
            lifetime_ms: 0,
        };
        OwnPresence::new(identity, first)
    }

    #[test]
    fn a_change_is_told_soon_and_silence_is_broken_every_quarter_of_a_minute() {
        let now = Timestamp::from_millis(1_000_000);
        let mut own = own(now);
        assert_eq!(own.due(), now + PRESENCE_INTERVAL);
        let later = now + Duration::from_secs(5);
        own.set_activity(Activity::Processing, later);
        assert_eq!(own.due(), later + CHANGE_INTERVAL);
        own.renew(own.due());
        assert_eq!(own.due(), later + CHANGE_INTERVAL + PRESENCE_INTERVAL);
    }

    #[test]
    fn what_is_over_soon_is_not_told() {
        let now = Timestamp::from_millis(1_000_000);
        let mut own = own(now);
        own.set_activity(Activity::Processing, now + Duration::from_secs(5));
        own.set_activity(Activity::Active, now + Duration::from_millis(5_200));
        assert_eq!(own.due(), now + PRESENCE_INTERVAL);
    }

    #[test]
    fn every_word_is_later_than_the_one_before() {
        let now = Timestamp::from_millis(1_000_000);
        let mut own = own(now);
        let (first, second) = (own.said().get().sent_at, own.renew(now).get().sent_at);
        let last = own.leave(now);
        assert!(first < second && second < last.get().sent_at);
        assert_eq!(last.get().activity, Activity::Stopping);
    }
}
