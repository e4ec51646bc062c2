//! Numbers: a step and bounds.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::super::decimal::Decimal;
use super::{SchemaError, SchemaMismatch, only_keywords};

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

impl Default for NumberSchema {
    /// `{"type":"number"}`: signed whole numbers.
    fn default() -> Self {
        Self::WHOLE
    }
}

impl NumberSchema {
    /// Signed whole numbers.
    pub const WHOLE: Self = Self { step: Decimal::ONE, minimum: None, maximum: None };

    /// A schema with this step and these bounds.
    ///
    /// # Errors
    /// `StepNotPositive`, `Empty` or `TooLarge`.
    pub fn new(step: Decimal, minimum: Option<Decimal>, maximum: Option<Decimal>) -> Result<Self, SchemaError> {
        let schema = Self { step, minimum, maximum };
        schema.check()?;
        Ok(schema)
    }

    /// Reads the schema of a `number` or an `integer` from JSON.
    ///
    /// # Errors
    /// The first rule that the JSON breaks.
    pub(super) fn from_object(kind: &str, object: &Map<String, Value>) -> Result<Self, SchemaError> {
        only_keywords(object, &["minimum", "maximum", "multipleOf"])?;
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
        if stated.into_iter().flatten().any(|number| !number.is_announced()) {
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

    /// The allowed value that is nearest to this one, the upper one of two. `None` where it cannot be counted in steps.
    pub fn nearest(&self, value: Decimal) -> Option<Decimal> {
        let scale = self.step.scale().max(value.scale());
        let (mantissa, step) = (value.at_scale(scale)?, self.step.at_scale(scale)?);
        let steps = mantissa.checked_add(step / 2)?.div_euclid(step);
        let low = self.minimum.map_or(Some(i128::MIN), |bound| self.steps_rounded(bound, Rounding::Up))?;
        let high = self.maximum.map_or(Some(i128::MAX), |bound| self.steps_rounded(bound, Rounding::Down))?;
        self.value_of(steps.clamp(low, high))
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

impl fmt::Display for NumberSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (word, bound) in [("from", self.minimum), ("to", self.maximum)] {
            if let Some(bound) = bound {
                write!(f, "{word} {bound} ")?;
            }
        }
        write!(f, "in steps of {}", self.step)
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
        let value: Value = serde_json::from_str(json).unwrap();
        let object = value.as_object().unwrap();
        NumberSchema::from_object(object["type"].as_str().unwrap(), object)
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
    fn the_nearest_allowed_value_is_within_the_bounds_and_a_multiple() {
        let schema = schema(r#"{"type":"number","minimum":-1,"maximum":10,"multipleOf":0.25}"#).unwrap();
        for (value, nearest) in
            [("11", "10"), ("-7.5", "-1"), ("2.4", "2.5"), ("2.375", "2.5"), ("-0.3", "-0.25")]
        {
            assert_eq!(schema.nearest(decimal(value)), Some(decimal(nearest)), "{value}");
        }
    }

    #[test]
    fn schemas_that_are_not_understood_are_refused_by_name() {
        let typo = schema(r#"{"type":"number","minimun":0}"#).unwrap_err();
        assert!(matches!(&typo, SchemaError::UnknownKeyword { keyword, .. } if keyword == "minimun"), "{typo}");
        assert_eq!(schema(r#"{"type":"number","multipleOf":0}"#), Err(SchemaError::StepNotPositive));
        assert!(matches!(schema(r#"{"type":"integer","multipleOf":0.5}"#), Err(SchemaError::StepNotWhole(_))));
        let empty = schema(r#"{"type":"number","minimum":10,"maximum":0}"#);
        assert!(matches!(empty, Err(SchemaError::Empty { .. })));
        let text = schema(r#"{"type":"number","minimum":"0"}"#);
        assert!(matches!(text, Err(SchemaError::BadNumber { keyword: "minimum", .. })));
    }
}
