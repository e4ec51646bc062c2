//! Guards against: a line that is lost or cannot be parsed, a filter that hides what was asked for.

use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use tracing::{Level, debug, error, info, info_span, warn};

use super::*;
use crate::domain::ComputationId;
use crate::sharing::Secret;

struct Scratch {
    folder: tempfile::TempDir,
}

impl Scratch {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// Runs something that logs into this folder.
    fn log(&self, rust_log: Option<&str>, what: impl FnOnce()) {
        let verbosity = Verbosity::Normal;
        let (subscriber, _guard) =
            subscriber(Some(self.folder.path()), Terminal::Off, rust_log, &verbosity).unwrap();
        tracing::subscriber::with_default(subscriber, what);
    }

    fn lines(&self, query: LogQuery) -> Vec<LogLine> {
        read_log(self.folder.path(), query).unwrap().map(Result::unwrap).collect()
    }

    fn messages(&self, query: LogQuery) -> Vec<String> {
        self.lines(query).iter().map(|line| line.message().to_owned()).collect()
    }

    fn write(&self, age: usize, content: &str) {
        std::fs::write(path_of(self.folder.path(), age), content).unwrap();
    }
}

fn written(seconds: u64, level: &str, computation: &str, message: &str) -> String {
    let timestamp = Timestamp::from_millis(seconds * 1_000);
    let (level, target) = (level.to_owned(), "formix_p2p");
    serde_json::json!({
        "timestamp": timestamp.to_string(), "level": level, "target": target, "message": message,
        "computation": computation,
    })
    .to_string()
        + "\n"
}

#[test]
fn lines_are_objects_with_the_fields_of_event_and_spans_at_the_top() {
    let scratch = Scratch::new();
    let id = ComputationId::of_body(b"x");
    scratch.log(None, || {
        let span =
            info_span!("computation", computation = %id, step = "close", reports = tracing::field::Empty);
        let _entered = span.enter();
        span.record("reports", 3_u64);
        let _inner = info_span!("peer", peer = "ABCDEFGH", step = "vote").entered();
        info!(share = ?Secret::new(vec![123_u8]), good = true, ratio = 0.5, level = "own", "it {}", "works");
    });
    let text = std::fs::read_to_string(path_of(scratch.folder.path(), 0)).unwrap();
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    for (key, value) in [
        ("level", serde_json::json!("INFO")),
        ("target", serde_json::json!("formix_p2p::telemetry::tests")),
        ("message", serde_json::json!("it works")),
        ("computation", serde_json::json!(id.to_string())),
        ("peer", serde_json::json!("ABCDEFGH")),
        ("step", serde_json::json!("vote")),
        ("reports", serde_json::json!(3)),
        ("good", serde_json::json!(true)),
        ("ratio", serde_json::json!(0.5)),
        ("level_", serde_json::json!("own")),
        ("share", serde_json::json!("<redacted>")),
    ] {
        assert_eq!(line[key], value, "{key}");
    }
    let timestamp = line["timestamp"].as_str().unwrap();
    assert!(timestamp.len() == 24 && timestamp.ends_with('Z'), "{timestamp}");
    assert!(
        text.starts_with("{\"timestamp\":") && text.ends_with("}\n") && text.lines().count() == 1,
        "{text}"
    );
    assert_eq!(std::fs::metadata(path_of(scratch.folder.path(), 0)).unwrap().mode() & 0o777, 0o600);
    assert_eq!(scratch.lines(LogQuery::default())[0].to_string(), text.trim_end());
}

#[test]
fn others_are_heard_from_warn_on_unless_asked_for() {
    let scratch = Scratch::new();
    let say = || {
        info!(target: "libp2p_swarm", "noise");
        warn!(target: "libp2p_swarm", "trouble");
        debug!(target: "formix_p2p::node", "detail");
        info!(target: "formix_p2p::node", "news");
    };
    scratch.log(None, say);
    assert_eq!(scratch.messages(LogQuery::default()), ["trouble", "news"]);
    scratch.log(Some("debug"), say);
    assert_eq!(scratch.messages(LogQuery::default())[2..], ["noise", "trouble", "detail", "news"]);
    scratch.log(Some("off"), say);
    assert_eq!(scratch.messages(LogQuery::default()).len(), 6);
}

