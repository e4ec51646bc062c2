//! Univariate and bivariate figures, against `ndarray-stats`.

use ndarray::{Array1, Array2};
use ndarray_stats::{CorrelationExt, SummaryStatisticsExt};
use proptest::prelude::*;

use super::{Column, agree};
use crate::statistics::bivariate::bivariate;
use crate::statistics::univariate::univariate;

proptest! {
    #[test]
    fn univariate_figures_are_those_of_a_library(column in Column::any(2..400_usize)) {
        prop_assume!(column.varies());
        let sums: Vec<_> = (1..=6).map(|k| column.power_sum(k)).collect();
        let ours = univariate(&column.samples(), &sums);
        let values = Array1::from(column.doubles());
        let moments = values.central_moments(6).unwrap();
        let mean = ndarray_stats::SummaryStatisticsExt::mean(&*values).unwrap();
        let (deviation, deviation_mle) = (values.std(1.0), values.std(0.0));
        let samples = f64::from(u16::try_from(values.len()).unwrap());
        for (name, library) in [
            ("sum", values.sum()),
            ("mean", mean),
            ("variance", values.var(1.0)),
            ("variance_mle", moments[2]),
            ("variance_of_sample_mean", values.var(1.0) / samples),
            ("standard_deviation", deviation),
            ("standard_deviation_mle", deviation_mle),
            ("standard_error_of_sample_mean", deviation / samples.sqrt()),
            ("root_mean_square", values.pow2().mean().unwrap().sqrt()),
            ("root_mean_square_deviation", deviation_mle),
            ("skewness", values.skewness().unwrap()),
            ("kurtosis", values.kurtosis().unwrap()),
            ("kurtosis_excess", values.kurtosis().unwrap() - 3.0),
            ("hyper_skewness", moments[5] / moments[2].powf(2.5)),
            ("hyper_flatness", moments[6] / moments[2].powi(3)),
        ] {
            agree(&ours, name, library);
        }
        // Near a mean of zero the library's rounding of the mean is what counts.
        if mean.abs() > 1.0 {
            agree(&ours, "coefficient_of_variation", deviation / mean);
            agree(&ours, "coefficient_of_variation_mle", deviation_mle / mean);
        }
    }

    #[test]
    fn bivariate_figures_are_those_of_a_library(
        (x, y) in (2..400_usize).prop_flat_map(|length| (Column::any(length), Column::any(length))),
    ) {
        prop_assume!(x.varies() && y.varies());
        let ours = bivariate(
            &x.samples(),
            [&x.power_sum(1), &y.power_sum(1)],
            [&x.power_sum(2), &y.power_sum(2)],
            &x.product_sum(&y),
        );
        let length = x.doubles().len();
        let both = Array2::from_shape_vec((2, length), [x.doubles(), y.doubles()].concat()).unwrap();
        let covariances = both.cov(1.0).unwrap();
        agree(&ours, "covariance", covariances[(0, 1)]);
        agree(&ours, "covariance_mle", both.cov(0.0).unwrap()[(0, 1)]);
        agree(&ours, "correlation_coefficient", both.pearson_correlation().unwrap()[(0, 1)]);
        let slope = covariances[(0, 1)] / covariances[(0, 0)];
        let (x, y) = (both.row(0), both.row(1));
        agree(&ours, "regression_slope", slope);
        agree(&ours, "regression_intercept", y.mean().unwrap() - slope * x.mean().unwrap());
        agree(&ours, "regression_slope_only", x.dot(&y) / x.dot(&x));
    }
}
