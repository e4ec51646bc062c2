//! From the JSON of a result to its answer. What does not have the form that its keys promise is told number by number.

use serde_json::{Map, Value};

use super::{Answer, BESIDE, Bucket, Contingency, Element, Figure, Named, Quantiles, Term};

/// The name of the coefficient that belongs to no field.
const INTERCEPT: &str = "intercept";

impl Answer {
    /// The answer in a result.
    pub fn of(result: &Value) -> Self {
        let read = match result.as_object() {
            None => None,
            Some(keys) if keys.contains_key("edges") => histogram(keys),
            Some(keys) if keys.contains_key("histogram") => frequency(keys),
            Some(keys) if keys.contains_key("quantiles") => quantiles(keys),
            Some(keys) if keys.contains_key("table") => contingency(keys),
            Some(keys) if keys.contains_key("coefficients") => regression(keys),
            Some(keys) if keys.get("mean").is_some_and(Value::is_array) => vector(keys),
            Some(keys) if keys.contains_key("covariance") => Some(Self::Bivariate(figures(result))),
            Some(keys) if keys.contains_key("variance") => Some(Self::Univariate(figures(result))),
            Some(_) => None,
        };
        read.unwrap_or_else(|| Self::Numbers(figures(result)))
    }
}

fn figures(result: &Value) -> Named {
    let all = result.as_object().into_iter().flatten();
    let named = all.filter(|(name, _)| !BESIDE.contains(&name.as_str()));
    named.map(|(name, value)| (name.clone(), Figure::of(Some(value)))).collect()
}

fn histogram(keys: &Map<String, Value>) -> Option<Answer> {
    let edges: Vec<_> = list(keys, "edges")?.collect();
    let counts: Vec<_> = list(keys, "counts")?.collect();
    if edges.len() != counts.len() + 1 {
        return None;
    }
    let pairs = edges.iter().zip(edges.iter().skip(1));
    let buckets = pairs
        .zip(counts)
        .map(|((from, to), count)| Bucket { from: from.clone(), to: to.clone(), count })
        .collect();
    Some(Answer::Histogram(buckets))
}

fn frequency(keys: &Map<String, Value>) -> Option<Answer> {
    let counts = by_name(keys, "histogram")?.collect();
    let mode = keys.get("mode").and_then(Value::as_str).map(str::to_owned);
    Some(Answer::Frequency { counts, mode })
}

fn quantiles(keys: &Map<String, Value>) -> Option<Answer> {
    let named = by_name(keys, "quantiles")?;
    let mut points: Vec<_> = named.map(|(share, value)| (Figure::of_text(&share), value)).collect();
    // Keys of JSON have no order of their own.
    points.sort_by(|(a, _), (b, _)| {
        let share = |figure: &Figure| figure.as_f64().unwrap_or(f64::INFINITY);
        share(a).total_cmp(&share(b))
    });
    let figure = |name: &str| Figure::of(keys.get(name));
    Some(Answer::Quantiles(Quantiles {
        points,
        median: figure("median"),
        minimum: figure("minimum"),
        maximum: figure("maximum"),
        resolution: figure("resolution"),
    }))
}

fn contingency(keys: &Map<String, Value>) -> Option<Answer> {
    let table = keys.get("table")?.as_object()?;
    let mut columns: Vec<String> = Vec::new();
    for row in table.values() {
        let new = row.as_object()?.keys().filter(|name| !columns.contains(name)).cloned().collect::<Vec<_>>();
        columns.extend(new);
    }
    let counts =
        table.values().map(|row| columns.iter().map(|column| Figure::of(row.get(column))).collect()).collect();
    let mode = match keys.get("mode").and_then(Value::as_array).map(Vec::as_slice) {
        Some([Value::String(row), Value::String(column)]) => Some((row.clone(), column.clone())),
        Some(_) | None => None,
    };
    Some(Answer::Contingency(Contingency {
        rows: table.keys().cloned().collect(),
        columns,
        counts,
        mode,
        chi_square: Figure::of(keys.get("chi_square")),
        degrees_of_freedom: Figure::of(keys.get("degrees_of_freedom")),
    }))
}

fn regression(keys: &Map<String, Value>) -> Option<Answer> {
    let errors = keys.get("standard_errors");
    let term = |(name, coefficient): (String, Figure)| {
        let standard_error = Figure::of(errors.and_then(|errors| errors.get(&name)));
        Term { name, coefficient, standard_error }
    };
    let mut terms: Vec<_> = by_name(keys, "coefficients")?.map(term).collect();
    // Stable: the predictors stay as they stand.
    terms.sort_by_key(|term| term.name == INTERCEPT);
    Some(Answer::Regression { terms, r_squared: Figure::of(keys.get("r_squared")) })
}

fn vector(keys: &Map<String, Value>) -> Option<Answer> {
    let means: Vec<_> = list(keys, "mean")?.collect();
    let sums = list(keys, "sum").into_iter().flatten().chain(std::iter::repeat(Figure::default()));
    let elements = means.into_iter().zip(sums).map(|(mean, sum)| Element { mean, sum });
    Some(Answer::VectorMean(elements.collect()))
}

fn list<'a>(keys: &'a Map<String, Value>, name: &str) -> Option<impl Iterator<Item = Figure> + use<'a>> {
    Some(keys.get(name)?.as_array()?.iter().map(|value| Figure::of(Some(value))))
}

fn by_name<'a>(
    keys: &'a Map<String, Value>,
    name: &str,
) -> Option<impl Iterator<Item = (String, Figure)> + use<'a>> {
    let named = keys.get(name)?.as_object()?;
    Some(named.iter().map(|(name, value)| (name.clone(), Figure::of(Some(value)))))
}
