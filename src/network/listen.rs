//! Listening: every address is bound, or the first that cannot be is named.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};

use futures::{FutureExt as _, StreamExt as _};
use libp2p::core::transport::{ListenerId, TransportError};
use libp2p::multiaddr::Protocol;
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, Swarm};

use super::behaviour::{Behaviour, BehaviourEvent};
use super::error::NetworkError;
use crate::wire::SwarmKey;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Tcp,
    Quic,
}

/// How often an address is tried that was free a moment ago.
const ATTEMPTS: u32 = 5;

/// What listens, and whatever the swarm said until it did: mDNS does not repeat itself.
pub(super) struct Listening {
    pub(super) listeners: Vec<ListenerId>,
    pub(super) events: Vec<SwarmEvent<BehaviourEvent>>,
}

/// Binds every address and waits until the ports are known.
pub(super) async fn listen(
    swarm: &mut Swarm<Behaviour>,
    addresses: &[Multiaddr],
    swarm_key: Option<&SwarmKey>,
) -> Result<Listening, NetworkError> {
    let mut waiting: HashMap<ListenerId, Multiaddr> = HashMap::new();
    for address in addresses {
        waiting.insert(listen_on(swarm, address, swarm_key)?, address.clone());
    }
    let listeners = waiting.keys().copied().collect();
    let mut events = Vec::new();
    while !waiting.is_empty() {
        let event = swarm.select_next_some().await;
        match &event {
            SwarmEvent::NewListenAddr { listener_id, .. } => {
                waiting.remove(listener_id);
            }
            SwarmEvent::ListenerClosed { listener_id, reason, .. } => {
                if let Some(address) = waiting.remove(listener_id) {
                    let reason = match reason {
                        Ok(()) => io::Error::from(io::ErrorKind::NotConnected),
                        Err(error) => io::Error::new(error.kind(), error.to_string()),
                    };
                    return Err(NetworkError::Listen { address, reason });
                }
            }
            _ => {}
        }
        events.push(event);
    }
    // An address on all interfaces is reported interface by interface; take what is known by now.
    while let Some(Some(event)) = swarm.next().now_or_never() {
        let is_address = matches!(event, SwarmEvent::NewListenAddr { .. });
        events.push(event);
        if !is_address {
            break;
        }
    }
    Ok(Listening { listeners, events })
}

/// Binds one address. Between the probe and libp2p another node may take the port: for good, which the next probe tells, or to see
/// whether it is free, which is over at once.
fn listen_on(
    swarm: &mut Swarm<Behaviour>,
    address: &Multiaddr,
    swarm_key: Option<&SwarmKey>,
) -> Result<ListenerId, NetworkError> {
    let mut left = ATTEMPTS;
    loop {
        probe(address, swarm_key)?;
        left -= 1;
        match swarm.listen_on(address.clone()) {
            Ok(listener) => return Ok(listener),
            Err(TransportError::MultiaddrNotSupported(address)) => {
                return Err(NetworkError::NotAListenAddress(address));
            }
            Err(TransportError::Other(reason)) if left == 0 => {
                return Err(NetworkError::Listen { address: address.clone(), reason });
            }
            Err(TransportError::Other(_)) => {}
        }
    }
}

/// Binds and lets go, without the permission to share a port that libp2p gives its TCP sockets: with it, two nodes
/// would listen on one port and each get half of the connections.
fn probe(address: &Multiaddr, swarm_key: Option<&SwarmKey>) -> Result<(), NetworkError> {
    let (socket, kind) = parse(address).ok_or_else(|| NetworkError::NotAListenAddress(address.clone()))?;
    if kind == Kind::Quic && swarm_key.is_some() {
        return Err(NetworkError::QuicWithSwarmKey(address.clone()));
    }
    let bound = match kind {
        Kind::Tcp => TcpListener::bind(socket).map(drop),
        Kind::Quic => UdpSocket::bind(socket).map(drop),
    };
    bound.map_err(|reason| match reason.kind() {
        io::ErrorKind::AddrInUse => NetworkError::AddressInUse(address.clone()),
        _ => NetworkError::Listen { address: address.clone(), reason },
    })
}

fn parse(address: &Multiaddr) -> Option<(SocketAddr, Kind)> {
    let mut parts = address.iter();
    let ip: IpAddr = match parts.next()? {
        Protocol::Ip4(ip) => ip.into(),
        Protocol::Ip6(ip) => ip.into(),
        _ => return None,
    };
    let (port, kind) = match (parts.next()?, parts.next()) {
        (Protocol::Tcp(port), None) => (port, Kind::Tcp),
        (Protocol::Udp(port), Some(Protocol::QuicV1)) => (port, Kind::Quic),
        _ => return None,
    };
    if parts.next().is_some() { None } else { Some((SocketAddr::new(ip, port), kind)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listen_addresses_are_an_interface_a_port_and_a_transport() {
        for text in ["/ip4/0.0.0.0/tcp/0", "/ip6/::1/tcp/8000", "/ip4/127.0.0.1/udp/8000/quic-v1"] {
            assert!(parse(&text.parse().expect("a multiaddress")).is_some(), "{text}");
        }
        for text in ["/ip4/0.0.0.0", "/ip4/0.0.0.0/udp/1", "/dns4/localhost/tcp/1", "/ip4/1.2.3.4/tcp/1/ws"] {
            assert!(parse(&text.parse().expect("a multiaddress")).is_none(), "{text}");
        }
    }
}