#[test]
fn many_threads_lose_no_line() {
    let scratch = Scratch::new();
    let (subscriber, _guard) =
        subscriber(Some(scratch.folder.path()), Terminal::Off, None, &Verbosity::Normal).unwrap();
    let dispatch = tracing::Dispatch::new(subscriber);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let dispatch = dispatch.clone();
            scope.spawn(move || {
                tracing::dispatcher::with_default(&dispatch, || {
                    (0..200).for_each(|n| info!(thread, n, "line"))
                });
            });
        }
    });
    assert_eq!(scratch.messages(LogQuery::default()), vec!["line"; 1_600]);
}

#[test]
fn lines_are_found_by_computation_level_and_time_across_files() {
    let scratch = Scratch::new();
    scratch.write(2, &written(1, "INFO", "COMP-AAAAAAAA", "oldest"));
    scratch.write(
        1,
        &(written(2, "ERROR", "COMP-AAAAAAAA", "older") + &written(3, "INFO", "COMP-BBBBBBBB", "old")),
    );
    scratch.write(
        0,
        &(written(4, "DEBUG", "COMP-AAAAAAAA", "new") + &written(5, "WARN", "COMP-AABBBBBB", "newest")),
    );
    let about = |id: &str| LogQuery { computation: Some(id.to_owned()), ..LogQuery::default() };
    assert_eq!(scratch.messages(LogQuery::default()), ["oldest", "older", "old", "new", "newest"]);
    assert_eq!(scratch.messages(about("COMP-AAAAAAAA")), ["oldest", "older", "new"]);
    assert_eq!(scratch.messages(about("aab")), ["newest"]);
    let grave = LogQuery { level: Some(Level::WARN), ..LogQuery::default() };
    assert_eq!(scratch.messages(grave), ["older", "newest"]);
    let late = LogQuery { since: Some(Timestamp::from_millis(3_000)), ..about("comp-a") };
    assert_eq!(scratch.messages(late), ["new", "newest"]);
}

#[test]
fn what_is_not_one_of_our_lines_is_shown_as_an_error() {
    let scratch = Scratch::new();
    scratch.write(0, &(written(7, "INFO", "", "fine") + "thread 'main' panicked\n[1]\n{\"level\":1}\n"));
    let lines = scratch.lines(LogQuery::default());
    assert_eq!(lines.len(), 4);
    assert_eq!((lines[1].level, lines[1].timestamp), (Level::ERROR, lines[0].timestamp));
    assert_eq!(lines[1].message(), "thread 'main' panicked");
    assert!(lines.iter().all(|line| serde_json::from_str::<serde_json::Value>(&line.to_string()).is_ok()));
}

#[test]
fn a_followed_log_loses_no_line_over_rotations() {
    let scratch = Scratch::new();
    let mut reader = read_log(scratch.folder.path(), LogQuery::default()).unwrap();
    assert!(reader.next().is_none(), "there is no log yet");
    let mut log = RotatingFile::open(scratch.folder.path(), 200).unwrap();
    let mut seen = Vec::new();
    for number in 0..50_u64 {
        log.write_line(written(number, "INFO", "", &number.to_string()).as_bytes()).unwrap();
        // Rotations happen while nothing is read, but never more than there are files.
        if number % 3 == 0 {
            seen.extend(reader.by_ref().map(|line| line.unwrap().message().to_owned()));
        }
    }
    seen.extend(reader.by_ref().map(|line| line.unwrap().message().to_owned()));
    assert_eq!(seen, (0..50).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[test]
fn half_a_line_is_waited_for() {
    let scratch = Scratch::new();
    let line = written(1, "INFO", "", "whole");
    scratch.write(0, &line[..20]);
    let mut reader = read_log(scratch.folder.path(), LogQuery::default()).unwrap();
    assert!(reader.next().is_none());
    scratch.write(0, &line);
    assert_eq!(reader.next().unwrap().unwrap().message(), "whole");
}

#[tokio::test]
async fn following_waits_for_the_next_line() {
    let scratch = Scratch::new();
    let mut reader = read_log(scratch.folder.path(), LogQuery::default()).unwrap();
    let writes = async {
        tokio::task::yield_now().await;
        scratch.log(None, || error!("news"));
    };
    let wait = tokio::time::timeout(Duration::from_secs(10), reader.next_written());
    let (line, ()) = tokio::join!(wait, writes);
    assert_eq!(line.unwrap().unwrap().message(), "news");
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let scratch = Scratch::new();
    let missing = scratch.folder.path().join("missing");
    let failed = subscriber(Some(&missing), Terminal::Human, None, &Verbosity::Normal).map(|_| ());
    assert!(failed.unwrap_err().to_string().contains("missing/logs.log"));
}
