//! What a program prints, in one of its formats.

use std::io::Read;
use std::ops::ControlFlow;
use std::time::Instant;

use super::declaration::{CommandSource, OutputFormat};
use super::delimited::{Table, default_delimiter};
use super::error::SourceError;
use super::metered::Time;
use super::program::{Programs, Running};
use super::rows::{ReadSummary, RowSink, Rows};
use super::{json, numbers};

/// The fields, as declared. The program is not run, but it must be there.
pub(super) fn fields(source: &CommandSource) -> Result<Vec<String>, SourceError> {
    let program = source.command.first().map_or("", String::as_str);
    let is_there = if program.contains('/') {
        source.directory.join(program).is_file()
    } else {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    };
    if is_there { Ok(source.fields.clone()) } else { Err(not_run(source, "there is no such program")) }
}

/// Runs the program and hands over what it prints. Whatever ends the reading early ends the program.
pub(super) fn read(
    source: &CommandSource,
    fields: &[&str],
    (deadline, programs): (Instant, &Programs),
    rows: &mut Rows<'_, '_>,
) -> Result<(), SourceError> {
    let time = Time::until(deadline.min(Instant::now() + source.timeout));
    let origin = source.name();
    let started = Running::start(&source.command, &source.directory, programs);
    let mut running = started.map_err(|error| not_run(source, error))?;
    let output = running.output(time).ok_or_else(|| not_run(source, "it has no output"))?;
    match hand_over(source, fields, output, time, rows) {
        Ok(ControlFlow::Continue(())) => running.finish(time, origin),
        Ok(ControlFlow::Break(())) => Ok(()),
        // A program that failed has printed nothing, most likely, and that is why.
        Err(SourceError::NoHeader(origin)) => {
            running.finish(time, origin.clone()).and(Err(SourceError::NoHeader(origin)))
        }
        Err(error) => Err(error),
    }
}

impl CommandSource {
    /// Takes apart what the program has printed, without running it, as [`super::Sources::read`] does.
    ///
    /// # Errors
    /// Why it cannot be read to its end.
    pub fn take_apart(
        &self,
        printed: impl Read,
        fields: &[&str],
        row: &mut RowSink<'_>,
    ) -> Result<ReadSummary, SourceError> {
        let mut rows = Rows::new(row);
        let time = Time::until(Instant::now() + self.timeout);
        // Whether the sink had enough is for the sink to know.
        let _ = hand_over(self, fields, printed, time, &mut rows)?;
        Ok(rows.into_summary())
    }
}

/// Hands over what a program has printed.
fn hand_over(
    source: &CommandSource,
    fields: &[&str],
    output: impl Read,
    time: Time,
    rows: &mut Rows<'_, '_>,
) -> Result<ControlFlow<()>, SourceError> {
    let (origin, names) = (source.name(), (&*source.fields, fields));
    match source.format {
        OutputFormat::Numbers => numbers::read(output, &origin, names, time, rows),
        OutputFormat::Json => json::read(output, &origin, names, time, rows),
        OutputFormat::Csv => {
            Table::open(output, &origin, &source.layout, default_delimiter(&source.layout), time)
                .and_then(|table| table.read(fields, rows))
        }
    }
}

fn not_run(source: &CommandSource, reason: impl ToString) -> SourceError {
    SourceError::NotRun { origin: source.name(), reason: reason.to_string() }
}
