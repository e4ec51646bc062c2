//! What a question asks, as options: what `propose` asks the network, and `data preview` asks this node alone.

use clap::Args;
use serde_json::Number;

use crate::control::Proposal;
use crate::domain::Decimal;

/// The statistic, its fields, and how answers are shared.
#[derive(Clone, Debug, Args)]
pub struct Asked {
    /// The field that the values are kept under; for several fields several names
    #[arg(long, value_name = "NAME", num_args = 1..)]
    pub(super) field: Vec<String>,
    /// count, sum, mean, univariate, frequency, histogram, quantiles, contingency, bivariate, regression or vector-mean
    #[arg(long, value_name = "S")]
    pub(super) statistic: Option<String>,
    /// What a value looks like, as JSON Schema; of several fields {"type":"object","properties":{…}} [default: {"type":"number"}]
    #[arg(long, value_name = "JSON")]
    pub(super) schema: Option<String>,
    /// No participant answers with more records than this, so its weight is limited; with 1 the proofs bind squares and
    /// products as well [default: 10000 or as many as fit; 1 with --epsilon, whose noise grows with it]
    #[arg(long, value_name = "R")]
    max_records: Option<u32>,
    /// histogram: so many ranges of equal width between the schema's bounds [default: 10]
    #[arg(long, value_name = "N")]
    buckets: Option<u32>,
    /// histogram: where ranges begin and the last one ends, such as 80,120,140,200
    #[arg(long, value_name = "LIST", value_delimiter = ',', allow_negative_numbers = true)]
    edges: Vec<Decimal>,
    /// quantiles: how wide the ranges are in which values are counted [default: about a hundredth of the bounds]
    #[arg(long, value_name = "WIDTH")]
    resolution: Option<Decimal>,
    /// quantiles: which ones, between 0 and 1 [default: 0.05,0.25,0.5,0.75,0.95]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    quantiles: Vec<Decimal>,
    /// univariate: up to which power values are added up, 2 to 6; 2 gives the variance, 4 the kurtosis [default: as many as
    /// fit]
    #[arg(long, value_name = "M")]
    moments: Option<u8>,
    /// How values are split among the heavy nodes: additive, prio3 or threshold [default: prio3 where there are bounds]
    #[arg(long, value_name = "SCHEME")]
    sharing: Option<String>,
    /// So many heavy nodes rebuild a total; one fewer learn nothing. Means --sharing threshold [default there: the
    /// smallest majority]
    #[arg(long, value_name = "K")]
    threshold: Option<u8>,
    /// So many heavy nodes may vanish for good, fewer than half. Means --sharing threshold, with K = heavy nodes - F
    #[arg(long, value_name = "F")]
    survives: Option<u8>,
    /// Shares live modulo 2 to this power: 32, 64 or 128. Means --sharing additive [default there: 64, for squares 128]
    #[arg(long, value_name = "BITS")]
    modulus_bits: Option<u32>,
    /// Add noise, so that the result is differentially private: 0.000001 to 1000, smaller is more private. Needs bounds
    #[arg(long, value_name = "E", allow_negative_numbers = true)]
    epsilon: Option<Decimal>,
}

impl Asked {
    /// The options without which there is no question, as far as they are missing.
    pub fn missing(&self) -> impl Iterator<Item = &'static str> {
        let field = self.field.is_empty().then_some("--field");
        let statistic = self.statistic.is_none().then_some("--statistic");
        field.into_iter().chain(statistic)
    }

    /// The question with every other default.
    pub fn proposal(self, prompt: &str) -> Proposal {
        Proposal {
            schema: self.schema,
            max_records: self.max_records,
            moments: self.moments,
            buckets: self.buckets,
            edges: numbers(&self.edges),
            resolution: self.resolution.and_then(number),
            quantiles: numbers(&self.quantiles),
            sharing: self.sharing,
            threshold: self.threshold,
            survives: self.survives,
            modulus_bits: self.modulus_bits,
            epsilon: self.epsilon.and_then(number),
            fields: self.field,
            ..Proposal::new(prompt, &self.statistic.unwrap_or_default(), &[])
        }
    }
}

/// A decimal number as the JSON number that it is.
fn number(decimal: Decimal) -> Option<Number> {
    decimal.to_string().parse().ok()
}

fn numbers(decimals: &[Decimal]) -> Vec<Number> {
    decimals.iter().copied().filter_map(number).collect()
}
