//! `pending`, `approve`, `decline`, `answer`: the owner decides about questions that wait.

use clap::Args;
use console::{Term, style};
use serde_json::json;

use super::args::Context;
use super::asking;
use super::computation;
use super::nodes::running;
use super::output::Output;
use super::problem::Problem;
use super::table::{self, printable};
use super::wait::unexpected;
use crate::control::{Decided, PendingView, PrivateText, Reply, Request};

/// Questions that wait for this node's owner
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p pending
  formix-p2p pending --node ward-3 --json")]
pub struct Pending {}

/// Answer a waiting question from the node's own source
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p approve COMP-FZ375MV7
  formix-p2p approve FZ3 --node ward-3")]
pub struct Approve {
    /// Its id, or a unique beginning of it
    computation: String,
}

/// Do not answer a waiting question
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p decline COMP-FZ375MV7
  formix-p2p decline FZ3 --node ward-3")]
pub struct Decline {
    /// Its id, or a unique beginning of it
    computation: String,
}

/// Answer a waiting question with this record
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p answer COMP-FZ375MV7 41
  formix-p2p answer FZ3 -2.5 --node ward-3
  formix-p2p answer FZ3 38.5 yes                         one value a field, in the question's order
  formix-p2p answer FZ3                                  asks for the value

The record is split into shares on this machine; no other node sees it. What you type here stays in your shell's \
history; without VALUE, a terminal asks for it and does not show it.")]
pub struct Answer {
    /// Its id, or a unique beginning of it
    computation: String,
    /// The private value: a number or a category; of a question about several fields one each
    #[arg(allow_hyphen_values = true, value_parser = unread)]
    value: Option<PrivateText>,
    /// The values of the other fields
    #[arg(allow_negative_numbers = true, value_parser = unread)]
    more: Vec<PrivateText>,
}

impl Pending {
    pub async fn act(self, context: &Context) -> Result<(), Problem> {
        let chosen = context.acting_node().await?;
        let Reply::Pending(mut waiting) = chosen.client.request(Request::Pending).await? else {
            return Err(unexpected());
        };
        // Among several nodes of a home, the commands must say which one decides.
        let several = running(&context.home()?).await?.len() > 1;
        let node = several.then_some(chosen.id.uid.as_str());
        for question in &mut waiting {
            question.command = addressed(&question.command, node);
            question.decline = question.decline.as_ref().map(|command| addressed(command, node));
        }
        context.output.answer(&json!({ "pending": waiting }), || list(&waiting));
        Ok(())
    }
}

impl Approve {
    pub async fn act(self, context: &Context) -> Result<(), Problem> {
        decide(context, Request::Approve { reference: self.computation }, "approved").await
    }
}

impl Decline {
    pub async fn act(self, context: &Context) -> Result<(), Problem> {
        decide(context, Request::Decline { reference: self.computation }, "declined").await
    }
}

impl Answer {
    pub async fn act(self, context: &Context) -> Result<(), Problem> {
        let typed = match self.value {
            Some(value) => value,
            None => unseen(context.output)?,
        };
        let values = std::iter::once(typed).chain(self.more).map(checked).collect::<Result<_, _>>()?;
        let request = Request::Answer { reference: self.computation, values };
        decide(context, request, "answered").await
    }
}

async fn decide(context: &Context, request: Request, done: &str) -> Result<(), Problem> {
    let chosen = context.acting_node().await?;
    let Reply::Decided(Decided { id }) = chosen.client.request(request).await? else {
        return Err(unexpected());
    };
    let uid = &chosen.id.uid;
    let data = json!({ "id": id, "node": uid, "decision": done });
    context.output.answer(&data, || format!("{id} {done} by {uid}"));
    Ok(())
}

/// A value that nobody sees being typed.
fn unseen(output: Output) -> Result<PrivateText, Problem> {
    let missing = || Problem::usage("missing_argument", "VALUE missing", "type a number such as 41 or -2.5");
    if !output.is_interactive() {
        return Err(missing());
    }
    let term = Term::stderr();
    let asked = asking::ask(|| {
        term.write_str("Your value (it is not shown): ")?;
        Ok(term.read_secure_line()?)
    });
    asked.map(PrivateText).map_err(|_| missing())
}

/// A paragraph for every question, with the commands to type.
fn list(waiting: &[PendingView]) -> String {
    if waiting.is_empty() {
        return "No question waits for this node's owner.".to_owned();
    }
    waiting.iter().map(paragraph).collect::<Vec<_>>().join("\n")
}

/// A command, with the node that is to act where that is not plain.
fn addressed(command: &str, node: Option<&str>) -> String {
    node.map_or_else(|| command.to_owned(), |node| format!("{command} --node {node}"))
}

