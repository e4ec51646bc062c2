//! JSON as a program prints it. The first byte chooses how many fields are declared and asked for.

use formix_p2p::sources::{Delimited, OutputFormat};

use super::numbers::take_apart;

/// Takes records apart.
pub fn feed(bytes: &[u8]) {
    let Some((kind, body)) = bytes.split_first() else { return };
    let fields: &[&str] = if kind & 1 == 0 { &["x"] } else { &["x", "y"] };
    take_apart(*kind, (OutputFormat::Json, Delimited::default()), fields, body, true);
}
