//! A result to files: a picture of it, and its numbers.

pub(super) mod file;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::answer::{self, Answer, Noise};
use super::computation::counts;
use super::output::{Format as OutputFormat, Output};
use super::plot::{self, Captions, Format, NoPicture};
use super::problem::{Exit, Problem};
use super::table::Look;
use crate::control::ComputationView;

/// What stands for standard output.
const STDOUT: &str = "-";

/// Where a result goes beside the terminal.
#[derive(Clone, Debug, Default, Args)]
pub struct Export {
    /// Draw a picture of it: FILE.svg or FILE.png
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Write its numbers as CSV; - is standard output
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

/// What was asked for, and can be written as far as is known before there is a result.
#[derive(Debug)]
pub struct Checked {
    plot: Option<(PathBuf, Format)>,
    csv: Option<Target>,
}

#[derive(Debug)]
enum Target {
    Stdout,
    File(PathBuf),
}

/// What was written.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Files, as they were named.
    pub files: Vec<PathBuf>,
    /// Whether the answer itself may still stand on standard output.
    pub stdout: Stdout,
}

/// What standard output is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stdout {
    /// The answer, as ever.
    #[default]
    Answer,
    /// Numbers as CSV, and nothing beside them.
    Csv,
}

impl Export {
    /// What can be refused before a node is asked.
    ///
    /// # Errors
    /// `unknown_picture`; `stdout_taken`.
    pub fn checked(self, output: Output) -> Result<Checked, Problem> {
        let plot = match self.plot {
            None => None,
            Some(path) => {
                let format = Format::of(&path).ok_or_else(|| unknown_picture(&path))?;
                Some((path, format))
            }
        };
        let csv =
            self.csv.map(|path| if path.as_os_str() == STDOUT { Target::Stdout } else { Target::File(path) });
        match (&csv, output.format) {
            (Some(Target::Stdout), OutputFormat::Json) => Err(Problem::usage(
                "stdout_taken",
                "--csv - and --json both write to standard output",
                "leave one of them out, or name a file after --csv",
            )),
            (Some(Target::Stdout | Target::File(_)) | None, OutputFormat::Json | OutputFormat::People) => {
                Ok(Checked { plot, csv })
            }
        }
    }
}

impl Checked {
    /// Writes the result of this computation.
    ///
    /// # Errors
    /// `not_drawable`; `file`.
    pub fn write(self, view: &ComputationView) -> Result<Written, Problem> {
        let mut written = Written::default();
        let Some(result) = &view.result else { return Ok(written) };
        let answer = Answer::of(result);
        if let Some((path, format)) = self.plot {
            let captions = captions(view, &answer);
            let picture = plot::drawn(&answer, &captions).map_err(|reason| not_drawable(view, reason))?;
            let bytes = plot::rendered(&picture, format)
                .map_err(|error| Problem::file("draw", &path, &io::Error::other(error)))?;
            file::write(&path, &bytes).map_err(|error| Problem::file("write", &path, &error))?;
            written.files.push(path);
        }
        if let Some(target) = self.csv {
            let bytes = answer::csv(&answer);
            match target {
                Target::File(path) => {
                    let failed = |error: io::Error| Problem::file("write", &path, &error);
                    let bytes = bytes.map_err(|error| failed(io::Error::from(error)))?;
                    file::write(&path, &bytes).map_err(failed)?;
                    written.files.push(path);
                }
                Target::Stdout => {
                    let failed = |error: io::Error| Problem::file("write", Path::new(STDOUT), &error);
                    let bytes = bytes.map_err(|error| failed(io::Error::from(error)))?;
                    // A reader that has left, such as `head`, is no error.
                    let mut stdout = io::stdout().lock();
                    let _ = stdout.write_all(&bytes).and_then(|()| stdout.flush());
                    written.stdout = Stdout::Csv;
                }
            }
        }
        Ok(written)
    }
}

fn captions(view: &ComputationView, answer: &Answer) -> Captions {
    let noise = view.result.as_ref().and_then(Noise::of);
    let noise = noise.and_then(|noise| noise.told(Look::Plain, answer));
    let footnote: Vec<_> = [counts(Look::Plain, view), view.id.clone()].into_iter().chain(noise).collect();
    Captions { title: view.prompt.clone(), fields: view.fields.clone(), footnote: footnote.join(" · ") }
}

fn unknown_picture(path: &Path) -> Problem {
    Problem::usage(
        "unknown_picture",
        format!("`{}` is no picture that can be drawn: its name must end in .svg or .png", path.display()),
        "draw with `--plot FILE.svg` or `--plot FILE.png`; write the numbers with `--csv FILE`",
    )
}

fn not_drawable(view: &ComputationView, reason: NoPicture) -> Problem {
    let statistic = &view.statistic;
    let message = match reason {
        NoPicture::OneNumber => format!("a {statistic} is one number; there is nothing to draw"),
        NoPicture::NotDefined | NoPicture::TooLarge { .. } => {
            format!("{} cannot be drawn: {reason}", view.id)
        }
    };
    Problem::new(
        Exit::Refused,
        "not_drawable",
        message,
        "leave --plot out; write the numbers with `--csv FILE`",
    )
}

#[cfg(test)]
mod tests;
