//! Tables, databases, programs and policies that a light node cannot be started with, or has lost since.

use std::fs;

use super::*;

/// Starts a new light node; it may be refused.
fn light(lab: &Lab, more: &[&str]) -> Ran {
    lab.json(&[&["start", "--detach", "--role", "light", "--new"], &LOOPBACK[..], more].concat())
}

/// A file beside the nodes.
fn file(lab: &Lab, name: &str, content: &str) -> String {
    let path = lab.home().join(name);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_source_that_cannot_be_used_is_named_at_start() {
    let lab = Lab::new();
    let table = file(&lab, "t.csv", "age,sex\n8675309,f\n");
    let empty = file(&lab, "empty.csv", "");
    let not_a_database = file(&lab, "not.db", "8675309 is no database");
    let gone = lab.home().join("gone.csv").to_str().unwrap().to_owned();
    let folder = lab.home().to_str().unwrap().to_owned();
    let nodes = fs::read_dir(lab.home()).unwrap().count();
    for (more, names, hint) in [
        (&["--csv", &gone][..], gone.as_str(), "path"),
        (&["--csv", &folder], "is a folder", "file"),
        (&["--csv", &empty], "empty.csv is empty", "header"),
        (&["--csv", &table, "--csv", &table], "two sources have a field `age`", "rename"),
        (&["--csv", &table, "--data", "sex=8675309"], "two sources have a field `sex`", "rename"),
        (&["--sqlite", &gone, "--query", "SELECT 1 AS n"], &gone, "path"),
        (&["--sqlite", &not_a_database, "--query", "SELECT 1 AS n"], "not.db", "sqlite3"),
        (&["--command", "nothing"], "fields that it prints", "--command"),
        (&["--command", "n=/nowhere/program"], "/nowhere/program", "executable"),
        (&["--command", "n=echo 4", "--command-timeout", "90s"], "`timeout`", "--help"),
    ] {
        let ran = light(&lab, more);
        let said = refused(&ran, (2, "invalid_source"), names);
        assert!(said.contains(hint) && !ran.stdout.contains("8675309"), "{ran:?}");
    }
    assert_eq!(fs::read_dir(lab.home()).unwrap().count(), nodes, "a start that failed leaves nothing behind");
}

#[test]
fn a_column_that_is_not_there_is_named_at_start() {
    let lab = Lab::new();
    file(&lab, "t.csv", "age,sex\n41,f\n");
    for (columns, names) in [
        (
            "{ weight = \"Weight (kg)\" }",
            "t.csv has no column `Weight (kg)`, which is to be the field `weight`",
        ),
        ("{ weight = 3 }", "t.csv has no column 3, which is to be the field `weight`"),
    ] {
        let config = file(&lab, "light.toml", &format!("[[source]]\ncsv = \"t.csv\"\ncolumns = {columns}\n"));
        let hint = refused(&light(&lab, &["--config", &config]), (2, "invalid_source"), names);
        assert!(hint.contains("`columns`"), "{hint}");
    }
    for (source, names) in [
        ("cvs = \"t.csv\"", "line 2, `source`: unknown field `cvs`"),
        ("csv = \"t.csv\"\nsqlite = \"c.db\"\nquery = \"SELECT 1\"", "exactly one of"),
    ] {
        let config = file(&lab, "light.toml", &format!("[[source]]\n{source}\n"));
        refused(&light(&lab, &["--config", &config]), (2, "config"), names);
    }
}

#[test]
fn a_policy_that_is_not_understood_is_refused_with_its_line() {
    let lab = Lab::new();
    for (rule, names) in [
        ("asked_per_dya = 5", "line 3, `policy`: unknown field `asked_per_dya`"),
        ("asked_per_day = 0", "line 3, `policy.asked_per_day`"),
        ("statistics = [\"median\"]", "line 3, `policy.statistics`: `median` is not a statistic"),
        ("fields.age = { rule = \"perhaps\" }", "line 3, `policy.fields.age.rule`: unknown variant `perhaps`"),
        ("fields.age = { rules = \"ask\" }", "line 3, `policy.fields.age`: unknown field `rules`"),
        ("smallest_cell = -1", "line 3, `policy.smallest_cell`"),
        ("unfit_rows = \"round\"", "line 3, `policy.unfit_rows`: unknown variant `round`"),
        ("trust = [\"nobody\"]", "line 3, `policy.trust`: `nobody` is not a PeerId"),
        ("epsilon_budget = \"much\"", "line 3, `policy.epsilon_budget`: it is much"),
    ] {
        let config = file(&lab, "light.toml", &format!("[policy]\npreset = \"open\"\n{rule}\n"));
        let ran = light(&lab, &["--config", &config]);
        for names in [names, &config] {
            refused(&ran, (2, "config"), names);
        }
    }
    // What a node remembers is read as strictly.
    let uid = text(&light(&lab, &["--data", "n=1"]).data()["uid"]).to_owned();
    lab.json(&["stop", &uid]).data();
    let path = lab.node(&uid).join("node.toml");
    let kept = fs::read_to_string(&path).unwrap();
    fs::write(&path, kept.replacen("[policy]\n", "[policy]\nasked_per_dya = 5\n", 1)).unwrap();
    let ran = lab.json(&["start", &uid, "--detach"]);
    for names in ["unknown field `asked_per_dya`", "node.toml", "line "] {
        refused(&ran, (2, "config"), names);
    }
    fs::write(&path, kept).unwrap();
    lab.start(&[&uid]);
}