fn paragraph(question: &PendingView) -> String {
    let least = question.min_participants;
    let (over, one, by, adders) = match question.parties {
        None => (format!("over at least {least} participants"), "participant", "asked by", "heavy nodes"),
        Some(all) if all == least => (format!("over all {all} parties"), "party", "invited by", "parties"),
        Some(all) => (format!("over at least {least} of {all} parties"), "party", "invited by", "parties"),
    };
    let records = match question.max_records {
        1 => format!("one of each {one}"),
        most => format!("at most {most} of each {one}"),
    };
    let mut rows = vec![
        ("asks for", format!("{} of {}, {over}", question.statistic, printable(&question.fields.join(", ")))),
        ("values", computation::values(&question.fields, &question.values)),
        ("records", records),
        (by, question.proposer.clone()),
        ("deadline", table::to_seconds(&question.deadline)),
        (adders, question.heavy_nodes.join(", ")),
        ("waits because", format!("{} (rule {})", printable(&question.reason), printable(&question.rule))),
        ("to answer", question.command.clone()),
    ];
    rows.extend(question.decline.iter().map(|command| (way_to_say_no(command), command.clone())));
    format!("{}  {}\n{}", style(&question.id).bold(), printable(&question.prompt), table::pairs(&rows))
}

/// Who invites withdraws, everybody else declines.
fn way_to_say_no(command: &str) -> &'static str {
    if command.starts_with("formix-p2p revoke") { "to withdraw" } else { "to decline" }
}

/// The number is not read by the parser, whose refusals repeat what was typed.
#[expect(clippy::unnecessary_wraps, reason = "the parser's shape")]
pub fn unread(text: &str) -> Result<PrivateText, std::convert::Infallible> {
    Ok(PrivateText(text.to_owned()))
}

/// A slip of the finger is wrong usage; the refusal does not show the number.
pub fn checked(value: PrivateText) -> Result<PrivateText, Problem> {
    if value.0.trim().is_empty() || value.0.chars().any(char::is_control) {
        let message = "the value is empty or has control characters";
        return Err(Problem::usage(
            "invalid_value",
            message,
            "type a number such as 41 or -2.5, or a category",
        ));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting() -> PendingView {
        PendingView {
            id: "COMP-FZ375MV7".to_owned(),
            proposer: "AAAAAAAA".to_owned(),
            prompt: "mean\u{7} rating?".to_owned(),
            statistic: "mean".to_owned(),
            field: "rating".to_owned(),
            fields: vec!["rating".to_owned(), "age".to_owned()],
            values: ["a number from 0 to 10 in steps of 1", "one of young, old"].map(str::to_owned).to_vec(),
            max_records: 1,
            deadline: "2026-01-02T03:04:05.678Z".to_owned(),
            min_participants: 3,
            heavy_nodes: Vec::new(),
            rule: "source".to_owned(),
            reason: "this node has no source for the field".to_owned(),
            command: "formix-p2p answer COMP-FZ375MV7 VALUE".to_owned(),
            decline: Some("formix-p2p decline COMP-FZ375MV7".to_owned()),
            parties: None,
        }
    }

    fn told(question: &PendingView) -> String {
        list(std::slice::from_ref(question))
    }

    #[test]
    fn a_question_that_waits_shows_the_command_that_answers_it() {
        let text = told(&waiting());
        assert!(text.contains("formix-p2p answer COMP-FZ375MV7 VALUE\n") && !text.contains('\u{7}'), "{text}");
        assert!(text.contains("mean of rating, age, over") && text.contains("one of each"), "{text}");
        assert!(text.contains("over at least 3 participants") && text.contains("heavy nodes"), "{text}");
        assert!(text.contains("to decline     formix-p2p decline COMP-FZ375MV7\n"), "{text}");
        assert!(list(&[]).contains("No question"));
        assert_eq!(addressed("formix-p2p approve X", Some("A")), "formix-p2p approve X --node A");
    }

    #[test]
    fn an_invitation_is_told_in_words_of_parties() {
        let mut question = PendingView { parties: Some(3), ..waiting() };
        let text = told(&question);
        assert!(text.contains("over all 3 parties") && text.contains("invited by"), "{text}");
        question.min_participants = 2;
        question.max_records = 5;
        question.decline = Some("formix-p2p revoke COMP-FZ375MV7".to_owned());
        let text = told(&question);
        for part in
            ["over at least 2 of 3 parties", "at most 5 of each party", "to withdraw    formix-p2p revoke"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
        question.decline = None;
        let text = told(&question);
        for word in ["heavy", "participant", "decline", "revoke"] {
            assert!(!text.contains(word), "{word}: {text}");
        }
    }

    #[test]
    fn a_private_number_is_read_and_never_shown() {
        let read = |text: &str| checked(PrivateText(text.to_owned()));
        assert_eq!(read("-2.5").unwrap().0, "-2.5");
        let problem = read("4711\u{7}").unwrap_err();
        assert!(problem.exit.code() == 2 && !format!("{problem:?}").contains("4711"));
    }
}
