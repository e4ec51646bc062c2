//! From records to a measurement, one record at a time, so that memory does not grow with the source.

use std::ops::ControlFlow;

use zeroize::Zeroizing;

use super::axis::number_of;
use super::family::{Family, What};
use super::plan::Plan;
use super::reading::{Reading, ReadingError, Tally};
use crate::domain::{Cell, Computation, Field, NumberSchema, Schema, SchemaMismatch, Sharing, Unfit};
use crate::sharing::{Secret, additive};

/// Rules that are told apart in a tally: as many as there are fields and ways to break a schema, and no endless list.
const RULES_MAX: usize = 64;
/// What is said of rows that cannot be taken apart.
const BROKEN: &str = "the row is damaged";

/// Adds up one participant's records.
pub struct Encoder<'c> {
    plan: Plan<'c>,
    unfit: Unfit,
    /// Slot by slot, in steps.
    sums: Secret<Vec<i128>>,
    /// The numbers of the record at hand.
    numbers: Zeroizing<Vec<i128>>,
    used: u64,
    /// Rows left out because their values are finer than the schema's step.
    finer: u64,
    tally: Tally,
    refused: Option<ReadingError>,
}

/// A rule that a record breaks, and in which field.
struct Broken<'f> {
    field: &'f Field,
    rule: SchemaMismatch,
}

/// What became of a record's values.
enum Parsed {
    Fits,
    Clamped,
}

impl<'c> Encoder<'c> {
    /// Nothing added up yet.
    pub fn new(computation: &'c Computation, unfit: Unfit) -> Self {
        let plan = Plan::of(computation);
        let sums = Secret::new(vec![0; plan.slots.len()]);
        Self {
            plan,
            unfit,
            sums,
            numbers: Zeroizing::default(),
            used: 0,
            finer: 0,
            tally: Tally::default(),
            refused: None,
        }
    }

    /// Adds a record: one cell for each field of the question, in their order. `Break` when there is no use in more.
    pub fn row(&mut self, cells: &[Cell<'_>]) -> ControlFlow<()> {
        self.tally.rows += 1;
        let fields = &self.plan.computation.query.fields;
        let texts: Option<Vec<&str>> = cells
            .iter()
            .map(|cell| match cell {
                Cell::Missing => None,
                Cell::Text(text) => Some(*text),
            })
            .collect();
        let Some(texts) = texts.filter(|texts| texts.len() == fields.len()) else {
            self.tally.missing += 1;
            return ControlFlow::Continue(());
        };
        match self.add(&texts) {
            Ok(Parsed::Fits) => {}
            Ok(Parsed::Clamped) => self.tally.clamped += 1,
            Err(Broken { field, rule }) => {
                let said = format!("`{}`: {rule}", field.name);
                if self.unfit == Unfit::Decline {
                    self.refused = Some(ReadingError::Unfit(said));
                    return ControlFlow::Break(());
                }
                self.tally.unfit += 1;
                self.finer += u64::from(matches!(rule, SchemaMismatch::NotAMultiple(_)));
                if self.tally.rules.len() < RULES_MAX || self.tally.rules.contains_key(&said) {
                    *self.tally.rules.entry(said).or_default() += 1;
                }
                return ControlFlow::Continue(());
            }
        }
        self.used += 1;
        let most = self.plan.computation.query.max_records;
        if self.used > u64::from(most) {
            self.refused = Some(ReadingError::TooManyRecords(most));
        }
        if self.refused.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// The measurement of all records. `broken` rows never came here because they could not be taken apart.
    ///
    /// # Errors
    /// Why there is no measurement.
    pub fn finish(mut self, broken: u64) -> Result<Reading, ReadingError> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        if broken > 0 {
            if self.unfit == Unfit::Decline {
                return Err(ReadingError::Unfit(BROKEN.to_owned()));
            }
            self.tally.rows += broken;
            self.tally.unfit += broken;
            self.tally.rules.insert(BROKEN.to_owned(), broken);
        }
        if self.used == 0 {
            return Err(ReadingError::NoRecords(self.tally));
        }
        // What happens to be round says nothing about the rest.
        if self.finer > self.used {
            return Err(ReadingError::TooFine(self.tally));
        }
        let is_table = matches!(self.plan.family, Family::Cells(_));
        let own = self.sums.expose();
        for (slot, sum) in self.plan.slots.iter().zip(own) {
            let limit = self.plan.limit(slot);
            if sum.unsigned_abs() >= limit {
                return Err(ReadingError::TooLarge { limit });
            }
        }
        let filled = own.iter().filter_map(|count| u64::try_from(*count).ok()).filter(|count| *count > 0);
        let smallest = if is_table { filled.min() } else { None };
        let residue = |sum: &i128| match self.plan.computation.sharing {
            Sharing::Additive { modulus } => additive::residue_of(*sum, modulus),
            // With bounds, steps are counted from the lowest value.
            Sharing::Prio3 | Sharing::Threshold { .. } => sum.unsigned_abs(),
        };
        let measurement = Secret::new(own.iter().map(residue).collect());
        Ok(Reading::new(measurement, self.used, smallest, self.tally))
    }

    fn add(&mut self, texts: &[&str]) -> Result<Parsed, Broken<'c>> {
        let computation = self.plan.computation;
        let fields = computation.query.fields.as_slice();
        let mut parsed = Parsed::Fits;
        match &self.plan.family {
            Family::Cells(axes) => {
                let mut cell = 0;
                for ((axis, field), text) in axes.iter().zip(fields).zip(texts) {
                    let along = match (axis.cell_of(text), self.unfit) {
                        (Ok(along), _) => along,
                        (Err(rule), Unfit::Clamp) => {
                            parsed = Parsed::Clamped;
                            axis.clamped(text).ok_or(Broken { field, rule })?
                        }
                        (Err(rule), Unfit::Skip | Unfit::Decline) => return Err(Broken { field, rule }),
                    };
                    cell = cell * axis.cells() + along;
                }
                if let Some(count) = self.sums.expose_mut().get_mut(cell) {
                    *count = count.saturating_add(1);
                }
            }
            // A count asks for no value, so none can be unfit.
            Family::Sums(products) if products.is_empty() => self.add_products(),
            Family::Sums(_) => {
                self.numbers.clear();
                for (field, text) in fields.iter().zip(texts) {
                    if read(field, text, self.unfit, &mut self.numbers)
                        .map_err(|rule| Broken { field, rule })?
                        == Clamped::Yes
                    {
                        parsed = Parsed::Clamped;
                    }
                }
                self.add_products();
            }
        }
        Ok(parsed)
    }

