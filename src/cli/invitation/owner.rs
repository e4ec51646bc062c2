//! The owner's word, where its node waits for it: about parties that are new, and about an answer that the policy doubts.

use super::follow::{Commands, leave, or_interrupted};
use super::words;
use crate::cli::confirm::{Consent, confirm};
use crate::cli::output::{Format, Output};
use crate::cli::problem::{Exit, Problem};
use crate::cli::table::printable;
use crate::cli::wait::Interrupt;
use crate::control::{Client, ClientError, ComputationView, InvitationView, PendingView, Reply, Request};

/// Asks about parties that were not there when the owner was asked first.
///
/// # Errors
/// `not_confirmed` without a yes; whatever the node answers instead.
pub async fn agree(
    output: Output,
    client: &Client,
    invitation: &InvitationView,
    interrupt: &mut Interrupt,
    commands: &Commands,
) -> Result<(), Problem> {
    let id = &invitation.id;
    let others: Vec<_> =
        invitation.roster.iter().filter(|party| !party.you && !party.agreed).map(words::party).collect();
    let hint = format!(
        "`{}` agrees to them, `{}` leaves",
        command("approve", id, commands),
        command("decline", id, commands)
    );
    let told = format!("all {} parties are there; new to you: {}", invitation.parties, others.join(", "));
    let undecided = |message: String| Problem::new(Exit::Refused, "not_confirmed", message, hint);
    if output.format == Format::Json {
        return Err(undecided(told));
    }
    output.note(told);
    if !says_yes(output, interrupt, "Compute with them?", id, commands).await {
        return Err(undecided("nothing was sent".to_owned()));
    }
    client.request(Request::Approve { reference: id.clone() }).await?;
    Ok(())
}

/// Asks about an answer for which the owner's word is needed; a value that is missing is only told of, because it may come by
/// another command.
///
/// # Errors
/// As [`agree`].
pub async fn answer(
    output: Output,
    client: &Client,
    view: &ComputationView,
    interrupt: &mut Interrupt,
    commands: &Commands,
) -> Result<(), Problem> {
    let id = &view.id;
    let Some(pending) = pending(client, id).await? else { return Ok(()) };
    let told = format!("{id} has no answer of this node yet: {}", printable(&pending.reason));
    let approve = command("approve", id, commands);
    if !pending.command.starts_with("formix-p2p approve") {
        output.note(format!("{told}; `{}` gives it", command("answer", id, commands)));
        return Ok(());
    }
    let hint = format!("`{approve}` answers all the same, `{}` refuses", command("decline", id, commands));
    let undecided = |message: String| Problem::new(Exit::Refused, "not_confirmed", message, hint);
    if output.format == Format::Json {
        return Err(undecided(told));
    }
    output.note(&told);
    if !says_yes(output, interrupt, "Answer all the same?", id, commands).await {
        return Err(undecided(told));
    }
    match client.request(Request::Approve { reference: id.clone() }).await {
        // What speaks against it besides is told next.
        Err(ClientError::Refused(error)) if error.code == "asked_again" => Ok(()),
        answered => Ok(answered.map(drop)?),
    }
}

/// What waits under this id.
async fn pending(client: &Client, id: &str) -> Result<Option<PendingView>, Problem> {
    match client.request(Request::Pending).await? {
        Reply::Pending(all) => Ok(all.into_iter().find(|pending| pending.id == id)),
        _ => Ok(None),
    }
}

fn command(verb: &str, id: &str, commands: &Commands) -> String {
    commands.of_words(&format!("{verb} {id}"))
}

/// The answer of a person. Ctrl-C ends the command.
async fn says_yes(
    output: Output,
    interrupt: &mut Interrupt,
    question: &'static str,
    id: &str,
    commands: &Commands,
) -> bool {
    match or_interrupted(interrupt, move || confirm(output, Consent::Ask, question)).await {
        Some(said) => said.is_ok(),
        None => leave(output, id, commands),
    }
}
