//! The key that closes a network to strangers: whoever lacks it cannot even begin a handshake.

use std::fmt;
use std::str::FromStr;

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};

use crate::sharing::Secret;

const KIND: &str = "/key/swarm/psk/1.0.0/";
const ENCODING: &str = "/base16/";

/// 32 random bytes that all nodes of a private network share. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SwarmKey(Secret<[u8; 32]>);

/// Why a text is not a swarm key. Never quotes the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SwarmKeyError {
    /// The first line is another one.
    #[error("not a swarm key: the first line must be {KIND}; `swarm-key new` makes one")]
    Kind,
    /// The second line is another one.
    #[error("not a swarm key that this node can read: the second line must be {ENCODING}")]
    Encoding,
    /// The third line is not 32 bytes in hexadecimal, or more follows.
    #[error("not a swarm key: the third and last line must be 64 hexadecimal digits")]
    Digits,
}

impl SwarmKey {
    /// The key with these bytes, which must be random.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Secret::new(bytes))
    }

    /// The text form, for a file that only its owner can read.
    pub fn to_text(&self) -> Secret<String> {
        Secret::new(format!("{KIND}\n{ENCODING}\n{}\n", HEXLOWER.encode(self.0.expose())))
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }
}

impl FromStr for SwarmKey {
    type Err = SwarmKeyError;

    fn from_str(text: &str) -> Result<Self, SwarmKeyError> {
        let mut lines = text.trim().lines().map(str::trim);
        if lines.next() != Some(KIND) {
            return Err(SwarmKeyError::Kind);
        }
        if lines.next() != Some(ENCODING) {
            return Err(SwarmKeyError::Encoding);
        }
        let (Some(digits), None) = (lines.next(), lines.next()) else {
            return Err(SwarmKeyError::Digits);
        };
        let bytes = HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).map_err(|_| SwarmKeyError::Digits)?;
        Ok(Self::from_bytes(bytes.try_into().map_err(|_| SwarmKeyError::Digits)?))
    }
}

impl fmt::Debug for SwarmKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SwarmKey(<redacted>)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_text_form() {
        let key = SwarmKey::from_bytes([0xab; 32]);
        let text = key.to_text();
        assert_eq!(*text.expose(), format!("/key/swarm/psk/1.0.0/\n/base16/\n{}\n", "ab".repeat(32)));
        assert_eq!(text.expose().parse(), Ok(key.clone()));
        assert_eq!(text.expose().replace('\n', "\r\n").parse(), Ok(key));
    }

    #[test]
    fn what_is_not_a_key_is_refused_by_line() {
        let digits = "ab".repeat(32);
        for (text, error) in [
            (String::new(), SwarmKeyError::Kind),
            (format!("/key/swarm/psk/2.0.0/\n/base16/\n{digits}"), SwarmKeyError::Kind),
            (format!("{KIND}\n/base64/\n{digits}"), SwarmKeyError::Encoding),
            (format!("{KIND}\n{ENCODING}\n{}", &digits[1..]), SwarmKeyError::Digits),
            (format!("{KIND}\n{ENCODING}\n{digits}\n{digits}"), SwarmKeyError::Digits),
            (format!("{KIND}\n{ENCODING}"), SwarmKeyError::Digits),
        ] {
            assert_eq!(text.parse::<SwarmKey>(), Err(error), "{text}");
        }
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", SwarmKey::from_bytes([7; 32])), "SwarmKey(<redacted>)");
    }
}
