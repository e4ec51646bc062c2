//! What `ndarray-stats`, `linregress` and plain counting say of records.

use formix_p2p::domain::Statistic;
use linregress::fit_low_level_regression_model;
use ndarray::{Array1, Array2, Axis};
use ndarray_stats::histogram::{Bins, Edges, Grid};
use ndarray_stats::{CorrelationExt, HistogramExt, Sort1dExt, SummaryStatisticsExt};

use super::records::{Record, SEXES, SMOKING};

pub const EDGES: [&str; 5] = ["18", "30", "50.5", "65", "90"];
/// Two steps of the body mass index: a value is at most one beside the middle of its range.
pub const RESOLUTION: &str = "0.2";
pub const PROBABILITIES: [&str; 4] = ["0", "0.25", "0.9", "1"];

/// Figures of the JSON answer, by their path in it.
type Figures = Vec<(String, f64)>;

/// What all figures must be.
pub fn expected(statistic: Statistic, fields: &[String], pile: &[&Record]) -> Figures {
    let column = |at: usize| Array1::from_iter(pile.iter().map(|record| record.number(&fields[at])));
    match statistic {
        Statistic::Count => named([("count", count(pile.len()))]),
        Statistic::Sum => named([("sum", column(0).sum())]),
        Statistic::Mean => named([("sum", column(0).sum()), ("mean", column(0).mean().unwrap())]),
        Statistic::Univariate => univariate(&column(0), if fields[0] == "dose" { 6 } else { 2 }),
        Statistic::Frequency => frequency(pile),
        Statistic::Histogram => histogram(&column(0)),
        Statistic::Quantiles => quantiles(&column(0)),
        Statistic::Contingency => contingency(pile),
        Statistic::Bivariate => bivariate(&column(0), &column(1)),
        Statistic::Regression => regression(fields, pile),
        Statistic::VectorMean => vector_mean(pile),
    }
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap())
}

fn named<const N: usize>(figures: [(&str, f64); N]) -> Figures {
    figures.map(|(name, figure)| (format!("/{name}"), figure)).to_vec()
}

fn univariate(values: &Array1<f64>, moments: u8) -> Figures {
    let central = values.central_moments(6).unwrap();
    let samples = count(values.len());
    let mean = values.sum() / samples;
    let mut figures = named([
        ("sum", values.sum()),
        ("mean", mean),
        ("variance", values.var(1.0)),
        ("variance_mle", values.var(0.0)),
        ("variance_of_sample_mean", values.var(1.0) / samples),
        ("standard_deviation", values.std(1.0)),
        ("standard_deviation_mle", values.std(0.0)),
        ("standard_error_of_sample_mean", values.std(1.0) / samples.sqrt()),
        ("coefficient_of_variation", values.std(1.0) / mean),
        ("coefficient_of_variation_mle", values.std(0.0) / mean),
        ("root_mean_square", values.pow2().mean().unwrap().sqrt()),
        ("root_mean_square_deviation", values.std(0.0)),
    ]);
    if moments == 6 {
        figures.extend(named([
            ("skewness", values.skewness().unwrap()),
            ("kurtosis", values.kurtosis().unwrap()),
            ("kurtosis_excess", values.kurtosis().unwrap() - 3.0),
            ("hyper_skewness", central[5] / central[2].powf(2.5)),
            ("hyper_flatness", central[6] / central[2].powi(3)),
        ]));
    }
    figures
}

fn frequency(pile: &[&Record]) -> Figures {
    let of = |category: &&str| count(pile.iter().filter(|record| record.smoker() == *category).count());
    SMOKING.iter().map(|category| (format!("/histogram/{category}"), of(category))).collect()
}

fn histogram(values: &Array1<f64>) -> Figures {
    // In quarters, whole numbers, which the library can order. Its ranges never take in their end; the last of ours does.
    #[allow(clippy::cast_possible_truncation)]
    let whole = |value: f64| (value * 4.0).round() as i64;
    let mut edges: Vec<i64> = EDGES.iter().map(|edge| whole(edge.parse().unwrap())).collect();
    *edges.last_mut().unwrap() += 1;
    let grid = Grid::from(vec![Bins::new(Edges::from(edges))]);
    let observations = values.mapv(whole).insert_axis(Axis(1));
    let histogram = observations.histogram(grid);
    let counts = histogram.counts();
    let counts = counts.iter().enumerate().map(|(at, it)| (format!("/counts/{at}"), count(*it)));
    let edges = EDGES.iter().enumerate().map(|(at, edge)| (format!("/edges/{at}"), edge.parse().unwrap()));
    counts.chain(edges).collect()
}

