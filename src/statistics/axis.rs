//! Into which cell of a table a value falls.

use crate::domain::detail;
use crate::domain::{Categories, Decimal, Field, NumberSchema, Schema, SchemaMismatch};

/// The cells along one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Axis {
    /// One a category.
    Categories(Categories),
    /// One a range; the last one includes its end.
    Edges(NumberSchema, Vec<Decimal>),
    /// So many ranges of so many steps each, from the lowest allowed value on; one step: one a value.
    Steps {
        /// What the numbers look like.
        number: NumberSchema,
        /// How many steps a range is wide.
        width: u128,
        /// How many ranges there are.
        cells: usize,
    },
}

impl Axis {
    /// A cell for every value that there can be. `None` for a field without an end.
    pub fn of_values(field: &Field) -> Option<Self> {
        match &field.schema {
            Schema::Category(categories) => Some(Self::Categories(categories.clone())),
            Schema::Number(number) => {
                let cells = usize::try_from(number.span_steps()?.checked_add(1)?).ok()?;
                Some(Self::Steps { number: number.clone(), width: 1, cells })
            }
            Schema::Vector { .. } => None,
        }
    }

    /// Ranges of a resolution between a number's bounds. `None` where there are none.
    pub fn of_resolution(number: &NumberSchema, resolution: Decimal) -> Option<Self> {
        let (width, cells) = detail::ranges(number, resolution).ok()?;
        Some(Self::Steps { number: number.clone(), width, cells: usize::try_from(cells).ok()? })
    }

    /// How many there are.
    pub fn cells(&self) -> usize {
        match self {
            Self::Categories(categories) => categories.names().len(),
            Self::Edges(_, edges) => edges.len().saturating_sub(1),
            Self::Steps { cells, .. } => *cells,
        }
    }

    /// The cell of a value.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn cell_of(&self, text: &str) -> Result<usize, SchemaMismatch> {
        match self {
            Self::Categories(categories) => categories.place_of(text).ok_or(SchemaMismatch::UnknownCategory),
            Self::Edges(number, edges) => {
                let value = number_of(text)?;
                number.encode(value)?;
                cell_between(edges, value)
            }
            Self::Steps { number, width, cells } => {
                let steps = u128::try_from(number.encode(number_of(text)?)?);
                let cell = steps.ok().and_then(|steps| usize::try_from(steps / width).ok());
                cell.filter(|cell| cell < cells).ok_or(SchemaMismatch::TooLarge)
            }
        }
    }

    /// The nearest value that has a cell, for one that has none; `None` for what is no number.
    pub fn clamped(&self, text: &str) -> Option<usize> {
        let value = number_of(text).ok()?;
        match self {
            Self::Categories(_) => None,
            Self::Edges(number, edges) => {
                let value = number.nearest(value)?;
                let (low, high) = (edges.first()?, edges.last()?);
                cell_between(edges, value.max(*low).min(*high)).ok()
            }
            Self::Steps { number, .. } => self.cell_of(&number.nearest(value)?.to_string()).ok(),
        }
    }

    /// What each cell is called.
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::Categories(categories) => categories.names().to_vec(),
            Self::Edges(_, edges) => {
                let ranges = edges.windows(2).filter_map(|pair| Some((pair.first()?, pair.get(1)?)));
                ranges.map(|(low, high)| format!("{low}–{high}")).collect()
            }
            Self::Steps { .. } => {
                let name = |(low, high): (Decimal, Decimal)| {
                    if low == high { low.to_string() } else { format!("{low}–{high}") }
                };
                (0..self.cells()).filter_map(|cell| self.values_of(cell)).map(name).collect()
            }
        }
    }

    /// The lowest and the highest value that a cell of steps can hold.
    pub fn values_of(&self, cell: usize) -> Option<(Decimal, Decimal)> {
        match self {
            Self::Categories(_) => None,
            Self::Edges(_, edges) => Some((*edges.get(cell)?, *edges.get(cell + 1)?)),
            Self::Steps { number, width, .. } => {
                let low = u128::try_from(cell).ok()?.checked_mul(*width)?;
                let high = (low + width - 1).min(number.span_steps()?);
                let value = |steps: u128| {
                    number.value_of(number.offset_steps().checked_add(i128::try_from(steps).ok()?)?)
                };
                Some((value(low)?, value(high)?))
            }
        }
    }
}

/// A number as the sources write it.
pub(super) fn number_of(text: &str) -> Result<Decimal, SchemaMismatch> {
    text.trim().parse().map_err(|_| SchemaMismatch::NotANumber)
}

fn cell_between(edges: &[Decimal], value: Decimal) -> Result<usize, SchemaMismatch> {
    let (Some(low), Some(high)) = (edges.first(), edges.last()) else { return Err(SchemaMismatch::TooLarge) };
    if value < *low {
        return Err(SchemaMismatch::BelowMinimum(*low));
    }
    if value > *high {
        return Err(SchemaMismatch::AboveMaximum(*high));
    }
    // The end belongs to the last range.
    Ok(edges.partition_point(|edge| *edge <= value).min(edges.len() - 1) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn age() -> NumberSchema {
        NumberSchema::new(Decimal::ONE, Some(decimal("0")), Some(decimal("10"))).unwrap()
    }

    #[test]
    fn a_range_has_its_beginning_and_the_last_one_its_end() {
        let edges = ["0", "2.5", "5", "10"].map(decimal).to_vec();
        let axis = Axis::Edges(NumberSchema::new(decimal("0.5"), None, None).unwrap(), edges);
        for (value, cell) in [("0", 0), ("2", 0), ("2.5", 1), ("5", 2), ("9.5", 2), ("10", 2)] {
            assert_eq!(axis.cell_of(value), Ok(cell), "{value}");
        }
        assert_eq!(axis.cell_of("-0.5"), Err(SchemaMismatch::BelowMinimum(decimal("0"))));
        assert_eq!(axis.cell_of("10.5"), Err(SchemaMismatch::AboveMaximum(decimal("10"))));
        assert_eq!(axis.cell_of("2.25"), Err(SchemaMismatch::NotAMultiple(decimal("0.5"))));
        assert_eq!((axis.clamped("77"), axis.clamped("-1"), axis.clamped("x")), (Some(2), Some(0), None));
    }

    #[test]
    fn a_resolution_makes_ranges_of_steps() {
        let axis = Axis::of_resolution(&age(), decimal("4")).unwrap();
        assert_eq!(axis.cells(), 3);
        assert_eq!(["0", "3", "4", "10"].map(|value| axis.cell_of(value).unwrap()), [0, 0, 1, 2]);
        assert_eq!(axis.values_of(2), Some((decimal("8"), decimal("10"))));
        assert_eq!(axis.names(), ["0–3", "4–7", "8–10"]);
    }

    #[test]
    fn every_value_between_bounds_has_a_cell_of_its_own() {
        let axis = Axis::of_values(&Field { name: "a".to_owned(), schema: Schema::Number(age()) }).unwrap();
        assert_eq!((axis.cells(), axis.cell_of("10")), (11, Ok(10)));
        assert_eq!(axis.cell_of("11"), Err(SchemaMismatch::AboveMaximum(decimal("10"))));
        assert_eq!(axis.clamped("11"), Some(10));
        assert_eq!(axis.cell_of("NaN"), Err(SchemaMismatch::NotANumber));
        assert_eq!(axis.names()[10], "10");
    }
}
