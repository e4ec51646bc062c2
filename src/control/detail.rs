//! What a statistic is told beside its fields, and how many records a participant may answer with, from what was typed
//! and what fits. Noise grows with the number of records, so with it there is one unless somebody says more.

use serde_json::Number;

use super::proposal::Proposal;
use super::question::QuestionError;
use crate::domain::detail::equal_edges;
use crate::domain::limits::{BUCKETS_MAX, MOMENTS_MAX, RECORDS_DEFAULT};
use crate::domain::{
    Computation, ComputationError, Decimal, Detail, DetailError, Field, NumberSchema, Query, QueryError,
    Statistic,
};
use crate::statistics;

/// Ranges of a histogram unless told otherwise: as many as people can read.
const BUCKETS_DEFAULT: u32 = 10;
/// Ranges behind quantiles, about: a resolution of a hundredth of the bounds.
const RESOLUTION_PARTS: u128 = 100;
/// Quantiles unless told otherwise, in hundredths.
const PROBABILITIES_DEFAULT: [i128; 5] = [5, 25, 50, 75, 95];
/// Powers of a univariate description that are tried, the most telling first.
const MOMENTS_TRIED: [u8; 4] = [MOMENTS_MAX, 4, 3, 2];
/// Powers where values have no bounds: with more there is no room for large ones.
const MOMENTS_UNBOUNDED: [u8; 1] = [4];

/// The computation with the first detail and the largest number of records, up to the default, with which its totals fit.
///
/// # Errors
/// The first rule that is broken, whatever the detail.
pub(super) fn fitted(proposal: &Proposal, mut draft: Computation) -> Result<Computation, QuestionError> {
    let details = details(proposal, &draft.query)?;
    let first = proposal.max_records.unwrap_or(if draft.noise.is_some() { 1 } else { RECORDS_DEFAULT });
    let mut refused = None;
    for detail in details {
        draft.query = Query { detail, max_records: first, ..draft.query };
        match statistics::check(&draft) {
            Ok(()) => return Ok(draft),
            Err(error @ ComputationError::Overflow { .. }) => refused = Some(error),
            Err(error) => return Err(QuestionError::of_rule(error, &draft)),
        }
    }
    if proposal.max_records.is_none() {
        if let Some(fewer) = most_records(&mut draft) {
            draft.query.max_records = fewer;
            return Ok(draft);
        }
        // With one record the numbers in the refusal are those of the schema.
        draft.query.max_records = 1;
        refused = statistics::check(&draft).err().or(refused);
    }
    let error = refused.unwrap_or(ComputationError::MinimumZero);
    Err(QuestionError::of_rule(error, &draft))
}

