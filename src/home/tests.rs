//! Guards against: a key that others can read, one node in two processes, a folder of somebody else deleted.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::*;
use crate::config::Layer;
use crate::domain::{Role, Timestamp};
use crate::sharing::Secret;

fn scratch() -> (tempfile::TempDir, Home) {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(Some(&folder.path().join("home"))).unwrap();
    (folder, home)
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o777
}

fn name(node: &NodeFolder, keys: &Keys, name: &str) {
    let told = Layer { role: Some(Role::Light), name: Some(name.to_owned()), ..Layer::default() };
    let config = NodeConfig::new(told, keys.peer(), Timestamp::from_millis(0)).unwrap();
    config.save(&node.config_path()).unwrap();
}

#[test]
fn a_new_node_is_private_and_can_be_found() {
    let (_folder, home) = scratch();
    assert_eq!(home.nodes(), Ok(vec![]));
    let (node, keys) = home.create_node().unwrap();
    assert_eq!(node.uid(), keys.peer().uid().to_string());
    assert_eq!([mode(home.path()), mode(node.path()), mode(&node.identity_path())], [0o700, 0o700, 0o600]);
    assert_eq!(node.load_keys().unwrap().peer(), keys.peer());
    assert_eq!(home.nodes(), Ok(vec![node.clone()]));
    name(&node, &keys, "ward 7");
    for typed in [node.uid(), &node.uid()[..3], "ward 7", "ward", &keys.peer().to_string()] {
        assert_eq!(home.node(typed), Ok(node.clone()), "{typed}");
    }
    assert!(matches!(home.node("other"), Err(HomeError::NoSuchNode { .. })));
}

#[test]
fn the_identity_is_what_libp2p_reads() {
    let keys = Keys::generate().unwrap();
    let pair = libp2p::identity::Keypair::from_protobuf_encoding(keys.to_protobuf().expose()).unwrap();
    assert_eq!(pair.public().to_peer_id().to_bytes(), keys.peer().to_bytes());
    assert_eq!(pair.to_protobuf_encoding().unwrap(), *keys.to_protobuf().expose());
    assert_eq!(keys.to_protobuf().expose().len(), 68);
    assert!(format!("{keys:?}").contains("<redacted>"));
}

#[test]
fn an_identity_that_others_may_read_is_refused() {
    let (_folder, home) = scratch();
    let (node, _) = home.create_node().unwrap();
    for exposed in [0o644, 0o640, 0o602] {
        std::fs::set_permissions(node.identity_path(), PermissionsExt::from_mode(exposed)).unwrap();
        let error = node.load_keys().unwrap_err();
        assert!(matches!(error, HomeError::IdentityExposed { mode, .. } if mode == exposed));
        assert!(error.hint().starts_with("chmod 600 /"), "{}", error.hint());
    }
}

#[test]
fn what_others_could_read_is_closed_and_named() {
    let (_folder, home) = scratch();
    let (node, keys) = home.create_node().unwrap();
    name(&node, &keys, "ward");
    assert_eq!(node.close_to_others(), Ok(vec![]));
    std::fs::write(node.log_path(), "").unwrap();
    let open = [(node.path().to_owned(), 0o755), (node.config_path(), 0o640), (node.log_path(), 0o604)];
    for (path, mode) in &open {
        std::fs::set_permissions(path, PermissionsExt::from_mode(*mode)).unwrap();
    }
    let exposed = node.close_to_others().unwrap();
    let mut named: Vec<_> = exposed.into_iter().map(|Exposed { path, mode }| (path, mode)).collect();
    named.sort();
    let mut expected = open.to_vec();
    expected.sort();
    assert_eq!(named, expected);
    assert_eq!([mode(node.path()), mode(&node.config_path()), mode(&node.log_path())], [0o700, 0o600, 0o600]);
}

#[test]
fn the_keys_of_open_computations_go_with_the_node() {
    let (_folder, home) = scratch();
    let (node, _) = home.create_node().unwrap();
    let keys = node.path().join("keys");
    std::fs::create_dir(&keys).unwrap();
    std::fs::write(keys.join("ab".repeat(32)), [7; 41]).unwrap();
    assert_eq!(node.remove(), Ok(Removal::Complete));
    assert!(!keys.exists());
}

#[test]
fn a_damaged_identity_is_refused() {
    let (_folder, home) = scratch();
    let (node, _) = home.create_node().unwrap();
    let bytes = std::fs::read(node.identity_path()).unwrap();
    let flips = (0..bytes.len()).map(|at| {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        flipped
    });
    let lengths =
        [0, 1, 32, 67].map(|kept| bytes[..kept].to_vec()).into_iter().chain([[&bytes[..], &[0]].concat()]);
    let strangers = [Keys::generate().unwrap().to_protobuf().expose().clone()];
    for damaged in flips.chain(lengths).chain(strangers) {
        std::fs::write(node.identity_path(), &damaged).unwrap();
        assert!(matches!(node.load_keys(), Err(HomeError::IdentityDamaged { .. })));
    }
    std::fs::remove_file(node.identity_path()).unwrap();
    assert!(matches!(node.load_keys(), Err(HomeError::IdentityMissing { .. })));
}

