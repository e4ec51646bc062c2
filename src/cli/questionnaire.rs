//! Asking a person for the parts of a question that were not typed, as the old Formix did.

use std::time::Duration;

use dialoguer::{Input, MultiSelect, Select};

use super::duration;
use super::problem::{Exit, Problem};
use super::propose::Propose;
use super::question::HEAVY_CHOSEN;
use super::{table, view};
use crate::control::Client;
use crate::domain::limits::HEAVY_MIN;
use crate::domain::{Role, Statistic};

const STATISTICS: [Statistic; 3] = [Statistic::Mean, Statistic::Sum, Statistic::Count];
const ANY_NUMBER: &str = r#"{"type":"number"}"#;

/// Asks for everything that was not typed; what has a default offers it.
///
/// # Errors
/// `no_terminal` when the terminal goes away; whatever the node answers instead of the network.
pub async fn complete(typed: Propose, client: &Client) -> Result<Propose, Problem> {
    let network = view::of(client).await?;
    let active =
        network.nodes.into_iter().filter(|node| matches!(node.status.as_str(), "active" | "processing"));
    let heavy: Vec<_> = active
        .filter(|node| node.role == Role::Heavy)
        .map(|node| (format!("{}  {}", node.uid, table::printable(&node.name)), node.uid))
        .collect();
    // The questions block, and the runtime has other work only in other threads.
    tokio::task::block_in_place(|| ask(typed, &heavy)).map_err(|error| {
        let dialoguer::Error::IO(error) = error;
        Problem::new(
            Exit::Refused,
            "no_terminal",
            format!("the questions were broken off: {error}"),
            "give --prompt, --field and --statistic",
        )
    })
}

/// `heavy`: what is shown of each active heavy node, and its UID.
fn ask(mut typed: Propose, heavy: &[(String, String)]) -> dialoguer::Result<Propose> {
    if typed.prompt.is_none() {
        typed.prompt = Some(Input::new().with_prompt("Question, for people").interact_text()?);
    }
    if typed.field.is_empty() {
        typed.field = vec![Input::new().with_prompt("Field").interact_text()?];
    }
    if typed.statistic.is_none() {
        let chosen = Select::new().with_prompt("Statistic").items(STATISTICS).default(0).interact()?;
        typed.statistic = STATISTICS.get(chosen).map(ToString::to_string);
    }
    if typed.schema.is_none() {
        let schema: String =
            Input::new().with_prompt("Schema").default(ANY_NUMBER.to_owned()).interact_text()?;
        typed.schema = Some(schema);
    }
    if typed.heavy.is_empty() && heavy.len() > HEAVY_CHOSEN {
        let names: Vec<_> = heavy.iter().map(|(shown, _)| shown).collect();
        let prompt =
            format!("Heavy nodes, at least {HEAVY_MIN} (space chooses; none: {HEAVY_CHOSEN} are chosen)");
        let chosen = MultiSelect::new().with_prompt(prompt).items(names).interact()?;
        typed.heavy = chosen.into_iter().filter_map(|at| heavy.get(at)).map(|(_, uid)| uid.clone()).collect();
    }
    if typed.deadline.is_none() {
        let text: String = Input::new()
            .with_prompt("Deadline")
            .default("30s".to_owned())
            .validate_with(|text: &String| duration::parse(text).map(drop))
            .interact_text()?;
        typed.deadline = duration::parse(&text).ok().or(Some(Duration::ZERO));
    }
    if typed.min_participants.is_none() {
        typed.min_participants =
            Some(Input::new().with_prompt("At least this many participants").default(3).interact_text()?);
    }
    Ok(typed)
}
