//! A declaration as it stands in a file: one table whose keys depend on what the source is.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::declaration::{
    Column, CommandSource, CsvSource, DecimalMark, Declaration, Delimited, Header, OutputFormat, SqliteSource,
};
use super::error::DeclarationError;
use crate::domain::limits::{COMMAND_WAIT_DEFAULT, SOURCE_READ_WAIT};

/// Every key that a source may have.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Written {
    #[serde(skip_serializing_if = "Option::is_none")]
    csv: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sqlite: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    directory: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<OutputFormat>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delimiter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quote: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decimal: Option<DecimalMark>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<Vec<String>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    columns: BTreeMap<String, Column>,
}

impl TryFrom<Written> for Declaration {
    type Error = DeclarationError;

    fn try_from(mut written: Written) -> Result<Self, DeclarationError> {
        let kinds = (written.csv.take(), written.sqlite.take(), written.command.take());
        let declaration = match kinds {
            (Some(file), None, None) => {
                written.refuse_keys_of_command("csv")?;
                written.refuse("query", "csv", written.query.is_some())?;
                Ok(Self::Csv(CsvSource { file, layout: written.layout()? }))
            }
            (None, Some(file), None) => {
                written.refuse_keys_of_command("sqlite")?;
                written.refuse_keys_of_tables("sqlite")?;
                let query = written.query.ok_or(DeclarationError::Missing { key: "query", kind: "sqlite" })?;
                Ok(Self::Sqlite(SqliteSource { file, query }))
            }
            (None, None, Some(command)) => written.into_command(command).map(Self::Command),
            (Some(_), Some(_), _) | (Some(_), _, Some(_)) | (None, Some(_), Some(_)) | (None, None, None) => {
                Err(DeclarationError::Kind)
            }
        }?;
        declaration.checked()
    }
}

impl Written {
    fn refuse(&self, key: &'static str, kind: &'static str, is_there: bool) -> Result<(), DeclarationError> {
        if is_there { Err(DeclarationError::Foreign { key, kind }) } else { Ok(()) }
    }

    fn refuse_keys_of_command(&self, kind: &'static str) -> Result<(), DeclarationError> {
        self.refuse("directory", kind, self.directory.is_some())?;
        self.refuse("fields", kind, self.fields.is_some())?;
        self.refuse("format", kind, self.format.is_some())?;
        self.refuse("timeout", kind, self.timeout.is_some())
    }

    fn refuse_keys_of_tables(&self, kind: &'static str) -> Result<(), DeclarationError> {
        self.refuse("delimiter", kind, self.delimiter.is_some())?;
        self.refuse("quote", kind, self.quote.is_some())?;
        self.refuse("header", kind, self.header.is_some())?;
        self.refuse("decimal", kind, self.decimal.is_some())?;
        self.refuse("missing", kind, self.missing.is_some())?;
        self.refuse("columns", kind, !self.columns.is_empty())
    }

    fn layout(self) -> Result<Delimited, DeclarationError> {
        let character = |key, text: Option<String>| match text.as_deref().map(str::as_bytes) {
            None => Ok(None),
            Some(b"tab" | b"\\t") => Ok(Some(b'\t')),
            Some([one]) => Ok(Some(*one)),
            Some(_) => Err(DeclarationError::NotOneCharacter { key }),
        };
        Ok(Delimited {
            delimiter: character("delimiter", self.delimiter)?,
            quote: character("quote", self.quote)?.unwrap_or(b'"'),
            header: if self.header.unwrap_or(true) { Header::Present } else { Header::Absent },
            decimal: self.decimal.unwrap_or_default(),
            missing: self.missing,
            columns: self.columns,
        })
    }

    fn into_command(mut self, command: Vec<String>) -> Result<CommandSource, DeclarationError> {
        self.refuse("query", "command", self.query.is_some())?;
        let format = self.format.unwrap_or_default();
        let fields = self.fields.take().unwrap_or_default();
        let directory = self.directory.take().unwrap_or_default();
        let timeout = timeout(self.timeout.take().as_deref())?;
        let layout = match format {
            OutputFormat::Csv => self.layout()?,
            OutputFormat::Json | OutputFormat::Numbers => {
                self.refuse_keys_of_tables("command")?;
                Delimited::default()
            }
        };
        Ok(CommandSource { command, directory, fields, format, layout, timeout })
    }
}

fn timeout(text: Option<&str>) -> Result<Duration, DeclarationError> {
    let Some(text) = text else { return Ok(COMMAND_WAIT_DEFAULT) };
    humantime::parse_duration(text).map_err(|_| DeclarationError::Timeout(SOURCE_READ_WAIT.as_secs()))
}

