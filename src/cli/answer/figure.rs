//! One number of a result.

use serde_json::{Number, Value};

use crate::cli::number;
use crate::cli::table::Look;

/// What stands where a figure is not defined.
pub const ABSENT: &str = "–";

/// One number of a result, every digit of it; or none, where it is not defined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figure(Option<Number>);

impl Figure {
    /// The number that stands there; anything else is none.
    pub fn of(value: Option<&Value>) -> Self {
        match value {
            Some(Value::Number(number)) => Self(Some(number.clone())),
            Some(_) | None => Self(None),
        }
    }

    /// A number that is written as text, such as the key of a quantile.
    pub fn of_text(text: &str) -> Self {
        Self(text.parse().ok())
    }

    /// For people: rounded, or a dash.
    pub fn shown(&self, look: Look) -> String {
        match &self.0 {
            Some(number) => number::shown(look, &Value::Number(number.clone())),
            None => ABSENT.to_owned(),
        }
    }

    /// For programs: every digit, or nothing.
    pub fn exact(&self) -> String {
        self.0.as_ref().map(Number::to_string).unwrap_or_default()
    }

    /// For a place in a picture: finite, or none.
    pub fn as_f64(&self) -> Option<f64> {
        self.0.as_ref().and_then(Number::as_f64).filter(|number| number.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn people_get_it_rounded_and_programs_get_every_digit() {
        let total: Value = serde_json::from_str("170141183460469231731687303715884105727").unwrap();
        assert_eq!(Figure::of(Some(&total)).exact(), total.to_string());
        let third = Figure::of(Some(&json!(1.0 / 3.0)));
        assert_eq!(
            (third.shown(Look::Plain), third.exact()),
            ("0.33333".to_owned(), "0.3333333333333333".to_owned())
        );
    }

    #[test]
    fn what_is_not_defined_is_a_dash_for_people_and_nothing_for_programs() {
        for absent in [
            Figure::of(None),
            Figure::of(Some(&Value::Null)),
            Figure::of(Some(&json!("7"))),
            Figure::of_text("x"),
        ] {
            assert_eq!((absent.shown(Look::Plain).as_str(), absent.exact().as_str()), (ABSENT, ""));
            assert_eq!(absent.as_f64(), None);
        }
    }
}
