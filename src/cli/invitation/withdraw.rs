//! `revoke` and `forget`: taking back an invitation, and cleaning up after any computation.

use clap::Args;
use serde_json::json;

use crate::cli::args::Context;
use crate::cli::confirm::{Consent, confirm};
use crate::cli::problem::Problem;
use crate::cli::table::{self, printable};
use crate::cli::wait::{once, unexpected};
use crate::cli::wrapped;
use crate::control::{ComputationView, Decided, Forgotten, Reply, Request};
use crate::domain::Status;

/// Withdraw an invitation of this node's, before everybody is there
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p revoke COMP-FZ375MV7
  formix-p2p revoke FZ3 --node alice

Its tickets admit nobody from then on, and who has joined is told.")]
pub struct Revoke {
    /// Its id, or a unique beginning of it
    computation: String,
}

/// Delete what this node keeps of a computation that has ended
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p forget COMP-FZ375MV7
  formix-p2p forget FZ3 --yes --json

Deletes values, shares, answers, result and certificate from this node, and says what it has deleted and what remains. What \
other nodes have is theirs. It cannot be undone.")]
pub struct Forget {
    /// Its id, or a unique beginning of it
    computation: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Revoke {
    pub async fn act(self, context: &Context) -> Result<(), Problem> {
        let chosen = context.acting_party().await?;
        let request = Request::Revoke { reference: self.computation };
        let Reply::Decided(Decided { id }) = chosen.client.request(request).await? else {
            return Err(unexpected());
        };
        let data = json!({ "id": id, "node": chosen.id.uid, "decision": "revoked" });
        context.output.answer(&data, || format!("{id} revoked by {}", chosen.id.uid));
        Ok(())
    }
}

impl Forget {
    pub async fn act(self, context: &Context) -> Result<(), Problem> {
        let chosen = context.acting_party().await?;
        let reference = if self.yes {
            self.computation
        } else {
            // What was typed may be the beginning of another one than was meant.
            let view = once(&chosen.client, Request::Computation { reference: self.computation }).await?;
            confirm(context.output, Consent::Ask, &question(&chosen.id.uid, &view))?;
            view.id
        };
        let request = Request::Forget { reference };
        let Reply::Forgotten(forgotten) = chosen.client.request(request).await? else {
            return Err(unexpected());
        };
        context.output.answer(&forgotten, || told(&forgotten));
        Ok(())
    }
}

/// What is found, and what would become of it.
fn question(node: &str, view: &ComputationView) -> String {
    let (by, status) = match view.invitation.as_deref() {
        Some(invitation) => ("invited by", invitation.state.clone()),
        None => ("asked by", view.status.to_string()),
    };
    let rows = [
        ("asks for", format!("{} of {}", view.statistic, printable(&view.fields.join(", ")))),
        (by, view.proposer.clone()),
        ("status", status),
    ];
    let result = if view.status == Status::Completed { ", its result too" } else { "" };
    format!(
        "{}  {}\n{}Delete what node {node} keeps of {}{result}? It cannot be undone.",
        view.id,
        printable(&view.prompt),
        table::pairs(&rows),
        view.id
    )
}

fn told(forgotten: &Forgotten) -> String {
    let list = |heading: &str, lines: &[String]| {
        let lines = lines.iter().map(|line| format!("{}\n", wrapped::for_stdout(&format!("  - {line}"))));
        format!("{heading}\n{}", lines.collect::<String>())
    };
    let Forgotten { id, deleted, kept } = forgotten;
    format!("{}{}", list(&format!("{id}: deleted from this node"), deleted), list("What remains", kept))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::computation::tests::running;

    #[test]
    fn whoever_deletes_is_shown_what() {
        let mut view = running();
        view.prompt = "Our\u{1b}[2J total?\nstatus failed".to_owned();
        view.status = Status::Completed;
        let text = question("BBBBBBBB", &view);
        assert_eq!(
            text,
            "COMP-FZ375MV7  Our\u{fffd}[2J total?\u{fffd}status failed\n  asks for  mean of rating\n  asked by  AAAAAAAA\n  \
             status    completed\nDelete what node BBBBBBBB keeps of COMP-FZ375MV7, its result too? It cannot be undone."
        );
        view.status = Status::Failed;
        assert!(question("BBBBBBBB", &view).contains("keeps of COMP-FZ375MV7? It"), "there is no result");
    }

    #[test]
    fn what_is_deleted_and_what_remains_are_told_apart() {
        let words = |word: &str| vec![word.to_owned()];
        let forgotten = Forgotten { id: "COMP-A".to_owned(), deleted: words("inputs"), kept: words("a mark") };
        assert_eq!(told(&forgotten), "COMP-A: deleted from this node\n  - inputs\nWhat remains\n  - a mark\n");
    }
}
