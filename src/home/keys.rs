//! `identity.key`: a node's Ed25519 key pair in libp2p's protobuf encoding, or under a passphrase; for its owner alone.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rand::TryRng;
use rand::rngs::SysRng;
use zeroize::Zeroizing;

use super::error::HomeError;
use super::sealed_identity::{self, SealedIdentity};
use crate::config::private_file;
use crate::domain::PeerId;
use crate::sharing::Secret;
use crate::wire::Identity;

/// Bytes of the file without a passphrase: the header, the secret half, the public half.
const FILE_BYTES: usize = 68;
/// Key type Ed25519, then 64 bytes of data.
const HEADER: [u8; 4] = [0x08, 0x01, 0x12, 0x40];

/// A node's key pair, for signing statements and for the transport.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Signs statements.
    pub identity: Identity,
    /// The secret half.
    secret: Secret<[u8; 32]>,
}

/// What guards an identity beside the permissions of its file.
#[derive(Clone, Debug)]
pub enum Guard {
    /// Nothing.
    None,
    /// A passphrase.
    Passphrase(Secret<String>),
}

/// An identity as it lies in its file.
#[derive(Clone, Debug)]
pub(super) enum Stored {
    Plain(Keys),
    Sealed(SealedIdentity),
}

impl Keys {
    /// New keys from the operating system's random generator.
    ///
    /// # Errors
    /// `NoRandomness`.
    pub fn generate() -> Result<Self, HomeError> {
        let mut secret = Zeroizing::new([0; 32]);
        SysRng.try_fill_bytes(&mut *secret).map_err(|error| HomeError::NoRandomness(error.to_string()))?;
        Ok(Self::from_secret_key(&secret))
    }

    /// The keys with this secret half.
    pub fn from_secret_key(secret: &[u8; 32]) -> Self {
        Self { identity: Identity::from_secret_key(secret), secret: Secret::new(*secret) }
    }

    /// The public half.
    pub const fn peer(&self) -> PeerId {
        self.identity.peer()
    }

    /// The secret half, for the transport.
    pub const fn secret_key(&self) -> &Secret<[u8; 32]> {
        &self.secret
    }

    /// The file's 68 bytes: what libp2p calls the protobuf encoding of a key pair.
    pub fn to_protobuf(&self) -> Secret<Vec<u8>> {
        Secret::new([&HEADER[..], self.secret.expose(), self.peer().public_key()].concat())
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), HomeError> {
        write(path, self.to_protobuf().expose())
    }
}

impl Stored {
    pub(super) fn read(path: &Path) -> Result<Self, HomeError> {
        let not_readable = |error: std::io::Error| match error.kind() {
            ErrorKind::NotFound => HomeError::IdentityMissing { path: path.to_owned() },
            _ => HomeError::NotReadable { path: path.to_owned(), reason: error.to_string() },
        };
        let file = File::open(path).map_err(not_readable)?;
        let mode = file.metadata().map_err(not_readable)?.mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(HomeError::IdentityExposed { path: path.to_owned(), mode });
        }
        // Room for one byte more than there may be, so that a longer file is noticed and nothing is reallocated.
        let mut bytes = Zeroizing::new(Vec::with_capacity(sealed_identity::FILE_BYTES + 1));
        file.take(sealed_identity::FILE_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(not_readable)?;
        Self::parse(path, &bytes)
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self, HomeError> {
        let damaged = |reason| HomeError::IdentityDamaged { path: path.to_owned(), reason };
        if let Some(sealed) = SealedIdentity::from_bytes(bytes) {
            return Ok(Self::Sealed(sealed));
        }
        if bytes.len() != FILE_BYTES {
            return Err(damaged(
                "it has neither the 68 bytes of a key pair nor the form of one under a passphrase",
            ));
        }
        let key = bytes.strip_prefix(&HEADER).ok_or(damaged("it is no Ed25519 key"))?;
        let (secret, public) = key.split_first_chunk::<32>().ok_or(damaged("it is too short"))?;
        let keys = Keys::from_secret_key(secret);
        if keys.peer().public_key() == public {
            Ok(Self::Plain(keys))
        } else {
            Err(damaged("its two halves do not belong together"))
        }
    }

    pub(super) const fn peer(&self) -> PeerId {
        match self {
            Self::Plain(keys) => keys.peer(),
            Self::Sealed(sealed) => sealed.peer(),
        }
    }
}

/// Whose identity a file with this content has, under a passphrase or not. `path` is for errors alone.
///
/// # Errors
/// `IdentityDamaged`.
pub fn identity_in(path: &Path, bytes: &[u8]) -> Result<PeerId, HomeError> {
    Stored::parse(path, bytes).map(|stored| stored.peer())
}

/// Replaces the identity at `path` by one that is guarded so. What stood there is overwritten, as far as the disk does that.
pub(super) fn replace(path: &Path, keys: &Keys, guard: &Guard) -> Result<(), HomeError> {
    let not_writable =
        |error: std::io::Error| HomeError::NotWritable { path: path.to_owned(), reason: error.to_string() };
    // The file that loses its name below, so that it can be overwritten after the new one is safe.
    let mut old = OpenOptions::new().write(true).open(path).map_err(not_writable)?;
    let length = old.metadata().map_err(not_writable)?.len();
    match guard {
        Guard::None => keys.write(path)?,
        Guard::Passphrase(passphrase) => write(path, &SealedIdentity::seal(keys, passphrase)?.to_bytes())?,
    }
    let mut noise = vec![0; usize::try_from(length).unwrap_or(sealed_identity::FILE_BYTES)];
    SysRng.try_fill_bytes(&mut noise).map_err(|error| HomeError::NoRandomness(error.to_string()))?;
    old.write_all(&noise).and_then(|()| old.sync_all()).map_err(not_writable)
}

fn write(path: &Path, content: &[u8]) -> Result<(), HomeError> {
    private_file::write(path, content)
        .map_err(|error| HomeError::NotWritable { path: path.to_owned(), reason: error.to_string() })
}
