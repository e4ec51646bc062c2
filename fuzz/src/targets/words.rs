//! Words that people type or files hold: PeerIds, decimals, roles, statistics. Each reads any text, and what it reads it
//! writes as it can be read again.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use formix_p2p::domain::{Decimal, PeerId, Role, Statistic};

/// Reads a word.
pub fn feed(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    survives::<PeerId>(text);
    survives::<Decimal>(text);
    survives::<Role>(text);
    survives::<Statistic>(text);
}

fn survives<T: FromStr<Err: Display + Debug> + Display + PartialEq + Debug>(text: &str) {
    match text.parse::<T>() {
        Ok(value) => {
            let again = value.to_string().parse::<T>();
            assert!(
                again.as_ref().is_ok_and(|again| *again == value),
                "{value:?} is written {value}, {again:?}"
            );
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
