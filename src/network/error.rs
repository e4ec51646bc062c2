//! Why a node cannot enter the network.

use std::io;

use libp2p::Multiaddr;

/// Why [`super::Network::start`] gave up. Nothing listens afterwards.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// Another program, or another node, listens there.
    #[error("{0} is in use; stop the program that listens there, or choose another port")]
    AddressInUse(Multiaddr),
    /// Not an address that this node can listen on.
    #[error(
        "cannot listen on {0}; listen addresses look like /ip4/0.0.0.0/tcp/8000 or /ip4/0.0.0.0/udp/8000/quic-v1"
    )]
    NotAListenAddress(Multiaddr),
    /// A swarm key goes under TCP only.
    #[error("cannot listen on {0}: a network with a swarm key uses TCP only; leave this address out")]
    QuicWithSwarmKey(Multiaddr),
    /// The operating system refused.
    #[error("cannot listen on {address}: {reason}; is this an address of this machine?")]
    Listen {
        /// Where.
        address: Multiaddr,
        /// What it said.
        reason: io::Error,
    },
    /// The keys or the parameters of a protocol were refused: a mistake of ours, not of the caller.
    #[error("cannot set up {layer}: {reason}; please report this")]
    Setup {
        /// Which part.
        layer: &'static str,
        /// What it said.
        reason: String,
    },
}
