//! How people read a result: the number itself, or a table, or bars; and its numbers as CSV.
//!
//! What a result is shows in its keys (`docs/CLI.md`), so a result whose keys are not known here is still told, number by
//! number.

mod bars;
mod figure;
mod in_csv;
mod noise;
mod read;
mod rows;
mod simple;
mod tables;

use serde_json::Value;

pub use figure::Figure;
pub use in_csv::csv;
pub use noise::Noise;
pub use simple::{named, rows};

use super::table::Look;

/// What stands in every result beside the answer itself.
const BESIDE: [&str; 3] = ["samples", "participants", "noise"];
/// Columns of a terminal that does not say how many it has.
const COLUMNS_DEFAULT: u16 = 80;

/// The answer in a result, by its form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A number or two: count, sum, mean. Also whatever this version does not know.
    Numbers(Named),
    /// Mean, spread and shape of one field.
    Univariate(Named),
    /// How two fields vary together.
    Bivariate(Named),
    /// How often each category was named.
    Frequency {
        /// Category and count.
        counts: Vec<(String, Figure)>,
        /// The most frequent one.
        mode: Option<String>,
    },
    /// How many records lie in each bucket.
    Histogram(Vec<Bucket>),
    /// The values below which given shares of the records lie.
    Quantiles(Quantiles),
    /// Counts by two fields.
    Contingency(Contingency),
    /// One field explained by others.
    Regression {
        /// The predictors, and after them the intercept.
        terms: Vec<Term>,
        /// The share of the variance that is explained.
        r_squared: Figure,
    },
    /// Mean and sum, element by element.
    VectorMean(Vec<Element>),
}

/// Figures by their names in JSON.
pub type Named = Vec<(String, Figure)>;

/// Records between two edges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The lower edge.
    pub from: Figure,
    /// The upper edge.
    pub to: Figure,
    /// Records.
    pub count: Figure,
}

/// Quantiles at a stated resolution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantiles {
    /// Probability and value, ascending.
    pub points: Vec<(Figure, Figure)>,
    /// Half of the records lie below it.
    pub median: Figure,
    /// To the resolution.
    pub minimum: Figure,
    /// To the resolution.
    pub maximum: Figure,
    /// How wide the buckets are that they come from.
    pub resolution: Figure,
}

/// A table of counts by two fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contingency {
    /// Categories of the first field.
    pub rows: Vec<String>,
    /// Categories of the second field.
    pub columns: Vec<String>,
    /// Row by row.
    pub counts: Vec<Vec<Figure>>,
    /// The most frequent pair.
    pub mode: Option<(String, String)>,
    /// Pearson's.
    pub chi_square: Figure,
    /// Of rows and columns that are not empty.
    pub degrees_of_freedom: Figure,
}

/// One coefficient of a regression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// A field, or `intercept`.
    pub name: String,
    /// The estimate.
    pub coefficient: Figure,
    /// Its standard error.
    pub standard_error: Figure,
}

/// One element of a vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Its mean.
    pub mean: Figure,
    /// Its sum.
    pub sum: Figure,
}

/// Where a block of text is shown.
#[derive(Clone, Copy, Debug)]
struct Sheet {
    look: Look,
    columns: usize,
}

/// Everything that a result says beside its counts: lines of text, indented. Nothing for a single number, which stands in
/// the line above it.
pub fn block(look: Look, result: &Value) -> String {
    let (_, columns) = console::Term::stdout().size_checked().unwrap_or((0, COLUMNS_DEFAULT));
    block_on(Sheet { look, columns: columns.into() }, result)
}

fn block_on(sheet: Sheet, result: &Value) -> String {
    let Sheet { look, .. } = sheet;
    let answer = Answer::of(result);
    let text = match &answer {
        Answer::Numbers(_) => return String::new(),
        Answer::Univariate(figures) => rows::univariate(look, figures, result),
        Answer::Bivariate(figures) => rows::bivariate(look, figures),
        Answer::Quantiles(quantiles) => rows::quantiles(look, quantiles),
        Answer::Frequency { counts, mode } => bars::frequency(sheet, counts, mode.as_deref()),
        Answer::Histogram(buckets) => bars::histogram(sheet, buckets),
        Answer::Contingency(table) => tables::contingency(look, table),
        Answer::Regression { terms, r_squared } => tables::regression(look, terms, r_squared),
        Answer::VectorMean(elements) => tables::vector(look, elements),
    };
    let noise = Noise::of(result).and_then(|noise| noise.told(look, &answer));
    let lines = text.lines().map(str::to_owned).chain(noise);
    lines.map(|line| format!("  {line}").trim_end().to_owned() + "\n").collect()
}

#[cfg(test)]
mod tests;
