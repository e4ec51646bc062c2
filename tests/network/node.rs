//! A node in a test: started on loopback, and waited for by event, never by time.

use std::collections::VecDeque;
use std::time::Duration;

use formix_p2p::domain::{ComputationId, PeerId, Role, Timestamp};
use formix_p2p::network::{Admission, Mdns, Multiaddr, Network, NetworkConfig, NetworkEvent};
use formix_p2p::sharing::Secret;
use formix_p2p::wire::{Activity, Checked, Gossip, Identity, Manifest, Message, Presence, Signed, Submission};
use tokio::sync::mpsc;

/// How long an event may take before a test gives up; a slow machine with all tests at once needs a second.
const PATIENCE: Duration = Duration::from_secs(40);

/// A node and what it has told.
pub struct Node {
    pub network: Network,
    pub events: mpsc::Receiver<NetworkEvent>,
    identity: Identity,
    /// What came together with a message that was asked for.
    heard: VecDeque<(PeerId, Message)>,
}

pub fn address(text: &str) -> Multiaddr {
    text.parse().expect("an address")
}

pub fn config(number: u8, role: Role, bootstrap: &[Multiaddr]) -> NetworkConfig {
    NetworkConfig {
        secret_key: Secret::new([number; 32]),
        role,
        listen: vec![address("/ip4/127.0.0.1/tcp/0")],
        bootstrap: bootstrap.to_vec(),
        known: Vec::new(),
        mdns: Mdns::Off,
        swarm_key: None,
        admission: Admission::Everybody,
        checked: Checked::default(),
    }
}

impl Node {
    pub async fn start(config: NetworkConfig) -> Self {
        let identity = Identity::from_secret_key(config.secret_key.expose());
        let (network, events) = Network::start(config).await.expect("the network starts");
        Self { network, events, identity, heard: VecDeque::new() }
    }

    pub async fn heavy(number: u8, bootstrap: &[Multiaddr]) -> Self {
        Self::start(config(number, Role::Heavy, bootstrap)).await
    }

    pub async fn light(number: u8, bootstrap: &[Multiaddr]) -> Self {
        Self::start(config(number, Role::Light, bootstrap)).await
    }

    pub fn peer(&self) -> PeerId {
        self.identity.peer()
    }

    pub fn address(&self) -> Multiaddr {
        self.network.listen_addresses().into_iter().next().expect("it listens")
    }

    /// The address without the identity.
    pub fn bare_address(&self) -> Multiaddr {
        let mut address = self.address();
        address.pop();
        address
    }

    pub async fn until<T>(&mut self, what: &str, mut wanted: impl FnMut(NetworkEvent) -> Option<T>) -> T {
        let search = async {
            loop {
                let event = self.events.recv().await.expect("the network runs");
                if let Some(found) = wanted(event) {
                    return found;
                }
            }
        };
        match tokio::time::timeout(PATIENCE, search).await {
            Ok(found) => found,
            Err(_) => panic!("{:?} waits in vain for {what}", self.identity),
        }
    }

    pub async fn until_connected(&mut self, to: PeerId) {
        self.until("a connection", |event| {
            matches!(event, NetworkEvent::Connected { peer, .. } if peer == to).then_some(())
        })
        .await;
    }

    pub async fn until_disconnected(&mut self, from: PeerId) {
        self.until("a disconnection", |event| {
            matches!(event, NetworkEvent::Disconnected(peer) if peer == from).then_some(())
        })
        .await;
    }

    pub async fn next_message(&mut self) -> (PeerId, Message) {
        while self.heard.is_empty() {
            let (from, messages) = self.next_messages().await;
            self.heard.extend(messages.into_iter().map(|message| (from, message)));
        }
        self.heard.pop_front().expect("one at least")
    }

    pub async fn next_messages(&mut self) -> (PeerId, Vec<Message>) {
        self.until("messages", |event| match event {
            NetworkEvent::Messages { from, messages } => Some((from, messages)),
            _ => None,
        })
        .await
    }

    pub async fn next_gossip(&mut self) -> (PeerId, Gossip) {
        self.until("gossip", |event| match event {
            NetworkEvent::Gossip { from, gossip } => Some((from, gossip)),
            _ => None,
        })
        .await
    }

    pub fn presence(&self) -> Gossip {
        let presence = Presence {
            peer: self.peer(),
            role: Role::Light,
            name: "a".to_owned(),
            activity: Activity::Active,
            addresses: Vec::new(),
            created_at: Timestamp::from_millis(1),
            sent_at: Timestamp::from_millis(2),
            lifetime_ms: 1_000,
        };
        Gossip::Presence(Signed::sign(presence, &self.identity))
    }
}

/// A message that a node may send by the thousand.
pub fn message(number: u64) -> Message {
    let reports = u32::try_from(number).expect("a small number");
    Message::Progress { computation: ComputationId::of_body(b"x"), reports }
}

/// A message that shares its request with no other.
pub fn share(number: u64) -> Message {
    let identity = Identity::from_secret_key(&[7; 32]);
    let manifest = Manifest {
        computation: ComputationId::of_body(&number.to_be_bytes()),
        participant: identity.peer(),
        nonce: [0; 16],
        public: Vec::new(),
        shares: Vec::new(),
    };
    let manifest = Signed::sign(manifest, &identity);
    Message::Submit(Submission { manifest, blind: Secret::new([0; 32]), share: Secret::new(Vec::new()) })
}

pub fn outcome(number: u8) -> Gossip {
    Gossip::Completed { computation: ComputationId::of_body(&[number]) }
}
