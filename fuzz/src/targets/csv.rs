//! Tables in text, as a file or a program has them. The first byte chooses how the table is written.

use std::collections::BTreeMap;

use formix_p2p::sources::{Column, DecimalMark, Delimited, Header, OutputFormat};

use super::numbers::{has_canary_in_data, take_apart};

/// Takes a table apart.
pub fn feed(bytes: &[u8]) {
    let Some((kind, body)) = bytes.split_first() else { return };
    let header = if kind & 1 == 0 { Header::Present } else { Header::Absent };
    let columns = match header {
        Header::Present if kind & 2 == 0 => BTreeMap::new(),
        Header::Present => BTreeMap::from([("x".to_owned(), Column::Named("age".to_owned()))]),
        Header::Absent => BTreeMap::from([("x".to_owned(), Column::At(1)), ("y".to_owned(), Column::At(2))]),
    };
    let layout = Delimited {
        delimiter: (kind & 4 != 0).then_some(b'|'),
        quote: if kind & 8 == 0 { b'"' } else { b'\'' },
        header,
        decimal: if kind & 16 == 0 { DecimalMark::Point } else { DecimalMark::Comma },
        missing: (kind & 32 != 0).then(|| vec!["none".to_owned()]),
        columns,
    };
    let fields: &[&str] = if kind & 64 == 0 { &["x"] } else { &["x", "y"] };
    let private = header == Header::Absent || has_canary_in_data(body);
    take_apart(*kind, (OutputFormat::Csv, layout), fields, body, private);
}
