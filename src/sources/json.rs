//! JSON as a program prints it: an array of records, or records one after the other. A record is an object with the
//! fields, or, where there is only one field, its bare value.

use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;

use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde_json::{Deserializer, Value};

use super::error::SourceError;
use super::metered::{BUFFER_BYTES, Meter, Metered, Stop, Time, stop_behind};
use super::rows::{RowFault, Rows};
use crate::domain::Cell;
use crate::domain::limits::SOURCE_RECORD_BYTES_MAX;

/// Hands over a row for every record.
pub(super) fn read(
    input: impl Read,
    origin: &str,
    (declared, asked): (&[String], &[&str]),
    time: Time,
    rows: &mut Rows<'_, '_>,
) -> Result<ControlFlow<()>, SourceError> {
    let (input, meter) = Metered::new(input, time);
    let mut input = BufReader::with_capacity(BUFFER_BYTES, input);
    let mut records = Records { declared, asked, meter, rows, flow: ControlFlow::Continue(()) };
    let read = match first_of(&mut input) {
        Ok(Some(b'[')) => {
            let mut array = Deserializer::from_reader(&mut input);
            array.deserialize_seq(&mut records).and_then(|()| array.end())
        }
        Ok(_) => records.take_stream(&mut input),
        Err(error) => Err(serde_json::Error::io(error)),
    };
    match read {
        _ if records.flow.is_break() => Ok(ControlFlow::Break(())),
        Ok(()) => Ok(ControlFlow::Continue(())),
        Err(error) => Err(failed(error, origin, time, records.rows.count())),
    }
}

/// The first byte that is not space, left in place.
fn first_of(input: &mut impl BufRead) -> std::io::Result<Option<u8>> {
    loop {
        let buffer = input.fill_buf()?;
        let Some(byte) = buffer.iter().copied().find(|byte| !byte.is_ascii_whitespace()) else {
            let space = buffer.len();
            if space == 0 {
                return Ok(None);
            }
            input.consume(space);
            continue;
        };
        return Ok(Some(byte));
    }
}

fn failed(error: serde_json::Error, origin: &str, time: Time, records: u64) -> SourceError {
    let (line, column) = (error.line(), error.column());
    let origin = origin.to_owned();
    if !error.is_io() {
        // Its own words could quote a value.
        return SourceError::NotJson { origin, line, column };
    }
    let error = std::io::Error::from(error);
    match stop_behind(&error) {
        Some(Stop::Deadline) => time.exceeded(origin),
        Some(Stop::TooLong) => SourceError::RecordTooLong {
            origin,
            place: "record",
            number: records,
            bytes: SOURCE_RECORD_BYTES_MAX,
        },
        None => SourceError::NotRun { origin, reason: error.to_string() },
    }
}

/// Takes records one by one, so that memory stays flat.
struct Records<'r, 'a, 's> {
    declared: &'r [String],
    asked: &'r [&'r str],
    meter: Meter,
    rows: &'r mut Rows<'a, 's>,
    flow: ControlFlow<()>,
}

impl Records<'_, '_, '_> {
    fn take_stream(&mut self, input: impl Read) -> Result<(), serde_json::Error> {
        for record in Deserializer::from_reader(input).into_iter::<Value>() {
            if self.take(&record?).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn take(&mut self, record: &Value) -> ControlFlow<()> {
        self.meter.record_ended();
        let number = self.rows.count() + 1;
        let texts: Result<Vec<_>, RowFault> = self
            .asked
            .iter()
            .map(|field| match record {
                Value::Object(members) => text_of(field, members.get(*field)),
                bare if self.declared.len() == 1 => text_of(field, Some(bare)),
                _ => Err(RowFault::NotARecord),
            })
            .collect();
        match texts {
            Ok(texts) => {
                let cells: Vec<_> =
                    texts.iter().map(|text| text.as_deref().map_or(Cell::Missing, Cell::Text)).collect();
                self.flow = self.rows.hand(&cells);
            }
            Err(fault) => self.rows.leave_out("record", number, fault),
        }
        self.flow
    }
}

/// A value as the text of a cell; `None` where it is missing.
fn text_of(field: &str, value: Option<&Value>) -> Result<Option<String>, RowFault> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(value @ (Value::Bool(_) | Value::Number(_) | Value::Array(_))) => Ok(Some(value.to_string())),
        Some(Value::Object(_)) => Err(RowFault::Nested(field.to_owned())),
    }
}

impl<'de> Visitor<'de> for &mut Records<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        while let Some(record) = array.next_element::<Value>()? {
            if self.take(&record).is_break() {
                break;
            }
        }
        Ok(())
    }
}
