//! What a node keeps of itself, damaged, lost, or open to others.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn a_damaged_or_newer_store_is_named_and_never_replaced() {
    let lab = Lab::new();
    let node = heavy(&lab, &[]).data();
    let uid = text(&node["uid"]);
    lab.json(&["stop", uid]).data();
    let path = lab.node(uid).join("node.redb");
    let whole = fs::read(&path).unwrap();
    let flipped = |places: &mut dyn Iterator<Item = usize>| {
        let mut bytes = whole.clone();
        places.for_each(|at| bytes[at] ^= 0x5a);
        bytes
    };
    for damaged in [
        flipped(&mut (0..1)),
        flipped(&mut (0..4096)),
        flipped(&mut (4096..whole.len()).step_by(512)),
        whole[..whole.len() / 2].to_vec(),
        vec![0; whole.len()],
        b"not a database".to_vec(),
        Vec::new(),
    ] {
        fs::write(&path, &damaged).unwrap();
        let hint = refused(&lab.json(&["start", uid, "--detach"]), (1, "not_started"), "is damaged");
        assert!(hint.contains("backup") && hint.contains("node.redb.damaged"), "{hint}");
        assert!(fs::read(&path).unwrap() == damaged, "the damaged file was touched");
    }
    fs::write(&path, &whole).unwrap();
    let meta = redb::TableDefinition::<&str, &[u8]>::new("meta");
    let version = {
        let database = redb::ReadOnlyDatabase::open(&path).unwrap();
        let table = redb::ReadableDatabase::begin_read(&database).unwrap().open_table(meta).unwrap();
        u32::from_be_bytes(table.get("schema_version").unwrap().unwrap().value().try_into().unwrap())
    };
    let set_version = |version: u32| {
        let database = redb::Database::open(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.open_table(meta).unwrap().insert("schema_version", &version.to_be_bytes()[..]).unwrap();
        transaction.commit().unwrap();
    };
    set_version(version + 1);
    let newer = (version + 1).to_string();
    let hint = refused(&lab.json(&["start", uid, "--detach"]), (1, "not_started"), &newer);
    assert!(hint.contains("newer"), "{hint}");
    set_version(version);
    lab.json(&["start", uid, "--detach"]).data();
    lab.json(&["stop", uid]).data();
    // Without its store it starts with an empty memory, and says so in its log.
    fs::remove_file(&path).unwrap();
    lab.json(&["start", uid, "--detach"]).data();
    assert!(fs::read_to_string(lab.node(uid).join("logs.log")).unwrap().contains("lost its memory"));
}

#[test]
fn an_identity_that_others_can_read_or_that_is_damaged() {
    let lab = Lab::new();
    let node = heavy(&lab, &[]).data();
    let uid = text(&node["uid"]);
    lab.json(&["stop", uid]).data();
    let path = lab.node(uid).join("identity.key");
    let shown = path.display().to_string();
    let start = || lab.json(&["start", uid, "--detach"]);
    for mode in [0o644, 0o640, 0o604] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let hint = refused(&start(), (1, "identity"), &format!("{mode:o}"));
        assert_eq!(hint, format!("chmod 600 {shown}"));
    }
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let whole = fs::read(&path).unwrap();
    let mut other_half = whole.clone();
    other_half[40] ^= 1;
    for damaged in [&whole[..67], &other_half, &[0; 68], &[]] {
        fs::write(&path, damaged).unwrap();
        refused(&start(), (1, "identity"), &shown);
    }
    fs::remove_file(&path).unwrap();
    refused(&start(), (1, "identity"), &shown);
    assert!(!path.exists(), "a lost identity is not replaced");
}
