//! What this node says of itself, and when it says it again.

use std::time::Duration;

use crate::domain::Timestamp;
use crate::domain::limits::{
    PRESENCE_ADDRESSES_MAX, PRESENCE_CROWD, PRESENCE_INTERVAL, PRESENCE_LIFETIME, PRESENCE_PACE_MAX,
};
use crate::wire::{Activity, Identity, Presence, Signed};

/// A change is told once it has lasted this long, among many nodes longer, so that short computations are no news to anybody.
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

    /// It no longer listens here. Kept, old addresses would in time leave no room for a new one.
    pub(super) fn remove_address(&mut self, address: &str) {
        self.addresses.retain(|known| known != address);
    }

    /// Whether it works on a computation.
    pub(super) fn set_activity(&mut self, activity: Activity, now: Timestamp) {
        if self.activity != activity {
            self.activity = activity;
            self.changed_at = now;
        }
    }

    /// When it is to be said again, among so many nodes that are known.
    pub(super) fn due(&self, known: usize) -> Timestamp {
        let said = self.said.get();
        let changed = said.activity != self.activity || said.addresses != self.addresses;
        let regular = said.sent_at + interval(said, pace_among(known));
        let told_after = CHANGE_INTERVAL * pace_among(known).max(pace_of(said));
        if changed { regular.min(self.changed_at.max(said.sent_at) + told_after) } else { regular }
    }

    /// Says it now, among so many nodes that are known.
    pub(super) fn renew(&mut self, now: Timestamp, known: usize) -> Signed<Presence> {
        self.say(now, self.activity, PRESENCE_LIFETIME * pace_among(known))
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

/// How long a presence stands before it is said again: nodes that were started together, as after a power cut, must not
/// all speak at once for ever, so each time it is shorter by up to a quarter. Whoever knew few when it spoke and many since may
/// have begun together with all of them, and takes its turn anywhere in three quarters of the time for which its word holds.
/// Nothing rests on its being unpredictable.
fn interval(said: &Presence, pace: u32) -> Duration {
    let drawn = (u64::from(said.peer.public_key()[0]) + said.sent_at.as_millis()) % 256;
    let usual = PRESENCE_INTERVAL * pace_of(said);
    let shortest = usual.mul_f64(0.75);
    let holds = Duration::from_millis(said.lifetime_ms);
    let longest = usual.max((PRESENCE_INTERVAL * pace).min(holds.mul_f64(0.75)));
    longest - (longest - shortest).mul_f64(drawn as f64 / 256.0)
}

/// How many times slower than usual nodes speak where so many are known.
fn pace_among(known: usize) -> u32 {
    u32::try_from(known / PRESENCE_CROWD).unwrap_or(u32::MAX).clamp(1, PRESENCE_PACE_MAX)
}

/// How many times slower than usual a node speaks that has said this.
fn pace_of(said: &Presence) -> u32 {
    u32::try_from(said.lifetime_ms / millis(PRESENCE_LIFETIME)).unwrap_or(u32::MAX).clamp(1, PRESENCE_PACE_MAX)
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

    fn someone(number: u8, now: Timestamp) -> Presence {
        Presence { peer: Identity::from_secret_key(&[number; 32]).peer(), ..own(now).said().get().clone() }
    }

    #[test]
    fn a_change_is_told_soon_and_silence_is_broken_every_quarter_of_a_minute() {
        let now = Timestamp::from_millis(1_000_000);
        let mut own = own(now);
        assert_eq!(own.due(6), now + interval(own.said().get(), 1));
        let later = now + Duration::from_secs(5);
        own.set_activity(Activity::Processing, later);
        assert_eq!(own.due(6), later + CHANGE_INTERVAL);
        own.renew(own.due(6), 6);
        assert_eq!(own.due(6), later + CHANGE_INTERVAL + interval(own.said().get(), 1));
    }

    #[test]
    fn among_many_nodes_each_speaks_less_often_and_its_word_holds_longer() {
        let now = Timestamp::from_millis(1_000_000);
        let mut own = own(now);
        for (known, pace) in [(0, 1), (63, 1), (64, 2), (203, 6), (1_003, 16), (10_000, 16)] {
            let said = own.renew(now, known).get().clone();
            assert_eq!(said.lifetime_ms, millis(PRESENCE_LIFETIME * pace), "among {known}");
            let longest = PRESENCE_INTERVAL * pace;
            let drawn = interval(&said, pace);
            assert!(drawn <= longest && drawn >= longest.mul_f64(0.75), "among {known}");
            assert!(
                interval(&said, 1) <= longest,
                "the word of a crowd that has gone is renewed as it was meant to be"
            );
            own.set_activity(Activity::Processing, said.sent_at);
            assert_eq!(own.due(known), said.sent_at + CHANGE_INTERVAL * pace, "among {known}");
            own.set_activity(Activity::Active, said.sent_at);
        }
    }

    /// Each has spoken when it knew nobody, and has been told of all the others since.
    #[test]
    fn a_crowd_that_begins_at_once_takes_turns() {
        let now = Timestamp::from_millis(1_000_000);
        let mut later: Vec<_> =
            (0..200).map(|number| interval(&someone(number, now), pace_among(203))).collect();
        later.sort_unstable();
        assert!(later[0] >= PRESENCE_INTERVAL.mul_f64(0.75) && later[199] <= PRESENCE_LIFETIME.mul_f64(0.75));
        let a_fifth = later.windows(40).map(|some| some[39] - some[0]).min().unwrap();
        assert!(a_fifth > Duration::from_secs(3), "40 of 200 within {a_fifth:?}");
        // What is over sooner than the longest silence among so many is no news.
        let mut own = own(now);
        own.set_activity(Activity::Processing, now);
        assert_eq!(own.due(203), (now + CHANGE_INTERVAL * 6).min(now + interval(own.said().get(), 6)));
        assert!(own.due(203) > now + CHANGE_INTERVAL);
    }

    #[test]
    fn what_is_over_soon_is_not_told() {
        let now = Timestamp::from_millis(1_000_000);
        let mut own = own(now);
        own.set_activity(Activity::Processing, now + Duration::from_secs(5));
        own.set_activity(Activity::Active, now + Duration::from_millis(5_200));
        assert_eq!(own.due(6), now + interval(own.said().get(), 1));
    }

    #[test]
    fn nodes_that_start_together_do_not_go_on_together() {
        let now = Timestamp::from_millis(1_000_000);
        let mut intervals = std::collections::BTreeSet::new();
        for number in 0..200 {
            let interval = interval(&someone(number, now), 1);
            assert!(interval <= PRESENCE_INTERVAL && interval >= PRESENCE_INTERVAL.mul_f64(0.75));
            intervals.insert(interval);
        }
        assert!(intervals.len() > 50, "{intervals:?}");
    }

    #[test]
    fn a_node_that_moves_often_tells_where_it_is_now() {
        let now = Timestamp::from_millis(1_000_000);
        let mut own = own(now);
        for number in 0..2 * PRESENCE_ADDRESSES_MAX {
            own.remove_address(&format!("/ip4/10.0.0.{}/tcp/8000", number.saturating_sub(1)));
            own.add_address(format!("/ip4/10.0.0.{number}/tcp/8000"));
        }
        let here = format!("/ip4/10.0.0.{}/tcp/8000", 2 * PRESENCE_ADDRESSES_MAX - 1);
        assert_eq!(own.due(1), now + CHANGE_INTERVAL);
        assert_eq!(own.renew(now, 1).get().addresses, [here]);
    }

    #[test]
    fn every_word_is_later_than_the_one_before() {
        let now = Timestamp::from_millis(1_000_000);
        let mut own = own(now);
        let (first, second) = (own.said().get().sent_at, own.renew(now, 1).get().sent_at);
        let last = own.leave(now);
        assert!(first < second && second < last.get().sent_at);
        assert_eq!(last.get().activity, Activity::Stopping);
    }
}
