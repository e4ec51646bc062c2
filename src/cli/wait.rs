//! Waiting for the end of a computation, with progress for people.

use std::pin::pin;
use std::time::{Duration, SystemTime};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::asking::INTERRUPTED;
use super::computation;
use super::output::Output;
use super::problem::{Exit, Problem};
use crate::control::{Client, ComputationView, Reply, Request};
use crate::domain::Status;

/// How often the spinner turns.
const TICK: Duration = Duration::from_millis(120);
/// How often somebody who looks at the progress is shown it anew.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How long a node may take to give up when the time has come.
const GIVING_UP_MARGIN: Duration = Duration::from_secs(5);

/// Waits until the computation has ended, or until shortly after the node itself should have given up. Ctrl-C ends the
/// command, with a word on how to see the result.
///
/// # Errors
/// `timed_out`; whatever the node answers instead.
pub async fn for_the_end(
    client: &Client,
    output: Output,
    reference: &str,
    mut interrupt: Interrupt,
) -> Result<ComputationView, Problem> {
    let view = once(client, Request::Computation { reference: reference.to_owned() }).await?;
    let id = view.id.clone();
    let bar = output.draws_progress().then(spinner);
    let ended = tokio::select! {
        ended = until_ended(client, view, bar.as_ref()) => Some(ended),
        () = interrupt.comes() => None,
    };
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    let Some(ended) = ended else {
        output.note(format!("{id} goes on without this command; see `formix-p2p result {id} --wait`"));
        std::process::exit(INTERRUPTED)
    };
    ended
}

/// Ctrl-C, listened for from when this is made. Where it cannot be heard it ends the process itself.
pub struct Interrupt(Option<Signal>);

impl Interrupt {
    /// Listens from now on, so that it is made before anything is said that could be waited for.
    pub fn heard() -> Self {
        Self(signal(SignalKind::interrupt()).ok())
    }

    /// Ends when it comes.
    pub async fn comes(&mut self) {
        match &mut self.0 {
            Some(interrupt) => {
                interrupt.recv().await;
            }
            None => std::future::pending().await,
        }
    }
}

/// From now until then; nothing for what is over, or no time at all.
fn time_left(until: &str, now: SystemTime) -> Duration {
    humantime::parse_rfc3339(until).ok().and_then(|until| until.duration_since(now).ok()).unwrap_or_default()
}

async fn until_ended(
    client: &Client,
    mut view: ComputationView,
    bar: Option<&ProgressBar>,
) -> Result<ComputationView, Problem> {
    while !has_ended(&view) {
        let show = |view: &ComputationView| {
            if let Some(bar) = bar {
                bar.set_message(computation::progress(view));
            }
        };
        show(&view);
        view = changed_in_time(client, &view, show).await?;
    }
    Ok(view)
}

/// As [`changed`], until shortly after the node itself should have given up. An invitation has more time once it is a
/// computation, so the limit is that of what was seen last.
///
/// # Errors
/// `timed_out`; whatever the node answers instead.
pub async fn changed_in_time(
    client: &Client,
    seen: &ComputationView,
    show: impl Fn(&ComputationView),
) -> Result<ComputationView, Problem> {
    let limit = time_left(&seen.gives_up_at, SystemTime::now()) + GIVING_UP_MARGIN;
    tokio::time::timeout(limit, changed(client, seen, show)).await.unwrap_or_else(|_| {
        let id = &seen.id;
        Err(Problem::new(
            Exit::TimedOut,
            "timed_out",
            format!("{id} has not ended, though its time was over"),
            format!("is the node stuck? see `formix-p2p logs --computation {id}`"),
        ))
    })
}

/// The computation as soon as it has changed. Meanwhile it is shown every now and then: that a heavy node cannot be
/// reached any more is no change of the computation.
///
/// # Errors
/// Whatever the node answers instead.
pub async fn changed(
    client: &Client,
    seen: &ComputationView,
    show: impl Fn(&ComputationView),
) -> Result<ComputationView, Problem> {
    let reference = || seen.id.clone();
    let mut change = pin!(once(client, Request::Watch { reference: reference(), seen: seen.revision }));
    loop {
        tokio::select! {
            view = &mut change => return view,
            () = tokio::time::sleep(LOOK_AGAIN) => {
                let view = once(client, Request::Computation { reference: reference() }).await?;
                // An invitation that has become a computation counts its changes anew.
                if view.revision < seen.revision {
                    return Ok(view);
                }
                show(&view);
            }
        }
    }
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

/// A progress display of one line.
pub fn spinner() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TICK);
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_ends_soon_after_the_node_gives_up() {
        let now = humantime::parse_rfc3339("2026-01-02T03:05:05.678Z").unwrap();
        assert_eq!(time_left("2026-01-02T03:05:15.678Z", now), Duration::from_secs(10));
        assert_eq!(time_left("2026-01-02T03:04:15.678Z", now), Duration::ZERO);
    }
}
