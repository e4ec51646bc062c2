//! Tables: ruled on a terminal, plain columns in a pipe. No colours: what others chose stands in them.

use std::io::IsTerminal;

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, TableStyle, Width, presets};
use console::{Alignment, measure_text_width, pad_str};

use super::wrapped;
use crate::control::{NodeView, View};
pub use crate::domain::printable;

/// Whether lines may be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// A terminal.
    Ruled,
    /// A pipe or a file.
    Plain,
}

impl Look {
    /// What standard output is.
    pub fn of_stdout() -> Self {
        if std::io::stdout().is_terminal() { Self::Ruled } else { Self::Plain }
    }
}

/// A table of texts, with a header.
pub fn render(look: Look, header: &[&str], rows: Vec<Vec<String>>) -> String {
    Content { header, rows, after_the_first: CellAlignment::Left }.fitting(look, wrapped::stdout_columns())
}

/// A table of figures: what follows the first column stands at the right.
pub fn figures(look: Look, header: &[&str], rows: Vec<Vec<String>>) -> String {
    Content { header, rows, after_the_first: CellAlignment::Right }.fitting(look, wrapped::stdout_columns())
}

struct Content<'a> {
    header: &'a [&'a str],
    rows: Vec<Vec<String>>,
    after_the_first: CellAlignment,
}

impl Content<'_> {
    /// Ruled if it fits like that; else without rules; else with cells of several lines; else row by row.
    fn fitting(&self, look: Look, columns: Option<usize>) -> String {
        let columns = match look {
            Look::Ruled => columns.unwrap_or(usize::MAX),
            Look::Plain => return self.filled(presets::NOTHING).trim_fmt(),
        };
        let fits = |text: &String| text.lines().all(|line| measure_text_width(line) <= columns);
        let looks = [presets::UTF8_FULL_CONDENSED, presets::NOTHING];
        let found = looks.into_iter().map(|style| self.filled(style).trim_fmt()).find(fits);
        found.or_else(|| Some(self.broken(columns)).filter(fits)).unwrap_or_else(|| self.one_by_one(columns))
    }

    /// Each row is a group of lines, a cell a line, where nothing else fits. Empty cells are left out.
    fn one_by_one(&self, columns: usize) -> String {
        let width = self.header.iter().map(|name| measure_text_width(name)).max().unwrap_or(0);
        let line = |(name, cell): (&&str, &String)| {
            wrapped::within(&format!(" {}  {cell}", pad_str(name, width, Alignment::Left, None)), columns)
        };
        let group = |row: &Vec<String>| {
            let told = self.header.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
            told.map(line).collect::<Vec<_>>().join("\n")
        };
        self.rows.iter().map(group).collect::<Vec<_>>().join("\n\n")
    }

    fn filled(&self, style: TableStyle) -> Table {
        let mut table = Table::new();
        table.set_content_arrangement(ContentArrangement::Disabled);
        table.load_style(style);
        table.set_header(self.header.to_vec());
        table.add_rows(self.rows.clone());
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(self.after_the_first);
        }
        table
    }

    /// Cells are broken between words, no word is.
    fn broken(&self, columns: usize) -> String {
        let rows = self.rows.iter().map(|row| row.iter().map(|cell| breakable(cell)).collect()).collect();
        let content = Content { rows, ..*self };
        let mut table = content.filled(presets::NOTHING);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(u16::try_from(columns).unwrap_or(u16::MAX));
        for (at, column) in table.column_iter_mut().enumerate() {
            let cells = content.rows.iter().filter_map(|row| row.get(at)).map(String::as_str);
            let words = cells.chain(content.header.get(at).copied()).flat_map(|cell| cell.split(' '));
            let longest = words.map(measure_text_width).max().unwrap_or(0);
            let padded = u16::try_from(longest).unwrap_or(u16::MAX).saturating_add(column.padding_width());
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(padded)));
        }
        table.trim_fmt()
    }
}

/// A time may be broken between its date and its hour.
fn breakable(cell: &str) -> String {
    match cell.split_once('T') {
        Some((date, hour)) if humantime::parse_rfc3339(cell).is_ok() => format!("{date} {hour}"),
        Some(_) | None => cell.to_owned(),
    }
}

/// Names and values, one pair a line.
pub fn pairs(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    rows.iter().map(|(name, value)| format!("  {name:width$}  {value}\n")).collect()
}

/// The network.
pub fn network(look: Look, view: &View) -> String {
    let header = ["UID", "Node Type", "Name", "Port", "Status", "RTT", "Created At"];
    let rows = view.nodes.iter().map(row).collect();
    let View { heavy, light, .. } = view;
    let table = render(look, &header, rows);
    format!("{table}\nTotal nodes: {} (Heavy: {heavy}, Light: {light})\n", heavy + light)
}

