//! A value that is never shown and is wiped when it goes.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::{Zeroize, Zeroizing};

/// Holds a measurement, a share, a seed or a key. `Debug` prints `<redacted>`, there is no `Display`, and the
/// memory is wiped on drop. Serialising is for the wire and the store alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T: Zeroize>(Zeroizing<T>);

impl<T: Zeroize> Secret<T> {
    /// Takes a value into keeping.
    pub fn new(value: T) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value, for arithmetic and for sending.
    pub fn expose(&self) -> &T {
        &self.0
    }

    /// The value, to be changed in place.
    pub fn expose_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

impl<T: Zeroize + serde_bytes::Serialize> Serialize for Secret<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_bytes::serialize(self.expose(), serializer)
    }
}

impl<'de, T: Zeroize + serde_bytes::Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde_bytes::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        let shown = format!("{:?} {:?}", Secret::new(vec![123_u8, 45]), Secret::new([200_u8; 32]));
        assert_eq!(shown, "<redacted> <redacted>");
    }

    #[test]
    fn the_value_is_wiped_on_drop() {
        #[derive(Clone)]
        struct Canary(std::rc::Rc<std::cell::Cell<u64>>);
        impl Zeroize for Canary {
            fn zeroize(&mut self) {
                self.0.set(0);
            }
        }
        let value = std::rc::Rc::new(std::cell::Cell::new(41));
        drop(Secret::new(Canary(value.clone())));
        assert_eq!(value.get(), 0);
    }
}
