//! What a node had on the disk when it died, beside what became of the computation.

use std::path::Path;

use formix_p2p::domain::PeerId;
use formix_p2p::store::Store;
use formix_p2p::wire::{Certificate, Record, RecordKind};

/// What is left of a computation that has ended, besides what its kind says of itself.
const KEPT: [RecordKind; 8] = [
    RecordKind::Proposed,
    RecordKind::Announced,
    RecordKind::Certificate,
    RecordKind::Failed,
    RecordKind::Ledger,
    RecordKind::Fault,
    RecordKind::Members,
    RecordKind::Compared,
];

/// Every record in the folder of a stopped node.
pub fn records_in(folder: &Path, owner: PeerId) -> Vec<Record> {
    let store = Store::open(&folder.join("node.redb"), owner).unwrap();
    store.load().unwrap()
}

/// What this node had promised before it died is what everybody ended with: the one report, the one vote, the one opening.
pub fn promises_are_kept(before: &[Record], after: &[Record], owner: PeerId, id: &str, case: &str) {
    let is_of_it = |record: &&Record| record.key().computation.to_string() == id;
    let certificate = after.iter().filter(is_of_it).find_map(|record| match record {
        Record::Certificate(certificate) => Some(certificate),
        _ => None,
    });
    for record in before.iter().filter(is_of_it) {
        promise_is_kept(record, certificate, after, owner, case);
    }
}

fn promise_is_kept(
    record: &Record,
    certificate: Option<&Certificate>,
    after: &[Record],
    owner: PeerId,
    case: &str,
) {
    let id = record.key().computation;
    match record {
        Record::Report(submissions) => {
            let own = after.iter().find_map(|record| match record {
                Record::Members { computation, entries } if *computation == id => {
                    Some(entries.iter().filter(|entry| entry.participant == owner).collect::<Vec<_>>())
                }
                _ => None,
            });
            for entry in own.into_iter().flatten() {
                assert_eq!(entry.manifest, submissions[0].manifest.digest(), "{case}: another report");
            }
        }
        Record::Voted { vote, .. } => {
            let votes = certificate.map(|it| it.votes.iter().filter(|vote| vote.signer() == owner));
            for other in votes.into_iter().flatten() {
                assert_eq!(other.body(), vote.body(), "{case}: another vote");
            }
        }
        Record::Opened { opening, .. } => {
            let openings = certificate.map(|it| it.openings.iter().filter(|one| one.signer() == owner));
            for other in openings.into_iter().flatten() {
                assert_eq!(other.body(), opening.body(), "{case}: another opening");
            }
        }
        Record::Accepted { acceptance, .. } => {
            let announced = after.iter().find_map(|record| match record {
                Record::Announced(announcement) if announcement.id() == id => Some(&announcement.acceptances),
                _ => None,
            });
            for other in announced.into_iter().flatten().filter(|other| other.signer() == owner) {
                assert_eq!(other.body(), acceptance.body(), "{case}: another acceptance");
            }
        }
        // What was written once stands, or the end has taken its place.
        Record::Certificate(certificate) => {
            let same =
                after.iter().any(|record| matches!(record, Record::Certificate(it) if it == certificate));
            assert!(same, "{case}: the certificate has gone");
        }
        Record::Ledger(entry) => {
            let same = after.iter().any(|record| matches!(record, Record::Ledger(it) if it == entry));
            assert!(same, "{case}: the ledger has another entry");
        }
        Record::Failed { failure, .. } => {
            let same = after.iter().any(|record| matches!(record, Record::Failed { computation, failure: it, .. } if *computation == id && it == failure));
            assert!(same || certificate.is_some(), "{case}: the failure has gone");
        }
        Record::Members { .. } => assert!(after.contains(record), "{case}: the members have gone"),
        Record::Proposed(_)
        | Record::Dealing { .. }
        | Record::Announced(_)
        | Record::Held(_)
        | Record::Receipts { .. }
        | Record::Closed { .. }
        | Record::Decree { .. }
        | Record::Frozen { .. }
        | Record::Verifying { .. }
        | Record::Fault(_)
        | Record::Compared(_)
        | Record::Invitation(_)
        | Record::Input { .. }
        | Record::Forgotten { .. }
        | Record::Pruned { .. }
        | Record::Summary(_) => {}
    }
}

/// Nobody has been convicted of anything, and of what has ended no share, key or rung is left.
pub fn nothing_is_left_behind(records: &[Record], whose: &str) {
    let ended = |id| {
        records.iter().any(|record| {
            let key = record.key();
            key.computation == id && matches!(key.kind, RecordKind::Certificate | RecordKind::Failed)
        })
    };
    for record in records {
        let key = record.key();
        assert_ne!(key.kind, RecordKind::Fault, "{whose} has evidence: {record:?}");
        let kept = KEPT.contains(&key.kind) || !ended(key.computation);
        assert!(kept, "{whose}: {:?} is left of a computation that has ended", key.kind);
    }
}
