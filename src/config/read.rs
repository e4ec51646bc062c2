//! Reading TOML so that an error names file, line and key, and never quotes a line, which may hold a private value.

use std::path::Path;

use serde::de::DeserializeOwned;

use super::error::{ConfigError, DataError};

pub(super) fn text_of(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path)
        .map_err(|error| ConfigError::Io { path: path.to_owned(), reason: error.to_string() })
}

pub(super) fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, ConfigError> {
    toml::from_str(text).map_err(|mut error| {
        let line = line_at(text, error.span().map_or(0, |span| span.start));
        let reason = error.message().to_owned();
        // Without its input the error shows its keys, and nothing of the file.
        error.set_input(None);
        let shown = error.to_string();
        let key = shown.lines().find_map(|line| line.strip_prefix("in `")?.strip_suffix('`'));
        ConfigError::Invalid { path: path.to_owned(), line, key: key.unwrap_or_default().to_owned(), reason }
    })
}

pub(super) fn invalid_data(path: &Path, text: &str, at: usize, error: &DataError) -> ConfigError {
    let (line, key) = (line_at(text, at), "data".to_owned());
    ConfigError::Invalid { path: path.to_owned(), line, key, reason: error.to_string() }
}

fn line_at(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}
