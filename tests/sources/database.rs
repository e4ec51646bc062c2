//! SQLite databases.

use super::*;
use rusqlite::Connection;

const PATIENTS: &str = "
    CREATE TABLE patients (age INTEGER, bmi REAL, sex TEXT, scan BLOB);
    INSERT INTO patients VALUES (41, 22.5, 'f', NULL), (NULL, 1e300, 'm', NULL), (-9223372036854775808, 0.1, '', NULL);";

fn clinic(folder: &Folder, more: &str) -> PathBuf {
    let path = folder.path("clinic.db");
    Connection::open(&path).unwrap().execute_batch(&format!("{PATIENTS}{more}")).unwrap();
    path
}

fn declared(query: &str) -> String {
    format!("sqlite = \"clinic.db\"\nquery = \"{query}\"")
}

#[test]
fn the_columns_of_a_query_are_fields() {
    let folder = Folder::new();
    clinic(&folder, "");
    let query = declared("SELECT sex, age, bmi AS \\\"body mass\\\" FROM patients ORDER BY rowid;");
    let names: Vec<_> = folder.declare(&[&query]).fields().into_iter().map(|field| field.name).collect();
    assert_eq!(names, ["sex", "age", "body mass"]);
    assert_eq!(column(&folder.rows(&query, &["age"])), "41 · -9223372036854775808");
    assert_eq!(column(&folder.rows(&query, &["body mass"])), "22.5 1e300 0.1");
    assert_eq!(folder.rows(&query, &["sex", "age"])[0], [Some("f".to_owned()), Some("41".to_owned())]);
}

#[test]
fn blobs_and_texts_that_are_none_are_counted() {
    let folder = Folder::new();
    clinic(
        &folder,
        "UPDATE patients SET scan = x'00ff' WHERE age = 41; UPDATE patients SET sex = CAST(x'ff' AS TEXT) WHERE age < 0;",
    );
    let query = declared("SELECT sex, scan FROM patients ORDER BY rowid");
    let (rows, summary) = folder.read(&query, &["scan"]).unwrap();
    assert_eq!((column(&rows).as_str(), summary.broken), ("· ·", 1));
    assert_eq!(summary.first_broken.unwrap().to_string(), "row 1: the value of `scan` is a blob");
    let broken = folder.read(&query, &["sex"]).unwrap().1.first_broken.unwrap();
    assert_eq!(broken.to_string(), "row 3: the value of `sex` is not UTF-8");
}

#[test]
fn a_query_that_does_not_only_read_is_refused_and_changes_nothing() {
    let folder = Folder::new();
    let path = clinic(&folder, "");
    let before = fs::read(&path).unwrap();
    for (query, names) in [
        ("DELETE FROM patients", "does not only read"),
        ("DELETE FROM patients RETURNING age", "does not only read"),
        ("CREATE TABLE x (age)", "does not only read"),
        ("ATTACH 'other.db' AS other", "does not only read"),
        ("PRAGMA query_only = 0", "does not only read"),
        ("BEGIN", "does not only read"),
        ("", "does not only read"),
        ("SELECT age FROM patients; DELETE FROM patients", "several statements"),
        ("SELECT 1 AS age; SELECT 2 AS age", "several statements"),
        ("SELECT age, bmi AS age FROM patients", "two columns `age`"),
        ("SELECT age FROM doctors", "no such table: doctors"),
        ("SELECT height AS age FROM patients", "no such column: height"),
        ("SELEKT age FROM patients", "syntax error"),
        ("SELECT bmi FROM patients", "no source has a field `age`"),
    ] {
        let error = folder.read(&declared(query), &["age"]).unwrap_err().to_string();
        assert!(error.contains(names), "{query}: {error}");
    }
    assert_eq!(fs::read(&path).unwrap(), before);
    assert!(!folder.path("other.db").exists());
}

#[test]
fn a_file_that_is_no_database_is_named() {
    let folder = Folder::new();
    let query = declared("SELECT age FROM patients");
    let refused = |names: &str| {
        let error = folder.read(&query, &["age"]).unwrap_err().to_string();
        assert!(error.contains("clinic.db") && error.contains(names), "{error}");
    };
    refused("No such file");
    assert!(!folder.path("clinic.db").exists(), "nothing is made");
    folder.write("clinic.db", format!("age\n{CANARY}\n").repeat(100));
    refused("not a database");
    fs::remove_file(folder.path("clinic.db")).unwrap();
    fs::create_dir(folder.path("clinic.db")).unwrap();
    refused("is a folder");
    fs::remove_dir(folder.path("clinic.db")).unwrap();
    pipe(&folder.path("clinic.db"));
    refused("is a pipe");
}

#[test]
fn a_query_that_never_ends_is_interrupted() {
    let folder = Folder::new();
    clinic(&folder, "");
    let forever = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) AS age FROM n";
    let sources = folder.declare(&[&declared(forever)]);
    let started = Instant::now();
    let deadline = started + Duration::from_millis(200);
    let error = sources.read(&["age"], deadline, &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert!(matches!(error, SourceError::TimedOut { .. }), "{error}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn an_error_of_the_data_is_told_without_the_data() {
    let folder = Folder::new();
    clinic(&folder, &format!("UPDATE patients SET sex = '{{{CANARY}';"));
    let error =
        folder.read(&declared("SELECT json_extract(sex, '$.a') AS age FROM patients"), &["age"]).unwrap_err();
    assert!(matches!(error, SourceError::Sql { .. }), "{error}");
}
