//! A table whose cells are the darker the more records they count.

use super::frame::{Frame, LABEL, Room, SMALL};
use super::letters::{cut, width};
use super::picture::{Anchor, Ink, Mark, Picture};
use super::{Captions, NoPicture};
use crate::cli::answer::Contingency;
use crate::cli::table::{Look, printable};

/// Rows and columns that can be read.
const CATEGORIES_MAX: usize = 30;
/// What a row's name may take, in pixels.
const NAME_MAX: f64 = 200.0;
/// How high a cell is, in pixels: no lower than its words need, no higher than where few rows look like stripes.
const CELL_HEIGHT: (f64, f64) = (22.0, 44.0);
/// What the rows share, as far as they may.
const ROWS_HEIGHT: f64 = 400.0;
const GAP: f64 = 8.0;
/// From here on a shade is so dark that words on it are white.
const DARK: f64 = 0.75;

/// Rows of the first field, columns of the second.
///
/// # Errors
/// The table is empty, or too large.
pub fn table(table: &Contingency, captions: &Captions) -> Result<Picture, NoPicture> {
    let (rows, columns) = (table.rows.len(), table.columns.len());
    if rows > CATEGORIES_MAX || columns > CATEGORIES_MAX {
        return Err(NoPicture::TooLarge { rows, columns, most: CATEGORIES_MAX });
    }
    let counts = || table.counts.iter().flatten().filter_map(|count| count.as_f64());
    if counts().next().is_none() {
        return Err(NoPicture::NotDefined);
    }
    let most = counts().fold(0.0, f64::max);
    let names: Vec<_> = table.rows.iter().map(|name| cut(&printable(name), LABEL, NAME_MAX)).collect();
    let left = names.iter().map(|name| width(name, LABEL)).fold(0.0, f64::max) + GAP;
    let cell = (
        Frame::inner_width(left, 0.0) / columns as f64,
        (ROWS_HEIGHT / rows as f64).clamp(CELL_HEIGHT.0, CELL_HEIGHT.1),
    );
    let room = Room { left, right: 0.0, height: cell.1 * rows as f64 };
    let fields = (captions.field(0, "rows"), captions.field(1, "columns"));
    let subtitle = format!("Records by {} (rows) and {} (columns){}", fields.0, fields.1, chi_square(table));
    let mut frame = Frame::new(captions, &subtitle, room);
    for (y, (name, counts)) in (0u32..).zip(names.into_iter().zip(&table.counts)) {
        let top = frame.top + f64::from(y) * cell.1;
        let middle = top + cell.1 / 2.0;
        frame.write((frame.left - GAP, middle), name, LABEL, Anchor::End, Ink::Text);
        for (x, count) in (0u32..).zip(counts) {
            let left = frame.left + f64::from(x) * cell.0;
            let share = count.as_f64().map_or(0.0, |count| if most > 0.0 { count / most } else { 0.0 });
            let (from, to) = ((left, top), (left + cell.0 - 2.0, top + cell.1 - 2.0));
            frame.draw(Mark::Bar { from, to, ink: Ink::Shade(share.max(0.0)) });
            let words = count.shown(Look::Plain);
            if width(&words, SMALL) < cell.0 - 4.0 {
                let ink = if share > DARK { Ink::Reverse } else { Ink::Text };
                let at = (left + cell.0 / 2.0 - 1.0, middle - 1.0);
                frame.write(at, words, SMALL, Anchor::Middle, ink);
            }
        }
    }
    for (x, column) in (0u32..).zip(&table.columns) {
        let middle = frame.left + (f64::from(x) + 0.5) * cell.0 - 1.0;
        frame.below(middle, cut(&printable(column), LABEL, cell.0 - 4.0));
    }
    frame.name_below(fields.1);
    Ok(frame.finished())
}

fn chi_square(table: &Contingency) -> String {
    match (table.chi_square.as_f64(), table.degrees_of_freedom.as_f64()) {
        (Some(_), Some(_)) => format!(
            "; chi-square {} with {} degrees of freedom",
            table.chi_square.shown(Look::Plain),
            table.degrees_of_freedom.shown(Look::Plain)
        ),
        (Some(_), None) => format!("; chi-square {}", table.chi_square.shown(Look::Plain)),
        (None, Some(_) | None) => String::new(),
    }
}
