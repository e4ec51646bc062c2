//! What is read on demand, and not at the start.

use super::*;
use crate::domain::Standing;
use crate::wire::{End, Summary};

fn summary(id: ComputationId) -> Record {
    Record::Summary(Box::new(Summary {
        computation: id,
        question: computation(1).get().clone(),
        end: End::Completed { participants: 3 },
        own: Some(LedgerDecision::Declined(Standing::ValueUnfit)),
    }))
}

#[test]
fn of_a_pruned_computation_a_start_reads_the_mark_alone() {
    let (scratch, records) = Scratch::filled();
    let certificate = records.iter().find(|record| record.key().kind == RecordKind::Certificate).unwrap();
    let id = certificate.key().computation;
    let mark = Record::Pruned { computation: id, at: NOW, bytes: 24 };
    let store = scratch.open().unwrap();
    store.apply(&puts(&[mark.clone(), summary(id)])).unwrap();
    let loaded = store.load().unwrap();
    assert!(loaded.contains(&mark) && !loaded.contains(certificate));
    for kind in [RecordKind::Certificate, RecordKind::Compared, RecordKind::Summary] {
        assert!(loaded.iter().all(|record| record.key() != RecordKey { kind, ..mark.key() }), "{kind:?}");
    }
    // The ledger is for later questions.
    assert!(loaded.iter().any(|record| record.key().kind == RecordKind::Ledger));
    drop(store);
    let store = scratch.open().unwrap();
    assert_eq!(store.recall(RecordKind::Summary, id).unwrap(), Some(summary(id)));
    assert_eq!(store.recall(RecordKind::Certificate, id).unwrap().as_ref(), Some(certificate));
    assert_eq!(store.recall_all(RecordKind::Summary).unwrap(), [summary(id)]);
    assert_eq!(store.recall(RecordKind::Summary, ComputationId::of_body(b"unknown")).unwrap(), None);
}

#[test]
fn what_is_sealed_is_not_read_on_demand() {
    let (scratch, records) = Scratch::filled();
    let store = scratch.open().unwrap();
    let voted = records.iter().find(|record| record.key().kind == RecordKind::Voted).unwrap();
    assert_eq!(store.recall(RecordKind::Voted, voted.key().computation).unwrap(), None);
    assert_eq!(store.recall_all(RecordKind::Voted).unwrap(), []);
}

#[test]
fn a_comparison_of_a_computation_in_memory_is_read_at_the_start() {
    let scratch = Scratch::new();
    let (kept, pruned) = (ComputationId::of_body(b"kept"), ComputationId::of_body(b"pruned"));
    let compared = |computation, other| {
        let similar = vec![Similar { difference: 1, other }];
        Record::Compared(Comparison { computation, members: 3, similar, at: NOW })
    };
    let mark = Record::Pruned { computation: pruned, at: NOW, bytes: 24 };
    let records = [compared(kept, pruned), compared(pruned, kept), mark.clone()];
    scratch.create().apply(&puts(&records)).unwrap();
    assert_eq!(scratch.open().unwrap().load().unwrap(), [compared(kept, pruned), mark]);
}

#[test]
fn a_file_that_is_mostly_free_gets_smaller_when_it_is_opened() {
    let scratch = Scratch::in_memory();
    let store = scratch.create();
    let entry = |number: u64| {
        let Some(Record::Ledger(entry)) =
            every_kind().into_iter().find(|record| record.key().kind == RecordKind::Ledger)
        else {
            panic!("no sample")
        };
        let computation = ComputationId::of_body(&number.to_be_bytes());
        Record::Ledger(LedgerEntry { computation, prompt: "a".repeat(20_000), ..entry })
    };
    let all: Vec<_> = (0..1_000).map(entry).collect();
    store.apply(&puts(&all)).unwrap();
    let (kept, erased) = all.split_at(10);
    let erased: Vec<_> = erased.iter().map(|record| Change::Erase(record.key())).collect();
    let size = || std::fs::metadata(scratch.path()).unwrap().len();
    drop(store);
    let full = size();
    // Full files stay as they are.
    drop(scratch.open().unwrap());
    assert_eq!(size(), full);
    scratch.open().unwrap().apply(&erased).unwrap();
    let store = scratch.open().unwrap();
    assert!(size() < full / 4, "{full} bytes, then {}", size());
    let mut expected = kept.to_vec();
    expected.sort_by_key(|record| *record.key().computation.as_bytes());
    assert_eq!(store.load().unwrap(), expected);
    // And it is written to as before.
    store.apply(&puts(&all)).unwrap();
    drop(store);
    assert_eq!(scratch.open().unwrap().load().unwrap().len(), all.len());
}
