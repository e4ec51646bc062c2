//! How a computation is told to people: its progress, its result, its reason.

use console::style;

use super::answer;
use super::assurance::{self, Adders};
use super::invitation;
use super::members;
use super::number;
use super::problem::{Exit, Problem};
use super::table::{self, Look, printable};
use crate::control::ComputationView;
use crate::domain::{Standing, Status};

/// Characters of a prompt in a table.
const PROMPT_CHARS: usize = 40;
/// Characters of what is said about one field's values: a few categories.
const VALUE_CHARS: usize = 200;

/// How the reason begins that others have not answered: over heavy nodes, and among parties.
const TOO_FEW: [&str; 2] = ["insufficient participants", "too few parties have answered"];

/// One line while it runs: "3 of 5 answered; heavy node ABC unreachable".
pub fn progress(view: &ComputationView) -> String {
    let adders = Adders::of_view(view);
    if let Some(waiting) = view.invitation.as_deref().and_then(invitation::waiting) {
        return waiting;
    }
    let mut parts = vec![if view.participants == 0 && view.own_answer == "answered" {
        format!("this node has answered; the proposer and the {} know who else has", adders.several())
    } else {
        format!("{} of {} answered", view.participants, view.expected)
    }];
    if view.status == Status::Pending && view.own_answer == "waiting" {
        parts.push("this node waits for its owner".to_owned());
    }
    if view.status == Status::Processing {
        parts.push(format!("{} agree on the set", adders.several()));
    }
    parts.extend(standings(view));
    match view.unreachable.as_slice() {
        [] => {}
        [one] => parts.push(format!("{} {one} unreachable", adders.one())),
        several => parts.push(format!("{} {} unreachable", adders.several(), several.join(", "))),
    }
    parts.join("; ")
}

/// Why light nodes have not answered, counted: "2 nodes have no field `rating`, 1 waits for its owner".
pub fn standings(view: &ComputationView) -> Option<String> {
    let mut phrases: Vec<String> = Vec::new();
    for (standing, count) in &view.standings {
        let noun = match (phrases.is_empty(), *count) {
            (true, 1) => "1 node".to_owned(),
            (true, several) => format!("{several} nodes"),
            (false, count) => count.to_string(),
        };
        phrases.push(format!("{noun} {}", predicate(standing, *count, &view.field)));
    }
    (!phrases.is_empty()).then(|| phrases.join(", "))
}

/// The words of a standing for this many nodes.
fn predicate(standing: &str, count: usize, field: &str) -> String {
    let is = |kind: Standing| standing == kind.to_string();
    let one = count == 1;
    if is(Standing::NoSuchField) {
        format!("{} no field `{}`", if one { "has" } else { "have" }, printable(field))
    } else if is(Standing::WaitsForOwner) {
        if one { "waits for its owner" } else { "wait for their owners" }.to_owned()
    } else if is(Standing::ValueUnfit) {
        format!("{} a value that does not fit the schema", if one { "has" } else { "have" })
    } else if is(Standing::MemoryTooYoung) {
        format!("{} a store younger than the question", if one { "has" } else { "have" })
    } else {
        printable(standing)
    }
}

