//! Several sources of one node.

use super::*;
use formix_p2p::sources::{Kind, Survey};

fn three(folder: &Folder) -> Sources {
    folder.write("a.csv", "age,sex\n41,f\n");
    folder.write("b.csv", "bmi,sex\n22,f\n");
    let declared = ["csv = \"a.csv\"", "csv = \"b.csv\""]
        .map(|text| toml::from_str::<Declaration>(text).unwrap().based_on(folder.0.path()));
    Sources::new([("rating", "8"), ("smoker", "yes")], declared)
}

#[test]
fn literal_values_are_one_record() {
    let sources = Sources::new([("rating", "8"), ("smoker", "yes")], []);
    let (rows, summary) = read(&sources, &["smoker", "rating"]).unwrap();
    assert_eq!((rows[0][0].as_deref(), rows[0][1].as_deref(), summary.rows), (Some("yes"), Some("8"), 1));
    assert!(Sources::default().is_empty() && Sources::default().fields().is_empty());
}

#[test]
fn all_fields_of_a_question_come_from_one_source() {
    let folder = Folder::new();
    let sources = three(&folder);
    let refused = |fields: &[&str]| read(&sources, fields).unwrap_err().to_string();
    let apart = refused(&["age", "bmi"]);
    assert!(apart.contains("a.csv") && apart.contains("b.csv") && apart.contains("do not belong together"));
    assert!(refused(&["age", "rating"]).contains("the literal values"));
    let twice = refused(&["sex"]);
    assert!(
        twice.starts_with("two sources have a field `sex`")
            && twice.contains("a.csv")
            && twice.contains("b.csv")
    );
    assert_eq!(refused(&["height"]), "no source has a field `height`");
    assert_eq!(refused(&[]), "no field is asked for");
}

#[test]
fn a_look_at_the_sources_names_fields_and_faults() {
    let folder = Folder::new();
    let Survey { fields, faults } = three(&folder).survey();
    let names: Vec<_> = fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["rating", "smoker", "age", "sex", "bmi"]);
    assert!(
        matches!(faults.as_slice(), [SourceError::FieldTwice { field, .. }] if field == "sex"),
        "{faults:?}"
    );
}

#[test]
fn two_queries_of_one_database_are_told_apart() {
    let folder = Folder::new();
    let connection = rusqlite::Connection::open(folder.path("c.db")).unwrap();
    connection.execute_batch("CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 2), (3, 4);").unwrap();
    let queries = ["a", "b"].map(|field| format!("sqlite = \"c.db\"\nquery = \"SELECT {field} FROM t\""));
    let sources = folder.declare(&[&queries[0], &queries[1]]);
    let error = read(&sources, &["a", "b"]).unwrap_err().to_string();
    assert!(error.contains("c.db (2)"), "{error}");
    let (profiles, faults) = sources.profile(soon);
    assert!(faults.is_empty() && profiles.iter().all(|field| field.rows == 2), "{profiles:?}");
}

#[test]
fn a_source_that_has_gone_is_named_and_the_others_answer() {
    let folder = Folder::new();
    let sources = three(&folder);
    fs::remove_file(folder.path("b.csv")).unwrap();
    assert_eq!(column(&read(&sources, &["sex"]).unwrap().0), "f");
    let error = read(&sources, &["bmi"]).unwrap_err();
    assert!(matches!(error, SourceError::Unreadable { .. }), "it may have had the field: {error}");
    // Sources are read when somebody asks: what has come back is there.
    folder.write("b.csv", "bmi\n23\n");
    assert_eq!(column(&read(&sources, &["bmi"]).unwrap().0), "23");
}

#[test]
fn fields_are_told_by_kind_and_counts() {
    let folder = Folder::new();
    let mut table = "number,mixed,sex,note,list,empty,=\n".to_owned();
    for row in 0..100 {
        let mixed = if row % 10 == 0 { "NaN" } else { "1.5" };
        let sex = ["f", "m", "NA"][row % 3];
        table += &format!("{row},{mixed},{sex},note {row},\"[0.1, {row}]\",,\n");
    }
    folder.write("a.csv", table + "ragged\n");
    let (profiles, faults) = folder.declare(&["csv = \"a.csv\""]).profile(soon);
    assert!(faults.is_empty(), "{faults:?}");
    let told: Vec<_> = profiles.iter().map(|it| (it.name.as_str(), it.kind, it.usable, it.missing)).collect();
    assert_eq!(
        told,
        [
            ("number", Kind::Number { others: 0 }, 100, 0),
            ("mixed", Kind::Number { others: 10 }, 90, 0),
            ("sex", Kind::Category { values: 2 }, 67, 33),
            ("note", Kind::Text, 100, 0),
            ("list", Kind::Vector { length: 2 }, 100, 0),
            ("empty", Kind::Empty, 0, 100),
        ]
    );
    assert!(profiles.iter().all(|it| (it.rows, it.broken) == (101, 1)));
}
