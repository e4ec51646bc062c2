//! A machine that says by mDNS that everybody lives there.

use std::io::{ErrorKind, Read};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use libp2p::{Multiaddr, PeerId};

use crate::bridge::Bridge;
use crate::machines::{Lan, Light};
use crate::mdns;

const FOUND: Duration = Duration::from_secs(60);
const RESULT: Duration = Duration::from_secs(40);
/// Who is lied about: PeerIds, joined by commas.
const ABOUT: &str = "FORMIX_LAB_ABOUT";
/// Ports of the liar, for each of them: more than a node keeps addresses of anybody.
const PORTS: u16 = 20;
const FIRST_PORT: u16 = 9_000;
/// Claims of one packet.
const IN_A_PACKET: usize = 5;
/// Between two rounds of all claims. Nodes ask every 5 s, so it is the first to answer.
const ROUND: Duration = Duration::from_millis(200);

/// Nodes that know nothing of each other hear first and most often that all others are on one machine, which takes connections and says
/// nothing. They find each other all the same.
#[test]
fn a_machine_that_claims_to_be_everybody_keeps_nobody_from_the_others() {
    let values = [6, 10, 15];
    // Nobody hears of anybody yet.
    let Some(lan) = Lan::start(&values.map(Light::open), |bridge| bridge.silence()) else { return };
    let about: Vec<_> = lan.nodes().map(|node| node.peer().to_string()).collect();
    let about = [(ABOUT, about.join(","))];
    let mut liar = mdns::helper(&lan.bridge, lan.spare(), "liar::claims_to_be_everybody", &about);
    lan.bridge.heal();
    let begun = Instant::now();
    lan.complete(FOUND);
    println!("all know all after {:?}", begun.elapsed());
    let sum = values.iter().sum();
    lan.sums_to(&ask(&lan, 3), sum, RESULT);
    // Who was away is found again, also by whoever never met it.
    for away in [0, 4] {
        assert_eq!(lan.node(away).run(&["stop"]).code, 0);
        assert_eq!(lan.node(away).run(&["start", "--detach"]).code, 0);
        lan.node(away).until_seen(3, values.len(), FOUND);
        lan.complete(FOUND);
        lan.sums_to(&ask(&lan, 5), sum, RESULT);
    }
    drop(liar.stdin.take());
    assert!(liar.wait().unwrap().success(), "nobody believed it");
}

/// Asks for the sum, and gives the computation's id.
fn ask(lan: &Lan, machine: usize) -> String {
    lan.node(machine).propose_until_announced(Duration::from_secs(8), RESULT).0
}

/// The liar: it speaks until its input is closed, and listens where it sends everybody.
#[test]
#[ignore = "the liar of a_machine_that_claims_to_be_everybody_keeps_nobody_from_the_others"]
fn claims_to_be_everybody() {
    let machine = mdns::machine();
    let about: Vec<PeerId> =
        std::env::var(ABOUT).unwrap().split(',').map(|peer| peer.parse().unwrap()).collect();
    let address = Bridge::address(machine);
    let ports: Vec<u16> = (FIRST_PORT..FIRST_PORT + PORTS).collect();
    let doors: Vec<_> =
        ports.iter().map(|port| TcpListener::bind((address.as_str(), *port)).unwrap()).collect();
    // Datagrams are taken, too, and nothing is said to them.
    let _boxes: Vec<_> = ports.iter().map(|port| UdpSocket::bind((address.as_str(), *port)).unwrap()).collect();
    doors.iter().for_each(|door| door.set_nonblocking(true).unwrap());
    let claims: Vec<(PeerId, Multiaddr)> = about
        .iter()
        .flat_map(|peer| ports.iter().map(move |port| (peer, port)))
        .map(|(peer, port)| {
            let transport = if port % 2 == 0 { format!("tcp/{port}") } else { format!("udp/{port}/quic-v1") };
            (*peer, format!("/ip4/{address}/{transport}").parse().unwrap())
        })
        .collect();
    let (tell, closed) = sync_channel::<()>(0);
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        drop(tell);
    });
    let speaker = mdns::speaker(machine);
    let mut visitors: Vec<TcpStream> = Vec::new();
    while closed.recv_timeout(ROUND) == Err(RecvTimeoutError::Timeout) {
        claims.chunks(IN_A_PACKET).for_each(|some| mdns::claim(&speaker, some));
        for door in &doors {
            match door.accept() {
                Ok((visitor, _)) => visitors.push(visitor),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
    }
    assert!(!visitors.is_empty());
}
