//! What is proven, what fits, and how much noise there is, by statistic and number of records.

use proptest::prelude::*;

use super::asked::{asked, with};
use crate::domain::limits::{REPORTS_PER_COMPUTATION_DEFAULT, VERIFIER_BATCHES_MAX};
use crate::domain::{ComputationError, Decimal, Detail, Modulus, Noise, Sharing, Statistic};
use crate::sharing::{Circuit, ELEMENTS_MAX, Relations, Scheme, Slot};
use crate::statistics::plan::Plan;
use crate::statistics::{check, noise_bounds, slots};

fn circuit(statistic: Statistic, fields: &[&str], records: u32, detail: Detail) -> Circuit {
    Plan::of(&asked(statistic, fields, records, detail, Sharing::Prio3)).circuit()
}

fn ranged(max: u128) -> Slot {
    Slot::Ranged { max }
}

fn relations(slots: Vec<Slot>, whole: Option<u128>) -> Circuit {
    Circuit::Relations(Relations { slots, whole })
}

#[test]
fn with_one_record_values_products_and_the_one_cell_are_proven() {
    let one = |statistic, fields: &[&str], detail| circuit(statistic, fields, 1, detail);
    assert_eq!(one(Statistic::Count, &["age"], Detail::None), Circuit::Count);
    assert_eq!(one(Statistic::Mean, &["age"], Detail::None), Circuit::Sum { max: 120 });
    assert_eq!(one(Statistic::Frequency, &["sex"], Detail::None), Circuit::Histogram { length: 2 });
    assert_eq!(one(Statistic::Contingency, &["sex", "ward"], Detail::None), Circuit::Histogram { length: 6 });
    let product = |left, right| Slot::Product { left, right };
    assert_eq!(
        one(Statistic::Univariate, &["age"], Detail::Moments(4)),
        relations(vec![ranged(120), product(0, 0), product(1, 0), product(2, 0)], None)
    );
    assert_eq!(
        one(Statistic::Bivariate, &["age", "bmi"], Detail::None),
        relations(vec![ranged(120), ranged(100), product(0, 0), product(1, 1), product(0, 1)], None)
    );
}

#[test]
fn with_several_records_every_sum_lies_within_r_times_its_bounds() {
    let many = |statistic, fields: &[&str], detail| circuit(statistic, fields, 50, detail);
    assert_eq!(many(Statistic::Count, &["age"], Detail::None), Circuit::Sum { max: 50 });
    assert_eq!(many(Statistic::Sum, &["age"], Detail::None), relations(vec![ranged(50), ranged(6_000)], None));
    assert_eq!(
        many(Statistic::Univariate, &["age"], Detail::Moments(2)),
        relations(vec![ranged(50), ranged(6_000), ranged(50 * 120 * 120)], None)
    );
    assert_eq!(
        many(Statistic::Frequency, &["ward"], Detail::None),
        relations(vec![ranged(50); 3], Some(50)),
        "a table has at most R records in all"
    );
}

#[test]
fn totals_that_could_overflow_are_refused_and_the_largest_that_fit_are_not() {
    // N · R · max ≤ 2^32 − 1.
    let narrow = Sharing::Additive { modulus: Modulus::Bits32 };
    let largest = u32::MAX / (100 * 120);
    let sum = |records| asked(Statistic::Sum, &["age"], records, Detail::None, narrow);
    assert_eq!(check(&sum(largest)), Ok(()));
    let refused = check(&sum(largest + 1)).unwrap_err();
    let ComputationError::Overflow { slot, fitting, .. } = &refused else { panic!("{refused}") };
    assert_eq!((slot.as_str(), *fitting), ("Σ age", 99));
    // The sixth power of 40 bits fits no field.
    let wide = with(sum(1), |terms| {
        terms.sharing = Sharing::Prio3;
        terms.query.statistic = Statistic::Univariate;
        terms.query.detail = Detail::Moments(6);
        terms.query.fields[0].schema = super::asked::number("1", "0", "1099511627776");
    });
    assert!(matches!(check(&wide), Err(ComputationError::Overflow { .. })));
    assert_eq!(check(&with(wide, |terms| terms.query.detail = Detail::Moments(2))), Ok(()));
}

