//! Asking a person for the parts of a question that were not typed, as the old Formix did.

use console::Term;
use dialoguer::{Input, MultiSelect, Select};
use serde_json::{Map, json};

use super::asking;
use super::duration;
use super::output::Output;
use super::problem::{Exit, Problem};
use super::propose::Propose;
use super::table::{self, Look};
use super::values;
use super::view;
use crate::control::Client;
use crate::domain::limits::HEAVY_MIN;
use crate::domain::{Role, Statistic, Takes};

/// Shows the network and asks for everything that was not typed; what has a default offers it.
///
/// # Errors
/// `no_terminal` when the terminal goes away; whatever the node answers instead of the network.
pub async fn complete(typed: Propose, output: Output, client: &Client) -> Result<Propose, Problem> {
    let network = view::of(client).await?;
    output.note(table::network(Look::Ruled, &network));
    let active =
        network.nodes.into_iter().filter(|node| matches!(node.status.as_str(), "active" | "processing"));
    let heavy: Vec<_> = active
        .filter(|node| node.role == Role::Heavy)
        .map(|node| (format!("{}  {}", node.uid, table::printable(&node.name)), node.uid))
        .collect();
    asking::ask(|| ask(typed, &heavy)).map_err(|error| {
        let dialoguer::Error::IO(error) = error;
        Problem::new(
            Exit::Refused,
            "no_terminal",
            format!("the questions were broken off: {error}"),
            "give --prompt, --field and --statistic",
        )
    })
}

/// Asks until the answer fits what is typed already.
fn asked(
    typed: &Propose,
    prompt: &str,
    default: Option<&str>,
    fill: impl Fn(&mut Propose, &str) -> Result<(), String>,
) -> dialoguer::Result<Propose> {
    let filled = |text: &str| {
        let mut filled = typed.clone();
        fill(&mut filled, text.trim())?;
        filled.check_so_far().map_err(|problem| problem.message)?;
        Ok::<_, String>(filled)
    };
    let mut input = Input::new().with_prompt(prompt);
    if let Some(default) = default {
        input = input.default(default.to_owned());
    }
    let text: String = input.validate_with(|text: &String| filled(text).map(drop)).interact_text()?;
    // A default that does not fit is met again by the check of the whole question.
    Ok(filled(&text).unwrap_or_else(|_| typed.clone()))
}

/// `heavy`: what is shown of each active heavy node, and its UID.
fn ask(mut typed: Propose, heavy: &[(String, String)]) -> dialoguer::Result<Propose> {
    if typed.prompt.is_none() {
        typed = asked(&typed, "Question, for people", None, |typed, text| {
            typed.prompt = Some(text.to_owned());
            Ok(())
        })?;
    }
    if typed.asked.statistic.is_none() {
        let names = Statistic::ALL.map(|(_, name)| name);
        let mean = names.iter().position(|name| *name == "mean").unwrap_or(0);
        let chosen = Select::new().with_prompt("Statistic").items(names).default(mean).interact()?;
        typed.asked.statistic = names.get(chosen).map(|name| (*name).to_owned());
    }
    let statistic: Option<Statistic> = typed.asked.statistic.as_deref().and_then(|name| name.parse().ok());
    let takes = statistic.map_or(Takes::OneOfAny, Statistic::takes);
    if typed.asked.field.is_empty() {
        let prompt = match takes {
            Takes::OneOfAny | Takes::Numbers(1, 1) | Takes::Countable(1) => "Field",
            Takes::Numbers(..) | Takes::Countable(_) | Takes::Vector => "Fields, separated by commas",
        };
        typed = asked(&typed, prompt, None, |typed, text| {
            typed.asked.field = text.split(',').map(|name| name.trim().to_owned()).collect();
            Ok(())
        })?;
    }
    if typed.asked.schema.is_none() {
        typed = ask_values(typed, takes)?;
    }
    let needed = typed.check_so_far().map_or(HEAVY_MIN, |draft| draft.heavy.len());
    if typed.heavy.is_empty() && heavy.len() > needed {
        let names: Vec<_> = heavy.iter().map(|(shown, _)| shown).collect();
        let prompt = format!("Heavy nodes, at least {needed} (space chooses; none: {needed} are chosen)");
        let chosen = MultiSelect::new().with_prompt(prompt).items(names).interact()?;
        typed.heavy = chosen.into_iter().filter_map(|at| heavy.get(at)).map(|(_, uid)| uid.clone()).collect();
    }
    if typed.deadline.is_none() {
        typed = asked(&typed, "Deadline", Some("30s"), |typed, text| {
            typed.deadline = Some(duration::typed(text)?);
            Ok(())
        })?;
    }
    if typed.min_participants.is_none() {
        typed = asked(&typed, "At least this many participants", Some("3"), |typed, text| {
            let minimum = text.parse().map_err(|_| format!("`{text}` is not a whole number"))?;
            typed.min_participants = Some(minimum);
            Ok(())
        })?;
    }
    Ok(typed)
}

/// What the values of every field look like.
fn ask_values(typed: Propose, takes: Takes) -> dialoguer::Result<Propose> {
    // What is counted one by one must have an end, and a vector a length.
    let default = match takes {
        Takes::OneOfAny | Takes::Numbers(..) => Some(values::ANY_NUMBER),
        Takes::Countable(_) | Takes::Vector => None,
    };
    Term::stderr().write_line(values::HELP)?;
    let names = typed.asked.field.clone();
    let (mut known, mut completed) = (Map::new(), typed.clone());
    for name in &names {
        let filled = |text: &str| -> Result<_, String> {
            let schema = values::schema_of(text)?;
            let (mut all, mut filled) = (known.clone(), typed.clone());
            all.insert(name.clone(), schema.clone());
            // Each by itself; with the last one the question as a whole.
            if all.len() == names.len() {
                let whole = json!({"type": "object", "properties": all});
                filled.asked.schema = Some(if names.len() == 1 { &schema } else { &whole }.to_string());
                filled.check_so_far().map_err(|problem| problem.message)?;
            }
            Ok((schema, filled))
        };
        let mut input = Input::new().with_prompt(format!("Values of {}", table::printable(name)));
        if let Some(default) = default {
            input = input.default(default.to_owned());
        }
        let text: String = input.validate_with(|text: &String| filled(text).map(drop)).interact_text()?;
        // A default that does not fit is met again by the check of the whole question.
        if let Ok((schema, filled)) = filled(&text) {
            known.insert(name.clone(), schema);
            completed = filled;
        }
    }
    Ok(completed)
}
