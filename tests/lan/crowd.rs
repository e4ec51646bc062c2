//! A machine that claims by mDNS to be a million nodes.

use std::net::{Ipv4Addr, UdpSocket};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use libp2p::PeerId;

use crate::bridge::Bridge;
use crate::machines::{HEAVY, Lan, Light};

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
/// Set for the crowd alone: nowhere else may it speak.
const CROWD: &str = "FORMIX_LAB_CROWD";
/// The mDNS group and port (RFC 6762), and the name under which libp2p nodes look for each other.
const GROUP: (Ipv4Addr, u16) = (Ipv4Addr::new(224, 0, 0, 251), 5353);
const SERVICE: [&str; 3] = ["_p2p", "_udp", "local"];

#[test]
fn a_million_claimed_nodes_change_no_sum_and_fill_no_memory() {
    let values = [3, 5, 9, 1 << 30];
    let Some(lan) = Lan::start(&values.map(Light::open), |_| {}) else { return };
    lan.complete(FOUND);
    let namespace = lan.bridge.namespace(CROWDED);
    let mut crowd = Command::new("ip")
        .args(["netns", "exec", &namespace])
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "crowd::claims_a_million"])
        .env(CROWD, "yes")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
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
    assert!(std::env::var_os(CROWD).is_some(), "it is the crowd of another test, and is started by that");
    // The address says by which interface: there is no route.
    let socket = UdpSocket::bind((Bridge::address(CROWDED), 0)).unwrap();
    let begun = Instant::now();
    for first in (0..CLAIMS).step_by(IN_A_PACKET as usize) {
        let claimed: Vec<_> = (first..CLAIMS.min(first + IN_A_PACKET)).map(nobody).collect();
        socket.send_to(&response(&claimed), GROUP).unwrap();
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

/// An answer to a question that nobody asked (RFC 1035): for each of them a pointer to a name, and the name's address.
fn response(claimed: &[PeerId]) -> Vec<u8> {
    let count = u16::try_from(claimed.len()).unwrap().to_be_bytes();
    let mut packet = [[0, 0], [0x84, 0x00], [0, 0], count, [0, 0], count].concat();
    let named = |peer: &PeerId| {
        let own = peer.to_base58();
        [&[own.as_str()][..], &SERVICE]
            .concat()
            .iter()
            .flat_map(|label| label_bytes(label))
            .chain([0])
            .collect()
    };
    let service: Vec<u8> = SERVICE.iter().flat_map(|label| label_bytes(label)).chain([0]).collect();
    for peer in claimed {
        let name: Vec<u8> = named(peer);
        record(&mut packet, &service, [0, 12, 0, 1], &name);
    }
    for peer in claimed {
        let address = format!("dnsaddr=/ip4/{}/tcp/9/p2p/{peer}", Bridge::address(0));
        record(&mut packet, &named(peer), [0, 16, 0x80, 1], &label_bytes(&address));
    }
    assert!(packet.len() <= 1_472, "{} bytes", packet.len());
    packet
}

/// A string as DNS has it: its length, and its bytes.
fn label_bytes(text: &str) -> Vec<u8> {
    [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
}

/// Adds a record that holds for two minutes.
fn record(packet: &mut Vec<u8>, name: &[u8], type_and_class: [u8; 4], data: &[u8]) {
    packet.extend_from_slice(name);
    packet.extend(type_and_class);
    packet.extend(120_u32.to_be_bytes());
    packet.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
    packet.extend_from_slice(data);
}