    /// Adds the products of the numbers at hand to their slots.
    fn add_products(&mut self) {
        let numbers = &self.numbers;
        for (slot, sum) in self.plan.slots.iter().zip(self.sums.expose_mut().iter_mut()) {
            let term = match slot.what {
                What::Records => Some(1),
                What::Sum(product) => product
                    .factors()
                    .try_fold(1_i128, |term, place| term.checked_mul(numbers.get(place).copied()?)),
                What::Cell(_) => Some(0),
            };
            match term.and_then(|term| sum.checked_add(term)) {
                Some(added) => *sum = added,
                None => self.refused = Some(ReadingError::TooLarge { limit: self.plan.limit(slot) }),
            }
        }
    }
}

/// Whether a number was replaced by the nearest one that fits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Clamped {
    No,
    Yes,
}

/// Reads a field's numbers, in steps above the offset.
fn read(field: &Field, text: &str, unfit: Unfit, numbers: &mut Vec<i128>) -> Result<Clamped, SchemaMismatch> {
    match &field.schema {
        Schema::Number(number) => {
            let (steps, clamped) = steps_of(number, text, unfit)?;
            numbers.push(steps);
            Ok(clamped)
        }
        Schema::Vector { items, length } => {
            let before = numbers.len();
            let mut any = Clamped::No;
            let inner = text.trim().strip_prefix('[').and_then(|text| text.strip_suffix(']'));
            for element in inner.ok_or(SchemaMismatch::NotAVector(*length))?.split(',') {
                let (steps, clamped) = steps_of(items, element, unfit)?;
                if numbers.len() - before >= *length as usize {
                    return Err(SchemaMismatch::NotAVector(*length));
                }
                numbers.push(steps);
                if clamped == Clamped::Yes {
                    any = Clamped::Yes;
                }
            }
            if numbers.len() - before == *length as usize {
                Ok(any)
            } else {
                Err(SchemaMismatch::NotAVector(*length))
            }
        }
        Schema::Category(_) => Err(SchemaMismatch::NotANumber),
    }
}

fn steps_of(number: &NumberSchema, text: &str, unfit: Unfit) -> Result<(i128, Clamped), SchemaMismatch> {
    let value = number_of(text)?;
    match (number.encode(value), unfit) {
        (Ok(steps), _) => Ok((steps, Clamped::No)),
        (Err(_), Unfit::Clamp) => {
            let nearest = number.nearest(value).ok_or(SchemaMismatch::TooLarge)?;
            Ok((number.encode(nearest)?, Clamped::Yes))
        }
        (Err(rule), Unfit::Skip | Unfit::Decline) => Err(rule),
    }
}

/// What one record alone measures.
///
/// # Errors
/// Why there is no measurement.
pub fn encode_one(computation: &Computation, texts: &[&str]) -> Result<Reading, ReadingError> {
    let mut encoder = Encoder::new(computation, Unfit::Decline);
    let cells: Vec<_> = texts.iter().map(|text| Cell::Text(text)).collect();
    // A single record: nothing follows that could be spared.
    let _ = encoder.row(&cells);
    encoder.finish(0)
}
