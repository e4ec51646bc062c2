//! What can be wrong with a source. Errors name source, column, line and rule, never what stands there; they are for the
//! owner, since they name files.

use std::path::PathBuf;

/// Why a declaration makes no source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeclarationError {
    /// None of the three, or two of them.
    #[error("a source has exactly one of `csv`, `sqlite` and `command`")]
    Kind,
    /// A key that another kind of source has.
    #[error("`{key}` does not belong to a source with `{kind}`")]
    Foreign {
        /// The key.
        key: &'static str,
        /// The kind.
        kind: &'static str,
    },
    /// A key that this kind of source needs.
    #[error("a source with `{kind}` needs `{key}`")]
    Missing {
        /// The key.
        key: &'static str,
        /// The kind.
        kind: &'static str,
    },
    /// Not one ASCII character, or one that means something else.
    #[error("`{key}` is one ASCII character; not a letter, a digit, or the end of a line")]
    NotOneCharacter {
        /// `delimiter` or `quote`.
        key: &'static str,
    },
    /// Delimiter and quote, or delimiter and decimal mark, are the same.
    #[error("`{0}` and `{1}` are the same character")]
    SameCharacter(&'static str, &'static str),
    /// A column's number is not one.
    #[error("columns are numbered from 1; `{0}` is not")]
    ColumnNumber(String),
    /// Without a header the fields have no names.
    #[error("without a header, `columns` says which column is which field, such as columns = {{ age = 1 }}")]
    Nameless,
    /// Not a field's name.
    #[error("`{0}` is not a field name: 1 to 64 characters, no control characters, no `=`")]
    FieldName(String),
    /// The same field twice.
    #[error("the field `{0}` is named twice")]
    FieldTwice(String),
    /// A time limit that is not a time, or too long.
    #[error("`timeout` is a time such as \"10s\", above 0 and at most {0} s")]
    Timeout(u64),
    /// A command without a program.
    #[error("a command needs a program")]
    NoProgram,
}

/// Why a source cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Nothing was asked for.
    #[error("no field is asked for")]
    NothingAsked,
    /// No source has it.
    #[error("no source has a field `{0}`")]
    NoSuchField(String),
    /// Fields of two sources, whose rows do not belong together.
    #[error(
        "`{field}` is in {origin} and `{other_field}` in {other}: rows of two sources do not belong together"
    )]
    Apart {
        /// One field.
        field: String,
        /// Where it is.
        origin: String,
        /// Another one.
        other_field: String,
        /// Where that is.
        other: String,
    },
    /// One field in two sources.
    #[error("two sources have a field `{field}`: {first} and {second}")]
    FieldTwice {
        /// The field.
        field: String,
        /// One source.
        first: String,
        /// The other.
        second: String,
    },
    /// A file that is not there, may not be read, or breaks off.
    #[error("cannot read {}: {reason}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the operating system said.
        reason: String,
    },
    /// A folder, a pipe or a device.
    #[error("{} is {kind}, and a source must be a regular file", file.display())]
    NotAFile {
        /// The file.
        file: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// Not even a header.
    #[error("{0} is empty: not even a header")]
    NoHeader(String),
    /// A header that is not text.
    #[error("the header of {0} is not UTF-8")]
    HeaderNotUtf8(String),
    /// Two columns of one name.
    #[error("{origin} has two columns `{column}`")]
    ColumnTwice {
        /// The source.
        origin: String,
        /// The name.
        column: String,
    },
    /// A column that is declared and not there.
    #[error("{origin} has no column {column}, which is to be the field `{field}`")]
    NoSuchColumn {
        /// The source.
        origin: String,
        /// The column's name in quotes, or its number.
        column: String,
        /// The field.
        field: String,
    },
    /// A record that never ends.
    #[error(
        "{origin}: the record after {place} {number} has more than {bytes} bytes; perhaps a quote is not closed"
    )]
    RecordTooLong {
        /// The source.
        origin: String,
        /// `line` or `record`.
        place: &'static str,
        /// Which one was the last that was read.
        number: u64,
        /// The limit.
        bytes: u64,
    },
    /// Not JSON.
    #[error("{origin} does not print JSON: line {line}, column {column}")]
    NotJson {
        /// The source.
        origin: String,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// It takes too long.
    #[error("{origin} was not read to its end within {limit_ms} ms")]
    TimedOut {
        /// The source.
        origin: String,
        /// How long it had.
        limit_ms: u128,
    },
    /// SQLite refuses the file or the query.
    #[error("{origin}: {reason}")]
    Sql {
        /// The source.
        origin: String,
        /// What SQLite said about the file or the query, never about the data.
        reason: String,
    },
    /// Not a query that only reads.
    #[error("{origin}: the query does not only read; a source takes one SELECT")]
    Writes {
        /// The source.
        origin: String,
    },
    /// More than one statement.
    #[error("{origin}: the query has several statements; a source takes one SELECT")]
    SeveralStatements {
        /// The source.
        origin: String,
    },
    /// The program cannot be run.
    #[error("{origin} cannot be run: {reason}")]
    NotRun {
        /// The source.
        origin: String,
        /// What the operating system said.
        reason: String,
    },
    /// The program says that it failed.
    #[error("{origin} failed: {status}")]
    Failed {
        /// The source.
        origin: String,
        /// Its exit status, or the signal that ended it.
        status: String,
    },
}

impl SourceError {
    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::NothingAsked | Self::NoSuchField(_) => "see the fields with `formix-p2p data`".to_owned(),
            Self::Apart { .. } => "join them into one file, or by one query".to_owned(),
            Self::FieldTwice { field, .. } => format!(
                "rename one: columns = {{ other_name = \"{field}\" }} under its [[source]], `AS other_name` in a \
                 query; `--data {field}=` forgets a literal value"
            ),
            Self::Unreadable { .. } => "check the path and its permissions".to_owned(),
            Self::NotAFile { .. } => "name a file; what a program prints is a source with `command`".to_owned(),
            Self::NoHeader(_) => "name the columns in its first line, or say header = false".to_owned(),
            Self::HeaderNotUtf8(_) => "save the table as UTF-8".to_owned(),
            Self::ColumnTwice { .. } => {
                "rename one in the header, or tell them apart by number: columns = { first = 1, second = 2 }"
                    .to_owned()
            }
            Self::NoSuchColumn { .. } => {
                "correct `columns`, or the delimiter if the header was not taken apart".to_owned()
            }
            Self::RecordTooLong { .. } => "check delimiter and quotes".to_owned(),
            Self::NotJson { .. } => {
                "print an array of objects, an object a line, or numbers; or say another format".to_owned()
            }
            Self::TimedOut { .. } => "make the source smaller or faster".to_owned(),
            Self::Sql { .. } => "try the query with `sqlite3 -readonly`".to_owned(),
            Self::Writes { .. } | Self::SeveralStatements { .. } => "write one SELECT".to_owned(),
            Self::NotRun { .. } => "check that the program is there and executable".to_owned(),
            Self::Failed { .. } => "run the command by hand to see what it says".to_owned(),
        }
    }
}
