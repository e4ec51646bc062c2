//! Whole networks of real processes over tables: every statistic under every sharing scheme is what independent libraries say
//! of all rows on one pile; values are read when somebody asks; who cannot read, or has too much, holds nobody up.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod lab;
mod statistics {
    pub mod libraries;
    pub mod records;
}

use std::fs;
use std::path::PathBuf;

use formix_p2p::domain::Statistic;
use lab::Lab;
use serde_json::Value;
use statistics::libraries::{EDGES, PROBABILITIES, RESOLUTION, expected};
use statistics::records::{Record, schema};

const FIELDS: [&str; 6] = ["age", "bmi", "dose", "sex", "smoker", "update"];
/// Rows of three tables.
const ROWS: [usize; 3] = [9, 4, 6];
/// What two ways of computing may differ by, relative to a number or to 1; the libraries compute in doubles.
const TOLERANCE: f64 = 1e-6;
/// Longer than any test: a question with a closed list ends when everybody has answered.
const LATER: [&str; 2] = ["--deadline", "5m"];

/// Three heavy nodes and light ones that are added, on loopback.
struct Network {
    lab: Lab,
    heavy: Vec<String>,
    light: Vec<String>,
    bootstrap: String,
}

impl Network {
    fn start() -> Self {
        let lab = Lab::new();
        let heavy = lab.network(&[], &[]);
        let id = lab.json(&["id", "--node", &heavy[0]]).data();
        let bootstrap = id["addresses"][0].as_str().unwrap().to_owned();
        Self { lab, heavy, light: Vec::new(), bootstrap }
    }

    /// Adds an open light node with these sources.
    fn light(&mut self, sources: &[&str]) -> String {
        let common = ["--role", "light", "--new", "--policy", "open", "--no-mdns"];
        let where_to = ["--listen", "/ip4/127.0.0.1/tcp/0", "--bootstrap", &self.bootstrap];
        let node = self.lab.start(&[&common[..], &where_to, sources].concat());
        self.light.push(node["uid"].as_str().unwrap().to_owned());
        self.light.last().unwrap().clone()
    }

