//! Literal values: what an owner typed, or wrote down in a file. All of a node's together are one record.

use std::collections::BTreeMap;

use super::rows::Rows;
use crate::domain::Cell;
use crate::sharing::Secret;

/// What this source is called.
pub(super) const NAME: &str = "the literal values (--data)";

/// Field names and values.
#[derive(Debug)]
pub(super) struct Literals(pub BTreeMap<String, Secret<String>>);

impl Literals {
    /// The one record.
    pub(super) fn read(&self, fields: &[&str], rows: &mut Rows<'_, '_>) {
        let cell = |field: &&str| self.0.get(*field).map_or(Cell::Missing, |it| Cell::Text(it.expose()));
        // There is nothing after it that could be broken off.
        let _ = rows.hand(&fields.iter().map(cell).collect::<Vec<_>>());
    }
}
