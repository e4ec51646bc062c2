//! What light nodes have: for each kind of question the rows of their tables, so that the first sum names its participants.

use super::scenario::{Question, Source};
use crate::domain::{
    Categories, Cell, Computation, Decimal, Detail, Field, NumberSchema, Query, Schema, Statistic, Takes, Unfit,
};
use crate::protocol::SourceProblem;
use crate::statistics::{Encoder, Reading};

/// Rows of one light node at most.
const ROWS_MAX: u32 = 3;
/// A text that fits no field in use.
const UNFIT: &str = "0.000000005";

/// The question for machines, over values up to 2^`bits` steps.
pub(super) fn query(question: &Question, bits: u32) -> Query {
    let number = question.shape.schema(bits);
    let named = |name: &str, schema: &Schema| Field { name: name.to_owned(), schema: schema.clone() };
    let (x, y) = match question.statistic.takes() {
        Takes::Countable(_) => (Schema::Category(colours()), Schema::Category(sizes())),
        Takes::OneOfAny | Takes::Numbers(..) | Takes::Vector => {
            (Schema::Number(number.clone()), Schema::Number(number.clone()))
        }
    };
    let two = question.statistic.takes().takes_count(2);
    let fields = if two { vec![named("x", &x), named("y", &y)] } else { vec![named("x", &x)] };
    Query {
        statistic: question.statistic,
        fields,
        max_records: question.records,
        detail: detail(question, &number),
    }
}

fn detail(question: &Question, number: &NumberSchema) -> Detail {
    let step = number.step();
    let steps = |count: i128| step.times(count).unwrap_or(step);
    match question.statistic {
        Statistic::Univariate => Detail::Moments(2),
        Statistic::Histogram => {
            let (low, high) = number.bounds();
            let edges = [low, Some(steps(1)), Some(steps(8)), high.filter(|high| *high > steps(8))];
            Detail::Edges(edges.into_iter().flatten().collect())
        }
        Statistic::Quantiles => {
            let span = number.span_steps().and_then(|span| i128::try_from(span).ok()).unwrap_or(1);
            let probabilities = vec![Decimal::new(25, 2).unwrap_or(Decimal::ONE), Decimal::ONE];
            Detail::Quantiles { resolution: steps(span / 8 + 2), probabilities }
        }
        Statistic::Count
        | Statistic::Sum
        | Statistic::Mean
        | Statistic::Frequency
        | Statistic::Contingency
        | Statistic::Bivariate
        | Statistic::Regression
        | Statistic::VectorMean => Detail::None,
    }
}

fn colours() -> Categories {
    categories(&["red", "green", "blue"])
}

fn sizes() -> Categories {
    categories(&["small", "large"])
}

#[expect(clippy::expect_used, reason = "a few words written above")]
fn categories(names: &[&str]) -> Categories {
    Categories::new(names.iter().map(|name| (*name).to_owned()).collect()).expect("they differ")
}

/// How many records a light node has for a question.
pub(super) fn count_of(query: &Query, exponent: u32) -> u32 {
    1 + exponent % query.max_records.min(ROWS_MAX)
}

/// The rows of a light node: the first number of the first one is 2^`exponent` steps, those of the others are 0.
fn rows(query: &Query, exponent: u32) -> Vec<Vec<String>> {
    let value = |row: u32, place: u32, field: &Field| -> String {
        match &field.schema {
            Schema::Category(categories) => {
                let names = categories.names();
                names[(exponent + row + place) as usize % names.len()].clone()
            }
            Schema::Number(number) | Schema::Vector { items: number, .. } => {
                let steps = match (row, place) {
                    (0, 0) => 1 << exponent,
                    (_, 0) => 0,
                    (row, place) => i128::from((exponent + row + place) % 2),
                };
                number.value_of(steps).unwrap_or(Decimal::ONE).to_string()
            }
        }
    };
    let row = |row: u32| (0..).zip(&query.fields).map(|(place, field)| value(row, place, field)).collect();
    (0..count_of(query, exponent)).map(row).collect()
}

/// What a light node reads.
///
/// # Errors
/// As its source is.
pub(super) fn reading(
    computation: &Computation,
    source: Source,
    exponent: u32,
) -> Result<Reading, SourceProblem> {
    let rows = match source {
        Source::PowerOfTwo => rows(&computation.query, exponent),
        Source::Unfit => vec![vec![UNFIT.to_owned(); computation.query.fields.len()]],
        Source::Missing => return Err(SourceProblem::NoSuchField),
        Source::Unreadable => return Err(SourceProblem::Unreadable),
    };
    let mut encoder = Encoder::new(computation, Unfit::Skip);
    for row in &rows {
        let cells: Vec<_> = row.iter().map(|text| Cell::Text(text)).collect();
        if encoder.row(&cells).is_break() {
            break;
        }
    }
    encoder.finish(0).map_err(|_| SourceProblem::Unfit)
}
