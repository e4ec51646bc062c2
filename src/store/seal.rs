//! Rows that nobody reads without the key of their computation: XChaCha20-Poly1305 with a random nonce a row, bound to
//! the place where the row stands, so that none can be read in another's place.

use chacha20poly1305::{AeadInPlace, KeyInit, Tag, XChaCha20Poly1305, XNonce};
use rand::TryRng;
use rand::rngs::SysRng;
use zeroize::Zeroizing;

use crate::sharing::Secret;

/// Random nonces of this length never meet, however many rows a key seals.
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;

/// Why a row cannot be sealed or read; never what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum SealError {
    /// The operating system gives no randomness.
    #[error("the operating system gives no random numbers")]
    NoRandomness,
    /// It is not what was sealed here with this key.
    #[error("a sealed row that does not open")]
    Closed,
    /// The cipher takes no row of this length, which no record has.
    #[error("a row that is too long to be sealed")]
    TooLong,
}

/// The key of one computation's rows.
#[derive(Clone)]
pub(super) struct RowKey(Secret<[u8; 32]>);

/// Where a row stands: its table's name and its key there.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) table: &'a str,
    pub(super) key: &'a [u8],
}

impl RowKey {
    pub(super) fn generate() -> Result<Self, SealError> {
        let mut key = Secret::new([0; 32]);
        SysRng.try_fill_bytes(key.expose_mut()).map_err(|_| SealError::NoRandomness)?;
        Ok(Self(key))
    }

    pub(super) fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Secret::new(*bytes))
    }

    pub(super) fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// Nonce ‖ ciphertext ‖ tag. The plain row is sealed where it lies, so no copy of it is left.
    pub(super) fn seal(&self, place: Place<'_>, row: &mut Zeroizing<Vec<u8>>) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_BYTES];
        SysRng.try_fill_bytes(&mut nonce).map_err(|_| SealError::NoRandomness)?;
        let sealed = self.cipher().encrypt_in_place_detached(XNonce::from_slice(&nonce), &place.bound(), row);
        let tag = sealed.map_err(|_| SealError::TooLong)?;
        Ok([nonce.as_slice(), row, tag.as_slice()].concat())
    }

    /// The plain row.
    pub(super) fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (nonce, rest) = sealed.split_at_checked(NONCE_BYTES).ok_or(SealError::Closed)?;
        let length = rest.len().checked_sub(TAG_BYTES).ok_or(SealError::Closed)?;
        let (sealed, tag) = rest.split_at(length);
        let mut row = Zeroizing::new(sealed.to_vec());
        let (nonce, tag) = (XNonce::from_slice(nonce), Tag::from_slice(tag));
        self.cipher()
            .decrypt_in_place_detached(nonce, &place.bound(), &mut row, tag)
            .map_err(|_| SealError::Closed)?;
        Ok(row)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.expose().into())
    }
}

impl Place<'_> {
    /// What a seal is bound to. A table's name holds no zero byte.
    fn bound(self) -> Vec<u8> {
        [b"formix-p2p/row/1\0", self.table.as_bytes(), &[0], self.key].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_opens_where_it_was_sealed_and_nowhere_else() {
        let (key, other) = (RowKey::generate().unwrap(), RowKey::generate().unwrap());
        let place = Place { table: "votes", key: &[1; 32] };
        let mut row = Zeroizing::new(b"a partial sum".to_vec());
        let sealed = key.seal(place, &mut row).unwrap();
        assert_eq!(sealed.len(), 24 + 13 + 16);
        assert!(!sealed.windows(4).any(|bytes| bytes == b"part"));
        assert_eq!(key.open(place, &sealed).unwrap().as_slice(), b"a partial sum");
        assert_eq!(other.open(place, &sealed), Err(SealError::Closed));
        for elsewhere in [Place { table: "votess", ..place }, Place { key: &[2; 32], ..place }] {
            assert_eq!(key.open(elsewhere, &sealed), Err(SealError::Closed));
        }
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert_eq!(key.open(place, &damaged), Err(SealError::Closed));
            assert_eq!(key.open(place, &sealed[..at]), Err(SealError::Closed));
        }
    }

    #[test]
    fn the_same_row_is_never_sealed_alike() {
        let key = RowKey::generate().unwrap();
        let place = Place { table: "votes", key: &[1; 32] };
        let seal = || key.seal(place, &mut Zeroizing::new(vec![7; 64])).unwrap();
        assert_ne!(seal()[24..], seal()[24..]);
    }
}
