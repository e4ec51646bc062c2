//! A result of one number or two: the number, and beside it the noise that is in it.

use serde_json::Value;

use super::figure::ABSENT;
use super::{Answer, BESIDE};
use crate::cli::number;
use crate::cli::table::Look;

/// Every number of the answer itself, by name; none where the answer is a block of its own.
pub fn rows(look: Look, result: &Value) -> Vec<(&str, String)> {
    if !matches!(Answer::of(result), Answer::Numbers(_)) {
        return Vec::new();
    }
    let all = result.as_object().into_iter().flatten();
    let named = all.filter(|(name, _)| !BESIDE.contains(&name.as_str()));
    named.map(|(name, value)| (name.as_str(), with_noise(look, result, name, value))).collect()
}

/// "mean 7.25 ± 0.5 (noise, ε = 1)"; nothing where the answer is a block of its own.
pub fn named(look: Look, result: &Value, statistic: &str) -> Option<String> {
    let value = result.get(statistic)?;
    if !matches!(Answer::of(result), Answer::Numbers(_)) {
        return None;
    }
    Some(format!("{statistic} {}", with_noise(look, result, statistic, value)))
}

fn with_noise(look: Look, result: &Value, name: &str, value: &Value) -> String {
    if value.is_null() {
        return ABSENT.to_owned();
    }
    let shown = number::shown(look, value);
    let Some(noise) = result.get("noise") else { return shown };
    let of = |object: &Value, key: &str| object.get(key).and_then(Value::as_f64).unwrap_or(f64::NAN);
    // The noise is in the sum; a mean has its share of it.
    let divisor = if name == "mean" { of(result, "samples") } else { 1.0 };
    let deviation = number::rough(look, of(noise, "standard_deviation") / divisor);
    let epsilon = noise.get("epsilon").map(Value::to_string).unwrap_or_default();
    format!("{shown} ± {deviation} (noise, ε = {epsilon})")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_exact_answer_stands_alone() {
        let result = json!({"mean": 7.25, "sum": 29, "samples": 4, "participants": 4});
        let expected = [("mean", "7.25".to_owned()), ("sum", "29".to_owned())];
        assert_eq!(rows(Look::Plain, &result), expected);
        assert_eq!(named(Look::Plain, &result, "mean").unwrap(), "mean 7.25");
        assert_eq!(named(Look::Plain, &result, "count"), None);
    }

    #[test]
    fn noise_stands_beside_the_number_that_it_is_in() {
        let noise = json!({"mechanism": "discrete-laplace", "epsilon": 0.5, "standard_deviation": 212.132});
        let result = json!({"mean": 7.25, "sum": 29, "samples": 4, "participants": 4, "noise": noise});
        let expected = [
            ("mean", "7.25 ± 53 (noise, ε = 0.5)".to_owned()),
            ("sum", "29 ± 212 (noise, ε = 0.5)".to_owned()),
        ];
        assert_eq!(rows(Look::Plain, &result), expected);
        let count = json!({"count": 31, "samples": 30, "participants": 30, "noise": noise});
        assert_eq!(named(Look::Plain, &count, "count").unwrap(), "count 31 ± 212 (noise, ε = 0.5)");
    }
}
