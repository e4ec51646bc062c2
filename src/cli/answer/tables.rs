//! Answers that are tables: counts by two fields, coefficients, elements of a vector.

use super::figure::ABSENT;
use super::{Contingency, Element, Figure, Term};
use crate::cli::number;
use crate::cli::table::{self, Look, printable};

/// Elements of a vector that are shown at either end.
const ELEMENTS_SHOWN: usize = 10;

/// Counts with the totals of rows and columns, and below them whether the fields depend on each other.
pub fn contingency(look: Look, table: &Contingency) -> String {
    let Contingency { rows, columns, counts, mode, chi_square, degrees_of_freedom } = table;
    let columns_shown: Vec<_> = columns.iter().map(|column| printable(column)).collect();
    let mut header = vec![""];
    header.extend(columns_shown.iter().map(String::as_str));
    header.push("total");
    let line = |name: String, counts: &[Figure], total: f64| {
        let counts = counts.iter().map(|count| count.shown(look));
        [name].into_iter().chain(counts).chain([rounded(look, total)]).collect::<Vec<_>>()
    };
    let mut lines: Vec<_> =
        rows.iter().zip(counts).map(|(row, counts)| line(printable(row), counts, total(counts))).collect();
    let by_column = (0..columns.len()).map(|at| total(counts.iter().filter_map(|row| row.get(at))));
    let whole = total(counts.iter().flatten());
    let mut last: Vec<_> =
        ["total".to_owned()].into_iter().chain(by_column.map(|sum| rounded(look, sum))).collect();
    last.push(rounded(look, whole));
    lines.push(last);
    let freedom = match degrees_of_freedom.as_f64() {
        Some(1.0) => " (1 degree of freedom)".to_owned(),
        Some(_) => format!(" ({} degrees of freedom)", degrees_of_freedom.shown(look)),
        None => String::new(),
    };
    let chi_square = match chi_square.as_f64() {
        Some(_) => format!("{}{freedom}", chi_square.shown(look)),
        None => format!("{ABSENT} (needs two rows and two columns that are not empty)"),
    };
    let mode = mode.as_ref().map_or_else(
        || ABSENT.to_owned(),
        |(row, column)| format!("{}, {}", printable(row), printable(column)),
    );
    format!("{}\nchi-square  {chi_square}\nmode        {mode}\n", table::figures(look, &header, lines))
}

/// Coefficients with their standard errors.
pub fn regression(look: Look, terms: &[Term], r_squared: &Figure) -> String {
    let line = |term: &Term| {
        let Term { name, coefficient, standard_error } = term;
        let t = match (coefficient.as_f64(), standard_error.as_f64()) {
            (Some(estimate), Some(error)) if error > 0.0 => number::rough(look, estimate / error),
            (Some(_) | None, Some(_) | None) => ABSENT.to_owned(),
        };
        vec![printable(name), coefficient.shown(look), standard_error.shown(look), t]
    };
    let header = ["coefficient", "estimate", "standard error", "t"];
    let table = table::figures(look, &header, terms.iter().map(line).collect());
    let undetermined = match terms.iter().any(|term| term.coefficient.as_f64().is_some()) {
        true => "",
        false => " (too few records, or a field that others determine)",
    };
    format!("{table}\nR²  {}{undetermined}\n", r_squared.shown(look))
}

/// A long vector at its ends.
pub fn vector(look: Look, elements: &[Element]) -> String {
    let line = |(at, Element { mean, sum }): (usize, &Element)| {
        vec![(at + 1).to_string(), mean.shown(look), sum.shown(look)]
    };
    let all = elements.len();
    let mut lines: Vec<_> = elements.iter().enumerate().take(ELEMENTS_SHOWN).map(line).collect();
    if all > 2 * ELEMENTS_SHOWN {
        lines.push(vec!["…".to_owned(); 3]);
    }
    let rest = elements.iter().enumerate().skip(ELEMENTS_SHOWN.max(all.saturating_sub(ELEMENTS_SHOWN)));
    lines.extend(rest.map(line));
    let table = table::figures(look, &["element", "mean", "sum"], lines);
    let count = number::whole(look, all as u64);
    format!("{table}\n{count} element{}\n", if all == 1 { "" } else { "s" })
}

fn total<'a>(counts: impl IntoIterator<Item = &'a Figure>) -> f64 {
    counts.into_iter().filter_map(Figure::as_f64).sum()
}

/// Counts are whole numbers, below what a double holds exactly.
fn rounded(look: Look, total: f64) -> String {
    number::shown(look, &serde_json::json!(total))
}
