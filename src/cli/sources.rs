//! Sources of private data on the command line of `start`, and what is said about those that cannot be used.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgAction, Args};

use super::problem::Problem;
use crate::config::{Layer, NodeConfig};
use crate::domain::limits::COMMAND_WAIT_DEFAULT;
use crate::sources::{
    CommandSource, CsvSource, DecimalMark, Declaration, DeclarationError, Delimited, OutputFormat, SourceError,
    Sources, SqliteSource,
};

/// Tables, queries and programs that a light node reads when it is asked.
#[derive(Clone, Debug, Default, Args)]
pub struct SourceFlags {
    /// Light: a table; every column of its header is a field
    #[arg(long, value_name = "FILE")]
    csv: Vec<PathBuf>,
    /// Light: between the cells of every --csv, such as ';' or tab [default: a comma; .tsv: a tab]
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter, requires = "csv")]
    csv_delimiter: Option<u8>,
    /// Light: the decimal mark in every --csv, . or , [default: .]
    #[arg(long, value_name = "MARK", value_parser = decimal, requires = "csv")]
    decimal: Option<DecimalMark>,
    /// Light: a text that stands for a missing value in every --csv [default: NA, N/A, null, NULL]
    #[arg(long, value_name = "TEXT", requires = "csv")]
    missing: Vec<String>,
    /// Light: a database; one --query each
    #[arg(long, value_name = "FILE", requires = "query")]
    sqlite: Vec<PathBuf>,
    /// Light: what is read from the --sqlite in the same place; one SELECT, whose columns are the fields
    #[arg(long, value_name = "SELECT", requires = "sqlite")]
    query: Vec<String>,
    /// Light: a program that prints the values of these fields, a record a line; no shell takes part
    #[arg(long, value_name = "FIELD,...=PROGRAM ARGUMENT...", action = ArgAction::Append)]
    command: Vec<String>,
    /// Light: what every --command prints: numbers, json or csv [default: numbers]
    #[arg(long, value_name = "FORMAT", value_parser = format, requires = "command")]
    command_format: Option<OutputFormat>,
    /// Light: how long every --command may run [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, requires = "command")]
    command_timeout: Option<Duration>,
}

impl SourceFlags {
    /// What was typed, with paths that start at the current folder; `None` for nothing.
    ///
    /// # Errors
    /// `invalid_source`, or `file` where there is no current folder any more.
    pub fn declared(&self) -> Result<Option<Vec<Declaration>>, Problem> {
        if self.sqlite.len() != self.query.len() {
            let (files, queries) = (self.sqlite.len(), self.query.len());
            return Err(Problem::usage(
                "invalid_source",
                format!("there are {files} --sqlite and {queries} --query"),
                "give one --query after each --sqlite",
            ));
        }
        let tables = self.csv.iter().map(|file| {
            let missing = (!self.missing.is_empty()).then(|| self.missing.clone());
            let decimal = self.decimal.unwrap_or_default();
            let layout = Delimited { delimiter: self.csv_delimiter, decimal, missing, ..Delimited::default() };
            Ok(Declaration::Csv(CsvSource { file: file.clone(), layout }))
        });
        let databases = self.sqlite.iter().zip(&self.query).map(|(file, query)| {
            Ok(Declaration::Sqlite(SqliteSource { file: file.clone(), query: query.clone() }))
        });
        let commands = self.command.iter().map(|typed| self.command(typed));
        let declared = tables
            .chain(databases)
            .chain(commands)
            .map(|declared| declared?.checked().map_err(|error| not_declared(&error)))
            .collect::<Result<Vec<_>, Problem>>()?;
        if declared.is_empty() {
            return Ok(None);
        }
        let here = Path::new(".");
        let here = std::path::absolute(here).map_err(|error| Problem::file("find", here, &error))?;
        Ok(Some(declared.into_iter().map(|source| source.based_on(&here)).collect()))
    }

    fn command(&self, typed: &str) -> Result<Declaration, Problem> {
        let (fields, command) = typed.split_once('=').ok_or_else(|| {
            Problem::usage(
                "invalid_source",
                "a --command begins with the fields that it prints",
                "write --command 'age=./print-ages.sh', or --command 'age,bmi=./export.sh --all'",
            )
        })?;
        Ok(Declaration::Command(CommandSource {
            command: command.split_whitespace().map(str::to_owned).collect(),
            directory: PathBuf::new(),
            fields: fields.split(',').map(|field| field.trim().to_owned()).collect(),
            format: self.command_format.unwrap_or_default(),
            layout: Delimited::default(),
            timeout: self.command_timeout.unwrap_or(COMMAND_WAIT_DEFAULT),
        }))
    }
}

/// Looks at sources that a person has just named: nothing may be wrong with them.
///
/// # Errors
/// `invalid_source` for the first that cannot be used.
pub fn check(told: &Layer) -> Result<(), Problem> {
    let Some(declared) = &told.sources else { return Ok(()) };
    match Sources::new(told.data.values(), declared.iter().cloned()).survey().faults.into_iter().next() {
        Some(fault) => Err(fault.into()),
        None => Ok(()),
    }
}

/// What is wrong with the sources of a node, remembered ones included: those may have gone since, and the node starts
/// without them. Only a field that is in two sources is refused, to a person who has named one of them just now.
///
/// # Errors
/// `invalid_source`.
pub fn faults(config: &NodeConfig, told: &Layer) -> Result<Vec<SourceError>, Problem> {
    let faults = config.sources().survey().faults;
    let named_just_now = told.sources.is_some() || !told.data.is_empty();
    match faults.iter().find(|fault| matches!(fault, SourceError::FieldTwice { .. })) {
        Some(fault) if named_just_now => Err(fault.clone().into()),
        _ => Ok(faults),
    }
}

/// That a source is left out, and why.
pub fn left_out(fault: &SourceError) -> String {
    format!("{fault}; questions about its fields are not answered ({})", fault.hint())
}

impl From<SourceError> for Problem {
    fn from(error: SourceError) -> Self {
        Self::usage("invalid_source", error.to_string(), error.hint())
    }
}

fn not_declared(error: &DeclarationError) -> Problem {
    let hint = "see `formix-p2p start --help`, and [[source]] in docs/CLI.md";
    Problem::usage("invalid_source", error.to_string(), hint)
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        [one] => Ok(*one),
        _ => Err("a delimiter is one character, or the word tab".to_owned()),
    }
}

fn decimal(text: &str) -> Result<DecimalMark, String> {
    match text {
        "." => Ok(DecimalMark::Point),
        "," => Ok(DecimalMark::Comma),
        _ => Err("a decimal mark is . or ,".to_owned()),
    }
}

fn format(text: &str) -> Result<OutputFormat, String> {
    match text {
        "numbers" => Ok(OutputFormat::Numbers),
        "json" => Ok(OutputFormat::Json),
        "csv" => Ok(OutputFormat::Csv),
        _ => Err("a program prints numbers, json or csv".to_owned()),
    }
}
