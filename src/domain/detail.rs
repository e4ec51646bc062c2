//! What some statistics need to be told beside their fields: powers, ranges, a resolution.

use serde::{Deserialize, Serialize};

use super::decimal::Decimal;
use super::limits::{BUCKETS_MAX, CELLS_MAX, MOMENTS_MAX, PROBABILITIES_MAX};
use super::schema::NumberSchema;
use super::statistic::Statistic;

/// Digits that the edges of equal ranges get beyond those of the bounds where no finite number is exact.
const EDGE_DIGITS: u32 = 6;

/// What a statistic is told beside its fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Detail {
    /// Nothing.
    None,
    /// Univariate: up to which power values are added up, 2 to 6.
    Moments(u8),
    /// Histogram: where ranges begin, and where the last one ends, which it includes; ascending.
    Edges(Vec<Decimal>),
    /// Quantiles.
    Quantiles {
        /// How wide the ranges are in which values are counted, a multiple of the step.
        resolution: Decimal,
        /// Which quantiles, each between 0 and 1; ascending.
        probabilities: Vec<Decimal>,
    },
}

/// Why a detail does not fit its statistic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DetailError {
    /// Something that this statistic is not told, or without what it must be told.
    #[error("{statistic} needs {needs}")]
    Other {
        /// The statistic.
        statistic: Statistic,
        /// What it needs to be told.
        needs: &'static str,
    },
    /// Powers that there are not.
    #[error("the moments are {0}; there are 2 to {MOMENTS_MAX}")]
    Moments(u8),
    /// Edges that make no ranges, or more than can be announced.
    #[error("ranges have 2 to {most} edges, not {0}", most = BUCKETS_MAX + 1)]
    EdgeCount(usize),
    /// An edge where the range before it would end before it begins.
    #[error("the edge {edge} is not above {before}, the one before it")]
    EdgeOrder {
        /// The edge.
        edge: Decimal,
        /// The one before it.
        before: Decimal,
    },
    /// A number that cannot be announced.
    #[error("{0} has too many digits: without the decimal point it must be below 2^63")]
    TooLarge(Decimal),
    /// A resolution that is no multiple of the step, or of one step alone.
    #[error(
        "the resolution is {resolution}; it must be a multiple of the step of {step}, and at least two steps, or the \
         minimum and the maximum would be somebody's exact values"
    )]
    Resolution {
        /// The resolution.
        resolution: Decimal,
        /// The step.
        step: Decimal,
    },
    /// Ranges without end.
    #[error(
        "the ranges in which values are counted lie between bounds, but the schema has no minimum and maximum"
    )]
    Unbounded,
    /// Too many cells.
    #[error("it would count {cells} cells; {CELLS_MAX} are possible")]
    Cells {
        /// Ranges, categories or pairs of them.
        cells: u128,
    },
    /// Probabilities that there are not.
    #[error("quantiles are 1 to {PROBABILITIES_MAX} numbers between 0 and 1, each above the one before")]
    Probabilities,
}

impl Detail {
    /// Checks it against the statistic and, where there is one, the number that it is about.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn check(&self, statistic: Statistic, number: Option<&NumberSchema>) -> Result<(), DetailError> {
        let needs = match (statistic, self) {
            (Statistic::Univariate, Self::Moments(moments)) => {
                let there = (2..=MOMENTS_MAX).contains(moments);
                return if there { Ok(()) } else { Err(DetailError::Moments(*moments)) };
            }
            (Statistic::Histogram, Self::Edges(edges)) => return check_edges(edges),
            (Statistic::Quantiles, Self::Quantiles { resolution, probabilities }) => {
                check_probabilities(probabilities)?;
                check_announced(std::slice::from_ref(resolution))?;
                return number
                    .map_or(Err(DetailError::Unbounded), |number| ranges(number, *resolution).map(drop));
            }
            (Statistic::Univariate, _) => "the powers to be added up",
            (Statistic::Histogram, _) => "the edges of its ranges",
            (Statistic::Quantiles, _) => "a resolution and probabilities",
            (_, Self::None) => return Ok(()),
            (_, Self::Moments(_) | Self::Edges(_) | Self::Quantiles { .. }) => {
                "no moments, edges, resolution or quantiles"
            }
        };
        Err(DetailError::Other { statistic, needs })
    }
}

