//! `logs`: what a node has written down, also when it does not run.

use std::time::{Duration, SystemTime};

use clap::Args;
use tracing::Level;

use super::args::Context;
use super::duration;
use super::nodes;
use super::output::{Format, print};
use super::problem::{Exit, Problem};
use super::table::printable;
use crate::domain::Timestamp;
use crate::home::NodeFolder;
use crate::telemetry::{LogLine, LogQuery, TelemetryError, read_log};

/// What a node has logged; with --json one JSON object a line
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p logs
  formix-p2p logs FZ37 --follow
  formix-p2p logs --computation COMP-FZ375MV7 --level debug
  formix-p2p logs --since 10m --json | jq -r .message")]
pub struct Logs {
    /// Its UID, name or PeerId, or a unique beginning
    #[arg(value_name = "NODE")]
    which: Option<String>,
    /// Go on with what comes, until Ctrl-C
    #[arg(long)]
    follow: bool,
    /// Only lines about this computation
    #[arg(long, value_name = "ID")]
    computation: Option<String>,
    /// Only lines of this level or a graver one: error, warn, info, debug, trace
    #[arg(long, value_name = "L", value_parser = level)]
    level: Option<Level>,
    /// Only lines of this last while
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    since: Option<Duration>,
}

impl Logs {
    pub async fn act(self, context: &Context) -> Result<(), Problem> {
        let folder = self.folder(context)?;
        context.output.note(format!("node {}", nodes::described(&folder)));
        let query = LogQuery {
            computation: self.computation,
            level: self.level,
            since: self.since.map(|since| Timestamp::from(SystemTime::now()) - since),
        };
        let mut reader = read_log(folder.path(), query)?;
        let format = context.output.format;
        for line in reader.by_ref() {
            print(&shown(&line?, format));
        }
        if !self.follow {
            return Ok(());
        }
        loop {
            print(&shown(&reader.next_written().await?, format));
        }
    }

    /// The named node, or a running one, or the only one.
    fn folder(&self, context: &Context) -> Result<NodeFolder, Problem> {
        let home = context.home()?;
        if let Some(typed) = self.which.as_ref().or(context.node.as_ref()) {
            return Ok(home.node(typed)?);
        }
        let all = home.nodes()?;
        for folder in &all {
            if folder.is_running()? {
                return Ok(folder.clone());
            }
        }
        match all.as_slice() {
            [] => Err(Problem::no_node_running()),
            [only] => Ok(only.clone()),
            several => Err(Problem::ambiguous_node(
                "several nodes are here, and none is running",
                &several.iter().map(nodes::described).collect::<Vec<_>>(),
            )),
        }
    }
}

/// A line as it is for programs; for people time, level, message and fields.
fn shown(line: &LogLine, format: Format) -> String {
    if format == Format::Json {
        return line.to_string();
    }
    let mut text = format!("{} {:5} {}", line.timestamp, line.level, printable(line.message()));
    let told = ["timestamp", "level", "target", "message"];
    for (name, value) in line.fields.iter().filter(|(name, _)| !told.contains(&name.as_str())) {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        text.push_str(&format!("  {}={}", printable(name), printable(&value)));
    }
    text
}

fn level(text: &str) -> Result<Level, String> {
    text.parse().map_err(|_| format!("`{text}` is not a level; levels are error, warn, info, debug and trace"))
}

impl From<TelemetryError> for Problem {
    fn from(error: TelemetryError) -> Self {
        Self::new(Exit::Refused, "log", error.to_string(), error.hint())
    }
}
