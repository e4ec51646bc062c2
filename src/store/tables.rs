//! The tables: one a kind of record, keyed by computation id ‖ optional peer, and what a row looks like.
//!
//! A row is a version byte and the deterministic CBOR of the whole [`Record`], so it says itself where it
//! belongs, and a row that stands in the wrong place is noticed. What is kept until a computation ends is sealed: a
//! version byte of its own, and that row under the computation's key.

use redb::TableDefinition;
use zeroize::Zeroizing;

use super::seal::{Place, RowKey, SealError};
use crate::domain::{ComputationId, Digest, PeerId};
use crate::wire::{self, Record, RecordKey, RecordKind};

/// The schema that this release writes. It goes up with every change to a table or a row.
pub(super) const SCHEMA_VERSION: u32 = 7;
/// The version of a row, its first byte.
const ROW_VERSION: u8 = 1;
/// The version of a sealed row, its first byte.
const SEALED_VERSION: u8 = 2;

pub(super) type Table = TableDefinition<'static, &'static [u8], &'static [u8]>;

/// Facts about the store itself: `schema_version` (4 bytes, big endian, in every schema), `owner`, `memory`.
pub(super) const META: TableDefinition<'static, &'static str, &'static [u8]> = TableDefinition::new("meta");
/// Peers and where they were last seen, by public key.
pub(super) const PEERS: Table = TableDefinition::new("peers");

/// The table of each kind of record.
pub(super) const fn table_of(kind: RecordKind) -> Table {
    TableDefinition::new(match kind {
        RecordKind::Proposed => "proposals",
        RecordKind::Accepted => "acceptances",
        RecordKind::Announced => "announcements",
        RecordKind::Report => "reports",
        RecordKind::Held => "held_reports",
        RecordKind::Receipts => "receipts",
        RecordKind::Closed => "closes",
        RecordKind::Frozen => "freezes",
        RecordKind::Dealing => "dealings",
        RecordKind::ListsDecree => "decrees_on_lists",
        RecordKind::VerifiersDecree => "decrees_on_verifiers",
        RecordKind::OpeningsDecree => "decrees_on_openings",
        RecordKind::Verifying => "verifications",
        RecordKind::Voted => "votes",
        RecordKind::Opened => "openings",
        RecordKind::Certificate => "certificates",
        RecordKind::Failed => "failures",
        RecordKind::Ledger => "ledger",
        RecordKind::Fault => "faults",
        RecordKind::Members => "members",
        RecordKind::Compared => "comparisons",
        RecordKind::Invitation => "invitations",
        RecordKind::Input => "inputs",
        RecordKind::Forgotten => "forgotten",
        RecordKind::Pruned => "pruned",
        RecordKind::Summary => "summaries",
    })
}

/// The key of a row: 32 bytes of computation id, and 32 of the peer where there is one.
pub(super) fn key_bytes(key: &RecordKey) -> Vec<u8> {
    let peer: &[u8] = key.peer.as_ref().map_or(&[], |peer: &PeerId| peer.public_key());
    [key.computation.as_bytes(), peer].concat()
}

/// The computation that a row belongs to, by its key; `None` for what is no key.
pub(super) fn computation_of(key: &[u8]) -> Option<ComputationId> {
    let bytes = key.first_chunk::<32>()?;
    Some(ComputationId::from_digest(Digest::from_bytes(*bytes)))
}

/// The bytes of a sealed row.
pub(super) fn to_sealed_row(record: &Record, place: Place<'_>, key: &RowKey) -> Result<Vec<u8>, SealError> {
    Ok([&[SEALED_VERSION], key.seal(place, &mut to_row(record))?.as_slice()].concat())
}

/// The row that was sealed.
///
/// # Errors
/// What does not fit, in words that hold none of the row's content.
pub(super) fn opened(row: &[u8], place: Place<'_>, key: &RowKey) -> Result<Zeroizing<Vec<u8>>, String> {
    match row.split_first() {
        Some((&SEALED_VERSION, sealed)) => key.open(place, sealed).map_err(|error| error.to_string()),
        Some((version, _)) => Err(format!("row version {version}")),
        None => Err("an empty row".to_owned()),
    }
}

/// The bytes of a row; wiped on drop, since shares are among them.
pub(super) fn to_row<T: serde::Serialize>(value: &T) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(wire::to_bytes_behind(&[ROW_VERSION], value))
}

/// Reads a row.
///
/// # Errors
/// What does not fit, in words that hold none of the row's content.
pub(super) fn from_row<T: serde::Serialize + serde::de::DeserializeOwned>(row: &[u8]) -> Result<T, String> {
    wire::from_bytes(row_body(row)?).map_err(|error| error.to_string())
}

/// What stands behind a row's version.
///
/// # Errors
/// Another version, or none.
pub(super) fn row_body(row: &[u8]) -> Result<&[u8], String> {
    match row.split_first() {
        Some((&ROW_VERSION, body)) => Ok(body),
        Some((version, _)) => Err(format!("row version {version}")),
        None => Err("an empty row".to_owned()),
    }
}

/// Reads the record that stands at a key.
///
/// # Errors
/// As [`from_row`], or that the record belongs elsewhere.
pub(super) fn record_at(kind: RecordKind, key: &[u8], row: &[u8]) -> Result<Record, String> {
    let record: Record = from_row(row)?;
    let belongs_at = record.key();
    if belongs_at.kind == kind && key_bytes(&belongs_at) == key {
        Ok(record)
    } else {
        Err("a row that stands in the wrong place".to_owned())
    }
}
