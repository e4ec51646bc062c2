//! What sealing costs: a thousand held reports, as a heavy node commits them, beside as many unsealed rows of that length:
//! `cargo bench --bench sealing`. Medians of 15 commits to a store on the disk where `TMPDIR` is.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::time::{Duration, Instant};

use formix_p2p::domain::{
    Computation, ComputationId, Digest, Modulus, PeerId, Query, Sharing, Statistic, Timestamp, VERSION,
};
use formix_p2p::sharing::Secret;
use formix_p2p::store::{Change, Memory, Store};
use formix_p2p::wire::{Decider, Identity, LedgerDecision, LedgerEntry, Manifest, Record, Signed, Submission};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const REPORTS: u64 = 1_000;
const ROUNDS: usize = 15;

fn owner() -> PeerId {
    Identity::from_secret_key(&[1; 32]).peer()
}

fn question(round: u8) -> Signed<Computation> {
    let heavy = [2, 3, 4].map(|seed| Identity::from_secret_key(&[seed; 32]).peer());
    let computation = Computation {
        version: VERSION,
        nonce: [round; 16],
        proposer: owner(),
        proposed_at: NOW,
        prompt: "How old?".to_owned(),
        query: Query::parse(Statistic::Sum, &["age".to_owned()], None).unwrap(),
        heavy: heavy.to_vec(),
        sharing: Sharing::Additive { modulus: Modulus::Bits64 },
        min_participants: 3,
        max_participants: 10_000,
        deadline: NOW,
        patience_ms: 60_000,
        grace_ms: 3_000,
        participants: None,
        noise: None,
        invitation: None,
    };
    Signed::sign(computation, &Identity::from_secret_key(&[1; 32]))
}

/// Reports as `prio3` makes them for a heavy node: a share of some hundred bytes, and what was signed about it.
fn reports(round: u8) -> Vec<Record> {
    let computation = question(round).id();
    let report = |number: u64| {
        let seed = Digest::of("participant", &[&number.to_be_bytes()]);
        let participant = Identity::from_secret_key(seed.as_bytes());
        let shares = vec![Digest::from_bytes([9; 32]); 3];
        let public = vec![7; 96];
        let manifest =
            Manifest { computation, participant: participant.peer(), nonce: [3; 16], public, shares };
        Record::Held(Submission {
            manifest: Signed::sign(manifest, &participant),
            blind: Secret::new([5; 32]),
            share: Secret::new(vec![6; 760]),
        })
    };
    (0..REPORTS).map(report).collect()
}

/// A row of about the length of a report that is kept beyond the end.
fn entry(round: usize, number: u64) -> Record {
    let nonce = Digest::of("entry", &[&round.to_be_bytes(), &number.to_be_bytes()]);
    Record::Ledger(LedgerEntry {
        computation: ComputationId::from_digest(nonce),
        proposer: owner(),
        prompt: "x".repeat(1_000),
        statistic: Statistic::Sum,
        fields: Vec::new(),
        min_participants: 3,
        listed: None,
        participants: None,
        noise: None,
        at: NOW,
        decision: LedgerDecision::Answered,
        decider: Decider::Owner,
        reason: None,
        records: Some(1),
    })
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(&folder.path().join("node.redb"), owner(), Memory::SinceBirth, NOW).unwrap();
    let (mut at_once, mut one_by_one, mut unsealed) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let records = reports(u8::try_from(round).unwrap());
        let put = |record: &Record| Change::Put(Box::new(record.clone()));
        let changes: Vec<_> = records.iter().map(put).collect();
        let begun = Instant::now();
        store.apply(&changes).unwrap();
        at_once.push(begun.elapsed());
        // Once more, a hundred of them, each in a commit of its own.
        let begun = Instant::now();
        for record in &records[..100] {
            store.apply(&[put(record)]).unwrap();
        }
        one_by_one.push(begun.elapsed() / 100);
        // As many rows of the same length, which are not sealed.
        let plain: Vec<_> = (0..REPORTS).map(|number| Change::Put(Box::new(entry(round, number)))).collect();
        let begun = Instant::now();
        store.apply(&plain).unwrap();
        unsealed.push(begun.elapsed());
        let erased: Vec<_> = records.iter().map(|record| Change::Erase(record.key())).collect();
        store.apply(&erased).unwrap();
    }
    println!("{REPORTS} reports in one commit: {:?}", median(at_once));
    println!("{REPORTS} rows in one commit, unsealed: {:?}", median(unsealed));
    println!("one report in one commit: {:?}", median(one_by_one));
}
