//! Two categorical fields against each other, and whether they are independent.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed, Zero};
use serde_json::{Map, Value, json};

use super::axis::Axis;
use super::definition::{Definition, Totals};
use super::exact::{figures, number, whole};
use super::family::Family;
use super::frequency::most_frequent;
use crate::domain::Query;

/// The table of counts, row by row; the most frequent pair; and Pearson's chi-square with its degrees of freedom, over
/// the categories that somebody has. Counts that noise made negative are shown as they are and tested as none.
pub(super) fn contingency(rows: &[String], columns: &[String], counts: &[BigInt]) -> Map<String, Value> {
    // `chunks` takes no width of zero.
    let lines: Vec<&[BigInt]> = counts.chunks(columns.len().max(1)).collect();
    let line = |counts: &[BigInt]| -> Value {
        Value::Object(columns.iter().zip(counts).map(|(name, count)| (name.clone(), whole(count))).collect())
    };
    let table = rows.iter().zip(&lines).map(|(name, counts)| (name.clone(), line(counts))).collect();
    let mode = most_frequent(counts).and_then(|at| {
        let row = rows.get(at.checked_div(columns.len())?)?;
        Some(json!([row, columns.get(at.checked_rem(columns.len())?)?]))
    });
    let independence = Independence::new(&lines);
    let freedom = independence.as_ref().map_or(Value::Null, |it| it.degrees_of_freedom.into());
    figures([
        ("table", Value::Object(table)),
        ("mode", mode.unwrap_or(Value::Null)),
        ("chi_square", number(independence.as_ref().map(|it| &it.chi_square))),
        ("degrees_of_freedom", freedom),
    ])
}

/// How far a table is from that of two independent fields.
struct Independence {
    chi_square: BigRational,
    degrees_of_freedom: usize,
}

impl Independence {
    /// `None` with fewer than two rows or columns that somebody has.
    fn new(lines: &[&[BigInt]]) -> Option<Self> {
        let none = BigInt::zero();
        let width = lines.first().map_or(0, |line| line.len());
        let counted = |line: &[BigInt]| line.iter().map(|count| count.max(&none)).sum::<BigInt>();
        let across: Vec<BigInt> = lines.iter().map(|line| counted(line)).collect();
        let down: Vec<BigInt> = (0..width)
            .map(|at| lines.iter().filter_map(|line| line.get(at)).map(|count| count.max(&none)).sum())
            .collect();
        let occupied = |margins: &[BigInt]| margins.iter().filter(|margin| margin.is_positive()).count();
        let (rows, columns) = (occupied(&across), occupied(&down));
        if rows < 2 || columns < 2 {
            return None;
        }
        // χ² = N · (Σ count² / (row · column) − 1). Over the products of all margins everything is whole: one division
        // of large numbers, where fractions would be brought to a common denominator at every cell.
        let (row_parts, row_product) = parts(&across);
        let (column_parts, column_product) = parts(&down);
        let mut sum = BigInt::zero();
        for (line, row_part) in lines.iter().zip(&row_parts) {
            let squares = line.iter().map(|count| count.max(&none).pow(2));
            let over_columns: BigInt = squares.zip(&column_parts).map(|(square, part)| square * part).sum();
            sum += over_columns * row_part;
        }
        let product = row_product * column_product;
        let samples: BigInt = across.into_iter().sum();
        let chi_square = BigRational::new(samples * (sum - &product), product);
        Some(Self { chi_square, degrees_of_freedom: (rows - 1) * (columns - 1) })
    }
}

/// The product of all margins that are not zero, and for each what is left of it without that one.
fn parts(margins: &[BigInt]) -> (Vec<BigInt>, BigInt) {
    let product: BigInt = margins.iter().filter(|margin| margin.is_positive()).product();
    // Whatever has no margin has no counts either, so its part is never used.
    let part = |margin: &BigInt| if margin.is_positive() { &product / margin } else { BigInt::zero() };
    (margins.iter().map(part).collect(), product)
}

