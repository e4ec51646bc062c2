//! Packets that are lost at random, from before the first node starts.

use std::time::{Duration, Instant};

use crate::machines::{End, Lan, Light};

const FOUND: Duration = Duration::from_secs(90);
/// How long a proposer may be told that heavy nodes did not answer in time, before one proposal comes through.
const ANNOUNCED: Duration = Duration::from_secs(90);

/// A network that has always lost so many of a hundred packets asks for its sum; everybody must know of the end so long
/// after the deadline.
fn with_loss(percent: u32, deadline: Duration, late: Duration) -> Option<End> {
    let light = [5, 70, 900].map(Light::open);
    let lan = Lan::start(&light, |bridge| bridge.lose(percent))?;
    let begun = Instant::now();
    lan.complete(FOUND);
    println!("{percent} % lost: everybody is found after {:?}", begun.elapsed());
    let (id, asked, refusals) = lan.node(3).propose_until_announced(deadline, ANNOUNCED);
    let due = deadline + late;
    let end = lan.ends_right(&id, due.saturating_sub(asked.elapsed()));
    let after = asked.elapsed().saturating_sub(deadline);
    println!("{percent} % lost: {refusals} proposals not answered in time, then {end}, at most {after:?} late");
    Some(end)
}

#[test]
fn one_packet_in_a_hundred_is_lost() {
    let end = with_loss(1, Duration::from_secs(4), Duration::from_secs(5));
    assert!(end.is_none_or(|end| end == End::Sum { of: 3 }));
}

#[test]
fn one_packet_in_ten_is_lost_and_the_result_is_there_within_5_s_of_the_deadline() {
    let end = with_loss(10, Duration::from_secs(6), Duration::from_secs(5));
    assert!(end.is_none_or(|end| end == End::Sum { of: 3 }));
}

#[test]
#[ignore = "takes half a minute: a long deadline"]
fn three_packets_in_ten_are_lost() {
    with_loss(30, Duration::from_secs(20), Duration::from_secs(65));
}
