//! A log, as it is read back: lines of ours, and whatever else got into the file.

use formix_p2p::domain::Timestamp;
use formix_p2p::telemetry::LogLine;

/// Lines of one run: they differ by the time of the line before.
const LINES_MAX: usize = 4;

/// Reads a log.
pub fn feed(bytes: &[u8]) {
    let mut previous = Timestamp::from_millis(1_800_000_000_000);
    for text in String::from_utf8_lossy(bytes).lines().take(LINES_MAX) {
        let line = LogLine::parse(text, previous);
        let shown = line.to_string();
        assert!(!shown.contains('\n'), "a line of two lines");
        assert!(
            serde_json::from_str::<serde_json::Value>(&shown).is_ok(),
            "a line for programs that is no JSON: {shown}"
        );
        let again = LogLine::parse(&shown, previous);
        assert_eq!(again.message(), line.message());
        assert_eq!((again.timestamp, again.level), (line.timestamp, line.level), "{shown}");
        assert_eq!(again.computation, line.computation);
        previous = line.timestamp;
    }
}