/// How many steps wide the ranges of a resolution are, and how many of them cover a number's bounds.
///
/// # Errors
/// `Unbounded`, `Resolution`, `Cells`.
pub fn ranges(number: &NumberSchema, resolution: Decimal) -> Result<(u128, u128), DetailError> {
    let span = number.span_steps().ok_or(DetailError::Unbounded)?;
    let step = number.step();
    let scale = step.scale().max(resolution.scale());
    let wide = resolution.at_scale(scale).zip(step.at_scale(scale)).filter(|(wide, step)| wide % step == 0);
    let width = wide.and_then(|(wide, step)| u128::try_from(wide / step).ok()).filter(|width| *width >= 2);
    let width = width.ok_or(DetailError::Resolution { resolution, step })?;
    let cells = span / width + 1;
    if cells > CELLS_MAX { Err(DetailError::Cells { cells }) } else { Ok((width, cells)) }
}

/// The edges of so many ranges of equal width between a number's bounds. Where they are no finite decimal numbers, they
/// are rounded to some digits more than the bounds have.
pub fn equal_edges(number: &NumberSchema, buckets: u32) -> Option<Vec<Decimal>> {
    let (low, high) = match number.bounds() {
        (Some(low), Some(high)) => (low, high),
        (Some(_) | None, _) => return None,
    };
    let digits = low.scale().max(high.scale());
    // Fewer digits where so many could not be announced.
    (digits..=digits + EDGE_DIGITS).rev().find_map(|digits| edges_at(low, high, buckets, digits))
}

fn edges_at(low: Decimal, high: Decimal, buckets: u32, digits: u32) -> Option<Vec<Decimal>> {
    let (start, end) = (low.at_scale(digits)?, high.at_scale(digits)?);
    let wide = end.checked_sub(start)?;
    let count = i128::from(buckets.max(1));
    (0..=count)
        .map(|edge| {
            let above = wide.checked_mul(edge)?.checked_add(count / 2)? / count;
            Decimal::new(start.checked_add(above)?, digits).filter(|edge| edge.is_announced())
        })
        .collect()
}

fn check_announced(numbers: &[Decimal]) -> Result<(), DetailError> {
    match numbers.iter().find(|number| !number.is_announced()) {
        Some(number) => Err(DetailError::TooLarge(*number)),
        None => Ok(()),
    }
}

fn check_edges(edges: &[Decimal]) -> Result<(), DetailError> {
    check_announced(edges)?;
    if !(2..=BUCKETS_MAX + 1).contains(&edges.len()) {
        return Err(DetailError::EdgeCount(edges.len()));
    }
    match edges.iter().zip(edges.iter().skip(1)).find(|(before, edge)| edge <= before) {
        Some((before, edge)) => Err(DetailError::EdgeOrder { edge: *edge, before: *before }),
        None => Ok(()),
    }
}