/// Why there is no result, with the counts, as the problem that ends the command.
pub fn failure(view: &ComputationView) -> Problem {
    let reason = view.reason.as_deref().unwrap_or("no reason is known");
    // Who has not answered explains this failure alone.
    let too_few = TOO_FEW.iter().any(|too_few| reason.starts_with(too_few));
    let counted = standings(view).filter(|_| too_few).map(|counted| format!(" ({counted})"));
    let counted = counted.unwrap_or_default();
    let hint = if let Some(invited) = view.invitation.as_deref() {
        let why = if too_few {
            "`formix-p2p pending` shows each party what waits for it".to_owned()
        } else {
            format!("see `formix-p2p logs --computation {}`", view.id)
        };
        format!("{why}; {}", invitation::ask_again(invited))
    } else if view.by_invitation {
        format!(
            "see `formix-p2p logs --computation {}`; ask {} to invite again, or `formix-p2p invite`",
            view.id, view.proposer
        )
    } else if !too_few {
        format!("see `formix-p2p logs --computation {}`; ask again with `formix-p2p propose`", view.id)
    } else if view.standings.contains_key(&Standing::NoSuchField.to_string()) {
        "`formix-p2p data` shows a light node's owner what its fields are called; ask again with that --field"
            .to_owned()
    } else if view.standings.contains_key(&Standing::Declined.to_string()) {
        // A node does not tell which of the two it is: that would tell of its value.
        "a node declines by policy, or because its value does not fit the schema; decimals need a multipleOf, such as \
         --schema '{\"type\":\"number\",\"multipleOf\":0.1}'"
            .to_owned()
    } else if view.standings.contains_key(&Standing::WaitsForOwner.to_string()) {
        "owners see the question in `formix-p2p pending`; ask again with a longer --deadline".to_owned()
    } else {
        "see with `formix-p2p view` who is there; ask again with a longer --deadline".to_owned()
    };
    let message = format!("{} failed: {}{counted}", view.id, printable(reason));
    Problem::new(Exit::ComputationFailed, "computation_failed", message, hint)
}

/// A computation's answer in two lines: what it is worth, and what it is. What is more than a number or two follows.
pub fn told(look: Look, view: &ComputationView) -> String {
    let heading = format!("{} {}", style("✓").green(), style(&view.id).bold());
    let worth = assurance::afterwards(view);
    let answer = view.result.as_ref().and_then(|result| answer::named(look, result, &view.statistic));
    let certificate = format!("certificate {}", signatures(view));
    // What stands in a block of its own is named in a line.
    let named = if answer.is_none() { format!("  {}\n", asked(view)) } else { String::new() };
    let parts: Vec<_> = answer.into_iter().chain([counts(look, view), certificate]).collect();
    let block = block(look, view);
    format!("{heading}  {worth}\n{named}  {}\n{block}", parts.join("   "))
}

/// What the answer says beside a number or two, after an empty line.
fn block(look: Look, view: &ComputationView) -> String {
    let block = view.result.as_ref().map(|result| answer::block(look, result)).unwrap_or_default();
    if block.is_empty() { block } else { format!("\n{block}") }
}

/// Every value of a result, its counts and its signatures, one a line.
fn result_rows(look: Look, view: &ComputationView) -> Vec<(&str, String)> {
    let mut rows = Vec::new();
    if let Some(result) = &view.result {
        // The answer itself first, the counts after it.
        rows.extend(answer::rows(look, result));
    }
    rows.push(("participants", number::whole(look, view.participants)));
    rows.push(("records", number::whole(look, view.samples)));
    rows.push(("certificate", signatures(view)));
    rows
}

fn signatures(view: &ComputationView) -> String {
    format!("signed by {} of {}", view.signed_by.len(), view.heavy_nodes.len())
}

/// "3 participants, 1 284 records".
pub fn counts(look: Look, view: &ComputationView) -> String {
    format!(
        "{}, {}",
        counted(look, view.participants.into(), "participant"),
        counted(look, view.samples, "record")
    )
}

/// "1 record", "1 284 records".
fn counted(look: Look, count: u64, what: &str) -> String {
    format!("{} {what}{}", number::whole(look, count), if count == 1 { "" } else { "s" })
}

