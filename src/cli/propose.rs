//! `propose`: ask the network a question.

use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::args::Context;
use super::computation;
use super::duration;
use super::problem::Problem;
use super::question::{Question, assurance};
use super::questionnaire;
use super::table::Look;
use super::wait::{self, unexpected};
use crate::control::{Announced, Client, ComputationView, Proposal, Reply, Request};
use crate::domain::limits::{PATIENCE_DEFAULT, POLICY_MIN_PARTICIPANTS};
use crate::domain::{Statistic, Status};

const DEADLINE_DEFAULT: Duration = Duration::from_secs(30);
const MODULUS_BITS_DEFAULT: u32 = 64;

/// Ask the network a question
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p propose                                     asks for everything, on a terminal
  formix-p2p propose --prompt 'Mean rating?' --field rating --statistic mean --wait
  formix-p2p propose --prompt 'Total of ward 3?' --field beds --statistic sum --deadline 10m \\
      --schema '{\"type\":\"integer\",\"minimum\":0,\"maximum\":500}' --min-participants 5
  formix-p2p propose --prompt 'How many?' --field age --statistic count --heavy AB CD EF")]
pub struct Propose {
    /// The question in words, for the people who are asked
    #[arg(long, value_name = "TEXT")]
    pub(super) prompt: Option<String>,
    /// The field that the values are kept under
    #[arg(long, value_name = "NAME", num_args = 1..)]
    pub(super) field: Vec<String>,
    /// count, sum or mean
    #[arg(long, value_name = "S")]
    pub(super) statistic: Option<String>,
    /// What a value looks like, as JSON Schema [default: {"type":"number"}]
    #[arg(long, value_name = "JSON")]
    pub(super) schema: Option<String>,
    /// How long answers are taken: 500ms to 30days [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(super) deadline: Option<Duration>,
    /// How long heavy nodes that are away at the deadline are waited for [default: 60s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    patience: Option<Duration>,
    /// No total over fewer participants is ever revealed [default: 3]
    #[arg(long, value_name = "N")]
    pub(super) min_participants: Option<u32>,
    /// Take no more participants than this [default: the length of --participants, or 10000]
    #[arg(long, value_name = "N")]
    max_participants: Option<u32>,
    /// A heavy node that adds up shares, 3 to 16 of them [default: three that are reachable, trusted ones first]
    #[arg(long, value_name = "NODE", num_args = 1..)]
    pub(super) heavy: Vec<String>,
    /// How values are split among the heavy nodes: additive
    #[arg(long, value_name = "SCHEME", default_value = "additive")]
    sharing: String,
    /// Shares live modulo 2 to this power: 32, 64 or 128 [default: 64]
    #[arg(long, value_name = "BITS")]
    modulus_bits: Option<u32>,
    /// Only these nodes may take part
    #[arg(long, value_name = "NODE", num_args = 1..)]
    participants: Vec<String>,
    /// Wait for the result
    #[arg(long)]
    wait: bool,
}

impl Propose {
    pub async fn act(self, context: &Context) -> Result<(), Problem> {
        check_sharing(&self.sharing)?;
        let wait = self.wait;
        // Wrong usage comes before a missing node, and that before an unreachable network.
        let (chosen, proposal) = match self.question() {
            Ok(question) => {
                let proposal = question.checked()?;
                (context.acting_node().await?, proposal)
            }
            Err(_) if context.output.is_interactive() => {
                self.check_so_far()?;
                let chosen = context.acting_node().await?;
                let completed = questionnaire::complete(self, context.output, &chosen.client).await?;
                let question = completed.question().map_err(Missing::problem)?;
                (chosen, question.checked()?)
            }
            Err(missing) => return Err(missing.problem()),
        };
        context.output.note(assurance(&proposal));
        let announced = announce(&chosen.client, &proposal).await?;
        if wait {
            context.output.note(format!("{} announced, open until {}", announced.id, announced.deadline));
            return report_end(context, &chosen.client, &announced).await;
        }
        context.output.answer(&announced, || announced.id.clone());
        context.output.note(format!(
            "announced to heavy nodes {}; see `formix-p2p result {} --wait`",
            announced.heavy_nodes.join(", "),
            announced.id
        ));
        Ok(())
    }

