//! What can be computed from the participants' records.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::query::QueryError;
use super::schema::Schema;

/// What is computed from the participants' records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Statistic {
    /// How many records have the field.
    Count,
    /// The sum of the field.
    Sum,
    /// The sum divided by the number of records.
    Mean,
    /// Mean, variance, skewness and the like of one field.
    Univariate,
    /// How many records are in each category.
    Frequency,
    /// How many records are in each range of numbers.
    Histogram,
    /// Median and other quantiles, to a stated resolution.
    Quantiles,
    /// How many records are in each pair of categories.
    Contingency,
    /// Covariance, correlation and the line through two fields.
    Bivariate,
    /// The last field explained by the others.
    Regression,
    /// The mean of every element of a vector.
    VectorMean,
}

/// What fields a statistic takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// One field of any kind.
    OneOfAny,
    /// So many numbers, at least and at most.
    Numbers(usize, usize),
    /// So many fields whose values can be counted one by one: categories, or numbers between bounds.
    Countable(usize),
    /// One vector, or several numbers that make up one.
    Vector,
}

impl Statistic {
    /// All of them, with their names.
    pub const ALL: [(Self, &'static str); 11] = [
        (Self::Count, "count"),
        (Self::Sum, "sum"),
        (Self::Mean, "mean"),
        (Self::Univariate, "univariate"),
        (Self::Frequency, "frequency"),
        (Self::Histogram, "histogram"),
        (Self::Quantiles, "quantiles"),
        (Self::Contingency, "contingency"),
        (Self::Bivariate, "bivariate"),
        (Self::Regression, "regression"),
        (Self::VectorMean, "vector-mean"),
    ];

    /// What fields it takes.
    pub const fn takes(self) -> Takes {
        match self {
            Self::Count => Takes::OneOfAny,
            Self::Sum | Self::Mean | Self::Univariate | Self::Histogram | Self::Quantiles => {
                Takes::Numbers(1, 1)
            }
            Self::Frequency => Takes::Countable(1),
            Self::Contingency => Takes::Countable(2),
            Self::Bivariate => Takes::Numbers(2, 2),
            Self::Regression => Takes::Numbers(2, super::limits::FIELDS_MAX),
            Self::VectorMean => Takes::Vector,
        }
    }

    /// Whether it is made of counts, one a category or a range, rather than of sums.
    pub const fn is_table(self) -> bool {
        match self {
            Self::Frequency | Self::Histogram | Self::Quantiles | Self::Contingency => true,
            Self::Count
            | Self::Sum
            | Self::Mean
            | Self::Univariate
            | Self::Bivariate
            | Self::Regression
            | Self::VectorMean => false,
        }
    }

    /// Whether it adds up squares, products or higher powers.
    pub const fn multiplies(self) -> bool {
        match self {
            Self::Univariate | Self::Bivariate | Self::Regression => true,
            Self::Count
            | Self::Sum
            | Self::Mean
            | Self::Frequency
            | Self::Histogram
            | Self::Quantiles
            | Self::Contingency
            | Self::VectorMean => false,
        }
    }
}

impl Takes {
    /// Whether so many fields are taken.
    pub const fn takes_count(self, count: usize) -> bool {
        match self {
            Self::OneOfAny => count == 1,
            Self::Numbers(least, most) => least <= count && count <= most,
            Self::Countable(exactly) => count == exactly,
            Self::Vector => 1 <= count && count <= super::limits::FIELDS_MAX,
        }
    }

    /// Whether a field of this kind is taken, among so many.
    pub fn takes_schema(self, schema: &Schema, count: usize) -> bool {
        match (self, schema) {
            (Self::OneOfAny, _)
            | (Self::Numbers(..) | Self::Vector, Schema::Number(_))
            | (Self::Countable(_), Schema::Category(_)) => true,
            (Self::Countable(_), Schema::Number(number)) => number.span_steps().is_some(),
            (Self::Vector, Schema::Vector { .. }) => count == 1,
            (Self::Numbers(..) | Self::Vector, Schema::Category(_))
            | (Self::Numbers(..) | Self::Countable(_), Schema::Vector { .. }) => false,
        }
    }
}

impl fmt::Display for Takes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneOfAny => f.write_str("one field"),
            Self::Numbers(1, 1) => f.write_str("one field, a number"),
            Self::Numbers(least, most) if least == most => write!(f, "{least} fields, all numbers"),
            Self::Numbers(least, most) => write!(f, "{least} to {most} fields, all numbers"),
            Self::Countable(1) => f.write_str("one field whose values are listed or bounded"),
            Self::Countable(exactly) => write!(f, "{exactly} fields whose values are listed or bounded"),
            Self::Vector => f.write_str("one field that is an array, or several that are numbers"),
        }
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(statistic, _)| statistic == self).map_or("", |(_, name)| name);
        f.write_str(name)
    }
}

impl FromStr for Statistic {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        let found = Self::ALL.iter().find(|(_, name)| *name == text).map(|(statistic, _)| *statistic);
        found.ok_or_else(|| QueryError::UnknownStatistic(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statistic_has_its_own_name_and_is_found_by_it() {
        for (statistic, name) in Statistic::ALL {
            assert_eq!(statistic.to_string(), name);
            assert_eq!(name.parse(), Ok(statistic));
        }
        assert!("median".parse::<Statistic>().is_err());
    }

    #[test]
    fn fields_are_counted_and_their_kind_is_looked_at() {
        let number = Schema::default();
        let category = Schema::from_json(&serde_json::json!({"type": "boolean"})).unwrap();
        let mean = Statistic::Mean.takes();
        assert!(mean.takes_count(1) && !mean.takes_count(2));
        assert!(mean.takes_schema(&number, 1) && !mean.takes_schema(&category, 1));
        let frequency = Statistic::Frequency.takes();
        assert!(frequency.takes_schema(&category, 1) && !frequency.takes_schema(&number, 1));
        assert!(Statistic::Count.takes().takes_schema(&category, 1));
    }
}