/// One computation in full.
pub fn in_full(look: Look, view: &ComputationView) -> String {
    let mut rows = vec![
        ("status", view.status.to_string()),
        ("prompt", printable(&view.prompt)),
        ("asked by", view.proposer.clone()),
        ("statistic", asked(view)),
        ("values", values(&view.fields, &view.values)),
    ];
    match &view.invitation {
        Some(invited) => rows.extend(invitation::rows_of_parties(invited)),
        None if view.by_invitation => rows.push(("parties", view.heavy_nodes.join(", "))),
        None => rows.extend([
            ("deadline", table::to_seconds(&view.deadline)),
            ("minimum", format!("{} participants", view.min_participants)),
            ("heavy nodes", view.heavy_nodes.join(", ")),
        ]),
    }
    rows.extend(assurance::rows(view));
    rows.push(("own answer", invitation::own_answer(view)));
    rows.extend(view.left_out.as_deref().map(|rows| ("own rows left out", printable(rows))));
    match view.status {
        Status::Pending | Status::Processing => rows.push(("progress", progress(view))),
        Status::Completed => {}
        Status::Failed => rows.extend(standings(view).map(|counted| ("answers", counted))),
    }
    if let Some(reason) = &view.reason {
        rows.push(("reason", printable(reason)));
    }
    let mut more = String::new();
    if view.status == Status::Completed {
        rows.extend(result_rows(look, view));
        more = block(look, view);
    }
    rows.extend(members::rows(look, view));
    if view.pruned {
        let what = if view.status == Status::Completed { "its certificate" } else { "why it failed" };
        rows.push(("kept", format!("{what} and the ledger; it ended too long ago to know who was in it")));
    }
    format!("{}\n{}{more}", view.id, table::pairs(&rows))
}

/// Recent computations, newest first.
pub fn list(look: Look, views: &[ComputationView]) -> String {
    let header = ["Computation", "Status", "Question", "Participants", "Deadline", "Prompt"];
    let rows = views.iter().map(|view| {
        vec![
            view.id.clone(),
            view.status.to_string(),
            asked(view),
            view.participants.to_string(),
            table::to_seconds(&view.deadline),
            shortened(&printable(&view.prompt)),
        ]
    });
    let table = table::render(look, &header, rows.collect());
    let open = views.iter().filter(|view| matches!(view.status, Status::Pending | Status::Processing)).count();
    format!("{table}\nTotal computations: {} (Open: {open})\n", views.len())
}

/// "age: a number from 0 to 120 in steps of 1; sex: one of f, m".
pub fn values(fields: &[String], values: &[String]) -> String {
    let pairs =
        fields.iter().zip(values).map(|(field, value)| shortened_to(VALUE_CHARS, &format!("{field}: {value}")));
    printable(&pairs.collect::<Vec<_>>().join("; "))
}

/// "contingency of smoker, sex".
fn asked(view: &ComputationView) -> String {
    format!("{} of {}", view.statistic, printable(&view.fields.join(", ")))
}

fn shortened(text: &str) -> String {
    shortened_to(PROMPT_CHARS, text)
}