fn check_probabilities(probabilities: &[Decimal]) -> Result<(), DetailError> {
    let zero = Decimal::ZERO;
    let within = probabilities.iter().all(|one| *one >= zero && *one <= Decimal::ONE);
    let ascending = probabilities.is_sorted_by(|left, right| left < right);
    let there = (1..=PROBABILITIES_MAX).contains(&probabilities.len()) && within && ascending;
    if there { Ok(()) } else { Err(DetailError::Probabilities) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn number(step: &str, low: &str, high: &str) -> NumberSchema {
        NumberSchema::new(decimal(step), Some(decimal(low)), Some(decimal(high))).unwrap()
    }

    #[test]
    fn equal_ranges_are_exact_where_they_can_be() {
        let edges = equal_edges(&number("1", "0", "99"), 10).unwrap();
        assert_eq!(edges[..3], ["0", "9.9", "19.8"].map(decimal));
        assert_eq!(edges[10], decimal("99"));
        let wide = equal_edges(&number("1", "0", "9000000000000000000"), 7).unwrap();
        assert_eq!(wide[1], decimal("1285714285714285714"));
        let thirds = equal_edges(&number("1", "0", "1"), 3).unwrap();
        assert_eq!(thirds, ["0", "0.333333", "0.666667", "1"].map(decimal));
        assert_eq!(equal_edges(&NumberSchema::default(), 3), None);
    }

    #[test]
    fn a_resolution_is_some_steps() {
        let age = number("0.5", "0", "120");
        assert_eq!(ranges(&age, decimal("2")), Ok((4, 61)));
        assert!(matches!(ranges(&age, decimal("0.75")), Err(DetailError::Resolution { .. })));
        assert!(matches!(ranges(&age, decimal("0.5")), Err(DetailError::Resolution { .. })), "one step");
        assert!(matches!(ranges(&age, decimal("0")), Err(DetailError::Resolution { .. })));
        assert!(matches!(ranges(&age, decimal("-2")), Err(DetailError::Resolution { .. })));
        assert!(matches!(ranges(&number("1", "0", "1000000"), decimal("2")), Err(DetailError::Cells { .. })));
        assert_eq!(ranges(&NumberSchema::default(), decimal("2")), Err(DetailError::Unbounded));
    }

    #[test]
    fn a_detail_belongs_to_its_statistic() {
        let edges = Detail::Edges(["0", "1"].map(decimal).to_vec());
        assert_eq!(edges.check(Statistic::Histogram, None), Ok(()));
        assert!(matches!(edges.check(Statistic::Mean, None), Err(DetailError::Other { .. })));
        assert!(matches!(Detail::None.check(Statistic::Histogram, None), Err(DetailError::Other { .. })));
        assert_eq!(Detail::None.check(Statistic::Mean, None), Ok(()));
        for moments in [0, 1, 7] {
            let error = Detail::Moments(moments).check(Statistic::Univariate, None);
            assert_eq!(error, Err(DetailError::Moments(moments)));
        }
        let edges = |edges: &[&str]| Detail::Edges(edges.iter().map(|edge| decimal(edge)).collect());
        let standing = Err(DetailError::EdgeOrder { edge: decimal("1"), before: decimal("1") });
        assert_eq!(edges(&["0", "1", "1"]).check(Statistic::Histogram, None), standing);
        assert_eq!(edges(&["1"]).check(Statistic::Histogram, None), Err(DetailError::EdgeCount(1)));
    }

    #[test]
    fn numbers_that_cannot_be_announced_are_refused() {
        let long = decimal("9223372036854775808");
        let edges = Detail::Edges(vec![Decimal::ZERO, long]);
        assert_eq!(edges.check(Statistic::Histogram, None), Err(DetailError::TooLarge(long)));
        let detail = Detail::Quantiles { resolution: long, probabilities: vec![Decimal::ONE] };
        let refused = detail.check(Statistic::Quantiles, Some(&number("1", "0", "120")));
        assert_eq!(refused, Err(DetailError::TooLarge(long)));
    }

    #[test]
    fn probabilities_lie_between_0_and_1() {
        let quantiles = |probabilities: &[&str]| {
            let probabilities = probabilities.iter().map(|text| decimal(text)).collect();
            let detail = Detail::Quantiles { resolution: decimal("2"), probabilities };
            detail.check(Statistic::Quantiles, Some(&number("1", "0", "10")))
        };
        assert_eq!(quantiles(&["0", "0.5", "1"]), Ok(()));
        for wrong in [&["1.1"][..], &["-0.1"], &[], &["0.5", "0.5"]] {
            assert_eq!(quantiles(wrong), Err(DetailError::Probabilities), "{wrong:?}");
        }
    }
}
