//! What a machine says by mDNS, packet by packet: who is to be found where, true or not.

use std::net::{Ipv4Addr, UdpSocket};
use std::process::{Child, Command, Stdio};

use libp2p::{Multiaddr, PeerId};

use crate::bridge::Bridge;

/// The mDNS group and port (RFC 6762), and the name under which libp2p nodes look for each other.
const GROUP: (Ipv4Addr, u16) = (Ipv4Addr::new(224, 0, 0, 251), 5353);
const SERVICE: [&str; 3] = ["_p2p", "_udp", "local"];
/// What fits the 1500 bytes of a frame.
const PACKET_BYTES_MAX: usize = 1_472;
/// Names the machine on which a helper speaks: set for it alone, and nowhere else may it speak.
const MACHINE: &str = "FORMIX_LAB_MACHINE";

/// Runs an ignored test of this program as another process, on a machine of the lab. It ends, at the latest, when its input is closed.
pub fn helper(bridge: &Bridge, machine: usize, test: &str, more: &[(&str, String)]) -> Child {
    Command::new("ip")
        .args(["netns", "exec", &bridge.namespace(machine)])
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", test])
        .env(MACHINE, machine.to_string())
        .envs(more.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// On which machine of the lab this process speaks.
pub fn machine() -> usize {
    let machine = std::env::var(MACHINE).expect("a helper of another test, and started by that");
    machine.parse().unwrap()
}

/// Where a machine speaks from. The address says by which interface: there is no route.
pub fn speaker(machine: usize) -> UdpSocket {
    UdpSocket::bind((Bridge::address(machine), 0)).unwrap()
}

/// Says to everybody that these nodes are to be found there.
pub fn claim(speaker: &UdpSocket, claims: &[(PeerId, Multiaddr)]) {
    speaker.send_to(&response(claims), GROUP).unwrap();
}

/// An answer to a question that nobody asked (RFC 1035): for each node a pointer to a name, and for each address a record of that name.
fn response(claims: &[(PeerId, Multiaddr)]) -> Vec<u8> {
    let mut nodes: Vec<_> = claims.iter().map(|(peer, _)| peer).collect();
    nodes.dedup();
    let count = |number: usize| u16::try_from(number).unwrap().to_be_bytes();
    let mut packet = [[0, 0], [0x84, 0x00], [0, 0], count(nodes.len()), [0, 0], count(claims.len())].concat();
    for peer in nodes {
        record(&mut packet, &name(&SERVICE), [0, 12, 0, 1], &name_of(peer));
    }
    for (peer, address) in claims {
        let address = format!("dnsaddr={address}/p2p/{peer}");
        record(&mut packet, &name_of(peer), [0, 16, 0x80, 1], &label(&address));
    }
    assert!(packet.len() <= PACKET_BYTES_MAX, "{} bytes", packet.len());
    packet
}

fn name_of(peer: &PeerId) -> Vec<u8> {
    name(&[&[peer.to_base58().as_str()][..], &SERVICE].concat())
}

/// A name as DNS has it: its labels, and an empty one.
fn name(labels: &[&str]) -> Vec<u8> {
    labels.iter().flat_map(|text| label(text)).chain([0]).collect()
}

/// A string as DNS has it: its length, and its bytes.
fn label(text: &str) -> Vec<u8> {
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