/// A text of at most so many characters.
pub fn shortened_to(chars: usize, text: &str) -> String {
    if text.chars().count() <= chars {
        return text.to_owned();
    }
    text.chars().take(chars - 1).chain(['…']).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    /// A computation that runs, with 3 of 5 answers.
    pub fn running() -> ComputationView {
        ComputationView {
            id: "COMP-FZ375MV7".to_owned(),
            status: Status::Pending,
            proposer: "AAAAAAAA".to_owned(),
            prompt: "mean rating?".to_owned(),
            statistic: "mean".to_owned(),
            field: "rating".to_owned(),
            fields: vec!["rating".to_owned()],
            values: vec!["a number in steps of 1".to_owned()],
            max_records: 10_000,
            deadline: "2026-01-02T03:04:05.678Z".to_owned(),
            gives_up_at: "2026-01-02T03:05:15.678Z".to_owned(),
            min_participants: 3,
            sharing: "additive".to_owned(),
            threshold: None,
            proven: false,
            private_against: 2,
            survives: 0,
            noise: None,
            heavy_nodes: ["ABC", "DEF", "GHI"].map(str::to_owned).to_vec(),
            participants: 3,
            samples: 0,
            result: None,
            reason: None,
            signed_by: Vec::new(),
            unverified: None,
            checked: None,
            liars: Vec::new(),
            members: None,
            similar: Vec::new(),
            left_out: None,
            own_answer: "answered".to_owned(),
            expected: 5,
            standings: BTreeMap::new(),
            unreachable: Vec::new(),
            pruned: false,
            by_invitation: false,
            invitation: None,
            revision: 1,
        }
    }

    #[test]
    fn progress_names_who_is_missing() {
        let mut view = running();
        view.unreachable = vec!["ABC".to_owned()];
        assert_eq!(progress(&view), "3 of 5 answered; heavy node ABC unreachable");
        view.participants = 0;
        assert!(
            progress(&view).starts_with("this node has answered; "),
            "a light node does not know the others"
        );
    }

    #[test]
    fn what_is_left_of_an_invitation_of_long_ago_speaks_of_parties() {
        let heavy_nodes = ["ABC", "DEF"].map(str::to_owned).to_vec();
        let view = ComputationView { pruned: true, by_invitation: true, heavy_nodes, ..running() };
        let shown = in_full(Look::Plain, &view);
        assert!(shown.contains("parties") && shown.contains("ABC, DEF"), "{shown}");
        assert!(!shown.contains("heavy node") && !shown.contains("minimum"), "{shown}");
        let failed = failure(&ComputationView { status: Status::Failed, ..view });
        assert!(failed.hint.contains("formix-p2p invite") && !failed.hint.contains("propose"), "{failed}");
    }

    #[test]
    fn a_failure_says_its_counted_reason() {
        let mut view = running();
        view.status = Status::Failed;
        view.reason = Some("insufficient participants: 0 of 3".to_owned());
        view.standings =
            [(Standing::NoSuchField.to_string(), 2), (Standing::WaitsForOwner.to_string(), 1)].into();
        let problem = failure(&view);
        let lost = failure(&ComputationView { reason: Some("heavy node ABC did not come".to_owned()), ..view });
        assert!(!lost.message.contains("nodes have"), "{lost}");
        assert_eq!(problem.exit, Exit::ComputationFailed);
        assert_eq!(
            problem.message,
            "COMP-FZ375MV7 failed: insufficient participants: 0 of 3 (2 nodes have no field `rating`, 1 waits for its owner)"
        );
    }

    #[test]
    fn a_result_shows_answer_counts_and_signatures() {
        let mut view = running();
        view.status = Status::Completed;
        view.result = Some(json!({"mean": 7.25, "sum": 29, "samples": 4, "participants": 4}));
        (view.participants, view.samples) = (4, 4);
        view.signed_by.clone_from(&view.heavy_nodes);
        assert_eq!(
            told(Look::Plain, &view),
            "✓ COMP-FZ375MV7  private against any 2 of 3 heavy nodes · inputs not proven\n  \
             mean 7.25   4 participants, 4 records   certificate signed by 3 of 3\n"
        );
        let full = in_full(Look::Plain, &view);
        assert!(full.contains("  mean          7.25\n  sum           29\n"), "{full}");
    }

    #[test]
    fn a_threshold_result_is_signed_by_those_that_signed() {
        let mut view = running();
        (view.status, view.sharing, view.threshold) = (Status::Completed, "threshold".to_owned(), Some(2));
        (view.private_against, view.survives, view.proven) = (1, 1, true);
        let noise = json!({"mechanism": "discrete-laplace", "epsilon": 0.5, "standard_deviation": 212.132});
        view.result = Some(json!({"mean": 7.25, "sum": 29, "samples": 4, "participants": 4, "noise": noise}));
        (view.participants, view.samples) = (4, 4);
        view.signed_by = view.heavy_nodes[..2].to_vec();
        assert_eq!(
            told(Look::Plain, &view),
            "✓ COMP-FZ375MV7  private against any 1 of 3 heavy nodes · inputs proven in range\n  \
             mean 7.25 ± 53 (noise, ε = 0.5)   4 participants, 4 records   certificate signed by 2 of 3\n"
        );
        let full = in_full(Look::Plain, &view);
        assert!(full.contains("threshold, 2 of 3: 1 heavy node may vanish, inputs proven in range"), "{full}");
        assert!(full.contains("29 ± 212 (noise, ε = 0.5)"), "{full}");
    }

    #[test]
    fn a_list_is_plain_and_cannot_steer_the_terminal() {
        let mut view = running();
        view.prompt = format!("\u{1b}[2J{}", "x".repeat(100));
        let text = list(Look::Plain, &[view]);
        assert!(!text.contains('\u{1b}') && text.contains('…'), "{text}");
        assert!(text.ends_with("Total computations: 1 (Open: 1)\n"), "{text}");
    }
}
