//! Signatures: a `Signed<T>` that exists is valid.

use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::checked::{Checked, check_once, of_check};
use super::codec;
use super::signature::{self, Key};
use crate::domain::{ComputationId, PeerId};

const VERSION: u16 = 1;

/// Something that one node says and signs about one computation.
pub trait Statement: Serialize + DeserializeOwned {
    /// Tells this type's signatures from every other's.
    const LABEL: &'static str;

    /// The computation that it is about, given the bytes of its body; zeros for what is about none.
    fn about(&self, body: &[u8]) -> ComputationId;

    /// Who says it.
    fn signer(&self) -> PeerId;
}

/// A node's key pair. Its public half is the node's [`PeerId`].
#[derive(Clone)]
pub struct Identity {
    key: Key,
    peer: PeerId,
    checked: Checked,
}

/// A statement, the bytes that were signed, and a signature that holds: made by signing or by decoding, and
/// decoding refuses a signature that does not hold. The bytes are kept and forwarded as received. A clone shares them: the
/// same statement goes to many receivers and into the store, and none changes it.
#[derive(PartialEq, Eq)]
pub struct Signed<T>(Arc<Parts<T>>);

#[derive(PartialEq, Eq)]
struct Parts<T> {
    statement: T,
    body: Vec<u8>,
    signature: [u8; 64],
}

impl Identity {
    /// The key pair with this Ed25519 secret key.
    pub fn from_secret_key(secret: &[u8; 32]) -> Self {
        let key = Key::from_secret(secret);
        let peer = PeerId::from_public_key(key.public());
        Self { key, peer, checked: Checked::default() }
    }

    /// The public half.
    pub const fn peer(&self) -> PeerId {
        self.peer
    }

    /// The signatures that its node has made or checked lately.
    pub fn checked(&self) -> Checked {
        self.checked.clone()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({}, <redacted>)", self.peer.uid())
    }
}

impl<T: Statement> Signed<T> {
    /// Signs a statement. The caller is its signer.
    pub fn sign(statement: T, identity: &Identity) -> Self {
        debug_assert_eq!(statement.signer(), identity.peer());
        let body = codec::to_bytes(&statement);
        let covered = covered(&statement, &body);
        let signature = identity.key.sign(&covered);
        identity.checked.note(of_check(identity.peer.public_key(), &signature, &covered));
        Self::from_parts(statement, body, signature)
    }

    fn from_parts(statement: T, body: Vec<u8>, signature: [u8; 64]) -> Self {
        Self(Arc::new(Parts { statement, body, signature }))
    }

    /// What is stated.
    pub fn get(&self) -> &T {
        &self.0.statement
    }

    /// The bytes of the statement, as signed.
    pub fn body(&self) -> &[u8] {
        &self.0.body
    }

    /// Who said it.
    pub fn signer(&self) -> PeerId {
        self.0.statement.signer()
    }
}

impl<T> Clone for Signed<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: fmt::Debug> fmt::Debug for Signed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.statement.fmt(f)
    }
}

/// The form on the wire: body and signature.
#[derive(Serialize)]
struct EnvelopeRef<'a> {
    #[serde(with = "serde_bytes")]
    body: &'a [u8],
    #[serde(with = "serde_bytes")]
    signature: &'a [u8; 64],
}

/// The same, as it is read.
#[derive(Deserialize)]
struct Envelope {
    #[serde(with = "serde_bytes")]
    body: Vec<u8>,
    #[serde(with = "serde_bytes")]
    signature: [u8; 64],
}

/// A statement as it was written down here once it had been checked: nobody has checked it since.
#[derive(Deserialize)]
pub(super) struct Unchecked {
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
    #[serde(with = "serde_bytes", rename = "signature")]
    _signature: [u8; 64],
}

impl<T: Statement> Serialize for Signed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        EnvelopeRef { body: &self.0.body, signature: &self.0.signature }.serialize(serializer)
    }
}

impl<'de, T: Statement> Deserialize<'de> for Signed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Envelope { body, signature } = Envelope::deserialize(deserializer)?;
        let statement: T = codec::from_bytes(&body).map_err(D::Error::custom)?;
        let (signer, covered) = (statement.signer(), covered(&statement, &body));
        let public = signer.public_key();
        check_once(public, &signature, &covered, || signature::check(public, &covered, &signature))
            .map_err(D::Error::custom)?;
        Ok(Self::from_parts(statement, body, signature))
    }
}

/// What a signature covers: label ‖ 0 ‖ version ‖ computation id ‖ signer ‖ body.
fn covered<T: Statement>(statement: &T, body: &[u8]) -> Vec<u8> {
    [
        T::LABEL.as_bytes(),
        &[0],
        &VERSION.to_be_bytes(),
        statement.about(body).as_bytes(),
        &statement.signer().to_bytes(),
        body,
    ]
    .concat()
}
