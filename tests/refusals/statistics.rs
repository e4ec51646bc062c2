//! Questions that no statistic answers: the wrong fields, tables without end, options that say nothing.

use super::*;

const BOUNDED: &str = r#"{"type":"number","minimum":0,"maximum":100}"#;
const CATEGORIES: &str = r#"{"type":"string","enum":["a","b"]}"#;

/// Every one of these questions is refused as wrong usage before any node is looked for, with this word, naming this, and a
/// hint that says this.
fn all_refused(cases: &[(&str, &[&str], &str, &str, &str)]) {
    let lab = Lab::new();
    for (statistic, more, code, names, hint) in cases {
        let typed = [&["propose", "--prompt", "?", "--statistic", statistic], *more].concat();
        let ran = lab.json(&typed);
        let said = refused(&ran, (2, code), names);
        assert!(said.contains(hint), "`{hint}` is not hinted at: {ran:?}");
        let told = lab.run(&typed);
        assert!(told.code == 2 && told.stdout.is_empty() && told.stderr.contains(names), "{told:?}");
    }
    assert_eq!(std::fs::read_dir(lab.home()).unwrap().count(), 0, "asking makes nothing");
}

#[test]
fn a_statistic_without_the_fields_that_it_takes() {
    let of_both = r#"{"type":"object","properties":{"n":{"type":"string","enum":["a","b"]}}}"#;
    let predictor = r#"{"type":"object","properties":{"intercept":{"type":"integer","minimum":0,"maximum":1},
        "n":{"type":"integer","minimum":0,"maximum":1}}}"#;
    let vector = r#"{"type":"array","items":{"type":"number"},"minItems":3,"maxItems":3}"#;
    let many: Vec<String> = (0..33).map(|at| format!("n{at}")).collect();
    let many: Vec<&str> = ["--field"].into_iter().chain(many.iter().map(String::as_str)).collect();
    all_refused(&[
        ("median", &["--field", "n"], "invalid_statistic", "`median`", "--statistic"),
        (
            "bivariate",
            &["--field", "n", "--field", "n"],
            "invalid_field",
            "the field `n` is named twice",
            "once",
        ),
        ("mean", &["--field", "n", "m"], "invalid_field", "mean takes one field, a number, not 2", "--field"),
        ("regression", &["--field", "n"], "invalid_field", "2 to 32 fields, all numbers, not 1", "--field"),
        ("regression", &many, "invalid_field", "2 to 32 fields, all numbers, not 33", "--field"),
        (
            "regression",
            &["--field", "intercept", "n", "--schema", predictor],
            "invalid_field",
            "`intercept`",
            "another name",
        ),
        ("mean", &["--field", "n", "--schema", CATEGORIES], "invalid_schema", "`n` is a category", "--schema"),
        ("mean", &["--field", "n", "--schema", vector], "invalid_schema", "`n` is a vector", "--schema"),
        (
            "bivariate",
            &["--field", "n", "m", "--schema", of_both],
            "invalid_schema",
            "`n` is a category",
            "--schema",
        ),
        (
            "bivariate",
            &["--field", "m", "k", "--schema", of_both],
            "invalid_schema",
            "the schema describes `n`",
            "--field",
        ),
        ("frequency", &["--field", "n"], "invalid_schema", "listed or bounded", "enum"),
    ]);
}

