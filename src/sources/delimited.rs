//! Tables in text: CSV and TSV, from a file or from a program.
//!
//! A row's cells are looked at only under the columns that are asked for. The space around a cell does not count. Rows
//! with another number of cells than there are columns, and cells that are not UTF-8, are left out and counted.

use std::io::Read;
use std::ops::ControlFlow;
use std::time::Instant;

use csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder};

use super::declaration::{Column, CsvSource, DecimalMark, Delimited, Header};
use super::error::SourceError;
use super::file;
use super::metered::{BUFFER_BYTES, Meter, Metered, Stop, Time, stop_behind};
use super::rows::{RowFault, Rows};
use crate::domain::Cell;
use crate::domain::limits::{SOURCE_READ_WAIT, SOURCE_RECORD_BYTES_MAX};

/// The fields of a file: its header is read, and nothing else.
pub(super) fn fields(source: &CsvSource) -> Result<Vec<String>, SourceError> {
    let time = Time::until(Instant::now() + SOURCE_READ_WAIT);
    let (input, origin) = (file::open(&source.file)?, origin(source));
    let table = Table::open(input, &origin, &source.layout, delimiter(source), time)?;
    Ok(table.columns.into_iter().map(|(field, _)| field).collect())
}

/// The rows of a file.
pub(super) fn read(
    source: &CsvSource,
    fields: &[&str],
    deadline: Instant,
    rows: &mut Rows<'_, '_>,
) -> Result<(), SourceError> {
    let (input, origin) = (file::open(&source.file)?, origin(source));
    let table = Table::open(input, &origin, &source.layout, delimiter(source), Time::until(deadline))?;
    table.read(fields, rows).map(drop)
}

fn origin(source: &CsvSource) -> String {
    source.file.display().to_string()
}

/// The delimiter of a file whose owner names none. Where decimals take the comma, programs write semicolons.
fn delimiter(source: &CsvSource) -> u8 {
    let is_tsv = source.file.extension().is_some_and(|it| it.eq_ignore_ascii_case("tsv"));
    if is_tsv { b'\t' } else { default_delimiter(&source.layout) }
}

/// The delimiter of a table that says nothing about it.
pub(super) const fn default_delimiter(layout: &Delimited) -> u8 {
    match layout.decimal {
        DecimalMark::Point => b',',
        DecimalMark::Comma => b';',
    }
}

/// A table that is being read.
pub(super) struct Table<'a, R> {
    reader: Reader<Metered<R>>,
    meter: Meter,
    time: Time,
    origin: &'a str,
    layout: &'a Delimited,
    /// Fields, and where they stand in a row.
    pub(super) columns: Vec<(String, usize)>,
    /// Cells of a row; without a header the first row decides.
    width: Option<usize>,
    record: ByteRecord,
}

impl<'a, R: Read> Table<'a, R> {
    /// Reads the header, if there is one.
    pub(super) fn open(
        input: R,
        origin: &'a str,
        layout: &'a Delimited,
        delimiter: u8,
        time: Time,
    ) -> Result<Self, SourceError> {
        let (input, meter) = Metered::new(input, time);
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(layout.delimiter.unwrap_or(delimiter))
            .quote(layout.quote)
            .buffer_capacity(BUFFER_BYTES)
            .from_reader(input);
        let (columns, width, record) = (Vec::new(), None, ByteRecord::new());
        let mut table = Self { reader, meter, time, origin, layout, columns, width, record };
        let mut names = Vec::new();
        match layout.header {
            Header::Present => {
                if !table.next()? {
                    return Err(SourceError::NoHeader(origin.to_owned()));
                }
                for name in &table.record {
                    let name =
                        std::str::from_utf8(name).map_err(|_| SourceError::HeaderNotUtf8(origin.to_owned()))?;
                    names.push(name.trim().to_owned());
                }
                table.width = Some(names.len());
            }
            Header::Absent => {}
        }
        table.columns = columns_of(&names, layout, origin)?;
        Ok(table)
    }

