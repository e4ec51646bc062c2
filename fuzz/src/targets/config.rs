//! The small files of a node: the configuration that a person writes, `node.toml`, the list of members, a swarm key, an identity; the
//! first byte chooses. Or a private value of any shape in a file that is otherwise right: then whatever is said about it must not show it.

use std::path::Path;

use formix_p2p::config::{Layer, NodeConfig, merge};
use formix_p2p::domain::Timestamp;
use formix_p2p::home::{identity_in, members_in, sign_members};
use formix_p2p::wire::{Identity, SwarmKey};

use super::{CANARY, is_discreet};

/// What stands before a private value.
const REST: &str = "role = \"light\"\nmdns = true\n[policy]\npreset = \"guarded\"\n[data]\nage = ";

const EXPIRES: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// Reads a configuration.
pub fn feed(bytes: &[u8]) {
    let Some((kind, body)) = bytes.split_first() else { return };
    if *kind == 253 {
        return identity(body);
    }
    let Ok(text) = std::str::from_utf8(body) else { return };
    let path = Path::new("node.toml");
    match kind {
        255 => return members(path, text),
        254 => return swarm_key(text),
        _ => {}
    }
    match kind % 3 {
        0 => match Layer::parse(path, text) {
            Ok(layer) => assert_eq!(merge([layer.clone(), layer.clone()]), layer, "a layer over itself"),
            Err(error) => assert!(!error.to_string().is_empty() && !error.hint().is_empty()),
        },
        1 => match NodeConfig::parse(path, text) {
            Ok(node) => {
                let written = toml::to_string(&node).expect("a configuration that was read can be written");
                assert_eq!(NodeConfig::parse(path, &written).as_ref(), Ok(&node), "{written}");
                let _ = (node.policy(), node.as_layer());
            }
            Err(error) => assert!(!error.to_string().is_empty() && !error.hint().is_empty()),
        },
        _ => value(path, text),
    }
}

/// Who belongs to a closed network, signed or not.
fn members(path: &Path, text: &str) {
    match members_in(path, text) {
        Ok(list) => {
            let signer = Identity::from_secret_key(&[7; 32]);
            let (signed, same) =
                sign_members(path, text, &signer, EXPIRES).expect("what was read can be signed");
            assert_eq!(same.nodes, list.nodes);
            assert_eq!(members_in(path, &signed), Ok(same), "{signed}");
        }
        Err(error) => assert!(!error.to_string().is_empty() && !error.hint().is_empty()),
    }
}

/// What closes a network to strangers.
fn swarm_key(text: &str) {
    match text.parse::<SwarmKey>() {
        Ok(key) => assert_eq!(key.to_text().expose().parse(), Ok(key)),
        Err(error) => {
            // Where a key stands; other words may be the error's own.
            let digits = text.lines().nth(2).unwrap_or_default().trim();
            let is_key = digits.len() >= 8 && digits.chars().all(|digit| digit.is_ascii_hexdigit());
            assert!(!is_key || !error.to_string().contains(digits), "the key is in the error");
        }
    }
}

/// `identity.key`, under a passphrase or not.
fn identity(bytes: &[u8]) {
    match identity_in(Path::new("identity.key"), bytes) {
        // What is taken is not longer or shorter than one of its two forms.
        Ok(peer) => assert!(bytes.windows(32).any(|part| part == peer.public_key())),
        Err(error) => assert!(!error.to_string().is_empty() && !error.hint().is_empty()),
    }
}

/// A value that is no number, list or text that TOML knows.
fn value(path: &Path, text: &str) {
    // What ends the value may begin a key, which errors name.
    let is_value = |c: char| c.is_ascii_alphanumeric() || " +-_:[]".contains(c);
    let (before, after) = text.split_once('|').unwrap_or((text, ""));
    if !before.chars().chain(after.chars()).all(is_value) {
        return;
    }
    let Err(error) = Layer::parse(path, &format!("{REST}{before}{CANARY}{after}\n")) else { return };
    is_discreet(&error);
    is_discreet(&format!("{error:?}"));
    is_discreet(&error.hint());
}
