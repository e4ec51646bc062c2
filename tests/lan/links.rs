//! Links that move, come and go, or carry little.

use std::time::{Duration, Instant};

use crate::bridge::{Bridge, End};
use crate::machines::{HEAVY, Lan, Light};

const FOUND: Duration = Duration::from_secs(30);

#[test]
#[ignore = "takes half a minute: a dead connection is noticed by pings"]
fn addresses_change_while_the_network_answers() {
    let light = [Light::open(1), Light::open(20), Light::open(300), Light::asking(4000)];
    let Some(lan) = Lan::start(&light, |_| {}) else { return };
    lan.complete(FOUND);
    let id = lan.node(HEAVY).propose("35s").unwrap();
    let asked = lan.node(6);
    asked.until_logged(Some(&id), "waits for its owner", FOUND);
    lan.node(HEAVY).until(&id, FOUND, "the others have answered", |view| view["participants"] == 3);
    lan.bridge.move_to(2, "10.77.0.102");
    lan.bridge.move_to(6, "10.77.0.106");
    let approved = asked.run(&["approve", &id]);
    assert_eq!(approved.code, 0, "{approved:?}");
    lan.sums_to(&id, 4321, Duration::from_secs(50));
    for (machine, old) in [(2, Bridge::address(2)), (6, Bridge::address(6))] {
        let new = format!("/10.77.0.{}/", 100 + machine);
        lan.node(0).until_found_at(lan.node(machine).uid(), &new, &format!("/{old}/"), FOUND);
    }
}

#[test]
#[ignore = "takes half a minute: everything is slow"]
fn links_of_64_kbit_with_packets_of_600_bytes() {
    let light = [Light::open(1), Light::open(20), Light::open(300)];
    let machines = HEAVY + light.len();
    let lan = Lan::start(&light, |bridge| {
        for machine in 0..machines {
            bridge.shorten(machine, 600);
            bridge.narrow(machine, "64kbit");
        }
    });
    let Some(lan) = lan else { return };
    let begun = Instant::now();
    lan.complete(Duration::from_secs(60));
    let (id, _, refusals) =
        lan.node(HEAVY).propose_until_announced(Duration::from_secs(10), Duration::from_secs(60));
    println!("64 kbit/s: announced after {:?}, {refusals} proposals not answered in time", begun.elapsed());
    let end = lan.ends_right(&id, Duration::from_secs(10 + 60));
    println!("64 kbit/s: everybody knows of {end} {:?} after the start", begun.elapsed());
}

#[test]
#[ignore = "takes one and a half minutes: 100 flaps of each"]
fn a_heavy_and_a_light_node_whose_links_flap_100_times() {
    let light = [Light::open(1), Light::open(20), Light::open(300), Light::asking(4000)];
    let Some(lan) = Lan::start(&light, |_| {}) else { return };
    lan.complete(FOUND);
    let id = lan.node(HEAVY).propose("90s").unwrap();
    let asked = lan.node(6);
    asked.until_logged(Some(&id), "waits for its owner", FOUND);
    for flap in 0..100_u64 {
        let end = if flap % 2 == 0 { End::Machine } else { End::Bridge };
        // From a glitch to longer than a connection attempt takes.
        let down = Duration::from_millis([20, 100, 300, 600][usize::try_from(flap % 4).unwrap()]);
        lan.bridge.flap(2, end, down);
        lan.bridge.flap(6, end, down);
        if flap == 50 {
            assert_eq!(asked.run(&["approve", &id]).code, 0);
        }
    }
    let flapped = Instant::now();
    lan.sums_to(&id, 4321, Duration::from_secs(60));
    println!("everybody has the sum {:?} after the last flap", flapped.elapsed());
}
