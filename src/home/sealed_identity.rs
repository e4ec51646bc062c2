//! An identity under a passphrase: Argon2id makes a key of the passphrase, XChaCha20-Poly1305 seals the secret half with it.
//!
//! The file: `fxid`, a version byte, memory in KiB, passes and lanes (four bytes each, big endian), 16 bytes of salt, 24 of
//! nonce, the public half, the sealed secret half with its tag. Everything before the sealed half is bound to it.

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::{AeadInPlace, KeyInit, Tag, XChaCha20Poly1305, XNonce};
use rand::TryRng;
use rand::rngs::SysRng;
use zeroize::Zeroizing;

use super::error::HomeError;
use super::keys::Keys;
use crate::domain::PeerId;
use crate::sharing::Secret;

const KIND: &[u8; 4] = b"fxid";
const VERSION: u8 = 1;
const SALT_BYTES: usize = 16;
const NONCE_BYTES: usize = 24;
const KEY_BYTES: usize = 32;
const TAG_BYTES: usize = 16;
const COSTS_BYTES: usize = 12;
/// What stands before the sealed half.
const HEADER_BYTES: usize = KIND.len() + 1 + COSTS_BYTES + SALT_BYTES + NONCE_BYTES + KEY_BYTES;
/// Bytes of the file.
pub(super) const FILE_BYTES: usize = HEADER_BYTES + KEY_BYTES + TAG_BYTES;

/// RFC 9106 §4, the second recommended choice: 64 MiB, 3 passes, 4 lanes.
const COSTS: Costs = Costs { memory_kib: 64 * 1024, passes: 3, lanes: 4 };
/// A file that asks for more was not written here, and must not take the machine's memory or its day.
const COSTS_MAX: Costs = Costs { memory_kib: 1024 * 1024, passes: 64, lanes: 64 };

/// What a passphrase costs whoever tries one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Costs {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// An identity of which nobody has the secret half without the passphrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedIdentity {
    costs: Costs,
    salt: [u8; SALT_BYTES],
    nonce: [u8; NONCE_BYTES],
    peer: PeerId,
    sealed: [u8; KEY_BYTES],
    tag: [u8; TAG_BYTES],
}

impl SealedIdentity {
    /// Puts keys under a passphrase.
    ///
    /// # Errors
    /// `NoRandomness`, or `Passphrase` where there is no memory for it.
    pub(super) fn seal(keys: &Keys, passphrase: &Secret<String>) -> Result<Self, HomeError> {
        let mut random = [0; SALT_BYTES + NONCE_BYTES];
        SysRng.try_fill_bytes(&mut random).map_err(|error| HomeError::NoRandomness(error.to_string()))?;
        let (salt, nonce) = random.split_first_chunk().ok_or(HomeError::Passphrase)?;
        let nonce = nonce.first_chunk().ok_or(HomeError::Passphrase)?;
        let mut this = Self {
            costs: COSTS,
            salt: *salt,
            nonce: *nonce,
            peer: keys.peer(),
            sealed: [0; KEY_BYTES],
            tag: [0; TAG_BYTES],
        };
        let mut half = Zeroizing::new(*keys.secret_key().expose());
        let cipher = this.cipher(passphrase)?;
        let tag = cipher
            .encrypt_in_place_detached(XNonce::from_slice(&this.nonce), &this.header(), half.as_mut_slice())
            .map_err(|_| HomeError::Passphrase)?;
        this.sealed = *half;
        this.tag = tag.into();
        Ok(this)
    }

    /// The keys.
    ///
    /// # Errors
    /// `Passphrase`: it is another one, or the file was changed; nobody can tell which.
    pub(super) fn open(&self, passphrase: &Secret<String>) -> Result<Keys, HomeError> {
        let mut half = Zeroizing::new(self.sealed);
        self.cipher(passphrase)?
            .decrypt_in_place_detached(
                XNonce::from_slice(&self.nonce),
                &self.header(),
                half.as_mut_slice(),
                Tag::from_slice(&self.tag),
            )
            .map_err(|_| HomeError::Passphrase)?;
        let keys = Keys::from_secret_key(&half);
        if keys.peer() == self.peer { Ok(keys) } else { Err(HomeError::Passphrase) }
    }

