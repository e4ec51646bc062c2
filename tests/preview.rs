//! `data preview`: what it shows is what an answer is made of.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod lab;

use lab::Lab;
use serde_json::{Value, json};

const AGE: &str = r#"{"type":"integer","minimum":10,"maximum":120}"#;
const BOTH: &str = r#"{"type":"object","properties":{"age":{"type":"integer","minimum":10,"maximum":120},
    "bmi":{"type":"number","minimum":10,"maximum":60,"multipleOf":0.5}}}"#;
const TABLE: &str = "age,bmi,smoker\n41,20.5,yes\n36,31,no\n,25,no\n130,22,maybe\n52,28,no\n";

struct Owner {
    lab: Lab,
}

impl Owner {
    fn new(policy: &str) -> Self {
        let lab = Lab::new();
        let file = lab.home().join("patients.csv");
        std::fs::write(&file, TABLE).unwrap();
        let settings = lab.home().join("light.toml");
        std::fs::write(&settings, policy).unwrap();
        let (file, settings) = (file.to_string_lossy(), settings.to_string_lossy());
        lab.start(&["--role", "light", "--csv", &file, "--config", &settings, "--no-mdns"]);
        Self { lab }
    }

    fn preview(&self, arguments: &[&str]) -> lab::Ran {
        self.lab.json(&[&["data", "preview"], arguments].concat())
    }

    fn slots(&self, arguments: &[&str]) -> Value {
        let data = self.preview(arguments).data();
        let slots = data["slots"].as_array().unwrap().iter();
        slots.map(|slot| json!([slot["name"], slot["value"]])).collect()
    }
}

#[test]
fn sums_are_counted_in_steps_above_the_lowest_value() {
    let owner = Owner::new("");
    let slots = owner.slots(&["--field", "age", "--statistic", "mean", "--schema", AGE]);
    // 31 + 26 + 42 above 10; the row without an age and the one above 120 are left out.
    assert_eq!(slots, json!([["records", 3], ["Σ age", 99]]));
    let data = owner.preview(&["--field", "age", "--statistic", "mean", "--schema", AGE]).data();
    assert_eq!((&data["rows"], &data["missing"], &data["unfit"]), (&json!(5), &json!(1), &json!(1)));
    assert_eq!(data["rules"], json!({"`age`: the value is above the maximum of 120": 1}));
    let slots = owner.slots(&["--field", "age", "bmi", "--statistic", "bivariate", "--schema", BOTH]);
    let (x, y) = ([31, 26, 42], [21, 42, 36]);
    let sum = |left: [i64; 3], right: [i64; 3]| left.iter().zip(right).map(|(a, b)| a * b).sum::<i64>();
    let expected = json!([
        ["records", 3],
        ["Σ age", 99],
        ["Σ bmi", 99],
        ["Σ age·age", sum(x, x)],
        ["Σ bmi·bmi", sum(y, y)],
        ["Σ age·bmi", sum(x, y)],
    ]);
    assert_eq!(slots, expected);
}

#[test]
fn tables_and_unbounded_numbers_are_shown_as_they_are_counted() {
    let owner = Owner::new("");
    let smoker = r#"{"type":"string","enum":["yes","no"]}"#;
    let slots = owner.slots(&["--field", "smoker", "--statistic", "frequency", "--schema", smoker]);
    assert_eq!(slots, json!([["smoker = yes", 1], ["smoker = no", 3]]));
    let slots = owner.slots(&["--field", "age", "--statistic", "sum"]);
    assert_eq!(slots, json!([["records", 4], ["Σ age", 259]]));
}

#[test]
fn the_owners_word_on_rows_that_do_not_fit_holds() {
    let owner = Owner::new("[policy]\nunfit_rows = \"clamp\"\n");
    let asked = ["--field", "age", "--statistic", "sum", "--schema", AGE];
    assert_eq!(owner.slots(&asked), json!([["records", 4], ["Σ age", 99 + 110]]));
    assert_eq!(owner.preview(&asked).data()["clamped"], 1);
    let owner = Owner::new("[policy]\nunfit_rows = \"decline\"\n");
    let refused = owner.preview(&asked);
    assert_eq!(refused.error(1), "no_answer");
    assert!(refused.message().contains("above the maximum of 120"), "{}", refused.message());
}

#[test]
fn a_question_that_cannot_be_asked_or_answered_is_refused() {
    let owner = Owner::new("");
    let refused = owner.preview(&["--field", "height", "--statistic", "mean", "--schema", AGE]);
    assert_eq!(refused.error(1), "not_readable");
    assert!(refused.message().contains("height"), "{}", refused.message());
    assert_eq!(owner.preview(&["--field", "age", "--statistic", "median"]).error(2), "invalid_statistic");
    assert_eq!(owner.preview(&["--statistic", "mean"]).error(2), "missing_argument");
    assert_eq!(owner.slots(&["--field", "age"]), json!([["records", 4], ["Σ age", 259]]), "of a mean");
    let few = ["--field", "age", "--statistic", "sum", "--schema", AGE, "--max-records", "2"];
    assert!(owner.preview(&few).message().contains("more than 2 records"));
}
