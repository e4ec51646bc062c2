//! Where a light node's private data comes from: literal values, delimited text (CSV, TSV), SQLite, and commands.
//!
//! * `declaration` is what an owner writes down about a source; `written` is how it stands in a file.
//! * `delimited`, `sqlite`, `json` and `numbers` read; `command` takes what a program prints and gives it to them, and
//!   `program` runs it.
//! * `file` opens what is to be read; `metered` keeps time and the size of a record while it is read.
//! * `profile` says what stands in the fields, by counts alone.
//!
//! Nothing is kept: every source is read anew when somebody asks, row by row, so that memory stays flat. All fields of
//! one question come from one source, since rows of two belong to nobody in particular.

mod command;
mod declaration;
mod delimited;
mod error;
mod file;
mod json;
mod literal;
mod metered;
mod numbers;
mod profile;
mod program;
mod rows;
mod sqlite;
mod written;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

pub use declaration::{
    Column, CommandSource, CsvSource, DecimalMark, Declaration, Delimited, Header, OutputFormat, SqliteSource,
};
pub use error::{DeclarationError, SourceError};
pub use profile::{Kind, Profile};
pub use rows::{Broken, ReadSummary, RowFault, RowSink};

use crate::domain::Field;
use crate::domain::limits::SOURCES_MAX;
use crate::sharing::Secret;
use literal::Literals;
use program::Programs;
use rows::Rows;

/// Every source of one node. Cheap to clone; reading blocks.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    all: Arc<Vec<Named>>,
    programs: Arc<Programs>,
}

/// A source, and what it is called: two of a node never have the same name.
#[derive(Debug)]
struct Named {
    name: String,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Literals(Literals),
    Declared(Declaration),
}

/// A field that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldInfo {
    /// Its name.
    pub name: String,
    /// The source that has it, in words for its owner.
    pub origin: String,
}

/// What a look at every source finds, without reading more than their headers.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// The fields, source by source.
    pub fields: Vec<FieldInfo>,
    /// What is wrong: sources that cannot be used, and fields that two of them have.
    pub faults: Vec<SourceError>,
}

