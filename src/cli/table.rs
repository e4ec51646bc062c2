//! Tables: ruled on a terminal, plain columns in a pipe. No colours: what others chose stands in them.

use std::io::IsTerminal;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use crate::control::{NodeView, View};

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
    filled(look, header, rows).trim_fmt()
}

/// A table of figures: what follows the first column stands at the right.
pub fn figures(look: Look, header: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = filled(look, header, rows);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}

fn filled(look: Look, header: &[&str], rows: Vec<Vec<String>>) -> Table {
    let mut table = Table::new();
    table.set_content_arrangement(ContentArrangement::Disabled);
    match look {
        Look::Ruled => table.load_style(presets::UTF8_FULL_CONDENSED),
        Look::Plain => table.load_style(presets::NOTHING),
    };
    table.set_header(header.to_vec());
    table.add_rows(rows);
    table
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

/// A text of somebody else's choice, without what could steer a terminal or a viewer, turn the direction of writing, stand
/// there unseen or break XML. Joiners stay: some languages cannot be written without them.
pub fn printable(text: &str) -> String {
    let shown = |c: char| match c {
        '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{061c}' => '\u{fffd}',
        '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => '\u{fffd}',
        '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        '\u{e0000}'..='\u{e007f}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    text.chars().map(shown).collect()
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
    fn what_steers_or_hides_is_replaced_and_every_script_stays() {
        for steering in ["\u{1b}", "\n", "\u{9b}", "\u{202e}", "\u{2066}", "\u{200f}", "\u{feff}", "\u{ffff}"] {
            assert_eq!(printable(&format!("a{steering}b")), "a\u{fffd}b", "{steering:?}");
        }
        for text in ["Fußball", "می\u{200c}خواهم", "ক্\u{200d}ষ", "漢字", "e\u{301}", "👩\u{200d}⚕️"]
        {
            assert_eq!(printable(text), text);
        }
    }

    #[test]
    fn pairs_line_up() {
        let text = pairs(&[("mean", "7.5".to_owned()), ("participants", "4".to_owned())]);
        assert_eq!(text, "  mean          7.5\n  participants  4\n");
    }
}