fn quantiles(values: &Array1<f64>) -> Figures {
    // Tenths of the body mass index in ranges of two: 15.0 and 15.1 are 15.05.
    #[allow(clippy::cast_possible_truncation)]
    let mut tenths = values.mapv(|value| (value * 10.0).round() as i64);
    let samples = tenths.len();
    #[allow(clippy::cast_precision_loss)]
    let low = |tenths: i64| ((tenths - 150) / 2 * 2 + 150) as f64 / 10.0;
    // Above 45 there is nothing, so the last range has one value alone.
    let high = |tenths: i64| (low(tenths) + 0.1).min(45.0);
    let middle = |tenths: i64| (low(tenths) + high(tenths)) / 2.0;
    let mut ranked = |rank: usize| tenths.get_from_sorted_mut(rank.clamp(1, samples) - 1);
    let mut figures = named([
        ("median", (middle(ranked(samples.div_ceil(2))) + middle(ranked(samples / 2 + 1))) / 2.0),
        ("minimum", low(ranked(1))),
        ("maximum", high(ranked(samples))),
        ("resolution", RESOLUTION.parse().unwrap()),
    ]);
    for (probability, hundredths) in PROBABILITIES.into_iter().zip([0, 25, 90, 100]) {
        let rank = (hundredths * samples).div_ceil(100);
        figures.push((format!("/quantiles/{probability}"), middle(ranked(rank))));
    }
    figures
}

fn contingency(pile: &[&Record]) -> Figures {
    let cell = |(row, column): (usize, usize)| {
        let same = |record: &&&Record| record.smoker() == SMOKING[row] && record.sex() == SEXES[column];
        count(pile.iter().filter(same).count())
    };
    // The last category is in no record.
    let observed = Array2::from_shape_fn((SMOKING.len() - 1, SEXES.len()), cell);
    let across = observed.sum_axis(Axis(1)).insert_axis(Axis(1));
    let down = observed.sum_axis(Axis(0)).insert_axis(Axis(0));
    let independent = across.dot(&down) / observed.sum();
    let chi_square = ((&observed - &independent).pow2() / &independent).sum();
    let mut figures = named([("chi_square", chi_square), ("degrees_of_freedom", 2.0)]);
    for ((row, column), count) in observed.indexed_iter() {
        figures.push((format!("/table/{}/{}", SMOKING[row], SEXES[column]), *count));
    }
    figures.extend(SEXES.map(|column| (format!("/table/unknown/{column}"), 0.0)));
    figures
}

fn bivariate(x: &Array1<f64>, y: &Array1<f64>) -> Figures {
    let both = ndarray::stack(Axis(0), &[x.view(), y.view()]).unwrap();
    let covariance = both.cov(1.0).unwrap();
    let slope = covariance[(0, 1)] / covariance[(0, 0)];
    named([
        ("covariance", covariance[(0, 1)]),
        ("covariance_mle", both.cov(0.0).unwrap()[(0, 1)]),
        ("correlation_coefficient", both.pearson_correlation().unwrap()[(0, 1)]),
        ("regression_slope", slope),
        ("regression_intercept", y.mean().unwrap() - slope * x.mean().unwrap()),
        ("regression_slope_only", x.dot(y) / x.dot(x)),
    ])
}

fn regression(fields: &[String], pile: &[&Record]) -> Figures {
    let (explained, predictors) = fields.split_last().unwrap();
    // The library takes what is explained first, then the constant.
    let cells: Vec<f64> = pile
        .iter()
        .flat_map(|record| {
            let predictors = predictors.iter().map(|field| record.number(field));
            [record.number(explained), 1.0].into_iter().chain(predictors)
        })
        .collect();
    let line = fit_low_level_regression_model(&cells, pile.len(), fields.len() + 1).unwrap();
    let mut figures = named([("r_squared", line.rsquared())]);
    let names = std::iter::once("intercept").chain(predictors.iter().map(String::as_str));
    for ((name, coefficient), error) in names.zip(line.parameters()).zip(line.se()) {
        figures.push((format!("/coefficients/{name}"), *coefficient));
        figures.push((format!("/standard_errors/{name}"), *error));
    }
    figures
}

fn vector_mean(pile: &[&Record]) -> Figures {
    let rows = Array2::from_shape_fn((pile.len(), 3), |(record, element)| pile[record].update()[element]);
    let sums = rows.sum_axis(Axis(0));
    let means = rows.mean_axis(Axis(0)).unwrap();
    let sums = sums.iter().enumerate().map(|(at, sum)| (format!("/sum/{at}"), *sum));
    sums.chain(means.iter().enumerate().map(|(at, mean)| (format!("/mean/{at}"), *mean))).collect()
}
