//! `start --detach`: a second process of this program runs the node, in a session of its own.
//!
//! The child is told `--detached --json`. Its standard output is a pipe to the parent, on which it says one line: the
//! envelope with its names when it is ready, or with its problem. The parent reads that line and leaves. Private values
//! reach the child on its standard input.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, PipeReader, Read, Write};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::io::FdFlags;
use serde_json::Value;

use super::args::Context;
use super::id;
use super::passphrase::{Asked, PassphraseFlag, typed};
use super::policy_words;
use super::private_data::{self, PrivateAssignment};
use super::problem::{Exit, Problem};
use super::sources;
use super::wrapped;
use crate::config::NodeConfig;
use crate::control::NodeId;
use crate::sharing::Secret;

/// How long a node may take to be ready: opening a store after a crash is the longest part.
const READY_WAIT: Duration = Duration::from_secs(30);
/// What to do when the second process says nothing of use.
const IN_THE_FOREGROUND: &str = "start it in the foreground, without --detach, to see more";
/// Bytes that the child may say.
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// Starts this same program again, without its terminal, and returns when the node is ready. Whoever sits at the terminal is
/// asked for the passphrase of an identity that has one, and the child reads it from a pipe.
///
/// # Errors
/// The child's own problem; `detach` when there is no child; `not_ready` when it says nothing in time.
pub async fn start(
    context: &Context,
    values: Vec<PrivateAssignment>,
    passphrase: &PassphraseFlag,
) -> Result<(), Problem> {
    let values = Arc::new(values);
    let id = match child(&values, None).await {
        Err(problem) if problem.code == "passphrase" => {
            let Asked::Terminal = passphrase.asked_by(context) else { return Err(problem) };
            let typed = tokio::task::block_in_place(|| typed("Passphrase: "))?;
            child(&values, Some(&typed)).await?
        }
        other => other?,
    };
    context.output.answer(&id, || id::told(&id));
    // The node has just written its settings; what it does unattended is said even where it runs unseen.
    let settings = Path::new(&id.home).join(&id.uid).join("node.toml");
    if let Ok(config) = NodeConfig::load(&settings) {
        context.output.note(wrapped::for_stderr(&policy_words::of(&config)));
        for fault in tokio::task::block_in_place(|| config.sources().survey().faults) {
            context.output.note(sources::left_out(&fault));
        }
    }
    context.output.note(format!("running; stop it with `formix-p2p stop {}`", id.uid));
    Ok(())
}

/// The second process, once it is ready.
async fn child(
    values: &Arc<Vec<PrivateAssignment>>,
    passphrase: Option<&Secret<String>>,
) -> Result<NodeId, Problem> {
    let program = std::env::current_exe().map_err(failed)?;
    // Open until the child has it.
    let pipe = passphrase.map(pipe_with).transpose().map_err(failed)?;
    let from_pipe = pipe.iter().flat_map(|pipe| {
        let path = format!("/dev/fd/{}", pipe.as_raw_fd());
        ["--passphrase-file".to_owned(), path]
    });
    let mut child = Command::new(program)
        .args(arguments_of_child(std::env::args_os().skip(1), from_pipe.map(OsString::from).collect()))
        .stdin(if values.is_empty() { Stdio::null() } else { Stdio::piped() })
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    drop(pipe);
    let (stdin, stdout, values) = (child.stdin.take(), child.stdout.take(), Arc::clone(values));
    let said = tokio::task::spawn_blocking(move || {
        if let Some(stdin) = stdin {
            // A child that has gone says why, or nothing.
            let _ = private_data::hand_over(&values, stdin);
        }
        first_words(stdout)
    });
    let said = match tokio::time::timeout(READY_WAIT, said).await {
        Ok(said) => said.unwrap_or_default(),
        Err(_) => {
            // It may have ended by itself in this moment.
            let _ = child.kill();
            return Err(Problem::new(
                Exit::TimedOut,
                "not_ready",
                format!("the node was not ready within {} s and was ended", READY_WAIT.as_secs()),
                IN_THE_FOREGROUND,
            ));
        }
    };
    serde_json::from_value::<NodeId>(part(&said, "data")).map_err(|_| {
        // It has said why, or closed its output: it is ending.
        let status = child.wait().ok().and_then(|status| status.code());
        problem_of(&part(&said, "error"), status)
    })
}

