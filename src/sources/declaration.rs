//! What an owner writes down about a source.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::DeclarationError;
use super::written::Written;
use crate::domain::Field;
use crate::domain::limits::{FIELD_NAME_CHARS_MAX, SOURCE_READ_WAIT};

/// One source, as it stands under `[[source]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub enum Declaration {
    /// A table in a text file.
    Csv(CsvSource),
    /// What a query finds in a database.
    Sqlite(SqliteSource),
    /// What a program prints.
    Command(CommandSource),
}

/// A table in a text file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvSource {
    /// The file.
    pub file: PathBuf,
    /// How it is written.
    pub layout: Delimited,
}

/// How a table in text is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delimited {
    /// Between two cells; by default a tab for `.tsv`, else a comma.
    pub delimiter: Option<u8>,
    /// Around a cell that holds delimiters or ends of lines.
    pub quote: u8,
    /// Whether the first line names the columns.
    pub header: Header,
    /// How decimals are written.
    pub decimal: DecimalMark,
    /// Texts that stand for a missing value, beside an empty cell; by default [`Delimited::MISSING`].
    pub missing: Option<Vec<String>>,
    /// Fields whose column has another name, or only a number.
    pub columns: BTreeMap<String, Column>,
}

/// Whether the first line names the columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Header {
    /// It does.
    #[default]
    Present,
    /// It is the first record.
    Absent,
}

/// What stands between the whole number and its fraction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DecimalMark {
    /// `1.5`
    #[default]
    #[serde(rename = ".")]
    Point,
    /// `1,5`
    #[serde(rename = ",")]
    Comma,
}

/// Which column a field is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged, expecting = "a column is its name in quotes, or its number from 1")]
pub enum Column {
    /// The one with this name.
    Named(String),
    /// The one at this place, from 1.
    At(u32),
}

/// What a query finds in an SQLite database. `Debug` does not show the query, which may name people.
#[derive(Clone, PartialEq, Eq)]
pub struct SqliteSource {
    /// The database.
    pub file: PathBuf,
    /// One statement that only reads; its columns are the fields.
    pub query: String,
}

/// What a program prints. `Debug` does not show its arguments, which may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub struct CommandSource {
    /// Program and arguments. No shell stands between, unless the owner writes one.
    pub command: Vec<String>,
    /// Where it runs.
    pub directory: PathBuf,
    /// The fields that it has, so that nobody need run it to know.
    pub fields: Vec<String>,
    /// What it prints.
    pub format: OutputFormat,
    /// How a table is written, for [`OutputFormat::Csv`].
    pub layout: Delimited,
    /// How long it may run.
    pub timeout: Duration,
}

/// What a program prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputFormat {
    /// A record a line: a number for each field, with space between them.
    #[default]
    Numbers,
    /// An array of objects, an object a line, an array of numbers, or one of these alone.
    Json,
    /// A table, as in a file.
    Csv,
}

impl Declaration {
    /// The source in words for its owner: the file, or the program.
    pub fn name(&self) -> String {
        match self {
            Self::Csv(source) => source.file.display().to_string(),
            Self::Sqlite(source) => source.file.display().to_string(),
            Self::Command(source) => source.name(),
        }
    }

    /// This source, if it can be one.
    ///
    /// # Errors
    /// The first rule that is broken. Files are not looked at.
    pub fn checked(self) -> Result<Self, DeclarationError> {
        match &self {
            Self::Csv(source) => source.layout.check()?,
            Self::Sqlite(_) => {}
            Self::Command(source) => source.check()?,
        }
        Ok(self)
    }

    /// The same source with paths that start at this folder.
    #[must_use]
    pub fn based_on(mut self, folder: &Path) -> Self {
        match &mut self {
            Self::Csv(source) => source.file = under(folder, &source.file),
            Self::Sqlite(source) => source.file = under(folder, &source.file),
            Self::Command(source) => {
                source.directory = under(folder, &source.directory);
                // A program without a slash is looked for where the system looks for programs.
                if let Some(program) = source.command.first_mut().filter(|it| it.contains('/')) {
                    *program = under(&source.directory, Path::new(program)).display().to_string();
                }
            }
        }
        self
    }
}

