//! What a field's values look like, as a small part of JSON Schema.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::decimal::Decimal;

/// A number: its step (`multipleOf`, 1 unless stated) and its bounds, all exact.
///
/// With both bounds every value is counted in steps from the lowest allowed one, so it is never negative. With
/// one bound or none it is counted in steps from zero, and how large it may be follows from the modulus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberSchema {
    step: Decimal,
    minimum: Option<Decimal>,
    maximum: Option<Decimal>,
}

/// Why a text is not a schema that is understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// Not JSON.
    #[error("the schema is not JSON: {0}")]
    NotJson(String),
    /// JSON, but not an object with a `type`.
    #[error("the schema must be an object like {{\"type\":\"number\",\"minimum\":0,\"maximum\":120}}")]
    NotAnObject,
    /// A `type` other than number or integer.
    #[error("the schema's type `{0}` is not understood; types are number and integer")]
    UnknownType(String),
    /// A keyword that would be ignored.
    #[error("the schema's keyword `{0}` is not understood; keywords are type, minimum, maximum and multipleOf")]
    UnknownKeyword(String),
    /// A bound or step that is not a number that can be kept exactly.
    #[error("the schema's `{keyword}` must be a number: {reason}")]
    BadNumber {
        /// `minimum`, `maximum` or `multipleOf`.
        keyword: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A step of zero or below.
    #[error("the schema's multipleOf must be above 0")]
    StepNotPositive,
    /// An integer with a step that is not whole.
    #[error("an integer cannot be a multiple of {0}; use \"type\":\"number\"")]
    StepNotWhole(Decimal),
    /// Bounds between which no multiple of the step lies.
    #[error("no value fits the schema: no multiple of {step} lies between {minimum} and {maximum}")]
    Empty {
        /// The step.
        step: Decimal,
        /// The lower bound.
        minimum: Decimal,
        /// The upper bound.
        maximum: Decimal,
    },
    /// Bounds or a step that overflow the arithmetic.
    #[error("the schema's numbers are too large: without the decimal point each must be below 2^63")]
    TooLarge,
}

/// Why a value does not fit its schema. It names the rule and never the value, which is private.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaMismatch {
    /// Not a multiple of the step.
    #[error("the value is not a multiple of {0}")]
    NotAMultiple(Decimal),
    /// Below the minimum.
    #[error("the value is below the minimum of {0}")]
    BelowMinimum(Decimal),
    /// Above the maximum.
    #[error("the value is above the maximum of {0}")]
    AboveMaximum(Decimal),
    /// Too large to be counted in steps.
    #[error("the value is too large")]
    TooLarge,
}

impl Default for NumberSchema {
    /// `{"type":"number"}`: signed whole numbers.
    fn default() -> Self {
        Self { step: Decimal::ONE, minimum: None, maximum: None }
    }
}

impl NumberSchema {
    /// A schema with this step and these bounds.
    ///
    /// # Errors
    /// `StepNotPositive`, `Empty` or `TooLarge`.
    pub fn new(step: Decimal, minimum: Option<Decimal>, maximum: Option<Decimal>) -> Result<Self, SchemaError> {
        let schema = Self { step, minimum, maximum };
        schema.check()?;
        Ok(schema)
    }

