//! A program that is run for what it prints: without a shell, in a process group of its own, with little of this
//! process's environment, and ended with its children when its time is over. Its error stream goes nowhere: what it
//! says there may be private, so its owner hears its exit status alone.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};

use super::error::SourceError;
use super::metered::{Stop, Time};

/// What a program may know of this process: where programs and its user's files are, and how to write.
const ENVIRONMENT: [&str; 9] = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "TMPDIR"];
/// Between two looks at a program that has closed its output and not ended.
const LOOK_FIRST: Duration = Duration::from_millis(1);
/// The same, at most.
const LOOK_AT_LEAST_EVERY: Duration = Duration::from_millis(50);

/// The process groups of the programs that run. A group stands here until just before its leader has been waited for, so
/// that its number is its own for as long as it can be found here.
#[derive(Debug, Default)]
pub(super) struct Programs(Mutex<Vec<Pid>>);

impl Programs {
    /// Ends them all; whoever reads them notices.
    pub(super) fn end(&self) {
        self.lock().iter().for_each(|group| end(*group));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Pid>> {
        // The list is whole at every moment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn end(group: Pid) {
    // It may have ended by itself.
    let _ = kill_process_group(group, Signal::KILL);
}

/// A program that runs. Dropping it ends it, and every process of its group.
pub(super) struct Running<'p> {
    child: Child,
    /// `None` once it has been waited for.
    group: Option<Pid>,
    programs: &'p Programs,
}

impl<'p> Running<'p> {
    pub(super) fn start(words: &[String], directory: &Path, programs: &'p Programs) -> io::Result<Self> {
        let (program, arguments) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
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
        if directory != Path::new("") {
            command.current_dir(directory);
        }
        let mut groups = programs.lock();
        let child = command.spawn()?;
        let group = Pid::from_child(&child);
        groups.push(group);
        drop(groups);
        Ok(Self { child, group: Some(group), programs })
    }

    /// What it prints; once.
    pub(super) fn output(&mut self, time: Time) -> Option<Output> {
        let pipe = self.child.stdout.take()?;
        Some(Output { pipe, time })
    }

    /// Waits for the end of a program that has closed its output, and says whether it did well.
    pub(super) fn finish(mut self, time: Time, origin: String) -> Result<(), SourceError> {
        let mut look = LOOK_FIRST;
        loop {
            let mut groups = self.programs.lock();
            let ended = self.child.try_wait();
            if let Ok(Some(_)) = ended {
                // From here on its number may be another's.
                groups.retain(|group| Some(*group) != self.group);
                self.group = None;
            }
            drop(groups);
            match ended {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(SourceError::Failed { origin, status: status.to_string() }),
                Ok(None) if time.is_over() => return Err(time.exceeded(origin)),
                // No portable call waits for a process and a time at once.
                Ok(None) => std::thread::sleep(look),
                Err(error) => return Err(SourceError::NotRun { origin, reason: error.to_string() }),
            }
            look = (look * 2).min(LOOK_AT_LEAST_EVERY);
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(ended) = self.group {
            let mut groups = self.programs.lock();
            end(ended);
            groups.retain(|group| *group != ended);
            // Nothing keeps a process that was ended like this.
            let _ = self.child.wait();
        }
    }
}

/// What a program prints, until its time is over.
pub(super) struct Output {
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
