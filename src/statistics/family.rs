//! The two kinds of measurements: sums of products of numbers, and counts of cells.

use super::axis::Axis;
use super::monomial::Monomial;
use crate::domain::{Computation, Field, NumberSchema, Query, Schema, Statistic};

/// What a statistic adds up over all records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// The number of records, and these products of their numbers.
    Sums(Vec<Monomial>),
    /// Records by cell: one axis a field, the last one running fastest.
    Cells(Vec<Axis>),
}

/// One number of a measurement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// What is added up in it.
    pub what: What,
    /// The most that one participant can put in, in steps; `None` without bounds.
    pub most: Option<u128>,
    /// What noise in it is measured by: its scale is this much over ε. `None`: it is public and gets none.
    pub spread: Option<u128>,
}

/// What is added up in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Records.
    Records,
    /// A product of numbers, each in steps above its offset.
    Sum(Monomial),
    /// Records in one cell.
    Cell(usize),
}

impl Family {
    /// The slots of a measurement, in their order.
    ///
    /// Where every participant answers with one record and proves it, the number of records is that of the participants,
    /// and has no slot.
    ///
    /// Noise: one participant that changes its answer moves every sum by up to `most`, and each gets its part of ε; of a
    /// table it moves up to R records from cells to others, which is 2 R in all cells together.
    pub fn slots(&self, computation: &Computation, numbers: &[&NumberSchema]) -> Vec<Slot> {
        let records = u128::from(computation.query.max_records);
        match self {
            Self::Cells(axes) => {
                let cells = axes.iter().map(Axis::cells).product();
                let slot =
                    |cell| Slot { what: What::Cell(cell), most: Some(records), spread: Some(2 * records) };
                (0..cells).map(slot).collect()
            }
            Self::Sums(products) => {
                let counted = counts_records(computation).then_some((What::Records, Some(records)));
                let largest = spans(numbers);
                let most = |product: &Monomial| {
                    let largest = |number: usize| largest.get(number).copied().flatten();
                    product.factors().try_fold(records, |most, number| most.checked_mul(largest(number)?))
                };
                let sums = products.iter().map(|product| (What::Sum(*product), most(product)));
                // With one record each, the number of records is public.
                let public = records == 1;
                let noisy = products.len() as u128 + u128::from(counted.is_some() && !public);
                let spread = |what: &What, most: Option<u128>| match what {
                    What::Records if public => None,
                    What::Records | What::Sum(_) | What::Cell(_) => most?.checked_mul(noisy),
                };
                let all = counted.into_iter().chain(sums);
                all.map(|(what, most)| Slot { spread: spread(&what, most), what, most }).collect()
            }
        }
    }
}

/// How many steps each number spans. The elements of a vector look alike, so it is asked once of all of them.
fn spans<'n>(numbers: &[&'n NumberSchema]) -> Vec<Option<u128>> {
    let mut last: Option<(&'n NumberSchema, Option<u128>)> = None;
    let span = |number: &&'n NumberSchema| match last {
        Some((same, span)) if std::ptr::eq(same, *number) => span,
        Some(_) | None => last.insert((number, number.span_steps())).1,
    };
    numbers.iter().map(span).collect()
}

/// Whether sums are accompanied by the number of records.
fn counts_records(computation: &Computation) -> bool {
    let proven = computation.sharing.is_proven();
    !proven || computation.query.statistic == Statistic::Count || computation.query.max_records > 1
}

impl Family {
    /// What each slot is called, for people: "records", "Σ age·bmi", "sex = f, smoker = yes".
    pub fn names(&self, query: &Query, slots: &[Slot]) -> Vec<String> {
        match self {
            Self::Sums(_) => slots.iter().map(|slot| slot.name(query)).collect(),
            Self::Cells(axes) => {
                let along = |(axis, field): (&Axis, &Field)| -> Vec<String> {
                    axis.names().into_iter().map(|name| format!("{} = {name}", field.name)).collect()
                };
                let axes = axes.iter().zip(&query.fields).map(along);
                let pairs = |rows: Vec<String>, columns: Vec<String>| {
                    let row = |row: &String| -> Vec<_> {
                        columns.iter().map(|column| format!("{row}, {column}")).collect()
                    };
                    rows.iter().flat_map(row).collect()
                };
                axes.reduce(pairs).unwrap_or_default()
            }
        }
    }
}

impl Slot {
    /// What it is, for people.
    pub fn name(&self, query: &Query) -> String {
        match &self.what {
            What::Records => "records".to_owned(),
            What::Cell(cell) => format!("cell {cell}"),
            What::Sum(product) => {
                let name = |place: usize| match query.fields.as_slice() {
                    [Field { name, schema: Schema::Vector { .. } }] => format!("{name}[{place}]"),
                    fields => fields.get(place).map_or_else(String::new, |field| field.name.clone()),
                };
                let names: Vec<_> = product.factors().map(name).collect();
                format!("Σ {}", names.join("·"))
            }
        }
    }
}