    /// Whether what is typed so far can become a question.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub(super) fn check_so_far(&self) -> Result<(), Problem> {
        self.clone().with_placeholders().question().map_err(Missing::problem)?.checked().map(drop)
    }

    /// With stand-ins for what is missing, so that the rest can be checked before anybody is asked.
    fn with_placeholders(mut self) -> Self {
        self.prompt.get_or_insert_with(|| "?".to_owned());
        self.statistic.get_or_insert_with(|| Statistic::Sum.to_string());
        if self.field.is_empty() {
            // A schema of named fields fits no stand-in.
            self.field.push("field".to_owned());
            self.schema = None;
        }
        self
    }

    /// What was typed, with defaults.
    fn question(&self) -> Result<Question, Missing> {
        let typed = self.clone();
        let mut missing = Vec::new();
        if typed.prompt.is_none() {
            missing.push("--prompt");
        }
        if typed.field.is_empty() {
            missing.push("--field");
        }
        if typed.statistic.is_none() {
            missing.push("--statistic");
        }
        let (Some(prompt), Some(statistic), true) = (typed.prompt, typed.statistic, missing.is_empty()) else {
            return Err(Missing(missing));
        };
        Ok(Question {
            prompt,
            fields: typed.field,
            statistic,
            schema: typed.schema,
            deadline: typed.deadline.unwrap_or(DEADLINE_DEFAULT),
            patience: typed.patience.unwrap_or(PATIENCE_DEFAULT),
            min_participants: typed.min_participants.unwrap_or(POLICY_MIN_PARTICIPANTS),
            max_participants: typed.max_participants,
            heavy: typed.heavy,
            participants: typed.participants,
            modulus_bits: typed.modulus_bits.unwrap_or(MODULUS_BITS_DEFAULT),
        })
    }
}

/// Options without which there is no question.
#[derive(Debug, PartialEq, Eq)]
struct Missing(Vec<&'static str>);

impl Missing {
    fn problem(self) -> Problem {
        Problem::usage(
            "missing_argument",
            format!("{} missing", self.0.join(", ")),
            "on a terminal, `formix-p2p propose` asks for what is missing; see `formix-p2p propose --help`",
        )
    }
}

fn check_sharing(scheme: &str) -> Result<(), Problem> {
    let message = match scheme {
        "additive" => return Ok(()),
        "prio3" | "threshold" => format!("--sharing {scheme} is not available yet; additive is"),
        other => format!("`{other}` is not a sharing scheme; additive is"),
    };
    Err(Problem::usage("invalid_sharing", message, "leave --sharing out, or use --sharing additive"))
}

async fn announce(client: &Client, proposal: &Proposal) -> Result<Announced, Problem> {
    let request = Request::Propose(Box::new(proposal.clone()));
    let Reply::Announced(announced) = client.request(request).await? else { return Err(unexpected()) };
    Ok(announced)
}

async fn report_end(context: &Context, client: &Client, announced: &Announced) -> Result<(), Problem> {
    let view = wait::for_the_end(client, context.output, &announced.id).await?;
    match view.status {
        Status::Completed => {
            context.output.answer(&both(announced, &view), || computation::told(Look::of_stdout(), &view));
            Ok(())
        }
        Status::Pending | Status::Processing | Status::Failed => Err(computation::failure(&view)),
    }
}

/// What is said without `--wait`, and what `status` gives.
fn both(announced: &Announced, view: &ComputationView) -> Value {
    let mut all = json!(announced);
    if let (Value::Object(all), Value::Object(status)) = (&mut all, json!(view)) {
        all.extend(status);
    }
    all
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::computation::tests::running;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        propose: Propose,
    }

    fn typed(words: &[&str]) -> Propose {
        Line::try_parse_from(["propose"].iter().chain(words)).unwrap().propose
    }

    #[test]
    fn what_is_missing_is_named_and_the_rest_has_defaults() {
        let missing = typed(&["--prompt", "p"]).question().unwrap_err();
        assert_eq!(missing, Missing(vec!["--field", "--statistic"]));
        let question = typed(&["--prompt", "p", "--field", "x", "--statistic", "sum"]).question().unwrap();
        let proposal = question.checked().unwrap();
        assert_eq!((proposal.deadline_ms, proposal.patience_ms), (30_000, 60_000));
        assert_eq!((proposal.min_participants, proposal.modulus_bits), (3, 64));
    }

    #[test]
    fn lists_are_repeated_or_follow_one_another() {
        let typed = typed(&["--heavy", "a", "b", "--heavy", "c", "--deadline", "5m"]);
        assert_eq!(typed.heavy, ["a", "b", "c"]);
        assert_eq!(typed.deadline, Some(Duration::from_secs(300)));
    }

    #[test]
    fn a_scheme_to_come_is_refused_by_name() {
        let problem = check_sharing("prio3").unwrap_err();
        assert!(problem.message.contains("not available yet; additive is") && problem.exit.code() == 2);
        assert!(check_sharing("additive").is_ok());
    }

    #[test]
    fn with_wait_the_answer_has_what_both_commands_give() {
        let announced = Announced {
            id: "COMP-FZ375MV7".to_owned(),
            heavy_nodes: vec!["ABC".to_owned()],
            sharing: "additive".to_owned(),
            private_against: 2,
            survives: 0,
            deadline: "2026-01-02T03:04:05.678Z".to_owned(),
        };
        let all = both(&announced, &running());
        assert_eq!((&all["survives"], &all["status"]), (&json!(0), &json!("pending")));
    }
}