    /// Hands over every row.
    pub(super) fn read(
        mut self,
        fields: &[&str],
        rows: &mut Rows<'_, '_>,
    ) -> Result<ControlFlow<()>, SourceError> {
        let places = self.places(fields)?;
        let mut numbers = vec![String::new(); fields.len()];
        while self.next()? {
            let line = self.record.position().map_or(0, csv::Position::line);
            let columns = *self.width.get_or_insert(self.record.len());
            if self.record.len() != columns {
                rows.leave_out("line", line, RowFault::Ragged { cells: self.record.len(), columns });
                continue;
            }
            let mut cells = Vec::with_capacity(places.len());
            for ((place, field), number) in places.iter().zip(fields).zip(&mut numbers) {
                match cell_of(self.record.get(*place).unwrap_or_default(), self.layout, number) {
                    Some(cell) => cells.push(cell),
                    None => {
                        rows.leave_out("line", line, RowFault::NotUtf8((*field).to_owned()));
                        break;
                    }
                }
            }
            if cells.len() == places.len() && rows.hand(&cells).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn places(&self, fields: &[&str]) -> Result<Vec<usize>, SourceError> {
        let place_of = |field: &&str| {
            let column = self.columns.iter().find(|(known, _)| known == field);
            column.map(|(_, place)| *place).ok_or_else(|| SourceError::NoSuchColumn {
                origin: self.origin.to_owned(),
                column: format!("`{field}`"),
                field: (*field).to_owned(),
            })
        };
        fields.iter().map(place_of).collect()
    }

    /// Reads the next row into `record`, and says whether there was one.
    fn next(&mut self) -> Result<bool, SourceError> {
        match self.reader.read_byte_record(&mut self.record) {
            Ok(found) => {
                self.meter.record_ended();
                Ok(found)
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    fn failed(&self, error: csv::Error) -> SourceError {
        let line = error.position().map_or_else(|| self.reader.position().line(), csv::Position::line);
        let reason = match error.into_kind() {
            ErrorKind::Io(error) => match stop_behind(&error) {
                Some(Stop::Deadline) => return self.time.exceeded(self.origin.to_owned()),
                Some(Stop::TooLong) => {
                    return SourceError::RecordTooLong {
                        origin: self.origin.to_owned(),
                        place: "line",
                        number: line,
                        bytes: SOURCE_RECORD_BYTES_MAX,
                    };
                }
                None => error.to_string(),
            },
            // None of these comes of reading bytes into rows of any length; what they say would quote cells.
            _ => "it is not a table".to_owned(),
        };
        SourceError::Unreadable { file: self.origin.into(), reason }
    }
}

/// The fields of a table, and where they stand.
fn columns_of(names: &[String], layout: &Delimited, origin: &str) -> Result<Vec<(String, usize)>, SourceError> {
    let mut columns: Vec<(String, usize)> = Vec::new();
    let place_of = |column: &Column| match column {
        Column::Named(name) => names.iter().position(|known| known == name),
        Column::At(number) => {
            let place = usize::try_from(*number).ok()?.checked_sub(1)?;
            (layout.header == Header::Absent || place < names.len()).then_some(place)
        }
    };
    let twice =
        |column: &str| SourceError::ColumnTwice { origin: origin.to_owned(), column: column.to_owned() };
    for (field, column) in &layout.columns {
        if let Column::Named(name) = column
            && names.iter().filter(|known| *known == name).count() > 1
        {
            return Err(twice(name));
        }
        let place = place_of(column).ok_or_else(|| SourceError::NoSuchColumn {
            origin: origin.to_owned(),
            column: match column {
                Column::Named(name) => format!("`{name}`"),
                Column::At(number) => number.to_string(),
            },
            field: field.clone(),
        })?;
        columns.push((field.clone(), place));
    }
    for (place, name) in names.iter().enumerate() {
        // A column without a name is no field, and one that was renamed has only its new name.
        if name.is_empty() || columns.iter().any(|(_, taken)| *taken == place) {
            continue;
        }
        if columns.iter().any(|(known, _)| known == name) {
            return Err(twice(name));
        }
        columns.push((name.clone(), place));
    }
    Ok(columns)
}

/// A cell; `None` where it is not UTF-8. `number` is memory for one that is written anew.
fn cell_of<'a>(bytes: &'a [u8], layout: &Delimited, number: &'a mut String) -> Option<Cell<'a>> {
    let text = std::str::from_utf8(bytes).ok()?.trim();
    if layout.is_missing(text) {
        return Some(Cell::Missing);
    }
    match layout.decimal {
        DecimalMark::Comma if looks_like_a_number(text) => {
            // Points change places with commas, so that 1.234 does not become a little more than one.
            number.clear();
            number.extend(text.chars().map(|c| match c {
                ',' => '.',
                '.' => ',',
                other => other,
            }));
            Some(Cell::Text(number))
        }
        DecimalMark::Comma | DecimalMark::Point => Some(Cell::Text(text)),
    }
}

fn looks_like_a_number(text: &str) -> bool {
    text.bytes().all(|c| c.is_ascii_digit() || b"+-.,eE".contains(&c))
}
