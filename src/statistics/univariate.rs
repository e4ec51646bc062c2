//! One field described: mean, spread and shape, from the sums of its powers.
//!
//! Everything is subtracted as exact fractions before anything is rounded, so that data far from zero lose nothing.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, Zero};
use serde_json::{Map, Value};

use super::definition::{Definition, Totals};
use super::exact::{every_digit, figures, number, quotient, root_number, signed_root_number};
use super::family::Family;
use super::monomial::Monomial;
use crate::domain::limits::MOMENTS_MAX;
use crate::domain::{Detail, Query};

/// The averages of a field's powers over records of which there is at least one.
struct Moments {
    samples: BigRational,
    /// The average of the k-th power at index k; that of power 0 is 1.
    averages: Vec<BigRational>,
}

impl Moments {
    /// From the number of records and the sums of the 1st, 2nd, … power; `None` without records.
    fn new(samples: &BigInt, sums: &[BigRational]) -> Option<Self> {
        let samples = BigRational::from(samples.clone());
        samples.is_positive().then(|| {
            let averages = std::iter::once(BigRational::one()).chain(sums.iter().map(|sum| sum / &samples));
            Self { averages: averages.collect(), samples }
        })
    }

    /// The average of the k-th power.
    fn average(&self, k: usize) -> Option<&BigRational> {
        self.averages.get(k)
    }

    /// The average of (x − mean)^k, by the binomial theorem; `None` where a power is missing, or where noise made an
    /// even moment negative.
    fn central(&self, k: usize) -> Option<BigRational> {
        let minus_mean = -self.average(1)?;
        let mut moment = BigRational::zero();
        // C(k, j) · (−mean)^(k − j) · average(j), from j = k down.
        let (mut binomial, mut power) = (BigInt::one(), BigRational::one());
        for j in (0..=k).rev() {
            moment += self.average(j)? * &power * &binomial;
            binomial = binomial * j / (k - j + 1);
            power *= &minus_mean;
        }
        (k % 2 == 1 || !moment.is_negative()).then_some(moment)
    }

    /// The sample variance: the divisor is one less than the number of records.
    fn variance(&self) -> Option<BigRational> {
        quotient(&(self.central(2)? * &self.samples), &(&self.samples - BigRational::one()))
    }

    /// `variance` / mean², the square of a coefficient of variation, with the sign that the coefficient has.
    fn variation(&self, variance: Option<&BigRational>) -> Value {
        let square = |mean: &BigRational| quotient(variance?, &mean.pow(2));
        match self.average(1).and_then(|mean| Some((mean, square(mean)?))) {
            Some((mean, square)) => signed_root_number(mean, &square),
            None => Value::Null,
        }
    }

    /// The even central moment `k` in units of the standard deviation.
    fn even_standardised(&self, k: usize) -> Option<BigRational> {
        quotient(&self.central(k)?, &power(&self.central(2)?, k / 2))
    }

    /// The odd central moment `k` in units of the standard deviation, which is a root.
    fn odd_standardised(&self, k: usize) -> Value {
        let parts = || {
            let moment = self.central(k)?;
            let square = quotient(&moment.pow(2), &power(&self.central(2)?, k))?;
            Some((moment, square))
        };
        parts().map_or(Value::Null, |(moment, square)| signed_root_number(&moment, &square))
    }
}

/// `base` to the power `exponent`.
fn power(base: &BigRational, exponent: usize) -> BigRational {
    std::iter::repeat_n(base, exponent).product()
}

