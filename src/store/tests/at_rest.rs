//! Guards against: a share that can be read after its computation, a key that others can read, a loss that nobody hears of.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::store::{LossReason, destroy_keys};

fn keys_of(scratch: &Scratch) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(scratch.folder.path().join("keys")) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn key_path(scratch: &Scratch, computation: ComputationId) -> PathBuf {
    scratch.folder.path().join("keys").join(data_encoding::HEXLOWER.encode(computation.as_bytes()))
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o777
}

/// A report of a computation of its own, with bytes that can be recognised.
fn marked(nonce: u8) -> Record {
    let mut submission = submission(computation(nonce).id(), &identity(5), nonce);
    submission.share = Secret::new((0..64).map(|at| at ^ nonce.wrapping_mul(29)).collect());
    Record::Held(submission)
}

fn share_of(record: &Record) -> &[u8] {
    let Record::Held(submission) = record else { panic!("not a held report") };
    submission.share.expose()
}

fn holds(path: &Path, needle: &[u8]) -> bool {
    std::fs::read(path).unwrap().windows(needle.len()).any(|bytes| bytes == needle)
}

#[test]
fn what_ends_with_its_computation_is_never_written_in_plain() {
    let (scratch, records) = Scratch::filled();
    let store = scratch.open().unwrap();
    let report = marked(9);
    store.apply(&puts(std::slice::from_ref(&report))).unwrap();
    assert!(!holds(&scratch.path(), &share_of(&report)[..16]));
    for record in &records {
        let plain = to_row(record);
        let sealed = record.key().kind.keeping() == crate::wire::Keeping::UntilTheEnd;
        // The search works: other rows are there as they are.
        assert_eq!(holds(&scratch.path(), &plain), !sealed, "{:?}", record.key().kind);
    }
    drop(store);
    assert_eq!(scratch.open().unwrap().load().unwrap().len(), records.len() + 1);
}

#[test]
fn a_key_lives_as_long_as_its_rows() {
    let scratch = Scratch::new();
    let store = scratch.create();
    store.apply(&puts(&[small(computation(1).id())])).unwrap();
    assert!(keys_of(&scratch).is_empty(), "nothing here needs a key");
    let (one, other) = (marked(2), marked(3));
    store.apply(&puts(&[one.clone(), other.clone()])).unwrap();
    let path = key_path(&scratch, one.key().computation);
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    // A row that is put again is one row.
    store.apply(&puts(std::slice::from_ref(&one))).unwrap();
    store.apply(&[Change::Erase(one.key()), Change::Erase(one.key())]).unwrap();
    assert!(store.has_ended_keys() && path.exists());
    store.destroy_ended_keys().unwrap();
    assert!(!store.has_ended_keys());
    assert_eq!(keys_of(&scratch), [key_path(&scratch, other.key().computation)]);
    // The same computation may come back, before its key is destroyed and after.
    for _ in 0..2 {
        store.apply(&puts(std::slice::from_ref(&one))).unwrap();
        store.apply(&[Change::Erase(one.key())]).unwrap();
        store.apply(&puts(std::slice::from_ref(&one))).unwrap();
        store.destroy_ended_keys().unwrap();
    }
    drop(store);
    let store = scratch.open().unwrap();
    assert_eq!((store.load().unwrap().len(), store.lost()), (3, &[][..]));
}

#[test]
fn a_key_is_overwritten_before_it_is_unlinked() {
    let scratch = Scratch::new();
    let store = scratch.create();
    let report = marked(2);
    store.apply(&puts(std::slice::from_ref(&report))).unwrap();
    let path = key_path(&scratch, report.key().computation);
    let (before, kept) = (std::fs::read(&path).unwrap(), File::open(&path).unwrap());
    store.apply(&[Change::Erase(report.key())]).unwrap();
    store.destroy_ended_keys().unwrap();
    assert!(!path.exists());
    let mut after = vec![0; before.len()];
    kept.read_exact_at(&mut after, 0).unwrap();
    assert_eq!(kept.metadata().unwrap().len(), before.len() as u64);
    assert!(!after[1..].windows(4).any(|bytes| before[1..33].windows(4).any(|was| was == bytes)));
}

#[test]
fn what_a_crash_leaves_behind_is_swept() {
    let scratch = Scratch::new();
    let store = scratch.create();
    let report = marked(2);
    store.apply(&puts(std::slice::from_ref(&report))).unwrap();
    // Between the key and the first row, between the last row and the end of the key, and half of a key.
    store.apply(&puts(&[marked(3)])).unwrap();
    store.apply(&[Change::Erase(marked(3).key())]).unwrap();
    std::fs::write(key_path(&scratch, computation(4).id()), [1; 12]).unwrap();
    std::fs::write(scratch.folder.path().join("keys/note"), "mine").unwrap();
    drop(store);
    assert_eq!(keys_of(&scratch).len(), 4);
    let store = scratch.open().unwrap();
    assert_eq!((store.load().unwrap(), store.lost()), (vec![report.clone()], &[][..]));
    let mut left = keys_of(&scratch);
    left.sort();
    assert_eq!(left, [key_path(&scratch, report.key().computation), scratch.folder.path().join("keys/note")]);
    drop(store);
    // A store that begins anew has no use for the keys of the one before.
    std::fs::remove_file(scratch.path()).unwrap();
    scratch.create();
    assert_eq!(keys_of(&scratch), [scratch.folder.path().join("keys/note")]);
    destroy_keys(scratch.folder.path()).unwrap();
    assert!(scratch.folder.path().join("keys/note").exists());
}

