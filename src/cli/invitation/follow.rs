//! Following an invitation: who joins, whether the owner agrees to them, and what comes out.

use std::collections::BTreeSet;

use indicatif::ProgressBar;

use super::words;
use crate::cli::args::Context;
use crate::cli::asking::INTERRUPTED;
use crate::cli::computation;
use crate::cli::confirm::{Consent, confirm};
use crate::cli::nodes::running;
use crate::cli::output::{Format, Output};
use crate::cli::problem::{Exit, Problem};
use crate::cli::wait::{Interrupt, changed_in_time, has_ended, once, spinner};
use crate::control::{Client, ComputationView, InvitationView, Request};
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
            agree(output, client, invitation, &mut interrupt, commands).await?;
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
}

impl Told {
    /// Who is there when following begins has been told already.
    fn of(view: &ComputationView) -> Self {
        let parties = view.invitation.iter().flat_map(|invitation| &invitation.roster);
        Self { parties: parties.map(|party| party.uid.clone()).collect(), frozen: false, asked: None }
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
    }
}

/// The owner's word on parties that were not there when it was asked first.
async fn agree(
    output: Output,
    client: &Client,
    invitation: &InvitationView,
    interrupt: &mut Interrupt,
    commands: &Commands,
) -> Result<(), Problem> {
    let id = &invitation.id;
    let (approve, decline) =
        (commands.of_words(&format!("approve {id}")), commands.of_words(&format!("decline {id}")));
    let others: Vec<_> =
        invitation.roster.iter().filter(|party| !party.you && !party.agreed).map(words::party).collect();
    let undecided = |message: String| {
        let hint = format!("`{approve}` agrees to them, `{decline}` leaves");
        Problem::new(Exit::Refused, "not_confirmed", message, hint)
    };
    let told = format!("all {} parties are there; new to you: {}", invitation.parties, others.join(", "));
    if output.format == Format::Json {
        return Err(undecided(told));
    }
    output.note(told);
    let asked = move || confirm(output, Consent::Ask, "Compute with them?");
    match or_interrupted(interrupt, asked).await {
        Some(Ok(())) => {}
        Some(Err(_)) => return Err(undecided("nothing was sent".to_owned())),
        None => leave(output, id, commands),
    }
    client.request(Request::Approve { reference: id.clone() }).await?;
    Ok(())
}
