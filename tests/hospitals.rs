//! The page of the three hospitals: every command on it is run, what it prints is what the page says, and the answers are
//! those of the three tables laid on one pile.
//!
//! `FORMIX_BLESS=1 cargo test --test hospitals` writes what the commands print into the page.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod hospitals {
    pub mod page;
    pub mod pile;
}
mod lab;

use std::path::{Path, PathBuf};
use std::process::Command;

use hospitals::page::{Page, Step};
use hospitals::pile::Pile;
use lab::{Lab, Ran};
use serde_json::Value;

/// What an answer of a library that computes in doubles may be beside the exact one.
const TOLERANCE: f64 = 1e-6;

/// Commands that print identities, or nothing; the page leaves out what.
const LEFT_OUT: [&str; 4] = ["export ", "formix-p2p start ", "formix-p2p stop ", "formix-p2p swarm-key "];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/hospitals")
}

fn page() -> Page {
    Page::parse(&std::fs::read_to_string(folder().join("README.md")).unwrap())
}

/// A shell in a folder with the tables, in which the page is typed.
struct Shell {
    lab: Lab,
    /// Of the network's first node.
    bootstrap: Option<String>,
    /// What was exported.
    exported: Vec<(String, String)>,
}

impl Shell {
    fn new() -> Self {
        let lab = Lab::new();
        for name in ["hospital-a.csv", "hospital-b.csv", "hospital-c.csv"] {
            std::fs::copy(folder().join(name), lab.home().join(name)).unwrap();
        }
        Self { lab, bootstrap: None, exported: Vec::new() }
    }

    /// Types one command.
    fn run(&mut self, command: &str) -> Ran {
        if let Some((name, value)) = command.strip_prefix("export ").and_then(|said| said.split_once('=')) {
            self.exported.push((name.to_owned(), value.to_owned()));
            return Ran { code: 0, stdout: String::new(), stderr: String::new() };
        }
        if !command.starts_with("formix-p2p start ") {
            // As on a terminal, both streams come in their order.
            return self.shell(&format!("{command} 2>&1"));
        }
        // On loopback there is no multicast: the first node is the one that the others know.
        let known =
            self.bootstrap.as_ref().map_or_else(String::new, |address| format!("--bootstrap {address}"));
        let ran = self.shell(&format!("{command} --json --no-mdns --listen /ip4/127.0.0.1/tcp/0 {known}"));
        self.bootstrap.get_or_insert_with(|| ran.data()["addresses"][0].as_str().unwrap().to_owned());
        ran
    }

    fn shell(&self, command: &str) -> Ran {
        let binary = Path::new(env!("CARGO_BIN_EXE_formix-p2p"));
        let path = std::env::var("PATH").unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(self.lab.home());
        shell.env("PATH", format!("{}:{path}", binary.parent().unwrap().display()));
        shell.env("FORMIX_HOME", self.lab.home()).env_remove("RUST_LOG").env_remove("FORMIX_NODE");
        shell.envs(self.exported.iter().map(|(name, value)| (name, value)));
        shell.output().unwrap().into()
    }

    /// What a computation gave, exactly.
    fn result(&self, printed: &str) -> Value {
        let id = printed.split_whitespace().find(|word| word.starts_with("COMP-")).unwrap();
        self.lab.json(&["result", id, "--wait", "--node", "hospital-c"]).data()
    }
}

#[track_caller]
fn close(ours: &Value, expected: f64) {
    let ours = ours.as_f64().unwrap();
    assert!(
        (ours - expected).abs() <= TOLERANCE * expected.abs().max(1.0),
        "{ours}, and {expected} on one pile"
    );
}

/// An answer is that of all tables together.
fn compare(step: &Step, result: &Value, pile: &Pile) {
    assert_eq!(result["participants"], 3);
    let fields = step.words_after("--field");
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    let statistic = step.words_after("--statistic").remove(0);
    let rows = pile.complete(&fields, &step.schema());
    assert_eq!(result["samples"], rows.len(), "{statistic}");
    match statistic.as_str() {
        "mean" => {
            let ages: Vec<f64> = Pile::numbers(&rows, 0);
            close(&result["sum"], ages.iter().sum());
            close(&result["mean"], ages.iter().sum::<f64>() / rows.len() as f64);
        }
        "histogram" => {
            let edges: Vec<f64> =
                step.words_after("--edges")[0].split(',').map(|edge| edge.parse().unwrap()).collect();
            assert_eq!(
                result["edges"],
                serde_json::to_value(edges.iter().map(|it| *it as i64).collect::<Vec<_>>()).unwrap()
            );
            assert_eq!(result["counts"], serde_json::to_value(Pile::ranges(&rows, &edges)).unwrap());
        }
        "contingency" => {
            let (table, chi_square) = Pile::table(&rows);
            assert_eq!(result["table"], serde_json::to_value(table).unwrap());
            assert_eq!(result["degrees_of_freedom"], 2);
            close(&result["chi_square"], chi_square);
        }
        "regression" => {
            let line = Pile::line(&rows);
            for (at, name) in ["intercept"].iter().chain(&fields[..fields.len() - 1]).enumerate() {
                close(&result["coefficients"][*name], line.parameters()[at]);
                close(&result["standard_errors"][*name], line.se()[at]);
            }
            close(&result["r_squared"], line.rsquared());
        }
        other => panic!("nobody has compared {other} yet"),
    }
}

#[test]
fn every_command_prints_what_the_page_says_and_answers_as_one_pile_would() {
    let (mut page, mut shell, pile) = (page(), Shell::new(), Pile::read(&folder()));
    let mut answered = Vec::new();
    for step in &mut page.steps {
        if step.command.starts_with("formix-p2p propose ") && answered.is_empty() {
            shell.lab.wait_for_view("hospital-a", 3, 3);
        }
        let ran = shell.run(&step.command);
        assert_eq!(ran.code, 0, "{}: {ran:?}", step.command);
        if step.command.starts_with("formix-p2p propose ") {
            compare(step, &shell.result(&ran.stdout), &pile);
            answered.extend(step.words_after("--statistic"));
        }
        if !LEFT_OUT.iter().any(|command| step.command.starts_with(command)) {
            let home = shell.lab.home().to_str().unwrap();
            step.check(&ran.stdout.replace(home, "~"));
        }
    }
    assert_eq!(answered, ["mean", "histogram", "contingency", "regression"]);
    if std::env::var_os("FORMIX_BLESS").is_some() {
        std::fs::write(folder().join("README.md"), page.text()).unwrap();
    }
}

#[test]
fn the_rows_that_the_page_shows_stand_in_the_tables() {
    let tables: String = ["a", "b", "c"]
        .map(|name| std::fs::read_to_string(folder().join(format!("hospital-{name}.csv"))).unwrap())
        .concat();
    let page = page();
    let rows =
        page.shown().filter(|line| line.contains([',', ';'])).map(|line| line.split("  ").next().unwrap());
    let rows: Vec<&str> = rows.collect();
    assert!(rows.len() >= 6, "{rows:?}");
    for row in rows {
        assert!(tables.lines().any(|line| line == row), "{row} stands in no table");
    }
}

#[test]
fn every_number_in_the_words_of_the_page_stands_in_a_command_or_in_what_it_printed() {
    let page = page();
    let there = page.numbers_in_blocks();
    for number in page.numbers_in_words() {
        assert!(there.contains(&number), "{number} stands in no command and in nothing that one printed");
    }
}