impl CommandSource {
    pub(super) fn name(&self) -> String {
        format!("the command {}", self.command.first().map_or("", String::as_str))
    }

    fn check(&self) -> Result<(), DeclarationError> {
        if self.command.first().is_none_or(String::is_empty) {
            return Err(DeclarationError::NoProgram);
        }
        if self.fields.is_empty() {
            return Err(DeclarationError::Missing { key: "fields", kind: "command" });
        }
        let mut seen = BTreeSet::new();
        for field in &self.fields {
            check_field(field)?;
            if !seen.insert(field) {
                return Err(DeclarationError::FieldTwice(field.clone()));
            }
        }
        if self.timeout.is_zero() || self.timeout > SOURCE_READ_WAIT {
            return Err(DeclarationError::Timeout(SOURCE_READ_WAIT.as_secs()));
        }
        self.layout.check()
    }
}

impl Delimited {
    /// Texts that stand for a missing value, beside an empty cell, unless the owner says otherwise. `NaN` is none of
    /// them: whether it means a missing value is for the owner to say.
    pub const MISSING: [&str; 4] = ["NA", "N/A", "null", "NULL"];

    /// Whether a cell without the space around it stands for a missing value.
    pub(super) fn is_missing(&self, text: &str) -> bool {
        text.is_empty()
            || match &self.missing {
                Some(texts) => texts.iter().any(|missing| missing == text),
                None => Self::MISSING.contains(&text),
            }
    }

    /// Checks what can be checked without the table.
    fn check(&self) -> Result<(), DeclarationError> {
        let is_usable =
            |mark: u8| mark.is_ascii() && !mark.is_ascii_alphanumeric() && !b"\r\n\0".contains(&mark);
        if !self.delimiter.is_none_or(is_usable) {
            return Err(DeclarationError::NotOneCharacter { key: "delimiter" });
        }
        if !is_usable(self.quote) {
            return Err(DeclarationError::NotOneCharacter { key: "quote" });
        }
        if self.delimiter == Some(self.quote) {
            return Err(DeclarationError::SameCharacter("delimiter", "quote"));
        }
        if self.header == Header::Absent && self.columns.is_empty() {
            return Err(DeclarationError::Nameless);
        }
        for (field, column) in &self.columns {
            check_field(field)?;
            match (column, self.header) {
                (Column::At(0), _) => return Err(DeclarationError::ColumnNumber("0".to_owned())),
                (Column::Named(name), Header::Absent) => {
                    return Err(DeclarationError::ColumnNumber(name.clone()));
                }
                (Column::At(_), _) | (Column::Named(_), Header::Present) => {}
            }
        }
        Ok(())
    }
}

impl Default for Delimited {
    fn default() -> Self {
        Self {
            delimiter: None,
            quote: b'"',
            header: Header::Present,
            decimal: DecimalMark::Point,
            missing: None,
            columns: BTreeMap::new(),
        }
    }
}

/// The path from this folder on, without steps that lead nowhere.
fn under(folder: &Path, path: &Path) -> PathBuf {
    folder.join(path).components().collect()
}

fn check_field(name: &str) -> Result<(), DeclarationError> {
    Field::check_name(name)
        .map_err(|_| DeclarationError::FieldName(name.chars().take(FIELD_NAME_CHARS_MAX).collect()))
}

impl fmt::Debug for SqliteSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteSource").field("file", &self.file).finish_non_exhaustive()
    }
}

impl fmt::Debug for CommandSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("CommandSource");
        shown.field("program", &self.command.first()).field("fields", &self.fields).finish_non_exhaustive()
    }
}