/// What the sums of the 1st, 2nd, … power of a field say, in the field's own unit. A figure that needs a higher power
/// than there is, or does not exist for these data, is null.
pub(super) fn univariate(samples: &BigInt, sums: &[BigRational]) -> Map<String, Value> {
    let moments = Moments::new(samples, sums);
    let moments = moments.as_ref();
    let variance_mle = moments.and_then(|it| it.central(2));
    let variance = moments.and_then(Moments::variance);
    let of_mean = moments.and_then(|it| quotient(variance.as_ref()?, &it.samples));
    let kurtosis = moments.and_then(|it| it.even_standardised(4));
    let excess = kurtosis.as_ref().map(|it| it - BigRational::from_integer(3.into()));
    let flatness = moments.and_then(|it| it.even_standardised(6));
    let variation = |variance: Option<&BigRational>| moments.map_or(Value::Null, |it| it.variation(variance));
    let odd = |k: usize| moments.map_or(Value::Null, |it| it.odd_standardised(k));
    figures([
        ("sum", sums.first().map_or(Value::Null, every_digit)),
        ("mean", number(moments.and_then(|it| it.average(1)))),
        ("variance", number(variance.as_ref())),
        ("variance_mle", number(variance_mle.as_ref())),
        ("variance_of_sample_mean", number(of_mean.as_ref())),
        ("standard_deviation", root_number(variance.as_ref())),
        ("standard_deviation_mle", root_number(variance_mle.as_ref())),
        ("standard_error_of_sample_mean", root_number(of_mean.as_ref())),
        ("coefficient_of_variation", variation(variance.as_ref())),
        ("coefficient_of_variation_mle", variation(variance_mle.as_ref())),
        ("root_mean_square", root_number(moments.and_then(|it| it.average(2)))),
        ("root_mean_square_deviation", root_number(variance_mle.as_ref())),
        ("skewness", odd(3)),
        ("kurtosis", number(kurtosis.as_ref())),
        ("kurtosis_excess", number(excess.as_ref())),
        ("hyper_skewness", odd(5)),
        ("hyper_flatness", number(flatness.as_ref())),
    ])
}

pub(super) struct Univariate;

impl Univariate {
    fn powers(query: &Query) -> impl Iterator<Item = Monomial> {
        let moments = match query.detail {
            Detail::Moments(moments) => moments,
            Detail::None | Detail::Edges(_) | Detail::Quantiles { .. } => MOMENTS_MAX,
        };
        (1..=moments).map(|power| Monomial::power(0, power))
    }
}

impl Definition for Univariate {
    fn family(&self, query: &Query) -> Family {
        Family::Sums(Self::powers(query).collect())
    }

