//! `identity.key` and `node.toml`, with any one bit flipped and cut anywhere.

use std::fs;
use std::time::SystemTime;

use formix_p2p::config::{Data, Layer, NodeConfig};
use formix_p2p::domain::{Role, Timestamp};
use formix_p2p::home::{Home, HomeError, NodeFolder};

use crate::net::scratch;

/// Every way to flip one bit or to cut the end off.
fn damaged(whole: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let flipped = (0..whole.len() * 8).map(|bit| {
        let mut bytes = whole.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    });
    flipped.chain((0..whole.len()).map(|kept| whole[..kept].to_vec()))
}

fn node() -> (tempfile::TempDir, NodeFolder) {
    let scratch = scratch();
    let (folder, keys) = Home::at(Some(scratch.path())).unwrap().create_node().unwrap();
    let data = Data::from_assignments(["n=7"]).unwrap();
    let told = Layer { role: Some(Role::Light), data, ..Layer::default() };
    let config = NodeConfig::new(told, keys.peer(), Timestamp::from(SystemTime::now())).unwrap();
    config.save(&folder.config_path()).unwrap();
    (scratch, folder)
}

#[test]
fn no_damaged_identity_is_taken_for_one() {
    let (_scratch, folder) = node();
    let path = folder.identity_path();
    let whole = fs::read(&path).unwrap();
    for bytes in damaged(&whole) {
        fs::write(&path, &bytes).unwrap();
        let refused = folder.load_keys().unwrap_err();
        assert!(matches!(refused, HomeError::IdentityDamaged { .. }), "{refused}");
        assert!(refused.to_string().contains("identity.key") && refused.hint().contains("backup"), "{refused}");
        assert!(fs::read(&path).unwrap() == bytes, "it was replaced");
    }
}

/// People edit the settings, so there is no checksum: what still reads as settings is taken as such. The identity is
/// elsewhere, and `start` compares it.
#[test]
fn damaged_settings_are_refused_by_line_or_read_as_they_stand() {
    let (_scratch, folder) = node();
    let path = folder.config_path();
    let whole = fs::read(&path).unwrap();
    let (mut read, mut refused) = (0, 0);
    for bytes in damaged(&whole) {
        fs::write(&path, &bytes).unwrap();
        match NodeConfig::load(&path) {
            Ok(_) => read += 1,
            Err(error) => {
                assert!(error.to_string().contains("node.toml") && !error.hint().is_empty(), "{error}");
                refused += 1;
            }
        }
    }
    eprintln!("{refused} damaged settings refused, {read} read as they stand");
    assert!(refused > whole.len());
}
