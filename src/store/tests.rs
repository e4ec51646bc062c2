//! Guards against: a record that does not survive, a memory that silently shrinks, a file of somebody else.

mod at_rest;
mod recalled;
mod samples;
mod shelf;

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::{FileExt, MetadataExt};

use samples::every_kind;

use super::*;
use crate::domain::VERSION;
use crate::domain::limits::KNOWN_PEERS_MAX;
use crate::domain::{
    Computation, ComputationId, Decimal, Digest, Failure, Invitation, Modulus, Noise, Query, Role, Sharing,
    Statistic,
};
use crate::sharing::Secret;
use crate::wire::{
    Acceptance, Announcement, Certificate, Close, Comparison, Deal, Dealt, Decider, Exclusion, Fault,
    FaultProof, Freeze, Identity, Input, InvitationMemory, InvitationPart, LedgerDecision, LedgerEntry,
    LedgerReason, List, Manifest, Opening, Part, Receipt, Seat, Signed, Similar, Submission, Topic,
    Verification, Vote,
};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn identity(seed: u8) -> Identity {
    Identity::from_secret_key(&[seed; 32])
}

fn owner() -> PeerId {
    identity(1).peer()
}

fn computation(nonce: u8) -> Signed<Computation> {
    let computation = Computation {
        version: VERSION,
        nonce: [nonce; 16],
        proposer: owner(),
        proposed_at: NOW,
        prompt: "How old?".to_owned(),
        query: Query::parse(Statistic::Sum, &["age".to_owned()], None).unwrap(),
        heavy: vec![identity(2).peer(), identity(3).peer(), identity(4).peer()],
        sharing: Sharing::Additive { modulus: Modulus::Bits64 },
        min_participants: 3,
        max_participants: 100,
        deadline: NOW,
        patience_ms: 60_000,
        grace_ms: 3_000,
        participants: None,
        noise: None,
        invitation: None,
    };
    Signed::sign(computation, &identity(1))
}

fn submission(computation: ComputationId, participant: &Identity, nonce: u8) -> Submission {
    let shares = vec![Digest::from_bytes([nonce; 32]); 3];
    let manifest = Manifest {
        computation,
        participant: participant.peer(),
        nonce: [nonce; 16],
        public: vec![nonce; 96],
        shares,
    };
    Submission {
        manifest: Signed::sign(manifest, participant),
        blind: Secret::new([nonce; 32]),
        share: Secret::new(vec![238; 8]),
    }
}

fn held(participant: &Identity) -> Record {
    Record::Held(submission(computation(1).id(), participant, 9))
}

fn decree(computation: ComputationId, topic: Topic) -> Record {
    Record::Decree { computation, topic, memory: Box::default() }
}

/// A small record about this computation.
fn small(computation: ComputationId) -> Record {
    Record::Failed { computation, failure: Failure::NoContact, notice: None, at: NOW }
}

fn puts(records: &[Record]) -> Vec<Change> {
    records.iter().cloned().map(Box::new).map(Change::Put).collect()
}

struct Scratch {
    folder: tempfile::TempDir,
}

