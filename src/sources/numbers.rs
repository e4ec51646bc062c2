//! Bare numbers as a program prints them: a record a line, one for each field, with space between them.

use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;

use super::error::SourceError;
use super::metered::{BUFFER_BYTES, Metered, Stop, Time, stop_behind};
use super::rows::{RowFault, Rows};
use crate::domain::Cell;
use crate::domain::limits::SOURCE_RECORD_BYTES_MAX;

/// Hands over a row for every line that is not empty. `declared` are the fields of a line, in their order.
pub(super) fn read(
    input: impl Read,
    origin: &str,
    (declared, asked): (&[String], &[&str]),
    time: Time,
    rows: &mut Rows<'_, '_>,
) -> Result<ControlFlow<()>, SourceError> {
    let (input, meter) = Metered::new(input, time);
    let mut input = BufReader::with_capacity(BUFFER_BYTES, input);
    let places: Vec<_> =
        asked.iter().filter_map(|field| declared.iter().position(|known| known == field)).collect();
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let read = input.read_until(b'\n', &mut line).map_err(|error| match stop_behind(&error) {
            Some(Stop::Deadline) => time.exceeded(origin.to_owned()),
            Some(Stop::TooLong) => SourceError::RecordTooLong {
                origin: origin.to_owned(),
                place: "line",
                number: number - 1,
                bytes: SOURCE_RECORD_BYTES_MAX,
            },
            None => SourceError::NotRun { origin: origin.to_owned(), reason: error.to_string() },
        })?;
        if read == 0 {
            break;
        }
        meter.record_ended();
        let Ok(text) = std::str::from_utf8(&line) else {
            rows.leave_out("line", number, RowFault::NotUtf8(declared.join(" ")));
            continue;
        };
        let words: Vec<_> = text.split_whitespace().collect();
        if words.is_empty() {
            continue;
        }
        if words.len() != declared.len() {
            rows.leave_out("line", number, RowFault::Ragged { cells: words.len(), columns: declared.len() });
            continue;
        }
        let cells: Vec<_> =
            places.iter().filter_map(|place| words.get(*place)).map(|word| Cell::Text(word)).collect();
        if rows.hand(&cells).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}
