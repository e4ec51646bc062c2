//! Following an invitation: who joins, whether the owner agrees to them, and what comes out.

use std::collections::BTreeSet;

use indicatif::ProgressBar;

use super::{owner, words};
use crate::cli::args::Context;
use crate::cli::asking::INTERRUPTED;
use crate::cli::computation;
use crate::cli::nodes::running;
use crate::cli::output::Output;
use crate::cli::problem::Problem;
use crate::cli::table::printable;
use crate::cli::wait::{Interrupt, changed_in_time, has_ended, once, spinner};
use crate::control::{Client, ComputationView, Request};
use crate::domain::Status;

/// Commands for a person to type, with the node that is to act where that is not plain.
#[derive(Clone, Debug)]
pub struct Commands {
    node: Option<String>,
}

impl Commands {
    /// Those for this node.
    ///
    /// # Errors
    /// `home`.
    pub async fn of(context: &Context, uid: &str) -> Result<Self, Problem> {
        let several = running(&context.home()?).await?.len() > 1;
        Ok(Self { node: several.then(|| uid.to_owned()) })
    }

    /// `formix-p2p` with this after it.
    pub fn of_words(&self, words: &str) -> String {
        match &self.node {
            Some(node) => format!("formix-p2p {words} --node {node}"),
            None => format!("formix-p2p {words}"),
        }
    }
}

/// The answer of a person, unless Ctrl-C comes first.
pub async fn or_interrupted<T: Send + 'static>(
    interrupt: &mut Interrupt,
    ask: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let asked = tokio::task::spawn_blocking(ask);
    tokio::select! {
        answer = asked => answer.ok(),
        () = interrupt.comes() => None,
    }
}

/// Ends the command; the node goes on.
pub fn leave(output: Output, id: &str, commands: &Commands) -> ! {
    let (see, wait) =
        (commands.of_words(&format!("invitations {id}")), commands.of_words(&format!("result {id} --wait")));
    output
        .note(format!("\n{id} goes on without this command: `{see}` shows it, `{wait}` waits for its result"));
    std::process::exit(INTERRUPTED)
}

/// Tells who joins, asks the owner about them where the node waits for that, and gives the computation when it is completed.
///
/// # Errors
/// `computation_failed` with the reason; `not_confirmed` where the owner does not agree; `timed_out`; whatever the node answers
/// instead.
pub async fn to_the_end(
    context: &Context,
    client: &Client,
    id: &str,
    mut interrupt: Interrupt,
    commands: &Commands,
) -> Result<ComputationView, Problem> {
    let output = context.output;
    let mut bar = output.draws_progress().then(spinner);
    let mut view = once(client, Request::Computation { reference: id.to_owned() }).await?;
    let mut told = Told::of(&view);
    while !has_ended(&view) {
        told.news(output, bar.as_ref(), &view);
        let asks = view.invitation.as_deref().filter(|invitation| invitation.state == "asks");
        if let Some(invitation) = asks
            && told.asked != Some(view.revision)
        {
            told.asked = Some(view.revision);
            clear(bar.take());
            owner::agree(output, client, invitation, &mut interrupt, commands).await?;
            bar = output.draws_progress().then(spinner);
        }
        let waits = view.reason.as_ref().filter(|_| view.invitation.is_some() && view.own_answer == "waiting");
        if let Some(reason) = waits.filter(|reason| told.waits.as_ref() != Some(*reason)) {
            told.waits = Some(reason.clone());
            clear(bar.take());
            owner::answer(output, client, &view, &mut interrupt, commands).await?;
            bar = output.draws_progress().then(spinner);
        }
        let show = |view: &ComputationView| {
            if let Some(bar) = &bar {
                bar.set_message(computation::progress(view));
            }
        };
        show(&view);
        view = tokio::select! {
            view = changed_in_time(client, &view, show) => view?,
            () = interrupt.comes() => {
                clear(bar);
                leave(output, id, commands)
            }
        };
    }
    told.news(output, bar.as_ref(), &view);
    clear(bar);
    match view.status {
        Status::Completed => Ok(view),
        Status::Pending | Status::Processing | Status::Failed => Err(computation::failure(&view)),
    }
}

fn clear(bar: Option<ProgressBar>) {
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
}

/// What a person has been told.
struct Told {
    parties: BTreeSet<String>,
    frozen: bool,
    /// The revision about which the owner was asked.
    asked: Option<u64>,
    /// Why the answer waits for the owner.
    waits: Option<String>,
    /// What was left out of the answer.
    left_out: Option<String>,
}

impl Told {
    /// Who is there when following begins has been told already.
    fn of(view: &ComputationView) -> Self {
        let parties = view.invitation.iter().flat_map(|invitation| &invitation.roster);
        let parties = parties.map(|party| party.uid.clone()).collect();
        Self { parties, frozen: false, asked: None, waits: None, left_out: None }
    }

    fn news(&mut self, output: Output, bar: Option<&ProgressBar>, view: &ComputationView) {
        let Some(invitation) = view.invitation.as_deref() else { return };
        let say = |text: String| match bar {
            Some(bar) => bar.suspend(|| output.note(text)),
            None => output.note(text),
        };
        for party in &invitation.roster {
            if self.parties.insert(party.uid.clone()) {
                say(format!("{} has joined", words::party(party)));
            }
        }
        if invitation.state == "running" && !self.frozen {
            self.frozen = true;
            say(format!("all {} parties are there: nobody can be added or taken away now", invitation.parties));
        }
        if view.left_out != self.left_out {
            self.left_out.clone_from(&view.left_out);
            let rows = view.left_out.as_deref().unwrap_or_default();
            say(format!(
                "not every row of this node's source is in its answer: {}; `formix-p2p data` shows what the fields hold",
                printable(rows)
            ));
        }
    }
}
