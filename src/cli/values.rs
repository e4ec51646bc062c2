//! What values look like, in the short words of a person: `60..250`, `36.0..42.0`, `never, former, current`.

use serde_json::{Value, json};

use crate::domain::{Decimal, Schema};

/// What is said before a person is asked.
pub const HELP: &str = "\
Values look like 60..250 (whole numbers), 36.0..42.0 (tenths), 0..1 step 0.25,
never, former, current (categories), 8 of -1.00..1.00 (vectors); or type a
JSON Schema.";
/// A number of which nothing is known but that it is whole.
pub const ANY_NUMBER: &str = "any whole number";

/// The JSON Schema of these words.
///
/// # Errors
/// What is wrong with them, for the person who typed them.
pub fn schema_of(words: &str) -> Result<Value, String> {
    let schema = read(words.trim())?;
    Schema::from_json(&schema).map_err(|error| error.to_string())?;
    Ok(schema)
}

fn read(words: &str) -> Result<Value, String> {
    if words == ANY_NUMBER {
        return Ok(json!({"type": "number"}));
    }
    if words.starts_with('{') {
        return serde_json::from_str(words).map_err(|error| format!("this is not JSON: {error}"));
    }
    if let Some((length, items)) = words.split_once(" of ")
        && let Ok(length) = length.trim().parse::<u32>()
    {
        let items = range(items)?;
        return Ok(json!({"type": "array", "items": items, "minItems": length, "maxItems": length}));
    }
    if words.contains("..") {
        return range(words);
    }
    if words.contains(',') {
        let names: Vec<_> = words.split(',').map(str::trim).collect();
        return Ok(json!({"type": "string", "enum": names}));
    }
    Err("type a range like 0..120, or categories with commas between them".to_owned())
}

/// Without a step of its own a range counts in the last digit that is typed.
fn range(words: &str) -> Result<Value, String> {
    let (bounds, step) = match words.split_once("step") {
        Some((bounds, step)) => (bounds, Some(step.trim())),
        None => (words, None),
    };
    let (low, high) = bounds.split_once("..").ok_or("type a range like 0..120")?;
    let (low, high) = (low.trim(), high.trim());
    let number = |text: &str| -> Result<Value, String> {
        if text.is_empty() {
            return Err("a range has a number at both ends, like 0..120".to_owned());
        }
        let decimal: Decimal = text.parse().map_err(|error| format!("`{text}`: {error}"))?;
        serde_json::from_str(&decimal.to_string()).map_err(|error| error.to_string())
    };
    let places =
        [low, high].iter().filter_map(|text| text.split_once('.')).map(|(_, behind)| behind.len()).max();
    let step = match (step, places) {
        (Some(step), _) => Some(number(step)?),
        (None, Some(places @ 1..)) => Some(number(&format!("0.{}1", "0".repeat(places - 1)))?),
        (None, Some(0) | None) => None,
    };
    let (low, high) = (number(low)?, number(high)?);
    Ok(match step {
        Some(step) => json!({"type": "number", "minimum": low, "maximum": high, "multipleOf": step}),
        None => json!({"type": "integer", "minimum": low, "maximum": high}),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_the_schema_that_they_mean() {
        for (words, schema) in [
            ("60..250", json!({"type": "integer", "minimum": 60, "maximum": 250})),
            (" -5 .. 5 ", json!({"type": "integer", "minimum": -5, "maximum": 5})),
            ("36.0..42.5", json!({"type": "number", "minimum": 36, "maximum": 42.5, "multipleOf": 0.1})),
            ("0..1.00", json!({"type": "number", "minimum": 0, "maximum": 1, "multipleOf": 0.01})),
            ("0..1 step 0.25", json!({"type": "number", "minimum": 0, "maximum": 1, "multipleOf": 0.25})),
            ("never, former,current", json!({"type": "string", "enum": ["never", "former", "current"]})),
            ("any whole number", json!({"type": "number"})),
            (r#"{"type":"boolean"}"#, json!({"type": "boolean"})),
        ] {
            assert_eq!(schema_of(words), Ok(schema), "{words}");
        }
        let items = json!({"type": "number", "minimum": -1, "maximum": 1, "multipleOf": 0.1});
        let vector = json!({"type": "array", "items": items, "minItems": 8, "maxItems": 8});
        assert_eq!(schema_of("8 of -1.0..1.0"), Ok(vector));
    }

    #[test]
    fn what_means_nothing_is_refused_in_words() {
        for (words, told) in [
            ("", "a range like"),
            ("numbers", "a range like"),
            ("a..b", "`a`"),
            ("18..", "both ends"),
            ("9..1", "no value fits"),
            ("yes,yes", "each once"),
            ("0..1 step -1", "above 0"),
            ("{", "not JSON"),
            (r#"{"type":"number","minimun":1}"#, "minimun"),
            ("0 of 1..2", "1 to"),
        ] {
            let error = schema_of(words).unwrap_err();
            assert!(error.contains(told), "{words}: {error}");
        }
    }
}