#[test]
fn categories_and_vectors_that_cannot_be_counted() {
    let listed =
        |categories: Vec<String>| serde_json::json!({"type": "string", "enum": categories}).to_string();
    let many = listed((0..=1000).map(|number| number.to_string()).collect());
    let wide = listed((0..200).map(|number| format!("{number:060}")).collect());
    let longest = listed(vec!["a".to_owned(), "x".repeat(65)]);
    let short = r#"{"type":"object","properties":{"n":{"type":"integer","minimum":0,"maximum":100},
        "m":{"type":"integer","minimum":0,"maximum":100}}}"#;
    fn of(schema: &str) -> [&str; 4] {
        ["--field", "n", "--schema", schema]
    }
    let array = |more: &str| format!(r#"{{"type":"array",{more}}}"#);
    let (endless, ranging) = (
        array(r#""items":{"type":"number"}"#),
        array(r#""items":{"type":"number"},"minItems":2,"maxItems":3"#),
    );
    let of_what = array(r#""minItems":3,"maxItems":3"#);
    let enormous = array(r#""items":{"type":"number"},"minItems":262145,"maxItems":262145"#);
    let twice = listed(vec!["a".to_owned(), "a".to_owned()]);
    let mixed = r#"{"type":"string","enum":["a",3]}"#;
    let (enumerated, fixed) = ("\"enum\":[", "\"minItems\":3,\"maxItems\":3");
    all_refused(&[
        ("frequency", &of(&many), "invalid_schema", "there are 1001", enumerated),
        ("frequency", &of(&wide), "invalid_schema", "12400 bytes; 8192 can be announced", enumerated),
        ("frequency", &of(&longest), "invalid_schema", "xxxx` is empty, too long", enumerated),
        ("frequency", &of(&twice), "invalid_schema", "`a` is named twice", enumerated),
        ("frequency", &of(&listed(vec!["a".to_owned()])), "invalid_schema", "there are 1", enumerated),
        ("frequency", &of(mixed), "invalid_schema", "one of them is no text", enumerated),
        ("frequency", &of(r#"{"type":"string"}"#), "invalid_schema", "there is no `enum`", enumerated),
        (
            "contingency",
            &["--field", "n", "m", "--schema", short],
            "invalid_schema",
            "10201 cells; 10000 are possible",
            "narrower bounds",
        ),
        ("vector-mean", &of(&endless), "invalid_schema", "`minItems` and `maxItems`", fixed),
        ("vector-mean", &of(&ranging), "invalid_schema", "`minItems` and `maxItems`", fixed),
        ("vector-mean", &of(&of_what), "invalid_schema", "`items`", fixed),
        ("vector-mean", &of(&enormous), "invalid_schema", "1 to 262144", fixed),
    ]);
}

/// A question about `n` between 0 and 100, with more.
fn bounded<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["--field", "n", "--schema", BOUNDED], more].concat()
}

#[test]
fn ranges_that_are_none() {
    all_refused(&[
        (
            "histogram",
            &["--field", "n"],
            "invalid_schema",
            "no minimum and maximum",
            "\"minimum\" and \"maximum\"",
        ),
        (
            "histogram",
            &bounded(&["--edges", "0,5,3"]),
            "invalid_edges",
            "the edge 3 is not above 5",
            "--edges like",
        ),
        (
            "histogram",
            &bounded(&["--edges", "5,5"]),
            "invalid_edges",
            "the edge 5 is not above 5",
            "--edges like",
        ),
        (
            "histogram",
            &bounded(&["--edges", "5"]),
            "invalid_edges",
            "ranges have 2 to 501 edges, not 1",
            "--edges like",
        ),
        (
            "histogram",
            &bounded(&["--edges", "0,50", "--buckets", "4"]),
            "invalid_edges",
            "--buckets and --edges",
            "--edges",
        ),
        ("histogram", &bounded(&["--edges", "0,low"]), "usage", "low", "--help"),
        ("histogram", &bounded(&["--buckets", "0"]), "invalid_edges", "the buckets are 0", "1 to 500"),
        ("histogram", &bounded(&["--buckets", "501"]), "invalid_edges", "the buckets are 501", "1 to 500"),
    ]);
}

#[test]
fn quantiles_that_there_are_not() {
    all_refused(&[
        (
            "quantiles",
            &["--field", "n"],
            "invalid_schema",
            "no minimum and maximum",
            "\"minimum\" and \"maximum\"",
        ),
        (
            "quantiles",
            &bounded(&["--resolution", "1"]),
            "invalid_resolution",
            "the resolution is 1; ",
            "coarser",
        ),
        (
            "quantiles",
            &bounded(&["--resolution", "2.5"]),
            "invalid_resolution",
            "the resolution is 2.5; ",
            "coarser",
        ),
        ("quantiles", &bounded(&["--quantiles", "0.5,1.5"]), "invalid_quantiles", "between 0 and 1", "0.25"),
        (
            "quantiles",
            &bounded(&["--quantiles", "0.5,0.25"]),
            "invalid_quantiles",
            "above the one before",
            "0.25",
        ),
    ]);
}

#[test]
fn options_that_say_nothing_to_this_statistic() {
    all_refused(&[
        (
            "mean",
            &bounded(&["--buckets", "4"]),
            "invalid_option",
            "--buckets is for histogram",
            "--statistic histogram",
        ),
        ("sum", &bounded(&["--edges", "1,2"]), "invalid_option", "--edges is for histogram", "--edges"),
        (
            "histogram",
            &bounded(&["--resolution", "2"]),
            "invalid_option",
            "--resolution is for quantiles",
            "quantiles",
        ),
        (
            "univariate",
            &bounded(&["--quantiles", "0.5"]),
            "invalid_option",
            "--quantiles is for quantiles",
            "quantiles",
        ),
        ("mean", &bounded(&["--moments", "2"]), "invalid_option", "--moments is for univariate", "univariate"),
        ("univariate", &bounded(&["--moments", "7"]), "invalid_moments", "the moments are 7", "2 to 6"),
        ("univariate", &bounded(&["--moments", "1"]), "invalid_moments", "the moments are 1", "2 to 6"),
        ("sum", &bounded(&["--max-records", "0"]), "invalid_max_records", "max_records is 0", "from 1"),
        (
            "sum",
            &bounded(&["--max-records", "1000000001"]),
            "invalid_max_records",
            "max_records is 1000000001",
            "to 1000000000",
        ),
        ("sum", &bounded(&["--max-records", "few"]), "usage", "few", "--help"),
        (
            "count",
            &["--field", "n", "--epsilon", "1"],
            "invalid_epsilon",
            "a count is the number of participants",
            "--max-records",
        ),
    ]);
}
