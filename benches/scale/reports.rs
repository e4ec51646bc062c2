//! A question, and everybody's report in a file.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::Duration;

use formix_p2p::domain::{Computation, ComputationId, PeerId, Query, Role, Sharing, Statistic, VERSION};
use formix_p2p::protocol::{Action, Command, Event};
use formix_p2p::sharing::Secret;
use formix_p2p::statistics::{self, encode_one};
use formix_p2p::wire::{Gossip, Manifest, Message, Record, RecordKey, Signed, Submission, share_digest};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use crate::world::{HEAVY, World, identity, machine};

const SCHEMA: &str = r#"{"type":"number","minimum":0,"maximum":2147483647}"#;

fn question(world: &World, proposer: PeerId, sharing: Sharing, participants: u32) -> Computation {
    Computation {
        version: VERSION,
        nonce: [9; 16],
        proposer,
        proposed_at: world.now,
        prompt: "How much?".to_owned(),
        query: Query::parse(Statistic::Sum, &["n".to_owned()], Some(SCHEMA)).unwrap(),
        heavy: world.heavy.keys().copied().collect(),
        sharing,
        min_participants: 3,
        max_participants: participants,
        deadline: world.now + Duration::from_secs(3_600),
        patience_ms: 10_000,
        grace_ms: 3_000,
        participants: None,
        noise: None,
        invitation: None,
    }
}

/// Asks, and brings the heavy nodes to where they take reports.
pub fn announce(world: &mut World, sharing: Sharing, participants: u32) -> (ComputationId, Computation) {
    let asker = identity(u32::MAX);
    let proposer = asker.peer();
    let mut node = machine(asker, Role::Light);
    let empty: BTreeMap<RecordKey, Record> = BTreeMap::new();
    let question = question(world, proposer, sharing, participants);
    let _ = node.handle(world.now, Event::Restored(Vec::new()), &empty);
    let mut events = VecDeque::from([Event::Command(Command::Propose(Box::new(question.clone())))]);
    let mut id = None;
    while let Some(event) = events.pop_front() {
        for action in node.handle(world.now, event, &empty) {
            if let Action::Send { to, message } = action {
                world.deliver(to, proposer, message.encode());
            } else if let Action::Publish(gossip) = action
                && let Gossip::Announce(announcement) = *gossip
            {
                id = Some(announcement.id());
            }
        }
        world.settle();
        let answers = std::mem::take(&mut world.outside).into_iter();
        events.extend(answers.map(|(from, _, message)| Event::Message { from, message }));
    }
    (id.unwrap(), question)
}

/// Every participant's report, one message a heavy node, in a file.
pub fn prepare(path: &Path, id: ComputationId, terms: &Computation, participants: u32) -> u64 {
    let scheme = statistics::scheme(terms).unwrap();
    let mut rng = ChaCha20Rng::from_seed([5; 32]);
    let mut file = BufWriter::new(File::create(path).unwrap());
    let mut total = 0;
    for number in 0..participants {
        let value = u64::from(number).wrapping_mul(1_000_003) % (1 << 31);
        total += value;
        let measurement = encode_one(terms, &[&value.to_string()]).unwrap().measurement().clone();
        let (participant, mut nonce) = (identity(1_000 + number), [0; 16]);
        rng.fill_bytes(&mut nonce);
        let split = scheme.split(id.as_bytes(), &nonce, &measurement, &mut rng).unwrap();
        let peer = participant.peer();
        let blinds: Vec<Secret<[u8; 32]>> = terms
            .heavy
            .iter()
            .map(|_| {
                let mut blind = [0; 32];
                rng.fill_bytes(&mut blind);
                Secret::new(blind)
            })
            .collect();
        let parts = terms.heavy.iter().zip(&blinds).zip(&split.shares);
        let shares = parts
            .map(|((heavy, blind), share)| share_digest(id, peer, *heavy, blind, share.expose()))
            .collect();
        let manifest = Manifest { computation: id, participant: peer, nonce, public: split.public, shares };
        let manifest = Signed::sign(manifest, &participant);
        file.write_all(peer.public_key()).unwrap();
        for (blind, share) in blinds.into_iter().zip(split.shares) {
            let bytes = Message::Submit(Submission { manifest: manifest.clone(), blind, share }).encode();
            file.write_all(&u32::try_from(bytes.len()).unwrap().to_le_bytes()).unwrap();
            file.write_all(&bytes).unwrap();
        }
    }
    file.flush().unwrap();
    total
}

/// One participant's messages from the file.
pub fn read(file: &mut impl std::io::Read) -> (PeerId, Vec<Vec<u8>>) {
    let mut key = [0; 32];
    file.read_exact(&mut key).unwrap();
    let mut part = || {
        let mut length = [0; 4];
        file.read_exact(&mut length).unwrap();
        let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
        file.read_exact(&mut bytes).unwrap();
        bytes
    };
    (PeerId::from_public_key(key), (0..HEAVY).map(|_| part()).collect())
}
