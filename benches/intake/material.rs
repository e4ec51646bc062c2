//! Questions and reports, ready to be sent: everything that is signed and split before the clock starts.

use std::time::{Duration, SystemTime};

use formix_p2p::domain::{
    Computation, ComputationId, Digest, Modulus, PeerId, Query, Sharing, Statistic, Timestamp, VERSION,
};
use formix_p2p::sharing::{Secret, Split};
use formix_p2p::statistics::{encode_one, scheme};
use formix_p2p::wire::{
    Acceptance, Announcement, Identity, Manifest, Message, Signed, Submission, share_digest,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Where the heavy node that is measured stands in the list.
pub const NODE: usize = 0;

/// A secret key for each part and number.
pub fn key(part: u8, number: usize) -> [u8; 32] {
    let mut key = [part; 32];
    key[..8].copy_from_slice(&(number as u64).to_le_bytes());
    key
}

/// What is asked.
#[derive(Clone, Copy)]
pub struct Question {
    pub sharing: Sharing,
    /// Numbers in a vector; 1: a sum.
    pub length: u32,
    /// The highest value of a number.
    pub most: u64,
}

impl Question {
    fn query(self) -> Query {
        let number = format!(r#"{{"type":"integer","minimum":0,"maximum":{}}}"#, self.most);
        if self.length == 1 {
            return Query::parse(Statistic::Sum, &["value".to_owned()], Some(&number)).unwrap();
        }
        let length = self.length;
        let schema = format!(r#"{{"type":"array","items":{number},"minItems":{length},"maxItems":{length}}}"#);
        Query::parse(Statistic::VectorMean, &["update".to_owned()], Some(&schema)).unwrap()
    }

    /// One number, or a vector of them, as somebody types it.
    fn value(self, number: usize) -> String {
        let value = |at: usize| ((number * 31 + at * 17) as u64 % (self.most + 1)).to_string();
        if self.length == 1 {
            return value(0);
        }
        let all: Vec<_> = (0..self.length as usize).map(value).collect();
        format!("[{}]", all.join(","))
    }
}

/// Three heavy nodes, of which one is real.
pub fn heavy() -> Vec<Identity> {
    (0..3).map(|number| Identity::from_secret_key(&key(0xaa, number))).collect()
}

/// The same question so many times, each with a deadline an hour away.
pub fn computations(question: Question, proposer: &Identity, number: usize) -> Vec<Signed<Computation>> {
    let now = Timestamp::from(SystemTime::now());
    let one = |index: usize| Computation {
        version: VERSION,
        nonce: u128::try_from(index).unwrap().to_be_bytes(),
        proposer: proposer.peer(),
        proposed_at: now,
        prompt: "How much?".to_owned(),
        query: question.query(),
        heavy: heavy().iter().map(Identity::peer).collect(),
        sharing: question.sharing,
        min_participants: 3,
        max_participants: 10_000,
        deadline: now + Duration::from_secs(3600),
        patience_ms: 60_000,
        grace_ms: 3_000,
        participants: None,
        noise: None,
        invitation: None,
    };
    (0..number).map(|index| Signed::sign(one(index), proposer)).collect()
}

/// Announces a question that the real heavy node has accepted; the others accept by this.
pub fn announcement(computation: &Signed<Computation>, real: Signed<Acceptance>) -> Message {
    let id = computation.id();
    let accept = |identity: &Identity| {
        let rho_commitment = Digest::of("formix-p2p/rho-commitment/1", &[b"nothing"]);
        Signed::sign(Acceptance { computation: id, heavy: identity.peer(), rho_commitment }, identity)
    };
    let mut acceptances: Vec<_> = heavy().iter().map(accept).collect();
    acceptances[NODE] = real;
    Message::Announce(Announcement { computation: computation.clone(), acceptances })
}

/// One participant's report, one submission a heavy node.
pub fn report(
    terms: &Computation,
    id: ComputationId,
    question: Question,
    light: &Identity,
    number: usize,
) -> Vec<Submission> {
    let mut rng = ChaCha20Rng::seed_from_u64(number as u64);
    let reading = encode_one(terms, &[&question.value(number)]).unwrap();
    let mut nonce = [0; 16];
    rng.fill_bytes(&mut nonce);
    let Split { public, shares } =
        scheme(terms).unwrap().split(id.as_bytes(), &nonce, reading.measurement(), &mut rng).unwrap();
    let mut secret = [0; 32];
    rng.fill_bytes(&mut secret);
    let blind = Secret::new(secret);
    let digest = |(heavy, share): (&PeerId, &Secret<Vec<u8>>)| {
        share_digest(id, light.peer(), *heavy, &blind, share.expose())
    };
    let digests = terms.heavy.iter().zip(&shares).map(digest).collect();
    let manifest = Manifest { computation: id, participant: light.peer(), nonce, public, shares: digests };
    let manifest = Signed::sign(manifest, light);
    let submit = |share| Submission { manifest: manifest.clone(), blind: blind.clone(), share };
    shares.into_iter().map(submit).collect()
}

/// Additive sharing of one number, and prio3 of the same.
pub fn additive() -> Sharing {
    Sharing::Additive { modulus: Modulus::Bits64 }
}