    /// The public half, which needs no passphrase.
    pub(super) const fn peer(&self) -> PeerId {
        self.peer
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        [self.header().as_slice(), &self.sealed, &self.tag].concat()
    }

    /// `None` for what is no such file.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(KIND)?.strip_prefix(&[VERSION])?;
        let (memory, rest) = rest.split_first_chunk::<4>()?;
        let (passes, rest) = rest.split_first_chunk::<4>()?;
        let (lanes, rest) = rest.split_first_chunk::<4>()?;
        let costs = Costs {
            memory_kib: u32::from_be_bytes(*memory),
            passes: u32::from_be_bytes(*passes),
            lanes: u32::from_be_bytes(*lanes),
        };
        let (salt, rest) = rest.split_first_chunk()?;
        let (nonce, rest) = rest.split_first_chunk()?;
        let (peer, rest) = rest.split_first_chunk::<KEY_BYTES>()?;
        let (sealed, rest) = rest.split_first_chunk()?;
        let tag: [u8; TAG_BYTES] = rest.try_into().ok()?;
        let fits = costs.memory_kib <= COSTS_MAX.memory_kib
            && costs.passes <= COSTS_MAX.passes
            && costs.lanes <= COSTS_MAX.lanes;
        let (salt, nonce, sealed) = (*salt, *nonce, *sealed);
        fits.then(|| Self { costs, salt, nonce, peer: PeerId::from_public_key(*peer), sealed, tag })
    }

    fn header(&self) -> Vec<u8> {
        [
            KIND.as_slice(),
            &[VERSION],
            &self.costs.memory_kib.to_be_bytes(),
            &self.costs.passes.to_be_bytes(),
            &self.costs.lanes.to_be_bytes(),
            &self.salt,
            &self.nonce,
            self.peer.public_key(),
        ]
        .concat()
    }

    fn cipher(&self, passphrase: &Secret<String>) -> Result<XChaCha20Poly1305, HomeError> {
        let Costs { memory_kib, passes, lanes } = self.costs;
        let params =
            Params::new(memory_kib, passes, lanes, Some(KEY_BYTES)).map_err(|_| HomeError::Passphrase)?;
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.expose().as_bytes(), &self.salt, key.as_mut_slice())
            .map_err(|_| HomeError::Passphrase)?;
        Ok(XChaCha20Poly1305::new((&*key).into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[test]
    fn the_right_passphrase_opens_it_and_no_other() {
        let keys = Keys::generate().unwrap();
        let sealed = SealedIdentity::seal(&keys, &words("correct horse")).unwrap();
        let bytes = sealed.to_bytes();
        assert_eq!((bytes.len(), sealed.peer()), (FILE_BYTES, keys.peer()));
        assert!(
            !bytes.windows(8).any(|part| keys.secret_key().expose().windows(8).any(|secret| secret == part))
        );
        let read = SealedIdentity::from_bytes(&bytes).unwrap();
        assert_eq!(read, sealed);
        assert_eq!(read.open(&words("correct horse")).unwrap().secret_key(), keys.secret_key());
        for wrong in ["correct horse ", "", "Correct horse"] {
            assert_eq!(read.open(&words(wrong)).unwrap_err(), HomeError::Passphrase);
        }
    }

    #[test]
    fn what_was_changed_does_not_open() {
        let keys = Keys::generate().unwrap();
        let bytes = SealedIdentity::seal(&keys, &words("a")).unwrap().to_bytes();
        // One byte of each part: kind, version, costs, salt, nonce, public half, sealed half, tag.
        for at in [0, 4, 12, 17, 33, 57, 89, 121] {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let opened = SealedIdentity::from_bytes(&changed).map(|sealed| sealed.open(&words("a")));
            assert!(matches!(opened, None | Some(Err(HomeError::Passphrase))), "byte {at}");
        }
        // A file that asks for the whole machine is none.
        let mut greedy = bytes.clone();
        greedy[5..9].copy_from_slice(&u32::MAX.to_be_bytes());
        assert_eq!(SealedIdentity::from_bytes(&greedy), None);
        assert_eq!(SealedIdentity::from_bytes(&bytes[..bytes.len() - 1]), None);
        assert_eq!(SealedIdentity::from_bytes(&[&bytes[..], &[0]].concat()), None);
    }
}
