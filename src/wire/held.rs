//! A held report as it is read back to be added up: what a heavy node computes with, and the name of the report.

use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use super::codec::CodecError;
use super::message::Submission;
use super::signed::Unchecked;
use super::statement::{Manifest, manifest_digest};
use crate::domain::limits::{HELD_ROW_BYTES, RECEIPT_BYTES};
use crate::domain::{ComputationId, Digest, PeerId};
use crate::sharing::Secret;

/// One report as a heavy node computes with it. It proves nothing to others: for that there is the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldShare {
    /// Of which computation.
    pub computation: ComputationId,
    /// Whose report.
    pub participant: PeerId,
    /// The manifest's digest.
    pub manifest: Digest,
    /// The manifest's nonce.
    pub nonce: [u8; 16],
    /// What all heavy nodes got.
    pub public: Vec<u8>,
    /// What this one got.
    pub share: Secret<Vec<u8>>,
    /// The bytes that it counts for: [`held_bytes`].
    pub bytes: u64,
}

/// The bytes that a report counts for, as long as it is held: what is stored of it, and the receipts of the other heavy nodes that its
/// sender may hand over.
pub fn held_bytes(submission: &Submission) -> u64 {
    let manifest = &submission.manifest;
    counted(manifest.body().len(), manifest.get().shares.len(), submission.share.expose().len())
}

fn counted(manifest: usize, heavy: usize, share: usize) -> u64 {
    let receipts = RECEIPT_BYTES * heavy.saturating_sub(1) as u64;
    HELD_ROW_BYTES + receipts + (manifest + share) as u64
}

/// A record of a held report, as it is read.
#[derive(Deserialize)]
enum Row {
    Held(Body),
}

#[derive(Deserialize)]
struct Body {
    manifest: Unchecked,
    #[serde(rename = "blind")]
    _blind: Skipped,
    share: Secret<Vec<u8>>,
}

/// The random bytes of a digest that was checked when the report came.
struct Skipped;

impl<'de> Deserialize<'de> for Skipped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Secret::<[u8; 32]>::deserialize(deserializer).map(|_| Self)
    }
}

impl HeldShare {
    /// What a submission is, once it is held.
    pub fn of(submission: &Submission) -> Self {
        let manifest = submission.manifest.get();
        Self {
            computation: manifest.computation,
            participant: manifest.participant,
            manifest: submission.manifest.digest(),
            nonce: manifest.nonce,
            public: manifest.public.clone(),
            share: submission.share.clone(),
            bytes: held_bytes(submission),
        }
    }

    /// Reads it from the bytes of its record. The signature was checked when the report came, and is not checked again: whoever
    /// keeps records sees to it that they are what was written.
    ///
    /// # Errors
    /// `Malformed`.
    pub fn from_record(bytes: &[u8]) -> Result<Self, CodecError> {
        let Row::Held(Body { manifest, share, .. }) = super::codec::read(bytes)?;
        let body = Zeroizing::new(manifest.body);
        let said: Manifest = super::codec::read(&body)?;
        let bytes = counted(body.len(), said.shares.len(), share.expose().len());
        Ok(Self {
            computation: said.computation,
            participant: said.participant,
            manifest: manifest_digest(&said, &body),
            nonce: said.nonce,
            public: said.public,
            share,
            bytes,
        })
    }
}