pub(super) struct Contingency;

impl Definition for Contingency {
    fn family(&self, query: &Query) -> Family {
        Family::Cells(query.fields.iter().filter_map(Axis::of_values).collect())
    }

    fn answer(&self, query: &Query, totals: &Totals<'_>) -> Map<String, Value> {
        let mut names = query.fields.iter().filter_map(Axis::of_values).map(|axis| axis.names());
        let (rows, columns) = (names.next().unwrap_or_default(), names.next().unwrap_or_default());
        contingency(&rows, &columns, &totals.cells)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<const N: usize>(counts: [[i64; 2]; N]) -> Map<String, Value> {
        let rows: Vec<String> = ["never", "now", "former"].iter().take(N).map(|it| (*it).to_owned()).collect();
        let columns = ["female", "male"].map(str::to_owned);
        let counts: Vec<BigInt> = counts.as_flattened().iter().map(|count| BigInt::from(*count)).collect();
        contingency(&rows, &columns, &counts)
    }

    #[track_caller]
    fn tested(figures: &Map<String, Value>, chi_square: Option<f64>, degrees_of_freedom: Option<u64>) {
        assert_eq!(figures["chi_square"].as_f64(), chi_square);
        assert_eq!(figures["degrees_of_freedom"].as_u64(), degrees_of_freedom);
    }

    #[test]
    fn a_table_gives_its_counts_mode_and_chi_square() {
        // For 2 × 2: N (ad − bc)² / (rows · columns).
        let figures = of([[10, 20], [30, 5]]);
        assert_eq!(
            figures["table"].to_string(),
            r#"{"never":{"female":10,"male":20},"now":{"female":30,"male":5}}"#
        );
        assert_eq!(figures["mode"].to_string(), r#"["now","female"]"#);
        tested(&figures, Some(65.0 * 550_f64.powi(2) / (30.0 * 35.0 * 40.0 * 25.0)), Some(1));
    }

    #[test]
    fn fields_that_are_independent_have_a_chi_square_of_zero() {
        tested(&of([[2, 4], [3, 6], [5, 10]]), Some(0.0), Some(2));
    }

    #[test]
    fn categories_that_nobody_has_are_no_degrees_of_freedom() {
        let (with, without) = (of([[10, 20], [0, 0], [30, 5]]), of([[10, 20], [30, 5]]));
        assert_eq!(with["chi_square"], without["chi_square"]);
        tested(&with, without["chi_square"].as_f64(), Some(1));
        assert_eq!(with["table"]["now"]["male"], 0);
        assert_eq!(with["mode"].to_string(), r#"["former","female"]"#);
    }

    #[test]
    fn a_field_of_which_one_category_is_there_cannot_be_tested() {
        tested(&of([[10, 0], [30, 0]]), None, None);
        tested(&of([[10, 20], [0, 0]]), None, None);
    }

    #[test]
    fn where_nothing_is_counted_there_is_neither_mode_nor_test() {
        for counts in [[[0, 0], [0, 0]], [[-1, 0], [0, -4]]] {
            let figures = of(counts);
            assert_eq!(figures["mode"], Value::Null);
            tested(&figures, None, None);
        }
    }

    #[test]
    fn counts_that_noise_made_negative_are_shown_and_tested_as_none() {
        let figures = of([[10, -3], [30, 5]]);
        assert_eq!(figures["table"]["never"]["male"], -3);
        assert_eq!(figures["chi_square"], of([[10, 0], [30, 5]])["chi_square"]);
    }

    #[test]
    fn the_first_of_equally_frequent_pairs_is_the_mode() {
        assert_eq!(of([[1, 5], [5, 5]])["mode"].to_string(), r#"["never","male"]"#);
    }

    #[test]
    fn a_table_without_categories_is_empty() {
        let figures = contingency(&[], &[], &[]);
        assert_eq!(figures["table"].to_string(), "{}");
        tested(&figures, None, None);
    }
}
