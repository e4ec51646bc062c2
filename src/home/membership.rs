//! The file that names the nodes of a closed network: one PeerId a line, with whatever remark behind it.
//!
//! It may be signed, so that one person keeps it for many machines: then it has a version, an expiry, and a last line with
//! the signature over what the lines say. Remarks are not signed.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use data_encoding::BASE64;

use crate::domain::limits::{ALLOWED_FILE_BYTES_MAX, ALLOWED_MAX};
use crate::domain::{PeerId, Timestamp};
use crate::wire::{self, Identity, Membership, Signed};

const VERSION: &str = "version";
const EXPIRES: &str = "expires";
const SIGNED: &str = "signed";

/// Where a node finds out who belongs to its network. Where it says nothing, everybody does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MembershipSource {
    /// Nodes that do, whatever the file says.
    pub allow: Vec<PeerId>,
    /// The file.
    pub file: Option<PathBuf>,
    /// Who must have signed it.
    pub signer: Option<PeerId>,
}

/// Who belongs to a closed network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberList {
    /// They.
    pub nodes: BTreeSet<PeerId>,
    /// What the signature says beside that, where there is one.
    pub signed: Option<Mandate>,
}

/// How far a signed list reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mandate {
    /// Who signed it.
    pub signer: PeerId,
    /// Higher than that of every list before.
    pub version: u64,
    /// From then on it counts no more.
    pub expires: Timestamp,
}

/// Why there is no list of members.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MembershipError {
    /// The file cannot be read.
    #[error("cannot read the members file {}: {reason}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        reason: String,
    },
    /// A line of it is none.
    #[error("line {line} of the members file {} is wrong: {reason}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What does not fit.
        reason: String,
    },
    /// It names more nodes than a network may have.
    #[error("the members file {} names more than {ALLOWED_MAX} nodes", .0.display())]
    TooMany(PathBuf),
    /// A signer is asked for, and nobody has signed it.
    #[error("the members file {} is not signed, and must be by {}", path.display(), signer.uid())]
    NotSigned {
        /// The file.
        path: PathBuf,
        /// Who should have.
        signer: PeerId,
    },
    /// It is signed, by somebody of whom the node was not told.
    #[error("the members file {} is signed by {found}, and this node was told to trust {}", path.display(),
        expected.map_or_else(|| "nobody".to_owned(), |peer| peer.to_string()))]
    OtherSigner {
        /// The file.
        path: PathBuf,
        /// Who has.
        found: PeerId,
        /// Who should have, as far as the node was told.
        expected: Option<PeerId>,
    },
    /// What the lines say is not what was signed.
    #[error("the members file {} was changed after it was signed", .0.display())]
    Altered(PathBuf),
    /// Its time is over.
    #[error("the members file {} has expired: {at}", path.display())]
    Expired {
        /// The file.
        path: PathBuf,
        /// When.
        at: Timestamp,
    },
    /// A list that counts already is newer.
    #[error("the members file {} has version {found}, and version {known} counts already", path.display())]
    Older {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
        /// The version that counts.
        known: u64,
    },
}

impl MembershipError {
    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Io { .. } => "check the path after --members and the file's permissions".to_owned(),
            Self::Line { .. } => {
                "each line is a PeerId, as `formix-p2p id` prints it, with a remark behind it; # begins a remark".to_owned()
            }
            Self::TooMany(_) => "a swarm key closes a network of any size".to_owned(),
            Self::NotSigned { .. } | Self::Altered(_) => {
                "let its signer sign it: formix-p2p members sign FILE".to_owned()
            }
            Self::OtherSigner { found, .. } => {
                format!("if that signer is the right one, say --members-signer {found}")
            }
            Self::Expired { .. } => {
                "let its signer sign a new one: formix-p2p members sign FILE --expires 90d".to_owned()
            }
            Self::Older { .. } => "put the newer file in its place".to_owned(),
        }
    }
}

/// A file as it was written.
#[derive(Default)]
struct Written {
    nodes: BTreeSet<PeerId>,
    version: Option<u64>,
    expires: Option<Timestamp>,
    signed: Option<Signed<Membership>>,
}

impl MembershipSource {
    /// Whether the network is open: nothing says who belongs to it.
    pub const fn is_open(&self) -> bool {
        self.allow.is_empty() && self.file.is_none()
    }

    /// Who belongs to the network now; `None` where it is open.
    ///
    /// # Errors
    /// Whatever is wrong with the file.
    pub fn read(&self, now: Timestamp) -> Result<Option<MemberList>, MembershipError> {
        if self.is_open() {
            return Ok(None);
        }
        let mut list = match &self.file {
            Some(path) => judged(path, &text_of(path)?, self.signer, now)?,
            None => MemberList { nodes: BTreeSet::new(), signed: None },
        };
        list.nodes.extend(&self.allow);
        Ok(Some(list))
    }
}

