//! Records on their way into a measurement: what is counted, left out, replaced or refused.

use std::ops::ControlFlow;

use super::asked::{asked, with};
use crate::domain::{Cell, Computation, Detail, Modulus, Schema, Sharing, Statistic, Unfit};
use crate::statistics::{DecodeError, Encoder, Reading, ReadingError, decode, encode_one};

fn read(terms: &Computation, unfit: Unfit, rows: &[&[&str]]) -> Result<Reading, ReadingError> {
    let mut encoder = Encoder::new(terms, unfit);
    for row in rows {
        let cells: Vec<_> =
            row.iter().map(|text| if text.is_empty() { Cell::Missing } else { Cell::Text(text) }).collect();
        if encoder.row(&cells).is_break() {
            break;
        }
    }
    encoder.finish(0)
}

fn measured(reading: &Reading) -> &[u128] {
    reading.measurement().expose()
}

fn ages(records: u32) -> Computation {
    asked(Statistic::Sum, &["age"], records, Detail::None, Sharing::Prio3)
}

#[test]
fn rows_that_miss_a_value_or_do_not_fit_are_left_out_and_counted() {
    let rows: [&[&str]; 6] = [&["41"], &[""], &["121"], &["old"], &["NaN"], &["1.5"]];
    let reading = read(&ages(10), Unfit::Skip, &rows).unwrap();
    assert_eq!(measured(&reading), [1, 41]);
    let tally = reading.tally();
    assert_eq!((tally.rows, tally.missing, tally.unfit, tally.clamped), (6, 1, 4, 0));
    assert_eq!(tally.rules["`age`: the value is not a number"], 2);
    let said = tally.to_string();
    assert!(said.contains("above the maximum of 120") && !said.contains("121"), "{said}");
    let logged = tally.left_out().unwrap();
    assert!(
        logged.starts_with("1 with a missing value, 4 that do not fit (") && !logged.contains("rows"),
        "{logged}"
    );
    let whole = read(&ages(10), Unfit::Skip, &[&["41"], &["36"]]).unwrap();
    assert_eq!(whole.tally().left_out(), None, "how many there are is a count's measurement");
}

#[test]
fn rows_that_happen_to_be_round_do_not_stand_for_finer_ones() {
    let some: [&[&str]; 4] = [&["41"], &["36"], &["1.5"], &["2.5"]];
    assert_eq!(read(&ages(10), Unfit::Skip, &some).unwrap().records(), 2);
    let most: [&[&str]; 3] = [&["41"], &["1.5"], &["2.5"]];
    let refused = read(&ages(10), Unfit::Skip, &most).unwrap_err();
    assert!(
        matches!(refused, ReadingError::TooFine(_)) && refused.to_string().contains("multipleOf"),
        "{refused}"
    );
    assert!(read(&ages(10), Unfit::Clamp, &most).is_ok(), "rounded");
}

#[test]
fn clamping_takes_the_nearest_value_and_leaves_out_what_is_no_number() {
    let rows: [&[&str]; 5] = [&["41"], &["121"], &["-3"], &["1.5"], &["inf"]];
    let reading = read(&ages(10), Unfit::Clamp, &rows).unwrap();
    assert_eq!((measured(&reading), reading.tally().clamped), (&[4, 41 + 120 + 2][..], 3));
}

#[test]
fn declining_ends_with_the_first_row_that_does_not_fit() {
    let mut encoder = Encoder::new(&ages(10), Unfit::Decline).row(&[Cell::Text("121")]);
    assert_eq!(encoder, ControlFlow::Break(()));
    encoder = Encoder::new(&ages(10), Unfit::Decline).row(&[Cell::Missing]);
    assert_eq!(encoder, ControlFlow::Continue(()), "what is missing breaks no rule");
    let refused = read(&ages(10), Unfit::Decline, &[&["41"], &["121"]]).unwrap_err();
    assert!(matches!(refused, ReadingError::Unfit(_)), "{refused}");
}

