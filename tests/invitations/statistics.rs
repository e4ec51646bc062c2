//! A statistic of each family, between the same three parties.

use serde_json::Value;

use crate::party::{Party, TCP, invited, joined, parties, results};

const SCORE: &str = r#"{"type":"integer","minimum":0,"maximum":20}"#;
const PAIR: &str = r#"{"type":"object","properties":{
    "x":{"type":"integer","minimum":0,"maximum":9},"y":{"type":"integer","minimum":0,"maximum":20}}}"#;
const SMOKES: &str = r#"{"type":"string","enum":["never","former","current"]}"#;
const TABLE: &str = r#"{"type":"object","properties":{
    "sex":{"type":"string","enum":["f","m"]},"smokes":{"type":"string","enum":["no","yes"]}}}"#;
const VECTOR: &str =
    r#"{"type":"array","items":{"type":"integer","minimum":-5,"maximum":5},"minItems":2,"maxItems":2}"#;

/// The result of a question, with each party's values, one for each field.
fn answered(parties: &[Party], asked: &[&str], values: [&[&str]; 3]) -> Value {
    let given = |values: &[&str]| -> Vec<String> {
        values.iter().flat_map(|value| ["--value".to_owned(), (*value).to_owned()]).collect()
    };
    let own = given(values[0]);
    let own: Vec<_> = own.iter().map(String::as_str).collect();
    let (id, tickets) = invited(&parties[0], &[asked, &["--parties", "3"], &own].concat());
    for ((party, ticket), values) in parties[1..].iter().zip(&tickets).zip(&values[1..]) {
        let values = given(values);
        let values: Vec<_> = values.iter().map(String::as_str).collect();
        joined(party, ticket, &[&["--yes"], &values[..]].concat());
    }
    let results = results(parties, &id);
    assert!(results.iter().all(|result| *result == results[0]), "{results:?}");
    assert_eq!(results[0]["participants"], 3, "{results:?}");
    results[0].clone()
}

#[test]
fn one_of_each_family() {
    let parties = parties(3, TCP);
    let one = |statistic: &str, schema: &str, more: &[&str], values: [&str; 3]| {
        let asked = [&["--statistic", statistic, "--schema", schema], more].concat();
        answered(&parties, &asked, values.each_ref().map(std::slice::from_ref))
    };
    let number = |value: &Value| value.as_f64().unwrap();
    let count = one("count", SCORE, &[], ["[1,2]", "3", "4"]);
    assert_eq!(count["samples"], 4, "{count}");
    let moments = one("univariate", SCORE, &[], ["10", "7", "13"]);
    assert_eq!((number(&moments["mean"]), number(&moments["variance"])), (10.0, 9.0), "{moments}");
    let proven = one("sum", SCORE, &["--sharing", "prio3"], ["10", "7", "14"]);
    assert_eq!(proven["sum"], 31, "{proven}");
    let threshold = one("sum", SCORE, &["--threshold", "2"], ["10", "7", "14"]);
    assert_eq!(threshold["sum"], 31, "{threshold}");
    let frequency = one("frequency", SMOKES, &[], ["never", "[\"current\",\"never\"]", "former"]);
    assert_eq!(
        (&frequency["histogram"]["never"], &frequency["mode"]),
        (&2.into(), &"never".into()),
        "{frequency}"
    );
    let histogram = one("histogram", SCORE, &["--edges", "0,10,20"], ["3", "12", "[4,19]"]);
    assert_eq!(histogram["counts"], serde_json::json!([2, 2]), "{histogram}");
    let quantiles = one("quantiles", SCORE, &["--resolution", "2"], ["3", "12", "19"]);
    assert!((number(&quantiles["median"]) - 12.0).abs() <= 2.0, "{quantiles}");
    let vectors = one("vector-mean", VECTOR, &[], ["[1,-2]", "[[3,4],[5,-5]]", "[0,0]"]);
    assert_eq!(vectors["sum"], serde_json::json!([9, -3]), "{vectors}");
    let two = |statistic: &str, fields: [&str; 2], schema: &str, values: [[&str; 2]; 3]| {
        let asked = ["--statistic", statistic, "--field", fields[0], fields[1], "--schema", schema];
        answered(&parties, &asked, values.each_ref().map(<[&str; 2]>::as_slice))
    };
    let line = [["1", "3"], ["2", "5"], ["[3,4]", "[7,9]"]];
    let bivariate = two("bivariate", ["x", "y"], PAIR, line);
    assert_eq!(
        (number(&bivariate["regression_slope"]), number(&bivariate["samples"])),
        (2.0, 4.0),
        "{bivariate}"
    );
    let regression = two("regression", ["x", "y"], PAIR, line);
    assert_eq!(number(&regression["coefficients"]["intercept"]), 1.0, "{regression}");
    let table = two("contingency", ["sex", "smokes"], TABLE, [["f", "yes"], ["m", "no"], ["f", "yes"]]);
    assert_eq!(table["table"]["f"]["yes"], 2, "{table}");
}
