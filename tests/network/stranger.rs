//! A libp2p peer that speaks our protocols' names and sends bytes of its own.

use std::io;

use formix_p2p::domain::{PeerId, Timestamp};
use formix_p2p::network::Multiaddr;
use formix_p2p::wire::{Identity, Message};
use libp2p::futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, StreamExt};
use libp2p::request_response::{self, Codec, ProtocolSupport};
use libp2p::swarm::SwarmEvent;
use libp2p::{StreamProtocol, SwarmBuilder, identity, noise, tcp, yamux};

const PROTOCOL: StreamProtocol = StreamProtocol::new("/formix-p2p/message/1");

#[derive(Clone, Default)]
struct Raw;

impl Codec for Raw {
    type Protocol = StreamProtocol;
    type Request = Vec<u8>;
    type Response = Vec<u8>;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        self.read_response(&PROTOCOL, io).await
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        let mut bytes = Vec::new();
        io.read_to_end(&mut bytes).await?;
        Ok(bytes)
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, bytes: Vec<u8>) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        io.write_all(&bytes).await
    }

    async fn write_response<T>(&mut self, _: &StreamProtocol, io: &mut T, bytes: Vec<u8>) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        io.write_all(&bytes).await
    }
}

fn framed(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("short");
    [&length.to_be_bytes(), body].concat()
}

/// Frames that no honest node sends.
fn bad_frames() -> Vec<Vec<u8>> {
    let mut other_version = Message::Ask { clock: Timestamp::from_millis(1) }.encode();
    other_version[0] = 2;
    let garbage: Vec<u8> = (0..200).collect();
    vec![u32::MAX.to_be_bytes().to_vec(), framed(&other_version), framed(&garbage), framed(&[]), vec![1, 2]]
}

/// Connects to a node, sends it every bad frame, and stays connected for as long as the node lets it.
pub fn start(secret_key: [u8; 32], to: Multiaddr) -> PeerId {
    let peer = Identity::from_secret_key(&secret_key).peer();
    let keypair = identity::Keypair::ed25519_from_bytes(secret_key).expect("a key");
    let mut swarm = SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_tcp(tcp::Config::new(), noise::Config::new, yamux::Config::default)
        .expect("a transport")
        .with_behaviour(|_| {
            let protocols = [(PROTOCOL, ProtocolSupport::Full)];
            request_response::Behaviour::with_codec(Raw, protocols, request_response::Config::default())
        })
        .expect("a behaviour")
        .with_swarm_config(|config| config.with_idle_connection_timeout(std::time::Duration::from_secs(60)))
        .build();
    swarm.dial(to).expect("dials");
    tokio::spawn(async move {
        loop {
            if let SwarmEvent::ConnectionEstablished { peer_id, .. } = swarm.select_next_some().await {
                for frame in bad_frames() {
                    swarm.behaviour_mut().send_request(&peer_id, frame);
                }
            }
        }
    });
    peer
}
