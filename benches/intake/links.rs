//! The other ends of a node's connections: bare libp2p request-response, one swarm and one task a connection, bytes in and
//! bytes out. Nothing that comes back is decoded while the clock runs.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use formix_p2p::network::Multiaddr;
use libp2p::futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, StreamExt};
use libp2p::request_response::{self, Codec, ProtocolSupport};
use libp2p::swarm::{SwarmEvent, dial_opts::DialOpts};
use libp2p::{PeerId, StreamProtocol, Swarm, SwarmBuilder, identity, noise, tcp, yamux};
use tokio::sync::{mpsc, oneshot};

const PROTOCOL: StreamProtocol = StreamProtocol::new("/formix-p2p/message/2");
/// What a busy node is offered again after.
const BUSY_PAUSE: Duration = Duration::from_millis(50);

type Bytes = Vec<u8>;
type Behaviour = request_response::Behaviour<Raw>;
type Event = request_response::Event<Vec<Bytes>, Bytes>;

#[derive(Clone, Default)]
pub struct Raw;

impl Codec for Raw {
    type Protocol = StreamProtocol;
    type Request = Vec<Bytes>;
    type Response = Bytes;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<Bytes>>
    where
        T: AsyncRead + Unpin + Send,
    {
        let mut messages = Vec::new();
        loop {
            let mut length = [0; 4];
            io.read_exact(&mut length).await?;
            // The highest bit says that another one follows.
            let mut bytes = vec![0; (u32::from_be_bytes(length) & !(1 << 31)) as usize];
            io.read_exact(&mut bytes).await?;
            messages.push(bytes);
            if length[0] & 0x80 == 0 {
                return Ok(messages);
            }
        }
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Bytes>
    where
        T: AsyncRead + Unpin + Send,
    {
        let mut bytes = Vec::new();
        io.read_to_end(&mut bytes).await?;
        Ok(bytes)
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, frame: Vec<Bytes>) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        let [bytes] = frame.as_slice() else { panic!("one message a request") };
        io.write_all(&u32::try_from(bytes.len()).unwrap().to_be_bytes()).await?;
        io.write_all(bytes).await
    }

    async fn write_response<T>(&mut self, _: &StreamProtocol, io: &mut T, bytes: Bytes) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        io.write_all(&bytes).await
    }
}

/// As a node sets its own: TCP without delay, Noise, Yamux.
fn swarm(secret: [u8; 32]) -> Swarm<Behaviour> {
    let keypair = identity::Keypair::ed25519_from_bytes(secret).unwrap();
    let messages = request_response::Config::default().with_request_timeout(Duration::from_secs(60));
    SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_tcp(tcp::Config::new().nodelay(true), noise::Config::new, yamux::Config::default)
        .unwrap()
        .with_behaviour(|_| Behaviour::with_codec(Raw, [(PROTOCOL, ProtocolSupport::Full)], messages))
        .unwrap()
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(600)))
        .build()
}

/// Answers every request with itself.
pub async fn echo(secret: [u8; 32]) -> Multiaddr {
    let mut swarm = swarm(secret);
    swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse().unwrap()).unwrap();
    let (tell, address) = oneshot::channel();
    let mut tell = Some(tell);
    tokio::spawn(async move {
        loop {
            match swarm.select_next_some().await {
                SwarmEvent::NewListenAddr { address, .. } => {
                    if let Some(tell) = tell.take() {
                        tell.send(address.with_p2p(*swarm.local_peer_id()).unwrap()).unwrap();
                    }
                }
                SwarmEvent::Behaviour(Event::Message {
                    message: request_response::Message::Request { request, channel, .. },
                    ..
                }) => swarm.behaviour_mut().send_response(channel, request.concat()).unwrap(),
                _ => {}
            }
        }
    });
    address.await.unwrap()
}

/// What a connection does with what comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// Each response is as long as its request.
    Echoes,
    /// Each message of this kind that comes, as a response or by itself.
    Messages(&'static str),
}

/// What is to be sent over a connection, and how.
pub struct Errand {
    pub frames: Vec<Bytes>,
    /// How many may be without what they wait for.
    pub window: usize,
    pub counts: Counts,
    /// How many things come back, and then it is over.
    pub awaited: usize,
    pub done: oneshot::Sender<Vec<Bytes>>,
}

/// A connection, and where its errands go.
pub struct Link {
    errands: mpsc::Sender<Errand>,
}

struct Running {
    swarm: Swarm<Behaviour>,
    to: PeerId,
    waiting: VecDeque<Bytes>,
    in_flight: usize,
    window: usize,
    sent: std::collections::HashMap<request_response::OutboundRequestId, Bytes>,
    came: Vec<Bytes>,
    counts: Counts,
}