fn row(node: &NodeView) -> Vec<String> {
    vec![
        node.uid.clone(),
        node.role.to_string(),
        printable(&node.name),
        node.port.map_or_else(|| "-".to_owned(), |port| port.to_string()),
        node.status.clone(),
        node.rtt_ms.map_or_else(|| "-".to_owned(), |rtt| format!("{rtt:.1} ms")),
        to_seconds(&node.created_at),
    ]
}

/// As [`printable`], for a text that has lines: those stay.
pub fn printable_lines(text: &str) -> String {
    let tabbed = |line: &str| line.split('\t').map(printable).collect::<Vec<_>>().join("\t");
    text.split('\n').map(tabbed).collect::<Vec<_>>().join("\n")
}

/// An RFC 3339 time without its milliseconds.
pub fn to_seconds(time: &str) -> String {
    match time.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => time.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Role;

    fn node(uid: &str, role: Role, status: &str) -> NodeView {
        NodeView {
            uid: uid.to_owned(),
            peer_id: String::new(),
            role,
            name: "ward\u{1b}[2J".to_owned(),
            addresses: Vec::new(),
            port: Some(8000),
            status: status.to_owned(),
            rtt_ms: Some(0.34),
            created_at: "2026-01-02T03:04:05.678Z".to_owned(),
            last_seen: "2026-01-02T03:04:05.678Z".to_owned(),
        }
    }

    #[test]
    fn the_network_is_plain_in_a_pipe_and_counts_its_active_nodes() {
        let nodes = vec![node("AAAAAAAA", Role::Heavy, "active"), node("BBBBBBBB", Role::Light, "lost")];
        let text = network(Look::Plain, &View { nodes, heavy: 4, light: 2 });
        let lines: Vec<_> = text.lines().collect();
        let columns: Vec<_> = lines[0].split_whitespace().collect();
        assert_eq!(columns, ["UID", "Node", "Type", "Name", "Port", "Status", "RTT", "Created", "At"]);
        assert!(lines[1].contains("AAAAAAAA") && lines[1].contains("2026-01-02T03:04:05Z"), "{text}");
        assert_eq!(lines[3], "Total nodes: 6 (Heavy: 4, Light: 2)");
        assert!(!text.contains('\u{1b}'), "no escape sequence, whoever chose it");
    }

    #[test]
    fn lines_and_tabs_stay() {
        assert_eq!(printable_lines("a\u{1b}[2J\n\tb\r"), "a\u{fffd}[2J\n\tb\u{fffd}");
    }

    #[test]
    fn a_table_that_is_too_wide_loses_its_rules_and_then_is_broken_between_words() {
        let row =
            ["2026-01-02T03:04:05Z", "COMP-FZ375MV7", "regression of age, bmi and a field with a long name"];
        let header = ["When", "Computation", "Question"];
        let rows = vec![row.map(str::to_owned).to_vec()];
        let content = Content { header: &header, rows, after_the_first: CellAlignment::Left };
        let widest = |text: &str| text.lines().map(measure_text_width).max().unwrap();
        let whole = widest(&content.fitting(Look::Ruled, None));
        for columns in 42..200 {
            let text = content.fitting(Look::Ruled, Some(columns));
            assert!(widest(&text) <= columns, "{columns}\n{text}");
            assert_eq!(text.contains('│'), columns >= whole, "{columns}\n{text}");
            for word in row.iter().flat_map(|cell| cell.split([' ', 'T'])) {
                assert!(text.contains(word), "{word} at {columns}\n{text}");
            }
        }
        assert!(content.fitting(Look::Plain, Some(20)).contains("  regression of age"), "a pipe has no width");
    }

    #[test]
    fn a_table_that_does_not_fit_at_all_is_told_row_by_row() {
        let row = |cells: [&str; 4]| cells.map(str::to_owned).to_vec();
        let rows = vec![row(["COMP-FZ375MV7", "mean", "372", "3"]), row(["COMP-AAAAAAAA", "sum", "", "4"])];
        let header = ["Computation", "Question", "Records", "Set"];
        let content = Content { header: &header, rows, after_the_first: CellAlignment::Left };
        let text = content.fitting(Look::Ruled, Some(30));
        let first = " Computation  COMP-FZ375MV7\n Question     mean\n Records      372\n Set          3";
        assert_eq!(text, format!("{first}\n\n Computation  COMP-AAAAAAAA\n Question     sum\n Set          4"));
    }

    #[test]
    fn pairs_line_up() {
        let text = pairs(&[("mean", "7.5".to_owned()), ("participants", "4".to_owned())]);
        assert_eq!(text, "  mean          7.5\n  participants  4\n");
    }
}