#[test]
fn noise_is_measured_by_what_one_participant_can_move() {
    let noisy = |statistic, fields: &[&str], records, detail| {
        let epsilon = Decimal::new(1, 0).unwrap();
        let terms = asked(statistic, fields, records, detail, Sharing::Prio3);
        with(terms, |terms| terms.noise = Some(Noise { epsilon }))
    };
    let spreads = |terms: &_| -> Vec<_> { Plan::of(terms).slots.iter().map(|slot| slot.spread).collect() };
    assert_eq!(spreads(&noisy(Statistic::Sum, &["age"], 1, Detail::None)), [Some(120)]);
    // ε is shared between the number of records and the sum.
    assert_eq!(spreads(&noisy(Statistic::Sum, &["age"], 50, Detail::None)), [Some(100), Some(2 * 6_000)]);
    assert_eq!(spreads(&noisy(Statistic::Frequency, &["sex"], 1, Detail::None)), [Some(2); 2]);
    assert_eq!(spreads(&noisy(Statistic::Frequency, &["sex"], 50, Detail::None)), [Some(100); 2]);
    let count = noisy(Statistic::Count, &["age"], 1, Detail::None);
    assert_eq!(check(&count), Err(ComputationError::NoiseOnCount));
    assert_eq!(check(&noisy(Statistic::Count, &["age"], 2, Detail::None)), Ok(()));
    assert!(noise_bounds(&noisy(Statistic::Sum, &["age"], 50, Detail::None)).iter().all(|bound| *bound > 0));
}

#[test]
fn proofs_and_noise_want_bounds_and_something_to_learn() {
    let unbounded = with(asked(Statistic::Sum, &["age"], 1, Detail::None, Sharing::Prio3), |terms| {
        terms.query.fields[0].schema = crate::domain::Schema::default();
    });
    assert!(matches!(check(&unbounded), Err(ComputationError::NeedsBounds { .. })));
    let additive = with(unbounded, |terms| terms.sharing = Sharing::Additive { modulus: Modulus::Bits64 });
    assert_eq!(check(&additive), Ok(()));
    let noise = Some(Noise { epsilon: Decimal::ONE });
    assert_eq!(check(&with(additive, |terms| terms.noise = noise)), Err(ComputationError::NoiseNeedsBounds));
    let constant = with(asked(Statistic::Sum, &["age"], 1, Detail::None, Sharing::Prio3), |terms| {
        terms.query.fields[0].schema = super::asked::number("1", "7", "7");
    });
    assert_eq!(check(&constant), Err(ComputationError::OneValue));
}

/// Else a set would be frozen whose verifier shares no message can tell, and the computation would end in nobody's name.
#[test]
fn a_question_whose_verifier_shares_cannot_all_be_told_is_refused_before_it_is_asked() {
    for sharing in [Sharing::Prio3, Sharing::Threshold { k: 2 }] {
        let table = |maximum: u32| {
            with(asked(Statistic::Frequency, &["age"], 10_000, Detail::None, sharing), |terms| {
                terms.max_participants = maximum;
            })
        };
        let scheme = Plan::of(&table(1)).scheme().unwrap();
        let fitting = u32::try_from(scheme.reports_verified_max()).unwrap();
        let bytes = u64::from(fitting) * scheme.verifier_bytes() as u64;
        assert!(bytes.div_ceil(scheme.batch_bytes() as u64) <= VERIFIER_BATCHES_MAX as u64);
        assert!((100_000..1_000_000).contains(&fitting), "{fitting}");
        assert_eq!(check(&table(fitting)), Ok(()));
        let refused = ComputationError::TooManyToVerify { maximum: fitting + 1, fitting: fitting.into() };
        assert_eq!(check(&table(fitting + 1)), Err(refused));
        let small = with(asked(Statistic::Sum, &["age"], 1, Detail::None, sharing), |terms| {
            terms.max_participants = 1_000_000;
        });
        assert_eq!(check(&small), Ok(()));
    }
}

/// So [`check`] does not make a scheme for usual questions.
#[test]
fn of_as_many_reports_as_a_question_allows_unless_told_everything_can_be_verified() {
    let longest = [
        Circuit::SumVec { max: 1, length: ELEMENTS_MAX },
        Circuit::Histogram { length: ELEMENTS_MAX },
        relations(vec![ranged(1); ELEMENTS_MAX], None),
    ];
    for circuit in longest {
        for parties in [2, 16] {
            let scheme = Scheme::prio3(circuit.clone(), parties).unwrap();
            assert!(scheme.reports_verified_max() > 5 * u64::from(REPORTS_PER_COMPUTATION_DEFAULT));
        }
    }
}

proptest! {
    /// Whatever is let through has a scheme, and as many slots as names.
    #[test]
    fn what_passes_the_check_has_a_scheme(
        statistic in 0_usize..11,
        records in prop_oneof![Just(1_u32), 2_u32..100, Just(1_000_000_000)],
        sharing in 0_usize..4,
    ) {
        let (statistic, _) = Statistic::ALL[statistic];
        let sharing = [
            Sharing::Prio3,
            Sharing::Threshold { k: 2 },
            Sharing::Additive { modulus: Modulus::Bits32 },
            Sharing::Additive { modulus: Modulus::Bits128 },
        ][sharing];
        let (fields, detail) = super::asked::fitting(statistic);
        let terms = asked(statistic, fields, records, detail, sharing);
        if check(&terms).is_ok() {
            let scheme = crate::statistics::scheme(&terms).unwrap();
            prop_assert_eq!(scheme.slots(), slots(&terms).len());
        }
    }
}
