//! What a report costs beside its sharing: signatures, digests, encoding, storage and memory.
//!
//! Reports of 31 bits under a threshold of 2 of 3, where every share is a long one, as one heavy node receives them. The
//! store is a real file in the system's temporary folder, so its figures are those of the disk behind it.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use formix_p2p::domain::{ComputationId, PeerId, Timestamp};
use formix_p2p::sharing::{Circuit, Scheme, Secret, Split};
use formix_p2p::store::{Change, Memory, Store};
use formix_p2p::wire::{
    Close, Identity, List, Manifest, Message, Receipt, Record, Signed, Submission, share_digest, to_bytes,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::{CTX, NEEDED, NODE, Options, PARTIES, nonce};

pub const NAME: &str = "beside sharing, 31 bits";
const REPORTS: usize = 10_000;
/// Reports in one transaction: about what a heavy node writes at once when many come in.
const GROUP: usize = 1_000;

/// Reports as their light nodes made them, and who is who.
struct Material {
    id: ComputationId,
    heavy: Vec<Identity>,
    light: Vec<Identity>,
    manifests: Vec<Signed<Manifest>>,
    /// What the heavy node [`NODE`] is sent.
    submissions: Vec<Submission>,
    scheme: Scheme,
}

fn identity(number: usize) -> Identity {
    let mut secret = [3; 32];
    secret[..8].copy_from_slice(&(number as u64).to_le_bytes());
    Identity::from_secret_key(&secret)
}

impl Material {
    fn new(reports: usize) -> Self {
        let id = ComputationId::of_body(&CTX);
        let scheme = Scheme::threshold(Circuit::Sum { max: (1 << 31) - 1 }, NEEDED, PARTIES).unwrap();
        let heavy: Vec<_> = (0..PARTIES).map(|node| identity(1_000_000 + node)).collect();
        let light: Vec<_> = (0..reports).map(identity).collect();
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let (mut manifests, mut submissions) = (Vec::new(), Vec::new());
        for (report, sender) in light.iter().enumerate() {
            let measurement = Secret::new(vec![report as u128]);
            let Split { public, shares } =
                scheme.split(id.as_bytes(), &nonce(report), &measurement, &mut rng).unwrap();
            let blinds: Vec<Secret<[u8; 32]>> = (0..PARTIES).map(|_| Secret::new(bytes(&mut rng))).collect();
            let digests = heavy
                .iter()
                .zip(&blinds)
                .zip(&shares)
                .map(|((node, blind), share)| {
                    share_digest(id, sender.peer(), node.peer(), blind, share.expose())
                })
                .collect();
            let manifest = Manifest {
                computation: id,
                participant: sender.peer(),
                nonce: nonce(report),
                public,
                shares: digests,
            };
            let manifest = Signed::sign(manifest, sender);
            let (blind, share) = (blinds[NODE].clone(), shares[NODE].clone());
            submissions.push(Submission { manifest: manifest.clone(), blind, share });
            manifests.push(manifest);
        }
        Self { id, heavy, light, manifests, submissions, scheme }
    }

    fn receipt(&self, report: usize, heavy: &Identity) -> Signed<Receipt> {
        let participant = self.light[report].peer();
        let manifest = self.manifests[report].digest();
        Signed::sign(Receipt { computation: self.id, heavy: heavy.peer(), participant, manifest }, heavy)
    }
}

fn bytes(rng: &mut impl Rng) -> [u8; 32] {
    let mut bytes = [0; 32];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// The median time of some runs, whatever each prepares left out.
fn time<T>(runs: usize, mut prepare: impl FnMut() -> T, mut work: impl FnMut(T)) -> Duration {
    let mut times: Vec<_> = (0..runs)
        .map(|_| {
            let prepared = prepare();
            let start = Instant::now();
            work(prepared);
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

fn line(what: &str, taken: Duration, reports: usize) {
    let each = taken.as_secs_f64() / reports as f64;
    println!("  {what:<52} {:>9.2} us {:>10.1} ms", each * 1e6, each * 1e3 * REPORTS as f64);
}

/// Prints a line a step.
pub fn run(options: &Options) {
    let reports = (REPORTS * options.percent / 100).max(1);
    println!("\n{NAME} ({reports} reports, one thread): a report, and {REPORTS} of them");
    let material = Material::new(reports);
    memory(&material);
    light_node(&material, options.runs);
    heavy_node(&material, options.runs);
    bare_signatures(&material, options.runs);
    storage(&material, options.runs);
}

fn light_node(material: &Material, runs: usize) {
    let (id, reports) = (material.id, material.light.len());
    let peers: Vec<PeerId> = material.heavy.iter().map(Identity::peer).collect();
    let digests = time(
        runs,
        || (),
        |()| {
            for submission in &material.submissions {
                for heavy in &peers {
                    let share = submission.share.expose();
                    black_box(share_digest(id, submission.manifest.signer(), *heavy, &submission.blind, share));
                }
            }
        },
    );
    line("light node: a blinded digest for each of 3 shares", digests, reports);
    let manifests = || -> Vec<_> { material.manifests.iter().map(|manifest| manifest.get().clone()).collect() };
    let signed = time(runs, manifests, |manifests| {
        for (manifest, identity) in manifests.into_iter().zip(&material.light) {
            black_box(Signed::sign(manifest, identity));
        }
    });
    line("light node: encode and sign the manifest", signed, reports);
}

fn heavy_node(material: &Material, runs: usize) {
    let (id, me, reports) = (material.id, &material.heavy[NODE], material.light.len());
    let messages: Vec<_> =
        material.submissions.iter().map(|submission| Message::Submit(submission.clone()).encode()).collect();
    let decoded = time(
        runs,
        || (),
        |()| {
            for message in &messages {
                black_box(Message::decode(message).unwrap());
            }
        },
    );
    line("heavy node: decode a share, check the signature", decoded, reports);
    let checked = time(
        runs,
        || (),
        |()| {
            for submission in &material.submissions {
                let (manifest, share) = (submission.manifest.get(), submission.share.expose());
                let digest = share_digest(id, manifest.participant, me.peer(), &submission.blind, share);
                assert_eq!(manifest.shares[NODE], digest);
                material.scheme.check_share(NODE, &manifest.public, share).unwrap();
            }
        },
    );
    line("heavy node: check the share and its digest", checked, reports);
    let receipts = time(
        runs,
        || (),
        |()| {
            for report in 0..reports {
                black_box(material.receipt(report, me));
            }
        },
    );
    line("heavy node: digest of the manifest, sign the receipt", receipts, reports);
    let others: Vec<_> = (0..reports)
        .map(|report| {
            let receipts = material.heavy.iter().map(|heavy| material.receipt(report, heavy)).collect();
            Message::Receipts(receipts).encode()
        })
        .collect();
    let decoded = time(
        runs,
        || (),
        |()| {
            for message in &others {
                black_box(Message::decode(message).unwrap());
            }
        },
    );
    line("heavy node: decode the 3 receipts, check them", decoded, reports);
    let closed = time(
        runs,
        || (),
        |()| {
            let entries: BTreeMap<_, _> =
                material.manifests.iter().map(|manifest| (manifest.signer(), manifest.digest())).collect();
            let list = List::new(entries, BTreeMap::new()).digest(id);
            black_box(Signed::sign(Close { computation: id, heavy: me.peer(), list }, me));
        },
    );
    line("heavy node: the list, its digest, the signed close", closed, reports);
}

/// The signature alone, over as many bytes as a manifest's covers.
fn bare_signatures(material: &Material, runs: usize) {
    let reports = material.light.len();
    let message = vec![5; 90 + material.manifests[0].body().len()];
    let keys: Vec<SigningKey> =
        (0..reports).map(|report| SigningKey::from_bytes(&[(report % 251) as u8; 32])).collect();
    let signed = time(
        runs,
        || (),
        |()| {
            for key in &keys {
                black_box(key.sign(&message));
            }
        },
    );
    line("of these, the ed25519 crate: one signature", signed, reports);
    let signatures: Vec<_> = keys.iter().map(|key| key.sign(&message)).collect();
    let public: Vec<_> = keys.iter().map(|key| key.verifying_key().to_bytes()).collect();
    let checked = time(
        runs,
        || (),
        |()| {
            for (key, signature) in public.iter().zip(&signatures) {
                VerifyingKey::from_bytes(key).unwrap().verify_strict(&message, signature).unwrap();
            }
        },
    );
    line("of these, the ed25519 crate: one strict check", checked, reports);
}

fn storage(material: &Material, runs: usize) {
    let reports = material.light.len();
    let owner = material.heavy[NODE].peer();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let new = || {
        let _ = std::fs::remove_file(&path);
        Store::create(&path, owner, Memory::SinceBirth, Timestamp::from_millis(1)).unwrap()
    };
    let held = || material.submissions.iter().map(|it| Change::Put(Box::new(Record::Held(it.clone()))));
    let groups = || -> Vec<Vec<Change>> {
        let all: Vec<_> = held().collect();
        all.chunks(GROUP).map(<[Change]>::to_vec).collect()
    };
    let written = time(
        runs,
        || (new(), groups()),
        |(store, groups)| {
            groups.iter().for_each(|group| store.apply(group).unwrap());
        },
    );
    line("storage: written in groups of 1000, on the disk", written, reports);
    let bytes = std::fs::metadata(&path).unwrap().len() as usize / reports;
    let read = time(
        runs,
        || Store::open(&path, owner).unwrap(),
        |store| {
            assert_eq!(store.load().unwrap().len(), reports);
        },
    );
    line("storage: read again after a restart, all cores", read, reports);
    let erased = time(
        runs,
        || {
            let store = new();
            groups().iter().for_each(|group| store.apply(group).unwrap());
            let keys = held().map(|change| match change {
                Change::Put(record) => Change::Erase(record.key()),
                Change::Erase(key) => Change::Erase(key),
            });
            (store, keys.collect::<Vec<_>>())
        },
        |(store, keys)| store.apply(&keys).unwrap(),
    );
    line("storage: erased at the end, in one transaction", erased, reports);
    let message = Message::Submit(material.submissions[0].clone()).encode().len();
    let row = to_bytes(&Record::Held(material.submissions[0].clone())).len();
    println!("  bytes a report: {message} as a message, {row} as a row, {bytes} of the file");
}

/// What the reports that a heavy node keeps take of the process's memory.
fn memory(material: &Material) {
    let messages: Vec<_> =
        material.submissions.iter().map(|submission| Message::Submit(submission.clone()).encode()).collect();
    let Some(before) = resident() else { return };
    let held: BTreeMap<PeerId, Submission> = messages
        .iter()
        .map(|message| match Message::decode(message).unwrap() {
            Message::Submit(submission) => (submission.manifest.signer(), submission),
            other => panic!("{} instead of a share", other.kind()),
        })
        .collect();
    let after = resident().unwrap_or(before);
    println!("  bytes of memory for a held report: {}", after.saturating_sub(before) / held.len());
}

/// The process's resident memory in bytes, where the system tells.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<usize>().ok().map(|kilobytes| kilobytes * 1024)
}