/// A pipe that the next process inherits, with one line in it, which is shorter than what a pipe holds.
fn pipe_with(line: &Secret<String>) -> std::io::Result<PipeReader> {
    let (reader, mut writer) = std::io::pipe()?;
    writer.write_all(line.expose().as_bytes())?;
    rustix::io::fcntl_setfd(&reader, FdFlags::empty())?;
    Ok(reader)
}

fn failed(error: std::io::Error) -> Problem {
    Problem::new(Exit::Refused, "detach", format!("no second process: {error}"), IN_THE_FOREGROUND)
}

/// Leaves the parent's session, so that closing its terminal does not end the node.
///
/// # Errors
/// `detach`.
pub fn leave_session() -> Result<(), Problem> {
    rustix::process::setsid().map(drop).map_err(|error| {
        let hint = "--detached is the inner part of --detach; use that";
        Problem::new(Exit::Refused, "detach", format!("no session of its own: {error}"), hint)
    })
}

/// The same arguments, with `--detached --json` for `--detach`, and `more` options. What follows `--` is no option.
fn arguments_of_child(arguments: impl Iterator<Item = OsString>, more: Vec<OsString>) -> Vec<OsString> {
    let mut more = more;
    more.extend(["--detached".into(), "--json".into()]);
    let mut options_are_over = false;
    let mut of_child: Vec<OsString> = Vec::new();
    for argument in private_data::without_values(arguments) {
        if argument == "--" && !options_are_over {
            options_are_over = true;
            of_child.append(&mut more);
        }
        if options_are_over || (argument != "--detach" && argument != "--json") {
            of_child.push(argument);
        }
    }
    of_child.append(&mut more);
    of_child
}

/// The envelope that the child says; null for none.
fn first_words(stdout: Option<ChildStdout>) -> Value {
    let mut line = Vec::new();
    if let Some(stdout) = stdout {
        // A pipe that breaks says as little as one that is closed.
        let _ = BufReader::new(stdout.take(LINE_BYTES_MAX)).read_until(b'\n', &mut line);
    }
    serde_json::from_slice(&line).unwrap_or_default()
}

/// A member of an envelope; null for none.
fn part(envelope: &Value, name: &str) -> Value {
    envelope.get(name).cloned().unwrap_or_default()
}

/// The child's problem; its exit status is not in the envelope.
fn problem_of(error: &Value, status: Option<i32>) -> Problem {
    let text =
        |key: &str| error.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    let exit = match status {
        Some(2) => Exit::Usage,
        Some(3) => Exit::NotFound,
        Some(4) => Exit::ComputationFailed,
        Some(5) => Exit::TimedOut,
        Some(_) | None => Exit::Refused,
    };
    let candidates = error.get("candidates").and_then(Value::as_array).into_iter().flatten();
    Problem {
        code: text("code").unwrap_or_else(|| "not_ready".to_owned()),
        message: text("message").unwrap_or_else(|| "the node ended before it was ready".to_owned()),
        hint: text("hint").unwrap_or_else(|| IN_THE_FOREGROUND.to_owned()),
        candidates: candidates.filter_map(|one| one.as_str().map(str::to_owned)).collect(),
        exit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_child(words: &[&str]) -> Vec<OsString> {
        arguments_of_child(words.iter().map(OsString::from), Vec::new())
    }

    #[test]
    fn the_child_is_told_the_same_but_to_stay() {
        let told = of_child(&["--json", "start", "--detach", "--name", "a"]);
        assert_eq!(told, ["start", "--name", "a", "--detached", "--json"]);
        let told = of_child(&["start", "--data", "n=4711", "--detach"]);
        assert_eq!(told, ["start", "--data", "-", "--detached", "--json"]);
        assert_eq!(
            of_child(&["start", "--detach", "--", "--detach"]),
            ["start", "--detached", "--json", "--", "--detach"]
        );
    }

    #[test]
    fn the_child_s_problem_becomes_the_parent_s() {
        let error = serde_json::json!({"code": "ambiguous_node", "message": "m", "hint": "h", "candidates": ["A", "B"]});
        let problem = problem_of(&error, Some(2));
        assert_eq!(
            (problem.code.as_str(), problem.exit, problem.candidates.len()),
            ("ambiguous_node", Exit::Usage, 2)
        );
        let silent = problem_of(&Value::Null, None);
        assert!(!silent.hint.is_empty() && silent.exit == Exit::Refused);
    }
}
