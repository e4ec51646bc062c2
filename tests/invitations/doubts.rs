//! What speaks against an answer though its owner has taken a seat: it is said, and asked about.

use crate::party::{Party, TCP, between, invited, joined, parties, results, started, text};

const SUM: [&str; 4] = ["--statistic", "sum", "--field", "pay"];
const DOUBT: &str = "whoever has both results can subtract them";

/// A party that reads this from a file.
fn owner_of(csv: &str) -> (Party, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pay.csv");
    std::fs::write(&file, csv).unwrap();
    (started(&["--role", "light", "--csv", file.to_str().unwrap()], TCP), folder)
}

/// The party that reads, and two others; the reader and the first of them have answered about the same field together with a third.
fn with_an_earlier_answer(csv: &str) -> (Party, Vec<Party>, tempfile::TempDir) {
    let (reader, folder) = owner_of(csv);
    let others = parties(3, TCP);
    let (id, tickets) = invited(&others[0], &[&SUM[..], &["--parties", "3", "--value", "1"]].concat());
    joined(&others[1], &tickets[0], &["--yes", "--value", "2"]);
    joined(&reader, &tickets[1], &["--yes"]);
    assert_eq!(reader.json(&["result", &id, "--wait"]).data()["sum"], 33);
    (reader, others, folder)
}

#[test]
fn who_follows_is_asked_where_an_earlier_answer_was_over_nearly_the_same_people() {
    let (reader, others, _folder) = with_an_earlier_answer("pay\n10\n20\n");
    let (id, tickets) = invited(&others[0], &[&SUM[..], &["--parties", "3", "--value", "1"]].concat());
    joined(&others[2], &tickets[0], &["--yes", "--value", "4"]);
    let program = reader.json(&["join", &tickets[1], "--yes", "--wait"]);
    assert_eq!(program.error(1), "not_confirmed");
    assert!(program.message().contains(DOUBT), "{program:?}");
    let shown = reader.run(&["status", &id]);
    assert!(shown.stdout.contains(DOUBT), "{shown:?}");
    let tested = reader.json(&["policy", "test", &id]).data();
    assert_eq!((text(&tested["decision"]), text(&tested["rule"])), ("ask", "similar_sets"), "{tested}");
    let no = reader.told(&["join", &tickets[1], "--yes", "--wait"], "n\n");
    assert!(no.code == 1 && no.stderr.contains("formix-p2p approve"), "{no:?}");
    let yes = reader.told(&["join", &tickets[1], "--yes", "--wait"], "y\n");
    assert_eq!(yes.code, 0, "{yes:?}");
    assert!(yes.stderr.contains(DOUBT) && yes.stdout.contains("sum 35"), "{yes:?}");
    assert_eq!(others[0].json(&["result", &id]).data()["sum"], 35);
}

#[test]
fn without_a_source_the_value_is_asked_for_and_not_a_yes() {
    let parties = parties(4, TCP);
    results(&parties[..3], &between(&parties[..3], &["--statistic", "sum"], &["1", "2", "4"]));
    let (id, tickets) = invited(&parties[0], &["--statistic", "sum", "--parties", "3", "--value", "1"]);
    joined(&parties[3], &tickets[0], &["--yes", "--value", "8"]);
    joined(&parties[1], &tickets[1], &["--yes"]);
    let pending = || parties[1].json(&["pending"]).data()["pending"][0].clone();
    parties[1].lab.until("it waits", || pending()["rule"] == "similar_sets");
    assert!(text(&pending()["command"]).starts_with("formix-p2p answer "), "{}", pending());
    assert_eq!(parties[1].json(&["approve", &id]).error(1), "no_source");
    parties[1].json(&["answer", &id, "2"]).data();
    assert_eq!(parties[1].json(&["result", &id, "--wait"]).data()["sum"], 11);
}

#[test]
fn rows_that_do_not_fit_are_told_of() {
    let (reader, _folder) = owner_of("pay\n10\n20\n30.5\n40\n");
    let others = parties(2, TCP);
    let (id, tickets) = invited(&others[0], &[&SUM[..], &["--parties", "3", "--value", "100"]].concat());
    joined(&others[1], &tickets[0], &["--yes", "--value", "1000"]);
    let followed = reader.told(&["join", &tickets[1], "--yes", "--wait"], "");
    assert!(followed.code == 0, "{followed:?}");
    assert_eq!(others[0].json(&["result", &id]).data()["sum"], 1_170);
    assert!(followed.stderr.contains("1 that do not fit"), "{followed:?}");
    let status = reader.json(&["status", &id]).data();
    assert!(text(&status["left_out"]).starts_with("1 that do not fit"), "{status}");
    assert!(!followed.stderr.contains("30.5"), "{followed:?}");
    assert!(others[0].json(&["status", &id]).data()["left_out"].is_null());
}

#[test]
fn a_source_in_which_nothing_fits_is_named() {
    let (reader, _folder) = owner_of("pay\nmuch\n");
    let others = parties(2, TCP);
    let (id, tickets) = invited(&others[0], &[&SUM[..], &["--parties", "3", "--value", "100"]].concat());
    joined(&others[1], &tickets[0], &["--yes", "--value", "1000"]);
    joined(&reader, &tickets[1], &["--yes"]);
    let pending = || reader.json(&["pending"]).data()["pending"][0].clone();
    reader.lab.until("it waits", || pending()["rule"] == "source");
    assert_eq!(pending()["reason"], "what this node's source holds does not fit the question");
    assert_eq!(reader.json(&["approve", &id]).error(1), "no_source");
    let seen = || others[0].json(&["status", &id]).data()["standings"].clone();
    others[0].lab.until("it is told", || seen()["waits for its owner"] == 1);
    reader.json(&["answer", &id, "7"]).data();
    assert_eq!(others[0].json(&["result", &id, "--wait"]).data()["sum"], 1_107);
}
