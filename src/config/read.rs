//! Reading TOML so that an error names file, line and key, and never quotes a line, which may hold a private value.

use std::path::Path;

use serde::de::DeserializeOwned;

use super::error::{ConfigError, DataError};
use super::policy::PolicyError;

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

/// A policy that makes no sense, with the line of the key that it names.
pub(super) fn invalid_policy(path: &Path, text: &str, (key, error): (String, PolicyError)) -> ConfigError {
    let line = line_of(text, &key).unwrap_or(1);
    ConfigError::Invalid { path: path.to_owned(), line, key, reason: error.to_string() }
}

/// Where a key such as `policy.proposers` stands, or the table that it is written in.
fn line_of(text: &str, key: &str) -> Option<usize> {
    let bare = |part: &str| part.replace(['"', '\'', ' ', '\t'], "");
    let key = bare(key);
    let is_at =
        |said: &str| key.strip_prefix(said).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let mut table = String::new();
    let mut header_at = None;
    for (at, line) in text.lines().enumerate() {
        if let Some(header) = line.trim_start().strip_prefix('[') {
            table = bare(header.split(']').next().unwrap_or_default());
            header_at = is_at(&table).then_some(at + 1).or(header_at);
            continue;
        }
        let Some((left, _)) = line.split_once('=') else { continue };
        let said = if table.is_empty() { bare(left) } else { format!("{table}.{}", bare(left)) };
        if is_at(&said) {
            return Some(at + 1);
        }
    }
    header_at
}

fn line_at(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}
