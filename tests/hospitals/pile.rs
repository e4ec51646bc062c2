//! The three tables laid on one pile, and what libraries and plain counting say of it.

use std::collections::BTreeMap;
use std::path::Path;

use linregress::{LowLevelRegressionModel, fit_low_level_regression_model};
use serde_json::Value;

/// Each table, and what separates its columns and its whole numbers from what is behind the point.
const TABLES: [(&str, u8, &str); 3] =
    [("hospital-a.csv", b',', "."), ("hospital-b.csv", b';', ","), ("hospital-c.csv", b',', ".")];

/// Every row of every table.
pub struct Pile {
    rows: Vec<BTreeMap<String, String>>,
}

/// The fields of a question in one row.
pub type Row = Vec<String>;

impl Pile {
    /// Reads the tables in a folder.
    pub fn read(folder: &Path) -> Self {
        let mut rows = Vec::new();
        for (name, delimiter, point) in TABLES {
            let mut table =
                csv::ReaderBuilder::new().delimiter(delimiter).from_path(folder.join(name)).unwrap();
            for row in table.deserialize() {
                let row: BTreeMap<String, String> = row.unwrap();
                rows.push(row.into_iter().map(|(column, cell)| (column, cell.replace(point, "."))).collect());
            }
        }
        Self { rows }
    }

    /// The rows in which every field is known and fits its schema.
    pub fn complete(&self, fields: &[&str], schemas: &[(String, Value)]) -> Vec<Row> {
        let row = |row: &BTreeMap<String, String>| -> Option<Row> {
            let cells = fields
                .iter()
                .zip(schemas)
                .map(|(field, (_, schema))| Some(row[*field].clone()).filter(|cell| fits(cell, schema)));
            cells.collect()
        };
        self.rows.iter().filter_map(row).collect()
    }

    /// One field of every row, as a number.
    pub fn numbers(rows: &[Row], field: usize) -> Vec<f64> {
        rows.iter().map(|row| row[field].parse().unwrap()).collect()
    }

    /// How many rows lie between every two edges.
    pub fn ranges(rows: &[Row], edges: &[f64]) -> Vec<usize> {
        let last = edges.len() - 2;
        let count = |(at, pair): (usize, &[f64])| {
            let within =
                |value: &f64| *value >= pair[0] && (*value < pair[1] || (at == last && *value <= pair[1]));
            Self::numbers(rows, 0).iter().filter(|value| within(value)).count()
        };
        edges.windows(2).enumerate().map(count).collect()
    }

    /// How often each pair of categories is there, and chi-square by its definition.
    pub fn table(rows: &[Row]) -> (BTreeMap<String, BTreeMap<String, u32>>, f64) {
        let mut table: BTreeMap<String, BTreeMap<String, u32>> = BTreeMap::new();
        let (mut across, mut down) = (BTreeMap::<&str, f64>::new(), BTreeMap::<&str, f64>::new());
        for row in rows {
            *table.entry(row[0].clone()).or_default().entry(row[1].clone()).or_default() += 1;
            *across.entry(&row[0]).or_default() += 1.0;
            *down.entry(&row[1]).or_default() += 1.0;
        }
        let samples = f64::from(u32::try_from(rows.len()).unwrap());
        let mut chi_square = 0.0;
        for (row, line) in &table {
            for (column, count) in line {
                let expected = across[row.as_str()] * down[column.as_str()] / samples;
                chi_square += (f64::from(*count) - expected).powi(2) / expected;
            }
        }
        (table, chi_square)
    }

    /// The line of the last field over the others.
    pub fn line(rows: &[Row]) -> LowLevelRegressionModel {
        let width = rows[0].len();
        let number = |cell: &String| -> f64 { cell.parse().unwrap() };
        // The library takes what is explained first, then the constant.
        let cells: Vec<f64> = rows
            .iter()
            .flat_map(|row| {
                [number(&row[width - 1]), 1.0].into_iter().chain(row[..width - 1].iter().map(number))
            })
            .collect();
        fit_low_level_regression_model(&cells, rows.len(), width + 1).unwrap()
    }
}

/// Whether a cell is what a schema says.
fn fits(cell: &str, schema: &Value) -> bool {
    match schema["enum"].as_array() {
        Some(categories) => categories.iter().any(|category| category == cell),
        None => cell.parse::<f64>().is_ok_and(|number| {
            schema["minimum"].as_f64().unwrap() <= number && number <= schema["maximum"].as_f64().unwrap()
        }),
    }
}