impl Sources {
    /// The sources of a node: its literal values, which are one record together, and what it declares.
    pub fn new<'a>(
        literals: impl IntoIterator<Item = (&'a str, &'a str)>,
        declared: impl IntoIterator<Item = Declaration>,
    ) -> Self {
        let literals: BTreeMap<_, _> = literals
            .into_iter()
            .map(|(field, value)| (field.to_owned(), Secret::new(value.to_owned())))
            .collect();
        let literals = (!literals.is_empty()).then(|| Source::Literals(Literals(literals)));
        let declared = declared.into_iter().take(SOURCES_MAX).map(Source::Declared);
        let mut all: Vec<Named> = Vec::new();
        for source in literals.into_iter().chain(declared) {
            let mut name = source.name();
            // Two queries of one database, say.
            let same = all.iter().filter(|other| other.source.name() == name).count();
            if same > 0 {
                name = format!("{name} ({})", same + 1);
            }
            all.push(Named { name, source });
        }
        Self { all: Arc::new(all), programs: Arc::default() }
    }

    /// Whether there is no source at all.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Looks at every source: headers and queries, not the data. A command is not run; its fields are declared.
    pub fn survey(&self) -> Survey {
        let mut survey = Survey::default();
        for Named { name: origin, source } in self.all.iter() {
            match source.fields() {
                Ok(names) => {
                    for name in names {
                        survey.add(FieldInfo { name, origin: origin.clone() });
                    }
                }
                Err(fault) => survey.faults.push(fault),
            }
        }
        survey
    }

    /// The fields that can be asked for, source by source.
    pub fn fields(&self) -> Vec<FieldInfo> {
        self.survey().fields
    }

    /// Reads these fields of every record and hands each row to `row`, until that breaks off. The cells are in the
    /// order of `fields`.
    ///
    /// # Errors
    /// Why the source cannot be read, or not to its end; then what was handed over is worth nothing.
    pub fn read(
        &self,
        fields: &[&str],
        deadline: Instant,
        row: &mut RowSink<'_>,
    ) -> Result<ReadSummary, SourceError> {
        let mut rows = Rows::new(row);
        self.source_of(fields)?.source.read(fields, (deadline, &self.programs), &mut rows)?;
        Ok(rows.into_summary())
    }

    /// Ends the programs that are being read just now, in whichever thread, with their children. What they were read for
    /// fails. A node that stops does so, since its threads end with it, and programs do not.
    pub fn end_programs(&self) {
        self.programs.end();
    }

    /// What stands in every field of every source, by counts; a source that cannot be read is named. Each source may
    /// take until `deadline` gives its time.
    pub fn profile(&self, deadline: impl Fn() -> Instant) -> (Vec<Profile>, Vec<SourceError>) {
        let Survey { fields, mut faults } = self.survey();
        let mut profiles = Vec::new();
        for Named { name: origin, source } in self.all.iter() {
            let names: Vec<_> = fields.iter().filter(|it| it.origin == *origin).map(|it| &*it.name).collect();
            if names.is_empty() {
                continue;
            }
            match profile::of(source, origin, &names, (deadline(), &self.programs)) {
                Ok(of_source) => profiles.extend(of_source),
                Err(fault) => faults.push(fault),
            }
        }
        (profiles, faults)
    }

    /// The one source that has all of these fields.
    fn source_of(&self, asked: &[&str]) -> Result<&Named, SourceError> {
        let mut found: Option<(&str, &Named)> = None;
        for field in asked {
            let holder = self.holder_of(field)?;
            match found {
                Some((first, other)) if !std::ptr::eq(other, holder) => {
                    return Err(SourceError::Apart {
                        field: first.to_owned(),
                        origin: other.name.clone(),
                        other_field: (*field).to_owned(),
                        other: holder.name.clone(),
                    });
                }
                Some(_) => {}
                None => found = Some((field, holder)),
            }
        }
        found.map(|(_, source)| source).ok_or(SourceError::NothingAsked)
    }

    fn holder_of(&self, field: &str) -> Result<&Named, SourceError> {
        let (mut holder, mut fault) = (None::<&Named>, None);
        for named in self.all.iter() {
            match named.source.fields() {
                Ok(fields) if fields.iter().any(|known| known == field) => match holder {
                    None => holder = Some(named),
                    Some(first) => {
                        return Err(SourceError::FieldTwice {
                            field: field.to_owned(),
                            first: first.name.clone(),
                            second: named.name.clone(),
                        });
                    }
                },
                Ok(_) => {}
                // A field that nobody else has may stand in the source that cannot be read.
                Err(why) => fault = fault.or(Some(why)),
            }
        }
        holder.ok_or_else(|| fault.unwrap_or_else(|| SourceError::NoSuchField(field.to_owned())))
    }
}

impl Survey {
    fn add(&mut self, info: FieldInfo) {
        // A column whose header is not a field's name can be renamed, but not asked for as it is.
        if Field::check_name(&info.name).is_err() {
            return;
        }
        match self.fields.iter().find(|known| known.name == info.name) {
            Some(first) => self.faults.push(SourceError::FieldTwice {
                field: info.name,
                first: first.origin.clone(),
                second: info.origin,
            }),
            None => self.fields.push(info),
        }
    }
}

impl Source {
    fn name(&self) -> String {
        match self {
            Self::Literals(_) => literal::NAME.to_owned(),
            Self::Declared(declaration) => declaration.name(),
        }
    }

    fn fields(&self) -> Result<Vec<String>, SourceError> {
        match self {
            Self::Literals(literals) => Ok(literals.0.keys().cloned().collect()),
            Self::Declared(Declaration::Csv(source)) => delimited::fields(source),
            Self::Declared(Declaration::Sqlite(source)) => sqlite::fields(source),
            Self::Declared(Declaration::Command(source)) => command::fields(source),
        }
    }

    fn read(
        &self,
        fields: &[&str],
        (deadline, programs): (Instant, &Programs),
        rows: &mut Rows<'_, '_>,
    ) -> Result<(), SourceError> {
        match self {
            Self::Literals(literals) => {
                literals.read(fields, rows);
                Ok(())
            }
            Self::Declared(Declaration::Csv(source)) => delimited::read(source, fields, deadline, rows),
            Self::Declared(Declaration::Sqlite(source)) => sqlite::read(source, fields, deadline, rows),
            Self::Declared(Declaration::Command(source)) => {
                command::read(source, fields, (deadline, programs), rows)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_may_be_read_in_any_thread() {
        fn check<T: Send + Sync + Clone + 'static>() {}
        check::<Sources>();
    }

    #[test]
    fn debug_shows_no_value() {
        let sources = Sources::new([("age", "4711")], []);
        assert!(!format!("{sources:?}").contains("4711"));
    }
}
