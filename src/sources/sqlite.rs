//! What a query finds in an SQLite database, which is opened for reading alone.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error, OpenFlags, Statement};

use super::declaration::SqliteSource;
use super::error::SourceError;
use super::file;
use super::metered::Time;
use super::rows::{RowFault, Rows};
use crate::domain::Cell;
use crate::domain::limits::SOURCE_READ_WAIT;

/// Steps of SQLite's machine between two looks at the clock: some microseconds.
const STEPS_PER_LOOK: i32 = 1_000;
/// How long another program may keep the database locked: a large transaction of it.
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// The columns of the query, which is prepared and not run.
pub(super) fn fields(source: &SqliteSource) -> Result<Vec<String>, SourceError> {
    let connection = open(source, Time::until(Instant::now() + SOURCE_READ_WAIT))?;
    let statement = prepare(&connection, source)?;
    Ok(statement.column_names().map(str::to_owned).collect())
}

/// The rows of the query.
pub(super) fn read(
    source: &SqliteSource,
    fields: &[&str],
    deadline: Instant,
    rows: &mut Rows<'_, '_>,
) -> Result<(), SourceError> {
    let time = Time::until(deadline);
    let connection = open(source, time)?;
    let mut statement = prepare(&connection, source)?;
    let places = fields
        .iter()
        .map(|field| {
            statement.column_index(field).map_err(|_| SourceError::NoSuchColumn {
                origin: origin(source),
                column: format!("`{field}`"),
                field: (*field).to_owned(),
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let failed = |error: &Error| match code(error) {
        Some(rusqlite::ErrorCode::OperationInterrupted | rusqlite::ErrorCode::DatabaseBusy)
            if time.is_over() =>
        {
            time.exceeded(origin(source))
        }
        // What SQLite says while it runs may quote the data; what kind of error it is does not.
        Some(code) => sql(source, format!("the query broke off: {code:?}")),
        None => sql(source, "the query broke off"),
    };
    let mut found = statement.query([]).map_err(|error| failed(&error))?;
    let mut numbers = vec![String::new(); fields.len()];
    let mut number = 0;
    while let Some(row) = found.next().map_err(|error| failed(&error))? {
        number += 1;
        let cells: Result<Vec<_>, RowFault> = places
            .iter()
            .zip(fields)
            .zip(&mut numbers)
            .map(|((place, field), text)| {
                let value = row.get_ref(*place).map_err(|_| RowFault::NotARecord)?;
                cell_of(value, field, text)
            })
            .collect();
        match cells {
            Ok(cells) if rows.hand(&cells).is_break() => break,
            Ok(_) => {}
            Err(fault) => rows.leave_out("row", number, fault),
        }
    }
    Ok(())
}

/// A value as a cell; `text` is memory for a number.
fn cell_of<'a>(value: ValueRef<'a>, field: &str, text: &'a mut String) -> Result<Cell<'a>, RowFault> {
    text.clear();
    let written = match value {
        ValueRef::Null => return Ok(Cell::Missing),
        ValueRef::Text(bytes) => {
            let text = std::str::from_utf8(bytes).map_err(|_| RowFault::NotUtf8(field.to_owned()))?;
            return Ok(Cell::Text(text));
        }
        ValueRef::Blob(_) => return Err(RowFault::Blob(field.to_owned())),
        ValueRef::Integer(number) => write!(text, "{number}"),
        // The shortest text that means this number.
        ValueRef::Real(number) => write!(text, "{number:?}"),
    };
    // Writing to memory does not fail.
    written.map_err(|_| RowFault::NotARecord)?;
    Ok(Cell::Text(text))
}

fn origin(source: &SqliteSource) -> String {
    source.file.display().to_string()
}

fn sql(source: &SqliteSource, reason: impl Into<String>) -> SourceError {
    SourceError::Sql { origin: origin(source), reason: reason.into() }
}

/// What SQLite said, without the query around it.
fn words_of(error: Error) -> String {
    match error {
        Error::SqliteFailure(_, Some(words)) | Error::SqlInputError { msg: words, .. } => words,
        other => other.to_string(),
    }
}

fn code(error: &Error) -> Option<rusqlite::ErrorCode> {
    error.sqlite_error_code()
}

fn open(source: &SqliteSource, time: Time) -> Result<Connection, SourceError> {
    // SQLite would wait for a pipe, and calls a folder a file that it cannot open.
    drop(file::open(&source.file)?);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = || -> Result<Connection, Error> {
        let mut connection = Connection::open_with_flags::<&Path>(&source.file, flags)?;
        connection.pragma_update(None, "query_only", true)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        // Whoever writes to the database just now is waited for.
        connection.busy_timeout(time.deadline.saturating_duration_since(Instant::now()).min(BUSY_WAIT))?;
        connection.progress_handler(STEPS_PER_LOOK, Some(move || time.is_over()))?;
        Ok(connection)
    };
    opened().map_err(|error| sql(source, words_of(error)))
}

fn prepare<'c>(connection: &'c Connection, source: &SqliteSource) -> Result<Statement<'c>, SourceError> {
    let statement = connection.prepare(&source.query).map_err(|error| match error {
        Error::MultipleStatement => SourceError::SeveralStatements { origin: origin(source) },
        // It speaks of the query, which has seen no data yet.
        other => sql(source, words_of(other)),
    })?;
    if statement.column_count() == 0 || !statement.readonly() {
        return Err(SourceError::Writes { origin: origin(source) });
    }
    let mut seen = std::collections::BTreeSet::new();
    for name in statement.column_names() {
        if !seen.insert(name.to_lowercase()) {
            return Err(SourceError::ColumnTwice { origin: origin(source), column: name.to_owned() });
        }
    }
    Ok(statement)
}
