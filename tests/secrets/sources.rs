//! Private values in a table, a database and the output of programs: cells that are used, cells that do not fit, categories
//! that nobody asked for, and what a program says beside its output.

use std::fs;
use std::path::Path;

use crate::lab::Lab;
use crate::search::Canary;

/// Each with the file in which it stands.
const HIDDEN: [(&str, &str); 11] = [
    (TABLE, "table.csv"),
    ("61927x40583", "table.csv"),
    ("5820471936", "table.csv"),
    ("Morbus Quervain", "table.csv"),
    (DATABASE, "clinic.db"),
    ("Febris Quintana", "clinic.db"),
    (PROGRAM, "export.sh"),
    ("Tussis Convulsiva", "export.sh"),
    ("4415073928", "export.sh"),
    ("2960485173", "failing.sh"),
    ("3609182754", "failing.sh"),
];
/// The only cell of each source that fits a question about incomes.
const TABLE: &str = "6203918475";
const DATABASE: &str = "7148260359";
const PROGRAM: &str = "8371594026";

const INCOME: [&str; 4] =
    ["--field", "income", "--schema", r#"{"type":"number","minimum":0,"maximum":9999999999}"#];
const DIAGNOSIS: [&str; 4] =
    ["--field", "diagnosis", "--schema", r#"{"type":"string","enum":["never","often"]}"#];
/// No income fits it.
const NARROW: [&str; 4] = ["--field", "income", "--schema", r#"{"type":"number","minimum":0,"maximum":10}"#];

/// Writes the sources into a folder.
pub fn write(folder: &Path) {
    // No number; a category that nobody asked for, and nothing beside it; a cell too many.
    let rows = "61927x40583,never\n,Morbus Quervain\n5820471936,often,1\n";
    fs::write(folder.join("table.csv"), format!("income,diagnosis\n{TABLE},often\n{rows}")).unwrap();
    let visits = format!(
        "CREATE TABLE visits (income TEXT, diagnosis TEXT);
         INSERT INTO visits VALUES ('{DATABASE}', 'never'), (NULL, 'Febris Quintana');"
    );
    rusqlite::Connection::open(folder.join("clinic.db")).unwrap().execute_batch(&visits).unwrap();
    let export = format!(
        "echo 4415073928 >&2\necho '{{\"income\": {PROGRAM}, \"diagnosis\": \"often\"}}'\n\
         echo '{{\"income\": null, \"diagnosis\": \"Tussis Convulsiva\"}}'\n"
    );
    fs::write(folder.join("export.sh"), export).unwrap();
    fs::write(folder.join("failing.sh"), "echo 2960485173\necho 3609182754 >&2\nexit 3\n").unwrap();
}

/// The database as a configuration declares it, in whose folder it is.
pub const DECLARED: &str =
    "[[source]]\nsqlite = \"clinic.db\"\nquery = \"SELECT income, diagnosis FROM visits\"\n";

/// The programs as flags.
pub fn programs(folder: &Path) -> Vec<String> {
    let script = |fields: &str, name: &str| format!("{fields}=sh {}", folder.join(name).display());
    let exported = script("income,diagnosis", "export.sh");
    let flags =
        ["--command", &exported, "--command", &script("weight", "failing.sh"), "--command-format", "json"];
    flags.map(str::to_owned).to_vec()
}

/// Questions that are answered, that no row fits, and that no program answers. Gives three of their ids.
pub fn ask(lab: &Lab, light: &[String]) -> [String; 3] {
    let asked = ["propose", "--prompt", "Kept in tables?", "--max-records", "5", "--node", &light[0]];
    let ask = |question: &[&str], more: &[&str]| lab.json(&[&asked[..], question, more, &["--wait"]].concat());
    // With a closed list it ends as soon as everybody has answered.
    let everybody = ["--deadline", "1m", "--participants", &light[0], &light[1], &light[2]];
    let sum = ask(&[&["--statistic", "sum"], &INCOME[..]].concat(), &everybody).data();
    let incomes = [TABLE, DATABASE, PROGRAM].map(|income| income.parse::<i64>().unwrap());
    assert_eq!(sum["result"]["sum"].as_i64(), Some(incomes.iter().sum()), "{sum}");
    let counts = ask(&[&["--statistic", "frequency"], &DIAGNOSIS[..]].concat(), &everybody).data();
    assert_eq!(counts["result"]["histogram"], serde_json::json!({"never": 2, "often": 2}), "{counts}");
    for unanswered in [&NARROW[..], &["--field", "weight"]] {
        let failed = ask(&[&["--statistic", "mean"], unanswered].concat(), &["--deadline", "2s"]);
        assert_eq!(failed.error(4), "computation_failed");
    }
    for uid in light {
        // What an answer would be made of is for the owner's eyes; that there is none is no reason to show a cell.
        let preview = ["data", "preview", "--statistic", "mean", "--node", uid];
        for nothing in [&NARROW[..], &["--field", "weight"]] {
            let nothing = [&preview[..], nothing].concat();
            assert_ne!((lab.run(&nothing).code, lab.json(&nothing).code), (0, 0), "{nothing:?}");
        }
    }
    // Newest first: two without an answer, then the counts.
    let all = lab.json(&["status", "--node", &light[0]]).data();
    [0, 1, 2].map(|at| all["computations"][at]["id"].as_str().unwrap().to_owned())
}

/// Starts that are refused, with these sources in them.
pub fn mistakes(folder: &Path) -> Vec<Vec<String>> {
    let table = folder.join("table.csv").display().to_string();
    let database = folder.join("clinic.db").display().to_string();
    let light = ["--role", "light", "--new"];
    let with = |more: &[&str]| [&light[..], more].concat().into_iter().map(str::to_owned).collect();
    vec![
        with(&["--csv", &table, "--data", "income=1"]),
        with(&["--csv", &database]),
        with(&["--sqlite", &table, "--query", "SELECT income FROM visits"]),
        with(&["--sqlite", &database, "--query", "SELECT weight FROM visits"]),
        with(&["--sqlite", &database, "--query", "DELETE FROM visits"]),
        with(&["--csv", &table, "--csv", &table]),
    ]
}

/// What must not be found anywhere but in its file.
pub fn canaries(folder: &Path) -> impl Iterator<Item = Canary> {
    HIDDEN.into_iter().map(|(text, file)| {
        let home = [folder.join(file)];
        match text.parse::<i64>() {
            Ok(_) => Canary::number(text, &home),
            Err(_) => Canary::bytes(format!("the cell {text}"), text.as_bytes(), &home),
        }
    })
}
