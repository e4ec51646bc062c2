//! The layers under the protocols: TCP with Noise and Yamux beside QUIC, or, with a swarm key, TCP alone with the
//! key's cipher underneath.

use std::time::Duration;

use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::{Boxed, OrTransport};
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::pnet::{PnetConfig, PreSharedKey};
use libp2p::{PeerId, Swarm, Transport, noise, quic, swarm, tcp, yamux};

use super::behaviour::Behaviour;
use super::error::NetworkError;
use crate::wire::SwarmKey;

/// From the first byte to an authenticated, multiplexed connection.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// A connection that no protocol uses is closed after this long. Gossip keeps most of them in use.
const IDLE_MAX: Duration = Duration::from_secs(60);

type Connections = Boxed<(PeerId, StreamMuxerBox)>;

/// A swarm that listens nowhere yet.
pub(super) fn swarm(
    keypair: &Keypair,
    behaviour: Behaviour,
    swarm_key: Option<&SwarmKey>,
) -> Result<Swarm<Behaviour>, NetworkError> {
    let transport = match swarm_key {
        Some(key) => private_tcp(keypair, key)?,
        None => {
            OrTransport::new(open_tcp(keypair)?, quic(keypair)).map(|either, _| either.into_inner()).boxed()
        }
    };
    let config = swarm::Config::with_tokio_executor().with_idle_connection_timeout(IDLE_MAX);
    Ok(Swarm::new(transport, behaviour, keypair.public().to_peer_id(), config))
}

fn tcp_config() -> tcp::Config {
    tcp::Config::new().nodelay(true)
}

fn noise(keypair: &Keypair) -> Result<noise::Config, NetworkError> {
    noise::Config::new(keypair)
        .map_err(|error| NetworkError::Setup { layer: "noise", reason: error.to_string() })
}

fn open_tcp(keypair: &Keypair) -> Result<Connections, NetworkError> {
    Ok(tcp::tokio::Transport::new(tcp_config())
        .upgrade(Version::V1)
        .authenticate(noise(keypair)?)
        .multiplex(yamux::Config::default())
        .timeout(HANDSHAKE_MAX)
        .boxed())
}

fn private_tcp(keypair: &Keypair, key: &SwarmKey) -> Result<Connections, NetworkError> {
    let cipher = PnetConfig::new(PreSharedKey::new(*key.expose()));
    Ok(tcp::tokio::Transport::new(tcp_config())
        .and_then(move |socket, _| cipher.handshake(socket))
        .upgrade(Version::V1)
        .authenticate(noise(keypair)?)
        .multiplex(yamux::Config::default())
        .timeout(HANDSHAKE_MAX)
        .boxed())
}

fn quic(keypair: &Keypair) -> Connections {
    quic::tokio::Transport::new(quic::Config::new(keypair))
        .map(|(peer, connection), _| (peer, StreamMuxerBox::new(connection)))
        .boxed()
}