/// The largest number of records below the default with which the totals fit.
fn most_records(draft: &mut Computation) -> Option<u32> {
    let mut fits = |records: u32| {
        draft.query.max_records = records;
        statistics::check(draft).is_ok()
    };
    // Whatever fits with more records fits with fewer.
    let (mut low, mut high) = (1, RECORDS_DEFAULT);
    if !fits(low) {
        return None;
    }
    while high - low > 1 {
        let middle = low.midpoint(high);
        if fits(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(low)
}

/// The details to try, best first.
fn details(proposal: &Proposal, query: &Query) -> Result<Vec<Detail>, QuestionError> {
    let Proposal { moments, buckets, edges, resolution, quantiles, .. } = proposal;
    let statistic = query.statistic;
    let told = [
        ("moments", moments.is_some(), Statistic::Univariate),
        ("buckets", buckets.is_some(), Statistic::Histogram),
        ("edges", !edges.is_empty(), Statistic::Histogram),
        ("resolution", resolution.is_some(), Statistic::Quantiles),
        ("quantiles", !quantiles.is_empty(), Statistic::Quantiles),
    ];
    if let Some((option, _, belongs)) = told.into_iter().find(|(_, told, of)| *told && *of != statistic) {
        return Err(QuestionError::OtherStatistic { option, belongs, statistic });
    }
    if buckets.is_some() && !edges.is_empty() {
        return Err(QuestionError::BothRanges);
    }
    let number = query.number();
    match statistic {
        Statistic::Univariate => {
            let bounded = number.is_some_and(|number| number.span_steps().is_some());
            let tried = if bounded { &MOMENTS_TRIED[..] } else { &MOMENTS_UNBOUNDED };
            let typed = moments.map(|moments| vec![Detail::Moments(moments)]);
            Ok(typed.unwrap_or_else(|| tried.iter().copied().map(Detail::Moments).collect()))
        }
        Statistic::Histogram if !edges.is_empty() => Ok(vec![Detail::Edges(decimals("edges", edges)?)]),
        Statistic::Histogram => {
            let buckets = buckets.unwrap_or(BUCKETS_DEFAULT);
            if buckets == 0 || buckets as usize > BUCKETS_MAX {
                return Err(QuestionError::Buckets(buckets));
            }
            let edges = number.and_then(|number| equal_edges(number, buckets));
            Ok(vec![Detail::Edges(edges.ok_or_else(|| unbounded(query))?)])
        }
        Statistic::Quantiles => {
            let number = number.ok_or_else(|| unbounded(query))?;
            let resolution = match resolution {
                Some(typed) => decimal("resolution", typed)?,
                None => resolution_of(number).ok_or_else(|| unbounded(query))?,
            };
            let hundredths = || PROBABILITIES_DEFAULT.iter().filter_map(|it| Decimal::new(*it, 2)).collect();
            let probabilities =
                if quantiles.is_empty() { hundredths() } else { decimals("quantiles", quantiles)? };
            Ok(vec![Detail::Quantiles { resolution, probabilities }])
        }
        Statistic::Count
        | Statistic::Sum
        | Statistic::Mean
        | Statistic::Frequency
        | Statistic::Contingency
        | Statistic::Bivariate
        | Statistic::Regression
        | Statistic::VectorMean => Ok(vec![Detail::None]),
    }
}

/// About a hundredth of the bounds, in whole steps, and never one alone.
fn resolution_of(number: &NumberSchema) -> Option<Decimal> {
    let steps = number.span_steps()?.div_ceil(RESOLUTION_PARTS).max(2);
    number.step().times(i128::try_from(steps).ok()?)
}

fn unbounded(query: &Query) -> QuestionError {
    // A field that is no number is refused by its own rule.
    let error = query.check().err().filter(|error| !matches!(error, QueryError::Detail(_)));
    let error = error.unwrap_or(QueryError::Detail(DetailError::Unbounded));
    QuestionError::Rule { error: error.into(), sharing: None }
}

fn decimals(option: &'static str, typed: &[Number]) -> Result<Vec<Decimal>, QuestionError> {
    typed.iter().map(|number| decimal(option, number)).collect()
}

fn decimal(option: &'static str, typed: &Number) -> Result<Decimal, QuestionError> {
    let typed = typed.to_string();
    typed.parse().map_err(|reason| QuestionError::Number { option, typed, reason })
}

/// The fields of a question, before it is known how they are told.
pub(super) fn fields(proposal: &Proposal) -> Result<(Statistic, Vec<Field>), QueryError> {
    Ok((proposal.statistic.parse()?, Query::fields(&proposal.fields, proposal.schema.as_deref())?))
}

#[cfg(test)]
mod tests {
    use super::super::question::draft;
    use super::*;
    use crate::control::tests::proposal;
    use crate::domain::{PeerId, Timestamp};

    fn asked(statistic: &str, schema: Option<&str>) -> Proposal {
        Proposal {
            statistic: statistic.to_owned(),
            schema: schema.map(str::to_owned),
            heavy: Vec::new(),
            modulus_bits: None,
            epsilon: None,
            ..proposal()
        }
    }

    fn drafted(proposal: &Proposal) -> Result<Query, QuestionError> {
        let proposer = PeerId::from_public_key([7; 32]);
        draft(proposal, proposer, Timestamp::from_millis(1_000_000)).map(|draft| draft.query)
    }

    const AGE: Option<&str> = Some(r#"{"type":"integer","minimum":0,"maximum":120}"#);

    #[test]
    fn as_many_moments_are_asked_for_as_fit() {
        for (maximum, moments) in
            [(120_u64, 6), (1_000_000, 4), (200_000_000, 3), (2_000_000_000, 3), (1 << 40, 2)]
        {
            let schema = format!(r#"{{"type":"integer","minimum":0,"maximum":{maximum}}}"#);
            let query = drafted(&asked("univariate", Some(&schema))).unwrap();
            assert_eq!(query.detail, Detail::Moments(moments), "{maximum}");
            assert_eq!(query.max_records, RECORDS_DEFAULT);
        }
        let typed = Proposal { moments: Some(2), ..asked("univariate", AGE) };
        assert_eq!(drafted(&typed).unwrap().detail, Detail::Moments(2));
        assert_eq!(drafted(&asked("univariate", None)).unwrap().detail, Detail::Moments(4));
    }

    #[test]
    fn records_are_as_many_as_fit_unless_they_are_said() {
        let narrow = Proposal { modulus_bits: Some(32), ..asked("sum", AGE) };
        assert_eq!(drafted(&narrow).unwrap().max_records, 3_579);
        let said = Proposal { max_records: Some(10_000), ..narrow };
        assert!(drafted(&said).unwrap_err().to_string().contains("overflow"));
        let said = Proposal { max_records: Some(0), ..asked("sum", AGE) };
        assert_eq!(drafted(&said).unwrap_err().code(), "invalid_max_records");
    }

    #[test]
    fn ranges_have_defaults_between_bounds() {
        let Detail::Edges(edges) = drafted(&asked("histogram", AGE)).unwrap().detail else { panic!() };
        assert_eq!((edges.len(), edges[1].to_string().as_str()), (11, "12"));
        let detail = drafted(&asked("quantiles", AGE)).unwrap().detail;
        let Detail::Quantiles { resolution, probabilities } = detail else { panic!() };
        assert_eq!((resolution.to_string().as_str(), probabilities.len()), ("2", 5));
        for statistic in ["histogram", "quantiles"] {
            let error = drafted(&asked(statistic, None)).unwrap_err();
            assert_eq!(error.code(), "invalid_schema", "{error}");
        }
    }

    #[test]
    fn options_of_another_statistic_are_refused_by_name() {
        let error = drafted(&Proposal { buckets: Some(5), ..asked("mean", AGE) }).unwrap_err();
        assert_eq!(error.to_string(), "--buckets is for histogram, and this asks for mean");
        let edges = vec![Number::from(0), Number::from(5)];
        let both = Proposal { buckets: Some(5), edges: edges.clone(), ..asked("histogram", AGE) };
        assert_eq!(drafted(&both).unwrap_err().code(), "invalid_edges");
        for none in [0, 501] {
            let error = drafted(&Proposal { buckets: Some(none), ..asked("histogram", AGE) }).unwrap_err();
            assert_eq!(error.to_string(), format!("the buckets are {none}; there are 1 to 500"));
        }
        let typed = drafted(&Proposal { edges, ..asked("histogram", None) }).unwrap();
        assert!(matches!(typed.detail, Detail::Edges(edges) if edges.len() == 2), "edges need no bounds");
    }
}
