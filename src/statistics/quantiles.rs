//! Median, quantiles and extremes, as far as counts in buckets tell them.
//!
//! A quantile is the inverse of the empirical distribution function: for a share p of n records the ⌈n·p⌉-th smallest,
//! at least the first (type 1 of Hyndman and Fan, "Sample quantiles in statistical packages", 1996). With an even
//! number of records the median is the mean of the two middle ones. A record counts as the midpoint of its bucket, so a
//! quantile is off by at most half of the resolution.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, Zero};
use serde_json::{Map, Value};

use super::axis::Axis;
use super::definition::{Definition, Totals};
use super::exact::{every_digit, figures, fraction};
use super::family::Family;
use crate::domain::Decimal;
use crate::domain::{Detail, Query};

/// One bucket of a field's range.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    /// The lowest value that falls into it.
    pub(super) low: Decimal,
    /// The highest value that falls into it.
    pub(super) high: Decimal,
}

impl Bucket {
    fn midpoint(self) -> BigRational {
        (fraction(self.low) + fraction(self.high)) / BigInt::from(2)
    }
}

/// The records of every bucket, as ranks. Counts that noise made negative are none.
struct Ranked<'a> {
    buckets: &'a [Bucket],
    /// How many records lie in each bucket or below it.
    upto: Vec<BigInt>,
}

impl Ranked<'_> {
    fn samples(&self) -> BigInt {
        self.upto.last().cloned().unwrap_or_default()
    }

    /// The bucket of the record with this rank, from 1 to the number of records.
    fn bucket(&self, rank: &BigInt) -> Option<Bucket> {
        let at = self.upto.partition_point(|upto| upto < rank);
        self.buckets.get(at).copied()
    }

    /// The smallest value that at least this share of the records does not exceed.
    fn quantile(&self, share: &BigRational) -> Option<BigRational> {
        let samples = self.samples();
        let rank = (share * &samples).ceil().to_integer();
        self.bucket(&rank.clamp(BigInt::one(), samples.max(BigInt::one()))).map(Bucket::midpoint)
    }

    fn median(&self) -> Option<BigRational> {
        let samples = self.samples();
        let lower = self.bucket(&((&samples + 1) / 2))?.midpoint();
        let upper = self.bucket(&((&samples + 2) / 2))?.midpoint();
        Some((lower + upper) / BigInt::from(2))
    }
}

/// The median, the quantiles asked for, and the ends of the lowest and of the highest bucket with a record. All but the
/// resolution is null where nothing is counted.
pub(super) fn quantiles(
    buckets: &[Bucket],
    counts: &[BigInt],
    probabilities: &[Decimal],
    resolution: Decimal,
) -> Map<String, Value> {
    let upto = counts.iter().scan(BigInt::zero(), |upto, count| {
        *upto += count.max(&BigInt::zero());
        Some(upto.clone())
    });
    let ranked = Ranked { buckets, upto: upto.collect() };
    let counted = Some(&ranked).filter(|it| it.samples().is_positive());
    let figure = |value: Option<BigRational>| value.map_or(Value::Null, |value| every_digit(&value));
    let at = |probability: &Decimal| {
        let value = counted.and_then(|it| it.quantile(&fraction(*probability)));
        (probability.to_string(), figure(value))
    };
    let lowest = counted.and_then(|it| it.bucket(&BigInt::one()));
    let highest = counted.and_then(|it| it.bucket(&it.samples()));
    figures([
        ("median", figure(counted.and_then(Ranked::median))),
        ("quantiles", Value::Object(probabilities.iter().map(at).collect())),
        ("minimum", figure(lowest.map(|bucket| fraction(bucket.low)))),
        ("maximum", figure(highest.map(|bucket| fraction(bucket.high)))),
        ("resolution", every_digit(&fraction(resolution))),
    ])
}

pub(super) struct Quantiles;

impl Quantiles {
    /// The resolution and what is asked at it.
    fn asked(query: &Query) -> Option<(Axis, Decimal, &[Decimal])> {
        match &query.detail {
            Detail::Quantiles { resolution, probabilities } => {
                let axis = Axis::of_resolution(query.number()?, *resolution)?;
                Some((axis, *resolution, probabilities))
            }
            Detail::None | Detail::Moments(_) | Detail::Edges(_) => None,
        }
    }
}

impl Definition for Quantiles {
    fn family(&self, query: &Query) -> Family {
        Family::Cells(Self::asked(query).map(|(axis, ..)| axis).into_iter().collect())
    }

    fn answer(&self, query: &Query, totals: &Totals<'_>) -> Map<String, Value> {
        let Some((axis, resolution, probabilities)) = Self::asked(query) else { return Map::new() };
        let bucket = |(low, high)| Bucket { low, high };
        let buckets: Vec<_> = (0..axis.cells()).filter_map(|cell| axis.values_of(cell)).map(bucket).collect();
        quantiles(&buckets, &totals.cells, probabilities, resolution)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    /// Ages in buckets of five whole years from −10 on: the midpoints are −8, −3, 2, 7.
    fn shown(counts: [i64; 4]) -> Value {
        let buckets = [("-10", "-6"), ("-5", "-1"), ("0", "4"), ("5", "9")]
            .map(|(low, high)| Bucket { low: decimal(low), high: decimal(high) });
        let probabilities = ["0", "0.25", "0.5", "0.9", "1"].map(decimal);
        quantiles(&buckets, &counts.map(BigInt::from), &probabilities, decimal("5")).into()
    }

    #[test]
    fn quantiles_are_midpoints_of_the_buckets_of_their_ranks() {
        assert_eq!(
            shown([1, 3, 0, 6]).to_string(),
            r#"{"median":7,"quantiles":{"0":-8,"0.25":-3,"0.5":7,"0.9":7,"1":7},"minimum":-10,"maximum":9,"resolution":5}"#
        );
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_middle_ones() {
        let figures = shown([0, 2, 0, 2]);
        assert_eq!(figures["median"], 2);
        assert_eq!(figures["quantiles"]["0.5"], -3);
        assert_eq!(shown([0, 2, 1, 2])["median"], 2);
        assert_eq!(shown([0, 1, 1, 0])["median"].to_string(), "-0.5");
    }

    #[test]
    fn one_record_is_every_quantile() {
        assert_eq!(
            shown([0, 0, 1, 0]).to_string(),
            r#"{"median":2,"quantiles":{"0":2,"0.25":2,"0.5":2,"0.9":2,"1":2},"minimum":0,"maximum":4,"resolution":5}"#
        );
    }

    #[test]
    fn where_nothing_is_counted_there_are_no_quantiles() {
        for counts in [[0; 4], [0, -2, 0, -1]] {
            assert_eq!(
                shown(counts).to_string(),
                r#"{"median":null,"quantiles":{"0":null,"0.25":null,"0.5":null,"0.9":null,"1":null},"minimum":null,"maximum":null,"resolution":5}"#
            );
        }
    }

    #[test]
    fn counts_that_noise_made_negative_are_none() {
        assert_eq!(shown([-7, 2, -1, 2]), shown([0, 2, 0, 2]));
    }

    #[test]
    fn midpoints_keep_every_digit() {
        let bucket = Bucket { low: decimal("20"), high: decimal("24.9") };
        let figures = quantiles(&[bucket], &[3.into()], &[], decimal("5"));
        assert_eq!(figures["median"].to_string(), "22.45");
        assert_eq!(figures["maximum"].to_string(), "24.9");
    }
}