impl Link {
    /// A connection to a node, by this key.
    pub async fn new(secret: [u8; 32], to: &Multiaddr) -> Self {
        let mut swarm = swarm(secret);
        let (address, peer) = (to.clone(), peer_of(to));
        swarm.dial(DialOpts::peer_id(peer).addresses(vec![address]).build()).unwrap();
        loop {
            match swarm.select_next_some().await {
                SwarmEvent::ConnectionEstablished { .. } => break,
                SwarmEvent::OutgoingConnectionError { error, .. } => panic!("{error}"),
                _ => {}
            }
        }
        let (errands, mut inbox) = mpsc::channel::<Errand>(1);
        tokio::spawn(async move {
            let (waiting, sent) = Default::default();
            let mut running = Running {
                swarm,
                to: peer,
                waiting,
                in_flight: 0,
                window: 0,
                sent,
                came: Vec::new(),
                counts: Counts::Echoes,
            };
            loop {
                let errand = tokio::select! {
                    errand = inbox.recv() => errand,
                    event = running.swarm.select_next_some() => {
                        running.meet(event);
                        continue;
                    }
                };
                let Some(errand) = errand else { return };
                let came = running.run(errand.frames, errand.window, errand.counts, errand.awaited).await;
                errand.done.send(came).unwrap();
            }
        });
        Self { errands }
    }

    /// Runs an errand to its end.
    pub async fn send(&self, frames: Vec<Bytes>, window: usize, counts: Counts, awaited: usize) -> Vec<Bytes> {
        let (done, over) = oneshot::channel();
        let errand = Errand { frames, window, counts, awaited, done };
        assert!(self.errands.send(errand).await.is_ok());
        over.await.unwrap()
    }
}

impl Running {
    async fn run(&mut self, frames: Vec<Bytes>, window: usize, counts: Counts, awaited: usize) -> Vec<Bytes> {
        self.waiting = frames.into();
        (self.in_flight, self.window, self.counts) = (0, window, counts);
        self.came.clear();
        let mut again = tokio::time::interval(BUSY_PAUSE);
        self.pump();
        while self.came.len() < awaited || !self.sent.is_empty() || !self.waiting.is_empty() {
            tokio::select! {
                event = self.swarm.select_next_some() => self.meet(event),
                _ = again.tick() => {}
            }
            self.pump();
        }
        std::mem::take(&mut self.came)
    }

    fn pump(&mut self) {
        while self.in_flight < self.window
            && let Some(frame) = self.waiting.pop_front()
        {
            let request = self.swarm.behaviour_mut().send_request(&self.to, vec![frame.clone()]);
            self.sent.insert(request, frame);
            self.in_flight += 1;
        }
    }

    fn arrived(&mut self, bytes: Bytes) {
        self.came.push(bytes);
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    fn meet(&mut self, event: SwarmEvent<Event>) {
        let SwarmEvent::Behaviour(event) = event else { return };
        match event {
            Event::Message { message: request_response::Message::Request { request, channel, .. }, .. } => {
                self.swarm.behaviour_mut().send_response(channel, vec![0; request.len()]).ok();
                if let Counts::Messages(kind) = self.counts {
                    let wanted = request.into_iter().filter(|message| is_of(kind, message));
                    wanted.for_each(|message| self.arrived(message));
                }
            }
            Event::Message {
                message: request_response::Message::Response { request_id, response }, ..
            } => {
                let frame = self.sent.remove(&request_id).unwrap();
                match (self.counts, response.as_slice()) {
                    (Counts::Echoes, _) => {
                        assert_eq!(response.len(), frame.len());
                        self.arrived(response);
                    }
                    (Counts::Messages(_), [0]) => {}
                    // A message in the answer: its length, and the envelope.
                    (Counts::Messages(kind), [3, _, _, _, _, envelope @ ..]) => {
                        if is_of(kind, envelope) {
                            self.arrived(envelope.to_vec());
                        }
                    }
                    (Counts::Messages(_), [1]) => {
                        BUSY.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        self.waiting.push_back(frame);
                        self.in_flight -= 1;
                    }
                    (Counts::Messages(_), other) => panic!("answer {other:?}"),
                }
            }
            Event::OutboundFailure { error, .. } => panic!("{error}"),
            _ => {}
        }
    }
}

/// How often a node has said that it is busy.
pub static BUSY: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

/// Whether an envelope holds a message of this kind: version, a map of one entry, and its name as text.
fn is_of(kind: &str, envelope: &[u8]) -> bool {
    envelope.get(3..3 + kind.len()) == Some(kind.as_bytes())
}

fn peer_of(address: &Multiaddr) -> PeerId {
    let peers = address.iter().filter_map(|part| match part {
        libp2p::multiaddr::Protocol::P2p(peer) => Some(peer),
        _ => None,
    });
    peers.last().unwrap()
}
