//! `bench`: how fast it is on this machine.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::args::Context;
use super::problem::{Exit, Problem};
use super::table::{self, Look};
use super::wrapped;
use crate::bench::{self, BenchError, Ground, Measurement as _, Report};
use crate::telemetry::{self, Verbosity};

/// How often each thing is measured unless the user says otherwise.
const RUNS: u16 = 5;

/// How fast it is on this machine: real nodes, every answer checked
#[derive(Debug, Args)]
#[command(
    subcommand_value_name = "WHAT",
    after_help = "\
Examples:
  formix-p2p bench                                       small versions of all
  formix-p2p bench deadline --light 200
  formix-p2p bench concurrent --computations 100 --light 10 --json

Real nodes in this one process: they speak TCP on the loopback interface, each with its own keys and its own store in a temporary \
folder that is deleted afterwards. Every answer is compared with the plain one; if one is wrong, that is an error. Build with \
--release before you believe a figure."
)]
pub struct Bench {
    /// What to measure [default: a small version of everything]
    #[command(subcommand)]
    what: Option<Chosen>,
    /// How often each thing is measured
    #[arg(long, global = true, value_name = "N", default_value_t = RUNS, value_parser = clap::value_parser!(u16).range(1..=1000))]
    runs: u16,
    /// Where the nodes' homes lie, such as a memory file system [default: the system's temporary folder]
    #[arg(long, global = true, value_name = "DIR")]
    homes: Option<PathBuf>,
}

/// The measurements: each is a file in `src/bench/`, and a name here.
macro_rules! measurements {
    ($($name:ident),* $(,)?) => {
        #[derive(Debug, Subcommand)]
        enum Chosen {
            $($name(bench::$name)),*
        }

        impl Chosen {
            fn small() -> Vec<Self> {
                vec![$(Self::$name(bench::$name::small())),*]
            }

            async fn measure(&self, ground: &Ground<'_>) -> Result<Report, BenchError> {
                match self {
                    $(Self::$name(measurement) => measurement.measure(ground).await),*
                }
            }
        }
    };
}

measurements!(Deadline, Concurrent);

impl Bench {
    pub async fn act(self, context: &Context) -> Result<(), Problem> {
        // What the nodes say is for those who look closely.
        let _guard = match context.verbosity {
            0 => None,
            count => Some(telemetry::start(None, telemetry::Terminal::Human, &Verbosity::from_count(count))?),
        };
        let note = |line: String| context.output.note(line);
        let ground = Ground { runs: self.runs.into(), homes: self.homes, note: &note };
        let chosen = self.what.map_or_else(Chosen::small, |one| vec![one]);
        let mut reports = Vec::new();
        for measurement in &chosen {
            reports.push(measurement.measure(&ground).await?);
        }
        let data = json!({"reports": reports.iter().map(Report::to_json).collect::<Vec<_>>()});
        context.output.answer(&data, || reports.iter().map(told).collect::<Vec<_>>().join("\n"));
        Ok(())
    }
}

/// A table of the figures, with how they came about.
fn told(report: &Report) -> String {
    let setting: Vec<_> = report
        .setting
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| {
            format!("--{name} {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        })
        .collect();
    let header = ["", "median", "least", "most", "runs"];
    let rows = report.series.iter().map(|series| {
        let shown = |figure: Option<f64>| {
            figure.map_or_else(String::new, |figure| format!("{figure:.1} {}", series.unit().symbol()))
        };
        let figures = [shown(series.median()), shown(series.least()), shown(series.most())];
        [vec![series.what().to_owned()], figures.to_vec(), vec![series.runs().to_string()]].concat()
    });
    let table = table::figures(Look::of_stdout(), &header, rows.collect());
    let remarks: String =
        report.remarks.iter().map(|remark| format!("{}\n", wrapped::for_stdout(remark))).collect();
    format!("bench {} {}\n{table}\n{remarks}", report.name, setting.join(" "))
}

impl From<BenchError> for Problem {
    fn from(error: BenchError) -> Self {
        let exit = match &error {
            BenchError::Statistic(_) => Exit::Usage,
            BenchError::NotMet { .. } | BenchError::NotAcquainted { .. } | BenchError::NotEnded { .. } => {
                Exit::TimedOut
            }
            BenchError::Failed { .. } | BenchError::NoDeadline { .. } => Exit::ComputationFailed,
            BenchError::Homes { .. }
            | BenchError::Home(_)
            | BenchError::Start { .. }
            | BenchError::Gone(_)
            | BenchError::WrongAnswer { .. } => Exit::Refused,
            BenchError::Refused(refused) => return refused.clone().into(),
        };
        Self::new(exit, error.code(), error.to_string(), error.hint())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::Value;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        bench: Bench,
    }

    #[test]
    fn options_stand_before_or_after_what_is_measured() {
        for words in [["bench", "--runs", "7", "deadline"], ["bench", "deadline", "--runs", "7"]] {
            let bench = Line::try_parse_from(words).unwrap().bench;
            assert_eq!(bench.runs, 7);
            assert!(matches!(bench.what, Some(Chosen::Deadline(_))));
        }
        assert!(Line::try_parse_from(["bench", "--runs", "0"]).is_err());
        assert!(Line::try_parse_from(["bench"]).unwrap().bench.what.is_none());
    }

    #[test]
    fn a_wrong_answer_is_no_measurement() {
        let text = |text: &str| text.to_owned();
        let wrong = BenchError::WrongAnswer {
            id: text("COMP-A"),
            name: text("light-1"),
            said: text("3"),
            expected: text("4"),
        };
        let problem = Problem::from(wrong);
        assert_eq!((problem.exit, problem.code.as_str()), (Exit::Refused, "wrong_answer"));
        assert!(problem.message.contains("COMP-A") && problem.message.contains("light-1"));
    }

    #[test]
    fn what_is_absent_is_not_shown() {
        let report = Report {
            name: "deadline",
            setting: vec![("light", json!(5)), ("sharing", Value::Null)],
            series: vec![bench::Series::times("the time", [std::time::Duration::from_millis(5)])],
            remarks: vec![text()],
        };
        let told = told(&report);
        assert!(told.starts_with("bench deadline --light 5\n"), "{told}");
        assert!(told.contains("5.0 ms") && told.contains("a remark"), "{told}");
    }

    fn text() -> String {
        "a remark".to_owned()
    }
}
