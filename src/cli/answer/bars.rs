//! Counts as bars: blocks on a terminal, plain columns in a pipe.

use console::{Alignment, measure_text_width, pad_str};

use super::figure::ABSENT;
use super::{Bucket, Figure, Sheet};
use crate::cli::table::{Look, printable};

/// A bar is no shorter where there are hardly any columns, and no longer where there are many.
const BAR_COLUMNS: (usize, usize) = (10, 60);
/// Columns that a label may take.
const LABEL_COLUMNS_MAX: usize = 32;
/// Between two columns.
const GAP: &str = "  ";
/// One to seven eighths of a full block.
const EIGHTHS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// Counts by category, and the most frequent one.
pub fn frequency(sheet: Sheet, counts: &[(String, Figure)], mode: Option<&str>) -> String {
    let labelled = counts.iter().map(|(category, count)| (printable(category), count)).collect();
    let mode = mode.map_or_else(|| format!("{ABSENT} (nothing is counted)"), printable);
    // Apart: it is no category.
    format!("{}\nmode{GAP}{mode}\n", bars(sheet, labelled))
}

/// Counts by bucket.
pub fn histogram(sheet: Sheet, buckets: &[Bucket]) -> String {
    let Sheet { look, .. } = sheet;
    let edges: Vec<_> = buckets.iter().map(|it| (it.from.shown(look), it.to.shown(look))).collect();
    let width = |edge: fn(&(String, String)) -> &String| {
        edges.iter().map(|both| measure_text_width(edge(both))).max().unwrap_or(0)
    };
    let (low, high) = (width(|(from, _)| from), width(|(_, to)| to));
    let label = |(from, to): &(String, String)| format!("{} to {}", right(from, low), right(to, high));
    bars(sheet, edges.iter().map(label).zip(buckets.iter().map(|bucket| &bucket.count)).collect())
}

fn bars(sheet: Sheet, labelled: Vec<(String, &Figure)>) -> String {
    let Sheet { look, columns } = sheet;
    let counts: Vec<_> = labelled.iter().map(|(_, count)| count.as_f64().unwrap_or(0.0)).collect();
    // Noise makes negative counts: shown as they are, and left out of the whole.
    let whole: f64 = counts.iter().filter(|count| **count > 0.0).sum();
    let most = counts.iter().copied().fold(0.0, f64::max);
    let lines: Vec<[String; 3]> = labelled
        .iter()
        .zip(&counts)
        .map(|((label, figure), count)| {
            [shortened(look, label), figure.shown(look), percent(figure, *count, whole)]
        })
        .collect();
    let width = |column: fn(&[String; 3]) -> &String| {
        lines.iter().map(|line| measure_text_width(column(line))).max().unwrap_or(0)
    };
    let (labels, figures, percents) = (width(|[it, ..]| it), width(|[_, it, _]| it), width(|[.., it]| it));
    // Indented by a gap, as everything is.
    let taken = labels + figures + percents + 4 * GAP.len();
    let length = columns.saturating_sub(taken).clamp(BAR_COLUMNS.0, BAR_COLUMNS.1);
    let told = lines.iter().zip(&counts).map(|([label, figure, percent], count)| {
        let label = pad_str(label, labels, Alignment::Left, None);
        let (figure, percent) = (right(figure, figures), right(percent, percents));
        match look {
            Look::Ruled => {
                let bar = bar(*count, most, length);
                format!("{label}{GAP}{bar}{GAP}{figure}{GAP}{percent}\n")
            }
            Look::Plain => format!("{label}{GAP}{figure}{GAP}{percent}\n"),
        }
    });
    told.collect()
}

/// As long as its share of the most, in eighths of a column; what is there at all is seen.
fn bar(count: f64, most: f64, length: usize) -> String {
    let whole = length * 8;
    let eighths = if count > 0.0 && most > 0.0 {
        ((count / most * whole as f64).round() as usize).clamp(1, whole)
    } else {
        0
    };
    let mut bar = "█".repeat(eighths / 8);
    bar.extend((eighths % 8).checked_sub(1).and_then(|at| EIGHTHS.get(at)));
    pad_str(&bar, length, Alignment::Left, None).into_owned()
}

fn percent(figure: &Figure, count: f64, whole: f64) -> String {
    if figure.as_f64().is_none() || count < 0.0 || whole <= 0.0 {
        return ABSENT.to_owned();
    }
    format!("{:.1} %", count / whole * 100.0)
}

/// In a pipe nothing is cut: two labels must not become one.
fn shortened(look: Look, label: &str) -> String {
    match look {
        Look::Ruled => console::truncate_str(label, LABEL_COLUMNS_MAX, "…").into_owned(),
        Look::Plain => label.to_owned(),
    }
}

fn right(text: &str, width: usize) -> String {
    pad_str(text, width, Alignment::Right, None).into_owned()
}
