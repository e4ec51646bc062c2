//! Bare numbers as a program prints them. The first byte chooses how many fields a line has. Here is also what all
//! sources have in common: rows go to the encoder of a question, and nothing private into an error.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use formix_p2p::control::{Proposal, draft};
use formix_p2p::domain::{Computation, PeerId, Timestamp, Unfit};
use formix_p2p::sources::{CommandSource, Delimited, OutputFormat};
use formix_p2p::statistics::Encoder;

use super::{CANARY, is_discreet};

/// Takes lines apart.
pub fn feed(bytes: &[u8]) {
    let Some((kind, body)) = bytes.split_first() else { return };
    let fields: &[&str] = if kind & 1 == 0 { &["x"] } else { &["x", "y"] };
    take_apart(*kind, (OutputFormat::Numbers, Delimited::default()), fields, body, true);
}

/// Reads what a program printed into the encoder of a question about these fields: of numbers or of categories, as the
/// highest bit of `kind` says.
pub fn take_apart(
    kind: u8,
    (format, layout): (OutputFormat, Delimited),
    fields: &[&str],
    printed: &[u8],
    private: bool,
) {
    let source = CommandSource {
        command: vec!["program".to_owned()],
        directory: PathBuf::new(),
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        format,
        layout,
        timeout: Duration::from_secs(60),
    };
    let [numbers, categories] = questions(fields.len());
    let (question, unfit) = if kind & 128 == 0 { (numbers, Unfit::Skip) } else { (categories, Unfit::Clamp) };
    let mut encoder = Encoder::new(question, unfit);
    let mut rows: u64 = 0;
    let read = source.take_apart(printed, fields, &mut |cells| {
        rows += 1;
        assert_eq!(cells.len(), fields.len(), "a row of another width");
        encoder.row(cells)
    });
    match read {
        Ok(summary) => {
            assert_eq!(summary.rows, rows + summary.broken, "rows are lost");
            let broken = summary.broken;
            if let Some(first) = summary.first_broken.filter(|_| private) {
                is_discreet(&first);
            }
            match encoder.finish(broken) {
                Ok(reading) => is_discreet(&format!("{reading:?}")),
                Err(error) => is_discreet(&format!("{error:?}")),
            }
        }
        Err(error) if private => {
            is_discreet(&error);
            is_discreet(&format!("{error:?}"));
        }
        Err(error) => assert!(!error.to_string().is_empty() && !error.hint().is_empty()),
    }
}

/// Whether the value that must not be shown stands below the header alone, and the header is a whole line.
pub fn has_canary_in_data(table: &[u8]) -> bool {
    let end = table.iter().position(|byte| *byte == b'\n').unwrap_or(table.len());
    let header = String::from_utf8_lossy(&table[..end]);
    !header.contains(CANARY) && !header.contains(['"', '\'', '\r'])
}

/// Two questions about so many fields: one of numbers, one of categories.
fn questions(fields: usize) -> &'static [Computation; 2] {
    static ONE: OnceLock<[Computation; 2]> = OnceLock::new();
    static TWO: OnceLock<[Computation; 2]> = OnceLock::new();
    let number = r#"{"type":"number","minimum":-5,"maximum":120.5,"multipleOf":0.25}"#;
    let answers = r#"{"type":"string","enum":["yes","no","maybe"]}"#;
    match fields {
        1 => {
            ONE.get_or_init(|| [question("univariate", &["x"], number), question("frequency", &["x"], answers)])
        }
        _ => TWO.get_or_init(|| {
            let both =
                |schema: &str| format!(r#"{{"type":"object","properties":{{"x":{schema},"y":{schema}}}}}"#);
            [
                question("regression", &["x", "y"], &both(number)),
                question("contingency", &["x", "y"], &both(answers)),
            ]
        }),
    }
}

fn question(statistic: &str, fields: &[&str], schema: &str) -> Computation {
    let proposal = Proposal { schema: Some(schema.to_owned()), ..Proposal::new("?", statistic, fields) };
    let drafted = draft(&proposal, PeerId::from_public_key([9; 32]), Timestamp::from_millis(1_800_000_000_000));
    drafted.expect("a question that can be asked")
}
