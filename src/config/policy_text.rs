//! Parts of a policy as people write them in TOML. Each may be absent.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::consent::Rate;
use crate::domain::{Decimal, Statistic};

/// Digits behind the point that ε may have.
const EPSILON_SCALE: u32 = 6;
const RATE: &str = "a whole number of answers from 1, or \"unlimited\"";
const BUDGET: &str = "a number above 0 with at most 6 digits behind the point, such as 10 or 0.5";

/// Statistics by their names.
pub(super) mod statistics {
    use super::*;

    pub fn serialize<S: Serializer>(
        set: &Option<BTreeSet<Statistic>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        set.as_ref().map(|set| set.iter().map(ToString::to_string).collect::<Vec<_>>()).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<BTreeSet<Statistic>>, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        let parsed: Result<_, _> = names.iter().map(|name| Statistic::from_str(name)).collect();
        parsed.map(Some).map_err(de::Error::custom)
    }
}

/// How often in a day.
pub(super) mod rate {
    use super::*;

    struct RateVisitor;

    impl Visitor<'_> for RateVisitor {
        type Value = Rate;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(RATE)
        }

        fn visit_i64<E: de::Error>(self, number: i64) -> Result<Rate, E> {
            let most = u32::try_from(number).ok().filter(|most| *most > 0);
            most.map(Rate::AtMost).ok_or_else(|| E::custom(format!("it is {number}, and must be {RATE}")))
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Rate, E> {
            match text {
                "unlimited" => Ok(Rate::Unlimited),
                other => Err(E::custom(format!("it is \"{other}\", and must be {RATE}"))),
            }
        }
    }

    pub fn serialize<S: Serializer>(rate: &Option<Rate>, serializer: S) -> Result<S::Ok, S::Error> {
        match rate {
            None => serializer.serialize_none(),
            Some(Rate::AtMost(most)) => serializer.serialize_u32(*most),
            Some(Rate::Unlimited) => serializer.serialize_str("unlimited"),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Rate>, D::Error> {
        deserializer.deserialize_any(RateVisitor).map(Some)
    }
}

/// A sum of ε.
pub(super) mod budget {
    use super::*;

    struct BudgetVisitor;

    impl Visitor<'_> for BudgetVisitor {
        type Value = Decimal;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(BUDGET)
        }

        fn visit_i64<E: de::Error>(self, number: i64) -> Result<Decimal, E> {
            self.visit_str(&number.to_string())
        }

        /// The shortest text of a number is the one that was written, as far as ε has digits.
        fn visit_f64<E: de::Error>(self, number: f64) -> Result<Decimal, E> {
            self.visit_str(&number.to_string())
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Decimal, E> {
            let budget: Option<Decimal> = text.parse().ok();
            let fits = |budget: &Decimal| budget.at_scale(EPSILON_SCALE).is_some_and(|micros| micros > 0);
            budget.filter(fits).ok_or_else(|| E::custom(format!("it is {text}, and must be {BUDGET}")))
        }
    }

    pub fn serialize<S: Serializer>(budget: &Option<Decimal>, serializer: S) -> Result<S::Ok, S::Error> {
        match budget {
            None => serializer.serialize_none(),
            Some(budget) => serializer.collect_str(budget),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
        deserializer.deserialize_any(BudgetVisitor).map(Some)
    }
}
