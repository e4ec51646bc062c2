//! How commands speak: one JSON object for programs, tables and words for people.

use std::io::{self, IsTerminal, Write};

use console::style;
use serde::Serialize;
use serde_json::{Value, json};

use super::problem::Problem;
use super::table::printable_lines;

/// The version of the JSON envelope.
pub const SCHEMA_VERSION: u32 = 1;

/// For whom standard output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object; nobody is asked anything.
    Json,
    /// Tables and words.
    People,
}

/// How much is said beside the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chatter {
    /// Notes and progress on standard error.
    Notes,
    /// Only answers and errors.
    Quiet,
}

/// Where a command writes.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// For whom.
    pub format: Format,
    /// How much.
    pub chatter: Chatter,
}

impl Output {
    /// The answer: `data` for programs, `text` for people.
    pub fn answer(&self, data: &impl Serialize, text: impl FnOnce() -> String) {
        match self.format {
            Format::Json => print(&envelope(data).to_string()),
            Format::People => print(text().trim_end_matches('\n')),
        }
    }

    /// A word for people, on standard error.
    pub fn note(&self, text: impl AsRef<str>) {
        if self.chatter == Chatter::Notes {
            // Nobody is left to hear that standard error is gone.
            let _ = writeln!(io::stderr(), "{}", text.as_ref());
        }
    }

    /// Whether questions may be put to a person, and a progress display be drawn.
    pub fn is_interactive(&self) -> bool {
        self.format == Format::People && io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Whether progress may be drawn on standard error.
    pub fn draws_progress(&self) -> bool {
        self.format == Format::People && self.chatter == Chatter::Notes && io::stderr().is_terminal()
    }

    /// What went wrong: on standard output for programs, on standard error for people.
    pub fn problem(&self, problem: &Problem) {
        match self.format {
            Format::Json => print(&error_envelope(problem).to_string()),
            Format::People => {
                let error = style("error:").for_stderr().red().bold();
                let hint = style("hint:").for_stderr().cyan();
                let (message, next) = (printable_lines(&problem.message), printable_lines(&problem.hint));
                let _ = writeln!(io::stderr(), "{error} {message}\n{hint} {next}");
            }
        }
    }
}

/// A line on standard output. A reader that has left, such as `head`, is no error.
pub fn print(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}

/// The success envelope.
pub fn envelope(data: &impl Serialize) -> Value {
    // What commands answer has string keys and no failing fields, so this cannot fail.
    let data = serde_json::to_value(data).unwrap_or(Value::Null);
    json!({"schema_version": SCHEMA_VERSION, "status": "ok", "data": data})
}

/// The error envelope.
pub fn error_envelope(problem: &Problem) -> Value {
    let Problem { code, message, hint, candidates, exit: _ } = problem;
    let error = if candidates.is_empty() {
        json!({"code": code, "message": message, "hint": hint})
    } else {
        json!({"code": code, "message": message, "hint": hint, "candidates": candidates})
    };
    json!({"schema_version": SCHEMA_VERSION, "status": "error", "error": error})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes_are_as_documented() {
        let ok = envelope(&json!({"stopped": ["A"]})).to_string();
        assert_eq!(ok, r#"{"schema_version":1,"status":"ok","data":{"stopped":["A"]}}"#);
        let problem = Problem::ambiguous_node("two nodes run", &["A (light a)".to_owned(), "B".to_owned()]);
        let error = error_envelope(&problem);
        assert_eq!(error["status"], "error");
        assert_eq!(error["error"]["code"], "ambiguous_node");
        assert_eq!(error["error"]["hint"], "name one of them with --node: A (light a), B");
        assert_eq!(error["error"]["candidates"], json!(["A", "B"]));
        assert_eq!(problem.exit.code(), 2);
    }
}
