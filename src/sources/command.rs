//! What a program prints. It runs without a shell, in a process group of its own, with little of this process's
//! environment, and is ended with its children when its time is over. Its error stream goes nowhere: what it says
//! there may be private, so its owner hears its exit status alone.

use std::io::{self, Read};
use std::ops::ControlFlow;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};

use super::declaration::{CommandSource, OutputFormat};
use super::delimited::{Table, default_delimiter};
use super::error::SourceError;
use super::metered::{Stop, Time};
use super::rows::Rows;
use super::{json, numbers};

/// What a program may know of this process: where programs and its user's files are, and how to write.
const ENVIRONMENT: [&str; 9] = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "TMPDIR"];
/// Between two looks at a program that has closed its output and not ended.
const LOOK_FIRST: Duration = Duration::from_millis(1);
/// The same, at most.
const LOOK_AT_LEAST_EVERY: Duration = Duration::from_millis(50);

/// The fields, as declared. The program is not run, but it must be there.
pub(super) fn fields(source: &CommandSource) -> Result<Vec<String>, SourceError> {
    let program = source.command.first().map_or("", String::as_str);
    let is_there = match program.contains('/') {
        true => source.directory.join(program).is_file(),
        false => std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .any(|folder| folder.join(program).is_file()),
    };
    if is_there { Ok(source.fields.clone()) } else { Err(not_run(source, "there is no such program")) }
}

/// Runs the program and hands over what it prints. Whatever ends the reading early ends the program.
pub(super) fn read(
    source: &CommandSource,
    fields: &[&str],
    deadline: Instant,
    rows: &mut Rows<'_, '_>,
) -> Result<(), SourceError> {
    let time = Time::until(deadline.min(Instant::now() + source.timeout));
    let origin = source.name();
    let mut running = Running::start(source)?;
    let output = running.output(time).ok_or_else(|| not_run(source, "it has no output"))?;
    let names = (&*source.fields, fields);
    let read = match source.format {
        OutputFormat::Numbers => numbers::read(output, &origin, names, time, rows),
        OutputFormat::Json => json::read(output, &origin, names, time, rows),
        OutputFormat::Csv => {
            Table::open(output, &origin, &source.layout, default_delimiter(&source.layout), time)
                .and_then(|table| table.read(fields, rows))
        }
    };
    match read {
        Ok(ControlFlow::Continue(())) => running.finish(time, origin),
        Ok(ControlFlow::Break(())) => Ok(()),
        // A program that failed has printed nothing, most likely, and that is why.
        Err(SourceError::NoHeader(origin)) => {
            running.finish(time, origin.clone()).and(Err(SourceError::NoHeader(origin)))
        }
        Err(error) => Err(error),
    }
}

fn not_run(source: &CommandSource, reason: impl ToString) -> SourceError {
    SourceError::NotRun { origin: source.name(), reason: reason.to_string() }
}

/// A program that runs. Dropping it ends it, and every process of its group.
struct Running(Option<Child>);

impl Running {
    fn start(source: &CommandSource) -> Result<Self, SourceError> {
        let (program, arguments) =
            source.command.split_first().ok_or_else(|| not_run(source, "it names no program"))?;
        let known = ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .envs(known)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0);
        if source.directory != Path::new("") {
            command.current_dir(PathBuf::from(&source.directory));
        }
        command.spawn().map(|child| Self(Some(child))).map_err(|error| not_run(source, error))
    }

    fn output(&mut self, time: Time) -> Option<Output> {
        let pipe = self.0.as_mut()?.stdout.take()?;
        Some(Output { pipe, time })
    }

    /// Waits for the end of a program that has closed its output, and says whether it did well.
    fn finish(mut self, time: Time, origin: String) -> Result<(), SourceError> {
        let mut look = LOOK_FIRST;
        while let Some(child) = &mut self.0 {
            match child.try_wait() {
                Ok(Some(status)) => {
                    // It is gone, and its number may already be another's.
                    self.0 = None;
                    return if status.success() { Ok(()) } else { Err(failed(origin, status)) };
                }
                Ok(None) if time.is_over() => return Err(time.exceeded(origin)),
                // No portable call waits for a process and a time at once.
                Ok(None) => std::thread::sleep(look),
                Err(error) => return Err(SourceError::NotRun { origin, reason: error.to_string() }),
            }
            look = (look * 2).min(LOOK_AT_LEAST_EVERY);
        }
        Ok(())
    }
}

fn failed(origin: String, status: ExitStatus) -> SourceError {
    SourceError::Failed { origin, status: status.to_string() }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            // It has not been waited for, so its number is still its own. It may have ended by itself.
            let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
            let _ = child.wait();
        }
    }
}

/// What a program prints, until its time is over.
struct Output {
    pipe: ChildStdout,
    time: Time,
}

impl Read for Output {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let left = self.time.deadline.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).map_err(io::Error::other)?;
            let ready = poll(&mut [PollFd::new(&self.pipe, PollFlags::IN)], Some(&left));
            match ready {
                Ok(0) => return Err(Stop::Deadline.into()),
                Ok(_) => return self.pipe.read(buffer),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
