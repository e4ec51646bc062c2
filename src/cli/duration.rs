//! Durations as people type them: `500ms`, `30s`, `5m`, `2h`, or bare seconds.

use std::time::Duration;

/// A duration, and the words for it, so that a refusal can repeat them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typed {
    /// As typed.
    pub text: String,
    /// What that is.
    pub duration: Duration,
}

/// Reads a duration and keeps its words.
///
/// # Errors
/// As [`parse`].
pub fn typed(text: &str) -> Result<Typed, String> {
    parse(text).map(|duration| Typed { text: text.trim().to_owned(), duration })
}

/// Reads a duration.
///
/// # Errors
/// The text that is none, and what one looks like.
pub fn parse(text: &str) -> Result<Duration, String> {
    let trimmed = text.trim();
    if let Ok(seconds) = trimmed.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    humantime::parse_duration(trimmed)
        .map_err(|_| format!("`{text}` is not a duration; durations look like 500ms, 30s, 5m, 2h or 90"))
}

/// Milliseconds of a duration; centuries are cut.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_form_is_read() {
        for (text, millis) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("5m", 300_000),
            ("2h", 7_200_000),
            ("90", 90_000),
            (" 7 ", 7_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_named() {
        for text in ["", "soon", "-5", "5 parsecs", "1.5", "99999999999999999999999"] {
            assert!(parse(text).unwrap_err().contains(&format!("`{text}`")));
        }
    }
}
