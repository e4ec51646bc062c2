//! `bench`, small, through the real binary: what it prints can be relied on, and what it does not take it names.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod lab;

use lab::Lab;
use serde_json::Value;

/// The figures of the only report, by what was measured.
fn series<'a>(data: &'a Value, what: &str) -> &'a Value {
    assert_eq!(data["reports"].as_array().unwrap().len(), 1);
    let series = data["reports"][0]["series"].as_array().unwrap();
    series.iter().find(|one| one["what"] == what).unwrap_or_else(|| panic!("no `{what}` in {data}"))
}

fn is_summed_up(series: &Value, runs: u64) {
    let of = |name: &str| series[name].as_f64().unwrap();
    assert_eq!((series["unit"].as_str(), series["runs"].as_u64()), (Some("ms"), Some(runs)), "{series}");
    assert!(0.0 <= of("least") && of("least") <= of("median") && of("median") <= of("most"), "{series}");
}

#[test]
fn everybody_is_counted_by_a_short_deadline() {
    let lab = Lab::new();
    let ran = lab.json(&["bench", "deadline", "--light", "5", "--runs", "2", "--only", "5000"]);
    let data = ran.data();
    let setting = &data["reports"][0]["setting"];
    assert_eq!((&setting["light"], &setting["heavy"]), (&5.into(), &3.into()));
    assert_eq!(series(&data, "shortest deadline")["median"], 5_000.0);
    is_summed_up(series(&data, "from the deadline to the certificate at every node"), 2);
    let closed = series(&data, "closed list: from the question to the certificate at every node");
    is_summed_up(closed, 2);
    assert!(closed["most"].as_f64().unwrap() < 30_000.0, "it ends when it is complete: {closed}");
}

#[test]
fn many_computations_at_once_are_all_exact() {
    let lab = Lab::new();
    let homes = lab.home().to_str().unwrap();
    let ran = lab.json(&[
        "bench",
        "concurrent",
        "--computations",
        "6",
        "--light",
        "3",
        "--runs",
        "1",
        "--sharing",
        "threshold",
        "--homes",
        homes,
    ]);
    let data = ran.data();
    assert_eq!(data["reports"][0]["setting"]["homes"], homes);
    is_summed_up(series(&data, "until all have ended at every node"), 1);
    let left = std::fs::read_dir(homes).unwrap().filter_map(Result::ok);
    let left: Vec<_> =
        left.filter(|entry| entry.file_name().to_string_lossy().starts_with("formix-bench")).collect();
    assert!(left.is_empty(), "the nodes' homes are gone: {left:?}");
}

#[test]
fn for_people_it_is_a_table() {
    let ran = Lab::new().run(&["bench", "--runs", "1", "concurrent", "--computations", "2", "--light", "3"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for word in ["bench concurrent --computations 2 --light 3", "median", "least", "most", " ms", "exact"] {
        assert!(ran.stdout.contains(word), "no `{word}` in {}", ran.stdout);
    }
}

#[test]
fn what_it_does_not_take_is_named() {
    let lab = Lab::new();
    for (words, named) in [
        (&["bench", "speed"][..], "speed"),
        (&["bench", "deadline", "--light", "2"], "2"),
        (&["bench", "deadline", "--fast"], "--fast"),
        (&["bench", "deadline", "--only", "100"], "100"),
        (&["bench", "concurrent", "--runs", "0"], "0"),
    ] {
        let ran = lab.json(words);
        assert_eq!(ran.error(2), "usage");
        assert!(ran.message().contains(named), "{}", ran.message());
    }
    let ran = lab.json(&["bench", "deadline", "--statistic", "median"]);
    assert_eq!(ran.error(2), "invalid_statistic");
    assert!(ran.message().contains("median"));
    let ran = lab.json(&["bench", "concurrent", "--homes", "/nowhere/at/all"]);
    assert_eq!(ran.error(1), "file");
    assert!(ran.message().contains("/nowhere/at/all"), "{}", ran.message());
    let ran = lab.json(&["bench", "concurrent", "--light", "3", "--sharing", "secret"]);
    assert_eq!(ran.error(2), "invalid_sharing");
}
