//! Numbers as people read them; programs get every digit.

use serde_json::Value;

use super::table::Look;

/// Digits of a fraction that people are shown in full; a longer one is a quotient, and is rounded.
const DIGITS_SHOWN_MAX: usize = 12;
/// Significant digits of a rounded number, of which at least [`DECIMALS_MIN`] stand behind the point.
const SIGNIFICANT_DIGITS: usize = 6;
const DECIMALS_MIN: usize = 2;
/// Thin, and never broken at.
const GROUP_SEPARATOR: char = '\u{202f}';

/// A number for people: 2 rather than 2.0, long quotients rounded; on a terminal, thousands apart. Other values are shown
/// as they are.
pub fn shown(look: Look, value: &Value) -> String {
    let Value::Number(number) = value else { return value.to_string() };
    grouped(look, &rounded(&number.to_string()))
}

/// Three significant digits, for what is an estimate anyway; whole numbers keep all of theirs.
pub fn rough(look: Look, number: f64) -> String {
    const DIGITS: usize = 3;
    if number != 0.0 && number.abs() < 1e-3 {
        return format!("{number:.*e}", DIGITS - 1);
    }
    let (mut whole, mut decimals) = (number.abs(), DIGITS - 1);
    if whole < 1.0 {
        decimals = DIGITS;
    }
    while whole >= 10.0 && decimals > 0 {
        (whole, decimals) = (whole / 10.0, decimals - 1);
    }
    let text = format!("{number:.decimals$}");
    let text = if decimals > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { text.as_str() };
    grouped(look, text)
}

/// A whole number for people.
pub fn whole(look: Look, number: impl Into<u64>) -> String {
    grouped(look, &number.into().to_string())
}

/// The text of a decimal number, rounded if it is long.
fn rounded(text: &str) -> String {
    let Some((whole, fraction)) = text.split_once('.') else { return text.to_owned() };
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let text = match text.parse::<f64>() {
        Ok(number) if digits > DIGITS_SHOWN_MAX || fraction.contains(['e', 'E']) => {
            let whole = whole.trim_start_matches('-').len();
            if number.abs() < 1e-3 {
                return format!("{number:.*e}", SIGNIFICANT_DIGITS - 1);
            }
            format!("{number:.*}", SIGNIFICANT_DIGITS.saturating_sub(whole).max(DECIMALS_MIN))
        }
        Ok(_) | Err(_) => text.to_owned(),
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Its whole part in groups of three.
fn grouped(look: Look, text: &str) -> String {
    let sign_and_whole = text.split('.').next().unwrap_or(text);
    let whole = sign_and_whole.trim_start_matches('-');
    if look == Look::Plain || whole.len() < 4 || !whole.bytes().all(|digit| digit.is_ascii_digit()) {
        return text.to_owned();
    }
    let (sign, rest) = (&text[..sign_and_whole.len() - whole.len()], &text[sign_and_whole.len()..]);
    let mut apart = String::from(sign);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            apart.push(GROUP_SEPARATOR);
        }
        apart.push(digit);
    }
    apart + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(look: Look, json: &str) -> String {
        shown(look, &serde_json::from_str(json).unwrap()).replace(GROUP_SEPARATOR, " ")
    }

    #[test]
    fn people_see_short_numbers_and_exact_totals() {
        for (json, shown) in [
            ("2.0", "2"),
            ("54.2", "54.2"),
            ("54.233333333333334", "54.2333"),
            ("0.3333333333333333", "0.33333"),
            ("1234567.8912", "1234567.8912"),
            ("-1234567.891234567", "-1234567.89"),
            ("0.00001234567890123", "1.23457e-5"),
            ("1000017", "1000017"),
            ("100", "100"),
            ("170141183460469231731687303715884105727", "170141183460469231731687303715884105727"),
        ] {
            assert_eq!(read(Look::Plain, json), shown);
        }
    }

    #[test]
    fn an_estimate_has_three_digits() {
        for (number, shown) in [
            (0.0, "0"),
            (0.000_123_4, "1.23e-4"),
            (0.0123, "0.012"),
            (0.848_5, "0.849"),
            (8.485, "8.48"),
            (53.0, "53"),
            (84.85, "84.8"),
            (212.132, "212"),
            (84_853.1, "84853"),
        ] {
            assert_eq!(rough(Look::Plain, number), shown);
        }
        assert_eq!(rough(Look::Ruled, 84_853.1).replace(GROUP_SEPARATOR, " "), "84 853");
    }

    #[test]
    fn thousands_stand_apart_on_a_terminal() {
        for (json, shown) in
            [("999", "999"), ("1284", "1 284"), ("-1000017.5", "-1 000 017.5"), ("100000", "100 000")]
        {
            assert_eq!(read(Look::Ruled, json), shown);
        }
        assert_eq!(read(Look::Ruled, r#"{"A":1284}"#), r#"{"A":1284}"#);
    }
}
