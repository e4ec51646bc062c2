//! Reading a node's log, across rotations, also while it is being written.

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tracing::Level;

use super::error::TelemetryError;
use super::file::path_of;
use crate::domain::Timestamp;
use crate::domain::limits::LOG_FILES_MAX;

/// How often a followed log is looked at: files tell nobody that they grow. A person does not notice this delay.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(200);

/// Which lines are wanted. The default wants all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// Only lines about this computation: its id or the beginning of it, with or without `COMP-`.
    pub computation: Option<String>,
    /// Only lines of this level or a graver one.
    pub level: Option<Level>,
    /// Only lines from this moment on.
    pub since: Option<Timestamp>,
}

/// One line of a log.
#[derive(Clone, Debug, PartialEq)]
pub struct LogLine {
    /// When it was written.
    pub timestamp: Timestamp,
    /// How grave it is.
    pub level: Level,
    /// Which computation it is about.
    pub computation: Option<String>,
    /// Every field.
    pub fields: Map<String, Value>,
    text: String,
}

/// The lines of a log from the oldest file to the newest. When the last line is read, `next` gives `None`, and
/// later again a line once there is one.
#[derive(Debug)]
pub struct LogReader {
    folder: PathBuf,
    query: LogQuery,
    files: VecDeque<OpenLog>,
    last_timestamp: Timestamp,
}

#[derive(Debug)]
struct OpenLog {
    reader: BufReader<File>,
    /// Device and inode: what a file is called changes when the log is rotated.
    identity: (u64, u64),
    /// The beginning of a line whose end is not written yet.
    unfinished: Vec<u8>,
}

/// Opens the log in a node's folder. A node that never logged has an empty log.
///
/// # Errors
/// `Io`.
pub fn read_log(folder: &Path, query: LogQuery) -> Result<LogReader, TelemetryError> {
    let mut reader = LogReader {
        folder: folder.to_owned(),
        query,
        files: VecDeque::new(),
        last_timestamp: Timestamp::default(),
    };
    reader.open_newer_files()?;
    Ok(reader)
}

impl LogQuery {
    fn wants(&self, line: &LogLine) -> bool {
        let short = |id: &str| {
            let upper = id.to_ascii_uppercase();
            upper.strip_prefix("COMP-").map_or_else(|| upper.clone(), str::to_owned)
        };
        let about =
            |wanted: &String| line.computation.as_ref().is_some_and(|id| short(id).starts_with(&short(wanted)));
        self.computation.as_ref().is_none_or(about)
            && self.level.is_none_or(|level| line.level <= level)
            && self.since.is_none_or(|since| line.timestamp >= since)
    }
}

impl LogLine {
    /// A line as written. What is not one of ours, such as the words of a panic, becomes an error's message with
    /// the time of the line before.
    pub fn parse(text: &str, previous: Timestamp) -> Self {
        let parsed = serde_json::from_str(text).ok().and_then(|fields: Map<String, Value>| {
            let text_of = |key: &str| fields.get(key).and_then(Value::as_str);
            let timestamp = humantime::parse_rfc3339(text_of("timestamp")?).ok()?;
            let level = text_of("level")?.parse().ok()?;
            let computation = text_of("computation").map(str::to_owned);
            Some(Self { timestamp: timestamp.into(), level, computation, fields, text: text.to_owned() })
        });
        parsed.unwrap_or_else(|| {
            let fields = Map::from_iter([
                ("timestamp".to_owned(), json!(previous.to_string())),
                ("level".to_owned(), json!("ERROR")),
                ("target".to_owned(), json!("stderr")),
                ("message".to_owned(), json!(text)),
            ]);
            let text = Value::Object(fields.clone()).to_string();
            Self { timestamp: previous, level: Level::ERROR, computation: None, fields, text }
        })
    }

    /// What happened, in words.
    pub fn message(&self) -> &str {
        self.fields.get("message").and_then(Value::as_str).unwrap_or_default()
    }
}

impl fmt::Display for LogLine {
    /// One JSON object.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Iterator for LogReader {
    type Item = Result<LogLine, TelemetryError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.next_text() {
                Ok(None) => return None,
                Ok(Some(text)) => {
                    let line = LogLine::parse(&text, self.last_timestamp);
                    self.last_timestamp = line.timestamp;
                    if self.query.wants(&line) {
                        return Some(Ok(line));
                    }
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl LogReader {
    /// The next line, waiting until it is written. Dropping the future loses nothing.
    ///
    /// # Errors
    /// `Io`.
    pub async fn next_written(&mut self) -> Result<LogLine, TelemetryError> {
        let mut looks = tokio::time::interval(FOLLOW_INTERVAL);
        loop {
            looks.tick().await;
            if let Some(line) = self.next() {
                return line;
            }
        }
    }

    fn next_text(&mut self) -> Result<Option<String>, TelemetryError> {
        loop {
            if let Some(log) = self.files.front_mut() {
                let read = log.reader.read_until(b'\n', &mut log.unfinished);
                read.map_err(|error| TelemetryError::io(&self.folder, &error))?;
                if log.unfinished.ends_with(b"\n") {
                    return Ok(Some(take_line(&mut log.unfinished)));
                }
            }
            // The end of this file, for now. If a newer one was known before, nobody writes to this one any more.
            if self.files.len() > 1 {
                let rest = self.files.pop_front().map(|log| log.unfinished).unwrap_or_default();
                if !rest.is_empty() {
                    return Ok(Some(take_line(&mut { rest })));
                }
            } else if !self.open_newer_files()? {
                return Ok(None);
            }
        }
    }

    /// Opens the files that are newer than the last open one; whether there are any.
    fn open_newer_files(&mut self) -> Result<bool, TelemetryError> {
        let last = self.files.back().map(|log| log.identity);
        let mut newer: Vec<OpenLog> = Vec::new();
        // From the newest to the oldest: a rotation in between shows one file twice, and none never.
        for path in (0..LOG_FILES_MAX).map(|age| path_of(&self.folder, age)) {
            let opened = File::open(&path).and_then(|file| {
                let metadata = file.metadata()?;
                Ok((file, (metadata.dev(), metadata.ino())))
            });
            match opened {
                Ok((_, identity)) if Some(identity) == last => break,
                Ok((file, identity)) => {
                    if newer.iter().all(|log| log.identity != identity) {
                        newer.push(OpenLog { reader: BufReader::new(file), identity, unfinished: Vec::new() });
                    }
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(TelemetryError::io(&path, &error)),
            }
        }
        let any = !newer.is_empty();
        self.files.extend(newer.into_iter().rev());
        Ok(any)
    }
}

fn take_line(bytes: &mut Vec<u8>) -> String {
    let line = String::from_utf8_lossy(bytes).trim_end_matches(['\n', '\r']).to_owned();
    bytes.clear();
    line
}
