//! Waiting for the end of a computation, with progress for people.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::computation;
use super::output::Output;
use super::problem::{Exit, Problem};
use crate::control::{Client, ComputationView, Reply, Request};
use crate::domain::Status;

/// How often the spinner turns.
const TICK: Duration = Duration::from_millis(120);

/// Waits until the computation has ended, at most this long.
///
/// # Errors
/// `timed_out`; whatever the node answers instead.
pub async fn for_the_end(
    client: &Client,
    output: Output,
    reference: &str,
    limit: Duration,
) -> Result<ComputationView, Problem> {
    let bar = output.draws_progress().then(spinner);
    let ended = tokio::time::timeout(limit, until_ended(client, reference, bar.as_ref())).await;
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    ended.unwrap_or_else(|_| {
        Err(Problem::new(
            Exit::TimedOut,
            "timed_out",
            format!("{reference} has not ended within {}", humantime::format_duration(limit)),
            format!("it goes on; see `formix-p2p status {reference}`"),
        ))
    })
}

async fn until_ended(
    client: &Client,
    reference: &str,
    bar: Option<&ProgressBar>,
) -> Result<ComputationView, Problem> {
    let mut view = once(client, Request::Computation { reference: reference.to_owned() }).await?;
    while !has_ended(&view) {
        if let Some(bar) = bar {
            bar.set_message(computation::progress(&view));
        }
        let request = Request::Watch { reference: reference.to_owned(), seen: view.revision };
        view = once(client, request).await?;
    }
    Ok(view)
}

/// One computation, by either of the two requests that give one.
///
/// # Errors
/// Whatever the node answers instead.
pub async fn once(client: &Client, request: Request) -> Result<ComputationView, Problem> {
    let Reply::Computation(view) = client.request(request).await? else { return Err(unexpected()) };
    Ok(*view)
}

/// A reply to another request than the one that was sent: the client decodes by request, so never.
pub fn unexpected() -> Problem {
    Problem::new(
        Exit::Refused,
        "version_mismatch",
        "the node answered another question",
        "stop the node and start it with this version of formix-p2p",
    )
}

/// Whether there is a result or a reason.
pub const fn has_ended(view: &ComputationView) -> bool {
    match view.status {
        Status::Pending | Status::Processing => false,
        Status::Completed | Status::Failed => true,
    }
}

fn spinner() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TICK);
    bar
}
