use std::time::Duration;

use governor::clock::FakeRelativeClock;

use super::*;
use crate::domain::limits::{ASKS, GOSSIP_OF_KNOWN, SHARE_OF_STRANGERS, WORK_OF_STRANGERS};

const PEER: PeerId = PeerId::from_public_key([1; 32]);
const OTHER: PeerId = PeerId::from_public_key([2; 32]);

fn quotas() -> (Quotas<FakeRelativeClock>, FakeRelativeClock) {
    let clock = FakeRelativeClock::default();
    (Quotas::new(&clock), clock)
}

#[test]
fn a_burst_is_granted_and_then_so_many_a_second() {
    let (quotas, clock) = quotas();
    let ask = |peer| quotas.take(Kind::Ask, peer, Standing::Stranger, Load::Light);
    for _ in 0..ASKS.burst {
        assert_eq!(ask(PEER), Allowance::Granted);
    }
    assert_eq!(ask(PEER), Allowance::Exceeded);
    assert_eq!(ask(OTHER), Allowance::Granted, "each has its own");
    let others = quotas.take(Kind::Want, PEER, Standing::Stranger, Load::Light);
    assert_eq!(others, Allowance::Granted, "and of each kind");
    clock.advance(Duration::from_secs(1));
    for _ in 0..ASKS.each_second {
        assert_eq!(ask(PEER), Allowance::Granted);
    }
    assert_eq!(ask(PEER), Allowance::Exceeded);
}

#[test]
fn gross_excess_alone_is_an_offence() {
    let (quotas, _) = quotas();
    let ask = || quotas.take(Kind::Ask, PEER, Standing::Stranger, Load::Light);
    for _ in 0..ASKS.burst * GROSS_EXCESS {
        assert_ne!(ask(), Allowance::Gross);
    }
    assert_eq!(ask(), Allowance::Gross);
}

#[test]
fn who_is_known_is_never_blamed_for_what_it_passes_on() {
    let (quotas, _) = quotas();
    for _ in 0..10 * GROSS_EXCESS * GOSSIP_OF_KNOWN.burst {
        let taken = quotas.take(Kind::GossipOfPresence, PEER, Standing::Known, Load::Light);
        assert_ne!(taken, Allowance::Gross);
    }
}

#[test]
fn under_load_strangers_are_held_to_a_share_and_the_known_are_not() {
    let (quotas, clock) = quotas();
    let work = |peer, standing, load| quotas.take(Kind::Work, peer, standing, load);
    for _ in 0..SHARE_OF_STRANGERS.burst {
        assert_eq!(work(PEER, Standing::Stranger, Load::Heavy), Allowance::Granted);
    }
    assert_eq!(work(PEER, Standing::Stranger, Load::Heavy), Allowance::Exceeded);
    assert_eq!(work(PEER, Standing::Stranger, Load::Light), Allowance::Granted, "the load is gone");
    assert_eq!(work(PEER, Standing::Stranger, Load::Full), Allowance::Exceeded);
    for _ in 0..WORK_OF_STRANGERS.burst {
        assert_eq!(work(OTHER, Standing::Known, Load::Full), Allowance::Granted);
    }
    clock.advance(Duration::from_secs(1));
    assert_eq!(work(PEER, Standing::Stranger, Load::Heavy), Allowance::Granted);
}

#[test]
fn an_hour_of_what_an_honest_light_node_does_meets_no_limit() {
    let (quotas, clock) = quotas();
    let take = |kind| quotas.take(kind, PEER, Standing::Stranger, Load::Light);
    for second in 0..3_600 {
        clock.advance(Duration::from_secs(1));
        // It asks every few seconds, and each quarter of an hour it takes part in a hundred computations at once: their
        // announcements wanted, a report with one repetition, receipts, a word to the proposer; results wanted.
        let mut sent = vec![];
        if second % 4 == 0 {
            sent.push((Kind::Ask, 1));
        }
        if second % 900 == 0 {
            sent.extend([(Kind::Want, 300), (Kind::Work, 400), (Kind::GossipOfComputations, 200)]);
        }
        if second % 15 == 0 {
            sent.extend([(Kind::GossipOfPresence, 1), (Kind::Presence, 1)]);
        }
        for (kind, times) in sent {
            for _ in 0..times {
                assert_eq!(take(kind), Allowance::Granted, "{kind:?} in second {second}");
            }
        }
    }
}

#[test]
fn a_hundred_proposals_at_once_and_their_repetitions_meet_no_limit() {
    let (quotas, clock) = quotas();
    for _ in 0..6 {
        for _ in 0..128 {
            let taken = quotas.take(Kind::Question, PEER, Standing::Stranger, Load::Light);
            assert_eq!(taken, Allowance::Granted);
        }
        clock.advance(Duration::from_millis(700));
    }
}

#[test]
fn quiet_peers_are_forgotten() {
    let (quotas, clock) = quotas();
    for number in 0..100 {
        quotas.take(Kind::Ask, PeerId::from_public_key([number; 32]), Standing::Stranger, Load::Heavy);
    }
    let counted = || quotas.gauges[&(Kind::Ask, Standing::Stranger)].fair.len();
    assert_eq!(counted(), 100);
    clock.advance(Duration::from_secs(600));
    quotas.forget_quiet();
    assert_eq!((counted(), quotas.share.len()), (0, 0));
}
