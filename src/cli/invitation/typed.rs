//! What a person hands over that must not be seen: tickets and values, from arguments, standard input, or a terminal.

use std::io::{self, BufRead, IsTerminal};

use console::Term;

use crate::cli::consent::checked;
use crate::cli::output::Output;
use crate::cli::problem::{Exit, Problem};
use crate::cli::table::printable_lines;
use crate::control::PrivateText;
use crate::domain::limits::TICKET_CHARS_MAX;
use crate::domain::quoted;
use crate::wire::{TicketError, read_ticket};

/// Stands for standard input.
const STDIN: &str = "-";

/// A ticket that holds as far as can be seen without asking anybody.
///
/// # Errors
/// What is wrong with it; `missing_argument` where there is none.
pub fn ticket(output: Output, typed: &[PrivateText]) -> Result<PrivateText, Problem> {
    match typed {
        [one] if one.0 == STDIN => from_stdin(output),
        [] if output.is_interactive() => from_stdin(output),
        // A long line is broken by mail, and the shell takes its pieces for several words.
        [_, ..] => sound(&typed.iter().map(|piece| piece.0.as_str()).collect::<String>()),
        [] => Err(Problem::usage(
            "missing_argument",
            "TICKET missing",
            "paste the line that `formix-p2p invite` printed, or pass `-` and put it on standard input",
        )),
    }
}

fn sound(text: &str) -> Result<PrivateText, Problem> {
    read_ticket(text).map(|_| PrivateText(text.to_owned())).map_err(|error| problem(&error))
}

fn problem(error: &TicketError) -> Problem {
    Problem::new(Exit::Refused, error.code(), error.to_string(), error.hint())
}

/// Lines until they are a ticket: mail breaks long lines. What follows it stays there, for the answers to questions.
fn from_stdin(output: Output) -> Result<PrivateText, Problem> {
    if output.is_interactive() {
        output.note("Paste the ticket, then press Enter:");
    }
    let mut text = String::new();
    loop {
        let ended = match line() {
            None => true,
            // On a terminal an empty line is somebody who waits.
            Some(line) if line.trim().is_empty() => !text.is_empty() && io::stdin().is_terminal(),
            Some(line) => {
                text.push_str(&line);
                text.len() > 2 * TICKET_CHARS_MAX
            }
        };
        match read_ticket(&text) {
            Ok(_) => return Ok(PrivateText(text)),
            Err(TicketError::Damaged) if !ended => {}
            Err(TicketError::NotATicket) if !ended && text.trim().is_empty() => {}
            Err(error) => return Err(problem(&error)),
        }
    }
}

/// The values of `--value`, where `-` is a line of standard input.
///
/// # Errors
/// `invalid_value`.
pub fn values(typed: &[PrivateText]) -> Result<Vec<PrivateText>, Problem> {
    let one = |value: &PrivateText| match value.0.as_str() {
        STDIN => checked(PrivateText(line().unwrap_or_default().trim().to_owned())),
        _ => checked(value.clone()),
    };
    typed.iter().map(one).collect()
}

/// Asks a person for a value of each field, none of which is shown; empty where it is to come later.
///
/// # Errors
/// What the terminal says when it goes away.
pub fn ask_values(fields: &[String]) -> io::Result<Vec<PrivateText>> {
    let term = Term::stderr();
    let mut values = Vec::new();
    for field in fields {
        term.write_str(&format!(
            "Your value of {} (it is not shown; several as [1,2,3]; Enter alone: later): ",
            quoted(field)
        ))?;
        let value = term.read_secure_line()?;
        if value.trim().is_empty() {
            return Ok(Vec::new());
        }
        values.push(PrivateText(value.trim().to_owned()));
    }
    Ok(values)
}

/// One line of standard input; `None` at its end.
fn line() -> Option<String> {
    let mut text = String::new();
    let read = io::stdin().lock().read_line(&mut text).ok()?;
    (read > 0).then_some(text)
}

/// Tells why a value was refused, so that a person can type another one.
///
/// # Errors
/// What was refused for another reason.
pub fn another_value(output: Output, problem: Problem) -> Result<(), Problem> {
    if problem.code != "invalid_value" {
        return Err(problem);
    }
    output.note(printable_lines(&format!("{}\n{}", problem.message, problem.hint)));
    Ok(())
}