    fn answer(&self, query: &Query, totals: &Totals<'_>) -> Map<String, Value> {
        let sums: Vec<_> = Self::powers(query).map(|power| totals.sum(power)).collect();
        univariate(&totals.samples, &sums)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes what these values, in thousandths, add up to.
    fn described(thousandths: &[i64], moments: u32) -> Map<String, Value> {
        let values = || thousandths.iter().map(|it| BigRational::new((*it).into(), 1000.into()));
        let sums: Vec<BigRational> =
            (1..=moments).map(|k| values().map(|value| value.pow(k.cast_signed())).sum()).collect();
        univariate(&thousandths.len().into(), &sums)
    }

    #[track_caller]
    fn same(figures: &Map<String, Value>, expected: &[(&str, f64)]) {
        for (name, value) in expected {
            assert_eq!(figures[*name].as_f64(), Some(*value), "{name}");
        }
    }

    #[track_caller]
    fn absent(figures: &Map<String, Value>, names: &[&str]) {
        for name in names {
            assert_eq!(figures[*name], Value::Null, "{name}");
        }
    }

    const SHAPE: [&str; 5] = ["skewness", "kurtosis", "kurtosis_excess", "hyper_skewness", "hyper_flatness"];

    #[test]
    fn a_textbook_example_gives_the_textbook_figures() {
        // 2 4 4 4 5 5 7 9: mean 5, variance 4 with divisor n.
        let figures = described(&[2000, 4000, 4000, 4000, 5000, 5000, 7000, 9000], 6);
        assert_eq!(figures["sum"], 40);
        same(
            &figures,
            &[
                ("mean", 5.0),
                ("variance_mle", 4.0),
                ("variance", 32.0 / 7.0),
                ("variance_of_sample_mean", 4.0 / 7.0),
                ("standard_deviation_mle", 2.0),
                ("root_mean_square_deviation", 2.0),
                ("standard_deviation", (32_f64 / 7.0).sqrt()),
                ("standard_error_of_sample_mean", 0.755_928_946_018_454_5),
                ("coefficient_of_variation_mle", 0.4),
                ("root_mean_square", 29_f64.sqrt()),
                // Central moments 5.25, 44.5, 101.25 and 611.5.
                ("skewness", 0.65625),
                ("kurtosis", 2.78125),
                ("kurtosis_excess", -0.21875),
                ("hyper_skewness", 101.25 / 32.0),
                ("hyper_flatness", 611.5 / 64.0),
            ],
        );
    }

    #[test]
    fn a_thousand_values_near_a_billion_lose_no_digit() {
        // 10^9 + 0, 0.001, …, 0.999: the variance is (n² − 1) / 12 steps.
        let values: Vec<i64> = (0..1000).map(|step| 1_000_000_000_000 + step).collect();
        let figures = described(&values, 6);
        assert_eq!(figures["sum"].to_string(), "1000000000499.5");
        same(
            &figures,
            &[
                ("mean", 1_000_000_000.499_5),
                ("variance_mle", 0.083_333_25),
                ("variance", 0.083_416_666_666_666_67),
                ("skewness", 0.0),
                // 3/5 · (3n² − 7) / (n² − 1) for n equally likely values.
                ("kurtosis", 8_999_979.0 / 4_999_995.0),
            ],
        );
    }

    #[test]
    fn a_higher_power_than_there_is_makes_null() {
        let figures = described(&[1000, 2000, 4000], 4);
        absent(&figures, &["hyper_skewness", "hyper_flatness"]);
        assert!(SHAPE[..3].iter().all(|name| figures[*name].is_number()));
        let figures = described(&[1000, 2000, 4000], 2);
        absent(&figures, &SHAPE);
        same(&figures, &[("variance_mle", 14.0 / 9.0), ("root_mean_square", 7_f64.sqrt())]);
    }

    #[test]
    fn without_records_only_the_sum_is_known() {
        let figures = described(&[], 6);
        assert_eq!(figures["sum"], 0);
        assert_eq!(figures.values().filter(|figure| !figure.is_null()).count(), 1);
        assert_eq!(figures.len(), 17);
    }

    #[test]
    fn one_record_has_no_sample_variance() {
        let figures = described(&[-41_500], 6);
        same(&figures, &[("mean", -41.5), ("variance_mle", 0.0), ("root_mean_square", 41.5)]);
        absent(&figures, &["variance", "standard_deviation", "variance_of_sample_mean"]);
        absent(&figures, &["standard_error_of_sample_mean", "coefficient_of_variation"]);
        absent(&figures, &SHAPE);
    }

    #[test]
    fn values_that_are_all_equal_have_spread_zero_and_no_shape() {
        let figures = described(&[100; 7], 6);
        same(&figures, &[("mean", 0.1), ("variance", 0.0), ("standard_deviation_mle", 0.0)]);
        same(&figures, &[("coefficient_of_variation", 0.0)]);
        absent(&figures, &SHAPE);
    }

    #[test]
    fn negative_data_are_skewed_the_other_way() {
        let (left, right) = (described(&[-9000, -1000, 0], 6), described(&[9000, 1000, 0], 6));
        for name in ["mean", "skewness", "hyper_skewness", "coefficient_of_variation"] {
            assert_eq!(left[name].as_f64(), right[name].as_f64().map(|figure| -figure), "{name}");
        }
        for name in ["variance", "kurtosis", "hyper_flatness", "root_mean_square"] {
            assert_eq!(left[name], right[name], "{name}");
        }
    }

    #[test]
    fn a_mean_of_zero_has_no_coefficient_of_variation() {
        let figures = described(&[-1000, 1000], 4);
        absent(&figures, &["coefficient_of_variation", "coefficient_of_variation_mle"]);
        same(&figures, &[("mean", 0.0), ("skewness", 0.0), ("kurtosis", 1.0)]);
    }

    #[test]
    fn noise_that_makes_a_variance_negative_makes_null() {
        let whole = |number: i64| BigRational::from_integer(number.into());
        let figures = univariate(&4.into(), &[whole(40), whole(300), whole(5000), whole(60000)]);
        same(&figures, &[("mean", 10.0), ("root_mean_square", 75_f64.sqrt())]);
        absent(&figures, &["variance", "variance_mle", "standard_deviation", "coefficient_of_variation"]);
        absent(&figures, &SHAPE);
        let figures = univariate(&(-3).into(), &[whole(40), whole(-300)]);
        assert_eq!(figures["sum"], 40);
        absent(&figures, &["mean", "variance", "root_mean_square"]);
        let figures = univariate(&4.into(), &[whole(40), whole(-300)]);
        absent(&figures, &["root_mean_square"]);
    }
}
