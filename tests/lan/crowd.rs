//! A machine that claims by mDNS to be a million nodes.

use std::time::{Duration, Instant};

use libp2p::{Multiaddr, PeerId};

use crate::bridge::Bridge;
use crate::machines::{HEAVY, Lan, Light};
use crate::mdns;

const FOUND: Duration = Duration::from_secs(30);
const RESULT: Duration = Duration::from_secs(40);
/// Nodes that are claimed, and how many a second.
const CLAIMS: u32 = 1_000_000;
const A_SECOND: u32 = 50_000;
/// Claims of one packet: they fit the 1500 bytes of a frame.
const IN_A_PACKET: u32 = 5;
/// The machine that claims: that of the last light node.
const CROWDED: usize = HEAVY + 3;
/// What no node may ever have needed: 50 MiB as without a crowd, and what it has read before it stops reading.
const MEMORY_KIB_MAX: u64 = 160 * 1024;

#[test]
fn a_million_claimed_nodes_change_no_sum_and_fill_no_memory() {
    let values = [3, 5, 9, 1 << 30];
    let Some(lan) = Lan::start(&values.map(Light::open), |_| {}) else { return };
    lan.complete(FOUND);
    let mut crowd = mdns::helper(&lan.bridge, CROWDED, "crowd::claims_a_million", &[]);
    // While it claims, and when it has: what it said holds for two minutes more.
    let sum = values.iter().sum();
    let mut asked = 0;
    while crowd.try_wait().unwrap().is_none() {
        let end = lan.ends_right(&ask(&lan, HEAVY + asked % values.len()), RESULT);
        println!("beside the claims: {end}");
        asked += 1;
    }
    assert!(crowd.wait().unwrap().success(), "not everything was said");
    assert!(asked > 0, "nothing was asked meanwhile");
    lan.node(0).until_logged(None, "claims more nodes than there can be", RESULT);
    lan.sums_to(&ask(&lan, HEAVY), sum, RESULT);
    // Who was away is found again.
    let away = HEAVY + 1;
    assert_eq!(lan.node(away).run(&["stop"]).code, 0);
    assert_eq!(lan.node(away).run(&["start", "--detach"]).code, 0);
    lan.node(away).until_seen(HEAVY, values.len(), FOUND);
    lan.sums_to(&ask(&lan, away), sum, RESULT);
    for (machine, node) in lan.nodes().enumerate() {
        let peak = node.peak_memory_kib();
        println!("machine {machine}: {peak} KiB at most");
        assert!(peak <= MEMORY_KIB_MAX, "machine {machine} needed {peak} KiB");
    }
}

/// Asks for the sum, and gives the computation's id.
fn ask(lan: &Lan, machine: usize) -> String {
    lan.node(machine).propose_until_announced(Duration::from_secs(8), RESULT).0
}

/// The crowd: one machine's packets, as fast as the pace allows.
#[test]
#[ignore = "the crowd of a_million_claimed_nodes_change_no_sum_and_fill_no_memory"]
fn claims_a_million() {
    let machine = mdns::machine();
    let (speaker, nowhere) = (mdns::speaker(machine), format!("/ip4/{}/tcp/9", Bridge::address(0)));
    let nowhere: Multiaddr = nowhere.parse().unwrap();
    let begun = Instant::now();
    for first in (0..CLAIMS).step_by(IN_A_PACKET as usize) {
        let claimed = (first..CLAIMS.min(first + IN_A_PACKET)).map(|number| (nobody(number), nowhere.clone()));
        mdns::claim(&speaker, &claimed.collect::<Vec<_>>());
        let due = Duration::from_secs(1) * first / A_SECOND;
        std::thread::sleep(due.saturating_sub(begun.elapsed()));
    }
}

/// A PeerId that nobody has: 32 bytes in the place of a key.
fn nobody(number: u32) -> PeerId {
    let mut bytes = vec![0x00, 0x24, 0x08, 0x01, 0x12, 0x20];
    bytes.extend(
        (0..8).flat_map(|part: u32| number.wrapping_mul(2_654_435_761).rotate_left(part).to_be_bytes()),
    );
    PeerId::from_bytes(&bytes).unwrap()
}
