//! A libp2p peer of our own making: it frames nothing, checks nothing and keeps no promise.

use std::io;
use std::time::Duration;

use formix_p2p::domain::PeerId;
use formix_p2p::network::Multiaddr;
use formix_p2p::wire::{Identity, Message};
use libp2p::futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, StreamExt};
use libp2p::gossipsub::{IdentTopic, MessageId};
use libp2p::kad::store::MemoryStore;
use libp2p::request_response::{self, Codec, ProtocolSupport};
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{StreamProtocol, Swarm, SwarmBuilder, gossipsub, identify, identity, kad, noise, tcp, yamux};
use tokio::sync::mpsc;

const MESSAGES: StreamProtocol = StreamProtocol::new("/formix-p2p/message/2");
const KADEMLIA: StreamProtocol = StreamProtocol::new("/formix-p2p/kad/1");
/// How long an event may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// What it says that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pose {
    Light,
    /// It listens, and serves a Kademlia full of peers that do not exist.
    Heavy,
}

/// What goes into one stream, byte for byte.
#[derive(Clone, Debug)]
pub struct Raw {
    pub bytes: Vec<u8>,
    pub then: Then,
}

/// What becomes of the stream after that.
#[derive(Clone, Copy, Debug)]
pub enum Then {
    /// It is closed, as honest ones are.
    Close,
    /// It stays open, and nothing more comes.
    Stall,
    /// The bytes come again, for ever.
    Repeat,
}

/// What it meets with.
#[derive(Debug)]
pub enum Met {
    Connected(PeerId),
    Gone(PeerId),
    /// A dial came to nothing.
    Refused,
    /// One byte.
    Answer(u8),
    NoAnswer,
    Message(PeerId, Message),
    /// The same, in the answer to a request.
    Replied(PeerId, Message),
    /// Somebody listens to a topic.
    Subscribed,
}

enum Order {
    Dial(Multiaddr),
    Send(PeerId, Raw),
    Publish(&'static str, Vec<u8>),
}

/// The peer, by its handle: its task ends when this is dropped.
pub struct Hostile {
    pub identity: Identity,
    orders: mpsc::Sender<Order>,
    pub events: mpsc::Receiver<Met>,
    pub address: Option<Multiaddr>,
}

#[derive(NetworkBehaviour)]
struct Behaviour {
    message: request_response::Behaviour<Bytes>,
    gossipsub: gossipsub::Behaviour,
    identify: identify::Behaviour,
    kademlia: Toggle<kad::Behaviour<MemoryStore>>,
}

#[derive(Clone, Default)]
struct Bytes;

impl Codec for Bytes {
    type Protocol = StreamProtocol;
    type Request = Raw;
    type Response = Vec<u8>;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Raw>
    where
        T: AsyncRead + Unpin + Send,
    {
        let mut bytes = Vec::new();
        io.read_to_end(&mut bytes).await?;
        Ok(Raw { bytes, then: Then::Close })
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        let mut answer = Vec::new();
        io.read_to_end(&mut answer).await?;
        if answer.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(answer) }
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, raw: Raw) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        io.write_all(&raw.bytes).await?;
        io.flush().await?;
        match raw.then {
            Then::Close => Ok(()),
            Then::Stall => std::future::pending().await,
            Then::Repeat => loop {
                io.write_all(&raw.bytes).await?;
            },
        }
    }

    async fn write_response<T>(&mut self, _: &StreamProtocol, io: &mut T, bytes: Vec<u8>) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        io.write_all(&bytes).await
    }
}

/// The length, and the bytes.
pub fn framed(body: &[u8]) -> Raw {
    let length = u32::try_from(body.len()).unwrap();
    Raw { bytes: [&length.to_be_bytes(), body].concat(), then: Then::Close }
}

/// A secret key for each number.
pub fn key(number: u32) -> [u8; 32] {
    let mut key = [0xee; 32];
    key[..4].copy_from_slice(&number.to_be_bytes());
    key
}

/// Peers that nobody has ever met, where nobody lives.
fn invented() -> impl Iterator<Item = (libp2p::PeerId, Multiaddr)> {
    (0..2_000_u32).map(|number| {
        let key = identity::Keypair::ed25519_from_bytes(key(1_000_000 + number)).unwrap();
        (key.public().to_peer_id(), format!("/ip4/127.0.0.1/tcp/{}", 1 + number % 1_000).parse().unwrap())
    })
}

