//! Asking before something cannot be taken back.

use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::mpsc;
use std::time::Duration;

use super::output::{Format, Output};
use super::problem::{Exit, Problem};

/// How long a program's `y` on standard input is waited for, so that an open, silent input blocks nobody.
const PROGRAM_ANSWER_WAIT: Duration = Duration::from_secs(1);

/// Whether the answer was given on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// `--yes`.
    Given,
    /// Somebody has to be asked.
    Ask,
}

impl From<bool> for Consent {
    fn from(yes: bool) -> Self {
        if yes { Self::Given } else { Self::Ask }
    }
}

/// Goes on only with a `y`, on standard input or by `--yes`.
///
/// # Errors
/// `not_confirmed` for a no, `confirmation_needed` where nobody can be asked.
pub fn confirm(output: Output, consent: Consent, question: &str) -> Result<(), Problem> {
    if consent == Consent::Given {
        return Ok(());
    }
    let answer = match output.format {
        Format::Json if io::stdin().is_terminal() => None,
        Format::Json => program_answer(),
        Format::People => {
            let _ = write!(io::stderr(), "{question} [y/N] ").and_then(|()| io::stderr().flush());
            let answer = line();
            if !io::stdin().is_terminal() {
                // Nobody has pressed Enter.
                let _ = writeln!(io::stderr());
            }
            answer
        }
    };
    match answer.as_deref().map(str::trim) {
        Some("y" | "Y" | "yes" | "Yes" | "YES") => Ok(()),
        Some(text) if !text.is_empty() || output.format == Format::People => {
            Err(Problem::new(Exit::Refused, "not_confirmed", "nothing was done", "answer `y`, or pass --yes"))
        }
        Some(_) | None => Err(Problem::usage(
            "confirmation_needed",
            "this needs a yes, and nobody was there to say it",
            "pass --yes",
        )),
    }
}

/// One line of standard input; `None` at its end.
fn line() -> Option<String> {
    let mut text = String::new();
    let read = io::stdin().lock().read_line(&mut text).ok()?;
    (read > 0).then_some(text)
}

fn program_answer() -> Option<String> {
    let (answer_tx, answer) = mpsc::sync_channel(1);
    // The thread may outlive the wait, in `read`; it ends with the process.
    std::thread::spawn(move || drop(answer_tx.send(line())));
    answer.recv_timeout(PROGRAM_ANSWER_WAIT).ok().flatten()
}