impl From<Declaration> for Written {
    fn from(declaration: Declaration) -> Self {
        match declaration {
            Declaration::Csv(CsvSource { file, layout }) => Self { csv: Some(file), ..Self::of_layout(layout) },
            Declaration::Sqlite(SqliteSource { file, query }) => {
                Self { sqlite: Some(file), query: Some(query), ..Self::default() }
            }
            Declaration::Command(source) => Self {
                command: Some(source.command),
                directory: Some(source.directory).filter(|it| !it.as_os_str().is_empty()),
                fields: Some(source.fields),
                format: Some(source.format),
                timeout: Some(humantime::format_duration(source.timeout).to_string()),
                ..Self::of_layout(source.layout)
            },
        }
    }
}

impl Written {
    /// What differs from the defaults.
    fn of_layout(layout: Delimited) -> Self {
        let Delimited { delimiter, quote, header, decimal, missing, columns } = layout;
        Self {
            delimiter: delimiter.map(|it| char::from(it).to_string()),
            quote: (quote != b'"').then(|| char::from(quote).to_string()),
            header: match header {
                Header::Present => None,
                Header::Absent => Some(false),
            },
            decimal: match decimal {
                DecimalMark::Point => None,
                DecimalMark::Comma => Some(DecimalMark::Comma),
            },
            missing,
            columns,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(text: &str) -> Result<Declaration, String> {
        toml::from_str::<Declaration>(text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn every_kind_comes_back_as_it_was_written() {
        for text in [
            "csv = \"a.csv\"",
            "csv = \"a.txt\"\ndelimiter = \";\"\nquote = \"'\"\nheader = false\ndecimal = \",\"\nmissing = [\"-\"]\ncolumns = { age = 1 }",
            "csv = \"a.csv\"\ncolumns = { age = \"Age (years)\" }",
            "sqlite = \"a.db\"\nquery = \"SELECT 1 AS one\"",
            "command = [\"./a.sh\", \"-x\"]\nfields = [\"age\", \"bmi\"]\nformat = \"json\"\ntimeout = \"10s\"",
            "command = [\"a\"]\nfields = [\"age\"]\nformat = \"csv\"\ndelimiter = \"tab\"",
        ] {
            let first = declared(text).unwrap();
            let again = declared(&toml::to_string(&first).unwrap()).unwrap();
            assert_eq!(first, again, "{text}");
        }
    }

    #[test]
    fn what_makes_no_source_is_named() {
        for (text, names) in [
            ("", "exactly one of"),
            ("csv = \"a\"\nsqlite = \"b\"\nquery = \"c\"", "exactly one of"),
            ("csv = \"a\"\nquery = \"c\"", "`query` does not belong"),
            ("csv = \"a\"\ntimeout = \"1s\"", "`timeout` does not belong"),
            ("sqlite = \"a\"", "needs `query`"),
            ("sqlite = \"a\"\nquery = \"c\"\ndecimal = \",\"", "`decimal` does not belong"),
            ("command = []\nfields = [\"a\"]", "needs a program"),
            ("command = [\"a\"]", "needs `fields`"),
            ("command = [\"a\"]\nfields = [\"a\", \"a\"]", "`a` is named twice"),
            ("command = [\"a\"]\nfields = [\"a=b\"]", "`a=b` is not a field name"),
            ("command = [\"a\"]\nfields = [\"a\"]\ntimeout = \"soon\"", "`timeout` is a time"),
            ("command = [\"a\"]\nfields = [\"a\"]\ntimeout = \"2h\"", "at most 60 s"),
            ("command = [\"a\"]\nfields = [\"a\"]\nheader = false", "`header` does not belong"),
            ("csv = \"a\"\ndelimiter = \"ab\"", "`delimiter` is one ASCII character"),
            ("csv = \"a\"\ndelimiter = \"0\"", "`delimiter` is one ASCII character"),
            ("csv = \"a\"\ndelimiter = \";\"\nquote = \";\"", "the same character"),
            ("csv = \"a\"\nheader = false", "without a header"),
            ("csv = \"a\"\nheader = false\ncolumns = { age = \"x\" }", "numbered from 1; `x`"),
            ("csv = \"a\"\ncolumns = { age = 0 }", "numbered from 1; `0`"),
            ("csv = \"a\"\ncolumns = { age = 1.5 }", "a column is its name in quotes"),
            ("csv = \"a\"\ncolums = {}", "unknown field `colums`"),
        ] {
            let refusal = declared(text).unwrap_err();
            assert!(refusal.contains(names), "{text}: {refusal}");
        }
    }
}
