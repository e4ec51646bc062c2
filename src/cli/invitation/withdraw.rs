//! `revoke` and `forget`: taking back an invitation, and cleaning up after any computation.

use clap::Args;
use serde_json::json;

use crate::cli::args::Context;
use crate::cli::confirm::{Consent, confirm};
use crate::cli::problem::Problem;
use crate::cli::wait::unexpected;
use crate::cli::wrapped;
use crate::control::{Decided, Forgotten, Reply, Request};

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
        let question =
            format!("Delete what node {} keeps of {}, its result too?", chosen.id.uid, self.computation);
        confirm(context.output, Consent::from(self.yes), &question)?;
        let request = Request::Forget { reference: self.computation };
        let Reply::Forgotten(forgotten) = chosen.client.request(request).await? else {
            return Err(unexpected());
        };
        context.output.answer(&forgotten, || told(&forgotten));
        Ok(())
    }
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

    #[test]
    fn what_is_deleted_and_what_remains_are_told_apart() {
        let words = |word: &str| vec![word.to_owned()];
        let forgotten = Forgotten { id: "COMP-A".to_owned(), deleted: words("inputs"), kept: words("a mark") };
        assert_eq!(told(&forgotten), "COMP-A: deleted from this node\n  - inputs\nWhat remains\n  - a mark\n");
    }
}
