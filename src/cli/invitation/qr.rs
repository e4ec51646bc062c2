//! A ticket as a QR code of half blocks, for a camera.

use console::{Term, style};
use qrcode::{Color, EcLevel, QrCode};

use crate::cli::output::{Format, Output};

/// Light modules around the code. The standard asks for four; cameras read two, and terminals are small.
const MARGIN: usize = 2;
/// Lines beside the code that should stay on the screen: which ticket it is, and the ticket itself.
const LINES_BESIDE: usize = 4;

/// The lines of a code, where standard error is a terminal with room for them.
pub fn lines(output: Output, ticket: &str) -> Vec<String> {
    let term = Term::stderr();
    let room = match (output.format, term.size_checked()) {
        (Format::People, Some((rows, columns))) if term.is_term() => Room { rows, columns },
        (Format::People | Format::Json, _) => return Vec::new(),
    };
    match drawn(ticket) {
        Some(lines) if room.holds(&lines) => {
            // Dark on light even where the terminal is dark; without colours its letters are taken to be light.
            lines
                .into_iter()
                .map(|line| style(line).for_stderr().white().bright().on_black().to_string())
                .collect()
        }
        Some(_) | None => Vec::new(),
    }
}

struct Room {
    rows: u16,
    columns: u16,
}

impl Room {
    fn holds(&self, lines: &[String]) -> bool {
        let width = lines.first().map_or(0, |line| line.chars().count());
        width <= usize::from(self.columns) && lines.len() + LINES_BESIDE <= usize::from(self.rows)
    }
}

/// Two rows of modules a line, light ones drawn. In upper case a character takes 5½ bits rather than 8.
fn drawn(ticket: &str) -> Option<Vec<String>> {
    let code = QrCode::with_error_correction_level(ticket.to_ascii_uppercase(), EcLevel::L).ok()?;
    let width = code.width();
    let modules = code.to_colors();
    let is_light = |row: usize, column: usize| {
        let inside = |at: usize| at.checked_sub(MARGIN).filter(|at| *at < width);
        let module =
            inside(row).zip(inside(column)).and_then(|(row, column)| modules.get(row * width + column));
        module != Some(&Color::Dark)
    };
    let all = width + 2 * MARGIN;
    let line = |row: usize| {
        let block = |column| match (is_light(row, column), is_light(row + 1, column)) {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            (false, false) => ' ',
        };
        (0..all).map(block).collect()
    };
    Some((0..all).step_by(2).map(line).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_corners_and_a_margin() {
        let lines = drawn(&format!("formix1{}", "a".repeat(500))).unwrap();
        let width = lines[0].chars().count();
        // Version 12: 65 modules and two margins, two rows a line.
        assert_eq!((width, lines.len()), (69, 35));
        assert!(lines.iter().all(|line| line.chars().count() == width));
        assert_eq!(lines[0], "█".repeat(width));
        // The upper left corner: a dark square of seven with a light ring in it.
        assert!(lines[1].starts_with("██ ▄▄▄▄▄ █"), "{}", lines[1]);
        assert!(Room { rows: 39, columns: 80 }.holds(&lines));
        assert!(!Room { rows: 24, columns: 80 }.holds(&lines));
        assert!(!Room { rows: 60, columns: 68 }.holds(&lines));
    }

    #[test]
    fn what_no_code_can_hold_has_none() {
        assert_eq!(drawn(&"a".repeat(5_000)), None);
    }
}
