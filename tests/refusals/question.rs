//! Questions of the wrong form, and promises that no network could keep: refused before any node is looked for.

use super::*;

#[test]
fn a_question_of_the_wrong_form() {
    let lab = Lab::new();
    let long = "x".repeat(501);
    let schema = |schema: &'static str| question(&["--schema", schema]);
    for (typed, code, names) in [
        (question(&["--deadline", "soon"]), "usage", "`soon`"),
        (question(&["--deadline=-5s"]), "usage", "`-5s`"),
        (question(&["--deadline", "2020-01-01T00:00:00Z"]), "usage", "`2020-01-01T00:00:00Z`"),
        (question(&["--deadline", "0s"]), "invalid_deadline", "0"),
        (question(&["--deadline", "499ms"]), "invalid_deadline", "499ms"),
        (question(&["--deadline", "31d"]), "invalid_deadline", "the deadline is 31d from"),
        (question(&["--patience", "90000"]), "invalid_patience", "the patience is 90000; "),
        (question(&["--min-participants", "0"]), "invalid_minimum", "0"),
        (question(&["--participants", "a", "b", "--min-participants", "3"]), "invalid_minimum", "at most 2"),
        (question(&["--max-participants", "2"]), "invalid_minimum", "at most 2"),
        (question(&["--max-participants", "1000001"]), "invalid_maximum", "1000001"),
        (schema("{\"type\":\"date\"}"), "invalid_schema", "`date`"),
        (schema("{\"type\":\"number\",\"minimun\":0}"), "invalid_schema", "`minimun`"),
        (schema("{\"type\":\"number\",\"minimum\":5,\"maximum\":4}"), "invalid_schema", "between 5 and 4"),
        (schema("{\"type\":\"number\",\"maximum\":\"ten\"}"), "invalid_schema", "maximum"),
        (schema("not json"), "invalid_schema", "not JSON"),
        (question(&["--sharing", "secret"]), "invalid_sharing", "`secret`"),
        (question(&["--modulus-bits", "48"]), "invalid_modulus", "48"),
        (question(&["--heavy", "a", "b"]), "invalid_heavy", "not 2"),
        (question(&["--heavy", "a", "b", "a"]), "named_twice", "`a`"),
        (question(&["--field", "m"]), "invalid_field", "one field"),
        (vec!["propose", "--prompt", "?", "--field", "n"], "missing_argument", "--statistic"),
        (
            vec!["propose", "--prompt", "?", "--field", "n", "--statistic", "median"],
            "invalid_statistic",
            "`median`",
        ),
        (vec!["propose", "--prompt", &long, "--field", "n", "--statistic", "sum"], "invalid_prompt", "501"),
        (
            vec!["propose", "--prompt", "a\u{7}", "--field", "n", "--statistic", "sum"],
            "invalid_prompt",
            "control",
        ),
        (vec!["frobnicate"], "usage", "frobnicate"),
        (vec!["start", "--role", "medium", "--detach"], "usage", "medium"),
    ] {
        refused(&lab.json(&typed), (2, code), names);
        assert_eq!(lab.run(&typed).code, 2, "{typed:?}");
    }
    assert!(lab.json(&["propose", "--prompt", "?"]).message().contains("--field"));
}

