//! `view`: the network as one running node sees it.

use std::time::Duration;

use clap::Args;
use console::Term;

use super::args::Context;
use super::output::Format;
use super::problem::Problem;
use super::table::{self, Look};
use super::wait::unexpected;
use crate::control::{self, Client, Reply, Request};

/// How often `--watch` looks again; faster than a person reads.
pub const REDRAW: Duration = Duration::from_secs(1);

/// The network as one running node sees it
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p view
  formix-p2p view --watch
  formix-p2p view --json | jq '.data.nodes[] | select(.role == \"heavy\") | .uid'")]
pub struct View {
    /// Draw the table again every second, until Ctrl-C
    #[arg(long)]
    watch: bool,
}

impl View {
    pub async fn act(self, context: &Context) -> Result<(), Problem> {
        if self.watch {
            refuse_json_watch(context)?;
        }
        let chosen = context.any_node().await?;
        let mut view = of(&chosen.client).await?;
        if !self.watch {
            context.output.answer(&view, || table::network(Look::of_stdout(), &view));
            return Ok(());
        }
        loop {
            redraw(&table::network(Look::of_stdout(), &view));
            tokio::time::sleep(REDRAW).await;
            view = of(&chosen.client).await?;
        }
    }
}

/// The network as this node sees it.
///
/// # Errors
/// Whatever the node answers instead.
pub async fn of(client: &Client) -> Result<control::View, Problem> {
    let Reply::View(view) = client.request(Request::View).await? else { return Err(unexpected()) };
    Ok(view)
}

/// Draws over what was drawn before; in a pipe, one drawing follows the other.
pub fn redraw(text: &str) {
    let term = Term::stdout();
    if term.is_term() {
        // A terminal that cannot be cleared scrolls.
        let _ = term.clear_screen();
    }
    super::output::print(text);
}

/// `--json` is one object, and watching never ends.
///
/// # Errors
/// `usage`.
pub fn refuse_json_watch(context: &Context) -> Result<(), Problem> {
    match context.output.format {
        Format::People => Ok(()),
        Format::Json => Err(Problem::usage(
            "usage",
            "--watch draws for people, and --json prints one object",
            "leave --watch out and ask again when needed",
        )),
    }
}
