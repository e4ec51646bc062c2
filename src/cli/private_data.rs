//! Private values on their way into `start`: typed, or as lines of standard input, and out of the process list.
//!
//! Everybody on a machine may read the arguments of every process. So the process that runs for as long as the node
//! does has none with a value in it: the values reach it through a pipe.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

use super::arenas;
use super::output::Output;
use super::problem::{Exit, Problem};

/// `--data -`.
const STANDARD_INPUT: &str = "-";
/// Bytes that standard input may say.
const INPUT_BYTES_MAX: u64 = 64 * 1024;
/// What every pipe takes before anybody reads it.
const PIPE_BYTES: usize = 4096;

/// `FIELD=VALUE`, `FIELD=` or `-`, as typed. The parser does not read it: its refusals repeat what was typed.
#[derive(Clone)]
pub struct PrivateAssignment(Zeroizing<String>);

impl From<String> for PrivateAssignment {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl AsRef<str> for PrivateAssignment {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PrivateAssignment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<redacted>")
    }
}

/// Whether there is a value among the arguments of this process.
pub fn is_exposed(typed: &[PrivateAssignment]) -> bool {
    typed.iter().any(|one| one.as_ref() != STANDARD_INPUT)
}

/// What was typed, with the lines of standard input in the place of `-`.
///
/// # Errors
/// `invalid_data`.
pub fn collected(typed: Vec<PrivateAssignment>, output: Output) -> Result<Vec<PrivateAssignment>, Problem> {
    let (input, mut all): (Vec<_>, Vec<_>) = typed.into_iter().partition(|one| one.as_ref() == STANDARD_INPUT);
    if !input.is_empty() {
        if io::stdin().is_terminal() {
            output.note("private values, one FIELD=VALUE a line; Ctrl-D ends them");
        }
        all.extend(lines(io::stdin().lock())?);
    }
    Ok(all)
}

fn lines(input: impl Read) -> Result<Vec<PrivateAssignment>, Problem> {
    let refused =
        |message: String| Problem::usage("invalid_data", message, "write one FIELD=VALUE on every line");
    let mut text = Zeroizing::new(String::new());
    input
        .take(INPUT_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(|error| refused(format!("standard input cannot be read: {error}")))?;
    if text.len() as u64 > INPUT_BYTES_MAX {
        return Err(refused(format!("standard input has more than {INPUT_BYTES_MAX} bytes")));
    }
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(lines.map(|line| line.to_owned().into()).collect())
}

/// These arguments without private values; where there were some, they are to come from standard input.
pub fn without_values(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments = arguments.into_iter();
    let (mut kept, mut had_values) = (Vec::new(), false);
    let from_input = |kept: &mut Vec<OsString>| kept.extend(["--data".into(), STANDARD_INPUT.into()]);
    while let Some(argument) = arguments.next() {
        if argument == "--" {
            if had_values {
                from_input(&mut kept);
            }
            kept.push(argument);
            kept.extend(arguments);
            return kept;
        }
        if argument == "--data" {
            had_values = true;
            arguments.next();
        } else if argument.as_encoded_bytes().starts_with(b"--data=") {
            had_values = true;
        } else {
            kept.push(argument);
        }
    }
    if had_values {
        from_input(&mut kept);
    }
    kept
}

/// Gives the values to a reader, as it takes them with `--data -`.
///
/// # Errors
/// When it has gone.
pub fn hand_over(values: &[PrivateAssignment], mut to: impl Write) -> io::Result<()> {
    values.iter().try_for_each(|value| {
        to.write_all(value.as_ref().as_bytes())?;
        to.write_all(b"\n")
    })
}

/// Begins this process again without private values among its arguments. Returns only where that does not work.
pub fn hide(values: &[PrivateAssignment]) -> Problem {
    let failed = |reason: String| {
        Problem::new(
            Exit::Refused,
            "exposed",
            format!("the private values cannot be kept out of the process list: {reason}"),
            "write them to a configuration file, for --config, or to standard input, for --data -",
        )
    };
    let bytes: usize = values.iter().map(|value| value.as_ref().len() + 1).sum();
    if bytes > PIPE_BYTES {
        return failed(format!("they have {bytes} bytes, and {PIPE_BYTES} fit"));
    }
    let piped = io::pipe().and_then(|(reader, writer)| {
        hand_over(values, &writer)?;
        Ok((std::env::current_exe()?, reader))
    });
    match piped {
        Ok((program, reader)) => {
            let mut command = Command::new(program);
            command.args(without_values(std::env::args_os().skip(1))).stdin(Stdio::from(reader));
            arenas::keep_few(&mut command);
            failed(command.exec().to_string())
        }
        Err(error) => failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(words: &[&str]) -> Vec<OsString> {
        without_values(words.iter().map(OsString::from))
    }

    #[test]
    fn no_value_stays_among_the_arguments() {
        let told = kept(&["start", "--data", "a=1", "--name", "x", "--data=b=2", "--detach"]);
        assert_eq!(told, ["start", "--name", "x", "--detach", "--data", "-"]);
        assert_eq!(kept(&["start", "--data", "a=1", "--", "--data"]), ["start", "--data", "-", "--", "--data"]);
        assert_eq!(kept(&["start", "--new"]), ["start", "--new"]);
    }

    #[test]
    fn what_is_handed_over_is_what_is_read() {
        let values: Vec<PrivateAssignment> = ["age=41", "bmi="].map(|text| text.to_owned().into()).to_vec();
        let mut piped = Vec::new();
        hand_over(&values, &mut piped).unwrap();
        let read = lines(piped.as_slice()).unwrap();
        assert_eq!(read.iter().map(AsRef::as_ref).collect::<Vec<_>>(), ["age=41", "bmi="]);
        assert!(lines(&b"\n  age=1 \n\n"[..]).unwrap().len() == 1 && !is_exposed(&["-".to_owned().into()]));
    }

    #[test]
    fn too_much_input_is_refused_without_repeating_it() {
        let problem = lines("4711".repeat(20_000).as_bytes()).unwrap_err();
        assert!(problem.exit.code() == 2 && !format!("{problem:?}").contains("4711"));
    }
}