#[test]
fn a_passphrase_guards_the_identity_until_it_is_taken_off() {
    let (_folder, home) = scratch();
    let (node, keys) = home.create_node().unwrap();
    let secret = |text: &str| Secret::new(text.to_owned());
    let plain = std::fs::File::open(node.identity_path()).unwrap();
    node.guard_identity(&keys, &Guard::Passphrase(secret("one"))).unwrap();
    // What lay there is overwritten, not only unlinked.
    let mut left = Vec::new();
    std::io::Read::read_to_end(&mut &plain, &mut left).unwrap();
    assert!(left.len() == 68 && left != *keys.to_protobuf().expose());
    assert_eq!(mode(&node.identity_path()), 0o600);
    assert!(matches!(node.load_keys(), Err(HomeError::PassphraseNeeded { .. })));
    assert_eq!(node.load_peer(), Ok(keys.peer()));
    assert_eq!(node.unlock_keys(&secret("one")).unwrap().peer(), keys.peer());
    assert_eq!(node.unlock_keys(&secret("two")).unwrap_err(), HomeError::Passphrase);
    // It is found by what it is called, though nobody types a passphrase for that.
    assert_eq!(home.node(&keys.peer().to_string()), Ok(node.clone()));
    node.guard_identity(&keys, &Guard::Passphrase(secret("two"))).unwrap();
    assert_eq!(node.unlock_keys(&secret("one")).unwrap_err(), HomeError::Passphrase);
    let stranger = Keys::generate().unwrap();
    assert!(matches!(node.guard_identity(&stranger, &Guard::None), Err(HomeError::IdentityDamaged { .. })));
    node.guard_identity(&keys, &Guard::None).unwrap();
    assert_eq!(node.load_keys().unwrap().peer(), keys.peer());
}

#[test]
fn a_node_runs_once() {
    let (_folder, home) = scratch();
    let (node, _) = home.create_node().unwrap();
    assert_eq!(node.is_running(), Ok(false));
    let lock = node.lock().unwrap();
    assert_eq!(node.is_running(), Ok(true));
    assert_eq!(node.lock().unwrap_err(), HomeError::Running { uid: node.uid().to_owned() });
    assert_eq!(node.clone().remove().unwrap_err(), HomeError::Running { uid: node.uid().to_owned() });
    drop(lock);
    assert_eq!(node.is_running(), Ok(false));
    node.lock().unwrap();
}

#[test]
fn looking_does_not_disturb_a_start() {
    let (_folder, home) = scratch();
    let (node, _) = home.create_node().unwrap();
    drop(node.lock().unwrap());
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                node.is_running().unwrap();
            }
        });
        let starts: Vec<_> = (0..500).map(|_| node.lock().map(drop)).collect();
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(starts.iter().all(Result::is_ok));
    });
}

#[test]
fn foreign_things_are_left_alone() {
    let (_folder, home) = scratch();
    let (node, _) = home.create_node().unwrap();
    for foreign in ["photos", "ABCDEFGH", "abcdefgh", "ABCDEFG1"] {
        std::fs::create_dir(home.path().join(foreign)).unwrap();
    }
    assert_eq!(home.nodes().unwrap(), std::slice::from_ref(&node));
    let note = node.path().join("note.txt");
    std::fs::write(&note, "mine").unwrap();
    assert_eq!(node.remove(), Ok(Removal::ForeignFilesLeft));
    assert!(note.exists());
    assert_eq!(home.nodes(), Ok(vec![]));
    let (node, _) = home.create_node().unwrap();
    let path = node.path().to_owned();
    std::fs::write(path.join(".unfinished-key"), "half a key").unwrap();
    assert_eq!(node.remove(), Ok(Removal::Complete));
    assert!(!path.exists() && home.path().join("photos").exists());
}

#[test]
fn a_node_with_unreadable_settings_is_still_found_by_its_uid() {
    let (_folder, home) = scratch();
    let (node, _) = home.create_node().unwrap();
    std::fs::write(node.config_path(), "nonsense").unwrap();
    assert_eq!(home.node(node.uid()), Ok(node.clone()));
    std::fs::write(node.identity_path(), "nonsense").unwrap();
    assert_eq!(home.node(node.uid()), Ok(node));
}

#[test]
fn a_home_too_deep_for_a_socket_is_refused_before_anything_is_made() {
    let (folder, _) = scratch();
    let deep = folder.path().join("x".repeat(100));
    let error = Home::at(Some(&deep)).unwrap().create_node().unwrap_err();
    let bytes = deep.as_os_str().len() + "/ABCDEFGH/control.sock".len();
    assert!(
        error.to_string().contains(&format!("{bytes} bytes")) && error.to_string().contains("107"),
        "{error}"
    );
    assert_eq!(error.hint(), "choose a shorter --home");
    assert!(!deep.exists());
}

#[test]
fn a_home_that_cannot_be_written_is_named() {
    let (folder, _) = scratch();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Home::at(Some(&file.join("home"))).unwrap().create_node().unwrap_err();
    assert!(
        matches!(error, HomeError::NotWritable { .. }) && error.to_string().contains("file/home"),
        "{error}"
    );
}
