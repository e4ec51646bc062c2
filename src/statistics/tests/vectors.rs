//! Vectors: the same by the short way, which most take, and by the long one.

use num_rational::BigRational;

use super::asked::asked;
use crate::domain::limits::{CELLS_MAX, PARTIAL_SUMS_BYTES_MAX, VECTOR_LENGTH_MAX};
use crate::domain::{Computation, ComputationError, Detail, Modulus, PeerId, Query, Sharing, Statistic};
use crate::statistics::exact::fraction;
use crate::statistics::monomial::Monomial;
use crate::statistics::plan::Plan;
use crate::statistics::totals::totals;
use crate::statistics::{check, decode};

fn vector(length: u32, items: &str, modulus: Modulus) -> Computation {
    let sharing = Sharing::Additive { modulus };
    let other = asked(Statistic::Mean, &["age"], 1, Detail::None, sharing);
    let schema = format!(r#"{{"type":"array","items":{items},"minItems":{length},"maxItems":{length}}}"#);
    let query = Query::parse(Statistic::VectorMean, &["update".to_owned()], Some(&schema)).unwrap();
    Computation { query, max_participants: 3, ..other }
}

#[test]
fn sums_as_decimals_are_those_as_fractions() {
    for items in [
        r#"{"type":"integer","minimum":0,"maximum":255}"#,
        r#"{"type":"number","minimum":-1,"maximum":1,"multipleOf":0.00025}"#,
        r#"{"type":"number","multipleOf":0.3}"#,
    ] {
        let computation = vector(4, items, Modulus::Bits64);
        check(&computation).unwrap();
        let plan = Plan::of(&computation);
        let totals = totals(&plan, &[3, 0, 1, 200, 617], 3).unwrap();
        let sums: Vec<BigRational> = totals.decimals().map(|sum| fraction(sum.unwrap())).collect();
        assert_eq!(sums, [0, 1, 2, 3].map(|place| totals.sum(Monomial::of(place))), "{items}");
    }
}

#[test]
fn a_sum_too_large_for_a_decimal_is_still_told() {
    // Without bounds nobody knows what others have put in.
    let computation = vector(2, r#"{"type":"number","multipleOf":1000000}"#, Modulus::Bits128);
    let answer = decode(&computation, &[3, 1 << 126, 5], 3).unwrap_err();
    // The first one's total is a decimal in every answer; only the others need not be.
    assert_eq!(answer, crate::statistics::DecodeError::Impossible);
    let answer = decode(&computation, &[3, 5, 1 << 126], 3).unwrap().to_json();
    assert_eq!(answer["sum"][1].to_string(), format!("{}000000", 1_u128 << 126));
    assert_eq!(answer["sum"][0], 5_000_000);
}

#[test]
fn figures_that_are_made_later_are_the_same() {
    let items = r#"{"type":"integer","minimum":-5,"maximum":250}"#;
    let residue = |at: u32| u128::from(at * 7 % 700);
    let long = u32::try_from(CELLS_MAX).unwrap();
    let figures = |length: u32| {
        let computation = vector(length, items, Modulus::Bits32);
        let total: Vec<_> = std::iter::once(3).chain((0..length).map(residue)).collect();
        decode(&computation, &total, 3).unwrap().to_json()
    };
    let (kept, made) = (figures(long - 1), figures(long));
    for name in ["sum", "mean"] {
        let (kept, made) = (kept[name].as_array().unwrap(), made[name].as_array().unwrap());
        assert_eq!(made.split_last().unwrap().1, kept.as_slice());
    }
    assert_eq!(kept["sum"][2], 14 - 15);
}

#[test]
fn a_vector_is_refused_whose_certificate_would_be_too_large() {
    let items = r#"{"type":"integer","minimum":0,"maximum":255}"#;
    for (modulus, bytes) in [(Modulus::Bits32, 4), (Modulus::Bits64, 8), (Modulus::Bits128, 16)] {
        for heavy in [3, 16] {
            // One slot is the number of records.
            let most = PARTIAL_SUMS_BYTES_MAX / (bytes * heavy) - 1;
            let fits = u32::try_from(most).unwrap().min(VECTOR_LENGTH_MAX);
            let of = |length| Computation {
                heavy: (1..=heavy).map(|key| PeerId::from_public_key([key as u8; 32])).collect(),
                ..vector(length, items, modulus)
            };
            assert_eq!(check(&of(fits)), Ok(()), "{bytes} {heavy}");
            if fits < VECTOR_LENGTH_MAX {
                let refused =
                    ComputationError::ResultTooLong { heavy, slots: most + 2, bytes, fitting: most + 1 };
                assert_eq!(check(&of(fits + 1)), Err(refused));
            }
        }
    }
}