/// The file's content with a new signature, which counts until it expires. Its version is one above the one that the
/// text has.
///
/// # Errors
/// `Line` or `TooMany`.
pub fn sign_members(
    path: &Path,
    text: &str,
    signer: &Identity,
    expires: Timestamp,
) -> Result<(String, MemberList), MembershipError> {
    // What was signed before need not fit any more: that is why it is signed anew.
    let unsigned: Vec<&str> = text.lines().filter(|line| setting(line, SIGNED).is_none()).collect();
    let Written { nodes, version, .. } = parse(path, &unsigned.join("\n"))?;
    let version = version.unwrap_or(0) + 1;
    let statement =
        Membership { signer: signer.peer(), version, expires, nodes: nodes.iter().copied().collect() };
    let signature = BASE64.encode(&wire::to_bytes(&Signed::sign(statement, signer)));
    let mut signed = format!("{VERSION} = {version}\n{EXPIRES} = {expires}\n");
    let is_setting = |line: &str| setting(line, VERSION).is_some() || setting(line, EXPIRES).is_some();
    for line in unsigned.into_iter().filter(|line| !is_setting(line)) {
        // Writing to a string does not fail.
        let _ = writeln!(signed, "{}", line.trim_end());
    }
    let _ = writeln!(signed, "{SIGNED} = {signature}");
    Ok((signed, MemberList { nodes, signed: Some(Mandate { signer: signer.peer(), version, expires }) }))
}

/// What a members file says, whoever has signed it.
///
/// # Errors
/// Whatever is wrong with the file, but for its expiry.
pub fn read_members(path: &Path) -> Result<MemberList, MembershipError> {
    members_in(path, &text_of(path)?)
}

/// The same, of a text.
///
/// # Errors
/// As [`read_members`].
pub fn members_in(path: &Path, text: &str) -> Result<MemberList, MembershipError> {
    let signer = parse(path, text)?.signed.map(|signed| signed.get().signer);
    judged(path, text, signer, Timestamp::from_millis(0))
}

/// The text of a members file.
///
/// # Errors
/// `Io`.
pub fn text_of(path: &Path) -> Result<String, MembershipError> {
    let mut text = String::new();
    let read =
        File::open(path).and_then(|file| file.take(ALLOWED_FILE_BYTES_MAX + 1).read_to_string(&mut text));
    let failed = |reason: String| MembershipError::Io { path: path.to_owned(), reason };
    match read {
        Ok(bytes) if bytes as u64 > ALLOWED_FILE_BYTES_MAX => Err(failed("it is larger than 1 MiB".to_owned())),
        Ok(_) => Ok(text),
        Err(error) if error.kind() == ErrorKind::InvalidData => Err(failed("it is no text".to_owned())),
        Err(error) => Err(failed(error.to_string())),
    }
}

fn judged(
    path: &Path,
    text: &str,
    signer: Option<PeerId>,
    now: Timestamp,
) -> Result<MemberList, MembershipError> {
    let Written { nodes, version, expires, signed } = parse(path, text)?;
    let Some(signed) = signed else {
        return match signer {
            Some(signer) => Err(MembershipError::NotSigned { path: path.to_owned(), signer }),
            None => Ok(MemberList { nodes, signed: None }),
        };
    };
    let said = signed.get();
    if signer != Some(said.signer) {
        let found = said.signer;
        return Err(MembershipError::OtherSigner { path: path.to_owned(), found, expected: signer });
    }
    if !nodes.iter().eq(&said.nodes) || version != Some(said.version) || expires != Some(said.expires) {
        return Err(MembershipError::Altered(path.to_owned()));
    }
    if said.expires <= now {
        return Err(MembershipError::Expired { path: path.to_owned(), at: said.expires });
    }
    let mandate = Mandate { signer: said.signer, version: said.version, expires: said.expires };
    Ok(MemberList { nodes, signed: Some(mandate) })
}

fn parse(path: &Path, text: &str) -> Result<Written, MembershipError> {
    let mut written = Written::default();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        let wrong = |reason: String| MembershipError::Line { path: path.to_owned(), line: number, reason };
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(version) = setting(line, VERSION) {
            written.version =
                Some(version.parse().map_err(|_| wrong(format!("`{version}` is no whole number")))?);
        } else if let Some(expires) = setting(line, EXPIRES) {
            let at = humantime::parse_rfc3339(expires)
                .map_err(|_| wrong(format!("`{expires}` is not a time such as 2027-01-31T12:00:00.000Z")))?;
            written.expires = Some(at.into());
        } else if let Some(signature) = setting(line, SIGNED) {
            let bytes = BASE64.decode(signature.as_bytes()).ok();
            let signed = bytes.and_then(|bytes| wire::from_bytes(&bytes).ok());
            written.signed = Some(signed.ok_or_else(|| wrong("the signature does not hold".to_owned()))?);
        } else {
            let typed = line.split_whitespace().next().unwrap_or_default();
            written.nodes.insert(typed.parse().map_err(|error| wrong(format!("{error}")))?);
            if written.nodes.len() > ALLOWED_MAX {
                return Err(MembershipError::TooMany(path.to_owned()));
            }
        }
    }
    Ok(written)
}

fn setting<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    Some(line.trim().strip_prefix(key)?.trim_start().strip_prefix('=')?.trim())
}

#[cfg(test)]
#[path = "membership_tests.rs"]
mod tests;
