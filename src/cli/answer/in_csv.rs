//! The numbers of a result as CSV, every digit of them.

use super::{Answer, Bucket, Contingency, Element, Figure, Named, Quantiles, Term};

/// Spreadsheets take what begins with these for a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A header, and a line a number. What is not defined is empty.
///
/// # Errors
/// None that a writer into memory can have.
pub fn csv(answer: &Answer) -> Result<Vec<u8>, csv::Error> {
    let mut lines = csv::Writer::from_writer(Vec::new());
    for line in records(answer) {
        lines.write_record(&line)?;
    }
    lines.into_inner().map_err(|error| error.into_error().into())
}

fn records(answer: &Answer) -> Vec<Vec<String>> {
    let header = |names: &[&str]| vec![names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()];
    let mut lines;
    match answer {
        Answer::Numbers(figures) | Answer::Univariate(figures) | Answer::Bivariate(figures) => {
            lines = header(&["name", "value"]);
            lines.extend(named(figures));
        }
        Answer::Frequency { counts, mode: _ } => {
            lines = header(&["category", "count"]);
            lines.extend(named(counts));
        }
        Answer::Histogram(buckets) => {
            lines = header(&["from", "to", "count"]);
            let exact = |Bucket { from, to, count }: &Bucket| vec![from.exact(), to.exact(), count.exact()];
            lines.extend(buckets.iter().map(exact));
        }
        Answer::Quantiles(quantiles) => {
            lines = header(&["probability", "value"]);
            lines.extend(points(quantiles));
        }
        Answer::Contingency(table) => {
            lines = header(&["row", "column", "count"]);
            lines.extend(cells(table));
        }
        Answer::Regression { terms, r_squared: _ } => {
            lines = header(&["name", "coefficient", "standard_error"]);
            let exact = |Term { name, coefficient, standard_error }: &Term| {
                vec![text(name), coefficient.exact(), standard_error.exact()]
            };
            lines.extend(terms.iter().map(exact));
        }
        Answer::VectorMean(elements) => {
            lines = header(&["element", "mean", "sum"]);
            let exact = |(at, Element { mean, sum }): (usize, &Element)| {
                vec![(at + 1).to_string(), mean.exact(), sum.exact()]
            };
            lines.extend(elements.iter().enumerate().map(exact));
        }
    }
    lines
}

fn named(figures: &Named) -> impl Iterator<Item = Vec<String>> {
    figures.iter().map(|(name, figure)| vec![text(name), figure.exact()])
}

/// The extremes are the quantiles 0 and 1, the median is the quantile 0.5, unless these were asked for themselves.
fn points(quantiles: &Quantiles) -> Vec<Vec<String>> {
    let Quantiles { points, median, minimum, maximum, resolution: _ } = quantiles;
    let mut all: Vec<(Figure, Figure)> = points.clone();
    for (share, value) in [("0", minimum), ("0.5", median), ("1", maximum)] {
        let share = Figure::of_text(share);
        if !all.iter().any(|(it, _)| it.as_f64() == share.as_f64()) {
            all.push((share, value.clone()));
        }
    }
    let place = |(share, _): &(Figure, Figure)| share.as_f64().unwrap_or(f64::INFINITY);
    all.sort_by(|a, b| place(a).total_cmp(&place(b)));
    all.iter().map(|(share, value)| vec![share.exact(), value.exact()]).collect()
}

fn cells(table: &Contingency) -> impl Iterator<Item = Vec<String>> {
    table.rows.iter().zip(&table.counts).flat_map(|(row, counts)| {
        let line = |(column, count): (&String, &Figure)| vec![text(row), text(column), count.exact()];
        table.columns.iter().zip(counts).map(line).collect::<Vec<_>>()
    })
}

/// A text of somebody else's choice: one that a spreadsheet would take for a formula gets an apostrophe before it, as
/// spreadsheets themselves write it. A plain number is none.
fn text(name: &str) -> String {
    let is_number = name.starts_with(['+', '-'])
        && name.len() > 1
        && name.chars().skip(1).all(|c| c.is_ascii_digit() || c == '.');
    if name.starts_with(FORMULA) && !is_number { format!("'{name}") } else { name.to_owned() }
}
