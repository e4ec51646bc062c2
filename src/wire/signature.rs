//! Ed25519: the only place that makes and checks signatures.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

/// A node's secret key.
#[derive(Clone)]
pub(super) struct Key(SigningKey);

impl Key {
    pub(super) fn from_secret(secret: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(secret))
    }

    pub(super) fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    pub(super) fn sign(&self, covered: &[u8]) -> [u8; 64] {
        self.0.sign(covered).to_bytes()
    }
}

/// Whether the owner of a public key has signed this; if not, why not.
pub(super) fn check(public: &[u8; 32], covered: &[u8], signature: &[u8; 64]) -> Result<(), &'static str> {
    let key = VerifyingKey::from_bytes(public).map_err(|_| "the signer is not a key")?;
    key.verify_strict(covered, &Signature::from_bytes(signature)).map_err(|_| "the signature does not hold")
}