fn swarm(secret: [u8; 32], pose: Pose) -> Swarm<Behaviour> {
    let keypair = identity::Keypair::ed25519_from_bytes(secret).unwrap();
    let kademlia = (pose == Pose::Heavy).then(|| {
        let local = keypair.public().to_peer_id();
        let mut kademlia =
            kad::Behaviour::with_config(local, MemoryStore::new(local), kad::Config::new(KADEMLIA));
        kademlia.set_mode(Some(kad::Mode::Server));
        for (peer, address) in invented() {
            kademlia.add_address(&peer, address);
        }
        kademlia
    });
    let identify = identify::Config::new("/formix-p2p/1".to_owned(), keypair.public());
    let gossip = gossipsub::ConfigBuilder::default()
        .validation_mode(gossipsub::ValidationMode::Anonymous)
        .message_id_fn(|message| MessageId::from(message.data.clone()))
        .max_transmit_size(68 * 1024)
        .build()
        .unwrap();
    let messages = request_response::Config::default()
        .with_request_timeout(Duration::from_secs(60))
        .with_max_concurrent_streams(500);
    SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_tcp(tcp::Config::new().nodelay(true), noise::Config::new, yamux::Config::default)
        .unwrap()
        .with_behaviour(|_| Behaviour {
            message: request_response::Behaviour::with_codec(
                Bytes,
                [(MESSAGES, ProtocolSupport::Full)],
                messages,
            ),
            gossipsub: gossipsub::Behaviour::new(gossipsub::MessageAuthenticity::Anonymous, gossip).unwrap(),
            identify: identify::Behaviour::new(identify),
            kademlia: kademlia.into(),
        })
        .unwrap()
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(600)))
        .build()
}

impl Hostile {
    /// A peer with the key of this number, which knows nobody yet.
    pub async fn new(number: u32, pose: Pose) -> Self {
        let mut swarm = swarm(key(number), pose);
        let mut address = None;
        if pose == Pose::Heavy {
            swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse().unwrap()).unwrap();
            while address.is_none() {
                if let SwarmEvent::NewListenAddr { address: new, .. } = swarm.select_next_some().await {
                    address = Some(new);
                }
            }
        }
        let (orders, orders_rx) = mpsc::channel(65_536);
        let (events_tx, events) = mpsc::channel(65_536);
        tokio::spawn(run(swarm, orders_rx, events_tx));
        Self { identity: Identity::from_secret_key(&key(number)), orders, events, address }
    }

    /// A peer that is connected to this one.
    pub async fn at(number: u32, pose: Pose, to: PeerId, address: &Multiaddr) -> Self {
        let mut hostile = Self::new(number, pose).await;
        hostile.dial(address.clone());
        hostile
            .until("a connection", |met| matches!(met, Met::Connected(peer) if peer == to).then_some(()))
            .await;
        hostile
    }

    pub fn peer(&self) -> PeerId {
        self.identity.peer()
    }

    pub fn dial(&self, address: Multiaddr) {
        self.order(Order::Dial(address));
    }

    pub fn raw(&self, to: PeerId, raw: Raw) {
        self.order(Order::Send(to, raw));
    }

    pub fn send(&self, to: PeerId, message: &Message) {
        self.raw(to, framed(&message.encode()));
    }

    pub fn publish(&self, topic: &'static str, bytes: Vec<u8>) {
        self.order(Order::Publish(topic, bytes));
    }

    fn order(&self, order: Order) {
        // A flood beyond what its own queue holds is flood enough.
        self.orders.try_send(order).ok();
    }

    pub async fn until<T>(&mut self, what: &str, mut wanted: impl FnMut(Met) -> Option<T>) -> T {
        let search = async {
            loop {
                if let Some(found) = wanted(self.events.recv().await.expect("it runs")) {
                    return found;
                }
            }
        };
        match tokio::time::timeout(PATIENCE, search).await {
            Ok(found) => found,
            Err(_) => panic!("waits in vain for {what}"),
        }
    }

    /// Waits until it has no connection to a peer, or is not let in.
    pub async fn until_outside(&mut self, of: PeerId) {
        let outside = |met| match met {
            Met::Gone(peer) => (peer == of).then_some(()),
            Met::Refused => Some(()),
            _ => None,
        };
        self.until("the end", outside).await;
    }

    /// The next message for it of a kind, by itself or in an answer.
    pub async fn receive<T>(&mut self, what: &str, mut wanted: impl FnMut(PeerId, Message) -> Option<T>) -> T {
        let message = |met| match met {
            Met::Message(from, message) | Met::Replied(from, message) => wanted(from, message),
            _ => None,
        };
        self.until(what, message).await
    }
}