#[test]
fn no_more_records_than_the_question_takes() {
    assert!(read(&ages(2), Unfit::Skip, &[&["1"], &["2"], &["",], &["999"]]).is_ok());
    assert_eq!(
        read(&ages(2), Unfit::Skip, &[&["1"], &["2"], &["3"]]).unwrap_err(),
        ReadingError::TooManyRecords(2)
    );
    assert!(matches!(read(&ages(2), Unfit::Skip, &[&[""], &["121"]]), Err(ReadingError::NoRecords(_))));
    assert!(matches!(read(&ages(2), Unfit::Skip, &[]), Err(ReadingError::NoRecords(_))));
}

#[test]
fn damaged_rows_count_as_rows_that_do_not_fit() {
    let mut encoder = Encoder::new(&ages(10), Unfit::Skip).row(&[Cell::Text("7")]);
    assert_eq!(encoder, ControlFlow::Continue(()));
    let terms = ages(10);
    let mut counted = Encoder::new(&terms, Unfit::Skip);
    encoder = counted.row(&[Cell::Text("7")]);
    assert!(encoder.is_continue());
    let reading = counted.finish(3).unwrap();
    assert_eq!((reading.records(), reading.tally().rows, reading.tally().unfit), (1, 4, 3));
    assert!(matches!(Encoder::new(&terms, Unfit::Decline).finish(1), Err(ReadingError::Unfit(_))));
}

#[test]
fn without_bounds_a_participants_sum_has_room_in_the_total() {
    let terms = with(ages(10), |terms| {
        terms.sharing = Sharing::Additive { modulus: Modulus::Bits32 };
        terms.query.fields[0].schema = Schema::default();
    });
    // 2^31 / 100 participants.
    let limit = (1_u128 << 31) / 100;
    let fits = (limit - 1).to_string();
    assert!(encode_one(&terms, &[&fits]).is_ok());
    assert_eq!(encode_one(&terms, &[&limit.to_string()]).unwrap_err(), ReadingError::TooLarge { limit });
    let reading = encode_one(&terms, &["-3"]).unwrap();
    assert_eq!(measured(&reading), [1, (1 << 32) - 3]);
    let answer = decode(&terms, measured(&reading), 1).unwrap();
    assert_eq!(answer.to_json()["sum"], -3);
}

#[test]
fn a_vector_has_as_many_numbers_as_it_says() {
    let json = serde_json::json!({"type": "array", "items": {"type": "number", "minimum": -1, "maximum": 1,
        "multipleOf": 0.5}, "minItems": 3, "maxItems": 3});
    let terms = with(asked(Statistic::VectorMean, &["age"], 1, Detail::None, Sharing::Prio3), |terms| {
        terms.query.fields[0].schema = Schema::from_json(&json).unwrap();
    });
    assert_eq!(measured(&encode_one(&terms, &["[-1, 0.5, 1]"]).unwrap()), [0, 3, 4]);
    for wrong in ["[1,1]", "[1,1,1,1]", "1,1,1", "[]", "[1,1,x]", "[1,1,0.25]"] {
        assert!(encode_one(&terms, &[wrong]).is_err(), "{wrong}");
    }
}

#[test]
fn totals_that_cannot_be_are_not_decoded() {
    let one = with(ages(1), |terms| terms.sharing = Sharing::Additive { modulus: Modulus::Bits64 });
    assert!(decode(&one, &[3, 360], 3).is_ok());
    assert_eq!(decode(&one, &[3, 361], 3), Err(DecodeError::Impossible), "more than 120 each");
    assert_eq!(decode(&one, &[2, 100], 3), Err(DecodeError::Impossible), "a record less than participants");
    assert_eq!(decode(&one, &[3], 3), Err(DecodeError::Shape { expected: 2, got: 1 }));
    let many = with(one, |terms| terms.query.max_records = 10);
    assert!(decode(&many, &[30, 3_600], 3).is_ok());
    assert_eq!(decode(&many, &[31, 100], 3), Err(DecodeError::Impossible));
}