#[test]
fn promises_that_cannot_be_kept() {
    let lab = Lab::new();
    let bounded = |more: &[&'static str]| {
        let schema = ["--schema", r#"{"type":"number","minimum":0,"maximum":9}"#];
        question(&[&schema[..], more].concat())
    };
    for (typed, code, names, hint) in [
        (question(&["--sharing", "prio3"]), "invalid_schema", "prio3 proves", "--sharing additive"),
        (
            question(&["--sharing", "threshold"]),
            "invalid_schema",
            "threshold proves",
            "\"minimum\" and \"maximum\"",
        ),
        (
            question(&["--epsilon", "1"]),
            "invalid_schema",
            "no minimum and maximum",
            "\"minimum\" and \"maximum\"",
        ),
        (
            bounded(&["--threshold", "3", "--survives", "1", "--heavy", "a", "b", "c"]),
            "invalid_threshold",
            "private against 2 + 1 that may vanish = 3 > 3 − 1 heavy nodes",
            "lower one of them, or use 4 heavy nodes",
        ),
        (
            bounded(&["--survives", "2", "--heavy", "a", "b", "c", "d"]),
            "invalid_survives",
            "2 × 2 + 1 = 5 > 4",
            "lower --survives to 1, or use 5 heavy nodes",
        ),
        (
            bounded(&["--survives", "8"]),
            "invalid_threshold",
            "17 heavy nodes; a computation has at most 16",
            "lower",
        ),
        (bounded(&["--threshold", "17"]), "invalid_threshold", "17 heavy nodes", "lower"),
        (bounded(&["--threshold", "1"]), "invalid_threshold", "1 heavy node alone", "--threshold between 2"),
        (
            bounded(&["--threshold", "4", "--heavy", "a", "b", "c"]),
            "invalid_threshold",
            "threshold 4 of 3",
            "--threshold between 2",
        ),
        (bounded(&["--survives", "1", "--heavy", "a", "b"]), "invalid_heavy", "not 2", "--heavy"),
        (
            bounded(&["--sharing", "prio3", "--threshold", "2"]),
            "invalid_threshold",
            "--threshold is for",
            "leave",
        ),
        (
            bounded(&["--sharing", "additive", "--survives", "1"]),
            "invalid_threshold",
            "--survives is for",
            "leave",
        ),
        (bounded(&["--sharing", "prio3", "--modulus-bits", "64"]), "invalid_modulus", "prio3 chooses", "leave"),
        (
            bounded(&["--threshold", "2", "--modulus-bits", "64"]),
            "invalid_modulus",
            "threshold chooses",
            "leave",
        ),
        (bounded(&["--epsilon", "0"]), "invalid_epsilon", "epsilon is 0;", "0.5"),
        (bounded(&["--epsilon", "-1"]), "invalid_epsilon", "epsilon is -1;", "0.5"),
        (bounded(&["--epsilon", "1000.5"]), "invalid_epsilon", "between 0.000001 and 1000", "0.5"),
        (bounded(&["--epsilon", "much"]), "usage", "much", "--help"),
        (bounded(&["--threshold", "two"]), "usage", "two", "--help"),
    ] {
        let ran = lab.json(&typed);
        let said = refused(&ran, (2, code), names);
        assert!(said.contains(hint), "{ran:?}");
    }
}

#[test]
fn totals_that_could_overflow() {
    let lab = Lab::new();
    let fine = r#"{"type":"number","minimum":0,"maximum":9000000000000000000,"multipleOf":1e-18}"#;
    for (more, names, ways, useless) in [
        (
            &["--modulus-bits", "32", "--schema", r#"{"type":"integer","minimum":0,"maximum":1000000}"#][..],
            "10000 participants × 1000000 steps do not stay below 2^32; 4294 participants would fit",
            &["multipleOf", "--max-participants 4294", "--modulus-bits 128"][..],
            "--epsilon",
        ),
        (
            &[
                "--modulus-bits",
                "64",
                "--epsilon",
                "0.000001",
                "--schema",
                r#"{"type":"integer","minimum":0,"maximum":1000000000000}"#,
            ],
            "and noise up to",
            &["--modulus-bits 128", "a larger --epsilon"],
            "--max-participants",
        ),
        (&["--schema", fine], "a little below 2^128", &["bounds", "--max-participants 18"], "--modulus-bits"),
    ] {
        let ran = lab.json(&question(more));
        let hint = refused(&ran, (2, "overflow"), names);
        assert!(ways.iter().all(|way| hint.contains(way)) && !hint.contains(useless), "{ran:?}");
    }
}