    /// Writes a table beside the nodes, and adds its owner.
    fn owner_of(&mut self, name: &str, table: &str) -> String {
        let path = self.write(name, table);
        self.light(&["--csv", path.to_str().unwrap()])
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.lab.home().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// Waits until the first and the last light node see everybody.
    fn complete(&self) {
        for uid in [&self.light[0], self.light.last().unwrap()] {
            self.lab.wait_for_view(uid, self.heavy.len(), self.light.len());
        }
    }

    /// Asks from the first light node; what `propose` says.
    fn propose(&self, question: &[&str]) -> Value {
        let asked = ["propose", "--prompt", "What is in the tables?", "--node", &self.light[0]];
        self.lab.json(&[&asked[..], question].concat()).data()
    }

    /// Asks everybody, and waits until everybody has answered and the result is there.
    fn ask(&self, question: &[&str]) -> Value {
        let everybody: Vec<&str> =
            ["--participants"].into_iter().chain(self.light.iter().map(String::as_str)).collect();
        self.propose(&[question, &LATER, &everybody, &["--wait"]].concat())
    }

    fn logs(&self, uid: &str) -> String {
        self.lab.run(&["logs", uid, "--json"]).stdout
    }
}

/// A table as a spreadsheet writes it: vectors and what has a comma in quotes, nothing where nothing is known.
fn table(records: &[Record]) -> String {
    let cell = |record: &Record, field: &&str| match record.text(field) {
        Some(text) if text.contains(',') => format!("\"{text}\""),
        Some(text) => text,
        None => String::new(),
    };
    let row = |record: &Record| FIELDS.iter().map(|field| cell(record, field)).collect::<Vec<_>>().join(",");
    let header = FIELDS.join(",");
    [header].into_iter().chain(records.iter().map(row)).map(|line| line + "\n").collect()
}

/// Asks for everything that is compared under this scheme. Gives the computations, with what they must give.
fn every_statistic_is_that_of_one_pile(sharing: &[&str]) {
    let mut network = Network::start();
    let tables: Vec<Vec<Record>> =
        ROWS.into_iter().zip(31..).map(|(rows, seed)| Record::some(seed, rows)).collect();
    for (at, records) in tables.iter().enumerate() {
        network.owner_of(&format!("{at}.csv"), &table(records));
    }
    network.complete();
    let damaged = tables.iter().flatten().filter(|record| !record.is_whole()).count();
    assert!(damaged > 0, "some rows are to be left out");
    let (edges, probabilities) = (EDGES.join(","), PROBABILITIES.join(","));
    let quantiles = ["--resolution", RESOLUTION, "--quantiles", &probabilities];
    for (statistic, fields, told) in [
        (Statistic::Frequency, &["smoker"][..], &[][..]),
        (Statistic::Contingency, &["smoker", "sex"], &[]),
        (Statistic::Histogram, &["age"], &["--edges", &edges]),
        (Statistic::Quantiles, &["bmi"], &quantiles),
        (Statistic::Univariate, &["dose"], &["--moments", "6"]),
        (Statistic::Bivariate, &["age", "dose"], &[]),
        (Statistic::Regression, &["age", "bmi", "dose"], &[]),
        (Statistic::VectorMean, &["update"], &[]),
    ] {
        let names: Vec<String> = fields.iter().map(|name| (*name).to_owned()).collect();
        let (asked, schema) = (statistic.to_string(), schema(&names));
        let question = ["--statistic", &asked, "--schema", &schema, "--max-records", "10", "--field"];
        let data = network.ask(&[&question[..], fields, told, sharing].concat());
        let pile: Vec<&Record> =
            tables.iter().flatten().filter(|record| record.is_used(statistic, &names)).collect();
        compare(&data["result"], &expected(statistic, &names, &pile), pile.len(), &asked);
        // Who only added up reads the same.
        let id = data["id"].as_str().unwrap();
        let read = network.lab.json(&["result", id, "--wait", "--node", &network.heavy[2]]).data();
        assert_eq!(read, data["result"], "{asked}");
    }
}

#[track_caller]
fn compare(result: &Value, figures: &[(String, f64)], samples: usize, asked: &str) {
    assert_eq!(result["samples"], samples, "{asked}: {result}");
    assert_eq!(result["participants"], ROWS.len(), "{asked}: {result}");
    assert!(!figures.is_empty());
    for (figure, library) in figures {
        let here = result.pointer(figure).and_then(Value::as_f64);
        let close = here.is_some_and(|here| (here - library).abs() <= TOLERANCE * library.abs().max(1.0));
        assert!(close, "{asked} {figure}: {here:?}, and {library} elsewhere: {result}");
    }
}

#[test]
fn every_statistic_is_that_of_one_pile_under_prio3() {
    every_statistic_is_that_of_one_pile(&["--sharing", "prio3"]);
}

#[test]
fn every_statistic_is_that_of_one_pile_under_a_threshold() {
    every_statistic_is_that_of_one_pile(&["--threshold", "2"]);
}

#[test]
fn every_statistic_is_that_of_one_pile_under_additive_sharing() {
    every_statistic_is_that_of_one_pile(&["--modulus-bits", "128"]);
}

#[test]
fn a_vector_on_the_command_line_is_one_record() {
    let mut network = Network::start();
    for update in ["update=[0.5,-0.25]", "update=[ 1, 0 ]", "update=[-1,1e-1]"] {
        network.light(&["--data", update]);
    }
    network.complete();
    let schema = r#"{"type":"array","minItems":2,"maxItems":2,
        "items":{"type":"number","minimum":-1,"maximum":1,"multipleOf":0.01}}"#;
    let question = ["--statistic", "vector-mean", "--field", "update", "--schema", schema];
    let result = &network.ask(&question)["result"];
    assert_eq!((&result["samples"], &result["participants"]), (&3.into(), &3.into()));
    let sums: Vec<_> = result["sum"].as_array().unwrap().iter().map(|sum| sum.as_f64().unwrap()).collect();
    assert_eq!(sums, [0.5, -0.15]);
    assert_eq!(result["mean"][1].as_f64(), Some(-0.05));
}

