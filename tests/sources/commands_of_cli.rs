//! Sources on the command line: `start` with its flags, and `data`.

use super::*;
use lab::Lab;
use serde_json::{Value, json};

const LOOPBACK: [&str; 3] = ["--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"];

fn light<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["start", "--detach", "--role", "light", "--new"], &LOOPBACK[..], more].concat()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn fields(data: &Value) -> Vec<(&str, &str, u64, u64)> {
    let of = |field: &'_ Value| (field["rows"].as_u64().unwrap(), field["usable"].as_u64().unwrap());
    data["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| {
            let (rows, usable) = of(field);
            (field["name"].as_str().unwrap(), field["type"].as_str().unwrap(), rows, usable)
        })
        .collect()
}

#[test]
fn what_start_is_told_is_listed_while_the_node_runs_and_after() {
    let (lab, folder) = (Lab::new(), Folder::new());
    folder.write("a.txt", "age;sex\n41,5;f\n-;m\n");
    let database = folder.path("c.db");
    let connection = rusqlite::Connection::open(&database).unwrap();
    connection.execute_batch("CREATE TABLE t (bmi); INSERT INTO t VALUES (22.5), (NULL);").unwrap();
    let (csv, flags) = (folder.path("a.txt"), ["--csv-delimiter", ";", "--decimal", ",", "--missing", "-"]);
    let sources = [
        &["--csv", text(&csv)][..],
        &flags,
        &["--sqlite", text(&database), "--query", "SELECT bmi FROM t"],
        &["--command", "weight,height=echo 80 1.80", "--command-timeout", "5s"],
        &["--data", "smoker=yes"],
    ]
    .concat();
    let uid = lab.json(&light(&sources)).data()["uid"].as_str().unwrap().to_owned();
    let expected = [
        ("smoker", "category", 1, 1),
        ("age", "number", 2, 1),
        ("sex", "category", 2, 2),
        ("bmi", "number", 2, 1),
        ("weight", "number", 1, 1),
        ("height", "number", 1, 1),
    ];
    let running = lab.json(&["data"]).data();
    assert_eq!((fields(&running), &running["problems"]), (expected.to_vec(), &json!([])));
    lab.json(&["stop", &uid]).data();
    assert_eq!(lab.json(&["data", "--node", &uid]).data(), running);
    let table = lab.run(&["data"]).stdout;
    assert!(
        table.contains("category, 2 values") && table.contains("a.txt") && !table.contains("41"),
        "{table}"
    );
    // Told again, the list of sources is taken whole; literal values are taken one by one.
    lab.json(&["start", &uid, "--detach", "--sqlite", text(&database), "--query", "SELECT 1 AS one"]).data();
    let after = lab.json(&["data"]).data();
    assert_eq!(fields(&after), [("smoker", "category", 1, 1), ("one", "number", 1, 1)]);
}

#[test]
fn a_source_that_cannot_be_used_is_refused_before_there_is_a_node() {
    let (lab, folder) = (Lab::new(), Folder::new());
    let csv = folder.write("a.csv", format!("age,sex\n{CANARY},f\n"));
    let twice = folder.write("twice.csv", format!("n,n\n{CANARY},1\n"));
    let (csv, twice, missing) = (text(&csv), text(&twice), folder.path("no.csv"));
    let here = text(folder.0.path());
    for (more, code, names) in [
        (&["--csv", text(&missing)][..], "invalid_source", "no.csv: No such file"),
        (&["--csv", here], "invalid_source", "is a folder"),
        (&["--csv", twice], "invalid_source", "two columns `n`"),
        (&["--csv", csv, "--data", "age=41"], "invalid_source", "two sources have a field `age`"),
        (&["--csv", csv, "--csv", csv], "invalid_source", "two sources have a field `age`"),
        (&["--csv", csv, "--csv-delimiter", "xy"], "usage", "one character"),
        (&["--csv", csv, "--csv-delimiter", "x"], "invalid_source", "`delimiter` is one ASCII character"),
        (&["--decimal", ","], "usage", "--csv"),
        (&["--csv", csv, "--decimal", ";"], "usage", "decimal mark"),
        (&["--sqlite", csv, "--query", "SELECT 1 AS a"], "invalid_source", "not a database"),
        (&["--sqlite", csv], "usage", "--query"),
        (&["--sqlite", csv, "--query", "a", "--query", "b"], "invalid_source", "1 --sqlite and 2 --query"),
        (&["--command", "echo 1"], "invalid_source", "begins with the fields"),
        (&["--command", "a="], "invalid_source", "needs a program"),
        (&["--command", "a,a=echo 1"], "invalid_source", "`a` is named twice"),
        (&["--command", "a=./no-such-program"], "invalid_source", "no-such-program cannot be run"),
        (&["--command", "a=echo 1", "--command-timeout", "2h"], "invalid_source", "at most 60 s"),
        (&["--command", "a=echo 1", "--command-format", "xml"], "usage", "numbers, json or csv"),
    ] {
        let ran = lab.json(&light(more));
        assert_eq!(ran.error(2), code, "{more:?}");
        assert!(ran.message().contains(names), "{names}: {ran:?}");
        assert!(!format!("{ran:?}").contains(CANARY));
    }
    let heavy = ["start", "--detach", "--role", "heavy", "--new", "--csv", csv];
    assert_eq!(lab.json(&heavy).error(2), "light_only");
    assert_eq!(fs::read_dir(lab.home()).unwrap().count(), 0, "nothing was made");
}

#[test]
fn a_remembered_source_that_has_gone_is_a_warning() {
    let (lab, folder) = (Lab::new(), Folder::new());
    let csv = folder.write("a.csv", "age\n41\n");
    let uid =
        lab.json(&light(&["--csv", text(&csv), "--data", "n=4"])).data()["uid"].as_str().unwrap().to_owned();
    lab.json(&["stop", &uid]).data();
    fs::remove_file(&csv).unwrap();
    let again = lab.run(&["start", &uid, "--detach"]);
    assert!(again.code == 0 && again.stderr.contains("a.csv: No such file"), "{again:?}");
    let logs = lab.run(&["logs", &uid, "--json"]).stdout;
    assert!(logs.contains("a source cannot be read"), "{logs}");
    let data = lab.json(&["data"]).data();
    assert_eq!(fields(&data), [("n", "number", 1, 1)]);
    assert!(data["problems"][0]["message"].as_str().unwrap().contains("a.csv"), "{data}");
    // A field that two sources have is refused to whoever names one of them now.
    fs::write(&csv, "n\n1\n").unwrap();
    lab.json(&["stop", &uid]).data();
    assert_eq!(lab.json(&["start", &uid, "--detach", "--csv", text(&csv)]).error(2), "invalid_source");
    assert_eq!(lab.json(&["start", &uid, "--detach", "--csv", text(&csv), "--data", "n="]).code, 0);
}

#[test]
fn a_home_without_light_nodes_has_no_data() {
    let lab = Lab::new();
    assert_eq!(lab.json(&["data"]).error(3), "no_such_node");
    let heavy = lab.start(&[&["--role", "heavy"], &LOOPBACK[..]].concat());
    assert_eq!(lab.json(&["data"]).error(3), "no_such_node");
    assert_eq!(lab.json(&["data", "--node", heavy["uid"].as_str().unwrap()]).error(2), "light_only");
}
