//! `status`: recent computations, or one in full.

use clap::Args;
use serde_json::json;

use super::args::Context;
use super::computation;
use super::problem::Problem;
use super::table::Look;
use super::view::{REDRAW, redraw, refuse_json_watch};
use super::wait::{changed, has_ended, once, unexpected};
use crate::control::{Client, ComputationView, Reply, Request};

/// Recent computations, or one in full
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p status
  formix-p2p status COMP-FZ375MV7
  formix-p2p status FZ3 --watch")]
pub struct Status {
    /// Its id, or a unique beginning of it
    computation: Option<String>,
    /// Draw again on every change, until it has ended or Ctrl-C
    #[arg(long)]
    watch: bool,
}

impl Status {
    pub async fn act(self, context: &Context) -> Result<(), Problem> {
        if self.watch {
            refuse_json_watch(context)?;
        }
        let chosen = context.any_node().await?;
        let client = &chosen.client;
        match (self.computation, self.watch) {
            (None, false) => {
                let views = recent(client).await?;
                let data = json!({ "computations": views });
                context.output.answer(&data, || computation::list(Look::of_stdout(), &views));
            }
            (None, true) => loop {
                redraw(&computation::list(Look::of_stdout(), &recent(client).await?));
                tokio::time::sleep(REDRAW).await;
            },
            (Some(reference), false) => {
                let view = once(client, Request::Computation { reference }).await?;
                context.output.answer(&view, || computation::in_full(Look::of_stdout(), &view));
            }
            (Some(reference), true) => watch_one(client, reference).await?,
        }
        Ok(())
    }
}

async fn recent(client: &Client) -> Result<Vec<ComputationView>, Problem> {
    let Reply::Computations(views) = client.request(Request::Computations).await? else {
        return Err(unexpected());
    };
    Ok(views)
}

async fn watch_one(client: &Client, reference: String) -> Result<(), Problem> {
    let mut view = once(client, Request::Computation { reference }).await?;
    let show = |view: &ComputationView| redraw(&computation::in_full(Look::of_stdout(), view));
    show(&view);
    while !has_ended(&view) {
        // In a pipe every drawing stays, so there only changes are drawn.
        let look = Look::of_stdout();
        view = changed(client, &view, |view| {
            if look == Look::Ruled {
                show(view);
            }
        })
        .await?;
        show(&view);
    }
    Ok(())
}
