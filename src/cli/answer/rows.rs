//! Figures one a line, in groups.

use serde_json::Value;

use super::figure::ABSENT;
use super::{Figure, Named, Quantiles};
use crate::cli::table::Look;

/// Names in JSON and names for people, a group at a time. What is not among them stands in a last group.
type Groups = &'static [&'static [(&'static str, &'static str)]];

const UNIVARIATE: Groups = &[
    &[
        ("mean", "mean"),
        ("standard_deviation", "standard deviation"),
        ("standard_error_of_sample_mean", "standard error of the mean"),
        ("sum", "sum"),
    ],
    &[
        ("variance", "variance"),
        ("variance_of_sample_mean", "variance of the mean"),
        ("coefficient_of_variation", "coefficient of variation"),
    ],
    &[
        ("variance_mle", "variance, divided by n"),
        ("standard_deviation_mle", "standard deviation, divided by n"),
        ("coefficient_of_variation_mle", "coefficient of variation, divided by n"),
        ("root_mean_square", "root mean square"),
        ("root_mean_square_deviation", "root mean square deviation"),
    ],
    &[
        ("skewness", "skewness"),
        ("kurtosis", "kurtosis"),
        ("kurtosis_excess", "kurtosis, excess"),
        ("hyper_skewness", "hyper-skewness"),
        ("hyper_flatness", "hyper-flatness"),
    ],
];

const BIVARIATE: Groups = &[
    &[("correlation_coefficient", "correlation"), ("covariance", "covariance")],
    &[
        ("regression_slope", "slope"),
        ("regression_intercept", "intercept"),
        ("regression_slope_only", "slope through the origin"),
    ],
    &[("covariance_mle", "covariance, divided by n")],
];

/// Mean, spread and shape.
pub fn univariate(look: Look, figures: &Named, result: &Value) -> String {
    let named = |name| figure(figures, name);
    let deviation = named("standard_deviation");
    let reason = |name: &str| reason(name, figures, result);
    let mut groups = grouped(look, UNIVARIATE, figures, reason);
    if deviation.as_f64().is_some() {
        // The first row that people look for.
        let both = format!("{} ± {}", named("mean").shown(look), deviation.shown(look));
        let first = ("mean ± standard deviation".to_owned(), both);
        if let Some(group) = groups.first_mut() {
            group.retain(|(name, _)| name != "mean" && name != "standard deviation");
            group.insert(0, first);
        }
    }
    lines(&groups)
}

/// How two fields vary together.
pub fn bivariate(look: Look, figures: &Named) -> String {
    lines(&grouped(look, BIVARIATE, figures, |_| None))
}

/// Quantiles, the median among them, between the extremes.
pub fn quantiles(look: Look, quantiles: &Quantiles) -> String {
    let Quantiles { points, median, minimum, maximum, resolution } = quantiles;
    let row = |name: &str, figure: &Figure| (name.to_owned(), figure.shown(look));
    let (below, above): (Vec<_>, Vec<_>) = points
        .iter()
        .filter(|(share, _)| share.as_f64() != Some(0.5))
        .partition(|(share, _)| share.as_f64().is_some_and(|share| share < 0.5));
    let quantile =
        |(share, value): &(Figure, Figure)| (format!("quantile {}", share.exact()), value.shown(look));
    let mut group = vec![row("minimum", minimum)];
    group.extend(below.into_iter().map(quantile));
    group.push(row("median", median));
    group.extend(above.into_iter().map(quantile));
    group.push(row("maximum", maximum));
    lines(&[group, vec![row("resolution", resolution)]])
}

fn figure(figures: &Named, name: &str) -> Figure {
    let found = figures.iter().find(|(it, _)| it == name);
    found.map(|(_, figure)| figure.clone()).unwrap_or_default()
}

fn grouped(
    look: Look,
    groups: Groups,
    figures: &Named,
    reason: impl Fn(&str) -> Option<&'static str>,
) -> Vec<Vec<(String, String)>> {
    let told = |name: &str, shown: &str, figure: &Figure| {
        let text = match (figure.as_f64(), reason(name)) {
            (None, Some(reason)) => format!("{ABSENT} ({reason})"),
            (None | Some(_), _) => figure.shown(look),
        };
        (shown.to_owned(), text)
    };
    let known = |name: &str| groups.iter().flat_map(|group| group.iter()).any(|(it, _)| *it == name);
    let mut all: Vec<Vec<_>> = groups
        .iter()
        .map(|group| {
            let there = group.iter().filter(|(name, _)| figures.iter().any(|(it, _)| it == name));
            there.map(|(name, shown)| told(name, shown, &figure(figures, name))).collect()
        })
        .collect();
    let others = figures.iter().filter(|(name, _)| !known(name));
    all.push(others.map(|(name, figure)| told(name, &name.replace('_', " "), figure)).collect());
    all.retain(|group| !group.is_empty());
    all
}

/// Why a figure of one field is not defined, where the others show it.
fn reason(name: &str, figures: &Named, result: &Value) -> Option<&'static str> {
    let is_zero = |name| figure(figures, name).as_f64() == Some(0.0);
    match result.get("samples").and_then(Value::as_u64) {
        Some(0) => return Some("no records"),
        Some(1) if !name.ends_with("_mle") => return Some("one record alone"),
        Some(_) | None => {}
    }
    if name.starts_with("coefficient_of_variation") {
        return is_zero("mean").then_some("the mean is 0");
    }
    let shape = ["skewness", "kurtosis", "kurtosis_excess", "hyper_skewness", "hyper_flatness"];
    (shape.contains(&name) && is_zero("variance")).then_some("all values are equal")
}

/// Groups with an empty line between them, all values in one column.
fn lines(groups: &[Vec<(String, String)>]) -> String {
    let width = groups.iter().flatten().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let group = |rows: &Vec<(String, String)>| -> String {
        rows.iter().map(|(name, value)| format!("{name:width$}  {value}\n")).collect()
    };
    groups.iter().map(group).collect::<Vec<_>>().join("\n")
}
