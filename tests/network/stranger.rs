//! A libp2p peer that speaks our protocols' names and sends bytes of its own.

use std::io;
use std::time::Duration;

use formix_p2p::domain::{ComputationId, PeerId, Timestamp};
use formix_p2p::network::Multiaddr;
use formix_p2p::wire::{Gossip, Identity, Message};
use libp2p::futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, StreamExt};
use libp2p::gossipsub::IdentTopic;
use libp2p::request_response::{self, Codec, ProtocolSupport};
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{StreamProtocol, SwarmBuilder, gossipsub, identity, noise, tcp, yamux};

const PROTOCOL: StreamProtocol = StreamProtocol::new("/formix-p2p/message/2");

/// What a stranger is up to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mischief {
    /// Bad frames, to one.
    Messages,
    /// Bad gossip, to all.
    Gossip,
}

#[derive(NetworkBehaviour)]
struct Behaviour {
    message: request_response::Behaviour<Raw>,
    gossipsub: gossipsub::Behaviour,
}

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
    other_version[0] += 1;
    let garbage: Vec<u8> = (0..200).collect();
    vec![u32::MAX.to_be_bytes().to_vec(), framed(&other_version), framed(&garbage), framed(&[]), vec![1, 2]]
}

/// Gossip that no honest node passes on, by topic.
fn bad_gossip() -> Vec<(&'static str, Vec<u8>)> {
    let outcome = Gossip::Completed { computation: ComputationId::of_body(b"x") }.encode();
    let mut other_version = outcome.clone();
    other_version[0] += 1;
    vec![
        ("formix-p2p/presence/1", outcome),
        ("formix-p2p/computations/1", other_version),
        ("formix-p2p/computations/1", b"garbage".to_vec()),
    ]
}

/// Connects to a node, sends it everything bad of one kind, and stays connected for as long as the node lets it.
pub fn start(secret_key: [u8; 32], to: Multiaddr, mischief: Mischief) -> PeerId {
    let peer = Identity::from_secret_key(&secret_key).peer();
    let keypair = identity::Keypair::ed25519_from_bytes(secret_key).expect("a key");
    let mut swarm = SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_tcp(tcp::Config::new(), noise::Config::new, yamux::Config::default)
        .expect("a transport")
        .with_behaviour(|_| Behaviour {
            message: request_response::Behaviour::with_codec(
                Raw,
                [(PROTOCOL, ProtocolSupport::Full)],
                request_response::Config::default(),
            ),
            gossipsub: gossipsub::Behaviour::new(
                gossipsub::MessageAuthenticity::Anonymous,
                gossipsub::ConfigBuilder::default()
                    .validation_mode(gossipsub::ValidationMode::Anonymous)
                    .message_id_fn(|message| gossipsub::MessageId::from(message.data.clone()))
                    .build()
                    .expect("a configuration"),
            )
            .expect("gossipsub"),
        })
        .expect("a behaviour")
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(60)))
        .build();
    swarm.dial(to).expect("dials");
    tokio::spawn(async move {
        let mut gossip = bad_gossip();
        loop {
            match swarm.select_next_some().await {
                SwarmEvent::ConnectionEstablished { peer_id, .. } if mischief == Mischief::Messages => {
                    for frame in bad_frames() {
                        swarm.behaviour_mut().message.send_request(&peer_id, frame);
                    }
                }
                SwarmEvent::Behaviour(BehaviourEvent::Gossipsub(gossipsub::Event::Subscribed {
                    topic,
                    ..
                })) if mischief == Mischief::Gossip => {
                    let gossipsub = &mut swarm.behaviour_mut().gossipsub;
                    for (_, bytes) in gossip.extract_if(.., |(to, _)| topic == IdentTopic::new(*to).hash()) {
                        gossipsub.publish(topic.clone(), bytes).expect("the node listens");
                    }
                }
                _ => {}
            }
        }
    });
    peer
}
