//! Every statistic as people read it, and as CSV.

use serde_json::{Value, json};

use super::*;

fn plain(result: &Value) -> String {
    block_on(Sheet { look: Look::Plain, columns: 80 }, result)
}

fn ruled(columns: usize, result: &Value) -> String {
    block_on(Sheet { look: Look::Ruled, columns }, result)
}

/// Lines without their spaces.
fn squeezed(text: &str) -> Vec<String> {
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn in_csv(result: &Value) -> String {
    String::from_utf8(csv(&Answer::of(result)).unwrap()).unwrap()
}

/// What a reader of CSV finds, without the header.
fn read_back(text: &str) -> Vec<Vec<String>> {
    let mut lines = ::csv::Reader::from_reader(text.as_bytes());
    lines.records().map(|line| line.unwrap().iter().map(str::to_owned).collect()).collect()
}

fn univariate() -> Value {
    json!({
        "sum": 40, "mean": 5.0, "variance": 4.571428571428571, "variance_mle": 4.0,
        "variance_of_sample_mean": 0.571_428_571, "standard_deviation": 2.138_089_935_299_395,
        "standard_deviation_mle": 2.0, "standard_error_of_sample_mean": 0.755_928_946_018_454_4,
        "coefficient_of_variation": 0.427_617_987, "coefficient_of_variation_mle": 0.4,
        "root_mean_square": 5.385_164_807, "root_mean_square_deviation": 2.0,
        "skewness": 0.656_25, "kurtosis": 2.781_25, "kurtosis_excess": -0.21875,
        "hyper_skewness": null, "hyper_flatness": null, "samples": 8, "participants": 8
    })
}

fn histogram() -> Value {
    json!({"edges": [80, 100, 120.5, 140], "counts": [1, 16, 8], "samples": 25, "participants": 5})
}

fn contingency() -> Value {
    json!({
        "table": {"no": {"female": 6, "male": 7}, "yes": {"female": 1, "male": 4}},
        "mode": ["no", "male"], "chi_square": 1.038_6, "degrees_of_freedom": 1,
        "samples": 18, "participants": 3
    })
}

#[test]
fn a_single_number_needs_no_block() {
    for result in [
        json!({"count": 3, "samples": 3, "participants": 3}),
        json!({"mean": 7.25, "sum": 29, "samples": 4, "participants": 4}),
        json!({"never seen before": 3, "samples": 3, "participants": 3}),
        Value::Null,
    ] {
        assert_eq!(plain(&result), "");
    }
}

#[test]
fn mean_and_deviation_come_first() {
    let lines = squeezed(&plain(&univariate()));
    assert_eq!(lines[0], "mean ± standard deviation 5 ± 2.13809");
    assert_eq!(lines[1], "standard error of the mean 0.75593");
    assert!(lines.contains(&"variance, divided by n 4".to_owned()), "{lines:?}");
    assert!(lines.contains(&"hyper-flatness –".to_owned()), "{lines:?}");
}

#[test]
fn what_is_not_defined_says_why() {
    let mut all_equal = univariate();
    for (name, value) in [("variance", json!(0)), ("skewness", Value::Null)] {
        all_equal[name] = value;
    }
    assert!(plain(&all_equal).contains("– (all values are equal)"));
    let one = json!({
        "mean": 3, "sum": 3, "variance": null, "standard_deviation": null, "variance_mle": 0,
        "samples": 1, "participants": 1
    });
    let lines = squeezed(&plain(&one));
    assert_eq!(lines[..2], ["mean 3", "standard deviation – (one record alone)"]);
    let mut none_at_all = one;
    none_at_all["samples"] = json!(0);
    none_at_all["mean"] = Value::Null;
    assert_eq!(squeezed(&plain(&none_at_all))[0], "mean – (no records)");
}

#[test]
fn bars_are_as_long_as_their_counts() {
    let text = ruled(60, &histogram());
    let lengths: Vec<_> = text.lines().map(|line| line.matches('█').count()).collect();
    assert_eq!(lengths[1], 2 * lengths[2], "{text}");
    assert!(text.lines().next().unwrap().contains("80 to   100  █"), "{text}");
    assert_eq!(lengths[0], lengths[1] / 16, "{text}");
    assert!(text.lines().all(|line| console::measure_text_width(line) <= 60), "{text}");
    // What is there at all is seen, and noise below nothing has no bar.
    let counts =
        json!({"histogram": {"a": 1000, "b": 1, "c": -3}, "mode": "a", "samples": 998, "participants": 3});
    let text = ruled(40, &counts);
    assert!(text.lines().nth(1).unwrap().contains('▏'), "{text}");
    assert_eq!(squeezed(&text)[2], "c -3 –");
}

#[test]
fn a_pipe_gets_counts_without_bars() {
    let lines =
        ["     80 to   100   1   4.0 %", "    100 to 120.5  16  64.0 %", "  120.5 to   140   8  32.0 %"];
    assert_eq!(plain(&histogram()).lines().collect::<Vec<_>>(), lines);
    let empty = json!({"histogram": {"A": 0, "B": 0}, "mode": null, "samples": 0, "participants": 3});
    assert_eq!(squeezed(&plain(&empty)), ["A 0 –", "B 0 –", "", "mode – (nothing is counted)"]);
}

#[test]
fn a_long_category_is_cut_on_a_terminal_alone() {
    let long = "x".repeat(200);
    let counts = json!({"histogram": {&long: 1}, "mode": null, "samples": 1, "participants": 1});
    assert!(plain(&counts).contains(&long));
    let text = ruled(80, &counts);
    assert!(text.contains("x…") && text.lines().all(|line| console::measure_text_width(line) <= 80), "{text}");
}

#[test]
fn a_category_cannot_steer_the_terminal() {
    let hostile = json!({"histogram": {"\u{1b}[2J": 1}, "mode": "\u{1b}[2J", "samples": 1, "participants": 1});
    let table = json!({
        "table": {"\u{1b}[2J": {"\u{7}": 1}}, "mode": ["\u{1b}[2J", "\u{7}"], "chi_square": null,
        "samples": 1, "participants": 1
    });
    for result in [hostile, table] {
        for text in [plain(&result), ruled(80, &result)] {
            assert!(!text.contains(['\u{1b}', '\u{7}']), "{text:?}");
        }
    }
}

#[test]
fn a_table_has_its_totals() {
    let lines = squeezed(&plain(&contingency()));
    assert_eq!(lines[..4], ["female male total", "no 6 7 13", "yes 1 4 5", "total 7 11 18"]);
    assert_eq!(lines[4..], ["chi-square 1.0386 (1 degree of freedom)", "mode no, male"]);
}

#[test]
fn a_regression_shows_estimate_error_and_t() {
    let result = json!({
        "coefficients": {"age": 0.5, "intercept": 100.25, "weight": -2.0},
        "standard_errors": {"age": 0.25, "intercept": 4.0, "weight": 0.0}, "r_squared": 0.5,
        "samples": 30, "participants": 3
    });
    let lines = squeezed(&plain(&result));
    assert_eq!(
        lines,
        [
            "coefficient estimate standard error t",
            "age 0.5 0.25 2",
            "weight -2 0 –",
            "intercept 100.25 4 25.1",
            "R² 0.5"
        ]
    );
    let undetermined = json!({
        "coefficients": {"age": null, "intercept": null}, "standard_errors": {"age": null, "intercept": null},
        "r_squared": null, "samples": 1, "participants": 1
    });
    assert!(plain(&undetermined).contains("too few records"));
}

#[test]
fn quantiles_ascend_with_the_median_among_them() {
    let result = json!({
        "median": 50, "quantiles": {"0.9": 90, "0.05": 5, "0.5": 50, "0.25": 25},
        "minimum": 0, "maximum": 100, "resolution": 5, "samples": 9, "participants": 9
    });
    let expected = [
        "minimum 0",
        "quantile 0.05 5",
        "quantile 0.25 25",
        "median 50",
        "quantile 0.9 90",
        "maximum 100",
        "",
        "resolution 5",
    ];
    assert_eq!(squeezed(&plain(&result)), expected);
    assert_eq!(in_csv(&result), "probability,value\n0,0\n0.05,5\n0.25,25\n0.5,50\n0.9,90\n1,100\n");
}

#[test]
fn two_fields_together() {
    let result = json!({
        "covariance": 2.5, "covariance_mle": 2.0, "correlation_coefficient": null, "regression_slope": 0.5,
        "regression_intercept": 1, "regression_slope_only": 0.75, "samples": 5, "participants": 5
    });
    let lines = squeezed(&plain(&result));
    assert_eq!(lines[..2], ["correlation –", "covariance 2.5"]);
    assert!(lines.contains(&"slope through the origin 0.75".to_owned()), "{lines:?}");
}

#[test]
fn a_long_vector_is_shown_at_its_ends() {
    let numbers: Vec<_> = (1..=1284).collect();
    let result = json!({"mean": numbers, "sum": numbers, "samples": 1, "participants": 1});
    let lines = squeezed(&plain(&result));
    assert_eq!(lines.len(), 23);
    assert_eq!((lines[1].as_str(), lines[11].as_str()), ("1 1 1", "… … …"));
    assert_eq!(lines[21..], ["1284 1284 1284", "1284 elements"]);
    let short = json!({"mean": [1, 2], "sum": [1, 2], "samples": 1, "participants": 1});
    assert_eq!(squeezed(&plain(&short)), ["element mean sum", "1 1 1", "2 2 2", "2 elements"]);
    let between: Vec<_> = (1..=15).collect();
    let between = json!({"mean": between, "sum": between, "samples": 1, "participants": 1});
    assert_eq!(squeezed(&plain(&between)).len(), 17, "every element once");
}

#[test]
fn noise_is_said_below() {
    let noise = json!({"mechanism": "discrete-laplace", "epsilon": 0.5, "standard_deviation": 2.828});
    let mut result = histogram();
    result["noise"] = noise.clone();
    assert!(plain(&result).ends_with("\n  each count ± 2.83 (noise, ε = 0.5)\n"), "{}", plain(&result));
    let mut result = univariate();
    result["noise"] = noise;
    assert!(plain(&result).ends_with("noise in the sums that these come from, ε = 0.5\n"));
}

#[test]
fn keys_that_promise_a_form_and_break_it_are_told_number_by_number() {
    let broken = json!({"edges": [1, 2], "counts": [1, 2, 3], "samples": 6, "participants": 3});
    assert!(matches!(Answer::of(&broken), Answer::Numbers(_)));
    assert_eq!(plain(&broken), "");
}

#[test]
fn csv_says_every_digit_again() {
    let total = "170141183460469231731687303715884105727";
    let result: Value = serde_json::from_str(&format!(
        r#"{{"mean":0.3333333333333333,"sum":{total},"variance":null,"samples":3,"participants":3}}"#
    ))
    .unwrap();
    let expected = [["mean", "0.3333333333333333"], ["sum", total], ["variance", ""]];
    assert_eq!(read_back(&in_csv(&result)), expected);
    assert_eq!(read_back(&in_csv(&histogram()))[1], ["100", "120.5", "16"]);
    assert_eq!(
        read_back(&in_csv(&contingency())),
        [["no", "female", "6"], ["no", "male", "7"], ["yes", "female", "1"], ["yes", "male", "4"]]
    );
    let regression = json!({
        "coefficients": {"age": 0.5, "intercept": 100}, "standard_errors": {"age": null, "intercept": 4},
        "r_squared": 0.5, "samples": 30, "participants": 3
    });
    assert_eq!(in_csv(&regression), "name,coefficient,standard_error\nage,0.5,\nintercept,100,4\n");
    let vector = json!({"mean": [0.5, 1], "sum": [1, 2], "samples": 2, "participants": 2});
    assert_eq!(in_csv(&vector), "element,mean,sum\n1,0.5,1\n2,1,2\n");
}

#[test]
fn a_category_is_no_formula_in_a_spreadsheet() {
    let counts = json!({
        "histogram": {
            "=HYPERLINK(\"http://x\")": 1, "+1+1": 2, "-2": 3, "@x": 4, "a,\"b\"\nc": 5, "-": 6, "+inf": 7,
        },
        "mode": "a", "samples": 28, "participants": 3
    });
    let lines = read_back(&in_csv(&counts));
    let names: Vec<_> = lines.iter().map(|line| line[0].as_str()).collect();
    assert_eq!(names, ["'=HYPERLINK(\"http://x\")", "'+1+1", "-2", "'@x", "a,\"b\"\nc", "'-", "'+inf"]);
}