#[test]
fn a_lost_key_costs_its_computation_alone_and_is_named() {
    type Damage = (LossReason, fn(&Path));
    let damages: [Damage; 4] = [
        (LossReason::Missing, |path| std::fs::remove_file(path).unwrap()),
        (LossReason::Missing, |path| std::fs::remove_dir_all(path.parent().unwrap()).unwrap()),
        (LossReason::Damaged, |path| std::fs::write(path, [1; 41]).unwrap()),
        (LossReason::Damaged, |path| {
            let bytes = std::fs::read(path).unwrap();
            std::fs::write(path, &bytes[..40]).unwrap();
        }),
    ];
    for (reason, damage) in damages {
        let (scratch, mut records) = Scratch::filled();
        // What waits to be answered is sealed with a key of its own.
        let input = records.iter().find(|record| record.key().kind == RecordKind::Input).unwrap().key();
        scratch.open().unwrap().apply(&[Change::Erase(input)]).unwrap();
        records.retain(|record| record.key() != input);
        let id = computation(1).id();
        damage(&key_path(&scratch, id));
        let store = scratch.open().unwrap();
        let [lost] = store.lost() else { panic!("{:?}", store.lost()) };
        assert_eq!((lost.computation, lost.reason), (id, reason));
        assert!(lost.to_string().contains(&id.to_string()) && lost.hint().contains("memory lost"), "{lost}");
        let kept: Vec<_> = records.into_iter().filter(|record| !is_sealed(record.key().kind)).collect();
        assert_eq!(store.load().unwrap(), kept);
        drop(store);
        // Said once: nothing is left of what was lost.
        let store = scratch.open().unwrap();
        assert_eq!((store.load().unwrap(), store.lost()), (kept, &[][..]));
    }
}

#[test]
fn a_lost_key_leaves_the_others_alone() {
    let scratch = Scratch::new();
    scratch.create().apply(&puts(&[marked(2), marked(3)])).unwrap();
    std::fs::remove_file(key_path(&scratch, computation(2).id())).unwrap();
    let store = scratch.open().unwrap();
    assert_eq!(store.load().unwrap(), [marked(3)]);
    assert_eq!(store.lost().len(), 1);
}

#[test]
fn a_row_that_was_not_sealed_or_stands_elsewhere_is_damage() {
    let id = computation(1).id();
    let with = |row: &dyn Fn(&Scratch) -> Vec<u8>| {
        let (scratch, _) = Scratch::filled();
        let row = row(&scratch);
        edit(&scratch, |transaction| {
            transaction
                .open_table(table_of(RecordKind::Voted))?
                .insert(id.as_bytes().as_slice(), row.as_slice())?;
            Ok(())
        });
        scratch.open().unwrap().load().unwrap_err()
    };
    let plain = every_kind().into_iter().find(|record| record.key().kind == RecordKind::Voted).unwrap();
    let elsewhere = |scratch: &Scratch| {
        let database = Builder::new().open(scratch.path()).unwrap();
        rows_of(&database, table_of(RecordKind::Opened)).unwrap()[0].1.to_vec()
    };
    for refused in [with(&|_| to_row(&plain).to_vec()), with(&elsewhere), with(&|_| vec![2; 80])] {
        assert!(matches!(refused, StoreError::Damaged { .. }), "{refused}");
    }
}

#[test]
fn what_others_could_read_is_closed_at_the_next_opening() {
    let (scratch, _) = Scratch::filled();
    let path = key_path(&scratch, computation(1).id());
    let folder = path.parent().unwrap().to_owned();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).unwrap();
    scratch.open().unwrap();
    assert_eq!((mode(&path), mode(&folder)), (0o600, 0o700));
}

#[test]
fn a_key_that_cannot_be_made_keeps_its_rows_out() {
    let scratch = Scratch::new();
    let store = scratch.create();
    std::fs::write(scratch.folder.path().join("keys"), "a file where the folder should be").unwrap();
    let refused = store.apply(&puts(&[marked(2), small(computation(1).id())])).unwrap_err();
    assert!(
        matches!(&refused, StoreError::Io { path, .. } if path.starts_with(scratch.folder.path().join("keys")))
    );
    assert_eq!(store.load().unwrap(), []);
}

/// A key that is stuck, because its file was made read-only or what not, must not keep what others have ended alive.
#[test]
fn a_key_that_cannot_be_destroyed_keeps_no_other() {
    let scratch = Scratch::new();
    let store = scratch.create();
    let reports: Vec<_> = (2..7).map(marked).collect();
    store.apply(&puts(&reports)).unwrap();
    // In the middle, whatever the order.
    let mut sorted: Vec<_> = reports.iter().map(|report| report.key().computation).collect();
    sorted.sort();
    let stuck = key_path(&scratch, sorted[2]);
    std::fs::remove_file(&stuck).unwrap();
    std::fs::create_dir(&stuck).unwrap();
    store.apply(&reports.iter().map(|report| Change::Erase(report.key())).collect::<Vec<_>>()).unwrap();
    let error = store.destroy_ended_keys().unwrap_err();
    assert!(error.to_string().contains(&*stuck.to_string_lossy()), "{error}");
    assert_eq!(keys_of(&scratch), std::slice::from_ref(&stuck));
    assert!(store.has_ended_keys(), "it is tried again");
    std::fs::remove_dir(&stuck).unwrap();
    store.destroy_ended_keys().unwrap();
    assert!(!store.has_ended_keys());
}
