//! What is written, and what is refused.

use serde_json::{Value, json};

use super::*;
use crate::cli::computation::tests::running;
use crate::cli::output::Chatter;
use crate::domain::Status;

const PEOPLE: Output = Output { format: OutputFormat::People, chatter: Chatter::Quiet };
const PROGRAMS: Output = Output { format: OutputFormat::Json, chatter: Chatter::Quiet };

fn export(plot: Option<&Path>, csv: Option<&Path>) -> Export {
    Export { plot: plot.map(Path::to_owned), csv: csv.map(Path::to_owned) }
}

fn completed(statistic: &str, result: Value) -> ComputationView {
    let mut view = running();
    view.status = Status::Completed;
    view.prompt = "Pressure <script>alert(1)</script>\u{1b}[2J?".to_owned();
    statistic.clone_into(&mut view.statistic);
    (view.participants, view.samples) = (4, 25);
    view.result = Some(result);
    view
}

fn histogram() -> ComputationView {
    let noise = json!({"mechanism": "discrete-laplace", "epsilon": 0.5, "standard_deviation": 2.828});
    let counts =
        json!({"edges": [80, 100, 120], "counts": [5, 20], "samples": 25, "participants": 4, "noise": noise});
    completed("histogram", counts)
}

#[test]
fn a_picture_and_the_numbers_are_written_where_they_were_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let (plot, csv) = (folder.path().join("x.SVG"), folder.path().join("x.csv"));
    let written = export(Some(&plot), Some(&csv)).checked(PROGRAMS).unwrap().write(&histogram()).unwrap();
    assert_eq!(written, Written { files: vec![plot.clone(), csv.clone()], stdout: Stdout::Answer });
    assert_eq!(std::fs::read_to_string(&csv).unwrap(), "from,to,count\n80,100,5\n100,120,20\n");
    let svg = std::fs::read_to_string(&plot).unwrap();
    assert!(
        svg.contains("4 participants, 25 records · COMP-FZ375MV7 · each count ± 2.83 (noise, ε = 0.5)"),
        "{svg}"
    );
    assert!(svg.contains("Pressure &lt;script&gt;alert(1)&lt;/script&gt;\u{fffd}[2J?"), "{svg}");
    assert!(!svg.contains("<script") && !svg.contains('\u{1b}'), "{svg}");
}

#[test]
fn an_unknown_ending_is_refused_by_name_before_anything_is_asked() {
    for name in ["x.gif", "x", ".svg", "svg", "-", "x.svg.", "x.csv"] {
        let problem = export(Some(Path::new(name)), None).checked(PEOPLE).unwrap_err();
        assert_eq!((problem.code.as_str(), problem.exit), ("unknown_picture", Exit::Usage), "{name}");
        assert!(problem.message.contains(&format!("`{name}`")), "{problem}");
    }
}

#[test]
fn standard_output_has_one_writer() {
    let stdout = || export(None, Some(Path::new(STDOUT)));
    assert_eq!(stdout().checked(PROGRAMS).unwrap_err().code, "stdout_taken");
    assert!(stdout().checked(PEOPLE).is_ok());
}

#[test]
fn one_number_is_not_drawn_but_written() {
    let folder = tempfile::tempdir().unwrap();
    let (plot, csv) = (folder.path().join("x.png"), folder.path().join("x.csv"));
    let view = completed("mean", json!({"mean": 7.25, "sum": 29, "samples": 4, "participants": 4}));
    let problem = export(Some(&plot), None).checked(PEOPLE).unwrap().write(&view).unwrap_err();
    assert_eq!((problem.code.as_str(), problem.exit), ("not_drawable", Exit::Refused));
    assert_eq!(problem.message, "a mean is one number; there is nothing to draw");
    assert!(!plot.exists() && problem.hint.contains("--csv"));
    export(None, Some(&csv)).checked(PEOPLE).unwrap().write(&view).unwrap();
    assert_eq!(std::fs::read_to_string(&csv).unwrap(), "name,value\nmean,7.25\nsum,29\n");
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere").join("x.svg");
    for export in [export(Some(&nowhere), None), export(None, Some(&nowhere))] {
        let problem = export.checked(PEOPLE).unwrap().write(&histogram()).unwrap_err();
        assert_eq!((problem.code.as_str(), problem.exit), ("file", Exit::Refused));
        assert!(problem.message.contains("nowhere/x.svg"), "{problem}");
    }
}