impl Scratch {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// In memory where that can be had: for hundreds of openings, which flush several times each.
    fn in_memory() -> Self {
        Self { folder: tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("node.redb")
    }

    fn create(&self) -> Store {
        Store::create(&self.path(), owner(), Memory::SinceBirth, NOW).unwrap()
    }

    fn open(&self) -> Result<Store, StoreError> {
        Store::open(&self.path(), owner())
    }

    /// A store with one record of every kind, closed.
    fn filled() -> (Self, Vec<Record>) {
        Self::new().fill()
    }

    fn fill(self) -> (Self, Vec<Record>) {
        let records = every_kind();
        self.create().apply(&puts(&records)).unwrap();
        (self, records)
    }
}

#[test]
fn every_kind_of_record_survives_a_reopening() {
    let (scratch, records) = Scratch::filled();
    let kinds: BTreeSet<_> = records.iter().map(|record| record.key().kind).collect();
    // Summaries are read on demand: `recalled`.
    assert_eq!(kinds.len(), RecordKind::ALL.len() - 1, "a kind without a sample");
    assert_eq!(scratch.open().unwrap().load().unwrap(), records);
}

#[test]
fn what_is_erased_is_gone_and_what_is_put_again_is_replaced() {
    let (scratch, records) = Scratch::filled();
    let id = computation(1).id();
    let later = Record::Failed { computation: id, failure: Failure::Withdrawn, notice: None, at: NOW };
    let report = RecordKey { kind: RecordKind::Report, computation: id, peer: None };
    let changes = [
        Change::Erase(report),
        Change::Put(Box::new(later.clone())),
        // In order: put, then erased.
        Change::Put(Box::new(held(&identity(6)))),
        Change::Erase(held(&identity(6)).key()),
    ];
    scratch.open().unwrap().apply(&changes).unwrap();
    let mut expected = records;
    expected.retain(|record| record.key() != report);
    expected.iter_mut().filter(|record| record.key() == later.key()).for_each(|record| *record = later.clone());
    assert_eq!(scratch.open().unwrap().load().unwrap(), expected);
}

#[test]
fn a_thousand_records_fit_one_transaction() {
    let scratch = Scratch::new();
    let store = scratch.create();
    let id = computation(1).id();
    let records: Vec<_> = (0..1_000_u64)
        .map(|number| {
            let nonce = Digest::of("test", &[&number.to_be_bytes()]);
            small(ComputationId::from_digest(nonce))
        })
        .chain([small(id)])
        .collect();
    store.apply(&puts(&records)).unwrap();
    assert_eq!(store.load().unwrap().len(), 1_001);
}

#[test]
fn a_copy_taken_in_mid_life_holds_every_commit() {
    // As after a crash: nothing was closed, and the copy says that it needs recovery.
    let scratch = Scratch::new();
    let store = scratch.create();
    let records = every_kind();
    let crashed = scratch.folder.path().join("crashed.redb");
    for (count, record) in records.iter().enumerate() {
        store.apply(&puts(std::slice::from_ref(record))).unwrap();
        std::fs::copy(scratch.path(), &crashed).unwrap();
        let survived = Store::open(&crashed, owner()).unwrap().load().unwrap();
        assert_eq!(survived, records[..=count]);
    }
}

#[test]
fn a_store_knows_since_when_it_remembers() {
    let scratch = Scratch::new();
    let path = scratch.path();
    assert_eq!(Store::create(&path, owner(), Memory::Since, NOW).unwrap().memory_since(), Some(NOW));
    assert_eq!(scratch.open().unwrap().memory_since(), Some(NOW));
    std::fs::remove_file(&path).unwrap();
    scratch.create();
    assert_eq!(scratch.open().unwrap().memory_since(), None);
}

#[test]
fn a_missing_store_is_not_made_by_opening_and_an_existing_one_not_replaced() {
    let scratch = Scratch::new();
    assert!(matches!(scratch.open(), Err(StoreError::Missing { .. })));
    assert!(!scratch.path().exists());
    scratch.create();
    let again = Store::create(&scratch.path(), owner(), Memory::SinceBirth, NOW);
    assert!(matches!(again, Err(StoreError::Exists { .. })));
}

#[test]
fn an_interrupted_creation_is_begun_anew() {
    let scratch = Scratch::new();
    std::fs::write(scratch.folder.path().join("node.redb.new"), b"half").unwrap();
    scratch.create();
    assert_eq!(scratch.open().unwrap().load().unwrap(), []);
    assert_eq!(std::fs::read_dir(scratch.folder.path()).unwrap().count(), 1);
}

#[test]
fn the_file_is_for_its_owner_alone() {
    let scratch = Scratch::new();
    scratch.create();
    assert_eq!(std::fs::metadata(scratch.path()).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn a_second_opener_is_refused() {
    let scratch = Scratch::new();
    let _first = scratch.create();
    assert!(matches!(scratch.open(), Err(StoreError::InUse { .. })));
}

#[test]
fn the_store_of_another_node_is_refused() {
    let (scratch, _) = Scratch::filled();
    let stranger = identity(9).peer();
    let refused = Store::open(&scratch.path(), stranger).unwrap_err();
    assert!(
        matches!(refused, StoreError::OtherOwner { found, expected, .. } if found == owner() && expected == stranger)
    );
}

#[test]
fn another_schema_version_is_refused_with_the_way_out() {
    let stored = |version: u32| {
        let (scratch, _) = Scratch::filled();
        edit(&scratch, |transaction| {
            transaction.open_table(META)?.insert("schema_version", version.to_be_bytes().as_slice())?;
            Ok(())
        });
        scratch.open().unwrap_err()
    };
    let newer = stored(SCHEMA_VERSION + 1);
    assert!(matches!(newer, StoreError::Newer { found: 8, known: 7, .. }));
    assert!(newer.to_string().contains("made by a newer formix-p2p"), "{newer}");
    let older = stored(SCHEMA_VERSION - 1);
    assert!(matches!(older, StoreError::Older { found: 6, known: 7, .. }));
    assert!(
        older.to_string().contains("made by an older formix-p2p") && older.hint().contains(".old"),
        "{older}"
    );
}

fn edit(scratch: &Scratch, change: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>) {
    in_transaction(&Builder::new().open(scratch.path()).unwrap(), change).unwrap();
}

#[test]
fn one_unreadable_record_is_an_error_and_not_left_out() {
    let rows: [&[u8]; 4] = [&[], &[1, 0xff], &[2], &to_row(&small(computation(2).id()))];
    for row in rows {
        let (scratch, _) = Scratch::filled();
        edit(&scratch, |transaction| {
            let mut opened = transaction.open_table(table_of(RecordKind::Opened))?;
            opened.insert(computation(1).id().as_bytes().as_slice(), row)?;
            Ok(())
        });
        let refused = scratch.open().unwrap().load().unwrap_err();
        assert!(matches!(refused, StoreError::Damaged { .. }), "{refused}");
    }
}

#[test]
fn a_store_without_its_facts_is_refused() {
    for missing in ["schema_version", "owner", "memory"] {
        let (scratch, _) = Scratch::filled();
        edit(&scratch, |transaction| {
            transaction.open_table(META)?.remove(missing)?;
            Ok(())
        });
        assert!(matches!(scratch.open(), Err(StoreError::Damaged { .. })), "{missing}");
    }
}

#[test]
fn a_truncated_store_is_refused_with_the_way_out() {
    let (scratch, records) = Scratch::filled();
    let bytes = std::fs::read(scratch.path()).unwrap();
    for kept in [0, 1, 63, 320, 4_095, 4_096, 20_000, bytes.len() / 2, bytes.len() - 4_096, bytes.len() - 1] {
        std::fs::write(scratch.path(), &bytes[..kept]).unwrap();
        match scratch.open().and_then(|store| store.load()) {
            Err(refused @ StoreError::Damaged { .. }) => {
                assert!(refused.to_string().contains("node.redb"), "{refused}");
                assert!(refused.hint().contains("backup") && refused.hint().contains("mv "), "{refused}");
            }
            Err(other) => panic!("{kept} bytes: {other}"),
            // Free pages at the end hold nothing.
            Ok(loaded) => assert_eq!(loaded, records, "{kept} bytes"),
        }
    }
}

#[test]
fn a_flipped_bit_is_noticed_or_harmless() {
    let (scratch, records) = Scratch::in_memory().fill();
    let bytes = std::fs::read(scratch.path()).unwrap();
    // Byte 9 says which of two commits counts and how it was made.
    let header = (0..320).map(|at| (at, 1_u8 << (at % 8))).chain((0..8).map(|bit| (9, 1 << bit)));
    // Bytes that are zero are mostly in free pages.
    let content = (320..bytes.len()).filter(|at| bytes[*at] != 0).step_by(127).map(|at| (at, 1 << (at % 8)));
    let mut refused = 0;
    let mut wrong = Vec::new();
    for (at, flip) in header.chain(content) {
        let file = File::options().write(true).open(scratch.path()).unwrap();
        file.set_len(bytes.len() as u64).unwrap();
        file.write_all_at(&bytes, 0).unwrap();
        file.write_all_at(&[bytes[at] ^ flip], at as u64).unwrap();
        match scratch.open().and_then(|store| store.load()) {
            Err(StoreError::Damaged { .. }) => refused += 1,
            Err(other) => wrong.push(format!("byte {at} ^ {flip}: {other}")),
            Ok(loaded) if loaded == records => {}
            Ok(loaded) => wrong.push(format!("byte {at} ^ {flip}: {} records", loaded.len())),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(refused > 50, "{refused}");
}

#[test]
fn known_peers_survive_and_the_oldest_go() {
    let scratch = Scratch::new();
    let store = scratch.create();
    let known = |number: u64| KnownPeer {
        peer: PeerId::from_public_key(*Digest::of("peer", &[&number.to_be_bytes()]).as_bytes()),
        role: Role::Heavy,
        name: format!("node {number}"),
        addresses: vec!["/ip4/10.0.0.1/tcp/8000".to_owned()],
        last_seen: NOW + std::time::Duration::from_secs(number),
    };
    let many: Vec<_> = (0..KNOWN_PEERS_MAX as u64).map(known).collect();
    store.remember_peers(&many).unwrap();
    store.remember_peer(&known(5_000)).unwrap();
    store.remember_peer(&known(5_000)).unwrap();
    drop(store);
    let peers = scratch.open().unwrap().known_peers();
    assert_eq!(peers.len(), KNOWN_PEERS_MAX);
    assert_eq!(peers[0], known(5_000));
    assert!(!peers.contains(&known(0)) && peers.contains(&known(1)));
}

#[test]
fn errors_and_debug_show_no_share() {
    let scratch = Scratch::new();
    let store = scratch.create();
    let shown = format!("{store:?} {:?}", puts(&[held(&identity(5))]));
    assert!(shown.contains("<redacted>") && !shown.contains("238"), "{shown}");
}
