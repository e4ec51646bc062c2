//! What was measured: series of figures, and how they are summed up.

use std::time::Duration;

use serde_json::{Value, json};

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Thousandths of a second.
    Milliseconds,
    /// Plain numbers.
    Count,
}

/// The same thing measured several times.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    what: &'static str,
    unit: Unit,
    sorted: Vec<f64>,
}

/// What one measurement found.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What was measured.
    pub name: &'static str,
    /// How it was set, by option.
    pub setting: Vec<(&'static str, Value)>,
    /// The figures.
    pub series: Vec<Series>,
    /// What must be known to read them.
    pub remarks: Vec<String>,
}

impl Unit {
    /// As it stands behind a figure.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Count => "",
        }
    }
}

impl Series {
    /// Times.
    pub fn times(what: &'static str, times: impl IntoIterator<Item = Duration>) -> Self {
        let milliseconds = times.into_iter().map(|time| time.as_secs_f64() * 1e3);
        Self::new(what, Unit::Milliseconds, milliseconds.collect())
    }

    /// Numbers.
    pub fn counts(what: &'static str, numbers: impl IntoIterator<Item = f64>) -> Self {
        Self::new(what, Unit::Count, numbers.into_iter().collect())
    }

    fn new(what: &'static str, unit: Unit, mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        Self { what, unit, sorted: figures }
    }

    /// What was measured.
    pub const fn what(&self) -> &'static str {
        self.what
    }

    /// In which unit.
    pub const fn unit(&self) -> Unit {
        self.unit
    }

    /// How often.
    pub const fn runs(&self) -> usize {
        self.sorted.len()
    }

    /// The one in the middle; of an even number the mean of the two there.
    pub fn median(&self) -> Option<f64> {
        let upper = self.sorted.get(self.sorted.len() / 2)?;
        let lower = self.sorted.get(self.sorted.len().saturating_sub(1) / 2)?;
        Some(f64::midpoint(*lower, *upper))
    }

    /// The least.
    pub fn least(&self) -> Option<f64> {
        self.sorted.first().copied()
    }

    /// The most.
    pub fn most(&self) -> Option<f64> {
        self.sorted.last().copied()
    }

    /// For programs.
    pub fn to_json(&self) -> Value {
        json!({
            "what": self.what,
            "unit": self.unit.symbol(),
            "median": self.median().map(rounded),
            "least": self.least().map(rounded),
            "most": self.most().map(rounded),
            "runs": self.runs(),
        })
    }
}

impl Report {
    /// For programs.
    pub fn to_json(&self) -> Value {
        let setting: serde_json::Map<_, _> =
            self.setting.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let series: Vec<_> = self.series.iter().map(Series::to_json).collect();
        json!({"name": self.name, "setting": setting, "series": series, "remarks": self.remarks})
    }
}

/// To a thousandth: what is finer is noise.
fn rounded(figure: f64) -> f64 {
    (figure * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_summed_up_in_whatever_order_it_came() {
        let of = |figures: &[f64]| {
            let series = Series::counts("x", figures.iter().copied());
            (series.least(), series.median(), series.most(), series.runs())
        };
        assert_eq!(of(&[3.0, 1.0, 2.0]), (Some(1.0), Some(2.0), Some(3.0), 3));
        assert_eq!(of(&[4.0, 1.0]), (Some(1.0), Some(2.5), Some(4.0), 2));
        assert_eq!(of(&[]), (None, None, None, 0));
    }

    #[test]
    fn times_are_told_in_milliseconds() {
        let series = Series::times("x", [Duration::from_micros(1_234_567)]);
        assert_eq!(series.to_json()["median"], 1_234.567);
        assert_eq!(series.to_json()["unit"], "ms");
    }
}
