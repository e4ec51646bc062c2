//! `ledger`: what a light node did with every question that it has decided about.

use clap::Args;

use super::args::Context;
use super::problem::Problem;
use super::table::{self, Look, printable, to_seconds};
use super::wait::unexpected;
use crate::control::{LedgerLine, LedgerView, Reply, Request};

/// What this node answered and declined, and why, newest first
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p ledger
  formix-p2p ledger --field age
  formix-p2p ledger --node ward-3 --json | jq '.data.entries[] | select(.decision == \"answered\")'

Entries are written together with the answer, and never taken back.")]
pub struct Ledger {
    /// Only questions about this field
    #[arg(long, value_name = "NAME")]
    field: Option<String>,
}

impl Ledger {
    pub async fn act(self, context: &Context) -> Result<(), Problem> {
        let chosen = context.acting_node().await?;
        let request = Request::Ledger { field: self.field };
        let Reply::Ledger(ledger) = chosen.client.request(request).await? else {
            return Err(unexpected());
        };
        context.output.answer(&ledger, || told(Look::of_stdout(), &ledger));
        Ok(())
    }
}

fn told(look: Look, ledger: &LedgerView) -> String {
    if ledger.entries.is_empty() {
        return "This node has neither answered nor declined such a question.".to_owned();
    }
    let mut header =
        vec!["When", "Computation", "Asked By", "Question", "Decision", "Records", "Set", "Because"];
    let mut rows: Vec<_> = ledger.entries.iter().map(row).collect();
    if rows.iter().all(|row| row.last().is_none_or(String::is_empty)) {
        // The usual case, and the width is needed.
        header.pop();
        rows.iter_mut().for_each(|row| drop(row.pop()));
    }
    let table = table::render(look, &header, rows);
    match ledger.total - ledger.entries.len() {
        0 => table,
        older => format!("{table}\n{older} older entries are not shown; --field narrows it down"),
    }
}

/// Whom it was put to, and who is in its total.
fn set(line: &LedgerLine) -> String {
    let asked = line.listed.map_or_else(|| "anyone".to_owned(), |listed| format!("{listed} named"));
    line.members.map_or_else(|| asked.clone(), |members| format!("{members} of {asked}"))
}

fn row(line: &LedgerLine) -> Vec<String> {
    let noise = line.epsilon.as_ref().map(|epsilon| format!(", ε = {epsilon}")).unwrap_or_default();
    let similar = line.similar.first().map(|near| format!("differs by {} from {}", near.difference, near.id));
    let because = match (&line.rule, &line.reason) {
        (Some(rule), Some(reason)) => format!("{}: {}", printable(rule), printable(reason)),
        (None, Some(reason)) => printable(reason),
        (_, None) => String::new(),
    };
    vec![
        to_seconds(&line.at),
        line.computation.clone(),
        line.proposer.clone(),
        format!("{} of {}{noise}", line.statistic, printable(&line.fields.join(", "))),
        format!("{} ({})", line.decision, line.by),
        line.records.map_or_else(|| "-".to_owned(), |records| records.to_string()),
        set(line),
        [Some(because).filter(|because| !because.is_empty()), similar]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join("; "),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::SimilarView;

    fn line() -> LedgerLine {
        LedgerLine {
            at: "2026-01-02T03:04:05.678Z".to_owned(),
            computation: "COMP-FZ375MV7".to_owned(),
            proposer: "AAAAAAAA".to_owned(),
            proposer_peer_id: String::new(),
            prompt: "How old?".to_owned(),
            statistic: "mean".to_owned(),
            fields: vec!["age\u{7}".to_owned()],
            decision: "declined".to_owned(),
            by: "policy".to_owned(),
            rule: Some("fields".to_owned()),
            reason: Some("the field `age` is denied".to_owned()),
            min_participants: 3,
            listed: Some(5),
            members: Some(4),
            similar: vec![SimilarView { id: "COMP-AAAAAAAA".to_owned(), difference: 1 }],
            records: None,
            epsilon: "0.5".parse().ok(),
        }
    }

    #[test]
    fn a_line_says_what_was_asked_and_why_it_was_declined() {
        let text = told(Look::Plain, &LedgerView { total: 3, entries: vec![line()] });
        for part in [
            "2026-01-02T03:04:05Z",
            "mean of age",
            "ε = 0.5",
            "4 of 5 named",
            "differs by 1 from COMP-AAAAAAAA",
            "fields: the field",
            "2 older",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains('\u{7}'), "{text}");
        assert!(told(Look::Plain, &LedgerView { total: 0, entries: Vec::new() }).contains("neither"));
    }
}
