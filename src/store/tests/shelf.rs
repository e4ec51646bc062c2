//! Reports are read back without being kept.

use redb::ReadableTable as _;

use super::*;
use crate::wire::HeldShare;

fn participants() -> Vec<Identity> {
    let mut participants: Vec<_> = (10..40).map(identity).collect();
    participants.sort_by_key(Identity::peer);
    participants
}

fn seen(store: &Store, computation: ComputationId) -> Result<Vec<HeldShare>, StoreError> {
    let mut seen = Vec::new();
    store.each_held(computation, &mut |report| seen.push(report.clone()))?;
    Ok(seen)
}

fn shares_of(records: &[Record]) -> Vec<HeldShare> {
    let share = |record: &Record| {
        let Record::Held(submission) = record else { return None };
        Some(HeldShare::of(submission))
    };
    records.iter().filter_map(share).collect()
}

#[test]
fn reports_are_read_back_as_they_were_held() {
    let (scratch, id) = (Scratch::new(), computation(1).id());
    let store = scratch.create();
    let records: Vec<_> = participants().iter().map(held).collect();
    let other = Record::Held(submission(computation(2).id(), &identity(10), 4));
    store.apply(&puts(&[&records[..], std::slice::from_ref(&other)].concat())).unwrap();
    drop(store);
    let store = scratch.open().unwrap();
    let shares = shares_of(&records);
    assert_eq!(seen(&store, id).unwrap(), shares);
    assert_eq!(seen(&store, computation(2).id()).unwrap(), shares_of(std::slice::from_ref(&other)));
    assert!(seen(&store, computation(3).id()).unwrap().is_empty());
    let stranger = identity(99).peer();
    let asked = [shares[3].participant, shares[20].participant, stranger];
    let found = store.shares(id, &asked).unwrap();
    assert_eq!(found, [Some(shares[3].clone()), Some(shares[20].clone()), None]);
    assert_eq!(store.record(&records[7].key()).unwrap().as_ref(), Some(&records[7]));
    assert_eq!(store.record(&held(&identity(99)).key()).unwrap(), None);
    let rest = store.load_but_reports().unwrap();
    assert!(rest.is_empty(), "{rest:?}");
}

#[test]
fn reports_of_one_computation_go_together() {
    let (scratch, id) = (Scratch::new(), computation(1).id());
    let store = scratch.create();
    let records: Vec<_> = participants().iter().map(held).collect();
    let other = Record::Held(submission(computation(2).id(), &identity(10), 4));
    store.apply(&puts(&[&records[..], std::slice::from_ref(&other)].concat())).unwrap();
    assert!(!store.has_ended_keys());
    store.apply(&[Change::Erase(RecordKey { kind: RecordKind::Held, computation: id, peer: None })]).unwrap();
    assert!(store.has_ended_keys(), "nothing that is sealed is left of it");
    assert_eq!(store.load().unwrap(), [other]);
}

#[test]
fn a_report_that_cannot_be_read_is_no_report_that_is_not_there() {
    let (scratch, id) = (Scratch::new(), computation(1).id());
    let store = scratch.create();
    let records: Vec<_> = participants().iter().map(held).collect();
    store.apply(&puts(&records)).unwrap();
    drop(store);
    let key = key_bytes(&records[5].key());
    let database = redb::Database::open(scratch.path()).unwrap();
    in_transaction(&database, |transaction| {
        let mut table = transaction.open_table(table_of(RecordKind::Held))?;
        let mut row = table.get(key.as_slice())?.map(|row| row.value().to_vec()).unwrap_or_default();
        let last = row.len() - 1;
        row[last] ^= 1;
        table.insert(key.as_slice(), row.as_slice())?;
        Ok(())
    })
    .unwrap();
    drop(database);
    let store = scratch.open().unwrap();
    let spoiled = records[5].key().peer.unwrap();
    assert!(matches!(store.shares(id, &[spoiled]), Err(StoreError::Damaged { .. })));
    assert!(matches!(seen(&store, id), Err(StoreError::Damaged { .. })));
    assert!(matches!(store.record(&records[5].key()), Err(StoreError::Damaged { .. })));
    let sound = records[6].key().peer.unwrap();
    assert!(matches!(store.shares(id, &[sound]).unwrap()[..], [Some(_)]));
}

/// The protocol gives others what it no longer has in memory, such as the certificates of pruned computations.
#[test]
fn a_record_of_every_kind_is_read_back() {
    let (scratch, records) = Scratch::filled();
    let store = scratch.open().unwrap();
    for record in &records {
        assert_eq!(store.record(&record.key()).unwrap().as_ref(), Some(record), "{:?}", record.key().kind);
    }
}
