//! What a node had on the disk when it died, beside what became of the computation.

use std::path::Path;

use formix_p2p::domain::PeerId;
use formix_p2p::store::Store;
use formix_p2p::wire::{Certificate, Keeping, Record, RecordKey, RecordKind, Signed};

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

/// Every record in the folder of a stopped node. Each that is sealed has its key.
pub fn records_in(folder: &Path, owner: PeerId) -> Vec<Record> {
    let store = Store::open(&folder.join("node.redb"), owner).unwrap();
    assert!(store.lost().is_empty(), "keys are missing: {:?}", store.lost());
    store.load().unwrap()
}

/// A node that died after the commit of a record that is kept until the end has it, unless that commit brought the end as well.
pub fn has_written(before: &[Record], id: &str, kind: &str, case: &str) {
    let ended = |key: RecordKey| matches!(key.kind, RecordKind::Certificate | RecordKind::Failed);
    if before.iter().map(Record::key).any(|key| key.computation.to_string() == id && ended(key)) {
        return;
    }
    let named = |of: RecordKind| format!("{of:?}").to_lowercase() == kind.replace('-', "");
    let kind = RecordKind::ALL.into_iter().find(|of| named(*of)).unwrap();
    if kind.keeping() == Keeping::UntilTheEnd {
        let written = before.iter().map(Record::key);
        let found = written.filter(|key| key.kind == kind && key.computation.to_string() == id).count();
        assert!(found > 0, "{case}: what it died after is not there");
    }
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
            let Some(_) = certificate else { return };
            let members = after.iter().find_map(|record| match record {
                Record::Members { computation, entries } if *computation == id => Some(entries),
                _ => None,
            });
            let own = members.and_then(|all| all.iter().find(|entry| entry.participant == owner));
            let own = own.unwrap_or_else(|| panic!("{case}: its report is not in the set"));
            assert_eq!(own.manifest, submissions[0].manifest.digest(), "{case}: another report");
        }
        Record::Voted { vote, .. } => {
            let Some(certificate) = certificate else { return };
            let other = certificate.votes.iter().find(|vote| vote.signer() == owner);
            counted_alike(certificate, other.map(Signed::body), vote.body(), "vote", case);
        }
        Record::Opened { opening, .. } => {
            let Some(certificate) = certificate else { return };
            let other = certificate.openings.iter().find(|one| one.signer() == owner);
            counted_alike(certificate, other.map(Signed::body), opening.body(), "opening", case);
        }
        Record::Accepted { acceptance, .. } => {
            let Some(_) = certificate else { return };
            let announced = after.iter().find_map(|record| match record {
                Record::Announced(announcement) if announcement.id() == id => Some(&announcement.acceptances),
                _ => None,
            });
            let own = announced.and_then(|all| all.iter().find(|other| other.signer() == owner));
            let own = own.unwrap_or_else(|| panic!("{case}: its acceptance was not announced"));
            assert_eq!(own.body(), acceptance.body(), "{case}: another acceptance");
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

/// What the certificate has of a node is what that node had written. Under threshold sharing the others may have gone on without it.
fn counted_alike(certificate: &Certificate, counted: Option<&[u8]>, written: &[u8], what: &str, case: &str) {
    match counted {
        Some(counted) => assert_eq!(counted, written, "{case}: another {what}"),
        None => assert!(certificate.computation.get().survives() > 0, "{case}: its {what} was not counted"),
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
