//! In the place of `signature` when, and only when, everything is compiled with `--cfg fuzzing`: signatures that cost
//! nothing, so that millions of runs are affordable. The program refuses to be compiled with it (`main.rs`).
//!
//! A signature made here is a hash of the public key and of what is covered, and ends in a byte in which no Ed25519
//! signature ends. One that ends otherwise was made outside, like those of golden bytes, and is believed: so decoders
//! are searched behind it, while machines cannot forge each other's words.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};
use std::sync::{Mutex, PoisonError};

use ed25519_dalek::SigningKey;

/// The order of the curve's group leaves the three highest bits of an Ed25519 signature's last byte zero.
const MADE_HERE: u8 = 0xff;

/// Public keys of the few secret ones in use: to derive one costs more than most runs.
static KNOWN: Mutex<BTreeMap<[u8; 32], [u8; 32]>> = Mutex::new(BTreeMap::new());

/// A node's key, of which only the public half is used.
#[derive(Clone)]
pub(super) struct Key([u8; 32]);

impl Key {
    pub(super) fn from_secret(secret: &[u8; 32]) -> Self {
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let derive = || SigningKey::from_bytes(secret).verifying_key().to_bytes();
        Self(*known.entry(*secret).or_insert_with(derive))
    }

    pub(super) const fn public(&self) -> [u8; 32] {
        self.0
    }

    pub(super) fn sign(&self, covered: &[u8]) -> [u8; 64] {
        stamp(&self.0, covered)
    }
}

/// Whether the owner of a public key has signed this, or somebody outside.
pub(super) fn check(public: &[u8; 32], covered: &[u8], signature: &[u8; 64]) -> Result<(), &'static str> {
    let made_here = signature.last() == Some(&MADE_HERE);
    if !made_here || *signature == stamp(public, covered) { Ok(()) } else { Err("the signature does not hold") }
}

fn stamp(public: &[u8; 32], covered: &[u8]) -> [u8; 64] {
    let mut hasher = DefaultHasher::new();
    hasher.write(public);
    hasher.write(covered);
    let mut signature = [MADE_HERE; 64];
    for (place, byte) in signature.iter_mut().zip(hasher.finish().to_be_bytes()) {
        *place = byte;
    }
    signature
}