#[test]
fn values_are_read_when_somebody_asks() {
    let mut network = Network::start();
    for (name, table) in [("a.csv", "n\n1\n2\n"), ("b.csv", "n\n10\n"), ("c.csv", "n\n100\n")] {
        network.owner_of(name, table);
    }
    network.complete();
    let question = ["--statistic", "sum", "--field", "n", "--max-records", "5"];
    let sum = || {
        let result = network.ask(&question)["result"].clone();
        assert_eq!(result["participants"], 3);
        (result["sum"].as_i64().unwrap(), result["samples"].as_u64().unwrap())
    };
    assert_eq!(sum(), (113, 4));
    // In place, and as editors do it: another file takes the name. A column more is nothing to this question.
    network.write("a.csv", "n\n1\n2\n4\n");
    let other = network.write("b.csv.new", "name,n\nx,20\ny,30\n");
    fs::rename(other, network.lab.home().join("b.csv")).unwrap();
    assert_eq!(sum(), (157, 6));
}

#[test]
fn who_has_too_much_or_cannot_read_in_time_holds_nobody_up() {
    let mut network = Network::start();
    let asker = network.owner_of("a.csv", "n\n1\n2\n");
    network.owner_of("b.csv", "n\n10\n20\n30\n");
    network.owner_of("c.csv", "n\n100\n");
    let rich = network.owner_of("rich.csv", "n\n1000\n1000\n1000\n1000\n");
    let begun = network.lab.home().join("begun");
    let script = network.write("hang.sh", &format!("echo begun > {}\nexec sleep 1000\n", begun.display()));
    let hanging = network.light(&["--command", &format!("n=sh {}", script.display())]);
    let failing = network.light(&["--command", "n=false"]);
    network.complete();

    let question = ["--statistic", "sum", "--field", "n", "--max-records", "3", "--deadline", "6s"];
    let data = network.propose(&question);
    let id = data["id"].as_str().unwrap();
    let lab = &network.lab;
    // While the program hangs, its node answers everybody.
    lab.until("the program runs", || begun.exists());
    let status = lab.json(&["status", id, "--node", &hanging]).data();
    assert_eq!((&status["status"], &status["own_answer"]), (&"pending".into(), &"none".into()), "{status}");
    assert_eq!(lab.json(&["pending", "--node", &hanging]).data()["pending"], Value::Array(Vec::new()));

    let result = lab.json(&["result", id, "--wait", "--node", &asker]).data();
    assert_eq!(
        (&result["sum"], &result["participants"], &result["samples"]),
        (&163.into(), &3.into(), &6.into())
    );
    // Everybody knows the result, also those without an answer, and only they know why.
    for (uid, why) in [
        (&rich, "there are more than 3 records"),
        (&hanging, "was not read to its end"),
        (&failing, "failed: exit status: 1"),
    ] {
        assert_eq!(lab.json(&["result", id, "--wait", "--node", uid]).data()["sum"], 163);
        lab.until("its owner can read why", || network.logs(uid).contains(why));
        let others = network.heavy.iter().chain(&network.light).filter(|other| *other != uid);
        for other in others {
            assert!(!network.logs(other).contains(why), "{other} knows why {uid} does not answer");
        }
    }
    // The asker hears that somebody declined, of no other reason, and nothing of what is in the way.
    let asked = lab.json(&["status", id, "--node", &asker]).data();
    let standings = asked["standings"].as_object().unwrap();
    assert_eq!(standings.keys().collect::<Vec<_>>(), ["declined"], "{asked}");
    assert_eq!(asked["reason"], Value::Null);
}