async fn run(mut swarm: Swarm<Behaviour>, mut orders: mpsc::Receiver<Order>, events: mpsc::Sender<Met>) {
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(order) => obey(&mut swarm, order),
                None => return,
            },
            event = swarm.select_next_some() => for met in meet(&mut swarm, event) {
                // Nobody looks at what a flooder meets with.
                events.try_send(met).ok();
            },
        }
    }
}

fn libp2p_peer(peer: PeerId) -> libp2p::PeerId {
    libp2p::PeerId::from_bytes(&peer.to_bytes()).unwrap()
}

fn obey(swarm: &mut Swarm<Behaviour>, order: Order) {
    match order {
        Order::Dial(address) => {
            let peer = address.iter().find_map(|part| match part {
                libp2p::multiaddr::Protocol::P2p(peer) => Some(peer),
                _ => None,
            });
            let options = DialOpts::peer_id(peer.unwrap()).addresses(vec![address]);
            let options = options.condition(PeerCondition::Always).allocate_new_port();
            swarm.dial(options.build()).ok();
        }
        Order::Send(to, raw) => {
            let to = libp2p_peer(to);
            if swarm.is_connected(&to) {
                swarm.behaviour_mut().message.send_request(&to, raw);
            }
        }
        Order::Publish(topic, bytes) => {
            swarm.behaviour_mut().gossipsub.publish(IdentTopic::new(topic), bytes).ok();
        }
    }
}

/// The messages of a request: behind a length whose highest bit is set, another one follows.
fn messages_in(mut bytes: &[u8]) -> Vec<Message> {
    let mut messages = Vec::new();
    while let Some((prefix, rest)) = bytes.split_first_chunk::<4>() {
        let length = (u32::from_be_bytes(*prefix) & !(1 << 31)) as usize;
        let Some((envelope, rest)) = rest.split_at_checked(length) else { break };
        messages.extend(Message::decode(envelope).ok());
        bytes = rest;
    }
    messages
}

fn meet(swarm: &mut Swarm<Behaviour>, event: SwarmEvent<BehaviourEvent>) -> Vec<Met> {
    let ours = |peer: libp2p::PeerId| PeerId::from_bytes(&peer.to_bytes());
    let one = match event {
        SwarmEvent::ConnectionEstablished { peer_id, .. } => ours(peer_id).map(Met::Connected),
        SwarmEvent::ConnectionClosed { peer_id, .. } => ours(peer_id).map(Met::Gone),
        SwarmEvent::OutgoingConnectionError { .. } => Some(Met::Refused),
        SwarmEvent::Behaviour(BehaviourEvent::Gossipsub(gossipsub::Event::Subscribed { .. })) => {
            Some(Met::Subscribed)
        }
        SwarmEvent::Behaviour(BehaviourEvent::Message(event)) => match event {
            request_response::Event::Message { peer, message, .. } => match message {
                request_response::Message::Request { request, channel, .. } => {
                    let messages = messages_in(&request.bytes);
                    swarm.behaviour_mut().message.send_response(channel, vec![0; messages.len()]).ok();
                    let from = ours(peer).into_iter();
                    return from
                        .flat_map(|from| messages.iter().cloned().map(move |it| Met::Message(from, it)))
                        .collect();
                }
                request_response::Message::Response { response, .. } => match response.as_slice() {
                    // An answer that brings a message: its length, and the envelope.
                    [3, _, _, _, _, envelope @ ..] => {
                        let replied = |from| Some(Met::Replied(from, Message::decode(envelope).ok()?));
                        ours(peer).and_then(replied)
                    }
                    _ => Some(Met::Answer(response[0])),
                },
            },
            request_response::Event::OutboundFailure { .. } => Some(Met::NoAnswer),
            _ => None,
        },
        _ => None,
    };
    one.into_iter().collect()
}