    /// Reads one field's schema from JSON.
    ///
    /// # Errors
    /// The first rule that the JSON breaks.
    pub fn from_json(value: &Value) -> Result<Self, SchemaError> {
        let object = value.as_object().ok_or(SchemaError::NotAnObject)?;
        let kind = object.get("type").and_then(Value::as_str).ok_or(SchemaError::NotAnObject)?;
        if !matches!(kind, "number" | "integer") {
            return Err(SchemaError::UnknownType(kind.to_owned()));
        }
        if let Some(keyword) =
            object.keys().find(|key| !matches!(key.as_str(), "type" | "minimum" | "maximum" | "multipleOf"))
        {
            return Err(SchemaError::UnknownKeyword(keyword.clone()));
        }
        let number = |keyword: &'static str| -> Result<Option<Decimal>, SchemaError> {
            let Some(value) = object.get(keyword) else { return Ok(None) };
            let Value::Number(number) = value else {
                return Err(SchemaError::BadNumber { keyword, reason: format!("{value} is not one") });
            };
            let parsed = number.to_string().parse();
            parsed
                .map(Some)
                .map_err(|error| SchemaError::BadNumber { keyword, reason: format!("{number}: {error}") })
        };
        let step = number("multipleOf")?.unwrap_or(Decimal::ONE);
        if kind == "integer" && step.scale() > 0 {
            return Err(SchemaError::StepNotWhole(step));
        }
        Self::new(step, number("minimum")?, number("maximum")?)
    }

    /// Checks a schema that came from elsewhere.
    ///
    /// # Errors
    /// `StepNotPositive`, `Empty` or `TooLarge`.
    pub fn check(&self) -> Result<(), SchemaError> {
        if self.step.mantissa() <= 0 {
            return Err(SchemaError::StepNotPositive);
        }
        // What goes over the wire fits CBOR's 64-bit integers.
        let stated = [Some(self.step), self.minimum, self.maximum];
        if stated.into_iter().flatten().any(|number| i64::try_from(number.mantissa()).is_err()) {
            return Err(SchemaError::TooLarge);
        }
        let low = self.minimum.map(|bound| self.steps_rounded(bound, Rounding::Up));
        let high = self.maximum.map(|bound| self.steps_rounded(bound, Rounding::Down));
        if low == Some(None) || high == Some(None) {
            return Err(SchemaError::TooLarge);
        }
        if let (Some(Some(low)), Some(Some(high))) = (low, high) {
            let (minimum, maximum) = (self.minimum.unwrap_or(self.step), self.maximum.unwrap_or(self.step));
            if low > high {
                return Err(SchemaError::Empty { step: self.step, minimum, maximum });
            }
            high.checked_sub(low).ok_or(SchemaError::TooLarge)?;
        }
        Ok(())
    }

    /// The step between values.
    pub const fn step(&self) -> Decimal {
        self.step
    }

    /// The bounds as stated.
    pub const fn bounds(&self) -> (Option<Decimal>, Option<Decimal>) {
        (self.minimum, self.maximum)
    }

    /// With both bounds: how many steps the highest value lies above the lowest.
    pub fn span_steps(&self) -> Option<u128> {
        let low = self.steps_rounded(self.minimum?, Rounding::Up)?;
        let high = self.steps_rounded(self.maximum?, Rounding::Down)?;
        u128::try_from(high.checked_sub(low)?).ok()
    }

    /// The value, in steps, that is counted as zero: the lowest allowed one with both bounds, else 0.
    pub fn offset_steps(&self) -> i128 {
        match (self.minimum, self.maximum) {
            (Some(minimum), Some(_)) => self.steps_rounded(minimum, Rounding::Up).unwrap_or(0),
            _ => 0,
        }
    }

    /// A value in steps above the offset.
    ///
    /// # Errors
    /// The rule that the value breaks.
    pub fn encode(&self, value: Decimal) -> Result<i128, SchemaMismatch> {
        if let Some(minimum) = self.minimum.filter(|minimum| value < *minimum) {
            return Err(SchemaMismatch::BelowMinimum(minimum));
        }
        if let Some(maximum) = self.maximum.filter(|maximum| value > *maximum) {
            return Err(SchemaMismatch::AboveMaximum(maximum));
        }
        let scale = self.step.scale().max(value.scale());
        let (value, step) = (value.at_scale(scale), self.step.at_scale(scale));
        let (value, step) = value.zip(step).ok_or(SchemaMismatch::TooLarge)?;
        if value % step != 0 {
            return Err(SchemaMismatch::NotAMultiple(self.step));
        }
        (value / step).checked_sub(self.offset_steps()).ok_or(SchemaMismatch::TooLarge)
    }

    /// The number that `steps` steps from zero stand for; `None` on overflow.
    pub fn value_of(&self, steps: i128) -> Option<Decimal> {
        self.step.times(steps)
    }

    fn steps_rounded(&self, bound: Decimal, rounding: Rounding) -> Option<i128> {
        let scale = self.step.scale().max(bound.scale());
        let (bound, step) = (bound.at_scale(scale)?, self.step.at_scale(scale)?);
        let floor = bound.checked_div_euclid(step)?;
        let exact = bound.checked_rem_euclid(step)? == 0;
        Some(if exact || rounding == Rounding::Down { floor } else { floor + 1 })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rounding {
    Up,
    Down,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(json: &str) -> Result<NumberSchema, SchemaError> {
        NumberSchema::from_json(&serde_json::from_str(json).unwrap())
    }

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn values_are_counted_in_steps_from_the_lowest() {
        let schema = schema(r#"{"type":"number","minimum":-1,"maximum":10,"multipleOf":0.25}"#).unwrap();
        assert_eq!(schema.encode(decimal("-1")), Ok(0));
        assert_eq!(schema.encode(decimal("2.5")), Ok(14));
        assert_eq!(schema.span_steps(), Some(44));
        assert_eq!(schema.value_of(14 + schema.offset_steps()), Some(decimal("2.5")));
    }

    #[test]
    fn bounds_that_are_no_multiples_are_rounded_inwards() {
        let schema = schema(r#"{"type":"number","minimum":0.1,"maximum":0.9,"multipleOf":0.25}"#).unwrap();
        assert_eq!((schema.offset_steps(), schema.span_steps()), (1, Some(2)));
    }

    #[test]
    fn without_both_bounds_values_are_counted_from_zero() {
        let schema = schema(r#"{"type":"integer","minimum":5}"#).unwrap();
        assert_eq!(schema.encode(decimal("7")), Ok(7));
        assert_eq!(schema.encode(decimal("4")), Err(SchemaMismatch::BelowMinimum(decimal("5"))));
        assert_eq!(NumberSchema::default().encode(decimal("-3")), Ok(-3));
    }

    #[test]
    fn a_value_outside_is_refused_without_being_named() {
        let schema = schema(r#"{"type":"number","minimum":0,"maximum":10}"#).unwrap();
        assert_eq!(schema.encode(decimal("10.5")), Err(SchemaMismatch::AboveMaximum(decimal("10"))));
        let unfit = schema.encode(decimal("4.7")).unwrap_err();
        assert!(!unfit.to_string().contains("4.7"), "{unfit}");
    }

    #[test]
    fn schemas_that_are_not_understood_are_refused_by_name() {
        assert_eq!(schema("[]"), Err(SchemaError::NotAnObject));
        assert_eq!(schema(r#"{"type":"date"}"#), Err(SchemaError::UnknownType("date".to_owned())));
        let typo = schema(r#"{"type":"number","minimun":0}"#);
        assert_eq!(typo, Err(SchemaError::UnknownKeyword("minimun".to_owned())));
        assert_eq!(schema(r#"{"type":"number","multipleOf":0}"#), Err(SchemaError::StepNotPositive));
        assert!(matches!(schema(r#"{"type":"integer","multipleOf":0.5}"#), Err(SchemaError::StepNotWhole(_))));
        let empty = schema(r#"{"type":"number","minimum":10,"maximum":0}"#);
        assert!(matches!(empty, Err(SchemaError::Empty { .. })));
        let text = schema(r#"{"type":"number","minimum":"0"}"#);
        assert!(matches!(text, Err(SchemaError::BadNumber { keyword: "minimum", .. })));
    }
}
